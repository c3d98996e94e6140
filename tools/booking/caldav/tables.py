"""The tables of outside calendars: what was agreed with them, and what went wrong."""

import sqlalchemy as sa

from tools.schema import METADATA, Instant

# One row for each calendar.
STATES = sa.Table(
    "calendar_states",
    METADATA,
    sa.Column("calendar", sa.Text, primary_key=True),
    # A hash of URL and user: for another calendar of the same name everything begins anew.
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("token", sa.Text),
    # Up to which revision of the bookings changes were taken note of.
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("full_at", Instant),
    # For which times, and on whose clock, that was; null for what nobody has written down.
    sa.Column("read_for", sa.Text),
    sa.Column("tried_at", Instant),
    sa.Column("synced_at", Instant),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    # Whose turn it is; nobody else works on this calendar before then.
    sa.Column("lease", sa.Text),
    sa.Column("leased_until", Instant),
)

# One row for each booking that is, or is to be, in an outside calendar.
EVENTS = sa.Table(
    "calendar_events",
    METADATA,
    sa.Column("calendar", sa.Text, primary_key=True),
    sa.Column("booking_id", sa.Text, primary_key=True),
    sa.Column("href", sa.Text, nullable=False),
    # The version both sides agreed on; null before the first.
    sa.Column("etag", sa.Text),
    sa.Column("agreed_at", Instant),
    sa.Column("agreed_minutes", sa.Integer),
    # What we were about to write, before it was known to have arrived.
    sa.Column("meant_at", Instant),
    sa.Column("meant_minutes", sa.Integer),
    # 1: one side has changed, or may have; looked at before anything is written.
    sa.Column("open", sa.Integer, nullable=False),
    sa.UniqueConstraint("calendar", "href"),
)

# One row for each event of others.
FOREIGN = sa.Table(
    "calendar_foreign",
    METADATA,
    sa.Column("calendar", sa.Text, primary_key=True),
    sa.Column("href", sa.Text, primary_key=True),
    sa.Column("etag", sa.Text, nullable=False),
    # JSON list of [start, end], seconds since 1970.
    sa.Column("busy", sa.Text, nullable=False),
    sa.Column("problem", sa.Text),
)

CONFLICTS = sa.Table(
    "calendar_conflicts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    # The same conflict found again, after a crash or in the next round, is the same row.
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("calendar", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("booking_id", sa.Text),
    sa.Column("href", sa.Text),
    sa.Column("ours_at", Instant),
    sa.Column("theirs_at", Instant),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("noticed_at", Instant, nullable=False, index=True),
)

# What the staff has changed in a calendar and was done here.
CHANGES = sa.Table(
    "calendar_changes",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("calendar", sa.Text, nullable=False),
    sa.Column("booking_id", sa.Text, nullable=False, index=True),
    # `moved` or `cancelled`.
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("from_at", Instant, nullable=False),
    sa.Column("to_at", Instant),
    sa.Column("at", Instant, nullable=False),
)
