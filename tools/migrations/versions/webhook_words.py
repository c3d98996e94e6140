"""Receivers that have asked for what was said, and what was said."""

import sqlalchemy as sa
from alembic import op

revision = "webhook_words"
down_revision = "0005_retention"


def upgrade() -> None:
    words = sa.Column("words", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("webhook_endpoints", words)
    said = sa.Column("words", sa.Text, nullable=False, server_default="{}")
    op.add_column("webhook_events", said)
