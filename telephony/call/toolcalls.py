"""Which tools run for a call, which wait to run, and what the transcript says of them."""

from dataclasses import dataclass

from agents.engine import ToolCalled
from telephony.call.events import ToolFinished
from telephony.transcripts.entry import ToolLine


@dataclass(slots=True)
class _Held:
    """A call that waits for the caller's words."""

    called: ToolCalled
    awaited: frozenset[str]
    """The utterances it waits for."""
    until_s: float


class ToolCalls:
    """The tool calls that have not been answered. `*_ms` count from the start of the stream."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[ToolCalled, int]] = {}
        self._held: list[_Held] = []

    def __bool__(self) -> bool:
        """Something runs."""
        return bool(self._running)

    def begin(self, called: ToolCalled, now_ms: int) -> bool:
        """False for a call that runs already."""
        if called.tool_call_id in self._running:
            return False
        self._running[called.tool_call_id] = (called, now_ms)
        return True

    def runs(self, tool_call_id: str) -> bool:
        return tool_call_id in self._running

    # ---- waiting for words ---------------------------------------------------------------------

    def hold(self, called: ToolCalled, awaited: frozenset[str], until_s: float) -> None:
        """Run it once these utterances are transcribed, or at this time without them."""
        self._held.append(_Held(called, awaited, until_s))

    def ready(self, awaited: frozenset[str], now: float) -> list[ToolCalled]:
        """Those that need not wait any longer, where `awaited` is not transcribed yet."""
        ready = [held for held in self._held if not held.awaited & awaited or held.until_s <= now]
        self._held = [held for held in self._held if held not in ready]
        return [held.called for held in ready]

    def next_deadline(self) -> float | None:
        return min((held.until_s for held in self._held), default=None)

    # ---- answers -------------------------------------------------------------------------------

    def finish(self, finished: ToolFinished, now_ms: int) -> ToolLine | None:
        """The line of a call that was answered; None when nobody waits for the answer."""
        if (running := self._running.pop(finished.tool_call_id, None)) is None:
            return None
        called, began_ms = running
        return ToolLine(
            called.tool_call_id,
            called.name,
            called.arguments,
            finished.state,
            finished.output,
            began_ms,
            now_ms,
            repeated=finished.repeated,
        )

    def unfinished(self, now_ms: int) -> list[ToolLine]:
        """Lines of the calls that still run as the call ends; the durable ledger of effects has
        their outcome."""
        return [
            ToolLine(
                called.tool_call_id,
                called.name,
                called.arguments,
                "unfinished",
                "",
                began_ms,
                now_ms,
            )
            for called, began_ms in self._running.values()
        ]
