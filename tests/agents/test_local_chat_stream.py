"""What a chat server streams: words, tool calls in pieces, ends; and nonsense."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import Usage
from agents.local.chat.stream import BadStream, Call, ChatStream, Outcome, ServerError
from tests.fakes.text_chat_server import DONE, ended, event, said, wants


def read(*pieces: bytes) -> tuple[str, Outcome]:
    stream = ChatStream()
    words = "".join(stream.feed(piece) for piece in pieces)
    return words, stream.end()


def calls(*pieces: bytes) -> list[tuple[str, str]]:
    _, outcome = read(*pieces, ended("tool_calls"))
    return [(call.name, call.arguments) for call in outcome.calls]


def test_words_come_as_they_are_written_and_the_end_tells_how() -> None:
    usage = Usage(input_text_tokens=90, output_text_tokens=7, cached_text_tokens=64)
    assert read(said("We open "), said("at nine."), ended()) == (
        "We open at nine.",
        Outcome("stop", (), usage),
    )


@given(st.lists(st.integers(0, 400), max_size=8))
def test_where_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    whole = said("Grüß Gott, ") + b": keep-alive\r\n\r\n" + said("hello.") + ended()
    places = sorted({0, *(cut % len(whole) for cut in cuts), len(whole)})
    parts = [whole[a:b] for a, b in itertools.pairwise(places)]
    assert read(*parts)[0] == "Grüß Gott, hello."


def test_a_call_comes_in_pieces() -> None:
    pieces = (
        wants("book", ""),
        wants(None, '{"day"', call_id=None),
        wants(None, ":1}", call_id=None),
    )
    assert calls(*pieces) == [("book", '{"day":1}')]


def test_several_calls_are_told_apart_by_index() -> None:
    one = wants("a", "{", index=0), wants("b", "[", index=1)
    assert calls(*one, wants(None, "}", index=0), wants(None, "]", index=1)) == [
        ("a", "{}"),
        ("b", "[]"),
    ]


@pytest.mark.parametrize("index", [0, None])
def test_whole_calls_that_all_have_one_index_are_told_apart_by_id(index: int | None) -> None:
    pieces = wants("a", "{}", index=index, call_id="x"), wants("b", "{}", index=index, call_id="y")
    assert calls(*pieces) == [("a", "{}"), ("b", "{}")]


def test_arguments_may_come_as_an_object_and_a_call_without_a_name_is_none() -> None:
    assert calls(wants("a", {"day": 1})) == [("a", '{"day":1}')]
    assert calls(wants(None, "{}")) == []
    assert calls(wants("a", None), event({"delta": None})) == [("a", "")]


def test_an_end_without_the_last_line_is_an_end() -> None:
    finished = event({"delta": {}, "finish_reason": "length"})
    assert read(said("So"), finished)[1].reason == "length"
    assert read(said("So"), DONE.strip())[1].reason == "stop"


def test_after_the_last_line_nothing_is_read() -> None:
    stream = ChatStream()
    before = stream.over
    stream.feed(DONE)
    assert (before, stream.over) == (False, True)
    assert stream.feed(said("more")) == ""


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (said("So"),),
        (b"<html>Bad Gateway</html>",),
        (b"data: {not json}\n\n",),
        (b'data: ["list"]\n\n',),
        (b'data: {"choices": "none"}\n\n',),
        (b'data: {"choices": [{"delta": {"content": 7}}]}\n\n',),
        (b"data: " + b"[" * 100_000 + b"\n\n",),
        (b'data: {"usage": "\xff"}\n\n',),
        (b"data: " + b" " * 300_000,),
        (said("la " * 3_000),),
        tuple(wants("a", "{}", index=at) for at in range(20)),
        (wants("a", "x" * 40_000),),
    ],
)
def test_nonsense_is_named_as_such(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(BadStream):
        read(*pieces)


def test_an_error_in_the_middle_is_the_server_s_own() -> None:
    with pytest.raises(ServerError):
        read(said("So"), event(error={"message": "out of memory", "code": 500}))


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda t: b"data: " + t.encode() + b"\n"))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        words, outcome = read(data)
    except (BadStream, ServerError):
        return
    assert isinstance(words, str)
    assert isinstance(outcome, Outcome)


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5), st.lists, max_leaves=5))
def test_any_json_for_a_tool_call_is_read_or_refused(value: object) -> None:
    chunk = {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": value}}]}}]}
    try:
        read(b"data: " + json.dumps(chunk).encode() + b"\n", DONE)
    except BadStream:
        return


def test_calls_compare_by_what_they_say() -> None:
    assert read(wants("a", "{}"), ended())[1].calls == (Call("a", "{}", "call_x"),)
