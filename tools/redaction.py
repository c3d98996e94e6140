"""What is kept out of records: the values a tool's `redact` names, wherever its JSON holds them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

HIDDEN: Final = "[redacted]"
_TELLING: Final = 3
"""Shorter values stand in too many places to be taken out of running text."""


def redacted(text: str, names: Iterable[str]) -> str:
    """JSON text without the values of these names, nor their copies in other texts of it.

    What is no JSON object is hidden as a whole where anything is to be hidden. Never raises.
    """
    hidden = frozenset(names)
    if not hidden:
        return text
    try:
        data = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return json.dumps(HIDDEN)
    secrets = sorted(set(_values(data, hidden)), key=len, reverse=True)
    return json.dumps(_without(data, hidden, secrets), ensure_ascii=False)


def _values(data: Any, hidden: frozenset[str], inside: bool = False) -> Iterator[str]:
    """Every plain value below one of the names, as text."""
    match data:
        case dict():
            for name, value in data.items():
                yield from _values(value, hidden, inside or name in hidden)
        case list():
            for value in data:
                yield from _values(value, hidden, inside)
        case str() | int() | float() if inside and len(str(data)) >= _TELLING:
            yield str(data)


def _without(data: Any, hidden: frozenset[str], secrets: list[str]) -> Any:
    match data:
        case dict():
            return {
                name: HIDDEN if name in hidden else _without(value, hidden, secrets)
                for name, value in data.items()
            }
        case list():
            return [_without(value, hidden, secrets) for value in data]
        case str():
            for secret in secrets:
                data = data.replace(secret, HIDDEN)
            return data
        case _:
            return data
