"""What a request to an outside book is, and what its answer amounts to, as plain data."""

import datetime as dt
import email.utils
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tools.crm.port import BookError, Trouble
from tools.elapsed import time_between

MAX_WAIT_S = 3_600.0
"""However long an answer asks us to wait."""
WAIT_S = 10.0
"""When too many requests were made and nothing says how long to wait."""


class Request(msgspec.Struct, frozen=True):
    """`body` is JSON data; `key` is the Idempotency-Key of a write, empty for a read."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] = {}
    key: str = ""


class Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    retry_after: str = ""


def check(answer: Answer, now: dt.datetime) -> None:
    """Raise BookError for whatever is no success."""
    status, code = answer.status, f"http_{answer.status}"
    if 200 <= status < 300:
        return
    if status in (401, 403):
        raise BookError(Trouble.LOCKED, code)
    if status in (404, 410):
        raise BookError(Trouble.GONE, code)
    if status == 429:
        wait_s = retry_after_s(answer.retry_after, now)
        raise BookError(Trouble.LIMITED, code, WAIT_S if wait_s is None else wait_s)
    # Whoever answers with a redirect is not the API: a proxy, or a wrong base URL.
    if status in (408, 425) or status >= 500 or status < 400:
        raise BookError(Trouble.DOWN, code, retry_after_s(answer.retry_after, now) or 0.0)
    raise BookError(Trouble.REFUSED, _named(code, answer.body))


def retry_after_s(text: str, now: dt.datetime) -> float | None:
    """`Retry-After` in seconds from now (RFC 9110, 10.2.3): seconds or a date; None: neither."""
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip(), re.ASCII):
        return min(float(text), MAX_WAIT_S)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=dt.UTC)
    return min(max(0.0, time_between(now, at).total_seconds()), MAX_WAIT_S)


def decoded(answer: Answer, shape: type[Any]) -> Any:
    """The body as `shape`; BookError when it cannot be read: it may have been done."""
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BookError(Trouble.GARBLED, "unreadable") from None


def _named(code: str, body: bytes) -> str:
    """With the error's category, which is one word of theirs; never with its message."""
    try:
        category = msgspec.json.decode(body)["category"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, KeyError):
        return code
    known = isinstance(category, str) and re.fullmatch(r"[A-Z_]{1,40}", category, re.ASCII)
    return f"{code}_{category.lower()}" if known else code
