"""What callers wanted while the database could not be reached: kept on disk, told to the staff.

One file for each wish, named by its effect: asked for twice, it is one. A file is gone only when
what it holds is in the database, and lands there once, however often that is tried.
"""

import contextlib
import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from tools.calls.inbox import Inbox
from tools.receipts import Receipts
from tools.spec import ToolContext, ToolState
from tools.store import Store

MOST = 1_000
"""More wishes than anybody could call back about: beyond that they are refused as before."""
log = structlog.get_logger()


class Intent(msgspec.Struct, frozen=True):
    """A tool that could not be begun."""

    effect: str
    call_id: str
    tool: str
    arguments: dict[str, Any]
    """Without what the tool's `redact` names, and what may not be kept of a call."""
    caller: str
    """E.164; empty when withheld."""
    at: dt.datetime


class Spool:
    """Every method blocks."""

    def __init__(self, folder: Path) -> None:
        """The folder is made when it is needed."""
        self._folder = folder

    def put(self, intent: Intent) -> None:
        """Keep it, durably. Raises OSError when it is not kept."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if sum(1 for _ in self._folder.iterdir()) >= MOST:
            raise OSError("the spool is full")
        path = self._folder / f"{intent.effect}.json"
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(msgspec.json.encode(intent))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        self._sync()
        log.warning("intent_spooled", call_id=intent.call_id, tool=intent.tool)

    def drain(self, deliver: Callable[[Intent], None]) -> int:
        """Hand over all there is, the oldest first; what `deliver` raises is passed on, and what
        was not handed over stays. Says how many were."""
        kept = [self._read(path) for path in self._files()]
        found = sorted((each for each in kept if each is not None), key=lambda each: each[1].at)
        for path, intent in found:
            deliver(intent)
            path.unlink(missing_ok=True)
        if found:
            self._sync()
        return len(found)

    def _files(self) -> list[Path]:
        with contextlib.suppress(FileNotFoundError):
            return [path for path in self._folder.iterdir() if path.suffix == ".json"]
        return []

    def _read(self, path: Path) -> tuple[Path, Intent] | None:
        try:
            return path, msgspec.json.decode(path.read_bytes(), type=Intent)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Somebody may still make it out; nobody is helped by its being in the way.
            path.replace(path.with_suffix(".bad"))
            log.error("intent_unreadable", file=path.name)
            return None

    def _sync(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def told_to_staff(store: Store) -> Callable[[Intent], None]:
    """Puts an intent among the messages for the staff, once; not what was done after all. Where
    an attempt has no known end, the staff is told to look first."""
    inbox, receipts = Inbox(store), Receipts(store)

    def deliver(intent: Intent) -> None:
        states = receipts.states(intent.effect)
        if ToolState.DONE in states:
            return
        unsure = None in states or ToolState.UNKNOWN in states
        context = ToolContext(intent.call_id, intent.caller or None, intent.at, _key(intent))
        inbox.leave(
            context,
            name=str(intent.arguments.get("name", "")) or "(not said)",
            text=_text(intent, _UNSURE if unsure else _UNDONE),
            call_back_number=intent.caller or None,
            urgent=True,
        )

    return deliver


def _key(intent: Intent) -> str:
    return f"spool:{intent.effect}"


_UNDONE = "Nothing was done: our database could not be reached. Please call back."
_UNSURE = (
    "This may have been done: our database could not be reached when it was asked for again. Look"
    " first whether it was, then call back."
)


def _text(intent: Intent, known: str) -> str:
    wanted = ", ".join(f"{name}: {value}" for name, value in intent.arguments.items())
    return f"{known} Wanted: {intent.tool} ({wanted})."[:1_000]
