"""The tables of what is kept and what was deleted: the chain of calls, legal holds, receipts."""

import sqlalchemy as sa

from tools.schema import METADATA, Instant

CALL_CHAIN = sa.Table(
    "call_chain",
    METADATA,
    # 1, 2, 3 ...: a number that is missing was taken out.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # `sealed` or `erased`.
    sa.Column("kind", sa.Text, nullable=False),
    # A hash of the call's folder: once the call is deleted it leads to nobody.
    sa.Column("name", sa.Text, nullable=False, index=True),
    # JSON. Sealed: the hash of each file by its name. Erased: the names of files.
    sa.Column("what", sa.Text, nullable=False),
    # ISO 8601 in UTC, as it went into the hash.
    sa.Column("at", sa.Text, nullable=False),
    # A hash of this row and of the link before it.
    sa.Column("link", sa.Text, nullable=False),
)

LEGAL_HOLDS = sa.Table(
    "legal_holds",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    # `call` or `number`.
    sa.Column("kind", sa.Text, nullable=False),
    # The call's id or the number in E.164; empty once it is released.
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("placed_by", sa.Text, nullable=False),
    sa.Column("placed_at", Instant, nullable=False),
    sa.Column("released_by", sa.Text),
    sa.Column("released_at", Instant),
)

DELETIONS = sa.Table(
    "deletions",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    # Chosen at random: names one deletion, whoever asks for it again.
    sa.Column("key", sa.Text, nullable=False, unique=True),
    # `call`, `number`, `age` or `retention`.
    sa.Column("scope", sa.Text, nullable=False),
    # Names of classes, separated by commas.
    sa.Column("classes", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_at", Instant, nullable=False),
    # JSON: what is to be deleted, by name; empty once it is.
    sa.Column("plan", sa.Text, nullable=False),
    # JSON: how much of what.
    sa.Column("counts", sa.Text, nullable=False),
    # A hash over the names and sizes of everything there was.
    sa.Column("digest", sa.Text, nullable=False),
    # NULL while it is under way.
    sa.Column("finished_at", Instant, index=True),
)
