"""Names are found as they sound: apostrophes, hyphens and letters of their own do not count."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "name_keys"
down_revision = "calendar_read_for"

_SIGNS = str.maketrans(
    dict.fromkeys("'\u2019\u2018\u201b\u02bc\u02bb\u02b9\u2032\uff07`\u00b4\u00ad", "")
    | dict.fromkeys("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d.", " ")
)
_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ŧ": "t"}
    | {"ŋ": "n", "ĸ": "k", "æ": "ae", "œ": "oe", "þ": "th"}
)


def upgrade() -> None:
    _again("bookings", sa.Text)
    _again("waiting", sa.Text)
    _again("contacts", sa.Integer)


def _again(table: str, id_type: type[sa.Text | sa.Integer]) -> None:
    """Their keys as they are made from now on."""
    rows = sa.table(
        table, sa.column("id", id_type), sa.column("name", sa.Text), sa.column("name_key", sa.Text)
    )
    connection = op.get_bind()
    found = connection.execute(sa.select(rows)).all()
    keys = [(row, _key(row.name)) for row in found]
    changed = [{"its": row.id, "key": key} for row, key in keys if key != row.name_key]
    if changed:
        mine = sa.update(rows).where(rows.c.id == sa.bindparam("its"))
        connection.execute(mine.values(name_key=sa.bindparam("key")), changed)


def _key(name: str) -> str:
    """As tools.names has it today; a migration keeps what it was written with."""
    plain = unicodedata.normalize("NFKD", name.translate(_SIGNS)).casefold()
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    return " ".join(plain.translate(_LETTERS).split())
