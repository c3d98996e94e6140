"""What waits for a person's word, and what was decided: once, durably, for one use."""

import datetime as dt
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from tools.elapsed import time_after
from tools.policy import NeedsApproval
from tools.receipts import Claim
from tools.schema import METADATA, Instant
from tools.store import Store

APPROVALS = sa.Table(
    "approvals",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("call_id", sa.Text, nullable=False, index=True),
    sa.Column("tool", sa.Text, nullable=False),
    sa.Column("effect", sa.Text, nullable=False, index=True),
    # The effect while this is the request that counts for it; NULL once it is used up.
    sa.Column("live", sa.Text, unique=True),
    # JSON, without what the tool's `redact` names.
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("otherwise", sa.Text, nullable=False),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("deadline_at", Instant, nullable=False),
    sa.Column("decided_at", Instant),
    sa.Column("decided_by", sa.Text, nullable=False),
)

BY_DEADLINE: Final = "deadline"
"""Stands for a person where nobody has decided in time."""


class ApprovalState(Enum):
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    """Nobody decided in time, or the caller did not wait."""
    USED = "used"
    """The tool was let run with it; it counts for nothing more."""


class Approval(msgspec.Struct, frozen=True):
    """One request for a person's word."""

    id: int
    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    caller: str
    """The number the caller calls from, in E.164; empty when withheld."""
    state: ApprovalState
    otherwise: str
    asked_at: dt.datetime
    deadline_at: dt.datetime
    decided_at: dt.datetime | None
    decided_by: str


class NoApproval(LookupError):  # noqa: N818 - named for what is the matter
    """There is no such request."""


class Decided(Exception):  # noqa: N818 - named for what is the matter
    """Somebody, or the deadline, was quicker."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(f"approval {approval.id} is {approval.state.value} already")
        self.approval = approval


class Approvals:
    """All requests. Every method blocks; BackendError when the database cannot be reached."""

    def __init__(
        self,
        store: Store,
        asked: Callable[[sa.Connection, Approval], None] = lambda connection, approval: None,
    ) -> None:
        """`asked` writes down, in the same transaction, what a new request leads to."""
        self._store = store
        self._asked = asked

    # ---- for the dispatcher --------------------------------------------------------------------

    def ask(self, claim: Claim, arguments: str, needed: NeedsApproval) -> Approval:
        """The request for this effect: a new one, or the one there is. A refusal stands for as
        long as the call lasts. `arguments` is JSON text."""

        def ask(connection: sa.Connection) -> Approval:
            _expire(connection, claim.now)
            last = connection.execute(
                sa.select(APPROVALS)
                .where(APPROVALS.c.effect == claim.effect)
                .order_by(APPROVALS.c.id.desc())
                .limit(1)
            ).one_or_none()
            if last is not None and ApprovalState(last.state) in _STANDING:
                return _typed(last)
            approval = _insert(connection, claim, arguments, needed)
            self._asked(connection, approval)
            return approval

        return self._store.contend(ask, "approval")

    def find(self, approval_id: int, now: dt.datetime) -> Approval:
        """As it stands now: past its deadline the declared default holds."""
        return self._store.write(lambda connection: _current(connection, approval_id, now))

    def use(self, approval_id: int, now: dt.datetime) -> bool:
        """Use it up; False when it was not given, or somebody has used it."""

        def use(connection: sa.Connection) -> bool:
            given = (APPROVALS.c.id == approval_id) & _is(ApprovalState.APPROVED)
            used = sa.update(APPROVALS).where(given)
            values = {"state": ApprovalState.USED.value, "live": None}
            return connection.execute(used.values(**values)).rowcount == 1

        return self._store.write(use)

    def withdraw(self, approval_id: int, now: dt.datetime) -> None:
        """The caller has gone: nobody need decide any more."""
        open_ = (APPROVALS.c.id == approval_id) & APPROVALS.c.state.in_(_OPEN)
        values = {"state": ApprovalState.EXPIRED.value, "live": None, "decided_at": now}
        gone = sa.update(APPROVALS).where(open_).values(**values)
        self._store.write(lambda connection: connection.execute(gone))

    # ---- for the operators ---------------------------------------------------------------------

    def waiting(self, now: dt.datetime) -> list[Approval]:
        """What is to be decided, the oldest first."""

        def waiting(connection: sa.Connection) -> list[Approval]:
            _expire(connection, now)
            rows = sa.select(APPROVALS).where(_is(ApprovalState.WAITING)).order_by(APPROVALS.c.id)
            return [_typed(row) for row in connection.execute(rows)]

        return self._store.write(waiting)

    def approve(self, approval_id: int, by: str, now: dt.datetime) -> Approval:
        """Let it run, once. Raises NoApproval, or Decided when it is too late."""
        return self._decide(approval_id, ApprovalState.APPROVED, by, now)

    def refuse(self, approval_id: int, by: str, now: dt.datetime) -> Approval:
        """Let it not run. Raises NoApproval, or Decided when it is too late."""
        return self._decide(approval_id, ApprovalState.REFUSED, by, now)

    def _decide(
        self, approval_id: int, state: ApprovalState, by: str, now: dt.datetime
    ) -> Approval:
        def decide(connection: sa.Connection) -> tuple[bool, Approval]:
            _expire(connection, now)
            mine = (APPROVALS.c.id == approval_id) & _is(ApprovalState.WAITING)
            values = {"state": state.value, "decided_at": now, "decided_by": by}
            decided = connection.execute(sa.update(APPROVALS).where(mine).values(**values))
            return decided.rowcount == 1, _current(connection, approval_id, now)

        mine, approval = self._store.write(decide)
        if not mine:
            raise Decided(approval)
        return approval


_STANDING: Final = frozenset({ApprovalState.WAITING, ApprovalState.APPROVED, ApprovalState.REFUSED})
_OPEN: Final = (ApprovalState.WAITING.value, ApprovalState.APPROVED.value)


def _is(state: ApprovalState) -> sa.ColumnElement[bool]:
    return APPROVALS.c.state == state.value


def _insert(
    connection: sa.Connection, claim: Claim, arguments: str, needed: NeedsApproval
) -> Approval:
    values = {
        "call_id": claim.call_id,
        "tool": claim.tool,
        "effect": claim.effect,
        "live": claim.effect,
        "arguments": arguments,
        "caller": claim.caller,
        "state": ApprovalState.WAITING.value,
        "otherwise": needed.otherwise,
        "asked_at": claim.now,
        "deadline_at": time_after(claim.now, dt.timedelta(seconds=needed.deadline_s)),
        "decided_by": "",
    }
    return _typed(
        connection.execute(sa.insert(APPROVALS).values(**values).returning(APPROVALS)).one()
    )


def _expire(connection: sa.Connection, now: dt.datetime) -> None:
    """Past the deadline the declared default holds, whoever asks first."""
    late = _is(ApprovalState.WAITING) & (APPROVALS.c.deadline_at <= now)
    told = {"decided_at": now, "decided_by": BY_DEADLINE}
    allowed = late & (APPROVALS.c.otherwise == "allow")
    approved = {"state": ApprovalState.APPROVED.value, **told}
    connection.execute(sa.update(APPROVALS).where(allowed).values(**approved))
    expired = {"state": ApprovalState.EXPIRED.value, "live": None, **told}
    connection.execute(sa.update(APPROVALS).where(late).values(**expired))


def _current(connection: sa.Connection, approval_id: int, now: dt.datetime) -> Approval:
    _expire(connection, now)
    row = connection.execute(
        sa.select(APPROVALS).where(APPROVALS.c.id == approval_id)
    ).one_or_none()
    if row is None:
        raise NoApproval(f"there is no approval {approval_id}")
    return _typed(row)


def _typed(row: Any) -> Approval:
    return Approval(
        id=row.id,
        call_id=row.call_id,
        tool=row.tool,
        arguments=msgspec.json.decode(row.arguments),
        caller=row.caller,
        state=ApprovalState(row.state),
        otherwise=row.otherwise,
        asked_at=row.asked_at,
        deadline_at=row.deadline_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
    )
