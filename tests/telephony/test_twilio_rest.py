"""Hanging up and passing on through an API that limits, fails, stalls or has forgotten the call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from telephony.twilio.rest import HangUpResult, RedirectResult, RestLimits, TwilioRest
from tests.fakes.twilio_rest import Answer, Asked, TwilioRestFake, error
from tests.telephony import twilio_peer as peer

QUICK = RestLimits(total_s=3.0, try_s=0.8, tries=3, pause_s=0.01)
COMPLETED = Asked(
    path=f"/2010-04-01/Accounts/{peer.ACCOUNT}/Calls/{peer.CALL}.json",
    user=peer.ACCOUNT,
    password=peer.AUTH_TOKEN,
    form={"Status": "completed"},
)


@asynccontextmanager
async def control(fake: TwilioRestFake, limits: RestLimits = QUICK) -> AsyncIterator[TwilioRest]:
    async with fake.serve(), aiohttp.ClientSession() as session:
        yield TwilioRest(
            session, peer.ACCOUNT, peer.AUTH_TOKEN, fake.base_url, limits, jitter=lambda: 0.0
        )


async def test_hanging_up_completes_the_call() -> None:
    fake = TwilioRestFake()
    async with control(fake) as rest:
        result = await rest.hang_up(peer.CALL)
    assert result is HangUpResult.ENDED
    assert result.over
    assert fake.asked == [COMPLETED]


@pytest.mark.parametrize(
    "answer", [error(404, 20404), Answer(404, b""), error(400, 21220), error(409, 21220)]
)
async def test_fault_t22_a_call_that_is_over_already_is_a_success(answer: Answer) -> None:
    fake = TwilioRestFake(answer)
    async with control(fake) as rest:
        result = await rest.hang_up(peer.CALL)
    assert result is HangUpResult.ALREADY_OVER
    assert result.over
    assert len(fake.asked) == 1


@pytest.mark.parametrize(
    "answers",
    [
        [error(429, 20429)],
        [error(500, 20500), error(503, 20503)],
        [Answer(502, b"<html>bad gateway</html>")],
        [Answer(after_s=1.5)],
    ],
)
async def test_fault_t22_a_passing_failure_is_tried_again(answers: list[Answer]) -> None:
    fake = TwilioRestFake(*answers)
    async with control(fake) as rest:
        assert await rest.hang_up(peer.CALL) is HangUpResult.ENDED
    assert fake.asked == [COMPLETED] * (len(answers) + 1)


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (error(429, 20429), HangUpResult.RATE_LIMITED),
        (error(503, 20503), HangUpResult.SERVER_ERROR),
        (Answer(after_s=1.5), HangUpResult.TIMEOUT),
    ],
)
async def test_fault_t22_a_lasting_failure_is_given_up_after_three_tries(
    answer: Answer, result: HangUpResult
) -> None:
    fake = TwilioRestFake(*[answer] * 9)
    async with control(fake) as rest:
        assert await rest.hang_up(peer.CALL) is result
    assert not result.over
    assert len(fake.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        error(401, 20003),
        error(400, 21218),
        Answer(302, b"", headers={"Location": "http://127.0.0.1:9/steal"}),
        Answer(400, b"[" * 20_000),
        Answer(400, b"\xff\xfe"),
        Answer(400, b'{"code":"x"}'),
    ],
)
async def test_fault_t22_what_would_not_help_is_not_tried_again(answer: Answer) -> None:
    fake = TwilioRestFake(answer)
    async with control(fake) as rest:
        assert await rest.hang_up(peer.CALL) is HangUpResult.REFUSED
    assert len(fake.asked) == 1


async def test_fault_t22_all_tries_together_have_an_end() -> None:
    fake = TwilioRestFake(*[Answer(after_s=1.0)] * 9)
    limits = RestLimits(total_s=0.2, try_s=5.0)
    async with control(fake, limits) as rest:
        assert await rest.hang_up(peer.CALL) is HangUpResult.TIMEOUT
    assert len(fake.asked) == 1


async def test_fault_t22_nobody_there_is_a_result_not_an_exception() -> None:
    fake = TwilioRestFake()
    async with fake.serve():
        gone = fake.base_url
    async with aiohttp.ClientSession() as session:
        rest = TwilioRest(session, peer.ACCOUNT, peer.AUTH_TOKEN, gone + "/", QUICK)
        assert await rest.hang_up(peer.CALL) is HangUpResult.UNREACHABLE


REDIRECTED = Asked(
    path=COMPLETED.path, user=peer.ACCOUNT, password=peer.AUTH_TOKEN, form={"Twiml": "<Response/>"}
)


async def test_a_call_goes_on_with_another_document() -> None:
    fake = TwilioRestFake()
    async with control(fake) as rest:
        assert await rest.redirect(peer.CALL, b"<Response/>") is RedirectResult.DONE
    assert fake.asked == [REDIRECTED]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (error(404, 20404), RedirectResult.ALREADY_OVER),
        (error(400, 21220), RedirectResult.ALREADY_OVER),
        (error(401, 20003), RedirectResult.REFUSED),
        (error(500, 20500), RedirectResult.SERVER_ERROR),
        (error(503, 20503), RedirectResult.SERVER_ERROR),
        (Answer(after_s=1.5), RedirectResult.TIMEOUT),
    ],
)
async def test_fault_t22_a_redirect_that_may_have_been_obeyed_is_not_repeated(
    answer: Answer, result: RedirectResult
) -> None:
    fake = TwilioRestFake(answer)
    async with control(fake) as rest:
        assert await rest.redirect(peer.CALL, b"<Response/>") is result
    assert len(fake.asked) == 1


async def test_fault_t22_a_redirect_that_was_not_obeyed_is_repeated_within_limits() -> None:
    fake = TwilioRestFake(error(429, 20429), error(429, 20429))
    async with control(fake) as rest:
        assert await rest.redirect(peer.CALL, b"<Response/>") is RedirectResult.DONE
    assert len(fake.asked) == 3
    fake = TwilioRestFake(*[error(429, 20429)] * 9)
    async with control(fake) as rest:
        assert await rest.redirect(peer.CALL, b"<Response/>") is RedirectResult.RATE_LIMITED
    assert len(fake.asked) == 3


async def test_fault_t26_an_account_without_calls_left_is_a_refusal() -> None:
    fake = TwilioRestFake(error(400, 10004))
    async with control(fake) as rest:
        assert await rest.redirect(peer.CALL, b"<Response/>") is RedirectResult.REFUSED
    assert len(fake.asked) == 1


async def test_fault_t22_nobody_there_is_asked_again_and_then_told() -> None:
    fake = TwilioRestFake()
    async with fake.serve():
        gone = fake.base_url
    async with aiohttp.ClientSession() as session:
        rest = TwilioRest(session, peer.ACCOUNT, peer.AUTH_TOKEN, gone, QUICK)
        assert await rest.redirect(peer.CALL, b"<Response/>") is RedirectResult.UNREACHABLE


async def test_fault_t22_a_connection_that_breaks_off_is_repeated_only_for_a_hang_up() -> None:
    asked: list[bytes] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, aiohttp.ClientSession() as session:
        rest = TwilioRest(session, peer.ACCOUNT, peer.AUTH_TOKEN, base, QUICK)
        assert await rest.redirect(peer.CALL, b"<Response/>") is RedirectResult.BROKEN_OFF
        assert len(asked) == 1
        assert await rest.hang_up(peer.CALL) is HangUpResult.UNREACHABLE
        assert len(asked) == 4
