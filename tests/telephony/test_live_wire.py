"""What consoles and call processes say to each other, and to whom too much of it comes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.call.ending import Phase
from telephony.call.events import Act
from telephony.live import wire
from telephony.live.mailbox import MOST_LINES, MOST_SOUNDS, Mailbox
from telephony.live.picture import Peek, Picture
from telephony.live.wire import (
    BadMessage,
    Calls,
    Changes,
    Do,
    Done,
    Follow,
    Gone,
    Lines,
    List,
    Listen,
    Sound,
    Watch,
)
from telephony.transcripts.entry import CallerLine, DtmfLine
from tests.telephony.live_calls import head

VIEW = Picture(head()).view(Peek(Phase.LIVE))
LINE = CallerLine("u1", "Two\nlines </script>", 0, 1)


@pytest.mark.parametrize(
    "asked", [List(), Watch(), Follow("CA1"), Listen("CA1"), Do("CA1", Act.WHISPER, "ann", "Hm")]
)
def test_a_request_is_one_line_and_comes_back_the_same(asked: wire.AnyRequest) -> None:
    data = wire.line(asked)
    assert data.count(b"\n") == 1
    assert wire.request(data) == asked


@pytest.mark.parametrize(
    "told",
    [
        Calls((VIEW,)),
        Gone(("CA1",)),
        Lines(3, (LINE,)),
        Sound("caller", 160, b"\xff\x00"),
        Done("gone"),
    ],
)
def test_an_answer_is_one_line_and_comes_back_the_same(told: wire.AnyAnswer) -> None:
    data = wire.line(told)
    assert data.count(b"\n") == 1
    assert wire.answer(data) == told


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_is_a_message_or_refused(data: bytes) -> None:
    for parse in (wire.request, wire.answer):
        try:
            parse(data)
        except BadMessage:
            continue


@pytest.mark.parametrize(("by", "words"), [("ann", "x" * 1_001), ("x" * 1_001, "Hm")])
def test_words_have_a_bound(by: str, words: str) -> None:
    asked = Do("CA1", Act.WHISPER, by, words)
    with pytest.raises(BadMessage):
        wire.request(wire.line(asked))


def test_only_what_differs_is_told() -> None:
    after = msgspec.structs.replace(VIEW, floor="caller", heard="Yes")
    assert wire.difference(VIEW, VIEW) == {}
    assert wire.difference(VIEW, after) == {"call_id": "CA1", "floor": "caller", "heard": "Yes"}
    assert wire.difference(None, VIEW) == {
        name: getattr(VIEW, name) for name in VIEW.__struct_fields__
    }


def test_changes_of_one_call_are_merged_for_a_reader_that_is_slow() -> None:
    box = Mailbox()
    for number in range(10_000):
        box.change({"call_id": "CA1", "lines": number})
        box.change({"call_id": "CA2", "floor": "caller"})
    (told,) = box.take()
    assert told == Changes(
        ({"call_id": "CA1", "lines": 9_999}, {"call_id": "CA2", "floor": "caller"})
    )
    assert not box
    assert not box.behind
    assert box.take() == []


def test_of_a_call_that_is_gone_only_that_is_told_and_what_stands_now_comes_first() -> None:
    box = Mailbox()
    box.change({"call_id": "CA1", "lines": 1})
    box.gone("CA1")
    box.change({"call_id": "CA2", "lines": 1})
    assert [type(each) for each in box.take()] == [Changes, Gone]
    box.change({"call_id": "CA3", "lines": 1})
    box.begin([VIEW])
    box.lines(0, [LINE])
    box.change({"call_id": "CA1", "lines": 2})
    assert [type(each) for each in box.take()] == [Calls, Lines, Changes]


def test_a_call_that_is_there_again_is_not_gone() -> None:
    box = Mailbox()
    box.gone("CA1")
    box.change({"call_id": "CA1", "lines": 1})
    assert [type(each) for each in box.take()] == [Changes]


def test_lines_are_counted_from_the_first_that_waits() -> None:
    box = Mailbox()
    box.lines(5, [LINE])
    box.lines(6, [LINE, LINE])
    assert box.take() == [Lines(5, (LINE, LINE, LINE))]


def test_who_leaves_lines_or_sound_unread_falls_behind_and_holds_no_more() -> None:
    box = Mailbox()
    for number in range(MOST_LINES + 50):
        box.lines(number, [DtmfLine("1", 0)])
    assert box.behind
    (kept,) = box.take()
    assert isinstance(kept, Lines)
    assert len(kept.entries) == MOST_LINES + 1
    heard = Mailbox()
    for _ in range(MOST_SOUNDS + 50):
        heard.sound(Sound("caller", 0, b"\xff"))
    assert heard.behind
    assert len(heard.take()) == MOST_SOUNDS + 1
