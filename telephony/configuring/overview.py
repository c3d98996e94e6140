"""Which tools and personas are there, how does each stand, and who uses it?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from tools.config import ConfigError, Document

FOLDERS: Mapping[str, str] = {"tools": "tool", "personas": "persona"}
EVERYBODY = ""
"""The persona there is without any file of one."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a tool or a persona."""

    kind: str
    """`tool` or `persona`."""
    path: str
    name: str
    """What it is called: a tool as the model calls it."""
    about: str
    """What it says of itself, in one line."""
    handler: str = ""
    state: str
    """`published`, `draft` (not as it is published) or `broken` (it keeps all from being
    published)."""
    change: str = ""
    """Of a draft: `added`, `changed` or `removed`."""
    errors: int = 0
    personas: tuple[str, ...] = ()
    """Of a tool: who may use it."""
    numbers: tuple[str, ...] = ()
    """Calls to these numbers come to it."""
    other_numbers: bool = False
    """And calls to all numbers that are not listed."""


def overview(
    newest: Mapping[str, str], published: Mapping[str, str], errors: Iterable[ConfigError]
) -> tuple[Item, ...]:
    """Of the newest files; what was taken out and is published still is there, too. Pure: nothing
    it is given can be so broken that nothing is said of it."""
    found = list(errors)
    uses = _Uses(newest)
    everything = {**published, **newest}
    return tuple(
        _item(kind, path, everything[path], (newest, published), found, uses)
        for path in sorted(everything)
        if (kind := kind_of(path)) is not None
    )


def kind_of(path: str) -> str | None:
    """`tool` or `persona`; None for all other files."""
    pure = PurePosixPath(path)
    inside = len(pure.parts) == 2 and pure.suffix == ".yaml"
    return FOLDERS.get(pure.parts[0]) if inside else None


def _item(
    kind: str,
    path: str,
    text: str,
    sets: tuple[Mapping[str, str], Mapping[str, str]],
    errors: Sequence[ConfigError],
    uses: "_Uses",
) -> Item:
    newest, published = sets
    data, stem = _data(text), PurePosixPath(path).stem
    wrong = sum(each.where == path or each.where.startswith(f"{path}:") for each in errors)
    change = _change(newest.get(path), published.get(path))
    name = str(data.get("name", stem)) if kind == "tool" else stem
    personas = tuple(uses.of_tool(name, data)) if kind == "tool" else (stem,)
    return Item(
        kind=kind,
        path=path,
        name=name,
        about=_line(data.get("description" if kind == "tool" else "greeting")),
        handler=_line(data.get("handler")) if kind == "tool" else "",
        state="broken" if wrong and path in newest else "draft" if change else "published",
        change=change,
        errors=wrong,
        personas=personas if kind == "tool" else (),
        numbers=tuple(number for number, who in uses.numbers.items() if who in personas),
        other_numbers=uses.default in personas,
    )


def _change(newest: str | None, published: str | None) -> str:
    if newest == published:
        return ""
    if newest is None:
        return "removed"
    return "added" if published is None else "changed"


def _line(value: object) -> str:
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


def _data(text: str) -> dict[str, Any]:
    """As much of it as can be read."""
    return Document(text, "", []).data


class _Uses:
    """Which persona may use what, and which number comes to whom."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._tools = {
            PurePosixPath(path).stem: _data(text).get("tools")
            for path, text in sorted(files.items())
            if kind_of(path) == "persona"
        } or {EVERYBODY: None}
        said = _data(files.get("numbers.yaml", ""))
        listed = said.get("numbers")
        self.numbers = {
            str(number): str(who)
            for number, who in (listed.items() if isinstance(listed, dict) else ())
        }
        alone = next(iter(self._tools)) if len(self._tools) == 1 else ""
        self.default = str(said.get("default") or alone)

    def of_tool(self, name: str, data: Mapping[str, Any]) -> Iterator[str]:
        audience = data.get("audience")
        only = audience.get("personas") if isinstance(audience, dict) else None
        for persona, allowed in self._tools.items():
            offered = not isinstance(allowed, list) or name in allowed
            meant = not isinstance(only, list) or not only or persona in only
            if offered and meant:
                yield persona
