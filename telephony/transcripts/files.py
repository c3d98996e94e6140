"""The files of one call on disk: written by the journal's thread only, at known offsets.

A write that fails leaves its offset where it was, so that the next attempt overwrites the torn
half: whatever an error interrupts is repeated, never doubled.
"""

import os
import re
from pathlib import Path

import msgspec

from telephony.call.commands import Track
from telephony.transcripts import names, wav
from telephony.transcripts.names import JOURNAL, SUMMARY, TRANSCRIPT, VOICEMAIL
from telephony.transcripts.summary import Summary

__all__ = ["JOURNAL", "RECORDINGS", "SUMMARY", "TRANSCRIPT", "VOICEMAIL"]

RECORDINGS = dict(zip((Track.CALLER, Track.HEARD, Track.SENT), names.RECORDINGS, strict=True))

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
"""What a call id must look like: it names a folder."""
_PART = "+"
"""No call id has it."""
_SILENCE_BLOCK = wav.SILENCE * 65_536


def part_name(call_id: str, part: int) -> str:
    """The folder of what the so-many-th process to carry a call has kept of it."""
    return call_id if part == 1 else f"{call_id}{_PART}{part}"


def part_of(folder: str) -> tuple[str, int]:
    """Call id and part by the folder's name."""
    call_id, plus, number = folder.partition(_PART)
    return (call_id, int(number)) if plus and number.isdecimal() else (folder, 1)


class Disk:
    """The few system calls used here; tests put a full or slow disk in its place."""

    def folder(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def new_folder(self, path: Path) -> bool:
        """False when there is something of that name already."""
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            return False
        return True

    def create(self, path: Path) -> int:
        """A new file, readable by its owner only: it holds what callers said."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        return os.pwrite(fd, data, at)

    def cut(self, fd: int, length: int) -> None:
        os.ftruncate(fd, length)

    def sync(self, fd: int) -> None:
        os.fsync(fd)

    def replace(self, path: Path, data: bytes) -> None:
        """The whole file or none of it."""
        draft = path.with_suffix(".part")
        draft.write_bytes(data)
        draft.chmod(0o600)
        draft.replace(path)


class CallFolder:
    """One call's folder, made when there is something to put in it.

    Carriers have been seen to use an id again; the second call then gets a folder of its own,
    `<id>-2`, and the first is left as it was.
    """

    def __init__(self, disk: Disk, wanted: Path) -> None:
        self.path = wanted
        self._disk = disk
        self._wanted = wanted
        self._made = False
        self._count = 1

    def make(self) -> Path:
        if not self._made:
            self._disk.folder(self._wanted.parent)
            while not self._disk.new_folder(self.path):
                self._count += 1
                self.path = self._wanted.with_name(f"{self._wanted.name}-{self._count}")
            self._made = True
        return self.path


class GrowingFile:
    """A file that only grows; created when there is something to put in it."""

    def __init__(self, disk: Disk, folder: CallFolder, name: str) -> None:
        self._disk = disk
        self._folder = folder
        self._name = name
        self._fd: int | None = None
        self._waiting = bytearray()
        self._written = 0

    def add(self, data: bytes) -> None:
        self._waiting += data

    def flush(self) -> None:
        if not self._waiting:
            return
        self._write_all(self._waiting, self._written)
        self._written += len(self._waiting)
        self._waiting = bytearray()

    def close(self) -> None:
        """Make it durable and let go of it."""
        if self._fd is None:
            return
        try:
            self._disk.cut(self._fd, self._written)
            self._disk.sync(self._fd)
        finally:
            os.close(self._fd)
            self._fd = None

    def _write_all(self, data: bytes | bytearray, at: int) -> None:
        if self._fd is None:
            self._fd = self._disk.create(self._folder.make() / self._name)
        view = memoryview(bytes(data))
        while view:
            done = self._disk.write(self._fd, view, at)
            view = view[done:]
            at += done


class RecordingFile(GrowingFile):
    """A mu-law WAV whose pieces say where they belong; between them is silence."""

    def __init__(self, disk: Disk, folder: CallFolder, name: str) -> None:
        super().__init__(disk, folder, name)
        self._pieces: list[tuple[int, bytearray]] = []
        self._samples = 0

    def place(self, at_samples: int, ulaw: bytes) -> None:
        last = self._pieces[-1] if self._pieces else None
        if last and last[0] + len(last[1]) == at_samples:
            last[1].extend(ulaw)
        else:
            self._pieces.append((at_samples, bytearray(ulaw)))

    def flush(self) -> None:
        if not self._pieces:
            return
        while self._pieces:
            at, ulaw = self._pieces[0]
            self._silence_until(at)
            self._write_all(ulaw, wav.HEADER_BYTES + at)
            self._samples = max(self._samples, at + len(ulaw))
            del self._pieces[0]
        self._write_all(wav.header(self._samples), 0)

    def close(self) -> None:
        pad = self._samples & 1
        if pad:
            self._write_all(b"\0", wav.HEADER_BYTES + self._samples)
        self._written = wav.HEADER_BYTES + self._samples + pad
        super().close()

    def _silence_until(self, at_samples: int) -> None:
        while self._samples < at_samples:
            block = _SILENCE_BLOCK[: at_samples - self._samples]
            self._write_all(block, wav.HEADER_BYTES + self._samples)
            self._samples += len(block)


class CallFiles:
    """Everything one call leaves in its folder."""

    def __init__(self, disk: Disk, wanted: Path) -> None:
        self._disk = disk
        self._folder = CallFolder(disk, wanted)
        self.journal = GrowingFile(disk, self._folder, JOURNAL)
        self.transcript = GrowingFile(disk, self._folder, TRANSCRIPT)
        self.recordings = {
            track: RecordingFile(disk, self._folder, name) for track, name in RECORDINGS.items()
        }

    @property
    def folder(self) -> Path:
        """Where they lie; certain once something has been written."""
        return self._folder.path

    def flush(self) -> None:
        """Put everything waiting on disk; on OSError what is left is tried again next time."""
        for file in self._all():
            file.flush()

    def finish(self, summary: Summary | None) -> None:
        """The call is over: last sizes, then `call.json`, which says that all is here."""
        for file in self._all():
            file.close()
        if summary is not None:
            text = msgspec.json.format(msgspec.json.encode(summary), indent=2)
            self._disk.replace(self._folder.make() / SUMMARY, text + b"\n")

    def _all(self) -> tuple[GrowingFile, ...]:
        return (self.journal, self.transcript, *self.recordings.values())
