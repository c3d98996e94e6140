"""Which bookings a caller may see and change, and which of them is meant."""

import datetime as dt
from collections.abc import Sequence

from tools.booking.bookings import Booking, Bookings, name_key
from tools.booking.shop import Shop
from tools.booking.speech import say_list
from tools.booking.telling import said
from tools.spec import ToolContext, ToolRefusal


class Whose:
    """Looks for the bookings of one caller."""

    def __init__(self, shop: Shop, bookings: Bookings) -> None:
        self._shop = shop
        self._bookings = bookings

    def candidates(self, name: str | None, date: str | None, context: ToolContext) -> list[Booking]:
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

    def own(
        self,
        name: str | None,
        date: str | None,
        time: str | None,
        context: ToolContext,
        prefix: str = "",
    ) -> Booking:
        """The one booking meant. Raises ToolRefusal for none or several."""
        try:
            candidates = self.candidates(name, date, context)
        except ToolRefusal as refusal:
            field = prefix + "date" if refusal.field == "date" else refusal.field
            raise ToolRefusal(refusal.message, field=field) from None
        if not candidates:
            raise ToolRefusal(not_found(context), field=prefix + "date")
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
        several = say_list([said(self._shop, each) for each in candidates[:5]])
        local = [self._bookings.local(each) for each in candidates]
        if found and len(set(local)) == 1:
            return _whose(candidates, several)
        one_day = len({each.date() for each in local}) == 1 and found
        field, form = ("time", "%H:%M") if one_day else ("date", "%Y-%m-%d")
        lead = "You have several appointments" if found else "I don't see that one; you have"
        message = f"{lead}: {several}. Which one do you mean?" if found else f"{lead} {several}."
        choices = sorted({each.strftime(form) for each in local})
        return ToolRefusal(message, field=prefix + field, choices=choices)


def not_found(context: ToolContext) -> str:
    """That there is none, as far as this caller may be told."""
    if context.caller_number:
        return "I can't find an appointment to come for you."
    return (
        "From a withheld number I can only find appointments that were made from one, and I don't"
        " see that one. I can take a message for our staff."
    )


def _whose(candidates: Sequence[Booking], several: str) -> ToolRefusal:
    """Several at one time: only the name can tell them apart, if anything can."""
    names = sorted({each.name for each in candidates})
    if len({name_key(name) for name in names}) == 1:
        message = f"There are several appointments at that time: {several}."
        return ToolRefusal(f"{message} I can take a message for our staff.")
    message = f"There are several appointments at that time, for {say_list(names)}."
    return ToolRefusal(f"{message} Whose do you mean?", field="name", choices=names)
