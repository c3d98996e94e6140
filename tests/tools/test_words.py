"""Words as tokens: figures for numbers, however they were spoken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.words import holds, rank_of, ranked, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Twenty-four, please!", ["24", "please"]),
        ("the twenty fourth of Nov.", ["the", "24th", "of", "november"]),
        ("two hundred and fifty", ["250"]),
        ("one thousand two hundred", ["1200"]),
        ("one hundred", ["100"]),
        ("1,200 guests", ["1200", "guests"]),
        ("seven nine four six", ["7", "9", "4", "6"]),
        ("at 3.30 p.m.", ["at", "3:30", "pm"]),
        ("3pm or 15:30", ["3", "pm", "or", "15:30"]),
        ("the 22nd on Tues", ["the", "22nd", "on", "tuesday"]),
        ("the thirtieth", ["the", "30th"]),
        ("the eleventh", ["the", "11th"]),
        ("Zoë\u2019s café", ["zoe", "cafe"]),
        ("mens_cut", ["mens", "cut"]),
        ("don't", ["don't"]),
        ("", []),
        ("... !", []),
    ],
)
def test_a_text_is_words_and_figures(text: str, expected: list[str]) -> None:
    assert list(tokens(text)) == expected


@pytest.mark.parametrize(("number", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th")])
def test_ordinals_have_their_endings(number: int, text: str) -> None:
    assert ranked(number) == text
    assert rank_of(text) == number


def test_what_is_no_ordinal_has_no_rank() -> None:
    assert rank_of("24") is None
    assert rank_of("first") is None


def test_a_phrase_is_found_as_whole_words() -> None:
    said = tokens("the day after tomorrow")
    assert holds(said, ("day", "after"))
    assert not holds(said, ("after", "day"))
    assert not holds(("day",), ("day", "after"))


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert all(token and " " not in token for token in tokens(text))


@given(st.integers(0, 99_999))
def test_figures_stay_what_they_are(number: int) -> None:
    assert tokens(str(number)) == (str(number),)
