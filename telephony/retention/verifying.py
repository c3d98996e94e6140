"""Are all calls as they were when they ended, but for what was deleted? Names each that is not."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import msgspec

from telephony.retention.classes import name_of
from telephony.retention.sealing import fingerprint, journal_of, places, transcript_of
from telephony.transcripts.records import Checkpoint, read
from tools.callchain import BEGINNING, CallChain, Link, broken
from tools.store import Store

MOST_PROBLEMS = 1_000


class Verified(msgspec.Struct, frozen=True):
    """What was found."""

    rows: int
    """Of the chain."""
    head: str
    """The newest link: whoever kept an older one can see that the chain still holds it."""
    calls: int
    """Folders that stand in the chain and are as they were."""
    unsealed: int
    """Folders that do not stand in it yet: calls that are on, or have just ended."""
    erased: int
    """Calls of which something, or everything, was deleted."""
    problems: tuple[str, ...]
    """One sentence each; empty: everything is as it was."""


class _Call(msgspec.Struct):
    """What the chain says of one."""

    number: int
    files: dict[str, str]
    erased: set[str]


class _Look:
    """One verification."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._calls: dict[str, _Call] = {}
        self.problems: list[str] = []
        self.rows = self.good = self.unsealed = self.erased = 0
        self.head = BEGINNING

    def chain(self, row: Link) -> None:
        """The next row."""
        self.rows += 1
        if (what := broken(self.head, self.rows, row)) is not None:
            self.wrong(f"call chain: {what}")
            # One wrong row is one problem, not one for each that follows.
            self.rows = row.number
        self.head = row.link
        try:
            self._told(row)
        except msgspec.MsgspecError:
            self.wrong(f"call chain: row {row.number} makes no sense")

    def _told(self, row: Link) -> None:
        call = self._calls.setdefault(row.name, _Call(row.number, {}, set()))
        if row.kind == "sealed":
            call.number = row.number
            call.files = msgspec.json.decode(row.what, type=dict[str, str])
        else:
            call.erased |= msgspec.json.decode(row.what, type=set[str])

    def folders(self) -> None:
        """Compare what is on disk with what the chain says, then what is not on disk."""
        for place, folder in places(self._data_dir):
            call = self._calls.pop(name_of(place), None)
            before = len(self.problems)
            self._journal(place, folder)
            if call is None or not call.files:
                self.unsealed += 1
                continue
            self.erased += bool(call.erased)
            self._files(place, folder, call)
            self.good += len(self.problems) == before
        for call in self._calls.values():
            self._gone(call)

    def _files(self, place: str, folder: Path, call: _Call) -> None:
        for file, known in call.files.items():
            path = folder / file
            if path.is_file():
                if fingerprint(path) != known:
                    self.wrong(f"{place}/{file} was changed since row {call.number} sealed it")
            elif file not in call.erased:
                self.wrong(f"{place}/{file} is gone, and no deletion took it")

    def _journal(self, place: str, folder: Path) -> None:
        """Also of a call that is not sealed, its journal says whether it and the transcript are
        whole."""
        try:
            reading = read(journal_of(folder).read_bytes())
        except FileNotFoundError:
            return
        if reading.damage is not None:
            what = f"{reading.damage.what} (byte {reading.damage.offset})"
            self.wrong(f"{place}/{journal_of(folder).name}: {what}")
            return
        last = reading.records[-1] if reading.records else None
        ended = isinstance(last, Checkpoint) and (folder / "call.json").exists()
        if ended and isinstance(last, Checkpoint) and last.lines:
            kept = (folder / "transcript.jsonl").exists() or last.lines == transcript_of(folder)
            if kept and transcript_of(folder) != last.lines:
                self.wrong(f"{place}/transcript.jsonl is not what its journal says")

    def _gone(self, call: _Call) -> None:
        self.erased += bool(call.erased)
        if left := sorted(set(call.files) - call.erased):
            missing = ", ".join(left)
            self.wrong(
                f"the call of row {call.number} is gone ({missing}), and no deletion took it"
            )

    def wrong(self, what: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(what)


def verify_calls(
    store: Store,
    data_dir: Path,
    *,
    head: str = "",
    progress: Callable[[int], None] = lambda _rows: None,
) -> Verified:
    """Everything, from the first call on. Blocks for as long as reading all files takes.

    `head`: a link somebody wrote down before; the chain must still hold it. `progress` is told
    of each row. Raises BackendError where the database, OSError where the disk cannot be asked.
    """
    look = _Look(data_dir)
    links = set()
    for row in CallChain(store, lambda: dt.datetime.now(dt.UTC)).rows():
        look.chain(row)
        links.add(row.link if head else "")
        progress(look.rows)
    if head and head not in links:
        look.wrong("call chain: it does not hold the link it once ended with")
    look.folders()
    return Verified(
        look.rows, look.head, look.good, look.unsealed, look.erased, tuple(look.problems)
    )
