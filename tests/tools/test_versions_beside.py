"""Two texts side by side: nothing is left out but what is the same and far from any change."""

from hypothesis import given
from hypothesis import strategies as st

from tools.versions.beside import Row, beside, pieces
from tools.versions.files import MAX_DIFF_LINES


def kinds(rows: tuple[Row, ...]) -> list[str]:
    return [row.kind for row in rows]


def test_a_changed_line_stands_beside_what_it_was() -> None:
    before = "".join(f"line {at}\n" for at in range(20))
    rows = beside(before, before.replace("line 9", "line nine"))
    assert kinds(rows) == ["gap", *["same"] * 3, "changed", *["same"] * 3]
    changed = rows[4]
    assert (changed.left_number, changed.right_number) == (10, 10)
    assert (changed.left, changed.right) == ((("line 9", False),), (("line nine", False),))


def test_files_that_come_and_go() -> None:
    assert kinds(beside(None, "a\nb\n")) == ["added", "added"]
    assert kinds(beside("a\n", None)) == ["removed"]
    assert beside("a\n", "a\n") == ()
    long = "x\n" * (MAX_DIFF_LINES + 1)
    assert set(kinds(beside(long, "y\n"))) == {"changed", "removed"}


def test_blanks_that_are_easily_overlooked_are_pieces_of_their_own() -> None:
    assert pieces("  a b \n") == (("  ", True), ("a b", False), (" ", True))
    assert pieces("a\tb\r\n") == (("a", False), ("\t", True), ("b", False), ("\r", True))
    assert pieces("\n") == ()


@given(st.text(alphabet="ab \t", max_size=20))
def test_no_character_is_lost(line: str) -> None:
    assert "".join(text for text, _ in pieces(line)) == line


texts = st.lists(st.sampled_from(["a\n", "b\n", "c\n"]), max_size=15).map("".join)


@given(texts, texts)
def test_every_line_that_differs_is_there_once(before: str, after: str) -> None:
    rows = [row for row in beside(before, after) if row.kind != "gap"]
    lefts = [row.left_number for row in rows if row.left_number]
    rights = [row.right_number for row in rows if row.right_number]
    assert lefts == sorted(set(lefts))
    assert rights == sorted(set(rights))
    same_left = set(range(1, before.count("\n") + 1)) - set(lefts)
    same_right = set(range(1, after.count("\n") + 1)) - set(rights)
    left_out = [before.splitlines()[at - 1] for at in sorted(same_left)]
    assert left_out == [after.splitlines()[at - 1] for at in sorted(same_right)]
