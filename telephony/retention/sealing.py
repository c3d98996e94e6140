"""Which calls are over and not yet in the chain? Their files' fingerprints go there."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from telephony.retention.classes import SEALED, name_of
from telephony.transcripts.names import JOURNAL, SUMMARY, TRANSCRIPT
from tools.callchain import Addition
from tools.elapsed import time_between

BATCH = 100
"""So many calls are sealed in one transaction."""
ABANDONED = dt.timedelta(hours=12)
"""A call without its summary nobody has written to for so long was torn by a crash."""
_BLOCK = 1 << 20


class Chain(Protocol):
    """As `tools.callchain.CallChain`."""

    def append(self, additions: list[Addition]) -> None: ...

    def sealed(self, names: list[str]) -> frozenset[str]: ...


class Sealer:
    """Looks at the days that may have new calls; everything blocks."""

    def __init__(self, data_dir: Path, chain: Chain, clock: Callable[[], dt.datetime]) -> None:
        self._calls = data_dir / "calls"
        self._chain = chain
        self._clock = clock
        self._known: dict[str, set[str]] = {}
        """Of the days looked at: folders that are sealed."""
        self._whole = False
        """All days were looked at once since the start."""

    def run(self) -> int:
        """Seal what is over; how many calls that were."""
        count = 0
        for day in self._days():
            pending = list(self._pending(day))
            for first in range(0, len(pending), BATCH):
                count += self._seal(day, pending[first : first + BATCH])
        self._whole = True
        return count

    def _days(self) -> list[str]:
        days = sorted(each.name for each in folders(self._calls))
        today = self._clock().astimezone(dt.UTC).date()
        recent = {(today - dt.timedelta(days=back)).isoformat() for back in range(3)}
        self._known = {day: known for day, known in self._known.items() if day in recent}
        return [day for day in days if day in recent] if self._whole else days

    def _pending(self, day: str) -> Iterator[Path]:
        known = self._known.setdefault(day, set())
        for folder in folders(self._calls / day):
            if folder.name not in known and over(folder, self._clock()):
                yield folder

    def _seal(self, day: str, pending: list[Path]) -> int:
        named = {name_of(f"{day}/{folder.name}"): folder for folder in pending}
        there = self._chain.sealed(list(named))
        new = [seal(name, folder) for name, folder in named.items() if name not in there]
        self._chain.append(new)
        self._known[day].update(folder.name for folder in pending)
        return len(new)


def over(folder: Path, now: dt.datetime) -> bool:
    """Nothing more is written to it, as far as can be known."""
    if (folder / SUMMARY).exists():
        return True
    times = [each.stat().st_mtime for each in folder.iterdir() if each.is_file()]
    newest = dt.datetime.fromtimestamp(max(times, default=0.0), dt.UTC)
    return time_between(newest, now) > ABANDONED


def seal(name: str, folder: Path) -> Addition:
    """The fingerprints of what does not change any more."""
    what = {file: fingerprint(folder / file) for file in SEALED if (folder / file).is_file()}
    return Addition("sealed", name, msgspec.json.encode(what).decode())


def fingerprint(path: Path) -> str:
    """BLAKE2b-256 of a file, in hexadecimal digits; raises OSError."""
    blake = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            blake.update(block)
    return blake.hexdigest()


def transcript_of(folder: Path) -> bytes:
    """The same of the transcript, as a journal has it."""
    try:
        return bytes.fromhex(fingerprint(folder / TRANSCRIPT))
    except FileNotFoundError:
        return hashlib.blake2b(digest_size=32).digest()


def journal_of(folder: Path) -> Path:
    return folder / JOURNAL


def folders(path: Path) -> list[Path]:
    """The folders in it; none where it is missing. Raises OSError where it cannot be read."""
    try:
        return [each for each in path.iterdir() if each.is_dir()]
    except FileNotFoundError:
        return []


def places(data_dir: Path) -> Iterable[tuple[str, Path]]:
    """Every call's folder, with its name among all: `2026-11-20/CA123`."""
    for day in sorted(folders(data_dir / "calls")):
        for folder in sorted(folders(day)):
            yield f"{day.name}/{folder.name}", folder
