"""The messages of audio chat completions: whatever comes, and in whatever pieces."""

import base64
import io
import json
import wave
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from agents.turns import wire
from agents.turns.wire import BadChunk, BadStream, EventStream
from tests.agents.turns_story import delta, sse

EVENTS = [b"one", b"two\nlines", b"", b"[DONE]"]


def written(events: list[bytes], newline: bytes) -> bytes:
    return b"".join(
        b"".join(b"data: " + line + newline for line in event.split(b"\n")) + newline
        for event in events
    )


@given(
    events=st.lists(st.sampled_from(EVENTS), max_size=5),
    newline=st.sampled_from([b"\n", b"\r\n"]),
    cuts=st.lists(st.integers(0, 80), max_size=8),
)
def test_events_come_whole_however_the_stream_is_cut(
    events: list[bytes], newline: bytes, cuts: list[int]
) -> None:
    stream, raw = EventStream(), written(events, newline)
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    found = [event for begin, end in pairwise(edges) for event in stream.push(raw[begin:end])]
    assert found == events
    assert stream.close() == []


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    stream = EventStream()
    for event in [*stream.push(raw), *stream.close()]:
        try:
            wire.chunk(event)
        except BadChunk:
            continue


def test_comments_and_other_fields_are_no_events() -> None:
    raw = b": keep-alive\n\nevent: message\nid: 7\ndata:tight\n\n\n"
    assert EventStream().push(raw) == [b"tight"]


def test_the_last_event_may_lack_its_empty_line() -> None:
    stream = EventStream()
    assert stream.push(b"data: {}") == []
    assert stream.close() == [b"{}"]
    assert stream.close() == []


def test_an_event_without_end_is_none() -> None:
    stream = EventStream()
    piece = b"data: " + b"x" * (wire.MAX_EVENT_BYTES // 8)
    for _ in range(7):
        assert stream.push(piece) == []
    with pytest.raises(BadStream):
        stream.push(piece)


def test_events_one_after_another_may_be_longer_than_one() -> None:
    stream = EventStream()
    piece = b"data: " + b"x" * (wire.MAX_EVENT_BYTES // 2) + b"\n\n"
    assert [len(stream.push(piece)) for _ in range(4)] == [1] * 4


def test_chunks_are_those_of_the_vendor_s_package() -> None:
    content = {
        "id": "c", "created": 1, "model": "m", "object": "chat.completion.chunk",
        **delta(audio={"data": base64.b64encode(b"ab").decode()}, finish="stop"),
    }  # fmt: skip
    ChatCompletionChunk.model_validate(content)
    (choice,) = wire.chunk(json.dumps(content).encode()).choices or ()
    assert choice.finish_reason == "stop"
    assert choice.delta is not None
    assert choice.delta.audio is not None
    assert choice.delta.audio.data == b"ab"


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"{}", b'{"choices":5}', b'{"choices":[{"delta":"x"}]}', b"\xff",
        b'{"choices":[{"delta":{"audio":{"data":"%%%"}}}]}', b"[" * 5_000,
        sse(delta(tool_calls=[{"index": "0"}]))[6:],
    ],
)  # fmt: skip
def test_fault_m12_what_is_no_chunk_is_refused(raw: bytes) -> None:
    with pytest.raises(BadChunk):
        wire.chunk(raw)


def test_a_turn_becomes_a_wav_file_that_others_can_read() -> None:
    samples = np.array([0.0, 0.5, -0.5, 1.5, -1.5], np.float32)
    content = wire.wav(samples)
    with wave.open(io.BytesIO(content)) as file:
        assert file.getparams()[:4] == (1, 2, 16_000, 5)
        frames = np.frombuffer(file.readframes(5), "<i2")
    assert frames.tolist() == [0, 16_384, -16_384, 32_767, -32_768]
    assert wire.wav_seconds(wire.wav(np.zeros(8_000, np.float32))) == 0.5
    assert wire.wav_seconds(b"") == 0.0
