"""A configuration file becomes data, or a message with its line, column and cure."""

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.config import MAX_BYTES, ConfigError, Document
from tools.validation import Schema


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Document(text, "a.yaml")
    return str(caught.value)


def test_plain_values_are_read_and_dates_and_clocks_stay_text() -> None:
    text = (
        "a: 2026-12-25\nb: 09:00-17:00\nc: [1, -2, 1.5, true, FALSE, ~]\nd: {e: yes}\n"
        "f: '5'\ng:\nh: 0x1F\ni: .inf\nj: 017\n"
        "k: 1e999\nl: 1e3\n"
    )
    assert Document(text, "a.yaml").data == {
        "a": "2026-12-25",
        "b": "09:00-17:00",
        "c": [1, -2, 1.5, True, False, None],
        "d": {"e": "yes"},
        "f": "5",
        "g": None,
        "h": "0x1F",
        "i": ".inf",
        "j": 17,
        "k": "1e999",
        "l": 1000.0,
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "--- \n"])
def test_an_empty_file_holds_nothing(text: str) -> None:
    assert Document(text, "a.yaml").data == {}


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a: 1\nb: [1\n", "a.yaml:3:1: "),
        ("a: 1\na: 2\n", "a.yaml:2:1: a: is given twice. Keep one of the two."),
        ("a:\n  b: 1\n  b: 2\n", "a.yaml:3:3: a.b: is given twice"),
        ("- 1\n", "a.yaml:1:1: does not hold `name: value` lines"),
        ("text\n", "a.yaml:1:1: does not hold"),
        ("a: &x 1\nb: *x\n", "a.yaml:1:4: a: uses an anchor or alias"),
        ("a: &x [*x]\n", "a.yaml:1:4: a: uses an anchor"),
        ("a: !!python/object:os.system x\n", "a.yaml:1:4: a: has a tag (!)"),
        ("a: !mine {b: 1}\n", "a.yaml:1:4: a: has a tag (!)"),
        ("<<: {a: 1}\n", "a.yaml:1:1: has a name that is not plain text"),
        ("? [a]\n: 1\n", "a.yaml:1:3: has a name that is not plain text"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2:1: but found another document"),
        ("a: \x00\n", "a.yaml: is not readable as YAML (ReaderError)"),
        ("[" * 1000, "a.yaml"),
        ("a: " + "[" * 1000, "a.yaml: has too many brackets open at once"),
        ("- " * 2000, "a.yaml: is not readable as YAML (RecursionError)"),
        ("a: " + "x" * MAX_BYTES, "a.yaml: is over 64 KiB"),
    ],
)
def test_fault_x12_poison_config_is_refused_with_its_place(text: str, start: str) -> None:
    assert refusal(text).startswith(start)


class Part(msgspec.Struct):
    size: Annotated[int, msgspec.Meta(ge=1)]


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    parts: list[Part] = []


SCHEMA = Schema(msgspec.json.schema(Whole))


def test_a_document_is_read_as_its_type() -> None:
    document = Document("name: x\nparts: [{size: 2}]\n", "a.yaml")
    assert document.read(Whole, SCHEMA) == Whole("x", [Part(2)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parts: []\n", "a.yaml:1:1: name: is missing. Give it."),
        (
            "name: x\nparts:\n- size: 1\n- size: 0\n",
            "a.yaml:4:9: parts.1.size: is too small. Give 1 or more.",
        ),
        ("name: x\nparts:\n- {}\n", "a.yaml:3:3: parts.0.size: is missing. Give it."),
        ("name: 5\ncolour: red\n", "a.yaml:1:7: name: must be text, not a number. Give text."),
        ("name: x\ncolour: red\n", "a.yaml:2:9: colour: is not known. Known here: name, parts."),
    ],
)
def test_the_first_problem_in_the_file_is_told(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Document(text, "a.yaml").read(Whole, SCHEMA)
    assert str(caught.value) == message


def test_an_error_keeps_its_parts() -> None:
    error = Document("name: x\n", "a.yaml").error(["name"], "is odd", "Change it")
    assert (error.where, error.what, error.hint) == ("a.yaml:1:7", "name: is odd", "Change it")


def read_or_refused(text: str) -> dict[str, Any] | ConfigError:
    try:
        return Document(text, "a.yaml").data
    except ConfigError as error:
        return error


@given(st.text(max_size=200) | st.text(alphabet="ab:-[]{}&*!<>|?'\"#%\n \t01.~,", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = read_or_refused(text)
    if isinstance(found, ConfigError):
        assert found.where.startswith("a.yaml")
        assert found.hint
    else:
        assert isinstance(found, dict)
