"""Lets some calls go by a version that is being rolled out, watches what they come to, and lets go
of it when the guard has taken it back.

It looks about once a second, off the event loop, and never holds a call up: a version that is not
ready yet, or a database that cannot be asked, leaves all calls with the version that is published.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec
import structlog

from telephony.call.commands import CallCommand
from telephony.console.access.audit import Audit
from telephony.console.access.roles import Role, program
from telephony.opening import Configured
from telephony.rollout.observing import Watched
from telephony.twilio.ports import Count, Offer
from telephony.versioned import utc_now
from tools.config import ConfigError
from tools.rollout.assignment import arm_of
from tools.rollout.decision import Verdict
from tools.rollout.rollouts import GUARD, Rollouts
from tools.rollout.spec import Arm, Rollout, Seen
from tools.spec import BackendError
from tools.store import CommitUnknownError, Store
from tools.threads import Threads
from tools.versions.current import Current, Live
from tools.versions.versions import Versions

log = structlog.get_logger()

EVERY_S = 1.0
MOST_KEPT = 10_000
"""Calls that wait to be written down while the database cannot be reached."""


def open_rollouts(
    store: Store,
    versions: Versions,
    current: Current[Configured],
    build: Callable[[int], Awaitable[Configured]],
    count: Count,
) -> "Keeper":
    """What lets some calls go by another version of this database."""
    rollouts, audit = Rollouts(store, versions, utc_now), Audit(store, utc_now)

    def note(rollout: Rollout, verdict: Verdict) -> None:
        shares = {each.measure: [each.old_share, each.new_share] for each in verdict.worse}
        facts = {"version": rollout.version, "state": "rolled-back", "worse": shares}
        audit.record(_GUARD, "rollout.roll-back", f"roll-out {rollout.id}", None, facts)

    return Keeper(rollouts, current, build, count, note)


_GUARD = program(GUARD, GUARD, Role.EDITOR, ip="")
"""Who takes versions back by itself, in the audit log."""


class _Ready(msgspec.Struct, frozen=True):
    """A roll-out whose version calls can go by."""

    rollout: Rollout
    live: Live[Configured]


class _Judged(msgspec.Struct, frozen=True):
    rollout: Rollout
    arm: Arm
    watched: Watched


class Keeper:
    """Its methods are for the event loop."""

    def __init__(
        self,
        rollouts: Rollouts,
        current: Current[Configured],
        build: Callable[[int], Awaitable[Configured]],
        count: Count,
        note: Callable[[Rollout, Verdict], None],
    ) -> None:
        """`build(version)` makes what calls go by; it may raise ConfigError, and what comes of a
        database. `note` is told, in a thread, what the guard has taken back."""
        self.rollouts = rollouts
        self._note = note
        self._current = current
        self._build = build
        self._count = count
        self._threads = Threads("rollout", 1)
        self._ready: _Ready | None = None
        self._unbuilt: int | None = None
        """A roll-out whose version could not be made."""
        self._calls: dict[str, _Judged] = {}
        self._ended: dict[int, dict[str, tuple[Arm, Seen]]] = {}
        self._wake = asyncio.Event()

    # ---- the calls' side -----------------------------------------------------------------------

    def live_for(self, offer: Offer) -> Live[Configured]:
        """What this call goes by: the same until it begins, and for all calls of its caller."""
        return self._chosen(offer)[1]

    def _chosen(self, offer: Offer) -> tuple[Arm | None, Live[Configured]]:
        current, ready = self._current.live, self._ready
        if ready is None or ready.rollout.base != current.version:
            return None, current
        arm = arm_of(ready.rollout, offer.call_sid, offer.from_, offer.to)
        return arm, ready.live if arm is Arm.NEW else current

    def begins(self, offer: Offer) -> Live[Configured]:
        """The call's stream is open: it keeps what it gets now, and is watched from now on."""
        arm, live = self._chosen(offer)
        if arm is not None and self._ready is not None:
            rollout = self._ready.rollout
            watched = Watched(rollout.rule.silence_ms)
            self._calls[offer.call_sid] = _Judged(rollout, arm, watched)
        return live

    def observe(self, call_id: str, commands: Sequence[CallCommand]) -> None:
        """What follows from each event of each call."""
        if (judged := self._calls.get(call_id)) is None:
            return
        judged.watched.note(commands)
        if not judged.watched.over:
            return
        del self._calls[call_id]
        kept = self._ended.setdefault(judged.rollout.id, {})
        if judged.watched.judged and len(kept) < MOST_KEPT:
            kept[call_id] = (judged.arm, judged.watched.seen)

    # ---- the looks -----------------------------------------------------------------------------

    def wake(self) -> None:
        """Look now: somebody has changed something."""
        self._wake.set()

    async def run(self, every_s: float = EVERY_S) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            try:
                async with asyncio.timeout(every_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def look(self) -> None:
        """Write down what calls have come to, and see which roll-out is running."""
        try:
            await self._write()
            await self._follow(await self._threads.ask(self.rollouts.settle))
        except (BackendError, CommitUnknownError) as error:
            self._count("rollout.not_asked")
            log.warning("rollout_not_asked", error=str(error))

    async def stop(self) -> None:
        """Write down what is left; no call may be on any more."""
        try:
            await self._write()
        except (BackendError, CommitUnknownError) as error:
            log.warning("rollout_calls_not_written", error=str(error))

    async def _write(self) -> None:
        for rollout_id, calls in list(self._ended.items()):
            batch = dict(calls)
            if not batch:
                continue
            # The same again changes nothing: what is not known to be written is written again.
            verdict = await self._threads.ask(partial(self.rollouts.keep, rollout_id, batch))
            for call_id in batch:
                del calls[call_id]
            if verdict is not None and verdict.worse:
                self._count("rollout.rolled_back")
                measures = [each.measure for each in verdict.worse]
                log.error("rollout_rolled_back", rollout=rollout_id, worse=measures)
                await self._threads.ask(partial(self._noted, rollout_id, verdict))

    def _noted(self, rollout_id: int, verdict: Verdict) -> None:
        found = self.rollouts.find(rollout_id)
        assert found is not None, "it was judged just now"
        self._note(found, verdict)

    async def _follow(self, found: Rollout | None) -> None:
        if found is None or found.id == self._unbuilt:
            self._ready = None
        elif self._ready is not None and self._ready.rollout.id == found.id:
            self._ready = _Ready(found, self._ready.live)
        else:
            self._ready = await self._made(found)

    async def _made(self, found: Rollout) -> _Ready | None:
        try:
            live = Live(found.version, await self._build(found.version))
        except ConfigError as error:
            self._unbuilt = found.id
            log.error("rollout_version_unusable", version=found.version, reason=str(error))
            why = f"The version cannot be put to use: {error}"
            await self._threads.ask(partial(self.rollouts.stop, found.id, GUARD, why))
            return None
        log.info("rollout_ready", rollout=found.id, version=found.version)
        return _Ready(found, live)
