"""How to listen next: what the caller may be expected to say where the conversation stands."""

from collections.abc import Sequence
from typing import Final

from agents.local.expectation import OPEN_MARGIN, Expectation
from agents.local.grammar import (
    CHOICE_MARGIN,
    SPELLING_MARGIN,
    answer_pattern,
    check_pattern,
    more_pattern,
    name_pattern,
    spelling_check_pattern,
    spelling_pattern,
)
from agents.local.offers import Offers
from agents.local.slots import Kind
from agents.local.states import (
    Closed,
    Confirming,
    Filling,
    Idle,
    Manner,
    Mending,
    Spelled,
    State,
    Wrapping,
)
from agents.local.wishes import Wishes

_PATIENT: Final = frozenset((Kind.NAME, Kind.PHONE, Kind.TEXT))
"""Said with pauses in between."""


def expectation(
    state: State, offers: Offers, wishes: Wishes, names: Sequence[str] = ()
) -> Expectation:
    """Open where anything may be said: most names, a message, or while a tool is at work.

    `names`: who the caller may be."""
    match state:
        case Idle():
            return Expectation(wishes.pattern())
        case Wrapping() | Closed():
            return Expectation(more_pattern(wishes.pattern()))
        case Filling(manner=Manner.SPELLED):
            return Expectation(spelling_pattern(), SPELLING_MARGIN, patient=True)
        case Filling(slot=slot) if slot.kind is Kind.NAME:
            return Expectation(name_pattern(names), patient=True)
        case Filling():
            return _answer(state, offers)
        case Spelled():
            return Expectation(spelling_check_pattern(), SPELLING_MARGIN)
        case Confirming(frame) | Mending(frame):
            told = [slot for slot in frame.form.slots if slot.name in frame.values]
            return Expectation(check_pattern(told, offers.choices(frame)))
        case _:
            return Expectation()


def _answer(state: Filling, offers: Offers) -> Expectation:
    slot = state.slot
    others = [other for other in state.frame.form.slots if other.name != slot.name]
    pattern = answer_pattern(slot, others, offers.choices(state.frame))
    margin = CHOICE_MARGIN if slot.kind is Kind.CHOICE else OPEN_MARGIN
    return Expectation(pattern, margin, patient=slot.kind in _PATIENT)
