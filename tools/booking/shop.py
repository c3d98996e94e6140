"""What the shop offers and when it is open, as its `shop.yaml` says."""

import datetime as dt
import re
import zoneinfo
from functools import cache
from typing import Annotated

import msgspec

from tools.config import Document
from tools.validation import Path, Schema

CELL_MINUTES = 5
"""Everything on the calendar is a multiple of this."""
FILE = "shop.yaml"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

DEFAULT_SHOP = """\
# What callers can book, and when. Times are local to `zone`, on a 24-hour clock.
name: Willow Street Salon
zone: Europe/London
# How many customers can be served at once.
chairs: 1
# Appointments begin on these steps after opening.
step_minutes: 30
# How long before its time an appointment can still be booked, and how far ahead.
notice_minutes: 60
days_ahead: 60
services:
  - name: haircut
    minutes: 45
  - name: beard trim
    minutes: 30
  - name: hair colouring
    minutes: 90
# One or more ranges a day; leave a day out when the shop is closed.
hours:
  tuesday: ["09:00-18:00"]
  wednesday: ["09:00-18:00"]
  thursday: ["09:00-18:00"]
  friday: ["09:00-18:00"]
  saturday: ["09:00-13:00", "14:00-17:00"]
# Whole days off, besides the weekly ones.
closed: []
"""

Minutes = Annotated[int, msgspec.Meta(ge=CELL_MINUTES, le=480)]


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing a customer can book."""

    name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=60, description="As callers say it.")
    ]
    minutes: Annotated[Minutes, msgspec.Meta(description="How long it takes, in fives.")]


Hours = Annotated[
    list[str],
    msgspec.Meta(max_length=6, description='Ranges like "09:00-17:30"; "24:00" is midnight.'),
]


class WeekHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The opening hours of each weekday, in local time."""

    monday: Hours = []
    tuesday: Hours = []
    wednesday: Hours = []
    thursday: Hours = []
    friday: Hours = []
    saturday: Hours = []
    sunday: Hours = []


class ShopFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of `shop.yaml`: this declaration is what the file is checked against."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="The shop's name.")]
    zone: Annotated[str, msgspec.Meta(description="IANA time zone, like Europe/London.")]
    services: Annotated[
        list[Service], msgspec.Meta(min_length=1, max_length=40, description="What can be booked.")
    ]
    hours: Annotated[WeekHours, msgspec.Meta(description="Opening hours of each weekday.")]
    chairs: Annotated[int, msgspec.Meta(ge=1, le=50, description="How many customers at once.")] = 1
    step_minutes: Annotated[
        Minutes, msgspec.Meta(description="Appointments begin on these steps after opening.")
    ] = 30
    notice_minutes: Annotated[
        int,
        msgspec.Meta(ge=0, le=10_080, description="Shortest time between booking and appointment."),
    ] = 60
    days_ahead: Annotated[
        int, msgspec.Meta(ge=1, le=730, description="How many days ahead can be booked.")
    ] = 60
    closed: Annotated[
        list[Annotated[str, msgspec.Meta(extra_json_schema={"format": "date"})]],
        msgspec.Meta(max_length=400, description="Days off, like 2026-12-25."),
    ] = []


class Range(msgspec.Struct, frozen=True):
    """Open from `start` up to `end`, in minutes after local midnight."""

    start: int
    end: int


class Shop(msgspec.Struct, frozen=True):
    """A shop whose parts fit together."""

    name: str
    zone: zoneinfo.ZoneInfo
    services: tuple[Service, ...]
    week: tuple[tuple[Range, ...], ...]
    """Seven entries, Monday first."""
    closed: frozenset[dt.date]
    chairs: int
    step_minutes: int
    notice: dt.timedelta
    days_ahead: int

    def service(self, name: str) -> Service:
        """The service of this name; AssertionError when there is none (arguments are checked)."""
        found = next((each for each in self.services if each.name == name), None)
        assert found is not None, "a service that is not in the schema's enum"
        return found

    def seats_of(self, resource: str) -> tuple[str, ...]:
        """What a resource is in `booked_cells`; empty for one the shop does not have."""
        names = [f"chair {number}" for number in range(1, self.chairs + 1)]
        return (resource,) if resource in names else ()

    @property
    def longest(self) -> Service:
        return max(self.services, key=lambda service: service.minutes)


def parse_shop(text: str, where: str) -> Shop:
    """The shop a `shop.yaml` describes. Raises ConfigError naming file, line and column."""
    document = Document(text, where)
    file = document.read(ShopFile, shop_schema())
    _check_services(document, file)
    _check_fives(document, ("step_minutes",), file.step_minutes)
    return Shop(
        name=file.name,
        zone=_zone(document, file.zone),
        services=tuple(file.services),
        week=tuple(_ranges(document, day, getattr(file.hours, day)) for day in DAYS),
        closed=frozenset(map(dt.date.fromisoformat, file.closed)),
        chairs=file.chairs,
        step_minutes=file.step_minutes,
        notice=dt.timedelta(minutes=file.notice_minutes),
        days_ahead=file.days_ahead,
    )


@cache
def shop_schema() -> Schema:
    """What `shop.yaml` is checked against."""
    document = msgspec.json.schema(ShopFile)
    for definition in document["$defs"].values():
        definition["additionalProperties"] = False
    return Schema(document)


def _check_services(document: Document, file: ShopFile) -> None:
    seen: set[str] = set()
    for index, service in enumerate(file.services):
        key = service.name.casefold().strip()
        if key in seen:
            path = ("services", index, "name")
            raise document.error(path, f"{service.name!r} is there twice", "Keep one of the two")
        seen.add(key)
        _check_fives(document, ("services", index, "minutes"), service.minutes)


def _check_fives(document: Document, path: Path, minutes: int) -> None:
    if minutes % CELL_MINUTES:
        raise document.error(
            path, f"{minutes} is not a multiple of {CELL_MINUTES}", "Round it to five minutes"
        )


def _zone(document: Document, name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    # A folder of the database, a path out of it and a name with NUL each fail in their own way.
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise document.error(
            ["zone"],
            f"{name!r} is not a time zone",
            "Use a name like Europe/London or America/New_York",
        ) from None


def _ranges(document: Document, day: str, texts: list[str]) -> tuple[Range, ...]:
    ranges: list[Range] = []
    for index, text in enumerate(texts):
        path = ("hours", day, index)
        found = _range(document, path, text)
        if ranges and found.start < ranges[-1].end:
            raise document.error(
                path, "begins before the range above it ends", "Put ranges in order"
            )
        ranges.append(found)
    return tuple(ranges)


CLOCK = r"(\d{2}):(\d{2})"


def _range(document: Document, path: Path, text: str) -> Range:
    match = re.fullmatch(rf"{CLOCK}\s*-\s*{CLOCK}", text, re.ASCII)
    if match is None:
        raise document.error(
            path, f"{text!r} is not a range of times", 'Write it like "09:00-17:30"'
        )
    hours = [int(each) for each in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if max(hours[1], hours[3]) > 59 or end > 24 * 60:
        raise document.error(path, f"{text!r} is not on the clock", "Use 00:00 to 24:00")
    if start >= end:
        raise document.error(
            path, f"{text!r} ends before it begins", "Split it at midnight, over two days"
        )
    if start % CELL_MINUTES or end % CELL_MINUTES:
        raise document.error(
            path, f"{text!r} is not in fives of minutes", "Round it to five minutes"
        )
    return Range(start, end)


def default_shop() -> Shop:
    """The built-in shop, for when there is no `shop.yaml`."""
    return parse_shop(DEFAULT_SHOP, FILE)
