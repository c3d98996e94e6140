"""Problems are told in words that say what to do."""

import pytest

from tools.validation import FORMATS, Problem, Schema


@pytest.mark.parametrize(
    ("schema", "value", "what", "hint"),
    [
        ({"type": "integer"}, "1", "must be a whole number, not text", "Give a whole number"),
        ({"type": ["string", "null"]}, [], "must be text or null, not a list", "Give text or null"),
        (
            {"type": "boolean"},
            {},
            "must be true or false, not a mapping of names to values",
            "Give true or false",
        ),
        ({"type": "number"}, None, "must be a number, not null", "Give it or leave it out"),
        ({"enum": [1, "b"]}, 2, "is not one of the choices", "Use one of: 1, b"),
        ({"minLength": 3}, "ab", "is too short", "Give at least 3 characters"),
        ({"maxLength": 1}, "ab", "is too long", "Give at most 1 characters"),
        ({"minimum": 3}, 2, "is too small", "Give 3 or more"),
        ({"maximum": 3}, 4, "is too large", "Give 3 or less"),
        ({"minItems": 1}, [], "has too few entries", "Give at least 1"),
        ({"maxItems": 0}, [1], "has too many entries", "Give at most 0"),
        ({"pattern": "^a$"}, "b", "has the wrong form", "It must match ^a$"),
        ({"uniqueItems": True}, [1, 1], "does not satisfy uniqueItems", "uniqueItems is True"),
        ({"format": "phone"}, "call me", "is not a telephone number like +442079460000", None),
        ({"format": "name"}, "   ", "is not a name", "Give a name"),
    ],
)
def test_each_kind_of_problem(
    schema: dict[str, object], value: object, what: str, hint: str | None
) -> None:
    (found,) = Schema(schema).problems(value)
    assert found.what == what
    assert hint is None or found.hint == hint
    assert (found.path, found.field) == ((), "")


def test_what_may_not_be_given_at_all() -> None:
    (found,) = Schema({"type": "object", "additionalProperties": False}).problems({"a": 1})
    assert found == Problem(("a",), "is not known", "Nothing may be given here")


def test_a_format_is_not_asked_of_another_type() -> None:
    assert Schema({"format": "date"}).problems(5) == []


def test_formats_we_do_not_know_are_left_alone() -> None:
    assert Schema({"format": "uuid"}).problems("nonsense") == []
    assert set(FORMATS) == {"date", "time", "phone", "name", "digits-reference"}


def test_a_schema_that_is_none_is_our_bug() -> None:
    for _ in range(2):
        with pytest.raises(AssertionError, match="not a JSON Schema"):
            Schema({"type": "whatever"})


def test_a_schema_is_not_taken_for_one_that_was_checked_before() -> None:
    Schema({"minimum": 1, "enum": ["1"]})
    with pytest.raises(AssertionError, match="not a JSON Schema"):
        Schema({"minimum": "1", "enum": ["1"]})
    assert Schema({"type": "integer"}).problems("1")
    assert Schema({"type": "string"}).problems(1)
