"""Which bookings a caller may see and change, and which of them is meant.

A number is a hint: anybody can send any. What is told for it alone is nothing; a caller has to have
been checked in this call, or to know the name and the day of a booking. Wrong guesses are few.
"""

import datetime as dt
from collections.abc import Sequence

from tools.booking.bookings import Booking, Bookings
from tools.booking.shop import Shop
from tools.booking.speech import say_list
from tools.booking.telling import said
from tools.crm.checking import Checked, Checks
from tools.crm.identity import Said
from tools.names import name_key, same_name
from tools.spec import ToolContext, ToolRefusal


class Whose:
    """Looks for the bookings of one caller."""

    def __init__(self, shop: Shop, bookings: Bookings, checks: Checks) -> None:
        self._shop = shop
        self._bookings = bookings
        self._checks = checks

    def candidates(self, name: str | None, date: str | None, context: ToolContext) -> list[Booking]:
        """Bookings this caller may see, by time. Raises ToolRefusal for what has to be said first.

        A checked caller sees all of their number; others what they made in this very call, or know
        by name and day: of their number (which checks them), or made from a withheld one. Another
        caller's number is not to be got round.
        """
        number = context.caller_number
        mine = self._bookings.of_number(number, context.now) if number else []
        checked = number is not None and self._checks.passed(context.call_id, number)
        known = mine if checked else [each for each in mine if each.call_id == context.call_id]
        day = dt.date.fromisoformat(date) if date else None
        if name and day:
            return self._named(Said(name, appointment=day), known, mine, context, checked=checked)
        if not checked and not known:
            raise _unsaid(name, context)
        return sorted(known, key=_by_time)

    def _named(
        self,
        said: Said,
        known: list[Booking],
        mine: list[Booking],
        context: ToolContext,
        *,
        checked: bool,
    ) -> list[Booking]:
        """What is known with a name and a day said. Where they fit nothing known it is a guess at
        what others made from a withheld number, whatever else the caller may see."""
        name, day = said.name, said.appointment
        assert name is not None
        assert day is not None
        on_day = [each for each in known if self._bookings.local(each).date() == day]
        hidden = self._bookings.without_number(name, day, context.now)
        if not any(same_name(each.name, name) for each in on_day):
            try:
                right = self._tried(said, context, found=bool(hidden))
            except ToolRefusal:
                if not checked and not on_day:
                    raise
                right, hidden = False, []
            known = mine if right else known
        return sorted({each.id: each for each in (*known, *hidden)}.values(), key=_by_time)

    def _tried(self, said: Said, context: ToolContext, *, found: bool) -> bool:
        """Whether name and day are of a booking of the number; every wrong guess counts. `found`:
        they are of a booking made from a withheld number."""
        number = context.caller_number
        who = number or context.call_id
        if number is not None and self._checks.fits(number, said, context):
            how = self._checks.count(who, context, good=True)
        elif found:
            # Nothing is proved by it of the number, and a right guess is no wrong one.
            spent = self._checks.exhausted(who, context)
            how = Checked.TOO_OFTEN if spent else Checked.WRONG
        else:
            how = self._checks.count(who, context, good=False)
        if how is Checked.TOO_OFTEN:
            raise ToolRefusal("I can't check that again today. I can take a message for our staff.")
        return how is Checked.PASSED

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
            found = [each for each in found if same_name(each.name, name)] or found
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


def _by_time(booking: Booking) -> dt.datetime:
    return booking.starts_at


def _unsaid(name: str | None, context: ToolContext) -> ToolRefusal:
    """What the caller has to say before anything is told."""
    if name:
        return ToolRefusal("And what day is the appointment on?", field="date")
    if context.caller_number:
        return ToolRefusal("What name was the appointment booked under?", field="name")
    return ToolRefusal("Your number is withheld. What name was it booked under?", field="name")


def not_found(context: ToolContext) -> str:
    """That there is none, as far as this caller may be told."""
    if context.caller_number:
        return "I can't find an appointment under that name on that day."
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
