"""What a language model is asked, and when: the dialogue where the rules are a model's."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from agents.engine import AgentSaid, AnyRemembered, CallerSaid, ToolAnswered
from agents.local import sentences as say
from agents.local.acts import Act, CallTool, Consult, Speak
from agents.local.chat.history import Asked, History
from agents.local.chat.stream import Call
from agents.local.expectation import Expectation
from agents.local.recalling import still_runs
from agents.persona import Persona
from tools.registry import without_hints
from tools.spec import ToolSpec

MOST_ROUNDS: Final = 6
"""Times in a row the model may call tools before it has to say something."""
_MOST_TOKENS: Final = 400
_MANNER: Final = (
    "You are on the telephone: your words are spoken as you write them. Answer in one or two short"
    " sentences of plain words, without lists, markup or emoji, and ask one thing at a time."
)


class ChatDialogue:
    """One conversation with a model that keeps nothing: each answer is asked for with all of it."""

    def __init__(
        self,
        model: str,
        tools: Sequence[ToolSpec],
        persona: Persona,
        now: dt.datetime,
        tool_call_ids: Iterator[str],
    ) -> None:
        """`now`: aware, in the shop's zone. `tool_call_ids`: endless, unique within the call."""
        today = f"Today is {now:%A, %d %B %Y}."
        told = (persona.instructions, _MANNER, today)
        self._history = History(" ".join(part for part in told if part))
        self._model = model
        self._tools = [_tool(spec) for spec in tools]
        self._ids = tool_call_ids
        self._rounds = 0

    def expectation(self) -> Expectation:
        """Anything may be said."""
        return Expectation()

    def settled(self, text: str, constrained: bool) -> bool:
        """Nobody here knows what an answer has to hold."""
        return False

    def heard(self, text: str, constrained: bool) -> list[Act]:
        self._rounds = 0
        if not text.strip():
            self._history.agent(say.MISSED)
            return [Speak(say.MISSED)]
        self._history.caller(text)
        return [self._consult()]

    def tool_answered(self, tool_call_id: str, output: str) -> list[Act] | None:
        """None while other tools of the same reply are still at work."""
        if not self._history.answered(tool_call_id, output):
            return []
        if self._history.waiting:
            return None
        self._rounds += 1
        return [self._consult()]

    def remember(self, what: Sequence[AnyRemembered], *, answer: bool) -> list[Act]:
        for each in what:
            match each:
                case CallerSaid(text) if text:
                    self._history.caller(text)
                case AgentSaid(text):
                    self._history.agent(text)
                case ToolAnswered():
                    self._remember_tool(each)
        return [self._consult()] if answer else []

    def _remember_tool(self, what: ToolAnswered) -> None:
        output = None if still_runs(what.output) else what.output
        if output is None or not self._history.answered(what.tool_call_id, output):
            asked = Asked(what.tool_call_id, what.name, what.arguments, output)
            self._history.agent("", [asked])

    def cut(self, item_text: str, heard_text: str) -> None:
        self._history.cut(item_text, heard_text)

    def interposed(self, text: str) -> None:
        self._history.agent(text)

    def informed(self, text: str) -> None:
        self._history.note(text)

    def spoke(self, text: str, calls: Sequence[Call]) -> list[CallTool]:
        """The model said this, and wants these tools; its ids need not be unique."""
        asked = [Asked(next(self._ids), call.name, call.arguments or "{}") for call in calls]
        self._history.agent(text, asked)
        return [CallTool(each.tool_call_id, each.name, each.arguments) for each in asked]

    def _consult(self) -> Consult:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": self._history.messages(),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": _MOST_TOKENS,
        }
        if self._tools:
            body["tools"] = self._tools
            # Tool after tool without a word: the caller is owed one.
            body["tool_choice"] = "auto" if self._rounds < MOST_ROUNDS else "none"
        return Consult(msgspec.json.encode(body))


def _tool(spec: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": spec.name,
            "description": spec.description,
            "parameters": without_hints(spec.parameters),
        },
    }
