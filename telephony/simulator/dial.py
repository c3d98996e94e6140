"""A Twilio account on loopback: dials the server under test, and answers its REST calls."""

import asyncio
import base64
import hmac
import uuid
from collections.abc import Mapping
from typing import Self

import aiohttp
from aiohttp import web

from telephony.simulator.leg import OpenStream
from telephony.simulator.phone import Callee, CallerSide, EndedBy, PhoneReport
from telephony.simulator.placed import Numbers, PlacedCall
from telephony.simulator.signed import SignedRequests
from telephony.simulator.twiml import TwimlError

VOICE_PATH = "/twilio/voice"
STATUS_PATH = "/twilio/call-status"
FAREWELL_S = 10.0
"""For calls still live when the account is closed: hang up, callbacks, all bounded."""


class SimulatedTwilio:
    """One account with its numbers. Use with `async with`; nothing is left running after it.

    The server under test is known as `public_url` (webhooks are signed for it) and is really
    reached at `address`, such as `http://127.0.0.1:8080`.
    """

    def __init__(
        self,
        address: str,
        public_url: str | None = None,
        *,
        account_sid: str = "AC" + "0" * 31 + "1",
        auth_token: str = "0123456789abcdef0123456789abcdef",  # noqa: S107
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.api_url = ""
        """Base of the REST API, known once entered: `http://127.0.0.1:port`."""
        self.api_refusal: int | None = None
        """Answer every REST call with this HTTP status, to see how a server bears it."""
        self.callees: dict[str, Callee] = {}
        """Who answers when the server has a call dial on, by number; everybody else: failed."""
        self.message_s = 0
        """How long a message callers leave where they are asked for one; 0: none."""
        self._address = address.rstrip("/")
        self._public_url = (public_url or address).rstrip("/")
        self._live: dict[str, PlacedCall] = {}
        self._finished: dict[str, Numbers] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._runner = web.AppRunner(self._api(), shutdown_timeout=1.0)

    async def __aenter__(self) -> Self:
        # A balancer sends each request where it likes; one connection would keep to one server.
        each = aiohttp.TCPConnector(force_close=True)
        self._http = aiohttp.ClientSession(trust_env=False, connector=each)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.api_url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            for call in self._live.values():
                call.end(EndedBy.API)
            await asyncio.wait_for(self._quiet.wait(), FAREWELL_S)
        finally:
            await self._runner.cleanup()
            await self._http.close()

    async def dial(
        self,
        caller: CallerSide,
        *,
        from_number: str = "+14155550100",
        to_number: str = "+14155550199",
        time_limit_s: float = 600.0,
        voice_path: str = VOICE_PATH,
        status_path: str | None = STATUS_PATH,
        fallback_path: str | None = None,
        open_stream: OpenStream | None = None,
        stream_address: str | None = None,
        extra: Mapping[str, str] | None = None,
        call_sid: str | None = None,
    ) -> PhoneReport:
        """Place one call and live it to its end in real time; many may run side by side.

        `extra` adds or replaces parameters of the voice webhook. `open_stream` stands between the
        phone and the network; `stream_address` is dialled whatever URL the TwiML names. Whatever
        the server does wrong is in the report; only a bug in `caller` raises. `fallback_path` is
        asked where no document can be had. `call_sid` is a new one if not said.
        """
        numbers = Numbers(self.account_sid, call_sid or new_sid("CA"), from_number, to_number)
        requests = SignedRequests(
            self._http, self.auth_token, address=self._address, public_url=self._public_url
        )
        call = PlacedCall(
            numbers,
            caller,
            requests,
            new_sid,
            open_stream,
            stream_address,
            self.callees,
            self.message_s,
            self._public_url + fallback_path if fallback_path else None,
        )
        status_url = self._public_url + status_path if status_path else None
        self._live[numbers.call_sid] = call
        self._quiet.clear()
        try:
            return await call.run(
                self._public_url + voice_path, status_url, time_limit_s, extra or {}
            )
        finally:
            del self._live[numbers.call_sid]
            self._finished[numbers.call_sid] = numbers
            if not self._live:
                self._quiet.set()

    @property
    def live_calls(self) -> tuple[str, ...]:
        """SIDs of the calls not yet over."""
        return tuple(sid for sid, call in self._live.items() if call.status == "in-progress")

    # ---- the REST API ----

    def _api(self) -> web.Application:
        app = web.Application()
        path = "/2010-04-01/Accounts/{account}/Calls/{call}.json"
        app.router.add_post(path, self._update)
        app.router.add_get(path, self._show)
        return app

    async def _update(self, request: web.Request) -> web.Response:
        if (refused := self._refusal(request)) is not None:
            return refused
        form = await request.post()
        status, document = form.get("Status"), form.get("Twiml")
        call = self._live.get(request.match_info["call"])
        if call is None or call.status == "completed":
            return _problem(400, 21220, "Call is not in-progress. Cannot redirect.")
        if isinstance(document, str):
            try:
                call.redirect(document)
            except TwimlError as error:
                return _problem(400, error.code, error.detail)
        elif status == "completed":
            call.end(EndedBy.API)
        else:
            return _problem(400, 21218, f"Status {status!r} is not simulated here")
        return _resource(call.numbers, call.status)

    async def _show(self, request: web.Request) -> web.Response:
        if (refused := self._refusal(request)) is not None:
            return refused
        sid = request.match_info["call"]
        if (call := self._live.get(sid)) is not None:
            return _resource(call.numbers, call.status)
        return _resource(self._finished[sid], "completed")

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.api_refusal is not None:
            return _problem(self.api_refusal, 20500, "refused on purpose")
        if not self._authentic(request.headers.get("Authorization", "")):
            return _problem(401, 20003, "Authenticate")
        sid = request.match_info["call"]
        known = sid in self._live or sid in self._finished
        if not known or request.match_info["account"] != self.account_sid:
            return _problem(404, 20404, f"The requested resource {request.path} was not found")
        return None

    def _authentic(self, header: str) -> bool:
        wanted = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        return hmac.compare_digest(header.encode(), f"Basic {wanted}".encode())


def _resource(numbers: Numbers, status: str) -> web.Response:
    return web.json_response(
        {
            "sid": numbers.call_sid,
            "account_sid": numbers.account_sid,
            "api_version": "2010-04-01",
            "direction": "inbound",
            "from": numbers.caller,
            "to": numbers.called,
            "status": status,
            "uri": f"/2010-04-01/Accounts/{numbers.account_sid}/Calls/{numbers.call_sid}.json",
        }
    )


def _problem(status: int, code: int, message: str) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more, "status": status}
    return web.json_response(body, status=status)


def new_sid(prefix: str) -> str:
    return prefix + uuid.uuid4().hex
