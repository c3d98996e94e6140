"""Where others have written a number down, and how it is taken out.

The staff has in saved views and in roll-outs; other callers have who asked that it be called back.
Of a caller who withheld theirs, the number they left is the only sign of who they are: what they
asked for is the subject's own, told and deleted whole.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import sqlalchemy as sa

from telephony.retention.holds import held_now
from telephony.transcripts.index.tables import CALL_VIEWS
from tools.calls.tables import CALL_BACKS, MESSAGES
from tools.rollout.tables import ROLLOUTS

_LEAST = 6
"""Fewer figures in a row than this do not name a number."""
_TO_CALL = (MESSAGES.c.call_back_number, CALL_BACKS.c.number)
_LEFT_OUT = 3
"""A filter for callers that leaves out more of a number asks for many of them."""


def count(on: sa.Connection, number: str) -> dict[str, int]:
    """Rows that name it, by table."""
    found = {"call_views": len(_views(on, number)), "rollouts": len(list(_rollouts(on, number)))}
    for column in _TO_CALL:
        many = sa.select(sa.func.count()).where(_asked(column, number), _free(on, column.table))
        found[column.table.name] = int(on.execute(many).scalar_one())
    return {table: many for table, many in found.items() if many}


def read(on: sa.Connection, number: str) -> dict[str, list[dict[str, Any]]]:
    """When others asked that it be called back, by table; what else they said is theirs, but for
    callers without a number."""
    found: dict[str, list[dict[str, Any]]] = {}
    for column in _TO_CALL:
        table, caller = column.table, column.table.c.caller_number
        told = (table.c.id, table.c.created_at, column)
        others = sa.select(*told).where(_asked(column, number), caller.is_not(None))
        own = sa.select(table).where(column == number, caller.is_(None))
        found[table.name] = [
            dict(row) for each in (others, own) for row in on.execute(each).mappings()
        ]
    return found


def erase(on: sa.Connection, number: str) -> None:
    """A view that asks for it goes as a whole, and so does a call back; a roll-out goes on without
    it, and so does a message of a caller with a number of their own."""
    for view in _views(on, number):
        on.execute(sa.delete(CALL_VIEWS).where(CALL_VIEWS.c.id == view))
    for rollout, left in list(_rollouts(on, number)):
        text = msgspec.json.encode(left).decode()
        on.execute(sa.update(ROLLOUTS).where(ROLLOUTS.c.id == rollout).values(numbers=text))
    where = {column: (_asked(column, number), _free(on, column.table)) for column in _TO_CALL}
    message, call_back = (where[column] for column in _TO_CALL)
    on.execute(sa.delete(MESSAGES).where(*message, MESSAGES.c.caller_number.is_(None)))
    on.execute(sa.update(MESSAGES).where(*message).values(call_back_number=None))
    on.execute(sa.delete(CALL_BACKS).where(*call_back))


def _asked(column: sa.Column[Any], number: str) -> sa.ColumnElement[bool]:
    """Others asked that the number be called back."""
    return sa.and_(column == number, column.table.c.caller_number.is_distinct_from(number))


def _free(on: sa.Connection, table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Not of a held call, nor from a held number."""
    held, caller = held_now(on), table.c.caller_number
    other = sa.or_(caller.is_(None), caller.not_in(list(held.numbers)))
    return sa.and_(table.c.call_id.not_in(list(held.calls)), other)


def _views(on: sa.Connection, number: str) -> list[int]:
    rows = on.execute(sa.select(CALL_VIEWS.c.id, CALL_VIEWS.c.name, CALL_VIEWS.c.query))
    return [row.id for row in rows if _names(row.name, row.query, number)]


def _names(name: str, query: str, number: str) -> bool:
    """In any way people write it: with blanks, from its middle on, with a 0 before it. What else a
    view asks for, days and costs, is of no number."""
    whole, asked = _figures(number), [("q", name), *parse_qsl(query)]
    callers = [_figures(said) for field, said in asked if field == "caller"]
    words = [_figures(said) for field, said in asked if field == "q"]
    words += [each for each in callers if len(whole) - len(each) <= _LEFT_OUT]
    return any(_part(each, whole) for each in words)


def _figures(said: str) -> str:
    return re.sub(r"\D", "", said).lstrip("0")


def _part(figures: str, whole: str) -> bool:
    return len(figures) >= _LEAST and (figures in whole or whole in figures)


def _rollouts(on: sa.Connection, number: str) -> Iterator[tuple[int, list[str]]]:
    """Those that name it, with the numbers that are left."""
    for row in on.execute(sa.select(ROLLOUTS.c.id, ROLLOUTS.c.numbers)):
        numbers = msgspec.json.decode(row.numbers, type=list[str])
        if number in numbers:
            yield row.id, [each for each in numbers if each != number]
