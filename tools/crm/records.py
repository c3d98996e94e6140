"""What is kept of people: the records of the contacts' book as plain data."""

import datetime as dt
from enum import Enum
from typing import Any

import msgspec


class ConsentTo(Enum):
    """What a person can agree to, or not."""

    RECORDING = "recording"
    MESSAGES = "messages"
    """Messages about their own appointments."""
    MARKETING = "marketing"


class TaskState(Enum):
    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    numbers: tuple[str, ...]
    """E.164, the first one first; no two contacts share one."""
    name: str = ""
    email: str = ""
    email_proven: bool = False
    """Known from staff, an outside book or a checked caller: good for checking who calls."""
    language: str = ""
    """A tag such as `en` or `de-AT`, or empty."""
    token: str = ""
    """What outside books know it by: unlike the id, never given twice."""


class Note(msgspec.Struct, frozen=True):
    text: str
    created_at: dt.datetime
    call_id: str = ""


class FollowUp(msgspec.Struct, frozen=True):
    """Something the staff is to do for a contact."""

    id: int
    contact_id: int
    text: str
    due: dt.date | None
    state: TaskState
    created_at: dt.datetime
    call_id: str
    changed_by: str


class Consent(msgspec.Struct, frozen=True):
    """What holds now, since when, and how it was said."""

    kind: ConsentTo
    agreed: bool
    how: str
    """`call`, `staff`, `merge`, ..."""
    at: dt.datetime


class Visit(msgspec.Struct, frozen=True):
    """One booking of a contact's number, past or to come."""

    service: str
    name: str
    starts_at: dt.datetime
    zone: str
    state: str
    call_id: str = ""


class PastCall(msgspec.Struct, frozen=True):
    call_id: str
    number: str
    started_at: dt.datetime


class History(msgspec.Struct, frozen=True):
    """Everything of one contact, the newest first; each list is bounded."""

    visits: tuple[Visit, ...]
    notes: tuple[Note, ...]
    follow_ups: tuple[FollowUp, ...]
    calls: tuple[PastCall, ...]


class Page(msgspec.Struct, frozen=True):
    """Some of the contacts found; `after` asks for the next ones and is empty on the last page."""

    contacts: tuple[Contact, ...]
    after: str = ""


def tidy(name: str) -> str:
    return " ".join(name.split())


def follow_up(row: Any) -> FollowUp:
    """A row of `follow_ups` as a record."""
    return FollowUp(
        id=row.id,
        contact_id=row.contact_id,
        text=row.text,
        due=dt.date.fromisoformat(row.due_on) if row.due_on else None,
        state=TaskState(row.state),
        created_at=row.created_at,
        call_id=row.call_id,
        changed_by=row.changed_by,
    )
