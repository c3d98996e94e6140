"""What was said and done, as the messages of a chat: only what the caller heard, all they said."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

MOST_LETTERS: Final = 16_000
"""Of what was said, the newest: small models forget, or refuse, more than about 4,000 tokens."""
STILL_RUNNING: Final = '{"status": "running"}'
"""Stands where a tool's answer will: an API refuses a tool call without one."""
_ON_THE_LINE: Final = "(The caller is on the line.)"
_NOTHING: Final = "..."
"""Stands for a reply to a tool's answer of which nothing was heard."""
_WAITS: Final = "(The caller waits for you to go on.)"

Message = dict[str, Any]


class Asked(msgspec.Struct):
    """One tool call of the model's and, once it is known, the answer."""

    tool_call_id: str
    name: str
    arguments: str
    output: str | None = None


class Caller(msgspec.Struct):
    text: str


class Agent(msgspec.Struct):
    """One reply: what was heard of its words, and the tools it called."""

    text: str
    calls: list[Asked] = []


class History:
    """One conversation.

    Templates of local models take a system message at the very beginning only, and user and
    assistant in turn after it: so notes go into the first, and neighbours become one.
    """

    def __init__(self, instructions: str) -> None:
        self._instructions = instructions
        self._notes: list[str] = []
        self._entries: list[Caller | Agent] = []

    def caller(self, text: str) -> None:
        self._entries.append(Caller(text))

    def agent(self, text: str, calls: Sequence[Asked] = ()) -> None:
        if text or calls:
            self._entries.append(Agent(text, list(calls)))

    def note(self, text: str) -> None:
        """Something to know from now on."""
        self._notes.append(text)

    def answered(self, tool_call_id: str, output: str) -> bool:
        """A tool's answer, or another one than before; False when nobody asked for it."""
        for each in self._asked():
            if each.tool_call_id == tool_call_id:
                each.output = output
                return True
        return False

    @property
    def waiting(self) -> bool:
        """Whether a tool has not answered yet."""
        return any(each.output is None for each in self._asked())

    def cut(self, text: str, heard: str) -> None:
        """Of a reply only this was heard; nothing at all, and it was never said."""
        for at in reversed(range(len(self._entries))):
            entry = self._entries[at]
            if isinstance(entry, Agent) and entry.text and entry.text == text:
                entry.text = heard
                if not heard and not entry.calls:
                    del self._entries[at]
                return

    def messages(self) -> list[Message]:
        """All of it, as far as there is room."""
        system = "\n".join([self._instructions, *self._notes])
        told = _alternating(self._recent())
        if told and told[0]["role"] == "assistant":
            told.insert(0, {"role": "user", "content": _ON_THE_LINE})
        if not told or told[-1]["role"] == "assistant":
            told.append({"role": "user", "content": _WAITS})
        return [{"role": "system", "content": system}, *told]

    def _recent(self) -> Sequence[Caller | Agent]:
        room = MOST_LETTERS
        for at in reversed(range(len(self._entries))):
            room -= _letters(self._entries[at])
            if room < 0 and at < len(self._entries) - 1:
                return self._entries[at + 1 :]
        return self._entries

    def _asked(self) -> Iterator[Asked]:
        for entry in self._entries:
            if isinstance(entry, Agent):
                yield from entry.calls


def _letters(entry: Caller | Agent) -> int:
    calls = entry.calls if isinstance(entry, Agent) else []
    return len(entry.text) + sum(len(each.arguments) + len(each.output or "") for each in calls)


def _alternating(entries: Sequence[Caller | Agent]) -> list[Message]:
    told: list[Message] = []
    for entry in entries:
        for message in _messages(entry):
            if told and (told[-1]["role"], message["role"]) == ("tool", "user"):
                told.append({"role": "assistant", "content": _NOTHING})
            if _joins(told, message):
                content = f"{told[-1]['content']} {message['content']}".strip()
                told[-1] = {**message, "content": content}
            else:
                told.append(message)
    return told


def _joins(told: list[Message], message: Message) -> bool:
    """Whether it goes on where the last one ended, in the same voice."""
    if not told or told[-1]["role"] != message["role"] or message["role"] == "tool":
        return False
    return "tool_calls" not in told[-1]


def _messages(entry: Caller | Agent) -> Iterator[Message]:
    if isinstance(entry, Caller):
        yield {"role": "user", "content": entry.text}
        return
    if not entry.calls:
        yield {"role": "assistant", "content": entry.text}
        return
    calls = [
        {
            "id": each.tool_call_id,
            "type": "function",
            "function": {"name": each.name, "arguments": each.arguments},
        }
        for each in entry.calls
    ]
    yield {"role": "assistant", "content": entry.text, "tool_calls": calls}
    for each in entry.calls:
        output = STILL_RUNNING if each.output is None else each.output
        yield {"role": "tool", "tool_call_id": each.tool_call_id, "content": output}
