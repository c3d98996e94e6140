"""Where in a stream that never ends does somebody speak?

The server sends audio without a pause, silence included, and says neither where a reply begins
nor where it ends. So the silence is told from the speech here, by how loud it is: what the
server's silence is like has to be proved by a live session (docs/unproven.md).
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.engine import AudioFormat

BLOCK_MS = 20
LOUD = 300
"""Of 32,768: 40 dB below the loudest, where a line's noise and an encoder's dither end."""
LEAST_LOUD = 0.05
"""So much of a block's samples must be loud: a click is no speech."""
HANGOVER_MS = 200
"""So long after the last loud block silence still belongs to the speech: endings are soft, and
the carrier's queue is kept from running dry between two words."""
PREROLL_MS = 60
"""Beginnings are soft as well."""


class Stretch(msgspec.Struct, frozen=True):
    """A piece of the stream, of one kind."""

    audio: bytes
    """To be heard; empty: silence between what is said."""
    loud: bool
    """Something sounds in it."""
    quiet_ms: int
    """At its end nothing has sounded for so long."""
    end_ms: int
    """Its end, from the beginning of the stream."""


class Sounding:
    """Splits one stream. Feed it every byte, in order."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._block_bytes = BLOCK_MS * audio_format.rate * audio_format.sample_bytes // 1000
        self._rest = b""
        self._before = b""
        """Silence that was not heard and may turn out to be a beginning."""
        self._sounded = False
        self._blocks = 0
        self.quiet_ms = 0

    @property
    def position_ms(self) -> int:
        """So much of the stream has come."""
        return self._blocks * BLOCK_MS

    def push(self, audio: bytes) -> Iterator[Stretch]:
        """The stretches of what came, blocks of a kind together."""
        whole = self._rest + audio
        end = len(whole) - len(whole) % self._block_bytes
        self._rest = whole[end:]
        blocks = [whole[at : at + self._block_bytes] for at in range(0, end, self._block_bytes)]
        spoken, loud = b"", False
        for block, sounds in zip(blocks, self._loud(whole[:end]), strict=True):
            self._blocks += 1
            self.quiet_ms = 0 if sounds else self.quiet_ms + BLOCK_MS
            if sounds or (self._sounded and self.quiet_ms <= HANGOVER_MS):
                spoken += self._before + block
                loud = loud or sounds
                self._sounded, self._before = True, b""
                continue
            if spoken:
                yield self._stretch(spoken, loud=loud, back=1)
            spoken, loud = b"", False
            kept = PREROLL_MS // BLOCK_MS * self._block_bytes
            self._before = (self._before + block)[-kept:]
            yield self._stretch(b"", loud=False)
        if spoken:
            yield self._stretch(spoken, loud=loud)

    def _stretch(self, audio: bytes, *, loud: bool, back: int = 0) -> Stretch:
        quiet_ms = self.quiet_ms - back * BLOCK_MS
        return Stretch(audio, loud, quiet_ms, self.position_ms - back * BLOCK_MS)

    def _loud(self, audio: bytes) -> list[bool]:
        if not audio:
            return []
        if self._format is AudioFormat.PCM16_24K:
            # The magnitude of the lowest sample does not fit its own type.
            loud = np.abs(np.frombuffer(audio, "<i2").astype(np.int32)) > LOUD
        else:
            loud = _LOUD_ULAW[np.frombuffer(audio, np.uint8)]
        shares = loud.reshape(-1, self._block_bytes // self._format.sample_bytes).mean(axis=1)
        return [bool(share >= LEAST_LOUD) for share in shares]


def onset(audio: bytes, audio_format: AudioFormat) -> int:
    """How many bytes of silence stand before the first sound; all of them where nothing sounds."""
    for stretch in Sounding(audio_format).push(audio):
        if stretch.audio:
            ended = stretch.end_ms * audio_format.rate * audio_format.sample_bytes // 1000
            return ended - len(stretch.audio)
    return len(audio)


def _loud_ulaw() -> NDArray[np.bool_]:
    """For each code of G.711 mu-law whether its magnitude is loud."""
    codes = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (codes >> 4) & 7, (codes & 15).astype(np.int32)
    magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.asarray(magnitude > LOUD)


_LOUD_ULAW = _loud_ulaw()
