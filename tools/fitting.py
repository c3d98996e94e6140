"""Does some data surely fit a JSON Schema? A quick yes, for the plain schemas that tools have.

Arguments that fit are the rule, and of them nothing has to be explained. A no means only that
somebody has to look closer: see `tools.validation`.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

Fit = Callable[[Any], bool]

_SAY_NOTHING: Final = frozenset({"title", "description", "default", "examples", "$comment"})
_AFTER_LENGTH: Final = ("pattern", "format")
"""How long a text may be bounds the time these take."""
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "object": (dict,),
    "array": (list,),
}


def fitting(schema: object, formats: Mapping[str, Callable[[str], bool]]) -> Fit:
    """Whether data surely fits `schema`, which is known to be one; never, where it says anything
    that is not known here. `formats` tell of texts; a format that is not among them says nothing.
    """
    if not isinstance(schema, Mapping):
        return _never
    checks: list[Fit] = []
    for name in sorted(schema, key=lambda each: each in _AFTER_LENGTH):
        if name in _SAY_NOTHING or name.startswith("x-"):
            continue
        make = _CHECKS.get(name)
        if make is None:
            return _never
        checks.append(make(schema[name], schema, formats))
    return partial(_all, tuple(checks))


def _never(_data: object) -> bool:
    return False


def _always(_data: object) -> bool:
    return True


def _all(checks: tuple[Fit, ...], data: Any) -> bool:
    for check in checks:  # noqa: SIM110 - a generator costs more than most checks do
        if not check(data):
            return False
    return True


def _any_of(value: Any, _schema: Any, formats: Any) -> Fit:
    fits = [fitting(each, formats) for each in value]
    return lambda data: any(fit(data) for fit in fits)


def _type(value: Any, _schema: Any, _formats: Any) -> Fit:
    names = [value] if isinstance(value, str) else value
    types = frozenset(kind for name in names for kind in _TYPES[name])
    # True is an int to Python alone, so types are compared; 1.0 is left to who looks closer.
    return lambda data: type(data) in types


def _enum(value: Any, _schema: Any, _formats: Any) -> Fit:
    texts = frozenset(each for each in value if isinstance(each, str))
    return lambda data: isinstance(data, str) and data in texts


def _min_length(value: Any, _schema: Any, _formats: Any) -> Fit:
    return lambda data: not isinstance(data, str) or len(data) >= value


def _max_length(value: Any, _schema: Any, _formats: Any) -> Fit:
    return lambda data: not isinstance(data, str) or len(data) <= value


def _pattern(value: Any, _schema: Any, _formats: Any) -> Fit:
    try:
        search = re.compile(value).search
    except re.error:
        return _never
    return lambda data: not isinstance(data, str) or search(data) is not None


def _format(value: Any, _schema: Any, formats: Any) -> Fit:
    told = formats.get(value)
    return _always if told is None else lambda data: not isinstance(data, str) or told(data)


def _minimum(value: Any, _schema: Any, _formats: Any) -> Fit:
    return lambda data: type(data) not in (int, float) or data >= value


def _maximum(value: Any, _schema: Any, _formats: Any) -> Fit:
    return lambda data: type(data) not in (int, float) or data <= value


def _items(value: Any, _schema: Any, formats: Any) -> Fit:
    fit = fitting(value, formats)
    return lambda data: not isinstance(data, list) or all(map(fit, data))


def _min_items(value: Any, _schema: Any, _formats: Any) -> Fit:
    return lambda data: not isinstance(data, list) or len(data) >= value


def _max_items(value: Any, _schema: Any, _formats: Any) -> Fit:
    return lambda data: not isinstance(data, list) or len(data) <= value


def _properties(value: Any, _schema: Any, formats: Any) -> Fit:
    fits = {name: fitting(each, formats) for name, each in value.items()}

    def fit(data: Any) -> bool:
        return not isinstance(data, dict) or all(
            fits[name](each) for name, each in data.items() if name in fits
        )

    return fit


def _required(value: Any, _schema: Any, _formats: Any) -> Fit:
    names = frozenset(value)
    return lambda data: not isinstance(data, dict) or data.keys() >= names


def _additional(value: Any, schema: Any, _formats: Any) -> Fit:
    if value is not False:
        return _always if value is True else _never
    known = frozenset(schema.get("properties", ()))
    return lambda data: not isinstance(data, dict) or data.keys() <= known


_CHECKS: Final[dict[str, Callable[[Any, Any, Any], Fit]]] = {
    "type": _type,
    "enum": _enum,
    "anyOf": _any_of,
    "minLength": _min_length,
    "maxLength": _max_length,
    "pattern": _pattern,
    "format": _format,
    "minimum": _minimum,
    "maximum": _maximum,
    "items": _items,
    "minItems": _min_items,
    "maxItems": _max_items,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
}
