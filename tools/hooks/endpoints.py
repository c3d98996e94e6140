"""Who is told of calls: added, changed, given a new secret, taken off."""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.elapsed import time_after
from tools.hooks.spec import (
    BOTH_SECRETS,
    MAX_DESCRIPTION,
    SECRET_BYTES,
    BadEndpoint,
    EventType,
    checked_url,
    new_secret,
)
from tools.hooks.tables import DELIVERIES, ENDPOINTS
from tools.store import Store

MOST_ENDPOINTS = 50


class NoEndpoint(LookupError):  # noqa: N818 - named for what is the matter
    """There is no such endpoint."""


@dataclass(frozen=True)
class Endpoint:
    """One receiver, without its secret."""

    id: int
    url: str
    description: str
    events: tuple[str, ...]
    """Types it is told of; empty for all."""
    numbers: bool
    """It is told telephone numbers."""
    words: bool
    """It is told what was said, without what could tell who a caller is."""
    enabled: bool
    trouble: str
    """Why it was switched off by itself."""
    created_at: dt.datetime
    created_by: str
    pending: int = 0
    dead: int = 0
    taken: int = 0


class Change(msgspec.Struct, frozen=True):
    """What is to be different; None stays as it is."""

    url: str | None = None
    description: str | None = None
    events: tuple[str, ...] | None = None
    numbers: bool | None = None
    words: bool | None = None
    enabled: bool | None = None


class Endpoints:
    """Every method blocks; BackendError when the database cannot be asked."""

    def __init__(self, store: Store, private: Sequence[str] = ()) -> None:
        """`private`: see `checked_url`."""
        self._store = store
        self._private = tuple(private)

    def add(self, wanted: Change, by: str, now: dt.datetime) -> tuple[Endpoint, str]:
        """A new receiver and its secret, which is not shown again. Raises BadEndpoint."""
        secret = new_secret(secrets.token_bytes(SECRET_BYTES))
        values = {
            "description": "",
            "events": "[]",
            "numbers": False,
            "words": False,
            "enabled": True,
            **self._values(msgspec.structs.replace(wanted, url=wanted.url or "")),
            "trouble": "",
            "secret": secret,
            "old_secret": "",
            "created_at": now,
            "created_by": by,
        }

        def work(connection: sa.Connection) -> Endpoint:
            count = sa.select(sa.func.count()).select_from(ENDPOINTS)
            if connection.execute(count).scalar_one() >= MOST_ENDPOINTS:
                raise BadEndpoint(f"There may be {MOST_ENDPOINTS} endpoints; remove one first.")
            inserted = sa.insert(ENDPOINTS).values(**values).returning(ENDPOINTS.c.id)
            return _found(connection, connection.execute(inserted).scalar_one())

        return self._store.write(work), secret

    def all(self) -> list[Endpoint]:
        """The oldest first."""
        return self._store.read(lambda connection: _listed(connection, sa.true()))

    def find(self, endpoint_id: int) -> Endpoint:
        """Raises NoEndpoint."""
        return self._store.read(lambda connection: _found(connection, endpoint_id))

    def change(self, endpoint_id: int, wanted: Change) -> tuple[Endpoint, Endpoint]:
        """Before and after. Raises NoEndpoint, BadEndpoint."""
        values = self._values(wanted)
        if values.get("enabled"):
            values["trouble"] = ""

        def work(connection: sa.Connection) -> tuple[Endpoint, Endpoint]:
            before = _found(connection, endpoint_id)
            if values:
                mine = sa.update(ENDPOINTS).where(ENDPOINTS.c.id == endpoint_id)
                connection.execute(mine.values(**values))
            return before, _found(connection, endpoint_id)

        return self._store.write(work)

    def remove(self, endpoint_id: int) -> Endpoint:
        """With all that was still to be told to it. Raises NoEndpoint."""

        def work(connection: sa.Connection) -> Endpoint:
            before = _found(connection, endpoint_id)
            theirs = DELIVERIES.c.endpoint_id == endpoint_id
            connection.execute(sa.delete(DELIVERIES).where(theirs))
            connection.execute(sa.delete(ENDPOINTS).where(ENDPOINTS.c.id == endpoint_id))
            return before

        return self._store.write(work)

    def rotate(self, endpoint_id: int, now: dt.datetime) -> str:
        """A new secret; for a day both sign. Raises NoEndpoint."""
        secret = new_secret(secrets.token_bytes(SECRET_BYTES))
        changed = (
            sa.update(ENDPOINTS)
            .where(ENDPOINTS.c.id == endpoint_id)
            .values(
                old_secret=ENDPOINTS.c.secret,
                old_secret_until=time_after(now, BOTH_SECRETS),
                secret=secret,
            )
        )
        if not self._store.write(lambda connection: connection.execute(changed).rowcount):
            raise NoEndpoint(f"there is no endpoint {endpoint_id}")
        return secret

    def _values(self, wanted: Change) -> dict[str, Any]:
        """Columns that change. Raises BadEndpoint."""
        values: dict[str, Any] = {}
        if wanted.url is not None:
            values["url"] = checked_url(wanted.url, self._private)
        if wanted.description is not None:
            values["description"] = " ".join(wanted.description.split())[:MAX_DESCRIPTION]
        if wanted.events is not None:
            values["events"] = msgspec.json.encode(_types(wanted.events)).decode()
        for name in ("numbers", "words", "enabled"):
            if (chosen := getattr(wanted, name)) is not None:
                values[name] = chosen
        return values


def _types(named: Sequence[str]) -> list[str]:
    known = [each.value for each in EventType]
    if unknown := [name for name in named if name not in known]:
        raise BadEndpoint(f"There is no event {unknown[0][:50]!r}; known: {', '.join(known)}.")
    return [name for name in known if name in named]


def _found(connection: sa.Connection, endpoint_id: int) -> Endpoint:
    found = _listed(connection, ENDPOINTS.c.id == endpoint_id)
    if not found:
        raise NoEndpoint(f"there is no endpoint {endpoint_id}")
    return found[0]


def _listed(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Endpoint]:
    counted = sa.select(DELIVERIES.c.endpoint_id, DELIVERIES.c.state, sa.func.count()).group_by(
        DELIVERIES.c.endpoint_id, DELIVERIES.c.state
    )
    counts = {(row[0], row[1]): row[2] for row in connection.execute(counted)}
    rows = connection.execute(sa.select(ENDPOINTS).where(which).order_by(ENDPOINTS.c.id)).all()
    return [
        Endpoint(
            id=row.id,
            url=row.url,
            description=row.description,
            events=tuple(msgspec.json.decode(row.events)),
            numbers=row.numbers,
            words=row.words,
            enabled=row.enabled,
            trouble=row.trouble,
            created_at=row.created_at,
            created_by=row.created_by,
            **{state: counts.get((row.id, state), 0) for state in ("pending", "dead", "taken")},
        )
        for row in rows
    ]
