"""Three texts, part by part: nothing is lost, and only true conflicts are asked about."""

from hypothesis import given
from hypothesis import strategies as st

from tools.versions.files import MAX_DIFF_LINES
from tools.versions.hunks import Hunk, Side, hunks, merged

BASE = "handler: x\nrisk: read\nlimits:\n  per_call: 5\nfiller: wait\n"


def sides(parts: tuple[Hunk, ...]) -> list[Side]:
    return [each.side for each in parts]


def test_changes_in_different_places_are_merged() -> None:
    parts = hunks(BASE, BASE.replace("read", "money"), BASE.replace("wait", "one moment"))
    assert sides(parts) == [Side.NOBODY, Side.THEIRS, Side.NOBODY, Side.YOURS]
    assert merged(parts) == BASE.replace("read", "money").replace("wait", "one moment")


def test_the_same_line_changed_twice_is_for_a_person_to_decide() -> None:
    parts = hunks(BASE, BASE.replace("5", "6"), BASE.replace("5", "7"))
    conflict = parts[1]
    assert (conflict.side, conflict.base) == (Side.CONFLICT, "  per_call: 5\n")
    assert (conflict.theirs, conflict.yours) == ("  per_call: 6\n", "  per_call: 7\n")
    assert merged(parts) is None


def test_the_same_change_made_by_both_is_no_conflict() -> None:
    parts = hunks(BASE, BASE.replace("5", "6"), BASE.replace("5", "6"))
    assert sides(parts) == [Side.NOBODY, Side.SAME, Side.NOBODY]
    assert merged(parts) == BASE.replace("5", "6")


def test_a_file_that_one_has_taken_out_and_the_other_changed_is_a_conflict() -> None:
    assert sides(hunks("a\n", None, "b\n")) == [Side.CONFLICT]
    assert sides(hunks(None, "a\n", "b\n")) == [Side.CONFLICT]
    assert hunks(None, None, None) == ()


def test_long_texts_are_one_part() -> None:
    base = "x\n" * (MAX_DIFF_LINES + 1)
    assert sides(hunks(base, base, base + "y\n")) == [Side.YOURS]


texts = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=12).map("".join)


@given(texts, texts, texts)
def test_no_line_of_any_text_is_lost(base: str, theirs: str, yours: str) -> None:
    parts = hunks(base, theirs, yours)
    assert "".join(each.base for each in parts) == base
    assert "".join(each.theirs for each in parts) == theirs
    assert "".join(each.yours for each in parts) == yours


@given(texts, texts)
def test_who_is_alone_with_a_change_gets_it(base: str, changed: str) -> None:
    assert merged(hunks(base, base, changed)) == changed
    assert merged(hunks(base, changed, base)) == changed
    assert merged(hunks(base, changed, changed)) == changed
