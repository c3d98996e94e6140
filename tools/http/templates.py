"""How values get into a request: never more of it than the place that was meant for them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from tools.spec import ToolContext, ToolRefusal

# A doubled brace stands for itself.
PIECES = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w.-]*)\}|[{}]", re.ASCII)
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
CONTEXT = ("caller_number", "call_id", "idempotency_key", "now")
MISSING: Any = msgspec.UNSET


class Values(msgspec.Struct, frozen=True):
    """Everything a placeholder may stand for in one call. Its repr shows nothing of it."""

    arguments: Mapping[str, Any]
    context: Mapping[str, Any]
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        return "Values()"

    def get(self, name: str) -> Any:
        """The value, or MISSING when it was left out (null counts as left out)."""
        kind, dot, rest = name.partition(".")
        source: Mapping[str, Any] = self.arguments
        if dot and kind == "context":
            source, name = self.context, rest
        elif dot and kind == "secret":
            source, name = self.secrets, rest
        value = source.get(name, MISSING)
        return MISSING if value is None else value


def values(
    arguments: Mapping[str, Any], context: ToolContext, secrets: Mapping[str, str]
) -> Values:
    known = {
        "caller_number": context.caller_number,
        "call_id": context.call_id,
        "idempotency_key": context.idempotency_key,
        "now": context.now.isoformat(timespec="seconds"),
    }
    return Values(arguments, known, secrets)


def names(template: Any) -> Iterator[str]:
    """Every name a template asks for, in order, with repeats."""
    match template:
        case str():
            yield from (found[1] for found in PIECES.finditer(template) if found[1])
        case Mapping():
            for each in template.values():
                yield from names(each)
        case list() | tuple():
            for each in template:
                yield from names(each)


def stray_brace(template: str) -> bool:
    """A brace that neither encloses a name nor is doubled."""
    return any(found[0] in ("{", "}") for found in PIECES.finditer(template))


def filled(template: str, given: Values, write: Callable[[str, Any], str]) -> str:
    """The template with `write(name, value)` in place of each name; `value` may be MISSING."""

    def piece(found: re.Match[str]) -> str:
        if found[1]:
            return write(found[1], given.get(found[1]))
        return found[0][0]

    return PIECES.sub(piece, template)


def as_text(value: Any) -> str:
    """How a value reads inside other text."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float() | dict() | list():
            return msgspec.json.encode(value).decode()
        case _:
            return ""


def text(template: str, given: Values) -> str:
    """Plain text; what was left out is empty."""
    return filled(template, given, lambda _name, value: as_text(value))


def header(template: str, given: Values) -> str:
    """A header's value: whatever could end the line, or is not ASCII, is percent-encoded."""
    return filled(template, given, lambda _name, value: _quoted(value, PRINTABLE))


def path(template: str, given: Values) -> str:
    """A path in which each value stays within its segment.

    Raises ToolRefusal for a value that is missing, empty or made to climb (`..`): servers undo
    the encoding before they look at dots, so that encoding alone is no protection.
    """

    def write(name: str, value: Any) -> str:
        said = as_text(value)
        if not said or any(part in (".", "..") for part in re.split(r"[/\\]", said)):
            raise _unusable(name)
        return _quoted(value, "")

    return filled(template, given, write)


def _quoted(value: Any, safe: str) -> str:
    return quote(as_text(value), safe=safe, errors="replace")


def _unusable(name: str) -> ToolRefusal:
    if name.startswith("context."):
        return ToolRefusal("I can't see the number you are calling from, and I need it for this.")
    words = name.replace("_", " ")
    return ToolRefusal(f"I can't use what I have as {words}. Please give it again.", field=name)


def data(template: Any, given: Values) -> Any:
    """JSON data: text that is one placeholder and nothing else becomes the value itself, with its
    type; a value that was left out takes its key or entry with it."""
    match template:
        case str():
            return _whole(template, given)
        case Mapping():
            made = {name: data(each, given) for name, each in template.items()}
            return {name: each for name, each in made.items() if each is not MISSING}
        case list() | tuple():
            return [made for each in template if (made := data(each, given)) is not MISSING]
        case _:
            return template


def _whole(template: str, given: Values) -> Any:
    alone = PIECES.fullmatch(template)
    return given.get(alone[1]) if alone and alone[1] else text(template, given)


def pairs(template: Mapping[str, Any], given: Values) -> list[tuple[str, str]]:
    """Names and values of a query or form, not yet encoded; lists once per entry."""
    found: list[tuple[str, str]] = []
    for name, value in data(template, given).items():
        entries = value if isinstance(value, list) else [value]
        found.extend((name, as_text(each)) for each in entries)
    return found
