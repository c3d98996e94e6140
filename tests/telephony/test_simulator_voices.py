"""The caller's voice: its level, its bandwidth, its noise."""

import numpy as np
import pytest

from telephony.media import ulaw
from telephony.simulator.scenario import Goal, booking
from telephony.simulator.voices import LineVoice, narrow, speech_dbfs


def samples(encoded: bytes) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return ulaw.decode(encoded).astype(np.float64)


@pytest.mark.parametrize("line", booking(Goal()).lines)
def test_every_line_is_loud_enough_and_never_clipped(line: str) -> None:
    pcm = samples(LineVoice().speak(line))
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
