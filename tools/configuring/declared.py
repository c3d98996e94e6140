"""What a file may hold, by the declaration of its fields: to check it, publish it, document it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tools.validation import Schema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document_of(shape: type[msgspec.Struct], title: str = "") -> dict[str, Any]:
    """The JSON Schema of a file, for editors; closed: what is not declared is not known."""
    schema = msgspec.json.schema(shape)
    top: dict[str, Any] = schema["$defs"].pop(schema["$ref"].rpartition("/")[2])
    parts = {name: _tidy(part) for name, part in sorted(schema["$defs"].items())}
    head = {"$schema": _DIALECT, **_tidy(top)}
    return {**head, **({"title": title} if title else {}), **({"$defs": parts} if parts else {})}


def schema_of(shape: type[msgspec.Struct]) -> Schema:
    """What a file is checked against."""
    return Schema(document_of(shape))


def _tidy(value: Any) -> Any:
    match value:
        case {"anyOf": [*parts], **rest} if all(part.keys() == {"type"} for part in parts):
            return {**_tidy(rest), "type": [part["type"] for part in parts]}
        case {"properties": dict(fields), **rest}:
            tidied = {name: _tidy(field) for name, field in fields.items()}
            return {**_tidy(rest), "properties": tidied, "additionalProperties": False}
        case dict():
            return {key: _tidy(each) for key, each in value.items() if not _is_noise(key, each)}
        case list():
            return [_tidy(each) for each in value]
        case _:
            return value


def _is_noise(key: str, value: Any) -> bool:
    # The default of a part repeats the defaults of all its fields.
    return (key == "default" and isinstance(value, dict)) or (
        key in ("description", "required") and not value
    )


def table_of(shape: type[msgspec.Struct], parts: Mapping[str, str] | None = None) -> str:
    """The fields of one declaration as a Markdown table, without those of its parts.

    `parts`: what to write for fields that hold another declaration, by the name of that.
    """
    schema = msgspec.json.schema(shape)
    own = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    required = own.get("required", [])
    rows = [
        f"| `{name}` | {_meaning(field, parts or {})} | {_default(name, field, required)} |"
        for name, field in own["properties"].items()
    ]
    return "\n".join(["| field | what it says | default |", "|---|---|---|", *rows])


def _meaning(field: dict[str, Any], parts: Mapping[str, str]) -> str:
    text = str(field.get("description") or "")
    bounds = "; ".join(_bounds(field, parts))
    return (f"{text} ({bounds})" if bounds else text).replace("|", r"\|")


def _bounds(field: dict[str, Any], parts: Mapping[str, str]) -> Iterator[str]:
    if choices := field.get("enum"):
        yield ", ".join(f"`{each}`" for each in choices)
    inner = field.get("items") or field.get("additionalProperties")
    for holder in (field, inner):
        if isinstance(holder, dict) and "$ref" in holder:
            yield "see " + parts[holder["$ref"].rpartition("/")[2]]
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        yield f"{low} to {high}"
    if most := field.get("maxLength"):
        yield f"up to {most} characters"
    if most := field.get("maxItems") or field.get("maxProperties"):
        yield f"up to {most}"


def _default(name: str, field: dict[str, Any], required: list[str]) -> str:
    if name in required:
        return "required"
    match field.get("default"):
        case None | "" | [] | False | dict():
            return ""
        case plain:
            return f"`{plain}`"
