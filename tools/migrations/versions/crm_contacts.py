"""Contacts with several numbers, consents, follow-ups, merges, and an outbox to outside books."""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "crm"
down_revision = "0002_calendars"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # SQLite cannot drop a unique column, and dropping the table would empty the notes with it.
    op.execute("CREATE TABLE moving_contacts AS SELECT * FROM contacts")
    op.execute("CREATE TABLE moving_notes AS SELECT * FROM notes")
    op.drop_table("notes")
    op.drop_table("contacts")
    _contacts()
    _of_contacts()
    _apart()
    _outside()
    _carry_over()
    op.drop_table("moving_notes")
    op.drop_table("moving_contacts")


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, nullable=False)


def _contact_id() -> sa.Column[int]:
    return sa.Column("contact_id", sa.Integer, nullable=False)


def _to_contact(table: str) -> tuple[sa.ForeignKeyConstraint, sa.PrimaryKeyConstraint]:
    name = f"fk_{table}_contact_id"
    return (
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=name, ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )


def _once(table: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint("idempotency_key", name=f"uq_{table}_idempotency_key")


def _contacts() -> None:
    op.create_table(
        "contacts",
        _id(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_key", sa.Text, nullable=False),
        sa.Column("email_proven", sa.Boolean, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("merged_into", sa.Integer),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.ForeignKeyConstraint(["merged_into"], ["contacts.id"], name="fk_contacts_merged_into"),
    )
    for column in ("name_key", "email_key", "merged_into"):
        op.create_index(f"ix_contacts_{column}", "contacts", [column])
    op.create_table(
        "contact_numbers",
        sa.Column("number", sa.Text, nullable=False),
        _contact_id(),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_contact_numbers"),
        _to_contact("contact_numbers")[0],
    )
    op.create_index("ix_contact_numbers_contact_id", "contact_numbers", ["contact_id"])


def _of_contacts() -> None:
    op.create_table(
        "notes",
        _id(),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        _contact_id(),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        *_to_contact("notes"),
        _once("notes"),
    )
    op.create_table(
        "follow_ups",
        _id(),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        _contact_id(),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("due_on", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        *_to_contact("follow_ups"),
        _once("follow_ups"),
    )
    op.create_index("ix_follow_ups_state", "follow_ups", ["state"])
    op.create_table(
        "consents",
        _id(),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        _contact_id(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("agreed", sa.Boolean, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        *_to_contact("consents"),
        _once("consents"),
    )
    for table in ("notes", "follow_ups", "consents"):
        op.create_index(f"ix_{table}_contact_id", table, ["contact_id"])


def _apart() -> None:
    op.create_table(
        "do_not_call",
        _id(),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_do_not_call"),
    )
    op.create_index("ix_do_not_call_number", "do_not_call", ["number"])
    op.create_table(
        "identity_checks",
        _id(),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("in_call", sa.Integer, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("in_day", sa.Integer, nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_checks"),
        _once("identity_checks"),
        sa.UniqueConstraint("call_id", "in_call", name="uq_identity_checks_call_id_in_call"),
        sa.UniqueConstraint("number", "day", "in_day", name="uq_identity_checks_number_day_in_day"),
    )
    op.create_table(
        "contact_calls",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("call_id", name="pk_contact_calls"),
    )
    op.create_index("ix_contact_calls_number", "contact_calls", ["number"])
    op.create_table(
        "contact_merges",
        _id(),
        sa.Column("kept_id", sa.Integer, nullable=False),
        sa.Column("merged_id", sa.Integer, nullable=False),
        sa.Column("moved", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("undone_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_contact_merges"),
        sa.ForeignKeyConstraint(["kept_id"], ["contacts.id"], name="fk_contact_merges_kept_id"),
        sa.ForeignKeyConstraint(["merged_id"], ["contacts.id"], name="fk_contact_merges_merged_id"),
    )


def _outside() -> None:
    op.create_table(
        "crm_outbox",
        _id(),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        _contact_id(),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("not_before", INSTANT, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_crm_outbox"),
        sa.UniqueConstraint("key", name="uq_crm_outbox_key"),
    )
    op.create_index("ix_crm_outbox_contact_id", "crm_outbox", ["contact_id"])
    op.create_index("ix_crm_outbox_state", "crm_outbox", ["state"])
    op.create_table(
        "crm_outside_ids",
        sa.Column("book", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("own_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("outside_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("book", "kind", "own_id", name="pk_crm_outside_ids"),
    )


def _carry_over() -> None:
    connection = op.get_bind()
    connection.execute(
        sa.text(
            "INSERT INTO contacts (id, name, name_key, email, email_key, email_proven, language,"
            " created_at, changed_at) SELECT id, name, '', email, '', false, '', created_at,"
            " changed_at FROM moving_contacts"
        )
    )
    for row in connection.execute(sa.text("SELECT id, name, email FROM moving_contacts")).all():
        connection.execute(
            sa.text("UPDATE contacts SET name_key = :name, email_key = :email WHERE id = :id"),
            {"id": row.id, "name": _folded(row.name), "email": row.email.casefold()},
        )
    connection.execute(
        sa.text(
            "INSERT INTO contact_numbers (number, contact_id, added_at)"
            " SELECT number, id, created_at FROM moving_contacts"
        )
    )
    connection.execute(
        sa.text(
            "INSERT INTO notes (id, idempotency_key, contact_id, call_id, text, created_at)"
            " SELECT id, idempotency_key, contact_id, call_id, text, created_at FROM moving_notes"
        )
    )
    if connection.dialect.name == "postgresql":
        for name in ("contacts", "notes"):
            _count_on(connection, name)


def _count_on(connection: sa.Connection, name: str) -> None:
    """Rows were put in with their ids: the next one is to get the next."""
    next_id: sa.ColumnElement[int] = sa.func.coalesce(sa.func.max(sa.column("id")), 0) + 1
    highest = sa.select(next_id).select_from(sa.table(name)).scalar_subquery()
    sequence = sa.func.pg_get_serial_sequence(name, "id")
    connection.execute(sa.select(sa.func.setval(sequence, highest, sa.false())))


def _folded(name: str) -> str:
    """As tools.crm.records has it today; a migration keeps what it was written with."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    return re.sub(r"\s+", " ", plain).strip()
