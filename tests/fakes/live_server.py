"""A strict GPT-Live server on loopback, scripted and with switchable faults.

In a test: `async with FakeLive(Script(...), LiveFaults(...)) as server:` and let the client use
`server.base_url`. What it says is clocked by the audio it is given, as of the real one was told:
a client that appends ten seconds at once gets ten seconds back at once.
"""

import asyncio
import http
from typing import Self
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from tests.fakes.live_script import LiveFaults, Timing
from tests.fakes.live_session import LiveSession
from tests.fakes.realtime_script import Script


class FakeLive:
    """The server; `sessions` are all it ever had, in order."""

    def __init__(
        self,
        script: Script | None = None,
        faults: LiveFaults | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.script = script or Script()
        self.faults = faults or LiveFaults()
        self.timing = timing or Timing()
        self.sessions: list[LiveSession] = []
        self.requests: list[Request] = []
        self._port = 0
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._session,
            "127.0.0.1",
            0,
            process_request=self._handshake,
            compression=None,
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

    async def session(self, number: int = 0) -> LiveSession:
        """Wait for a session and its start."""
        while len(self.sessions) <= number or not self.sessions[number].started:
            await asyncio.sleep(0.002)
        return self.sessions[number]

    async def _handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        await asyncio.sleep(self.faults.handshake_delay_s)
        status = self.faults.handshake_status or _refusal(request)
        if not status:
            return None
        return connection.respond(http.HTTPStatus(status), self.faults.handshake_body)

    async def _session(self, connection: ServerConnection) -> None:
        later = self.faults.only_first and any(each.deltas_sent for each in self.sessions)
        faults = LiveFaults() if later else self.faults
        session = LiveSession(connection, self.script, faults, self.timing)
        self.sessions.append(session)
        try:
            await session.run()
        except Exception as bug:
            session.bugs.append(bug)


def _refusal(request: Request) -> int:
    """The status of a request a real server would not upgrade, or 0."""
    url = urlsplit(request.path)
    key = request.headers.get("Authorization", "")
    if not key.startswith("Bearer ") or len(key) < 10:
        return 401
    # The model stands in session.start; a query belongs to other endpoints.
    return 0 if url.path == "/v1/live/sessions" and not url.query else 404
