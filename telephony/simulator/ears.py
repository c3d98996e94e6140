"""How does the synthetic caller make out words? By the embedded recogniser, off the event loop."""

import asyncio

import numpy as np

from agents.local.expectation import Expectation
from agents.local.models import Models
from agents.pcm import Polyphase, design
from telephony.media import ulaw

_FULL_SCALE = 32_768.0


class Ears:
    """Open recognition of what a telephone's ear was given. Load before use, close after."""

    def __init__(self) -> None:
        self._models = Models()
        self._doubling = design(up=2, down=1, rate=8_000, length=97, pass_hz=3_400, stop_hz=4_600)

    async def load(self) -> None:
        """One to two seconds. Raises ModelsMissing."""
        await asyncio.to_thread(self._models.load)

    async def words(self, heard_ulaw: bytes) -> str:
        """The words in 8 kHz mu-law audio, as well as they can be made out; maybe none."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._models.hearing, self._recognise, heard_ulaw)

    def _recognise(self, heard_ulaw: bytes) -> str:
        doubling = Polyphase(self._doubling)
        pcm = np.concatenate((doubling.push(ulaw.decode(heard_ulaw)), doubling.flush()))
        audio = (pcm / _FULL_SCALE).astype(np.float32)
        recogniser = self._models.load().recogniser
        return recogniser.recognise(audio, Expectation(pattern=None)).text

    async def close(self) -> None:
        await asyncio.to_thread(self._models.close)
