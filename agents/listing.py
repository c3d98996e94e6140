"""Which models does a provider say it serves, and until when?

`GET /v1/models` lists them; a model that is to be shut down has a `shutdown_date` (OpenAI,
deprecations page).
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

LARGEST_BYTES = 4 << 20
"""A longer list is none."""


class BadListing(ValueError):  # noqa: N818 - the peer's error, not ours
    """What came is no list of models."""


class _Listed(msgspec.Struct, frozen=True):
    id: str
    shutdown_date: Any = None


class _Listing(msgspec.Struct, frozen=True):
    data: list[_Listed]


def models_url(base_url: str) -> str:
    """Where the list is, below an API's base URL of whatever scheme; its query is kept."""
    base = base_url.replace("ws", "http", 1) if base_url.startswith("ws") else base_url
    path, _, query = base.partition("?")
    return f"{path.rstrip('/')}/models" + (f"?{query}" if query else "")


def parse_listing(body: bytes) -> Mapping[str, dt.date | None]:
    """The day each served model is shut down, None where no day is told. Raises BadListing."""
    try:
        listing = msgspec.json.decode(body, type=_Listing)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadListing("no list of models") from error
    return {model.id: _date(model.shutdown_date) for model in listing.data}


def _date(value: object) -> dt.date | None:
    """A date, a moment, or seconds since 1970 (as `created` is): the documents do not say."""
    try:
        if isinstance(value, str):
            return dt.date.fromisoformat(value[:10])
        if isinstance(value, int) and not isinstance(value, bool):
            return dt.datetime.fromtimestamp(value, dt.UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
    return None
