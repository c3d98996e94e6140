"""When does a caller's turn begin and end, for an engine whose server does not say?

`Ears` turns the line's PCM into turns, as `agents.local` does, with two things of its own: a
detector that needs no model, for machines without one, and a patience that follows the caller.
"""

import numpy as np

from agents.local.endpointing import Endpoints, Frame, Paused, SpeechStarted, SpeechStopped
from agents.local.hearing import Hearing
from agents.local.vad import FRAME_SAMPLES, RATE, Detector

_BAND_HZ = (250, 3_400)
"""What a telephone carries."""
_FLOOR_RISE = 1.003
"""A frame: about 0.4 dB a second, so that half a minute of talk does not become the floor."""
_FLOOR_FALL = 0.7
_LEAST_POWER = 1e-7
"""The floor of a silent digital line, -70 dBFS."""
_EVEN_DB = 9.0
"""So far above the floor, a frame is as likely speech as not."""
_SLOPE_DB = 1.5
_FLAT = 0.35
"""The flatness of a spectrum, 0 to 1, from which on it is noise and no voice."""


class EnergyDetector:
    """Tells speech by its power over the line's noise, and by the peaks of its spectrum.

    Where no model is installed. Good in quiet and at 15 dB; music and other voices pass for the
    caller's, as they do for any detector of power.
    """

    def __init__(self) -> None:
        hz = np.fft.rfftfreq(FRAME_SAMPLES, 1 / RATE)
        self._band = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
        self._window = np.hanning(FRAME_SAMPLES).astype(np.float32)
        self._floor: float | None = None

    def probability(self, frame: Frame) -> float:
        """Of speech in the next 512 samples, mono float32 at 16 kHz. About 0.03 ms of CPU."""
        spectrum = np.square(np.abs(np.fft.rfft(frame * self._window)))[self._band]
        power = max(_LEAST_POWER, float(np.mean(np.square(frame))))
        floor = power if self._floor is None else self._floor
        self._floor = self._follow(floor, power)
        above_db = 10 * np.log10(power / floor) - _EVEN_DB
        if float(_flatness(spectrum)) > _FLAT:
            return 0.0
        return float(1 / (1 + np.exp(-above_db / _SLOPE_DB)))

    @staticmethod
    def _follow(floor: float, power: float) -> float:
        if power < floor:
            return max(_LEAST_POWER, power + (floor - power) * _FLOOR_FALL)
        return min(power, floor * _FLOOR_RISE)


def _flatness(spectrum: Frame) -> float:
    """Geometric over arithmetic mean: 1 for white noise, near 0 for a few strong lines."""
    powers = spectrum + 1e-12
    return float(np.exp(np.mean(np.log(powers))) / np.mean(powers))


_WENT_ON_MS = 1_200
"""A caller who speaks again so soon had not finished."""
_MARGIN = 1.25
_FORGET = 0.9


class Patience:
    """How much silence ends this caller's turns: what they have shown to need, and no more."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._least_ms = float(endpoints.end_silence_ms)
        self._most_ms = float(max(endpoints.end_silence_ms, endpoints.patient_silence_ms))
        self._needed_ms = self._least_ms
        self._stopped_ms: int | None = None

    @property
    def end_silence_ms(self) -> int:
        return round(min(self._most_ms, max(self._least_ms, self._needed_ms)))

    def started(self, at_ms: int) -> None:
        """A turn begins; one that follows another closely was a pause in it."""
        if self._stopped_ms is None:
            return
        pause_ms = at_ms - self._stopped_ms
        if pause_ms <= max(_WENT_ON_MS, self._most_ms):
            self._needed_ms = max(self._needed_ms, pause_ms * _MARGIN)
        else:
            # Each turn that was not gone on with takes a tenth of the added patience back.
            self._needed_ms = self._least_ms + (self._needed_ms - self._least_ms) * _FORGET

    def stopped(self, at_ms: int) -> None:
        self._stopped_ms = at_ms


class Ears:
    """What one caller's audio brings, from 24 kHz PCM of any cut."""

    def __init__(self, detector: Detector, endpoints: Endpoints, *, begin_ms: int = 0) -> None:
        """`begin_ms`: audio of the call that went by unheard."""
        self._hearing = Hearing(detector, endpoints, begin_ms=begin_ms)
        self._patience = Patience(endpoints)

    def hear(self, audio: bytes) -> list[SpeechStarted | SpeechStopped]:
        """`audio`: the next whole samples, 16-bit little-endian mono at 24 kHz."""
        # Whoever wants to be told of pauses asks for it by `pause_ms`.
        turns = [each for each in self._hearing.hear(audio) if not isinstance(each, Paused)]
        for turn in turns:
            if isinstance(turn, SpeechStarted):
                self._patience.started(turn.at_ms)
                self._hearing.end_after(self._patience.end_silence_ms)
            else:
                self._patience.stopped(turn.at_ms)
        return turns
