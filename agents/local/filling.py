"""What comes next while a tool is filled in: a question, a look-up, the read-back, the call."""

import datetime as dt
from collections.abc import Iterable

import msgspec

from agents.local import sentences as say
from agents.local.offers import Answer, Frame, Lacking, Lookup, Offers
from agents.local.preferences import When, part_of, within
from agents.local.slots import OF_WHEN, Kind, Slot, seeks_free_time
from agents.local.speech import say as spoken
from agents.local.states import Advance, Recite, Rehear
from agents.local.text import Value
from agents.local.values import Readings


class Ask(msgspec.Struct, frozen=True):
    """Ask for this slot in these words."""

    frame: Frame
    slot: Slot
    text: str


class LookUp(msgspec.Struct, frozen=True):
    """Find out what there is to choose from."""

    lookup: Lookup
    then: Rehear | Advance | Recite


class ReadBack(msgspec.Struct, frozen=True):
    """Everything is known: read it back and have it confirmed."""

    frame: Frame
    lead: str


class Run(msgspec.Struct, frozen=True):
    """Everything is known and nothing is changed by it: call the tool."""

    frame: Frame


class GiveUp(msgspec.Struct, frozen=True):
    """It cannot be done, for the reason the text gives."""

    text: str


Step = Ask | LookUp | ReadBack | Run | GiveUp


def ask(frame: Frame, slot: Slot, lead: str = "") -> Ask:
    """With the slot's own question, unless `lead` ends with one."""
    return Ask(frame, slot, lead if lead.endswith("?") else f"{lead} {slot.ask}".strip())


class Filler:
    """Decides the next step from what is known."""

    def __init__(self, offers: Offers, today: dt.date) -> None:
        self._offers = offers
        self._today = today

    def update(self, frame: Frame, readings: Readings, lead: str = "") -> Step:
        """The step after the caller told these values."""
        told = frame.with_values(readings.values).wishing(readings.when)
        for slot in frame.form.slots:
            if slot.name in readings.unclear:
                choices = readings.unclear[slot.name]
                return Ask(told, slot, say.which_one(slot, choices, self._today))
            if slot.name in readings.refused:
                return ask(told.without(slot.name), slot, readings.refused[slot.name])
        return self.advance(told, lead)

    def advance(self, frame: Frame, lead: str = "") -> Step:
        """`lead` is said before whatever is said next."""
        for slot in frame.form.slots:
            checked = self._check(frame, slot, lead) if slot.name in frame.values else None
            if checked is not None:
                return checked
        if frame.missing:
            return self._ask_next(frame, frame.missing[0], lead)
        if frame.form.spec.risk.writes:
            return ReadBack(_with_defaults(frame), lead)
        return Run(frame)

    def _check(self, frame: Frame, slot: Slot, lead: str) -> Step | None:
        """None when the slot's value is one of those there are, or nobody can tell."""
        lookup = self._offers.lookup(slot, frame)
        if not isinstance(lookup, Lookup):
            return None
        found = self._offers.get(lookup)
        if found is None:
            return LookUp(lookup, Advance(frame, lead))
        if _allows(found, slot, frame.values[slot.name]):
            return None
        if not found.choices:
            return self._nothing_offered(frame, slot, found, lead)
        said = spoken(slot, frame.values[slot.name], self._today)
        offer = say.offer(slot, found.message, found.choices, self._today)
        told = f"{lead} {say.not_offered(slot, said, offer)}".strip()
        return ask(frame.without(slot.name), slot, told)

    def _ask_next(self, frame: Frame, slot: Slot, lead: str) -> Step:
        lookup = self._offers.lookup(slot, frame)
        if isinstance(lookup, Lacking):
            return ask(frame, _first(frame, lookup.names) or slot, lead)
        if lookup is None:
            return ask(frame, slot, lead)
        found = self._offers.get(lookup)
        if found is None:
            return LookUp(lookup, Advance(frame, lead))
        if not found.choices and (found.done or slot.kind is Kind.CHOICE):
            return self._nothing_offered(frame, slot, found, lead)
        if len(found.choices) == 1 and _may_be_assumed(frame, slot):
            return self.advance(frame.with_values({slot.name: found.choices[0].value}), lead)
        if found.choices and _is_up_to_us(frame, slot):
            return self._suiting(frame, slot, found, lead)
        return ask(frame, slot, lead)

    def _suiting(self, frame: Frame, slot: Slot, found: Answer, lead: str) -> Step:
        """The first there is, or what there is of the part of the day that was asked for."""
        if frame.when is When.SOONEST:
            suiting = within(frame.part, found.choices) if slot.kind is Kind.TIME else ()
            told = frame.with_values({slot.name: (suiting or found.choices)[0].value})
            if any(each.kind is Kind.TIME for each in told.missing):
                return self.advance(told, lead)
            return self.advance(told.chosen(), f"{lead} {self._earliest(told)}".strip())
        if slot.kind is Kind.DATE and frame.when is not When.LISTED:
            return ask(frame, slot, lead)
        return ask(frame, slot, f"{lead} {self._offer(frame, slot, found)}".strip())

    def _earliest(self, frame: Frame) -> str:
        """`The earliest is Tuesday the third of March at nine a m.`"""
        said = {
            slot.kind: spoken(slot, frame.values[slot.name], self._today)
            for slot in frame.form.slots
            if slot.kind in OF_WHEN and slot.name in frame.values
        }
        return say.earliest(said.get(Kind.DATE, ""), said.get(Kind.TIME, ""))

    def _offer(self, frame: Frame, slot: Slot, found: Answer | None) -> str:
        """What there is to choose from, of the part of the day that was asked for."""
        choices = slot.choices or (found.choices if found else ())
        message = found.message if found else ""
        part = part_of(frame.part) if slot.kind is Kind.TIME else ""
        if part and (suiting := within(frame.part, choices)):
            return say.of_part(slot, part, suiting, self._today)
        offer = say.offer(slot, message, choices, self._today)
        return f"{say.none_of_part(part)} {offer}" if part else offer

    def mend(self, frame: Frame, refused: Answer, lead: str) -> Step:
        """The tool refused and named the argument at fault: ask for that one again."""
        slot = frame.form.slot(refused.field or "")
        assert slot is not None, f"no {refused.field} in {frame.form.name}"
        kept = frame.without(slot.name)
        lookup = self._offers.lookup(slot, kept)
        if refused.choices and isinstance(lookup, Lookup):
            self._offers.put(lookup, msgspec.structs.replace(refused, done=True))
        if slot.kind is Kind.CHOICE and not slot.choices and not refused.choices:
            return self.advance(kept, lead)
        return ask(kept, slot, lead)

    def recite(self, frame: Frame, slot: Slot) -> Step:
        """Say what there is to choose from, then ask for it."""
        lookup = self._offers.lookup(slot, frame)
        if isinstance(lookup, Lacking):
            return ask(frame, _first(frame, lookup.names) or slot)
        found = self._offers.get(lookup) if lookup else None
        if lookup is not None and found is None:
            return LookUp(lookup, Recite(frame, slot))
        if found is not None and not found.choices:
            return self._nothing_offered(frame, slot, found, "")
        return ask(frame, slot, self._offer(frame, slot, found))

    def _nothing_offered(self, frame: Frame, slot: Slot, found: Answer, lead: str) -> Step:
        """No value is possible: something told before has to change, or the request is vain."""
        told = f"{lead} {found.message or say.NO_LIST}".strip()
        source = self._offers.source(slot)
        needed = [other.name for other in reversed(source.slots)] if source else []
        kept = frame.without(slot.name)
        names = [name for name in (found.field or "", *needed) if name in kept.values]
        fault = _first(kept, names)
        return ask(kept.without(fault.name), fault, told) if fault else GiveUp(told)


def _first(frame: Frame, names: Iterable[str]) -> Slot | None:
    slots = (frame.form.slot(name) for name in names)
    return next((slot for slot in slots if slot is not None), None)


def _allows(found: Answer, slot: Slot, value: Value) -> bool:
    """A list that could not be had forbids nothing: the tool itself will decide.

    Nor does a list of days forbid those after its end.
    """
    if not (found.done and found.complete):
        return True
    listed = [choice.value for choice in found.choices]
    beyond = slot.kind is Kind.DATE and listed and str(value) > max(map(str, listed))
    return value in listed or bool(beyond)


def _may_be_assumed(frame: Frame, slot: Slot) -> bool:
    """The only choice there is, if the read-back will speak it."""
    return slot.kind in {Kind.CHOICE, Kind.DATE} and slot.name in frame.form.spec.confirm


def _is_up_to_us(frame: Frame, slot: Slot) -> bool:
    """Which of the caller's own appointments is meant is for the caller to say, always."""
    wanted = frame.when is not None and slot.kind in OF_WHEN
    return wanted and seeks_free_time(slot, frame.form)


def _with_defaults(frame: Frame) -> Frame:
    """Defaults become values only where the read-back speaks them."""
    defaults = {
        slot.name: slot.default
        for slot in frame.form.slots
        if slot.default is not None
        and slot.name in frame.form.spec.confirm
        and slot.name not in frame.values
    }
    return frame.with_values(defaults)


def changes(frame: Frame, readings: Readings) -> bool:
    told = readings.values.items()
    return bool(readings.unclear or readings.refused) or any(
        frame.values.get(name) != value for name, value in told
    )


def corrected(frame: Frame) -> str | None:
    """The slot that a bare number in answer to a read-back is about."""
    for kind in (Kind.TIME, Kind.INTEGER):
        slots = [slot for slot in frame.form.slots if slot.kind is kind]
        if len(slots) == 1:
            return slots[0].name
    return None


def name_slot(frame: Frame) -> str | None:
    return next((slot.name for slot in frame.form.slots if slot.kind is Kind.NAME), None)


def with_list(frame: Frame) -> Slot | None:
    """The last slot with choices, or the last of all."""
    listed = [slot for slot in frame.form.slots if slot.choices_from or slot.choices]
    return next(reversed(listed or frame.form.slots), None)
