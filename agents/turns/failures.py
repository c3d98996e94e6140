"""Why a request failed, and what may help: the same again, a plainer one, or nothing.

HTTP statuses and codes are the vendor's (OpenAI API reference, error codes). Only codes of
`REASONS` travel further: the rest of an error message may quote the caller.
"""

from collections.abc import Mapping
from enum import Enum

import msgspec

from agents.realtime import failures as vendor


class Remedy(Enum):
    """What to try next."""

    AGAIN = "again"
    PLAINER = "plainer"
    """The history as one text, and none of the fields a gateway may not know."""
    NONE = "none"
    """The same settings would fail again."""


class Failure(msgspec.Struct, frozen=True):
    """One request that came to nothing."""

    reason: str
    """One of `REASONS`."""
    remedy: Remedy = Remedy.AGAIN
    retry_after_s: float = 0.0
    """What the server asks for; 0 where it names nothing."""


REASONS = vendor.FATAL | {
    "bad_base_url",
    "bad_stream",
    "conflict",
    "connect_refused",
    "connect_timeout",
    "connection_lost",
    "empty_audio",
    "forbidden",
    "internal_error",
    "name_not_resolved",
    "no_response",
    "rate_limit_exceeded",
    "request_refused",
    "request_too_large",
    "server_error",
    "stalled",
    "tls_failed",
    "wrong_audio_format",
}
"""Every reason of this engine's failures."""

CUT = Failure("connection_lost")
NO_RESPONSE = Failure("no_response")
STALLED = Failure("stalled")
BAD_STREAM = Failure("bad_stream")
EMPTY_AUDIO = Failure("empty_audio")
WRONG_FORMAT = Failure("wrong_audio_format", Remedy.NONE)

_BY_STATUS = {
    401: Failure("invalid_api_key", Remedy.NONE),
    403: Failure("forbidden", Remedy.NONE),
    404: Failure("model_not_found", Remedy.NONE),
    408: Failure("server_error"),
    409: Failure("conflict"),
    413: Failure("request_too_large", Remedy.PLAINER),
    429: Failure("rate_limit_exceeded"),
}
_BY_CODE = {
    **{code: Failure(code, Remedy.NONE) for code in vendor.FATAL},
    **{code: Failure("rate_limit_exceeded") for code in vendor.RATE_LIMITED},
    "context_length_exceeded": Failure("request_too_large", Remedy.PLAINER),
    "server_error": Failure("server_error"),
}


class _Error(msgspec.Struct, frozen=True):
    code: str | int | None = None
    type: str | None = None


class _Body(msgspec.Struct, frozen=True):
    error: _Error | None = None


def of_answer(status: int, body: bytes, headers: Mapping[str, str]) -> Failure:
    """Why the server refused a request, from its HTTP answer (header names in small letters)."""
    error = _error_in(body)
    for name in (error.code, error.type):
        if isinstance(name, str) and name in _BY_CODE:
            found = _BY_CODE[name]
            break
    else:
        found = _of_status(status)
    after_s = _seconds(headers.get("retry-after-ms"), 0.001) or _seconds(headers.get("retry-after"))
    return msgspec.structs.replace(found, retry_after_s=after_s)


def of_code(code: str | int | None, kind: str | None) -> Failure:
    """An error in the middle of a stream, whose HTTP status was 200."""
    known = (_BY_CODE[name] for name in (code, kind) if isinstance(name, str) and name in _BY_CODE)
    return next(known, Failure("server_error"))


def _of_status(status: int) -> Failure:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    # 400 and 422 mostly mean a history or a field the server will not have; a redirect is not
    # followed, since the key would go along, and leads nowhere again.
    return Failure("server_error") if status >= 500 else Failure("request_refused", Remedy.PLAINER)


def _error_in(body: bytes) -> _Error:
    try:
        return msgspec.json.decode(body, type=_Body).error or _Error()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _Error()


def _seconds(text: str | None, unit: float = 1.0) -> float:
    """A header's number; 0 for what is none (a date, as HTTP allows, is never sent here)."""
    try:
        value = float(text or "")
    except ValueError:
        return 0.0
    return value * unit if 0 < value < 1e9 else 0.0
