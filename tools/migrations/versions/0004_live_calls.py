"""Calls that are on, so that another process can go on with them."""

import sqlalchemy as sa
from alembic import op

revision = "0004_live_calls"
down_revision = "0003_costs"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "live_calls",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_live_calls"),
    )
    op.create_index("ix_live_calls_updated_at", "live_calls", ["updated_at"])
    op.create_table(
        "live_call_lines",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "number", name="pk_live_call_lines"),
    )
    op.create_table(
        "live_processes",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_live_processes"),
    )
