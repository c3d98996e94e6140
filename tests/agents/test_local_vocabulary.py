"""Tokens as text, and which may come next: with a vocabulary small enough to read."""

import numpy as np
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from agents.local.expectation import plain
from agents.local.vocabulary import START, Grammar, Grammars, Vocabulary, follow, records

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
BYTES = [b"<unk>", b"<s>", b"</s>", *(bytes([byte]) for byte in range(256))]
PIECES = [
    "Yes",
    "No",
    f"{SPACE}please",
    "ye",
    "s",
    ",",
    ".",
    f"{SPACE}No",
    f"{SPACE}",
    "3",
    ":",
    "e",
]
LAST = 259
"""A token that is no punctuation."""


def packed(entries: list[bytes]) -> bytes:
    return b"".join(length(len(entry)) + entry for entry in entries)


def length(size: int) -> bytes:
    return bytes([size]) if size < 128 else bytes([size % 128 + 128, size // 128])


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(packed([*BYTES, *(piece.encode() for piece in PIECES)]))


def ids(*pieces: str) -> set[int]:
    return {259 + PIECES.index(piece) for piece in pieces}


def likely(vocabulary: Vocabulary, *pieces: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Log-probabilities that fall in the order named; all else is least likely."""
    logprobs = np.full(len(vocabulary), -100.0, np.float32)
    for rank, piece in enumerate(pieces):
        logprobs[259 + PIECES.index(piece)] = -1.0 - rank
    return logprobs


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_every_record_comes_back_as_it_was_packed(entries: list[bytes]) -> None:
    assert list(records(packed(entries))) == entries


@given(st.binary(max_size=200))
def test_any_bytes_are_some_records(file: bytes) -> None:
    try:
        list(records(file))
    except IndexError:
        # A length of two bytes of which the file holds one.
        assert file


def test_joined_tokens_are_words_without_control_tokens(vocabulary: Vocabulary) -> None:
    yes, please, comma = (259 + PIECES.index(piece) for piece in ("Yes", f"{SPACE}please", ","))
    assert vocabulary.join([1, yes, comma, please, 2]) == "Yes, please"


def test_bytes_make_up_letters_that_have_no_token(vocabulary: Vocabulary) -> None:
    assert vocabulary.join([3 + byte for byte in "é".encode()]) == "é"


@given(st.text("aB ,.!", max_size=8), st.text("aB ,.!", max_size=8))
def test_following_piece_by_piece_is_the_plain_form_of_the_whole(first: str, second: str) -> None:
    assert follow(follow("", first), second).strip() == plain(first + second)


def test_a_tight_pattern_leaves_few_tokens(vocabulary: Vocabulary) -> None:
    grammar = Grammar("yes( please)?|no", vocabulary)
    logprobs = np.zeros(len(vocabulary), np.float32)
    assert set(grammar.best("", START, logprobs, 20)) >= ids("Yes", "No", "ye", f"{SPACE}No")
    assert not set(grammar.best("", START, logprobs, 20)) & ids("s", "3", "e", ":")
    assert set(grammar.best("ye", LAST, logprobs, 20)) == ids("s", ",", ".")
    assert set(grammar.best("yes", LAST, logprobs, 20)) == ids(
        f"{SPACE}please", f"{SPACE}", ",", "."
    )


def test_punctuation_stands_once_and_not_at_the_beginning(vocabulary: Vocabulary) -> None:
    grammar = Grammar("yes( please)?|no", vocabulary)
    logprobs = np.zeros(len(vocabulary), np.float32)
    mute = ids(",", ".", SPACE)
    assert not set(grammar.best("", START, logprobs, 20)) & mute
    assert set(grammar.best("yes", 259 + PIECES.index(","), logprobs, 20)) == ids(f"{SPACE}please")


def test_only_a_full_match_may_end(vocabulary: Vocabulary) -> None:
    grammar = Grammar("yes please|no", vocabulary)
    assert grammar.complete("yes please")
    assert grammar.complete("no ")
    assert not grammar.complete("yes")
    assert not grammar.complete("")


def test_the_likeliest_come_first(vocabulary: Vocabulary) -> None:
    grammar = Grammar("yes|no", vocabulary)
    best = grammar.best("", START, likely(vocabulary, "3", "No", "ye", "Yes"), 2)
    assert best == [259 + PIECES.index("No"), 259 + PIECES.index("ye")]


def test_a_loose_pattern_is_tried_by_likelihood(
    vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Grammar, "_WALK", 1)
    monkeypatch.setattr(Grammar, "_TRIES", 20)
    grammar = Grammar("[a-z ]+", vocabulary)
    assert grammar.best("ye", LAST, likely(vocabulary, "3", "s", "No"), 2) == [
        259 + PIECES.index("s"),
        259 + PIECES.index("No"),
    ]
    assert grammar.best("ye", LAST, likely(vocabulary, "3", ":"), 50) != []


def test_a_bad_pattern_is_refused(vocabulary: Vocabulary) -> None:
    with pytest.raises(regex.error):
        Grammars(vocabulary).of("(")


def test_the_least_lately_used_grammar_is_forgotten(vocabulary: Vocabulary) -> None:
    grammars = Grammars(vocabulary, limit=2)
    first, second = grammars.of("a"), grammars.of("b")
    assert grammars.of("a") is first
    grammars.of("c")
    assert grammars.of("a") is first
    assert grammars.of("b") is not second
