"""For which times, and on whose clock, a calendar was read."""

import sqlalchemy as sa
from alembic import op

revision = "calendar_read_for"
down_revision = "receipts_unkept"


def upgrade() -> None:
    # Of what was read before nobody knows: it is read again.
    op.add_column("calendar_states", sa.Column("read_for", sa.Text))
