"""The caller's voice: its level, its bandwidth, its noise."""

import numpy as np
import pytest

from agents.local.models import Models
from telephony.media import ulaw
from telephony.simulator.scenario import Goal, booking
from telephony.simulator.voices import LineVoice, narrow, speech_dbfs


def samples(encoded: bytes) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return ulaw.decode(encoded).astype(np.float64)


LINES = booking(Goal()).lines


@pytest.fixture(scope="module")
def recorded() -> dict[str, bytes]:
    return LineVoice().record(LINES)


@pytest.mark.parametrize("line", LINES)
def test_every_line_is_loud_enough_and_never_clipped(line: str, recorded: dict[str, bytes]) -> None:
    pcm = samples(recorded[line])
    assert speech_dbfs(pcm) == pytest.approx(-20.0, abs=0.5)
    assert np.abs(pcm).max() < 30_000
    # 10 to 25 letters a second is how people speak.
    assert 0.3 < len(pcm) / 8_000 < 1 + len(line) / 4


def test_the_seed_decides_the_noise() -> None:
    assert LineVoice(seed=3).noise() == LineVoice(seed=3).noise()
    assert LineVoice(seed=3).noise() != LineVoice(seed=4).noise()


def test_the_noise_of_the_line_is_faint_but_never_digital_silence() -> None:
    noise = samples(LineVoice().noise())
    assert 10 * np.log10(np.square(noise / 32_768).mean()) == pytest.approx(-60, abs=1)
    assert len(np.unique(noise)) > 10


def test_what_a_telephone_does_not_carry_is_gone() -> None:
    time = np.arange(16_000) / 16_000
    for hz, most_db in ((5_000, -60.0), (4_200, -60.0), (1_000, 0.1)):
        tone = (10_000 * np.sin(2 * np.pi * hz * time)).astype(np.int16)
        out = narrow(tone).astype(np.float64)[100:-100]
        level = 20 * np.log10(np.sqrt(2) * np.sqrt(np.square(out).mean()) / 10_000 + 1e-9)
        assert level < most_db, hz
    assert level > -0.1


def test_level_is_that_of_the_speech_not_of_the_pauses() -> None:
    tone = 3_276.8 * np.sqrt(2) * np.sin(np.arange(8_000) * 0.3)
    assert speech_dbfs(np.concatenate((tone, np.zeros(80_000)))) == pytest.approx(-20, abs=0.1)


def test_lines_are_recorded_once_each() -> None:
    assert list(LineVoice().record(["Yes.", "No.", "Yes."])) == ["Yes.", "No."]


def test_a_line_is_the_same_bytes_in_every_recording(recorded: dict[str, bytes]) -> None:
    assert LineVoice().record(reversed(LINES)) == recorded
    assert LineVoice().speak(LINES[3]) == recorded[LINES[3]]


def test_the_caller_speaks_half_an_octave_below_the_agent(
    models: Models, recorded: dict[str, bytes]
) -> None:
    greeting = "Thanks for calling, this is the automated assistant. How can I help?"
    agent = np.frombuffer(models.load_voice().render(greeting), "<i2").astype(np.float64)
    caller = np.concatenate([samples(recorded[line]) for line in LINES])
    assert pitch_hz(agent, 24_000) == pytest.approx(208, abs=15)
    assert pitch_hz(caller, 8_000) == pytest.approx(148, abs=15)


def pitch_hz(pcm: np.ndarray[tuple[int], np.dtype[np.float64]], rate: int) -> float:
    """The median pitch of the voiced stretches, by autocorrelation of 40 ms at a time."""
    found = []
    size, shortest, longest = rate // 25, rate // 400, rate // 70
    for at in range(0, len(pcm) - size, size):
        piece = pcm[at : at + size] - pcm[at : at + size].mean()
        likeness = np.correlate(piece, piece, "full")[size - 1 :]
        period = shortest + int(np.argmax(likeness[shortest:longest]))
        if likeness[0] / size > 1e6 and likeness[period] > likeness[0] / 2:
            found.append(rate / period)
    return float(np.median(found))
