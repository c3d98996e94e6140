"""What does a file look like as a form? Drawn from the declarations that check the file.

Nothing about a field is said twice: its name, help, range, default and choices are those of the
JSON Schema that is published for editors, and so of the declaration both come from.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from ruamel.yaml import YAML

from telephony.configuring.published import SHAPES, published
from tools.config import ConfigError, Document
from tools.configuring.declared import document_of
from tools.configuring.editing import Path
from tools.http.section import HttpSection
from tools.mcp.section import McpSection
from tools.registry import without_hints

FORMS = tuple(SHAPES)
"""Kinds of files that can be filled in."""
_SECTIONS: Mapping[str, type[msgspec.Struct]] = {"http": HttpSection, "mcp": McpSection}
_LONG = 160
"""What may be longer than so many characters has several lines to be written in."""
_WIDE = 100_000

Known = Mapping[str, Sequence[str]]
"""What may be meant, by the name of the field."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to fill in."""

    path: Path
    kind: str
    """`text`, `long`, `number`, `integer`, `flag`, `choice`, `lines` (one entry on each), `yaml`
    (a value written as YAML), `part` (has `fields`), `map` and `list` (have `fields`, one for each
    entry, and more can be added)."""
    label: str
    help: str = ""
    value: Any = None
    """Of `lines` a list of texts, of `yaml` its text, of those with `fields` nothing."""
    said: bool = False
    """The file says something here."""
    required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    most: int | None = None
    """Characters of a text, or entries."""
    fields: tuple["Field", ...] = ()
    errors: tuple[str, ...] = ()


class Form(msgspec.Struct, frozen=True):
    """A whole file."""

    kind: str
    about: str
    fields: tuple[Field, ...]
    errors: tuple[str, ...] = ()
    """Of the file as a whole."""


def form_of(
    kind: str, path: str, text: str, errors: Iterable[ConfigError] = (), known: Known | None = None
) -> Form:
    """Of a file of one of FORMS. Pure.

    `errors` of other files are passed over. Raises ConfigError for a text that cannot be read.
    """
    data = Document(text, path).data
    schema = published(kind)
    own = [(_named(each), each) for each in errors if _about(each, path)]
    drawing = _Drawing(schema.get("$defs", {}), own, known or {})
    fields = tuple(
        drawing.field((name,), part, data, schema)
        for name, part in _properties(schema, data)
        if name not in _SECTIONS or name == data.get("handler") or name in data
    )
    return Form(kind, str(schema.get("description", "")), fields, tuple(drawing.left()))


def order_of(kind: str) -> tuple[str, ...]:
    """The fields of a kind of file in the order of their declarations."""
    return SHAPES[kind].__struct_fields__ if kind in SHAPES else ()


def _properties(schema: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, part in schema.get("properties", {}).items():
        inside = _section(name) if name in _SECTIONS and name == data.get("handler") else None
        yield name, {**part, "x-inside": inside} if inside else part


@cache
def _section(name: str) -> dict[str, Any]:
    found: dict[str, Any] = without_hints(document_of(_SECTIONS[name]))
    return found


def _about(error: ConfigError, path: str) -> bool:
    return error.where == path or error.where.startswith(f"{path}:")


def _named(error: ConfigError) -> tuple[str, ...]:
    """The steps to the value at fault, as `Document.error` writes them before what is wrong."""
    name, colon, _ = error.what.partition(": ")
    return tuple(name.split(".")) if colon and re.fullmatch(r"[\w.+-]+", name) else ()


class _Drawing:
    """One form; an error is shown once, at the innermost field that has it."""

    def __init__(
        self,
        parts: Mapping[str, Any],
        errors: list[tuple[tuple[str, ...], ConfigError]],
        known: Known,
    ) -> None:
        self._parts = parts
        self._errors = errors
        self._known = known

    def left(self) -> Iterator[str]:
        return (_told(error) for _, error in self._errors)

    def _errors_of(self, path: Path) -> tuple[str, ...]:
        steps = tuple(map(str, path))
        mine = [each for each in self._errors if each[0][: len(steps)] == steps]
        self._errors[:] = [each for each in self._errors if each not in mine]
        return tuple(_told(error) for _, error in mine)

    def field(self, path: Path, part: Mapping[str, Any], data: Any, schema: Any) -> Field:
        """`data` and `schema` are what holds it; `part` is its own declaration."""
        name = path[-1]
        said = isinstance(data, Mapping) and name in data
        value = data[name] if said else None
        declared = {**self._reference(part), **part}
        kind = _kind(declared, value)
        fields = self._inside(kind, path, declared, value)
        default = declared.get("default")
        return Field(
            path=path,
            kind=kind,
            label=_label(name),
            help=str(part.get("description") or ""),
            value=_shown(kind, value),
            said=said,
            required=name in schema.get("required", ()),
            default=_default(default),
            choices=tuple(declared.get("enum") or self._known.get(str(name), ())),
            low=declared.get("minimum", declared.get("exclusiveMinimum")),
            high=declared.get("maximum"),
            most=next((declared[key] for key in _MOST if key in declared), None),
            fields=fields,
            errors=self._errors_of(path),
        )

    def _inside(
        self, kind: str, path: Path, declared: Mapping[str, Any], value: Any
    ) -> tuple[Field, ...]:
        match kind:
            case "part":
                return self._fields(path, declared, value)
            case "map":
                each = self._reference(declared["additionalProperties"])
                return tuple(self._entry((*path, name), each, value[name]) for name in value or ())
            case "list":
                each = self._reference(declared["items"])
                return tuple(
                    self._entry((*path, number), each, one)
                    for number, one in enumerate(value or ())
                )
            case _:
                return ()

    def _entry(self, path: Path, declared: Mapping[str, Any], value: Any) -> Field:
        readable = isinstance(value, Mapping | None)
        kind = "part" if readable else "yaml"
        fields = self._fields(path, declared, value) if readable else ()
        label = str(path[-1]) if isinstance(path[-1], str) else str(path[-1] + 1)
        errors = self._errors_of(path)
        shown = _shown(kind, value)
        return Field(
            path=path, kind=kind, label=label, said=True, value=shown, fields=fields, errors=errors
        )

    def _fields(self, path: Path, declared: Mapping[str, Any], value: Any) -> tuple[Field, ...]:
        inside = declared.get("x-inside")
        if inside is not None:
            drawing = _Drawing(inside.get("$defs", {}), self._errors, self._known)
            return drawing._fields(path, inside, value)
        return tuple(
            self.field((*path, name), part, value, declared)
            for name, part in declared.get("properties", {}).items()
        )

    def _reference(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        name = str(part.get("$ref", "")).rpartition("/")[2]
        found: Mapping[str, Any] = self._parts.get(name, part)
        return found


_UNITS = {"s": "seconds", "ms": "milliseconds", "db": "decibels"}
_MOST = ("maxLength", "maxItems", "maxProperties")


def _kind(declared: Mapping[str, Any], value: Any) -> str:
    """How it is filled in; what does not fit its declaration is shown as it is written."""
    wanted = _wanted(declared)
    return wanted if value is None or _fits(wanted, value) else "yaml"


def _wanted(declared: Mapping[str, Any]) -> str:
    if "x-inside" in declared or "properties" in declared:
        return "part"
    if "enum" in declared:
        return "choice"
    match declared.get("type"):
        case "string":
            return "long" if declared.get("maxLength", 0) > _LONG else "text"
        case "boolean":
            return "flag"
        case "integer" | "number" as kind:
            return str(kind)
        case ["integer", "number"]:
            return "number"
        case "array" if "$ref" in declared["items"]:
            return "list"
        case "array" if declared["items"].get("type") == "string" or "enum" in declared["items"]:
            return "lines"
        case "object" if "$ref" in (declared.get("additionalProperties") or {}):
            return "map"
        case _:
            return "yaml"


def _fits(kind: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {
        "part": isinstance(value, dict),
        "map": isinstance(value, dict),
        "list": isinstance(value, list),
        "lines": isinstance(value, list) and all(_is_line(each) for each in value),
        "flag": isinstance(value, bool),
        "number": number,
        "integer": number,
        "choice": isinstance(value, str),
        "text": isinstance(value, str) and "\n" not in value,
        "long": isinstance(value, str),
    }.get(kind, True)


def _is_line(value: object) -> bool:
    return isinstance(value, str) and "\n" not in value


def _default(value: Any) -> str:
    if value is None or value in ("", [], (), {}):
        return ""
    return value if isinstance(value, str) else _yaml(value)


def _shown(kind: str, value: Any) -> Any:
    if kind in ("part", "map", "list") or value is None:
        return None
    return _yaml(value) if kind == "yaml" else value


def _yaml(value: Any) -> str:
    """On one line, so that it can be read back as what it is."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = True, _WIDE, True
    yaml.sort_base_mapping_type_on_output = False
    out = io.StringIO()
    if isinstance(value, dict):
        yaml.dump(value, out)
        return out.getvalue().strip()
    yaml.dump([value], out)
    return out.getvalue().strip()[1:-1]


def written(text: str) -> Any:
    """The value that a field of kind `yaml` holds. Raises ConfigError."""
    inside = "\n".join(f"  {line}" for line in text.splitlines()) if "\n" in text else f" {text}"
    separator = "\n" if "\n" in text else ""
    return Document(f"value:{separator}{inside}\n", "value").data["value"]


def _label(name: str | int) -> str:
    words, _, unit = str(name).rpartition("_")
    if unit in _UNITS:
        return f"{words.replace('_', ' ').capitalize()}, {_UNITS[unit]}"
    return str(name).replace("_", " ").capitalize()


def _told(error: ConfigError) -> str:
    name, colon, rest = error.what.partition(": ")
    what = rest if colon and re.fullmatch(r"[\w.+-]+", name) else error.what
    line = re.search(r":(\d+):\d+$", error.where)
    place = f"Line {line[1]}: " if line else ""
    return f"{place}{what}. {error.hint}."
