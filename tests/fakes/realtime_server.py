"""A strict OpenAI Realtime server on loopback, scripted and with switchable faults.

In a test: `async with FakeRealtime(Script(...), Faults(...)) as server:` and let the client use
`server.base_url`. As a process of its own: `python -m tests.fakes.realtime_server --port 0`
prints one JSON line with its base URL, and a last one with its counts when told to stop.
"""

import argparse
import asyncio
import dataclasses
import http
import json
import signal
from collections import Counter
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from tests.fakes.realtime_conversation import Truncation
from tests.fakes.realtime_script import Faults, Reply, Script, Voice, hum
from tests.fakes.realtime_session import RealtimeSession

BURST = 5.0
"""Times real time at which replies are sent."""


class FakeRealtime:
    """The server; `sessions` are all it ever had, in order."""

    def __init__(
        self,
        script: Script | None = None,
        faults: Faults | None = None,
        *,
        voice: Voice = hum,
        speed: float = BURST,
        seed: int = 1,
        check_audio: bool = True,
        keep: bool = True,
        port: int = 0,
    ) -> None:
        self.script = script or Script()
        self.faults = faults or Faults()
        self.sessions: list[RealtimeSession] = []
        self.listed: dict[str, str | None] = {}
        """What `GET /v1/models` tells: dates of shutdown by model id."""
        self.requests: list[Request] = []
        self.totals: Counter[str] = Counter()
        """Events by type of the sessions that are not kept, and error codes as `error:<code>`."""
        self.truncations: list[Truncation] = []
        """Of the sessions that are not kept."""
        self._voice = voice
        self._speed = speed
        self._seed = seed
        self._check_audio = check_audio
        self._keep = keep
        self._port = port
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._session,
            "127.0.0.1",
            self._port,
            process_request=self._handshake,
            compression=None,
            max_size=16 * 1024 * 1024,
            close_timeout=0.5,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close(close_connections=True)
        await self._server.wait_closed()
        bugs = [bug for session in self.sessions for bug in session.bugs]
        assert not bugs, f"the fake itself broke: {bugs}"

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def session(self, number: int = 0) -> RealtimeSession:
        """Wait for a session and its configuration."""
        while len(self.sessions) <= number or not self.sessions[number].configured:
            await asyncio.sleep(0.002)
        return self.sessions[number]

    async def _handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        if urlsplit(request.path).path == "/v1/models":
            found = [{"id": name, "shutdown_date": date} for name, date in self.listed.items()]
            return connection.respond(http.HTTPStatus.OK, json.dumps({"data": found}))
        self.requests.append(request)
        faults = self.faults
        await asyncio.sleep(faults.handshake_delay_s)
        attempt = len(self.requests) - 1
        scripted = faults.handshake_statuses[attempt : attempt + 1] or (faults.handshake_status,)
        status = scripted[0] or self._refusal(request)
        if not status:
            return None
        response = connection.respond(http.HTTPStatus(status), faults.handshake_body)
        if status in {301, 302, 307, 308}:
            response.headers["Location"] = "/v1/elsewhere"
        return response

    def _refusal(self, request: Request) -> int:
        """The status of a request a real server would not upgrade, or 0."""
        url = urlsplit(request.path)
        key = request.headers.get("Authorization", "")
        if not key.startswith("Bearer ") or len(key) < 10:
            return 401
        if url.path != "/v1/realtime" or not parse_qs(url.query).get("model"):
            return 404
        return 0

    async def _session(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        request = connection.request
        model = parse_qs(urlsplit(request.path).query)["model"][0]
        session = RealtimeSession(
            connection,
            model,
            self.script,
            self.faults,
            self._voice,
            speed=self._speed,
            seed=self._seed + len(self.sessions),
            check_audio=self._check_audio,
        )
        self.sessions.append(session)
        if "OpenAI-Beta" in request.headers:
            await session.refuse("beta_api_shape_disabled", "The beta interface is gone.")
            await connection.close(4000, "invalid_request_error.beta_api_shape_disabled")
            return
        await session.run()
        if not self._keep:
            self._forget(session)

    def _forget(self, session: RealtimeSession) -> None:
        self.totals += session.counts
        self.totals["sessions"] += 1
        for code in session.errors:
            self.totals[f"error:{code}"] += 1
        self.truncations += session.conversation.truncations
        assert not session.bugs, session.bugs
        self.sessions.remove(session)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--speed", type=float, default=BURST, help="times real time")
    parser.add_argument("--reply-ms", type=int, default=4000, help="length of every reply")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    text = "Certainly, I can do that for you, what day and what time would suit you best?"
    script = Script(otherwise=Reply(text, duration_ms=arguments.reply_ms))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = FakeRealtime(
        script,
        speed=arguments.speed,
        seed=arguments.seed,
        check_audio=False,
        keep=False,
        port=arguments.port,
    )
    async with server:
        _say({"base_url": server.base_url})
        await stop.wait()
    cuts = [dataclasses.asdict(truncation) for truncation in server.truncations]
    _say({"totals": dict(server.totals), "truncations": cuts})


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
