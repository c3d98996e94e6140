"""A session of the embedded engine with ears, recogniser and voice made up: what it does when."""

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import numpy as np
import pytest
from onnxruntime import InferenceSession

from agents.engine import (
    Answer,
    AnyEngineEvent,
    AppendAudio,
    CallerSaid,
    CallerTranscript,
    Dismiss,
    Remember,
    ResponseDone,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
)
from agents.local import session as session_module
from agents.local.acts import Act, CallTool, Speak
from agents.local.dialogue import Dialogue
from agents.local.endpointing import Frame, Heard, Paused, SpeechStarted, SpeechStopped
from agents.local.expectation import Expectation
from agents.local.hearing import Hearing
from agents.local.models import HEARING_THREADS, Models, Speech
from agents.local.recogniser import Recogniser, Recognition
from agents.local.session import Session, Understanding
from agents.local.voice import Voice
from agents.persona import Persona
from agents.tasks import Tasks
from tests.agents.talk import FRIDAY, SALON, SALON_ANSWERS
from tests.agents.test_local_engine import Script


class Ears:
    """Begins and ends turns when told to."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.next: Heard | None = None
        self.settled: list[int] = []

    def expect(self, *, patient: bool) -> None:
        """Turns end when told to."""

    def settle(self, at_ms: int) -> None:
        self.settled.append(at_ms)
        self._changed()

    def hear(self, audio: bytes) -> list[Heard]:
        return [] if self.next is None else [self.next]


class Words:
    """Recognises the words that a turn's audio stands for; waits where it is `held`."""

    def __init__(self, said: list[str]) -> None:
        self.said = said
        self.free = threading.Event()
        self.free.set()
        self.threads: list[str] = []
        self.broken = 0
        self.expected: list[tuple[str, Expectation]] = []

    def recognise(self, audio: Frame, expect: Expectation) -> Recognition:
        self.threads.append(threading.current_thread().name)
        self.free.wait(10)
        if self.broken:
            self.broken -= 1
            raise RuntimeError("the recogniser broke")
        text = self.said[int(audio[0])]
        self.expected.append((text, expect))
        return Recognition(text, True, 0.0)


class Hum:
    """Speaks 2 ms a letter."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def sentence(self, sentence: str) -> bytes:
        self.threads.append(threading.current_thread().name)
        return bytes(2 * 48 * len(sentence))


class Line:
    """One call's session and what it reported."""

    def __init__(self, dialogue: Understanding, *, on_request: bool = False, ids: str = "") -> None:
        self.models = Models()
        self._arrived = asyncio.Event()
        self.ears, self.voice = Ears(self._arrived.set), Hum()
        self.said: list[str] = []
        self.turns = 0
        self.words = Words(self.said)
        self.events: list[AnyEngineEvent] = []
        speech = Speech(
            cast(InferenceSession, None), cast(Recogniser, self.words), cast(Voice, self.voice)
        )
        hearing = cast(Hearing, self.ears)
        self.session = Session(
            self.models,
            speech,
            hearing,
            dialogue,
            self._deliver,
            answers_on_request=on_request,
            ids=ids,
        )

    def _deliver(self, event: AnyEngineEvent) -> None:
        self.events.append(event)
        self._arrived.set()

    def begins(self) -> None:
        self.ears.next = SpeechStarted(0)
        self.session.obey(AppendAudio(b""))

    def ends(self, text: str, seconds: float = 0.1, *, at_ms: int = 0) -> str:
        """The turn ends; these were its words. Returns its id."""
        self.ears.next = SpeechStopped(at_ms, self._sounds(text, seconds))
        self.session.obey(AppendAudio(b""))
        self.turns += 1
        return f"turn_{self.turns}"

    def pauses(self, text: str, at_ms: int = 0) -> None:
        """The caller draws breath, or is done; these were the words so far."""
        self.ears.next = Paused(at_ms, self._sounds(text, 0.1))
        self.session.obey(AppendAudio(b""))

    def _sounds(self, text: str, seconds: float) -> Frame:
        self.said.append(text)
        return np.full(int(seconds * 16_000), len(self.said) - 1, np.float32)

    def says(self, text: str, seconds: float = 0.1) -> str:
        self.begins()
        return self.ends(text, seconds)

    def of(self, *kinds: type[AnyEngineEvent]) -> list[AnyEngineEvent]:
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def spoken(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def calls(self) -> list[str]:
        return [event.name for event in self.events if isinstance(event, ToolCalled)]

    @property
    def transcripts(self) -> list[tuple[str, str, bool]]:
        found = [event for event in self.events if isinstance(event, CallerTranscript)]
        return [(event.item_id, event.text, event.failed) for event in found]

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not reached():
                self._arrived.clear()
                await self._arrived.wait()

    async def replies(self, many: int) -> None:
        await self.until(lambda: len(self.of(ResponseDone)) >= many)

    async def transcribed(self, many: int) -> None:
        await self.until(lambda: len(self.of(CallerTranscript)) >= many)


@asynccontextmanager
async def running(line: Line) -> AsyncIterator[Line]:
    failed: list[BaseException] = []
    tasks = Tasks(lambda _, error: failed.append(error))
    tasks.start("think", line.session.think())
    tasks.start("listen", line.session.listen())
    try:
        yield line
    finally:
        line.words.free.set()
        await tasks.cancel_all()
        line.models.hearing.shutdown()
        line.models.speaking.shutdown()
    assert failed == []


def salon(*said: str) -> Dialogue:
    """A salon's dialogue, after this was said to it and tools answered at once."""
    dialogue = Dialogue(SALON, Persona(), FRIDAY, (f"call_{n}" for n in itertools.count(1)))
    for text in said:
        _perform(dialogue, dialogue.heard(text, True))
    return dialogue


def _perform(dialogue: Dialogue, acts: Sequence[Act]) -> None:
    for act in acts:
        if isinstance(act, CallTool):
            output = json.dumps(SALON_ANSWERS[act.name](json.loads(act.arguments_json)))
            _perform(dialogue, dialogue.tool_answered(act.tool_call_id, output))


ALL_BUT_THE_NAME = ("I'd like to book an appointment", "haircut", "tomorrow", "ten")
READ_BACK = "Is that right?"


def answered(line: Line) -> ToolOutput:
    """What the tool asked for last says."""
    call = [event for event in line.events if isinstance(event, ToolCalled)][-1]
    output = SALON_ANSWERS[call.name](json.loads(call.arguments))
    return ToolOutput(call.tool_call_id, json.dumps(output))


# ---- whose yes it is -------------------------------------------------------------------------


async def test_a_yes_that_began_before_the_read_back_books_nothing() -> None:
    async with running(Line(salon(*ALL_BUT_THE_NAME[:2]))) as line:
        line.says("tomorrow at ten, my name is Sam")
        await line.until(lambda: line.calls == ["find_times"])
        await line.replies(1)
        line.begins()
        line.session.obey(answered(line))
        await asyncio.sleep(0)
        line.ends("okay")
        await line.replies(3)
        assert line.calls == ["find_times"]
        assert "Just to be sure." in line.spoken
        line.says("yes")
        await line.until(lambda: line.calls == ["find_times", "book_appointment"])


async def test_a_yes_after_the_read_back_books() -> None:
    async with running(Line(salon(*ALL_BUT_THE_NAME))) as line:
        line.says("Sam")
        await line.replies(1)
        line.says("yes")
        await line.until(lambda: line.calls == ["book_appointment"])
        assert "Just to be sure." not in line.spoken


async def test_a_yes_begun_while_the_answer_was_made_out_books_nothing_on_request() -> None:
    async with running(Line(salon(*ALL_BUT_THE_NAME), on_request=True)) as line:
        line.words.free.clear()
        line.session.obey(Answer(line.says("Sam")))
        while not line.words.threads:
            await asyncio.sleep(0.01)
        line.begins()
        line.words.free.set()
        await line.transcribed(1)
        await asyncio.sleep(0.05)
        assert line.spoken == "", "the caller has the floor again"
        line.session.obey(Answer(line.ends("Yes")))
        await line.replies(1)
        assert line.calls == []
        assert READ_BACK in line.spoken
        line.session.obey(Answer(line.says("yes")))
        await line.until(lambda: line.calls == ["book_appointment"])


@pytest.mark.parametrize("on_request", [False, True])
async def test_a_yes_that_ends_after_a_reply_nobody_could_wait_for_books_nothing(
    on_request: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_FLOOR_WAIT_S", 0.02)
    async with running(Line(salon(*ALL_BUT_THE_NAME), on_request=on_request)) as line:
        line.words.free.clear()
        said = line.says("Sam")
        line.session.obey(Answer(said))
        line.begins()
        line.words.free.set()
        await line.replies(1)
        assert READ_BACK in line.spoken, "read back over a noisy line"
        line.session.obey(Answer(line.ends("yes")))
        await line.replies(2)
        assert line.calls == []
        assert "Just to be sure." in line.spoken


async def test_a_yes_left_over_after_the_most_parts_books_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "_MOST_PARTS", 1)
    async with running(Line(salon(*ALL_BUT_THE_NAME))) as line:
        line.words.free.clear()
        line.says("Sam")
        line.says("yes")
        line.words.free.set()
        await line.replies(2)
        assert line.calls == []
        assert "Just to be sure." in line.spoken


# ---- which turns count ------------------------------------------------------------------------


async def test_a_turn_the_call_has_not_let_count_is_no_part_of_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "_VERDICT_WAIT_S", 0.02)
    script = Script([Speak("Gladly.")], [Speak("Very well.")])
    async with running(Line(script, on_request=True)) as line:
        first, second = line.says("a haircut"), line.says("achoo")
        await line.transcribed(2)
        line.session.obey(Answer(first))
        await line.replies(1)
        line.session.obey(Dismiss(second))
        line.session.obey(Answer(line.says("on Tuesday")))
        await line.replies(2)
    heard = [told[1] for told in script.told if told[0] == "heard"]
    assert heard == ["a haircut", "on tuesday"]


async def test_a_turn_the_call_lets_count_a_moment_later_belongs_to_the_answer() -> None:
    script = Script([Speak("Gladly.")])
    async with running(Line(script, on_request=True)) as line:
        first, second = line.says("a haircut"), line.says("on Tuesday")
        line.session.obey(Answer(first))
        await line.transcribed(2)
        await asyncio.sleep(0.02)
        line.session.obey(Answer(second))
        await line.replies(1)
    assert [told[1] for told in script.told] == ["a haircut on tuesday"]


async def test_what_came_before_the_turn_that_counts_belongs_to_it() -> None:
    script = Script([Speak("Gladly.")])
    async with running(Line(script, on_request=True)) as line:
        line.says("a haircut")
        line.session.obey(Answer(line.says("on Tuesday")))
        await line.replies(1)
    assert [told[1] for told in script.told] == ["a haircut on tuesday"]


async def test_an_answer_is_made_out_as_the_question_before_it_wants() -> None:
    script = Script([Speak("Gladly.")])
    async with running(Line(script, on_request=True)) as line:
        said = line.says("four")
        await line.transcribed(1)
        script.expect = Expectation("four|five")
        line.session.obey(Answer(said))
        await line.replies(1)
        assert [expect.pattern for _, expect in line.words.expected] == [None, "four|five"]
        assert line.transcripts == [(said, "four", False)]


# ---- how much may wait -------------------------------------------------------------------------


@pytest.mark.parametrize("on_request", [False, True])
@pytest.mark.parametrize(("many", "seconds", "kept"), [(20, 0.1, 8), (6, 25.0, 2), (3, 30.0, 2)])
async def test_of_more_than_can_be_heard_the_oldest_is_given_up(
    on_request: bool, many: int, seconds: float, kept: int
) -> None:
    line = Line(Script(), on_request=on_request)
    ids = [line.says("again", seconds) for _ in range(many)]
    assert line.transcripts == [(item_id, "", True) for item_id in ids[: many - kept]]


async def test_coughs_do_not_pile_up_before_a_busy_recogniser() -> None:
    line = Line(Script(), on_request=True)
    for number in range(10):
        line.session.obey(Dismiss(line.says("achoo")))
        given_up = [(f"turn_{n}", "", True) for n in range(1, number - 6)]
        assert line.transcripts == given_up


async def test_turns_nobody_asks_for_do_not_pile_up_once_they_are_made_out() -> None:
    script = Script([Speak("Gladly.")])
    async with running(Line(script, on_request=True)) as line:
        for number in range(12):
            last = line.says(f"word{number}")
            await line.transcribed(number + 1)
        line.session.obey(Answer(last))
        await line.replies(1)
        assert not any(failed for _, _, failed in line.transcripts)
    assert script.told == [("heard", " ".join(f"word{n}" for n in range(4, 12)), "True")]


# ---- what runs where ---------------------------------------------------------------------------


async def test_neither_ears_nor_voice_run_on_the_event_loop() -> None:
    async with running(Line(Script([Speak("Gladly.")]))) as line:
        line.says("a haircut")
        await line.replies(1)
        line.session.obey(Say("Hello. Still there?"))
        await line.replies(2)
        assert {name.rpartition("_")[0] for name in line.words.threads} == {"local-hearing"}
        assert {name.rpartition("_")[0] for name in line.voice.threads} == {"local-speaking"}
        assert threading.current_thread().name not in line.words.threads + line.voice.threads


# ---- another session of the same call ---------------------------------------------------------


async def test_what_another_session_heard_is_answered_when_asked_to() -> None:
    async with running(Line(salon())) as line:
        line.session.obey(Remember((CallerSaid("good morning"),)))
        line.session.obey(Remember((CallerSaid("hello"),), answer=True))
        await line.replies(1)
    assert len(line.of(ResponseDone)) == 1
    assert "What can I do for you?" in line.spoken


async def test_ids_of_two_sessions_are_never_the_same() -> None:
    seen: list[set[str]] = []
    for ids in ("a_", "b_"):
        async with running(Line(salon(), ids=ids)) as line:
            line.session.obey(Say("Hello."))
            line.says("what do you offer")
            await line.replies(2)
            found = {getattr(event, "item_id", "") for event in line.events}
            seen.append(found | {getattr(event, "response_id", "") for event in line.events})
    assert {"a_item_1", "a_turn_1", "a_resp_1", "a_resp_2"} <= seen[0]
    assert seen[0] & seen[1] == {""}


# ---- made out before the turn is known to be over -----------------------------------------------


async def test_what_was_made_out_in_the_pause_is_not_made_out_again() -> None:
    async with running(Line(salon(*ALL_BUT_THE_NAME[:1]))) as line:
        line.begins()
        line.pauses("a haircut")
        line.ends("a haircut")
        await line.replies(1)
    assert [text for text, _ in line.words.expected] == ["a haircut"]
    assert [text for _, text, _ in line.transcripts] == ["a haircut"]


async def test_who_goes_on_after_the_pause_is_made_out_in_full() -> None:
    async with running(Line(salon(*ALL_BUT_THE_NAME[:1]))) as line:
        line.begins()
        line.pauses("a haircut", at_ms=500)
        line.pauses("a haircut tomorrow", at_ms=900)
        line.ends("a haircut tomorrow at ten", at_ms=1_400)
        await line.replies(1)
    assert [text for _, text, _ in line.transcripts] == ["a haircut tomorrow at ten"]


async def test_a_pause_that_is_over_is_not_made_out_if_it_has_not_begun() -> None:
    line = Line(salon(*ALL_BUT_THE_NAME[:1]))
    line.words.free.clear()
    async with running(line):
        line.begins()
        for thread in range(HEARING_THREADS):
            line.pauses("a", thread)
            while len(line.words.threads) <= thread:
                await asyncio.sleep(0)
        line.pauses("a hair", at_ms=10)
        line.pauses("a haircut", at_ms=11)
        line.ends("a haircut", at_ms=11)
        for _ in range(3):
            await asyncio.sleep(0)  # the loop tells the thread of a cancellation in its next turn
        line.words.free.set()
        await line.replies(1)
    made_out = {text for text, _ in line.words.expected}
    assert made_out == {"a", "a haircut"}


async def test_a_whole_answer_shortens_the_wait_and_half_of_one_does_not() -> None:
    async with running(Line(salon(*ALL_BUT_THE_NAME[:3]))) as line:
        line.begins()
        line.pauses("um", at_ms=300)
        line.pauses("at ten", at_ms=700)
        await line.until(lambda: line.ears.settled == [700])


async def test_a_pause_listened_to_for_another_question_is_made_out_again() -> None:
    async with running(Line(salon(*ALL_BUT_THE_NAME[:3]))) as line:
        line.begins()
        line.pauses("at ten", at_ms=700)
        await line.until(lambda: line.ears.settled == [700])
        line.session.obey(Remember((CallerSaid("never mind"),)))
        line.session.obey(Say("Hello?"))
        await line.replies(1)
        line.ends("goodbye", at_ms=700)
        await line.replies(2)
    assert [text for _, text, _ in line.transcripts] == ["goodbye"]


async def test_fault_a_recogniser_that_broke_on_a_pause_is_asked_again_at_the_end() -> None:
    async with running(Line(salon(*ALL_BUT_THE_NAME[:1]))) as line:
        line.words.broken = 1
        line.begins()
        line.pauses("a haircut", at_ms=500)
        line.ends("a haircut", at_ms=500)
        await line.replies(1)
    assert [text for _, text, _ in line.transcripts] == ["a haircut"]
