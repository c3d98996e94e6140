"""What the caller wants done: which tool is meant, and what of it is known from before."""

from collections.abc import Mapping, Sequence
from typing import Final

from agents.local.answers import Move, is_plain
from agents.local.offers import Frame, Lookup, Offers
from agents.local.slots import Form, Kind, Slot
from agents.local.states import Said
from agents.local.text import Value
from agents.local.understanding import Request, request
from agents.local.values import Setting

_LASTING: Final = frozenset((Kind.NAME, Kind.PHONE))
"""What stays true of a caller when one thing is done and another is asked for."""

_COURTESIES: Final = frozenset(
    (Move.YES, Move.NO, Move.THANKS, Move.GREETING, Move.WAIT, Move.ABANDON, Move.ABILITIES)
)


class Wishes:
    """The tools of one call and what its caller told them so far."""

    def __init__(self, forms: Sequence[Form], offers: Offers, setting: Setting) -> None:
        self._forms = [form for form in forms if not form.spec.ends_call]
        self._offers = offers
        self._setting = setting
        self._memory: Mapping[str, tuple[Kind, Value]] = {}

    def wanted(self, said: Said) -> Request | None:
        """The tool this sentence asks for, by its words and by the values it names."""
        known = {form.name: self._offers.choices(self.begun(form)) for form in self._forms}
        return request(said.text, self._forms, self._setting, known)

    def begun(self, form: Form) -> Frame:
        """A fresh frame with what the caller told before under the same names."""
        kinds = {slot.name: slot.kind for slot in form.slots}
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

    def offered(self, lookup: Lookup) -> tuple[Frame, Slot] | None:
        """What the list just told is to choose for, if some tool can use it at once."""
        for form in self._forms:
            frame = self.begun(form)
            for slot in form.slots if form.spec.risk.writes else ():
                if slot.name not in frame.values and self._offers.lookup(slot, frame) == lookup:
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


def may_name_a_choice(found: Move | None, said: Said) -> bool:
    """Whether it may be worth looking lists up to understand this."""
    if found in {Move.GOODBYE, Move.REPEAT, Move.PERSON}:
        return False
    return not (found in _COURTESIES and (is_plain(said.words) or len(said.words) <= 3))
