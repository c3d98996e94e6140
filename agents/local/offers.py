"""What there is to choose from: the read tools that list a slot's values, and what they said."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import structs

from agents.local.choices import Choice
from agents.local.preferences import When, part_of, within
from agents.local.slots import Form, Kind, Slot, choices_of
from agents.local.text import Value


class Frame(msgspec.Struct, frozen=True):
    """A tool being filled in."""

    form: Form
    values: Mapping[str, Value] = {}
    when: When | None = None
    """What the caller would like of a day or a time that is still to be chosen."""
    part: When | None = None
    """The part of the day it should be in."""

    def with_values(self, values: Mapping[str, Value]) -> "Frame":
        return structs.replace(self, values={**self.values, **values})

    def without(self, name: str) -> "Frame":
        kept = {key: value for key, value in self.values.items() if key != name}
        return structs.replace(self, values=kept)

    def wishing(self, when: When | None) -> "Frame":
        """With what was said last of when; nothing said leaves it as it was. Any time of the
        afternoon is one of the afternoon; who asks what else there is means the whole day."""
        if when is None:
            return self
        part = self.part if when is When.SOONEST else when if part_of(when) else None
        return structs.replace(self, when=when, part=part)

    def chosen(self) -> "Frame":
        """With nothing more to be considered."""
        return structs.replace(self, when=None, part=None)

    @property
    def missing(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.form.required if slot.name not in self.values)

    @property
    def arguments(self) -> str:
        """JSON text, in the order of the schema."""
        return arguments({slot.name: self.values.get(slot.name) for slot in self.form.slots})


def arguments(values: Mapping[str, Value | None]) -> str:
    """JSON text of a tool's arguments; what is not known is left out."""
    known = {name: value for name, value in values.items() if value is not None}
    return msgspec.json.encode(known).decode()


class Lookup(msgspec.Struct, frozen=True):
    """One call of a read tool that lists choices."""

    tool: str
    arguments: str


class Lacking(msgspec.Struct, frozen=True):
    """The choices cannot be looked up before these arguments are known."""

    names: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True):
    """What a tool said, as far as this dialogue reads it."""

    message: str
    done: bool
    """False when the tool refused, failed or could not be understood."""
    spoken: bool
    """The message is meant for the caller's ears."""
    field: str | None = None
    """The argument at fault."""
    choices: tuple[Choice, ...] = ()
    complete: bool = True
    """False when the list was too long to be told in full."""


_TROUBLES: Final = frozenset(("refused", "invalid", "failed", "unknown", "error"))


def answer(output: str) -> Answer:
    """A tool's output, JSON text of any quality. Never raises."""
    try:
        data: Any = msgspec.json.decode(output)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return Answer("", done=False, spoken=False)
    message, field, status = data.get("message"), data.get("field"), data.get("status")
    status = status if isinstance(status, str) else None
    field = field if isinstance(field, str) and field else None
    done = status == "done" or not (status in _TROUBLES or data.get("error") or field)
    return Answer(
        message=message.strip() if isinstance(message, str) else "",
        done=done,
        spoken=status != "invalid",
        field=field,
        choices=choices_of(data.get("choices")),
        complete=not data.get("cut"),
    )


def typed(output: str) -> str:
    """The digits in the answer of `collect_digits`, JSON text of any quality; maybe none."""
    try:
        data: Any = msgspec.json.decode(output)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return ""
    digits = data.get("digits") if isinstance(data, dict) and data.get("status") == "done" else ""
    return digits if isinstance(digits, str) and digits.isascii() and digits.isdecimal() else ""


def _is_wanted(argument: Slot, slot: Slot) -> bool:
    """Whether this argument of the listing tool is the very thing that is looked for."""
    itself = argument.choices_from == slot.choices_from and argument.kind is slot.kind
    return argument.name == slot.name or itself


class Offers:
    """The lists looked up so far in this call."""

    def __init__(self, forms: Sequence[Form]) -> None:
        self._forms = {form.name: form for form in forms}
        self._known: dict[Lookup, Answer] = {}

    def source(self, slot: Slot) -> Form | None:
        """The tool that lists the slot's values, if there is one and it only reads."""
        found = self._forms.get(slot.choices_from or "")
        return found if found is not None and not found.spec.risk.writes else None

    def lookup(self, slot: Slot, frame: Frame) -> Lookup | Lacking | None:
        """How to find out the slot's choices, given what is known; None when they are fixed."""
        source = self.source(slot)
        if source is None or slot.choices or source.name == frame.form.name:
            return None
        needed = {other.name for other in (*source.required, *frame.form.required)}
        useful = [other.name for other in source.slots if not _is_wanted(other, slot)]
        lacking = [name for name in useful if name in needed and name not in frame.values]
        if lacking:
            return Lacking(tuple(lacking))
        return Lookup(source.name, arguments({name: frame.values.get(name) for name in useful}))

    def get(self, lookup: Lookup) -> Answer | None:
        return self._known.get(lookup)

    def put(self, lookup: Lookup, found: Answer) -> None:
        self._known[lookup] = found

    def forget(self) -> None:
        """Something was written: the lists may have changed."""
        self._known.clear()

    def of(self, slot: Slot, frame: Frame) -> Answer | None:
        """The slot's list for what is known now, if it was looked up."""
        lookup = self.lookup(slot, frame)
        return self._known.get(lookup) if isinstance(lookup, Lookup) else None

    def choices(self, frame: Frame) -> dict[str, tuple[Choice, ...]]:
        """For each slot of the tool the values known to be allowed."""
        known = {}
        for slot in frame.form.slots:
            found = self.of(slot, frame)
            choices = slot.choices or (found.choices if found is not None else ())
            if slot.kind is Kind.TIME:
                choices = within(frame.part, choices) or choices
            if choices:
                known[slot.name] = choices
        return known
