"""What is said next, and where that leaves the conversation: questions, read-backs, goodbyes."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

from agents.local import sentences as say
from agents.local.acts import Act, CallTool, Speak
from agents.local.choices import Choice
from agents.local.filling import (
    Ask,
    Filler,
    GiveUp,
    LookUp,
    ReadBack,
    Run,
    Step,
    ask,
)
from agents.local.offers import Answer, Frame, Lookup, Offers, arguments, typed
from agents.local.preferences import part_of
from agents.local.recalling import Recall
from agents.local.slots import Kind, Slot, form
from agents.local.states import (
    Advance,
    Aside,
    Closed,
    Confirming,
    Filling,
    Idle,
    LookingUp,
    Manner,
    Mending,
    Recite,
    Rehear,
    Resting,
    Running,
    Said,
    Spelled,
    Standing,
    State,
    Typing,
    Wrapping,
)
from agents.local.text import Value
from agents.local.times import Hours
from agents.local.values import Readings, Setting, read
from agents.local.wishes import Wishes
from agents.persona import Persona
from tools.calls.digits import COLLECT_DIGITS
from tools.spec import ToolSpec

LEAST_DIGITS: Final = 7
MOST_DIGITS: Final = 15
"""Of a telephone number (E.164)."""


class Course:
    """Where one conversation stands. Each step says or calls something and moves it on."""

    def __init__(
        self,
        tools: Sequence[ToolSpec],
        persona: Persona,
        now: dt.datetime,
        tool_call_ids: Iterator[str],
        *,
        hours: Hours | None = None,
        caller_number: str | None = None,
        caller_name: str = "",
    ) -> None:
        """`now`: aware, in the shop's zone. `tool_call_ids`: endless, unique within the call.
        `caller_name`: whose number it is, listened for and never said of itself."""
        assert now.tzinfo is not None, "now without a time zone"
        everything = [form(spec) for spec in tools if spec.phrases or not spec.by_call]
        self._forms = [found for found in everything if found.usable]
        self._keypad = any(spec.name == COLLECT_DIGITS for spec in tools)
        self._persona = persona
        self._setting = Setting(now.date(), hours or Hours(), caller_number)
        self._ids = tool_call_ids
        self._names = [caller_name] * bool(caller_name)
        self._offers = Offers(self._forms)
        self._wishes = Wishes(self._forms, self._offers, self._setting)
        self._filler = Filler(self._offers, now.date())
        self._recall = Recall(self._forms, self._offers, self._wishes, self._setting)
        self._state: State = Idle()
        self._last = ""
        self._misses = 0
        self._unanswered: tuple[State, str] | None = None
        """What another session heard last of the caller, and where the conversation stood then."""

    def _person(self, said: Said) -> list[Act]:
        for found, lead in (
            (say.to_person(self._forms), ""),
            (say.to_message(self._forms), say.TAKE_MESSAGE),
        ):
            if found is not None:
                frame = self._wishes.begun(found)
                told = self._read(frame, said, None) if not lead else Readings()
                return self._update(frame, told, lead)
        return self._ask_again(f"{say.NO_PERSON} {say.abilities(self._forms)}")

    # ---- filling in ----------------------------------------------------------------------------

    def _read(self, frame: Frame, said: Said, focus: str | None) -> Readings:
        offered = self._offers.choices(frame)
        return read(said.text, frame.form.slots, self._setting, focus=focus, offered=offered)

    def _update(self, frame: Frame, readings: Readings, lead: str = "") -> list[Act]:
        return self._do(self._filler.update(frame, readings, lead))

    def _recite(self, frame: Frame, slot: Slot) -> list[Act]:
        return self._do(self._filler.recite(frame, slot))

    def _do(self, step: Step) -> list[Act]:
        match step:
            case Ask(frame, slot, text):
                self._state = Filling(frame, slot)
                return self._say(text)
            case LookUp(lookup, then):
                return self._look_up(lookup, then)
            case ReadBack(frame, lead):
                return self._confirm(frame, lead)
            case Run(frame):
                return self._run(frame)
            case GiveUp(text):
                return self._finish(text)

    def _ask(self, frame: Frame, slot: Slot, lead: str = "") -> list[Act]:
        return self._do(ask(frame, slot, lead))

    def _check_spelling(self, frame: Frame, slot: Slot, name: str, letters: str) -> list[Act]:
        """Letters are easily taken for one another: they are read back before they count."""
        self._state = Spelled(frame, slot, name, letters)
        return self._say(say.check_spelling(name, letters))

    def _spell(self, frame: Frame, slot: Slot, lead: str) -> list[Act]:
        self._state = Filling(frame.without(slot.name), slot, Manner.SPELLED)
        return self._say(f"{lead} {say.SPELL}")

    def _ask_anew(self, frame: Frame, slot: Slot) -> list[Act]:
        """For a value that was misheard: a name is to be spelled this time."""
        if slot.kind is not Kind.NAME:
            return self._ask(frame.without(slot.name), slot, "All right.")
        return self._spell(frame, slot, "All right.")

    # ---- confirming and running ----------------------------------------------------------------

    def _confirm(self, frame: Frame, lead: str = "") -> list[Act]:
        needed, text = say.check(frame, self._setting.today, self._offers.choices(frame), lead)
        self._state = Confirming(frame, needed, text)
        return self._say(text)

    def _agreed(self, state: Confirming) -> list[Act]:
        if state.standing is Standing.UNHEARD:
            return self._confirm(state.frame, "Just to be sure.")
        return self._run(state.frame)

    def _run(self, frame: Frame) -> list[Act]:
        call = self._call(frame)
        self._state = Running(call.tool_call_id, frame)
        self._misses = 0
        return [call]

    def _call(self, frame: Frame) -> CallTool:
        return CallTool(next(self._ids), frame.form.name, frame.arguments)

    def _look_up(self, lookup: Lookup, then: Rehear | Advance | Recite) -> list[Act]:
        call = CallTool(next(self._ids), lookup.tool, lookup.arguments)
        self._state = LookingUp(call.tool_call_id, lookup, then)
        return [call]

    # ---- speaking ------------------------------------------------------------------------------

    def _say(self, text: str) -> list[Act]:
        self._misses = 0
        self._last = text
        return [Speak(text)]

    def _finish(self, text: str, *, last: bool = False) -> list[Act]:
        self._state = Wrapping()
        return self._say(text if last or text.endswith("?") else f"{text} {say.ANYTHING_ELSE}")

    def _drop(self) -> list[Act]:
        return self._finish("All right, we'll leave that.")

    def _idle(self, lead: str) -> list[Act]:
        self._state = Idle()
        return self._say(f"{lead} {say.WHAT_NOW}".strip())

    def _repeat(self) -> list[Act]:
        state = self._state
        if isinstance(state, Confirming):
            return self._confirm(state.frame)
        return self._say(self._last or f"{self._persona.greeting} {say.WHAT_NOW}")

    def _ask_again(self, lead: str) -> list[Act]:
        """The question of the state, after an answer to something else."""
        match self._state:
            case Filling(manner=Manner.SPELLED):
                return self._say(f"{lead.removesuffix(say.SPELL).strip()} {say.SPELL}".strip())
            case Filling(frame, slot):
                return self._ask(frame, slot, lead)
            case Spelled(name=name, letters=letters):
                return self._say(f"{lead} {say.check_spelling(name, letters)}".strip())
            case Confirming(frame):
                return self._confirm(frame, lead)
            case Mending():
                return self._say(f"{lead} What should I change?".strip())
            case _:
                return self._idle(lead)

    def _off_topic(self) -> list[Act]:
        misses = self._misses
        lead = say.MISSED if not misses else "I'm afraid I can't help with that."
        acts = self._idle(f"{lead} {say.abilities(self._forms)}")
        self._misses = misses + 1
        return acts

    def _missed(self) -> list[Act]:
        misses = self._misses
        state = self._state
        if misses and isinstance(state, Filling) and state.slot.kind is Kind.NAME:
            self._state = Filling(state.frame, state.slot, Manner.SPELLED)
        if misses and isinstance(state, Filling) and state.slot.kind is Kind.PHONE and self._keypad:
            return self._type(state.frame, state.slot)
        acts = self._ask_again(f"{say.MISSED}{self._help() if misses else ''}")
        self._misses = misses + 1
        return acts

    def _type(self, frame: Frame, slot: Slot) -> list[Act]:
        """A number that was not understood twice is typed."""
        told: dict[str, Value | None] = {"purpose": slot.label, "length": MOST_DIGITS}
        call = CallTool(next(self._ids), COLLECT_DIGITS, arguments(told))
        self._state = Typing(call.tool_call_id, frame, slot)
        return [*self._say(f"{say.MISSED} {say.TYPE}"), call]

    def _typed(self, state: Typing, output: str) -> list[Act]:
        digits = typed(output)
        self._state = Filling(state.frame, state.slot)
        if len(digits) < LEAST_DIGITS:
            return self._ask(state.frame, state.slot, "I'm sorry, I did not get it.")
        return self._update(state.frame, Readings({state.slot.name: digits}))

    def _help(self) -> str:
        match self._state:
            case Filling(frame, slot):
                choices: Sequence[Choice] = self._offers.choices(frame).get(slot.name, ())
                return f" {say.hint(slot, choices, self._setting.today)}"
            case Spelled():
                return " Please say yes, or spell it once more."
            case Confirming():
                return " Please say yes, no, or what to change."
            case Mending():
                return ""
            case _:
                return f" {say.abilities(self._forms)}"

    def _close(self) -> list[Act]:
        undone = isinstance(self._state, Confirming | Mending | Filling | Spelled)
        lead = "All right, I've left that. " if undone else ""
        again = isinstance(self._state, Closed)
        self._state = Closed()
        ending = next((found for found in self._forms if found.spec.ends_call), None)
        acts = self._say(say.GOODBYE if again else lead + say.goodbye(self._persona))
        if ending is None or ending.required:
            return acts
        return [*acts, self._call(Frame(ending))]

    def _ran(self, frame: Frame, found: Answer) -> list[Act]:
        writes = frame.form.spec.risk.writes
        if writes:
            self._offers.forget()
        else:
            self._offers.put(Lookup(frame.form.name, frame.arguments), found)
        message = found.message if found.spoken else ""
        if not found.done and frame.form.slot(found.field or "") is not None:
            return self._do(self._filler.mend(frame, found, say.sorry(message)))
        self._wishes.remember(frame, everything=not writes or not found.done)
        offered = self._wishes.offered(Lookup(frame.form.name, frame.arguments))
        if offered is not None and message.endswith("?"):
            begun, slot = offered
            if part_of(frame.when):
                return self._recite(begun.wishing(frame.when), slot)
            return self._do(Ask(begun, slot, message))
        if found.done:
            return self._finish(message or "That's done.", last=frame.form.spec.hands_over)
        return self._finish(say.sorry(message) if message or not writes else say.NOT_SURE)

    def _resting(self) -> Resting:
        state = self._state
        assert not isinstance(state, LookingUp | Aside | Running | Typing), f"busy: {state}"
        return state
