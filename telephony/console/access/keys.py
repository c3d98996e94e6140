"""API keys: programs that may do what a role may, until a day."""

import datetime as dt
from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from telephony.console.access.roles import Role
from telephony.console.access.tables import KEYS
from telephony.console.access.tokens import digest, new_id, new_token
from tools.elapsed import time_after, time_between
from tools.store import Store

PREFIX = "fd_"
"""So that scanners of code and logs know one when they see it."""
USED_EVERY = dt.timedelta(minutes=1)


class Key(msgspec.Struct, frozen=True):
    id: str
    name: str
    role: Role
    made_by: str
    created_at: dt.datetime
    expires_at: dt.datetime
    used_at: dt.datetime | None
    revoked_at: dt.datetime | None

    def good(self, now: dt.datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


class Keys:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._clock = clock

    def make(self, name: str, role: Role, made_by: str, life: dt.timedelta) -> tuple[Key, str]:
        """The key, and its text, which is kept nowhere."""
        text, now = PREFIX + new_token(), self._clock()
        key = Key(new_id(), name, role, made_by, now, time_after(now, life), None, None)
        values = {**msgspec.structs.asdict(key), "role": role.value, "key_hash": digest(text)}
        self._store.write(lambda connection: connection.execute(sa.insert(KEYS), values))
        return key, text

    def find(self, text: str) -> Key | None:
        """The key of this text, if it may still be used; that it was is noted."""
        query = sa.select(KEYS).where(KEYS.c.key_hash == digest(text))
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        key, now = None if row is None else _key(row), self._clock()
        if key is None or not key.good(now):
            return None
        if key.used_at is None or time_between(key.used_at, now) >= USED_EVERY:
            self._note(key.id, used_at=now)
        return key

    def all(self) -> list[Key]:
        """The newest first, with those that are over."""
        query = sa.select(KEYS).order_by(KEYS.c.created_at.desc(), KEYS.c.id)
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [_key(row) for row in rows]

    def revoke(self, key_id: str) -> bool:
        """From now on it opens nothing; False when there is no such key that does."""
        return self._note(key_id, revoked_at=self._clock()) > 0

    def _note(self, key_id: str, **values: object) -> int:
        change = sa.update(KEYS).where(KEYS.c.id == key_id, KEYS.c.revoked_at.is_(None))
        return self._store.write(lambda at: at.execute(change.values(**values)).rowcount)


def _key(row: sa.Row[tuple[object, ...]]) -> Key:
    values = {name: getattr(row, name) for name in Key.__struct_fields__}
    return Key(**{**values, "role": Role(values["role"])})
