"""The list of tools and personas: how each stands, and who uses it."""

from telephony.configuring.overview import Item, kind_of, overview
from tools.config import ConfigError

BOOK = "tools/book.yaml"
PERSONAS = {"personas/day.yaml": "greeting: Hello\n", "personas/night.yaml": "tools: [end]\n"}
NUMBERS = 'default: day\nnumbers: {"+441": night, "+442": day}\n'


def listed(
    newest: dict[str, str],
    published: dict[str, str] | None = None,
    *errors: ConfigError,
) -> dict[str, Item]:
    return {each.path: each for each in overview(newest, published or newest, errors)}


def test_only_tools_and_personas_are_listed() -> None:
    files = {
        BOOK: "",
        "shop.yaml": "",
        "tools/deeper/x.yaml": "",
        "tools/notes.yml": "",
        **PERSONAS,
    }
    assert set(listed(files)) == {BOOK, *PERSONAS}
    assert (kind_of(BOOK), kind_of("personas/a.yaml"), kind_of("x.yaml")) == (
        "tool",
        "persona",
        None,
    )


def test_state_follows_from_what_is_published_and_what_is_wrong() -> None:
    files = {BOOK: "a: 1", "tools/new.yaml": "", "tools/bad.yaml": "", "tools/same.yaml": ""}
    published = {BOOK: "a: 2", "tools/gone.yaml": "", "tools/bad.yaml": "", "tools/same.yaml": ""}
    errors = [ConfigError("tools/bad.yaml:1:1", "is odd", ""), ConfigError("x", "is odd", "")]
    found = listed(files, published, *errors)
    assert {path: (item.state, item.change) for path, item in found.items()} == {
        BOOK: ("draft", "changed"),
        "tools/new.yaml": ("draft", "added"),
        "tools/bad.yaml": ("broken", ""),
        "tools/gone.yaml": ("draft", "removed"),
        "tools/same.yaml": ("published", ""),
    }
    assert found["tools/bad.yaml"].errors == 1


def test_who_may_use_a_tool_and_which_numbers_come_to_it() -> None:
    tools = {
        BOOK: "name: book_it\ndescription: |\n  Book\n  something.\nhandler: a.b\n",
        "tools/end.yaml": "handler: calls.end_call\n",
        "tools/late.yaml": "audience: {personas: [night]}\n",
    }
    found = listed({**tools, **PERSONAS, "numbers.yaml": NUMBERS})
    book, end, late = (found[path] for path in tools)
    assert (book.name, book.about, book.handler) == ("book_it", "Book something.", "a.b")
    assert (book.personas, book.numbers, book.other_numbers) == (("day",), ("+442",), True)
    assert (end.personas, end.numbers, end.other_numbers) == (
        ("day", "night"),
        ("+441", "+442"),
        True,
    )
    assert late.personas == ()
    night = found["personas/night.yaml"]
    assert (night.numbers, night.other_numbers, night.personas) == (("+441",), False, ())


def test_a_single_persona_and_none_answer_all_numbers() -> None:
    alone = listed({BOOK: "", "personas/day.yaml": ""})
    assert (alone[BOOK].personas, alone[BOOK].other_numbers) == (("day",), True)
    built_in = listed({BOOK: ""})
    assert (built_in[BOOK].personas, built_in[BOOK].other_numbers) == (("",), True)


def test_files_that_make_no_sense_are_listed_all_the_same() -> None:
    files = {
        BOOK: "a: [",
        "tools/odd.yaml": "name: [x]\naudience: never\ndescription: 5\n",
        "tools/odder.yaml": "audience: {personas: everybody}\n",
        "personas/odd.yaml": "tools: everything\n",
        "numbers.yaml": "numbers: none\ndefault: 5\n",
    }
    found = listed(files)
    assert (found[BOOK].name, found["tools/odd.yaml"].about) == ("book", "")
    assert found["tools/odder.yaml"].personas == ("odd",)
