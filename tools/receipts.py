"""The durable ledger of effects: which tool calls have begun, and how each of them ended."""

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.policy import Runs, exceeds
from tools.quick import Quick
from tools.redacting.kinds import Kinds, kinds_of
from tools.schema import METADATA, Instant
from tools.spec import Risk, StepLimits, ToolState
from tools.store import Store

RECEIPTS = sa.Table(
    "receipts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("call_id", sa.Text, nullable=False, index=True),
    sa.Column("tool", sa.Text, nullable=False),
    # Hash of call, tool and canonical arguments: the same for every attempt at the same thing.
    sa.Column("effect", sa.Text, nullable=False, index=True),
    # The effect while this answer stands for it; NULL for reads and for what changed nothing.
    sa.Column("standing", sa.Text, unique=True),
    sa.Column("idempotency_key", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("output", sa.Text),
    # Names of `Kinds` with blanks between them; NULL: no word of the answer may be kept.
    sa.Column("unkept", sa.Text),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("deadline_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
)

REQUESTS = sa.Table(
    "tool_requests",
    METADATA,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("tool_call_id", sa.Text, primary_key=True),
    sa.Column("effect", sa.Text, nullable=False),
    sa.Column("receipt_id", sa.Integer, sa.ForeignKey("receipts.id"), nullable=False),
)

RUNS = sa.Table(
    "tool_runs",
    METADATA,
    sa.Column("receipt_id", sa.Integer, sa.ForeignKey("receipts.id"), primary_key=True),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("tool", sa.Text, nullable=False),
    # E.164, or empty for a withheld number.
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("began_at", Instant, nullable=False),
    sa.Index("ix_tool_runs_call_id_tool", "call_id", "tool"),
    sa.Index("ix_tool_runs_caller_tool_began_at", "caller", "tool", "began_at"),
)

STARTED = "started"
# What may still become the truth about a receipt; a late outcome overrules an earlier guess.
OPEN = (STARTED, ToolState.UNKNOWN.value)
UNCHANGED = (ToolState.FAILED.value, ToolState.REFUSED.value)
ASKED_FOR = dt.timedelta(days=7)
"""No backend is asked for longer what became of an attempt."""


# Nothing learned later makes UNKNOWN of a known end; a late success overrules a failure.
OVERRULED = {
    ToolState.DONE.value: (*OPEN, ToolState.FAILED.value),
    ToolState.UNKNOWN.value: (STARTED,),
    **{state.value: OPEN for state in ToolState if state.value not in ("done", "unknown")},
}


class Claim(msgspec.Struct, frozen=True, dict=True):
    """What somebody wants to do now."""

    call_id: str
    tool_call_id: str
    tool: str
    risk: Risk
    digest: str
    """`arguments.digest` of the parsed arguments."""
    now: dt.datetime
    deadline_at: dt.datetime
    turn: int = 0
    """Which turn of the caller's it is."""
    caller: str = ""
    """Their number, in E.164; empty when withheld."""
    limits: StepLimits = StepLimits()
    lasting: bool = True
    """The first answer stands for every attempt at the same; never for a read."""
    unkept: Kinds | None = None
    """What of the answer is kept in no record; None: no word of it is."""

    @cached_property
    def effect(self) -> str:
        return _hash(self.call_id, self.tool, self.digest)


class Receipt(msgspec.Struct, frozen=True):
    """One row of the ledger. `state` is None while the first attempt has not ended."""

    id: int
    call_id: str
    tool: str
    idempotency_key: str
    state: ToolState | None
    output: str
    deadline_at: dt.datetime
    unkept: Kinds | None = None
    """As `Claim.unkept`, or less may be kept by now."""


def unrecorded(claim: Claim) -> Receipt:
    """What stands for a receipt where the ledger cannot be asked; for what changes nothing."""
    return Receipt(0, claim.call_id, claim.tool, claim.effect, None, "", claim.deadline_at)


Told = Callable[[sa.Connection, Receipt, dt.datetime], None]
"""`(connection, receipt, when)`: what has become of it is known now, or better than before."""


def unheeded(_connection: sa.Connection, _receipt: Receipt, _at: dt.datetime) -> None:
    """Nobody wants to know."""


class Begun(msgspec.Struct, frozen=True):
    """The intent is durable and nobody else has it: run the tool, then `finish`."""

    receipt: Receipt


class Earlier(msgspec.Struct, frozen=True):
    """The same thing was begun before: this is the first attempt, ended or still running."""

    receipt: Receipt


class Exhausted(msgspec.Struct, frozen=True):
    """The tool has run as often as its limits allow."""


class Clash(msgspec.Struct, frozen=True):
    """This tool call id stands for another tool or other arguments already."""


class Receipts:
    """The ledger. Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, told: Told = unheeded) -> None:
        """`told` writes down, in the same transaction, what an end that was recorded leads to."""
        self._store = store
        self._told = told

    def look(self, claim: Claim) -> Earlier | Clash | None:
        """Who had it first, if anybody had; records nothing."""
        return self._store.read(lambda connection: _first(_looked(connection, claim), claim))

    def done(self, call_id: str) -> frozenset[str]:
        """Tools that were done in this call."""
        found = sa.select(RECEIPTS.c.tool).where(
            RECEIPTS.c.call_id == call_id, RECEIPTS.c.state == ToolState.DONE.value
        )
        return self._store.read(lambda connection: frozenset(connection.execute(found).scalars()))

    def runs(self, claim: Claim) -> Runs:
        """How often the tool ran, as far as its limits ask; what changed nothing is not counted."""
        return self._store.read(lambda connection: _runs(connection, claim))

    def begin(self, claim: Claim) -> Begun | Earlier | Clash | Exhausted:
        """Record the intent, or find who had it first."""
        return self._store.contend(lambda connection: _begin(connection, claim), "receipt")

    def finish(
        self,
        receipt_id: int,
        state: ToolState,
        output: str,
        now: dt.datetime,
        reopens: tuple[str, ...] = (),
        *,
        stands: bool = True,
    ) -> Receipt:
        """Record the outcome and return what stands: the truth learned first, if that is known.

        `stands`: see `Claim.lasting`. A write found done after it was presumed failed stands again,
        unless another attempt at the same has begun since.
        """
        ended = {"state": state.value, "output": output, "finished_at": now}
        return self._store.contend(
            lambda connection: _finish(
                connection, receipt_id, ended, reopens, self._told, stands=stands
            ),
            "receipt",
        )

    def states(self, effect: str) -> frozenset[ToolState | None]:
        """What became of every attempt at one effect; None for one that has not ended."""
        found = sa.select(RECEIPTS).where(RECEIPTS.c.effect == effect)
        return self._store.read(
            lambda connection: frozenset(_typed(row).state for row in connection.execute(found))
        )

    def find(self, receipt_id: int) -> Receipt:
        return self._store.read(lambda connection: _found(connection, receipt_id))

    def left_open(self, before: dt.datetime) -> list[Receipt]:
        """Receipts that were to end before then and of which no end is known, oldest first. What
        has stayed unknown for `ASKED_FOR` is for people to find out."""
        asked = RECEIPTS.c.deadline_at >= before - ASKED_FOR
        query = sa.select(RECEIPTS).where(
            RECEIPTS.c.deadline_at < before,
            sa.or_(
                RECEIPTS.c.state == STARTED,
                sa.and_(RECEIPTS.c.state == ToolState.UNKNOWN.value, asked),
            ),
        )
        return self._store.read(
            lambda connection: [
                _typed(row) for row in connection.execute(query.order_by(RECEIPTS.c.id))
            ]
        )

    def requested(self, call_id: str) -> list[tuple[str, str]]:
        """Which tool calls of a call were begun here, and of which tool, oldest first."""
        query = sa.select(REQUESTS.c.tool_call_id, RECEIPTS.c.tool).select_from(
            REQUESTS.join(RECEIPTS)
        )
        mine = query.where(REQUESTS.c.call_id == call_id).order_by(RECEIPTS.c.id)
        return self._store.read(
            lambda connection: [(row.tool_call_id, row.tool) for row in connection.execute(mine)]
        )

    def of_request(self, call_id: str, tool_call_id: str) -> Receipt | None:
        """What a tool call led to; None: it was not begun."""
        mine = (REQUESTS.c.call_id == call_id, REQUESTS.c.tool_call_id == tool_call_id)
        query = sa.select(RECEIPTS).select_from(REQUESTS.join(RECEIPTS)).where(*mine)
        found = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return None if found is None else _typed(found)

    def of_requests(self, call_id: str) -> dict[str, Receipt]:
        """What each tool call of a call led to, by its id; those that were not begun are left
        out."""
        query = sa.select(REQUESTS.c.tool_call_id, RECEIPTS).select_from(REQUESTS.join(RECEIPTS))
        mine = query.where(REQUESTS.c.call_id == call_id)
        return self._store.read(
            lambda connection: {row.tool_call_id: _typed(row) for row in connection.execute(mine)}
        )

    def of_call(self, call_id: str) -> list[Receipt]:
        """All receipts of a call, oldest first."""
        query = sa.select(RECEIPTS).where(RECEIPTS.c.call_id == call_id).order_by(RECEIPTS.c.id)
        return self._store.read(
            lambda connection: [_typed(row) for row in connection.execute(query)]
        )


_MINE = sa.and_(
    REQUESTS.c.call_id == sa.bindparam("whose"),
    REQUESTS.c.tool_call_id == sa.bindparam("which"),
)
_TOLD = [RECEIPTS.c[name] for name in ("id", "call_id", "tool", "idempotency_key", "state")]
_TOLD += [RECEIPTS.c.output, RECEIPTS.c.deadline_at, RECEIPTS.c.unkept]
"""What a `Receipt` is made of."""
_LOOK = Quick(
    sa.select(*_TOLD, RECEIPTS.c.effect, RECEIPTS.c.standing, REQUESTS.c.effect.label("asked"))
    .select_from(
        RECEIPTS.outerjoin(REQUESTS, sa.and_(REQUESTS.c.receipt_id == RECEIPTS.c.id, _MINE))
    )
    .where(
        sa.or_(
            RECEIPTS.c.effect == sa.bindparam("wanted"),
            RECEIPTS.c.id == sa.select(REQUESTS.c.receipt_id).where(_MINE).scalar_subquery(),
        )
    )
    .order_by(RECEIPTS.c.id)
)
"""All receipts of an effect, and that of a tool call id; `asked` is the effect it was used for."""
_ASKED = ["call_id", "tool", "effect", "standing", "idempotency_key", "started_at", "deadline_at"]
_ASKED += ["unkept"]
_INSERT = Quick(
    sa.insert(RECEIPTS)
    .values({"state": STARTED, **{name: sa.bindparam(name) for name in _ASKED}})
    .returning(RECEIPTS.c.id)
)
_REQUEST = Quick(
    sa.insert(REQUESTS).values({each.name: sa.bindparam(each.name) for each in REQUESTS.c})
)
_FIND = sa.select(*_TOLD).where(RECEIPTS.c.id == sa.bindparam("receipt"))
_ENDED = (
    sa.update(RECEIPTS)
    .where(RECEIPTS.c.id == sa.bindparam("receipt"), RECEIPTS.c.state == STARTED)
    .values({name: sa.bindparam(name) for name in ("state", "output", "finished_at")})
    .returning(*_TOLD)
)
_END, _END_UNCHANGED = Quick(_ENDED), Quick(_ENDED.values(standing=None))


def _begin(connection: sa.Connection, claim: Claim) -> Begun | Earlier | Clash | Exhausted:
    rows = _looked(connection, claim)
    found = _first(rows, claim)
    if found is not None:
        if isinstance(found, Earlier) and not any(row.asked for row in rows):
            _note_request(connection, claim, found.receipt.id)
        return found
    if _exhausted(connection, claim):
        return Exhausted()
    receipt = _insert(connection, claim, _idempotency_key(claim.effect, rows))
    _note_request(connection, claim, receipt.id)
    _note_run(connection, claim, receipt.id)
    return Begun(receipt)


def _looked(connection: sa.Connection, claim: Claim) -> Sequence[Any]:
    return _LOOK.rows(
        connection, whose=claim.call_id, which=claim.tool_call_id, wanted=claim.effect
    )


def _first(rows: Sequence[Any], claim: Claim) -> Earlier | Clash | None:
    for row in rows:
        if row.asked is not None:
            return Earlier(_typed(row)) if row.asked == claim.effect else Clash()
    stands = (row for row in rows if row.standing == claim.effect)
    return next((Earlier(_typed(row)) for row in stands), None)


def _exhausted(connection: sa.Connection, claim: Claim) -> bool:
    if claim.limits == StepLimits():
        return False
    if connection.dialect.name == "postgresql":
        # Two of the same at once would both count before either is counted.
        key = f"{claim.tool}\x1f{claim.caller}"
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(key))))
    return exceeds(claim.limits, _runs(connection, claim))


def _runs(connection: sa.Connection, claim: Claim) -> Runs:
    counted = sa.select(sa.func.count()).select_from(RUNS.join(RECEIPTS))
    counted = counted.where(RUNS.c.tool == claim.tool, RECEIPTS.c.state.not_in(UNCHANGED))
    in_call = counted.where(RUNS.c.call_id == claim.call_id)
    midnight = claim.now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    today = counted.where(RUNS.c.caller == claim.caller, RUNS.c.began_at >= midnight)
    limits, asked = claim.limits, connection.execute
    return Runs(
        in_turn=asked(in_call.where(RUNS.c.turn == claim.turn)).scalar_one()
        if limits.per_turn is not None
        else 0,
        in_call=asked(in_call).scalar_one() if limits.per_call is not None else 0,
        today=asked(today).scalar_one() if limits.per_day is not None else 0,
    )


def _note_run(connection: sa.Connection, claim: Claim, receipt_id: int) -> None:
    if claim.limits != StepLimits():
        connection.execute(
            sa.insert(RUNS).values(
                receipt_id=receipt_id,
                call_id=claim.call_id,
                tool=claim.tool,
                caller=claim.caller,
                turn=claim.turn,
                began_at=claim.now,
            )
        )


def _insert(connection: sa.Connection, claim: Claim, key: str) -> Receipt:
    (row,) = _INSERT.rows(
        connection,
        call_id=claim.call_id,
        tool=claim.tool,
        effect=claim.effect,
        standing=claim.effect if claim.risk.writes and claim.lasting else None,
        idempotency_key=key,
        started_at=claim.now,
        deadline_at=claim.deadline_at,
        unkept=_names(claim.unkept),
    )
    return Receipt(
        row.id, claim.call_id, claim.tool, key, None, "", claim.deadline_at, claim.unkept
    )


def _idempotency_key(effect: str, rows: Sequence[Any]) -> str:
    """The last key again while it has changed nothing; where it has, or may have, and the effect
    was reopened, a new one: it is a new effect outside, too. `rows`: its receipts, oldest first."""
    before = [row for row in rows if row.effect == effect]
    used = {row.idempotency_key for row in before if row.state not in UNCHANGED}
    if before and before[-1].idempotency_key not in used:
        return str(before[-1].idempotency_key)
    return _hash(effect, str(len({row.idempotency_key for row in before})))


def _note_request(connection: sa.Connection, claim: Claim, receipt_id: int) -> None:
    _REQUEST.rows(
        connection,
        call_id=claim.call_id,
        tool_call_id=claim.tool_call_id,
        effect=claim.effect,
        receipt_id=receipt_id,
    )


def _finish(
    connection: sa.Connection,
    receipt_id: int,
    ended: dict[str, Any],
    reopens: tuple[str, ...],
    told: Told,
    *,
    stands: bool,
) -> Receipt:
    state = ended["state"]
    end = _END_UNCHANGED if state in UNCHANGED else _END
    rows = end.rows(connection, receipt=receipt_id, **ended)
    overruled = bool(rows) or _overrule(connection, receipt_id, ended, stands=stands)
    receipt = _typed(rows[0]) if rows else _found(connection, receipt_id)
    if overruled and state == ToolState.DONE.value and reopens:
        _reopen(connection, receipt, reopens)
    if overruled:
        told(connection, receipt, ended["finished_at"])
    return receipt


def _overrule(
    connection: sa.Connection, receipt_id: int, ended: dict[str, Any], *, stands: bool
) -> bool:
    """An end was recorded before; whether this one is better known."""
    mine = RECEIPTS.c.id == receipt_id
    looked = sa.select(RECEIPTS.c.state, RECEIPTS.c.effect).where(mine).with_for_update()
    before = connection.execute(looked).one()
    if before.state not in OVERRULED[ended["state"]]:
        return False
    standing = {"standing": None} if ended["state"] in UNCHANGED else {}
    connection.execute(sa.update(RECEIPTS).where(mine).values(**ended, **standing))
    if stands and before.state in UNCHANGED:
        _stand_again(connection, receipt_id, before.effect)
    return True


def _stand_again(connection: sa.Connection, receipt_id: int, effect: str) -> None:
    other = connection.execute(
        sa.select(RECEIPTS.c.id).where(RECEIPTS.c.standing == effect)
    ).first()
    if other is None:
        mine = sa.update(RECEIPTS).where(RECEIPTS.c.id == receipt_id)
        connection.execute(mine.values(standing=effect))


def _reopen(connection: sa.Connection, receipt: Receipt, tools: tuple[str, ...]) -> None:
    connection.execute(
        sa.update(RECEIPTS)
        .where(
            RECEIPTS.c.call_id == receipt.call_id,
            RECEIPTS.c.tool.in_(tools),
            # What may have been made may have been undone just as well.
            RECEIPTS.c.state.in_((ToolState.DONE.value, ToolState.UNKNOWN.value)),
            RECEIPTS.c.id != receipt.id,
        )
        .values(standing=None)
    )


def _found(connection: sa.Connection, receipt_id: int) -> Receipt:
    return _typed(connection.execute(_FIND, {"receipt": receipt_id}).one())


def _typed(row: Any) -> Receipt:
    return Receipt(
        id=row.id,
        call_id=row.call_id,
        tool=row.tool,
        idempotency_key=row.idempotency_key,
        state=None if row.state == STARTED else ToolState(row.state),
        output=row.output or "",
        deadline_at=row.deadline_at,
        unkept=_kinds(row.unkept),
    )


@lru_cache
def _names(unkept: Kinds | None) -> str | None:
    return None if unkept is None else " ".join(sorted(each.value for each in unkept))


@lru_cache
def _kinds(names: str | None) -> Kinds | None:
    """None as well where another version of this program has written a kind not known here."""
    try:
        return None if names is None else kinds_of(names.split())
    except ValueError:
        return None


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
