"""One reply on its way in: a stream of chunks becomes words, sound and tool calls."""

from enum import Enum

import msgspec

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    EngineNotice,
    ItemDone,
    TextDelta,
    ToolCalled,
    Usage,
)
from agents.turns import failures, wire
from agents.turns.failures import Failure
from agents.turns.soundness import SoundCheck

BAD_CHUNKS = 100
"""After so many events that cannot be used, the peer is not speaking this protocol."""
_MOST_ARGUMENTS = 100_000
"""Characters of one tool call."""
_MOST_CALLS = 32
_MOST_WRITTEN = 2_000
"""Characters; a minute or two of speech."""
_INPUT_TOKENS_A_S = 10
_OUTPUT_TOKENS_A_S = 20
_CHARACTERS_A_TOKEN = 4
"""What a token of sound or text is about (OpenAI guide, Realtime costs), where nobody counted."""
_BYTES_A_S = 48_000
_CALLS = frozenset({"tool_calls", "function_call", "stop"})
"""`stop` too: some gateways end a response of tool calls with it."""


class Ending(Enum):
    """How a reply ended that did not fail."""

    COMPLETE = "complete"
    TOO_LONG = "max_output_tokens"
    FILTERED = "content_filter"


class _Call(msgspec.Struct):
    """A tool call as far as it has come."""

    name: str = ""
    arguments: str = ""


class Reply:
    """What one request brings forth. Its one spoken item is `item_id`."""

    def __init__(self, response_id: str) -> None:
        self.response_id = response_id
        self.item_id = f"{response_id}_item"
        self.text = ""
        """The words given out."""
        self.audio_bytes = 0
        """Of sound given out."""
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        """What the stream itself said or showed to be wrong."""
        self.over = False
        """Nothing of use can follow."""
        self.called: list[ToolCalled] = []
        self.chunks = 0
        """Events of use so far."""
        self.written = ""
        """What the model wrote where it should have spoken."""
        self._events = wire.EventStream()
        self._check = SoundCheck()
        self._rest = b""
        self._calls: dict[int, _Call] = {}
        self._finish: str | None = None
        self._sound_ended = False
        self._item_open = False
        self._bad_chunks = 0

    def receive(self, data: bytes) -> list[AnyEngineEvent]:
        """The next bytes of the stream, however broken."""
        try:
            return self._taken(self._events.push(data))
        except wire.BadStream:
            return self._broken(failures.BAD_STREAM)

    def close(self) -> list[AnyEngineEvent]:
        """The stream has ended: what is wrong if that was too soon, or nothing came, is set."""
        events = self._taken(self._events.close())
        if self.failure is None and not self.over and not self._whole:
            self.failure = failures.CUT
        return events + self._ended()

    @property
    def ending(self) -> Ending:
        match self._finish:
            case "length":
                return Ending.TOO_LONG
            case "content_filter":
                return Ending.FILTERED
            case _:
                return Ending.COMPLETE

    @property
    def _whole(self) -> bool:
        """An audio stream may name no finish reason; then only its sound says that it ended."""
        return self._finish is not None or self._sound_ended

    def stop(self) -> list[AnyEngineEvent]:
        """Nothing more of it is wanted."""
        self.over = True
        return self._end_item()

    def estimate(self, characters: int, sound_s: float) -> Usage:
        """The tokens of a reply that was broken off, for which no count will come."""
        return Usage(
            input_text_tokens=characters // _CHARACTERS_A_TOKEN,
            input_audio_tokens=round(sound_s * _INPUT_TOKENS_A_S),
            output_text_tokens=len(self.text) // _CHARACTERS_A_TOKEN,
            output_audio_tokens=self.audio_bytes * _OUTPUT_TOKENS_A_S // _BYTES_A_S,
        )

    # ---- the stream ---------------------------------------------------------------------------

    def _taken(self, received: list[bytes]) -> list[AnyEngineEvent]:
        events: list[AnyEngineEvent] = []
        for event in received:
            if self.over:
                break
            if event.strip() == wire.DONE:
                events += self._ended()
                break
            try:
                chunk = wire.chunk(event)
                self.chunks += 1
                events += self._chunk(chunk)
            except wire.BadChunk:
                events += self._bad_chunk()
        return events

    def _bad_chunk(self) -> list[AnyEngineEvent]:
        self._bad_chunks += 1
        if self._bad_chunks > BAD_CHUNKS:
            return self._broken(failures.BAD_STREAM)
        return [EngineNotice("bad_chunk")]

    def _chunk(self, chunk: wire.Chunk) -> list[AnyEngineEvent]:
        if chunk.error is not None:
            return self._broken(failures.of_code(chunk.error.code, chunk.error.type))
        if chunk.usage is not None:
            self.usage = _usage(chunk.usage)
        events: list[AnyEngineEvent] = []
        for choice in chunk.choices or ():
            if choice.index == 0 and not self.over:
                events += self._choice(choice)
        return events

    def _choice(self, choice: wire.Choice) -> list[AnyEngineEvent]:
        delta = choice.delta or wire.Delta()
        events: list[AnyEngineEvent] = []
        if delta.audio is not None:
            events += self._sound(delta.audio)
        if written := delta.content or delta.refusal:
            if not self.written:
                events.append(EngineNotice("text_instead_of_audio"))
            self.written = (self.written + written)[:_MOST_WRITTEN]
        for part in delta.tool_calls or ():
            self._tool_part(part)
        if choice.finish_reason and self._finish is None:
            self._finish = choice.finish_reason
            events += self._finished()
        return events

    def _sound(self, part: wire.AudioPart) -> list[AnyEngineEvent]:
        events: list[AnyEngineEvent] = []
        if part.transcript:
            self.text += part.transcript
            self._item_open = True
            events.append(TextDelta(self.response_id, self.item_id, part.transcript))
        if part.data:
            events += self._samples(part.data)
        self._sound_ended = self._sound_ended or part.expires_at is not None
        return events

    def _samples(self, data: bytes) -> list[AnyEngineEvent]:
        if not self._check.sound(data):
            return self._broken(failures.WRONG_FORMAT)
        whole = self._rest + data
        cut = len(whole) & ~1
        self._rest = whole[cut:]
        if not cut:
            return []
        self.audio_bytes += cut
        self._item_open = True
        return [AudioDelta(self.response_id, self.item_id, 0, whole[:cut])]

    def _tool_part(self, part: wire.ToolPart) -> None:
        if part.index not in self._calls and len(self._calls) >= _MOST_CALLS:
            return
        call = self._calls.setdefault(part.index, _Call())
        function = part.function or wire.FunctionPart()
        # A name comes whole, in the first fragment; a gateway may repeat it in each.
        call.name = call.name or function.name or ""
        call.arguments = (call.arguments + (function.arguments or ""))[:_MOST_ARGUMENTS]

    def _finished(self) -> list[AnyEngineEvent]:
        """The model has said all it will; a count of tokens may follow."""
        events = self._end_item()
        calls, self._calls = self._calls, {}
        for index, call in sorted(calls.items()):
            if self._finish not in _CALLS or not call.name:
                # Its arguments are cut off anywhere.
                events.append(EngineNotice("tool_call_incomplete"))
                continue
            called = ToolCalled(
                self.response_id,
                f"{self.response_id}_call_{index}",
                call.name,
                call.arguments or "{}",
            )
            self.called.append(called)
            events.append(called)
        return events

    def _ended(self) -> list[AnyEngineEvent]:
        """Either `[DONE]` or the end of the stream."""
        self.over = True
        if self.failure is None and self._finish is None:
            self._finish = "tool_calls" if self._calls else "stop"
            events = self._finished()
        else:
            events = self._end_item()
        nothing = not self.audio_bytes and not self.called
        if self.failure is None and nothing and self.ending is not Ending.FILTERED:
            self.failure = failures.EMPTY_AUDIO
        return events

    def _broken(self, failure: Failure) -> list[AnyEngineEvent]:
        self.failure = failure
        return self.stop()

    def _end_item(self) -> list[AnyEngineEvent]:
        if not self._item_open:
            return []
        self._item_open = False
        return [ItemDone(self.response_id, self.item_id)]


def _usage(count: wire.UsageCount) -> Usage:
    """Cached tokens count as text: the cheaper reading would flatter the bill."""
    given = count.prompt_tokens_details or wire.Details()
    made = count.completion_tokens_details or wire.Details()
    return Usage(
        input_text_tokens=_text_tokens(count.prompt_tokens, given),
        input_audio_tokens=given.audio_tokens or 0,
        cached_text_tokens=given.cached_tokens or 0,
        output_text_tokens=_text_tokens(count.completion_tokens, made),
        output_audio_tokens=made.audio_tokens or 0,
    )


def _text_tokens(total: int | None, details: wire.Details) -> int:
    if details.text_tokens is not None:
        return details.text_tokens
    return max(0, (total or 0) - (details.audio_tokens or 0))
