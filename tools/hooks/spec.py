"""What others are told of calls, how it is signed, and when it is tried again.

Headers and signature are those of Standard Webhooks
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
`webhook-id`, `webhook-timestamp` (Unix seconds) and `webhook-signature`, a list of `v1,` and the
base64 of an HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec
from yarl import URL

from tools.http.addresses import may_connect

VERSION = 1
"""Of the payload. Fields may be added within a version, never changed or taken away."""
SECRET_PREFIX = "whsec_"  # noqa: S105, not a secret
SECRET_BYTES = 32
BOTH_SECRETS = dt.timedelta(hours=24)
"""After a new secret the old one signs, too."""
MAX_URL = 500
MAX_DESCRIPTION = 200

_WAITS_S = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
MOST_TRIES = len(_WAITS_S) + 1
"""Spread over a day: the last try is some 24 hours after the first."""
_JITTER = 0.2
LONGEST_ASKED_S = 3_600.0
"""A receiver may ask for a pause, but not for ever."""


class EventType(Enum):
    """All that is told: a closed list."""

    CALL_STARTED = "call.started"
    CALL_ENDED = "call.ended"
    """Over, and whole on disk."""
    TOOL_DONE = "tool.done"
    TOOL_FAILED = "tool.failed"
    """Nothing was changed."""
    TOOL_UNKNOWN = "tool.unknown"
    """Nobody knows whether something was changed; `tool.done` or `tool.failed` may follow."""
    APPROVAL_WAITING = "approval.waiting"
    """A person has to decide before a tool may run."""
    ALARM = "alarm"
    """The line of a call is not well."""
    TEST = "test"
    """Sent on request only."""


class Event(msgspec.Struct, frozen=True):
    """One thing that happened. The same thing has the same id, whoever tells of it."""

    id: str
    type: EventType
    at: dt.datetime
    call_id: str
    data: Mapping[str, Any]
    """Plain JSON, without words of callers and without numbers."""
    numbers: Mapping[str, str] = {}
    """Telephone numbers by field: for who has asked for them."""
    words: Callable[[], Mapping[str, Any]] | None = None
    """Fields that hold what was said, likewise; not even looked for where nobody has asked."""


def event_id(*parts: object) -> str:
    """The same for the same parts."""
    return "evt_" + hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


def payload(event: Event) -> str:
    """All of the body but numbers and words, as it is kept."""
    return msgspec.json.encode(event.data).decode()


def body(
    event_id: str,
    kind: str,
    at: dt.datetime,
    data: Mapping[str, Any],
    *asked_for: Mapping[str, Any],
) -> bytes:
    """What is sent: the same bytes each time. `asked_for` are the fields this receiver wants
    beside those of all."""
    whole: dict[str, Any] = {
        "type": kind,
        "version": VERSION,
        "id": event_id,
        "timestamp": at.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
        "data": data,
    }
    for fields in asked_for:
        whole["data"] = {**whole["data"], **fields}
    return msgspec.json.encode(whole)


# ---- signing ------------------------------------------------------------------------------------


def new_secret(random: bytes) -> str:
    """As receivers are given it."""
    return SECRET_PREFIX + base64.b64encode(random).decode()


def signature(secret: str, message_id: str, timestamp: int, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(
    secrets: Sequence[str], message_id: str, timestamp: int, content: bytes
) -> tuple[tuple[str, str], ...]:
    signatures = " ".join(signature(each, message_id, timestamp, content) for each in secrets)
    return (
        ("Content-Type", "application/json"),
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", signatures),
    )


# ---- where to -----------------------------------------------------------------------------------


class BadEndpoint(ValueError):  # noqa: N818 - named for what is the matter
    """An endpoint that cannot be taken as it is; the message is for people."""


def checked_url(text: str, private: Sequence[str] = ()) -> str:
    """The URL as it will be asked. Raises BadEndpoint.

    `private`: addresses and networks that may be asked although they are not public. Without TLS
    only these are.
    """
    try:
        url = URL(text.strip())
    except ValueError:
        raise BadEndpoint("This is not a URL.") from None
    host = (url.raw_host or "").strip("[]")
    if url.scheme not in ("http", "https") or not host:
        raise BadEndpoint("Give a whole URL, such as https://example.com/frontdesk.")
    if url.user or url.password or url.fragment:
        raise BadEndpoint("The URL may hold neither a password nor a fragment: calls are signed.")
    if len(str(url)) > MAX_URL:
        raise BadEndpoint(f"The URL may have {MAX_URL} characters.")
    if url.scheme == "http" and (may_connect(host) or not may_connect(host, private)):
        raise BadEndpoint("Use https: only addresses in FRONTDESK_WEBHOOK_PRIVATE do without.")
    if _is_address(host) and not may_connect(host, private):
        raise BadEndpoint("This address is not public; FRONTDESK_WEBHOOK_PRIVATE would allow it.")
    return str(url)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


# ---- what came of it ----------------------------------------------------------------------------


class Verdict(Enum):
    TAKEN = "taken"
    AGAIN = "again"
    NEVER = "never"
    GONE = "gone"
    """The receiver wants no more of anything."""


def verdict(status: int) -> Verdict:
    """2xx is taken. A redirect is not followed: it would carry the signature elsewhere."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    return Verdict.GONE if status == 410 else Verdict.AGAIN


def wait_s(tries: int, chance: float, asked_s: float = 0.0) -> float | None:
    """How long to wait after so many tries; None: no more. `chance` is anything from 0 to 1,
    `asked_s` what the receiver asks for."""
    if tries >= MOST_TRIES:
        return None
    own_s = _WAITS_S[tries - 1] * (1 + _JITTER * (2 * chance - 1))
    return max(own_s, min(asked_s, LONGEST_ASKED_S))


def asked_s(retry_after: str) -> float:
    """`Retry-After` in seconds (RFC 9110, 10.2.3); 0 for dates and nonsense."""
    text = retry_after.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0.0
