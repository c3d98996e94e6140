"""How do Twilio's requests reach the server under test? Signed for its public URL, sent here."""

import time
from collections.abc import Mapping
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

import aiohttp
import msgspec
from twilio.request_validator import RequestValidator
from yarl import URL

from telephony.simulator.phone import CarrierError
from telephony.simulator.twiml import is_loopback

WEBHOOK_TIMEOUT_S = 15.0
NOT_REACHED = 11205
"""Nobody answers there, or they hung up before they did."""
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class RequestFailedError(Exception):
    """A request got no proper answer; `error` is what Twilio's debugger would say."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.error = CarrierError(code, detail)


class Answer(msgspec.Struct, frozen=True):
    status: int
    content_type: str
    body: bytes
    ms: int


class SignedRequests:
    """One account's requests to one server, which is known as `public_url` and is at `address`."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        auth_token: str,
        *,
        address: str,
        public_url: str,
        timeout_s: float = WEBHOOK_TIMEOUT_S,
    ) -> None:
        self._http = http
        self._validator = RequestValidator(auth_token)
        self._address = urlsplit(address)
        self._public = urlsplit(public_url)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    @property
    def public_url(self) -> str:
        """What documents without an address of their own are relative to."""
        return urlunsplit(self._public)

    def signature(self, url: str, parameters: Mapping[str, str] | None = None) -> str:
        return str(self._validator.compute_signature(url, dict(parameters or {})))

    def reach(self, url: str) -> str:
        """Where a URL is really served: the server under test, or elsewhere on loopback.

        Raises RequestFailedError for the rest of the world, which a simulation leaves alone.
        """
        parts = urlsplit(url)
        if _origin(parts) == _origin(self._public):
            scheme = "ws" if parts.scheme in ("ws", "wss") else "http"
            scheme += "s" if self._address.scheme == "https" else ""
            return urlunsplit(parts._replace(scheme=scheme, netloc=self._address.netloc))
        if not is_loopback(parts.hostname or ""):
            raise RequestFailedError(11205, f"{parts.hostname} is not on loopback")
        return url

    async def request(
        self, url: str, method: str, parameters: Mapping[str, str], token: str | None = None
    ) -> Answer:
        """One signed request, never repeated; raises RequestFailedError (11200, 11205)."""
        if method == "GET":
            url = _with_query(url, parameters)
        form = dict(parameters) if method == "POST" else None
        headers = {
            "X-Twilio-Signature": self.signature(url, form),
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }
        if token is not None:
            headers["I-Twilio-Idempotency-Token"] = token
        return await self._send(url, method, form, headers)

    async def _send(
        self, url: str, method: str, form: dict[str, str] | None, headers: dict[str, str]
    ) -> Answer:
        target = URL(self.reach(url), encoded=True)
        began = time.monotonic()
        try:
            async with self._http.request(
                method, target, data=form, headers=headers, timeout=self._timeout
            ) as response:
                body = await response.read()
        except TimeoutError:
            raise RequestFailedError(11200, f"{url}: no answer in time") from None
        except aiohttp.ClientError as error:
            raise RequestFailedError(NOT_REACHED, f"{url}: {error}") from None
        ms = int((time.monotonic() - began) * 1000)
        if response.status >= 400:
            raise RequestFailedError(11200, f"{url}: HTTP {response.status}")
        return Answer(response.status, response.headers.get("Content-Type", ""), body, ms)


def _origin(parts: SplitResult) -> tuple[str | None, int | None]:
    return parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
