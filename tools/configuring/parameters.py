"""What a tool has to be told: from the short form of a file to JSON Schema.

A tool of our own has parameters already. Its file may say them in other words, ask for them
differently and allow less; what it may not do is allow more than the handler was made for.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from tools.configuring.patterns import MAX_PATTERN_CHARS, HarmfulPattern, check_pattern
from tools.configuring.toolfile import Parameter
from tools.validation import FORMATS, Path, Problem, Schema, choose

LONGEST_TEXT = 200
"""Characters of a text that says nothing else."""

Property = Mapping[str, Any]
"""JSON Schema of one parameter."""

# What a short form adds to the schema: its field, the keyword, and the types it is for.
_BOUNDS = (
    ("min", "minimum", ("integer", "number")),
    ("max", "maximum", ("integer", "number")),
    ("min_length", "minLength", ("string",)),
    ("max_length", "maxLength", ("string",)),
    ("pattern", "pattern", ("string",)),
)
_LOWER = ("minimum", "minLength")


class Parameters(msgspec.Struct, frozen=True):
    """What the model has to give, and what is added to it before the handler runs."""

    schema: dict[str, Any]
    """JSON Schema of an object, with `x-` hints."""
    defaults: dict[str, Any] = {}
    """For what the model left out."""
    fixed: dict[str, Any] = {}
    """Which the model neither sees nor gives."""
    whole: dict[str, Any] = {}
    """JSON Schema of what the handler gets."""

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.defaults, **given, **self.fixed}


def parameters_of(
    file: Mapping[str, Parameter], own: Mapping[str, Any] | None
) -> tuple[Parameters, list[Problem]]:
    """The parameters of a tool, and every problem with how its file says them.

    `own`: JSON Schema of the arguments of a tool of ours; None when the file says it all.
    """
    before = {} if own is None else own["properties"]
    problems = [
        each for name in file for each in _problems_alone(name, file[name], before.get(name, {}))
    ]
    if own is None:
        properties = {name: _property(file[name], {}) for name in file}
        required = [name for name in file if _is_required(file[name], otherwise=True)]
    else:
        known = sorted(own["properties"])
        strangers = [name for name in file if name not in known]
        hints = {name: choose(name, known) for name in strangers}
        problems += [Problem((name,), "is not known", hints[name]) for name in strangers]
        problems += [
            each
            for name in file
            if name in known
            for each in _widenings(name, file[name], own["properties"][name], own)
        ]
        properties = {
            name: _property(file[name], schema) if name in file else schema
            for name, schema in own["properties"].items()
        }
        required = _still_required(file, own)
    for name in (each for each in file if each in properties):
        problems += _misfits(name, file[name], before.get(name, {}), properties[name])
    return _assembled(file, properties, required), problems


def _assembled(
    file: Mapping[str, Parameter], properties: Mapping[str, Property], required: list[str]
) -> Parameters:
    unseen = {name for name, each in file.items() if each.hide or each.value is not UNSET}
    return Parameters(
        _object(
            {name: each for name, each in properties.items() if name not in unseen},
            [name for name in required if name not in unseen],
        ),
        {name: each.default for name, each in file.items() if each.default is not UNSET},
        {name: each.value for name, each in file.items() if each.value is not UNSET},
        _object(properties, required),
    )


def _object(properties: Mapping[str, Property], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def _property(short: Parameter, own: Property) -> Property:
    schema: dict[str, Any] = {**own, **(_kind(short) if not own else {})}
    for field, keyword in (
        ("help", "description"),
        ("ask", "x-ask"),
        ("choices", "enum"),
        ("choices_from", "x-choices-from"),
        ("default", "default"),
        *((field, keyword) for field, keyword, _ in _BOUNDS),
    ):
        if (value := getattr(short, field)) is not UNSET:
            schema[keyword] = value
    if "pattern" in schema or (schema.get("type") == "string" and not own):
        schema.setdefault("maxLength", LONGEST_TEXT)
    if _harm(short, own):
        # It is told of, and must not be tried meanwhile.
        del schema["pattern"]
    return schema


def _kind(short: Parameter) -> dict[str, str]:
    kind = "text" if short.type is UNSET else str(short.type)
    if kind in FORMATS:
        return {"type": "string", "format": kind}
    return {"type": "string" if kind == "text" else kind}


def _is_required(short: Parameter, *, otherwise: bool) -> bool:
    if isinstance(short.required, bool):
        return short.required
    return otherwise and short.default is UNSET


def _still_required(file: Mapping[str, Parameter], own: Mapping[str, Any]) -> list[str]:
    required = own.get("required", [])
    return [
        name
        for name in own["properties"]
        if _is_required(file.get(name, Parameter()), otherwise=name in required)
    ]


# ---- what is wrong with one parameter by itself --------------------------------------------------


def _problems_alone(name: str, short: Parameter, own: Property) -> Iterator[Problem]:
    if short.value is not UNSET and (short.default is not UNSET or short.hide):
        yield Problem((name, "value"), "is always used", "Take out default and hide")
    if short.required is True and short.default is not UNSET:
        hint = "Take out one of the two"
        yield Problem((name, "default"), "is never used by what is required", hint)
    if harm := _harm(short, own):
        hint = (
            f"Write a plain pattern of up to {MAX_PATTERN_CHARS} characters: begin it with ^,"
            " repeat no repetition, and lower max_length if texts are short"
        )
        what = f"could take very long or is not understood: {harm}"
        yield Problem((name, "pattern"), what, hint)
    for low, high in (("min", "max"), ("min_length", "max_length")):
        least, most = getattr(short, low), getattr(short, high)
        if least is not UNSET and most is not UNSET and least > most:
            yield Problem((name, low), f"is above {high}", "Swap the two")


def _harm(short: Parameter, own: Property) -> str:
    """Why the pattern cannot be used; empty if it can, or there is none."""
    if not isinstance(short.pattern, str):
        return ""
    own_longest = own.get("maxLength", LONGEST_TEXT)
    longest = short.max_length if isinstance(short.max_length, int) else own_longest
    try:
        check_pattern(short.pattern, longest)
    except HarmfulPattern as found:
        return str(found)
    return ""


def _misfits(name: str, short: Parameter, own: Property, whole: Property) -> Iterator[Problem]:
    """Values in the file that do not fit `whole`, the parameter as it comes out, and bounds that
    are not for its type."""
    for field in ("default", "value"):
        yield from _refused_by(whole, (name, field), getattr(short, field))
    base = own or {key: value for key, value in whole.items() if key != "enum"}
    choices = short.choices if isinstance(short.choices, list) else []
    for index, choice in enumerate(choices):
        yield from _refused_by(base, (name, "choices", index), choice)
    for field, _, types in _BOUNDS:
        if getattr(short, field) is not UNSET and whole.get("type") not in types:
            kind = "a text" if types == ("string",) else "a number"
            yield Problem((name, field), f"is for {kind}", f"Take it out, or make {name} {kind}")


def _refused_by(schema: Property, path: Path, value: Any) -> Iterator[Problem]:
    if value is not UNSET:
        for each in Schema(schema).problems(value)[:1]:
            yield Problem(path, each.what, each.hint)


# ---- what a file may not do to a handler's own parameter -----------------------------------------


def _widenings(
    name: str, short: Parameter, own: Property, schema: Mapping[str, Any]
) -> Iterator[Problem]:
    needed = name in schema.get("required", [])
    kind = _kind(short)
    if short.type is not UNSET and any(own.get(key) != value for key, value in kind.items()):
        found = own.get("format") or own.get("type") or "of another kind"
        kept = {"string": "text"}.get(str(found), str(found))
        yield Problem((name, "type"), f"the handler takes {kept}", "Leave it out")
    if needed and short.required is False and short.default is UNSET:
        hint = "Give a default, or leave `required` out"
        yield Problem((name, "required"), "the handler cannot do without it", hint)
    if needed and short.hide:
        yield Problem((name, "hide"), "the handler cannot do without it", "Fix its `value` instead")
    yield from _wider_bounds(name, short, own)


def _wider_bounds(name: str, short: Parameter, own: Property) -> Iterator[Problem]:
    for field, keyword, _ in _BOUNDS:
        given, kept = getattr(short, field), own.get(keyword)
        if given is UNSET or kept is None:
            continue
        if keyword == "pattern":
            hint = "Leave it out, or give choices"
            yield Problem((name, field), "the handler has a pattern of its own", hint)
        elif given < kept if keyword in _LOWER else given > kept:
            yield Problem((name, field), f"the handler's own is {kept}", "Allow less, not more")
