"""The small parts of the turn-based engine: addresses, allowances, sound, and what it costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import EngineAllowance, Usage
from agents.turns.allowance import allowances, seconds
from agents.turns.reply import Ending, Reply
from agents.turns.settings import Address, http_address
from agents.turns.soundness import LOOKED_AT_BYTES, SoundCheck
from tests.agents.turns_story import PIECE, called, delta, said, sound, sse
from tests.callers import says
from tests.fakes.realtime_script import encoded, hum

# ---- where the API is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("https://api.openai.com/v1", Address("https://api.openai.com/v1", {}, "api.openai.com")),
        ("wss://host:444/v1/?a=b&c=", Address("https://host:444/v1", {"a": "b", "c": ""}, "host")),
        (" http://127.0.0.1:8/ ", Address("http://127.0.0.1:8", {}, "127.0.0.1")),
    ],
)
def test_the_address_is_that_of_the_settings(base_url: str, address: Address) -> None:
    assert http_address(base_url) == address


@pytest.mark.parametrize("base_url", ["", "host/v1", "ftp://host", "https://", "https://h:0/v1"])
def test_an_address_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        http_address(base_url)


# ---- what may still be asked --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1s", 1.0), ("6m0s", 360.0), ("20ms", 0.02), ("1h2m3.5s", 3_723.5), ("", None), ("5", None),
     ("soon", None), ("1s!", None)],
)  # fmt: skip
def test_durations_are_the_vendor_s(text: str, wanted: float | None) -> None:
    assert seconds(text) == (None if wanted is None else pytest.approx(wanted))


def test_only_whole_allowances_are_told() -> None:
    headers = {
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-remaining-requests": "4999",
        "x-ratelimit-reset-requests": "12ms",
        "x-ratelimit-limit-tokens": "450000",
        "x-ratelimit-remaining-tokens": "-1",
        "x-ratelimit-reset-tokens": "1s",
    }
    assert list(allowances(headers)) == [EngineAllowance("requests", 5_000, 4_999, 0.012)]
    assert list(allowances({})) == []


@given(st.text(max_size=30))
def test_any_header_is_read_or_left(text: str) -> None:
    found = seconds(text)
    assert found is None or found >= 0


# ---- is it sound --------------------------------------------------------------------------------


def played(content: bytes, piece: int = 4_801) -> int:
    """How much of it is let through."""
    check = SoundCheck()
    let = 0
    for at in range(0, len(content), piece):
        if not check.sound(content[at : at + piece]):
            break
        let += len(content[at : at + piece])
    return let


def test_voices_pass_at_any_loudness() -> None:
    wide = says("Yes, we are open on Saturdays from six o'clock.").astype(np.float64)
    for gain in (0.01, 0.5, 1.0):
        pcm = np.clip(wide * gain, -32_768, 32_767).astype("<i2").tobytes()
        assert played(pcm) == len(pcm)
    for level in (0, 3_000):
        assert played(np.full(24_000, level, "<i2").tobytes()) == 48_000


def test_fault_m17_files_and_other_encodings_do_not_pass() -> None:
    speech = hum("Good morning.", 800, 24_000)
    rng = np.random.default_rng(1)
    assert played(b"RIFF" + speech.tobytes()) == 0
    assert played(b"OggS" + bytes(9_600)) == 0
    assert played(encoded(speech, "audio/pcmu")) < LOOKED_AT_BYTES // 2
    assert played(rng.integers(0, 256, 40_000, np.uint8).tobytes()) == 0
    hiss = rng.normal(0, 9_000, 24_000).clip(-32_768, 32_767).astype("<i2").tobytes()
    assert played(hiss) == 0


def test_what_began_well_is_believed() -> None:
    check = SoundCheck()
    assert check.sound(bytes(LOOKED_AT_BYTES))
    assert check.sound(b"RIFF" + bytes(20_000))


# ---- one reply ----------------------------------------------------------------------------------


def test_a_reply_that_was_stopped_takes_no_more() -> None:
    reply = Reply("r")
    assert len(reply.receive(sse(said("So ")) + sse(sound()))) == 2
    assert len(reply.stop()) == 1
    assert reply.receive(sse(sound())) == []
    assert reply.stop() == []


def test_a_sample_cut_in_two_is_put_together() -> None:
    reply = Reply("r")
    assert reply.receive(sse(sound(b"\x01"))) == []
    (piece,) = reply.receive(sse(sound(b"\x02" + PIECE)))
    assert piece.audio == b"\x01\x02" + PIECE[:-2] + PIECE[-2:]  # type: ignore[union-attr]


def test_other_choices_and_chunks_without_a_delta_are_no_part_of_it() -> None:
    reply = Reply("r")
    other = {"choices": [{"index": 1, "delta": {"audio": {"transcript": "x"}}}]}
    assert reply.receive(sse(other) + sse({"choices": [{"index": 0}]})) == []
    assert reply.chunks == 2


def test_the_first_reason_counts_and_an_empty_one_is_none() -> None:
    reply = Reply("r")
    reply.receive(sse(said("So ")) + sse(delta(finish="")))
    reply.receive(sse(delta(finish="length")) + sse(delta(finish="stop")))
    assert reply.ending is Ending.TOO_LONG


def test_tool_calls_are_bounded() -> None:
    reply = Reply("r")
    for index in range(40):
        reply.receive(sse(called("book", "{}", index)))
    reply.receive(sse(called(None, "x" * 200_000)))
    reply.receive(sse(delta(tool_calls=[{"index": 0}])) + sse(delta(finish="tool_calls")))
    assert len(reply.called) == 32
    assert len(reply.called[0].arguments) == 100_000


def test_a_refusal_is_words_too() -> None:
    reply = Reply("r")
    reply.receive(sse(delta(refusal="I can't help with that.")))
    assert reply.written == "I can't help with that."


def test_tokens_that_are_not_told_apart_are_text() -> None:
    reply = Reply("r")
    reply.receive(sse({"choices": [], "usage": {"prompt_tokens": 70, "completion_tokens": 9}}))
    assert reply.usage == Usage(input_text_tokens=70, output_text_tokens=9)
    details = {"audio_tokens": 90}
    reply.receive(sse({"usage": {"prompt_tokens": 70, "prompt_tokens_details": details}}))
    assert reply.usage == Usage(input_audio_tokens=90)


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_fault_m12_any_stream_ends_one_way_or_another(pieces: list[bytes]) -> None:
    reply = Reply("r")
    for piece in pieces:
        reply.receive(piece)
    reply.close()
    assert reply.over
    assert reply.failure is not None or reply.audio_bytes or reply.called
