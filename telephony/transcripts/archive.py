"""What calls there were, and everything that is known of one: the reading side of the disk.

Everything here may have been torn by a crash: what can be read is read, what cannot is said.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from telephony.transcripts import files
from telephony.transcripts.entry import AnyEntry
from telephony.transcripts.records import MAX_RECORD_BYTES, Reading, header_of, read
from telephony.transcripts.summary import Summary, Tally
from telephony.transcripts.text import Style, begins_ms, clock, in_order, outcome, render

EXPORT_SCHEMA = 1
_entries = msgspec.json.Decoder(AnyEntry)


class NotFound(Exception):  # noqa: N818 - an answer, not an error
    """No call, or more than one, has this id; the message is one sentence for people."""


class StoredCall(msgspec.Struct, frozen=True):
    """One call on disk."""

    folder: Path
    summary: Summary
    finished: bool
    """False: still running, or the program ended before the call did."""

    @property
    def call_id(self) -> str:
        return files.part_of(self.folder.name)[0]

    @property
    def journal(self) -> Path:
        return self.folder / files.JOURNAL

    @property
    def recordings(self) -> dict[str, Path]:
        """The recordings there are, by file name."""
        names = files.RECORDINGS.values()
        return {name: self.folder / name for name in names if (self.folder / name).is_file()}


class Transcript(msgspec.Struct, frozen=True):
    """A call's entries in order of speaking, and what of the file made no sense."""

    entries: tuple[AnyEntry, ...]
    problems: tuple[str, ...]


class Archive:
    """The calls below one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._calls = data_dir / "calls"

    def newest(self, limit: int, skip: int = 0) -> list[StoredCall]:
        """Newest first."""
        found: list[StoredCall] = []
        for day in self._days():
            calls = [stored(folder) for folder in _latest(day)]
            found += sorted(calls, key=lambda call: call.summary.started_at, reverse=True)
            if len(found) >= skip + limit:
                break
        return found[skip : skip + limit]

    def find(self, call_id: str) -> StoredCall:
        """The call with this id, or the only one whose id begins so; raises NotFound."""
        matches = [
            folder
            for day in self._days()
            for folder in _latest(day)
            if call_id and folder.name.startswith(call_id)
        ]
        exact = [folder for folder in matches if files.part_of(folder.name)[0] == call_id]
        match exact or matches:
            case [folder]:
                return stored(folder)
            case []:
                raise NotFound(f"There is no call {call_id!r} below {self._calls}.")
            case several:
                raise NotFound(f"{len(several)} calls begin with {call_id!r}; give more of the id.")

    def exactly(self, call_id: str) -> StoredCall:
        """The call with this very id; raises NotFound. Looks into each day's folder by name only,
        so it is as quick among a million calls."""
        if files.SAFE_NAME.fullmatch(call_id):
            for day in self._days():
                if (folder := _last_part(day, call_id)) is not None:
                    return stored(folder)
        raise NotFound(f"There is no call {call_id!r}.")

    def _days(self) -> Iterator[Path]:
        yield from sorted(_folders(self._calls), reverse=True)


def stored(folder: Path) -> StoredCall:
    """What is known of the call in this folder, whatever is missing."""
    try:
        text = (folder / files.SUMMARY).read_bytes()
        return StoredCall(folder, msgspec.json.decode(text, type=Summary), finished=True)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return StoredCall(folder, _pieced_together(folder), finished=False)


def transcript(call: StoredCall) -> Transcript:
    """All entries that can be read; raises nothing."""
    return _transcript(call.folder)


def _transcript(folder: Path) -> Transcript:
    entries: list[AnyEntry] = []
    problems: list[str] = []
    for number, line in enumerate(_read(folder / files.TRANSCRIPT).splitlines(), start=1):
        try:
            entries.append(_entries.decode(line))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            problems.append(f"{files.TRANSCRIPT}, line {number}: {_what_it_was(line)}")
    return Transcript(tuple(in_order(entries)), tuple(problems))


def journal(path: Path) -> Reading:
    """A journal from its file or its call's folder; raises OSError."""
    return read((path / files.JOURNAL if path.is_dir() else path).read_bytes())


def journal_problem(call: StoredCall) -> str | None:
    """What is wrong with the call's journal, if anything."""
    try:
        damage = journal(call.journal).damage
    except OSError as error:
        return f"{files.JOURNAL} cannot be read ({error.strerror})"
    return f"{files.JOURNAL} is damaged at byte {damage.offset}: {damage.what}" if damage else None


def export_json(call: StoredCall) -> bytes:
    """The whole call as one JSON document."""
    lines = transcript(call)
    document: dict[str, Any] = {
        "schema": EXPORT_SCHEMA,
        "call": call.summary,
        "finished": call.finished,
        "entries": lines.entries,
        "problems": lines.problems,
        "recordings": {name: str(path) for name, path in call.recordings.items()},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def export_text(call: StoredCall, style: Style = Style.PLAIN) -> str:
    """The whole call for people to read."""
    lines = transcript(call)
    problems = "".join(f"! {problem}\n" for problem in lines.problems)
    return f"{_head(call)}\n\n{render(lines.entries, style)}{problems}"


def _head(call: StoredCall) -> str:
    summary = call.summary
    ended = outcome(summary.ended_reason or "not ended in good order")
    return "\n".join(
        (
            f"Call {summary.call_id}, {summary.started_at}, engine {summary.engine}",
            f"From {summary.from_number or 'withheld'} to {summary.to_number or 'unknown'}",
            f"{clock(summary.duration_ms)}, {ended}; {_many(summary.turns, 'turn')},"
            f" {_many(summary.interruptions, 'interruption')},"
            f" {_many(summary.tool_calls, 'tool call')}",
            *_cost(summary),
            *_version(summary),
            *([f"Not everything could be stored: {_trouble(summary)}"] * bool(_trouble(summary))),
        )
    )


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _cost(summary: Summary) -> list[str]:
    return [] if summary.cost is None else [f"Cost {summary.cost}"]


def _version(summary: Summary) -> list[str]:
    number = summary.config_version
    return [f"Configuration version {number}"] if number else []


def _trouble(summary: Summary) -> str:
    parts = [summary.storage_trouble] if summary.storage_trouble else []
    if summary.dropped:
        parts.append(f"{summary.dropped} records dropped")
    return ", ".join(parts)


def _pieced_together(folder: Path) -> Summary:
    header = header_of(_read(folder / files.JOURNAL, MAX_RECORD_BYTES))
    if header is None:
        call_id, _ = files.part_of(folder.name)
        return Summary(call_id=call_id, started_at=folder.parent.name, engine="unknown")
    tally = Tally()
    last_ms = 0
    for entry in _transcript(folder).entries:
        tally.add(entry)
        last_ms = max(last_ms, begins_ms(entry))
    return tally.summary(header, last_ms=last_ms)


def _what_it_was(line: bytes) -> str:
    """A later program's entry, or a torn one; its content is never repeated."""
    try:
        kind = msgspec.json.decode(line, type=dict[str, Any]).get("type")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return "torn or no JSON"
    return f"unknown kind of entry {kind!r}" if isinstance(kind, str) else "no entry"


def _last_part(day: Path, call_id: str) -> Path | None:
    """What the last of the processes that carried the call has kept; the first may have died before
    it wrote a line."""
    parts = (day / files.part_name(call_id, part) for part in itertools.count(2))
    later = list(itertools.takewhile(Path.is_dir, parts))
    first = day / call_id
    return later[-1] if later else first if first.is_dir() else None


def _latest(day: Path) -> list[Path]:
    """Of a call that several processes carried, what the last of them kept: it is all of it."""
    latest: dict[str, tuple[int, Path]] = {}
    for folder in _folders(day):
        call_id, part = files.part_of(folder.name)
        if part >= latest.get(call_id, (0, folder))[0]:
            latest[call_id] = (part, folder)
    return [folder for _, folder in latest.values()]


def _folders(path: Path) -> list[Path]:
    """Raises OSError for a folder that is there and cannot be read."""
    try:
        return [entry for entry in path.iterdir() if entry.is_dir()]
    except FileNotFoundError:
        return []


def _read(path: Path, limit: int = -1) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(limit)
    except OSError:
        return b""
