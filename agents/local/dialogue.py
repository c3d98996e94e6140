"""What the embedded engine answers: fills in whatever tools are configured, one call long.

Nothing is written before the caller has heard the values read back and agreed, and no value gets
into a tool's arguments that the caller did not say or hear in that read-back.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from agents.engine import AgentSaid, AnyRemembered, CallerSaid, ToolAnswered
from agents.local import names
from agents.local import sentences as say
from agents.local.acts import Act, Speak
from agents.local.answers import Move, is_plain, move, says_done
from agents.local.choices import Choice
from agents.local.course import Course
from agents.local.expectation import Expectation
from agents.local.filling import (
    changes,
    corrected,
    name_slot,
    with_list,
)
from agents.local.listening import expectation
from agents.local.offers import Frame, answer
from agents.local.preferences import When, part_of, within
from agents.local.slots import OF_WHEN, Kind, Slot
from agents.local.states import (
    Advance,
    Aside,
    Busy,
    Closed,
    Confirming,
    Filling,
    LookingUp,
    Manner,
    Mending,
    Recite,
    Rehear,
    Running,
    Said,
    Spelled,
    Standing,
    Typing,
    Wrapping,
)
from agents.local.text import words
from agents.local.understanding import CLEAR, Request, slot_meant
from agents.local.values import Readings
from agents.local.wishes import may_name_a_choice
from tools.assent import Reply, reply


class Dialogue(Course):
    """One conversation. Takes what was heard, answers with what to say and which tool to call."""

    # ---- the questions an engine asks -----------------------------------------------------

    def expectation(self) -> Expectation:
        """How to listen to what comes next."""
        return expectation(self._state, self._offers, self._wishes, self._names)

    def settled(self, text: str, constrained: bool) -> bool:
        """Whether these words, if nothing follows, are all that was asked for: nothing that is
        often said in the same breath is still missing. Yes and no never are: `but` may follow."""
        state = self._state
        if not isinstance(state, Filling) or state.manner is Manner.SPELLED:
            return False
        told = self._read(state.frame, Said(text, constrained), state.slot.name)
        value = told.values.get(state.slot.name)
        if value is None or told.unclear or told.refused:
            return False
        match state.slot.kind:
            case Kind.NAME:
                return len(str(value).split()) > 1
            case Kind.PHONE:
                return len(str(value).removeprefix("+")) >= _WHOLE_NUMBER
            case Kind.TEXT | Kind.BOOLEAN:
                return False
        missing = state.frame.with_values(told.values).missing
        return constrained and not any(slot.kind in _IN_ONE_BREATH for slot in missing)

    def heard(self, text: str, constrained: bool) -> list[Act]:
        """The caller said this; empty when nothing was made out of it."""
        self._unanswered = None
        said = Said(text, constrained)
        if isinstance(self._state, LookingUp | Aside | Running | Typing):
            return [Speak(say.TYPE if isinstance(self._state, Typing) else say.ONE_MOMENT)]
        if not said.words and not isinstance(self._state, Closed):
            return self._missed()
        return self._answer(said)

    def tool_answered(self, tool_call_id: str, output: str) -> list[Act]:
        """A tool's output, JSON text. Answers to calls that nobody waits for do nothing."""
        state = self._state
        if not isinstance(state, Busy) or state.tool_call_id != tool_call_id:
            return []
        found = answer(output)
        match state:
            case LookingUp():
                self._offers.put(state.lookup, found)
                return self._looked_up(state)
            case Aside():
                self._state = state.before
                return self._ask_again(found.message or say.sorry(""))
            case Typing():
                return self._typed(state, output)
            case Running():
                return self._ran(state.frame, found)

    def remember(self, what: Sequence[AnyRemembered], *, answer: bool) -> list[Act]:
        """What was said and done in other sessions of this call; `answer`: reply to the last of
        it. No tool that ran there is run again, and no yes given there counts here."""
        last = what[-1] if what and answer else None
        for each in what if last is None else what[:-1]:
            self._note(each)
        if not answer:
            return []
        match last:
            case CallerSaid(text):
                return self.heard(text, constrained=False)
            case ToolAnswered():
                return self._tell(last)
            case AgentSaid():
                self._last = last.text or self._last
        return self._reply_to_unanswered()

    def _reply_to_unanswered(self) -> list[Act]:
        if self._unanswered is None:
            return self._ask_again("")
        self._state, text = self._unanswered
        return self.heard(text, constrained=False)

    def _note(self, what: AnyRemembered) -> None:
        before, self._state = self._state, self._recall.after(self._state, what)
        self._unanswered = (before, what.text) if isinstance(what, CallerSaid) else None
        if isinstance(what, AgentSaid):
            self._last = what.text or self._last

    def _tell(self, what: ToolAnswered) -> list[Act]:
        """The outcome of a tool that another session called and did not live to tell."""
        frame = self._recall.frame(what)
        if frame is None:
            return self._ask_again("")
        self._note(what)
        if isinstance(self._state, Running):
            return [Speak(say.ONE_MOMENT)]
        found = answer(what.output)
        if not frame.form.spec.risk.writes and isinstance(self._state, Filling):
            return self._ask_again(found.message if found.spoken else "")
        return self._ran(frame, found)

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

    def informed(self, text: str) -> None:
        """For models that read; what this dialogue has to know, its tools tell it."""

    def _unheard(self, state: Confirming) -> None:
        self._state = Confirming(state.frame, state.needed, state.text, Standing.UNHEARD)

    # ---- what the caller said, by where the conversation stands --------------------------------

    def _answer(self, said: Said) -> list[Act]:
        match self._state:
            case Filling() as state:
                return self._filling(state, said)
            case Spelled() as state:
                return self._spelled(state, said)
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
        if (other := self._besides(state, said, found)) is not None:
            return other
        readings = self._read(frame, said, slot.name)
        letters = names.spelled(said.text) if state.manner is Manner.SPELLED else None
        if letters is not None and isinstance(name := readings.values.get(slot.name), str):
            told = {k: v for k, v in readings.values.items() if k != slot.name}
            return self._check_spelling(frame.with_values(told), slot, name, letters)
        if found is Move.CHOICES:
            asked = slot_meant(said.words, frame.form.slots) or self._listed(frame, slot)
            if asked.name not in readings.values or slot.kind is Kind.TEXT:
                values = {k: v for k, v in readings.values.items() if k != asked.name}
                return self._recite(frame.with_values(values).wishing(readings.when), asked)
            readings = structs.replace(readings, when=readings.when or When.LISTED)
        if _tells(readings, slot, found):
            return self._update(frame, readings)
        if found is None:
            return self._instead(said, frame) or self._missed()
        if found is Move.WAIT:
            return self._say(say.TAKE_YOUR_TIME)
        return self._ask_again(say.courtesy(found, self._forms))

    def _besides(self, state: Filling, said: Said, found: Move | None) -> list[Act] | None:
        """What is said instead of an answer, whatever was asked."""
        if found in _AT_ONCE:
            return self._at_once(found, said)
        if state.slot.kind is Kind.TEXT:
            return self._ask_again("") if self._wishes.only_asks(said, state.frame) else None
        aside = self._wishes.question(said, state.frame)
        return None if aside is None else self._ask_aside(aside)

    def _spelled(self, state: Spelled, said: Said) -> list[Act]:
        """Yes, no, or the letters once more."""
        frame, slot = state.frame, state.slot
        found = move(said.words)
        if found in _AT_ONCE:
            return self._at_once(found, said)
        again, letters = names.name(said.text), names.spelled(said.text)
        if again is not None and letters is not None:
            return self._check_spelling(frame, slot, again, letters)
        if found is Move.YES:
            return self._update(frame, Readings({slot.name: state.name}))
        if found is Move.NO:
            return self._spell(frame, slot, "Sorry.")
        return (
            self._missed() if found is None else self._ask_again(say.courtesy(found, self._forms))
        )

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
        if (later := self._at_another_time(frame, readings)) is not None:
            return later
        if found is Move.YES and _agrees(said, readings, state):
            return self._agreed(state)
        if meant is not None and found is not Move.YES:
            return self._ask_anew(frame, meant)
        if found is Move.NO:
            self._state = Mending(frame)
            return self._say(say.WHAT_TO_CHANGE)
        if found is None:
            return self._instead(said, frame) or self._missed()
        return self._ask_again(say.courtesy(found, self._forms))

    def _at_another_time(self, frame: Frame, readings: Readings) -> list[Act] | None:
        """`In the afternoon, rather`: what is free then, unless it is then already."""
        slot = next((each for each in frame.form.slots if each.kind is Kind.TIME), None)
        if slot is None or not part_of(readings.when) or slot.name not in frame.values:
            return None
        value = frame.values[slot.name]
        if within(readings.when, (Choice(value, ""),)):
            return None
        return self._update(frame.without(slot.name), readings)

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
        if (later := self._at_another_time(frame, readings)) is not None:
            return later
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

    def _listed(self, frame: Frame, slot: Slot) -> Slot:
        """What a list is wanted of, in answer to a question after something else."""
        return slot if slot.kind not in _WITHOUT_LIST else with_list(frame) or slot

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

    def _looked_up(self, state: LookingUp) -> list[Act]:
        match state.then:
            case Rehear(before, said):
                self._state = before
                return self._answer(said)
            case Advance(frame, lead):
                return self._do(self._filler.advance(frame, lead))
            case Recite(frame, slot):
                return self._recite(frame, slot)


def _agrees(said: Said, readings: Readings, state: Confirming) -> bool:
    """Whether a yes has nothing beside it but what was read back, and no condition."""
    plain = said.constrained or is_plain(said.words) or bool(readings)
    return plain and reply([said.text], _as_told(state, readings)) is Reply.YES


def _as_told(state: Confirming, readings: Readings) -> str:
    """What was read back, and how else its days and times may be said."""
    also = [
        str(readings.values[slot.name]) if slot.kind is Kind.TIME else _NEAR_DAYS
        for slot in state.frame.form.slots
        if slot.kind in OF_WHEN and slot.name in readings.values
    ]
    return " ".join((state.text, *also))


def _tells(readings: Readings, slot: Slot, found: Move | None) -> bool:
    """Whether there is an answer in it, be it only that any time would do."""
    if readings.when is not None and slot.kind in OF_WHEN:
        return True
    return bool(readings) and not (found is Move.WAIT and slot.kind is Kind.TEXT)


_PARTING: Final = frozenset((Move.GOODBYE, Move.THANKS, Move.YES, Move.NO))
_AT_ONCE: Final = frozenset((Move.GOODBYE, Move.REPEAT, Move.PERSON, Move.ABANDON))
_NEAR_DAYS: Final = "today tomorrow"
_WITHOUT_LIST: Final = frozenset((Kind.NAME, Kind.PHONE))
_IN_ONE_BREATH: Final = frozenset((Kind.CHOICE, Kind.DATE, Kind.TIME, Kind.INTEGER, Kind.NUMBER))
_WHOLE_NUMBER: Final = 10
"""Digits of a telephone number after which none are expected; shorter ones are said in groups."""
