"""What happens when a caller wants to know, make, move or cancel an appointment."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from tools.booking.asked import Book, Cancel, Move, Nothing, WhichBookings, WhichTimes, given
from tools.booking.bookings import Booking, Bookings, Wish, name_key
from tools.booking.calendar import Obstacle, Slot, bookable, days, find, free_chair
from tools.booking.refusals import about_day, about_time, refuse_day, refuse_time
from tools.booking.shop import Service, Shop
from tools.booking.speech import say_day, say_list, say_time, spread
from tools.spec import Result, ToolContext, ToolRefusal

SPOKEN_TIMES = 6
SPOKEN_DAYS = 4
OFFERED_DAYS = 14


class Appointments:
    """The booking tools' handlers; they block, so the dispatcher runs them in threads."""

    def __init__(self, shop: Shop, bookings: Bookings) -> None:
        self._shop = shop
        self._bookings = bookings

    # ---- what there is ----------------------------------------------------------------------

    def list_services(self, _asked: Nothing, _context: ToolContext) -> Result:
        services = self._shop.services
        said = say_list([f"{each.name} for {each.minutes} minutes" for each in services])
        return {
            "message": f"We offer {said}.",
            "services": [{"name": each.name, "minutes": each.minutes} for each in services],
            "choices": [each.name for each in services],
        }

    def available_times(self, asked: WhichTimes, context: ToolContext) -> Result:
        """The free times of a day, or without one the next days that have any."""
        name, date = given(asked.service), given(asked.date)
        # A time that fits the longest service fits whichever the caller chooses later.
        service = self._shop.service(name) if name else self._shop.longest
        if date is None:
            return self._free_days(service, context)
        return self._free_times(service, dt.date.fromisoformat(date), context)

    def _free_days(self, service: Service, context: ToolContext) -> Result:
        found = self._open_days(service, context.now)
        said = say_list([say_day(day) for day in found[:SPOKEN_DAYS]])
        message = (
            f"The next days with free times are {said}." if found else "There is nothing free."
        )
        return {"message": message, "choices": [day.isoformat() for day in found]}

    def _free_times(self, service: Service, day: dt.date, context: ToolContext) -> Result:
        free = self._free(service, day, context.now)
        result = {"date": day.isoformat(), "choices": [f"{slot.local:%H:%M}" for slot in free]}
        if not free:
            return {**result, **self._nothing_on(service, day, context)}
        said = say_list(
            [say_time(each.time()) for each in spread([s.local for s in free], SPOKEN_TIMES)]
        )
        few = "I have" if len(free) <= SPOKEN_TIMES else "I have times all through, for example"
        return {**result, "message": f"On {say_day(day)} {few} {said}. Which would suit you?"}

    def _nothing_on(self, service: Service, day: dt.date, context: ToolContext) -> dict[str, Any]:
        others = self._open_days(service, context.now, near=day)
        said = say_list([say_day(each) for each in sorted(others[:2])], "or")
        offer = f" I could offer {said}." if others else ""
        return {
            "message": f"There is nothing free on {say_day(day)}.{offer}",
            "other_days": [each.isoformat() for each in sorted(others)],
        }

    # ---- make -------------------------------------------------------------------------------

    def book(self, asked: Book, context: ToolContext) -> Result:
        service = self._shop.service(asked.service)
        local = _local(asked.date, asked.time)
        slot = self._slot(service, local, context)
        booking = self._bookings.book(Wish(service.name, asked.name, slot), context)
        if booking is None:
            raise self._taken(service, local, context)
        return self._told("You are booked", booking)

    def book_made(self, context: ToolContext) -> Result | None:
        return self._as_made("You are booked", self._bookings.made_with(context.idempotency_key))

    # ---- change -----------------------------------------------------------------------------

    def move(self, asked: Move, context: ToolContext) -> Result:
        booking = self._own(
            given(asked.name), given(asked.old_date), given(asked.old_time), context, prefix="old_"
        )
        # As it was booked: the shop may have changed its list since.
        service = Service(booking.service, booking.minutes)
        local = _local(asked.date, asked.time)
        slot = self._slot(service, local, context)
        moved = self._bookings.move(booking, slot, context)
        if moved is None:
            raise self._taken(service, local, context)
        return self._told("Your appointment is moved", moved)

    def move_made(self, context: ToolContext) -> Result | None:
        moved = self._bookings.made_with(context.idempotency_key)
        return self._as_made("Your appointment is moved", moved)

    def cancel(self, asked: Cancel, context: ToolContext) -> Result:
        booking = self._own(given(asked.name), asked.date, given(asked.time), context)
        cancelled = self._bookings.cancel(booking, context)
        if cancelled is None:
            raise ToolRefusal("That appointment is already cancelled.")
        return self._told("Cancelled", cancelled)

    def cancel_made(self, context: ToolContext) -> Result | None:
        cancelled = self._bookings.cancelled_with(context.idempotency_key)
        return self._as_made("Cancelled", cancelled)

    def mine(self, asked: WhichBookings, context: ToolContext) -> Result:
        found = self._candidates(given(asked.name), given(asked.date), context)
        if not found:
            return {"message": _not_found(context), "choices": []}
        said = say_list([self._said(each) for each in found[:5]])
        return {
            "message": f"You have a booking for {said}.",
            "appointments": [self._shown(each) for each in found],
            "choices": sorted({self._bookings.local(each).date().isoformat() for each in found}),
        }

    # ---- whose ------------------------------------------------------------------------------

    def _candidates(
        self, name: str | None, date: str | None, context: ToolContext
    ) -> list[Booking]:
        """Bookings this caller may see, by time: those of the number, and those made from a
        withheld number under a name on a day. Another caller's number is not to be got round."""
        number = context.caller_number
        if not number and not name:
            raise ToolRefusal(
                "Your number is withheld. What name was it booked under?", field="name"
            )
        if not number and not date:
            raise ToolRefusal("And what day is the appointment on?", field="date")
        found = self._bookings.of_number(number, context.now) if number else []
        if name and date:
            day = dt.date.fromisoformat(date)
            found = [*found, *self._bookings.without_number(name, day, context.now)]
        return sorted(found, key=lambda booking: booking.starts_at)

    def _own(
        self,
        name: str | None,
        date: str | None,
        time: str | None,
        context: ToolContext,
        prefix: str = "",
    ) -> Booking:
        """The one booking meant. Raises ToolRefusal for none or several."""
        try:
            candidates = self._candidates(name, date, context)
        except ToolRefusal as refusal:
            field = prefix + "date" if refusal.field == "date" else refusal.field
            raise ToolRefusal(refusal.message, field=field) from None
        if not candidates:
            raise ToolRefusal(_not_found(context), field=prefix + "date")
        found = [each for each in candidates if self._is_at(each, date, time)]
        if len(found) > 1 and name:
            found = [each for each in found if name_key(each.name) == name_key(name)] or found
        if len(found) == 1:
            return found[0]
        raise self._which(found or candidates, prefix, found=bool(found))

    def _is_at(self, booking: Booking, date: str | None, time: str | None) -> bool:
        local = self._bookings.local(booking)
        return date in (None, f"{local:%Y-%m-%d}") and time in (None, f"{local:%H:%M}")

    def _which(self, candidates: Sequence[Booking], prefix: str, *, found: bool) -> ToolRefusal:
        said = say_list([self._said(each) for each in candidates[:5]])
        local = [self._bookings.local(each) for each in candidates]
        if found and len(set(local)) == 1:
            return _whose(candidates, said)
        one_day = len({each.date() for each in local}) == 1 and found
        field, form = ("time", "%H:%M") if one_day else ("date", "%Y-%m-%d")
        lead = "You have several appointments" if found else "I don't see that one; you have"
        message = f"{lead}: {said}. Which one do you mean?" if found else f"{lead} {said}."
        choices = sorted({each.strftime(form) for each in local})
        return ToolRefusal(message, field=prefix + field, choices=choices)

    # ---- what is free -----------------------------------------------------------------------

    def _slot(self, service: Service, local: dt.datetime, context: ToolContext) -> Slot:
        found = find(self._shop, service, local, context.now)
        if isinstance(found, Obstacle):
            raise self._refused(found, service, local, context)
        return found

    def _refused(
        self, obstacle: Obstacle, service: Service, local: dt.datetime, context: ToolContext
    ) -> ToolRefusal:
        reason = about_day(obstacle, self._shop, local.date())
        free = [] if reason else self._free(service, local.date(), context.now)
        if free:
            return refuse_time(about_time(obstacle, self._shop, service, local), free, local)
        reason = reason or about_time(obstacle, self._shop, service, local)
        return refuse_day(reason, self._open_days(service, context.now, near=local.date()))

    def _taken(self, service: Service, local: dt.datetime, context: ToolContext) -> ToolRefusal:
        reason = f"{say_time(local.time())} on {say_day(local.date())} is already taken."
        free = self._free(service, local.date(), context.now)
        if free:
            return refuse_time(reason, free, local)
        return refuse_day(reason, self._open_days(service, context.now, near=local.date()))

    def _free(self, service: Service, day: dt.date, now: dt.datetime) -> list[Slot]:
        possible = bookable(self._shop, service, day, now)
        if not possible:
            return []
        last = possible[-1].start + dt.timedelta(minutes=service.minutes)
        taken = self._bookings.taken(possible[0].start, last, now)
        return [slot for slot in possible if free_chair(self._shop, slot, taken) is not None]

    def _open_days(
        self, service: Service, now: dt.datetime, near: dt.date | None = None
    ) -> list[dt.date]:
        """Days with something free, soonest first, or the closest to `near` (later first)."""
        every = list(days(self._shop, now))
        taken = self._bookings.taken(now, now + dt.timedelta(days=len(every) + 1), now)
        if near is not None:
            wanted = near
            every.sort(key=lambda day: (abs(day - wanted), day < wanted))
        found: list[dt.date] = []
        for day in every:
            slots = bookable(self._shop, service, day, now)
            if any(free_chair(self._shop, slot, taken) is not None for slot in slots):
                found.append(day)
            if len(found) == OFFERED_DAYS:
                break
        return found

    # ---- how it is told ---------------------------------------------------------------------

    def _as_made(self, lead: str, booking: Booking | None) -> Result | None:
        return self._told(lead, booking) if booking else None

    def _told(self, lead: str, booking: Booking) -> Result:
        message = f"{lead}: {self._said(booking)}, under the name {booking.name}."
        return {"message": message, "appointment": self._shown(booking)}

    def _said(self, booking: Booking) -> str:
        local = self._bookings.local(booking)
        return f"{booking.service} on {say_day(local.date())} at {say_time(local.time())}"

    def _shown(self, booking: Booking) -> dict[str, Any]:
        local = self._bookings.local(booking)
        return {
            "service": booking.service,
            "date": f"{local:%Y-%m-%d}",
            "time": f"{local:%H:%M}",
            "minutes": booking.minutes,
            "name": booking.name,
            "state": booking.state,
        }


def _not_found(context: ToolContext) -> str:
    if context.caller_number:
        return "I can't find an appointment to come for you."
    return (
        "From a withheld number I can only find appointments that were made from one, and I don't"
        " see that one. I can take a message for our staff."
    )


def _whose(candidates: Sequence[Booking], said: str) -> ToolRefusal:
    """Several at one time: only the name can tell them apart, if anything can."""
    names = sorted({each.name for each in candidates})
    if len({name_key(name) for name in names}) == 1:
        message = f"There are several appointments at that time: {said}."
        return ToolRefusal(f"{message} I can take a message for our staff.")
    message = f"There are several appointments at that time, for {say_list(names)}."
    return ToolRefusal(f"{message} Whose do you mean?", field="name", choices=names)


def _local(date: str, time: str) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(date), dt.time.fromisoformat(time))
