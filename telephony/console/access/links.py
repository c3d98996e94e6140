"""Links that let somebody in once: to choose a password, or for the second step of signing in."""

import datetime as dt
from collections.abc import Callable
from enum import Enum

import sqlalchemy as sa

from telephony.console.access.tables import LINKS
from telephony.console.access.tokens import digest, new_token
from tools.elapsed import time_after
from tools.store import Store


class Purpose(Enum):
    PASSWORD = "password"  # noqa: S105, what it is for
    SECOND_STEP = "second step"
    ELSEWHERE = "elsewhere"
    """On the way to and from the single sign-on."""


LIFE = {
    Purpose.PASSWORD: dt.timedelta(hours=24),
    Purpose.SECOND_STEP: dt.timedelta(minutes=10),
    Purpose.ELSEWHERE: dt.timedelta(minutes=10),
}


class Links:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._clock = clock

    def make(self, user_id: str, purpose: Purpose, payload: str = "") -> str:
        """Its token, which is kept nowhere."""
        token, now = new_token(), self._clock()
        values = {
            "token_hash": digest(token),
            "user_id": user_id,
            "purpose": purpose.value,
            "payload": payload,
            "expires_at": time_after(now, LIFE[purpose]),
        }

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(LINKS).where(LINKS.c.expires_at <= now))
            connection.execute(sa.insert(LINKS).values(values))

        self._store.write(work)
        return token

    def look(self, token: str, purpose: Purpose) -> tuple[str, str] | None:
        """User and payload, as long as it is good; looking does not use it up."""
        query = sa.select(LINKS.c.user_id, LINKS.c.payload).where(self._good(token, purpose))
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else (row.user_id, row.payload)

    def take(self, token: str, purpose: Purpose) -> tuple[str, str] | None:
        """User and payload, for one of all who ask."""
        good = self._good(token, purpose)
        query = sa.delete(LINKS).where(good).returning(LINKS.c.user_id, LINKS.c.payload)
        row = self._store.write(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else (row.user_id, row.payload)

    def _good(self, token: str, purpose: Purpose) -> sa.ColumnElement[bool]:
        own = (LINKS.c.token_hash == digest(token)) & (LINKS.c.purpose == purpose.value)
        return own & (LINKS.c.expires_at > self._clock())
