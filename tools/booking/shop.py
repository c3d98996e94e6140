"""What the shop offers and when it is open, as its `shop.yaml` says."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from functools import cache
from typing import Annotated

import msgspec

from tools.booking.calendars import Calendar, CalendarFile, Shows, read_calendars
from tools.booking.hours import (
    MIDNIGHT,
    Closed,
    Dates,
    Exceptions,
    Range,
    Week,
    WeekHours,
    check_fives,
    on_day,
    read_dates,
    read_week,
)
from tools.booking.resources import (
    Minutes,
    NoticeHours,
    Resource,
    ResourceFile,
    Service,
    chairs,
    check_names,
    check_services,
    needs_of,
    read_resources,
)
from tools.config import Document
from tools.validation import Schema

FILE = "shop.yaml"

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
    # As it is said on the telephone; leave it out where it is not to be told.
    price: 30 pounds
  - name: beard trim
    minutes: 30
    price: 15 pounds
  - name: hair colouring
    minutes: 90
    price: from 60 pounds
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
    closed: Closed = []
    exceptions: Exceptions = []
    resources: Annotated[
        list[ResourceFile],
        msgspec.Meta(max_length=100, description="People, rooms, chairs: what services need."),
    ] = []
    calendars: Annotated[
        list[CalendarFile],
        msgspec.Meta(max_length=50, description="CalDAV calendars to keep in step."),
    ] = []
    calendar_shows: Annotated[
        Shows, msgspec.Meta(description="What calendars and the feed tell of a caller.")
    ] = "name"
    hold_minutes: Annotated[
        int, msgspec.Meta(ge=1, le=30, description="How long a time is kept for a caller.")
    ] = 5
    notice_to_cancel_hours: Annotated[
        NoticeHours, msgspec.Meta(description="Later than this, cancelling is refused.")
    ] = 0
    notice_to_move_hours: Annotated[
        NoticeHours, msgspec.Meta(description="Later than this, moving is refused.")
    ] = 0
    late_message: Annotated[
        str, msgspec.Meta(max_length=200, description="Said when it is too late to change.")
    ] = "I can take a message for our staff."


class Shop(msgspec.Struct, frozen=True):
    """A shop whose parts fit together."""

    name: str
    zone: zoneinfo.ZoneInfo
    services: tuple[Service, ...]
    week: Week
    closed: frozenset[dt.date]
    chairs: int
    """Resources without a name, besides those of `resources`."""
    step_minutes: int
    notice: dt.timedelta
    days_ahead: int
    special: Mapping[dt.date, tuple[Range, ...]] = {}
    """Days with other hours than their weekday's."""
    resources: tuple[Resource, ...] = ()
    hold: dt.timedelta = dt.timedelta(minutes=5)
    notice_to_cancel: dt.timedelta = dt.timedelta(0)
    notice_to_move: dt.timedelta = dt.timedelta(0)
    late_message: str = ""
    calendars: tuple[Calendar, ...] = ()
    calendar_shows: Shows = "name"

    def service(self, name: str) -> Service:
        """The service of this name; AssertionError when there is none (arguments are checked)."""
        found = self.offers(name)
        assert found is not None, "a service that is not in the schema's enum"
        return found

    def offers(self, name: str) -> Service | None:
        """The service of this name, which bookings of the past may have and the shop no more."""
        return next((each for each in self.services if each.name == name), None)

    @property
    def longest(self) -> Service:
        return max(self.services, key=lambda service: service.minutes)

    @property
    def everything(self) -> tuple[Resource, ...]:
        """All resources, those without a name first."""
        return (*chairs(self.chairs), *self.resources)

    @property
    def people(self) -> tuple[str, ...]:
        """Those whom a caller may ask for."""
        return tuple(each.name for each in self.resources if each.person)

    @property
    def largest_party(self) -> int:
        return max(service.party for service in self.services)

    def needs(self, service: Service) -> tuple[str, ...]:
        return needs_of(service, self.everything)

    def seats_of(self, resource: str) -> tuple[str, ...]:
        """What a resource is in `booked_cells`; empty for one the shop does not have."""
        found = next((each for each in self.everything if each.name == resource), None)
        return found.keys if found else ()

    def hours(self, day: dt.date) -> tuple[Range, ...]:
        """When the shop is open on a day."""
        return on_day(self.week, Dates(self.closed, self.special), day)

    def hours_of(self, resource: Resource, day: dt.date) -> tuple[Range, ...] | None:
        """When a resource is there; None: whenever the shop is open."""
        if resource.week is None and not (resource.dates.closed or resource.dates.special):
            return None
        return on_day(resource.week or (ALL_DAY,) * 7, resource.dates, day)


ALL_DAY = (Range(0, MIDNIGHT),)


def parse_shop(text: str, where: str) -> Shop:
    """The shop a `shop.yaml` describes. Raises ConfigError naming file, line and column."""
    document = Document(text, where)
    file = document.read(ShopFile, shop_schema())
    # Named resources take the place of the one chair there is otherwise.
    count = file.chairs if "chairs" in document.data or not file.resources else 0
    resources = read_resources(document, file.resources, file.services)
    everything = (*chairs(count), *resources)
    check_names(document, everything, count)
    check_services(document, file.services, everything)
    check_fives(document, ("step_minutes",), file.step_minutes)
    dates = read_dates(document, (), file.closed, file.exceptions)
    return Shop(
        name=file.name,
        zone=_zone(document, file.zone),
        services=tuple(file.services),
        week=read_week(document, ("hours",), file.hours),
        closed=dates.closed,
        chairs=count,
        step_minutes=file.step_minutes,
        notice=dt.timedelta(minutes=file.notice_minutes),
        days_ahead=file.days_ahead,
        special=dates.special,
        resources=resources,
        hold=dt.timedelta(minutes=file.hold_minutes),
        notice_to_cancel=dt.timedelta(hours=file.notice_to_cancel_hours),
        notice_to_move=dt.timedelta(hours=file.notice_to_move_hours),
        late_message=file.late_message,
        calendars=read_calendars(document, file.calendars, tuple(each.name for each in everything)),
        calendar_shows=file.calendar_shows,
    )


@cache
def shop_schema() -> Schema:
    """What `shop.yaml` is checked against."""
    document = msgspec.json.schema(ShopFile)
    for definition in document["$defs"].values():
        definition["additionalProperties"] = False
    return Schema(document)


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


def default_shop() -> Shop:
    """The built-in shop, for when there is no `shop.yaml`."""
    return parse_shop(DEFAULT_SHOP, FILE)
