"""When somebody is busy, by what their calendar says, hostile calendars included."""

import contextlib
import datetime as dt
import time
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from tests.exploring import examples
from tools.booking.busy import MAX_BYTES, Busy, busy, components, find_zone
from tools.booking.recurrence import UnreadableError

LONDON = zoneinfo.ZoneInfo("Europe/London")
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
FIRST = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
LAST = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def file(*events: str) -> str:
    bodies = "".join(f"BEGIN:VEVENT\r\n{each}\r\nEND:VEVENT\r\n" for each in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{bodies}END:VCALENDAR\r\n"


def event(*lines: str, uid: str = "a") -> str:
    return "\r\n".join((f"UID:{uid}", *lines))


def read(*lines: str, zone: zoneinfo.ZoneInfo = LONDON) -> list[str]:
    """Busy times as `03-03 10:00/11:00` in UTC."""
    return [shown(each) for each in busy(file(event(*lines)), FIRST, LAST, zone)]


def shown(found: Busy) -> str:
    return f"{found.start:%m-%d %H:%M}/{found.end:%m-%d %H:%M}"


def test_a_time_in_utc() -> None:
    assert read("DTSTART:20260303T100000Z", "DTEND:20260303T113000Z") == ["03-03 10:00/03-03 11:30"]


def test_a_time_in_a_named_zone_with_a_duration() -> None:
    got = read("DTSTART;TZID=Europe/Berlin:20260303T100000", "DURATION:PT1H30M")
    assert got == ["03-03 09:00/03-03 10:30"]


def test_a_floating_time_is_on_the_shop_s_clock() -> None:
    got = read("DTSTART:20260303T100000", "DTEND:20260303T110000", zone=BERLIN)
    assert got == ["03-03 09:00/03-03 10:00"]


def test_a_whole_day_is_one_of_the_shop_even_when_the_clocks_change() -> None:
    assert read("DTSTART;VALUE=DATE:20260329") == ["03-29 00:00/03-29 23:00"]
    assert read("DTSTART;VALUE=DATE:20260303", "DTEND;VALUE=DATE:20260305", zone=BERLIN) == [
        "03-02 23:00/03-04 23:00"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Europe/Berlin",
        "/freeassociation.sourceforge.net/Europe/Berlin",
        "/mozilla.org/20050126_1/Europe/Berlin",
        "W. Europe Standard Time",
        '"Europe/Berlin"',
    ],
)
def test_zones_go_by_many_names(name: str) -> None:
    at = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
    assert at.astimezone(find_zone(name)).utcoffset() == dt.timedelta(hours=2)


@pytest.mark.parametrize("name", ["Nowhere/Land", "../../etc/passwd", "", "\0", "x" * 5000])
def test_a_zone_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(UnreadableError, match="time zone"):
        find_zone(name)


def test_the_file_s_own_definition_of_a_zone_is_not_believed() -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "RRULE:FREQ=SECONDLY\r\nTZOFFSETFROM:+0500\r\nTZOFFSETTO:+0900\r\nEND:STANDARD\r\n"
        "END:VTIMEZONE\r\n"
    )
    lines = event("DTSTART;TZID=Europe/Berlin:20260303T100000", "DURATION:PT1H")
    text = file(lines).replace("VERSION:2.0\r\n", f"VERSION:2.0\r\n{zone}")
    assert [shown(each) for each in busy(text, FIRST, LAST, LONDON)] == ["03-03 09:00/03-03 10:00"]


@pytest.mark.parametrize(
    "said",
    [
        ("TRANSP:TRANSPARENT",),
        ("STATUS:CANCELLED",),
        ("DTEND:20260303T100000Z",),
        ("DTEND:20260303T090000Z",),
        (),
    ],
    ids=["transparent", "cancelled", "no length", "ends before it begins", "no end"],
)
def test_what_makes_nobody_busy(said: tuple[str, ...]) -> None:
    assert read("DTSTART:20260303T100000Z", *said) == []


def test_what_is_outside_the_window_is_left_out_and_its_edges_are_cut() -> None:
    assert read("DTSTART:20250303T100000Z", "DURATION:PT1H") == []
    assert read("DTSTART:20260228T230000Z", "DURATION:P1D") == ["03-01 00:00/03-01 23:00"]


def test_a_weekly_meeting_keeps_its_local_hour_over_the_change_of_clocks() -> None:
    got = read(
        "DTSTART;TZID=Europe/London:20260324T090000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY;UNTIL=20260407T080000Z",
    )
    assert got == [
        "03-24 09:00/03-24 10:00",
        "03-31 08:00/03-31 09:00",
        "04-07 08:00/04-07 09:00",
    ]


def test_a_whole_day_as_the_end_of_a_series_counts() -> None:
    got = read("DTSTART:20260303T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20260304")
    assert len(got) == 2


def test_exceptions_and_additional_dates() -> None:
    got = read(
        "DTSTART:20260303T100000Z",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;COUNT=3",
        "EXDATE:20260304T100000Z",
        "RDATE:20260310T120000Z,20260303T100000Z",
    )
    assert got == [
        "03-03 10:00/03-03 11:00",
        "03-05 10:00/03-05 11:00",
        "03-10 12:00/03-10 13:00",
    ]


def test_a_series_that_began_years_ago_is_found() -> None:
    got = read("DTSTART;VALUE=DATE:20100301", "DTEND;VALUE=DATE:20100303", "RRULE:FREQ=YEARLY")
    assert got == ["03-01 00:00/03-03 00:00"]


def test_one_changed_instance_of_a_series() -> None:
    series = event("DTSTART:20260303T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3")
    moved = event("RECURRENCE-ID:20260304T100000Z", "DTSTART:20260304T150000Z", "DURATION:PT1H")
    off = event(
        "RECURRENCE-ID:20260305T100000Z",
        "DTSTART:20260305T100000Z",
        "DURATION:PT1H",
        "STATUS:CANCELLED",
    )
    got = busy(file(series, moved, off), FIRST, LAST, LONDON)
    assert [shown(each) for each in got] == ["03-03 10:00/03-03 11:00", "03-04 15:00/03-04 16:00"]


def test_notes_and_alarms_are_passed_over() -> None:
    got = read(
        "DESCRIPTION:" + "x" * 50_000,
        "DTSTART:20260303T100000Z",
        "DURATION:PT1H",
        "BEGIN:VALARM",
        "TRIGGER:-PT15M",
        "DURATION:PT5M",
        "END:VALARM",
    )
    assert got == ["03-03 10:00/03-03 11:00"]


def test_folded_lines_are_joined() -> None:
    assert read("DTSTART:20260303T1\r\n 00000Z", "DURATION:PT1H") == ["03-03 10:00/03-03 11:00"]


START = "DTSTART:20260303T100000Z"


@pytest.mark.parametrize(
    "lines",
    [
        ("DURATION:PT1H",),
        ("DTSTART:tomorrow",),
        ("DTSTART:20261303T100000Z",),
        ("DTSTART:20260230",),
        ("DTSTART:00010101T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY"),
        ("DTSTART:99991231", "RRULE:FREQ=DAILY"),
        (START, START),
        (START, "DTEND;VALUE=DATE:20260304"),
        (START, "DURATION:P"),
        (START, "DURATION:P99999999999999999999D"),
        (START, "DURATION:PT1H", "RRULE:FREQ=SECONDLY"),
        (START, "DURATION:PT1H", "RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY"),
        (START, "DURATION:PT1H", "EXDATE:" + ",".join(["20260303T100000Z"] * 1_001)),
        (START, "DURATION:PT1H", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260303T100000Z"),
        ("DTSTART;TZID=Moon/Base:20260303T100000", "DURATION:PT1H"),
        ("DTSTART;TZID=" + "x" * 5_000 + ":20260303T100000",),
        (START, "END:VEVENT", "END:VEVENT"),
        ("BEGIN:X\r\n" * 20,),
    ],
    ids=lambda lines: " ".join(lines)[:40],
)
def test_what_cannot_be_read_is_refused_with_a_reason(lines: tuple[str, ...]) -> None:
    with pytest.raises(UnreadableError) as refused:
        read(*lines)
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("text", ["", "hello", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "\0" * 99])
def test_what_is_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        busy(text, FIRST, LAST, LONDON)


def test_hostile_files_cost_little() -> None:
    """In processor time of this thread, with a wide margin: without bounds it would be days."""
    every_day = event(START, "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=100000")
    never = event(START, "DURATION:PT1H", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=9")
    hostile = [
        file(*[every_day] * 100),
        file(*[never] * 400),
        file(*[event(START)] * 501),
        file(event("X-A:" + "x" * MAX_BYTES)),
        "BEGIN:VEVENT\n" * 20_000,
        "\n" * (MAX_BYTES - 1),
        "DTSTART" + ";A=" * 80_000,
        file(event("DTSTART" + ';A="' * 1_000 + ":1")),
    ]
    begun = time.thread_time()
    for text in hostile:
        with contextlib.suppress(UnreadableError):
            assert len(busy(text, FIRST, LAST + dt.timedelta(days=700), LONDON)) < 1_000
    assert time.thread_time() - begun < 40


def test_the_icalendar_package_s_events_are_read() -> None:
    calendar, made = Calendar(), Event()
    made.add("uid", "a")
    made.add("dtstart", dt.datetime(2026, 3, 3, 10, tzinfo=BERLIN))
    made.add("dtend", dt.datetime(2026, 3, 3, 11, tzinfo=BERLIN))
    made.add("rrule", {"freq": "weekly", "count": 2})
    calendar.add_component(made)
    got = busy(calendar.to_ical().decode(), FIRST, LAST, LONDON)
    assert [shown(each) for each in got] == ["03-03 09:00/03-03 10:00", "03-10 09:00/03-10 10:00"]


LINES = st.sampled_from(
    [
        START, "DTSTART;VALUE=DATE:20260303", "DTSTART;TZID=Europe/Berlin:20260329T023000",
        "DTEND:20260303T110000Z", "DURATION:PT1H", "DURATION:P1W", "RRULE:FREQ=DAILY;COUNT=3",
        "RRULE:FREQ=MONTHLY;BYDAY=-1FR", "EXDATE:20260304T100000Z", "TRANSP:TRANSPARENT",
        "STATUS:CANCELLED", "RECURRENCE-ID:20260304T100000Z", "BEGIN:VALARM", "END:VALARM",
        "SUMMARY:x", "BEGIN:VEVENT", "END:VEVENT",
    ]
)  # fmt: skip


@given(st.lists(LINES | st.text(max_size=30), max_size=8))
@settings(max_examples=examples(200))
def test_any_file_gives_ordered_times_in_the_window_or_is_refused(lines: list[str]) -> None:
    try:
        found = busy(file(event(*lines)), FIRST, LAST, BERLIN)
    except UnreadableError:
        return
    assert found == sorted(found)
    for each in found:
        assert FIRST <= each.start < each.end <= LAST


@given(st.text(max_size=300))
@settings(max_examples=examples(100))
def test_any_text_has_components_or_is_refused(text: str) -> None:
    with contextlib.suppress(UnreadableError):
        assert components(text)
