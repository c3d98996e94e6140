"""The media endpoint against RFC 6455, frame by frame, on raw sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from telephony.call.events import CallerAudio, StreamLost, StreamStopped
from tests.telephony import twilio_peer as peer
from tests.telephony.conformance import Case, cases, media, table, text
from tests.telephony.raw_phone import ABNORMAL, CONT, PING, TEXT, RawPhone, closing, frame
from tests.telephony.test_twilio_sockets import Twilio, until
from tests.telephony.twilio_server import serving
from tests.tree import ROOT

CASES = list(cases())


@asynccontextmanager
async def stream(service: peer.Service) -> AsyncIterator[RawPhone]:
    """An open stream whose call has begun."""
    async with serving(service) as port:
        token = await Twilio(port).ring()
        async with await RawPhone.connect(port) as phone:
            await phone.begin(token)
            await until(lambda: service.opened)
            yield phone


def heard(service: peer.Service) -> list[int | None]:
    told = service.events[peer.STREAM]
    return [event.timestamp_ms for event in told if isinstance(event, CallerAudio)]


def ends(service: peer.Service) -> list[object]:
    told = service.events[peer.STREAM]
    return [event for event in told if isinstance(event, StreamLost | StreamStopped)]


async def converse(case: Case, drip: int) -> None:
    service = peer.Service()
    async with stream(service) as phone:
        if drip:
            await phone.drip(case.sent, drip)
        else:
            phone.writer.write(case.sent)
        if case.closed is None:
            phone.writer.write(text(media(case.heard)))
            assert await phone.pongs(len(case.pongs)) == list(case.pongs)
            await until(lambda: len(heard(service)) == case.heard + 1)
            assert not ends(service)
        else:
            assert await phone.until_close() == (list(case.pongs), case.closed)
            await until(lambda: ends(service))
        assert heard(service)[: case.heard] == [20 * number for number in range(case.heard)]
        assert len(heard(service)) == case.heard + (case.closed is None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
async def test_what_comes_of_it(case: Case) -> None:
    await converse(case, drip=0)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.dripped], ids=lambda case: case.name.replace(" ", "_")
)
async def test_what_comes_of_it_byte_by_byte(case: Case) -> None:
    await converse(case, drip=1)


async def test_a_message_may_be_split_at_every_byte() -> None:
    service = peer.Service()
    size = len(media(0))
    async with stream(service) as phone:
        for at in range(size):
            message = media(at)
            first, rest = message[:at], message[at:]
            phone.writer.write(frame(TEXT, first, fin=False) + frame(CONT, rest))
            # Above 75 messages a second no telephone would be believed.
            await asyncio.sleep(0 if at < 100 else 0.02)
        await until(lambda: len(heard(service)) == size)
    assert heard(service) == [20 * number for number in range(size)]


@pytest.mark.parametrize("cut", [1, 2, 5, 6, 7, 100])
async def test_half_a_frame_and_then_the_end_is_a_line_that_broke(cut: int) -> None:
    service = peer.Service()
    async with stream(service) as phone:
        phone.writer.write(text(media(0)) + text(media(1))[:cut])
        phone.writer.write_eof()
        assert await phone.until_close() == ([], ABNORMAL)
        await until(lambda: ends(service))
    assert (heard(service), ends(service)) == ([0], [StreamLost("closed")])


async def test_ten_thousand_pings_are_answered_and_the_call_hears_on() -> None:
    service = peer.Service()
    async with stream(service) as phone:
        for number in range(100):
            phone.writer.write(frame(PING, b"%d" % number) * 100 + text(media(number)))
            assert await phone.pongs(100) == [b"%d" % number] * 100
        phone.writer.write(closing(1000))
        await until(lambda: ends(service))
    assert heard(service) == [20 * number for number in range(100)]


UPGRADES: dict[str, tuple[dict[str, str | None], int]] = {
    "lawful": ({}, 101),
    "names and values in other letters": (
        {"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"},
        101,
    ),
    "extensions offered": ({"Sec-WebSocket-Extensions": "permessage-deflate"}, 101),
    "protocols offered": ({"Sec-WebSocket-Protocol": "chat, superchat"}, 101),
    "no key": ({"Sec-WebSocket-Key": None}, 400),
    "a key that is too short": ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400),
    "a key that is no base64": ({"Sec-WebSocket-Key": "?" * 24}, 400),
    "no version": ({"Sec-WebSocket-Version": None}, 400),
    "an old version": ({"Sec-WebSocket-Version": "8"}, 400),
    "no signature": ({"X-Twilio-Signature": None}, 403),
    "a header of 9 KiB": ({"X-Long": "x" * 9_000}, 431),
    "two hundred headers": ({f"X-{number}": "x" for number in range(200)}, 431),
    "no upgrade asked for": ({"Upgrade": None, "Connection": None}, 404),
}


@pytest.mark.parametrize("name", UPGRADES)
async def test_which_upgrades_are_answered_how(name: str) -> None:
    changes, expected = UPGRADES[name]
    service = peer.Service()
    async with serving(service) as port, await RawPhone.connect(port) as phone:
        phone.writer.write(phone.ask(changes))
        status, headers = await phone.answered()
        assert status == expected
        assert not {"sec-websocket-extensions", "sec-websocket-protocol"} & headers.keys()
    assert service.opened == []


async def test_an_upgrade_may_come_byte_by_byte() -> None:
    service = peer.Service()
    async with serving(service) as port, await RawPhone.connect(port) as phone:
        await phone.drip(phone.ask(), 1)
        assert (await phone.answered())[0] == 101


def test_the_documents_tell_every_case_and_nothing_else() -> None:
    assert table() in (ROOT / "docs/conformance.md").read_text()
