"""What those who may not hear a call read of it: less, and never more than was stored."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.transcripts.discretion import HIDDEN, discreet, discreet_summary, found
from telephony.transcripts.entry import (
    AgentLine,
    CallerLine,
    ClaimLine,
    DtmfLine,
    Fate,
    ToolLine,
    Word,
    WordFate,
)
from telephony.transcripts.summary import Summary
from tests.telephony.stored_call import ENTRIES


def left(text: str) -> str:
    (line,) = discreet([CallerLine("i", text, 1, 2)])
    assert isinstance(line, CallerLine)
    return line.text


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("It is 020 7946 0123.", "It is [number]."),
        ("+44 (20) 7946-0123 please", "[number] please"),
        ("oh two oh, seven nine four six", "[number]"),
        ("double four one one two", "[number]"),
        ("write to jo.bloggs@example.com now", "write to [e-mail address] now"),
        ("jo at example dot com", "[e-mail address]"),
        ("on 2026-11-24 at 10:00", "on 2026-11-24 at 10:00"),
        ("for two, at half past ten", "for two, at half past ten"),
        ("one or two of the three", "one or two of the three"),
        ("room 1204", "room 1204"),
    ],
)
def test_addresses_and_numbers_are_taken_out(said: str, read: str) -> None:
    assert left(said) == read


def word(text: str, fate: WordFate = WordFate.HEARD, at: int = 0) -> Word:
    return Word(text, at * 100, at * 100 + 100, fate)


def test_words_with_times_say_no_more_than_the_line() -> None:
    texts = ("call", "020", "7946", "0123", "soon")
    fates = [WordFate.HEARD] * 3 + [WordFate.CUT, WordFate.UNHEARD]
    words = tuple(
        word(text, fate, at) for at, (text, fate) in enumerate(zip(texts, fates, strict=True))
    )
    text = " ".join(texts)
    line = AgentLine("i", 1, text, "call 020 7946", Fate.CUT, 0, 300, 300, 500, words=words)
    (read,) = discreet([line])
    assert isinstance(read, AgentLine)
    assert (read.text, read.heard) == ("call [number] soon", "call")
    assert read.words == (
        word("call"),
        Word("[number]", 100, 400, WordFate.CUT),
        word("soon", WordFate.UNHEARD, 4),
    )


def test_of_tools_only_the_names_of_what_they_were_given_are_left() -> None:
    tool = ToolLine("c", "book", '{"name":"Ann","n":1}', "done", '{"message":"Hi Ann"}', 1, 2)
    (read,) = discreet([tool])
    assert isinstance(read, ToolLine)
    assert msgspec.json.decode(read.arguments) == {"name": HIDDEN, "n": HIDDEN}
    assert msgspec.json.decode(read.output) == {"message": HIDDEN}
    assert (read.name, read.state, read.tool_call_id) == ("book", "done", "c")
    (broken,) = discreet([msgspec.structs.replace(tool, arguments="Ann [", output="Ann")])
    assert "Ann" not in repr(broken)


def test_digits_pressed_one_by_one_are_none() -> None:
    keys = discreet([DtmfLine("4", 1), DtmfLine("2", 2)])
    assert keys == [DtmfLine("x", 1), DtmfLine("x", 2)]


def test_every_field_of_words_is_looked_through() -> None:
    (claim,) = discreet([ClaimLine("i", ("send_text",), "never", "I sent it to 020 7946 0123", 1)])
    assert claim == ClaimLine("i", ("send_text",), "never", "I sent it to [number]", 1)


def test_text_too_long_to_be_searched_is_hidden_as_a_whole() -> None:
    assert left("a" * 30_000) == HIDDEN
    many = tuple(word("a" * 100) for _ in range(300))
    (line,) = discreet([AgentLine("i", 1, "a", "a", Fate.HEARD, 0, 1, 1, 1, words=many)])
    assert isinstance(line, AgentLine)
    assert line.words == ()


def test_of_the_caller_s_number_two_digits_are_left() -> None:
    summary = Summary(call_id="CA1", started_at="", engine="local", from_number="+442079460123")
    assert discreet_summary(summary).from_number == "…23"
    withheld = msgspec.structs.replace(summary, from_number=None)
    assert discreet_summary(withheld) == withheld


def test_the_stored_call_keeps_its_lines_and_times() -> None:
    read = discreet(ENTRIES)
    assert [type(entry) for entry in read] == [type(entry) for entry in ENTRIES]
    assert "Zebedee" not in repr(read)
    assert "7946" not in repr(read)


@given(st.lists(st.text(alphabet="ab1 2@.-\u202e٣x9é", min_size=1, max_size=12), min_size=1))
def test_no_words_are_added_and_none_outlive_their_line(texts: list[str]) -> None:
    words = tuple(word(text, at=at) for at, text in enumerate(texts))
    text = " ".join(texts)
    (read,) = discreet([AgentLine("i", 1, text, text, Fate.HEARD, 0, 1, 1, 1, words=words)])
    assert isinstance(read, AgentLine)
    labels = {label for _, _, label in found(text)}
    assert {each.text for each in read.words} <= {*texts, *labels}
    assert not any(
        hit for each in read.words if each.text not in labels for hit in found(each.text)
    )


@given(st.text(max_size=3_000))
def test_what_is_found_is_in_order_and_inside(text: str) -> None:
    ends = [0]
    for first, last, _label in found(text):
        assert ends[-1] <= first < last <= len(text)
        ends.append(last)
