"""How long may this go on? Silence, unanswered callers, endless calls, goodbyes nobody hears."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from telephony.call.commands import Onward
from telephony.call.config import Limits
from telephony.call.silence import since
from telephony.transcripts.entry import EndedReason


class Due(Enum):
    """What a passed deadline asks for."""

    ENGINE_NOT_READY = "engine_not_ready"
    ANSWER_OWED = "answer_owed"
    """The agent is silent when it should answer: ask it once more."""
    ANSWER_MISSING = "answer_missing"
    """It was asked once more and is still silent."""
    SILENCE_PROMPT = "silence_prompt"
    SECOND_PROMPT = "second_prompt"
    IDLE = "idle"
    MAX_LENGTH = "max_length"


class Stage(Enum):
    """How far a call's ending has come."""

    LAST_WORDS = "last_words"
    """The goodbye is wanted, or being spoken."""
    PLAYING = "playing"
    """No more words are waited for; those that were sent are let finish, within reason."""
    OWN_WORDS = "own_words"
    """We say ourselves what happens next; nothing of the engine's is wanted any more."""
    HANGING_UP = "hanging_up"
    """The carrier was asked to end the call."""
    HANDING_OVER = "handing_over"
    """The carrier was asked to take the caller on."""
    BY_SOCKET = "by_socket"
    """It would not be asked, so the socket was closed for it to ask us."""
    AWAY = "away"
    """The caller is with the carrier."""
    BROKEN_OFF = "broken_off"
    """The stream broke; the carrier has not asked yet what to do."""
    RETURNING = "returning"
    """The carrier was told to give the caller back."""
    OVER = "over"
    """The carrier's call is over; what became of it may still be told."""


_BEYOND = frozenset(
    {
        Stage.HANDING_OVER,
        Stage.BY_SOCKET,
        Stage.AWAY,
        Stage.BROKEN_OFF,
        Stage.RETURNING,
        Stage.OVER,
    }
)


@dataclass(slots=True)
class Closing:
    """An ending under way."""

    reason: EndedReason
    until_s: float
    """When the present stage has lasted long enough."""
    may_resume: bool = False
    """The caller may still take the floor and so call the ending off."""
    stage: Stage = Stage.LAST_WORDS
    not_yet: frozenset[str] | None = None
    """Replies that were under way when the goodbye was asked for, so are not it; None: it has
    begun, or none was asked for."""
    onward: Onward | None = None
    """Where the caller goes instead of being hung up on."""
    stopped: bool = False
    """The carrier ended the stream after it was asked to take the caller on."""

    def speaks(self, response_id: str) -> None:
        """A reply is being heard."""
        if self.not_yet is not None and response_id not in self.not_yet:
            self.not_yet = None

    def enter(self, stage: Stage, until_s: float) -> None:
        self.stage, self.until_s = stage, until_s

    @property
    def hanging_up(self) -> bool:
        return self.stage is Stage.HANGING_UP

    @property
    def beyond(self) -> bool:
        """The caller is not ours to talk to."""
        return self.stage in _BEYOND


class Patience:
    """The clocks of a live call."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._began_s = 0.0
        self._ready = False
        self._quiet_from_s: float | None = None
        self._owed_from_s: float | None = None
        self._stalled_from_s: float | None = None
        self._waited_for = False
        self._prompts = 0
        self._nudged = False

    def began(self, now: float) -> None:
        """A stream is open, and the engine must be ready soon."""
        self._began_s = now

    def ready(self) -> None:
        self._ready = True

    def caller_active(self) -> None:
        """The caller spoke or pressed a key: they are there."""
        self._prompts = 0
        self._quiet_from_s = None

    def caller_speaks(self) -> None:
        """Nobody waits for an answer while they speak."""
        self._waited_for = False
        self._owed_from_s = None

    @property
    def our_turn(self) -> bool:
        """The caller waits for us: for the first words, for an answer, or for the rest of it."""
        waits = self._waited_for or self._stalled_from_s is not None
        return waits or self._owed_from_s is not None or not self._ready

    @property
    def owed(self) -> bool:
        """The agent has to be heard: something was asked of it that it has not begun."""
        return self._owed_from_s is not None

    def answer_owed(self, now: float) -> None:
        """The agent has to be heard from now on: the caller's turn, or a tool, has ended."""
        self._owed_from_s = now
        self._waited_for = True

    def still_heard(self, now: float) -> None:
        """What is owed follows something the caller is hearing just now."""
        if self._owed_from_s is not None:
            self._owed_from_s = now

    def nothing_owed(self) -> None:
        """The caller speaks, so whatever was owed is asked anew or not at all."""
        self._owed_from_s = None
        self._waited_for = False

    def tool_running(self) -> None:
        """A tool has its own deadline; until it ends no answer is owed."""
        self._owed_from_s = None

    def answered(self) -> None:
        self._owed_from_s = None
        self._waited_for = False
        self._nudged = False

    def watch(self, *, busy: bool, stalled: bool, now: float) -> None:
        """Keep the clocks of silence.

        `busy`: somebody speaks or something runs. `stalled`: a reply is being given of which
        there is nothing to hear just now.
        """
        self._quiet_from_s = since(self._quiet_from_s, not busy, now)
        self._stalled_from_s = since(self._stalled_from_s, stalled, now)

    def due(self, now: float) -> Due | None:
        """The first thing whose time has come; asking takes note that it was answered."""
        for at_s, due in self._deadlines():
            if at_s <= now:
                self._taken(due, now)
                return due
        return None

    def next_deadline(self) -> float | None:
        return min((at_s for at_s, _ in self._deadlines()), default=None)

    def _deadlines(self) -> Iterator[tuple[float, Due]]:
        limits = self._limits
        yield limits.max_call_s, Due.MAX_LENGTH
        if not self._ready:
            yield self._began_s + limits.engine_ready_s, Due.ENGINE_NOT_READY
            return
        for since_s in (self._owed_from_s, self._stalled_from_s):
            if since_s is not None:
                if self._nudged:
                    yield since_s + limits.give_up_s - limits.answer_s, Due.ANSWER_MISSING
                else:
                    yield since_s + limits.answer_s, Due.ANSWER_OWED
        if self._quiet_from_s is not None:
            yield self._silence(self._quiet_from_s)

    def _silence(self, quiet_from_s: float) -> tuple[float, Due]:
        """After the first silence a gentle prompt, a second half-way to the goodbye."""
        first_s = self._limits.silence_prompt_s
        more_s = max(0.0, self._limits.idle_hangup_s - first_s) / 2
        match self._prompts:
            case 0:
                return quiet_from_s + first_s, Due.SILENCE_PROMPT
            case 1:
                return quiet_from_s + more_s, Due.SECOND_PROMPT
            case _:
                return quiet_from_s + more_s, Due.IDLE

    def _taken(self, due: Due, now: float) -> None:
        if due is Due.ANSWER_OWED:
            self._nudged = True
            self._owed_from_s = now
            self._stalled_from_s = None
        if due in {Due.SILENCE_PROMPT, Due.SECOND_PROMPT}:
            self._prompts += 1
            self._quiet_from_s = now
