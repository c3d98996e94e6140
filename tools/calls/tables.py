"""The tables of messages for the staff and of promised calls back."""

import sqlalchemy as sa

from tools.schema import METADATA, Instant

MESSAGES = sa.Table(
    "messages",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("caller_number", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    # Where the caller wants to be called back; NULL: they do not.
    sa.Column("call_back_number", sa.Text),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("done_at", Instant),
)

CALL_BACKS = sa.Table(
    "call_backs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("caller_number", sa.Text),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("starts_at", Instant, nullable=False),
    sa.Column("ends_at", Instant, nullable=False),
    # The shop's, for the times are shown on its clock.
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("done_at", Instant),
    sa.Index("ix_call_backs_state_starts_at", "state", "starts_at"),
)
