"""What a service takes up: people, rooms, chairs, tables; and which service needs which."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from tools.booking.hours import (
    CELL_MINUTES,
    Closed,
    Dates,
    Exceptions,
    Week,
    WeekHours,
    check_fives,
    read_dates,
    read_week,
)
from tools.config import Document

CHAIR = "chair"
"""The kind of the unnamed resources that `chairs: N` makes."""

Minutes = Annotated[int, msgspec.Meta(ge=CELL_MINUTES, le=480)]
Buffer = Annotated[int, msgspec.Meta(ge=0, le=240)]
NoticeHours = Annotated[int, msgspec.Meta(ge=0, le=720)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Kind = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing a customer can book."""

    name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=60, description="As callers say it.")
    ]
    minutes: Annotated[Minutes, msgspec.Meta(description="How long it takes, in fives.")]
    price: Annotated[
        str, msgspec.Meta(max_length=60, description="As it is said: 30 pounds, from 60 euros.")
    ] = ""
    before: Annotated[Buffer, msgspec.Meta(description="Minutes to prepare, in fives.")] = 0
    after: Annotated[Buffer, msgspec.Meta(description="Minutes to tidy up, in fives.")] = 0
    needs: Annotated[
        tuple[Kind, ...],
        msgspec.Meta(max_length=8, description="Kinds of resources, or names: one of each."),
    ] = ()
    party: Annotated[
        int, msgspec.Meta(ge=1, le=100, description="The most people in one booking.")
    ] = 1
    notice_to_cancel_hours: (
        Annotated[NoticeHours, msgspec.Meta(description="Of this service; the shop's if not said.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    notice_to_move_hours: (
        Annotated[NoticeHours, msgspec.Meta(description="Of this service; the shop's if not said.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class ResourceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `resources` in `shop.yaml`."""

    name: Annotated[Name, msgspec.Meta(description="Never the same for two.", pattern="^[^/]+$")]
    kind: Annotated[Kind, msgspec.Meta(description="What it is: stylist, room, table.")]
    person: Annotated[bool, msgspec.Meta(description="Callers may ask for it by name.")] = False
    services: Annotated[
        list[Name], msgspec.Meta(max_length=40, description="Only these; left out: all.")
    ] = []
    seats: Annotated[int, msgspec.Meta(ge=1, le=100, description="How many people it holds.")] = 1
    shared: Annotated[
        bool, msgspec.Meta(description="Its seats are booked one by one, by different people.")
    ] = False
    hours: WeekHours | msgspec.UnsetType = msgspec.UNSET
    closed: Closed = []
    exceptions: Exceptions = []


class Resource(msgspec.Struct, frozen=True):
    """One thing or person that can be had by one booking at a time; if `shared`, each seat."""

    name: str
    kind: str
    person: bool = False
    services: frozenset[str] = frozenset()
    """Only these; empty: all that need its kind."""
    seats: int = 1
    shared: bool = False
    week: Week | None = None
    """None: the shop's hours."""
    dates: Dates = Dates()

    @property
    def keys(self) -> tuple[str, ...]:
        """What it is in `booked_cells`."""
        if not self.shared:
            return (self.name,)
        return tuple(f"{self.name}/{seat}" for seat in range(1, self.seats + 1))

    def does(self, service: str) -> bool:
        return not self.services or service in self.services

    def answers(self, need: str) -> bool:
        """Whether a service's need may mean this one."""
        return need in (self.kind, self.name)


def chairs(count: int) -> tuple[Resource, ...]:
    """The resources `chairs: N` stands for."""
    return tuple(Resource(f"{CHAIR} {number}", CHAIR) for number in range(1, count + 1))


def needs_of(service: Service, resources: Sequence[Resource]) -> tuple[str, ...]:
    """What it needs; of a shop with one kind of resource, which services need not say."""
    if service.needs:
        return service.needs
    kinds = {each.kind for each in resources}
    return tuple(kinds) if len(kinds) == 1 else ()


def read_resources(
    document: Document, files: Sequence[ResourceFile], services: Sequence[Service]
) -> tuple[Resource, ...]:
    """Raises ConfigError for names that are there twice and services that are not there."""
    known = {each.name for each in services}
    seen: set[str] = set()
    found: list[Resource] = []
    for index, file in enumerate(files):
        key = file.name.casefold().strip()
        if key in seen:
            path = ("resources", index, "name")
            raise document.error(path, f"{file.name!r} is there twice", "Keep one of the two")
        seen.add(key)
        for at, name in enumerate(file.services):
            if name not in known:
                hint = f"Known here: {', '.join(sorted(known))}"
                place = ("resources", index, "services", at)
                raise document.error(place, f"{name!r} is no service of this shop", hint)
        found.append(_resource(document, index, file))
    return tuple(found)


def _resource(document: Document, index: int, file: ResourceFile) -> Resource:
    path = ("resources", index)
    given = file.hours
    return Resource(
        name=file.name,
        kind=file.kind,
        person=file.person,
        services=frozenset(file.services),
        seats=file.seats,
        shared=file.shared,
        week=None if given is msgspec.UNSET else read_week(document, (*path, "hours"), given),
        dates=read_dates(document, path, file.closed, file.exceptions),
    )


def check_names(document: Document, resources: Sequence[Resource], count: int) -> None:
    """Refuse a resource of the name of a kind, which a need could not tell apart."""
    kinds = {each.kind for each in resources}
    unnamed = {each.name.casefold() for each in chairs(count)}
    offset = len(unnamed)
    for at, each in enumerate(resources[offset:]):
        path = ("resources", at, "name")
        if each.name in kinds:
            raise document.error(path, f"{each.name!r} is also a kind", "Give it another name")
        if each.name.casefold() in unnamed:
            raise document.error(
                path, f"{each.name!r} is one of the {count} chairs", "Take out `chairs`"
            )


def check_services(
    document: Document, services: Sequence[Service], resources: Sequence[Resource]
) -> None:
    """Refuse services that nobody could ever be booked for."""
    seen: set[str] = set()
    for index, service in enumerate(services):
        key = service.name.casefold().strip()
        if key in seen:
            path = ("services", index, "name")
            raise document.error(path, f"{service.name!r} is there twice", "Keep one of the two")
        seen.add(key)
        for field in ("minutes", "before", "after"):
            check_fives(document, ("services", index, field), getattr(service, field))
        _check_needs(document, index, service, resources)


def _check_needs(
    document: Document, index: int, service: Service, resources: Sequence[Resource]
) -> None:
    path = ("services", index, "needs")
    known = sorted({each.kind for each in resources} | {each.name for each in resources})
    if not needs_of(service, resources):
        hint = f"List what it needs, out of: {', '.join(known)}"
        raise document.error(path, "is missing, and there are several kinds of resources", hint)
    for at, need in enumerate(service.needs):
        if need in service.needs[:at]:
            raise document.error((*path, at), f"{need!r} is there twice", "Keep one of the two")
        if need not in known:
            hint = f"Known here: {', '.join(known)}"
            raise document.error((*path, at), f"{need!r} is no kind and no resource", hint)
    for need in needs_of(service, resources):
        able = [each for each in resources if each.answers(need) and each.does(service.name)]
        if sum(each.seats for each in able) < service.party:
            what = f"no {need!r} that does {service.name!r} has {service.party} seats"
            raise document.error(path, what, "Add seats, or let a resource do this service")
