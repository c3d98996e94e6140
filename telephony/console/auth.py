"""Who may use the HTTP API: whoever has the key, and nobody where there is none."""

import hmac

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telephony.console.problems import Refused

MAX_BODY_BYTES = 256 * 1024


class Guard:
    """Stands before a whole application: what is behind it cannot forget to ask for the key.

    It also bounds every body: more than `MAX_BODY_BYTES` is never read.
    """

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._key = key.encode() if key else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # Nothing behind it speaks anything else: closed before it is open, that is a 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        refused = self._refusal(dict(scope["headers"]), scope["headers"])
        if refused is not None:
            await refused.response()(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive), send)

    def _refusal(
        self, headers: dict[bytes, bytes], listed: list[tuple[bytes, bytes]]
    ) -> Refused | None:
        if self._key is None:
            detail = "The API is not enabled: set FRONTDESK_API_KEY and start again."
            return Refused(404, "not-enabled", detail)
        given = [value for name, value in listed if name == b"authorization"]
        if len(given) != 1 or not self._is_key(given[0]):
            detail = "Give the key as Authorization: Bearer KEY."
            challenge = {"WWW-Authenticate": 'Bearer realm="frontdesk"'}
            return Refused(401, "no-key", detail, headers=challenge)
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return Refused(413, "too-large", _TOO_LARGE)
        return None

    def _is_key(self, authorization: bytes) -> bool:
        scheme, _, given = authorization.partition(b" ")
        assert self._key is not None
        # Compared in constant time, whatever the scheme: nothing is learned from how long it takes.
        same = hmac.compare_digest(given.strip(), self._key)
        return same and scheme.lower() == b"bearer"


_TOO_LARGE = f"A body may have {MAX_BODY_BYTES >> 10} KiB."


def _bounded(receive: Receive) -> Receive:
    """Counts what comes: a body may be longer than it said, or not have said."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return bounded
