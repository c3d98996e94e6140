"""Which outside calendars are kept in step, as `calendars:` of `shop.yaml` says."""

import datetime as dt
import hashlib
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from tools.booking.caldav.rules import Span
from tools.booking.ical import Entry
from tools.config import SECRET_NAME, Document

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SOURCE = "calendar:"
"""How blocks that come from a calendar are marked, before its name."""
Shows = Literal["service", "name", "name_and_number"]


class CalendarFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `calendars:`."""

    resource: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=60, description="Whose calendar: a resource's name."),
    ]
    url: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=500,
            description="The CalDAV URL of this one calendar, with https.",
        ),
    ]
    user: Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="Who logs in.")]
    password: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"^{SECRET_NAME}$",
            max_length=40,
            description="The name of its password's secret.",
        ),
    ]
    every_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440, description="How often to look.")] = 5


class Calendar(msgspec.Struct, frozen=True):
    """A calendar of one resource; known by the resource's name."""

    resource: str
    url: str
    user: str
    password: str
    every_minutes: int

    @property
    def place(self) -> str:
        """The same for the same calendar of the same user, and not to be read back."""
        return hashlib.sha256(f"{self.url}\n{self.user}".encode()).hexdigest()[:16]

    @property
    def source(self) -> str:
        """How its blocks are marked."""
        return f"{SOURCE}{self.resource}"


def read_calendars(
    document: Document, entries: list[CalendarFile], resources: tuple[str, ...]
) -> tuple[Calendar, ...]:
    """The calendars that `shop.yaml` names. Raises ConfigError naming line and column."""
    found: list[Calendar] = []
    for index, entry in enumerate(entries):
        place = ("calendars", index)
        if entry.resource not in resources:
            known = ", ".join(resources[:10])
            what = f"the shop has no {entry.resource!r}"
            raise document.error((*place, "resource"), what, f"It has {known}")
        if any(each.resource == entry.resource for each in found):
            what = f"{entry.resource!r} has a calendar already"
            raise document.error((*place, "resource"), what, "Keep one calendar for each")
        _check_url(document, (*place, "url"), entry.url)
        found.append(Calendar(**msgspec.structs.asdict(entry)))
    return tuple(found)


def _check_url(document: Document, path: tuple[str | int, ...], url: str) -> None:
    hint = "Copy the address of the calendar itself, like https://host/dav/calendars/me/anna/"
    try:
        parts = urlsplit(url)
        port_is_good = parts.port != 0
    except ValueError:
        raise document.error(path, "is not a URL that can be read", hint) from None
    if not parts.hostname or not port_is_good or not url.isascii() or not url.isprintable():
        raise document.error(path, "is not a URL that can be read", hint)
    if parts.query or parts.fragment or parts.username is not None:
        raise document.error(path, "holds a user, a query or a fragment", hint)
    if parts.path.strip("/") == "":
        raise document.error(path, "names a server and not one of its calendars", hint)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        what = "would send a password in the clear"
        raise document.error(path, what, "Use https; http is for this machine only")


class Appointment(msgspec.Struct, frozen=True):
    """A booking with what calendars need of it. Moments are UTC."""

    id: str
    name: str
    service: str
    caller_number: str | None
    starts_at: dt.datetime
    minutes: int
    live: bool
    resources: tuple[str, ...]
    revision: int
    changed_at: dt.datetime

    @property
    def span(self) -> Span:
        return Span(self.starts_at, self.minutes)

    @property
    def uid(self) -> str:
        """The same for the life of the booking, wherever it is shown."""
        return f"{self.id}@frontdesk"


def entry(appointment: Appointment, shows: Shows, sequence: int | None = None) -> Entry:
    """The appointment as calendars show it, with no more of the caller than `shows` says."""
    named = shows != "service"
    number = appointment.caller_number if shows == "name_and_number" else None
    return Entry(
        uid=appointment.uid,
        start=appointment.starts_at,
        minutes=appointment.minutes,
        summary=f"{appointment.name}: {appointment.service}" if named else appointment.service,
        description=f"Telephone {number}" if number else "",
        sequence=appointment.revision if sequence is None else sequence,
        changed_at=appointment.changed_at,
    )
