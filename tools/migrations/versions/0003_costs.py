"""What calls have cost."""

import sqlalchemy as sa
from alembic import op

revision = "0003_costs"
down_revision = "0002_versions"


def upgrade() -> None:
    op.create_table(
        "call_costs",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("persona", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("called", sa.Text, nullable=False),
        sa.Column("engine_micros", sa.BigInteger, nullable=False),
        sa.Column("transcription_micros", sa.BigInteger, nullable=False),
        sa.Column("carrier_micros", sa.BigInteger, nullable=False),
        sa.Column("unknown", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "writer", name="pk_call_costs"),
    )
    op.create_index("ix_call_costs_day", "call_costs", ["day"])
