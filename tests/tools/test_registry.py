"""Which tools there are, and what engines see of them."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
import pytest

from tools.registry import DuplicateTool, Registry, without_hints
from tools.spec import AnyArguments, Risk, Tool


class Place(msgspec.Struct, frozen=True):
    """Not for the model."""

    town: str


class Asked(msgspec.Struct, frozen=True):
    """Not for the model either."""

    day: Annotated[
        str,
        msgspec.Meta(
            description="Which day.", extra_json_schema={"format": "date", "x-ask": "When?"}
        ),
    ]
    service: str
    place: Place = Place("London")
    places: list[Place] = []


def tool(name: str = "ask", **given: object) -> Tool:
    return Tool(name, "Ask.", Asked, lambda asked, context: {}, **given)  # type: ignore[arg-type]


def test_two_tools_of_one_name_stop_the_start() -> None:
    with pytest.raises(DuplicateTool, match="two tools are named 'ask'"):
        Registry([tool(), tool("other"), tool()])


def test_the_schema_is_written_out_closed_and_keeps_the_hints() -> None:
    (spec,) = Registry([tool(enums={"service": ("cut", "colour")})]).specs()
    place = {
        "type": "object",
        "description": "Not for the model.",
        "title": "Place",
        "properties": {"town": {"type": "string"}},
        "required": ["town"],
        "additionalProperties": False,
    }
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "day": {
                "type": "string",
                "description": "Which day.",
                "format": "date",
                "x-ask": "When?",
            },
            "service": {"type": "string", "enum": ["cut", "colour"]},
            "place": {**place, "default": {"town": "London"}},
            "places": {"type": "array", "items": place, "default": []},
        },
        "required": ["day", "service"],
        "additionalProperties": False,
    }


def test_a_property_may_look_like_a_hint() -> None:
    schema = {
        "type": "object",
        "x-order": 1,
        "properties": {
            "x-ray": {"type": "string", "x-ask": "Which one?", "enum": ["x-1"]},
            "day": {"anyOf": [{"type": "null"}, {"format": "date", "x-ask": "When?"}]},
        },
        "$defs": {"x-any": {"x-hint": 1, "default": {"x-kept": 1}}},
    }
    assert without_hints(schema) == {
        "type": "object",
        "properties": {
            "x-ray": {"type": "string", "enum": ["x-1"]},
            "day": {"anyOf": [{"type": "null"}, {"format": "date"}]},
        },
        "$defs": {"x-any": {"default": {"x-kept": 1}}},
    }


def test_a_model_sees_the_schema_without_our_hints() -> None:
    (spec,) = Registry([tool()]).specs()
    assert "x-ask" in spec.parameters["properties"]["day"]
    assert "x-" not in str(without_hints(spec.parameters))
    assert without_hints(spec.parameters)["properties"]["day"]["format"] == "date"
    assert "x-ask" in spec.parameters["properties"]["day"]


def test_specs_keep_the_order_and_what_engines_need() -> None:
    registry = Registry([tool("b", risk=Risk.MONEY, phrases=("pay",), ends_call=True), tool("a")])
    assert registry.names() == ("b", "a")
    first = registry.specs()[0]
    assert (first.name, first.risk, first.phrases, first.ends_call) == (
        "b",
        Risk.MONEY,
        ("pay",),
        True,
    )


def test_a_name_that_is_not_there_is_none() -> None:
    assert Registry([]).get("ask") is None
    assert Registry([]).specs() == ()


def test_a_tool_that_speaks_of_arguments_it_has_not_is_our_bug() -> None:
    for wrong in (tool(confirm=("date",)), tool(enums={"date": ("x",)})):
        with pytest.raises(AssertionError, match="ask has no arguments"):
            Registry([wrong])


# ---- tools known only at start -------------------------------------------------------------------


def outside(parameters: Mapping[str, object], **given: object) -> Tool:
    return Tool(
        "ask",
        "Ask.",
        AnyArguments,
        lambda asked, context: {},
        parameters=parameters,
        **given,  # type: ignore[arg-type]
    )


def test_a_schema_of_its_own_is_taken_as_it_is_and_closed() -> None:
    given = {"properties": {"city": {"type": "string"}}, "required": ["city"]}
    (spec,) = Registry([outside(given, enums={"city": ("Bath",)})]).specs()
    assert spec.parameters == {
        "type": "object",
        "additionalProperties": False,
        "properties": {"city": {"type": "string", "enum": ["Bath"]}},
        "required": ["city"],
    }
    assert given == {"properties": {"city": {"type": "string"}}, "required": ["city"]}


def test_a_schema_that_is_open_stays_open_and_one_without_arguments_is_one() -> None:
    (spec,) = Registry([outside({"additionalProperties": True})]).specs()
    assert spec.parameters == {"type": "object", "additionalProperties": True, "properties": {}}


def test_its_arguments_are_a_plain_dict_or_every_problem() -> None:
    entry = Registry([outside({"properties": {"n": {"type": "integer"}}})]).get("ask")
    assert entry is not None
    assert entry.parse('{"n": 1}') == {"n": 1}
    assert entry.parse("") == {}
    problems = entry.parse('{"n": "x", "m": 1}')
    assert isinstance(problems, list)
    assert len(problems) == 2


def test_a_rule_about_an_argument_it_has_not_is_our_bug() -> None:
    for rule in ({"must_be_said": ("day",)}, {"confirm": ("day",)}):
        with pytest.raises(AssertionError, match="has no arguments"):
            Registry([outside({"properties": {}}, **rule)])


def test_the_call_is_told_which_tools_go_by_what_was_said() -> None:
    specs = Registry(
        [tool(), tool("b", confirm=("day",)), tool("c", must_be_said=("day",))]
    ).specs()
    assert [spec.needs_evidence for spec in specs] == [False, True, True]
