"""Resources, holds, blocks and the waiting list; every booking has a revision."""

import sqlalchemy as sa
from alembic import op

revision = "0002_booking"
down_revision = "0001"

INSTANT = sa.DateTime(timezone=True)
OWNERS = ("booking_id", "hold_id", "block_id")


def upgrade() -> None:
    _bookings()
    _holds()
    _blocks()
    _cells()
    _revision()
    _waiting()


def _bookings() -> None:
    for column in (
        sa.Column("before_minutes", sa.Integer, nullable=False, server_default="0"),
        sa.Column("after_minutes", sa.Integer, nullable=False, server_default="0"),
        sa.Column("party", sa.Integer, nullable=False, server_default="1"),
        sa.Column("person", sa.Text),
        sa.Column("resources", sa.Text, nullable=False, server_default="[]"),
        sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    ):
        op.add_column("bookings", column)
    op.execute("""UPDATE bookings SET resources = '["chair ' || CAST(chair AS TEXT) || '"]'""")
    op.drop_column("bookings", "chair")
    op.create_index("ix_bookings_revision", "bookings", ["revision"])


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("before_minutes", sa.Integer, nullable=False),
        sa.Column("after_minutes", sa.Integer, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("party", sa.Integer, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("resources", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_holds"),
    )
    op.create_index("ix_holds_expires_at", "holds", ["expires_at"])


def _blocks() -> None:
    op.create_table(
        "blocks",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_blocks"),
        sa.UniqueConstraint("source", "uid", name="uq_blocks_source_uid"),
    )
    op.create_index("ix_blocks_ends_at_starts_at", "blocks", ["ends_at", "starts_at"])


def _cells() -> None:
    # A column of a primary key changes its type: by way of a copy, which both databases can.
    op.execute(
        "CREATE TABLE booked_cells_before AS SELECT chair, cell, booking_id FROM booked_cells"
    )
    op.drop_table("booked_cells")
    owners = " + ".join(f"CASE WHEN {each} IS NULL THEN 0 ELSE 1 END" for each in OWNERS)
    op.create_table(
        "booked_cells",
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("cell", sa.Integer, nullable=False),
        sa.Column("booking_id", sa.Text),
        sa.Column("hold_id", sa.Text),
        sa.Column("block_id", sa.Integer),
        sa.PrimaryKeyConstraint("resource", "cell", name="pk_booked_cells"),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name="fk_booked_cells_booking_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["holds.call_id"], name="fk_booked_cells_hold_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["block_id"], ["blocks.id"], name="fk_booked_cells_block_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint(f"{owners} = 1", name="ck_booked_cells_owner"),
    )
    for column in (*OWNERS, "cell"):
        op.create_index(f"ix_booked_cells_{column}", "booked_cells", [column])
    op.execute(
        "INSERT INTO booked_cells (resource, cell, booking_id)"
        " SELECT 'chair ' || CAST(chair AS TEXT), cell, booking_id FROM booked_cells_before"
    )
    op.drop_table("booked_cells_before")


def _revision() -> None:
    """Number the bookings there are, in the order they were last changed."""
    op.create_table(
        "booking_revision",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_booking_revision"),
    )
    connection = op.get_bind()
    ids = connection.execute(sa.text("SELECT id FROM bookings ORDER BY changed_at, id")).scalars()
    numbered = [{"id": each, "revision": at} for at, each in enumerate(ids, start=1)]
    if numbered:
        connection.execute(
            sa.text("UPDATE bookings SET revision = :revision WHERE id = :id"), numbered
        )
    connection.execute(
        sa.text("INSERT INTO booking_revision (id, revision) VALUES (1, :revision)"),
        {"revision": len(numbered)},
    )


def _waiting() -> None:
    op.create_table(
        "waiting",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("caller_number", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("party", sa.Integer, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("from_minute", sa.Integer, nullable=False),
        sa.Column("to_minute", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_waiting"),
        sa.UniqueConstraint("idempotency_key", name="uq_waiting_idempotency_key"),
    )
    op.create_index("ix_waiting_state_day", "waiting", ["state", "day"])
    op.create_table(
        "waiting_notices",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("waiting_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_waiting_notices"),
        sa.UniqueConstraint(
            "waiting_id", "revision", name="uq_waiting_notices_waiting_id_revision"
        ),
        sa.ForeignKeyConstraint(
            ["waiting_id"],
            ["waiting.id"],
            name="fk_waiting_notices_waiting_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_waiting_notices_seen_at", "waiting_notices", ["seen_at"])
