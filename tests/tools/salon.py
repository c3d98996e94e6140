"""A shop with people, rooms and rules, and what tests of it begin with."""

import datetime as dt

from tests.tools.desk import CALLER, NOW
from tools.booking.bookings import Booking, Bookings, Wish
from tools.booking.calendar import Slot, find
from tools.booking.seating import ONE, Party
from tools.booking.shop import parse_shop
from tools.spec import ToolContext

SALON = """\
name: Salon
zone: Europe/London
step_minutes: 30
notice_minutes: 60
days_ahead: 60
hold_minutes: 5
notice_to_cancel_hours: 24
late_message: Please call the desk.
hours:
  tuesday: ["09:00-18:00"]
  wednesday: ["09:00-18:00"]
  thursday: ["09:00-20:00"]
  friday: ["09:00-18:00"]
closed: [2026-03-13, 2026-03-17..2026-03-19]
exceptions:
  - {days: 2026-03-20, hours: ["12:00-15:00"]}
resources:
  - {name: Anna, kind: stylist, person: true}
  - name: Bo
    kind: stylist
    person: true
    services: [cut]
    hours: {wednesday: ["12:00-18:00"], thursday: ["09:00-20:00"]}
    closed: [2026-03-12]
  - {name: front room, kind: room}
  - {name: long table, kind: table, seats: 6}
  - {name: small table, kind: table, seats: 2}
  - {name: bar, kind: counter, seats: 4, shared: true}
services:
  - {name: cut, minutes: 30, after: 10, needs: [stylist]}
  - {name: massage, minutes: 60, before: 10, after: 20, needs: [stylist, front room]}
  - {name: tea, minutes: 60, needs: [table], party: 8, notice_to_cancel_hours: 0}
  - {name: drink, minutes: 30, needs: [counter], party: 4, notice_to_cancel_hours: 0}
"""
SHOP = parse_shop(SALON, "shop.yaml")
BAR = parse_shop(
    """\
name: Bar
zone: Europe/London
notice_minutes: 0
days_ahead: 365
hours:
  friday: ["18:00-24:00"]
  saturday: ["00:00-02:30", "18:00-24:00"]
  sunday: ["00:00-02:30"]
closed: [2026-03-15]
resources:
  - {name: window, kind: table}
  - name: Cy
    kind: singer
    hours: {friday: ["20:00-24:00"], saturday: ["00:00-01:00"]}
  - {name: Di, kind: dancer, closed: [2026-03-20]}
services:
  - {name: table, minutes: 60, needs: [table]}
  - {name: song, minutes: 60, needs: [singer]}
  - {name: dance, minutes: 60, needs: [dancer]}
""",
    "shop.yaml",
)
"""Open past midnight, two nights a week."""


def context(
    key: str, number: str | None = CALLER, call: str = "CA1", now: dt.datetime = NOW
) -> ToolContext:
    return ToolContext(call, number, now, key.ljust(16, "-"))


def slot(service: str, time: str, day: str = "2026-03-04") -> Slot:
    when = dt.datetime.fromisoformat(f"{day} {time}")
    found = find(SHOP, SHOP.service(service), when, NOW)
    assert isinstance(found, Slot), found
    return found


def wish(service: str, time: str, name: str = "Ann", party: Party = ONE, **given: str) -> Wish:
    return Wish(service, name, slot(service, time, **given), party)


def booked(
    bookings: Bookings, key: str, service: str, time: str, party: Party = ONE, **given: str
) -> Booking:
    found = bookings.book(wish(service, time, key, party, **given), context(key, None, key))
    assert found is not None
    return found
