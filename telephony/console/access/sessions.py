"""Who is signed in: sessions live in the database, so that one ends everywhere at once."""

import datetime as dt
from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from telephony.console.access.tables import SESSIONS, USERS
from telephony.console.access.tokens import digest, new_id, new_token
from telephony.console.access.users import User, user_of
from tools.elapsed import time_before, time_between
from tools.store import Store

IDLE = dt.timedelta(minutes=30)
LONGEST = dt.timedelta(hours=12)
SEEN_EVERY = dt.timedelta(seconds=30)
"""Not with every request: a page loads in several."""
_AGENT_LENGTH = 200


class Session(msgspec.Struct, frozen=True):
    id: str
    user_id: str
    created_at: dt.datetime
    seen_at: dt.datetime
    ip: str
    agent: str


class Sessions:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._clock = clock

    def open(self, user_id: str, *, ip: str, agent: str) -> str:
        """A new session, whatever the browser had before: its token, which is kept nowhere."""
        token, now = new_token(), self._clock()
        values = {
            "token_hash": digest(token),
            "id": new_id(),
            "user_id": user_id,
            "created_at": now,
            "seen_at": now,
            "ip": ip,
            "agent": agent[:_AGENT_LENGTH],
        }

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(SESSIONS).where(_over(now)))
            connection.execute(sa.insert(SESSIONS).values(values))

        self._store.write(work)
        return token

    def find(self, token: str, *, seen: bool = True) -> tuple[Session, User] | None:
        """Whose it is; None when it is over, or its user may not come any more.

        `seen`: somebody is there, so that it is not idle.
        """
        columns = [SESSIONS.c[name].label(f"session_{name}") for name in Session.__struct_fields__]
        query = (
            sa.select(USERS, *columns)
            .join(SESSIONS, SESSIONS.c.user_id == USERS.c.id)
            .where(SESSIONS.c.token_hash == digest(token), USERS.c.disabled_at.is_(None))
        )
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            return None
        session = Session(*(getattr(row, f"session_{name}") for name in Session.__struct_fields__))
        now = self._clock()
        idle = time_between(session.seen_at, now)
        if idle > IDLE or time_between(session.created_at, now) > LONGEST:
            self.close(token)
            return None
        if seen and idle >= SEEN_EVERY:
            self._touch(token, now)
        return session, user_of(row)

    def _touch(self, token: str, now: dt.datetime) -> None:
        change = sa.update(SESSIONS).where(SESSIONS.c.token_hash == digest(token))
        self._store.write(lambda connection: connection.execute(change.values(seen_at=now)))

    def close(self, token: str) -> None:
        self._delete(SESSIONS.c.token_hash == digest(token))

    def end(self, session_id: str) -> bool:
        """By its public id; False when there is none."""
        return self._delete(SESSIONS.c.id == session_id) > 0

    def end_all(self, user_id: str, *, but: str = "") -> int:
        """All of one user, except the one of this id; how many there were."""
        return self._delete((SESSIONS.c.user_id == user_id) & (SESSIONS.c.id != but))

    def of(self, user_id: str) -> list[Session]:
        """The last that was used first."""
        return self._list(SESSIONS.c.user_id == user_id)

    def all(self) -> list[Session]:
        """Those that are not over; the last that was used first."""
        return self._list(sa.true())

    def _list(self, condition: sa.ColumnElement[bool]) -> list[Session]:
        query = (
            sa.select(*(SESSIONS.c[name] for name in Session.__struct_fields__))
            .where(condition, sa.not_(_over(self._clock())))
            .order_by(SESSIONS.c.seen_at.desc(), SESSIONS.c.id)
        )
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [Session(*row) for row in rows]

    def _delete(self, condition: sa.ColumnElement[bool]) -> int:
        change = sa.delete(SESSIONS).where(condition)
        return self._store.write(lambda connection: connection.execute(change).rowcount)


def _over(now: dt.datetime) -> sa.ColumnElement[bool]:
    idle = SESSIONS.c.seen_at < time_before(now, IDLE)
    return idle | (SESSIONS.c.created_at < time_before(now, LONGEST))
