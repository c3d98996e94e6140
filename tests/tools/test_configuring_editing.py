"""A change made in a form is that change in the text, and no other."""

import copy
import difflib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from telephony.configuring.starters import KINDS, starter
from tools.config import ConfigError, Document
from tools.configuring.editing import Edit, Uneditable, edited
from tools.configuring.toolfile import ToolFile

ORDER = ToolFile.__struct_fields__
FILES = [text for kind in KINDS for path, text in starter(kind).items() if "/" in path]
TEXT = """\
# What everybody should know.
handler: booking.book_appointment   # see docs
limits: {per_call: 5}
# How they ask for it.
phrases:
  # said most often
  - book me in
  - an appointment   # and this

examples:
  - says: My tooth hurts
    arguments: {time: "08:00", date: 2026-03-04}   # tomorrow
# The end.
"""


def lines_changed(before: str, after: str) -> list[str]:
    rows = difflib.ndiff(before.splitlines(), after.splitlines())
    return [row for row in rows if row[:2] in ("- ", "+ ")]


def told(path: tuple[str | int, ...], value: Any = None, text: str = TEXT) -> list[str]:
    return lines_changed(text, edited(text, [Edit(path, value)], ORDER))


def test_one_value_is_one_line_and_its_comment_stays() -> None:
    assert told(("handler",), "calls.end_call") == [
        "- handler: booking.book_appointment   # see docs",
        "+ handler: calls.end_call             # see docs",
    ]
    assert told(("limits", "per_call"), 3) == [
        "- limits: {per_call: 5}",
        "+ limits: {per_call: 3}",
    ]
    assert told(("phrases", 0), "I want to come") == ["-   - book me in", "+   - I want to come"]


def test_what_looks_like_something_else_is_quoted() -> None:
    for value in ("true", "5", "# no comment", "a: b", "", " x ", "null", "- a", "*", "{x}"):
        found = edited(TEXT, [Edit(("filler",), value)], ORDER)
        assert Document(found, "file").data["filler"] == value


def test_a_new_field_stands_where_its_declaration_does() -> None:
    found = edited(TEXT, [Edit(("risk",), "money"), Edit(("name",), "book")], ORDER)
    fields = list(Document(found, "file").data)
    assert fields == ["handler", "name", "limits", "phrases", "risk", "examples"]
    assert edited("# empty\n", [Edit(("handler",), "http")]) == "# empty\nhandler: http\n"
    assert edited("", [Edit(("handler",), "http")]) == "handler: http\n"
    assert edited("a: 1", [Edit(("b",), 2)]) == "a: 1\nb: 2\n"


def test_lists_keep_the_comments_of_the_entries_that_stay() -> None:
    less = edited(TEXT, [Edit(("phrases",), ["new", "an appointment"])], ORDER)
    assert "  - an appointment   # and this\n" in less
    assert told(("phrases", 2), "one more") == ["+   - one more"]
    gone = edited(TEXT, [Edit(("phrases", 1), remove=True)], ORDER)
    assert Document(gone, "file").data["phrases"] == ["book me in"]
    assert "# said most often" in gone


def test_long_and_many_lined_texts_are_written_as_blocks() -> None:
    long = " ".join(["appointment"] * 20)
    found = edited(TEXT, [Edit(("description",), long), Edit(("filler",), "one\ntwo\n")], ORDER)
    assert "description: >-\n" in found
    assert "filler: |\n  one\n  two\n" in found
    assert max(map(len, found.splitlines())) <= 100
    again = edited(found, [Edit(("description",), f"{long} shorter")], ORDER)
    assert "description: >-\n" in again


def test_a_field_is_taken_out_and_the_comment_before_the_next_stays() -> None:
    found = edited(TEXT, [Edit(("limits",), remove=True)], ORDER)
    assert lines_changed(TEXT, found) == ["- limits: {per_call: 5}"]
    emptied = edited(TEXT, [Edit(("limits", "per_call"), remove=True)], ORDER)
    assert Document(emptied, "file").data["limits"] == {}


def test_texts_that_are_written_on_one_line_are_changed_as_a_whole() -> None:
    assert edited("{a: 1, b: {c: 2}} # why\n", [Edit(("b", "c"), 3)]) == "{a: 1, b: {c: 3}} # why\n"
    found = edited("a: 1\r\nb: 2\r\n", [Edit(("b",), 3)])
    assert Document(found, "file").data == {"a": 1, "b": 3}


def test_nothing_changed_is_the_same_text() -> None:
    assert edited(TEXT, [Edit(("limits", "per_call"), 5)], ORDER) == TEXT


@pytest.mark.parametrize(
    "edit",
    [
        Edit(()),
        Edit((0,), 1),
        Edit(("handler", "inside"), 1),
        Edit(("phrases", 9), "x"),
        Edit(("phrases", "x"), "x"),
        Edit(("gone",), remove=True),
        Edit(("gone", "inside"), remove=True),
    ],
)
def test_what_cannot_be_done_is_said(edit: Edit) -> None:
    with pytest.raises(Uneditable):
        edited(TEXT, [edit], ORDER)


@pytest.mark.parametrize(
    "text", ["a: &x 1\nb: *x\n", "a: !!python/object:os.system 1", "a: 1\na: 2", "a: [", "- a"]
)
def test_fault_c5_what_cannot_be_read_is_not_changed(text: str) -> None:
    with pytest.raises(ConfigError):
        edited(text, [Edit(("b",), 1)])


# ---- every file that is shipped, every value there could be -------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(FILES), st.data())
def test_any_edit_says_what_was_wanted_and_leaves_all_other_fields_alone(
    text: str, data: st.DataObject
) -> None:
    held = Document(text, "file").data
    name = data.draw(st.sampled_from([*held, "added"]))
    value = data.draw(plain)
    wanted = copy.deepcopy(held)
    wanted[name] = value
    try:
        found = edited(text, [Edit((name,), value)], ORDER)
    except Uneditable:
        # Characters that YAML does not take, or that no file may hold: said, not written.
        assume(False)
    assert Document(found, "file").data == wanted
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in found.splitlines() if line in comments] == comments


def test_lists_of_every_kind_of_value_are_compared_as_they_are_read() -> None:
    text = "a:\n  - 2026-03-04  # a day\n  - 5\n  - 1.5\n  - true\n  - {x: [1]}\n  - last  # end\n"
    wanted = ["2026-03-04", 5, 1.5, True, {"x": [1]}, "last", None]
    found = edited(text, [Edit(("a",), wanted)])
    assert Document(found, "file").data == {"a": wanted}
    assert found.startswith(text)
    assert edited(found, [Edit(("a",), wanted[:6])]) == text
    held = "a: {day: 2026-03-04, n: 1}  # why\n"
    assert edited(held, [Edit(("a",), {"day": "2026-03-04", "n": 2})]) == held.replace("1}", "2}")


def test_quotes_and_parts_are_kept_as_somebody_wrote_them() -> None:
    text = "a: \"one\"\nb: 'two'\nc:\n  d: 1  # inside\n  e: 2\nf:\n"
    edits = [
        Edit(("a",), "three"),
        Edit(("b",), "four"),
        Edit(("c",), {"d": 3, "g": {"h": "i"}}),
        Edit(("f", "new"), 1),
    ]
    assert edited(text, edits) == (
        "a: \"three\"\nb: 'four'\nc:\n  d: 3  # inside\n  g:\n    h: i\nf:\n  new: 1\n"
    )


def test_a_list_that_is_not_moved_in_stays_so_and_entries_are_made_on_the_way() -> None:
    assert edited("a:\n- x\n", [Edit(("a", 1), "y")]) == "a:\n- x\n- y\n"
    found = edited("a: 1\n", [Edit(("b", 0), {"c": "d"})])
    assert Document(found, "file").data == {"a": 1, "b": [{"c": "d"}]}
    inside = edited("a:\n  - b: 1\n", [Edit(("a", 0, "b"), 2)])
    assert inside == "a:\n  - b: 2\n"


def test_what_no_file_can_hold_is_refused_not_written() -> None:
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"b": deep}
    with pytest.raises(Uneditable, match="change it in the text"):
        edited("a: 1\n", [Edit(("b",), deep)])
