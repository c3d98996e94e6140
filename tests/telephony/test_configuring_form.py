"""A file as a form: its fields from declarations, mistakes at their fields, values as they are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.configuring.form import FORMS, Field, Form, form_of, order_of, written
from telephony.configuring.form import _yaml as shown
from telephony.configuring.published import SHAPES, kind_of
from telephony.configuring.starters import KINDS, starter
from tools.config import ConfigError

PATH = "tools/x.yaml"


def drawn(text: str, *errors: ConfigError, kind: str = "tool", **known: list[str]) -> Form:
    return form_of(kind, PATH, text, errors, known)


def at(form: Form, *path: str | int) -> Field:
    fields = form.fields
    for depth in range(1, len(path) + 1):
        found = next(each for each in fields if each.path == path[:depth])
        fields = found.fields
    return found


def wrong(place: str, what: str) -> ConfigError:
    return ConfigError(place, what, "Mend it")


def test_every_declared_field_is_there_with_its_help() -> None:
    for kind in FORMS:
        form = drawn("", kind=kind)
        named = [field.path[0] for field in form.fields]
        assert set(named) == {*order_of(kind)} - {"http", "mcp"}
        assert all(field.help for field in form.fields)
        assert form.about == (SHAPES[kind].__doc__ or "").strip()
    assert order_of("no such kind") == ()


def test_every_shipped_file_can_be_shown() -> None:
    for kit in KINDS:
        for path, text in starter(kit).items():
            assert form_of(kind_of(path), path, text).fields


def test_a_section_is_drawn_from_its_own_declaration() -> None:
    form = drawn("handler: http\nhttp: {url: 'https://x.example/', answer: {done: ['204']}}")
    assert at(form, "http", "method").choices == ("DELETE", "GET", "PATCH", "POST", "PUT")
    assert at(form, "http", "answer", "done").value == ["204"]
    assert at(form, "http", "timeout_s").label == "Timeout, seconds"
    assert at(form, "http", "timeout_s").default == "5.0"
    # Where the handler is another one, what stands there is shown as it is.
    assert at(drawn("handler: x.y\nhttp: {url: z}"), "http").kind == "yaml"


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("phrases: one", "phrases", "one"),
        ("phrases: [1]", "phrases", "[1]"),
        ("limits: often", "limits", "often"),
        ("deadline_s: soon", "deadline_s", "soon"),
        ("idempotent: maybe", "idempotent", "maybe"),
        ("risk: [read]", "risk", "[read]"),
        ("filler: [a]", "filler", "[a]"),
        ("parameters: [a]", "parameters", "[a]"),
        ("examples: {says: x}", "examples", "{says: x}"),
    ],
)
def test_what_does_not_fit_is_shown_as_it_is_written(line: str, field: str, value: str) -> None:
    found = at(drawn(f"handler: x\n{line}\n"), field)
    assert (found.kind, found.value) == ("yaml", value)


def test_an_entry_that_does_not_fit_is_shown_as_it_is_written() -> None:
    form = drawn("handler: x\nparameters: {day: soon, hour: }\nexamples: [soon]\n")
    assert (at(form, "parameters", "day").kind, at(form, "parameters", "day").value) == (
        "yaml",
        "soon",
    )
    assert at(form, "parameters", "hour").kind == "part"
    assert at(form, "examples", 0).label == "1"
    assert at(form, "examples", 0).kind == "yaml"


def test_a_mistake_stands_once_at_the_innermost_field() -> None:
    form = drawn(
        "handler: x\nlimits: {per_call: 0}\n",
        wrong(f"{PATH}:2:20", "limits.per_call: is too small"),
        wrong(f"{PATH}:2:1", "limits.unknown: is not known"),
        wrong(f"{PATH}:1:1", "is odd"),
        wrong(PATH, "no such: field, only words"),
        wrong("tools/other.yaml:1:1", "handler: is wrong there"),
        wrong(f"{PATH}.bak:1:1", "handler: is wrong there"),
    )
    assert at(form, "limits", "per_call").errors == ("Line 2: is too small. Mend it.",)
    assert at(form, "limits").errors == ("Line 2: is not known. Mend it.",)
    assert form.errors == ("Line 1: is odd. Mend it.", "no such: field, only words. Mend it.")
    assert at(form, "handler").errors == ()


def test_what_may_be_meant_is_offered() -> None:
    form = drawn("handler: x\n", requires=["book", "cancel"])
    assert at(form, "requires").choices == ("book", "cancel")
    assert at(form, "limits", "per_call").label == "Per call"


def test_a_text_that_cannot_be_read_has_no_form() -> None:
    with pytest.raises(ConfigError):
        drawn("a: [")
    with pytest.raises(ConfigError):
        written("[1")
    assert written("a: 1\nb: [2]") == {"a": 1, "b": [2]}


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(plain)
def test_what_is_shown_as_yaml_is_read_back_as_it_was(value: Any) -> None:
    assert written(shown(value)) == value
