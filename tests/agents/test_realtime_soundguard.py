"""No noise reaches the caller, and nothing that is right is kept from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import AudioFormat
from agents.realtime.soundguard import PROOFS, WINDOW_BYTES, SoundGuard, Verdict, judge
from tests.bench.soundguard import RIGHT, WRONG, before_the_first, verdicts
from tests.callers import resampled, says
from tests.sounds import RATE, WORDS, noise_and_music, wire

FORMATS = list(AudioFormat)
VOICE = ("en-GB", "de-DE")
PIECE_MS = 250
"""Of audio in one delta, as seen in the field."""


def spoken(voice: str, audio_format: str) -> bytes:
    return wire(resampled(says(WORDS, voice=voice), 16_000, RATE), audio_format)


def pieces(audio: bytes, audio_format: AudioFormat) -> list[bytes]:
    size = PIECE_MS * audio_format.rate * audio_format.sample_bytes // 1000
    return [audio[at : at + size] for at in range(0, len(audio), size)]


@pytest.mark.parametrize("audio_format", FORMATS)
def test_noise_and_music_pass(audio_format: AudioFormat) -> None:
    for name, samples in noise_and_music(2.0):
        found = verdicts(wire(samples, RIGHT[audio_format]), audio_format)
        assert Verdict.WRONG not in found, name


@pytest.mark.parametrize("voice", VOICE)
@pytest.mark.parametrize("audio_format", FORMATS)
def test_speech_passes_whole(audio_format: AudioFormat, voice: str) -> None:
    audio = spoken(voice, RIGHT[audio_format])
    guard = SoundGuard(audio_format)
    passed = b""
    for piece in pieces(audio, audio_format):
        right = guard.judged("i1", piece)
        assert right is not None
        passed += right
    assert passed + guard.rest("i1") == audio


@pytest.mark.parametrize("voice", VOICE)
@pytest.mark.parametrize(
    ("audio_format", "other"), [(each, other) for each in FORMATS for other in WRONG[each]]
)
def test_fault_m17_speech_in_a_wrong_format_is_stopped_before_it_is_heard(
    audio_format: AudioFormat, other: str, voice: str
) -> None:
    audio = spoken(voice, other)
    guard = SoundGuard(audio_format)
    for piece in pieces(audio, audio_format):
        right = guard.judged("i1", piece)
        if right is None:
            break
        # What is let through before is its silence.
        assert before_the_first(verdicts(right, audio_format)) == 0
    else:
        raise AssertionError("never stopped")


@pytest.mark.parametrize("other", ["pcm", "swapped"])
def test_a_server_that_changes_its_mind_is_stopped_too(other: str) -> None:
    guard = SoundGuard(AudioFormat.ULAW_8K)
    right, wrong = spoken("en-GB", "ulaw"), spoken("en-GB", other)
    for piece in pieces(right, AudioFormat.ULAW_8K):
        assert guard.judged("i1", piece) is not None
    assert None in [guard.judged("i2", piece) for piece in pieces(wrong, AudioFormat.ULAW_8K)]


def test_short_pieces_wait_until_they_can_be_judged_and_no_longer_than_their_item() -> None:
    guard = SoundGuard(AudioFormat.ULAW_8K)
    speech = spoken("en-GB", "ulaw")
    short = speech[: WINDOW_BYTES // 2]
    assert guard.judged("i1", short) == b""
    assert guard.judged("i2", short) == b""
    assert guard.judged("i1", short) == short * 2
    assert guard.rest("i2") == short
    assert guard.rest("i2") == b""


def test_once_trusted_short_pieces_do_not_wait() -> None:
    guard = SoundGuard(AudioFormat.ULAW_8K)
    speech = spoken("en-GB", "ulaw")
    loud = [
        speech[at : at + WINDOW_BYTES]
        for at in range(0, len(speech) - WINDOW_BYTES, WINDOW_BYTES)
        if judge(speech[at : at + WINDOW_BYTES], AudioFormat.ULAW_8K) is Verdict.RIGHT
    ]
    for window in loud[:PROOFS]:
        assert guard.judged("i1", window) == window
    assert guard.judged("i1", b"\xff") == b"\xff"


@given(st.binary(max_size=4_000), st.sampled_from(FORMATS))
def test_any_bytes_at_all_can_be_judged(audio: bytes, audio_format: AudioFormat) -> None:
    assert judge(audio, audio_format) in Verdict
    guard = SoundGuard(audio_format)
    passed = guard.judged("i1", audio)
    assert passed is None or passed + guard.rest("i1") == audio


def test_random_bytes_are_noise_in_every_format_and_pass() -> None:
    noise = np.random.default_rng(3).bytes(160_000)
    for audio_format in FORMATS:
        assert Verdict.WRONG not in verdicts(noise, audio_format)
