"""Where the value of a tool's argument was said."""

import datetime as dt
from typing import Any

import msgspec

from telephony.transcripts.entry import AgentLine, AnyEntry, CallerLine, Fate, ToolLine
from telephony.transcripts.said import Argument, Source, arguments
from telephony.transcripts.text import in_order
from tests.telephony.stored_call import CALLER, ENTRIES, MONDAY, WANTED


def asked(given: Any, at_ms: int = 9_000) -> ToolLine:
    text = given if isinstance(given, str) else msgspec.json.encode(given).decode()
    return ToolLine("c", "book", text, "done", "{}", at_ms, at_ms)


def caller(text: str, at_ms: int) -> CallerLine:
    return CallerLine("i", text, at_ms, at_ms + 100)


def agent(heard: str, at_ms: int) -> AgentLine:
    return AgentLine("a", 1, heard + " and more", heard, Fate.CUT, at_ms, at_ms, 1, 1)


def found(given: Any, *entries: AnyEntry, number: str | None = None) -> tuple[Argument, ...]:
    result = arguments(asked(given), entries, MONDAY, number)
    assert result is not None
    return result


def test_every_argument_of_a_booking_has_its_source() -> None:
    entries = in_order(ENTRIES)
    (tool,) = (entry for entry in entries if isinstance(entry, ToolLine))
    spoke = entries.index(next(entry for entry in entries if isinstance(entry, CallerLine)))
    result = arguments(tool, entries, MONDAY, CALLER)
    assert result is not None
    assert {each.name: (each.value, each.source, each.lines) for each in result} == {
        "service": (WANTED["service"], Source.CALLER, (spoke,)),
        "date": (WANTED["date"], Source.CALLER, (spoke,)),
        "time": (WANTED["time"], Source.CALLER, (spoke,)),
        "name": (WANTED["name"], Source.CALLER, (spoke,)),
        "phone": (CALLER, Source.NUMBER, ()),
        "guest": (WANTED["guest"], Source.NOBODY, ()),
        "remind": (True, Source.NONE_NEEDED, ()),
    }


def test_the_latest_line_that_says_it_is_named() -> None:
    (name,) = found({"name": "Ann"}, caller("Ann", 1), caller("yes", 2), caller("It is Ann.", 3))
    assert (name.source, name.lines) == (Source.CALLER, (2,))


def test_a_number_given_in_breaths_names_all_of_them_and_no_other() -> None:
    lines = (caller("seven nine", 1), caller("er", 2), caller("four six", 3), caller("bye", 4))
    (number,) = found({"code": "7946"}, *lines)
    assert (number.source, number.lines) == (Source.CALLER, (0, 2))


def test_what_only_the_agent_said_is_not_the_caller_s() -> None:
    (slot,) = found({"time": "15:30"}, agent("Half past three is free.", 1), caller("Fine.", 2))
    assert (slot.source, slot.lines) == (Source.AGENT, (0,))


def test_what_nobody_heard_and_what_came_later_counts_for_nothing() -> None:
    unheard = AgentLine("a", 1, "Zebedee", "", Fate.NEVER_PLAYED, 1, 1, 0, 1)
    (guest,) = found({"guest": "Zebedee"}, unheard, caller("Zebedee", 9_001))
    assert guest.source is Source.NOBODY


def test_nested_values_are_said_when_all_of_them_are() -> None:
    given = {"who": {"name": "Ann", "vip": False}, "days": ["2026-11-24"], "none": [], "gone": None}
    result = found(given, caller("Ann, tomorrow", 1))
    assert [each.source for each in result] == [
        Source.CALLER, Source.CALLER, Source.NONE_NEEDED, Source.NONE_NEEDED,
    ]  # fmt: skip


def test_a_short_number_is_not_taken_for_the_caller_s_own() -> None:
    (pin,) = found({"pin": "0123"}, number=CALLER)
    assert pin.source is Source.NOBODY
    (own,) = found({"phone": "020 7946 0123"}, number=CALLER)
    assert own.source is Source.NUMBER
    (withheld,) = found({"phone": CALLER})
    assert withheld.source is Source.NOBODY


def test_text_that_is_no_object_has_no_arguments() -> None:
    for text in ("[1]", "{", "", '"a"', "[" * 100_000):
        assert arguments(asked(text), (), MONDAY, None) is None


def test_the_day_is_that_of_the_call() -> None:
    later = MONDAY + dt.timedelta(days=7)
    tool = asked({"date": "2026-11-24"})
    lines = (caller("tomorrow", 1),)
    (today,) = arguments(tool, lines, MONDAY, None) or ()
    (a_week_on,) = arguments(tool, lines, later, None) or ()
    assert (today.source, a_week_on.source) == (Source.CALLER, Source.NOBODY)
