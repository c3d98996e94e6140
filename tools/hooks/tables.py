"""Who is told what of calls, and what has become of it."""

import sqlalchemy as sa

from tools.schema import METADATA, Instant

ENDPOINTS = sa.Table(
    "webhook_endpoints",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    # JSON, a list of event types; empty for all.
    sa.Column("events", sa.Text, nullable=False),
    sa.Column("numbers", sa.Boolean, nullable=False),
    sa.Column("words", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("enabled", sa.Boolean, nullable=False),
    # Why it was switched off by itself; empty when a person did.
    sa.Column("trouble", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("old_secret", sa.Text, nullable=False),
    sa.Column("old_secret_until", Instant),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
)

EVENTS = sa.Table(
    "webhook_events",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("call_id", sa.Text, nullable=False, index=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("numbers", sa.Text, nullable=False),
    # JSON, empty where nobody has asked for what was said.
    sa.Column("words", sa.Text, nullable=False, server_default="{}"),
    sa.Column("created_at", Instant, nullable=False, index=True),
)

DELIVERIES = sa.Table(
    "webhook_deliveries",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("endpoint_id", sa.Integer, nullable=False),
    # pending, taken or dead.
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("not_before", Instant, nullable=False),
    # The last answer's status; 0 where there was none.
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("trouble", sa.Text, nullable=False),
    sa.Column("ended_at", Instant),
    sa.UniqueConstraint("event_id", "endpoint_id"),
    sa.Index("ix_webhook_deliveries_due", "state", "not_before"),
    sa.Index("ix_webhook_deliveries_endpoint_id_state", "endpoint_id", "state"),
)
