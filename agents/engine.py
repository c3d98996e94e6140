"""What the telephone side and any model engine may say to each other.

An engine hears PCM or mu-law and speaks it; it knows nothing of phones. The telephone side
knows nothing of which engine runs: it reads `Capabilities` and exchanges these messages.
All messages are frozen and msgspec-encodable, so that a call's journal can hold them.
"""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

import msgspec


class AudioFormat(Enum):
    """Headerless mono audio. The value is the name used in settings and journals."""

    PCM16_24K = "pcm16_24k"
    """16-bit little-endian, 24,000 samples a second: 48 bytes a millisecond."""
    ULAW_8K = "ulaw_8k"
    """G.711 mu-law, 8,000 samples a second: 8 bytes a millisecond."""

    @property
    def rate(self) -> int:
        """Samples a second."""
        return 24_000 if self is AudioFormat.PCM16_24K else 8_000

    @property
    def sample_bytes(self) -> int:
        return 2 if self is AudioFormat.PCM16_24K else 1


class Capabilities(msgspec.Struct, frozen=True):
    """What an engine does by itself, so that the call can do the rest."""

    name: str
    """`local`, `realtime`, ...: stands in the call record."""
    input_format: AudioFormat
    output_format: AudioFormat
    cancels_on_speech: bool
    """It stops generating by itself when the caller speaks; no CancelResponse is wanted then."""
    truncates: bool
    """It takes TruncateItem and DeleteItem, and so its model knows what was heard."""
    answers_on_request: bool = False
    """It neither stops nor answers by itself when the caller speaks: the call cancels what is
    not wanted, and sends Answer or Dismiss for each of the caller's turns."""
    truncate_margin_ms: int = 0
    """Never ask it to keep the last so many ms of what it has sent (see docs/wire.md)."""
    transcribes: bool = True
    """It writes down what the caller says, sooner or later; nobody waits for words of one that
    does not."""
    owns_playback: bool = False
    """Its server hears both sides, paces the audio as it is spoken, and itself falls silent for
    the caller, or goes on: what it still says while they speak is to be heard. A reply it broke
    off ends with `turn_detected`, and what the carrier has left of it is wanted no more."""


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one response; `None` where the engine does not count them."""

    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    cached_text_tokens: int = 0
    cached_audio_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0


class ResponseStatus(Enum):
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


# ---- engine -> call ---------------------------------------------------------------------------


class EngineEvent(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Base of everything an engine reports."""


class EngineReady(EngineEvent, frozen=True, tag=True):
    """Configured exactly as asked; from now on caller audio is heard and Say is obeyed."""

    session_id: str


class CallerSpeechStarted(EngineEvent, frozen=True, tag=True):
    """The engine hears the caller begin to speak: the barge-in trigger."""

    item_id: str
    """The caller's item to come; unique within the call."""
    audio_ms: int
    """Where in the audio appended so far speech began, in ms (may include pre-roll)."""


class CallerSpeechStopped(EngineEvent, frozen=True, tag=True):
    """The engine considers the caller's turn finished."""

    item_id: str
    audio_ms: int
    """Where in the audio appended so far speech ended, in ms."""


class CallerTranscript(EngineEvent, frozen=True, tag=True):
    """What the caller said, final; may arrive before, during or after the answer to it."""

    item_id: str
    text: str
    """Empty when nothing intelligible was said or transcription failed."""
    failed: bool = False
    billed_ms: int | None = None
    """How much speech its provider charges for; None: it does not say."""


class ResponseStarted(EngineEvent, frozen=True, tag=True):
    response_id: str


class AudioDelta(EngineEvent, frozen=True, tag=True):
    """A piece of speech, any length, much faster than real time."""

    response_id: str
    item_id: str
    """Unique within the call, as response_id is, whatever engines and sessions the call has."""
    content_index: int
    audio: bytes
    """In `Capabilities.output_format`; whole samples only."""


class TextDelta(EngineEvent, frozen=True, tag=True):
    """Words of the item's transcript, in order; may run ahead of or behind the audio."""

    response_id: str
    item_id: str
    text: str


class ItemDone(EngineEvent, frozen=True, tag=True):
    """No more audio or text of this spoken item will come (finished, cancelled or cut)."""

    response_id: str
    item_id: str


class ToolCalled(EngineEvent, frozen=True, tag=True):
    """A completed tool call; exactly one ToolOutput with the same id must follow."""

    response_id: str
    tool_call_id: str
    name: str
    arguments: str
    """JSON text as the model wrote it: unvalidated."""


class ResponseDone(EngineEvent, frozen=True, tag=True):
    """Always the last event of a response."""

    response_id: str
    status: ResponseStatus
    reason: str = ""
    """`turn_detected`, `client_cancelled`, `max_output_tokens`, `rate_limit_exceeded`, ..."""
    usage: Usage | None = None


class EngineExpires(EngineEvent, frozen=True, tag=True):
    """Its server will end this session, however well it goes; told in good time, once or more."""

    in_s: float
    """Seconds from now until then."""


class EngineAllowance(EngineEvent, frozen=True, tag=True):
    """What the provider still lets us use of a model before it refuses."""

    name: str
    """`tokens` or `requests`, by the minute."""
    limit: int
    remaining: int
    reset_s: float
    """Seconds from now until it is whole again."""


class EngineNotice(EngineEvent, frozen=True, tag=True):
    """Something odd but harmless: counted and logged, never acted on."""

    code: str


class EngineFailed(EngineEvent, frozen=True, tag=True):
    """The session is of no more use. Nothing follows it."""

    reason: str
    """A code from the engine's own closed list (`connect_refused`, `invalid_api_key`, ...)."""
    fatal: bool
    """True: the same engine with the same settings would fail again."""
    retry_after_s: float | None = None
    """How long its provider asks to be left alone, from now; None where it did not say."""


AnyEngineEvent = (
    EngineReady
    | CallerSpeechStarted
    | CallerSpeechStopped
    | CallerTranscript
    | ResponseStarted
    | AudioDelta
    | TextDelta
    | ItemDone
    | ToolCalled
    | ResponseDone
    | EngineExpires
    | EngineAllowance
    | EngineNotice
    | EngineFailed
)

# ---- what an engine is told of the call before it -----------------------------------------------


class Remembered(msgspec.Struct, frozen=True, tag=True):
    """Base of what was said and done while another session listened."""


class CallerSaid(Remembered, frozen=True, tag=True):
    text: str


class AgentSaid(Remembered, frozen=True, tag=True):
    text: str
    """What the caller heard of it, and not a word more."""


class ToolAnswered(Remembered, frozen=True, tag=True):
    """A tool call of an earlier session, and what came of it."""

    tool_call_id: str
    name: str
    arguments: str
    """JSON text as the model wrote it."""
    output: str
    """JSON text for the model; of a call that still runs it says so."""


AnyRemembered = CallerSaid | AgentSaid | ToolAnswered

# ---- call -> engine ---------------------------------------------------------------------------


class EngineCommand(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Base of everything a call asks of an engine."""


class AppendAudio(EngineCommand, frozen=True, tag=True):
    """What the caller's side of the line carries next, in `Capabilities.input_format`; a call gives
    it as the line has it, and its seat makes it the engine's."""

    audio: bytes


class Say(EngineCommand, frozen=True, tag=True):
    """Speak these words now, as a reply of its own (greeting, silence prompt, goodbye)."""

    text: str


class Inform(EngineCommand, frozen=True, tag=True):
    """Something to know from now on, never to be spoken or answered by itself."""

    text: str


class Remember(EngineCommand, frozen=True, tag=True):
    """What was said and done in other sessions of this call, in order.

    It comes first of all after EngineReady (and before any audio held until then is heard), and
    once more whenever the fate of something older is known. It goes to the end of what the
    engine knows, and is never spoken.
    """

    what: tuple[AnyRemembered, ...]
    answer: bool = False
    """True: the caller waits for a reply to the last of it. Give one now."""


class TruncateItem(EngineCommand, frozen=True, tag=True):
    """The caller heard only the first `audio_end_ms` of this spoken item."""

    item_id: str
    content_index: int
    audio_end_ms: int
    heard_text: str
    """The words heard, for engines that keep their history as text."""


class DeleteItem(EngineCommand, frozen=True, tag=True):
    """The caller heard nothing of this item: forget it was ever said."""

    item_id: str


class CancelResponse(EngineCommand, frozen=True, tag=True):
    """Nothing more of this reply is wanted.

    What was on its way may still come: AudioDelta and TextDelta of its items, new items, tool
    calls, then ItemDone and ResponseDone (CANCELLED, or COMPLETED where the cancellation came too
    late). The call plays none of it. An item whose fate is told already stays as it was told; one
    that turns up only now is deleted.
    """

    response_id: str


class ToolOutput(EngineCommand, frozen=True, tag=True):
    """The answer to one ToolCalled."""

    tool_call_id: str
    output: str
    """JSON text for the model."""
    respond: bool = True
    """False: do not answer this aloud (the call is ending and goodbye was already said)."""


class Answer(EngineCommand, frozen=True, tag=True):
    """The caller's turn counts: reply to it. Only for engines that answer on request."""

    item_id: str


class Dismiss(EngineCommand, frozen=True, tag=True):
    """The caller's turn was a cough, a murmur or an echo: forget it, and go on as before."""

    item_id: str


class CloseEngine(EngineCommand, frozen=True, tag=True):
    """End the session; `run` returns soon after, without EngineFailed."""


AnyEngineCommand = (
    AppendAudio
    | Say
    | Inform
    | Remember
    | TruncateItem
    | DeleteItem
    | CancelResponse
    | ToolOutput
    | Answer
    | Dismiss
    | CloseEngine
)


class Engine(Protocol):
    """One model session of one call. Built by the composition root, owned by the call's session."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def run(self, deliver: Callable[[AnyEngineEvent], None]) -> None:
        """Connect, configure, then carry events until closed or failed.

        `deliver` is called on the event loop, never from a thread, and never awaits. Raises
        nothing but CancelledError: every failure is one EngineFailed event. On return nothing
        of the session is left running.
        """

    def submit(self, command: AnyEngineCommand) -> None:
        """Take one command, in order, without blocking; legal before EngineReady and after
        failure (then it does nothing). Caller audio from before EngineReady is held and bounded."""

    def hear(self, audio: bytes) -> None:
        """The same as to submit AppendAudio, by as short a way as the engine has: this is called
        fifty times a second. Who keeps the method may call it as long as the engine lives."""
