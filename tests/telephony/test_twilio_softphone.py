"""Phones in pages: who rings, whose stream it is, and what their carrier is asked."""

import asyncio

import pytest

from telephony.call.commands import Transfer
from telephony.call.events import CallerAudio, MarkEchoed, StreamLost, StreamStarted, StreamStopped
from telephony.twilio.ports import Admission, Admitted, Diverted, Refused
from telephony.twilio.rest import HangUpResult, RedirectResult
from telephony.twilio.softphone import NoLine, Softphones, Ticket
from tests.telephony import twilio_peer as peer
from tests.telephony.test_twilio_stream import Edge, Socket, settle, tell

NUMBERS = ("+14155550100", "+14155550199")


class Carrier:
    """Whom calls that are no page's are asked of."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def hang_up(self, call_sid: str) -> HangUpResult:
        self.asked.append(f"hang up {call_sid}")
        return HangUpResult.REFUSED

    async def redirect(self, call_sid: str, twiml: bytes) -> RedirectResult:
        self.asked.append(f"redirect {call_sid}")
        return RedirectResult.REFUSED


class Desk:
    """The phones of an edge."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.carrier = Carrier()
        self.phones = Softphones(self.carrier)
        self.phones.connect(
            peer.ACCOUNT, edge.tokens, edge.service, edge.endpoint, clock=edge.clock
        )

    def open(self, call_id: str, *frames: dict[str, object]) -> Socket:
        socket = Socket(signature=None)
        carrying = self.phones.carry(call_id, socket.receive, socket.send)
        self.edge.tasks.start("page", carrying)
        for frame in frames:
            socket.say(frame)
        return socket

    async def live(self) -> tuple[Ticket, Socket]:
        ticket = self.phones.ring("ann", *NUMBERS)
        socket = self.open(ticket.call_id, peer.connected(), begins(ticket))
        await settle()
        assert self.edge.events() == [StreamStarted(peer.STREAM)]
        return ticket, socket


def begins(ticket: Ticket) -> dict[str, object]:
    return peer.start(ticket.call_id, token=ticket.token, account_sid=ticket.account_id)


def test_a_page_with_a_ticket_is_a_phone_like_any_other() -> None:
    async def story(edge: Edge) -> None:
        desk = Desk(edge)
        ticket, socket = await desk.live()
        (offer, _), (offered,) = edge.service.opened[0], edge.service.offers
        assert offer == offered
        assert (offer.call_sid, offer.from_, offer.to) == (ticket.call_id, *NUMBERS)
        socket.say(peer.media(2, 0))
        socket.say(peer.mark(3, "0:1:800"))
        await settle()
        assert edge.events()[1:] == [CallerAudio(peer.FRAME, 0), MarkEchoed("0:1:800")]
        socket.say(peer.stop(4, ticket.call_id))
        socket.hang_up()
        await asyncio.sleep(2.0)
        assert edge.events()[-1] == StreamStopped()
        assert edge.service.statuses == [(ticket.call_id, "completed", None)]
        assert not desk.phones.owns("ann", ticket.call_id)

    tell(story)


def test_a_ticket_is_good_once_for_its_call_and_for_a_minute() -> None:
    async def story(edge: Edge) -> None:
        desk = Desk(edge)
        first, second = desk.phones.ring("ann", *NUMBERS), desk.phones.ring("bea", *NUMBERS)
        wrong = desk.open(first.call_id, begins(second))
        forged = desk.open(first.call_id, peer.start(first.call_id, token="guessed"))
        await settle()
        assert wrong.closed() == (1008, "stream.other_call")
        assert forged.closed() == (1008, "stream.token_unknown")
        desk.open(first.call_id, begins(first)).hang_up()
        await settle()
        again = desk.open(first.call_id, begins(first))
        await asyncio.sleep(61.0)
        late = desk.open(second.call_id, begins(second))
        await asyncio.sleep(2.0)
        assert again.closed() == (1008, "stream.token_unknown")
        assert late.closed() == (1008, "stream.token_expired")
        assert len(edge.service.opened) == 1

    tell(story)


def test_a_call_rings_until_its_ticket_is_worthless_or_it_is_over() -> None:
    async def story(edge: Edge) -> None:
        desk = Desk(edge)
        never = desk.phones.ring("ann", *NUMBERS)
        assert not desk.phones.ringing("CA" + "0" * 32)
        ticket, socket = await desk.live()
        assert desk.phones.ringing(ticket.call_id), "nobody may be told that it is gone"
        socket.say(peer.stop(4, ticket.call_id))
        socket.hang_up()
        await asyncio.sleep(2.0)
        assert not desk.phones.ringing(ticket.call_id)
        assert desk.phones.ringing(never.call_id)
        await asyncio.sleep(58.5)
        assert not desk.phones.ringing(never.call_id)

    tell(story)


def test_a_call_is_its_user_s_and_nobody_else_s() -> None:
    async def story(edge: Edge) -> None:
        phones = Desk(edge).phones
        ticket = phones.ring("ann", *NUMBERS)
        assert phones.owns("ann", ticket.call_id)
        assert not phones.owns("bea", ticket.call_id)
        assert not phones.owns("ann", "CA" + "0" * 32)
        for _ in range(1_000):
            phones.ring("bea", *NUMBERS)
        assert not phones.owns("ann", ticket.call_id), "the oldest are forgotten"

    tell(story)


@pytest.mark.parametrize(
    ("admission", "why"),
    [
        (Refused("All our lines are busy.", "at_capacity"), "All our lines are busy."),
        (Diverted(Transfer("sales")), "outside the persona's hours"),
    ],
)
def test_a_call_no_agent_would_take_is_not_begun(admission: Admission, why: str) -> None:
    async def story(edge: Edge) -> None:
        edge.service.admission = admission
        with pytest.raises(NoLine, match=why):
            Desk(edge).phones.ring("ann", *NUMBERS)
        assert len(edge.tokens) == 0
        edge.service.admission = Admitted()

    tell(story)


def test_the_call_hangs_up_and_the_page_s_line_is_closed() -> None:
    async def story(edge: Edge) -> None:
        desk = Desk(edge)
        ticket, socket = await desk.live()
        assert await desk.phones.hang_up(ticket.call_id) is HangUpResult.ENDED
        await asyncio.sleep(3.0)
        assert edge.events()[-1] == StreamStopped()
        assert socket.closed() == (1000, "stopped")
        assert desk.carrier.asked == []

    tell(story)


def test_a_caller_who_is_put_through_is_gone_from_the_page_and_nobody_is_rung() -> None:
    async def story(edge: Edge) -> None:
        desk = Desk(edge)
        ticket, _ = await desk.live()
        assert await desk.phones.redirect(ticket.call_id, b"<Response/>") is RedirectResult.DONE
        assert edge.service.dialled == []
        await asyncio.sleep(3.0)
        assert edge.service.dialled == [(ticket.call_id, "completed", True)]
        assert edge.events()[-1] == StreamStopped()
        assert desk.carrier.asked == []

    tell(story)


def test_calls_of_the_carrier_are_asked_of_the_carrier() -> None:
    async def story(edge: Edge) -> None:
        desk = Desk(edge)
        assert await desk.phones.hang_up("CA9") is HangUpResult.REFUSED
        assert await desk.phones.redirect("CA9", b"") is RedirectResult.REFUSED
        assert desk.carrier.asked == ["hang up CA9", "redirect CA9"]

    tell(story)


def test_a_page_that_is_closed_leaves_no_call_behind() -> None:
    async def story(edge: Edge) -> None:
        desk = Desk(edge)
        ticket, socket = await desk.live()
        socket.hang_up(1001)
        await asyncio.sleep(2.0)
        assert edge.events()[-1] == StreamLost("closed")
        assert edge.service.statuses == [(ticket.call_id, "completed", None)]

    tell(story)
