"""What a tool needs to be told: its JSON Schema read as slots that a caller can fill."""

import enum
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import regex

from agents.local.choices import Choice
from agents.local.text import Value, words
from tools.spec import ToolSpec


class Kind(enum.Enum):
    """How a slot's value is said, read and written."""

    DATE = "date"
    TIME = "time"
    PHONE = "phone"
    NAME = "name"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    TEXT = "text"


OF_WHEN: Final = frozenset((Kind.DATE, Kind.TIME))


class Slot(msgspec.Struct, frozen=True):
    """One argument of a tool, as a caller is asked for it."""

    name: str
    kind: Kind
    label: str
    """What it is called in a sentence: `car type`."""
    ask: str
    """The question that asks for it."""
    required: bool
    choices: tuple[Choice, ...] = ()
    """The values the schema itself allows; empty when it names none."""
    choices_from: str | None = None
    """The read tool that lists the allowed values."""
    default: Value | None = None
    minimum: float | None = None
    maximum: float | None = None


class Form(msgspec.Struct, frozen=True):
    """A tool as something to be filled in."""

    spec: ToolSpec
    slots: tuple[Slot, ...]
    usable: bool
    """False: a required argument is of a shape that nobody can say (a list, an object)."""

    @property
    def name(self) -> str:
        return self.spec.name

    def slot(self, name: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.name == name), None)

    @property
    def required(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots if slot.required)


_EARLIER: Final = frozenset(words("old current existing from original start"))
_OWN: Final = frozenset(words("my own mine"))


def is_of_before(slot: Slot) -> bool:
    """Whether its name says that it is about what is, or where something begins."""
    return bool(_EARLIER & set(words(slot.label)))


def seeks_free_time(slot: Slot, form: Form) -> bool:
    """Whether it is the day or the time of something new, picked from what is free: a list of
    days without times is one of what there is already."""
    kinds = {each.kind for each in form.slots if _lists_free(each)}
    return _lists_free(slot) and kinds >= OF_WHEN


def _lists_free(slot: Slot) -> bool:
    source = words(_label(slot.choices_from or ""))
    return bool(source) and not _OWN & set(source) and not is_of_before(slot)


Schema = Mapping[str, Any]

_FORMATS: Final = {
    "date": Kind.DATE,
    "time": Kind.TIME,
    "phone": Kind.PHONE,
    "tel": Kind.PHONE,
    "name": Kind.NAME,
}
_UNSPEAKABLE: Final = frozenset(("date-time", "digits-reference"))
_TYPES: Final = {"integer": Kind.INTEGER, "number": Kind.NUMBER, "boolean": Kind.BOOLEAN}
_NAMED: Final = {
    "date": Kind.DATE,
    "day": Kind.DATE,
    "time": Kind.TIME,
    "phone": Kind.PHONE,
    "telephone": Kind.PHONE,
    "name": Kind.NAME,
}
"""What the last word of a property's name tells, where its schema gives no format."""


def form(spec: ToolSpec) -> Form:
    """The slots of a tool in the order its schema lists them."""
    properties = _mapping(spec.parameters.get("properties"))
    required = spec.parameters.get("required")
    needed = set(required) if isinstance(required, list | tuple) else set()
    slots, usable = [], True
    for name, schema in properties.items():
        found = _slot(name, _resolved(_mapping(schema), spec.parameters), name in needed)
        if found is not None:
            slots.append(found)
        elif name in needed:
            usable = False
    return Form(spec, tuple(slots), usable)


def _mapping(value: object) -> Schema:
    return value if isinstance(value, Mapping) else {}


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The schema with a `$ref` followed and `null` left out of its alternatives."""
    outer = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf", "allOf"}}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        inner = _mapping(_mapping(root.get("$defs")).get(reference.removeprefix("#/$defs/")))
        return {**_resolved(inner, {**root, "$defs": {}}), **outer} if inner else outer
    for key in ("anyOf", "allOf"):
        real = [part for part in schema.get(key) or () if _mapping(part).get("type") != "null"]
        if len(real) == 1:
            return {**_resolved(_mapping(real[0]), root), **outer}
    return outer


def _slot(name: str, schema: Schema, required: bool) -> Slot | None:
    kind = _kind(name, schema)
    if kind is None:
        return None
    label = _label(name)
    default = schema.get("default")
    return Slot(
        name=name,
        kind=kind,
        label=label,
        ask=_text(schema, "x-ask") or _question(kind, label, _text(schema, "description")),
        required=required,
        choices=_choices(schema),
        choices_from=_text(schema, "x-choices-from") or None,
        default=default if isinstance(default, str | int | float | bool) else None,
        minimum=_bound(schema, "minimum"),
        maximum=_bound(schema, "maximum"),
    )


def _kind(name: str, schema: Schema) -> Kind | None:
    if "enum" in schema or "const" in schema:
        return Kind.CHOICE
    type_ = _type(schema)
    if type_ in _TYPES:
        return _TYPES[type_]
    if type_ != "string" or _text(schema, "format") in _UNSPEAKABLE:
        return None
    by_format = _FORMATS.get(_text(schema, "format"))
    if by_format is not None:
        return by_format
    if "x-choices-from" in schema:
        return Kind.CHOICE
    return _NAMED.get(_label(name).lower().removesuffix(" number").split(" ")[-1], Kind.TEXT)


def _type(schema: Schema) -> str:
    found = schema.get("type", "string")
    if isinstance(found, list):
        return next((name for name in found if name != "null"), "")
    return found if isinstance(found, str) else ""


def _text(schema: Schema, key: str) -> str:
    found = schema.get(key)
    return found.strip() if isinstance(found, str) else ""


def _bound(schema: Schema, key: str) -> float | None:
    found = schema.get(key)
    return found if isinstance(found, int | float) else None


def _choices(schema: Schema) -> tuple[Choice, ...]:
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return choices_of(values)


def choices_of(values: object) -> tuple[Choice, ...]:
    """Allowed values from JSON: plain values, or objects with `value` and how to say it."""
    if not isinstance(values, list | tuple):
        return ()
    found = (_choice(value) for value in values)
    return tuple(choice for choice in found if choice is not None)


def _choice(value: object) -> Choice | None:
    if isinstance(value, str | int | float):
        return Choice(value, _label(value) if isinstance(value, str) else str(value))
    entry = _mapping(value)
    inner = next((entry[key] for key in ("value", "id", "name") if key in entry), None)
    if not isinstance(inner, str | int | float):
        return None
    said = (_text(entry, key) for key in ("spoken", "say", "label", "title", "name"))
    return Choice(inner, next(filter(None, said), _label(str(inner))))


def _label(name: str) -> str:
    """`carType` and `car_type` as words."""
    parted = regex.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(parted.replace("_", " ").split())


def _question(kind: Kind, label: str, description: str) -> str:
    """A question made from what the schema says of the property."""
    topic = regex.split(r"[.,;:(]|\be\.g\.", description)[0].strip()
    topic = topic[0].lower() + topic[1:] if topic[:2].istitle() else topic or label.lower()
    if kind is Kind.BOOLEAN:
        return f"{topic.removeprefix('whether ').capitalize()}, yes or no?"
    if kind is Kind.INTEGER and len(words(label)) == 1 and label.endswith("s"):
        return f"How many {label.lower()}?"
    if topic.split(" ")[0] in {"the", "a", "an", "your", "which", "what", "how", "who", "whose"}:
        asks = topic.split(" ")[0] in {"which", "what", "how", "who", "whose"}
        return f"{topic[0].upper()}{topic[1:]}?" if asks else f"What is {topic}?"
    return f"What is the {topic}?"
