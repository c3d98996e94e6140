"""From what a model writes to what can be spoken: at once, in whole phrases, without its marks."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.chat.phrases import Phrases


def spoken(*pieces: str) -> list[list[str]]:
    """What can be spoken after each piece, and at the end."""
    phrases = Phrases()
    return [*(phrases.push(piece) for piece in pieces), phrases.flush()]


def test_a_sentence_is_spoken_once_it_is_known_to_be_over() -> None:
    assert spoken("We open at nine.", " What day", " would suit you?") == [
        [],
        ["We open at nine."],
        [],
        ["What day would suit you?"],
    ]
    assert spoken("Sure. ", "When?") == [["Sure."], [], ["When?"]]


def test_dots_that_end_nothing_are_waited_on() -> None:
    assert spoken("Ask for Dr. ", "Smith at 3 p.m. ", "on Friday.") == [
        [],
        [],
        [],
        ["Ask for Dr. Smith at 3 p.m. on Friday."],
    ]


def test_the_first_clause_of_a_long_sentence_is_spoken_at_once_and_later_ones_wait() -> None:
    first, second, third, last = spoken(
        "I have found three free times on Tuesday, ", "at ten, at half past eleven, ", "or at", ""
    )[:4]
    assert first == ["I have found three free times on Tuesday,"]
    assert (second, third, last) == ([], [], [])
    assert spoken("Yes, we do, ")[0] == []


def test_nobody_waits_for_the_end_of_a_sentence_without_one() -> None:
    found = spoken("word " * 60)
    assert found[0]
    assert all(len(phrase) <= 240 for phrase in found[0])


def test_marks_and_thoughts_are_not_spoken() -> None:
    told = spoken("<thi", "nk>The caller wants.", " Yes.</th", "ink>**Sure.**\n", "- At _ten_? 😀")
    assert [phrase for phrases in told for phrase in phrases] == ["Sure.", "At ten?"]
    assert spoken("Hello. <think>and never an end") == [["Hello."], []]
    assert spoken("2 < 3, ", "or <")[-1] == ["2 < 3, or <"]


@pytest.mark.parametrize("text", ["", "   ", "...", "**", "😀", "\n\n"])
def test_what_holds_no_word_is_not_spoken(text: str) -> None:
    assert spoken(text) == [[], []]


@given(st.text(st.sampled_from("ab.? ,A"), max_size=80), st.lists(st.integers(0, 80), max_size=6))
def test_no_word_is_lost_or_said_twice(text: str, cuts: list[int]) -> None:
    places = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    parts = [text[a:b] for a, b in itertools.pairwise(places)]
    said = "".join(phrase for phrases in spoken(*parts) for phrase in phrases)
    assert [letter for letter in said if letter in "abA"] == [x for x in text if x in "abA"]
