"""The one port to a book of contacts: ours in SQL, or another system's over HTTP."""

import datetime as dt
from enum import Enum
from typing import Protocol

import msgspec

from tools.crm.records import TaskState


class Kind(Enum):
    """What a book keeps."""

    CONTACT = "contact"
    NOTE = "note"
    TASK = "task"


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One person, as books tell each other."""

    own_id: int = 0
    """In our book; 0 when the other book does not know it."""
    token: str = ""
    """What we have other books know it by; the same for one record, another for every other."""
    ref: str = ""
    """In the book that told it."""
    name: str = ""
    email: str = ""
    proven: bool = False
    """Whether the e-mail address comes from somebody who is known to be who they say."""
    language: str = ""
    numbers: tuple[str, ...] = ()
    """E.164, the first one first."""


class NoteCard(msgspec.Struct, frozen=True, kw_only=True):
    own_id: int
    token: str
    text: str
    at: dt.datetime


class TaskCard(msgspec.Struct, frozen=True, kw_only=True):
    own_id: int
    token: str
    text: str
    due: dt.date | None
    state: TaskState
    at: dt.datetime


class Cards(msgspec.Struct, frozen=True):
    """A page of people; `after` asks for the next and is empty on the last."""

    cards: tuple[Card, ...]
    after: str = ""


class By(Enum):
    """What a person is found by."""

    NUMBER = "number"
    EMAIL = "email"


class Trouble(Enum):
    """Why a book did not do what it was asked."""

    DOWN = "down"
    """No answer in time, no connection, or its own error: it may have been done."""
    LIMITED = "limited"
    """Too many requests: nothing was done."""
    LOCKED = "locked"
    """Our credentials are not taken: nothing was done, and nothing else will be."""
    REFUSED = "refused"
    """This very thing will never be taken: nothing was done."""
    GONE = "gone"
    """The record that was to be changed is not there any more."""
    GARBLED = "garbled"
    """An answer that cannot be read: it may have been done."""


class BookError(Exception):
    """A book failed. `code` is short and holds nothing of a caller's."""

    def __init__(self, trouble: Trouble, code: str, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{trouble.value}: {code}")
        self.trouble = trouble
        self.code = code
        self.retry_after_s = retry_after_s


class Book(Protocol):
    """Finds people, and keeps people, notes and tasks. Every method raises BookError.

    `put_...` return the record's id in this book. `key` goes with every try at the same thing;
    `again` says that an earlier try may have been done. Both together make the effect happen
    once, whether the book remembers keys or not.
    """

    @property
    def name(self) -> str:
        """Under which ids of this book are kept."""

    async def find(self, by: By, value: str) -> Card | None:
        """The person with this number in E.164 or this e-mail address."""

    async def search(self, text: str, after: str = "") -> Cards:
        """People by a part of their name, page by page."""

    async def put_contact(self, card: Card, key: str, *, again: bool = False) -> str:
        """Keep a person: the record `ref` names, the one known by id, e-mail or number, or a
        new one. What the card leaves empty is left as it is."""

    async def put_note(self, ref: str, note: NoteCard, key: str, *, again: bool = False) -> str:
        """Keep a note about the person `ref`."""

    async def put_task(
        self, ref: str, task: TaskCard, known: str, key: str, *, again: bool = False
    ) -> str:
        """Keep a task for the person `ref`, or change the one `known` names."""
