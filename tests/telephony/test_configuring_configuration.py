"""A whole folder of files: what it comes to, and everything that is wrong with it at once."""

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.configuring.configuration import (
    ENGINES,
    MAX_FILES,
    Configuration,
    load_configuration,
)
from telephony.line import Line
from tests.exploring import examples
from tests.tools.configuring import handlers
from tools.booking.shop import DEFAULT_SHOP, Shop, default_shop
from tools.config import ConfigError
from tools.configuring.handlers import Handlers

COOK = "handler: kitchen.cook\n"
PHONE = 'transfers: {a colleague: {number: "+442079460000"}}\n'


def offered(_shop: Shop, _line: Line) -> Handlers:
    return handlers()


def load(files: Mapping[str, str], engines: Collection[str] = ENGINES) -> Configuration:
    return load_configuration(files, offered, engines=engines)


def told(files: Mapping[str, str], engines: Collection[str] = ENGINES) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(files, engines)
    return [str(each) for each in caught.value.problems]


def persona(text: str) -> dict[str, str]:
    return {"personas/anna.yaml": text, "phone.yaml": PHONE, "tools/cook.yaml": COOK}


def test_no_files_are_what_was_always_there() -> None:
    assert load({}) == Configuration(shop=default_shop())
    assert load({}).role_of("+442079460000") is None


def test_files_of_others_are_none_of_our_business() -> None:
    assert load({"compose.yaml": "x", "other/a.yaml": "y"}) == Configuration(shop=default_shop())


def test_a_folder_comes_to_a_configuration() -> None:
    files = {
        "shop.yaml": DEFAULT_SHOP,
        "phone.yaml": PHONE,
        "tools/cook.yaml": COOK,
        "tools/menu.yaml": "handler: kitchen.menu\naudience: {personas: [bob]}\n",
        "personas/anna.yaml": "tools: [cook]\ntransfers: [a colleague]\n",
        "personas/bob.yaml": "{}\n",
        "numbers.yaml": 'default: anna\nnumbers: {"+442079460000": bob}\n',
        "snippets.yaml": "snippets: {rules: Be kind.}\n",
    }
    found = load(files)
    assert found.toolset.names() == ("cook", "menu")
    assert sorted(found.roles) == ["anna", "bob"]
    for number, name in (("+442079460000", "bob"), ("+442079460009", "anna"), (None, "anna")):
        role = found.role_of(number)
        assert role is not None
        assert role.name == name
    backwards = load(dict(reversed(files.items())))
    assert (backwards.toolset.names(), backwards.roles) == (found.toolset.names(), found.roles)


def test_the_only_persona_answers_all_numbers() -> None:
    role = load(persona("{}\n")).role_of(None)
    assert role is not None
    assert role.name == "anna"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("greetng: Hi\n",
         "1:10: greetng: is not known. Known here: apology, broke_off, budget,"
         " budget_goodbye, business, disclosure, drain_goodbye,"
         " engine, fallbacks, go_on, greeting, hours, idle_goodbye, instructions, language,"
         " length_goodbye, nobody_free, outside_hours, recording, redact, reprompt, second_prompt,"
         " session, silence_prompt, sorry, staff_goodbye, tools, transfers, turn_taking, turns,"
         " voice, where_were_we; perhaps greeting is meant."),
        ("greeting: ''\n", "1:11: greeting: is too short. Give at least 1 characters."),
        ("greeting: Hi {caller_name}\n",
         "1:11: greeting: {caller_name} cannot stand here. Known here: business, opening_hours,"
         " rules, today."),
        ("apology: Sorry on {today}\n",
         "1:10: apology: {today} cannot stand here. Known here: business, rules."),
        ("language: English\n", "1:11: language: has the wrong form. Write it like en or en-GB."),
        ("engine: local\nlanguage: de-DE\n",
         "2:11: language: de-DE cannot be had: the embedded engine hears and speaks English only."
         " Leave the language out or make it en, or give the persona another engine."),
        ("engine: gpt\n",
         "1:9: engine: is not one of the choices. Use one of: live, local, realtime, turns."),
        ("tools: [cok]\n",
         "1:9: tools.0: there is no tool 'cok'. Known here: cook; perhaps cook is meant."),
        ("transfers: [sales]\n",
         "1:13: transfers.0: there is no target in phone.yaml 'sales'. Known here: a colleague."),
        ("instructions: '{house}'\n",
         "1:15: instructions: there is no variable or snippet {house}. Known here: business,"
         " caller_name, opening_hours, rules, today."),
        ("hours: {monday: [9-5]}\n",
         "1:18: hours.monday.0: '9-5' is not a range of times on one day. Write it like"
         ' "09:00-17:30".'),
        ("outside_hours: {then: transfer}\n",
         "1:16: outside_hours.target: there is no target in phone.yaml ''. Known here: a"
         " colleague."),
        ("turn_taking: {confirm_ms: 5}\n",
         "1:27: turn_taking.confirm_ms: is too small. Give 100 or more."),
    ],
)  # fmt: skip
def test_fault_x12_a_bad_persona_is_refused_with_its_place_and_cure(
    text: str, message: str
) -> None:
    files = {**persona(text), "snippets.yaml": "snippets: {rules: Be kind.}\n"}
    assert told(files) == [f"personas/anna.yaml:{message}"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"numbers.yaml": "default: ana\n"},
         "numbers.yaml:1:10: default: there is no persona 'ana'. Known here: anna, bob; perhaps"
         " anna is meant."),
        ({"numbers.yaml": "default: bob\nnumbers: {'+442079460000': cy}\n"},
         "numbers.yaml:2:28: numbers.+442079460000: there is no persona 'cy'. Known here: anna,"
         " bob."),
        ({"numbers.yaml": "default: bob\nnumbers: {'020': bob}\n"},
         "numbers.yaml:2:18: numbers.020: has the wrong form. Write it in full and in quotes:"
         ' "+442079460000".'),
        ({},
         "numbers.yaml:1:1: default: nobody answers numbers that are not listed, and there are 2"
         " personas. Name one: anna, bob."),
        ({"numbers.yaml": "default: anna\n", "snippets.yaml": "snippets: {today: x}\n"},
         "snippets.yaml:1:19: snippets.today: {today} is a variable already. Call the snippet"
         " otherwise."),
        ({"numbers.yaml": "default: anna\n", "snippets.yaml": "snippets: {a: '{b}'}\n"},
         "snippets.yaml:1:15: snippets.a: there is no variable or snippet {b}. Known here:"
         " business, caller_name, opening_hours, today."),
        ({"numbers.yaml": "default: anna\n", "personas/Bob B.yaml": "{}\n"},
         "personas/Bob B.yaml:1:1: 'Bob B' is no name for a persona. Call the file like"
         " front_desk.yaml: small letters, digits, - and _."),
        ({"numbers.yaml": "default: anna\n", "tools/cook.yml": COOK},
         "tools/cook.yml: has a name under which it is not read. Call it tools/NAME.yaml."),
        ({"numbers.yaml": "default: anna\n", "tools/more/cook.yaml": COOK},
         "tools/more/cook.yaml: has a name under which it is not read. Call it tools/NAME.yaml."),
        ({"number.yaml": "x", "numbers.yaml": "default: anna\n"},
         "number.yaml: has a name under which it is not read. Call it numbers.yaml."),
        ({"numbers.yaml": "default: anna\n", "phone.yaml": "voicemail: {enabled: false}\n",
          "personas/bob.yaml": "hours: {monday: ['09:00-10:00']}\n"},
         "personas/bob.yaml:1:1: outside_hours: voicemail is switched off in phone.yaml. Enable it"
         " there, or set outside_hours: {then: hang_up}."),
        ({"numbers.yaml": "default: anna\n", "phone.yaml": "transfers: {A: {number: '1'}}\n"},
         "phone.yaml:1:16: transfers.A: a target cannot be called 'A'. Use one to six words of"
         " small letters and digits, like a colleague."),
    ],
)  # fmt: skip
def test_fault_x12_files_that_do_not_fit_together_are_refused(
    files: Mapping[str, str], message: str
) -> None:
    personas = {"personas/anna.yaml": "{}\n", "personas/bob.yaml": "{}\n"}
    assert message in told({**personas, **files})


def test_an_engine_that_is_not_there_needs_a_fallback() -> None:
    files = persona("engine: realtime\n")
    assert told(files, {"local"}) == [
        "personas/anna.yaml:1:9: engine: realtime cannot be had here. Add a fallback that is:"
        " local."
    ]
    assert told(persona("engine: realtime\nfallbacks: [turns]\n"), ())[0].startswith(
        "personas/anna.yaml:1:9: engine: realtime and turns cannot be had here."
    )
    role = load(persona("engine: realtime\nfallbacks: [local]\n"), {"local"}).role_of(None)
    assert role is not None
    assert role.engines("turns", ()) == ("realtime", "local")
    plain = load(persona("fallbacks: [local]\n")).role_of(None)
    assert plain is not None
    assert plain.engines("realtime", ()) == ("realtime", "local")


def test_all_problems_of_all_files_are_told_in_order() -> None:
    files = {
        "tools/b.yaml": COOK + "colour: red\nname: a\n",
        "tools/a.yaml": "handler: nobody\nphrases: 5\n",
        "personas/anna.yaml": "greeting: 5\nvoice: 6\ntools: [zz]\n",
        "numbers.yaml": "default: bob\nx: 1\n",
        "shop.yaml": "name: 5\n",
        "phone.yaml": "human: x\ntransfers: {}\nnumbers: {'1': {}}\n",
        "snippets.yaml": "snippets: {a: '{'}\n",
    }
    assert [each.partition(". ")[0].partition(" ")[0] for each in told(files)] == [
        "numbers.yaml:2:4:", "personas/anna.yaml:1:11:", "personas/anna.yaml:2:8:",
        "personas/anna.yaml:3:9:", "phone.yaml:1:8:", "phone.yaml:3:16:", "shop.yaml:1:1:",
        "shop.yaml:1:1:", "shop.yaml:1:1:", "shop.yaml:1:7:", "snippets.yaml:1:15:",
        "tools/a.yaml:2:10:", "tools/b.yaml:2:9:", "tools/b.yaml:3:7:",
    ]  # fmt: skip


def test_what_hangs_on_a_broken_shop_is_not_told() -> None:
    files = {"shop.yaml": "name: 5\n", "tools/a.yaml": "handler: booking.x\n"}
    assert all(each.startswith("shop.yaml") for each in told(files))
    broken = {**persona("instructions: '{rules}'\n"), "snippets.yaml": "snippets: 5\n"}
    assert told(broken) == [
        "snippets.yaml:1:11: snippets: must be a mapping of names to values, not a number. Give a"
        " mapping of names to values."
    ]


def test_a_persona_without_tool_files_may_name_tools_in_code() -> None:
    files = {"personas/anna.yaml": "tools: [cook, cake]\n"}
    assert told(files) == [
        "personas/anna.yaml:1:15: tools.1: there is no tool 'cake'. Known here: cook, keys, menu."
    ]


def test_fault_x12_huge_folders_are_refused() -> None:
    many = {f"tools/t{n}.yaml": COOK for n in range(MAX_FILES + 1)}
    assert told(many) == [
        ".: there are 201 files, and at most 200 are read. Take out what is not needed."
    ]
    large = {f"tools/t{n}.yaml": "#" * 60_000 for n in range(20)}
    assert told(large) == [".: the files are over 512 KiB together. Take out what is not needed."]
    assert told({"tools/a.yaml": "#" * 10_000_000}) == [
        "tools/a.yaml: is over 64 KiB. Take out what is not needed."
    ]


def test_the_root_stands_before_every_path() -> None:
    with pytest.raises(ConfigError) as caught:
        load_configuration({"shop.yaml": "name: 5\n", "tools/a.yml": ""}, offered, root="here")
    assert {str(each).partition("/")[0] for each in caught.value.problems} == {"here"}


TEXT = st.text(alphabet="ab:-[]{}&*!'\"#% \n.,", max_size=40) | st.sampled_from(
    [
        "default: a\n", "numbers: {}\n", "snippets: {a: b}\n", "snippets: {a: '{today}'}\n",
        "greeting: '{a}'\n", "tools: [a]\n", COOK, "handler: kitchen.menu\n", "{}\n", "",
        "engine: local\nhours: {monday: ['09:00-10:00']}\n", DEFAULT_SHOP, PHONE,
    ]
)  # fmt: skip
PATHS = st.sampled_from(
    ["shop.yaml", "phone.yaml", "numbers.yaml", "snippets.yaml", "tools/a.yaml", "tools/b.yaml",
     "personas/a.yaml", "personas/b.yaml", "tools/a.yml", "x.yaml"]
)  # fmt: skip


@settings(max_examples=examples(80))
@given(st.dictionaries(PATHS, TEXT, max_size=6))
def test_any_files_are_a_configuration_or_problems(files: dict[str, str]) -> None:
    try:
        found = load(files)
    except ConfigError as error:
        for problem in error.problems:
            assert (bool(problem.hint), bool(problem.what), bool(problem.where)) == (True,) * 3
    else:
        assert found.role_of(None) is not None or not found.roles


def test_a_persona_with_a_tool_that_it_could_never_use_is_told_of() -> None:
    files = {
        **persona("greeting: Hello.\ntools: [cook]\n"),
        "tools/cook.yaml": COOK + "requires: [menu]\n",
        "tools/menu.yaml": "handler: kitchen.menu\n",
    }
    assert told(files) == [
        "personas/anna.yaml:2:9: tools.0: cook requires menu, which this persona does not have. Add"
        " menu, see that its audience holds this persona, or take cook out."
    ]
    assert load({**files, "personas/anna.yaml": "tools: [cook, menu]\n"})
    files["tools/menu.yaml"] += "audience: {personas: [bob]}\n"
    files["personas/bob.yaml"] = "{}\n"
    files["personas/anna.yaml"] = "greeting: Hello.\n"
    files["numbers.yaml"] = "default: anna\n"
    assert told(files) == [
        "personas/anna.yaml:1:1: cook requires menu, which this persona does not have. Let the"
        " audience of menu hold it, or that of cook not."
    ]


def test_a_book_of_contacts_is_part_of_it() -> None:
    assert load({"crm.yaml": "region: GB\n"}).crm.region == "GB"
    assert told({"crm.yaml": "region: XX\n", "phone.yaml": "x: 1\n"})[0].startswith(
        "crm.yaml:1:9: region: 'XX' is no region of numbers"
    )
