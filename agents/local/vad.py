"""How likely is it that somebody speaks? Silero's voice activity detector, 32 ms at a time."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession

RATE = 16_000
FRAME_SAMPLES = 512
_CONTEXT = 64
"""Samples of the frame before that the model wants to see again."""
_RATE = np.array(RATE, np.int64)


class Detector(Protocol):
    """One caller's."""

    def probability(self, frame: NDArray[np.float32]) -> float:
        """Of speech in the next 512 samples, mono float32 at 16 kHz."""


class Vad:
    """One caller's; the model is shared, the state is not."""

    def __init__(self, model: InferenceSession) -> None:
        self._model = model
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input = np.zeros((1, _CONTEXT + FRAME_SAMPLES), np.float32)

    def probability(self, frame: NDArray[np.float32]) -> float:
        """Of speech in the next 512 samples, mono float32 at 16 kHz. About 0.15 ms of CPU."""
        self._input[0, :_CONTEXT] = self._input[0, -_CONTEXT:]
        self._input[0, _CONTEXT:] = frame
        output, self._state = self._model.run(
            None, {"input": self._input, "state": self._state, "sr": _RATE}
        )
        return float(output[0, 0])
