"""Reads and writes the tables of versions, one step each, inside somebody else's transaction."""

import datetime as dt
from typing import Any

import msgspec
import sqlalchemy as sa

from tools.versions.files import Files, digest, text_digest
from tools.versions.spec import Event, NoVersion, Pointers, Version, What
from tools.versions.tables import EVENTS, FILES, POINTERS, TEXTS, VERSIONS


class Signed(msgspec.Struct, frozen=True):
    """Who does it, when and why."""

    who: str
    at: dt.datetime
    """Time-zone aware."""
    why: str


def pointers(connection: sa.Connection, *, lock: bool = False) -> Pointers:
    """Where things stand; with `lock` nobody else writes a version until the transaction ends."""
    query = sa.select(POINTERS)
    row = connection.execute(query.with_for_update() if lock else query).one()
    return Pointers(head=row.head_id, published=row.published_id, folder=row.folder_id)


def point(connection: sa.Connection, to: Pointers) -> None:
    connection.execute(
        sa.update(POINTERS).values(head_id=to.head, published_id=to.published, folder_id=to.folder)
    )


def version(connection: sa.Connection, version_id: int) -> Version:
    """Raises NoVersion."""
    found = sa.select(VERSIONS).where(VERSIONS.c.id == version_id)
    row = connection.execute(found).one_or_none()
    if row is None:
        raise NoVersion(f"There is no version {version_id} of the configuration.")
    return version_in(row)


def version_in(row: Any) -> Version:
    return Version(
        id=row.id,
        parent=row.parent_id,
        author=row.author,
        at=row.at,
        why=row.why,
        digest=row.digest,
        conflicts_with=row.conflicts_with,
    )


def event_in(row: Any) -> Event:
    return Event(
        id=row.id,
        what=What(row.what),
        version=row.version_id,
        previous=row.previous_id,
        who=row.who,
        at=row.at,
        why=row.why,
    )


def files(connection: sa.Connection, version_id: int | None) -> dict[str, str]:
    """The texts of a version; before the first one there are none. Raises NoVersion."""
    if version_id is None:
        return {}
    version(connection, version_id)
    query = (
        sa.select(FILES.c.path, TEXTS.c.text)
        .join_from(FILES, TEXTS, FILES.c.digest == TEXTS.c.digest)
        .where(FILES.c.version_id == version_id)
        .order_by(FILES.c.path)
    )
    return {row.path: row.text for row in connection.execute(query)}


def insert(
    connection: sa.Connection,
    parent: int | None,
    texts: Files,
    signed: Signed,
    *,
    conflicts_with: int | None = None,
    folder: int | None = None,
    mirrors: bool = False,
) -> Version:
    """A new version; the pointers must be locked.

    `folder`: the version that holds what the folder held; with `mirrors` it is this one itself.
    """
    values = {
        "parent_id": parent,
        "author": signed.who,
        "at": signed.at,
        "why": signed.why,
        "digest": digest(texts),
        "conflicts_with": conflicts_with,
        "folder_id": folder,
    }
    row = connection.execute(sa.insert(VERSIONS).values(values).returning(VERSIONS)).one()
    if mirrors:
        own = sa.update(VERSIONS).where(VERSIONS.c.id == row.id)
        connection.execute(own.values(folder_id=row.id))
    _keep_files(connection, row.id, texts)
    return version_in(row)


def folder_of(connection: sa.Connection, version_id: int | None) -> int | None:
    """The version that holds what the folder held when this one was made."""
    query = sa.select(VERSIONS.c.folder_id).where(VERSIONS.c.id == version_id)
    return connection.execute(query).scalar_one_or_none()


def _keep_files(connection: sa.Connection, version_id: int, texts: Files) -> None:
    _keep_texts(connection, texts)
    listed = [
        {"version_id": version_id, "path": path, "digest": text_digest(text)}
        for path, text in texts.items()
    ]
    if listed:
        connection.execute(sa.insert(FILES), listed)


def _keep_texts(connection: sa.Connection, texts: Files) -> None:
    """One text is kept once, in however many versions it stands."""
    wanted = {text_digest(text): text for text in texts.values()}
    query = sa.select(TEXTS.c.digest).where(TEXTS.c.digest.in_(wanted))
    kept = set(connection.execute(query).scalars())
    new = [{"digest": key, "text": text} for key, text in wanted.items() if key not in kept]
    if new:
        connection.execute(sa.insert(TEXTS), new)


def aside(
    connection: sa.Connection, parent: int | None, texts: Files, conflicts_with: int
) -> Version | None:
    """The draft that was kept of just this conflict, if it was met before."""
    row = connection.execute(
        sa.select(VERSIONS).where(
            VERSIONS.c.digest == digest(texts),
            VERSIONS.c.parent_id.is_not_distinct_from(parent),
            VERSIONS.c.conflicts_with == conflicts_with,
        )
    ).first()
    return version_in(row) if row else None


def note(
    connection: sa.Connection, what: What, version_id: int, previous: int | None, signed: Signed
) -> Event:
    row = connection.execute(
        sa.insert(EVENTS)
        .values(
            what=what.value,
            version_id=version_id,
            previous_id=previous,
            who=signed.who,
            at=signed.at,
            why=signed.why,
        )
        .returning(EVENTS)
    ).one()
    return event_in(row)


def last_event(
    connection: sa.Connection, version_id: int, what: What | None = None
) -> Event | None:
    """How the version was last published, if it ever was."""
    query = sa.select(EVENTS).where(EVENTS.c.version_id == version_id)
    if what is not None:
        query = query.where(EVENTS.c.what == what.value)
    row = connection.execute(query.order_by(EVENTS.c.id.desc()).limit(1)).one_or_none()
    return event_in(row) if row else None


def news_by(connection: sa.Connection, version_id: int) -> frozenset[str]:
    """Who wrote what in this version was never published: its author, and those of the drafts
    it was made from."""
    authors: set[str] = set()
    at: int | None = version_id
    while at is not None and last_event(connection, at) is None:
        found = version(connection, at)
        authors.add(found.author)
        at = found.parent
    return frozenset(authors)


def was_live(connection: sa.Connection, folder: int | None) -> bool:
    """Whether anything was ever published that was made from what the folder held."""
    query = (
        sa.select(EVENTS.c.id)
        .join(VERSIONS, VERSIONS.c.id == EVENTS.c.version_id)
        .where(VERSIONS.c.folder_id == folder)
    )
    return connection.execute(query.limit(1)).first() is not None


def descends(connection: sa.Connection, version_id: int | None, ancestor: int | None) -> bool:
    """Whether a version was made from another one, or is it; all are made from nothing."""
    if ancestor is None or version_id is None:
        return ancestor is None
    # A parent is always older than its child.
    between = sa.select(VERSIONS.c.id, VERSIONS.c.parent_id).where(VERSIONS.c.id > ancestor)
    parents = {row.id: row.parent_id for row in connection.execute(between)}
    at: int | None = version_id
    while at in parents:
        at = parents[at]
    return at == ancestor
