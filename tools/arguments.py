"""Which arguments the model gave, as the tool's own type, or everything there is to mend."""

import hashlib
import json
import re
import unicodedata
from typing import Any

import msgspec

from tools.spec import Arguments
from tools.validation import Problem, Schema

MAX_BYTES = 8 * 1024
MAX_DEPTH = 8


class _DuplicateKeyError(ValueError):
    """The same name twice in one JSON object: the reader cannot know which is meant."""


def parse(
    text: str, shape: type[msgspec.Struct] | type[dict[str, Any]], schema: Schema
) -> Arguments | list[Problem]:
    """The arguments as an instance of `shape`, or every problem at once. Never raises.

    Blank text stands for no arguments: some models send it for tools that need none.
    """
    data = _data(text)
    if isinstance(data, Problem):
        return [data]
    problems = schema.problems(data) or _unstorable(data)
    if problems:
        return problems
    try:
        return msgspec.convert(data, shape, strict=True)
    except msgspec.ValidationError as error:
        return [Problem((), str(error)[:200], "Mend the value")]


def canonical(arguments: Arguments) -> str:
    """The same text for arguments that mean the same, whatever their order and spacing.

    Case stays: a caller who has a name's case put right wants it changed.
    """
    return msgspec.json.encode(_settled(msgspec.to_builtins(arguments)), order="sorted").decode()


def digest(arguments: Arguments) -> str:
    """A short stand-in for `canonical` that tells nothing of the caller."""
    return hashlib.sha256(canonical(arguments).encode()).hexdigest()


def _settled(value: Any) -> Any:
    match value:
        case str():
            plain = value if value.isascii() else unicodedata.normalize("NFKC", value)
            return " ".join(plain.split())
        case dict():
            return {key: _settled(each) for key, each in value.items()}
        case list():
            return [_settled(each) for each in value]
        case _:
            return value


def _data(text: str) -> Any:
    """The JSON object in `text`, or the Problem with it."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return _whole(f"are over {MAX_BYTES} bytes", "Send less")
    if not text.strip():
        return {}
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except _DuplicateKeyError as error:
        return _whole(f"name {str(error)[:60]} twice", "Give each argument once")
    except (ValueError, RecursionError):
        return _whole("are not valid JSON", "Send one JSON object")
    if not isinstance(data, dict):
        return _whole("are not a JSON object", "Send one JSON object")
    if _depth(data) > MAX_DEPTH:
        return _whole(f"are nested more than {MAX_DEPTH} deep", "Send plain values")
    return data


def _whole(what: str, hint: str) -> Problem:
    return Problem((), what, hint)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateKeyError(next(name for name in names if names.count(name) > 1))
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _depth(data: Any) -> int:
    """How deep lists and objects are nested; without recursion, for `data` is hostile."""
    deepest, level = 0, [data]
    while level := [each for each in level if isinstance(each, dict | list)]:
        deepest += 1
        level = [
            inner for each in level for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return deepest


# A lone surrogate has no UTF-8, PostgreSQL's text holds no NUL, and the rest has no sound.
UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _unstorable(data: dict[str, Any]) -> list[Problem]:
    return [
        Problem((name,), "holds a character that is not text", "Send plain text")
        for name, value in data.items()
        if UNSTORABLE.search(_text_of(value))
    ]


def _text_of(value: Any) -> str:
    match value:
        case str():
            return value
        case dict():
            return "".join(key + _text_of(each) for key, each in value.items())
        case list():
            return "".join(map(_text_of, value))
        case _:
            return ""
