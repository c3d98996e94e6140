"""What the caller's audio brings: turns begun and ended, from 24 kHz PCM of any cut."""

import numpy as np

from agents import pcm
from agents.local.endpointing import Endpointing, Endpoints, Frame, Heard
from agents.local.vad import FRAME_SAMPLES, Detector

_FULL_SCALE = np.float32(1 / 32_768)


class Hearing:
    """The ears of one call."""

    def __init__(self, detector: Detector, endpoints: Endpoints, *, begin_ms: int = 0) -> None:
        """`begin_ms`: audio of the call that went by unheard."""
        self._resample = pcm.to_16k()
        self._detector = detector
        self._endpointing = Endpointing(endpoints, begin_ms=begin_ms)
        self._waiting: Frame = np.zeros(0, np.float32)

    def expect(self, *, patient: bool) -> None:
        self._endpointing.patient = patient

    def end_after(self, silence_ms: int) -> None:
        """So much silence ends a turn from now on."""
        self._endpointing.end_silence_ms = silence_ms

    def settle(self, at_ms: int) -> None:
        """The words up to the pause that began there are all that was asked for."""
        self._endpointing.settle(at_ms)

    def hear(self, audio: bytes) -> list[Heard]:
        """`audio`: the next whole samples, 16-bit little-endian mono at 24 kHz."""
        heard = self._resample.push(np.frombuffer(audio, "<i2").astype(np.int16, copy=False))
        self._waiting = np.concatenate((self._waiting, heard * _FULL_SCALE))
        whole = len(self._waiting) // FRAME_SAMPLES * FRAME_SAMPLES
        frames = self._waiting[:whole].reshape(-1, FRAME_SAMPLES)
        self._waiting = self._waiting[whole:]
        turns = [
            self._endpointing.hear(self._detector.probability(frame), frame) for frame in frames
        ]
        return [turn for turn in turns if turn is not None]
