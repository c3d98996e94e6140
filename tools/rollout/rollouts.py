"""Every gradual roll-out there was, what calls under it came to, and what the guard decided."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.rollout.decision import Verdict, judge, look_due
from tools.rollout.spec import MEASURES, Arm, Counts, Rollout, Rule, Seen, State
from tools.rollout.tables import ROLLOUT_CALLS, ROLLOUT_EVENTS, ROLLOUTS
from tools.store import Store
from tools.versions import rows
from tools.versions.spec import Behind, Broken, Moved, Unread
from tools.versions.versions import Versions

GUARD = "guard"
"""Who ends a roll-out by itself."""


class Event(msgspec.Struct, frozen=True):
    """Something became of a roll-out."""

    id: int
    rollout: int
    what: str
    """`started`, `changed`, `judged`, or the State it ended in."""
    who: str
    at: dt.datetime
    why: str
    verdict: Verdict | None = None
    """What a look of the guard showed."""


class Refusal(msgspec.Struct, frozen=True):
    """It cannot be done; nothing was changed."""

    code: str
    """`running`, `published`, `nothing-published`, or `over`."""
    message: str


class Rollouts:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, versions: Versions, clock: Callable[[], dt.datetime]) -> None:
        """`clock` gives an aware time of day."""
        self._store = store
        self._versions = versions
        self._clock = clock

    # ---- reading -------------------------------------------------------------------------------

    def running(self) -> Rollout | None:
        """The one there is, if any."""
        query = sa.select(ROLLOUTS).where(ROLLOUTS.c.running == 1)
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return _typed(row) if row else None

    def find(self, rollout_id: int) -> Rollout | None:
        query = sa.select(ROLLOUTS).where(ROLLOUTS.c.id == rollout_id)
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return _typed(row) if row else None

    def history(self, limit: int, before: int | None = None) -> list[Rollout]:
        """Newest first; `before` an id pages on."""
        query = sa.select(ROLLOUTS).order_by(ROLLOUTS.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(ROLLOUTS.c.id < before)
        return self._store.read(
            lambda connection: [_typed(row) for row in connection.execute(query)]
        )

    def events(self, rollout_id: int) -> list[Event]:
        """Newest first."""
        query = (
            sa.select(ROLLOUT_EVENTS)
            .where(ROLLOUT_EVENTS.c.rollout_id == rollout_id)
            .order_by(ROLLOUT_EVENTS.c.id.desc())
        )
        return self._store.read(
            lambda connection: [_event(row) for row in connection.execute(query)]
        )

    def counts(self, rollout_id: int) -> dict[Arm, Counts]:
        return self._store.read(lambda connection: _counts(connection, rollout_id))

    # ---- what people do ------------------------------------------------------------------------

    def start(
        self,
        version_id: int,
        percent: float,
        numbers: tuple[str, ...],
        rule: Rule,
        who: str,
        why: str,
        *,
        reader: str | None = None,
    ) -> Rollout | Broken | Behind | Unread | Refusal:
        """Let some calls go by a version. `reader`: see Versions.publish. Raises NoVersion."""
        if errors := self._versions.errors(self._versions.files(version_id)):
            return Broken(errors)
        if unread := self._versions.unread(version_id, reader):
            return unread
        at = self._clock()

        def work(connection: sa.Connection) -> Rollout | Behind | Refusal:
            pointers = rows.pointers(connection, lock=True)
            refused = _startable(connection, version_id, pointers.published)
            if refused is not None:
                return refused
            values = {
                "version_id": version_id,
                "base_id": pointers.published,
                "percent": percent,
                "numbers": msgspec.json.encode(numbers).decode(),
                "rule": msgspec.json.encode(rule).decode(),
                "state": State.RUNNING.value,
                "running": 1,
                "looks": 0,
                "who": who,
                "why": why,
                "started_at": at,
                "ended_by": "",
                "ended_because": "",
            }
            insert = sa.insert(ROLLOUTS).values(values).returning(ROLLOUTS)
            rollout = _typed(connection.execute(insert).one())
            _note(connection, rollout.id, "started", who, at, why)
            return rollout

        return self._store.write(work)

    def change(
        self, rollout_id: int, percent: float, numbers: tuple[str, ...], who: str, why: str
    ) -> Rollout | Refusal | None:
        """Let more calls, or fewer, go by it. None: there is no such roll-out."""
        at = self._clock()

        def work(connection: sa.Connection) -> Rollout | Refusal | None:
            found = _locked(connection, rollout_id)
            if found is None or found.state is not State.RUNNING:
                return None if found is None else _over(found)
            values = {"percent": percent, "numbers": msgspec.json.encode(numbers).decode()}
            connection.execute(
                sa.update(ROLLOUTS).where(ROLLOUTS.c.id == rollout_id).values(values)
            )
            _note(connection, rollout_id, "changed", who, at, f"{percent:g} %. {why}".strip())
            return msgspec.structs.replace(found, percent=percent, numbers=numbers)

        return self._store.write(work)

    def stop(self, rollout_id: int, who: str, why: str) -> Rollout | Refusal | None:
        """Calls that begin from now on go by the old version. None: there is no such roll-out."""
        return self._end(rollout_id, State.STOPPED, who, why)

    def publish(
        self, rollout_id: int, who: str, why: str, *, reader: str | None = None
    ) -> Moved | Broken | Behind | Unread | Refusal | None:
        """All calls that begin from now on go by it. None: there is no such roll-out."""
        found = self.find(rollout_id)
        if found is None or found.state is not State.RUNNING:
            return None if found is None else _over(found)
        moved = self._versions.publish(found.version, who, why, over=found.base, reader=reader)
        if isinstance(moved, Moved):
            # Should this be all that is not done any more, `settle` does it.
            self._end(rollout_id, State.PUBLISHED, who, why)
        return moved

    def _end(self, rollout_id: int, state: State, who: str, why: str) -> Rollout | Refusal | None:
        at = self._clock()

        def work(connection: sa.Connection) -> Rollout | Refusal | None:
            found = _locked(connection, rollout_id)
            if found is None or found.state is not State.RUNNING:
                return None if found is None else _over(found)
            return _ended(connection, found, state, who, at, why)

        return self._store.write(work)

    # ---- what the service does -----------------------------------------------------------------

    def settle(self) -> Rollout | None:
        """The one that is running, unless something else was published: then it is over."""
        found, published = self.running(), self._versions.pointers().published
        if found is None or published == found.base:
            return found
        if published == found.version:
            self._end(found.id, State.PUBLISHED, GUARD, "The version was published.")
        else:
            why = f"Version {published} was published meanwhile."
            self._end(found.id, State.SUPERSEDED, GUARD, why)
        return None

    def keep(self, rollout_id: int, calls: Mapping[str, tuple[Arm, Seen]]) -> Verdict | None:
        """Write down what calls came to, and judge if it is time; the same again changes nothing.

        A version that is found worse is taken back in the same transaction. The verdict, if there
        was one.
        """
        at = self._clock()

        def work(connection: sa.Connection) -> Verdict | None:
            found = _locked(connection, rollout_id)
            if found is None:
                return None
            _keep(connection, rollout_id, calls)
            return _judged(connection, found, at) if found.state is State.RUNNING else None

        return self._store.write(work)


def _startable(
    connection: sa.Connection, version_id: int, published: int | None
) -> Behind | Refusal | None:
    if published is None:
        return Refusal("nothing-published", "Nothing is published yet: publish it to everybody.")
    if version_id == published:
        return Refusal("published", "All calls go by this version already.")
    if connection.execute(sa.select(ROLLOUTS.c.id).where(ROLLOUTS.c.running == 1)).first():
        return Refusal("running", "Another roll-out is running; end that first.")
    settled = rows.version(connection, version_id).conflicts_with is None
    if settled and rows.descends(connection, version_id, published):
        return None
    return Behind(version_id, published)


def _locked(connection: sa.Connection, rollout_id: int) -> Rollout | None:
    query = sa.select(ROLLOUTS).where(ROLLOUTS.c.id == rollout_id).with_for_update()
    row = connection.execute(query).one_or_none()
    return _typed(row) if row else None


def _over(found: Rollout) -> Refusal:
    return Refusal("over", f"The roll-out is over: {found.state.value.replace('-', ' ')}.")


def _ended(
    connection: sa.Connection,
    found: Rollout,
    state: State,
    who: str,
    at: dt.datetime,
    why: str,
) -> Rollout:
    values = {
        "state": state.value,
        "running": None,
        "ended_at": at,
        "ended_by": who,
        "ended_because": why,
    }
    connection.execute(sa.update(ROLLOUTS).where(ROLLOUTS.c.id == found.id).values(values))
    _note(connection, found.id, state.value, who, at, why)
    return msgspec.structs.replace(found, state=state, ended_at=at, ended_by=who, ended_because=why)


# ---- calls and looks -----------------------------------------------------------------------------


def _keep(
    connection: sa.Connection, rollout_id: int, calls: Mapping[str, tuple[Arm, Seen]]
) -> None:
    table = ROLLOUT_CALLS.c
    known = sa.select(table.call_id).where(
        table.rollout_id == rollout_id, table.call_id.in_(list(calls))
    )
    there = set(connection.execute(known).scalars())
    new = [
        {
            "rollout_id": rollout_id,
            "call_id": call_id,
            "arm": arm.value,
            **msgspec.structs.asdict(seen),
        }
        for call_id, (arm, seen) in calls.items()
        if call_id not in there
    ]
    if new:
        connection.execute(sa.insert(ROLLOUT_CALLS), new)


def _counts(connection: sa.Connection, rollout_id: int) -> dict[Arm, Counts]:
    table = ROLLOUT_CALLS.c
    sums = [sa.func.sum(sa.case((table[each], 1), else_=0)).label(each) for each in MEASURES]
    query = (
        sa.select(table.arm, sa.func.count().label("calls"), *sums)
        .where(table.rollout_id == rollout_id)
        .group_by(table.arm)
    )
    found = {Arm.OLD: Counts(), Arm.NEW: Counts()}
    for row in connection.execute(query).mappings():
        figures = {name: int(row[name]) for name in ("calls", *MEASURES)}
        found[Arm(row["arm"])] = Counts(**figures)
    return found


def _judged(connection: sa.Connection, found: Rollout, at: dt.datetime) -> Verdict | None:
    counts = _counts(connection, found.id)
    look = look_due(counts[Arm.NEW].calls, found.looks, found.rule)
    if look is None:
        return None
    verdict = judge(counts[Arm.OLD], counts[Arm.NEW], look, found.rule)
    looked = sa.update(ROLLOUTS).where(ROLLOUTS.c.id == found.id).values(looks=look)
    connection.execute(looked)
    why = _because(verdict) if verdict.worse else "No measure is worse."
    _note(connection, found.id, "judged", GUARD, at, why, verdict)
    if verdict.worse:
        _ended(connection, found, State.ROLLED_BACK, GUARD, at, why)
    return verdict


def _because(verdict: Verdict) -> str:
    told = [
        f"{each.measure.replace('_', ' ')} in {each.new_share:.1%} of calls, against"
        f" {each.old_share:.1%} (chance {each.chance:.2g}, limit {each.limit:.2g})"
        for each in verdict.worse
    ]
    return "Worse: " + "; ".join(told)


# ---- rows ----------------------------------------------------------------------------------------


def _note(
    connection: sa.Connection,
    rollout_id: int,
    what: str,
    who: str,
    at: dt.datetime,
    why: str,
    verdict: Verdict | None = None,
) -> None:
    details = msgspec.json.encode(verdict).decode() if verdict else ""
    values = {"rollout_id": rollout_id, "what": what, "who": who, "at": at, "why": why}
    connection.execute(sa.insert(ROLLOUT_EVENTS).values(**values, details=details))


def _typed(row: Any) -> Rollout:
    return Rollout(
        id=row.id,
        version=row.version_id,
        base=row.base_id,
        percent=row.percent,
        numbers=msgspec.json.decode(row.numbers, type=tuple[str, ...]),
        rule=msgspec.json.decode(row.rule, type=Rule),
        state=State(row.state),
        looks=row.looks,
        who=row.who,
        why=row.why,
        started_at=row.started_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        ended_because=row.ended_because,
    )


def _event(row: Any) -> Event:
    verdict = msgspec.json.decode(row.details, type=Verdict) if row.details else None
    return Event(row.id, row.rollout_id, row.what, row.who, row.at, row.why, verdict)
