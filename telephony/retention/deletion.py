"""How calls are deleted so that it is certain: planned, carried out, looked at, receipted.

The plan is committed before anything goes. Each step may be done again, so a deletion that was
broken off anywhere is taken up at the next start; only when nothing it named can be found any
more is it finished, and then its plan, which names it, goes, too.
"""

import datetime as dt
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import sqlalchemy as sa

from telephony.retention import mentions, people
from telephony.retention.classes import Kept, files_of, name_of
from telephony.retention.holds import Held, held_now
from telephony.retention.plan import Plan, Receipt, Scope, digest_of
from telephony.retention.rows import Rows, chunks, rows
from tools.callchain import Addition, CallChain
from tools.retained import DELETIONS
from tools.store import Store

MOST = 1_000
"""So many receipts are listed."""
_ERASED = Kept.TRANSCRIPT
"""What searches find goes with the words."""


class Forgets(Protocol):
    """Something else that knows calls: an index, labels, notes."""

    name: str

    def forget(self, call_id: str) -> bool:
        """Nothing of the call is known any more; False: nothing was. May be asked again."""


class Step(Protocol):
    """Told of each step that is done; what it raises stands for a crash."""

    def __call__(self, step: str, /) -> None: ...


def unwatched(_step: str, /) -> None:
    """Nobody looks on."""


class NotGone(Exception):  # noqa: N818 - an answer, not an error
    """Something that was to be deleted is still there; it will be tried again."""

    def __init__(self, left: dict[str, int]) -> None:
        super().__init__(", ".join(f"{name}: {count}" for name, count in sorted(left.items())))
        self.left = left


class Deletions:
    """Every method blocks. BackendError and OSError leave the deletion to be taken up again."""

    def __init__(
        self,
        data_dir: Path,
        store: Store,
        clock: Callable[[], dt.datetime],
        forgets: Sequence[Forgets] = (),
        step: Step = unwatched,
    ) -> None:
        self._calls = data_dir / "calls"
        self._store = store
        self._clock = clock
        self._forgets = tuple(forgets)
        self._step = step
        self._chain = CallChain(store, clock)

    def counted(self, plan: Plan) -> dict[str, int]:
        """How much there is of what the plan names; asks, and changes nothing."""
        found = {
            "calls": len(plan.calls),
            "files": sum(map(len, plan.files.values())),
            "bytes": sum(sum(sizes.values()) for sizes in plan.files.values()),
        }
        return {**found, **self._store.read(lambda on: self._rows_of(on, plan))}

    def begin(self, plan: Plan, scope: Scope, why: str, by: str) -> int:
        """Commit to it; the id of its receipt. Nothing is gone yet."""
        counts = self.counted(plan)
        classes = sorted(
            {kept for each in plan.places.values() for kept in each} | set(plan.before)
        )
        values = {
            "key": secrets.token_hex(16),
            "scope": scope,
            "classes": ",".join(classes),
            "why": why,
            "asked_by": by,
            "asked_at": self._clock(),
            "plan": msgspec.json.encode(plan).decode(),
            "counts": msgspec.json.encode(counts).decode(),
            "digest": digest_of(plan, counts),
        }
        insert = sa.insert(DELETIONS).values(**values).returning(DELETIONS.c.id)
        begun = self._store.write(lambda on: int(on.execute(insert).scalar_one()))
        self._step("begun")
        return begun

    def carry_out(self, deletion_id: int) -> Receipt:
        """Delete what its plan names, see that it is gone, finish the receipt.

        Raises NotGone for what is still there.
        """
        plan = self._plan(deletion_id)
        if plan is not None:
            self._erase(plan)
            if left := self._left(plan):
                raise NotGone(left)
            self._finish(deletion_id)
        return self.receipt(deletion_id)

    def resume(self) -> list[Receipt]:
        """Take up what was broken off, oldest first."""
        query = sa.select(DELETIONS.c.id).where(DELETIONS.c.finished_at.is_(None))
        found = self._store.read(
            lambda on: list(on.execute(query.order_by(DELETIONS.c.id)).scalars())
        )
        return [self.carry_out(each) for each in found]

    def receipt(self, deletion_id: int) -> Receipt:
        """Raises KeyError for an id there is not."""
        for receipt in self._receipts(DELETIONS.c.id == deletion_id):
            return receipt
        raise KeyError(deletion_id)

    def receipts(self) -> list[Receipt]:
        """The newest first."""
        return self._receipts(sa.true())

    def purge(self, before: dt.datetime) -> int:
        """Receipts are kept as long as the audit log."""
        old = sa.delete(DELETIONS).where(DELETIONS.c.finished_at < before)
        return self._store.write(lambda on: on.execute(old).rowcount)

    # ---- taking away ---------------------------------------------------------------------------

    def _erase(self, plan: Plan) -> None:
        """The chain first: what is missing from then on is known to be deleted, not stolen."""
        self._chain.append([_erased(place, files) for place, files in plan.files.items() if files])
        self._step("chained")
        for place, classes in plan.places.items():
            self._unlink(place, _kept(classes))
        self._step("unlinked")
        # What still lay in the archive would be put into an index again.
        for call_id in plan.of_class(_ERASED):
            for each in self._forgets:
                each.forget(call_id)
        self._step("forgotten")
        self._store.write(lambda on: self._erase_rows(on, plan))
        self._step("erased")

    def _erase_rows(self, on: sa.Connection, plan: Plan) -> None:
        self._each(on, plan, Rows.erase)
        if plan.number:
            people.erase(on, plan.number)
            mentions.erase(on, plan.number)

    def _unlink(self, place: str, classes: frozenset[Kept]) -> None:
        folder = self._calls / place
        for file in files_of(classes, _there(folder)):
            (folder / file).unlink(missing_ok=True)
            self._step("file")
        if Kept.METADATA in classes:
            _remove(folder)
            _remove(folder.parent)

    # ---- looking -------------------------------------------------------------------------------

    def _left(self, plan: Plan) -> dict[str, int]:
        """What can still be found of it, by where."""
        files = sum(
            len(files_of(_kept(classes), _there(self._calls / place)))
            for place, classes in plan.places.items()
        )
        known = {
            each.name: sum(each.forget(call_id) for call_id in plan.of_class(Kept.METADATA))
            for each in self._forgets
        }
        left = {"files": files, **known, **self._store.read(lambda on: self._rows_of(on, plan))}
        return {name: count for name, count in left.items() if count}

    def _rows_of(self, on: sa.Connection, plan: Plan) -> dict[str, int]:
        found = self._each(on, plan, Rows.count)
        if plan.number:
            found["contacts"] = people.count(on, plan.number)
            for name, count in mentions.count(on, plan.number).items():
                found[name] = found.get(name, 0) + count
        return {name: count for name, count in found.items() if count}

    def _each(
        self,
        on: sa.Connection,
        plan: Plan,
        act: Callable[[Rows, sa.Connection, sa.ColumnElement[bool]], int],
    ) -> dict[str, int]:
        """`act` on all rows the plan names; how many those were, by table."""
        found: dict[str, int] = {}
        held = held_now(on) if plan.before else Held()
        for each in rows(self._clock()):
            for wanted in _wanted(each, plan, held):
                found[each.name] = found.get(each.name, 0) + act(each, on, wanted)
        return found

    # ---- the receipt ---------------------------------------------------------------------------

    def _plan(self, deletion_id: int) -> Plan | None:
        """None: it is finished."""
        query = sa.select(DELETIONS.c.plan, DELETIONS.c.finished_at)
        mine = query.where(DELETIONS.c.id == deletion_id)
        row = self._store.read(lambda on: on.execute(mine).one())
        return msgspec.json.decode(row.plan, type=Plan) if row.finished_at is None else None

    def _finish(self, deletion_id: int) -> None:
        mine = sa.update(DELETIONS).where(DELETIONS.c.id == deletion_id)
        done = mine.values(plan="", finished_at=self._clock())
        self._store.write(lambda on: on.execute(done))
        self._step("finished")

    def _receipts(self, *where: sa.ColumnElement[bool]) -> list[Receipt]:
        query = sa.select(DELETIONS).where(*where).order_by(DELETIONS.c.id.desc()).limit(MOST)
        return [_receipt(row) for row in self._store.read(lambda on: on.execute(query).all())]


def _wanted(each: Rows, plan: Plan, held: Held) -> Iterable[sa.ColumnElement[bool]]:
    for ids in chunks(plan.of_class(each.kept)):
        if (theirs := each.of_calls(ids)) is not None:
            yield theirs
    of_number = each.of_number(plan.number) if plan.number else None
    if of_number is not None:
        yield of_number
    if (moment := plan.before.get(each.kept.value)) is not None:
        before = dt.datetime.fromisoformat(moment)
        old = each.before(before, held.calls, held.numbers)
        if old is not None:
            yield old


def _receipt(row: sa.Row[tuple[object, ...]]) -> Receipt:
    return Receipt(
        id=row.id,
        scope=row.scope,
        classes=tuple(filter(None, row.classes.split(","))),
        why=row.why,
        by=row.asked_by,
        asked_at=row.asked_at,
        finished_at=row.finished_at,
        counts=msgspec.json.decode(row.counts, type=dict[str, int]),
        digest=row.digest,
    )


def _erased(place: str, files: dict[str, int]) -> Addition:
    return Addition("erased", name_of(place), msgspec.json.encode(sorted(files)).decode())


def _kept(classes: Iterable[str]) -> frozenset[Kept]:
    return frozenset(map(Kept, classes))


def _there(folder: Path) -> tuple[str, ...]:
    """The files in it; none where it is gone."""
    try:
        return tuple(sorted(each.name for each in folder.iterdir() if each.is_file()))
    except FileNotFoundError:
        return ()


def _remove(folder: Path) -> None:
    """Unless it holds something else; the proof looks whether that was ours."""
    try:
        folder.rmdir()
    except OSError:
        return
