"""Calls that change their process: who goes on with them, and what the carrier is told."""

import asyncio
from collections.abc import Callable

import pytest

from telephony.call.commands import TakeBack
from telephony.call.events import HangUpAsked, MigrateAsked, StreamLost
from telephony.room import Room
from telephony.session import Session
from telephony.switchboard import Switchboard, Whose
from telephony.transcripts.entry import EndedReason
from telephony.twilio.ports import Admitted, AskAgain, Leg, Offer
from tests.telephony.test_switchboard import SENTENCES, Board, ShortSession, offer
from tests.telephony.virtual_time import run_virtually


class Second(Board):
    """A switchboard that may be asked about calls of another process."""

    def __init__(self, whose: Whose | EndedReason = Whose.OURS, *, migrates: bool = True) -> None:
        super().__init__()
        self.whose = whose
        self.leaves = migrates
        self.asked: list[str] = []
        self.free = asyncio.Event()
        self.free.set()
        self.switchboard = Switchboard(
            self._open,  # type: ignore[arg-type]
            lambda offer, _reason: self.never_started.append(offer.call_sid),
            lambda *_: None,
            SENTENCES,
            lambda code: self.counted.update([code]),
            lambda reason: self.ended.update([reason]),
            room=Room(2),
            start_within_s=10.0,
            take=self._take,
            migrates=self._migrates,
        )

    async def _migrates(self) -> bool:
        return self.leaves

    async def _take(self, offer: Offer) -> Whose | EndedReason:
        self.asked.append(offer.call_sid)
        await self.free.wait()
        return self.whose

    def _open(self, offer: Offer, _leg: Leg, over: Callable[[Session], None]) -> ShortSession:
        session = Leaving(offer.call_sid, over, ())
        self.sessions[offer.call_sid] = session
        return session


class Leaving(ShortSession):
    """Goes to another process as soon as it is asked to."""

    def deliver(self, event: object) -> None:
        if isinstance(event, MigrateAsked | StreamLost):
            self.events.append(event)
            self.ends(EndedReason.MIGRATED)
        elif isinstance(event, HangUpAsked):
            self.events.append(event)


async def test_a_call_of_another_process_is_expected_here() -> None:
    board = Second()
    assert not board.switchboard.knows("CA1")
    assert await board.switchboard.resume(offer("CA1")) == TakeBack()
    assert board.switchboard.knows("CA1")
    assert board.switchboard.open_call(offer("CA1"), "MZ2", None) is not None  # type: ignore[arg-type]
    assert board.switchboard.knows("CA1")
    assert board.counted["call_taken_over"] == 1


async def test_a_call_in_which_nothing_was_said_begins_anew() -> None:
    board = Second(Whose.NOBODYS)
    assert await board.switchboard.resume(offer("CA1")) == TakeBack()
    assert await board.switchboard.resume(offer("CA2")) == TakeBack()
    assert await board.switchboard.resume(offer("CA3")) == SENTENCES.at_capacity


@pytest.mark.parametrize(
    ("ended", "said"),
    [(EndedReason.AGENT_HUNG_UP, None), (EndedReason.ENGINE_FAILED, SENTENCES.broken)],
)
async def test_a_call_that_is_over_elsewhere_is_not_begun_again(
    ended: EndedReason, said: str | None
) -> None:
    board = Second(ended)
    assert await board.switchboard.resume(offer("CA1")) == said
    assert board.switchboard.knows("CA1")


async def test_fault_s2_while_nobody_can_be_asked_the_carrier_asks_again_but_not_for_ever() -> None:
    board = Second(Whose.UNKNOWN)
    for _ in range(8):
        assert await board.switchboard.resume(offer("CA1")) == AskAgain(1)
    assert await board.switchboard.resume(offer("CA1")) == SENTENCES.broken


async def test_two_questions_at_once_take_a_call_once() -> None:
    board = Second()
    board.free.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(board.switchboard.resume(offer("CA1")))
        await asyncio.sleep(0)
        second = group.create_task(board.switchboard.resume(offer("CA1")))
        await asyncio.sleep(0)
        board.free.set()
    assert (first.result(), second.result()) == (TakeBack(), AskAgain(1))
    assert board.asked == ["CA1"]


async def test_fault_s9_a_call_taken_over_elsewhere_is_left() -> None:
    board = Second()
    session = board.live("CA1")
    board.switchboard.fenced("CA1")
    board.switchboard.fenced("CA_unheard_of")
    assert session.events == [StreamLost("fenced")]
    assert not board.switchboard.knows("CA1")


async def test_fault_p1_calls_left_at_the_limit_go_to_another_process() -> None:
    board = Second()
    session = board.live("CA1")
    await board.switchboard.drain(0.0)
    assert session.events == [MigrateAsked(5.0)]
    # The other process has it, or will have: this one takes nothing any more.
    assert await board.switchboard.resume(offer("CA1")) == AskAgain(1)
    assert board.asked == []


async def test_fault_p1_a_call_that_rings_while_the_server_drains_is_not_given_up() -> None:
    board = Second()
    assert board.switchboard.offer(offer("CA1")) == Admitted()
    async with asyncio.TaskGroup() as group:
        draining = group.create_task(board.switchboard.drain(5.0))
        await asyncio.sleep(0)
        board.switchboard.open_call(offer("CA1"), "MZ1", None)  # type: ignore[arg-type]
        assert not draining.done()
        board.sessions["CA1"].ends(EndedReason.CALLER_HUNG_UP)
    assert board.ended == {EndedReason.CALLER_HUNG_UP: 1}


def test_fault_p1_what_the_carrier_asks_once_the_last_call_is_over_is_still_answered() -> None:
    async def ends() -> None:
        loop, board = asyncio.get_running_loop(), Second()
        session = board.live("CA1")
        loop.call_later(2.0, session.ends, EndedReason.CALLER_HUNG_UP)
        begun_s = loop.time()
        await board.switchboard.drain(5.0)
        assert loop.time() - begun_s == pytest.approx(2.0)
        await asyncio.sleep(0.5)
        await board.switchboard.linger()
        assert loop.time() - begun_s == pytest.approx(3.5)

    run_virtually(ends())


def test_who_had_no_call_lately_has_nothing_to_answer_for() -> None:
    async def ends() -> None:
        loop, board = asyncio.get_running_loop(), Second()
        begun_s = loop.time()
        await board.switchboard.linger()
        board.live("CA1").ends(EndedReason.CALLER_HUNG_UP)
        await asyncio.sleep(1.5)
        await board.switchboard.linger()
        assert loop.time() - begun_s == pytest.approx(1.5)

    run_virtually(ends())


async def test_fault_p2_a_second_signal_does_not_wait_for_a_silence() -> None:
    board = Second()
    session = board.live("CA1")
    async with asyncio.TaskGroup() as group:
        group.create_task(board.switchboard.drain(5.0))
        await asyncio.sleep(0)
        board.switchboard.hurry()
    assert session.events == [MigrateAsked(0.0)]


async def test_a_call_nobody_else_could_go_on_with_is_ended_politely() -> None:
    board = Second(migrates=False)
    session = board.live("CA1")
    async with asyncio.TaskGroup() as group:
        group.create_task(board.switchboard.drain(0.0))
        await asyncio.sleep(0.01)
        assert session.events == [HangUpAsked("drained")]
        session.ends(EndedReason.DRAINED)


async def test_a_call_that_comes_back_to_a_process_that_had_it_is_taken() -> None:
    board = Second()
    board.live("CA1").ends(EndedReason.MIGRATED)
    assert await board.switchboard.resume(offer("CA1")) == AskAgain(1)
    await asyncio.sleep(0)
    assert await board.switchboard.resume(offer("CA1")) == TakeBack()
    assert board.switchboard.open_call(offer("CA1"), "MZ2", None) is not None  # type: ignore[arg-type]
