"""Opening hours, the local clock and its two odd nights, and what is taken."""

import datetime as dt
import zoneinfo

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.tools.desk import local
from tests.tools.salon import BAR
from tools.booking.calendar import Obstacle, Slot, bookable, days, find, moment, slots
from tools.booking.hours import Range
from tools.booking.resources import Service
from tools.booking.seating import Seating
from tools.booking.shop import Shop, default_shop

LONDON = zoneinfo.ZoneInfo("Europe/London")
CUT = Service("cut", 45)
# A Tuesday, 08:00 in London.
NOW = dt.datetime(2026, 3, 3, 8, 0, tzinfo=dt.UTC)
SPRING = dt.date(2026, 3, 29)  # 01:00 becomes 02:00 in London.
AUTUMN = dt.date(2026, 10, 25)  # 02:00 becomes 01:00 again.


def shop(
    week: tuple[Range, ...] = (Range(540, 1080),), zone: zoneinfo.ZoneInfo = LONDON, **given: object
) -> Shop:
    values = {
        "name": "Shop",
        "zone": zone,
        "services": (CUT,),
        "week": (week,) * 7,
        "closed": frozenset(),
        "chairs": 1,
        "step_minutes": 30,
        "notice": dt.timedelta(hours=1),
        "days_ahead": 60,
        **given,
    }
    return Shop(**values)  # type: ignore[arg-type]


def clock(found: list[Slot]) -> list[str]:
    return [f"{slot.local:%H:%M}" for slot in found]


def test_slots_go_in_steps_from_opening_and_end_before_closing() -> None:
    found = list(slots(shop((Range(540, 600), Range(840, 930))), CUT, dt.date(2026, 3, 4)))
    assert clock(found) == ["09:00", "14:00", "14:30"]


def test_a_service_as_long_as_the_opening_fits_once() -> None:
    assert len(list(slots(shop((Range(540, 585),)), CUT, dt.date(2026, 3, 4)))) == 1
    assert not list(slots(shop((Range(540, 580),)), CUT, dt.date(2026, 3, 4)))


def test_a_day_off_has_no_slots() -> None:
    closed = shop(closed=frozenset({dt.date(2026, 3, 4)}))
    assert not list(slots(closed, CUT, dt.date(2026, 3, 4)))
    assert list(slots(closed, CUT, dt.date(2026, 3, 5)))


def test_a_slot_covers_its_length_in_five_minute_cells() -> None:
    (slot, *_) = slots(shop(), CUT, dt.date(2026, 3, 4))
    assert slot.start == dt.datetime(2026, 3, 4, 9, 0, tzinfo=dt.UTC)
    assert len(slot.cells) == 9
    assert slot.cells[0] * 300 == int(slot.start.timestamp())


# ---- the two odd nights -----------------------------------------------------------------------


def test_a_time_skipped_in_spring_is_no_moment() -> None:
    assert moment(LONDON, local("2026-03-29 01:30")) is None
    assert moment(LONDON, local("2026-03-29 02:00")) == dt.datetime(
        2026, 3, 29, 1, 0, tzinfo=dt.UTC
    )


def test_a_time_that_comes_twice_means_its_first_coming() -> None:
    assert moment(LONDON, local("2026-10-25 01:30")) == dt.datetime(
        2026, 10, 25, 0, 30, tzinfo=dt.UTC
    )


def test_on_the_spring_night_the_skipped_hour_is_not_offered() -> None:
    night = shop((Range(0, 240),))
    assert clock(list(slots(night, CUT, SPRING))) == ["00:00", "00:30", "02:00", "02:30", "03:00"]


def test_a_slot_across_the_spring_gap_is_as_long_as_its_service() -> None:
    (_, before, after, *_) = slots(shop((Range(0, 240),)), CUT, SPRING)
    assert before.local.hour == 0
    assert after.start - before.start == dt.timedelta(minutes=30)
    assert set(before.cells) & set(after.cells)


def test_on_the_autumn_night_no_time_is_offered_twice() -> None:
    found = list(slots(shop((Range(0, 240),)), CUT, AUTUMN))
    assert clock(found) == ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30", "03:00"]
    starts = [slot.start for slot in found]
    assert starts == sorted(set(starts))
    # 01:30 comes first in summer time; 02:00 is ninety minutes after it.
    assert starts[4] - starts[3] == dt.timedelta(minutes=90)


def test_nine_in_the_morning_stays_nine_when_the_offset_changes() -> None:
    (before, *_) = slots(shop(), CUT, SPRING - dt.timedelta(days=1))
    (after, *_) = slots(shop(), CUT, SPRING)
    assert (before.start.hour, after.start.hour) == (9, 8)


def test_an_opening_time_inside_the_gap_does_not_open_early() -> None:
    found = list(slots(shop((Range(90, 240),)), CUT, SPRING))
    assert clock(found) == ["02:00", "02:30", "03:00"]


def test_a_zone_half_an_hour_off_has_its_own_cells() -> None:
    (slot, *_) = slots(shop(zone=zoneinfo.ZoneInfo("Asia/Kathmandu")), CUT, dt.date(2026, 3, 4))
    assert slot.start == dt.datetime(2026, 3, 4, 3, 15, tzinfo=dt.UTC)
    assert slot.cells[0] * 300 == int(slot.start.timestamp())


# ---- past midnight ----------------------------------------------------------------------------

TABLE = BAR.service("table")


def test_who_is_open_past_midnight_has_slots_over_it() -> None:
    friday = dt.date(2026, 3, 6)
    assert clock(list(slots(BAR, TABLE, friday)))[-2:] == ["23:00", "23:30"]
    assert isinstance(find(BAR, TABLE, local("2026-03-06 23:30"), NOW), Slot)
    assert find(BAR, TABLE, local("2026-03-06 23:40"), NOW) is Obstacle.OFF_STEP
    assert clock(list(slots(BAR, TABLE, dt.date(2026, 3, 7))))[:4] == [
        "00:00", "00:30", "01:00", "01:30",
    ]  # fmt: skip


def test_where_the_next_day_is_off_midnight_is_the_end() -> None:
    assert clock(list(slots(BAR, TABLE, dt.date(2026, 3, 14))))[-1] == "23:00"
    late = find(BAR, TABLE, local("2026-03-14 23:30"), NOW)
    assert late is Obstacle.CLOSED_HOUR


@pytest.mark.parametrize(
    ("zone", "evening", "open_minutes"),
    [
        ("Europe/London", "2026-03-07", 180),
        ("Europe/London", "2026-03-28", 120),
        ("Europe/London", "2026-10-24", 240),
        # There is no time from 00:00 to 01:00 on the 6th of September ...
        ("America/Santiago", "2026-09-05", 120),
        # ... and on the 4th of April 23:30 comes twice.
        ("America/Santiago", "2026-04-04", 240),
    ],
)
def test_a_night_is_as_long_as_it_is_when_clocks_change(
    zone: str, evening: str, open_minutes: int
) -> None:
    bar = msgspec.structs.replace(BAR, zone=zoneinfo.ZoneInfo(zone))
    day = dt.date.fromisoformat(evening)
    for minutes, fits in ((open_minutes, True), (open_minutes + 5, False)):
        found = clock(list(slots(bar, Service("night", minutes), day)))
        assert ("23:30" in found) is fits


# ---- what may be booked now -------------------------------------------------------------------


def test_today_starts_after_the_notice() -> None:
    later = NOW + dt.timedelta(hours=2, minutes=10)
    assert clock(bookable(shop(), CUT, NOW.date(), later))[:2] == ["11:30", "12:00"]


def test_days_run_from_today_to_the_last_in_the_shops_zone() -> None:
    tokyo = shop(zone=zoneinfo.ZoneInfo("Asia/Tokyo"), days_ahead=2)
    evening = dt.datetime(2026, 3, 3, 20, 0, tzinfo=dt.UTC)
    assert list(days(tokyo, evening)) == [dt.date(2026, 3, day) for day in (4, 5, 6)]


@pytest.mark.parametrize(
    "day", [dt.date.min, dt.date(2026, 3, 2), dt.date(2026, 5, 3), dt.date.max]
)
def test_outside_the_booking_window_nothing_is_bookable(day: dt.date) -> None:
    assert bookable(shop(), CUT, day, NOW) == []


@pytest.mark.parametrize(
    ("text", "obstacle"),
    [
        ("0001-01-01 00:00", Obstacle.PAST),
        ("2026-03-02 10:00", Obstacle.PAST),
        ("2026-03-03 07:30", Obstacle.PAST),
        ("2026-03-03 08:30", Obstacle.CLOSED_HOUR),
        ("2026-03-03 09:00", None),
        ("2026-03-04 10:10", Obstacle.OFF_STEP),
        ("2026-03-04 17:30", Obstacle.CLOSED_HOUR),
        ("2026-03-04 17:15", Obstacle.OFF_STEP),
        ("2026-03-04 20:00", Obstacle.CLOSED_HOUR),
        ("2026-03-08 10:00", Obstacle.CLOSED_DAY),
        ("2026-03-29 01:30", Obstacle.NO_SUCH_TIME),
        ("2026-05-02 10:00", None),
        ("2026-05-03 10:00", Obstacle.TOO_FAR),
        ("9999-12-31 23:59", Obstacle.TOO_FAR),
    ],
)
def test_each_obstacle_is_named(text: str, obstacle: Obstacle | None) -> None:
    own = shop(closed=frozenset({dt.date(2026, 3, 8)}))
    found = find(own, CUT, local(text), NOW)
    assert found is obstacle or (obstacle is None and isinstance(found, Slot))


def test_too_soon_is_told_apart_from_past() -> None:
    now = dt.datetime(2026, 3, 3, 9, 45, tzinfo=dt.UTC)
    assert find(shop(), CUT, local("2026-03-03 10:00"), now) is Obstacle.TOO_SOON
    assert find(shop(), CUT, local("2026-03-03 09:30"), now) is Obstacle.PAST


# ---- chairs -----------------------------------------------------------------------------------


def test_the_first_chair_free_for_the_whole_slot_is_taken() -> None:
    two = shop(chairs=2)
    (slot, *_) = slots(two, CUT, dt.date(2026, 3, 4))
    last = slot.cells[-1]
    one, other = "chair 1", "chair 2"
    seating = Seating(two, CUT)
    assert seating.find(slot, set()) == (one,)
    assert seating.find(slot, {(one, last)}) == (other,)
    assert seating.find(slot, {(one, last), (other, last)}) is None
    assert seating.find(slot, {(one, last + 1), (one, slot.cells[0] - 1)}) == (one,)


# ---- properties -------------------------------------------------------------------------------

ZONES = st.sampled_from(
    [
        "Europe/London",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "UTC",
        "America/St_Johns",
        "Africa/Casablanca",
        "America/Santiago",
    ]
).map(zoneinfo.ZoneInfo)
FIVES = st.integers(0, 288).map(lambda fives: fives * 5)


@st.composite
def weeks(draw: st.DrawFn) -> tuple[Range, ...]:
    edges = sorted(draw(st.sets(FIVES, min_size=2, max_size=6)))
    return tuple(Range(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False))


SHOPS = st.builds(
    shop,
    weeks(),
    ZONES,
    step_minutes=st.integers(1, 24).map(lambda fives: fives * 5),
    notice=st.integers(0, 300).map(lambda minutes: dt.timedelta(minutes=minutes)),
    days_ahead=st.integers(1, 400),
    chairs=st.integers(1, 3),
)
SERVICES = st.integers(1, 40).map(lambda fives: Service("service", fives * 5))
NOWS = st.datetimes(local("2020-01-01 00:00"), local("2030-01-01 00:00"), timezones=st.just(dt.UTC))


@given(SHOPS, SERVICES, NOWS, st.integers(0, 400))
def test_every_offered_slot_can_be_booked_and_lies_in_the_opening_hours(
    own: Shop, service: Service, now: dt.datetime, ahead: int
) -> None:
    day = now.astimezone(own.zone).date() + dt.timedelta(days=ahead)
    for slot in bookable(own, service, day, now):
        assert find(own, service, slot.local, now) == slot
        assert slot.start >= now + own.notice
        begins = slot.start.astimezone(own.zone)
        ends = (slot.start + dt.timedelta(minutes=service.minutes)).astimezone(own.zone)
        assert begins.replace(tzinfo=None) == slot.local
        minutes = begins.hour * 60 + begins.minute
        week = own.week[day.weekday()]
        (opening,) = [each for each in week if each.start <= minutes < each.end]
        assert ends.date() == day or opening.end == 24 * 60
        # All days are alike: a night goes on where the next day begins with it.
        on = week[0].end if opening.end == 24 * 60 and week[0].start == 0 else 0
        if begins.utcoffset() == ends.utcoffset():
            assert minutes + service.minutes <= opening.end + on


@given(SHOPS, SERVICES, NOWS, st.datetimes(local("2019-01-01 00:00"), local("2031-01-01 00:00")))
def test_any_time_asked_for_is_a_slot_or_an_obstacle(
    own: Shop, service: Service, now: dt.datetime, wanted: dt.datetime
) -> None:
    found = find(own, service, wanted.replace(second=0, microsecond=0), now)
    assert isinstance(found, Slot | Obstacle)


@given(
    SHOPS, NOWS, st.integers(0, 60), st.lists(st.tuples(st.integers(0, 300), SERVICES), max_size=25)
)
def test_whatever_is_booked_one_after_the_other_never_overlaps(
    own: Shop, now: dt.datetime, ahead: int, wishes: list[tuple[int, Service]]
) -> None:
    day = now.astimezone(own.zone).date() + dt.timedelta(days=ahead)
    taken: set[tuple[str, int]] = set()
    booked: list[tuple[str, Slot]] = []
    for choice, service in wishes:
        seating = Seating(own, service)
        free = [slot for slot in bookable(own, service, day, now) if seating.find(slot, taken)]
        if free:
            slot = free[choice % len(free)]
            found = seating.find(slot, taken)
            assert found is not None
            (chair,) = found
            booked.append((chair, slot))
            taken |= {(chair, cell) for cell in slot.cells}
    for index, (chair, slot) in enumerate(booked):
        for other_chair, other in booked[:index]:
            apart = other.start >= slot.start + dt.timedelta(minutes=slot.minutes) or (
                slot.start >= other.start + dt.timedelta(minutes=other.minutes)
            )
            assert chair != other_chair or apart


@given(st.dates(dt.date(2020, 1, 1), dt.date(2030, 1, 1)), st.times(), ZONES)
def test_a_moment_is_what_the_shops_clock_shows(
    day: dt.date, time: dt.time, zone: zoneinfo.ZoneInfo
) -> None:
    shown = dt.datetime.combine(day, time.replace(second=0, microsecond=0, fold=0))
    found = moment(zone, shown)
    assume(found is not None)
    assert found is not None
    assert found.astimezone(zone).replace(tzinfo=None) == shown


def test_the_built_in_shop_has_times_to_offer() -> None:
    own = default_shop()
    assert clock(bookable(own, own.longest, dt.date(2026, 3, 7), NOW))[-1] == "15:30"
