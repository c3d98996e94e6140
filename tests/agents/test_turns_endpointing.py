"""When a caller's turn begins and ends, with and without a model, and with patience."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.local.endpointing import Endpoints, SpeechStarted, SpeechStopped
from agents.local.models import Models
from agents.local.vad import Detector, Vad
from agents.turns.endpointing import Ears, EnergyDetector, Patience
from agents.turns.settings import ENDPOINTS
from tests.callers import resampled, says, telephoned

RATE = 8_000
Sound = NDArray[np.float64]


def noise(ms: int, dbfs: float) -> Sound:
    return np.random.default_rng(7).normal(0, 32_768 * 10 ** (dbfs / 20), ms * RATE // 1000)


def spoken(text: str) -> Sound:
    return resampled(says(text), 16_000, RATE, band=(300, 3_400)).astype(np.float64)


def placed(line: Sound, at_ms: int, word: Sound) -> Sound:
    line[at_ms * RATE // 1000 :][: len(word)] += word
    return line


def heard(
    line: Sound, detector: Detector, endpoints: Endpoints = ENDPOINTS
) -> list[SpeechStarted | SpeechStopped]:
    """All turns of 8 kHz audio, fed in frames of 20 ms."""
    ears = Ears(detector, endpoints)
    audio = telephoned(np.clip(np.rint(line), -32_768, 32_767).astype(np.int16), RATE)
    frames = [audio[at : at + 480].tobytes() for at in range(0, len(audio), 480)]
    return [turn for frame in frames for turn in ears.hear(frame)]


# ---- without a model ----------------------------------------------------------------------------


@pytest.mark.parametrize("dbfs", [-90.0, -60.0, -45.0])
@pytest.mark.parametrize("text", ["Do you have anything on Thursday?", "Wait, please."])
def test_speech_is_found_without_a_model(text: str, dbfs: float) -> None:
    word = spoken(text)
    line = placed(noise(6_000, dbfs), 2_000, word)
    turns = heard(line, EnergyDetector())
    started = [turn.at_ms for turn in turns if isinstance(turn, SpeechStarted)]
    stopped = [turn.at_ms for turn in turns if isinstance(turn, SpeechStopped)]
    assert len(started) == 1
    assert 1_900 <= started[0] <= 2_600
    assert started[0] + 300 <= stopped[0] <= 2_000 + len(word) // 8 + 300


HARMLESS: dict[str, Callable[[], Sound]] = {
    "silence": lambda: np.zeros(4 * RATE),
    "steady noise": lambda: noise(6_000, -35),
    "a burst of noise": lambda: placed(noise(4_000, -60), 2_000, noise(300, -20)),
    "a click": lambda: placed(noise(4_000, -60), 2_000, np.full(8, 20_000.0)),
    "noise that grows slowly": lambda: noise(8_000, -60) * np.linspace(1, 4, 8 * RATE),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_speech_is_not_taken_for_it_without_a_model(name: str) -> None:
    assert heard(HARMLESS[name](), EnergyDetector()) == []


def test_a_line_that_begins_with_speech_is_heard_once_it_has_been_quiet() -> None:
    word = spoken("Do you have anything on Thursday?")
    line = placed(placed(noise(9_000, -60), 0, word), 5_000, word)
    turns = heard(line, EnergyDetector())
    assert any(isinstance(turn, SpeechStarted) and turn.at_ms > 4_900 for turn in turns)


def test_with_a_model_the_same_turns_are_found(models: Models) -> None:
    line = placed(noise(6_000, -45), 2_000, spoken("Do you have anything on Thursday?"))
    turns = heard(line, Vad(models.load_vad()))
    assert [type(turn) for turn in turns] == [SpeechStarted, SpeechStopped]


def test_a_turn_has_what_was_before_its_onset_and_a_length_that_ends() -> None:
    word = np.concatenate([spoken("Do you have anything on Thursday at all?")] * 3)
    line = placed(noise(14_000, -60), 1_000, word)
    limits = Endpoints(max_turn_ms=2_000)
    turns = heard(line, EnergyDetector(), limits)
    stopped = [turn for turn in turns if isinstance(turn, SpeechStopped)]
    assert len(stopped) >= 2
    assert all(len(turn.audio) <= (2_000 + 300 + 400) * 16 for turn in stopped)
    assert len(stopped[0].audio) >= 2_200 * 16


# ---- patience -----------------------------------------------------------------------------------


def test_a_caller_who_goes_on_is_given_longer_next_time() -> None:
    patience = Patience(Endpoints(end_silence_ms=600, patient_silence_ms=1_400))
    assert patience.end_silence_ms == 600
    patience.started(1_000)
    patience.stopped(2_000)
    patience.started(2_900)
    assert patience.end_silence_ms == 1_125
    patience.stopped(4_000)
    patience.started(5_390)
    assert patience.end_silence_ms == 1_400


def test_patience_wears_off_with_turns_that_were_whole() -> None:
    patience = Patience(Endpoints(end_silence_ms=600, patient_silence_ms=1_400))
    patience.stopped(2_000)
    patience.started(2_800)
    long_ms = patience.end_silence_ms
    waits = []
    for second in range(10, 200, 10):
        patience.stopped(second * 1_000)
        patience.started(second * 1_000 + 5_000)
        waits.append(patience.end_silence_ms)
    assert long_ms == 1_000
    assert waits == sorted(waits, reverse=True)
    assert 600 <= waits[-1] < 660


def test_a_pause_that_once_ended_a_turn_no_longer_does() -> None:
    word = spoken("Do you have anything on Thursday?")
    line = noise(24_000, -60)
    gap_ms = 850
    for at_ms in (1_000, 12_000):
        placed(line, at_ms, word)
        placed(line, at_ms + len(word) // 8 + gap_ms - 300, word)
    turns = heard(line, EnergyDetector(), Endpoints(end_silence_ms=300, patient_silence_ms=1_400))
    first = [turn for turn in turns if isinstance(turn, SpeechStopped) and turn.at_ms < 11_000]
    later = [turn for turn in turns if isinstance(turn, SpeechStopped) and turn.at_ms > 11_000]
    assert len(first) == 2
    assert len(later) == 1
