"""How calls went, by hour and day, and how the processes fare."""

import sqlalchemy as sa
from alembic import op

revision = "0005_health"
down_revision = "rollouts"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "health_rollups",
        sa.Column("span", sa.Text, nullable=False),
        sa.Column("persona", sa.Text, nullable=False),
        sa.Column("measure", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("buckets", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("span", "persona", "measure", "label", name="pk_health_rollups"),
    )
    op.create_table(
        "health_calls",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("counted_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_health_calls"),
    )
    op.create_index("ix_health_calls_counted_at", "health_calls", ["counted_at"])
    op.create_table(
        "health_processes",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_health_processes"),
    )
