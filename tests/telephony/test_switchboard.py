"""Who may come in, what the carrier is told of calls that are over, and the end of the day."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from telephony.call.commands import Onward, TakeBack, TakeMessage, Transfer
from telephony.call.events import (
    CallEvent,
    CallOver,
    DialEnded,
    HandedOver,
    HangUpAsked,
    MessageLeft,
    StreamLost,
    StreamStopped,
)
from telephony.configuring.personafile import OutsidePart
from telephony.room import Room
from telephony.session import Session
from telephony.switchboard import Sentences, Switchboard, diverted
from telephony.transcripts.entry import EndedReason
from telephony.twilio.ports import Admitted, Diverted, Leg, Message, Offer, Refused, StreamEvent

SENTENCES = Sentences(
    at_capacity="Busy.", draining="Restarting.", broken="Sorry.", nobody="Nobody."
)
_ENDS: dict[type[CallEvent], EndedReason] = {
    StreamStopped: EndedReason.CALLER_HUNG_UP,
    CallOver: EndedReason.CALLER_HUNG_UP,
    StreamLost: EndedReason.STREAM_LOST,
    HangUpAsked: EndedReason.DRAINED,
}


class ShortSession:
    """A session that ends as soon as it is told to, unless it is deaf."""

    def __init__(self, call_id: str, over: Callable[[Any], None], deaf: tuple[type, ...]) -> None:
        self.call_id = call_id
        self.ended: EndedReason | None = None
        self.events: list[CallEvent] = []
        self.next_step: Onward | TakeBack | None = None
        self.expects_stream = False
        self.apologised = False
        self.legs: list[Leg] = []
        self._over = over
        self._deaf = deaf

    def attach(self, leg: Leg) -> Callable[[CallEvent], None]:
        self.legs.append(leg)
        return self.deliver

    def deliver(self, event: CallEvent) -> None:
        self.events.append(event)
        if self.ended is None and not isinstance(event, self._deaf):
            self.ends(_ENDS[type(event)])

    def ends(self, reason: EndedReason) -> None:
        self.ended = reason
        asyncio.get_running_loop().call_soon(self._over, self)


class Board:
    """A switchboard whose sessions are short, with what it did written down."""

    def __init__(self, max_calls: int = 2, start_within_s: float = 10.0) -> None:
        self.counted: Counter[str] = Counter()
        self.sessions: dict[str, ShortSession] = {}
        self.never_started: list[str] = []
        self.ended: Counter[EndedReason] = Counter()
        self.build_fails = False
        self.messages: list[tuple[str, str, Message]] = []
        self.deaf: tuple[type, ...] = ()
        self.switchboard = Switchboard(
            self._open,  # type: ignore[arg-type]
            lambda offer, _reason: self.never_started.append(offer.call_sid),
            lambda call_sid, caller, message: self.messages.append((call_sid, caller, message)),
            SENTENCES,
            lambda code: self.counted.update([code]),
            lambda reason: self.ended.update([reason]),
            room=Room(max_calls),
            start_within_s=start_within_s,
        )

    def _open(self, offer: Offer, _leg: Leg, over: Callable[[Session], None]) -> ShortSession:
        if self.build_fails:
            raise RuntimeError("no engine for you")
        self.sessions[offer.call_sid] = ShortSession(offer.call_sid, over, self.deaf)
        return self.sessions[offer.call_sid]

    def live(self, name: str) -> ShortSession:
        """A call that rang and whose stream is open."""
        offer = Offer(name, "AC1", "+14155550100", "+14155550199")
        assert self.switchboard.offer(offer) == Admitted()
        assert self.switchboard.open_call(offer, "MZ1", _leg()) is not None
        return self.sessions[name]


def passing_on(**ways: Any) -> Board:
    """One without room; `ways` are a Switchboard's. Keeps, too, why a call never started."""
    board = Board(max_calls=0)
    board.switchboard = Switchboard(
        board._open,  # type: ignore[arg-type]
        lambda offer, reason: board.never_started.append(f"{offer.call_sid} {reason.value}"),
        lambda call_sid, caller, message: board.messages.append((call_sid, caller, message)),
        SENTENCES,
        lambda code: board.counted.update([code]),
        lambda reason: board.ended.update([reason]),
        room=Room(0),
        start_within_s=10.0,
        **ways,
    )
    return board


def _leg() -> Leg:
    return None  # type: ignore[return-value]


def offer(name: str) -> Offer:
    return Offer(name, "AC1", "+14155550100", "+14155550199")


async def test_calls_are_admitted_up_to_the_limit_ringing_ones_included() -> None:
    board = Board(max_calls=2)
    board.live("CA1")
    assert board.switchboard.offer(offer("CA2")) == Admitted()
    assert board.switchboard.offer(offer("CA3")) == Refused("Busy.", "at_capacity")
    assert not board.switchboard.accepting


async def test_a_call_without_room_is_passed_on_where_that_is_wanted() -> None:
    board = passing_on(full=lambda _offer: Diverted(Transfer("desk", "Busy.")))
    assert board.switchboard.offer(offer("CA1")) == Diverted(Transfer("desk", "Busy."))
    assert board.never_started == ["CA1 transferred"]
    assert board.counted == {"passed_on.at_capacity": 1}


async def test_what_is_held_and_live_is_told_as_it_changes() -> None:
    board = Board(max_calls=3)
    told: list[tuple[int, int]] = []
    room = Room(3)
    room.counts = lambda held, live: told.append((held, live))  # type: ignore[method-assign]
    board.switchboard._room = room
    session = board.live("CA1")
    session.deliver(StreamStopped())
    await asyncio.sleep(0)
    assert told == [(1, 0), (1, 1), (0, 0)]


async def test_a_place_is_free_again_when_its_call_is_over() -> None:
    board = Board(max_calls=1)
    board.live("CA1").deliver(StreamStopped())
    await asyncio.sleep(0)
    assert board.switchboard.live == 0
    assert board.switchboard.offer(offer("CA2")) == Admitted()


async def test_a_call_whose_stream_never_comes_gives_its_place_back() -> None:
    board = Board(max_calls=1, start_within_s=0.02)
    board.switchboard.offer(offer("CA1"))
    await asyncio.sleep(0.05)
    assert board.never_started == ["CA1"]
    assert board.switchboard.ended_reason("CA1") is EndedReason.NO_START
    assert board.switchboard.accepting


async def test_fault_t24_a_second_stream_for_a_call_is_refused() -> None:
    board = Board()
    board.live("CA1")
    assert board.switchboard.open_call(offer("CA1"), "MZ2", _leg()) is None
    assert board.counted["stream_for_known_call"] == 1
    assert board.sessions["CA1"].events == []


async def test_a_stream_for_a_call_that_is_over_is_refused() -> None:
    board = Board()
    board.live("CA1").deliver(StreamStopped())
    await asyncio.sleep(0)
    assert board.switchboard.open_call(offer("CA1"), "MZ2", _leg()) is None


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (EndedReason.CALLER_HUNG_UP, None),
        (EndedReason.AGENT_HUNG_UP, None),
        (EndedReason.IDLE, None),
        (EndedReason.MAX_LENGTH, None),
        (EndedReason.TRANSFERRED, None),
        (EndedReason.VOICEMAIL, None),
        (EndedReason.TRANSFER_FAILED, "Nobody."),
        (EndedReason.DRAINED, "Restarting."),
        (EndedReason.ENGINE_FAILED, "Sorry."),
        (EndedReason.STREAM_LOST, "Sorry."),
        (EndedReason.INTERNAL_ERROR, "Sorry."),
        (EndedReason.PROTOCOL, "Sorry."),
    ],
)
@pytest.mark.parametrize("released", [True, False])
async def test_the_carrier_is_told_what_to_say_after_the_stream(
    reason: EndedReason, sentence: str | None, released: bool
) -> None:
    board = Board()
    board.live("CA1").ends(reason)
    if released:
        await asyncio.sleep(0)
    assert board.switchboard.after_stream("CA1", over=False) == sentence


async def test_a_stream_that_is_over_without_a_word_is_lost() -> None:
    board = Board()
    session = board.live("CA1")
    assert board.switchboard.after_stream("CA1", over=False) == "Sorry."
    assert session.events == [StreamLost("closed")]


async def test_fault_t5_a_call_that_never_had_a_stream_is_apologised_to_and_on_record() -> None:
    board = Board()
    board.switchboard.offer(offer("CA1"))
    assert board.switchboard.after_stream("CA1", over=False) == "Sorry."
    assert board.never_started == ["CA1"]
    assert board.switchboard.after_stream("CA_unheard_of", over=False) == "Sorry."
    assert board.never_started == ["CA1"]


async def test_a_call_the_carrier_calls_completed_is_over() -> None:
    board = Board()
    session = board.live("CA1")
    board.switchboard.call_status("CA1", "in-progress", 1)
    assert session.events == []
    board.switchboard.call_status("CA1", "completed", 2)
    assert session.ended is EndedReason.CALLER_HUNG_UP
    board.switchboard.call_status("CA_unheard_of", "completed", 2)


async def test_a_ringing_call_that_is_given_up_is_on_record() -> None:
    board = Board()
    board.switchboard.offer(offer("CA1"))
    board.switchboard.call_status("CA1", "no-answer", 1)
    assert board.never_started == ["CA1"]


async def test_the_carrier_s_word_that_a_stream_failed_is_believed() -> None:
    board = Board()
    session = board.live("CA1")
    board.switchboard.stream_status("CA1", "MZ1", StreamEvent.STARTED, None)
    assert session.events == []
    board.switchboard.stream_status("CA1", "MZ1", StreamEvent.ERROR, 31924)
    assert session.events == [StreamLost("carrier_error")]
    board.switchboard.stream_status("CA_unheard_of", "MZ1", StreamEvent.ERROR, 31924)
    assert board.counted["carrier_stream_error"] == 2


async def test_fault_t11_a_late_error_of_the_stream_before_does_not_break_the_next_one() -> None:
    board = Board()
    board.deaf = (StreamLost,)
    session = board.live("CA1")
    board.switchboard.stream_status("CA1", "MZ1", StreamEvent.ERROR, 31924)
    session.expects_stream = True
    assert board.switchboard.open_call(offer("CA1"), "MZ2", _leg()) is not None
    board.switchboard.stream_status("CA1", "MZ1", StreamEvent.ERROR, 31924)
    assert session.events == [StreamLost("carrier_error")]
    board.switchboard.stream_status("CA1", "MZ2", StreamEvent.ERROR, 31924)
    assert session.events == [StreamLost("carrier_error")] * 2
    session.ends(EndedReason.STREAM_LOST)
    await asyncio.sleep(0)
    board.switchboard.stream_status("CA1", "MZ2", StreamEvent.ERROR, 31924)
    assert len(session.events) == 2


async def test_draining_waits_for_live_calls_and_takes_no_new_ones() -> None:
    board = Board()
    session = board.live("CA1")
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, session.ends, EndedReason.CALLER_HUNG_UP)
    began_s = loop.time()
    await board.switchboard.drain(5.0)
    assert 0.04 < loop.time() - began_s < 2.0
    assert session.events == []
    assert board.switchboard.offer(offer("CA2")) == Refused("Restarting.", "draining")


async def test_draining_ends_politely_what_does_not_end_by_itself() -> None:
    board = Board()
    session = board.live("CA1")
    board.switchboard.offer(offer("CA2"))
    await board.switchboard.drain(0.02)
    assert session.events == [HangUpAsked("drained")]
    assert board.never_started == ["CA2"]
    assert board.switchboard.open_call(offer("CA2"), "MZ2", _leg()) is None
    assert board.switchboard.after_stream("CA2", over=False) == "Restarting."
    assert board.switchboard.live == 0


async def test_draining_ends_what_does_not_even_say_goodbye(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("telephony.switchboard._GOODBYE_S", 0.02)
    board = Board()
    board.deaf = (HangUpAsked,)
    session = board.live("CA1")
    await board.switchboard.drain(0.02)
    assert session.events == [HangUpAsked("drained"), StreamLost("server_stopping")]


async def test_ended_calls_are_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.switchboard._ENDED_KEPT", 3)
    board = Board()
    for number in range(5):
        board.live(f"CA{number}").deliver(StreamStopped())
        await asyncio.sleep(0)
    assert board.switchboard.ended_reason("CA1") is None
    assert board.switchboard.ended_reason("CA4") is EndedReason.CALLER_HUNG_UP


# ---- callers who are passed on -----------------------------------------------------------------


def passing(board: Board, step: Onward | TakeBack) -> ShortSession:
    """A live call whose caller is with the carrier, and is to go on by this step."""
    board.deaf = (StreamLost, HandedOver, DialEnded, MessageLeft)
    session = board.live("CA1")
    session.next_step = step
    return session


async def test_a_carrier_that_asks_after_a_closed_socket_is_told_where_the_caller_goes() -> None:
    board = Board()
    session = passing(board, Transfer("sales"))
    assert board.switchboard.after_stream("CA1", over=False) == Transfer("sales")
    assert session.events == [StreamLost("closed"), HandedOver()]


async def test_the_result_of_a_transfer_is_answered_with_the_call_s_next_step() -> None:
    board = Board()
    session = passing(board, TakeBack())
    assert board.switchboard.dial_result("CA1", "busy", over=False) == TakeBack()
    assert session.events == [DialEnded("busy")]
    session.next_step = TakeMessage(asked=True)
    assert board.switchboard.dial_result("CA1", "busy", over=False) == TakeMessage(asked=True)
    session.ends(EndedReason.TRANSFERRED)
    assert board.switchboard.dial_result("CA1", "completed", over=True) is None
    await asyncio.sleep(0)
    assert board.switchboard.dial_result("CA1", "completed", over=True) is None
    assert board.switchboard.dial_result("CA_unheard_of", "busy", over=False) == "Sorry."


async def test_a_call_takes_a_new_stream_only_when_it_waits_for_one() -> None:
    board = Board()
    session = board.live("CA1")
    assert not board.switchboard.expects("CA1")
    assert not board.switchboard.expects("CA_unheard_of")
    session.expects_stream = True
    assert board.switchboard.expects("CA1")
    assert board.switchboard.open_call(offer("CA1"), "MZ2", _leg()) is not None
    assert len(session.legs) == 2
    assert board.switchboard.live == 1


async def test_a_message_is_kept_whether_or_not_its_call_still_lives() -> None:
    board = Board()
    message = Message("RE1", "https://api.twilio.com/RE1", 12)
    session = passing(board, TakeMessage())
    assert board.switchboard.message_left("CA1", "+1", message) is None
    assert session.events == [MessageLeft(12)]
    assert board.switchboard.message_left("CA_over", "", message) is None
    assert board.messages == [("CA1", "+1", message), ("CA_over", "", message)]


async def test_a_call_whose_session_cannot_be_built_is_apologised_to_and_on_record() -> None:
    board = Board()
    board.build_fails = True
    board.switchboard.offer(offer("CA1"))
    assert board.switchboard.open_call(offer("CA1"), "MZ1", _leg()) is None
    assert board.switchboard.after_stream("CA1", over=False) == "Sorry."
    assert board.switchboard.ended_reason("CA1") is EndedReason.INTERNAL_ERROR
    assert board.never_started == ["CA1"]
    assert board.counted == {"session_not_built": 1}
    assert board.switchboard.live == 0


async def test_a_hang_up_whose_action_request_overtakes_stop_is_a_hang_up() -> None:
    board = Board()
    session = board.live("CA1")
    assert board.switchboard.after_stream("CA1", over=True) is None
    assert session.events == [CallOver()]
    assert session.ended is EndedReason.CALLER_HUNG_UP


@pytest.mark.parametrize("released", [True, False])
async def test_an_apology_that_was_heard_is_not_said_again(released: bool) -> None:
    board = Board()
    session = board.live("CA1")
    session.apologised = True
    session.ends(EndedReason.ENGINE_FAILED)
    if released:
        await asyncio.sleep(0)
    assert board.switchboard.after_stream("CA1", over=False) is None


async def test_every_admitted_call_is_counted_once_by_how_it_ended() -> None:
    board = Board(max_calls=9)
    for name, reason in (("CA1", EndedReason.INTERNAL_ERROR), ("CA2", EndedReason.IDLE)):
        board.live(name).ends(reason)
    board.switchboard.offer(offer("CA3"))
    board.switchboard.after_stream("CA3", over=False)
    board.build_fails = True
    board.switchboard.offer(offer("CA4"))
    board.switchboard.open_call(offer("CA4"), "MZ4", _leg())
    await asyncio.sleep(0)
    assert board.ended == {
        EndedReason.INTERNAL_ERROR: 2,
        EndedReason.IDLE: 1,
        EndedReason.NO_START: 1,
    }


async def test_a_webhook_that_is_repeated_keeps_its_call_s_place_as_long_as_its_token() -> None:
    board = Board(start_within_s=0.3)
    board.switchboard.offer(offer("CA1"))
    await asyncio.sleep(0.2)
    board.switchboard.repeated("CA1")
    board.switchboard.repeated("CA_unheard_of")
    await asyncio.sleep(0.2)
    assert board.never_started == []
    await asyncio.sleep(0.2)
    assert board.never_started == ["CA1"]


OUTSIDE = OutsidePart(say="Closed.", then="transfer", target="desk")


def diverting(outside: OutsidePart) -> Board:
    return passing_on(receive=lambda _offer: diverted(outside))


async def test_a_call_outside_hours_goes_on_without_taking_a_place() -> None:
    board = diverting(OUTSIDE)
    assert board.switchboard.offer(offer("CA1")) == Diverted(Transfer("desk", "Closed."))
    assert board.never_started == ["CA1 transferred"]
    assert board.switchboard.dial_result("CA1", "completed", False) is None
    assert board.switchboard.dial_result("CA1", "busy", False) == SENTENCES.nobody
    board.switchboard.stop_accepting()
    assert board.switchboard.offer(offer("CA2")) == Refused(SENTENCES.draining, "draining")


async def test_outside_hours_there_is_voicemail_or_a_goodbye() -> None:
    board = diverting(OutsidePart(say="Closed."))
    assert board.switchboard.offer(offer("CA1")) == Diverted(TakeMessage("Closed."))
    assert board.never_started == ["CA1 voicemail"]
    board = diverting(OutsidePart(say="Closed.", then="hang_up"))
    assert board.switchboard.offer(offer("CA1")) == Refused("Closed.", "closed")
    assert board.never_started == []
