"""What the embedded engine answers: fills in whatever tools are configured, one call long.

Nothing is written before the caller has heard the values read back and agreed, and no value gets
into a tool's arguments that the caller did not say or hear in that read-back.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

from agents.local import sentences as say
from agents.local.acts import Act, CallTool, Speak
from agents.local.answers import Move, is_plain, move, says_done
from agents.local.choices import Choice
from agents.local.expectation import Expectation
from agents.local.filling import (
    Ask,
    Filler,
    GiveUp,
    LookUp,
    ReadBack,
    Run,
    Step,
    ask,
    changes,
    corrected,
    name_slot,
    with_list,
)
from agents.local.listening import expectation
from agents.local.offers import Answer, Frame, Lookup, Offers, answer
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
    Standing,
    State,
    Wrapping,
)
from agents.local.text import words
from agents.local.times import Hours
from agents.local.understanding import CLEAR, Request, slot_meant
from agents.local.values import Readings, Setting, read
from agents.local.wishes import Wishes, may_name_a_choice
from agents.persona import Persona
from tools.spec import ToolSpec


class Dialogue:
    """One conversation. Takes what was heard, answers with what to say and which tool to call."""

    def __init__(
        self,
        tools: Sequence[ToolSpec],
        persona: Persona,
        now: dt.datetime,
        tool_call_ids: Iterator[str],
        *,
        hours: Hours | None = None,
        caller_number: str | None = None,
    ) -> None:
        """`now`: aware, in the shop's zone. `tool_call_ids`: endless, unique within the call."""
        assert now.tzinfo is not None, "now without a time zone"
        everything = [form(spec) for spec in tools if spec.phrases or not spec.by_call]
        self._forms = [found for found in everything if found.usable]
        self._persona = persona
        self._setting = Setting(now.date(), hours or Hours(), caller_number)
        self._ids = tool_call_ids
        self._offers = Offers(self._forms)
        self._wishes = Wishes(self._forms, self._offers, self._setting)
        self._filler = Filler(self._offers, now.date())
        self._state: State = Idle()
        self._last = ""
        self._misses = 0

    # ---- the four questions an engine asks -----------------------------------------------------

    def expectation(self) -> Expectation:
        """How to listen to what comes next."""
        return expectation(self._state, self._offers, self._wishes)

    def heard(self, text: str, constrained: bool) -> list[Act]:
        """The caller said this; empty when nothing was made out of it."""
        said = Said(text, constrained)
        if isinstance(self._state, LookingUp | Aside | Running):
            return [Speak(say.ONE_MOMENT)]
        if not said.words and not isinstance(self._state, Closed):
            return self._missed()
        return self._answer(said)

    def tool_answered(self, tool_call_id: str, output: str) -> list[Act]:
        """A tool's output, JSON text. Answers to calls that nobody waits for do nothing."""
        state = self._state
        if not isinstance(state, LookingUp | Aside | Running) or state.tool_call_id != tool_call_id:
            return []
        found = answer(output)
        match state:
            case LookingUp():
                self._offers.put(state.lookup, found)
                return self._looked_up(state)
            case Aside():
                self._state = state.before
                return self._ask_again(found.message or say.sorry(""))
            case Running():
                return self._ran(state.frame, found)

    def cut(self, item_text: str, heard_text: str) -> None:
        """Of the words given out as `item_text` the caller heard only `heard_text`."""
        state = self._state
        if not isinstance(state, Confirming):
            return
        start = state.text.find(item_text)
        if start < 0 and not item_text.startswith(state.text):
            return
        heard = len(words(state.text[: max(start, 0)])) + len(words(heard_text))
        if heard < len(words(state.needed)):
            self._unheard(state)

    def interposed(self, text: str) -> None:
        """The engine spoke words that are not this dialogue's, such as a silence prompt.

        A yes that follows answers those.
        """
        if text and isinstance(self._state, Confirming):
            self._unheard(self._state)

    def _unheard(self, state: Confirming) -> None:
        self._state = Confirming(state.frame, state.needed, state.text, Standing.UNHEARD)

    # ---- what the caller said, by where the conversation stands --------------------------------

    def _answer(self, said: Said) -> list[Act]:
        match self._state:
            case Filling() as state:
                return self._filling(state, said)
            case Confirming() as state:
                return self._confirming(state, said)
            case Mending() as state:
                return self._mending(state, said)
            case Closed():
                return self._parting(said)
            case _:
                return self._open(said)

    def _parting(self, said: Said) -> list[Act]:
        """After our goodbye the caller's own, thanks or a mumble end the call all the same."""
        wanted = self._wishes.wanted(said)
        if wanted is not None and wanted.likeness >= CLEAR:
            return self._open(said)
        return self._close() if move(said.words) in _PARTING or not said.words else self._open(said)

    def _open(self, said: Said) -> list[Act]:
        found = move(said.words)
        wanted = (
            None if found in {Move.GOODBYE, Move.REPEAT, Move.PERSON} else self._wishes.wanted(said)
        )
        if wanted is not None and not (found is Move.NO and is_plain(said.words)):
            return self._take_up(wanted, said)
        lookup = self._wishes.unseen() if may_name_a_choice(found, said) else None
        if lookup is not None:
            return self._look_up(lookup, Rehear(self._resting(), said))
        match found:
            case Move.GOODBYE:
                return self._close()
            case Move.NO if isinstance(self._state, Wrapping | Closed) or says_done(said.words):
                return self._close()
            case Move.REPEAT:
                return self._repeat()
            case Move.PERSON:
                return self._person(said)
            case Move.WAIT:
                return self._say(say.TAKE_YOUR_TIME)
            case Move.CHOICES | Move.ABILITIES:
                return self._idle(say.abilities(self._forms))
            case None:
                return self._off_topic()
            case _:
                return self._idle(say.courtesy(found, self._forms))

    def _filling(self, state: Filling, said: Said) -> list[Act]:
        frame, slot = state.frame, state.slot
        found = move(said.words)
        if slot.kind is Kind.TEXT and len(said.words) > 5:
            found = None
        if found in _AT_ONCE:
            return self._at_once(found, said)
        aside = self._wishes.question(said, frame) if slot.kind is not Kind.TEXT else None
        if aside is not None:
            return self._ask_aside(aside)
        readings = self._read(frame, said, slot.name)
        if found is Move.CHOICES:
            asked = slot_meant(said.words, frame.form.slots) or slot
            if asked.name not in readings.values or slot.kind is Kind.TEXT:
                values = {k: v for k, v in readings.values.items() if k != asked.name}
                return self._recite(frame.with_values(values), asked)
        if readings and not (found is Move.WAIT and slot.kind is Kind.TEXT):
            return self._update(frame, readings)
        if found is None:
            return self._instead(said, frame) or self._missed()
        if found is Move.WAIT:
            return self._say(say.TAKE_YOUR_TIME)
        return self._ask_again(say.courtesy(found, self._forms))

    def _confirming(self, state: Confirming, said: Said) -> list[Act]:
        frame = state.frame
        found = move(said.words)
        if found in _AT_ONCE:
            return self._at_once(found, said)
        readings = self._read(frame, said, corrected(frame))
        changed = changes(frame, readings)
        meant = slot_meant(said.words, frame.form.slots)
        asked = meant or with_list(frame)
        if found is Move.CHOICES and not changed and asked is not None:
            return self._recite(frame, asked)
        if changed:
            return self._update(frame, readings)
        if found is Move.YES and (said.constrained or is_plain(said.words) or readings):
            return self._agreed(state)
        if meant is not None and found is not Move.YES:
            return self._ask_anew(frame, meant)
        if found is Move.NO:
            self._state = Mending(frame)
            return self._say(say.WHAT_TO_CHANGE)
        if found is None:
            return self._instead(said, frame) or self._missed()
        return self._ask_again(say.courtesy(found, self._forms))

    def _mending(self, state: Mending, said: Said) -> list[Act]:
        frame = state.frame
        found = move(said.words)
        if found in _AT_ONCE:
            return self._at_once(found, said)
        readings = self._read(frame, said, corrected(frame))
        if not changes(frame, readings) and found is None:
            readings = self._read(frame, said, name_slot(frame))
        if changes(frame, readings):
            return self._update(frame, readings)
        meant = slot_meant(said.words, frame.form.slots)
        asked = meant or with_list(frame)
        if found is Move.CHOICES and asked is not None:
            return self._recite(frame, asked)
        if meant is not None:
            return self._ask_anew(frame, meant)
        if found is Move.NO:
            return self._confirm(frame, "All right, nothing changed.")
        return (
            self._missed() if found is None else self._ask_again(say.courtesy(found, self._forms))
        )

    def _at_once(self, found: Move | None, said: Said) -> list[Act]:
        """What is answered alike in the middle of anything."""
        match found:
            case Move.GOODBYE:
                return self._close()
            case Move.REPEAT:
                return self._repeat()
            case Move.PERSON:
                return self._person(said)
            case _:
                return self._drop()

    # ---- requests ------------------------------------------------------------------------------

    def _take_up(self, wanted: Request, said: Said) -> list[Act]:
        begun = self._wishes.begun(wanted.form)
        lookup = self._wishes.unseen_by(begun)
        if lookup is not None:
            return self._look_up(lookup, Rehear(self._resting(), said))
        return self._update(begun, self._read(begun, said, None))

    def _instead(self, said: Said, current: Frame) -> list[Act] | None:
        """Another request in the middle of one: a question aside, or a change of mind."""
        wanted = self._wishes.other(said, current)
        if wanted is not None and wanted.form.spec.risk.writes:
            return self._take_up(wanted, said)
        asked = self._wishes.aside(wanted, current) if wanted else None
        return self._ask_aside(asked) if asked else None

    def _ask_aside(self, asked: Frame) -> list[Act]:
        call = self._call(asked)
        self._state = Aside(call.tool_call_id, self._resting())
        return [call]

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

    def _ask_anew(self, frame: Frame, slot: Slot) -> list[Act]:
        """For a value that was misheard: a name is to be spelled this time."""
        if slot.kind is not Kind.NAME:
            return self._ask(frame.without(slot.name), slot, "All right.")
        self._state = Filling(frame.without(slot.name), slot, Manner.SPELLED)
        return self._say(f"All right. {say.SPELL}")

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

    def _looked_up(self, state: LookingUp) -> list[Act]:
        match state.then:
            case Rehear(before, said):
                self._state = before
                return self._answer(said)
            case Advance(frame, lead):
                return self._do(self._filler.advance(frame, lead))
            case Recite(frame, slot):
                return self._recite(frame, slot)

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
            return self._do(Ask(*offered, message))
        if found.done:
            return self._finish(message or "That's done.", last=frame.form.spec.hands_over)
        return self._finish(say.sorry(message) if message or not writes else say.NOT_SURE)

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
        acts = self._ask_again(f"{say.MISSED}{self._help() if misses else ''}")
        self._misses = misses + 1
        return acts

    def _help(self) -> str:
        match self._state:
            case Filling(frame, slot):
                choices: Sequence[Choice] = self._offers.choices(frame).get(slot.name, ())
                return f" {say.hint(slot, choices, self._setting.today)}"
            case Confirming():
                return " Please say yes, no, or what to change."
            case Mending():
                return ""
            case _:
                return f" {say.abilities(self._forms)}"

    def _close(self) -> list[Act]:
        undone = isinstance(self._state, Confirming | Mending | Filling)
        lead = "All right, I've left that. " if undone else ""
        again = isinstance(self._state, Closed)
        self._state = Closed()
        ending = next((found for found in self._forms if found.spec.ends_call), None)
        acts = self._say(say.GOODBYE if again else lead + say.goodbye(self._persona))
        if ending is None or ending.required:
            return acts
        return [*acts, self._call(Frame(ending))]

    def _resting(self) -> Resting:
        state = self._state
        assert not isinstance(state, LookingUp | Aside | Running), f"busy: {state}"
        return state


_PARTING: Final = frozenset((Move.GOODBYE, Move.THANKS, Move.YES, Move.NO))
_AT_ONCE: Final = frozenset((Move.GOODBYE, Move.REPEAT, Move.PERSON, Move.ABANDON))
