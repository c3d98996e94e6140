"""Words: the same for text and question, in every script, and nothing typed is an operator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.transcripts.index.words import (
    AROUND,
    MOST_TERMS,
    MOST_TEXT,
    MOST_WORD,
    SHOWN,
    Piece,
    Sought,
    Term,
    folded,
    fts5_query,
    fts5_text,
    highlights,
    kept,
    sought,
    tsquery,
    tsvector,
    words_of,
)


def marked(text: str, asked: str, speaker: str = "caller") -> str:
    """The piece that is shown, with what was found in brackets."""
    wanted = sought(asked)
    assert wanted is not None
    found = highlights([(speaker, text)], wanted)
    return "".join(f"[{each.text}]" if each.hit else each.text for _, ps in found for each in ps)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Haircut on Tuesday, at 14:30!", ["haircut", "on", "tuesday", "at", "14", "30"]),
        ("Crème brûlée, ÅNGSTRÖM", ["creme", "brulee", "angstrom"]),
        ("don't", ["don", "t"]),
        ("snake_case a.b", ["snake", "case", "a", "b"]),
        ("Ёлка и щенок", ["елка", "и", "щенок"]),
        ("예약하고 싶어요", ["예약하고", "싶어요"]),
        ("予約したい", ["予", "約", "し", "た", "い"]),
        ("हिन्दी", ["हिन्दी"]),
        ("Straße İstanbul", ["straße", "istanbul"]),
        ("🙂 \u202e!", []),
        ("", []),
        ("x" * 500, ["x" * MOST_WORD]),
    ],
)
def test_words_are_runs_of_letters_without_case_and_accents(text: str, words: list[str]) -> None:
    assert words_of(text) == words
    assert fts5_text(text) == " ".join(words)


@given(st.text())
def test_folding_keeps_every_place(text: str) -> None:
    assert len(folded(text)) == len(text)
    assert folded(folded(text)) == folded(text)


def test_what_is_stored_is_what_a_database_takes() -> None:
    assert kept("a\0b") == "a b"
    assert kept("half \ud83d pair") == "half ? pair"
    assert kept("e\u0301") == "é"
    assert len(kept("x" * (MOST_TEXT + 1))) == MOST_TEXT


@pytest.mark.parametrize(
    ("asked", "wanted", "unwanted"),
    [
        ("hair cut", [Term(("hair",)), Term(("cut",))], []),
        ('"hair cut" now', [Term(("hair", "cut")), Term(("now",))], []),
        ("“hair cut”", [Term(("hair", "cut"))], []),
        ('"never closed', [Term(("never", "closed"))], []),
        ("don't", [Term(("don", "t"))], []),
        ("book*", [Term(("book",), prefix=True)], []),
        ("hair -cut", [Term(("hair",))], [Term(("cut",))]),
        ('hair -"a b"', [Term(("hair",))], [Term(("a", "b"))]),
        ("Caller:Anna agent:hello", [Term(("anna",), speaker="caller"),
                                     Term(("hello",), speaker="agent")], []),
        ('caller:"my name"', [Term(("my", "name"), speaker="caller")], []),
        ("a AND b", [Term(("a",)), Term(("and",)), Term(("b",))], []),
        ("dog - cat", [Term(("dog",)), Term(("cat",))], []),
        ("name:x", [Term(("name", "x"))], []),
    ],
)  # fmt: skip
def test_a_question_is_words(asked: str, wanted: list[Term], unwanted: list[Term]) -> None:
    assert sought(asked) == Sought(tuple(wanted), tuple(unwanted))


@pytest.mark.parametrize("asked", ["", "   ", '"', '""', "-cut", "***", "🙂", "- -", "("])
def test_without_a_word_that_is_wanted_there_is_no_question(asked: str) -> None:
    assert sought(asked) is None


def test_a_question_has_an_end() -> None:
    wanted = sought(" ".join(f"w{number}" for number in range(50)))
    assert wanted is not None
    assert len(wanted.wanted) == MOST_TERMS


def test_queries_are_built_of_words_alone() -> None:
    wanted = sought('caller:"my name" book* -agent:never x')
    assert wanted is not None
    assert fts5_query(wanted) == (
        '((caller : "my name") AND ("book" *) AND ("x")) NOT ((agent : "never"))'
    )
    assert tsquery(wanted) == "('my':A <-> 'name':A) & ('book':*) & ('x') & !('never':B)"
    assert fts5_query(Sought((Term(("a",)),))) == '("a")'
    assert tsquery(Sought((Term(("a",), True, "agent"),))) == "('a':*B)"


@given(st.text(max_size=400))
def test_whatever_is_typed_no_character_of_it_is_an_operator(asked: str) -> None:
    wanted = sought(asked)
    if wanted is not None:
        for term in (*wanted.wanted, *wanted.unwanted):
            assert all(not set(word) & set("'\"\\:*&|!()<> ")
                       for word in term.words)  # fmt: skip


def test_places_of_words_are_told_to_postgresql() -> None:
    assert tsvector("to be or to", "be it") == "'to':1A,4A 'be':2A,6B 'or':3A 'it':7B"
    assert tsvector("", "") == ""
    many = tsvector("ha " * 20_000, "")
    assert many.count(",") == 255
    late = tsvector("", " ".join(f"w{number}" for number in range(17_000)))
    assert late.endswith("'w16999':16383B")


@pytest.mark.parametrize(
    ("text", "asked", "shown"),
    [
        ("I want a haircut.", "HAIRCUT", "I want a [haircut]."),
        ("The café is shut", "cafe", "The [café] is shut"),
        ("book a table, booked", "book", "[book] a table, booked"),
        ("book a table, booked", "book*", "[book] a table, [book]ed"),
        ("in a row, a  row", '"a row"', "in [a row], [a  row]"),
        ("don't know", "don't", "[don't] know"),
        ("明日予約したい", "予約", "明日[予約]したい"),
        ("<img src=x onerror=alert(1)>", "onerror", "<img src=x [onerror]=alert(1)>"),
        ("one\ntwo", "two", "one\n[two]"),
        ("nothing here", "else", ""),
    ],
)
def test_what_was_found_is_shown_in_the_text_as_it_was_said(
    text: str, asked: str, shown: str
) -> None:
    assert marked(text, asked) == shown


def test_a_word_of_one_speaker_is_not_shown_at_the_other() -> None:
    wanted = sought("agent:hello world")
    assert wanted is not None
    texts = [("caller", "hello world"), ("agent", "hello there")]
    found = highlights(texts, wanted)
    assert [(speaker, [each.text for each in pieces if each.hit]) for speaker, pieces in found] == [
        ("caller", ["world"]),
        ("agent", ["hello"]),
    ]
    only = sought("agent:hello")
    assert only is not None
    assert highlights(texts[:1], only) == []


def test_of_a_long_text_the_piece_around_is_shown() -> None:
    text = "x " * 500 + "haircut " + "y " * 500
    wanted = sought("haircut")
    assert wanted is not None
    ((_, pieces),) = highlights([("caller", text)], wanted)
    assert pieces[0] == Piece("… ")
    assert pieces[-1] == Piece(" …")
    assert Piece("haircut", hit=True) in pieces
    shown = "".join(each.text for each in pieces[1:-1])
    assert len(shown) <= SHOWN + AROUND
    assert shown in text
    tight = "x" * 200 + "-haircut"
    assert marked(tight, "haircut") == "… " + "x" * (AROUND - 1) + "-[haircut]"


@given(st.text(max_size=300), st.text(max_size=30))
def test_highlighting_changes_no_text(text: str, asked: str) -> None:
    wanted = sought(asked)
    if wanted is not None:
        for _, pieces in highlights([("caller", text)], wanted):
            assert any(each.hit for each in pieces)
            inner = "".join(each.text for each in pieces)
            assert inner.removeprefix("… ").removesuffix(" …") in text or inner in text
