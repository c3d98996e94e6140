"""What the model gives to each booking tool, and how a caller is asked for it."""

from typing import Annotated, Any, Literal

import msgspec

from tools.booking.seating import Party

CHOICES = "available_times"
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _text(description: str, ask: str, *, max_length: int = 80, **hints: str) -> msgspec.Meta:
    extra = {"x-ask": ask, **{name.replace("_", "-"): value for name, value in hints.items()}}
    return msgspec.Meta(description=description, max_length=max_length, extra_json_schema=extra)


def _object(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description, extra_json_schema={"x-ask": "When?"})


ServiceName = Annotated[
    str, _text("One of the shop's services.", "What would you like to have done?")
]
Day = Annotated[
    str,
    _text(
        "The day on the shop's calendar, as YYYY-MM-DD.",
        "What day would suit you?",
        format="date",
        x_choices_from=CHOICES,
    ),
]
Time = Annotated[
    str,
    _text(
        "When it begins, on the shop's clock, as HH:MM (24-hour).",
        "What time would you like?",
        format="time",
        x_choices_from=CHOICES,
    ),
]
NewDay = Annotated[
    str,
    _text(
        "The new day, as YYYY-MM-DD.",
        "What day would suit you instead?",
        format="date",
        x_choices_from=CHOICES,
    ),
]
NewTime = Annotated[
    str,
    _text(
        "When it is to begin on the new day, as HH:MM (24-hour).",
        "What time would you like instead?",
        format="time",
        x_choices_from=CHOICES,
    ),
]
OwnDay = Annotated[
    str,
    _text(
        "The day of the appointment as it stands, as YYYY-MM-DD.",
        "What day is the appointment on?",
        format="date",
        x_choices_from="my_appointments",
    ),
]
OwnTime = Annotated[
    str,
    _text(
        "When the appointment as it stands begins, as HH:MM; only if there are several that day.",
        "What time is the appointment at?",
        format="time",
    ),
]
Name = Annotated[
    str, _text("The name the appointment is for.", "What name is it for?", format="name")
]
OwnName = Annotated[
    str,
    _text(
        "The name the appointment was made for, as the caller says it; needed unless the caller "
        "was verified or made it in this call.",
        "What name was it booked under?",
        format="name",
    ),
]


Person = Annotated[
    str,
    _text("Only if the caller asks for somebody by name.", "Who would you like to see?"),
]
PartySize = Annotated[
    int,
    msgspec.Meta(
        ge=1,
        le=100,
        description="How many people come, if more than one.",
        extra_json_schema={"x-ask": "For how many people?"},
    ),
]


class WhichOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    service: ServiceName | msgspec.UnsetType = msgspec.UNSET


class WhichDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    date: (
        Annotated[
            str,
            _text("The day, as YYYY-MM-DD; left out: the week.", "Of what day?", format="date"),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class WhichTimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    service: ServiceName | msgspec.UnsetType = msgspec.UNSET
    date: Day | msgspec.UnsetType = msgspec.UNSET


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    service: ServiceName
    date: Day
    time: Time
    name: Name


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    date: NewDay
    time: NewTime
    old_date: OwnDay | msgspec.UnsetType = msgspec.UNSET
    old_time: OwnTime | msgspec.UnsetType = msgspec.UNSET
    name: OwnName | msgspec.UnsetType = msgspec.UNSET


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    date: OwnDay
    time: OwnTime | msgspec.UnsetType = msgspec.UNSET
    name: OwnName | msgspec.UnsetType = msgspec.UNSET


class WhichBookings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: OwnName | msgspec.UnsetType = msgspec.UNSET
    date: OwnDay | msgspec.UnsetType = msgspec.UNSET


class From(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a search begins, and what of each day would do."""

    date: (
        Annotated[
            str,
            _text(
                "The first day to look at, as YYYY-MM-DD; left out: today.",
                "From what day on?",
                format="date",
            ),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    time: (
        Annotated[
            str,
            _text(
                "Not before this time of the first day, as HH:MM.",
                "From what time on?",
                format="time",
            ),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    until: (
        Annotated[
            str, _text("The last day to look at, as YYYY-MM-DD.", "Until what day?", format="date")
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    part_of_day: (
        Annotated[
            Literal["morning", "afternoon", "evening"],
            msgspec.Meta(description="Only this part of every day; evening begins at five."),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    weekdays: Annotated[
        list[Weekday], msgspec.Meta(max_length=7, description="Only these days of the week.")
    ] = []


class At(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One time on the shop's calendar."""

    date: Day
    time: Time


class During(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day, or some hours of it."""

    date: Day
    after: (
        Annotated[
            str, _text("Only from this time on, as HH:MM.", "From what time on?", format="time")
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    before: (
        Annotated[str, _text("Only before this time, as HH:MM.", "Until what time?", format="time")]
        | msgspec.UnsetType
    ) = msgspec.UNSET


# Required objects: nobody can say one, so the embedded engine does not offer these tools.
class FindTimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    start: Annotated[From, _object("Where to begin, and what of each day would do.")]
    service: ServiceName | msgspec.UnsetType = msgspec.UNSET


class HoldTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    service: ServiceName
    slot: Annotated[At, _object("The time to keep.")]


class JoinWaiting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    service: ServiceName
    name: Name
    during: Annotated[During, _object("The day, and if they say so the hours, that would do.")]


def for_shop(shape: type[msgspec.Struct], *, people: bool, parties: bool) -> type[msgspec.Struct]:
    """The arguments with `person` and `party`, where there is anybody to ask for, and room."""
    more: list[tuple[str, Any, Any]] = []
    if people:
        more.append(("person", Person | msgspec.UnsetType, msgspec.UNSET))
    if parties:
        more.append(("party", PartySize | msgspec.UnsetType, msgspec.UNSET))
    if not more:
        return shape
    return msgspec.defstruct(
        shape.__name__, more, bases=(shape,), frozen=True, forbid_unknown_fields=True
    )


def party(asked: msgspec.Struct) -> Party:
    """Who comes, of arguments made by `for_shop`."""
    size = getattr(asked, "party", msgspec.UNSET)
    person = getattr(asked, "person", msgspec.UNSET)
    return Party(1 if size is msgspec.UNSET else size, given(person))


def given(value: str | msgspec.UnsetType) -> str | None:
    return None if value is msgspec.UNSET else value
