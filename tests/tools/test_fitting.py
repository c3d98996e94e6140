"""The quick yes: never given to what does not fit, and given to what tools are usually asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.booking.shop import default_shop
from tools.catalogue import build
from tools.fitting import fitting
from tools.store import Store
from tools.validation import FORMATS, Schema

TOLD = {name: matches for name, (matches, _) in FORMATS.items()}


def fits(schema: object, data: Any) -> bool:
    return fitting(schema, TOLD)(data)


TEXTS = st.sampled_from(["", "a", "ab", "abc", "2026-03-03", "09:30", "+442079460000", "1", " "])
DATA = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(-2, 4) | st.floats(-2, 4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KINDS = st.sampled_from(["string", "integer", "number", "boolean", "null", "object", "array"])
SMALL = st.integers(0, 3)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "type": KINDS | st.lists(KINDS, min_size=1, max_size=2, unique=True),
    "enum": st.lists(TEXTS | st.integers(0, 1) | st.booleans() | st.none(), min_size=1, max_size=3),
    "minLength": SMALL,
    "maxLength": SMALL,
    "pattern": st.sampled_from(["^a", "b$", "^[a-z]+$", ".", "("]),
    "format": st.sampled_from([*FORMATS, "uuid"]),
    "minimum": SMALL,
    "maximum": SMALL,
    "minItems": SMALL,
    "maxItems": SMALL,
    "required": st.lists(st.sampled_from(["a", "b"]), unique=True),
    "additionalProperties": st.booleans() | st.just({}),
    "uniqueItems": st.booleans(),
    "description": st.just("What it is."),
    "x-ask": st.just("Which?"),
}
SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional=PLAIN),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            **PLAIN,
            "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=4,
)


@given(SCHEMAS, DATA)
def test_what_surely_fits_has_no_problems(schema: dict[str, Any], data: Any) -> None:
    if fits(schema, data):
        # What holds for everything besides is not known to the quick look, so it is not taken.
        assert Schema({**schema, "allOf": [{}]}).problems(data) == []


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string"}, "a", 1),
        ({"type": ["integer", "null"]}, None, "1"),
        ({"type": "integer"}, 1, True),
        ({"type": "number"}, 1.5, False),
        ({"enum": ["a", "b"]}, "b", "c"),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, "a", 1),
        ({"minLength": 2}, "ab", "a"),
        ({"maxLength": 2}, "ab", "abc"),
        ({"pattern": "^a$"}, "a", "b"),
        ({"format": "date"}, "2026-03-03", "2026-02-30"),
        ({"format": "uuid"}, "whatever", None),
        ({"minimum": 2}, 2, 1),
        ({"maximum": 2}, 2, 3),
        ({"items": {"type": "string"}}, ["a"], [1]),
        ({"minItems": 1}, ["a"], []),
        ({"maxItems": 1}, ["a"], ["a", "b"]),
        ({"properties": {"a": {"type": "string"}}}, {"a": "x", "b": 1}, {"a": 1}),
        ({"required": ["a"]}, {"a": 1}, {"b": 1}),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"b": 1}),
        ({"additionalProperties": True, "title": "T", "x-ask": "?"}, {"b": 1}, None),
    ],
)
def test_each_kind_of_rule(schema: dict[str, Any], good: Any, bad: Any) -> None:
    assert fits(schema, good)
    assert Schema({**schema, "allOf": [{}]}).problems(good) == []
    if bad is not None:
        assert not fits(schema, bad)
        assert Schema(schema).problems(bad) != []


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        (True, "a"),
        ({"allOf": [{}]}, "a"),
        ({"pattern": "("}, "a"),
        ({"additionalProperties": {}}, {"a": 1}),
        ({"properties": {"a": {"not": {}}}}, {"a": 1}),
        ({"type": "integer"}, 1.0),
        ({"enum": [1]}, 1),
    ],
)
def test_what_is_not_known_is_left_to_who_looks_closer(schema: object, data: object) -> None:
    assert not fits(schema, data)


def test_a_pattern_is_not_tried_on_what_is_too_long() -> None:
    """It would not come back."""
    schema = {"pattern": "^(a+)+$", "maxLength": 10}
    assert not fits(schema, "a" * 60 + "b")


def test_usual_arguments_of_our_tools_need_no_closer_look(plain: Store) -> None:
    registry = build(default_shop(), plain)
    usual = {"service": "haircut", "date": "2026-03-03", "time": "09:30", "name": "Ann"}
    entry = registry.get("book_appointment")
    assert entry is not None
    assert fits(entry.spec.parameters, usual)
    assert not fits(entry.spec.parameters, {**usual, "time": "half nine"})
