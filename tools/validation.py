"""What is wrong with some data, in words its author (a model or an operator) can act on."""

import datetime as dt
import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jsonschema
import msgspec
from jsonschema.exceptions import ValidationError

from tools.fitting import fitting
from tools.spec import DIGITS_REFERENCE

Path = tuple[str | int, ...]


class Problem(msgspec.Struct, frozen=True):
    """One thing to mend. `path` leads from the whole to the value at fault."""

    path: Path
    what: str
    hint: str

    @property
    def field(self) -> str:
        """The outermost name at fault, or an empty string for the whole."""
        return str(self.path[0]) if self.path else ""


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return False
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


FORMATS: dict[str, tuple[Callable[[str], bool], str]] = {
    "date": (_is_date, "a date like 2026-03-31"),
    "time": (
        lambda text: re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text, re.ASCII) is not None,
        "a time of day like 09:30 or 14:00",
    ),
    "phone": (
        lambda text: re.fullmatch(r"\+?[\d ()./-]{5,25}", text, re.ASCII) is not None,
        "a telephone number like +442079460000",
    ),
    "name": (lambda text: bool(text.strip()), "a name"),
    "digits-reference": (
        lambda text: re.fullmatch(rf"{DIGITS_REFERENCE}[0-9a-f]{{16}}", text) is not None,
        "a reference to digits, as collect_digits returns it",
    ),
}
"""The formats a schema may ask for: how to tell, and how to say it."""


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """As in JSON Schema, but not tried on what is too long anyhow: `maxLength` bounds the time."""
    if not (isinstance(instance, str) and len(instance) > schema.get("maxLength", math.inf)):
        standard = jsonschema.Draft202012Validator.VALIDATORS["pattern"]
        yield from standard(validator, pattern, instance, schema) or ()


_VALIDATOR = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})


class Schema:
    """A JSON Schema that answers with every problem at once."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Raises AssertionError when the schema itself is wrong: that is a bug of ours."""
        _check(_Draft(repr(schema), schema))
        checker = jsonschema.FormatChecker(formats=())
        for name, (matches, _) in FORMATS.items():
            checker.checks(name)(_only_text(matches))
        self._validator = _VALIDATOR(schema, format_checker=checker)
        self._fits = fitting(schema, {name: matches for name, (matches, _) in FORMATS.items()})

    def problems(self, data: object) -> list[Problem]:
        """Every problem of `data`, in the order of their paths; empty when it fits."""
        if self._fits(data):
            return []
        found: list[Problem] = []
        for error in self._validator.iter_errors(data):
            found.extend(_explain(error))
        return sorted(found, key=lambda problem: [str(step) for step in problem.path])


@dataclass(frozen=True)
class _Draft:
    """A schema that is to be checked; those that are written alike are alike."""

    text: str
    schema: Mapping[str, Any] = field(compare=False)


# To check a schema takes a hundred times as long as to check data by it, and all the same schemas
# come back with every configuration that is read.
@lru_cache(maxsize=1_000)
def _check(draft: _Draft) -> None:
    try:
        jsonschema.Draft202012Validator.check_schema(draft.schema)
    except jsonschema.SchemaError as error:
        raise AssertionError(f"not a JSON Schema: {error.message}") from error


def _only_text(matches: Callable[[str], bool]) -> Callable[[object], bool]:
    # A value of another type is the business of `type`, not of `format`.
    return lambda value: not isinstance(value, str) or matches(value)


def _explain(error: ValidationError) -> list[Problem]:
    path: Path = tuple(error.absolute_path)
    match error.validator:
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            # One error is reported for each missing name: take the one it is about.
            name = next(each for each in missing if error.message.startswith(repr(each)))
            return [Problem((*path, name), "is missing", "Give it")]
        case "additionalProperties":
            known = sorted(error.schema.get("properties", {}))
            unknown = sorted(set(error.instance) - set(known), key=str)
            return [Problem((*path, name), "is not known", choose(name, known)) for name in unknown]
        case _ if "propertyNames" in error.absolute_schema_path:
            return [Problem((*path, error.instance), *_say(error))]
        case _:
            return [Problem(path, *_say(error))]


def choose(name: str, known: Sequence[str]) -> str:
    """What there is to choose from, and what was most likely meant by `name`."""
    if not known:
        return "Nothing may be given here"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return "Known here: " + ", ".join(known) + (f"; perhaps {near[0]} is meant" if near else "")


LIMITS = {
    "minLength": ("is too short", "Give at least {} characters"),
    "maxLength": ("is too long", "Give at most {} characters"),
    "minimum": ("is too small", "Give {} or more"),
    "maximum": ("is too large", "Give {} or less"),
    "minItems": ("has too few entries", "Give at least {}"),
    "maxItems": ("has too many entries", "Give at most {}"),
    "maxProperties": ("has too many entries", "Give at most {}"),
    "pattern": ("has the wrong form", "It must match {}"),
}


def _say(error: ValidationError) -> tuple[str, str]:
    limit = error.validator_value
    match error.validator:
        case "type" if error.instance is None:
            return f"must be {_type_name(limit)}, not null", "Give it or leave it out"
        case "type":
            return (
                f"must be {_type_name(limit)}, not {_kind(error.instance)}",
                f"Give {_type_name(limit)}",
            )
        case "enum":
            return "is not one of the choices", "Use one of: " + ", ".join(map(str, limit))
        case "pattern" if form := error.schema.get("x-form"):
            return "has the wrong form", f"Write {form}"
        case "format" if limit in FORMATS:
            return f"is not {FORMATS[limit][1]}", f"Give {FORMATS[limit][1]}"
        case str(name) if name in LIMITS:
            what, hint = LIMITS[name]
            return what, hint.format(limit)
        case _:
            return f"does not satisfy {error.validator}", f"{error.validator} is {str(limit)[:100]}"


TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping of names to values",
    "array": "a list",
    "null": "null",
}


def _type_name(limit: str | list[str]) -> str:
    names = [limit] if isinstance(limit, str) else limit
    return " or ".join(TYPE_NAMES[name] for name in names)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "a mapping of names to values"
