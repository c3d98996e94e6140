"""What do personas and tools keep out of the records of a call, as their files say?"""

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from telephony.configuring.overview import EVERYBODY, kind_of
from tools.config import Document
from tools.redacting.kinds import DEFAULT, Sensitive


class PersonaRule(msgspec.Struct, frozen=True):
    """What one persona keeps out, wherever it was said."""

    persona: str
    """Empty: the one there is without any file of one."""
    path: str
    kinds: tuple[Sensitive, ...]
    said: bool
    """Its file says so; otherwise these are the usual ones."""


class ToolRule(msgspec.Struct, frozen=True):
    """Arguments and fields of answers that one tool keeps out by their names."""

    tool: str
    path: str
    fields: tuple[str, ...]


class Rules(msgspec.Struct, frozen=True):
    """In the order of their paths."""

    personas: tuple[PersonaRule, ...]
    tools: tuple[ToolRule, ...]
    """Those that keep anything out."""


def redaction_of(files: Mapping[str, str]) -> Rules:
    """Of files that can be published; what is not understood in others is passed over. Pure."""
    of_kind: dict[str | None, list[tuple[str, dict[str, Any]]]] = {"persona": [], "tool": []}
    for path, text in sorted(files.items()):
        of_kind.setdefault(kind_of(path), []).append((path, Document(text, "", []).data))
    personas = [_persona(path, data) for path, data in of_kind["persona"]]
    tools = [_tool(path, data) for path, data in of_kind["tool"]]
    alone = PersonaRule(EVERYBODY, "", _ordered(DEFAULT), said=False)
    return Rules(tuple(personas) or (alone,), tuple(each for each in tools if each.fields))


def _persona(path: str, data: Mapping[str, Any]) -> PersonaRule:
    said = data.get("redact")
    known = {each.value: each for each in Sensitive}
    stem = PurePosixPath(path).stem
    if not isinstance(said, list):
        return PersonaRule(stem, path, _ordered(DEFAULT), said=False)
    named = [known[str(each)] for each in said if str(each) in known]
    return PersonaRule(stem, path, _ordered(named), said=True)


def _tool(path: str, data: Mapping[str, Any]) -> ToolRule:
    said = data.get("redact")
    fields = tuple(map(str, said)) if isinstance(said, list) else ()
    return ToolRule(str(data.get("name", PurePosixPath(path).stem)), path, fields)


def _ordered(kinds: Collection[Sensitive]) -> tuple[Sensitive, ...]:
    return tuple(each for each in Sensitive if each in kinds)
