"""Words to speech: hibari's voice, sentence by sentence."""

from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agents.local.speakable import sentences, speakable

RATE = 24_000
_SEED = 1
"""Fixes the noise part of the voice, so that equal words are equal samples."""
_KEPT_SECONDS = 120
"""Of rendered sentences kept: questions come again. 48 kB a second."""


class Synthesiser(Protocol):
    """What is used of `hibari.Hibari`."""

    def __call__(self, text: str, *, seed: int) -> NDArray[np.float32]: ...


class Voice:
    """Blocking: to be run in a worker thread. One instance serves all calls."""

    def __init__(self, synthesiser: Synthesiser) -> None:
        self._synthesiser = synthesiser
        self._busy = Lock()
        self._rendered: OrderedDict[str, bytes] = OrderedDict()

    def render(self, text: str) -> bytes:
        """All of `text` as 16-bit little-endian mono PCM, 24,000 samples a second."""
        return b"".join(pcm for _, pcm in self.speak(text))

    def speak(self, text: str) -> Iterator[tuple[str, bytes]]:
        """Each sentence of `text` with its PCM as soon as that is made."""
        for sentence in sentences(text):
            yield sentence, self.sentence(sentence)

    def sentence(self, sentence: str) -> bytes:
        with self._busy:
            if sentence not in self._rendered:
                self._rendered[sentence] = self._synthesise(speakable(sentence))
                self._forget()
            self._rendered.move_to_end(sentence)
            return self._rendered[sentence]

    def _synthesise(self, words: str) -> bytes:
        samples = np.clip(self._synthesiser(words, seed=_SEED), -1.0, 1.0)
        pcm: bytes = (samples * 32_767).astype("<i2").tobytes()
        return pcm

    def _forget(self) -> None:
        while sum(map(len, self._rendered.values())) > _KEPT_SECONDS * RATE * 2:
            self._rendered.popitem(last=False)
