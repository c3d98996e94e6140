"""Keeps a running service at the published configuration, and takes over what the folder holds.

It looks about once a second, off the event loop. Calls never wait for it: whatever is broken, the
last good version stays, and `standing` says why.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import structlog

from tools.config import ConfigError, together
from tools.spec import BackendError
from tools.store import CommitUnknownError
from tools.threads import Threads
from tools.versions.current import Current, Live
from tools.versions.files import Files
from tools.versions.folder import Look, look
from tools.versions.spec import Broken, Conflict, Moved, Unchanged, Waiting
from tools.versions.versions import Versions

log = structlog.get_logger()

EVERY_S = 1.0
CHANGED = "the folder has changed"

T = TypeVar("T")
T2 = TypeVar("T2")


class FolderState(Enum):
    """How the configuration folder stands to what is published."""

    TAKEN = "taken"
    """What it holds was taken over."""
    SETTLING = "settling"
    """It has just changed; it is taken over when two looks have found the same."""
    BROKEN = "broken"
    CONFLICT = "conflict"
    """The same file was changed in it and by others: somebody has to decide."""
    WAITING = "waiting"
    """What it holds is a draft: somebody has to publish it."""
    MISSING = "missing"
    """It is not there, or empty, while the published version has files."""


class Standing(msgspec.Struct, frozen=True):
    """How things are, for people."""

    running: int
    """The version that calls which begin now go by."""
    folder: FolderState
    since: dt.datetime
    reasons: tuple[str, ...] = ()
    """Why the folder was not taken over."""
    draft: int | None = None
    """The version that keeps what the folder holds, where somebody has to decide."""
    unusable: int | None = None
    """A published version that could not be put to use; the one before it stays."""
    unusable_because: str = ""
    database: str = ""
    """Why the database could not be asked at the last look."""


class Begun(msgspec.Struct, frozen=True):
    """What a service starts with."""

    version: int
    files: dict[str, str]
    folder: FolderState
    reasons: tuple[str, ...]
    draft: int | None = None


def begin(folder: Path, versions: Versions) -> Begun:
    """Take over the folder, and find the version to start with; blocks.

    A folder that is of no use does not keep a service from starting that has a good version in
    its database. Raises ConfigError where there is none.
    """
    seen = look(folder)
    outcome = _taken(seen, versions)
    good = versions.good()
    if good is None:
        errors = outcome.errors if isinstance(outcome, Broken) else ()
        raise _nothing_good(folder, errors)
    version, files = good
    if version != versions.pointers().published:
        log.error("config_published_version_unusable", instead=version)
    begun = Begun(version, files, *_state(outcome))
    if begun.folder is not FolderState.TAKEN:
        log.error(
            "config_folder_not_used",
            folder=str(folder),
            state=begun.folder.value,
            reasons=begun.reasons,
            version=version,
        )
    return begun


def _nothing_good(folder: Path, errors: Sequence[ConfigError]) -> ConfigError:
    if not errors:
        what = "holds nothing that can be used, and neither does the database"
        return ConfigError(str(folder), what, "Run frontdesk doctor")
    return together([_in(folder, error) for error in errors])


def _in(folder: Path, error: ConfigError) -> ConfigError:
    """The error with the place of its file on this machine."""
    there = error.where.startswith(str(folder))
    where = error.where if there else str(folder / error.where)
    return ConfigError(where, error.what, error.hint)


class _Missing(msgspec.Struct, frozen=True):
    pass


Outcome = Moved | Unchanged | Broken | Conflict | Waiting | _Missing


def _taken(seen: Look, versions: Versions) -> Outcome:
    """Take over what was seen, if it can be; blocks."""
    if not seen.files and not seen.errors and versions.files(versions.pointers().published):
        return _Missing()
    if seen.errors:
        return Broken((*seen.errors, *versions.errors(seen.files)))
    try:
        return versions.take_folder(seen.files, CHANGED)
    except ConfigError as error:
        return Broken((error,))


def _state(outcome: Outcome) -> tuple[FolderState, tuple[str, ...], int | None]:
    match outcome:
        case Moved() | Unchanged():
            return FolderState.TAKEN, (), None
        case Broken(errors):
            return FolderState.BROKEN, tuple(map(str, errors)), None
        case _Missing():
            return FolderState.MISSING, ("the folder is empty or not there",), None
        case Waiting(draft):
            what = f"what the folder holds is kept as version {draft}: publish that in the console"
            return FolderState.WAITING, (what,), draft
        case Conflict():
            return FolderState.CONFLICT, tuple(_clash(outcome)), outcome.draft


def _clash(conflict: Conflict) -> list[str]:
    return [
        f"{file.path} was changed in the folder and in version {conflict.theirs}; what the folder"
        f" holds is kept as version {conflict.draft}: publish that, or change the file to fit"
        for file in conflict.files
    ]


class Follower(Generic[T]):
    """Moves `current` after what is published."""

    def __init__(
        self,
        folder: Path,
        versions: Versions,
        build: Callable[[int, Files], Awaitable[T]],
        current: Current[T],
        begun: Begun,
        clock: Callable[[], dt.datetime],
    ) -> None:
        """`build(version, files)` makes what calls go by; it raises ConfigError and nothing else.

        `clock` gives an aware time of day.
        """
        self._folder = folder
        self._versions = versions
        self._build = build
        self._current = current
        self._clock = clock
        self._threads = Threads("config", 1)
        self._wake = asyncio.Event()
        self._seen: Look | None = None
        self._settled: Look | None = None
        self._found = (begun.folder, begun.reasons, begun.draft)
        """What came of what is settled."""
        self._published: int | None = begun.version
        self._standing = Standing(begun.version, begun.folder, clock(), begun.reasons, begun.draft)

    @property
    def standing(self) -> Standing:
        return self._standing

    def wake(self) -> None:
        """Look now: something was published."""
        self._wake.set()

    def again(self) -> None:
        """Build the published version anew: what it works with outside has changed."""
        self._published = None
        self.wake()

    async def run(self, every_s: float = EVERY_S) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:  # a pump: a bug met with one set of files must not stop all others
                log.exception("config_look_failed")
            try:
                async with asyncio.timeout(every_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def look(self) -> None:
        """One look at the folder and at what is published."""
        try:
            await self._look_at_folder()
            await self._look_at_published()
        except (BackendError, CommitUnknownError) as error:
            if not self._standing.database:
                log.error("config_database_not_reached", error=str(error))
            self._stand(database=str(error))
        else:
            if self._standing.database:
                self._stand(database="")

    # ---- the folder ----------------------------------------------------------------------------

    async def _look_at_folder(self) -> None:
        seen = await self._blocking(partial(look, self._folder))
        before, self._seen = self._seen, seen
        if self._settled is not None and seen.same(self._settled):
            self._stand_folder(self._found)
            return
        if before is None or not seen.same(before):
            # An editor may be in the middle of writing.
            if self._settled is not None:
                self._stand_folder((FolderState.SETTLING, (), None))
            return
        outcome = await self._blocking(partial(_taken, seen, self._versions))
        self._settled = seen
        self._found = _state(outcome)
        self._stand_folder(self._found)

    def _stand_folder(self, found: tuple[FolderState, tuple[str, ...], int | None]) -> None:
        state, reasons, draft = found
        was = self._standing
        if (state, reasons, draft) == (was.folder, was.reasons, was.draft):
            return
        self._stand(folder=state, reasons=reasons, draft=draft, since=self._clock())
        if state is FolderState.TAKEN:
            log.info("config_folder_taken", folder=str(self._folder))
        elif state is not FolderState.SETTLING:
            log.error(
                "config_folder_not_used",
                folder=str(self._folder),
                state=state.value,
                reasons=reasons,
                version=was.running,
            )

    # ---- what is published ---------------------------------------------------------------------

    async def _look_at_published(self) -> None:
        published = (await self._blocking(self._versions.pointers)).published
        if published is None or published == self._published:
            return
        files = await self._blocking(partial(self._versions.files, published))
        try:
            built = await self._build(published, files)
        except ConfigError as error:
            self._stand(unusable=published, unusable_because=str(error))
            log.error("config_version_unusable", version=published, reason=str(error))
        else:
            self._current.replace(Live(published, built))
            self._stand(running=published, unusable=None, unusable_because="")
            log.info("config_published", version=published)
        self._published = published
        # What did not fit the version before may fit this one.
        if self._found[0] in (FolderState.CONFLICT, FolderState.BROKEN, FolderState.WAITING):
            self._settled = None

    def _stand(self, **changes: object) -> None:
        self._standing = msgspec.structs.replace(self._standing, **changes)

    async def _blocking(self, work: Callable[[], T2]) -> T2:
        return await asyncio.wrap_future(self._threads.submit(work))
