"""Which failures are harmless, which may be tried again, and which end the session for good.

The codes are the vendor's own (OpenAI API reference, error codes; and what its server was reported
to send in the field). Only codes of these tables, or ones made of `[a-z0-9_]`, travel further: the
rest of an error message may quote the caller.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from agents.engine import EngineFailed

FATAL = frozenset(
    {
        "invalid_api_key",
        "invalid_organization",
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_not_active",
        "account_deactivated",
        "unsupported_country_region_territory",
        "model_not_found",
        "beta_api_shape_disabled",
    }
)
"""The same settings would fail again: no retry, tell the operator."""

RATE_LIMITED = frozenset({"rate_limit_exceeded", "inference_rate_limit_exceeded"})
RETRYABLE = RATE_LIMITED | {"server_error"}
ACTIVE_RESPONSE = "conversation_already_has_active_response"
SESSION_EXPIRED = "session_expired"
WANTS_BETA = "beta_header_missing"

CLOSE_BETA_SHAPE = 4000
CLOSE_GOING_AWAY = 1001

_PLAIN_CODE = re.compile(r"[a-z0-9_]{1,64}")
_STATUS_CODES = {
    401: "invalid_api_key",
    402: "billing_hard_limit_reached",
    403: "invalid_api_key",
    404: "model_not_found",
    408: "server_error",
    425: "server_error",
    429: "rate_limited",
    501: "handshake_refused",
}
"""Others of 500 and more may pass; others below are refusals for good."""
_MAY_PASS = frozenset({"server_error", "rate_limited"})
# RFC 6455 section 7.4.1, and the registry of WebSocket close codes for those from 3000.
_CLOSE_CODES = {
    1008: "policy_violation",
    3000: "invalid_api_key",
    3003: "invalid_api_key",
    CLOSE_BETA_SHAPE: "beta_api_shape_disabled",
}
_LONGEST_WAIT_S = 3600.0


def plain(code: str | None, fallback: str) -> str:
    """The code if it can only be a code, else the fallback."""
    return code if code is not None and _PLAIN_CODE.fullmatch(code) else fallback


def tells_of_expiry(code: str) -> bool:
    """A warning that the session will end, not yet that it has."""
    return code.startswith("session_expir") and code != SESSION_EXPIRED


class _HandshakeError(msgspec.Struct, frozen=True):
    code: str | None = None


class _HandshakeBody(msgspec.Struct, frozen=True):
    error: _HandshakeError | None = None


def _code_in(body: bytes) -> str:
    try:
        error = msgspec.json.decode(body, type=_HandshakeBody).error
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""
    return plain(error.code, "") if error is not None else ""


def of_handshake(
    status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> EngineFailed:
    """Why the server refused the WebSocket upgrade, from its HTTP answer."""
    code = _code_in(body)
    if code in FATAL:
        return EngineFailed(code, fatal=True)
    if "beta" in code:
        return EngineFailed(WANTS_BETA, fatal=True)
    otherwise = "server_error" if status >= 500 else "handshake_refused"
    reason = _STATUS_CODES.get(status, otherwise)
    if reason not in _MAY_PASS:
        return EngineFailed(reason, fatal=True)
    return EngineFailed(reason, fatal=False, retry_after_s=retry_after_s(headers or {}))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the server wants to be left alone: RFC 9110 section 10.2.3, and the vendor's own
    header in milliseconds. A date is counted from the server's own."""
    for name, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        said = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", said, re.ASCII):
            return min(float(said) / scale, _LONGEST_WAIT_S)
    try:
        until, sent = (parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
        return min(max(0.0, (until - sent).total_seconds()), _LONGEST_WAIT_S)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def of_close(code: int | None, reason: str) -> EngineFailed:
    """Why the server closed the socket; `code` is None when it vanished without a close frame."""
    named = next((fatal for fatal in sorted(FATAL) if fatal in reason), None)
    if named is not None:
        return EngineFailed(named, fatal=True)
    if code == CLOSE_GOING_AWAY and "maximum duration" in reason:
        return EngineFailed(SESSION_EXPIRED, fatal=False)
    if code in _CLOSE_CODES:
        return EngineFailed(_CLOSE_CODES[code], fatal=True)
    return EngineFailed("connection_lost", fatal=False)
