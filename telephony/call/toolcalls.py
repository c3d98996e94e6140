"""Which tools run for a call, and what the transcript says of them."""

from agents.engine import ToolCalled
from telephony.call.events import ToolFinished
from telephony.transcripts.entry import ToolLine


class ToolCalls:
    """The tool calls that have not been answered. `*_ms` count from the start of the stream."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[ToolCalled, int]] = {}

    def __bool__(self) -> bool:
        """Something runs."""
        return bool(self._running)

    def begin(self, called: ToolCalled, now_ms: int) -> bool:
        """False for a call that runs already."""
        if called.tool_call_id in self._running:
            return False
        self._running[called.tool_call_id] = (called, now_ms)
        return True

    def running(self) -> list[ToolCalled]:
        """What runs, the call begun last at the end."""
        return [called for called, _ in self._running.values()]

    def names(self) -> list[str]:
        """Which tools run, the one begun last at the end."""
        return [called.name for called, _ in self._running.values()]

    def runs(self, tool_call_id: str) -> bool:
        return tool_call_id in self._running

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
