"""The index of calls: what lists show and search, and what people add to calls."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0005_call_index"
down_revision = "console_access"

INSTANT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
PLAIN = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INDEXES = {
    "caller": "caller",
    "called": "called",
    "persona": "persona",
    "outcome": "outcome",
    "engine": "engine",
    "interrupted": "interrupted",
    "failed": "failed",
    "duration": "duration_ms",
    "cost": "cost_micros",
}


def upgrade() -> None:
    _calls()
    _words()
    _marked("call_tools", "tool")
    author = sa.Column("author", sa.Text, nullable=False)
    _marked("call_labels", "label", author, sa.Column("created_at", INSTANT, nullable=False))
    _notes()
    _views()


def _calls() -> None:
    op.create_table(
        "call_index",
        sa.Column("number", NUMBER, nullable=False, autoincrement=False),
        sa.Column("call_id", PLAIN, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("folder", PLAIN, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("caller", PLAIN, nullable=False),
        sa.Column("called", PLAIN, nullable=False),
        sa.Column("persona", PLAIN, nullable=False),
        sa.Column("outcome", PLAIN, nullable=False),
        sa.Column("engine", PLAIN, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("interruptions", sa.Integer, nullable=False),
        sa.Column("tool_calls", sa.Integer, nullable=False),
        sa.Column("failed_tools", sa.Integer, nullable=False),
        sa.Column("silence_ms", sa.BigInteger, nullable=False),
        sa.Column("cost_micros", sa.BigInteger, nullable=False),
        sa.Column("cost_unknown", sa.Boolean, nullable=False),
        sa.Column("config_version", sa.Integer, nullable=False),
        sa.Column("interrupted", sa.Boolean, nullable=False),
        sa.Column("failed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_call_index"),
        sa.UniqueConstraint("call_id", name="uq_call_index_call_id"),
        sa.UniqueConstraint("folder", name="uq_call_index_folder"),
    )
    for name, column in INDEXES.items():
        op.create_index(f"ix_call_index_{name}", "call_index", [column, "number"])


def _of_call(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_number"
    return sa.ForeignKeyConstraint(["number"], ["call_index.number"], name=name, ondelete="CASCADE")


def _words() -> None:
    op.create_table(
        "call_texts",
        sa.Column("number", NUMBER, nullable=False, autoincrement=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("words", TSVECTOR().with_variant(sa.Text, "sqlite")),
        _of_call("call_texts"),
        sa.PrimaryKeyConstraint("number", name="pk_call_texts"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE INDEX ix_call_texts_words ON call_texts USING gin (words)")
    else:
        # What goes in has been folded and cut into words already; marks belong to their letters.
        op.execute(
            "CREATE VIRTUAL TABLE call_words USING fts5(caller, agent, columnsize=0,"
            " tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* M* Co'\")"
        )


def _marked(table: str, column: str, *more: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("number", NUMBER, nullable=False, autoincrement=False),
        sa.Column(column, PLAIN, nullable=False),
        *more,
        _of_call(table),
        sa.PrimaryKeyConstraint("number", column, name=f"pk_{table}"),
    )
    op.create_index(f"ix_{table}_{column}", table, [column, "number"])


def _notes() -> None:
    op.create_table(
        "call_notes",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("deleted_at", INSTANT),
        _of_call("call_notes"),
        sa.PrimaryKeyConstraint("id", name="pk_call_notes"),
    )
    op.create_index("ix_call_notes_number", "call_notes", ["number"])


def _views() -> None:
    op.create_table(
        "call_views",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("owner_name", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_views"),
        sa.UniqueConstraint("owner", "name", name="uq_call_views_owner_name"),
    )
    op.create_index("ix_call_views_owner", "call_views", ["owner"])
