"""What was said and done so far, and how the model is told of it: as text, at every request.

Only what the caller has not been answered yet goes out as sound. Replies stand here with the
words the caller heard. Ids of the API's own audio are never sent back: they expire, and would
stand for words nobody heard.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, TypeVar

import msgspec

from agents.engine import AgentSaid, AnyRemembered, CallerSaid
from agents.turns import wire

MOST_CHARACTERS = 32_000
"""Of what went before; some 8,000 tokens. The oldest is left out first."""
PLAIN_CHARACTERS = 8_000
_MOST_ENTRIES = 400
_SOUND_KEPT = 3
"""Turns of the caller whose words are not known go out as sound, if they are among the last."""
_RUNNING = '{"status":"running"}'
_INAUDIBLE = "(words that could not be made out)"
_CUT = "That reply was cut off: the caller heard the words above, and nothing more of it."
_BROKEN_OFF = (
    "The line to you broke in the middle of that reply. Go on where it stopped, without "
    "beginning again and without a greeting."
)


class CallerTurn(msgspec.Struct):
    """Something the caller said."""

    item_id: str
    wav: bytes
    text: str | None = None
    """None until it is written down, or when that failed."""
    counts: bool = False
    answered: bool = False


class AgentReply(msgspec.Struct):
    """Words of ours that are going out, or have."""

    item_id: str
    text: str = ""


class ToolUse(msgspec.Struct):
    response_id: str
    tool_call_id: str
    name: str
    arguments: str
    output: str | None = None
    """None while it runs, or when its answer came too late to stand here."""


class Aside(msgspec.Struct):
    """Something only the model is told."""

    text: str


Entry = CallerTurn | AgentReply | ToolUse | Aside
_Kind = TypeVar("_Kind", CallerTurn, AgentReply)


class Dialogue:
    """The history of one call, in order."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    # ---- what happens --------------------------------------------------------------------------

    def caller_said(self, item_id: str, content: bytes) -> None:
        """`content`: the turn as a WAV file. It counts once `count` says so."""
        self._add(CallerTurn(item_id, content))

    def count(self, item_id: str) -> None:
        """This turn, and what the caller said before it, is to be answered."""
        turns = self._of(CallerTurn)
        last = next((at for at, turn in enumerate(turns) if turn.item_id == item_id), -1)
        for turn in turns[: last + 1]:
            turn.counts = True

    def written_down(self, item_id: str, text: str) -> None:
        """What the caller said in that turn."""
        for turn in self._of(CallerTurn):
            if turn.item_id == item_id and text:
                turn.text = text
        self._let_go()

    def answered(self) -> None:
        """What counts so far has had its answer, or is having it."""
        for turn in self._of(CallerTurn):
            turn.answered = turn.answered or turn.counts
        self._let_go()

    def reply(self, item_id: str, text: str) -> None:
        """More words of a reply that is going out."""
        for reply in self._of(AgentReply):
            if reply.item_id == item_id:
                reply.text += text
                return
        self._add(AgentReply(item_id, text))

    def heard(self, item_id: str, text: str) -> None:
        """Of this reply the caller heard only so much. An unknown one is ignored."""
        for at, entry in enumerate(self._entries):
            if isinstance(entry, AgentReply) and entry.item_id == item_id:
                entry.text = text
                self._entries[at + 1 : at + 1] = [Aside(_CUT)] if text else []
                break
        if not text:
            self.forget(item_id)

    def broken_off(self) -> None:
        """The reply before this is not whole, and nobody cut in."""
        self._add(Aside(_BROKEN_OFF))

    def forget(self, item_id: str) -> None:
        """It was never said, or never heard."""
        self._entries = [
            entry
            for entry in self._entries
            if not (isinstance(entry, CallerTurn | AgentReply) and entry.item_id == item_id)
        ]

    def called(self, response_id: str, tool_call_id: str, name: str, arguments: str) -> None:
        self._add(ToolUse(response_id, tool_call_id, name, arguments))

    def tool_answered(self, tool_call_id: str, output: str) -> None:
        """Told where the call stands; told anew where the talk has gone on since."""
        for at, use in enumerate(self._entries):
            if isinstance(use, ToolUse) and use.tool_call_id == tool_call_id:
                later = self._entries[at + 1 :]
                if any(isinstance(entry, CallerTurn | AgentReply) for entry in later):
                    self.inform(f"The result of {use.name} {use.arguments} is now: {output}")
                else:
                    use.output = output
                return

    def inform(self, text: str) -> None:
        self._add(Aside(text))

    def remember(self, what: Sequence[AnyRemembered], *, answer: bool) -> None:
        """What was said and done in other sessions of this call."""
        for at, each in enumerate(what):
            match each:
                case CallerSaid(text):
                    last = answer and at == len(what) - 1
                    self._add(CallerTurn("", b"", text, counts=True, answered=not last))
                case AgentSaid(text):
                    self._add(AgentReply("", text))
                case _:
                    use = ToolUse("", each.tool_call_id, each.name, each.arguments, each.output)
                    self._add(use)

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        if len(self._entries) > _MOST_ENTRIES:
            del self._entries[0]

    def _let_go(self) -> None:
        """Of sound that no request will need."""
        sounding = {id(turn) for turn in self._sounding()}
        for turn in self._of(CallerTurn):
            if turn.counts and id(turn) not in sounding:
                turn.wav = b""

    def _of(self, kind: type[_Kind]) -> list[_Kind]:
        return [entry for entry in self._entries if isinstance(entry, kind)]

    # ---- how it is told ------------------------------------------------------------------------

    def sound_s(self) -> float:
        """Of the caller's speech in the next request."""
        return sum(wire.wav_seconds(turn.wav) for turn in self._sounding())

    def messages(self) -> list[dict[str, Any]]:
        """The conversation as the API takes it; the system's instructions are not in it."""
        sounding = {id(turn) for turn in self._sounding()}
        told: list[dict[str, Any]] = []
        for key, run in groupby(enumerate(self._told(MOST_CHARACTERS)), _run):
            entries = [entry for _, entry in run]
            if key is None:
                uses = [entry for entry in entries if isinstance(entry, ToolUse)]
                told += _tool_messages(uses, len(told))
            else:
                told += [_message(entry, sounding) for entry in entries]
        return told

    def plain_messages(self) -> list[dict[str, Any]]:
        """The same in one text and the sound: nothing in it that a server could refuse."""
        sounding = self._sounding()
        lines = [
            line
            for entry in self._told(PLAIN_CHARACTERS)
            if not any(entry is turn for turn in sounding) and (line := _line(entry))
        ]
        past = ["What was said and done in this call so far:", *lines] if lines else []
        told = [wire.text_message("system", "\n".join(past))] if past else []
        return told + [wire.audio_message(turn.wav) for turn in sounding]

    def _sounding(self) -> list[CallerTurn]:
        """The turns that go out as sound."""
        turns = [turn for turn in self._of(CallerTurn) if turn.counts]
        old = len(turns) - _SOUND_KEPT
        return [
            turn
            for at, turn in enumerate(turns)
            if turn.wav and (not turn.answered or (turn.text is None and at >= old))
        ]

    def _told(self, most_characters: int) -> list[Entry]:
        """The newest entries, as many as may be; what waits for its answer is always among them."""
        kept: list[Entry] = []
        left = most_characters
        for entry in reversed(self._entries):
            if (isinstance(entry, CallerTurn) and not entry.counts) or not _tells(entry):
                continue
            left -= _length(entry)
            if left >= 0 or (isinstance(entry, CallerTurn) and not entry.answered):
                kept.append(entry)
        return kept[::-1]


def _tells(entry: Entry) -> bool:
    """False for sound of ours whose words never came."""
    return not isinstance(entry, AgentReply) or bool(entry.text)


def _length(entry: Entry) -> int:
    match entry:
        case ToolUse():
            return len(entry.arguments) + len(entry.output or _RUNNING)
        case CallerTurn():
            return len(entry.text or _INAUDIBLE)
        case _:
            return len(entry.text)


def _run(numbered: tuple[int, Entry]) -> int | None:
    """Neighbouring tool calls go together; everything else stands alone."""
    at, entry = numbered
    return None if isinstance(entry, ToolUse) else at


def _tool_messages(uses: Sequence[ToolUse], first: int) -> Iterator[dict[str, Any]]:
    """Calls of one response in one message, each with its output behind it.

    The ids are ours, by place: the API refuses ids longer than 40 characters, and those of
    another engine, or of a gateway that gives all calls the same one, may be anything.
    """
    at = first
    for _, group in groupby(uses, lambda use: use.response_id):
        named = [(f"call_{at}_{number}", use) for number, use in enumerate(group)]
        at += 1 + len(named)
        yield wire.calls_message([(each, use.name, use.arguments) for each, use in named])
        for each, use in named:
            yield wire.output_message(each, use.output or _RUNNING)


def _message(entry: Entry, sounding: set[int]) -> dict[str, Any]:
    match entry:
        case CallerTurn() if id(entry) in sounding:
            return wire.audio_message(entry.wav)
        case CallerTurn():
            return wire.text_message("user", entry.text or _INAUDIBLE)
        case AgentReply():
            return wire.text_message("assistant", entry.text)
        case Aside():
            return wire.text_message("system", entry.text)
        case ToolUse():
            raise AssertionError("tool calls are told together")


def _line(entry: Entry) -> str:
    match entry:
        case CallerTurn():
            return f"Caller: {entry.text or _INAUDIBLE}"
        case AgentReply():
            return f"You: {entry.text}"
        case ToolUse():
            return f"{entry.name} {entry.arguments} gave {entry.output or _RUNNING}"
        case Aside():
            return entry.text
