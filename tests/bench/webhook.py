"""How long does a ringing call wait for its TwiML, with many ringing at once?"""

import asyncio
import statistics
import time
from urllib.parse import urlencode

import aiohttp

from telephony.twilio.urls import VOICE_PATH
from tests.telephony import twilio_peer as peer
from tests.telephony.twilio_server import serving, signed

AT_ONCE = 20
ROUNDS = 50


async def main() -> None:
    service = peer.Service()
    took_ms: list[float] = []

    async def ring(number: int) -> None:
        form = {"CallSid": f"CA{number:032x}", "AccountSid": peer.ACCOUNT, "From": "+14155550100"}
        headers = {
            "X-Twilio-Signature": signed(f"{peer.PUBLIC_URL}{VOICE_PATH}", form, peer.AUTH_TOKEN),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        began = time.perf_counter()
        url = f"http://127.0.0.1:{port}{VOICE_PATH}"
        async with http.post(url, data=urlencode(form), headers=headers) as answer:
            await answer.read()
            assert answer.status == 200
        took_ms.append((time.perf_counter() - began) * 1000)

    async with serving(service) as port, aiohttp.ClientSession() as http:
        for first in range(0, ROUNDS * AT_ONCE, AT_ONCE):
            await asyncio.gather(*(ring(number) for number in range(first, first + AT_ONCE)))
    took = statistics.quantiles(took_ms[AT_ONCE:], n=100)
    print(f"| {AT_ONCE} | {took[49]:.1f} | {took[98]:.1f} | {max(took_ms[AT_ONCE:]):.1f} |")


if __name__ == "__main__":
    asyncio.run(main())
