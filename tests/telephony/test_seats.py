"""The engine sessions of one call: opened, seated and left, whatever they do."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from agents.engine import (
    AnyEngineEvent,
    AppendAudio,
    AudioFormat,
    CallerTranscript,
    CloseEngine,
    Engine,
    EngineExpires,
    EngineFailed,
    EngineReady,
    ResponseDone,
    ResponseStatus,
    Say,
    ToolOutput,
)
from agents.tasks import Tasks
from telephony import seats as seats_module
from telephony.call.events import CallEvent, SuccessorFailed, SuccessorReady
from telephony.seats import Opener, Seats
from tests.fakes.scripted_engine import CAPABILITIES, ScriptedEngine


class Desk:
    """Seats with scripted engines."""

    def __init__(self, enter: Callable[[int], "asyncio.Future[str | None]"] | None = None) -> None:
        self.told: list[CallEvent] = []
        self.reported: list[tuple[int, AnyEngineEvent]] = []
        self.engines: list[ScriptedEngine] = [ScriptedEngine()]
        self.broken: list[bool] = []
        self.ready = True
        self.capabilities = CAPABILITIES
        self.tasks = Tasks(self._broken)
        self.instead: AnyEngineEvent | None = None
        opener = Opener(self._new, report=self._report)
        if enter is not None:
            opener.enter = enter
        self.seats = Seats("CA1", self.engines[0], opener, self.tasks, self.told.append)

    def _broken(self, name: str, _error: BaseException) -> None:
        self.broken.append(self.seats.broken(name))

    def _report(self, rung: int, event: AnyEngineEvent) -> AnyEngineEvent | None:
        self.reported.append((rung, event))
        return self.instead

    def _new(self, _rung: int) -> Engine:
        self.engines.append(ScriptedEngine(ready=self.ready, capabilities=self.capabilities))
        return self.engines[-1]

    async def begun(self) -> "Desk":
        self.seats.begin()
        await settle()
        return self


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_second_session_is_opened_beside_the_first_and_seated() -> None:
    desk = await Desk().begun()
    desk.seats.open(1, 1)
    await settle()
    assert desk.told == [EngineReady("scripted"), SuccessorReady(1)]
    desk.seats.submit(Say("To the first."))
    desk.seats.seat(1)
    desk.seats.submit(Say("To the second."))
    assert desk.engines[0].asked == [Say("To the first."), CloseEngine()]
    assert desk.engines[1].asked == [Say("To the second.")]
    desk.engines[1].say(CallerTranscript("u1", "Hi."))
    assert desk.told[-1] == CallerTranscript("s1.u1", "Hi.")
    await settle()
    assert not desk.engines[0].running


async def test_audio_is_converted_for_the_session_that_is_seated() -> None:
    desk = await Desk().begun()
    desk.capabilities = msgspec.structs.replace(CAPABILITIES, input_format=AudioFormat.PCM16_24K)
    desk.seats.open(1, 1)
    await settle()
    desk.seats.submit(AppendAudio(b"\xff" * 160))
    desk.seats.seat(1)
    desk.seats.submit(AppendAudio(b"\xff" * 160))
    desk.seats.hear(b"\xff" * 80)
    assert [len(audio) for audio in desk.engines[0].heard] == [160]
    assert [len(audio) for audio in desk.engines[1].heard] == [960, 480], "PCM16 at 24 kHz"


async def test_the_line_is_heard_by_who_is_seated_and_by_nobody_else() -> None:
    desk = await Desk().begun()
    desk.seats.hear(b"\x01" * 160)
    desk.seats.open(1, 0)
    desk.seats.hear(b"\x02" * 160)
    await settle()
    desk.seats.hear(b"\x03" * 160)
    desk.seats.seat(1)
    desk.seats.hear(b"\x04" * 160)
    assert desk.engines[0].heard == [b"\x01" * 160, b"\x02" * 160, b"\x03" * 160]
    assert desk.engines[1].heard == [b"\x04" * 160]


async def test_nobody_hears_the_line_after_a_session_was_left_or_all_were_closed() -> None:
    desk = await Desk().begun()
    desk.seats.hear(b"\x01" * 160)
    desk.seats.leave(0)
    desk.seats.hear(b"\x02" * 160)
    assert desk.engines[0].heard == [b"\x01" * 160], "though it was listening before"
    other = await Desk().begun()
    other.seats.hear(b"\x01" * 160)
    other.seats.close()
    other.seats.hear(b"\x02" * 160)
    assert other.engines[0].heard == [b"\x01" * 160]


async def test_what_a_session_left_behind_still_says_is_not_heard() -> None:
    desk = await Desk().begun()
    desk.seats.leave(0)
    desk.engines[0].say(CallerTranscript("u1", "Hi."), EngineFailed("closed", False))
    assert desk.told == [EngineReady("scripted")]
    desk.seats.submit(Say("To nobody."))
    desk.seats.hear(b"\xff" * 160)
    assert desk.engines[0].asked == [CloseEngine()]
    assert desk.engines[0].heard == []


async def test_an_answer_for_another_session_s_tool_goes_nowhere() -> None:
    desk = await Desk().begun()
    desk.seats.open(1, 0)
    await settle()
    desk.seats.seat(1)
    desk.seats.submit(ToolOutput("call_1", "{}"))
    assert desk.engines[1].asked == []


async def test_a_session_that_fails_before_it_is_seated_is_told_so() -> None:
    desk = await Desk().begun()
    desk.ready = False
    desk.seats.open(1, 0)
    await settle()
    desk.engines[1].say(EngineFailed("rate_limited", False, 2.0))
    assert desk.told[-1] == SuccessorFailed(1, "rate_limited", False, 2.0)
    assert desk.reported[-1] == (0, EngineFailed("rate_limited", False, 2.0))


async def test_a_session_that_breaks_is_one_that_failed() -> None:
    desk = await Desk().begun()
    desk.seats.open(1, 0)
    await settle()
    desk.engines[1].breaks(RuntimeError("boom"))
    await settle()
    assert desk.told[-1] == SuccessorFailed(1, "internal", fatal=True)
    desk.engines[0].breaks(RuntimeError("boom"))
    await settle()
    assert EngineFailed("internal", fatal=True) in desk.told


async def test_a_session_that_may_not_be_opened_is_refused() -> None:
    def refused(_rung: int) -> "asyncio.Future[str | None]":
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        answer.set_result("breaker_open")
        return answer

    desk = await Desk(refused).begun()
    desk.seats.open(1, 0)
    await settle()
    assert desk.told[-1] == SuccessorFailed(1, "breaker_open", fatal=True)
    assert len(desk.engines) == 1, "nobody was asked"


async def test_a_session_left_while_it_waits_is_never_opened() -> None:
    waiting: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    desk = await Desk(lambda _rung: waiting).begun()
    desk.seats.open(1, 0)
    await settle()
    desk.seats.leave(1)
    waiting.set_result(None)
    await settle()
    assert len(desk.engines) == 1


async def test_when_a_session_expires_is_known_once_it_is_seated() -> None:
    desk = await Desk().begun()
    desk.seats.open(1, 0)
    await settle()
    desk.engines[1].say(EngineExpires(3_600.0))
    assert not any(isinstance(event, EngineExpires) for event in desk.told)
    desk.seats.seat(1)
    (told,) = [event for event in desk.told if isinstance(event, EngineExpires)]
    assert told.in_s == pytest.approx(3_600.0, abs=5.0)


async def test_a_session_that_does_not_close_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats_module, "CLOSE_S", 0.01)
    desk = Desk()
    desk.engines[0] = ScriptedEngine(closes=False)
    desk.seats = Seats("CA1", desk.engines[0], Opener(), desk.tasks, desk.told.append)
    await desk.begun()
    desk.seats.leave(0)
    async with asyncio.timeout(2.0):
        while desk.engines[0].running:
            await asyncio.sleep(0.005)


async def test_who_hears_how_a_session_fares_may_know_better_what_it_means() -> None:
    desk = await Desk().begun()
    desk.told.clear()
    desk.instead = EngineFailed("model_not_found", fatal=False)
    desk.engines[0].say(EngineFailed("model_not_found", fatal=True))
    await settle()
    assert desk.told == [desk.instead]


# ---- what is reported of a session that was left ------------------------------------------------

DONE = ResponseDone("r1", ResponseStatus.COMPLETED)


def failures(desk: Desk) -> list[tuple[int, AnyEngineEvent]]:
    return [each for each in desk.reported if isinstance(each[1], EngineFailed)]


async def test_a_first_session_that_was_never_ready_is_reported_once() -> None:
    desk = Desk()
    desk.engines[0] = ScriptedEngine(ready=False)
    desk.seats = Seats(
        "CA1", desk.engines[0], Opener(desk._new, report=desk._report), desk.tasks, desk.told.append
    )
    await desk.begun()
    desk.seats.leave(0)
    desk.engines[0].say(EngineFailed("setup_timeout", fatal=False))
    desk.seats.leave(0)
    await settle()
    assert failures(desk) == [(0, EngineFailed("left", fatal=False))]
    assert desk.told == [], "the call knows: it has left it"


async def test_a_further_session_that_was_never_ready_is_reported_once() -> None:
    desk = await Desk().begun()
    desk.engines[0].say(DONE)
    desk.ready = False
    desk.seats.open(1, 1)
    await settle()
    desk.seats.leave(1)
    await settle()
    desk.engines[1].say(EngineFailed("setup_timeout", fatal=False))
    await settle()
    assert failures(desk) == [(1, EngineFailed("left", fatal=False))]


async def test_a_session_that_is_ready_and_mute_is_reported() -> None:
    desk = await Desk().begun()
    desk.seats.open(1, 1)
    await settle()
    desk.engines[0].say(DONE)
    desk.seats.leave(0)
    desk.seats.seat(1)
    await settle()
    assert failures(desk) == [], "it had given a reply"
    desk.seats.leave(1)
    await settle()
    assert failures(desk) == [(1, EngineFailed("left", fatal=False))]


async def test_a_session_that_failed_by_itself_is_reported_for_that_alone() -> None:
    desk = await Desk().begun()
    desk.engines[0].say(EngineFailed("connection_lost", fatal=False))
    desk.seats.leave(0)
    await settle()
    assert failures(desk) == [(0, EngineFailed("connection_lost", fatal=False))]


async def test_a_session_that_makes_room_for_a_planned_one_did_not_fail() -> None:
    desk = await Desk().begun()
    desk.seats.open(1, 0)
    await settle()
    desk.seats.seat(1)
    await settle()
    assert failures(desk) == []


async def test_the_end_of_a_call_is_no_failure_of_its_sessions() -> None:
    desk = await Desk().begun()
    desk.ready = False
    desk.seats.open(1, 1)
    await settle()
    # As a call lets go of them: the one on its way, then the one that is seated.
    desk.seats.leave(1)
    desk.seats.submit(CloseEngine())
    desk.seats.close()
    desk.seats.leave(0)
    await settle()
    assert failures(desk) == []


async def test_a_refusal_of_ours_is_no_failure_of_the_provider() -> None:
    def refused(_rung: int) -> "asyncio.Future[str | None]":
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        answer.set_result("row_too_long")
        return answer

    desk = await Desk(refused).begun()
    desk.seats.open(1, 1)
    await settle()
    assert desk.told[-1] == SuccessorFailed(1, "row_too_long", fatal=True)
    assert failures(desk) == []


# ---- tasks that break ---------------------------------------------------------------------------


async def test_a_session_left_behind_that_breaks_harms_no_other() -> None:
    desk = Desk()
    desk.engines[0] = ScriptedEngine(closes=False)
    opener = Opener(desk._new, report=desk._report)
    desk.seats = Seats("CA1", desk.engines[0], opener, desk.tasks, desk.told.append)
    await desk.begun()
    desk.seats.open(1, 1)
    await settle()
    desk.seats.leave(0)
    desk.seats.seat(1)
    desk.told.clear()
    desk.engines[0].breaks(RuntimeError("boom"))
    await settle()
    assert desk.told == []
    assert desk.broken == [True], "it is a session's, and nothing else failed"
    assert not desk.seats.broken("tool call_1")
