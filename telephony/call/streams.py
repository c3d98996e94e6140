"""The streams of one call: the first, and those that bring a caller back after it broke.

A stream that breaks without a word from the carrier leaves the caller on the line: the carrier
asks what to do with them. The engine's session is kept meanwhile and told what was heard.
"""

from agents.engine import CancelResponse, Remember, Say
from telephony.call.bargein import BargeIns
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    CloseStream,
    Note,
    PlaceMark,
    Record,
    SettleTool,
)
from telephony.call.config import CallConfig, Resumed
from telephony.call.consent import Consent
from telephony.call.ending import Ending, Phase
from telephony.call.limits import Patience, Stage
from telephony.call.playback import Playback
from telephony.call.relay import Relay
from telephony.call.toolcalls import ToolCalls
from telephony.call.turns import Floor
from telephony.transcripts.entry import AgentLine, AnyEntry

_BREAKS = frozenset({"closed", "silent", "backpressure", "carrier_error"})
"""Why a stream may be lost with the caller still on the line."""
MOST_BREAKS = 8
"""A line that breaks so often will not carry a call."""

_LATER_S = 1.0


class Streams:
    """Methods return the commands that follow. `now` is seconds on the call's clock."""

    def __init__(
        self,
        config: CallConfig,
        playback: Playback,
        floor: Floor,
        patience: Patience,
        tools: ToolCalls,
        ending: Ending,
        barge_ins: BargeIns,
        relay: Relay,
        consent: Consent,
    ) -> None:
        self._config = config
        self._playback = playback
        self._floor = floor
        self._patience = patience
        self._tools = tools
        self._ending = ending
        self._barge_ins = barge_ins
        self._relay = relay
        self._consent = consent
        self.began_ms = 0
        """When the present one began, on the call's clock."""
        self._ready = False
        """The engine is, or has been, ready."""
        self._begun = False
        """The caller was greeted, or asked for it."""
        self._owes = False
        """They waited for us when the stream broke."""
        self._breaks = 0
        self._migrate_by_s: float | None = None

    # ---- beginning -----------------------------------------------------------------------------

    def started(self, now: float) -> list[CallCommand]:
        """The first stream, or one that brings the caller back: its times begin at 0 again."""
        resumed = self._config.resumed
        back = self._ending.phase is Phase.TRANSFERRING
        if back or resumed is not None:
            self.began_ms = round(now * 1000)
        commands: list[CallCommand] = []
        if back:
            self._playback.ledger.new_stream()
            broken = self._ending.broken_off
            commands = self._restored(now) if broken else self._ending.returned(now)
        else:
            self._patience.began(now)
            self._relay.succession.began(now)
            commands = self._resumed(resumed, now) if resumed is not None else []
        return [*commands, PlaceMark(self._playback.ledger.probe(now))]

    def _resumed(self, resumed: Resumed, now: float) -> list[CallCommand]:
        """What another process left running is found out first."""
        now_ms = self._playback.ledger.stream_ms(now)
        for called in resumed.pending:
            self._tools.begin(called, now_ms)
            self._relay.succession.orphaned(called)
        settling = [SettleTool(each.tool_call_id, each.name) for each in resumed.pending]
        return [Record(self._relay.succession.line(now_ms)), *settling]

    def engine_ready(self, now: float) -> list[CallCommand]:
        self._ready = True
        self._patience.ready()
        if not self._ending.begun():
            return []
        self._begun = True
        self._patience.answer_owed(now)
        resumed = self._config.resumed
        if resumed is None:
            return self._consent.begin([Say(self._config.persona.greeting)], now)
        return [Remember(self._relay.memory.whole()), *self._goes_on(resumed, now)]

    def _goes_on(self, resumed: Resumed, now: float) -> list[CallCommand]:
        """With a call of another process."""
        persona = self._config.persona
        if not any(map(_spoken, self._config.before)):
            again: list[CallCommand] = [Say(f"{persona.broke_off} {persona.greeting}")]
            return self._consent.begin(again, now)
        return self._consent.begin(self._sorry(answer=resumed.answer), now)

    # ---- breaking ------------------------------------------------------------------------------

    def lost(self, reason: str, now: float) -> list[CallCommand]:
        """Keep the call, where the caller may still be there; else it ends."""
        kept = reason in _BREAKS and self._config.limits.lost_s > 0
        if not kept or self._breaks >= MOST_BREAKS or not self._breakable(reason):
            return self._ending.lost(reason, now)
        self._breaks += 1
        again = self._ending.broken_off
        waits = self._patience.owed or bool(self._tools)
        self._owes = (again and self._owes) or waits
        silenced = self._silenced(now)
        self._ending.break_off(now)
        noted = Note("stream_broke", value=self._breaks, detail=reason)
        return [noted, CloseStream(1011, reason), *silenced]

    def _breakable(self, reason: str) -> bool:
        """Nobody is saying goodbye, and the caller is not with the carrier for a reason."""
        ending = self._ending
        if ending.broken_off:
            # The carrier tells of errors late: they may be those of the stream before.
            return ending.stage is Stage.RETURNING and reason == "closed"
        return not ending.under_way

    def _silenced(self, now: float) -> list[CallCommand]:
        """Nothing more is heard of what was being said, and the engine is told what was."""
        silenced = self._floor.silence_replies()
        commands = [
            *(CancelResponse(response_id) for response_id in silenced),
            *self._barge_ins.engine_left(now),
            *self._playback.interrupt(now),
            *self._playback.hung_up(now),
        ]
        self._patience.nothing_owed()
        return [each for each in commands if not isinstance(each, ClearPlayback | PlaceMark)]

    def _restored(self, now: float) -> list[CallCommand]:
        """The caller is on a new stream after one that broke."""
        self._ending.restored(begun=self._ready)
        if not self._ready:
            self._patience.began(now)
            return []
        self._patience.caller_active()
        self._patience.answer_owed(now)
        if self._floor.deserted:
            return self._ending.apologise(now)
        if not self._begun:
            self._begun = True
            return self._consent.begin([Say(self._config.persona.greeting)], now)
        if self._consent.pending:
            return self._consent.again(now)
        owes, self._owes = self._owes and not self._tools, False
        return self._sorry(answer=owes)

    def _sorry(self, *, answer: bool) -> list[CallCommand]:
        persona = self._config.persona
        if answer:
            return [Say(persona.broke_off), Remember((), answer=True)]
        if self._tools:
            return [Say(persona.broke_off)]
        return [Say(f"{persona.broke_off} {persona.where_were_we}")]

    # ---- going on elsewhere --------------------------------------------------------------------

    def migrate(self, within_s: float, now: float) -> list[CallCommand]:
        """Another process is to go on with the call, as soon as nobody speaks."""
        self._migrate_by_s = min(now + within_s, self._migrate_by_s or now + within_s)
        return []

    def next_deadline(self) -> float | None:
        """When to leave, or to ask the caller again, if nothing else happens."""
        both = (self._migrate_by_s, self._consent.next_deadline())
        return min((at_s for at_s in both if at_s is not None), default=None)

    def proceed(self, now: float, *, busy: bool) -> list[CallCommand]:
        """Leave the call where that is wanted, and nobody speaks or it cannot wait."""
        by_s, ending = self._migrate_by_s, self._ending
        if by_s is None or (now < by_s and (busy or ending.under_way)):
            return []
        if ending.phase is Phase.CLOSING:
            # They hear the last words, which may yet be called off.
            self._migrate_by_s = now + _LATER_S
            return []
        return [*self._silenced(now), *ending.migrate(now)]


def _spoken(entry: AnyEntry) -> bool:
    return isinstance(entry, AgentLine) and entry.source == "engine" and bool(entry.heard)
