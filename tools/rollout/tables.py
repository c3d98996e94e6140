"""The tables of gradual roll-outs."""

import sqlalchemy as sa

from tools.schema import METADATA, Instant

ROLLOUTS = sa.Table(
    "rollouts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version_id", sa.Integer, sa.ForeignKey("config_versions.id"), nullable=False),
    sa.Column("base_id", sa.Integer, sa.ForeignKey("config_versions.id"), nullable=False),
    sa.Column("percent", sa.Float, nullable=False),
    # JSON, as all that is never asked for by its parts.
    sa.Column("numbers", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    # 1 while it runs, NULL after it: there is one at a time.
    sa.Column("running", sa.Integer, unique=True),
    sa.Column("looks", sa.Integer, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("ended_by", sa.Text, nullable=False),
    sa.Column("ended_because", sa.Text, nullable=False),
)

ROLLOUT_CALLS = sa.Table(
    "rollout_calls",
    METADATA,
    sa.Column("rollout_id", sa.Integer, sa.ForeignKey("rollouts.id"), primary_key=True),
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("tool_error", sa.Boolean, nullable=False),
    sa.Column("owed_silence", sa.Boolean, nullable=False),
    sa.Column("transferred", sa.Boolean, nullable=False),
    sa.Column("broke_off", sa.Boolean, nullable=False),
)

ROLLOUT_EVENTS = sa.Table(
    "rollout_events",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("rollout_id", sa.Integer, sa.ForeignKey("rollouts.id"), nullable=False, index=True),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    # JSON: what a look of the guard showed.
    sa.Column("details", sa.Text, nullable=False),
)
