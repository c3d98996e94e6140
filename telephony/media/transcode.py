"""How does the phone's audio become the engine's, and the engine's the phone's?

The phone's is mu-law at 8 kHz, always. An engine that takes or gives mu-law gets and gives the
very bytes of the line; for any other the audio is resampled, with its state carried from piece
to piece, so that a piece may have any length.
"""

# In the standard library up to Python 3.12, the audioop-lts package after it.
import audioop

import numpy as np

from agents.engine import AudioFormat
from telephony.media import ulaw
from telephony.media.resample import to_8k, to_24k

PCM16 = np.dtype("<i2")
"""PCM16 as engines send and take it: little-endian whatever the machine is."""


class Uplink:
    """The caller's voice on its way to an engine. One for each call."""

    def __init__(self, to: AudioFormat) -> None:
        """`to`: the engine's `Capabilities.input_format`."""
        self._resampler = to_24k() if to is AudioFormat.PCM16_24K else None

    def push(self, line: bytes) -> bytes:
        """The engine's audio for this mu-law: 48 bytes for 8 as PCM16_24K, unchanged as ULAW_8K."""
        if self._resampler is None:
            return line
        pcm = self._resampler.push_bytes(ulaw.linear(line))
        return pcm if PCM16.isnative else audioop.byteswap(pcm, PCM16.itemsize)


class Downlink:
    """An engine's voice on its way to the phone. One for each call; flushed after each reply."""

    def __init__(self, of: AudioFormat) -> None:
        """`of`: the engine's `Capabilities.output_format`."""
        self._resampler = to_8k() if of is AudioFormat.PCM16_24K else None
        self._half = b""
        self.delay_samples = self._resampler.delay if self._resampler else 0
        """Samples of 8,000 a second by which each reply comes out late, and so much longer."""

    def push(self, audio: bytes) -> bytes:
        """The mu-law for this piece of a reply; half a sample at its end waits for the next."""
        if self._resampler is None:
            return audio
        audio = self._half + audio
        samples = len(audio) // PCM16.itemsize
        self._half = audio[samples * PCM16.itemsize :]
        pcm = np.frombuffer(audio, PCM16, samples).astype(np.int16, copy=False)
        return ulaw.encode(self._resampler.push(pcm))

    def flush(self) -> bytes:
        """The last 3 ms of a reply that has ended; ready for the next. Empty if there was none."""
        if self._resampler is None:
            return b""
        self._half = b""
        return ulaw.encode(self._resampler.flush())

    def reset(self) -> None:
        """Drop what is left of a reply that was cut."""
        self._half = b""
        if self._resampler is not None:
            self._resampler.reset()
