"""Reads what has changed in a calendar, and blocks the times its own events take."""

import datetime as dt
import hashlib
import zoneinfo
from collections.abc import Callable, Mapping

import msgspec
import structlog

from tools.booking.blocks import Block, Blocks
from tools.booking.busy import Busy, busy, components
from tools.booking.caldav.aside import Aside
from tools.booking.caldav.blocking import Named, merged, plan
from tools.booking.caldav.client import CalendarClient, Changes, Resource
from tools.booking.caldav.outcome import DavError, Outcome
from tools.booking.caldav.record import Conflict, Foreign, Pulled, Record, Row, State, make_conflict
from tools.booking.caldav.rules import Kind, is_accident
from tools.booking.recurrence import UnreadableError
from tools.elapsed import time_between

log = structlog.get_logger()

MAX_EVENTS = 5_000
READ_AGAIN = dt.timedelta(days=1)
"""Series go on for ever, and are known up to a horizon that moves."""
SUFFIX = "@frontdesk"


class Horizon(msgspec.Struct, frozen=True):
    """For which times, and on whose clock, a calendar's own events matter."""

    source: str
    resource: str
    seats: int
    zone: zoneinfo.ZoneInfo
    ahead: dt.timedelta

    @property
    def name(self) -> str:
        """What was read for another one has to be read again."""
        return f"{self.ahead.days} days in {self.zone.key}"

    def window(self, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
        """From today's midnight in UTC: times that are cut off must not change each minute. Up to
        the end of the last day that can be booked, in any zone, until everything is read again."""
        today = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today, today + self.ahead + dt.timedelta(days=3) + READ_AGAIN


class Pull:
    """One calendar's reader."""

    def __init__(
        self,
        horizon: Horizon,
        record: Record,
        blocks: Blocks,
        client: CalendarClient,
        clock: Callable[[], dt.datetime],
        aside: Aside,
    ) -> None:
        self._horizon = horizon
        self._record = record
        self._blocks = blocks
        self._client = client
        self._clock = clock
        self._aside = aside

    async def pull(self, state: State) -> None:
        """Read what has changed since the last time; everything once a day, and when other times
        matter than did.

        The token is written down last: broken off before, the same is read again. Raises
        DavError and BackendError.
        """
        now = self._clock()
        full = self._is_due(state, now)
        changes = await self._changes(None if full else state.token)
        rows = await self._aside(self._record.rows)
        foreign = await self._aside(self._record.foreign)
        if len(rows) + len(foreign.keys() | changes.etags.keys()) > MAX_EVENTS:
            raise DavError(Outcome.TOO_LARGE, f"more than {MAX_EVENTS} events")
        ours = {row.href for row in rows}
        strange = {
            href
            for href, etag in changes.etags.items()
            if href not in ours and (full or href not in foreign or foreign[href].etag != etag)
        }
        resources = await self._client.fetch(strange)
        pulled = self._sorted(changes, rows, foreign, resources, now)
        await self._aside(self._keep, pulled, now)
        await self._aside(self.block, now)
        full_at = now if full else None
        await self._aside(self._record.pulled_to, changes.token, full_at, self._horizon.name)

    def _is_due(self, state: State, now: dt.datetime) -> bool:
        if state.full_at is None or state.read_for != self._horizon.name:
            return True
        return time_between(state.full_at, now) >= READ_AGAIN

    async def _changes(self, token: str | None) -> Changes:
        try:
            return await self._client.changes(token)
        except DavError as error:
            if error.outcome is not Outcome.TOKEN_EXPIRED:
                raise
            return await self._client.changes(None)

    def _sorted(
        self,
        changes: Changes,
        rows: list[Row],
        foreign: Mapping[str, Foreign],
        resources: Mapping[str, Resource],
        now: dt.datetime,
    ) -> Pulled:
        gone = {row.booking_id: row.href for row in rows if _is_gone(row, changes)}
        renamed: dict[str, str] = {}
        strangers: list[Foreign] = []
        for href, resource in resources.items():
            booking_id = _booking_of(resource)
            if booking_id in gone:
                renamed[booking_id] = href
            else:
                strangers.append(self._read(href, changes.etags[href], resource, now))
        missing = gone.keys() - renamed.keys()
        seen = sum(row.agreed is not None for row in rows)
        return Pulled(
            foreign=tuple(strangers),
            gone=frozenset(
                {href for href in foreign if _not_there(href, changes)} | set(renamed.values())
            ),
            looked_at=frozenset(
                row.booking_id
                for row in rows
                if row.booking_id in gone
                or (row.href in changes.etags and changes.etags[row.href] != row.etag)
            ),
            renamed=renamed,
            lost=frozenset(missing) if is_accident(len(missing), seen) else frozenset(),
        )

    def _read(self, href: str, etag: str, resource: Resource, now: dt.datetime) -> Foreign:
        first, last = self._horizon.window(now)
        if resource.text is None:
            return Foreign(href, etag, (), "it is too large")
        try:
            found = busy(resource.text, first, last, self._horizon.zone)
        except UnreadableError as error:
            return Foreign(href, etag, (), str(error))
        return Foreign(href, etag, tuple(found))

    def _keep(self, pulled: Pulled, now: dt.datetime) -> None:
        name = self._horizon.resource
        self._record.keep(pulled)
        for each in pulled.foreign:
            if each.problem is not None:
                conflict = make_conflict(name, Kind.UNREADABLE, now, each.problem, href=each.href)
                self._write_down(_key(name, each.href, each.etag), conflict)
        if pulled.lost:
            what = f"{len(pulled.lost)} of our events went at once; they are written again"
            conflict = make_conflict(name, Kind.MANY_DELETED, now, what)
            self._write_down(_key(name, "lost", now.isoformat()), conflict)

    def _write_down(self, key: str, conflict: Conflict) -> None:
        if self._record.conflict(key, conflict):
            log.warning("calendar_conflict", calendar=conflict.calendar, kind=conflict.kind)

    def block(self, now: dt.datetime) -> None:
        """Bring the resource's blocked times to what its calendar's own events take."""
        source = self._horizon.source
        first, _ = self._horizon.window(now)
        wanted = merged(
            each
            for event in self._record.foreign().values()
            for each in event.busy
            if each.end > first
        )
        present = [Named(each.block.uid, _busy(each.block)) for each in self._blocks.list(source)]
        todo = plan(wanted, present, self._record.short_blocks(self._horizon.seats))
        for uid in todo.remove:
            self._blocks.remove(source, uid, now)
        for named in todo.put:
            block = Block(
                source, named.uid, self._horizon.resource, named.busy.start, named.busy.end
            )
            for booking_id in self._blocks.put(block, now).conflicts:
                self._overlap(booking_id, block, now)

    def _overlap(self, booking_id: str, block: Block, now: dt.datetime) -> None:
        appointment = self._record.appointment(booking_id)
        conflict = make_conflict(
            block.resource,
            Kind.OVERLAP,
            now,
            f"busy until {block.ends_at:%Y-%m-%d %H:%M} UTC",
            booking_id=booking_id,
            ours_at=appointment.starts_at if appointment else None,
            theirs_at=block.starts_at,
        )
        revision = appointment.revision if appointment else 0
        key = _key(block.resource, f"{booking_id} {revision}", block.starts_at.isoformat())
        self._write_down(key, conflict)


def _busy(block: Block) -> Busy:
    return Busy(block.starts_at, block.ends_at)


def _not_there(href: str, changes: Changes) -> bool:
    return href in changes.removed or (changes.complete and href not in changes.etags)


def _is_gone(row: Row, changes: Changes) -> bool:
    return row.agreed is not None and _not_there(row.href, changes)


def _booking_of(resource: Resource) -> str:
    """Whose event it says it is; empty for one of others."""
    try:
        found = components(resource.text or "")
    except UnreadableError:
        return ""
    uid = found[0]["UID"][0].value if "UID" in found[0] else ""
    return uid.removesuffix(SUFFIX) if uid.endswith(SUFFIX) else ""


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
