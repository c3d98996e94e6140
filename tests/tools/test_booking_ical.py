"""Our appointments as others see them."""

import datetime as dt
import zoneinfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from tests.exploring import examples
from tools.booking.busy import busy
from tools.booking.ical import MAX_TEXT, Entry, Placed, alone, feed, placed, retimed
from tools.booking.recurrence import UnreadableError

LONDON = zoneinfo.ZoneInfo("Europe/London")
AT = dt.datetime(2026, 3, 3, 10, 0, tzinfo=dt.UTC)
ENTRY = Entry("b1@frontdesk", AT, 45, "Ann: haircut", "Party of 2", 7, AT - dt.timedelta(days=3))
LATER = msgspec.structs.replace(ENTRY, start=AT + dt.timedelta(hours=2), minutes=30, sequence=9)


def text(entry: Entry = ENTRY) -> str:
    return alone(entry).decode()


def test_an_event_says_who_when_and_which_version() -> None:
    (event,) = Calendar.from_ical(alone(ENTRY)).events
    assert event["uid"] == "b1@frontdesk"
    assert (event.start, event.end) == (AT, AT + dt.timedelta(minutes=45))
    assert event["sequence"] == 7
    assert ENTRY.changed_at == event.DTSTAMP
    assert (event["summary"], event["description"]) == ("Ann: haircut", "Party of 2")
    assert (event["status"], event["transp"]) == ("CONFIRMED", "OPAQUE")


def test_times_are_written_in_utc_without_a_definition_of_a_zone() -> None:
    summer = msgspec.structs.replace(ENTRY, start=dt.datetime(2026, 7, 1, 10, tzinfo=LONDON))
    assert "DTSTART:20260701T090000Z\r\n" in text(summer)
    assert "VTIMEZONE" not in text(summer)


def test_the_same_appointments_give_the_same_bytes() -> None:
    assert feed([ENTRY, LATER], "Salon") == feed([ENTRY, LATER], "Salon")


def test_a_feed_holds_every_entry_and_its_name() -> None:
    calendar = Calendar.from_ical(feed([ENTRY, LATER], "Willow; Street"))
    assert len(calendar.events) == 2
    assert calendar["x-wr-calname"] == "Willow; Street"
    assert Calendar.from_ical(feed([], "Empty")).events == []


def test_a_name_cannot_break_out_of_its_line() -> None:
    evil = "Ann\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:x\x00\x1b[31m" + "y" * 9_000
    (event,) = Calendar.from_ical(alone(msgspec.structs.replace(ENTRY, summary=evil))).events
    assert event["uid"] == "b1@frontdesk"
    summary = str(event["summary"])
    assert len(summary) <= MAX_TEXT
    assert not {"\x00", "\x1b", "\r"} & set(summary)


def test_our_own_event_is_found_where_we_put_it() -> None:
    assert placed(text(), "b1@frontdesk", LONDON) == Placed(AT, 45, 7)


def test_a_move_by_somebody_else_is_seen() -> None:
    moved = text().replace("DTSTART:20260303T100000Z", "DTSTART;TZID=Europe/Berlin:20260304T120000")
    moved = moved.replace("DTEND:20260303T104500Z", "DURATION:PT1H")
    assert placed(moved, "b1@frontdesk", LONDON) == Placed(
        dt.datetime(2026, 3, 4, 11, tzinfo=dt.UTC), 60, 7
    )


def test_a_cancellation_by_somebody_else_is_seen() -> None:
    assert placed(text().replace("CONFIRMED", "CANCELLED"), "b1@frontdesk", LONDON) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("UID:b1@frontdesk", "UID:b2@frontdesk"),
        ("SEQUENCE:7", "RRULE:FREQ=DAILY"),
        ("DTSTART:20260303T100000Z", "DTSTART:20260303T100001Z"),
        ("DTEND:20260303T104500Z", "DTEND:20260303T100000Z"),
        ("DTSTART:20260303T100000Z\r\nDTEND:20260303T104500Z", "DTSTART;VALUE=DATE:20260303"),
        ("END:VCALENDAR", ""),
    ],
)
def test_what_is_no_appointment_any_more_is_refused(old: str, new: str) -> None:
    assert old in text()
    with pytest.raises(UnreadableError):
        placed(text().replace(old, new), "b1@frontdesk", LONDON)


def test_a_new_time_leaves_what_the_staff_has_added() -> None:
    theirs = text().replace(
        "END:VEVENT",
        "COLOR:red\r\nX-NOTE:bring the blue file\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
        "TRIGGER:-PT15M\r\nDURATION:PT5M\r\nEND:VALARM\r\nEND:VEVENT",
    )
    written = retimed(theirs.replace("SUMMARY:Ann", "SUMMARY:VIP Ann"), LATER).decode()
    assert placed(written, ENTRY.uid, LONDON) == Placed(LATER.start, 30, 9)
    (event,) = Calendar.from_ical(written).events
    assert (event["color"], event["x-note"]) == ("red", "bring the blue file")
    assert event["summary"] == "VIP Ann: haircut"
    assert len(event.alarms.times) == 1 or "TRIGGER:-PT15M" in written
    assert written.count("DURATION:PT5M") == 1


@pytest.mark.parametrize(
    "theirs",
    [
        "",
        "nonsense",
        "x" * 300_000,
        text(msgspec.structs.replace(ENTRY, uid="another")),
        text().replace("BEGIN:VEVENT", "BEGIN:VEVENT\r\nEND:VEVENT\r\nBEGIN:VEVENT"),
    ],
)
def test_where_theirs_cannot_be_kept_ours_is_written(theirs: str) -> None:
    assert retimed(theirs, LATER) == alone(LATER)


def test_a_series_made_of_our_event_becomes_one_again() -> None:
    theirs = text().replace(
        "SEQUENCE:7", "SEQUENCE:8\r\nRRULE:FREQ=DAILY\r\nEXDATE:20260304T100000Z"
    )
    assert placed(retimed(theirs, LATER).decode(), ENTRY.uid, LONDON) == Placed(LATER.start, 30, 9)


MOMENTS = st.integers(946_684_800, 4_102_444_800).map(
    lambda s: dt.datetime.fromtimestamp(s, dt.UTC)
)
ENTRIES = st.builds(
    Entry,
    uid=st.from_regex(r"\A[0-9a-f]{16}@frontdesk\Z"),
    start=MOMENTS.map(lambda at: at.replace(second=0)),
    minutes=st.integers(1, 480),
    summary=st.text(max_size=500),
    description=st.text(max_size=500),
    sequence=st.integers(0, 10**9 - 1),
    changed_at=MOMENTS,
)


@given(ENTRIES, ENTRIES)
@settings(max_examples=examples(150))
def test_any_entry_comes_back_as_it_went(entry: Entry, other: Entry) -> None:
    written = alone(entry).decode()
    expected = Placed(entry.start, entry.minutes, entry.sequence)
    assert placed(written, entry.uid, LONDON) == expected
    (found,) = busy(written, entry.start, entry.end, LONDON)
    assert (found.start, found.end) == (entry.start, entry.end)
    again = msgspec.structs.replace(other, uid=entry.uid)
    assert placed(retimed(written, again).decode(), entry.uid, LONDON) == Placed(
        other.start, other.minutes, other.sequence
    )
