"""How long does a ringing call wait for its TwiML?

python -m tests.bench.webhook          ten calls a second for 30 s, then bursts; under a minute
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

import aiohttp

from telephony.twilio.urls import VOICE_PATH
from tests.bench.load.model import BenchModel
from tests.bench.load.phone import ACCOUNT_SID, AUTH_TOKEN
from tests.bench.load.server import Server
from tests.telephony.twilio_server import signed

PER_S = 10
STEADY_S = 30
AT_ONCE = 20
BURSTS = 20
_WARM_UP = 20

Ring = Callable[[], Coroutine[Any, Any, None]]


async def steady(ring: Ring) -> None:
    """So many a second, whether or not the last one was answered."""
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as ringing:
        for number in range(PER_S * STEADY_S):
            await asyncio.sleep(max(0.0, begun + number / PER_S - time.perf_counter()))
            ringing.create_task(ring())


async def bursts(ring: Ring) -> None:
    for _ in range(BURSTS):
        await asyncio.gather(*(ring() for _ in range(AT_ONCE)))


async def measure(how: Callable[[Ring], Awaitable[None]]) -> list[float]:
    """Milliseconds from the request to its TwiML, with a server and a model of their own."""
    took_ms: list[float] = []
    number = 0

    async def ring() -> None:
        nonlocal number
        number += 1
        form = {"CallSid": f"CA{number:032x}", "AccountSid": ACCOUNT_SID, "From": "+14155550100"}
        url = f"{server.address}{VOICE_PATH}"
        headers = {
            "X-Twilio-Signature": signed(url, form, AUTH_TOKEN),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        began = time.perf_counter()
        async with http.post(url, data=urlencode(form), headers=headers) as answer:
            text = await answer.text()
            assert answer.status == 200, answer.status
            assert "<Stream" in text, text
        took_ms.append((time.perf_counter() - began) * 1000)

    core = 0 if (os.cpu_count() or 1) > 1 else None
    async with (
        BenchModel() as model,
        Server(model.base_url, "ulaw", 9_000, core) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        for _ in range(_WARM_UP):
            await ring()
        took_ms.clear()
        await how(ring)
    return took_ms


def line(what: str, took_ms: list[float]) -> str:
    took = statistics.quantiles(took_ms, n=100)
    return f"| {what} | {len(took_ms)} | {took[49]:.1f} | {took[98]:.1f} | {max(took_ms):.1f} |"


async def main() -> None:
    print("| calls | measured | ms p50 | ms p99 | ms worst |\n| --- | --- | --- | --- | --- |")
    print(line(f"{PER_S} a second", await measure(steady)), flush=True)
    print(line(f"{AT_ONCE} at once", await measure(bursts)))


if __name__ == "__main__":
    asyncio.run(main())
