"""How a call comes to its end: last words, the hang-up, and what happens when either fails."""

from enum import Enum

import msgspec

from agents.engine import CancelResponse, CloseEngine, Inform, Say, ToolOutput
from telephony.call.commands import (
    CallBack,
    CallCommand,
    CloseStream,
    EndCall,
    HangUp,
    Note,
    Onward,
    Record,
    TakeBack,
    TakeMessage,
    Transfer,
)
from telephony.call.config import CallConfig
from telephony.call.events import (
    CallOver,
    CarrierNews,
    DialEnded,
    HandedOver,
    HandOverFailed,
    MessageLeft,
    ToolFinished,
)
from telephony.call.handoff import own_words, route
from telephony.call.limits import Closing, Patience, Stage
from telephony.call.playback import Playback
from telephony.call.silence import OwedSilence
from telephony.call.toolcalls import ToolCalls
from telephony.call.turns import Floor
from telephony.transcripts.entry import EndedReason


class Phase(Enum):
    STARTING = "starting"
    """The stream is open; the engine is not ready yet."""
    LIVE = "live"
    CLOSING = "closing"
    """Last words, then the hang-up or the hand-over."""
    TRANSFERRING = "transferring"
    """The caller is with the carrier: put through to somebody, leaving a message, or between
    a stream that broke and the next."""
    ENDED = "ended"


# The only legal moves; anything else is a bug of ours.
MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.STARTING: frozenset({Phase.LIVE, Phase.CLOSING, Phase.TRANSFERRING, Phase.ENDED}),
    Phase.LIVE: frozenset({Phase.CLOSING, Phase.TRANSFERRING, Phase.ENDED}),
    Phase.CLOSING: frozenset({Phase.LIVE, Phase.TRANSFERRING, Phase.ENDED}),
    Phase.TRANSFERRING: frozenset({Phase.STARTING, Phase.LIVE, Phase.ENDED}),
    Phase.ENDED: frozenset(),
}

FENCED = "fenced"
"""Another process has taken the call over: this one must not speak or write any more."""
_STREAM_LOST = {"protocol": EndedReason.PROTOCOL, "flood": EndedReason.PROTOCOL}
"""Why a stream may be lost other than by the network."""
_ANSWERED = frozenset({"completed", "answered"})
"""`DialCallStatus` values of a leg that was taken (Twilio, TwiML `<Dial>`)."""
_BROKEN_OFF = "The call broke off for a fault of ours."
_TRIED_IN_VAIN = "The caller could not be put through to anybody."
_GAVE_UP = "The caller was asked for a message and left none."


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
        self._dialled: list[str] = []
        self.silence = OwedSilence()

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def under_way(self) -> bool:
        """Last words are being said, or the carrier was asked to hang up."""
        return self._closing is not None

    @property
    def listening(self) -> bool:
        """What the engine says is still for the caller."""
        away = self._phase is Phase.TRANSFERRING
        return not away and not (self._closing and self._closing.stage is Stage.OWN_WORDS)

    @property
    def stage(self) -> Stage | None:
        """How far an ending has come, if one is under way."""
        return self._closing.stage if self._closing else None

    @property
    def beyond(self) -> bool:
        """The caller is with the carrier."""
        return self._closing is not None and self._closing.beyond

    @property
    def broken_off(self) -> bool:
        """The stream broke, and the caller may come back on another."""
        lost = self._closing and self._closing.reason is EndedReason.STREAM_LOST
        return bool(lost) and self._phase is Phase.TRANSFERRING

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
            return self._given_up(now) if self._closing.beyond else []
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
        closing = self._closing
        if closing is None:
            return [*commands, *self._desert(now)]
        closing.may_resume = False
        if closing.onward is not None and closing.stage is Stage.LAST_WORDS and owed:
            closing.onward = self._announced(closing.onward)
        if closing.beyond or closing.onward or closing.hanging_up or not owed:
            return commands
        return [*commands, *self._last_apology(now)]

    def in_circles(self, finished: ToolFinished, now: float) -> list[CallCommand]:
        """The model calls tools without end: it counts as one that has failed."""
        silent = ToolOutput(finished.tool_call_id, finished.output, respond=False)
        if self._floor.deserted:
            return [silent]
        return [silent, Note("tools_in_circles"), *self.apologise(now)]

    def _desert(self, now: float) -> list[CallCommand]:
        """Nobody here can talk to the caller any more: somebody else must, or nobody does."""
        if (onward := self._way_out()) is not None:
            return self._leave(onward, EndedReason.ENGINE_FAILED, now)
        self._close(EndedReason.ENGINE_FAILED, now, may_resume=False)
        return [CallBack(_BROKEN_OFF), *self._last_apology(now)]

    def _last_apology(self, now: float) -> list[CallCommand]:
        if not self._config.apology_ulaw:
            return self._abandon(1011, now)
        persona, ulaw = self._config.persona, self._config.apology_ulaw
        return self._playback.own("apology", persona.apology, ulaw, now)

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
        if closing.beyond:
            return self._given_up(now) if over else []
        if closing.hanging_up:
            return self._abandon(1000, now) if over else []
        if closing.stage is Stage.LAST_WORDS:
            if not over and self._words_to_come:
                return []
            closing.enter(Stage.PLAYING, now + limits.last_words_s)
            over = False
        if self._playback.outstanding and not over:
            return []
        if closing.onward is not None:
            return self._hand_over(closing.onward, now)
        closing.enter(Stage.HANGING_UP, now + limits.hangup_s)
        return [HangUp()]

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
        if self._closing is not None and self._closing.beyond:
            self._closing.stopped = True
            return self._playback.hung_up(now)
        ours = self._closing is not None and self._closing.hanging_up
        reason = self._closing.reason if self._closing and ours else EndedReason.CALLER_HUNG_UP
        return [*self._playback.hung_up(now), *self._end(reason, now)]

    def lost(self, reason: str, now: float) -> list[CallCommand]:
        heard = self._playback.hung_up(now)
        if reason == FENCED:
            return [CloseStream(1001, reason), *heard, *self.migrate(now)]
        if self._closing is not None and self._closing.beyond:
            return [*heard, *(self._given_up(now) if self._stranded(reason) else [])]
        if self._closing is not None and self._closing.hanging_up:
            return [*heard, *self._end(self._closing.reason, now)]
        ended = _STREAM_LOST.get(reason, EndedReason.STREAM_LOST)
        return [CloseStream(1008, reason), *heard, *self._end(ended, now, detail=reason)]

    def break_off(self, now: float) -> None:
        """Wait for the carrier to ask what to do with the caller, whose stream broke."""
        if self._closing is None:
            self._move(Phase.TRANSFERRING)
        until_s = now + self._config.limits.lost_s
        self._closing = Closing(EndedReason.STREAM_LOST, until_s, stage=Stage.BROKEN_OFF)

    def restored(self, *, begun: bool) -> None:
        """The caller is on a new stream. `begun`: they were greeted, or are to be now."""
        assert self.broken_off, "nothing was broken off"
        self._closing = None
        self._move(Phase.LIVE if begun else Phase.STARTING)

    def migrate(self, now: float) -> list[CallCommand]:
        """Another process goes on from here."""
        return self._end(EndedReason.MIGRATED, now)

    # ---- handing the caller on -----------------------------------------------------------------

    def transfer(self, target: str, now: float) -> list[CallCommand]:
        """The agent puts the caller through, once what it says of it was heard."""
        if self._phase not in (Phase.LIVE, Phase.CLOSING) or not self.interruptible:
            return [Note("transfer_too_late")]
        self._set_out(Transfer(route(self._config, target).name), EndedReason.TRANSFER_FAILED, now)
        return []

    @property
    def leaves(self) -> bool:
        """There is a way on for the caller that needs no model, and nothing that forbids it."""
        return self.free and self._way_out(again=True) is not None

    @property
    def free(self) -> bool:
        """The caller is on the line, and neither being sent on nor hung up on."""
        closing = self._closing
        return closing is None or not (closing.onward or closing.hanging_up or closing.beyond)

    def human(self, now: float, target: str = "") -> list[CallCommand]:
        """The caller is to reach a person, or this target, and no model is to be asked about it."""
        onward = Transfer(target) if target else self._way_out(again=True)
        if self.free and onward is not None:
            return self._leave(onward, EndedReason.TRANSFER_FAILED, now)
        if self._floor.deserted or self._phase is not Phase.LIVE:
            return []
        self._patience.answer_owed(now)
        return [Say(self._config.persona.nobody_free)]

    def _way_out(self, *, again: bool = False) -> Onward | None:
        """`again`: also to a person who was tried before."""
        config = self._config
        if config.human and (again or config.human not in self._dialled):
            return Transfer(config.human)
        return TakeMessage() if config.message_s else None

    def _leave(self, onward: Onward, reason: EndedReason, now: float) -> list[CallCommand]:
        """Go on without the engine: in our own recorded words or, without them, the carrier's."""
        self._set_out(onward, reason, now)
        assert self._closing is not None
        self._closing.enter(Stage.OWN_WORDS, now + self._config.limits.last_words_s)
        sorry = reason is EndedReason.ENGINE_FAILED
        words = own_words(self._config, onward, len(self._dialled), sorry=sorry)
        if all(ulaw for _, _, ulaw in words):
            own = self._playback.own
            return [command for each in words for command in own(*each, now)]
        text = " ".join(text for _, text, _ in words)
        self._closing.onward = msgspec.structs.replace(onward, announce=text)
        return []

    def _announced(self, onward: Onward) -> Onward:
        """The engine died before it told the caller what happens next."""
        say = route(self._config, onward.target).say if isinstance(onward, Transfer) else ""
        return msgspec.structs.replace(onward, announce=say)

    def _set_out(self, onward: Onward, reason: EndedReason, now: float) -> None:
        if self._phase is not Phase.CLOSING:
            self._move(Phase.CLOSING)
        until_s = now + self._config.limits.goodbye_s
        self._closing = Closing(reason, until_s, onward=onward)

    def _hand_over(self, onward: Onward, now: float) -> list[CallCommand]:
        assert self._closing is not None
        self._move(Phase.TRANSFERRING)
        self._closing.enter(Stage.HANDING_OVER, now + self._config.limits.handover_s)
        if isinstance(onward, Transfer):
            self._dialled.append(onward.target)
        silenced = self._floor.silence_replies()
        return [*(CancelResponse(response_id) for response_id in silenced), onward]

    # ---- while the carrier has the caller ------------------------------------------------------

    def told(self, event: CarrierNews, now: float) -> list[CallCommand]:
        """What the carrier says of a caller it has, or had."""
        match event:
            case HandedOver():
                return self._handed_over(now)
            case HandOverFailed(reason, over):
                return self._handover_failed(reason, over, now)
            case DialEnded(result, over):
                return self._dial_ended(result, over, now)
            case MessageLeft():
                return self._message_left(now)
            case CallOver():
                return self._over(now)

    def _handed_over(self, now: float) -> list[CallCommand]:
        closing = self._closing
        if closing is not None and closing.stage is Stage.BROKEN_OFF:
            closing.enter(Stage.RETURNING, now + self._config.limits.return_s)
            return [TakeBack()]
        if closing is not None and closing.stage in (Stage.HANDING_OVER, Stage.BY_SOCKET):
            closing.enter(Stage.AWAY, now + self._away_s(closing.onward))
        return []

    def _away_s(self, onward: Onward | None) -> float:
        assert onward is not None
        config = self._config
        if isinstance(onward, Transfer):
            return route(self._config, onward.target).timeout_s + config.limits.away_s
        return config.message_s + config.limits.away_s

    def _handover_failed(self, reason: str, over: bool, now: float) -> list[CallCommand]:
        """The carrier's API said no. Closing the socket makes the carrier ask what to do."""
        noted = Note("handover_failed", detail=reason)
        closing = self._closing
        if closing is None or closing.stage is not Stage.HANDING_OVER:
            return [noted]
        if over:
            gone = CloseStream(1000, "call over")
            return [noted, gone, *self._end(EndedReason.CALLER_HUNG_UP, now)]
        if closing.stopped:
            # A failure after all was done: the carrier has left our stream for what we asked.
            return [noted, *self._handed_over(now)]
        return [noted, *self._by_socket(now)]

    def _by_socket(self, now: float) -> list[CallCommand]:
        assert self._closing is not None
        self._closing.enter(Stage.BY_SOCKET, now + self._config.limits.handover_s)
        return [CloseStream(1000, "transferring")]

    def _dial_ended(self, result: str, over: bool, now: float) -> list[CallCommand]:
        """What became of the leg to the target; the carrier waits for what to do next."""
        closing = self._closing
        if closing is None or not closing.beyond or not isinstance(closing.onward, Transfer):
            return [Note("dial_result_unasked", detail=result)]
        if result in _ANSWERED:
            return self._end(EndedReason.TRANSFERRED, now, detail=closing.onward.target)
        noted = Note("transfer_unanswered", detail=result)
        if over or closing.stage is Stage.OVER:
            return [noted, *self._end(EndedReason.CALLER_HUNG_UP, now, detail=result)]
        if not self._floor.deserted:
            closing.enter(Stage.RETURNING, now + self._config.limits.return_s)
            return [noted, TakeBack()]
        if not self._config.message_s:
            return [noted, CallBack(_TRIED_IN_VAIN), *self._end(closing.reason, now)]
        closing.onward = TakeMessage(asked=True)
        closing.enter(Stage.AWAY, now + self._away_s(closing.onward))
        return [noted, closing.onward]

    def returned(self, now: float) -> list[CallCommand]:
        """The caller could not be put through and is on the line again, on a new stream."""
        assert self._closing is not None
        assert self._closing.stage is Stage.RETURNING, self._closing.stage
        tried = self._dialled[-1]
        self._closing = None
        self._move(Phase.LIVE)
        heard = self._playback.hung_up(now)
        if self._floor.deserted:
            return [*heard, *self._desert(now)]
        self._patience.caller_active()
        self._patience.answer_owed(now)
        known = Inform(f"Nobody answered at {tried}: the caller is back with you.")
        return [*heard, known, Say(self._config.persona.nobody_free)]

    def _message_left(self, now: float) -> list[CallCommand]:
        closing = self._closing
        if closing is None or not isinstance(closing.onward, TakeMessage) or not closing.beyond:
            return [Note("message_unasked")]
        return self._end(EndedReason.VOICEMAIL, now)

    def _over(self, now: float) -> list[CallCommand]:
        """The carrier's call is over. What the caller did last may still be on its way to us."""
        closing = self._closing
        if closing is None or not closing.beyond:
            return self.stopped(now)
        if self.broken_off:
            return self._end(closing.reason, now)
        if closing.stage is not Stage.OVER:
            closing.enter(Stage.OVER, now + self._config.limits.result_s)
        return []

    def _given_up(self, now: float) -> list[CallCommand]:
        """Time is over for what was waited for: the carrier's word, or its new stream."""
        closing = self._closing
        assert closing is not None
        message = isinstance(closing.onward, TakeMessage)
        match closing.stage:
            case Stage.HANDING_OVER:
                return self._by_socket(now)
            case Stage.AWAY if not message:
                # It did not ring that long for nothing: they are talking.
                return self._end(EndedReason.TRANSFERRED, now, detail="no result yet")
            case _ if self.broken_off:
                return self._end(closing.reason, now)
            case Stage.OVER if not message:
                return self._end(EndedReason.CALLER_HUNG_UP, now)
            case _:
                why = _GAVE_UP if message else _TRIED_IN_VAIN
                return [CallBack(why), *self._end(closing.reason, now)]

    def _stranded(self, reason: str) -> bool:
        """A stream lost while the carrier has the caller matters only when the next one is it."""
        assert self._closing is not None
        # The carrier reports errors of a stream late, so they may be those of the one before.
        next_one = self._closing.stage is Stage.RETURNING and reason != "carrier_error"
        return next_one or reason == "server_stopping"

    def _end(self, reason: EndedReason, now: float, detail: str = "") -> list[CallCommand]:
        self._move(Phase.ENDED)
        now_ms = self._playback.ledger.stream_ms(now)
        said, ran = self._floor.unwritten(now_ms), self._tools.unfinished(now_ms)
        return [
            *self._playback.stop(now),
            *(Record(line) for line in said),
            *(Record(line) for line in ran),
            Record(self.silence.last_line(reason, now_ms, detail)),
            CloseEngine(),
            EndCall(reason),
        ]
