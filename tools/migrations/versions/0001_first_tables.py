"""The ledger of effects, bookings and contacts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _ledger()
    _bookings()
    _contacts()


def _ledger() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("tool", sa.Text, nullable=False),
        sa.Column("effect", sa.Text, nullable=False),
        sa.Column("standing", sa.Text),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("output", sa.Text),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("deadline_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_receipts"),
        sa.UniqueConstraint("standing", name="uq_receipts_standing"),
    )
    op.create_index("ix_receipts_effect", "receipts", ["effect"])
    op.create_index("ix_receipts_call_id", "receipts", ["call_id"])
    op.create_table(
        "tool_requests",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("tool_call_id", sa.Text, nullable=False),
        sa.Column("effect", sa.Text, nullable=False),
        sa.Column("receipt_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "tool_call_id", name="pk_tool_requests"),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.id"], name="fk_tool_requests_receipt_id"
        ),
    )


def _bookings() -> None:
    op.create_table(
        "bookings",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("caller_number", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("chair", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("change_key", sa.Text),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bookings"),
        sa.UniqueConstraint("idempotency_key", name="uq_bookings_idempotency_key"),
    )
    op.create_index(
        "ix_bookings_caller_number_starts_at", "bookings", ["caller_number", "starts_at"]
    )
    op.create_index("ix_bookings_name_key_starts_at", "bookings", ["name_key", "starts_at"])
    op.create_index("ix_bookings_call_id", "bookings", ["call_id"])
    op.create_table(
        "booked_cells",
        sa.Column("chair", sa.Integer, nullable=False),
        sa.Column("cell", sa.Integer, nullable=False),
        sa.Column("booking_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("chair", "cell", name="pk_booked_cells"),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name="fk_booked_cells_booking_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_booked_cells_booking_id", "booked_cells", ["booking_id"])


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("number", name="uq_contacts_number"),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("contact_id", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
        sa.UniqueConstraint("idempotency_key", name="uq_notes_idempotency_key"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name="fk_notes_contact_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_notes_contact_id", "notes", ["contact_id"])
