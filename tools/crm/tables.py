"""The tables of the contacts' book: who there is, what they agreed to, what is to be done."""

import sqlalchemy as sa

from tools.schema import METADATA, Instant


def _of_contact(*, nullable: bool = False) -> sa.Column[int]:
    key = sa.ForeignKey("contacts.id", ondelete="CASCADE")
    return sa.Column("contact_id", sa.Integer, key, nullable=nullable, index=True)


CONTACTS = sa.Table(
    "contacts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    # Folded, so that a search finds what is written otherwise.
    sa.Column("name_key", sa.Text, nullable=False, index=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_key", sa.Text, nullable=False, index=True),
    # From staff, an outside book or a caller who was checked: what only the person may know.
    sa.Column("email_proven", sa.Boolean, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("merged_into", sa.Integer, sa.ForeignKey("contacts.id"), index=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
)

NUMBERS = sa.Table(
    "contact_numbers",
    METADATA,
    # E.164: the same telephone is one contact however it was dialled or typed.
    sa.Column("number", sa.Text, primary_key=True),
    _of_contact(),
    sa.Column("added_at", Instant, nullable=False),
)

NOTES = sa.Table(
    "notes",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    _of_contact(),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

FOLLOW_UPS = sa.Table(
    "follow_ups",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    _of_contact(),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("due_on", sa.Text),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
)

# Nothing is changed here: who agreed to what, when and how can always be shown.
CONSENTS = sa.Table(
    "consents",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    _of_contact(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("agreed", sa.Boolean, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

# By number and not by contact: a number stays closed whoever is said to have it.
DO_NOT_CALL = sa.Table(
    "do_not_call",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("number", sa.Text, nullable=False, index=True),
    sa.Column("closed", sa.Boolean, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

CHECKS = sa.Table(
    "identity_checks",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("in_call", sa.Integer, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("in_day", sa.Integer, nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("at", Instant, nullable=False),
    # The keys, not a count, keep tries at once from being more than are allowed.
    sa.UniqueConstraint("call_id", "in_call", name="uq_identity_checks_call_id_in_call"),
    sa.UniqueConstraint("number", "day", "in_day", name="uq_identity_checks_number_day_in_day"),
)

CALLS = sa.Table(
    "contact_calls",
    METADATA,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Text, nullable=False, index=True),
    sa.Column("started_at", Instant, nullable=False),
)

MERGES = sa.Table(
    "contact_merges",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kept_id", sa.Integer, sa.ForeignKey("contacts.id"), nullable=False),
    sa.Column("merged_id", sa.Integer, sa.ForeignKey("contacts.id"), nullable=False),
    # JSON: every row that moved, so that it can be moved back.
    sa.Column("moved", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("undone_at", Instant),
)

OUTBOX = sa.Table(
    "crm_outbox",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    # Sent with every try as the Idempotency-Key.
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("contact_id", sa.Integer, nullable=False, index=True),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("not_before", Instant, nullable=False),
    sa.Column("trouble", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
)

OUTSIDE_IDS = sa.Table(
    "crm_outside_ids",
    METADATA,
    sa.Column("book", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("own_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("outside_id", sa.Text, nullable=False),
)
