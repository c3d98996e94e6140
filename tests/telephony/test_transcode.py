"""Both directions of a call's audio: whole, uncut, and nothing of a cut reply in the next."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import AudioFormat
from telephony.media import transcode, ulaw
from telephony.media.transcode import Downlink, Uplink
from tests.signals import SIZES, pieces, rms, tone

PCM = AudioFormat.PCM16_24K
ULAW = AudioFormat.ULAW_8K

FRAME = ulaw.encode(tone(700, 8_000, 160))
REPLY = tone(440, 24_000, 24_000).tobytes()
SILENCE = bytes(48_000)
BYTES = st.binary(max_size=3_000)


def test_a_frame_of_the_phone_is_a_frame_of_the_engine_and_back() -> None:
    up, down = Uplink(PCM), Downlink(PCM)
    for _ in range(50):
        audio = up.push(FRAME)
        assert len(audio) == 960
        assert len(down.push(audio)) == 160


@given(BYTES)
def test_an_engine_of_mu_law_gets_and_gives_the_bytes_of_the_line(line: bytes) -> None:
    assert Uplink(ULAW).push(line) == line
    down = Downlink(ULAW)
    assert down.push(line) == line
    assert down.flush() == b""
    down.reset()
    assert down.push(line) == line


def test_a_machine_of_the_other_byte_order_sends_and_takes_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To whom its own order is the other one."""
    sent = Uplink(PCM).push(FRAME)
    heard = Downlink(PCM).push(sent)
    monkeypatch.setattr(transcode, "PCM16", np.dtype("<i2").newbyteorder())
    assert Uplink(PCM).push(FRAME) == np.frombuffer(sent, np.int16).byteswap().tobytes()
    assert Downlink(PCM).push(np.frombuffer(sent, np.int16).byteswap().tobytes()) == heard


@given(BYTES, SIZES)
def test_the_callers_voice_is_the_same_however_it_was_cut(line: bytes, sizes: list[int]) -> None:
    up = Uplink(PCM)
    heard = b"".join(up.push(piece) for piece in pieces(line, sizes))
    assert heard == Uplink(PCM).push(line)
    assert len(heard) == 6 * len(line)


@given(BYTES, SIZES)
def test_a_reply_is_the_same_however_it_was_cut(audio: bytes, sizes: list[int]) -> None:
    down, whole = Downlink(PCM), Downlink(PCM)
    heard = b"".join(down.push(piece) for piece in pieces(audio, sizes))
    assert heard == whole.push(audio)
    assert len(heard) == len(audio) // 6
    assert down.flush() == whole.flush()


@given(BYTES)
def test_a_flushed_reply_lasts_as_long_as_it_did_and_three_milliseconds(audio: bytes) -> None:
    down = Downlink(PCM)
    heard = down.push(audio) + down.flush()
    samples = len(audio) // 2
    assert len(heard) == (-(-samples // 3) + 24 if samples else 0)
    assert down.flush() == b""


@given(BYTES, BYTES)
def test_a_cut_reply_leaves_nothing_in_the_next(cut: bytes, after: bytes) -> None:
    down, fresh = Downlink(PCM), Downlink(PCM)
    down.push(cut)
    down.reset()
    assert down.push(after) + down.flush() == fresh.push(after) + fresh.flush()


@given(BYTES, BYTES)
def test_a_finished_reply_leaves_nothing_in_the_next(done: bytes, after: bytes) -> None:
    down, fresh = Downlink(PCM), Downlink(PCM)
    down.push(done)
    down.flush()
    assert down.push(after) + down.flush() == fresh.push(after) + fresh.flush()


def test_a_reply_cut_at_its_loudest_is_followed_by_silence() -> None:
    down = Downlink(PCM)
    down.push(REPLY)
    down.reset()
    assert down.push(SILENCE) == ulaw.silence(8_000)


def test_without_the_reset_the_cut_reply_would_be_heard() -> None:
    down = Downlink(PCM)
    down.push(REPLY)
    assert down.push(SILENCE) != ulaw.silence(8_000)


def test_half_a_sample_waits_for_its_other_half() -> None:
    down = Downlink(PCM)
    whole = Downlink(PCM).push(REPLY)
    assert down.push(REPLY[:961]) + down.push(b"") + down.push(REPLY[961:]) == whole


def test_half_a_sample_at_the_end_of_a_reply_is_dropped() -> None:
    down = Downlink(PCM)
    down.push(REPLY + b"\x7f")
    assert len(down.flush()) == 24
    assert down.push(SILENCE) == ulaw.silence(8_000)


def test_silence_stays_silence_both_ways() -> None:
    audio = Uplink(PCM).push(ulaw.silence(8_000))
    assert audio == SILENCE
    assert Downlink(PCM).push(audio) == ulaw.silence(8_000)


def test_two_calls_do_not_hear_each_other() -> None:
    one, other = Downlink(PCM), Downlink(PCM)
    one.push(REPLY)
    assert other.push(SILENCE) == ulaw.silence(8_000)
    assert not any(Uplink(PCM).push(ulaw.silence(160)))


@pytest.mark.parametrize("hz", [300, 1_004, 3_400])
def test_a_round_trip_adds_less_than_the_coding_itself(hz: int) -> None:
    spoken = tone(hz, 8_000, 8_000, peak=20_000)
    line = ulaw.encode(spoken)
    heard = Downlink(PCM).push(Uplink(PCM).push(line))
    coding = ulaw.decode(line) - spoken
    added = ulaw.decode(heard)[120:] - ulaw.decode(line)[80:-40]  # 5 ms late
    assert rms(added) < rms(coding) / 3
