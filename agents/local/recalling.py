"""Where does a conversation stand that another engine has had? From its words and tools alone."""

from collections.abc import Sequence
from typing import Final

import msgspec
import regex

from agents.engine import AgentSaid, AnyRemembered, CallerSaid, ToolAnswered
from agents.local import sentences as say
from agents.local.answers import Move, move
from agents.local.offers import Answer, Frame, Lookup, Offers, answer
from agents.local.slots import Form
from agents.local.states import (
    Aside,
    Confirming,
    Filling,
    Idle,
    LookingUp,
    Mending,
    Running,
    Said,
    Spelled,
    Standing,
    State,
    Typing,
    Wrapping,
)
from agents.local.text import Value, words
from agents.local.understanding import slot_meant
from agents.local.values import Readings, Setting, read
from agents.local.wishes import Wishes

_RUNNING: Final = frozenset(("running", "pending"))
"""`status` in what is told of a tool call whose end is not known yet."""
_MORE: Final = regex.compile(r"anything else|something else", regex.IGNORECASE)


class Recall:
    """Carries a state on over what was said and done elsewhere; speaks and calls nothing."""

    def __init__(
        self, forms: Sequence[Form], offers: Offers, wishes: Wishes, setting: Setting
    ) -> None:
        self._forms = {form.name: form for form in forms}
        self._offers = offers
        self._wishes = wishes
        self._setting = setting

    def after(self, state: State, what: AnyRemembered) -> State:
        """The state once this is known too. What this dialogue itself waits for, it waits for."""
        if isinstance(state, LookingUp | Aside | Typing):
            return state
        match what:
            case CallerSaid(text):
                return self._caller(state, Said(text, constrained=False))
            case AgentSaid(text):
                return _asked(state, text)
            case ToolAnswered():
                return self._tool(state, what)

    def frame(self, what: ToolAnswered) -> Frame | None:
        """The tool as it was filled in; None when this dialogue does not know the tool."""
        form = self._forms.get(what.name)
        return Frame(form, _values(form, what.arguments)) if form is not None else None

    # ---- words -----------------------------------------------------------------------------------

    def _caller(self, state: State, said: Said) -> State:
        if move(said.words) in {Move.GOODBYE, Move.ABANDON}:
            return Wrapping()
        current = _frame_of(state)
        if current is not None:
            return self._told(state, current, said)
        wanted = self._wishes.wanted(said)
        if wanted is None or isinstance(state, Running):
            return state
        begun = self._wishes.begun(wanted.form)
        return self._standing(begun.with_values(self._read(begun, said, None).values))

    def _told(self, state: State, frame: Frame, said: Said) -> State:
        """Values for the wish at hand, or another wish instead of it."""
        other = self._wishes.other(said, frame)
        if other is not None and other.form.spec.risk.writes:
            begun = self._wishes.begun(other.form)
            return self._standing(begun.with_values(self._read(begun, said, None).values))
        focus = state.slot.name if isinstance(state, Filling) else None
        readings = self._read(frame, said, focus)
        return self._standing(frame.with_values(readings.values)) if readings.values else state

    def _read(self, frame: Frame, said: Said, focus: str | None) -> Readings:
        offered = self._offers.choices(frame)
        return read(said.text, frame.form.slots, self._setting, focus=focus, offered=offered)

    def _standing(self, frame: Frame) -> State:
        """What is asked next; a yes to a read-back of another engine's is no yes to ours."""
        if frame.missing:
            return Filling(frame, frame.missing[0])
        if not frame.form.spec.risk.writes:
            return Wrapping()
        needed, text = say.check(frame, self._setting.today, self._offers.choices(frame), "")
        return Confirming(frame, needed, text, Standing.UNHEARD)

    # ---- tools -----------------------------------------------------------------------------------

    def _tool(self, state: State, what: ToolAnswered) -> State:
        frame = self.frame(what)
        if frame is None:
            return state
        if still_runs(what.output):
            return Running(what.tool_call_id, frame) if frame.form.spec.risk.writes else state
        found = answer(what.output)
        if frame.form.spec.risk.writes:
            return self._written(state, frame, found)
        self._offers.put(Lookup(what.name, frame.arguments), found)
        return state

    def _written(self, state: State, frame: Frame, found: Answer) -> State:
        self._offers.forget()
        fault = frame.form.slot(found.field or "")
        if not found.done and fault is not None:
            return Filling(frame.without(fault.name), fault)
        self._wishes.remember(frame, everything=not found.done)
        current = state.frame if isinstance(state, Running) else _frame_of(state)
        another = current is not None and current.form.name != frame.form.name
        return state if another else Wrapping()


def still_runs(output: str) -> bool:
    """Whether a tool's output, JSON text of any quality, says that its end is not known yet."""
    try:
        told = msgspec.json.decode(output)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    status = told.get("status") if isinstance(told, dict) else None
    return isinstance(status, str) and status in _RUNNING


def _frame_of(state: State) -> Frame | None:
    return state.frame if isinstance(state, Filling | Spelled | Confirming | Mending) else None


def _asked(state: State, text: str) -> State:
    """The slot the agent asked for last is what the caller's next words are about."""
    if isinstance(state, Idle) and _MORE.search(text):
        return Wrapping()
    if not isinstance(state, Filling) or "?" not in text:
        return state
    question = text.rstrip("? ").replace("!", ".").rpartition(".")[2]
    meant = slot_meant(words(question), state.frame.missing)
    return Filling(state.frame, meant) if meant is not None else state


def _values(form: Form, written: str) -> dict[str, Value]:
    """The arguments a model wrote, as far as they are values of the tool's slots."""
    try:
        told = msgspec.json.decode(written)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return {}
    known = told if isinstance(told, dict) else {}
    return {
        slot.name: known[slot.name]
        for slot in form.slots
        if isinstance(known.get(slot.name), str | int | float | bool)
    }
