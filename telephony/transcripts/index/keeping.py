"""How calls come into the index: told of when they end, and found by looking when nobody told.

The archive itself is the queue that no crash can lose: what lies there and is not in the index is
put in, at the start for all days, and now and then for the last two. Being told only makes it
sooner.
"""

import os
import queue
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import structlog

from telephony.transcripts.archive import stored, transcript
from telephony.transcripts.files import JOURNAL, SUMMARY, TRANSCRIPT, part_of
from telephony.transcripts.index.index import CallIndex
from telephony.transcripts.index.row import CallRow, Indexed, indexed

log = structlog.get_logger()

TICK_S = 1.0
COMPARE_EVERY_S = 60.0
BATCH = 40
"""Calls in one transaction, and at one time of asking."""
QUIET_S = 30.0
"""A call that is on has its journal written several times a second."""
GIVEN_UP_S = 900.0
"""A call without an end of which nothing was written for so long is put in as it is."""
RECENT_DAYS = 2
MOST_RUNNING = 200


class Keeping:
    """One of them for a process; `told` is for any thread, all else for one at a time."""

    def __init__(
        self,
        index: CallIndex,
        data_dir: Path,
        clock_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """`clock_s` runs evenly, `wall_s` as files are stamped; both in seconds."""
        self._index = index
        self._calls = data_dir / "calls"
        self._clock_s = clock_s
        self._wall_s = wall_s
        self._told: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._missing: Iterator[Path] = iter(())
        self._compare_at_s: float | None = None
        """None: it was never compared."""

    def told(self, folder: Path) -> None:
        """A call is whole on disk."""
        self._told.put(folder)

    def turn(self) -> int:
        """Put in what there is to put in, a batch at most; how many calls that was.

        Raises BackendError, CommitUnknownError, OSError: what was not put in is found again.
        """
        folders = [*self._all_told(), *islice(self._missing, BATCH)]
        if not folders and self._due():
            self._missing = self._found_missing()
            folders = list(islice(self._missing, BATCH))
        calls = {folder: call for folder in folders if (call := read(folder)) is not None}
        try:
            self._index.put(list(calls.values()))
        except BaseException:
            # To be looked for at once when the database is back, and not in a minute.
            self._compare_at_s = None
            raise
        # One that was deleted while it was put in is taken out again.
        for folder, call in calls.items():
            if not folder.is_dir():
                self._index.forget(call.row.call_id)
        return len(calls)

    def reindex(self) -> Iterator[int]:
        """Put in every call of the archive again; gives how many each batch had."""
        folders = (folder for day in days(self._calls) for folder in latest(day))
        while batch := list(islice(folders, BATCH)):
            self._index.put([call for folder in batch if (call := read(folder)) is not None])
            yield len(batch)

    def stored(self) -> int:
        """How many calls the archive has."""
        return sum(len(latest(day)) for day in days(self._calls))

    def indexed(self) -> int:
        """How many calls the index has."""
        return self._index.count()

    def put_missing(self) -> Iterator[int]:
        """Put in every call that is not in; gives how many each batch had."""
        while done := self.turn():
            yield done

    def running(self) -> list[CallRow]:
        """Calls that are on, newest first, as far as their files tell."""
        found = []
        for day in islice(days(self._calls), RECENT_DAYS):
            found += [folder for folder in self._unfinished(day) if self._quiet_s(folder) < QUIET_S]
        rows = [call.row for folder in found[:MOST_RUNNING] if (call := read(folder)) is not None]
        return sorted(rows, key=lambda row: row.started_ms, reverse=True)

    def _all_told(self) -> Iterator[Path]:
        for _ in range(BATCH):
            try:
                yield self._told.get_nowait()
            except queue.Empty:
                return

    def _due(self) -> bool:
        now_s = self._clock_s()
        return self._compare_at_s is None or now_s >= self._compare_at_s

    def _found_missing(self) -> Iterator[Path]:
        """Lazily, a day at a time: an archive may be years long."""
        every_day = self._compare_at_s is None
        self._compare_at_s = self._clock_s() + COMPARE_EVERY_S
        chosen = days(self._calls)
        for day in chosen if every_day else islice(chosen, RECENT_DAYS):
            known = self._index.of_day(day.name)
            yield from (folder for folder in latest(day) if self._wanted(folder, known))

    def _wanted(self, folder: Path, known: dict[str, bool]) -> bool:
        if known.get(folder.name):
            return False
        if (folder / SUMMARY).is_file():
            return True
        return folder.name not in known and self._quiet_s(folder) >= GIVEN_UP_S

    def _unfinished(self, day: Path) -> list[Path]:
        known = self._index.of_day(day.name)
        folders = [folder for folder in latest(day) if not known.get(folder.name)]
        return [folder for folder in folders if not (folder / SUMMARY).is_file()]

    def _quiet_s(self, folder: Path) -> float:
        """For how long nothing of it was written."""
        stamps = []
        for name in (JOURNAL, TRANSCRIPT, ""):
            try:
                stamps.append((folder / name).stat().st_mtime)
            except OSError:
                continue
        return self._wall_s() - max(stamps, default=0.0)


def read(folder: Path) -> Indexed | None:
    """A call as it lies in its folder, whatever is missing; None where there is no folder."""
    if not folder.is_dir():
        return None
    call = stored(folder)
    place = f"{folder.parent.name}/{folder.name}"
    return indexed(place, *part_of(folder.name), call.summary, transcript(call).entries)


def days(calls: Path) -> Iterator[Path]:
    """The days of an archive, newest first."""
    yield from (calls / name for name in sorted(_folders(calls), reverse=True))


def latest(day: Path) -> list[Path]:
    """The calls of a day, each in the folder of the last process that carried it."""
    found: dict[str, tuple[int, str]] = {}
    for name in _folders(day):
        call_id, part = part_of(name)
        found[call_id] = max(found.get(call_id, (0, "")), (part, name))
    return [day / name for _, name in sorted(found.values(), key=lambda each: each[1])]


def _folders(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []
