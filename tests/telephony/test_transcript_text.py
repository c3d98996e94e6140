"""How a transcript reads: heard words plain, unheard words struck through, nothing acts."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.money import Cost
from telephony import console
from telephony.plain import plain
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    Charge,
    ChargeLine,
    ClaimLine,
    DtmfLine,
    EndedReason,
    EndLine,
    Fate,
    ToolLine,
    TruncationLine,
    TurnLine,
    UsageLine,
)
from telephony.transcripts.text import (
    OUTCOMES,
    Style,
    begins_ms,
    clock,
    in_order,
    line,
    outcome,
    render,
)


def agent(text: str, heard: str, fate: Fate, source: str = "engine") -> AgentLine:
    return AgentLine("item_1", 1, text, heard, fate, 3_420, 5_000, 1_580, 2_000, source)


def test_a_live_page_tells_why_a_call_ended_as_all_others_do() -> None:
    source = (Path(console.__file__).parent / "static" / "transcript.js").read_text()
    (table,) = re.findall(r"const outcomes = \{(.*?)\};", source, re.S)
    assert dict(re.findall(r'(\w+): "([^"]+)"', table)) == OUTCOMES


def test_why_a_call_ended_is_told_in_words() -> None:
    told = {reason: outcome(reason.value) for reason in EndedReason}
    assert told[EndedReason.CALLER_HUNG_UP] == "caller hung up"
    assert told[EndedReason.OPERATOR] == "ended by staff"
    assert not any("_" in words for words in told.values())
    assert len(set(told.values())) == len(EndedReason)
    assert outcome("broken off") == "broken off"


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "00:00.000"),
        (999, "00:00.999"),
        (61_005, "01:01.005"),
        (3_600_000, "60:00.000"),
        (6_000_001, "100:00.001"),
        (-5, "00:00.000"),
    ],
)
def test_times_are_minutes_seconds_and_milliseconds(ms: int, shown: str) -> None:
    assert clock(ms) == shown


def test_words_that_were_heard_stand_plain() -> None:
    said = agent("Which day suits you?", "Which day suits you?", Fate.HEARD)
    assert line(said) == "00:03.420  agent   Which day suits you?"


def test_words_after_the_cut_are_struck_through() -> None:
    said = agent("Which day suits you best?", "Which day", Fate.CUT)
    assert line(said).endswith("Which day ~~suits you best?~~  [cut after 1580 ms]")
    assert "Which day \x1b[9msuits you best?\x1b[29m" in line(said, Style.ANSI)


def test_words_nobody_heard_are_struck_through_as_a_whole() -> None:
    said = agent("One moment.", "", Fate.NEVER_PLAYED)
    assert line(said).endswith("  agent   ~~One moment.~~  [never played]")


def test_what_is_only_counted_has_no_line() -> None:
    usage = UsageLine("r1", "completed", None, 7_000, Cost(5), "m")
    charge = ChargeLine(Charge.CARRIER, Cost(12_500), 60_000)
    assert (line(usage), line(charge), begins_ms(charge)) == ("", "", 60_000)


def test_a_cut_after_the_last_word_strikes_nothing() -> None:
    assert "~~" not in line(agent("Hello.", "Hello.", Fate.CUT))


def test_differing_blanks_do_not_matter_to_what_was_heard() -> None:
    assert "one two ~~three~~" in line(agent("one  two\nthree", "one two", Fate.CUT))


def test_heard_words_that_are_no_beginning_of_the_text_are_kept_beside_it() -> None:
    assert "other ~~one two~~" in line(agent("one two", "other", Fate.CUT))


def test_a_reply_without_words_says_so() -> None:
    assert "(no words)" in line(agent("", "", Fate.CUT))


def test_our_own_recordings_are_marked() -> None:
    assert "[own recording]" in line(agent("Sorry.", "Sorry.", Fate.HEARD, source="own"))


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (CallerLine("i", "A haircut, please.", 100, 900), "00:00.100  caller  A haircut, please."),
        (
            CallerLine("i", "", 100, 900, transcribed=False),
            "00:00.100  caller  (no words could be made out)",
        ),
        (
            ToolLine("t", "book", '{"day":"Monday"}', "done", '{"message":"ok"}', 1_000, 1_250),
            '00:01.000  tool    book {"day":"Monday"} -> done {"message":"ok"}  [250 ms]',
        ),
        (
            ToolLine("t", "book", "{}", "done", "{}", 0, 1, repeated=True),
            "00:00.000  tool    book {} -> done, the first answer again {}  [1 ms]",
        ),
        (
            TruncationLine("i", 1, 1_580, 5_003),
            "00:05.003  cut     the agent was cut off; the model was told that 1580 ms were heard",
        ),
        (
            TruncationLine("i", 1, 0, 5_003, deleted=True),
            "00:05.003  cut     nothing of the reply had been heard; the model was told so",
        ),
        (
            TurnLine(1_000, 1_500, 1_600, 1_720),
            "00:01.720  wait    the caller waited 720 ms, turn end noticed +500 ms,"
            " answered +100 ms, played +120 ms",
        ),
        (TurnLine(1_000, -1, 1_600, -1), "00:01.600  wait    the caller waited 600 ms"),
        (TurnLine(-1, 1_500, 1_600, -1), "00:01.600  wait    answered +100 ms"),
        (TurnLine(-1, -1, -1, -1), ""),
        (DtmfLine("#", 7_000), "00:07.000  caller  pressed #"),
        (
            ClaimLine("i", ("book", "move"), "never", "It's\x1b[2J booked.", 7_000),
            "00:07.000  claim   stopped, as book or move was not asked for: It's\\x1b[2J booked.",
        ),
        (
            ClaimLine("i", ("book",), "odd", "Booked.", 7_000),
            "00:07.000  claim   stopped, as book odd: Booked.",
        ),
        (UsageLine("r", "completed", None, 5), ""),
        (EndLine(EndedReason.MAX_LENGTH, 60_000), "01:00.000  end     max length"),
        (
            EndLine(EndedReason.ENGINE_FAILED, 60_000, "connect_refused"),
            "01:00.000  end     engine failed (connect_refused)",
        ),
    ],
)
def test_every_kind_of_entry_has_its_line(entry: AnyEntry, shown: str) -> None:
    assert line(entry) == shown


def test_lines_stand_in_order_of_speaking_and_the_end_last() -> None:
    end = EndLine(EndedReason.CALLER_HUNG_UP, 4_000)
    late = CallerLine("i2", "two", 2_000, 2_500)
    first = CallerLine("i1", "one", 1_000, 1_500)
    after = UsageLine("r", "completed", None, 9_000)
    assert in_order([late, end, after, first]) == [first, late, after, end]
    assert render([end, late, after, first]) == (
        "00:01.000  caller  one\n00:02.000  caller  two\n00:04.000  end     caller hung up\n"
    )


def test_what_is_said_cannot_act_on_the_terminal() -> None:
    shown = line(CallerLine("i", "a\x1b[2Jb\nc\u202ed", 0, 1))
    assert shown == "00:00.000  caller  a\\x1b[2Jb\\nc\\u202ed"


TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=60)


@given(TEXT, TEXT, st.sampled_from(Fate))
def test_any_words_stay_on_one_harmless_line(text: str, heard: str, fate: Fate) -> None:
    shown = line(agent(text, heard, fate))
    assert len(shown.splitlines()) == 1
    assert shown.encode("utf-8").decode().isprintable() or not shown.isascii()
    assert "\x1b" not in shown


@given(TEXT)
def test_plain_text_leaves_ordinary_words_alone(text: str) -> None:
    shown = plain(text)
    assert shown == plain(shown)
    assert (shown == text) == (not any(plain(char) != char for char in text))


def test_each_entry_has_a_beginning() -> None:
    assert begins_ms(agent("a", "a", Fate.HEARD)) == 3_420
    assert begins_ms(DtmfLine("1", 12)) == 12
    assert begins_ms(ClaimLine("i", ("book",), "never", "Booked.", 13)) == 13
