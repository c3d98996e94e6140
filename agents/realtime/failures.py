"""Which failures are harmless, which may be tried again, and which end the session for good.

The codes are the vendor's own (OpenAI API reference, error codes; and what its server was reported
to send in the field). Only codes of these tables, or ones made of `[a-z0-9_]`, travel further: the
rest of an error message may quote the caller.
"""

import re

import msgspec

from agents.engine import EngineFailed

FATAL = frozenset(
    {
        "invalid_api_key",
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "account_deactivated",
        "model_not_found",
        "beta_api_shape_disabled",
    }
)
"""The same settings would fail again: no retry, tell the operator."""

RATE_LIMITED = frozenset({"rate_limit_exceeded", "inference_rate_limit_exceeded"})
RETRYABLE = RATE_LIMITED | {"server_error"}
ACTIVE_RESPONSE = "conversation_already_has_active_response"
SESSION_EXPIRED = "session_expired"

CLOSE_BETA_SHAPE = 4000
CLOSE_GOING_AWAY = 1001

_PLAIN_CODE = re.compile(r"[a-z0-9_]{1,64}")
_STATUS_CODES = {
    401: "invalid_api_key",
    403: "invalid_api_key",
    404: "model_not_found",
    429: "rate_limited",
}


def plain(code: str | None, fallback: str) -> str:
    """The code if it can only be a code, else the fallback."""
    return code if code is not None and _PLAIN_CODE.fullmatch(code) else fallback


class _HandshakeError(msgspec.Struct, frozen=True):
    code: str | None = None


class _HandshakeBody(msgspec.Struct, frozen=True):
    error: _HandshakeError | None = None


def _code_in(body: bytes) -> str | None:
    try:
        error = msgspec.json.decode(body, type=_HandshakeBody).error
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return error.code if error is not None else None


def of_handshake(status: int, body: bytes) -> EngineFailed:
    """Why the server refused the WebSocket upgrade, from its HTTP answer."""
    code = _code_in(body)
    if code in FATAL:
        return EngineFailed(str(code), fatal=True)
    if status >= 500:
        return EngineFailed("server_error", fatal=False)
    reason = _STATUS_CODES.get(status, "handshake_refused")
    return EngineFailed(reason, fatal=reason != "rate_limited")


def of_close(code: int | None, reason: str) -> EngineFailed:
    """Why the server closed the socket; `code` is None when it vanished without a close frame."""
    named = next((fatal for fatal in sorted(FATAL) if fatal in reason), None)
    if named is not None:
        return EngineFailed(named, fatal=True)
    if code == CLOSE_BETA_SHAPE:
        return EngineFailed("beta_api_shape_disabled", fatal=True)
    if code == CLOSE_GOING_AWAY and "maximum duration" in reason:
        return EngineFailed(SESSION_EXPIRED, fatal=False)
    return EngineFailed("connection_lost", fatal=False)
