"""Who waits for whom just now? Keeps the clocks of silence."""

from collections.abc import Collection

from agents.engine import ResponseDone, ResponseStatus, Say
from telephony.call.commands import CallCommand
from telephony.call.limits import Patience
from telephony.call.playback import Playback
from telephony.call.silence import OwedSilence
from telephony.call.succession import Succession
from telephony.call.toolcalls import ToolCalls
from telephony.call.turns import Floor

_BROKEN_OFF = frozenset({ResponseStatus.FAILED, ResponseStatus.INCOMPLETE})
_TOO_LONG = "max_output_tokens"
"""The reason of a reply that came to the length it was allowed."""


class Waiting:
    """Of one call."""

    def __init__(
        self,
        playback: Playback,
        floor: Floor,
        patience: Patience,
        tools: ToolCalls,
        succession: Succession,
        silence: OwedSilence,
        own_tools: Collection[str],
    ) -> None:
        """`own_tools` wait for the caller rather than the caller for them."""
        self._playback = playback
        self._floor = floor
        self._patience = patience
        self._tools = tools
        self._succession = succession
        self._silence = silence
        self._own_tools = own_tools

    @property
    def busy(self) -> bool:
        """Somebody speaks, something runs, or words are to come."""
        floor = self._floor
        speaking = floor.caller_item is not None or floor.replying or self._playback.open
        owed = self._patience.owed or self._succession.due_to_speak
        return speaking or owed or bool(self._tools)

    @property
    def _stalled(self) -> bool:
        """A reply is being given, but there is nothing to hear of it and nothing it waits for."""
        waiting = self._playback.outstanding or self._floor.caller_item is not None or self._tools
        return self._floor.replying and not waiting

    def says(self, tool_call_id: str) -> bool:
        """A person decides about it meanwhile: it may be said, as nobody speaks."""
        silent = self._floor.caller_item is None and not self._playback.open
        return silent and self._tools.runs(tool_call_id)

    def broke_off(self, done: ResponseDone, go_on: str, now: float) -> list[CallCommand]:
        """A reply has ended: before its end, and the caller waits for the rest? `go_on` is asked
        where it took too long."""
        floor, patience = self._floor, self._patience
        wanted = floor.wants(done.response_id) and floor.caller_item is None
        if done.status not in _BROKEN_OFF or not wanted or patience.owed or self._tools:
            return []
        patience.answer_owed(max(now, self._playback.ledger.expected_end_s() or now))
        return [Say(go_on)] if done.reason == _TOO_LONG else []

    def watch(self, now: float) -> None:
        """Something has happened, or time has passed."""
        patience, playback = self._patience, self._playback
        if self._succession.heard_of_before:
            patience.still_heard(now)
        patience.watch(busy=self.busy, stalled=self._stalled, now=now)
        runs = any(name not in self._own_tools for name in self._tools.names())
        owed = patience.our_turn or runs or self._succession.due_to_speak
        self._silence.watch(
            now,
            our_turn=owed and self._floor.caller_item is None,
            works=runs,
            sound=playback.outstanding,
            words=playback.says_words,
        )
