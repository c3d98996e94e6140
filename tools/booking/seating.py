"""Who and what a booking gets: one of everything its service needs, free for the whole slot."""

import datetime as dt
from collections.abc import Collection, Sequence

import msgspec

from tools.booking.calendar import Slot, Span, spans, within
from tools.booking.resources import Resource, Service
from tools.booking.shop import Shop

Taken = Collection[tuple[str, int]]
"""Cells in use, as (resource or seat, five-minute step since 1970)."""


class Party(msgspec.Struct, frozen=True):
    """Who comes, and whom they want."""

    size: int = 1
    person: str | None = None
    """Whom they asked for by name; None: anybody."""


ONE = Party()


class Seating:
    """Finds room for one service and one party. Looks at nothing but what it is given."""

    def __init__(self, shop: Shop, service: Service, party: Party = ONE) -> None:
        self._shop = shop
        self._party = party
        everything = shop.everything
        # What is named first: a kind may have to do without it.
        needs = sorted(shop.needs(service), key=lambda need: _is_kind(need, everything))
        self._needs = [_able(everything, need, service, party) for need in needs]
        self._there: dict[tuple[str, dt.date], list[Span] | None] = {}

    @property
    def people(self) -> tuple[str, ...]:
        """Who can be had for it: the one asked for, or everybody who does this service."""
        able = [each.name for some in self._needs for each in some if each.person]
        return tuple(dict.fromkeys(able))

    def find(self, slot: Slot, taken: Taken) -> tuple[str, ...] | None:
        """What to occupy, as in `booked_cells`, or None when there is no room."""
        if self._party.person is not None and self._party.person not in self.people:
            return None
        # A booking that needs nothing would be kept from nobody.
        if not self._needs:
            return None
        found: list[str] = []
        chosen: set[str] = set()
        for able in self._needs:
            there = [
                each for each in able if each.name not in chosen and self._is_there(each, slot)
            ]
            picked = self._pick(there, slot, taken)
            if picked is None:
                return None
            chosen |= {resource.name for resource, _ in picked}
            found += [key for _, keys in picked for key in keys]
        return tuple(found)

    def _pick(
        self, able: Sequence[Resource], slot: Slot, taken: Taken
    ) -> list[tuple[Resource, list[str]]] | None:
        """The smallest that holds them all, or several together, largest first."""
        size = self._party.size
        free = [(each, self._free(each, slot, taken)) for each in able]
        for each, keys in sorted(free, key=lambda pair: pair[0].seats):
            if keys and _room(each, keys) >= size:
                return [(each, keys[:size] if each.shared else keys)]
        picked: list[tuple[Resource, list[str]]] = []
        for each, keys in sorted(free, key=lambda pair: -_room(*pair)):
            if keys and size > 0:
                picked.append((each, keys[:size] if each.shared else keys))
                size -= _room(each, keys)
        return picked if size <= 0 else None

    def _free(self, resource: Resource, slot: Slot, taken: Taken) -> list[str]:
        cells = slot.cells
        return [key for key in resource.keys if not any((key, cell) in taken for cell in cells)]

    def _is_there(self, resource: Resource, slot: Slot) -> bool:
        day = slot.local.date()
        if (resource.name, day) not in self._there:
            self._there[resource.name, day] = self._hours(resource, day)
        found = self._there[resource.name, day]
        return found is None or within(slot.start, slot.end, found)

    def _hours(self, resource: Resource, day: dt.date) -> list[Span] | None:
        if self._shop.hours_of(resource, day) is None:
            return None
        return spans(self._shop.zone, lambda each: self._shop.hours_of(resource, each) or (), day)


def _room(resource: Resource, keys: Sequence[str]) -> int:
    """How many people fit where these keys are free."""
    if not keys:
        return 0
    return len(keys) if resource.shared else resource.seats


def _is_kind(need: str, resources: Sequence[Resource]) -> bool:
    return any(each.kind == need for each in resources)


def _able(
    resources: Sequence[Resource], need: str, service: Service, party: Party
) -> list[Resource]:
    able = [each for each in resources if each.answers(need) and each.does(service.name)]
    asked_for = [each for each in able if each.name == party.person]
    return asked_for or able
