"""Appointments as iCalendar (RFC 5545): the feed, and the events we write into calendars.

Times are written in UTC. An appointment never repeats, so the moment is all there is to it, and
every calendar shows it on its own clock; a definition of our zone could only be wrong one day.
"""

import datetime as dt
import re
import unicodedata
import zoneinfo
from collections.abc import Iterable

import msgspec
from icalendar import Calendar, Event
from icalendar.parser import Contentline, Contentlines

from tools.booking.busy import Component, components, lines, name_of, unfolded, when
from tools.booking.recurrence import UnreadableError

PRODUCT = "-//Frontdesk//Appointments//EN"
MAX_TEXT = 400
_OURS = frozenset(
    {
        "DTSTART", "DTEND", "DURATION", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED", "STATUS", "RRULE",
        "RDATE", "EXDATE", "TRANSP",
    }
)  # fmt: skip
"""What we say of an event of ours; all else in it is left as others wrote it."""


class Entry(msgspec.Struct, frozen=True):
    """One appointment as calendars show it. Moments are aware."""

    uid: str
    start: dt.datetime
    minutes: int
    summary: str
    description: str
    sequence: int
    """Rises with every change of ours."""
    changed_at: dt.datetime
    """Never the time of writing: the same appointment must give the same bytes."""

    @property
    def end(self) -> dt.datetime:
        return self.start + dt.timedelta(minutes=self.minutes)


class Placed(msgspec.Struct, frozen=True):
    """Where an event of ours stands in somebody's calendar."""

    start: dt.datetime
    """UTC."""
    minutes: int
    sequence: int


def feed(entries: Iterable[Entry], name: str) -> bytes:
    """A calendar of all entries, in their order."""
    calendar = _calendar()
    calendar.add("x-wr-calname", _clean(name))
    for entry in entries:
        calendar.add_component(_event(entry))
    return bytes(calendar.to_ical())


def alone(entry: Entry) -> bytes:
    """A calendar of one event, as CalDAV stores it (RFC 4791, 4.1)."""
    calendar = _calendar()
    calendar.add_component(_event(entry))
    return bytes(calendar.to_ical())


def _calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    return calendar


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("summary", _clean(entry.summary))
    if entry.description:
        event.add("description", _clean(entry.description))
    for name, value in (
        ("dtstamp", entry.changed_at.astimezone(dt.UTC)),
        ("last-modified", entry.changed_at.astimezone(dt.UTC)),
        ("dtstart", entry.start.astimezone(dt.UTC)),
        ("dtend", entry.end.astimezone(dt.UTC)),
        ("sequence", entry.sequence),
        ("status", "CONFIRMED"),
        ("transp", "OPAQUE"),
    ):
        event.add(name, value)
    return event


def _clean(text: str) -> str:
    """Without what is no text: a caller's name must not break a calendar."""
    kept = (
        each if each in "\n\t" or unicodedata.category(each)[0] != "C" else " "
        for each in text[:MAX_TEXT]
    )
    return "".join(kept).strip()


def placed(text: str, uid: str, zone: zoneinfo.ZoneInfo) -> Placed | None:
    """Where the event with our `uid` stands; None when it is cancelled there.

    Raises UnreadableError when it is no appointment any more: it is not there, lasts whole days,
    repeats, or does not stand on whole minutes.
    """
    mine = [each for each in components(text) if "UID" in each and each["UID"][0].value == uid]
    if not mine:
        raise UnreadableError("it is another event now")
    if len(mine) > 1 or mine[0].keys() & {"RRULE", "RDATE", "RECURRENCE-ID"}:
        raise UnreadableError("it repeats")
    found = when(mine[0], zone)
    if "STATUS" in mine[0] and mine[0]["STATUS"][0].value.upper() == "CANCELLED":
        return None
    if not isinstance(found.start, dt.datetime):
        raise UnreadableError("it lasts whole days")
    minutes, rest = divmod(found.length, dt.timedelta(minutes=1))
    start = found.start.astimezone(dt.UTC)
    if rest or start.second or minutes < 1:
        raise UnreadableError("it does not last whole minutes")
    return Placed(start, minutes, _sequence(mine[0]))


def sequence_of(text: str) -> int:
    """The highest version number in a file; 0 when it says none."""
    try:
        return max(map(_sequence, components(text)))
    except UnreadableError:
        return 0


def _sequence(component: Component) -> int:
    said = component["SEQUENCE"][0].value if "SEQUENCE" in component else ""
    return int(said) if re.fullmatch(r"[0-9]{1,9}", said) else 0


def retimed(text: str, entry: Entry) -> bytes:
    """Their version of our event with our times: notes, alarms and colours others added stay.

    Falls back to our own version where theirs cannot be kept.
    """
    try:
        kept = _with_times(lines(text), entry)
    except UnreadableError:
        return alone(entry)
    return kept or alone(entry)


def _with_times(theirs: list[Contentline], entry: Entry) -> bytes | None:
    ours = unfolded(_event(entry).to_ical().decode())
    times = [line for line in ours if line and name_of(line) in _OURS]
    written: list[Contentline] = []
    inside: list[str] = []
    for line in theirs:
        name, part = name_of(line), line.partition(":")[2].strip().upper()
        if name == "BEGIN":
            inside.append(part)
        in_event = inside == ["VCALENDAR", "VEVENT"]
        if in_event and name == "END":
            written.extend(times)
        if not (in_event and name in _OURS):
            written.append(line)
        if name == "END" and inside:
            inside.pop()
    return bytes(Contentlines(written).to_ical()) if _sound(written, entry.uid) else None


def _sound(written: list[Contentline], uid: str) -> bool:
    """One event, and ours: a series or several cannot be given one time."""
    events = [line for line in written if line.upper().replace(" ", "") == "BEGIN:VEVENT"]
    uids = [line.partition(":")[2].strip() for line in written if name_of(line) == "UID"]
    return len(events) == 1 and uid in uids
