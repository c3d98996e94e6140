"""Does a journal's call, run again, ask for exactly the same commands? A bug report that runs."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from telephony.call.commands import CallCommand
from telephony.call.events import CallEvent
from telephony.transcripts.records import (
    Checkpoint,
    CommandDigest,
    Gap,
    Happened,
    Header,
    Reading,
    Record,
    Redacted,
)
from telephony.version import VERSION


class Replayable(Protocol):
    """What a replay needs of a call."""

    def handle(self, event: CallEvent, now: float) -> list[CallCommand]: ...


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found. Events are counted from 1."""

    events: int
    commands: int
    checkpoints: int
    """How many agreed."""
    problem: str | None = None
    """Why the replay proves nothing from here on; None when everything agreed to the end."""
    first_difference: int | None = None
    """The event whose answer, or the checkpoint after which, first differs."""
    redacted_from: int | None = None
    """From this event on the journal lacks what may not be kept: answers were not compared."""

    @property
    def ok(self) -> bool:
        return self.problem is None


Observe = Callable[[int, float, CallEvent, Sequence[CallCommand]], None]


def replay(
    reading: Reading,
    make_call: Callable[[bytes], Replayable],
    observe: Observe = lambda number, now, event, commands: None,
) -> Verdict:
    """Run a journal again. `make_call` gets the header's config and may raise ValueError.

    `observe(number, now, event, commands)` sees each event with what the call answers this time.
    """
    if not reading.records or not isinstance(reading.records[0], Header):
        what = reading.damage.what if reading.damage else "it is empty"
        return Verdict(events=0, commands=0, checkpoints=0, problem=f"no journal: {what}")
    header = reading.records[0]
    try:
        call = make_call(header.config)
    except ValueError as error:
        problem = f"the call's configuration cannot be read ({type(error).__name__})"
        return Verdict(events=0, commands=0, checkpoints=0, problem=problem)
    run = _Run(call, observe, header.version)
    for record in reading.records[1:]:
        run.take(record)
        if run.problem is not None:
            break
    return run.verdict(reading)


class _Run:
    def __init__(self, call: Replayable, observe: Observe, version: str) -> None:
        self._call = call
        self._version = version
        self._observe = observe
        self._digest = CommandDigest()
        self._events = 0
        self._checkpoints = 0
        self.problem: str | None = None
        self._first_difference: int | None = None
        self._redacted_from: int | None = None

    def take(self, record: Record) -> None:
        match record:
            case Happened():
                self._feed(record)
            case Checkpoint():
                self._compare(record)
            case Gap():
                self.problem = (
                    f"{record.events} events after event {self._events} could not be kept"
                )
            case Redacted():
                self._redacted_from = self._events + 1
            case Header():
                raise AssertionError("a reader lets a header through only at the start")

    def verdict(self, reading: Reading) -> Verdict:
        if self.problem is None and reading.damage is not None:
            self.problem = (
                f"the file is damaged at byte {reading.damage.offset}: {reading.damage.what}"
            )
        return Verdict(
            events=self._events,
            commands=self._digest.commands,
            checkpoints=self._checkpoints,
            problem=self.problem,
            first_difference=self._first_difference,
            redacted_from=self._redacted_from,
        )

    def _feed(self, happened: Happened) -> None:
        self._events += 1
        try:
            commands = self._call.handle(happened.event, happened.now)
        except Exception as error:  # a replay is a pump: the bug it looks for may be a crash
            self._first_difference = self._events
            self.problem = f"event {self._events}: the call raised {type(error).__name__}: {error}"
            return
        self._observe(self._events, happened.now, happened.event, commands)
        crc = self._digest.add(commands)
        if self._redacted_from is None and crc != happened.commands_crc:
            self._differs("the call answers it differently")

    def _compare(self, point: Checkpoint) -> None:
        mine = (self._events, self._digest.commands, self._digest.digest())
        if mine == (point.events, point.commands, point.digest):
            self._checkpoints += 1
        else:
            self._differs("the checkpoint after it does not agree")

    def _differs(self, what: str) -> None:
        self._first_difference = self._events
        written = self._version or "unknown"
        self.problem = f"event {self._events}: {what} (written by {written}, run by {VERSION})"
