"""Audio about which nothing is to be decided passes, and nothing is decided later for it."""

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.engine import (
    AudioDelta,
    CallerSpeechStarted,
    CallerTranscript,
    EngineFailed,
    EngineReady,
    ItemDone,
    ResponseStarted,
    TextDelta,
    ToolCalled,
    TruncateItem,
)
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    Note,
    PlaceMark,
    Record,
    StoreAudio,
    Track,
)
from telephony.call.config import Rung
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    Echo,
    HangUpAsked,
    MarkEchoed,
    StreamStopped,
)
from telephony.call.lane import MOST_SAMPLES, RIPE_SAMPLES, STEADY_S, Lane
from telephony.call.machine import Call
from telephony.transcripts.entry import EndedReason
from telephony.transcripts.journal import JournalWriter
from telephony.transcripts.records import Happened, read
from telephony.transcripts.replay import replay
from telephony.transcripts.wav import HEADER_BYTES
from tests.exploring import examples
from tests.fakes.scripted_engine import ScriptedEngine
from tests.telephony.script import Script, live, seconds
from tests.telephony.test_call_bargein import CONFIRMED, LOUD, ON_REQUEST, QUIET, line, speaking
from tests.telephony.test_call_keypad import desk
from tests.telephony.test_call_relay import Relayed
from tests.telephony.test_call_relay import live as answering
from tests.telephony.test_session import Around, OneCall, around, one
from tools.onhold import OnHold
from tools.spec import ToolOutcome, ToolRequest

__all__ = ["around", "one"]

FRAME = 160


def audio(number: int, samples: int = FRAME) -> CallerAudio:
    """Frame by frame without a gap, each of its own sound."""
    return CallerAudio(bytes([number % 256]) * samples, number * 20)


def granted(samples: int) -> Lane:
    lane = Lane()
    lane.grant(samples)
    return lane


# ---- the lane itself ----------------------------------------------------------------------------


def test_nothing_passes_before_it_is_granted() -> None:
    lane = Lane()
    assert not lane.takes(audio(0), 0.02)
    assert lane.passed == 0


def test_what_passed_is_told_as_one_piece() -> None:
    lane = granted(800)
    assert [lane.takes(audio(number), number / 50) for number in (7, 8, 9)] == [True] * 3
    assert (lane.passed, lane.came_s, lane.full) == (480, 0.18, False)
    heard = b"\x07" * 160 + b"\x08" * 160 + b"\x09" * 160
    assert lane.rest() == CallerAudio(heard, 140, first_s=0.14, last_s=0.18)
    assert not lane.takes(audio(10), 0.2), "it is closed until it is granted again"


def test_it_is_full_with_the_piece_that_reaches_the_bound() -> None:
    lane = granted(200)
    assert lane.takes(audio(0), 0.0)
    assert not lane.full
    assert lane.takes(audio(1), 0.02)
    assert lane.full


@pytest.mark.parametrize("number", [0, 2, 5])
def test_what_does_not_go_on_where_the_last_ended_does_not_pass(number: int) -> None:
    lane = granted(800)
    assert lane.takes(audio(0), 0.0)
    assert not lane.takes(audio(number), 0.1)
    assert lane.rest() == audio(0)


def test_what_keeps_the_next_piece_waiting_ends_it() -> None:
    """Whether the line starves is told from when pieces come."""
    lane = granted(MOST_SAMPLES)
    assert lane.takes(audio(0), 0.02)
    assert lane.takes(audio(1), 0.02 + STEADY_S)
    assert not lane.takes(audio(2), 0.03 + 2 * STEADY_S)
    both = audio(0).ulaw + audio(1).ulaw
    assert lane.rest() == CallerAudio(both, 0, first_s=0.02, last_s=0.02 + STEADY_S)


def test_it_is_ripe_long_before_it_is_full_where_much_is_granted() -> None:
    for samples, ripe, full in (MOST_SAMPLES, 20, 30), (RIPE_SAMPLES, 20, 20), (800, 20, 5):
        lane, states = granted(samples), []
        for number in range(30):
            lane.takes(audio(number), number / 50)
            states.append((lane.ripe, lane.full))
        assert [is_ripe for is_ripe, _ in states].index(True) == ripe - 1
        assert [is_full for _, is_full in states].index(True) == full - 1


def test_a_mark_goes_along_with_the_audio_before_it() -> None:
    assert not Lane().takes_echo("0:1:800", 0.01), "nothing is granted"
    lane = granted(800)
    lane.takes(audio(0), 0.02)
    assert lane.takes_echo("0:1:800", 0.023)
    lane.takes(audio(1), 0.04)
    assert lane.takes_echo("0:1:1600", 0.051)
    assert lane.came_s == 0.051
    echoes = Echo("0:1:800", 0.023, 160, 0.02), Echo("0:1:1600", 0.051, 320, 0.04)
    assert lane.rest() == CallerAudio(audio(0).ulaw + audio(1).ulaw, 0, echoes, 0.02, 0.04)
    assert not lane.takes_echo("0:1:2400", 0.06)
    lane.grant(800)
    lane.takes(audio(2), 0.06)
    assert lane.rest() == audio(2), "each is told of once"


def test_a_mark_behind_the_last_piece_is_not_taken_for_audio() -> None:
    """Whether the line starves hangs on when its last piece came."""
    lane = granted(800)
    lane.takes(audio(0), 0.02)
    lane.takes_echo("0:1:800", 0.9)
    told = lane.rest()
    assert (told.first_s, told.last_s, lane.came_s) == (0.02, 0.02, 0.9)


def test_marks_need_no_audio() -> None:
    lane = granted(800)
    assert lane.takes_echo("0:1:800", 0.3)
    assert (lane.waiting, lane.passed, lane.full, lane.came_s) == (True, 0, False, 0.3)
    assert lane.rest() == CallerAudio(b"", 0, (Echo("0:1:800", 0.3, 0, 0.0),))
    assert not lane.waiting


def test_whoever_returns_marks_without_end_fills_it() -> None:
    lane = granted(800)
    lane.takes(audio(0), 0.02)
    for number in range(49):
        lane.takes_echo(f"nobody's {number}", 0.02)
    assert not lane.full
    lane.takes_echo("nobody's 49", 0.02)
    assert lane.full


# ---- when a call grants it ----------------------------------------------------------------------


def test_a_mark_can_wait_as_long_as_there_is_more_to_be_played() -> None:
    story = live().until_s(1.0).speaks(seconds(0.3))
    first, *_, last = story.marks()[1:]
    assert story.call.can_wait(MarkEchoed(first))
    assert not story.call.can_wait(MarkEchoed(last)), "the line falls silent with it"
    story.more(seconds(0.05))
    assert story.call.can_wait(MarkEchoed(last)), "it does not any more"
    silent = live()
    assert not silent.call.can_wait(MarkEchoed("0:1:800")), "nothing is being played"


def test_the_last_mark_of_an_item_cannot_wait_whatever_comes_behind_it() -> None:
    """Its line is written with it, on which tools and keys may hang."""
    story = live().until_s(1.0).speaks(seconds(0.3)).finishes()
    *_, before, last = story.marks()
    story.speaks(seconds(1.0), "item_2", reply="r2")
    assert story.call.can_wait(MarkEchoed(before))
    assert not story.call.can_wait(MarkEchoed(last))


def test_the_mark_behind_the_first_of_two_cuts_cannot_wait() -> None:
    story = live().until_s(1.0).speaks(seconds(2.0))
    story.prompt = False
    story.wait(0.3).happens(CallerSpeechStarted("u1", 1_200))
    first = story.marks()[-1]
    story.speaks(seconds(1.0), "item_2", reply="r2").wait(0.2)
    story.happens(CallerSpeechStarted("u2", 1_400))
    assert story.marks()[-1] != first
    assert not story.call.can_wait(MarkEchoed(first))


def test_marks_that_were_cleared_can_wait_and_the_one_that_settles_the_cut_cannot() -> None:
    story = live().until_s(1.0).speaks(seconds(2.0))
    story.prompt = False
    before = story.marks()[-1]
    story.wait(0.5).happens(CallerSpeechStarted("u1", 1_400))
    assert story.call.can_wait(MarkEchoed(before))
    behind = story.marks()[-1]
    assert not story.call.can_wait(MarkEchoed(behind))
    story.speaks(seconds(1.0), "item_2", reply="r2")
    first = story.marks()[story.marks().index(behind) + 1]
    assert not story.call.can_wait(MarkEchoed(first)), "it would settle the cut as well"
    assert story.echoes(behind).call.can_wait(MarkEchoed(first))


TOLD = TruncateItem, Record
SLOW = st.integers(0, 60)
KINDS = ["frame", "frame", "frame", "echo", "echo", "speaks", "reply"]
STEPS = st.tuples(st.sampled_from(KINDS), SLOW)


class Line:
    """A call that is being spoken to, and its pump. `together`: marks come along with audio."""

    def __init__(self, *, together: bool) -> None:
        self._together = together
        self._lane = Lane()
        self._frames, self._returned = 50, 1
        self._turns = self._replies = 1
        self.now = 1.0
        self.story = live().until_s(self.now).speaks(seconds(2.0))
        self.story.prompt = False

    def comes(self, kind: str) -> None:
        match kind:
            case "frame":
                self._deliver(audio(self._frames))
                self._frames += 1
            case "speaks":
                self._turns += 1
                self._deliver(CallerSpeechStarted(f"u{self._turns}", round(self.now * 1000)))
            case "reply":
                self._replies += 1
                item, reply = f"i{self._replies}", f"r{self._replies}"
                self._deliver(ResponseStarted(reply))
                self._deliver(AudioDelta(reply, item, 0, seconds(0.5)))
                self._deliver(ItemDone(reply, item))
            case "echo" if self._returned < len(self.story.marks()):
                self._returned += 1
                self._deliver(MarkEchoed(self.story.marks()[self._returned - 1]))

    def ends(self) -> list[CallCommand]:
        """The caller breaks it off, and all marks come back: what was heard, told and written."""
        self.comes("speaks")
        self.now += 0.05
        for _ in self.story.marks():
            self.comes("echo")
        said = self.story.said
        heard = (c for c in said if isinstance(c, StoreAudio) and c.track is Track.HEARD)
        return [*heard, *(c for c in said if isinstance(c, TOLD))]

    def _deliver(self, event: CallEvent) -> None:
        if self._passes(event):
            if self._lane.full:
                self._follow(self._lane.rest(), self._lane.came_s)
            return
        if self._lane.waiting:
            self._follow(self._lane.rest(), self._lane.came_s)
        self._follow(event, self.now)

    def _passes(self, event: CallEvent) -> bool:
        if isinstance(event, MarkEchoed):
            waits = self._together and self.story.call.can_wait(event)
            return waits and self._lane.takes_echo(event.name, self.now)
        return isinstance(event, CallerAudio) and self._lane.takes(event, self.now)

    def _follow(self, event: CallEvent, at_s: float) -> None:
        self.story.now = at_s
        self.story.happens(event)
        self._lane.grant(self.story.call.lane(at_s))


def outcome(steps: list[tuple[str, int]], *, together: bool) -> list[CallCommand]:
    line = Line(together=together)
    for kind, after_ms in steps:
        line.now += after_ms / 1000
        line.comes(kind)
    return line.ends()


@given(steps=st.lists(STEPS, max_size=40))
@settings(max_examples=examples(100))
def test_what_was_heard_does_not_hang_on_how_marks_come(steps: list[tuple[str, int]]) -> None:
    assert outcome(steps, together=True) == outcome(steps, together=False)


def test_a_call_with_nothing_to_decide_lets_six_tenths_of_a_second_pass() -> None:
    assert live().call.lane(0.0) == MOST_SAMPLES == 4_800
    talking = live().until_s(1.0).speaks(seconds(2.0))
    assert talking.call.lane(talking.now) == MOST_SAMPLES


def test_nothing_passes_while_the_caller_is_asked_for_something_in_confidence() -> None:
    story = desk()
    assert story.call.lane(story.now) == MOST_SAMPLES
    story.asks(length=4, sensitive=True)
    assert story.call.lane(story.now) == 0


def test_nothing_passes_while_the_call_ends() -> None:
    ending = live().happens(HangUpAsked("operator"))
    assert ending.call.lane(ending.now) == 0


def test_nothing_passes_without_a_session() -> None:
    script = live().happens(EngineFailed("closed", False))
    assert script.call.lane(script.now) == 0


def test_where_sound_may_silence_us_the_call_hears_of_it_as_soon_as_it_can_be_enough() -> None:
    """Levels are taken over 50 ms, four loud ones silence us; while nobody is heard there is
    nothing to fall silent."""
    assert line().call.lane(1.0) == MOST_SAMPLES
    story, rooms = speaking(), []
    for _ in range(3):
        rooms.append(story.call.lane(story.now))
        story.is_quiet(0.02)
    assert rooms == [1_600, 1_440, 1_280]
    story, rooms = speaking(), []
    for _ in range(6):
        rooms.append(story.call.lane(story.now))
        story.sounds(0.04)
    assert rooms == [1_600, 1_280, 960, 640, 320, MOST_SAMPLES], "silent now: 240 ms were loud"


class Mouth:
    """A caller, and the pump. `together`: by way of the lane."""

    def __init__(self, story: Script, *, together: bool) -> None:
        self._together = together
        self._lane = Lane()
        self.story = story
        self._grant()

    def hears(self, frame: bytes) -> None:
        now = self.story.now + 0.02
        heard = CallerAudio(frame, round(now * 1000) - 20)
        if not self._lane.takes(heard, now):
            self._tells(heard)
        elif self._lane.full:
            self._tells(self._lane.rest())
        self.story.now = now

    def tells(self, event: CallEvent) -> None:
        """Something else happens."""
        if self._lane.waiting:
            self.story.happens(self._lane.rest())
        self.story.happens(event)
        self._grant()

    def _tells(self, heard: CallerAudio) -> None:
        self.story.wait(0.02).happens(heard)
        self._grant()

    def _grant(self) -> None:
        if self._together:
            self._lane.grant(self.story.call.lane(self.story.now))


@given(sounds=st.lists(st.tuples(st.booleans(), st.integers(1, 15)), max_size=12))
@settings(max_examples=examples(60))
def test_a_loud_caller_silences_us_with_the_same_frame_lane_or_not(
    sounds: list[tuple[bool, int]],
) -> None:
    by_frame, by_lane = (Mouth(speaking(), together=together) for together in (False, True))
    for loud, frames in sounds:
        for number in range(frames):
            for mouth in (by_frame, by_lane):
                begin = number * FRAME % len(LOUD)
                mouth.hears(LOUD[begin : begin + FRAME] if loud else QUIET)
            cleared = [m.story.said.count(ClearPlayback()) for m in (by_frame, by_lane)]
            assert cleared[0] == cleared[1]
            if cleared[0]:
                return


def unheard() -> Relayed:
    """A greeted caller whose words decide, with another engine to go to."""
    rungs = Rung("first", ON_REQUEST), Rung("next", ON_REQUEST)
    return answering(turn_taking=CONFIRMED, capabilities=ON_REQUEST, rungs=rungs)


@pytest.mark.parametrize("noticed", [False, True], ids=["nothing", "no end"])
@pytest.mark.parametrize("late_s", [0.0, 1.0], ids=["no word", "a late word"])
def test_an_engine_that_does_not_hear_the_caller_is_left_with_the_same_frame_lane_or_not(
    *, noticed: bool, late_s: float
) -> None:
    """It hears nothing of a sentence, or not that it is over; and of one before may tell later."""
    waited = []
    for together in (False, True):
        mouth, frames = Mouth(unheard(), together=together), 0
        if noticed:
            mouth.story.happens(CallerSpeechStarted("u1", round(mouth.story.now * 1000)))
        for number in range(75):
            begin = number * FRAME % len(LOUD)
            mouth.hears(LOUD[begin : begin + FRAME])
        while Note("caller_unheeded") not in mouth.story.said:
            if frames * 0.02 == late_s > 0:
                mouth.tells(CallerTranscript("u0", "Hello?"))
            mouth.hears(QUIET)
            frames += 1
            assert frames < 300, "nobody noticed"
        waited.append(frames)
    assert waited[0] == waited[1]
    assert waited[0] * 0.02 == pytest.approx(4.0 if noticed else 2.5 + late_s, abs=0.06)


# ---- the pump -----------------------------------------------------------------------------------


def stored(call: OneCall) -> bytes:
    pieces = (c for _, commands in call.around.shown for c in commands)
    mine = (c for c in pieces if isinstance(c, StoreAudio) and c.track is Track.CALLER)
    return b"".join(c.ulaw for c in mine)


def passed(first: int, last: int) -> CallerAudio:
    """These frames, as the call is told of them if they all came at once."""
    ulaw = b"".join(audio(number).ulaw for number in range(first, last + 1))
    return CallerAudio(ulaw, first * 20)


def echoes(call: OneCall) -> list[str]:
    """Marks of which the call was told along with audio."""
    heard = (event for event in call.around.seen if isinstance(event, CallerAudio))
    return [echo.name for event in heard for echo in event.echoes]


def told(call: OneCall) -> list[CallEvent]:
    """Without when they came."""
    return [
        msgspec.structs.replace(event, first_s=None, last_s=0.0)
        if isinstance(event, CallerAudio)
        else event
        for event in call.around.seen
    ]


async def test_the_engine_hears_each_frame_at_once_and_the_call_all_of_them_together(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    call.around.seen.clear()
    for number in range(24):
        call.session.deliver(audio(number))
        assert len(call.engine.heard) == number + 1
    assert told(call) == [], "there may be more urgent things to do"
    await asyncio.sleep(0)
    assert told(call) == [passed(0, 23)]
    call.session.deliver(audio(24))
    call.session.deliver(audio(25))
    call.session.deliver(MarkEchoed("0:0:0"))
    assert told(call)[1:] == [passed(24, 25), MarkEchoed("0:0:0")], "of all that came before"
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_the_call_is_told_in_time_however_much_else_there_is_to_do(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    call.around.seen.clear()
    for number in range(35):
        call.session.deliver(audio(number))
    assert told(call) == [passed(0, 29)]
    await asyncio.sleep(0)
    assert told(call) == [passed(0, 29)], "what has come since may become more"
    for number in range(35, 50):
        call.session.deliver(audio(number))
    await asyncio.sleep(0)
    assert told(call)[1:] == [passed(30, 49)]
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_fault_p10_a_core_that_breaks_over_what_was_put_off_ends_this_call_only(
    one: Callable[..., OneCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = one()
    await call.begin()
    for number in range(22):
        call.session.deliver(audio(number))
    monkeypatch.setattr(Call, "handle", None)
    after: list[str] = []
    call.around.later(partial(after.append, "of another call"))
    await asyncio.sleep(0)
    assert call.session.ended is EndedReason.INTERNAL_ERROR
    assert ("close", 1011, "internal error") in call.leg.asked
    await call.ended()
    assert after == ["of another call"]


def on_hold(call: OneCall, monkeypatch: pytest.MonkeyPatch) -> list[OnHold]:
    """What its tool calls may ask while they wait, which they all do for ever."""
    holds: list[OnHold] = []

    async def run(_request: ToolRequest, hold: OnHold) -> ToolOutcome:
        holds.append(hold)
        return await asyncio.Future()

    monkeypatch.setattr(call.around.dispatcher, "run", run)
    return holds


async def test_a_tool_call_that_has_waited_is_judged_by_all_that_was_heard_meanwhile(
    one: Callable[..., OneCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = one()
    holds = on_hold(call, monkeypatch)
    await call.begin()
    said = TextDelta("r1", "i1", "We close at six."), AudioDelta("r1", "i1", 0, seconds(0.5))
    for event in (ResponseStarted("r1"), ToolCalled("r1", "t1", "greet", "{}"), *said, audio(0)):
        call.session.deliver(event)
    await asyncio.sleep(0)
    call.around.seen.clear()
    call.session.deliver(audio(1))
    call.session.deliver(MarkEchoed("0:1:3200"))
    assert told(call) == [], "it waits in the lane"
    assert holds[0].evidence is not None
    assert [line.text for line in holds[0].evidence().said] == ["We"]
    assert echoes(call) == ["0:1:3200"]
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_fault_x9_a_tool_call_that_has_waited_does_not_begin_in_a_call_that_has_ended(
    one: Callable[..., OneCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller is gone; or another process goes on, and tells them that nothing was done."""
    call = one()
    holds = on_hold(call, monkeypatch)
    await call.begin()
    call.session.deliver(ToolCalled("r1", "t1", "greet", "{}"))
    await asyncio.sleep(0)
    call.session.deliver(StreamStopped())
    assert call.session.ended is not None
    assert holds[0].evidence is not None
    with pytest.raises(asyncio.CancelledError):
        holds[0].evidence()
    await call.ended()
    assert "call_core_failed" not in call.around.counted


async def test_a_call_that_ended_meanwhile_is_told_nothing_more(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    for number in range(22):
        call.session.deliver(audio(number))
    call.session.deliver(StreamStopped())
    call.around.seen.clear()
    await asyncio.sleep(0)
    assert told(call) == []
    await call.ended()


async def test_marks_are_told_with_the_audio_they_came_amid_and_the_last_one_at_once(
    one: Callable[..., OneCall],
) -> None:
    call = one()
    await call.begin()
    said = ResponseStarted("r1"), AudioDelta("r1", "item_1", 0, seconds(0.2))
    for event in (MarkEchoed("0:0:0"), EngineReady("s1"), *said, audio(0)):
        call.session.deliver(event)
    marks = [c.name for _, commands in call.around.shown for c in commands if type(c) is PlaceMark]
    first, *_, last = marks[1:]
    call.around.seen.clear()
    call.session.deliver(audio(1))
    call.session.deliver(MarkEchoed(first))
    assert call.around.seen == []
    call.session.deliver(MarkEchoed(last))
    together, alone = call.around.seen
    assert isinstance(together, CallerAudio)
    assert [(echo.name, echo.samples) for echo in together.echoes] == [(first, 320)]
    assert alone == MarkEchoed(last)
    call.session.deliver(StreamStopped())
    await call.ended()


async def test_fault_p10_an_engine_that_cannot_take_audio_ends_this_call_only(
    one: Callable[..., OneCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It raises for audio, which none may do. What has passed is kept."""
    call = one()
    await call.begin()
    for number in range(4):
        call.session.deliver(audio(number))
    monkeypatch.setattr(call.engine, "heard", None)
    call.session.deliver(audio(4))
    assert call.session.ended is EndedReason.INTERNAL_ERROR
    assert await call.journal.written(5.0)
    stored = (call.journal.folder / "caller.wav").read_bytes()[HEADER_BYTES:]
    assert stored == b"".join(audio(number).ulaw for number in range(5))
    assert "call_core_failed" in call.around.counted
    await call.ended()


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(st.sampled_from(["frame"] * 6 + ["short", "gap", "mark", "again"])), max_size=60
    )
)
async def test_whatever_comes_between_each_sample_is_heard_kept_and_told_once(
    around: Around, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    writer = JournalWriter(tmp_path_factory.mktemp("calls"))
    around.shown.clear()
    call = OneCall(around, writer, ScriptedEngine())
    await call.begin()
    sent, at = b"", 0
    for number, step in enumerate(steps):
        if step == "mark":
            call.session.deliver(MarkEchoed("0:0:0"))
            continue
        samples = 80 if step == "short" else FRAME
        at += {"gap": 60, "again": -40}.get(step, 0)
        piece = bytes([number]) * samples
        call.session.deliver(CallerAudio(piece, at))
        at += samples // 8
        sent += piece
        assert b"".join(call.engine.heard) == sent
    call.session.deliver(StreamStopped())
    await call.ended()
    assert stored(call) == sent
    await writer.shut(2.0)
    reading = read((call.journal.folder / "journal.bin").read_bytes())
    told = [r.event for r in reading.records if isinstance(r, Happened)]
    assert b"".join(e.ulaw for e in told if isinstance(e, CallerAudio)) == sent
    moments = [r.now for r in reading.records if isinstance(r, Happened)]
    assert moments == sorted(moments)
    assert replay(reading, lambda _config: Call(call.config)).ok
