"""What happens when a caller wants to make, move or cancel an appointment."""

import datetime as dt

from tools.booking.asked import Book, Cancel, Move, WhichBookings, given, party
from tools.booking.bookings import Booking, Bookings, Wish, party_of, service_of
from tools.booking.choosing import Choosing
from tools.booking.refusals import too_late
from tools.booking.shop import Shop
from tools.booking.speech import say_list
from tools.booking.telling import said, shown, told
from tools.booking.whose import Whose, not_found
from tools.crm.checking import Checks
from tools.spec import Result, ToolContext, ToolRefusal

BOOKED = "You are booked"
MOVED = "Your appointment is moved"
CANCELLED = "Cancelled"


class Appointments:
    """The handlers that change bookings; they block, so the dispatcher runs them in threads."""

    def __init__(self, shop: Shop, bookings: Bookings, checks: Checks) -> None:
        self._shop = shop
        self._bookings = bookings
        self._choosing = Choosing(shop, bookings)
        self._whose = Whose(shop, bookings, checks)

    def book(self, asked: Book, context: ToolContext) -> Result:
        service = self._shop.service(asked.service)
        who = party(asked)
        self._choosing.check(service, who)
        local = local_time(asked.date, asked.time)
        slot = self._choosing.slot(service, who, local, context)
        booking = self._bookings.book(Wish(service.name, asked.name, slot, who), context)
        if booking is None:
            raise self._choosing.taken(service, who, local, context)
        return told(self._shop, BOOKED, booking)

    def book_made(self, context: ToolContext) -> Result | None:
        return self._as_made(BOOKED, self._bookings.made_with(context.idempotency_key))

    def move(self, asked: Move, context: ToolContext) -> Result:
        booking = self._whose.own(
            given(asked.name), given(asked.old_date), given(asked.old_time), context, prefix="old_"
        )
        self._check_notice(booking, context, "move")
        service = service_of(self._shop, booking)
        who = party_of(self._shop, booking)
        local = local_time(asked.date, asked.time)
        slot = self._choosing.slot(service, who, local, context)
        moved = self._bookings.move(booking, slot, context)
        if moved is None:
            raise self._choosing.taken(service, who, local, context)
        return told(self._shop, MOVED, moved)

    def move_made(self, context: ToolContext) -> Result | None:
        return self._as_made(MOVED, self._bookings.made_with(context.idempotency_key))

    def cancel(self, asked: Cancel, context: ToolContext) -> Result:
        booking = self._whose.own(given(asked.name), asked.date, given(asked.time), context)
        self._check_notice(booking, context, "cancel")
        cancelled = self._bookings.cancel(booking, context)
        if cancelled is None:
            raise ToolRefusal("That appointment is already cancelled.")
        return told(self._shop, CANCELLED, cancelled)

    def cancel_made(self, context: ToolContext) -> Result | None:
        return self._as_made(CANCELLED, self._bookings.cancelled_with(context.idempotency_key))

    def mine(self, asked: WhichBookings, context: ToolContext) -> Result:
        found = self._whose.candidates(given(asked.name), given(asked.date), context)
        if not found:
            return {"message": not_found(context), "choices": []}
        several = say_list([said(self._shop, each) for each in found[:5]])
        return {
            "message": f"You have a booking for {several}.",
            "appointments": [shown(self._shop, each) for each in found],
            "choices": sorted({self._bookings.local(each).date().isoformat() for each in found}),
        }

    def _check_notice(self, booking: Booking, context: ToolContext, act: str) -> None:
        service = self._shop.offers(booking.service)
        reason = too_late(self._shop, service, booking.starts_at, context.now, act)
        if reason:
            raise ToolRefusal(reason)

    def _as_made(self, lead: str, booking: Booking | None) -> Result | None:
        return told(self._shop, lead, booking) if booking else None


def local_time(date: str, time: str) -> dt.datetime:
    """A time on the shop's clock, of arguments that have been checked."""
    return dt.datetime.combine(dt.date.fromisoformat(date), dt.time.fromisoformat(time))
