"""The tables of bookings; the key of the second makes two bookings of one slot impossible."""

import sqlalchemy as sa

from tools.schema import METADATA, Instant

BOOKINGS = sa.Table(
    "bookings",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("call_id", sa.Text, nullable=False, index=True),
    sa.Column("caller_number", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_key", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("starts_at", Instant, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("chair", sa.Integer, nullable=False),
    # `booked` or `cancelled`.
    sa.Column("state", sa.Text, nullable=False),
    # The idempotency key of the last change of place or state.
    sa.Column("change_key", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Index(None, "caller_number", "starts_at"),
    sa.Index(None, "name_key", "starts_at"),
)

# One row for each five minutes of each live booking. The primary key is the portable form of
# "no two bookings of one chair overlap", whatever their lengths: it needs no extension of
# PostgreSQL and means the same on SQLite.
CELLS = sa.Table(
    "booked_cells",
    METADATA,
    sa.Column("chair", sa.Integer, primary_key=True, autoincrement=False),
    # Five-minute steps since 1970-01-01T00:00Z.
    sa.Column("cell", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column(
        "booking_id",
        sa.Text,
        sa.ForeignKey("bookings.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
)
