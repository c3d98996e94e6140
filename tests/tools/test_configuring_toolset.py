"""A tool's file: what is refused, where exactly, and with which cure."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tests.tools.configuring import handlers, told, toolset
from tools.config import ConfigError
from tools.configuring.toolset import Sheet, Toolset, check_tools, lacking, read_tool

COOK = "handler: kitchen.cook\n"
HTTP = """\
handler: http
description: Order it.
risk: write-own
http: {url: x}
"""
KNOWN = (
    "Known here: approval, audience, claims, confirm, deadline_s, description, examples, filler,"
    " handler, http, idempotent, limits, mcp, must_be_said, name, parameters, phrases, redact,"
    " requires, risk"
)


def test_a_good_file_has_no_problems() -> None:
    text = COOK + """\
name: order_food
description: Order food.
phrases: [I am hungry]
parameters:
  dish: {ask: What would you like?, choices: [bread]}
  guests: {max: 8, help: How many eat.}
  note: {hide: true}
  day: {choices_from: menu, required: true}
risk: money
deadline_s: 12.5
filler: One moment.
confirm: [dish]
must_be_said: [guests]
requires: [menu]
limits: {per_turn: 1, per_call: 2, per_day: 3}
audience: {personas: [anna], numbers: ["+442079460000"], hours: {monday: ["09:00-17:00"]}}
approval: {deadline_s: 30, otherwise: allow}
claims: [ordered]
redact: [dish]
idempotent: false
examples:
  - {says: Bread, arguments: {dish: bread, guests: 2, day: 2026-03-06}}
  - {says: Nothing, gives: {status: invalid}}
"""  # fmt: skip
    assert told(text, {"menu": "handler: kitchen.menu\n"}) == []
    assert told(HTTP + "parameters: {order: {}}\n") == []
    assert told("handler: mcp\nrisk: read\nmcp: {server: x}\nconfirm: [city]\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # ---- the form ----
        ("", "1:1: handler: is missing. Give it."),
        (COOK + "handler: kitchen.menu\n", "2:1: handler: is given twice. Keep one of the two."),
        (COOK + "name: &x a\n",
         "2:7: name: uses an anchor or alias (& or *). Write the value out."),
        (COOK + "name: !!str a\nfiller: !x y\n",
         "3:9: filler: has a tag (!). Write a plain value without a tag."),
        (COOK + "claims: [ordered, '... now']\n",
         "2:19: claims.1: '... now' begins or ends with `...`. Leave it out there."),
        (COOK + "colour: red\n", f"2:9: colour: is not known. {KNOWN}."),
        (COOK + "phrase: [x]\n", f"2:9: phrase: is not known. {KNOWN}; perhaps phrases is meant."),
        (COOK + "name: Cook it\n",
         "2:7: name: has the wrong form. Write small letters, digits and _, like"
         " book_appointment."),
        (COOK + "name:\n", "2:1: name: must be text, not null. Give it or leave it out."),
        (COOK + "risk: huge\n",
         "2:7: risk: is not one of the choices. Use one of: delete, message, money, read,"
         " write-other, write-own."),
        (COOK + "deadline_s: 0\n", "2:13: deadline_s: is too small. Give 0.5 or more."),
        (COOK + "confirm: dish\n", "2:10: confirm: must be a list, not text. Give a list."),
        (COOK + "examples: [{says: x, now: today}]\n",
         "2:27: examples.0.now: has the wrong form. Write it like 2026-03-03 09:00."),
        (COOK + "audience: {numbers: ['123']}\n",
         "2:22: audience.numbers.0: has the wrong form. Write it in full and in quotes:"
         ' "+442079460000".'),
        # ---- the handler ----
        ("handler: kitchen.cok\n",
         "1:10: handler: there is no handler 'kitchen.cok'. Known here: http, kitchen.cook,"
         " kitchen.keys, kitchen.menu, mcp; perhaps kitchen.cook is meant."),
        (COOK + "http: {url: x}\n",
         "2:7: http: is not used by kitchen.cook. Take it out, or set handler: http."),
        ("handler: http\ndescription: x\nrisk: read\n",
         "1:1: http: is missing. Say below http: what it does."),
        ("handler: http\nhttp: {url: x}\nrisk: read\nparameters: {order: {}}\n",
         "1:1: description: is missing. Tell the model what the tool does."),
        ("handler: http\nhttp: {url: x}\ndescription: x\nparameters: {order: {}}\n",
         "1:1: risk: is missing. Give one of: read, write-own, write-other, message, money,"
         " delete."),
        (HTTP.replace("url: x", "") + "parameters: {order: {}}\n",
         "4:7: http.url: is missing. Give it."),
        (HTTP, "4:7: http: has no order. Add the parameter."),
        (COOK + "risk: read\n",
         "2:7: risk: is less than the handler's own, write-own. Leave it out, or use one after"
         " write-own."),
        (COOK + "idempotent: true\n",
         "2:13: idempotent: the handler is not made for that. Leave it out."),
        ("handler: kitchen.keys\nparameters: {guests: {value: 2}}\nname: keys\n",
         "2:22: parameters.guests: is taken by the call as the model gives it. Give no more than"
         " help and ask."),
        # ---- parameters ----
        (COOK + "parameters: {dsh: {}}\n",
         "2:19: parameters.dsh: is not known. Known here: code, day, dish, guests, note; perhaps"
         " dish is meant."),
        (COOK + "parameters: {9: {}}\n",
         "2:17: parameters.9: has the wrong form. Write it with letters, digits and _, like"
         " party_size."),
        (COOK + "parameters: {guests: {type: text}}\n",
         "2:29: parameters.guests.type: the handler takes integer. Leave it out."),
        (COOK + "parameters: {dish: {type: date}}\n",
         "2:27: parameters.dish.type: the handler takes text. Leave it out."),
        (COOK + "parameters: {dish: {required: false}}\n",
         "2:31: parameters.dish.required: the handler cannot do without it. Give a default, or"
         " leave `required` out."),
        (COOK + "parameters: {dish: {hide: true}}\nconfirm: []\n",
         "2:27: parameters.dish.hide: the handler cannot do without it. Fix its `value` instead."),
        (COOK + "parameters: {guests: {max: 13}}\n",
         "2:28: parameters.guests.max: the handler's own is 12. Allow less, not more."),
        (COOK + "parameters: {guests: {min: 0}}\n",
         "2:28: parameters.guests.min: the handler's own is 1. Allow less, not more."),
        (COOK + "parameters: {dish: {max_length: 41}}\n",
         "2:33: parameters.dish.max_length: the handler's own is 40. Allow less, not more."),
        (COOK + "parameters: {code: {pattern: ^x$}}\n",
         "2:30: parameters.code.pattern: the handler has a pattern of its own. Leave it out, or"
         " give choices."),
        (COOK + "parameters: {dish: {choices: [cake]}}\n",
         "2:31: parameters.dish.choices.0: is not one of the choices. Use one of: bread, soup,"
         " fire, bug."),
        (COOK + "parameters: {guests: {value: 99}}\nconfirm: []\n",
         "2:30: parameters.guests.value: is too large. Give 12 or less."),
        (COOK + "parameters: {guests: {max: 4, default: 5}}\n",
         "2:40: parameters.guests.default: is too large. Give 4 or less."),
        (COOK + "parameters: {guests: {min: 5, max: 4}}\n",
         "2:28: parameters.guests.min: is above max. Swap the two."),
        (COOK + "parameters: {note: {min: 5}}\n",
         "2:26: parameters.note.min: is for a number. Take it out, or make note a number."),
        (COOK + "parameters: {guests: {pattern: ^1$}}\n",
         "2:32: parameters.guests.pattern: is for a text. Take it out, or make guests a text."),
        (COOK + "parameters: {note: {value: x, hide: true}}\n",
         "2:28: parameters.note.value: is always used. Take out default and hide."),
        (COOK + "parameters: {note: {default: x, required: true}}\n",
         "2:30: parameters.note.default: is never used by what is required. Take out one of the"
         " two."),
        (COOK + "parameters: {note: {choices_from: list}}\n",
         "2:35: parameters.note.choices_from: there is no tool 'list'. Known here: a."),
        (COOK + "parameters: {note: {pattern: ^(a+)+$}}\n",
         "2:30: parameters.note.pattern: could take very long or is not understood: what it"
         " repeats can be read in more than one way. Write a plain pattern of up to 200 characters:"
         " begin it with ^, repeat no repetition, and lower max_length if texts are short."),
        (HTTP + "parameters: {order: {type: integer, choices: [1, x]}}\n",
         "5:50: parameters.order.choices.1: must be a whole number, not text. Give a whole"
         " number."),
        # ---- names ----
        (COOK + "confirm: [dsh]\n",
         "2:11: confirm.0: there is no parameter 'dsh'. Known here: code, day, dish, guests, note;"
         " perhaps dish is meant."),
        (COOK + "parameters: {guests: {value: 2}}\nmust_be_said: [guests]\n",
         "3:16: must_be_said.0: there is no parameter 'guests'. Known here: code, day, dish,"
         " note."),
        (COOK + "requires: [menu]\n",
         "2:12: requires.0: there is no tool 'menu'. There is no other tool: take it out."),
        (COOK + "audience: {personas: [ana]}\n",
         "2:23: audience.personas.0: there is no persona 'ana'. Known here: anna; perhaps anna is"
         " meant."),
        (COOK + "audience: {hours: {monday: ['9-5']}}\n",
         "2:29: audience.hours.monday.0: '9-5' is not a range of times on one day. Write it like"
         ' "09:00-17:30".'),
        # ---- examples ----
        (COOK + "examples:\n  - says: x\n    arguments: {dish: bread, guests: many}\n",
         "4:38: examples.0.arguments.guests: must be a whole number, not text. Give a whole"
         " number."),
        (COOK + "examples: [{says: x, arguments: {dish: bread}}]\n",
         "2:33: examples.0.arguments.guests: is missing. Give it."),
        (COOK + "examples: [{says: x, after: [{tool: b}], gives: {status: invalid}}]\n",
         "2:37: examples.0.after.0.tool: there is no tool 'b'. Known here: a."),
    ],
)  # fmt: skip
def test_fault_x12_a_bad_tool_file_is_refused_with_its_place_and_cure(
    text: str, message: str
) -> None:
    assert told(text) == [message]


def test_fault_x12_aliases_cannot_grow() -> None:
    bomb = (
        COOK
        + "phrases: &a [x, x]\n"
        + "".join(f"k{n}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))
    )
    found = told(bomb)
    assert found[0].startswith("2:10: phrases: uses an anchor")
    assert len(found) == 21


def test_fault_x12_deep_nesting_is_refused() -> None:
    deep = "http: " + "{a: " * 20 + "1" + "}" * 20 + "\n"
    assert any("is nested more than 12 deep. Nest it less." in each for each in told(COOK + deep))


def test_all_problems_of_a_file_are_told_at_once() -> None:
    text = """\
handler: kitchen.cok
name: 5
colour: red
risk: read
confirm: [dish]
requires: [b]
audience: {personas: [ana]}
"""
    assert [each.partition(". ")[0] for each in told(text)] == [
        "2:7: name: must be text, not a number",
        "3:9: colour: is not known",
        "6:12: requires.0: there is no tool 'b'",
        "7:23: audience.personas.0: there is no persona 'ana'",
        "1:10: handler: there is no handler 'kitchen.cok'",
    ]


def test_what_hangs_on_a_part_that_cannot_be_read_is_not_told() -> None:
    """A false problem is worse than one that is told a moment later."""
    assert told(COOK + "parameters: {note: {size: 3}}\nconfirm: [note, what]\n") == [
        "2:27: parameters.note.size: is not known. Known here: ask, choices, choices_from, default,"
        " help, hide, max, max_length, min, min_length, pattern, required, type, value."
    ]
    broken = HTTP.replace("risk: write-own", "risk: big").replace("{url: x}", "5")
    found = [each.partition(". ")[0] for each in told(broken + "parameters: {order: {}}\n")]
    assert found == [
        "3:7: risk: is not one of the choices",
        "4:7: http: must be a mapping of names to values, not a number",
    ]


def test_the_tool_of_an_unreadable_file_is_known_by_name() -> None:
    assert told(COOK + "requires: [menu]\n", {"menu": "name: menu\n"}) == [
        "tools/menu.yaml:1:1: handler: is missing. Give it."
    ]
    assert told(COOK + "requires: [list]\n", {"menu": "name: list\n"}) == [
        "tools/menu.yaml:1:1: handler: is missing. Give it."
    ]


def test_two_tools_of_one_name() -> None:
    assert told(COOK, {"b": COOK + "name: a\n"}) == [
        "tools/b.yaml:2:7: name: tools/a.yaml has a tool of the name 'a' too. Rename one of the"
        " two."
    ]


def test_a_file_s_name_has_to_be_a_tool_s() -> None:
    found: list[ConfigError] = []
    read_tool(COOK, "tools/Cook it.yaml", "Cook it", found)
    assert [str(each) for each in found] == [
        "tools/Cook it.yaml:1:1: 'Cook it' is no name for a tool. Give a name, or call the file"
        " like book_appointment.yaml."
    ]


def test_without_handlers_what_hangs_on_them_is_not_looked_at() -> None:
    tools = toolset(a="handler: what.ever\nconfirm: [x]\n")
    check_tools(tools, None, ())
    assert tools.sheets[0].document.found == []


def test_a_toolset_knows_its_tools() -> None:
    tools = toolset(a=COOK, b=COOK + "name: c\n")
    assert tools.names() == ("a", "c")
    assert tools.of_handler("kitchen.cook") == ("a", "c")
    found = tools.find("c")
    assert found is not None
    assert (found.handler, found.section) == ("kitchen.cook", None)
    assert tools.find("b") is None


YAMLISH = st.text(
    alphabet="ab:-[]{}&*!<>|?'\"#% \n\t01.,", max_size=60
) | st.lists(
    st.sampled_from(
        [
            "handler: kitchen.cook", "handler: http", "parameters:", "  dish:", "    type: text",
            "    pattern: ^(a|b)*$", "    choices: [a, 1]", "    default: 3", "examples:",
            "  - says: x", "    arguments: {dish: 1}", "audience: {hours: {monday: [x]}}",
            "http: {url: x}", "risk: money", "confirm: [dish, 1]", "name: a", "? [a]", "- b",
        ]
    ),
    max_size=12,
).map("\n".join)  # fmt: skip


@settings(max_examples=examples(120))
@given(YAMLISH)
def test_any_text_is_a_file_or_problems_with_places(text: str) -> None:
    found: list[ConfigError] = []
    sheet = read_tool(text, "tools/a.yaml", "a", found)
    if not isinstance(sheet, str):
        check_tools(Toolset((sheet,)), handlers(), ("anna",))
    for problem in found:
        assert problem.where.startswith("tools/a.yaml")
        assert problem.what
        assert problem.hint
    assert isinstance(sheet, str) <= bool(found)


SEVERAL = "handler: mcp\nrisk: read\nmcp: {command: /x, include: [find, open]}\n"


def test_a_file_about_several_tools_has_their_names_and_none_of_its_own() -> None:
    other = "handler: kitchen.cook\nrequires: [find]\n"
    assert toolset(a=SEVERAL).names() == ("find", "open")
    assert told(other, {"tickets": SEVERAL}) == []
    assert told("handler: kitchen.cook\nrequires: [tickets]\n", {"tickets": SEVERAL}) == [
        "2:12: requires.0: there is no tool 'tickets'. Known here: find, open."
    ]


def test_two_files_have_no_tool_of_one_name_whichever_way_they_say_it() -> None:
    found: list[ConfigError] = []
    texts = {"a": SEVERAL, "open": COOK}
    read = [read_tool(each, f"tools/{stem}.yaml", stem, found) for stem, each in texts.items()]
    check_tools(Toolset(tuple(each for each in read if isinstance(each, Sheet))), handlers(), ())
    assert [str(each) for each in found] == [
        "tools/open.yaml:1:1: name: tools/a.yaml has a tool of the name 'open' too. Rename one of"
        " the two."
    ]


@pytest.mark.parametrize(
    "line",
    ["name: a", "description: x", "phrases: [x]", "parameters: {}", "claims: [did it]",
     "examples: []"],
)  # fmt: skip
def test_what_is_of_one_tool_is_refused_for_several(line: str) -> None:
    (problem,) = told(f"{SEVERAL}{line}\n")
    assert "is of one tool, and the file is about several" in problem
    assert problem.startswith("4:")


def test_what_holds_for_each_of_several_may_be_said() -> None:
    lines = "filler: I look.\nlimits: {per_call: 2}\nredact: [x]\ndeadline_s: 4\n"
    assert told(f"{SEVERAL}{lines}audience: {{personas: [anna]}}\n") == []


NEEDY = "handler: kitchen.cook\nrequires: [menu]\n"
MENU = "handler: kitchen.menu\n"


@pytest.mark.parametrize(
    ("needy", "menu", "tools", "found"),
    [
        (NEEDY, MENU, None, []),
        (NEEDY, MENU, ["cook", "menu"], []),
        (NEEDY, MENU, ["cook"], [("cook", "menu")]),
        (NEEDY, MENU, ["menu"], []),
        (NEEDY, MENU + "audience: {personas: [bob]}\n", None, [("cook", "menu")]),
        (NEEDY + "audience: {personas: [bob]}\n", MENU, ["cook"], []),
        (NEEDY.replace("menu", "gone"), MENU, ["cook"], []),
    ],
)
def test_a_persona_lacks_what_its_tools_require(
    needy: str, menu: str, tools: list[str] | None, found: list[tuple[str, str]]
) -> None:
    assert list(lacking(toolset(cook=needy, menu=menu), "anna", tools)) == found
