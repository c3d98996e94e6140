"""A call's recordings as whole files of which any part can be had, the stereo one made as it is
asked for."""

from collections.abc import Sequence
from pathlib import Path

from telephony.transcripts import wav
from telephony.transcripts.archive import StoredCall

CALLER, HEARD, SENT = "caller.wav", "agent.wav", "sent.wav"
STEREO = "stereo.wav"
"""The caller on the left, what they heard on the right."""


class Recording:
    """One WAV file, real or made of two. Every method blocks; OSError when it cannot be read."""

    def __init__(self, sides: Sequence[Path | None]) -> None:
        self._sides = [_Side(path) for path in sides]
        self.samples = max(side.samples for side in self._sides)
        data_bytes = self.samples * len(sides)
        self._head = wav.header(data_bytes, len(sides))
        self._end = len(self._head) + data_bytes
        self.length = self._end + (data_bytes & 1)

    def read(self, first: int, last: int) -> bytes:
        """Bytes `first` to `last`, that one not included."""
        last = min(last, self.length)
        sound = self._sound(max(0, first - len(self._head)), min(last, self._end) - len(self._head))
        return self._head[first:last] + sound + b"\0" * (last - max(first, self._end))

    def _sound(self, first: int, last: int) -> bytes:
        """Bytes behind the header."""
        if last <= first:
            return b""
        channels = len(self._sides)
        frame, behind = first // channels, -(-last // channels)
        sides = [side.read(frame, behind) for side in self._sides]
        frames = sides[0] if channels == 1 else wav.interleaved(sides, behind - frame)
        return frames[first - frame * channels : last - frame * channels]


class _Side:
    """One file, or nothing but silence."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.samples = 0
        if path is not None:
            with path.open("rb") as file:
                stated = wav.stated(file.read(wav.HEADER_BYTES))
            # A file that is still growing may have more than its header says, a torn one less.
            self.samples = max(0, min(stated, path.stat().st_size - wav.HEADER_BYTES))

    def read(self, first: int, last: int) -> bytes:
        if self._path is None or first >= min(last, self.samples):
            return b""
        with self._path.open("rb") as file:
            file.seek(wav.HEADER_BYTES + first)
            return file.read(min(last, self.samples) - first)


def recording(call: StoredCall, name: str) -> Recording | None:
    """None where the call has no such recording."""
    there = call.recordings
    if name == STEREO:
        sides = [there.get(CALLER), there.get(HEARD)]
        return Recording(sides) if any(sides) else None
    return Recording([there[name]]) if name in there else None


def track(call: StoredCall, name: str) -> bytes:
    """All samples of a recording as mu-law; nothing where there is none."""
    path = call.recordings.get(name)
    return wav.samples_in(path.read_bytes()) if path is not None else b""
