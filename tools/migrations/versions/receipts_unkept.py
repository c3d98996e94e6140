"""What may be kept of a tool's answer, for whoever learns of it after its call."""

import sqlalchemy as sa
from alembic import op

revision = "receipts_unkept"
down_revision = "webhook_words"


def upgrade() -> None:
    # Of what was begun before nobody knows: nothing is kept.
    op.add_column("receipts", sa.Column("unkept", sa.Text))
