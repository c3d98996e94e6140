"""The tables of the index of calls, and what people add to calls."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR

from tools.schema import METADATA, Instant

WORDS = "call_words"
"""On SQLite the words are in an FTS5 table of this name, which keeps tables of its own beside."""

# A whole number is only a rowid if the type is called INTEGER.
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# Compared byte by byte, as SQLite does: the beginnings of numbers are sought by range.
_PLAIN = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _of_call() -> sa.Column[int]:
    key = sa.ForeignKey("call_index.number", ondelete="CASCADE")
    return sa.Column("number", _NUMBER, key, primary_key=True, autoincrement=False)


CALLS = sa.Table(
    "call_index",
    METADATA,
    # Milliseconds since 1970 when the call began, times STEPS, and a few bits to tell calls of one
    # millisecond apart: in order of this number calls are in order of time, in every index.
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=False),
    sa.Column("call_id", _PLAIN, nullable=False, unique=True),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("folder", _PLAIN, nullable=False, unique=True),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("caller", _PLAIN, nullable=False),
    sa.Column("called", _PLAIN, nullable=False),
    sa.Column("persona", _PLAIN, nullable=False),
    sa.Column("outcome", _PLAIN, nullable=False),
    sa.Column("engine", _PLAIN, nullable=False),
    sa.Column("duration_ms", sa.BigInteger, nullable=False),
    sa.Column("turns", sa.Integer, nullable=False),
    sa.Column("interruptions", sa.Integer, nullable=False),
    sa.Column("tool_calls", sa.Integer, nullable=False),
    sa.Column("failed_tools", sa.Integer, nullable=False),
    # -1: never waited, or not known.
    sa.Column("silence_ms", sa.BigInteger, nullable=False),
    # -1: no prices were kept.
    sa.Column("cost_micros", sa.BigInteger, nullable=False),
    sa.Column("cost_unknown", sa.Boolean, nullable=False),
    sa.Column("config_version", sa.Integer, nullable=False),
    sa.Column("interrupted", sa.Boolean, nullable=False),
    sa.Column("failed", sa.Boolean, nullable=False),
    sa.Index("ix_call_index_caller", "caller", "number"),
    sa.Index("ix_call_index_called", "called", "number"),
    sa.Index("ix_call_index_persona", "persona", "number"),
    sa.Index("ix_call_index_outcome", "outcome", "number"),
    sa.Index("ix_call_index_engine", "engine", "number"),
    sa.Index("ix_call_index_interrupted", "interrupted", "number"),
    sa.Index("ix_call_index_failed", "failed", "number"),
    sa.Index("ix_call_index_duration", "duration_ms", "number"),
    sa.Index("ix_call_index_cost", "cost_micros", "number"),
)

CALL_TEXTS = sa.Table(
    "call_texts",
    METADATA,
    _of_call(),
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    # NULL on SQLite, whose words are in the table WORDS.
    sa.Column("words", TSVECTOR().with_variant(sa.Text, "sqlite")),
)

CALL_TOOLS = sa.Table(
    "call_tools",
    METADATA,
    _of_call(),
    sa.Column("tool", _PLAIN, primary_key=True),
    sa.Index("ix_call_tools_tool", "tool", "number"),
)

CALL_LABELS = sa.Table(
    "call_labels",
    METADATA,
    _of_call(),
    sa.Column("label", _PLAIN, primary_key=True),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index("ix_call_labels_label", "label", "number"),
)

CALL_NOTES = sa.Table(
    "call_notes",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column(
        "number",
        _NUMBER,
        sa.ForeignKey("call_index.number", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    # NULL, or since when it is taken back and can still be restored.
    sa.Column("deleted_at", Instant),
)

CALL_VIEWS = sa.Table(
    "call_views",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    # Whose it is: an id of the console's users.
    sa.Column("owner", sa.Text, nullable=False, index=True),
    sa.Column("owner_name", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    # What is asked for, as in an address: `persona=desk&sort=cost`.
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("owner", "name"),
)

HITS = sa.table(WORDS, sa.column("rowid"), sa.column("caller"), sa.column("agent"))
"""SQLite's words, by number of the call."""
