"""Where the staff has written a caller's number down: in saved views, in roll-outs; taken out."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

import msgspec
import sqlalchemy as sa

from telephony.transcripts.index.tables import CALL_VIEWS
from tools.rollout.tables import ROLLOUTS

_LEAST = 6
"""Fewer figures in a row than this do not name a number."""
_LEFT_OUT = 3
"""A filter for callers that leaves out more of a number asks for many of them."""


def count(on: sa.Connection, number: str) -> dict[str, int]:
    """Rows that name it, by table."""
    found = {"call_views": len(_views(on, number)), "rollouts": len(list(_rollouts(on, number)))}
    return {table: many for table, many in found.items() if many}


def erase(on: sa.Connection, number: str) -> None:
    """A view that asks for it goes as a whole; a roll-out goes on without it."""
    for view in _views(on, number):
        on.execute(sa.delete(CALL_VIEWS).where(CALL_VIEWS.c.id == view))
    for rollout, left in list(_rollouts(on, number)):
        text = msgspec.json.encode(left).decode()
        on.execute(sa.update(ROLLOUTS).where(ROLLOUTS.c.id == rollout).values(numbers=text))


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
