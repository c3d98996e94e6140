"""What the model gives to each booking tool, and how a caller is asked for it."""

from typing import Annotated

import msgspec

CHOICES = "available_times"


def _text(description: str, ask: str, *, max_length: int = 80, **hints: str) -> msgspec.Meta:
    extra = {"x-ask": ask, **{name.replace("_", "-"): value for name, value in hints.items()}}
    return msgspec.Meta(description=description, max_length=max_length, extra_json_schema=extra)


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
        "The name the appointment was made for; needed when the caller's number is withheld.",
        "What name was it booked under?",
        format="name",
    ),
]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


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


def given(value: str | msgspec.UnsetType) -> str | None:
    return None if value is msgspec.UNSET else value
