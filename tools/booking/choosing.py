"""A slot for what a caller has asked for, or a refusal that says what there is instead."""

import datetime as dt

from tools.booking.bookings import Bookings
from tools.booking.calendar import Obstacle, Slot, find
from tools.booking.finding import Finder
from tools.booking.refusals import about_day, about_party, about_time, refuse_day, refuse_time
from tools.booking.resources import Service
from tools.booking.seating import Party, Seating
from tools.booking.shop import Shop
from tools.booking.speech import say_day, say_list, say_moment, say_time
from tools.spec import ToolContext, ToolRefusal


class Choosing:
    """What can be booked, by the hours and by what is taken."""

    def __init__(self, shop: Shop, bookings: Bookings) -> None:
        self._shop = shop
        self.finder = Finder(shop, bookings)

    def check(self, service: Service, party: Party) -> None:
        """Raises ToolRefusal for a person who does not do this, or a party that is too large."""
        able = Seating(self._shop, service).people
        if party.person is not None and party.person not in able:
            others = f" I could offer {say_list(able, 'or')}." if able else ""
            message = f"{party.person} doesn't do {service.name}.{others}"
            raise ToolRefusal(message, field="person", choices=able)
        reason = about_party(service, party.size)
        if reason:
            raise ToolRefusal(reason, field="party")

    def slot(
        self, service: Service, party: Party, local: dt.datetime, context: ToolContext
    ) -> Slot:
        """The slot at that time by the hours alone. Raises ToolRefusal, with what is free."""
        found = find(self._shop, service, local, context.now)
        if isinstance(found, Obstacle):
            raise self._refused(found, service, party, local, context)
        if Seating(self._shop, service, party).find(found, ()) is None:
            reason = f"There is nobody for {service.name} on {say_moment(local)}."
            if party.person:
                others = self._others(service, party, local, context)
                reason = f"{party.person} is not here on {say_moment(local)}.{others}"
            raise self._instead(reason, service, party, local, context)
        return found

    def taken(
        self, service: Service, party: Party, local: dt.datetime, context: ToolContext
    ) -> ToolRefusal:
        """That somebody has it, and what is near."""
        when = f"{say_time(local.time())} on {say_day(local.date())}"
        reason = f"{when} is already taken."
        if party.person is not None:
            others = self._others(service, party, local, context)
            reason = f"{party.person} is not free at {when}.{others}"
        return self._instead(reason, service, party, local, context)

    def _others(
        self, service: Service, party: Party, local: dt.datetime, context: ToolContext
    ) -> str:
        """Who else is free at that very time."""
        free = [
            name
            for name in Seating(self._shop, service).people
            if any(
                slot.local == local
                for slot in self.finder.free(
                    service, Party(party.size, name), local.date(), context
                )
            )
        ]
        return f" {say_list(free[:3])} would be free then." if free else ""

    def _refused(
        self,
        obstacle: Obstacle,
        service: Service,
        party: Party,
        local: dt.datetime,
        context: ToolContext,
    ) -> ToolRefusal:
        reason = about_day(obstacle, self._shop, local.date())
        if reason:
            open_days = self.finder.open_days(service, party, context, near=local.date())
            return refuse_day(reason, open_days)
        reason = about_time(obstacle, self._shop, service, local)
        return self._instead(reason, service, party, local, context)

    def _instead(
        self,
        reason: str,
        service: Service,
        party: Party,
        local: dt.datetime,
        context: ToolContext,
    ) -> ToolRefusal:
        free = self.finder.free(service, party, local.date(), context)
        if free:
            return refuse_time(reason, free, local)
        return refuse_day(reason, self.finder.open_days(service, party, context, local.date()))
