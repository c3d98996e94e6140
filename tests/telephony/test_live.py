"""A trial call on the screen: one line each, readable at 80 columns, nothing left behind."""

import io
import re

import pytest
from rich.console import Console

from agents.engine import CallerSpeechStarted, ResponseStarted, TextDelta, ToolCalled
from telephony.call.commands import Record
from telephony.call.events import StreamStopped
from telephony.cli import try_call
from telephony.cli.live import Live, seconds
from telephony.simulator.caller import Interrupted, Said, Understood
from telephony.transcripts.entry import (
    AgentLine,
    Agreement,
    AnyEntry,
    CallerLine,
    ClaimLine,
    ConsentLine,
    DtmfLine,
    EndedReason,
    EndLine,
    Fate,
    ToolLine,
    TruncationLine,
    TurnLine,
    UsageLine,
)

CHECK = (
    "Let me check. I'll book an appointment: haircut, on Tuesday the twenty-fourth of"
    " November, at three p m. Is that right?"
)
CUT = AgentLine(
    "item_4", 4, CHECK, "Let me check. I'll book", Fate.CUT, 24_700, 28_190, 3_490, 5_000
)


class Screen:
    """What stands on a terminal of so many columns."""

    def __init__(self, columns: int = 80, *, colours: bool = False) -> None:
        self.file = io.StringIO()
        system = "standard" if colours else None
        self.console = Console(
            file=self.file,
            width=columns,
            color_system=system,  # type: ignore[arg-type]
            force_terminal=colours,
            highlight=False,
        )
        self.live = Live(self.console)

    def shows(self, *entries: AnyEntry) -> list[str]:
        for entry in entries:
            self.live.entry(entry)
        return self.lines

    @property
    def raw(self) -> str:
        return self.file.getvalue()

    @property
    def lines(self) -> list[str]:
        """As they stand in the end: wiped lines are gone, styles too."""
        kept = [line.rpartition("\r\x1b[2K")[2] for line in self.raw.split("\n")]
        kept = kept if kept[-1] else kept[:-1]
        return [re.sub(r"\x1b\[[\d;]*m", "", line) for line in kept]


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "0.0"),
        (999, "0.9"),
        (59_999, "59.9"),
        (61_250, "1:01.2"),
        (600_000, "10:00.0"),
        (-5, "0.0"),
    ],
)
def test_times_are_short(ms: int, shown: str) -> None:
    assert seconds(ms) == shown


def test_a_cut_sentence_is_struck_through_and_followed_by_its_cut() -> None:
    screen = Screen()
    screen.live.observation(Interrupted(28_000, "Actually, make it four.", 1_540))
    assert screen.shows(TruncationLine("item_4", 4, 3_490, 28_200)) == []
    assert screen.shows(CUT) == [
        "   24.7  agent   Let me check. I'll book ~~an appointment: haircut, on Tuesday",
        "                 the twenty-fourth of November, at three p m. Is that right?~~",
        "                 [cut after 3.4 s]",
        "   28.2  cut     the caller spoke up after 1.5 s; the model was told that 3490",
        "                 ms were heard",
    ]


def test_in_colours_what_was_not_heard_is_struck_through_for_the_eye() -> None:
    screen = Screen(140, colours=True)
    screen.shows(CUT)
    assert "~~" not in screen.raw
    assert re.search(r"\x1b\[[\d;]*9m *an appointment", screen.raw)
    assert "I'll book \x1b" in screen.raw


def test_a_deleted_reply_is_told_at_the_end_if_it_never_was_a_line() -> None:
    assert Screen().shows(
        TruncationLine("item_4", 4, 0, 28_200, deleted=True),
        EndLine(EndedReason.STREAM_LOST, 30_000, "closed"),
    ) == [
        "   28.2  cut     the agent was cut off; the model was told that nothing was",
        "                 heard",
        "   30.0  end     stream lost (closed)",
    ]


@pytest.mark.parametrize("columns", [60, 80, 100, 140])
def test_a_tool_is_one_line_whatever_it_returned(columns: int) -> None:
    answer = (
        '{"status":"done","message":"On Tuesday I have nine, ten and eleven.' + "x" * 300 + '"}'
    )
    (line,) = Screen(columns).shows(
        ToolLine(
            "c1",
            "available_times",
            '{"service":"haircut","chairs":2}',
            "done",
            answer,
            10_180,
            10_220,
        )
    )
    begin = (
        "   10.1  tool    available_times(service=haircut, chairs=2) -> done in 40 ms: On Tuesday"
    )
    assert line.startswith(begin[: columns - 3])
    assert line.endswith("...")
    assert len(line) == min(columns, 100)


def test_a_tool_says_how_it_failed_and_when_it_was_not_run_again() -> None:
    refused = ToolLine("c1", "book", "[]", "refused", '{"message":"That is taken."}', 0, 3)
    repeated = ToolLine("c1", "book", "torn", "done", "torn", 0, 3, repeated=True)
    assert Screen(140).shows(refused, repeated) == [
        "    0.0  tool    book([]) -> refused in 3 ms: That is taken.",
        "    0.0  tool    book(torn) -> done, the first answer again in 3 ms: torn",
    ]


def test_how_long_the_caller_waited_stands_before_the_answer() -> None:
    (line,) = Screen().shows(TurnLine(9_000, 9_520, 9_733, 9_760))
    assert line == "                 after 760 ms: 520 to notice the end of the turn, 213 to answer"
    assert Screen().shows(TurnLine(9_000, 9_520, 9_733, -1), TurnLine(-1, -1, 9_733, 9_760)) == []


def test_the_caller_s_words_stand_as_they_were_heard() -> None:
    screen = Screen(100)
    screen.live.observation(Said(900, "No, that's all. Thank you, goodbye.", "done"))
    screen.live.observation(Understood(900, "Anything else?"))
    assert screen.shows(
        CallerLine("t1", "No, that's all.", 1_000, 2_000),
        CallerLine("t2", "Thank you. Goodbye.", 2_500, 3_500),
        CallerLine("t3", "Thank you for buying.", 4_000, 5_000),
        CallerLine("t4", "", 6_000, 7_000, transcribed=False),
        DtmfLine("5", 8_000),
        ClaimLine("i", ("book",), "never", "It's booked.", 8_500),
        UsageLine("r", "completed", None, 8_000),
    ) == [
        "    1.0  caller  No, that's all.",
        "    2.5  caller  Thank you. Goodbye.",
        "    4.0  caller  Thank you for buying.  [said: No, that's all. Thank you, goodbye.]",
        "    6.0  caller  (no words could be made out)",
        "    8.0  caller  pressed 5",
        "    8.5  claim   stopped, as book was not asked for: It's booked.",
    ]


def test_clips_of_ours_and_what_was_never_played_are_marked() -> None:
    own = AgentLine("own_1", 9, "Sorry.", "Sorry.", Fate.HEARD, 100, 900, 800, 800, "own")
    never = AgentLine("item_5", 5, "One moment.", "", Fate.NEVER_PLAYED, 100, 100, 0, 0)
    assert Screen().shows(own, never) == [
        "    0.1  agent   Sorry.  [own recording]",
        "    0.1  agent   ~~One moment.~~  [never played]",
    ]


def test_what_strangers_write_cannot_act_on_the_terminal() -> None:
    screen = Screen(colours=True)
    screen.live.event(TextDelta("r", "i", "\x1b[2J[red]"))
    screen.shows(
        CallerLine("t", "\x1b[2J[bold]\r", 0, 1),
        ToolLine("c", "\x07", "{}", "done", "\x1b[H", 0, 1),
    )
    assert "\x1b[2J" not in screen.raw
    assert "\x1b[H" not in screen.raw
    assert "\x07" not in screen.raw
    assert "[bold]" in screen.raw


def test_below_the_lines_stands_what_is_going_on_and_it_is_wiped() -> None:
    screen = Screen(40, colours=True)
    for event in (
        CallerSpeechStarted("t", 0),
        ResponseStarted("r"),
        TextDelta("r", "item_1", "Which day"),
        TextDelta("r", "item_1", " would suit you best this week?"),
    ):
        screen.live.event(event)
    assert screen.lines == ["         ... agent: Which day would ..."]
    screen.live.event(TextDelta("r", "item_2", "Hello"))
    assert screen.lines == ["         ... agent: Hello"]
    screen.live.event(ToolCalled("r", "c", "book", "{}"))
    assert screen.lines == ["         ... running book"]
    screen.shows(CallerLine("t", "Tuesday.", 1_000, 2_000))
    screen.live.say("Done.")
    assert screen.lines == ["    1.0  caller  Tuesday.", "Done."]


def test_without_colours_nothing_is_ever_rewritten() -> None:
    screen = Screen()
    screen.live.event(TextDelta("r", "item_1", "Which day"))
    screen.live.say(
        "A line longer than eighty columns is left to the terminal to break as it likes, whole."
    )
    assert "\x1b" not in screen.raw
    assert "\r" not in screen.raw
    assert len(screen.lines) == 1


def test_what_the_caller_answered_when_asked_about_the_recording_is_shown() -> None:
    shown = Screen().shows(ConsentLine(Agreement.REFUSED, "voice", "v1", "", 1, 9_454))
    assert shown == ["    9.4  asked   recording: refused, by voice"]


def test_calls_that_others_make_meanwhile_are_not_shown() -> None:
    screen, line = try_call.Screen(silent=True), CallerLine("u1", "I am somebody else.", 0, 900)
    screen.begin("CA1")
    screen.watch("CA2", 0.0, StreamStopped(), [Record(line)])
    assert screen.entries == []
    screen.watch("CA1", 0.0, StreamStopped(), [Record(line)])
    assert screen.entries == [line]
