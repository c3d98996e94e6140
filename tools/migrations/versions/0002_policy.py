"""How often tools ran, and what a person has to decide."""

import sqlalchemy as sa
from alembic import op

revision = "0002_policy"
down_revision = "crm"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _runs()
    _approvals()


def _runs() -> None:
    op.create_table(
        "tool_runs",
        sa.Column("receipt_id", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("tool", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name="pk_tool_runs"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_tool_runs_receipt_id"),
    )
    op.create_index("ix_tool_runs_call_id_tool", "tool_runs", ["call_id", "tool"])
    op.create_index(
        "ix_tool_runs_caller_tool_began_at", "tool_runs", ["caller", "tool", "began_at"]
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("tool", sa.Text, nullable=False),
        sa.Column("effect", sa.Text, nullable=False),
        sa.Column("live", sa.Text),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("otherwise", sa.Text, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("deadline_at", INSTANT, nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sa.UniqueConstraint("live", name="uq_approvals_live"),
    )
    op.create_index("ix_approvals_effect", "approvals", ["effect"])
    op.create_index("ix_approvals_call_id", "approvals", ["call_id"])
