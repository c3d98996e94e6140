"""What happens when a caller wants a time kept, or to be told when one becomes free."""

import datetime as dt

import msgspec

from tools.booking.appointments import local_time
from tools.booking.asked import During, HoldTime, JoinWaiting, party
from tools.booking.bookings import Bookings
from tools.booking.calendar import Slot, slots
from tools.booking.choosing import Choosing
from tools.booking.holds import Hold, Holds
from tools.booking.hours import MIDNIGHT
from tools.booking.refusals import nearest
from tools.booking.resources import Service
from tools.booking.shop import Shop
from tools.booking.speech import say_day, say_list, say_moment, say_time
from tools.booking.telling import local
from tools.booking.waiting import Entry, Waiting, Wanted
from tools.spec import Result, ToolContext, ToolRefusal


class Keeping:
    """The handlers of holds and of the waiting list."""

    def __init__(self, shop: Shop, bookings: Bookings, holds: Holds, waiting: Waiting) -> None:
        self._shop = shop
        self._holds = holds
        self._waiting = waiting
        self._choosing = Choosing(shop, bookings)

    def hold(self, asked: HoldTime, context: ToolContext) -> Result:
        service = self._shop.service(asked.service)
        who = party(asked)
        self._choosing.check(service, who)
        when = local_time(asked.slot.date, asked.slot.time)
        slot = self._choosing.slot(service, who, when, context)
        held = self._holds.hold(service, who, slot, context)
        if held is None:
            raise self._choosing.taken(service, who, when, context)
        return self._kept(held)

    def _kept(self, held: Hold) -> Result:
        begins, ends = local(self._shop, held.starts_at), local(self._shop, held.expires_at)
        minutes = int(self._shop.hold.total_seconds()) // 60
        word = "a minute" if minutes == 1 else f"{minutes} minutes"
        return {
            "message": f"I'm keeping {say_moment(begins)} for you for {word}. "
            "It is not booked yet.",
            "date": f"{begins:%Y-%m-%d}",
            "time": f"{begins:%H:%M}",
            "kept_until": f"{ends:%H:%M}",
        }

    def join(self, asked: JoinWaiting, context: ToolContext) -> Result:
        service = self._shop.service(asked.service)
        who = party(asked)
        self._choosing.check(service, who)
        if not context.caller_number:
            message = "Your number is withheld, so we couldn't reach you."
            raise ToolRefusal(f"{message} I can take a message for our staff.")
        during = asked.during
        day = dt.date.fromisoformat(during.date)
        self._check_day(service, day, context)
        first, last = _minutes(during)
        wanted = Wanted(service.name, asked.name, day, first, last, who)
        joined = self._waiting.join(wanted, context)
        if isinstance(joined, list):
            raise _there_is(joined)
        return _in_line(joined)

    def join_made(self, context: ToolContext) -> Result | None:
        entry = self._waiting.joined_with(context.idempotency_key)
        return _in_line(entry) if entry else None

    def _check_day(self, service: Service, day: dt.date, context: ToolContext) -> None:
        """Raises ToolRefusal for a day on which nothing could ever become free."""
        today = context.now.astimezone(self._shop.zone).date()
        if day < today:
            raise ToolRefusal(f"{say_day(day)} is already past.", field="during")
        if (day - today).days > self._shop.days_ahead:
            message = f"We only take bookings up to {self._shop.days_ahead} days ahead."
            raise ToolRefusal(message, field="during")
        if next(slots(self._shop, service, day), None) is None:
            message = f"We have no time for {service.name} on {say_day(day)}."
            raise ToolRefusal(message, field="during")


def _minutes(during: During) -> tuple[int, int]:
    """From and up to, in minutes of the day."""
    first = 0 if during.after is msgspec.UNSET else _minute(during.after)
    last = MIDNIGHT if during.before is msgspec.UNSET else _minute(during.before)
    if first >= last:
        raise ToolRefusal("That ends before it begins. From when until when?", field="during")
    return first, last


def _minute(text: str) -> int:
    time = dt.time.fromisoformat(text)
    return time.hour * 60 + time.minute


def _there_is(free: list[Slot]) -> ToolRefusal:
    close = [say_time(each.local.time()) for each in nearest(free, free[0].local)]
    day = free[0].local.date()
    message = f"There is something free on {say_day(day)}: {say_list(close, 'or')}."
    choices = [f"{slot.local:%H:%M}" for slot in free]
    return ToolRefusal(message, field="during", choices=choices)


def _in_line(entry: Entry) -> Result:
    day = say_day(dt.date.fromisoformat(entry.day))
    return {
        "message": (
            f"{entry.name} is on the waiting list for {entry.service} on {day}. "
            "Our staff will call if something becomes free."
        ),
        "service": entry.service,
        "date": entry.day,
        "name": entry.name,
    }
