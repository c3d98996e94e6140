"""A dispatcher with a clock of its own, for stories about tool calls."""

import asyncio
import datetime as dt
import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

from agents.tasks import Tasks
from tools.approvals import Approvals
from tools.dispatch import Dispatcher
from tools.onhold import OnHold
from tools.receipts import Receipts
from tools.registry import Registry
from tools.spec import Evidence, Heard, Tool, ToolOutcome, ToolRequest
from tools.store import Store

CALLER = "+442079460001"
OTHER = "+442079460002"
# A Tuesday, 08:00 in London.
NOW = dt.datetime(2026, 3, 3, 8, 0, tzinfo=dt.UTC)


def local(text: str) -> dt.datetime:
    """A time on a shop's clock: without a zone, for the shop has it."""
    return dt.datetime.fromisoformat(text)


class Desk:
    """Asks for tools by name and plain arguments; keeps the tasks of its dispatcher."""

    def __init__(
        self, tools: Iterable[Tool] | Registry, store: Store, now: dt.datetime = NOW, **given: Any
    ) -> None:
        """`given` goes to the dispatcher."""
        self.failures: list[BaseException] = []
        self.tasks = Tasks(lambda _name, error: self.failures.append(error))
        self.now = now
        registry = tools if isinstance(tools, Registry) else Registry(tools)
        self.receipts = Receipts(store)
        self.approvals = Approvals(store)
        self.waits: list[str] = []
        """What callers were told while a person decided."""
        self.evidence: Callable[[], Evidence] | None = None
        """What is known to have been said by the time they have."""
        ours = {"threads": 4, "approvals": self.approvals, **given}
        self.dispatcher = Dispatcher(
            registry, self.receipts, clock=lambda: self.now, start=self.tasks.start, **ours
        )
        self._ids = itertools.count(1)

    async def ask(
        self,
        tool: str,
        arguments: dict[str, Any] | str | None = None,
        *,
        tool_call_id: str = "",
        call: str = "CA1",
        number: str | None = CALLER,
        evidence: Evidence | None = None,
        **asked: Any,
    ) -> ToolOutcome:
        """Without `evidence` everything was read back to the caller, who said yes to it."""
        text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
        tool_call_id = tool_call_id or f"tc{next(self._ids)}"
        told = agreed(text) if evidence is None else evidence
        request = ToolRequest(call, tool_call_id, tool, text, number, evidence=told, **asked)
        hold = OnHold(self.waits.append, lambda: self.evidence() if self.evidence else told)
        return await self.dispatcher.run(request, hold)

    def later(
        self, tool: str, arguments: dict[str, Any] | None = None, **given: Any
    ) -> asyncio.Task[ToolOutcome]:
        return self.tasks.start("asked", self.ask(tool, arguments, **given))


def agreed(arguments: str) -> Evidence:
    """A caller who heard every value of these arguments read back, and said yes."""
    return Evidence((Heard("agent", f"{arguments}. Is that right?"), Heard("caller", "Yes.")))


def said(outcome: ToolOutcome) -> dict[str, Any]:
    """The outcome's JSON; every answer has both of its promised keys."""
    data: dict[str, Any] = json.loads(outcome.output)
    assert data["status"] == outcome.state.value
    assert isinstance(data["message"], str)
    assert data["message"]
    assert len(outcome.output.encode()) <= 8192
    return data
