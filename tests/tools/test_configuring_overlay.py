"""A tool with its file laid over it: what changes, what stays, what the handler gets."""

import datetime as dt
import json
from typing import Any

import pytest

from tests.tools.configuring import FROM_SERVER, TOOLS, handlers, toolset
from tests.tools.desk import Desk, said
from tools.booking.shop import default_shop
from tools.catalogue import modules
from tools.config import ConfigError
from tools.configuring.handlers import handlers_of, own_parameters
from tools.configuring.overlay import configured
from tools.registry import Entry, Registry
from tools.spec import (
    AnyArguments,
    Approval,
    Audience,
    BackendError,
    Risk,
    StepLimits,
    Tool,
    ToolContext,
    ToolState,
)
from tools.store import Store

CONTEXT = ToolContext("CA1", None, dt.datetime(2026, 3, 3, 8, tzinfo=dt.UTC), "key")
COOK = "handler: kitchen.cook\n"


def registry(**texts: str) -> Registry:
    return configured(toolset(**texts), handlers())


def entry(found: Registry, name: str) -> Entry:
    there = found.get(name)
    assert there is not None
    return there


def run(found: Registry, name: str, **arguments: Any) -> Any:
    one = entry(found, name)
    given = one.parse(json.dumps(arguments))
    assert not isinstance(given, list), given
    return one.tool.handler(given, CONTEXT)


def test_what_a_file_does_not_say_stays_as_the_handler_has_it() -> None:
    own, tool = TOOLS[0], entry(registry(cook=COOK), "cook").tool
    for field in ("description", "risk", "deadline_s", "confirm", "phrases", "limits", "redact"):
        assert getattr(tool, field) == getattr(own, field)
    assert tool.approval is None
    assert tool.audience == Audience()
    one = entry(registry(cook=COOK), "cook")
    properties = one.spec.parameters["properties"]
    assert properties["dish"]["enum"] == ["bread", "soup", "fire", "bug"]
    assert one.spec.parameters["required"] == ["dish", "guests"]
    assert run(registry(cook=COOK), "cook", dish="bread", guests=2)["message"] == "2 bread"


def test_a_tool_in_code_stays_one_of_ours() -> None:
    ours, theirs = registry(a=COOK), registry(a="handler: mcp\nrisk: read\nmcp: {server: x}\n")
    assert entry(ours, "a").tool.arguments is TOOLS[0].arguments
    assert entry(theirs, "a").tool.arguments is AnyArguments


def test_what_a_file_says_holds() -> None:
    text = COOK + """\
name: order_food
description: Order food.
phrases: [I am hungry]
risk: money
deadline_s: 3
filler: One moment.
confirm: [dish]
must_be_said: [guests]
requires: [menu]
limits: {per_call: 9, per_day: 3}
audience: {personas: [anna], numbers: ["+442079460000"], hours: {monday: ["09:00-17:00"]}}
approval: {deadline_s: 30, otherwise: allow}
claims: [ordered]
redact: [dish, code]
"""  # fmt: skip
    tool = entry(registry(a=text), "order_food").tool
    assert (tool.description, tool.phrases, tool.risk) == (
        "Order food.", ("I am hungry",), Risk.MONEY,
    )  # fmt: skip
    assert (tool.deadline_s, tool.filler, tool.confirm) == (3, "One moment.", ("dish",))
    assert (tool.must_be_said, tool.requires, tool.claims) == (("guests",), ("menu",), ("ordered",))
    # The handler's own limit is tighter than the file's.
    assert tool.limits == StepLimits(per_call=5, per_day=3)
    assert tool.audience == Audience(("anna",), ("+442079460000",), {"mon": ("09:00-17:00",)})
    assert tool.approval == Approval(30, "allow")
    assert tool.redact == ("code", "dish")


def test_a_handler_gets_what_is_fixed_and_what_was_left_out() -> None:
    text = COOK + """\
parameters:
  guests: {value: 4}
  note: {default: no salt}
  code: {hide: true}
"""  # fmt: skip
    found = registry(a=text)
    parameters = entry(found, "a").spec.parameters
    assert list(parameters["properties"]) == ["dish", "note", "day"]
    assert parameters["required"] == ["dish"]
    assert run(found, "a", dish="bread") == {"message": "4 bread", "guests": 4, "note": "no salt"}
    assert run(found, "a", dish="bread", note="hot")["note"] == "hot"
    # What the model does not see it cannot give.
    for hidden in ("guests", "code"):
        assert isinstance(entry(found, "a").parse(json.dumps({"dish": "bread", hidden: 1})), list)
    # What is fixed has no need to be read back.
    assert entry(found, "a").tool.confirm == ("dish",)


def test_less_may_be_allowed_and_more_asked() -> None:
    text = COOK + """\
parameters:
  dish: {choices: [bread], ask: What?, help: The dish.}
  guests: {max: 3}
  note: {required: true, min_length: 2}
"""  # fmt: skip
    one = entry(registry(a=text), "a")
    assert one.spec.parameters["properties"]["dish"] == {
        "type": "string", "maxLength": 40, "description": "The dish.", "x-ask": "What?",
        "enum": ["bread"],
    }  # fmt: skip
    assert one.spec.parameters["required"] == ["dish", "guests", "note"]
    bad = one.parse(json.dumps({"dish": "soup", "guests": 4, "note": "x"}))
    assert isinstance(bad, list)
    assert {problem.field for problem in bad} == {"dish", "guests", "note"}


def test_tools_are_named_as_they_are_called_now() -> None:
    found = registry(a=COOK, b=COOK, list="handler: kitchen.menu\n")
    tool = entry(found, "a").tool
    assert tool.reopens == ("a", "b", "list", "gone")
    assert tool.parameters is not None
    assert tool.parameters["properties"]["day"]["x-choices-from"] == "list"
    alone = entry(registry(a=COOK), "a").tool
    assert alone.reopens == ("a", "gone")
    assert alone.parameters is not None
    assert "x-choices-from" not in alone.parameters["properties"]["day"]


def test_who_is_put_through_is_known_from_plain_arguments() -> None:
    tool = entry(registry(a=COOK + "parameters: {guests: {value: 2}}\n"), "a").tool
    assert tool.transfer_to is not None
    assert tool.transfer_to({"dish": "bread"}) == "bread"


async def test_a_coroutine_stays_one() -> None:
    found = registry(menu="handler: kitchen.menu\n")
    assert (await run(found, "menu"))["choices"] == ["bread", "soup"]


def test_what_the_handler_cannot_take_after_all_changed_nothing() -> None:
    tool = entry(registry(a=COOK), "a").tool
    with pytest.raises(BackendError):
        tool.handler({"dish": 5}, CONTEXT)


def test_a_section_makes_the_tool_from_what_the_file_says() -> None:
    text = """\
handler: http
description: Order it.
risk: message
http: {url: there}
parameters:
  order: {type: integer, ask: Which order?}
  kind: {value: quick}
  note: {default: none, required: false}
  when: {type: date}
"""
    found = registry(a=text)
    one = entry(found, "a")
    assert (one.tool.risk, one.tool.description) == (Risk.MESSAGE, "Order it.")
    assert one.spec.parameters["properties"] == {
        "order": {"type": "integer", "x-ask": "Which order?"},
        "note": {"type": "string", "default": "none", "maxLength": 200},
        "when": {"type": "string", "format": "date", "maxLength": 200},
    }
    assert one.spec.parameters["required"] == ["order", "when"]
    assert run(found, "a", order=3, when="2026-03-06") == {
        "message": "there",
        "given": {"order": 3, "when": "2026-03-06", "kind": "quick", "note": "none"},
    }


def test_a_section_may_tell_its_parameters_late() -> None:
    text = "handler: mcp\nrisk: read\nmcp: {server: there}\n"
    assert entry(registry(a=text), "a").spec.parameters == FROM_SERVER
    narrower = registry(a=text + "parameters: {units: {value: c}}\n")
    assert run(narrower, "a", city="Bath")["given"] == {"city": "Bath", "units": "c"}
    with pytest.raises(ConfigError) as caught:
        registry(a=text + "parameters:\n  units: {value: k}\n  town: {}\n")
    assert [str(each) for each in caught.value.problems] == [
        "tools/a.yaml:6:9: parameters.town: is not known. Known here: city, units.",
        "tools/a.yaml:5:18: parameters.units.value: is not one of the choices. Use one of: c, f.",
    ]


def test_a_section_without_a_handler_breaks_politely() -> None:
    section = handlers().sections["http"]
    tool = configured(
        toolset(a="handler: http\ndescription: x\nrisk: read\nhttp: {url: x}\n"),
        handlers_of({}, {"http": type(section)(lambda base, _section: base)}),
    ).tools()[0]
    with pytest.raises(BackendError):
        tool.handler({}, CONTEXT)


def test_own_parameters() -> None:
    assert own_parameters(TOOLS[1]) == {
        "type": "object", "properties": {}, "required": [], "additionalProperties": False,
    }  # fmt: skip
    plain = Tool(name="x", description="", arguments=AnyArguments, handler=TOOLS[0].handler)
    assert own_parameters(plain) is None


async def test_a_booking_by_a_file_is_a_booking(plain: Store) -> None:
    """Through the dispatcher and its ledger, with a repeat under a new id."""
    shop = default_shop()
    text = "handler: booking.book_appointment\nparameters: {service: {value: haircut}}\n"
    found = configured(toolset(trim=text), handlers_of(modules(shop, plain)))
    desk = Desk(found, plain)
    wish = {"date": "2026-03-06", "time": "10:00", "name": "Ann"}
    first, again = await desk.ask("trim", wish), await desk.ask("trim", wish)
    assert first.state is ToolState.DONE
    assert said(first)["appointment"]["service"] == "haircut"
    assert again.repeated
    assert again.output == first.output
    refused = await desk.ask("trim", {**wish, "service": "beard trim"})
    assert refused.state is ToolState.INVALID


def test_a_file_about_several_tools_makes_them_all_beside_those_of_other_files() -> None:
    text = "handler: mcp\nrisk: read\nfiller: I look.\nmcp: {command: /x, include: [find, open]}\n"
    alone = registry(tickets=text)
    assert alone.names() == ("find", "open", "cook")
    assert entry(alone, "open").spec.parameters == FROM_SERVER
    assert entry(alone, "open").tool.filler == "I look."
    assert registry(tickets=text, zz=COOK + "name: cook\n").names() == ("find", "open", "cook")
    twice = registry(tickets=text, more=text.replace("find, open", "third"))
    assert twice.names() == ("find", "open", "cook", "third")
