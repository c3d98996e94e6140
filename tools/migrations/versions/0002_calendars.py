"""Outside calendars: what was agreed with them, what blocks time, conflicts."""

import sqlalchemy as sa
from alembic import op

revision = "0002_calendars"
down_revision = "0002_booking"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _states()
    _events()
    _seen()


def _states() -> None:
    op.create_table(
        "calendar_states",
        sa.Column("calendar", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("token", sa.Text),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("full_at", INSTANT),
        sa.Column("tried_at", INSTANT),
        sa.Column("synced_at", INSTANT),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("lease", sa.Text),
        sa.Column("leased_until", INSTANT),
        sa.PrimaryKeyConstraint("calendar", name="pk_calendar_states"),
    )


def _events() -> None:
    op.create_table(
        "calendar_events",
        sa.Column("calendar", sa.Text, nullable=False),
        sa.Column("booking_id", sa.Text, nullable=False),
        sa.Column("href", sa.Text, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("agreed_at", INSTANT),
        sa.Column("agreed_minutes", sa.Integer),
        sa.Column("meant_at", INSTANT),
        sa.Column("meant_minutes", sa.Integer),
        sa.Column("open", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("calendar", "booking_id", name="pk_calendar_events"),
        sa.UniqueConstraint("calendar", "href", name="uq_calendar_events_calendar_href"),
    )
    op.create_table(
        "calendar_foreign",
        sa.Column("calendar", sa.Text, nullable=False),
        sa.Column("href", sa.Text, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("busy", sa.Text, nullable=False),
        sa.Column("problem", sa.Text),
        sa.PrimaryKeyConstraint("calendar", "href", name="pk_calendar_foreign"),
    )


def _seen() -> None:
    op.create_table(
        "calendar_conflicts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("calendar", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("booking_id", sa.Text),
        sa.Column("href", sa.Text),
        sa.Column("ours_at", INSTANT),
        sa.Column("theirs_at", INSTANT),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("noticed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calendar_conflicts"),
        sa.UniqueConstraint("key", name="uq_calendar_conflicts_key"),
    )
    op.create_index("ix_calendar_conflicts_noticed_at", "calendar_conflicts", ["noticed_at"])
    op.create_table(
        "calendar_changes",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("calendar", sa.Text, nullable=False),
        sa.Column("booking_id", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("from_at", INSTANT, nullable=False),
        sa.Column("to_at", INSTANT),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_calendar_changes"),
    )
    op.create_index("ix_calendar_changes_booking_id", "calendar_changes", ["booking_id"])
