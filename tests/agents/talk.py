"""Conversations with the embedded engine's dialogue, told as scripts."""

import datetime as dt
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import regex
from hypothesis import strategies as st

from agents.engine import AnyRemembered
from agents.local.acts import Act, CallTool, Speak
from agents.local.dialogue import Dialogue
from agents.local.expectation import plain
from agents.persona import Persona
from tools.spec import Risk, ToolSpec

FRIDAY = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
"""`now` in all scripts: Friday the twentieth of November 2026, nine in the morning."""

Answers = Mapping[str, Callable[[dict[str, Any]], Any]]


def spec(
    name: str,
    properties: dict[str, Any] | None = None,
    *,
    description: str = "",
    risk: Risk = Risk.READ,
    optional: Sequence[str] = (),
    confirm: tuple[str, ...] = (),
    phrases: tuple[str, ...] = (),
    ends_call: bool = False,
) -> ToolSpec:
    """A tool; every property is required but the optional ones."""
    known = properties or {}
    required = [name for name in known if name not in optional]
    schema = {"type": "object", "properties": known, "required": required}
    return ToolSpec(name, description, schema, risk, confirm, phrases, ends_call)


SERVICE = {
    "type": "string",
    "x-choices-from": "list_services",
    "x-ask": "Which service would you like?",
}
DATE = {"type": "string", "format": "date", "x-ask": "What day would you like?"}
TIME = {
    "type": "string",
    "format": "time",
    "x-choices-from": "find_times",
    "x-ask": "What time would you like?",
}
NAME = {"type": "string", "format": "name", "x-ask": "What name shall I put it under?"}

SALON = (
    spec("list_services", phrases=("what services do you have", "what do you offer")),
    spec(
        "find_times",
        {"service": SERVICE, "date": DATE},
        phrases=("what times do you have", "when are you free"),
    ),
    spec(
        "book_appointment",
        {"service": SERVICE, "date": DATE, "time": TIME, "name": NAME},
        risk=Risk.WRITE_OWN,
        confirm=("service", "date", "time", "name"),
        phrases=("I'd like to book an appointment", "can I make an appointment"),
    ),
    spec("hang_up", phrases=("goodbye",), ends_call=True),
)


def _times(arguments: dict[str, Any]) -> Any:
    if dt.date.fromisoformat(arguments["date"]).weekday() == 6:
        return {"status": "done", "message": "We are closed on Sundays.", "choices": []}
    said = "We have ten, ten thirty, and half past three."
    return {"status": "done", "message": said, "choices": ["10:00", "10:30", "15:30"]}


SALON_ANSWERS: Answers = {
    "list_services": lambda _: {
        "status": "done",
        "message": "We do haircuts, colour, and beard trims.",
        "choices": ["haircut", "colour", "beard trim"],
    },
    "find_times": _times,
    "book_appointment": lambda _: {"status": "done", "message": "You are booked."},
    "hang_up": lambda _: {"status": "done", "message": "Bye."},
}


class Talk:
    """One conversation. Tools answer at once unless `slow` names them."""

    def __init__(
        self,
        tools: Sequence[ToolSpec],
        answers: Answers,
        *,
        slow: Sequence[str] = (),
        caller_number: str | None = None,
        caller_name: str = "",
    ) -> None:
        ids = (f"call_{number}" for number in itertools.count(1))
        self.dialogue = Dialogue(
            tools, Persona(), FRIDAY, ids, caller_number=caller_number, caller_name=caller_name
        )
        self.answers = dict(answers)
        self.slow = set(slow)
        self.spoken: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.waiting: list[CallTool] = []
        self.new: list[str] = []

    def says(self, text: str, *, constrained: bool = False) -> "Talk":
        self.new = []
        self.calls = []
        acts = self.dialogue.heard(text, constrained)
        assert acts, f"silence after {text!r}"
        self._perform(acts)
        return self

    def answers_shortly(self, text: str) -> "Talk":
        """A short answer, which the recogniser must be listening for."""
        pattern = self.dialogue.expectation().pattern
        assert pattern is not None, f"listening openly for {text!r}"
        assert regex.fullmatch(pattern, plain(text)), f"{text!r} is not listened for"
        return self.says(text, constrained=True)

    def remembers(self, *what: AnyRemembered, answer: bool = False) -> "Talk":
        """This was said and done in another session of the call."""
        self.new, self.calls = [], []
        acts = self.dialogue.remember(what, answer=answer)
        assert bool(acts) == answer, f"{acts} for {what}"
        self._perform(acts)
        return self

    def hears_only(self, heard: str) -> "Talk":
        """Of what was said last the caller hears only this."""
        self.dialogue.cut(self.spoken[-1], heard)
        return self

    def _perform(self, acts: Sequence[Act]) -> None:
        for act in acts:
            match act:
                case Speak(text):
                    self.spoken.append(text)
                    self.new.append(text)
                case CallTool(_, name, arguments):
                    self.calls.append((name, json.loads(arguments)))
                    if name in self.slow:
                        self.waiting.append(act)
                    else:
                        self.finish(act)

    def finish(self, call: CallTool) -> None:
        output = self.answers[call.name](json.loads(call.arguments_json))
        text = output if isinstance(output, str) else json.dumps(output)
        self._perform(self.dialogue.tool_answered(call.tool_call_id, text))

    def finished(self) -> "Talk":
        """The slow tool answers now."""
        self.new, self.calls = [], []
        self.finish(self.waiting.pop(0))
        return self

    def asked(self, *parts: str) -> "Talk":
        """What was said since holds all of these, letter case apart."""
        said = " ".join(self.new)
        for part in parts:
            assert part.lower() in said.lower(), f"{part!r} is not in {said!r}"
        return self

    def did_not_say(self, *parts: str) -> "Talk":
        said = " ".join(self.new)
        for part in parts:
            assert part.lower() not in said.lower(), f"{part!r} is in {said!r}"
        return self

    def called(self, name: str, /, **arguments: Any) -> "Talk":
        assert (name, arguments) in self.calls, f"{name} {arguments} is not in {self.calls}"
        return self

    def wrote_nothing(self) -> "Talk":
        assert not [name for name, _ in self.calls if name in self.writes], self.calls
        return self

    writes = frozenset(("book_appointment", "order_taxi", "cancel_booking", "take_message"))


def talk(
    tools: Sequence[ToolSpec] = SALON,
    answers: Answers = SALON_ANSWERS,
    *,
    slow: Sequence[str] = (),
    caller_number: str | None = None,
    caller_name: str = "",
) -> Talk:
    return Talk(tools, answers, slow=slow, caller_number=caller_number, caller_name=caller_name)


def pattern_takes(pattern: str, text: str) -> bool:
    """Whether a recogniser held to the pattern can write this text, letter by letter."""
    begun = all(
        regex.fullmatch(pattern, text[:end], partial=True) is not None
        for end in range(len(text) + 1)
    )
    return begun and regex.fullmatch(pattern, text) is not None


def accepted_by(pattern: str) -> st.SearchStrategy[str]:
    """Texts that the pattern accepts."""
    return st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
