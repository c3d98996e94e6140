"""Brings one booking and its event in a calendar to agree."""

import datetime as dt
import hashlib
import zoneinfo
from collections.abc import Callable

import msgspec
import structlog

from tools.booking.caldav.aside import Aside
from tools.booking.caldav.client import CalendarClient, Resource
from tools.booking.caldav.outcome import DavError, Outcome
from tools.booking.caldav.record import Record, Row, make_conflict
from tools.booking.caldav.rules import Gone, Kind, Odd, Span, Step, Theirs, decide
from tools.booking.caldav.staff import StaffChanges, Stale, Wanted
from tools.booking.calendars import Appointment, Shows, entry
from tools.booking.ical import alone, placed, retimed, sequence_of
from tools.booking.recurrence import UnreadableError

log = structlog.get_logger()

LOOKS = 4


class Place(msgspec.Struct, frozen=True):
    """The calendar: its name, which of the shop's seats it is for, and what it may show."""

    calendar: str
    seats: frozenset[str]
    zone: zoneinfo.ZoneInfo
    shows: Shows


class _Look(msgspec.Struct, frozen=True):
    """Both sides at one moment."""

    row: Row
    appointment: Appointment
    ours: Span | None
    resource: Resource | None
    theirs: Theirs
    now: dt.datetime


class Settlement:
    """What is written was always looked at before, so it may be broken off anywhere.

    The intent is written down before a request and the outcome after it; a row stays open until
    both sides were seen to agree.
    """

    def __init__(
        self,
        place: Place,
        record: Record,
        staff: StaffChanges,
        client: CalendarClient,
        clock: Callable[[], dt.datetime],
        aside: Aside,
    ) -> None:
        self._place = place
        self._record = record
        self._staff = staff
        self._client = client
        self._clock = clock
        self._aside = aside

    async def settle(self, booking_id: str) -> Outcome:
        """Look and act until both agree; CHANGED_MEANWHILE when they would not hold still.

        Raises DavError and BackendError; the row is open then, and looked at again.
        """
        for attempt in range(LOOKS):
            try:
                if await self._step(booking_id, first=attempt == 0):
                    return Outcome.OK
            except DavError as error:
                # 412: somebody was quicker than our request. 404 of a PUT means the same.
                if error.outcome not in (Outcome.CHANGED_MEANWHILE, Outcome.NO_CALENDAR):
                    raise
        return Outcome.CHANGED_MEANWHILE

    async def _step(self, booking_id: str, *, first: bool) -> bool:
        """One look and one act; whether it is done."""
        look = await self._look(booking_id, first=first)
        if look is None:
            return True
        row = look.row
        decision = decide(look.ours, look.theirs, row.agreed, row.meant)
        if decision.conflict is not None:
            await self._conflict(look, decision.conflict)
        match decision.step:
            case Step.AGREE:
                return await self._agree(look, look.ours)
            case Step.WRITE:
                return await self._write(look)
            case Step.REMOVE:
                await self._client.delete(row.href, look.resource.etag if look.resource else None)
                return await self._forget(look)
            case Step.FORGET:
                return await self._forget(look)
            case Step.MOVE_OURS:
                return await self._move_ours(look)
            case Step.CANCEL_OURS:
                return await self._cancel_ours(look)

    async def _look(self, booking_id: str, *, first: bool) -> _Look | None:
        """None when there is nothing to settle any more: what is over is left as it is."""
        row = await self._aside(self._record.row, booking_id)
        appointment = await self._aside(self._record.appointment, booking_id)
        now = self._clock()
        if row is None:
            return None
        if appointment is None or appointment.span.end <= now:
            await self._aside(self._record.forget, booking_id)
            return None
        here = appointment.live and bool(self._place.seats & set(appointment.resources))
        ours = appointment.span if here else None
        # What was never written needs no look: If-None-Match finds out whether it is there.
        new = first and ours is not None and row.agreed is None and row.meant is None
        resource = None if new else await self._client.get(row.href)
        theirs = self._theirs(resource, appointment)
        return _Look(row, appointment, ours, resource, theirs, now)

    def _theirs(self, resource: Resource | None, appointment: Appointment) -> Theirs:
        if resource is None:
            return Gone()
        if resource.text is None:
            return Odd("it is too large")
        try:
            found = placed(resource.text, appointment.uid, self._place.zone)
        except UnreadableError as error:
            return Odd(str(error))
        return Gone() if found is None else Span(found.start, found.minutes)

    async def _agree(self, look: _Look, span: Span | None) -> bool:
        assert span is not None, "nothing to agree on"
        etag = look.resource.etag if look.resource else None
        await self._aside(self._record.agree, look.appointment.id, etag, span)
        return True

    async def _forget(self, look: _Look) -> bool:
        await self._aside(self._record.forget, look.appointment.id)
        return True

    async def _write(self, look: _Look) -> bool:
        """Ours over theirs, with a version number that calendars take for newer."""
        ours, resource = look.ours, look.resource
        assert ours is not None, "nothing to write"
        await self._aside(self._record.mean, look.appointment.id, ours)
        content = self._content(look)
        etag = await self._client.put(look.row.href, content, resource.etag if resource else None)
        if etag is None:
            # The server has changed what we wrote, or does not say: look again.
            return False
        await self._aside(self._record.agree, look.appointment.id, etag, ours)
        return True

    def _content(self, look: _Look) -> bytes:
        shown = entry(look.appointment, self._place.shows)
        if look.resource is None or look.resource.text is None:
            return alone(shown)
        sequence = max(shown.sequence, sequence_of(look.resource.text) + 1)
        return retimed(look.resource.text, msgspec.structs.replace(shown, sequence=sequence))

    async def _move_ours(self, look: _Look) -> bool:
        assert isinstance(look.theirs, Span), "moved to nowhere"
        wanted = self._wanted(look)
        result = await self._aside(self._staff.move, look.appointment, look.theirs, wanted)
        match result:
            case None:
                return await self._agree(look, look.theirs)
            case Stale():
                return False
            case Kind():
                await self._conflict(look, result)
                return await self._write(look)

    async def _cancel_ours(self, look: _Look) -> bool:
        result = await self._aside(self._staff.cancel, look.appointment, self._wanted(look))
        return False if result is not None else await self._forget(look)

    def _wanted(self, look: _Look) -> Wanted:
        return Wanted(self._place.calendar, self._key(look, "staff"), look.now)

    async def _conflict(self, look: _Look, kind: Kind) -> None:
        theirs = look.theirs
        conflict = make_conflict(
            self._place.calendar,
            kind,
            look.now,
            theirs.reason if isinstance(theirs, Odd) else "",
            booking_id=look.appointment.id,
            href=look.row.href,
            ours_at=look.ours.start if look.ours else None,
            theirs_at=theirs.start if isinstance(theirs, Span) else None,
        )
        key = self._key(look, kind.value)
        if await self._aside(self._record.conflict, key, conflict):
            log.warning("calendar_conflict", calendar=conflict.calendar, kind=conflict.kind)

    def _key(self, look: _Look, what: str) -> str:
        """The same for the same versions of both sides: found again after a crash, it is one."""
        theirs = look.resource.etag if look.resource else f"gone after {look.row.etag}"
        parts = (
            self._place.calendar,
            look.appointment.id,
            what,
            str(theirs),
            str(look.appointment.revision),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
