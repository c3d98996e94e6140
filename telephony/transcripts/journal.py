"""How everything about a call gets to disk without the call ever waiting for the disk.

The call's side (`Journal`) encodes and appends to a bounded queue, on the event loop, and does
nothing else. One thread for all calls (`JournalWriter`) writes a few times a second. What does
not fit into the queue is dropped, counted and reported once; what could not be written is kept
and tried again until it can be or the queue is full.
"""

import asyncio
import concurrent.futures
import errno
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import structs

from telephony.call.commands import CallCommand, Track
from telephony.call.events import CallEvent
from telephony.transcripts.entry import AnyEntry, EndedReason
from telephony.transcripts.files import SAFE_NAME, CallFiles, Disk, part_name
from telephony.transcripts.records import (
    MAX_FRAME_BYTES,
    Chain,
    Checkpoint,
    CommandDigest,
    Gap,
    Happened,
    Header,
    Redacted,
    Seal,
    frame,
)
from telephony.transcripts.summary import Summary, Tally
from telephony.version import VERSION

CHECKPOINT_EVERY = 256
"""Events between two checkpoints."""
PERIOD_S = 0.25
"""How often the thread writes: what a crash of the process can lose."""
CALL_LIMIT_BYTES = 16 << 20
TOTAL_LIMIT_BYTES = 96 << 20
_RESERVE = 1 << 20
"""Bytes kept free of audio and events, so that transcript lines are the last to be lost."""
MAX_SAMPLES = 4 * 3600 * 8_000
"""A piece of audio placed beyond four hours is a mistake, not a recording."""

OVERFLOW = "journal_overflow"
BROKEN = "writer_failed"
"""A bug of ours: the rest of this call is not written."""
_TROUBLES = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EACCES: "no_permission",
    errno.EPERM: "no_permission",
    errno.EROFS: "no_permission",
}


def call_folder(data_dir: Path, call_id: str, started_at: datetime, part: int = 1) -> Path:
    """Where a call's files lie; `part` counts the processes that carried it. Raises ValueError
    for an id that is no plain name."""
    if not SAFE_NAME.fullmatch(call_id):
        raise ValueError("call id is not a plain name")
    name = part_name(call_id, part)
    return data_dir / "calls" / started_at.astimezone(UTC).date().isoformat() / name


class _Line(msgspec.Struct, frozen=True, gc=False):
    data: bytes


class _Frame(msgspec.Struct, frozen=True, gc=False):
    data: bytes


class _Audio(msgspec.Struct, frozen=True, gc=False):
    track: Track
    at_samples: int
    data: bytes


_Piece = _Line | _Frame | _Audio
_PIECE_BYTES = 100
"""Of memory beside its data, near enough."""


class _Room:
    """How many bytes of all calls wait: the loop's side counts up one number, the thread's the
    other."""

    def __init__(self) -> None:
        self.queued = 0
        self.written = 0

    @property
    def waiting(self) -> int:
        return self.queued - self.written


class _Spool:
    """What waits for the disk of one call.

    The event loop's side appends and counts up `queued`; the thread's side takes, writes and
    counts up `written`. Each attribute has one side that changes it, so no lock is needed.
    """

    def __init__(self, files: CallFiles, room: _Room) -> None:
        self.inbox: deque[_Piece] = deque()
        self.queued = 0
        self.overflowed = False
        self.refused = 0
        """Pieces there was no room for."""
        self.summary: Summary | None = None
        self.written = 0
        self.dropped = False
        self.trouble: str | None = None
        self.done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._files = files
        self._room = room
        self._taken = 0

    def drop(self) -> None:
        """On the thread: nothing more of this call is written; what waited is let go of."""
        self.dropped = True
        self._room.written += self.queued - self.written
        self.written = self.queued
        self.inbox.clear()
        with suppress(Exception):
            self._files.finish(None)

    def put(self, piece: _Piece, reserve: int = 0) -> bool:
        """On the event loop: queue a piece if memory allows; `reserve` more is allowed it.

        What comes after the `summary` is of no call any more, and not missed.
        """
        if self.summary is not None:
            return False
        if self.dropped:
            self.refused += 1
            return False
        size, room = len(piece.data) + _PIECE_BYTES, self._room
        if (
            self.queued - self.written + size > CALL_LIMIT_BYTES + reserve
            or room.queued - room.written + size > TOTAL_LIMIT_BYTES + reserve
        ):
            self.overflowed = True
            self.refused += 1
            return False
        self.queued += size
        room.queued += size
        self.inbox.append(piece)
        return True

    @property
    def relieved(self) -> bool:
        """Whether there is room for more than the next few pieces."""
        own, all_calls = self.queued - self.written, self._room.waiting
        return own <= CALL_LIMIT_BYTES // 2 and all_calls <= TOTAL_LIMIT_BYTES // 2

    @property
    def folder(self) -> Path:
        return self._files.folder

    @property
    def first_trouble(self) -> str | None:
        return self.trouble or (OVERFLOW if self.overflowed else None)

    def write(self) -> bool:
        """On the thread: put on disk what waits. False while there is, or may be, more."""
        summary = self.summary
        try:
            self._take()
            self._files.flush()
            self._room.written += self._taken - self.written
            self.written = self._taken
            if summary is None:
                return False
            self._files.finish(structs.replace(summary, storage_trouble=self.first_trouble))
        except OSError as error:
            self.trouble = _TROUBLES.get(error.errno or 0, "write_failed")
            raise
        except Exception:
            self.trouble = BROKEN
            raise
        self.done.set_result(None)
        return True

    def _take(self) -> None:
        inbox, files = self.inbox, self._files
        while inbox:
            piece = inbox.popleft()
            self._taken += len(piece.data) + _PIECE_BYTES
            if isinstance(piece, _Audio):
                files.recordings[piece.track].place(piece.at_samples, piece.data)
            elif isinstance(piece, _Frame):
                files.journal.add(piece.data)
            else:
                files.transcript.add(piece.data)


class Journal:
    """One call's record. No method waits, none raises for what the disk does.

    All but `written` must be called from one thread, the event loop's.
    """

    def __init__(
        self,
        writer: "JournalWriter",
        header: Header,
        folder: Path,
        failed: Callable[[str], None],
    ) -> None:
        self._writer = writer
        # The call was built from its configuration: that is long, and wanted on disk only.
        self._header = structs.replace(header, config=b"")
        self._failed = failed
        self._reported = False
        self._digest = CommandDigest()
        self._frames = Chain()
        self._lines = Chain()
        self._tally = Tally()
        self._events = 0
        self._last_now = 0.0
        self._lost_events = 0
        self._redacted = False
        self._dropped = 0
        self._spool = _Spool(CallFiles(writer.disk, folder), writer.room)

    @staticmethod
    def open(
        writer: "JournalWriter",
        *,
        call_id: str,
        started_at: datetime,
        engine: str,
        from_number: str | None = None,
        to_number: str | None = None,
        version: str = VERSION,
        config: bytes = b"",
        config_version: int = 0,
        persona: str = "",
        part: int = 1,
        failed: Callable[[str], None],
    ) -> "Journal":
        """Begin a call's journal. `started_at` is time-zone aware wall clock, of the call and not
        of its `part`.

        `failed(code)` is called at most once, from inside a later call of one of the methods.
        Raises ValueError for an id that is no plain name; nothing else.
        """
        folder = call_folder(writer.data_dir, call_id, started_at, part)
        header = Header(
            call_id=call_id,
            started_at=started_at.isoformat(timespec="milliseconds"),
            engine=engine,
            from_number=from_number,
            to_number=to_number,
            version=version,
            config=config,
            config_version=config_version,
            persona=persona,
        )
        journal = Journal(writer, header, folder, failed)
        journal._put_frame(frame(header), _RESERVE)
        writer.adopt(journal._spool)
        return journal

    @property
    def folder(self) -> Path:
        """Where the call's files lie; certain once they are written."""
        return self._spool.folder

    @property
    def dropped(self) -> int:
        return self._dropped + self._spool.refused

    def event(self, now: float, event: CallEvent, commands: Sequence[CallCommand]) -> None:
        """Keep one event and the fingerprint of what the call answered to it."""
        self.keep(now, event, self.fingerprint(commands))

    def fingerprint(self, commands: Sequence[CallCommand]) -> Seal:
        """Of what the call answered to the next event; that itself may be kept later."""
        crc = self._digest.add(commands)
        self._events += 1
        due = self._events % CHECKPOINT_EVERY == 0
        return Seal(crc, self._point() if due else None)

    def keep(self, now: float, event: CallEvent, seal: Seal) -> None:
        """Keep one event, in the order of the fingerprints; after a loss, once half of what waited
        is gone."""
        self._last_now = now
        if self._lost_events and self._spool.relieved:
            self._say_gap()
        crc = 0 if self._redacted else seal.crc
        if self._lost_events or not self._keep(frame(Happened(now, crc, event))):
            self._lost_events += 1
        if seal.checkpoint is not None:
            self._checkpoint(seal.checkpoint)
        self._report()

    def redacted(self) -> None:
        """The next event, or a later one, is not kept as it was."""
        if not self._redacted:
            self._redacted = True
            self._say_gap()
            self._put_frame(frame(Redacted()), _RESERVE)

    def passed_over(self) -> None:
        """An event whose fingerprint was taken is not to be kept: a gap, as if it was lost."""
        self._lost_events += 1

    def record(self, entry: AnyEntry) -> None:
        """Keep one line of the transcript."""
        self._tally.add(entry)
        line = msgspec.json.encode(entry) + b"\n"
        if self._spool.put(_Line(line), _RESERVE):
            self._lines.add(line)
        self._report()

    def audio(self, track: Track, at_samples: int, ulaw: bytes) -> None:
        """Keep audio at its place on the call's clock, in samples of 8,000 a second."""
        if 0 <= at_samples <= MAX_SAMPLES - len(ulaw):
            self._spool.put(_Audio(track, at_samples, ulaw))
        else:
            self._dropped += 1
        self._report()

    def close(self, reason: EndedReason) -> None:
        """The call is over; a second close is ignored."""
        if self._spool.summary is not None:
            return
        self._say_gap()
        self._checkpoint(self._point())
        self._spool.summary = self._tally.summary(
            self._header,
            last_ms=round(self._last_now * 1000),
            reason=reason.value,
            dropped=self.dropped,
        )
        self._writer.wake()
        self._report()

    async def written(self, limit_s: float) -> bool:
        """Wait until a closed journal is whole on disk; False when it took longer."""
        future = asyncio.wrap_future(self._spool.done)
        await asyncio.wait([future], timeout=limit_s)
        return future.done()

    def _point(self) -> Checkpoint:
        return Checkpoint(self._events, self._digest.commands, self._digest.digest())

    def _checkpoint(self, point: Checkpoint) -> None:
        if not self._redacted:
            frames, lines = self._frames.digest(), self._lines.digest()
            chained = structs.replace(point, chain=frames, lines=lines)
            self._put_frame(frame(chained), _RESERVE)

    def _keep(self, happened: bytes) -> bool:
        """False for what a reader would take for damage: it is as good as lost."""
        if len(happened) > MAX_FRAME_BYTES:
            self._dropped += 1
            return False
        return self._put_frame(happened)

    def _say_gap(self) -> None:
        if self._lost_events and self._put_frame(frame(Gap(self._lost_events)), _RESERVE):
            self._lost_events = 0

    def _put_frame(self, data: bytes, reserve: int = 0) -> bool:
        kept = self._spool.put(_Frame(data), reserve)
        if kept:
            self._frames.add(data)
        return kept

    def _report(self) -> None:
        spool = self._spool
        # Mostly there is none; asked this way it takes no further call.
        if (spool.overflowed or spool.trouble) and not self._reported:
            self._reported = True
            self._failed(spool.trouble or OVERFLOW)


class JournalWriter:
    """The thread that writes all journals, and the bound on what may wait for it."""

    def __init__(
        self,
        data_dir: Path,
        disk: Disk | None = None,
        period_s: float = PERIOD_S,
        finished: Callable[[Path], None] = lambda folder: None,
    ) -> None:
        """`finished(folder)` is told, on the thread, of each call that is whole on disk; it must
        neither wait nor raise."""
        self.data_dir = data_dir
        self.disk = disk or Disk()
        self._period_s = period_s
        self._finished = finished
        self.room = _Room()
        self._spools: list[_Spool] = []
        self._adopted: deque[_Spool] = deque()
        self._trouble: str | None = None
        self._wake = threading.Event()
        self._given_up = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why the disk does not take what it is given at present; for readiness."""
        return self._trouble if self._thread.is_alive() else "writer_stopped"

    def adopt(self, spool: _Spool) -> None:
        self._adopted.append(spool)
        self._wake.set()

    def wake(self) -> None:
        """Write now rather than at the next period."""
        self._wake.set()

    async def shut(self, limit_s: float) -> int:
        """Write what waits, end the thread; the number of journals that are not whole on disk.

        For after the last call's close. With a disk that hangs it returns at the limit and
        leaves the thread behind, which does not keep the process from ending.
        """
        spools = {*self._adopted, *self._spools}
        closed = [spool.done for spool in spools if spool.summary is not None]
        self._wake.set()
        if closed:
            await asyncio.wait([asyncio.wrap_future(done) for done in closed], timeout=limit_s)
        self._given_up = True
        self._wake.set()
        return sum(not spool.done.done() for spool in spools)

    def _run(self) -> None:
        while not self._given_up:
            # Without calls there is nothing to be periodic about.
            self._wake.wait(self._period_s if self._spools else None)
            self._wake.clear()
            while self._adopted:
                # In both for a moment rather than in neither: `shut` may look at any time.
                self._spools.append(self._adopted[0])
                self._adopted.popleft()
            self._write_all()

    def _write_all(self) -> None:
        trouble = None
        for spool in tuple(self._spools):
            try:
                if spool.write():
                    self._spools.remove(spool)
                    self._finished(spool.folder)
            except OSError:
                trouble = spool.trouble
            except Exception:  # a pump: a bug met with one call's files must not stop the others'
                self._spools.remove(spool)
                spool.drop()
        self._trouble = trouble
