"""What a service, a command or a page asks of retention: periods, holds, deletions, the chain."""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from telephony.retention.auditlog import prune
from telephony.retention.classes import Kept, Periods, cutoff
from telephony.retention.deletion import Deletions, Forgets, Step, unwatched
from telephony.retention.holds import Holds
from telephony.retention.plan import Plan, Receipt, Scope
from telephony.retention.planning import Planner
from telephony.retention.sealing import Sealer
from telephony.settings import Settings
from telephony.transcripts.index.index import CallIndex
from tools.callchain import CallChain
from tools.hooks.outbox import Outbox
from tools.periodic import every
from tools.phone import e164
from tools.store import Store
from tools.threads import Start

SEAL_S = 15.0
"""How often calls that are over are sealed."""
RUN_S = 3_600.0
"""How often it is looked what has run out."""
MOST_PARTS = 200
"""So many parts are deleted in one run; the next goes on."""
_BREATH_S = 0.005
BY_ITSELF = "retention"


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """It cannot be deleted; a sentence for people."""


class Asked(msgspec.Struct, frozen=True):
    """What somebody wants deleted. One of `call`, `number` and `days`."""

    call: str = ""
    number: str = ""
    days: int | None = None
    """What is older than so many days."""
    classes: tuple[Kept, ...] = (Kept.METADATA,)
    """For `days`: metadata takes everything else with it."""
    why: str = ""


class Would(msgspec.Struct, frozen=True):
    """What a deletion would take away."""

    counts: dict[str, int]
    held: int
    """Calls that stay, because they are held."""
    on: int
    """Calls that stay, because they are not over."""


class Standing(msgspec.Struct, frozen=True):
    """How retention stands."""

    periods: Periods
    due: int
    """Calls of which something has run out."""
    held: int
    """Calls among them that are held."""
    unfinished: int
    """Deletions that were broken off and will be taken up again."""


class Retention:
    """Every method blocks. Raises BackendError and OSError, after which it can be asked again."""

    def __init__(
        self,
        data_dir: Path,
        store: Store,
        periods: Periods,
        clock: Callable[[], dt.datetime],
        forgets: Sequence[Forgets] = (),
        step: Step = unwatched,
        breathe: Callable[[], None] = lambda: time.sleep(_BREATH_S),
    ) -> None:
        """`clock` gives the time with its zone; `forgets` are told of each call that goes;
        `breathe` lets others run between two folders."""
        self.periods = periods
        self.data_dir = data_dir
        self.store = store
        self.holds = Holds(store, clock)
        self._clock = clock
        self._planner = Planner(data_dir, store, clock, breathe)
        self._deletions = Deletions(data_dir, store, clock, forgets, step)
        self._sealer = Sealer(data_dir, CallChain(store, clock), clock)

    # ---- by itself -----------------------------------------------------------------------------

    def seal(self) -> int:
        """Put calls that are over into the chain; how many."""
        return self._sealer.run()

    def run(self, by: str = BY_ITSELF) -> list[Receipt]:
        """Finish what was broken off, then delete what is kept no longer, up to MOST_PARTS."""
        self.seal()
        receipts = self._deletions.resume()
        parts = 0
        for plan in self._planner.expired(self.periods):
            # What is held comes again in every run: it must not use up the bound.
            made = self._delete(plan, "retention", "kept no longer", by)
            receipts += made
            parts += len(made)
            if parts >= MOST_PARTS:
                break
        if self.periods.audit:
            today = self._clock().astimezone(dt.UTC).date()
            before = cutoff(today, self.periods.audit)
            self._deletions.purge(before)
            prune(self.store, before)
        return receipts

    def standing(self) -> Standing:
        """Looks at every folder: not for every page view."""
        due = held = 0
        for plan in self._planner.expired(self.periods):
            due += len(plan.places)
            held += plan.held
        unfinished = sum(receipt.finished_at is None for receipt in self.receipts())
        return Standing(self.periods, due, held, unfinished)

    def expired(self) -> list[Would]:
        """What `run` would delete."""
        plans = self._planner.expired(self.periods)
        return [self._would(plan) for plan in plans if not plan.empty]

    # ---- asked for -----------------------------------------------------------------------------

    def would(self, asked: Asked) -> Would:
        """Counts, and changes nothing. Raises NotFound, Refused."""
        return self._would(self._plan(asked)[0])

    def delete(self, asked: Asked, by: str) -> Receipt:
        """Delete it, and look that it is gone. Raises NotFound, Refused, NotGone."""
        plan, scope = self._plan(asked)
        self.seal()
        return self._deletions.carry_out(self._deletions.begin(plan, scope, asked.why, by))

    def receipts(self) -> list[Receipt]:
        """The newest first."""
        return self._deletions.receipts()

    def receipt(self, deletion_id: int) -> Receipt:
        """Raises KeyError."""
        return self._deletions.receipt(deletion_id)

    def _plan(self, asked: Asked) -> tuple[Plan, Scope]:
        plan, scope = self._planned(asked)
        if plan.empty and plan.held:
            raise Refused(_held_by(plan.holds))
        if plan.empty and plan.on:
            raise Refused("The call is not over yet.")
        return plan, scope

    def _planned(self, asked: Asked) -> tuple[Plan, Scope]:
        if sum((bool(asked.call), bool(asked.number), asked.days is not None)) != 1:
            raise Refused("Say one of them: a call, a number or an age.")
        if asked.call:
            return self._planner.of_call(asked.call), "call"
        if asked.days is not None:
            return self._planner.of_age(asked.days, asked.classes), "age"
        number = e164(asked.number)
        if number is None:
            raise Refused(f"{asked.number!r} is no number: write it like +12125550123.")
        return self._planner.of_number(number), "number"

    def _delete(self, plan: Plan, scope: Scope, why: str, by: str) -> list[Receipt]:
        """Nothing to delete leaves no receipt."""
        if plan.empty or not any(self._deletions.counted(plan).values()):
            return []
        return [self._deletions.carry_out(self._deletions.begin(plan, scope, why, by))]

    def _would(self, plan: Plan) -> Would:
        return Would(self._deletions.counted(plan), plan.held, plan.on)


def _held_by(holds: Sequence[int]) -> str:
    """What to do about it: without its hold it can be deleted."""
    what, which = ("hold", "that") if len(holds) == 1 else ("holds", "those")
    named = ", ".join(map(str, holds))
    return f"It, or a part of it, is held by {what} {named}: release {which} first."


class Indexed:
    """The index of calls, with its words, labels and notes."""

    name = "call_index"

    def __init__(self, index: CallIndex) -> None:
        self._index = index

    def forget(self, call_id: str) -> bool:
        return self._index.forget(call_id)


def open_retention(
    settings: Settings,
    store: Store,
    clock: Callable[[], dt.datetime],
    forgets: Sequence[Forgets] = (),
) -> Retention:
    """As the settings have it. What else knows calls, beside their index and what webhooks are told
    of them, is given in `forgets`."""
    periods = Periods(
        audio=settings.keep_audio_days,
        transcript=settings.keep_transcript_days,
        metadata=settings.keep_metadata_days,
        audit=settings.keep_audit_days,
    )
    known: tuple[Forgets, ...] = (Indexed(CallIndex(store)), Outbox(store), *forgets)
    return Retention(settings.data_dir, store, periods, clock, known)


def keep(settings: Settings, store: Store, clock: Callable[[], dt.datetime], start: Start) -> None:
    """Seal and delete by itself, in threads, until the tasks are cancelled."""
    retention = open_retention(settings, store, clock)
    start("seal calls", every(SEAL_S, "seal calls", retention.seal))
    start("retention", every(RUN_S, "retention", retention.run))
