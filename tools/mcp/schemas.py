"""What of a server's JSON Schema may reach the model and our own check: bounded, closed, and free
of everything that could be used against either.

The server checks its arguments itself; what is left out here is only checked there.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import msgspec

from tools.results import CONTROL

MAX_BYTES = 8 * 1024
MAX_DEPTH = 8
MAX_NODES = 300
MAX_PROPERTIES = 64
MAX_DESCRIPTION = 300
MAX_ENUM = 100

# `pattern` would run the server's regular expressions on our event loop; most of `format` means
# something else here, and `digits-reference` would hand it what callers typed in confidence.
NUMBERS = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
        "minItems", "maxItems",
    }
)  # fmt: skip
COMBINED = frozenset({"anyOf", "oneOf", "allOf"})
META = jsonschema.Draft202012Validator.META_SCHEMA
TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})


class UnfitError(ValueError):
    """A schema that is not offered; the text says why."""


def fit(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as it is offered. Raises UnfitError."""
    if schema.get("type", "object") != "object":
        raise UnfitError("its arguments are not an object")
    made = _Fitting(schema).made()
    if len(msgspec.json.encode(made)) > MAX_BYTES:
        raise UnfitError(f"its schema is over {MAX_BYTES} bytes")
    if not jsonschema.Draft202012Validator(META).is_valid(made):
        raise UnfitError("its schema is not valid")
    return made


class _Fitting:
    """One schema on its way; counts what it has taken in, for references can multiply."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0

    def made(self) -> dict[str, Any]:
        # Models take no combinations at the top; the server checks them.
        inner = self._object({**self._root, "type": "object"}, 0)
        return {"type": "object", "properties": {}, **inner}

    def _schema(self, schema: Any, depth: int) -> dict[str, Any]:
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise UnfitError("its schema is nested too deep")
        if self._nodes > MAX_NODES:
            raise UnfitError("its schema is too large")
        if isinstance(schema, bool):
            return {}
        if not isinstance(schema, Mapping):
            raise UnfitError("its schema holds something that is no schema")
        if (reference := schema.get("$ref")) is not None:
            return self._schema({**self._found(reference), **_without(schema, "$ref")}, depth + 1)
        return self._object(schema, depth)

    def _found(self, reference: Any) -> Mapping[str, Any]:
        if not isinstance(reference, str) or not re.fullmatch(r"#(/[^/]+)+", reference):
            raise UnfitError("its schema refers to another document")
        found: Any = self._root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            raise UnfitError("its schema refers to what is not there")
        return found

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        return {name: value for name, value in self._parts(schema, depth) if value is not None}

    def _parts(self, schema: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
        yield "type", _type(schema.get("type"))
        if depth:
            yield "description", words(schema.get("description"), MAX_DESCRIPTION) or None
            yield "enum", _enum(schema.get("enum"))
            if "const" in schema:
                yield "enum", _enum([schema["const"]])
            for name in sorted(COMBINED & schema.keys()):
                yield name, [self._schema(each, depth + 1) for each in _list(schema[name])]
        for name in sorted(NUMBERS & schema.keys()):
            yield name, _number(schema[name])
        if schema.get("format") == "date":
            yield "format", "date"
        if "items" in schema:
            yield "items", self._schema(schema["items"], depth + 1)
        if (properties := schema.get("properties")) is not None or not depth:
            yield from self._properties(properties or {}, schema, depth)

    def _properties(
        self, properties: Any, schema: Mapping[str, Any], depth: int
    ) -> Iterator[tuple[str, Any]]:
        if not isinstance(properties, Mapping) or len(properties) > MAX_PROPERTIES:
            raise UnfitError("its schema has too many properties")
        if any(not re.fullmatch(r"[\w.$-]{1,64}", str(name)) for name in properties):
            raise UnfitError("its schema has a property with an unusable name")
        yield (
            "properties",
            {name: self._schema(each, depth + 1) for name, each in properties.items()},
        )
        required = _list(schema.get("required", []))
        yield "required", [name for name in properties if name in required] or None
        yield "additionalProperties", False


def _without(schema: Mapping[str, Any], left_out: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != left_out}


def _type(value: Any) -> Any:
    if value is None:
        return None
    names = [value] if isinstance(value, str) else _list(value)
    if not names or not all(isinstance(each, str) and each in TYPES for each in names):
        raise UnfitError("its schema has an unknown type")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UnfitError("its schema holds something that is no list")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UnfitError("its schema has a limit that is no number")
    return value


def _enum(value: Any) -> list[Any] | None:
    if value is None:
        return None
    choices = _list(value)
    plain = all(isinstance(each, str | int | float | bool | None) for each in choices)
    if not choices or len(choices) > MAX_ENUM or not plain:
        raise UnfitError("its schema has choices that cannot be offered")
    # A choice goes back to the server as it is: it may be refused, but not changed.
    if any(isinstance(each, str) and (len(each) > 200 or CONTROL.search(each)) for each in choices):
        raise UnfitError("its schema has choices that cannot be offered")
    return choices


def words(text: Any, limit: int) -> str:
    """What a server wrote, on one line, without control characters, and not too long."""
    if not isinstance(text, str):
        return ""
    plain = " ".join(CONTROL.sub(" ", text[: limit * 4]).split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "\u2026"
