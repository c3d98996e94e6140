"""The tables of the calendar; the key of `booked_cells` makes two owners of one slot impossible."""

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
    sa.Column("before_minutes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("after_minutes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("starts_at", Instant, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("party", sa.Integer, nullable=False, server_default="1"),
    # Whom the caller asked for by name; null: anybody.
    sa.Column("person", sa.Text),
    # JSON list of what it occupies, as in `booked_cells.resource`.
    sa.Column("resources", sa.Text, nullable=False, server_default="[]"),
    # `booked` or `cancelled`.
    sa.Column("state", sa.Text, nullable=False),
    # The idempotency key of the last change of place or state.
    sa.Column("change_key", sa.Text),
    # Rises with every change of any booking, in the order of the commits.
    sa.Column("revision", sa.Integer, nullable=False, server_default="0", index=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Index(None, "caller_number", "starts_at"),
    sa.Index(None, "name_key", "starts_at"),
)

# A slot kept for one call while it makes up its mind; worth nothing once it has expired.
HOLDS = sa.Table(
    "holds",
    METADATA,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("before_minutes", sa.Integer, nullable=False),
    sa.Column("after_minutes", sa.Integer, nullable=False),
    sa.Column("starts_at", Instant, nullable=False),
    sa.Column("party", sa.Integer, nullable=False),
    sa.Column("person", sa.Text),
    sa.Column("resources", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)

# Time that something outside (a calendar, a person) has taken.
BLOCKS = sa.Table(
    "blocks",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),
    # A resource's name, not one of its seats.
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("starts_at", Instant, nullable=False),
    sa.Column("ends_at", Instant, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.UniqueConstraint("source", "uid"),
    sa.Index(None, "ends_at", "starts_at"),
)

OWNERS = ("booking_id", "hold_id", "block_id")
ONE_OWNER = " + ".join(f"CASE WHEN {each} IS NULL THEN 0 ELSE 1 END" for each in OWNERS) + " = 1"

# One row for each five minutes of each live booking, hold and block. The primary key is the
# portable form of "nothing on one resource overlaps", whatever the lengths: it needs no extension
# of PostgreSQL and means the same on SQLite.
CELLS = sa.Table(
    "booked_cells",
    METADATA,
    sa.Column("resource", sa.Text, primary_key=True),
    # Five-minute steps since 1970-01-01T00:00Z.
    sa.Column("cell", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("booking_id", sa.Text, sa.ForeignKey("bookings.id", ondelete="CASCADE"), index=True),
    sa.Column("hold_id", sa.Text, sa.ForeignKey("holds.call_id", ondelete="CASCADE"), index=True),
    sa.Column("block_id", sa.Integer, sa.ForeignKey("blocks.id", ondelete="CASCADE"), index=True),
    sa.CheckConstraint(ONE_OWNER, name="ck_booked_cells_owner"),
    sa.Index(None, "cell"),
)

# One row. Whoever changes bookings locks it last, so revisions rise in the order of the commits:
# who has read up to one has missed nothing below it.
REVISION = sa.Table(
    "booking_revision",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.Integer, nullable=False),
)

WAITING = sa.Table(
    "waiting",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("caller_number", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_key", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("party", sa.Integer, nullable=False),
    sa.Column("person", sa.Text),
    # The day on the shop's calendar, as 2026-03-31, and the minutes of it that would do.
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("from_minute", sa.Integer, nullable=False),
    sa.Column("to_minute", sa.Integer, nullable=False),
    # `waiting`, `served` (has booked since) or `left`.
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Index(None, "state", "day"),
)

# What the staff is to tell people on the waiting list.
NOTICES = sa.Table(
    "waiting_notices",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column(
        "waiting_id", sa.Text, sa.ForeignKey("waiting.id", ondelete="CASCADE"), nullable=False
    ),
    # The revision of the change that freed the slot: one notice for each and entry.
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("starts_at", Instant, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("seen_at", Instant),
    sa.UniqueConstraint("waiting_id", "revision"),
    sa.Index(None, "seen_at"),
)
