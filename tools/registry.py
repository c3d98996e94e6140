"""Which tools there are, and what an engine may know of each."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

import msgspec

from tools.arguments import parse
from tools.spec import Arguments, Tool, ToolSpec
from tools.validation import Problem, Schema

_NAMES_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_PLAIN_VALUES = frozenset({"default", "const", "enum", "examples"})


class DuplicateTool(ValueError):  # noqa: N818 - named for what happened
    """Two tools of one name: the model could not say which it means."""


class Entry(msgspec.Struct, frozen=True):
    """A tool with what is derived from it once."""

    tool: Tool
    spec: ToolSpec
    schema: Schema
    references: tuple[str, ...]
    """Arguments that stand for digits in the vault."""

    def parse(self, text: str) -> Arguments | list[Problem]:
        """The model's arguments as the tool's own type, or every problem with them."""
        shape = dict if self.tool.parameters is not None else self.tool.arguments
        return parse(text, shape, self.schema)


class Registry:
    """All tools of one configuration; fixed for as long as a call runs."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        """Raises DuplicateTool, and AssertionError for a tool that contradicts itself."""
        self._entries: dict[str, Entry] = {}
        for tool in tools:
            if tool.name in self._entries:
                raise DuplicateTool(f"two tools are named {tool.name!r}: rename one")
            self._entries[tool.name] = _entry(tool)

    def specs(self) -> tuple[ToolSpec, ...]:
        """What engines see, in the order the tools were given."""
        return tuple(entry.spec for entry in self._entries.values())

    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def only(self, names: Container[str]) -> "Registry":
        """The tools of these names, in the same order; nothing is derived again."""
        fewer = Registry(())
        fewer._entries.update(
            (name, entry) for name, entry in self._entries.items() if name in names
        )
        return fewer

    def tools(self) -> tuple[Tool, ...]:
        return tuple(entry.tool for entry in self._entries.values())

    def get(self, name: str) -> Entry | None:
        return self._entries.get(name)


def _entry(tool: Tool) -> Entry:
    named = {*tool.confirm, *tool.enums, *tool.must_be_said}
    unknown = named - set(_names(tool))
    assert not unknown, f"{tool.name} has no arguments {sorted(unknown)}"
    parameters = parameters_of(tool)
    spec = ToolSpec(
        name=tool.name,
        description=tool.description,
        parameters=parameters,
        risk=tool.risk,
        confirm=tool.confirm,
        phrases=tool.phrases,
        ends_call=tool.ends_call,
        by_call=tool.by_call,
        hands_over=tool.transfer_to is not None,
    )
    return Entry(tool, spec, Schema(parameters), _references(parameters))


def _names(tool: Tool) -> Iterable[str]:
    if tool.parameters is None:
        return tool.arguments.__struct_encode_fields__
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    return properties.keys()


def _references(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    found = parameters["properties"].items()
    return tuple(name for name, schema in found if schema.get("format") == "digits-reference")


def parameters_of(tool: Tool) -> dict[str, Any]:
    """JSON Schema of the tool's arguments, with `x-` hints, references written out."""
    if tool.parameters is not None:
        return _given(tool.parameters, tool.enums)
    document = msgspec.json.schema(tool.arguments)
    schema: dict[str, Any] = _inlined(document, document.get("$defs", {}))
    # The Struct's own name and docstring are for our readers, not for the model.
    del schema["title"]
    schema.pop("description", None)
    for name, values in tool.enums.items():
        schema["properties"][name]["enum"] = list(values)
    return schema


def _given(parameters: Mapping[str, Any], enums: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """A schema from outside: of an object, and closed unless it says itself that it is open."""
    properties = dict(parameters.get("properties", {}))
    for name, values in enums.items():
        properties[name] = {**properties.get(name, {}), "enum": list(values)}
    closed = {"type": "object", "additionalProperties": False}
    return {**closed, **parameters, "properties": properties}


def _inlined(value: Any, definitions: Mapping[str, Any]) -> Any:
    match value:
        case {"$ref": str(reference), **beside}:
            target = _inlined(definitions[reference.rpartition("/")[2]], definitions)
            return {**target, **_inlined(beside, definitions)}
        case dict():
            inner = {
                key: _inlined(each, definitions) for key, each in value.items() if key != "$defs"
            }
            # Unknown keys are mistakes of the model; it can mend only what it is told of.
            return (
                {**inner, "additionalProperties": False} if inner.get("type") == "object" else inner
            )
        case list():
            return [_inlined(each, definitions) for each in value]
        case _:
            return value


def without_hints(schema: Any) -> Any:
    """A JSON Schema without its `x-` keys, which only the embedded engine reads. A property
    may be called `x-ray` all the same."""
    if isinstance(schema, list):
        return [without_hints(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _inner(key, value) for key, value in schema.items() if not str(key).startswith("x-")
    }


def _inner(key: str, value: Any) -> Any:
    if key in _PLAIN_VALUES:
        return value
    if key in _NAMES_OF_SCHEMAS and isinstance(value, dict):
        return {name: without_hints(part) for name, part in value.items()}
    return without_hints(value)
