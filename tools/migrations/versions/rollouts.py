"""Gradual roll-outs of versions, what calls under them came to, and what was decided."""

import sqlalchemy as sa
from alembic import op

revision = "rollouts"
down_revision = "0005_call_index"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("base_id", sa.Integer, nullable=False),
        sa.Column("percent", sa.Float, nullable=False),
        sa.Column("numbers", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("running", sa.Integer),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_by", sa.Text, nullable=False),
        sa.Column("ended_because", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rollouts"),
        sa.UniqueConstraint("running", name="uq_rollouts_running"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["config_versions.id"], name="fk_rollouts_version_id_config_versions"
        ),
        sa.ForeignKeyConstraint(
            ["base_id"], ["config_versions.id"], name="fk_rollouts_base_id_config_versions"
        ),
    )
    op.create_table(
        "rollout_calls",
        sa.Column("rollout_id", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("tool_error", sa.Boolean, nullable=False),
        sa.Column("owed_silence", sa.Boolean, nullable=False),
        sa.Column("transferred", sa.Boolean, nullable=False),
        sa.Column("broke_off", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("rollout_id", "call_id", name="pk_rollout_calls"),
        sa.ForeignKeyConstraint(
            ["rollout_id"], ["rollouts.id"], name="fk_rollout_calls_rollout_id_rollouts"
        ),
    )
    op.create_table(
        "rollout_events",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("rollout_id", sa.Integer, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rollout_events"),
        sa.ForeignKeyConstraint(
            ["rollout_id"], ["rollouts.id"], name="fk_rollout_events_rollout_id_rollouts"
        ),
    )
    op.create_index("ix_rollout_events_rollout_id", "rollout_events", ["rollout_id"])
