"""Runs what the model asks for: at most once, within a deadline, always with an answer."""

import asyncio
import copy
import datetime as dt
import inspect
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from tools.attempt import (
    Answer,
    Attempt,
    awaited,
    being_cancelled,
    called,
    finished,
    log_failure,
    plain_answer,
    revealed,
)
from tools.receipts import Begun, Clash, Earlier, Receipt, Receipts
from tools.registry import Registry
from tools.results import answer, bad_arguments, invalid
from tools.spec import ToolContext, ToolOutcome, ToolRequest, ToolState
from tools.threads import LEDGER_THREADS, TOOL_THREADS, Threads
from tools.validation import Problem
from tools.vault import Vault

POLL_S = 0.02
# How long after its deadline a first attempt may take to write down that it passed it.
GRACE_S = 0.3

T = TypeVar("T")
log = structlog.get_logger()


class Start(Protocol):
    """Makes a named task and keeps it: `agents.tasks.Tasks.start` of a Tasks of our own."""

    def __call__(self, name: str, coroutine: Coroutine[Any, Any, Any], /) -> asyncio.Task[Any]: ...


class Call(msgspec.Struct, frozen=True):
    """One handler at work."""

    answer: asyncio.Future[Answer]
    withdraw: Callable[[], bool]
    """Takes it back if it has not begun; says whether that was so."""


class Dispatcher:
    """The only way from a model's wish to a tool."""

    def __init__(
        self,
        registry: Registry,
        receipts: Receipts,
        *,
        clock: Callable[[], dt.datetime],
        start: Start,
        threads: int = TOOL_THREADS,
    ) -> None:
        """`clock` gives the time of day with its zone; `threads` bounds tools that block."""
        self._registry = registry
        self._receipts = receipts
        self._clock = clock
        self._start = start
        self.vault = Vault()
        """What callers typed in confidence; a tool gets it for the reference, once."""
        self._tool_threads = Threads("tool", threads)
        self._ledger_threads = Threads("ledger", LEDGER_THREADS)
        self._writing: set[asyncio.Task[Any]] = set()
        self._running: set[int] = set()

    def with_tools(self, registry: Registry, clock: Callable[[], dt.datetime]) -> "Dispatcher":
        """One that offers other tools; threads, the vault and all that runs are shared."""
        other = copy.copy(self)
        vars(other).update(_registry=registry, _clock=clock)
        return other

    async def run(self, request: ToolRequest) -> ToolOutcome:
        """Answer one tool call. Raises nothing but CancelledError.

        Cancelling this gives up waiting; a read is given up with it, a write runs on and its
        outcome is recorded.
        """
        entry = self._registry.get(request.name)
        if entry is None:
            return _unknown_tool(request, self._registry.names())
        arguments = entry.parse(request.arguments)
        if isinstance(arguments, list):
            return _bad_arguments(request, entry.spec.parameters, arguments)
        attempt = Attempt(request, entry.tool, arguments, entry.references)
        flight = self._start(f"tool {request.name}", self._carry_out(attempt))
        return await self._landed(attempt, self._keep(attempt, flight))

    async def drain(self, timeout_s: float) -> int:
        """Wait for running writes; says how many still run. They are unknown to the ledger then."""
        if self._writing:
            await asyncio.wait(tuple(self._writing), timeout=timeout_s)
        return len(self._writing)

    async def _landed(self, attempt: Attempt, flight: asyncio.Task[ToolOutcome]) -> ToolOutcome:
        try:
            return await asyncio.shield(flight)
        except asyncio.CancelledError:
            if flight.cancelled() and not being_cancelled():
                return _failed(attempt, begun=True)
            if not attempt.tool.risk.writes:
                flight.cancel()
            raise

    def _keep(
        self, attempt: Attempt, flight: asyncio.Task[ToolOutcome]
    ) -> asyncio.Task[ToolOutcome]:
        if attempt.tool.risk.writes:
            self._writing.add(flight)
            flight.add_done_callback(self._writing.discard)
        return flight

    async def _carry_out(self, attempt: Attempt) -> ToolOutcome:
        try:
            print_of = partial(self.vault.print_of, attempt.request.call_id)
            found = await self._blocking(
                partial(self._receipts.begin, attempt.claim(self._clock(), print_of))
            )
        except Exception as error:
            log_failure("tool_not_begun", attempt, error)
            return _failed(attempt, begun=False)
        try:
            outcome = await self._answered(attempt, found)
        except Exception as error:
            log_failure("tool_not_answered", attempt, error)
            outcome = _failed(attempt, begun=True)
        _log_outcome(attempt, outcome)
        return outcome

    async def _answered(self, attempt: Attempt, found: Begun | Earlier | Clash) -> ToolOutcome:
        match found:
            case Clash():
                message = "This call id was used before with other arguments. Use a new id."
                return attempt.outcome(ToolState.INVALID, invalid(message))
            case Earlier(receipt):
                receipt = await self._settled(attempt, receipt)
                repeated = True
            case Begun(receipt):
                receipt = await self._performed(attempt, receipt)
                repeated = False
        assert receipt.state is not None
        return attempt.outcome(receipt.state, receipt.output, repeated=repeated)

    # ---- the first attempt ------------------------------------------------------------------

    async def _performed(self, attempt: Attempt, receipt: Receipt) -> Receipt:
        ready = revealed(attempt, partial(self.vault.take, receipt.call_id))
        if isinstance(ready, Answer):
            return await self._recorded(attempt, receipt, ready)
        try:
            call = self._call(ready, attempt.context(receipt, self._clock()))
        except Exception as error:
            # No thread for it: it has not begun, and the ledger must not say that it has.
            error_id = log_failure("tool_not_begun", attempt, error)
            failed = plain_answer(ToolState.FAILED, error_id=error_id)
            return await self._recorded(attempt, receipt, failed)
        self._running.add(receipt.id)
        try:
            done, _ = await asyncio.wait({call.answer}, timeout=attempt.tool.deadline_s)
        except asyncio.CancelledError:
            self._give_up(attempt, receipt, call)
            raise
        if done:
            self._running.discard(receipt.id)
            return await self._reconciled(
                attempt, await self._recorded(attempt, receipt, call.answer.result())
            )
        if self._give_up(attempt, receipt, call):
            return await self._recorded(attempt, receipt, plain_answer(ToolState.FAILED))
        unknown = await self._recorded(attempt, receipt, plain_answer(ToolState.UNKNOWN))
        self._keep(
            attempt,
            self._start(f"late {attempt.tool.name}", self._late(attempt, receipt, call.answer)),
        )
        return unknown

    def _give_up(self, attempt: Attempt, receipt: Receipt, call: Call) -> bool:
        """End the call if that cannot leave a write half done; says whether it did."""
        if attempt.tool.risk.writes and not call.withdraw():
            return False
        call.answer.cancel()
        self._running.discard(receipt.id)
        return True

    async def _late(self, attempt: Attempt, receipt: Receipt, call: asyncio.Future[Answer]) -> None:
        """A write that outlived its deadline runs to its end, and the ledger learns of it."""
        try:
            await asyncio.wait({call})
            ended = await self._recorded(attempt, receipt, call.result())
        finally:
            self._running.discard(receipt.id)
        log.warning(
            "tool_ended_late",
            call_id=receipt.call_id,
            tool=attempt.tool.name,
            state=ended.state.value if ended.state else "",
        )

    def _call(self, attempt: Attempt, context: ToolContext) -> Call:
        if inspect.iscoroutinefunction(attempt.tool.handler):
            task = self._start(f"handler {attempt.tool.name}", awaited(attempt, context))
            return Call(task, lambda: False)
        queued = self._tool_threads.submit(partial(called, attempt, context))
        return Call(asyncio.wrap_future(queued), queued.cancel)

    async def _recorded(self, attempt: Attempt, receipt: Receipt, ended: Answer) -> Receipt:
        """Write down how it ended, and return what stands. A success is told only if durable."""
        finish = partial(
            self._receipts.finish,
            receipt.id,
            ended.state,
            ended.output,
            self._clock(),
            attempt.tool.reopens,
            writes=attempt.tool.risk.writes,
        )
        try:
            return await self._blocking(finish)
        except Exception as error:
            log_failure("tool_outcome_not_recorded", attempt, error)
        if attempt.tool.risk.writes and ended.state is ToolState.DONE:
            ended = plain_answer(ToolState.UNKNOWN)
        return msgspec.structs.replace(receipt, state=ended.state, output=ended.output)

    # ---- repeats ----------------------------------------------------------------------------

    async def _settled(self, attempt: Attempt, receipt: Receipt) -> Receipt:
        """The first attempt's end: at once, when it comes, or as far as it can be known."""
        left = (receipt.deadline_at - self._clock()).total_seconds()
        loop = asyncio.get_running_loop()
        patience = loop.time() + min(max(left, 0.0), attempt.tool.deadline_s) + GRACE_S
        while receipt.state is None and loop.time() < patience:
            await asyncio.sleep(POLL_S)
            receipt = await self._blocking(partial(self._receipts.find, receipt.id))
        if receipt.state is None:
            abandoned = ToolState.UNKNOWN if attempt.tool.risk.writes else ToolState.FAILED
            receipt = await self._recorded(attempt, receipt, plain_answer(abandoned))
        return await self._reconciled(attempt, receipt)

    async def _reconciled(self, attempt: Attempt, receipt: Receipt) -> Receipt:
        """Where nobody knows how it ended, ask the backend, if it can tell."""
        reconcile = attempt.tool.reconcile
        if (
            receipt.state is not ToolState.UNKNOWN
            or reconcile is None
            or receipt.id in self._running
        ):
            return receipt
        ask = partial(reconcile, attempt.context(receipt, self._clock()))
        asked = asyncio.wrap_future(self._tool_threads.submit(ask))
        try:
            found = await asyncio.wait_for(asked, attempt.tool.deadline_s)
        except Exception as error:
            log_failure("tool_not_reconciled", attempt, error)
            return receipt
        ended = plain_answer(ToolState.FAILED) if found is None else finished(attempt, found)
        return await self._recorded(attempt, receipt, ended)

    async def _blocking(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._ledger_threads.submit(work))


# ---- answers to what was never run -----------------------------------------------------------


def _unknown_tool(request: ToolRequest, names: tuple[str, ...]) -> ToolOutcome:
    message = "There is no such tool. Use one of: " + ", ".join(names)
    output = invalid(message, tools=names)
    log.warning("tool_unknown", call_id=request.call_id)
    return ToolOutcome(request.tool_call_id, request.name, ToolState.INVALID, output)


def _bad_arguments(
    request: ToolRequest, schema: Mapping[str, Any], problems: list[Problem]
) -> ToolOutcome:
    output = bad_arguments(problems, schema)
    log.warning(
        "tool_arguments_invalid", call_id=request.call_id, tool=request.name, problems=len(problems)
    )
    return ToolOutcome(request.tool_call_id, request.name, ToolState.INVALID, output)


def _failed(attempt: Attempt, *, begun: bool) -> ToolOutcome:
    state = ToolState.UNKNOWN if begun and attempt.tool.risk.writes else ToolState.FAILED
    return attempt.outcome(state, answer(state))


def _log_outcome(attempt: Attempt, outcome: ToolOutcome) -> None:
    log.info(
        "tool_ended",
        call_id=attempt.request.call_id,
        tool=attempt.tool.name,
        state=outcome.state.value,
        repeated=outcome.repeated,
    )
