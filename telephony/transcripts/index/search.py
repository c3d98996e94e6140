"""Which calls are on a page? Answered in bounded time, whatever is asked of however many calls.

A database left to itself walks a million rows when two frequent properties hardly ever meet, or
takes the wrong index where it has no figures. So it is not left to itself: of each condition it is
counted, up to FEW, how many calls it leaves. Where one leaves few, those are fetched by its index,
looked at and sorted. Where all are frequent, calls are walked in the order that is asked for,
WINDOWS[0] at a time and then WINDOWS[1]. If even these hold too little for a page, what was found
is shown with the place to go on from (`Page.complete` is false). Every step is a subquery with a
limit: planners take conditions neither into nor out of one.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from telephony.transcripts.index.asked import Asked, Cursor, Filters, Order, Sort
from telephony.transcripts.index.index import STEPS, row_of
from telephony.transcripts.index.page import Found, Page
from telephony.transcripts.index.tables import (
    CALL_LABELS,
    CALL_NOTES,
    CALL_TEXTS,
    CALL_TOOLS,
    CALLS,
    HITS,
    WORDS,
)
from telephony.transcripts.index.words import (
    SPEAKERS,
    Piece,
    Sought,
    fts5_query,
    highlights,
    tsquery,
)
from tools.store import Store

FEW = 4_000
WINDOWS = (600, 8_000)
WINDOWS_OF_WORDS = (600, 3_000)
"""Where each call has to be asked for its words."""
MOST_CHOICES = 100
SEARCHED = 60_000
"""Characters of a speaker in which what was found is shown."""

_SORTED = {
    Sort.STARTED: CALLS.c.number,
    Sort.DURATION: CALLS.c.duration_ms,
    Sort.COST: CALLS.c.cost_micros,
}
NUMBER = CALLS.c.number.name
_HIGHEST = "\U0010ffff"

Clause = sa.ColumnElement[bool]
Columns = Any
"""The columns of CALLS, or of a subquery that has them all."""


class Condition(msgspec.Struct, frozen=True):
    """One thing that is asked of calls."""

    numbers: sa.Select[tuple[int]]
    """Of all calls for which it holds."""
    holds: Callable[[Columns], Clause]
    ordered: bool = False
    """An index gives the numbers in order."""
    ranges: str = ""
    """It is a range of this column."""
    words: bool = False


class Search:
    """Every method blocks; BackendError when the database cannot be asked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(self, asked: Asked) -> Page:
        return self._store.read(lambda connection: _page(connection, asked))

    def call(self, call_id: str) -> Found | None:
        """One call, without highlights."""
        query = sa.select(CALLS).where(CALLS.c.call_id == call_id)

        def work(connection: sa.Connection) -> list[Found]:
            return _found(connection, connection.execute(query).mappings().all(), None)

        return next(iter(self._store.read(work)), None)

    def choices(self) -> dict[str, list[str]]:
        """What there is of personas, outcomes, engines, tools and labels."""
        columns = {
            "persona": CALLS.c.persona,
            "outcome": CALLS.c.outcome,
            "engine": CALLS.c.engine,
            "tool": CALL_TOOLS.c.tool,
            "label": CALL_LABELS.c.label,
        }

        def work(connection: sa.Connection) -> dict[str, list[str]]:
            return {name: _different(connection, column) for name, column in columns.items()}

        return self._store.read(work)


# ---- conditions ---------------------------------------------------------------------------------


def _conditions(filters: Filters, wanted: Sought | None, dialect: str) -> list[Condition]:
    names = ("persona", "outcome", "engine", "interrupted", "failed")
    equal = {name: getattr(filters, name) for name in names}
    found = [_equals(name, value) for name, value in equal.items() if value is not None]
    for name in ("caller", "called"):
        if (value := getattr(filters, name)) is not None:
            found.append(_begins(name, value) if value else _equals(name, ""))
    if filters.tool is not None:
        found.append(_has(CALL_TOOLS, CALL_TOOLS.c.tool, filters.tool))
    if filters.label is not None:
        found.append(_has(CALL_LABELS, CALL_LABELS.c.label, filters.label))
    if wanted is not None:
        found.append(_says(wanted, dialect))
    return [*found, *_ranges(filters)]


def _ranges(filters: Filters) -> list[Condition]:
    since, until = filters.since_ms, filters.until_ms
    limits = (
        (NUMBER, None if since is None else since * STEPS, _before(until)),
        ("duration_ms", filters.min_duration_ms, filters.max_duration_ms),
        # What has no price is neither cheap nor dear.
        ("cost_micros", filters.min_cost_micros, filters.max_cost_micros),
    )
    return [_between(name, low, high) for name, low, high in limits if (low, high) != (None, None)]


def _before(until_ms: int | None) -> int | None:
    return None if until_ms is None else until_ms * STEPS - 1


def _of_calls(
    holds: Callable[[Columns], Clause], *, ordered: bool = False, ranges: str = ""
) -> Condition:
    numbers = sa.select(CALLS.c.number).where(holds(CALLS.c))
    return Condition(numbers, holds, ordered=ordered, ranges=ranges)


def _equals(name: str, value: str | bool) -> Condition:
    literal = value if isinstance(value, str) else sa.true() if value else sa.false()
    return _of_calls(lambda columns: columns[name] == literal, ordered=True)


def _begins(name: str, value: str) -> Condition:
    # PostgreSQL's grammar takes no collation inside of BETWEEN.
    return _of_calls(lambda columns: (columns[name] >= value) & (columns[name] <= value + _HIGHEST))


def _between(name: str, low: int | None, high: int | None) -> Condition:
    least = 0 if low is None else low

    def holds(columns: Columns) -> Clause:
        column = columns[name]
        clause: Clause = column >= least if high is None else column.between(least, high)
        return clause

    return _of_calls(holds, ranges=name)


def _has(table: sa.Table, column: sa.Column[str], value: str) -> Condition:
    numbers = sa.select(table.c.number).where(column == value)
    own = sa.alias(table)

    def holds(columns: Columns) -> Clause:
        named = own.c[column.name] == value
        return sa.exists().where(own.c.number == columns[NUMBER], named)

    return Condition(numbers, holds, ordered=True)


def _says(wanted: Sought, dialect: str) -> Condition:
    number: Any
    if dialect == "postgresql":
        query = sa.cast(tsquery(wanted), TSQUERY)
        matches: Clause = CALL_TEXTS.c.words.op("@@", is_comparison=True)(query)
        number = CALL_TEXTS.c.number
    else:
        table: sa.ColumnElement[Any] = sa.literal_column(WORDS)
        matches = table.op("MATCH", is_comparison=True)(fts5_query(wanted))
        number = HITS.c.rowid
    numbers = sa.select(number).where(matches)

    def holds(columns: Columns) -> Clause:
        return sa.exists(numbers.where(number == columns[NUMBER]).correlate_except(number.table))

    return Condition(numbers, holds, ordered=True, words=True)


# ---- one page -----------------------------------------------------------------------------------


class _Way:
    """The order in which rows are read: that asked for, or the other way round for `before`."""

    def __init__(self, asked: Asked) -> None:
        self.sort = asked.sort
        self.name = _SORTED[asked.sort].name
        self.back = asked.before is not None
        self.cursor = asked.before or asked.after
        self.down = (asked.order is Order.DESC) is not self.back

    def order(self, columns: Columns) -> list[sa.ColumnElement[Any]]:
        keys = [columns[NUMBER]]
        if self.sort is not Sort.STARTED:
            keys.insert(0, columns[self.name])
        return [key.desc() if self.down else key.asc() for key in keys]

    def beyond(self, columns: Columns) -> Clause:
        """Behind the cursor."""
        cursor = self.cursor
        if cursor is None:
            return sa.true()
        key: Any
        place: Any
        if self.sort is Sort.STARTED:
            key, place = columns[NUMBER], sa.literal(cursor.number)
        else:
            key = sa.tuple_(columns[self.name], columns[NUMBER])
            place = sa.tuple_(sa.literal(cursor.value), sa.literal(cursor.number))
        behind: Clause = key < place if self.down else key > place
        return behind

    def cursor_of(self, row: Any) -> Cursor:
        return Cursor(int(row[self.name]), int(row[NUMBER]))


def _page(connection: sa.Connection, asked: Asked) -> Page:
    wanted = asked.filters.sought
    conditions = _conditions(asked.filters, wanted, connection.dialect.name)
    way = _Way(asked)
    rows, further = _rows(connection, conditions, way, asked.limit)
    more = len(rows) > asked.limit
    rows = rows[: asked.limit]
    onward = way.cursor_of(rows[-1]) if more else further
    backward = _first(way, rows)
    if way.back:
        rows.reverse()
        onward, backward = backward, onward
    return Page(
        calls=tuple(_found(connection, rows, wanted)),
        after=onward,
        before=backward,
        complete=further is None,
    )


def _first(way: _Way, rows: Sequence[Any]) -> Cursor | None:
    """Where the page the other way begins: from an empty one, at the call it was come from."""
    if way.cursor is None:
        return None
    step = -1 if way.down else 1
    come_from = Cursor(way.cursor.value, way.cursor.number + step)
    return way.cursor_of(rows[0]) if rows else come_from


def _rows(
    connection: sa.Connection, conditions: list[Condition], way: _Way, limit: int
) -> tuple[list[Any], Cursor | None]:
    """Up to `limit` + 1 rows, and the place to go on from if the search was cut short."""
    few = _rarest(connection, conditions)
    if few is not None:
        return _of_few(connection, few, conditions, way, limit), None
    return _walked(connection, conditions, way, limit)


def _rarest(connection: sa.Connection, conditions: list[Condition]) -> Condition | None:
    """The condition that leaves the fewest calls, if they are few."""
    counts = []
    for place, condition in enumerate(conditions):
        some = condition.numbers.limit(FEW + 1).subquery()
        count = connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
        counts.append((count, place))
        if count <= FEW // 20:
            break  # fewer cost more to find than they save
    count, place = min(counts, default=(FEW + 1, -1))
    return conditions[place] if count <= FEW else None


def _of_few(
    connection: sa.Connection,
    few: Condition,
    conditions: Iterable[Condition],
    way: _Way,
    limit: int,
) -> list[Any]:
    numbers = few.numbers.limit(FEW + 1).scalar_subquery()
    these = sa.select(CALLS).where(CALLS.c.number.in_(numbers)).limit(FEW + 1).subquery()
    others = [each.holds(these.c) for each in conditions if each is not few]
    query = sa.select(these).where(way.beyond(these.c), *others).order_by(*way.order(these.c))
    return list(connection.execute(query.limit(limit + 1)).mappings())


def _walked(
    connection: sa.Connection, conditions: list[Condition], way: _Way, limit: int
) -> tuple[list[Any], Cursor | None]:
    along = _along(conditions, way)
    others = [each for each in conditions if each not in along]
    sizes = WINDOWS_OF_WORDS if any(each.words for each in others) else WINDOWS
    rows: list[Any] = []
    for size in sizes if others else (limit + 1,):
        window = _window(along, way, max(size, limit + 1)).subquery()
        holding = [each.holds(window.c) for each in others]
        query = sa.select(window).where(*holding).order_by(*way.order(window.c))
        rows = list(connection.execute(query.limit(limit + 1)).mappings())
        if len(rows) > limit:
            return rows, None
        end = _end(connection, window, way, max(size, limit + 1))
        if end is None:
            return rows, None
    return rows, end


def _along(conditions: Iterable[Condition], way: _Way) -> list[Condition]:
    """What can be walked along in order: one index, within limits of what it is sorted by."""
    ranges = [each for each in conditions if each.ranges == way.name]
    ordered = [each for each in conditions if each.ordered and way.sort is Sort.STARTED]
    # Words first: to ask each call for its words is dearest.
    ordered.sort(key=lambda each: not each.words)
    return [*ordered[:1], *ranges]


def _window(along: list[Condition], way: _Way, size: int) -> sa.Select[Any]:
    """The next so many calls."""
    ranges = [each for each in along if each.ranges]
    indexes = [each for each in along if not each.ranges]
    if not indexes:
        holding = [each.holds(CALLS.c) for each in ranges]
        query = sa.select(CALLS).where(way.beyond(CALLS.c), *holding)
        return query.order_by(*way.order(CALLS.c)).limit(size)
    numbers = indexes[0].numbers
    only = {NUMBER: numbers.selected_columns[0]}
    holding = [each.holds(only) for each in ranges]
    numbers = numbers.where(way.beyond(only), *holding).order_by(*way.order(only)).limit(size)
    return sa.select(CALLS).where(CALLS.c.number.in_(numbers)).limit(size)


def _end(connection: sa.Connection, window: Any, way: _Way, size: int) -> Cursor | None:
    """The last place of a window that is full; None: there is nothing behind it."""
    keys = sa.select(window.c[way.name].label("key"), window.c.number.label("last"))
    last = connection.execute(keys.order_by(*way.order(window.c)).offset(size - 1).limit(1)).first()
    return None if last is None else Cursor(int(last.key), int(last.last))


# ---- what is shown of a call --------------------------------------------------------------------


def _found(connection: sa.Connection, rows: Sequence[Any], wanted: Sought | None) -> list[Found]:
    numbers = [row[NUMBER] for row in rows]
    labels = _named(connection, CALL_LABELS.c.label, numbers)
    tools = _named(connection, CALL_TOOLS.c.tool, numbers)
    notes = _notes(connection, numbers)
    texts = _texts(connection, numbers) if wanted is not None else {}
    return [
        Found(
            row=row_of(row),
            labels=labels.get(row[NUMBER], ()),
            tools=tools.get(row[NUMBER], ()),
            notes=notes.get(row[NUMBER], 0),
            highlights=_shown(texts.get(row[NUMBER], ()), wanted),
        )
        for row in rows
    ]


def _named(
    connection: sa.Connection, name: sa.Column[str], numbers: list[int]
) -> dict[int, tuple[str, ...]]:
    number = name.table.c.number
    query = sa.select(number, name).where(number.in_(numbers)).order_by(name)
    found: dict[int, tuple[str, ...]] = {}
    for of_call, value in connection.execute(query):
        found[of_call] = (*found.get(of_call, ()), value)
    return found


def _notes(connection: sa.Connection, numbers: list[int]) -> dict[int, int]:
    number = CALL_NOTES.c.number
    query = sa.select(number, sa.func.count()).group_by(number)
    open_notes = query.where(number.in_(numbers), CALL_NOTES.c.deleted_at.is_(None))
    return {of_call: int(count) for of_call, count in connection.execute(open_notes)}


def _texts(connection: sa.Connection, numbers: list[int]) -> dict[int, tuple[tuple[str, str], ...]]:
    columns = [
        sa.func.substr(CALL_TEXTS.c[speaker], 1, SEARCHED).label(speaker) for speaker in SPEAKERS
    ]
    query = sa.select(CALL_TEXTS.c.number, *columns).where(CALL_TEXTS.c.number.in_(numbers))
    return {
        row[NUMBER]: tuple((speaker, row[speaker]) for speaker in SPEAKERS)
        for row in connection.execute(query).mappings()
    }


def _shown(
    texts: Sequence[tuple[str, str]], wanted: Sought | None
) -> tuple[tuple[str, tuple[Piece, ...]], ...]:
    if wanted is None:
        return ()
    return tuple((speaker, tuple(pieces)) for speaker, pieces in highlights(texts, wanted))


def _different(connection: sa.Connection, column: sa.Column[str]) -> list[str]:
    """Each value once, found by jumping along the index, whatever the number of rows."""
    first = sa.select(sa.func.min(column).label("value")).cte("different", recursive=True)
    next_one = sa.select(sa.func.min(column)).where(column > first.c.value).scalar_subquery()
    step = sa.select(next_one).where(first.c.value.is_not(None))
    jumps = first.union_all(step)
    query = sa.select(jumps.c.value).where(jumps.c.value.is_not(None)).limit(MOST_CHOICES)
    return [str(value) for value in connection.execute(query).scalars()]
