"""What is sent, in which order, and what is dropped."""

import json
from base64 import b64decode
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telephony.twilio.outbox import MAX_WAITING_MESSAGES, MAX_WAITING_SAMPLES, Closing, Outbox
from telephony.twilio.wire import Envelopes

SECOND = b"\x55" * 8_000


def outbox(max_samples: int = MAX_WAITING_SAMPLES) -> Outbox:
    return Outbox(Envelopes("MZ1"), max_samples)


def sent(box: Outbox) -> list[Any]:
    """All that waits, in short: samples, mark names, "clear", Closing."""
    short: list[Any] = []
    while (message := box.next()) is not None:
        if isinstance(message, Closing):
            return [*short, message]
        frame = json.loads(message)
        match frame["event"]:
            case "media":
                short.append(len(b64decode(frame["media"]["payload"])))
            case "mark":
                short.append(frame["mark"]["name"])
            case event:
                short.append(event)
    return short


def test_audio_and_marks_keep_their_order() -> None:
    box = outbox()
    box.play(b"\x55" * 800)
    box.mark("a")
    box.play(b"\x55" * 160)
    box.mark("b")
    assert sent(box) == [800, "a", 160, "b"]
    assert box.samples == 0


def test_long_audio_goes_in_pieces_of_a_second() -> None:
    box = outbox()
    box.play(SECOND * 2 + b"\x55")
    box.mark("end")
    assert sent(box) == [8_000, 8_000, 1, "end"]


def test_no_audio_is_no_message() -> None:
    box = outbox()
    box.play(b"")
    assert box.next() is None


def test_clear_overtakes_what_waits_and_drops_it() -> None:
    box = outbox()
    box.play(SECOND)
    box.mark("old")
    box.clear()
    box.play(b"\x55" * 160)
    box.mark("new")
    assert sent(box) == ["clear", 160, "new"]


def test_two_clears_in_a_row_are_one() -> None:
    box = outbox()
    box.clear()
    box.clear()
    assert sent(box) == ["clear"]


def test_close_drops_everything_and_is_the_last_word() -> None:
    box = outbox()
    box.play(SECOND)
    box.close(1000, "done")
    box.close(1011, "again")
    assert box.play(SECOND)
    assert box.mark("late")
    box.clear()
    assert sent(box) == [Closing(1000, "done")]
    assert box.next() == Closing(1000, "done")


def test_a_minute_of_audio_waits_but_not_more() -> None:
    box = outbox()
    assert all(box.play(SECOND) for _ in range(60))
    assert box.samples == MAX_WAITING_SAMPLES
    assert not box.play(b"\x55")
    assert box.mark("still fits")
    box.next()
    assert box.play(b"\x55")


def test_after_a_clear_there_is_room_again() -> None:
    box = outbox(max_samples=8_000)
    box.play(SECOND)
    assert not box.play(SECOND)
    box.clear()
    assert box.play(SECOND)


def test_marks_alone_cannot_fill_the_memory() -> None:
    box = outbox()
    taken = [box.mark("m") for _ in range(MAX_WAITING_MESSAGES + 1)]
    assert taken == [True] * MAX_WAITING_MESSAGES + [False]


@given(st.lists(st.one_of(st.binary(max_size=400), st.just("mark"), st.just("clear"), st.none())))
def test_it_never_holds_more_than_it_may_and_counts_right(steps: list[bytes | str | None]) -> None:
    """None stands for one message taken by the socket."""
    box = outbox(max_samples=1_000)
    waiting: list[int | str] = []
    for step in steps:
        match step:
            case bytes():
                if box.play(step) and step:
                    waiting.append(len(step))
            case "mark":
                box.mark("m")
                waiting.append("m")
            case "clear":
                box.clear()
                waiting = ["clear"]
            case _:
                box.next()
                waiting = waiting[1:]
        audio = sum(item for item in waiting if isinstance(item, int))
        assert box.samples == audio <= 1_000
    assert sent(box) == waiting
