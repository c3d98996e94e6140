"""Every state the configuration was ever saved in, and which of them is published."""

import datetime as dt
from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from tools.config import ConfigError
from tools.spec import BackendError
from tools.store import LOOKS, Store
from tools.versions import rows
from tools.versions.files import (
    Changes,
    Clash,
    FileDiff,
    Files,
    changed,
    changes_between,
    diff_files,
    diff_text,
    digest,
    merge,
    refuse_bad,
    refuse_too_many,
)
from tools.versions.rows import Signed
from tools.versions.spec import (
    FOLDER,
    Behind,
    Broken,
    Check,
    Conflict,
    ConflictFile,
    Event,
    Moved,
    NoVersion,
    Pointers,
    Saved,
    Unchanged,
    Unread,
    Version,
    Waiting,
    What,
)
from tools.versions.tables import EVENTS, FILES, VERSIONS

REMEMBERED = 20
"""How many earlier published versions are tried when the last one cannot be used any more."""


class Plan(msgspec.Struct, frozen=True):
    """What taking over the folder comes to, as things stand."""

    at: Pointers
    began: dict[str, str]
    """What the folder's change is compared with."""
    merged: dict[str, str] | Clash


class Versions:
    """The versions of one configuration.

    Every method blocks; BackendError when the database cannot be reached, NoVersion for an id
    that stands for none.
    """

    def __init__(
        self,
        store: Store,
        check: Check,
        clock: Callable[[], dt.datetime],
        *,
        four_eyes: bool = False,
    ) -> None:
        """`check` says what is wrong with a set of files; `clock` gives an aware time of day.

        With `four_eyes` what is new goes live only by somebody who has written none of it.
        """
        self._store = store
        self._check = check
        self._clock = clock
        self._four_eyes = four_eyes

    # ---- reading -------------------------------------------------------------------------------

    def pointers(self) -> Pointers:
        return self._store.read(rows.pointers)

    def version(self, version_id: int) -> Version:
        return self._store.read(lambda connection: rows.version(connection, version_id))

    def files(self, version_id: int | None) -> dict[str, str]:
        """The texts of a version, by path; None stands for before the first one."""
        return self._store.read(lambda connection: rows.files(connection, version_id))

    def errors(self, files: Files) -> tuple[ConfigError, ...]:
        """Everything that keeps these files from being published."""
        return tuple(self._check(files))

    def history(self, limit: int, before: int | None = None) -> list[Version]:
        """Newest first; `before` an id pages on."""
        query = sa.select(VERSIONS).order_by(VERSIONS.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(VERSIONS.c.id < before)
        return self._store.read(
            lambda connection: [rows.version_in(row) for row in connection.execute(query)]
        )

    def events(self, limit: int, before: int | None = None) -> list[Event]:
        """What was published when, newest first; `before` an id pages on."""
        query = sa.select(EVENTS).order_by(EVENTS.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(EVENTS.c.id < before)
        return self._store.read(
            lambda connection: [rows.event_in(row) for row in connection.execute(query)]
        )

    def diff(self, before: int, after: int) -> tuple[FileDiff, ...]:
        old, new = self._store.read(
            lambda connection: (rows.files(connection, before), rows.files(connection, after))
        )
        return diff_files(old, new)

    def holding(self, path: str, text_hash: str) -> int | None:
        """The version an editor began with who was given this text: the head, or the newest."""
        query = (
            sa.select(FILES.c.version_id)
            .where(FILES.c.path == path, FILES.c.digest == text_hash)
            .order_by(FILES.c.version_id.desc())
        )

        def work(connection: sa.Connection) -> int | None:
            head, found = rows.pointers(connection).head, connection.execute(query).scalars().all()
            return head if head in found else next(iter(found), None)

        return self._store.read(work)

    def unread(self, version_id: int, reader: str | None) -> Unread | None:
        """What keeps `reader` (None: nobody who is known) from letting calls go by a version."""
        return self._store.read(lambda connection: self._unread(connection, version_id, reader))

    def _unread(
        self, connection: sa.Connection, version_id: int, reader: str | None
    ) -> Unread | None:
        authors = rows.news_by(connection, version_id) if self._four_eyes else frozenset()
        if not authors or (reader is not None and reader not in authors):
            return None
        return Unread(version_id, tuple(sorted(authors)))

    def before(self) -> tuple[int | None, int | None]:
        """What a roll-back would publish, if there is anything, and what is published."""
        return self._store.read(_before)

    def good(self) -> tuple[int, dict[str, str]] | None:
        """The published version, or the last one before it that can still be used."""
        once = (
            sa.select(EVENTS.c.version_id)
            .group_by(EVENTS.c.version_id)
            .order_by(sa.func.max(EVENTS.c.id).desc())
            .limit(REMEMBERED)
        )
        for version_id in self._store.read(lambda c: c.execute(once).scalars().all()):
            files = self.files(version_id)
            if not self._check(files):
                return version_id, files
        return None

    # ---- saving --------------------------------------------------------------------------------

    def save(self, base: int | None, changes: Changes, who: str, why: str) -> Saved | Conflict:
        """Keep a change that was made to the version `base` (None: to nothing) as a draft.

        It is made to the newest state: others may have changed other files since. Broken files
        are kept, too. Raises ConfigError for what can be kept in no version.
        """
        refuse_bad(changes)
        signed = self._signed(who, why)
        return self._store.write(lambda connection: _save(connection, base, changes, signed))

    # ---- publishing ----------------------------------------------------------------------------

    def publish(
        self,
        version_id: int,
        who: str,
        why: str,
        *,
        over: int | None = None,
        anyway: bool = False,
        reader: str | None = None,
    ) -> Moved | Broken | Behind | Unread:
        """Calls that begin from now on go by this version; an earlier one is a roll-back.

        `over`: only if that version is the published one still. `anyway`: even where changes
        of others would be undone; the draft of a conflict is not published otherwise.
        `reader`: the person who does it, if it is sure who that is.
        """
        if errors := self._check(self.files(version_id)):
            return Broken(tuple(errors))
        signed = self._signed(who, why)

        def work(connection: sa.Connection) -> Moved | Behind | Unread:
            at = rows.pointers(connection, lock=True)
            if unread := self._unread(connection, version_id, reader):
                return unread
            if over is not None and at.published != over:
                return Behind(version_id, at.published)
            return _publish(connection, at, version_id, signed, anyway=anyway)

        return self._store.write(work)

    def roll_back(
        self, who: str, why: str, *, over: int | None = None
    ) -> Moved | Broken | Behind | Unread:
        """Publish what was published before; raises NoVersion where there is nothing.

        Done twice it goes back two steps, not back and forth. Nobody else is needed for that.
        """
        before, published = self.before()
        if before is None:
            raise NoVersion("There is no earlier published version to go back to.")
        # What was published while we looked is not to be undone unseen.
        return self.publish(before, who, why, over=over or published)

    # ---- the folder ----------------------------------------------------------------------------

    def take_folder(
        self, files: Files, why: str, who: str = FOLDER
    ) -> Moved | Unchanged | Broken | Conflict | Waiting:
        """Publish what has changed in the folder since it was last taken over.

        Changes published by others to other files stay. Where four eyes are wanted it is kept as
        a draft instead, for nobody knows who has changed a folder. Raises ConfigError for what
        can be kept in no version.
        """
        refuse_bad(files)
        refuse_too_many(files)
        signed = self._signed(who, why)
        for _ in range(LOOKS):
            plan = self._store.read(lambda connection: _plan(connection, files))
            if plan is None:
                draft = self.waiting()
                return Unchanged() if draft is None else Waiting(draft)
            wanted = files if isinstance(plan.merged, Clash) else plan.merged
            if errors := self._check(wanted):
                return Broken(tuple(errors))
            live = not self._four_eyes or plan.at.published is None
            taken = self._store.write(_taking(plan, files, signed, live=live))
            if taken is not None:
                return taken
        raise BackendError("configuration contended", permanent=False)

    def waiting(self) -> int | None:
        """The draft of the folder that nobody has published yet, where somebody else has to."""

        def work(connection: sa.Connection) -> int | None:
            folder = rows.pointers(connection).folder
            return None if rows.was_live(connection, folder) else folder

        return self._store.read(work) if self._four_eyes else None

    def _signed(self, who: str, why: str) -> Signed:
        return Signed(who, self._clock(), why)


def _save(
    connection: sa.Connection, base: int | None, changes: Changes, signed: Signed
) -> Saved | Conflict:
    at = rows.pointers(connection, lock=True)
    mine, head = rows.files(connection, base), rows.files(connection, at.head)
    merged = merge(mine, head, changes)
    if isinstance(merged, Clash):
        assert at.head is not None, "before the first version nobody else has changed anything"
        # Who began with nothing knows of no other files, and takes none of them out.
        parent = at.head if base is None else base
        yours = changed(head if base is None else mine, changes)
        refuse_too_many(yours)
        draft = rows.aside(connection, parent, yours, at.head) or rows.insert(
            connection,
            parent,
            yours,
            signed,
            conflicts_with=at.head,
            folder=rows.folder_of(connection, parent),
        )
        return _conflict(merged, (mine, head, yours), base, draft)
    refuse_too_many(merged)
    if at.head is not None and digest(merged) == digest(head):
        return Saved(rows.version(connection, at.head), new=False)
    folder = rows.folder_of(connection, at.head)
    version = rows.insert(connection, at.head, merged, signed, folder=folder)
    rows.point(connection, msgspec.structs.replace(at, head=version.id))
    return Saved(version, new=True)


def _conflict(
    clash: Clash, texts: tuple[Files, Files, Files], base: int | None, draft: Version
) -> Conflict:
    """`texts` are those both began with, theirs, and yours, which the draft keeps."""
    was, theirs, yours = texts
    assert draft.conflicts_with is not None
    files = tuple(
        ConflictFile(
            path=path,
            base=was.get(path),
            theirs=theirs.get(path),
            yours=yours.get(path),
            diff=diff_text(path, theirs.get(path), yours.get(path)),
        )
        for path in clash.paths
    )
    return Conflict(base, draft.conflicts_with, draft.id, files)


def _publish(
    connection: sa.Connection, at: Pointers, version_id: int, signed: Signed, *, anyway: bool
) -> Moved | Behind:
    before = rows.last_event(connection, version_id)
    if at.published == version_id:
        assert before is not None, "what is published was published"
        return Moved(before, new=False)
    settled = rows.version(connection, version_id).conflicts_with is None
    forward = settled and rows.descends(connection, version_id, at.published)
    earlier = before is not None or rows.descends(connection, at.published, version_id)
    if not (forward or earlier or anyway):
        return Behind(version_id, at.published)
    what = What.ROLLED_BACK if earlier and not forward else What.PUBLISHED
    event = rows.note(connection, what, version_id, at.published, signed)
    # Drafts made from it stay what editors go on with; a roll-back is where they begin again.
    stays = what is What.PUBLISHED and rows.descends(connection, at.head, version_id)
    head = at.head if stays else version_id
    rows.point(connection, msgspec.structs.replace(at, published=version_id, head=head))
    return Moved(event, new=True)


def _before(connection: sa.Connection) -> tuple[int | None, int | None]:
    """What was published when the present version first was, and the present version."""
    published = rows.pointers(connection).published
    if published is None:
        return None, None
    first = rows.last_event(connection, published, What.PUBLISHED)
    return (first.previous if first else None), published


def _plan(connection: sa.Connection, files: Files) -> Plan | None:
    """None when there is nothing to take over."""
    at = rows.pointers(connection)
    seen = rows.files(connection, at.folder)
    if at.folder is not None and digest(files) == digest(seen):
        return None
    published = rows.files(connection, at.published)
    # After a roll-back that is what the folder held then: what is mended in it now goes live
    # with all that was rolled back, and what others published before stays.
    base = rows.files(connection, rows.folder_of(connection, at.published))
    same = {path for path in {*seen, *published} if seen.get(path) == published.get(path)}
    began = changed(base, {path: seen.get(path) for path in same})
    return Plan(at, began, merge(began, published, changes_between(began, files)))


def _taking(
    plan: Plan, files: Files, signed: Signed, *, live: bool
) -> Callable[[sa.Connection], Moved | Unchanged | Conflict | Waiting | None]:
    """Work that carries a plan out; None when others moved something since it was made."""

    def work(connection: sa.Connection) -> Moved | Unchanged | Conflict | Waiting | None:
        at = rows.pointers(connection, lock=True)
        if (at.published, at.folder) != (plan.at.published, plan.at.folder):
            return None
        if isinstance(plan.merged, Clash):
            return _folder_clash(connection, plan, plan.merged, files, signed)
        return _take(connection, at, plan.merged, files, signed, live=live)

    return work


def _folder_clash(
    connection: sa.Connection, plan: Plan, clash: Clash, files: Files, signed: Signed
) -> Conflict:
    """The folder's files are kept, and stay out of calls until somebody decides."""
    at = plan.at
    assert at.published is not None, "nobody else has changed anything"
    draft = rows.aside(connection, at.folder, files, at.published) or rows.insert(
        connection, at.folder, files, signed, conflicts_with=at.published, mirrors=True
    )
    published = rows.files(connection, at.published)
    return _conflict(clash, (plan.began, published, files), at.folder, draft)


def _take(
    connection: sa.Connection,
    at: Pointers,
    merged: Files,
    files: Files,
    signed: Signed,
    *,
    live: bool,
) -> Moved | Unchanged | Waiting:
    if at.published is not None and digest(merged) == digest(rows.files(connection, at.published)):
        same = digest(files) == digest(merged)
        folder = at.published if same else _mirror(connection, at, files, signed)
        rows.point(connection, msgspec.structs.replace(at, folder=folder))
        return Unchanged()
    if digest(merged) == digest(files):
        new = rows.insert(connection, at.published, merged, signed, mirrors=True).id
        folder = new
    else:
        folder = _mirror(connection, at, files, signed)
        new = rows.insert(connection, at.published, merged, signed, folder=folder).id
    if not live:
        rows.point(connection, Pointers(head=new, published=at.published, folder=folder))
        return Waiting(new)
    event = rows.note(connection, What.PUBLISHED, new, at.published, signed)
    rows.point(connection, Pointers(head=new, published=new, folder=folder))
    return Moved(event, new=True)


def _mirror(connection: sa.Connection, at: Pointers, files: Files, signed: Signed) -> int:
    """What the folder holds alone: its next change is compared with that."""
    signed = msgspec.structs.replace(signed, why=f"{signed.why}: the folder alone".lstrip(": "))
    return rows.insert(connection, at.folder, files, signed, mirrors=True).id
