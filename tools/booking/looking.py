"""What happens when a caller asks what there is and when."""

import datetime as dt
from typing import Any

import msgspec

from tools.booking.asked import FindTimes, From, WhichOffer, WhichTimes, given, party
from tools.booking.bookings import Bookings
from tools.booking.choosing import Choosing
from tools.booking.finding import Search
from tools.booking.hours import DAYS
from tools.booking.resources import Service
from tools.booking.seating import Party, Seating
from tools.booking.shop import Shop
from tools.booking.speech import say_day, say_list, say_moment, say_moments, say_time, spread
from tools.spec import Result, ToolContext

SPOKEN_TIMES = 6
SPOKEN_DAYS = 4
FOUND_TIMES = 8
SPOKEN_FOUND = 4


class Looking:
    """The handlers that only read; they block, so the dispatcher runs them in threads."""

    def __init__(self, shop: Shop, bookings: Bookings) -> None:
        self._shop = shop
        self._choosing = Choosing(shop, bookings)
        self._finder = self._choosing.finder

    def list_services(self, asked: WhichOffer, _context: ToolContext) -> Result:
        """All of them, or what there is to say of one."""
        name = given(asked.service)
        if name is not None:
            return self._about(self._shop.service(name))
        services = self._shop.services
        said = [f"{each.name} for {each.minutes} minutes{_price(each)}" for each in services]
        priced = any(each.price for each in services)
        return {
            "message": f"We offer {'; '.join(said) if priced else say_list(said)}.",
            "services": [self._offered(each) for each in services],
            "choices": [each.name for each in services],
        }

    def _about(self, service: Service) -> Result:
        message = f"{service.name.capitalize()}: {service.minutes} minutes{_price(service)}."
        return {"message": message, "services": [self._offered(service)]}

    def _offered(self, service: Service) -> dict[str, Any]:
        found: dict[str, Any] = {"name": service.name, "minutes": service.minutes}
        if service.price:
            found["price"] = service.price
        people = Seating(self._shop, service).people
        if people:
            found["people"] = list(people)
        if service.party > 1:
            found["largest_party"] = service.party
        return found

    def available_times(self, asked: WhichTimes, context: ToolContext) -> Result:
        """The free times of a day, or without one the next days that have any."""
        service, who = self._wanted(given(asked.service), party(asked))
        date = given(asked.date)
        if date is None:
            return self._free_days(service, who, context)
        return self._free_times(service, who, dt.date.fromisoformat(date), context)

    def find_times(self, asked: FindTimes, context: ToolContext) -> Result:
        """The earliest free times from a moment on, in whatever part of whichever days."""
        service, who = self._wanted(given(asked.service), party(asked))
        today = context.now.astimezone(self._shop.zone).date()
        where = search_from(asked.start, today)
        found = self._finder.search(service, who, where, context, FOUND_TIMES)
        times = [slot.local for slot in found]
        if not times:
            return {"message": "I find nothing free then.", "choices": []}
        said = f"The earliest is {say_moments(times[:1], today)}."
        if len(times) > 1:
            said += f" After that I have {say_moments(times[1:SPOKEN_FOUND], today)}."
        return {
            "message": said,
            "choices": [f"{each:%Y-%m-%d %H:%M}" for each in times],
            "times": [
                {"date": f"{each:%Y-%m-%d}", "time": f"{each:%H:%M}", "said": say_moment(each)}
                for each in times
            ],
        }

    def _wanted(self, name: str | None, who: Party) -> tuple[Service, Party]:
        """Raises ToolRefusal for a person who does not do it, or too large a party."""
        if name is not None:
            service = self._shop.service(name)
            self._choosing.check(service, who)
            return service, who
        # A time that fits the longest service fits whichever the caller chooses later.
        fitting = [each for each in self._shop.services if self._suits(each, who)]
        longest = max(fitting, key=lambda each: each.minutes, default=self._shop.longest)
        self._choosing.check(longest, who)
        return longest, who

    def _suits(self, service: Service, who: Party) -> bool:
        people = Seating(self._shop, service).people
        return who.size <= service.party and (who.person is None or who.person in people)

    def _free_days(self, service: Service, who: Party, context: ToolContext) -> Result:
        found = self._finder.open_days(service, who, context)
        said = say_list([say_day(day) for day in found[:SPOKEN_DAYS]])
        message = (
            f"The next days with free times are {said}." if found else "There is nothing free."
        )
        return {"message": message, "choices": [day.isoformat() for day in found]}

    def _free_times(
        self, service: Service, who: Party, day: dt.date, context: ToolContext
    ) -> Result:
        free = self._finder.free(service, who, day, context)
        result = {"date": day.isoformat(), "choices": [f"{slot.local:%H:%M}" for slot in free]}
        if not free:
            return {**result, **self._nothing_on(service, who, day, context)}
        said = say_list(
            [say_time(each.time()) for each in spread([s.local for s in free], SPOKEN_TIMES)]
        )
        few = "I have" if len(free) <= SPOKEN_TIMES else "I have times all through, for example"
        return {**result, "message": f"On {say_day(day)} {few} {said}. Which would suit you?"}

    def _nothing_on(
        self, service: Service, who: Party, day: dt.date, context: ToolContext
    ) -> dict[str, Any]:
        others = self._finder.open_days(service, who, context, near=day)
        said = say_list([say_day(each) for each in sorted(others[:2])], "or")
        offer = f" I could offer {said}." if others else ""
        return {
            "message": f"There is nothing free on {say_day(day)}.{offer}",
            "other_days": [each.isoformat() for each in sorted(others)],
        }


def _price(service: Service) -> str:
    return f", {service.price}" if service.price else ""


def search_from(start: From, today: dt.date) -> Search:
    """Where to look, as the model has put it."""
    first = dt.date.fromisoformat(given(start.date) or today.isoformat())
    time = dt.time.fromisoformat(given(start.time) or "00:00")
    until = given(start.until)
    part = start.part_of_day
    return Search(
        dt.datetime.combine(first, time),
        last=dt.date.fromisoformat(until) if until else None,
        part=None if part is msgspec.UNSET else part,
        weekdays=frozenset(DAYS.index(each) for each in start.weekdays),
    )
