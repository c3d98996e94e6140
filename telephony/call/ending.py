"""How a call comes to its end: last words, the hang-up, and what happens when either fails."""

from enum import Enum

from agents.engine import CloseEngine, Say
from telephony.call.commands import CallCommand, CloseStream, EndCall, HangUp, Note, Record
from telephony.call.config import CallConfig
from telephony.call.limits import Closing, Patience, Stage
from telephony.call.playback import Playback
from telephony.call.toolcalls import ToolCalls
from telephony.call.turns import Floor
from telephony.transcripts.entry import EndedReason, EndLine


class Phase(Enum):
    STARTING = "starting"
    """The stream is open; the engine is not ready yet."""
    LIVE = "live"
    CLOSING = "closing"
    """Last words, then the hang-up."""
    ENDED = "ended"


# The only legal moves; anything else is a bug of ours.
MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.STARTING: frozenset({Phase.LIVE, Phase.CLOSING, Phase.ENDED}),
    Phase.LIVE: frozenset({Phase.CLOSING, Phase.ENDED}),
    Phase.CLOSING: frozenset({Phase.LIVE, Phase.ENDED}),
    Phase.ENDED: frozenset(),
}

_STREAM_LOST = {"protocol": EndedReason.PROTOCOL, "flood": EndedReason.PROTOCOL}
"""Why a stream may be lost other than by the network."""


class Ending:
    """The phase of a call and whatever leads out of it. Methods return the commands that follow."""

    def __init__(
        self,
        config: CallConfig,
        playback: Playback,
        floor: Floor,
        patience: Patience,
        tools: ToolCalls,
    ) -> None:
        self._config = config
        self._playback = playback
        self._floor = floor
        self._patience = patience
        self._tools = tools
        self._phase = Phase.STARTING
        self._closing: Closing | None = None

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def under_way(self) -> bool:
        """Last words are being said, or the carrier was asked to hang up."""
        return self._closing is not None

    def next_deadline(self) -> float | None:
        return self._closing.until_s if self._closing else None

    # ---- not ending ----------------------------------------------------------------------------

    def begun(self) -> bool:
        """The engine is ready; False when the call is on its way out already."""
        if self._phase is not Phase.STARTING:
            return False
        self._move(Phase.LIVE)
        return True

    @property
    def interruptible(self) -> bool:
        """The caller may take the floor, and so call off an ending under way."""
        closing = self._closing
        return closing is None or (closing.may_resume and not closing.hanging_up)

    def interrupted(self) -> None:
        """The caller has taken the floor."""
        if self._closing is not None:
            assert self.interruptible, "an ending that is not called off was interrupted"
            self._closing = None
            self._move(Phase.LIVE)

    def speaks(self, response_id: str) -> None:
        """A reply of the engine is being sent to the caller."""
        if self._closing is not None:
            self._closing.speaks(response_id)

    # ---- why it ends ---------------------------------------------------------------------------

    def by_agent(self, now: float) -> list[CallCommand]:
        """The agent said goodbye, or is about to."""
        if self._phase is Phase.LIVE:
            self._close(EndedReason.AGENT_HUNG_UP, now, may_resume=True)
        return []

    def with_words(self, words: str, reason: EndedReason, now: float) -> list[CallCommand]:
        self._close(reason, now, may_resume=reason is EndedReason.IDLE)
        assert self._closing is not None
        self._closing.not_yet = self._floor.replies
        self._patience.answer_owed(now)
        return [Say(words)]

    def asked(self, reason: EndedReason, now: float) -> list[CallCommand]:
        """The server or an operator wants the call to end."""
        if self._closing is not None:
            self._closing.may_resume = False
            return []
        if self._phase is Phase.STARTING:
            self._close(reason, now, may_resume=False)
            return []
        return self.with_words(self._config.persona.drain_goodbye, reason, now)

    def apologise(self, now: float) -> list[CallCommand]:
        """The engine cannot speak any more: our own recording does, then the call ends.

        Without a recording the socket is closed, and the carrier says the apology instead
        (the answer to the `action` URL of `<Connect>`).
        """
        owed = self._words_to_come
        self._floor.deserted = True
        commands = [*self._playback.resume(now), *self._playback.close_all(now)]
        if self._closing is None:
            self._close(EndedReason.ENGINE_FAILED, now, may_resume=False)
        elif self._closing.hanging_up or not owed:
            return commands
        if not self._config.apology_ulaw:
            return [*commands, *self._abandon(1011, now)]
        persona, ulaw = self._config.persona, self._config.apology_ulaw
        return [*commands, *self._playback.own("apology", persona.apology, ulaw, now)]

    def _close(self, reason: EndedReason, now: float, *, may_resume: bool) -> None:
        self._move(Phase.CLOSING)
        until_s = now + self._config.limits.goodbye_s
        self._closing = Closing(reason, until_s, may_resume=may_resume)

    def _move(self, phase: Phase) -> None:
        assert phase in MOVES[self._phase], f"{self._phase} -> {phase}"
        self._phase = phase

    # ---- how it ends ---------------------------------------------------------------------------

    def proceed(self, now: float) -> list[CallCommand]:
        """Hang up once the last words were heard, or their time is over."""
        closing, limits = self._closing, self._config.limits
        if closing is None:
            return []
        over = now >= closing.until_s
        if closing.hanging_up:
            return self._abandon(1000, now) if over else []
        if closing.stage is Stage.LAST_WORDS:
            if not over and self._words_to_come:
                return []
            closing.enter(Stage.PLAYING, now + limits.last_words_s)
            over = False
        if self._playback.outstanding and not over:
            return []
        closing.enter(Stage.HANGING_UP, now + limits.hangup_s)
        return [HangUp()]

    def human(self, now: float) -> list[CallCommand]:
        """The caller wants a person, and no model is to be asked about it."""
        if self._floor.deserted or self._phase is not Phase.LIVE:
            return []
        self._patience.answer_owed(now)
        return [Say(self._config.persona.nobody_free)]

    @property
    def _words_to_come(self) -> bool:
        """The engine speaks, or will; of one that is gone nothing is waited for."""
        unsaid = self._closing is not None and self._closing.not_yet is not None
        to_come = unsaid or self._floor.replying or self._patience.owed or bool(self._tools)
        return to_come and not self._floor.deserted

    def hangup_failed(self, reason: str, now: float) -> list[CallCommand]:
        hanging_up = self._closing is not None and self._closing.hanging_up
        noted = Note("hangup_failed", detail=reason)
        return [noted, *(self._abandon(1000, now) if hanging_up else [])]

    def _abandon(self, code: int, now: float) -> list[CallCommand]:
        """Give the call back to the carrier by closing the socket ourselves."""
        assert self._closing is not None, "only a call that is ending is given back"
        reason = self._closing.reason
        return [CloseStream(code, reason.value), *self._end(reason, now)]

    def stopped(self, now: float) -> list[CallCommand]:
        """The carrier ended the stream: by our hang-up if we asked for one, else the caller's."""
        ours = self._closing is not None and self._closing.hanging_up
        reason = self._closing.reason if self._closing and ours else EndedReason.CALLER_HUNG_UP
        return [*self._playback.hung_up(now), *self._end(reason, now)]

    def lost(self, reason: str, now: float) -> list[CallCommand]:
        heard = self._playback.hung_up(now)
        if self._closing is not None and self._closing.hanging_up:
            return [*heard, *self._end(self._closing.reason, now)]
        ended = _STREAM_LOST.get(reason, EndedReason.STREAM_LOST)
        return [CloseStream(1008, reason), *heard, *self._end(ended, now, detail=reason)]

    def _end(self, reason: EndedReason, now: float, detail: str = "") -> list[CallCommand]:
        self._move(Phase.ENDED)
        now_ms = round(now * 1000)
        said, ran = self._floor.unwritten(now_ms), self._tools.unfinished(now_ms)
        return [
            *self._playback.stop(now),
            *(Record(line) for line in said),
            *(Record(line) for line in ran),
            Record(EndLine(reason, now_ms, detail)),
            CloseEngine(),
            EndCall(reason),
        ]
