"""What is kept of a call that is on, and what the next process makes of it."""

import datetime as dt

import pytest

from agents.engine import ToolCalled, Usage
from telephony.livestate import Head, Left, Standing, Unreadable, earlier, line, text
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
    UsageLine,
    Word,
    WordFate,
)
from telephony.twilio.ports import Offer

BEGAN = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
HEAD = Head(Offer("CA1", "AC1", "+14155550100", "+14155550199"), BEGAN, 7)
HELLO = AgentLine("i1", 1, "Hello there.", "Hello there.", Fate.HEARD, 500, 1_500, 1_000, 1_000)
ASKS = CallerLine("u1", "At noon?", 2_000, 3_000)
BOOKED = ToolLine("call_1", "book", "{}", "done", "{}", 3_000, 3_200)
USED = UsageLine("r1", "completed", Usage(), 1_000)
BOOKS = ToolCalled("r2", "call_2", "book", "{}")


def left(*entries: AnyEntry, standing: Standing = Standing()) -> Left:  # noqa: B008, frozen
    lines = tuple(kept for entry in entries if (kept := line(entry)) is not None)
    return Left(2, text(HEAD), text(standing), lines, len(lines))


def after(seconds: float) -> dt.datetime:
    return BEGAN + dt.timedelta(seconds=seconds)


def test_the_lines_come_back_as_they_were() -> None:
    found = earlier(left(HELLO, ASKS, BOOKED, USED), (), after(20))
    assert found.before == (HELLO, ASKS, BOOKED, USED)
    assert (found.head, found.fence, found.next_line) == (HEAD, 2, 4)
    assert found.resumed.at_s == 20.0


def test_a_line_that_was_put_right_later_stands_in_its_first_place() -> None:
    veiled = CallerLine("u1", "My order is [number]", 2_000, 3_000)
    plain = CallerLine("u1", "My order is 4111 1111", 2_000, 3_000)
    found = earlier(left(HELLO, veiled, BOOKED, plain, USED), (), after(20))
    assert found.before == (HELLO, plain, BOOKED, USED)


def test_times_of_single_words_are_not_kept() -> None:
    words = (Word("Hello", 500, 900, WordFate.HEARD),)
    told = AgentLine("i1", 1, "Hello", "Hello", Fate.HEARD, 500, 900, 400, 400, words=words)
    (kept,) = earlier(left(told), (), after(5)).before
    assert isinstance(kept, AgentLine)
    assert kept.words == ()


@pytest.mark.parametrize(
    "entry",
    [
        EndLine(EndedReason.MIGRATED, 1_000),
        ToolLine("call_1", "book", "{}", "unfinished", "", 1_000, 2_000),
    ],
)
def test_what_the_next_process_says_itself_is_not_kept(entry: AnyEntry) -> None:
    assert line(entry) is None


@pytest.mark.parametrize(
    ("entries", "owed"),
    [
        ((), False),
        ((HELLO,), False),
        ((HELLO, ASKS), True),
        ((ASKS, HELLO), True),
        ((HELLO, ASKS, BOOKED, USED), True),
    ],
)
def test_who_had_the_last_word_waits_for_the_other(
    entries: tuple[AnyEntry, ...], owed: bool
) -> None:
    assert earlier(left(*entries), (), after(20)).resumed.answer is owed


def test_what_was_being_heard_counts_as_heard_so_far() -> None:
    standing = Standing(hearing=((4_000, "Noon is"),))
    found = earlier(left(HELLO, ASKS, standing=standing), (), after(20))
    spoken = found.before[-1]
    assert isinstance(spoken, AgentLine)
    assert (spoken.heard, spoken.fate, spoken.start_ms) == ("Noon is", Fate.CUT, 4_000)
    assert not found.resumed.answer


def test_tools_of_which_no_line_tells_are_to_be_settled_once() -> None:
    standing = Standing(pending=(BOOKS,))
    asked = [ToolCalled("", name, "book", "{}") for name in ("call_1", "call_2", "call_3")]
    found = earlier(left(BOOKED, standing=standing), asked, after(20))
    assert found.resumed.pending == (BOOKS, asked[2])


def test_sessions_are_counted_on() -> None:
    assert earlier(left(HELLO), (), after(5)).resumed.seat == 1
    seated = SeatLine(3, "realtime", "failed", 2_000)
    assert earlier(left(HELLO, seated), (), after(5)).resumed.seat == 4


def test_fault_p9_a_clock_that_was_set_back_does_not_turn_the_call_s_back() -> None:
    assert earlier(left(HELLO, ASKS), (), after(-3_600)).resumed.at_s == pytest.approx(2.1)


def test_fault_p16_lines_of_another_version_are_left_out() -> None:
    kept = left(HELLO)
    lines = ('{"type":"Later","x":1}', *kept.lines, "torn", "[" * 4_000)
    found = earlier(Left(2, kept.head, kept.state, lines, 4), (), after(5))
    assert found.before == (HELLO,)


@pytest.mark.parametrize(("head", "state"), [("", "{}"), ("{}", "{}"), (text(HEAD), "x")])
def test_what_cannot_be_read_is_not_gone_on_with(head: str, state: str) -> None:
    with pytest.raises(Unreadable):
        earlier(Left(2, head, state, (), 0), (), after(5))
