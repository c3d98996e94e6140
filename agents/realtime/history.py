"""What other sessions of the call knew, as items of this one's conversation.

OpenAI API reference, conversation.item.create: what the caller said is `input_text`, what the agent
said can only be given as text, and an output needs its call before it. Calls of other sessions get
ids of our own: another engine's may be too long, and one call may be told of twice, while it
runs and when it is done.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from agents.engine import AgentSaid, AnyRemembered, CallerSaid, ToolAnswered
from agents.realtime import wire


class History:
    """Of one session."""

    def __init__(self) -> None:
        self._calls = 0
        self._early: list[AnyRemembered] = []

    def keep(self, what: Sequence[AnyRemembered]) -> None:
        """Until the session can take it."""
        self._early += what

    def kept(self, *, beta: bool) -> list[bytes]:
        """What came too early, as messages; nothing is left."""
        early, self._early = self._early, []
        return self.messages(early, beta=beta)

    def messages(self, what: Sequence[AnyRemembered], *, beta: bool) -> list[bytes]:
        """One for each item, in order; empty words are no items."""
        return [wire.item_create(item) for each in what for item in self._items(each, beta)]

    def _items(self, each: AnyRemembered, beta: bool) -> Iterator[dict[str, Any]]:
        match each:
            case CallerSaid(text):
                if text.strip():
                    yield wire.caller_text(text)
            case AgentSaid(text):
                if text.strip():
                    yield wire.agent_text(text, beta=beta)
            case ToolAnswered(_, name, arguments, output):
                self._calls += 1
                tool_call_id = f"earlier_{self._calls}"
                yield wire.tool_call(tool_call_id, name, arguments)
                yield wire.tool_output(tool_call_id, output)
