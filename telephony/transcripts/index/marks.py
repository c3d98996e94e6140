"""What people add to calls: labels and notes, and the views they keep of the list."""

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from telephony.transcripts.index.tables import CALL_LABELS, CALL_NOTES, CALL_VIEWS, CALLS
from telephony.transcripts.index.words import kept
from tools.elapsed import time_before
from tools.store import Store

MOST_LABEL = 40
MOST_LABELS = 20
MOST_NOTE = 4_000
MOST_NOTES = 200
MOST_NAME = 60
MOST_QUERY = 2_000
MOST_VIEWS = 50
UNDO_FOR = dt.timedelta(minutes=10)
"""How long a note that was taken back can be restored; then it is gone."""

T = TypeVar("T")


class NoCall(Exception):  # noqa: N818 - an answer, not an error
    """There is no such call in the index: unknown, deleted, or not over yet."""


class NoSuch(Exception):  # noqa: N818 - an answer, not an error
    """There is no such note or view, or it is somebody else's."""


class Unfit(ValueError):  # noqa: N818 - an answer, not an error
    """What cannot be kept; the message is a sentence for people."""


class Label(msgspec.Struct, frozen=True):
    label: str
    author: str
    created_at: dt.datetime


class Labelled(msgspec.Struct, frozen=True):
    """All labels of a call after one was put on; `label` is that one as it is kept."""

    labels: list[Label]
    label: str
    new: bool
    """False: it was on, whoever put it there."""


class Note(msgspec.Struct, frozen=True):
    id: int
    text: str
    author: str
    created_at: dt.datetime


class View(msgspec.Struct, frozen=True):
    """A question that was given a name; `query` is as in an address."""

    id: int
    name: str
    query: str
    shared: bool
    owner: str
    owner_name: str


class Marks:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        """`clock` gives the time with its zone."""
        self._store = store
        self._clock = clock

    # ---- labels --------------------------------------------------------------------------------

    def labels(self, call_id: str) -> list[Label]:
        """Raises NoCall."""
        return self._of_call(call_id, _labels, self._store.read)

    def label(self, call_id: str, label: str, author: str) -> Labelled:
        """Put a label on a call, once. Raises NoCall, Unfit."""
        name, now = named(label, MOST_LABEL, "A label"), self._clock()

        def work(connection: sa.Connection, number: int) -> Labelled:
            before = _labels(connection, number)
            if any(each.label == name for each in before):
                return Labelled(before, name, new=False)
            if len(before) >= MOST_LABELS:
                raise Unfit(f"A call has at most {MOST_LABELS} labels.")
            values = {"number": number, "label": name, "author": author, "created_at": now}
            connection.execute(sa.insert(CALL_LABELS).values(**values))
            return Labelled(_labels(connection, number), name, new=True)

        return self._of_call(call_id, work, lambda look: self._store.contend(look, "labels"))

    def unlabel(self, call_id: str, label: str) -> list[Label]:
        """Take a label off, if it is on. Raises NoCall."""

        def work(connection: sa.Connection, number: int) -> list[Label]:
            own = (CALL_LABELS.c.number == number) & (CALL_LABELS.c.label == kept(label))
            connection.execute(sa.delete(CALL_LABELS).where(own))
            return _labels(connection, number)

        return self._of_call(call_id, work, self._store.write)

    # ---- notes ---------------------------------------------------------------------------------

    def notes(self, call_id: str) -> list[Note]:
        """The oldest first. Raises NoCall."""
        return self._of_call(call_id, _notes, self._store.read)

    def note(self, call_id: str, text: str, author: str) -> list[Note]:
        """Write a note down; all there are then. Raises NoCall, Unfit."""
        words, now = kept(text.strip()), self._clock()
        if not 0 < len(words) <= MOST_NOTE:
            raise Unfit(f"A note has 1 to {MOST_NOTE} characters.")

        def work(connection: sa.Connection, number: int) -> list[Note]:
            if len(_notes(connection, number)) >= MOST_NOTES:
                raise Unfit(f"A call has at most {MOST_NOTES} notes.")
            values = {"number": number, "text": words, "author": author, "created_at": now}
            connection.execute(sa.insert(CALL_NOTES).values(**values))
            return _notes(connection, number)

        return self._of_call(call_id, work, self._store.write)

    def take_back(self, call_id: str, note: int) -> list[Note]:
        """Take a note away; for UNDO_FOR it can be restored. Raises NoCall, NoSuch."""
        return self._note_set(call_id, note, CALL_NOTES.c.deleted_at.is_(None), self._clock())

    def restore(self, call_id: str, note: int) -> list[Note]:
        """Undo `take_back`. Raises NoCall, NoSuch."""
        since = time_before(self._clock(), UNDO_FOR)
        return self._note_set(call_id, note, CALL_NOTES.c.deleted_at > since, None)

    def _note_set(
        self, call_id: str, note: int, if_: sa.ColumnElement[bool], deleted_at: dt.datetime | None
    ) -> list[Note]:
        def work(connection: sa.Connection, number: int) -> list[Note]:
            own = (CALL_NOTES.c.id == note) & (CALL_NOTES.c.number == number)
            change = sa.update(CALL_NOTES).where(own, if_).values(deleted_at=deleted_at)
            if not connection.execute(change).rowcount:
                raise NoSuch(f"There is no note {note} to be changed on this call.")
            return _notes(connection, number)

        return self._of_call(call_id, work, self._store.write)

    def sweep(self) -> int:
        """Do away with notes that were taken back and can no longer be restored; how many."""
        over = CALL_NOTES.c.deleted_at <= time_before(self._clock(), UNDO_FOR)
        return self._store.write(
            lambda connection: connection.execute(sa.delete(CALL_NOTES).where(over)).rowcount
        )

    # ---- views ---------------------------------------------------------------------------------

    def views(self, owner: str) -> list[View]:
        """Those of `owner` and those that others share, by name."""
        mine = (CALL_VIEWS.c.owner == owner) | CALL_VIEWS.c.shared.is_(True)
        query = sa.select(CALL_VIEWS).where(mine).order_by(CALL_VIEWS.c.name, CALL_VIEWS.c.id)
        rows = self._store.read(lambda connection: connection.execute(query).mappings().all())
        return [_made(View, row) for row in rows]

    def keep_view(
        self, owner: str, owner_name: str, name: str, query: str, *, shared: bool
    ) -> View:
        """Keep a view, in place of one of the same owner and name. Raises Unfit."""
        called, now = named(name, MOST_NAME, "A view"), self._clock()
        if len(query) > MOST_QUERY:
            raise Unfit("That is too much for a view.")
        values = {"owner_name": owner_name, "query": kept(query), "shared": shared}
        own = CALL_VIEWS.c.owner == owner

        def work(connection: sa.Connection) -> View:
            same = own & (CALL_VIEWS.c.name == called)
            if not connection.execute(sa.update(CALL_VIEWS).where(same).values(**values)).rowcount:
                count = sa.select(sa.func.count()).select_from(CALL_VIEWS).where(own)
                if connection.execute(count).scalar_one() >= MOST_VIEWS:
                    raise Unfit(f"At most {MOST_VIEWS} views are kept for one person.")
                whole = {**values, "owner": owner, "name": called, "created_at": now}
                connection.execute(sa.insert(CALL_VIEWS).values(**whole))
            return _made(
                View, connection.execute(sa.select(CALL_VIEWS).where(same)).mappings().one()
            )

        return self._store.contend(work, "views")

    def drop_view(self, owner: str, view: int) -> View:
        """Do away with a view; it is given back, so that it can be kept again. Raises NoSuch."""
        own = (CALL_VIEWS.c.id == view) & (CALL_VIEWS.c.owner == owner)

        def work(connection: sa.Connection) -> View:
            row = connection.execute(sa.select(CALL_VIEWS).where(own)).mappings().first()
            if row is None:
                raise NoSuch(f"You have no view {view}.")
            connection.execute(sa.delete(CALL_VIEWS).where(own))
            return _made(View, row)

        return self._store.write(work)

    # ---- a call --------------------------------------------------------------------------------

    def _of_call(
        self,
        call_id: str,
        work: Callable[[sa.Connection, int], T],
        do: Callable[[Callable[[sa.Connection], T]], T],
    ) -> T:
        def with_number(connection: sa.Connection) -> T:
            query = sa.select(CALLS.c.number).where(CALLS.c.call_id == call_id)
            number = connection.execute(query).scalar_one_or_none()
            if number is None:
                raise NoCall("There is no such call in the log; one that is on is not in it yet.")
            return work(connection, number)

        try:
            return do(with_number)
        except IntegrityError:
            # It was deleted between the look and the change.
            raise NoCall("The call has just been deleted.") from None


def named(text: str, most: int, what: str) -> str:
    """A name on one line, without what could act on a page. Raises Unfit."""
    words = " ".join(kept(text).split())
    if not 0 < len(words) <= most or not words.isprintable():
        raise Unfit(f"{what} has 1 to {most} characters that can be seen.")
    return words


def _labels(connection: sa.Connection, number: int) -> list[Label]:
    query = sa.select(CALL_LABELS).where(CALL_LABELS.c.number == number)
    rows = connection.execute(query.order_by(CALL_LABELS.c.label)).mappings()
    return [_made(Label, row) for row in rows]


def _notes(connection: sa.Connection, number: int) -> list[Note]:
    open_ones = CALL_NOTES.c.deleted_at.is_(None)
    query = sa.select(CALL_NOTES).where(CALL_NOTES.c.number == number, open_ones)
    rows = connection.execute(query.order_by(CALL_NOTES.c.id)).mappings()
    return [_made(Note, row) for row in rows]


def _made(kind: Callable[..., T], row: Any) -> T:
    names = kind.__struct_fields__  # type: ignore[attr-defined]
    return kind(**{name: row[name] for name in names})
