"""What the caller wants done: which tool is meant, and what of it is known from before."""

import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from agents.local.answers import Move, is_plain
from agents.local.grammar import opening_pattern
from agents.local.offers import Answer, Frame, Lookup, Offers
from agents.local.slots import Form, Kind, Slot
from agents.local.states import Said
from agents.local.text import Value
from agents.local.understanding import CLEAR, Request, is_question, request
from agents.local.values import Setting

_LASTING: Final = frozenset((Kind.NAME, Kind.PHONE))
"""What stays true of a caller when one thing is done and another is asked for."""

_COURTESIES: Final = frozenset(
    (Move.YES, Move.NO, Move.THANKS, Move.GREETING, Move.WAIT, Move.ABANDON, Move.ABILITIES)
)


_WORD_FOR_WORD: Final = 0.95
_SHORT: Final = 8


class Wishes:
    """The tools of one call and what its caller told them so far."""

    def __init__(self, forms: Sequence[Form], offers: Offers, setting: Setting) -> None:
        self._forms = [form for form in forms if not form.spec.ends_call]
        self._lists = {slot.choices_from for form in forms for slot in form.slots}
        self._offers = offers
        self._setting = setting
        self._memory: Mapping[str, tuple[Kind, Value]] = {}

    def pattern(self) -> str | None:
        """What a whole request may sound like, as far as the choices are known by now."""
        known = {form.name: self._offers.choices(self.begun(form)) for form in self._forms}
        return opening_pattern(self._forms, known)

    def wanted(self, said: Said) -> Request | None:
        """The tool this sentence asks for, by its words and by the values it names."""
        return self._asked_of(self._forms, said)

    def _asked_of(self, forms: Sequence[Form], said: Said) -> Request | None:
        known = {form.name: self._offers.choices(self.begun(form)) for form in forms}
        return request(said.text, forms, self._setting, known)

    def begun(self, form: Form) -> Frame:
        """A fresh frame with what the caller told before under the same names.

        A question that may be about all (`what do you offer`) is not about what was asked last.
        """
        about_all = not (form.spec.risk.writes or form.name in self._lists)
        slots = form.required if about_all else form.slots
        kinds = {slot.name: slot.kind for slot in slots}
        told = self._memory.items()
        return Frame(form, {name: value for name, (kind, value) in told if kinds.get(name) is kind})

    def unseen(self) -> Lookup | None:
        """A list that no argument is needed for and that may explain what was said."""
        for form in self._forms:
            found = self.unseen_by(Frame(form))
            if found is not None:
                return found
        return None

    def unseen_by(self, frame: Frame) -> Lookup | None:
        """The same for one tool."""
        for slot in frame.form.slots:
            lookup = self._offers.lookup(slot, frame) if slot.kind is Kind.CHOICE else None
            if isinstance(lookup, Lookup) and self._offers.get(lookup) is None:
                return lookup
        return None

    def other(self, said: Said, current: Frame) -> Request | None:
        """Another tool than the one being filled in, when it is clearly asked for."""
        wanted = self.wanted(said)
        if wanted is None or wanted.likeness < CLEAR or wanted.form.name == current.form.name:
            return None
        return wanted

    def only_asks(self, said: Said, current: Frame) -> bool:
        """It asks for the tool being filled in once more, and tells nothing: `take a message`."""
        if len(said.words) > _SHORT:
            return False
        wanted = self.wanted(said)
        if wanted is None or wanted.form.name != current.form.name:
            return False
        return wanted.likeness >= _WORD_FOR_WORD

    def aside(self, wanted: Request, current: Frame) -> Frame | None:
        """A read tool with what is known, when that is enough to call it."""
        begun = self.begun(wanted.form).with_values(current.values)
        asked = begun.with_values(wanted.readings.values)
        return None if asked.missing else asked

    def question(self, said: Said, current: Frame) -> Frame | None:
        """A question word for word one of another tool's, such as `how long does it take`.

        Not those about choices for the tool being filled in: they are part of filling it in.
        """
        if not is_question(said.words):
            return None
        sources = {current.form.name, *(slot.choices_from for slot in current.form.slots)}
        reading = [form for form in self._forms if not form.spec.risk.writes]
        wanted = self._asked_of([form for form in reading if form.name not in sources], said)
        if wanted is None or wanted.likeness < _WORD_FOR_WORD:
            return None
        return self.aside(wanted, current)

    def offered(self, lookup: Lookup) -> tuple[Frame, Slot] | None:
        """What the list just told is to choose for: the first tool that could use it."""
        told = self._offers.get(lookup)
        for form in self._forms if told and told.choices else ():
            frame = self.begun(form)
            for slot in form.slots if form.spec.risk.writes else ():
                source = self._offers.source(slot)
                fed = source is not None and source.name == lookup.tool
                if fed and slot.name not in frame.values and _fits(slot, told):
                    return frame, slot
        return None

    def remember(self, frame: Frame, *, everything: bool) -> None:
        """Keep what was told for the next request; after a write only who the caller is."""
        kinds = {slot.name: slot.kind for slot in frame.form.slots}
        told = {name: (kinds[name], value) for name, value in frame.values.items()}
        self._memory = {
            name: pair
            for name, pair in {**self._memory, **told}.items()
            if everything or pair[0] in _LASTING
        }


def _fits(slot: Slot, told: Answer | None) -> bool:
    """Whether the listed values are of the slot's kind: days, times, or names of things."""
    values = [str(choice.value) for choice in told.choices] if told else []
    return all(_kind_of(value) is slot.kind for value in values)


def _kind_of(value: str) -> Kind:
    for kind, parse in ((Kind.DATE, dt.date.fromisoformat), (Kind.TIME, dt.time.fromisoformat)):
        with contextlib.suppress(ValueError):
            parse(value)
            return kind
    return Kind.CHOICE


def may_name_a_choice(found: Move | None, said: Said) -> bool:
    """Whether it may be worth looking lists up to understand this."""
    if found in {Move.GOODBYE, Move.REPEAT, Move.PERSON}:
        return False
    return not (found in _COURTESIES and (is_plain(said.words) or len(said.words) <= 3))
