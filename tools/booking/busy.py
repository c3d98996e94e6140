"""When is somebody busy, by the events of an outside calendar (RFC 5545)?

Only the lines that say when are read, and none of the rest: names, notes and definitions of time
zones are passed over, so nothing in them can do harm. Sizes and counts are bounded.
"""

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator

import msgspec
from icalendar.parser import Contentline, Contentlines
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from tools.booking.recurrence import Budget, UnreadableError, days, parse_rule

MAX_BYTES = 256 * 1024
MAX_EVENTS = 500
MAX_RANGES = 1_000
_MAX_LINE = 4_096
_TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")
_READ = frozenset({*_TIMES, "DURATION", "RRULE", "UID", "TRANSP", "STATUS", "SEQUENCE"})
_ONCE = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "UID", "RECURRENCE-ID"})
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W|(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?)"
)


class Busy(msgspec.Struct, frozen=True, order=True):
    """From `start` up to `end`, both in UTC."""

    start: dt.datetime
    end: dt.datetime


class Property(msgspec.Struct, frozen=True):
    """One line of an event, with the parameters that matter for times."""

    value: str
    zone: str | None
    onward: bool = False
    """Whether it means this instance of a series and all after it."""


unfolded: Callable[[str], list[Contentline]] = Contentlines.from_ical
"""The package's own unfolding, which has no types."""
Component = dict[str, list[Property]]
Moment = dt.date | dt.datetime
"""A whole day, or an aware moment in the zone it was written in."""


class When(msgspec.Struct, frozen=True):
    """What one VEVENT says of its times."""

    uid: str
    start: Moment
    length: dt.timedelta
    component: Component
    instance: Moment | None
    """For a changed instance of a series: when it would have been."""
    busy: bool


def busy(text: str, first: dt.datetime, last: dt.datetime, zone: zoneinfo.ZoneInfo) -> list[Busy]:
    """Busy times of all events in one file that touch `first` to `last`, in order, not merged.

    `zone` is where times without a zone and whole days are meant. Raises UnreadableError.
    """
    events = [when(each, zone) for each in components(text)]
    budget, found = Budget(), list[Busy]()
    changed = {(each.uid, _utc(each.instance, zone)) for each in events if each.instance}
    for event in events:
        for start in _starts(event, first, last, zone, budget):
            if event.instance is None and (event.uid, _utc(start, zone)) in changed:
                continue
            found.extend(_within(_range(start, event.length, zone), first, last))
            if len(found) > MAX_RANGES:
                raise UnreadableError(f"it has more than {MAX_RANGES} times in the next months")
    return sorted(found)


def components(text: str) -> list[Component]:
    """The VEVENTs of a file, only with the properties that say when. Raises UnreadableError."""
    found: list[Component] = []
    inside: list[str] = []
    for line in lines(text):
        name = name_of(line)
        if name == "BEGIN":
            inside.append(line.partition(":")[2].strip().upper())
            if inside[-1] == "VEVENT":
                found.append({})
        elif name == "END":
            if not inside or inside.pop() != line.partition(":")[2].strip().upper():
                raise UnreadableError("its parts are not closed in order")
        elif inside and inside[-1] == "VEVENT" and name in _READ:
            found[-1].setdefault(name, []).append(_property(line))
        if len(found) > MAX_EVENTS or len(inside) > 10:
            raise UnreadableError("it holds too many parts")
    if inside or not found:
        raise UnreadableError("it holds no complete event")
    return found


def lines(text: str) -> list[Contentline]:
    """Its unfolded lines, empty ones left out. Raises UnreadableError."""
    if len(text) > MAX_BYTES:
        raise UnreadableError(f"it is larger than {MAX_BYTES // 1024} KiB")
    try:
        return [line for line in unfolded(text) if line]
    except ValueError:
        raise UnreadableError("it is no iCalendar text") from None


def name_of(line: str) -> str:
    """The name before the first colon or semicolon, in capitals."""
    return re.split("[:;]", line, maxsplit=1)[0].strip().upper()


def _property(line: Contentline) -> Property:
    if len(line) > _MAX_LINE:
        raise UnreadableError("a line that says when is too long")
    try:
        _, parameters, value = line.raw_parts()
        zone = parameters.get("TZID")
    except (ValueError, KeyError):
        raise UnreadableError("a line that says when is broken") from None
    onward = "RANGE" in parameters
    return Property(value.strip(), zone if isinstance(zone, str) else None, onward)


def when(component: Component, zone: zoneinfo.ZoneInfo) -> When:
    """The times of one VEVENT. Raises UnreadableError."""
    for name in _ONCE & component.keys():
        if len(component[name]) > 1:
            raise UnreadableError(f"it has more than one {name}")
    if "DTSTART" not in component:
        raise UnreadableError("it has no beginning")
    start = moment(component["DTSTART"][0], zone)
    instance = component.get("RECURRENCE-ID")
    return When(
        uid=_said(component, "UID"),
        start=start,
        length=_length(component, start, zone),
        component=component,
        instance=moment(instance[0], zone) if instance else None,
        busy=_said(component, "TRANSP").upper() != "TRANSPARENT"
        and _said(component, "STATUS").upper() != "CANCELLED",
    )


def _said(component: Component, name: str) -> str:
    return component[name][0].value if name in component else ""


def moment(said: Property, zone: zoneinfo.ZoneInfo) -> Moment:
    """A DATE or DATE-TIME; one without a zone is meant in `zone`. Raises UnreadableError."""
    match = re.fullmatch(r"([0-9]{8})(?:T([0-9]{6})(Z)?)?", said.value)
    if match is None:
        raise UnreadableError("a date in it is no date")
    try:
        day = dt.datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=dt.UTC).date()
        # Years at the ends of the calendar have no UTC everywhere.
        if not 1900 <= day.year <= 2200:
            raise UnreadableError("a date in it is out of range")
        if match[2] is None:
            return day
        # A leap second is written as 60, which Python does not know.
        clock = dt.time(int(match[2][:2]), int(match[2][2:4]), min(int(match[2][4:]), 59))
    except UnreadableError:
        raise
    except ValueError:
        raise UnreadableError("a date in it is no date") from None
    where = dt.UTC if match[3] else zone if said.zone is None else find_zone(said.zone)
    return dt.datetime.combine(day, clock, where)


def find_zone(name: str) -> dt.tzinfo:
    """The zone a TZID means: by IANA name, with any prefix, or as Windows calls it.

    The file's own definition of it is not used: those are often wrong, and may be hostile.
    Raises UnreadableError for a name that nobody knows.
    """
    plain = name.strip().strip('"')
    parts = plain.strip("/").split("/")
    for candidate in (
        plain,
        WINDOWS_TO_OLSON.get(plain, ""),
        *("/".join(parts[-count:]) for count in (3, 2, 1)),
    ):
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]{1,60}", candidate):
            try:
                return zoneinfo.ZoneInfo(candidate)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
                continue
    raise UnreadableError("it names a time zone that is not known")


def _length(component: Component, start: Moment, zone: zoneinfo.ZoneInfo) -> dt.timedelta:
    """In elapsed time for moments, in days for whole days; nothing for an end before its start."""
    whole_day = not isinstance(start, dt.datetime)
    if "DTEND" in component:
        end = moment(component["DTEND"][0], zone)
        if whole_day == isinstance(end, dt.datetime):
            raise UnreadableError("it begins with a day and ends with a time, or the reverse")
        if isinstance(start, dt.datetime) and isinstance(end, dt.datetime):
            passed = end.astimezone(dt.UTC) - start.astimezone(dt.UTC)
        else:
            passed = dt.timedelta(days=(end - start).days)
        return max(passed, dt.timedelta(days=1) if whole_day else dt.timedelta())
    if "DURATION" in component:
        passed = _duration(component["DURATION"][0].value)
        # Part of a whole day is all of it: hours have no place there (RFC 5545, 3.6.1).
        return (
            dt.timedelta(days=max(-(-passed // dt.timedelta(days=1)), 1)) if whole_day else passed
        )
    return dt.timedelta(days=1 if whole_day else 0)


def _duration(text: str) -> dt.timedelta:
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise UnreadableError("its duration cannot be read")
    weeks, whole_days, hours, minutes, seconds = (int(each or 0) for each in match.groups())
    return dt.timedelta(weeks=weeks, days=whole_days, hours=hours, minutes=minutes, seconds=seconds)


def _starts(
    event: When, first: dt.datetime, last: dt.datetime, zone: zoneinfo.ZoneInfo, budget: Budget
) -> Iterator[Moment]:
    """Every beginning of a busy event that may matter, exceptions taken out."""
    if not event.busy or not event.length:
        return
    if event.instance is not None:
        if event.component["RECURRENCE-ID"][0].onward:
            raise UnreadableError("it changes a series from one instance on")
        yield event.start
        return
    margin = dt.timedelta(days=2)
    window = ((first - event.length - margin).date(), (last + margin).date())
    out = {_utc(each, zone) for each in _listed(event.component.get("EXDATE", ()), zone)}
    seen = set[dt.datetime]()
    for start in _every(event, window, zone, budget):
        key = _utc(start, zone)
        if key not in out and key not in seen:
            seen.add(key)
            yield start


def _every(
    event: When, window: tuple[dt.date, dt.date], zone: zoneinfo.ZoneInfo, budget: Budget
) -> Iterator[Moment]:
    yield event.start
    yield from _listed(event.component.get("RDATE", ()), zone)
    if "RRULE" not in event.component:
        return
    rule = parse_rule(event.component["RRULE"][0].value)
    start = event.start
    until = _until(rule.until, start, zone)
    first_day = start.date() if isinstance(start, dt.datetime) else start
    for day in days(rule, first_day, window, budget):
        found: Moment = (
            dt.datetime.combine(day, start.timetz()) if isinstance(start, dt.datetime) else day
        )
        if until is not None and _utc(found, zone) > until:
            return
        yield found


def _until(text: str | None, start: Moment, zone: zoneinfo.ZoneInfo) -> dt.datetime | None:
    """The last moment at which an instance may begin."""
    if text is None:
        return None
    end = moment(Property(text, None), zone)
    if isinstance(end, dt.datetime):
        return end.astimezone(dt.UTC)
    # A day as the end of a series of times means all of that day.
    clock = dt.time(23, 59, 59)
    where = start.tzinfo if isinstance(start, dt.datetime) else zone
    return dt.datetime.combine(end, clock, where).astimezone(dt.UTC)


def _listed(said: Iterable[Property], zone: zoneinfo.ZoneInfo) -> Iterator[Moment]:
    for each in said:
        values = each.value.split(",")
        if len(values) > MAX_RANGES:
            raise UnreadableError("it lists too many dates")
        for value in values:
            yield moment(Property(value.strip(), each.zone), zone)


def _range(start: Moment, length: dt.timedelta, zone: zoneinfo.ZoneInfo) -> Busy:
    """A whole day lasts from local midnight to local midnight, be it 23 hours or 25."""
    if isinstance(start, dt.datetime):
        begins = start.astimezone(dt.UTC)
        return Busy(begins, begins + length)
    return Busy(_utc(start, zone), _utc(start + length, zone))


def _within(found: Busy, first: dt.datetime, last: dt.datetime) -> Iterator[Busy]:
    if found.start < last and first < found.end:
        yield Busy(max(found.start, first), min(found.end, last))


def _utc(at: Moment, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    if isinstance(at, dt.datetime):
        return at.astimezone(dt.UTC)
    return dt.datetime.combine(at, dt.time(), zone).astimezone(dt.UTC)
