"""When may a tool run, and with what evidence? Some wait until the caller's words are known."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.engine import ToolCalled
from telephony.call.commands import CallCommand, RunTool
from telephony.call.config import CallConfig
from telephony.call.disclosure import Disclosure
from telephony.call.events import ToolFinished
from telephony.call.playback import Playback
from telephony.call.testimony import Line, Testimony
from tools.results import answer
from tools.spec import Evidence, Heard, ToolState

_UNTOLD = answer(
    ToolState.REFUSED,
    {"message": "Before anything is done I have to say first who is speaking. Please listen."},
)


@dataclass(slots=True)
class _Held:
    """A call that waits for the caller's words."""

    called: ToolCalled
    awaited: frozenset[str]
    """The utterances it waits for."""
    until_s: float


class Hearing:
    """The tools of one call on their way to be run. Methods return the commands that follow."""

    def __init__(self, config: CallConfig, playback: Playback, disclosure: Disclosure) -> None:
        self.testimony = Testimony()
        self._judged = frozenset(config.evidence_tools)
        self._patience_s = config.limits.evidence_s if config.capabilities.transcribes else None
        self._playback = playback
        self._held: list[_Held] = []
        self._disclosure = disclosure
        self._effects = frozenset(each.tool for each in config.claimable if each.writes)
        self._untold: list[ToolCalled] = []
        """Tools with an effect whose caller has not heard yet what must be told first."""

    def run(self, called: ToolCalled, now: float) -> list[CallCommand]:
        """At once, unless its rules ask for words that are not transcribed yet, but may be; what
        has an effect waits until what must be disclosed was heard."""
        if called.name in self._effects and not self._disclosure.heard:
            self._untold.append(called)
            return self._disclosure.insist()
        awaited = self.testimony.awaited(self._playback.ledger.stream_ms(now))
        if called.name not in self._judged or self._patience_s is None or not awaited:
            return [self._command(called)]
        self._held.append(_Held(called, awaited, now + self._patience_s))
        return []

    def released(self, now: float) -> list[CallCommand]:
        """Those that need not wait any longer."""
        told: list[CallCommand] = []
        if self._disclosure.heard:
            waiting, self._untold = self._untold, []
            told = [command for called in waiting for command in self.run(called, now)]
        awaited = self.testimony.awaited(self._playback.ledger.stream_ms(now))
        ready = [each for each in self._held if not each.awaited & awaited or each.until_s <= now]
        self._held = [each for each in self._held if each not in ready]
        return [*told, *(self._command(each.called) for each in ready)]

    def untold(self) -> list[ToolFinished]:
        """The answers to those whose caller would not listen to what must be told first."""
        if not self._disclosure.given_up:
            return []
        waiting, self._untold = self._untold, []
        return [ToolFinished(each.tool_call_id, each.name, "refused", _UNTOLD) for each in waiting]

    def next_deadline(self) -> float | None:
        return min((each.until_s for each in self._held), default=None)

    def _command(self, called: ToolCalled) -> RunTool:
        told = called.name in self._judged
        evidence = self.evidence() if told else self.testimony.evidence((), told=False)
        return RunTool(called.tool_call_id, called.name, called.arguments, evidence)

    def evidence(self) -> Evidence:
        """All that was said up to now, with what is being heard."""
        return self.testimony.evidence(self._being_heard(), told=True)

    def _being_heard(self) -> Sequence[Line]:
        return [
            (began_ms, Heard("agent", words, whole=whole))
            for began_ms, words, whole in self._playback.being_heard()
        ]
