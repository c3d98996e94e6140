"""How a call looks to who watches it: who speaks, which words, what runs, what it costs."""

from decimal import Decimal

from agents.engine import (
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    TextDelta,
    ToolCalled,
)
from agents.money import UNKNOWN, Cost
from telephony.call.commands import Record
from telephony.call.ending import Phase
from telephony.call.events import CallerAudio, DtmfPressed, ToolFinished, ToolWaits
from telephony.live.picture import MOST_CHARS, MOST_ITEMS, MOST_LINES, CallView, Peek, Picture
from telephony.transcripts.entry import (
    CallerLine,
    Charge,
    ChargeLine,
    DtmfLine,
    SeatLine,
    UsageLine,
)
from tests.telephony.live_calls import OnCall, head
from tests.telephony.script import ONE_SECOND, seconds


class Watched(OnCall):
    """A call and its picture alone."""

    def __init__(self) -> None:
        self.picture = Picture(head())
        self.changed = False

        class Only:
            """Stands where the hub does."""

            @staticmethod
            def begin(*_told: object) -> None:
                """The picture knows its head."""

            @staticmethod
            def observe(_id: str, _now: float, event: object, commands: object) -> None:
                self.changed = self.picture.take(event, commands)  # type: ignore[arg-type]

        super().__init__(Only())  # type: ignore[arg-type]

    @property
    def view(self) -> CallView:
        return self.picture.view(self.peek())


def live() -> Watched:
    call = Watched()
    call.begins()
    return call


def test_a_call_that_has_just_begun_shows_what_is_known_of_it() -> None:
    call = Watched()
    assert (call.view.phase, call.view.floor, call.view.heard) == ("starting", "nobody", "")
    assert (call.view.caller, call.view.persona, call.view.targets) == (
        "+14155550100",
        "anna",
        ("sales",),
    )
    assert live().view.phase == "live"


def test_words_of_the_agent_are_shown_as_they_are_heard() -> None:
    call = live().speaks(seconds(2.0), "item_1", "We are open until six today.")
    assert (call.view.speaker, call.view.heard) == ("agent", "")
    assert call.view.unheard == "We are open until six today."
    call.wait(1.0).echoes(*[mark for mark in call.marks() if mark.endswith(":8000")])
    view = call.view
    assert view.floor == "agent"
    assert view.heard
    assert view.heard + view.unheard == "We are open until six today."
    call.finishes().wait(1.2).echoes(*call.marks()[1:])
    view = call.view
    assert (view.heard, view.unheard, view.floor) == ("We are open until six today.", "", "nobody")


def test_the_caller_has_the_floor_from_the_first_sound_to_the_last() -> None:
    call = live().happens(CallerSpeechStarted("u1", 0))
    assert call.view.floor == "caller"
    call.happens(CallerSpeechStopped("u1", 900), CallerTranscript("u1", "Till when?"))
    assert (call.view.floor, call.view.speaker, call.view.heard) == (
        "nobody",
        "caller",
        "Till when?",
    )


def test_an_interrupted_sentence_keeps_the_words_that_were_heard() -> None:
    call = live().speaks(seconds(4.0), "item_1", "We are open until six and on Sundays until two.")
    call.finishes().wait(1.5).echoes(*call.marks()[1:10])
    call.happens(CallerSpeechStarted("u1", 2_500))
    view = call.view
    assert view.floor == "caller"
    assert "We are open until six and on Sundays until two.".startswith(view.heard)
    assert "until two" not in view.heard
    assert view.unheard == ""


def test_tools_that_run_are_shown_and_whether_a_person_must_decide() -> None:
    call = live().happens(ToolCalled("r1", "t1", "book", "{}"))
    assert [(tool.name, tool.waits) for tool in call.view.tools] == [("book", False)]
    call.happens(ToolWaits("t1", "One moment."), ToolWaits("t9", "Never asked."))
    assert [(tool.name, tool.waits) for tool in call.view.tools] == [("book", True)]
    call.happens(ToolFinished("t1", "book", "done", "{}"))
    assert call.view.tools == ()


def test_money_is_added_up_and_what_has_no_price_is_not_nothing() -> None:
    picture = Picture(head())
    entries = (
        UsageLine("r1", "completed", None, 0, Cost(1_500), "m"),
        UsageLine("r2", "completed", None, 0),
        ChargeLine(Charge.CARRIER, Cost(500), 0),
    )
    picture.take(DtmfPressed("1"), [Record(entry) for entry in entries])
    view = picture.view(Peek(Phase.LIVE))
    assert (view.cost_micros, view.cost_unknown) == (2_000, False)
    picture.take(DtmfPressed("1"), [Record(ChargeLine(Charge.TRANSFER, UNKNOWN, 0))])
    assert picture.view(Peek(Phase.LIVE)).cost_unknown
    assert Decimal(view.cost_micros) == 2_000


def test_a_call_of_another_process_shows_what_was_said_and_spent_there() -> None:
    before = (
        CallerLine("c1", "Hello?", 1_000, 1_500),
        ChargeLine(Charge.CARRIER, Cost(12_500), 0),
        SeatLine(1, "local", "failed", 5_000),
    )
    view = Picture(head(), before).view(Peek(Phase.LIVE))
    assert (view.lines, view.heard, view.cost_micros) == (3, "Hello?", 12_500)
    assert view.engine == head().engine, "it goes on with the engine it is opened with"


def test_another_engine_that_takes_over_is_shown() -> None:
    picture = Picture(head())
    picture.take(TextDelta("r1", "i1", "Half a sen"), [])
    picture.take(DtmfPressed("1"), [Record(SeatLine(1, "local", "failed", 0))])
    view = picture.view(Peek(Phase.LIVE))
    assert (view.engine, view.seat, view.unheard) == ("local", 1, "")


def test_sound_alone_changes_nothing() -> None:
    call = live()
    call.happens(CallerAudio(ONE_SECOND, 0))
    assert not call.changed
    call.happens(DtmfPressed("5"))
    assert call.changed


def test_what_is_kept_has_a_bound_whatever_the_engine_says() -> None:
    picture = Picture(head())
    for number in range(MOST_ITEMS + 5):
        picture.take(TextDelta("r", f"i{number}", "x" * (MOST_CHARS + 1)), [])
    view = picture.view(Peek(Phase.LIVE))
    assert len(view.unheard) == MOST_CHARS
    lines = [Record(DtmfLine("1", at)) for at in range(MOST_LINES + 3)]
    picture.take(DtmfPressed("1"), lines)
    assert len(picture.entries) == MOST_LINES
    assert (picture.forgotten, picture.view(Peek(Phase.LIVE)).lines) == (3, MOST_LINES + 3)
    assert picture.entries[0] == DtmfLine("1", 3)


def test_an_utterance_without_words_leaves_the_last_words_standing() -> None:
    picture = Picture(head())
    picture.take(DtmfPressed("1"), [Record(CallerLine("u1", "Yes.", 0, 1))])
    picture.take(DtmfPressed("1"), [Record(CallerLine("u2", "", 0, 1, transcribed=False))])
    assert picture.view(Peek(Phase.LIVE)).heard == "Yes."


def test_words_of_our_own_are_shown_while_they_are_heard() -> None:
    view = Picture(head()).view(Peek(Phase.CLOSING, "I'm sorry,"))
    assert (view.speaker, view.heard, view.unheard) == ("agent", "I'm sorry,", "")
