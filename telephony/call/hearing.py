"""When may a tool run, and with what evidence? Some wait until the caller's words are known."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.engine import ToolCalled
from telephony.call.commands import CallCommand, RunTool
from telephony.call.config import CallConfig
from telephony.call.playback import Playback
from telephony.call.testimony import Line, Testimony
from tools.spec import Evidence, Heard


@dataclass(slots=True)
class _Held:
    """A call that waits for the caller's words."""

    called: ToolCalled
    awaited: frozenset[str]
    """The utterances it waits for."""
    until_s: float


class Hearing:
    """The tools of one call on their way to be run. Methods return the commands that follow."""

    def __init__(self, config: CallConfig, playback: Playback) -> None:
        self.testimony = Testimony()
        self._judged = frozenset(config.evidence_tools)
        self._patience_s = config.limits.evidence_s if config.capabilities.transcribes else None
        self._playback = playback
        self._held: list[_Held] = []

    def run(self, called: ToolCalled, now: float) -> list[CallCommand]:
        """At once, unless its rules ask for words that are not transcribed yet, but may be."""
        awaited = self.testimony.awaited(self._playback.ledger.stream_ms(now))
        if called.name not in self._judged or self._patience_s is None or not awaited:
            return [self._command(called)]
        self._held.append(_Held(called, awaited, now + self._patience_s))
        return []

    def released(self, now: float) -> list[CallCommand]:
        """Those that need not wait any longer."""
        awaited = self.testimony.awaited(self._playback.ledger.stream_ms(now))
        ready = [each for each in self._held if not each.awaited & awaited or each.until_s <= now]
        self._held = [each for each in self._held if each not in ready]
        return [self._command(each.called) for each in ready]

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
