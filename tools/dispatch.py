"""Runs what the model asks for: at most once, within a deadline, always with an answer."""

import asyncio
import copy
import datetime as dt
import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import msgspec
import structlog

from tools.approvals import Approvals
from tools.attempt import (
    Answer,
    Attempt,
    Call,
    awaited,
    being_cancelled,
    called,
    end,
    finished,
    log_failure,
    plain_answer,
    request_of,
    revealed,
)
from tools.bounds import Bounds
from tools.breaker import Breaker
from tools.elapsed import time_before, time_between
from tools.gate import REMIND_S, Gate
from tools.later import Later
from tools.onhold import NOBODY, OnHold
from tools.policy import Steps, exhausted, in_circles
from tools.receipts import Begun, Claim, Clash, Earlier, Exhausted, Receipt, Receipts, unrecorded
from tools.registry import Registry
from tools.results import invalid
from tools.spec import ToolContext, ToolOutcome, ToolRequest, ToolState
from tools.spool import Spool
from tools.steps import Counter
from tools.threads import LEDGER_THREADS, TOOL_THREADS, Start, Threads, ended_by
from tools.unrun import (
    bad_arguments_of,
    failed,
    isolated,
    log_late,
    log_outcome,
    refused,
    unknown_tool,
)
from tools.vault import Vault
from tools.watchdog import Watchdog

POLL_S = 0.02
# How long after its deadline a first attempt may take to write down that it passed it.
GRACE_S = 0.3
LEAST_S = 2.0
"""The ledger alone may take so long, however short a tool's own deadline is."""
LEDGER_S = 0.5
"""For writing down an outcome that came at the very end."""
LEFT_S = 120.0
"""What was to end so long ago, and has not, is nobody's any more."""
PAUSES_S = (0.2, 0.6, 1.2)
"""Between attempts at what may be repeated; longer where the backend asks for it."""

log = structlog.get_logger()


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
        approvals: Approvals | None = None,
        bounds: Bounds | None = None,
        watchdog: Watchdog | None = None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        spool: Spool | None = None,
    ) -> None:
        """`clock` gives the time of day with its zone; `threads` bounds tools that block; `pause`
        waits between tries. Without `spool` nothing is kept of what is wanted while the database
        is down."""
        self._pause = pause
        self._registry = registry
        self._receipts = receipts
        self._clock = clock
        self._start = start
        self.vault = Vault()
        """What callers typed in confidence; a tool gets it for the reference, once."""
        self._tool_threads = Threads("tool", threads)
        self._ledger_threads = Threads("ledger", LEDGER_THREADS)
        self._gate = Gate(receipts, approvals, clock, self._ledger_threads)
        self._bounds = bounds or Bounds()
        self._watchdog = watchdog or Watchdog()
        self._later = Later(spool) if spool is not None else None
        self._breakers: defaultdict[str, Breaker] = defaultdict(Breaker)
        self._steps = Counter()
        self._writing: set[asyncio.Task[Any]] = set()
        self._running: set[int] = set()

    def with_tools(self, registry: Registry, clock: Callable[[], dt.datetime]) -> "Dispatcher":
        """One that offers other tools; threads, the vault and all that runs are shared."""
        other = copy.copy(self)
        vars(other).update(_registry=registry, _clock=clock)
        return other

    async def run(self, request: ToolRequest, hold: OnHold = NOBODY) -> ToolOutcome:
        """Answer one tool call. Raises nothing but CancelledError.

        Cancelling this gives up waiting; a read is given up with it, a write runs on and its
        outcome is recorded. What waits for a person is not run then. `hold` is the line to the
        caller meanwhile.
        """
        steps = self._steps.take(request.call_id, request.evidence.turn)
        if (stopped := in_circles(request.evidence.turn, steps, leaves=True)) is not None:
            return msgspec.structs.replace(refused(request, stopped), gives_up=True)
        entry = self._registry.get(request.name)
        arguments = entry.parse(request.arguments) if entry is not None else []
        if entry is None or isinstance(arguments, list):
            if (stopped := in_circles(request.evidence.turn, steps)) is not None:
                return refused(request, stopped)
            if entry is None:
                return unknown_tool(request, self._registry.names())
            return bad_arguments_of(request, entry.spec.parameters, arguments)
        attempt = self._in_time(Attempt(request, entry.tool, arguments, entry.references))
        try:
            claim = self._claim(attempt)
            held = await self._held(attempt, claim, steps, hold)
            if held is not None:
                return attempt.outcome(held.state, held.output)
            if entry.tool.approval is not None:
                # While a person decided no time of the tool's own has passed.
                attempt = self._in_time(attempt)
                claim = self._claim(attempt)
        except Exception as error:
            log_failure("tool_not_judged", attempt, error)
            return await self._not_begun(attempt)
        return await self._flown(attempt, claim)

    async def keep_recovering(self) -> None:
        """`recover` at the start, and again and again: also what runs now may be left open."""
        while True:
            await self.recover()
            await self._pause(LEFT_S)

    async def recover(self) -> int:
        """Settle what processes that died left open, as far as its backends can tell; says how
        much was open. What another process runs just now is left alone."""
        begun_before = time_before(self._clock(), dt.timedelta(seconds=LEFT_S))
        try:
            left = await self._ledger_threads.ask(lambda: self._receipts.left_open(begun_before))
        except Exception as error:
            log.error("ledger_not_recovered", error=type(error).__name__)
            return 0
        for receipt in left:
            if (entry := self._registry.get(receipt.tool)) is None:
                continue
            attempt = self._in_time(Attempt(request_of(receipt), entry.tool, None))
            try:
                await self._settled(attempt, receipt)
            except Exception as error:
                log_failure("tool_not_recovered", attempt, error)
        return len(left)

    async def settle(self, request: ToolRequest) -> ToolOutcome:
        """What came of a tool call that another process began. Nothing is done for it here but
        asking; its arguments need not be known. Raises nothing but CancelledError."""
        entry = self._registry.get(request.name)
        if entry is None:
            return unknown_tool(request, self._registry.names())
        attempt = self._in_time(Attempt(request, entry.tool, None))
        mine = partial(self._receipts.of_request, request.call_id, request.tool_call_id)
        try:
            receipt = await self._ledger_threads.ask(mine)
            if receipt is None:
                return failed(attempt, begun=False)
            receipt = await self._settled(attempt, receipt)
            assert receipt.state is not None, "what is settled has ended"
            return attempt.outcome(receipt.state, receipt.output, repeated=True)
        except Exception as error:
            log_failure("tool_not_settled", attempt, error)
            return failed(attempt, begun=True)

    def redacted(self, name: str) -> tuple[str, ...]:
        """Which arguments and fields of the result of a tool are kept out of every record."""
        entry = self._registry.get(name)
        return entry.tool.redact if entry is not None else ()

    def forget(self, call_id: str) -> None:
        """The call is over."""
        self.vault.forget(call_id)
        self._steps.forget(call_id)

    async def drain(self, timeout_s: float) -> int:
        """Wait for running writes; says how many still run. They are unknown to the ledger then."""
        if self._writing:
            await asyncio.wait(tuple(self._writing), timeout=timeout_s)
        return len(self._writing)

    # ---- before anything is begun -----------------------------------------------------------

    async def _held(
        self, attempt: Attempt, claim: Claim, steps: Steps, hold: OnHold
    ) -> Answer | None:
        """Why it does not run, in words for the model; None: it runs."""
        approval = attempt.tool.approval
        patience_s = approval.deadline_s + 2 * REMIND_S if approval else 0.0
        async with asyncio.timeout_at(attempt.until_s + patience_s):
            if self._watchdog.isolated(attempt.tool.name):
                # What it did before stays true.
                known = (
                    await self._ledger_threads.ask(lambda: self._receipts.look(claim)) is not None
                )
                return None if known else isolated(attempt)
            return await self._gate.answer_to(attempt, claim, steps, hold)

    def _in_time(self, attempt: Attempt) -> Attempt:
        """One deadline for all of it: judging, beginning, the handler, writing down its end."""
        until_s = self._now_s() + max(attempt.tool.deadline_s, LEAST_S)
        return msgspec.structs.replace(attempt, until_s=until_s)

    def _claim(self, attempt: Attempt) -> Claim:
        return attempt.claim(self._clock(), partial(self.vault.print_of, attempt.request.call_id))

    async def _flown(self, attempt: Attempt, claim: Claim) -> ToolOutcome:
        """In a task of its own, which outlives its call if it writes."""
        flight = self._start(f"tool {attempt.tool.name}", self._carry_out(attempt, claim))
        return await self._landed(attempt, self._keep(attempt, flight))

    async def _landed(self, attempt: Attempt, flight: asyncio.Task[ToolOutcome]) -> ToolOutcome:
        try:
            return await asyncio.shield(flight)
        except asyncio.CancelledError:
            if flight.cancelled() and not being_cancelled():
                return failed(attempt, begun=True)
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

    async def _carry_out(self, attempt: Attempt, claim: Claim) -> ToolOutcome:
        try:
            found = await self._begun(attempt, claim)
        except Exception as error:
            log_failure("tool_not_begun", attempt, error)
            return await self._not_begun(attempt, judged=True)
        try:
            outcome = await self._answered(attempt, claim, found)
        except Exception as error:
            log_failure("tool_not_answered", attempt, error)
            outcome = failed(attempt, begun=True)
        log_outcome(attempt, outcome)
        return outcome

    async def _begun(self, attempt: Attempt, claim: Claim) -> Begun | Earlier | Clash | Exhausted:
        """Raises TimeoutError where the ledger is too slow: what it may still begin is ended."""
        beginning = self._ledger_threads.submit(partial(self._receipts.begin, claim))
        if await ended_by(beginning, attempt.until_s):
            return beginning.result()
        if not beginning.cancel():
            self._start(f"unbegun {attempt.tool.name}", self._never_run(attempt, beginning))
        raise TimeoutError("the ledger did not answer in time")

    async def _never_run(self, attempt: Attempt, beginning: Future[Any]) -> None:
        """The intent came on record after all, and nobody will act on it."""
        await ended_by(beginning, None)
        found = None if beginning.exception() else beginning.result()
        if isinstance(found, Begun):
            await self._recorded(attempt, found.receipt, plain_answer(ToolState.FAILED))

    async def _not_begun(self, attempt: Attempt, *, judged: bool = False) -> ToolOutcome:
        """The ledger cannot be asked: nothing was run, and nothing will be, but a way out of the
        call that policy has let through."""
        ended: Answer | None = None
        try:
            claim = self._claim(attempt)
            if judged and attempt.tool.way_out and not attempt.references:
                ended = await self._unledgered(attempt, claim)
            elif self._later is not None:
                ended = await self._later.answer_to(attempt, claim)
            return (
                attempt.outcome(ended.state, ended.output)
                if ended
                else failed(attempt, begun=False)
            )
        except Exception as error:
            log_failure("tool_not_answered", attempt, error)
            return failed(attempt, begun=False)

    async def _unledgered(self, attempt: Attempt, claim: Claim) -> Answer | None:
        """How it ended; None: it has not. It changes nothing, so no record of it is needed."""
        attempt = self._in_time(attempt)
        receipt = unrecorded(claim)
        ended = await self._tried_in_turn(attempt, receipt)
        if isinstance(ended, Answer):
            return ended
        self._give_up(attempt, receipt, ended)
        return None

    async def _answered(
        self, attempt: Attempt, claim: Claim, found: Begun | Earlier | Clash | Exhausted
    ) -> ToolOutcome:
        match found:
            case Exhausted():
                return refused(attempt.request, exhausted())
            case Clash():
                message = "This call id was used before with other arguments. Use a new id."
                return attempt.outcome(ToolState.INVALID, invalid(message))
            case Earlier(receipt):
                receipt = await self._settled(attempt, receipt)
                repeated = True
            case Begun(receipt):
                receipt = await self._performed(attempt, claim, receipt)
                repeated = False
        assert receipt.state is not None
        return attempt.outcome(receipt.state, receipt.output, repeated=repeated)

    # ---- the first attempt ------------------------------------------------------------------

    async def _performed(self, attempt: Attempt, claim: Claim, receipt: Receipt) -> Receipt:
        ready = revealed(attempt, partial(self.vault.take, receipt.call_id))
        if isinstance(ready, Answer):
            return await self._recorded(attempt, receipt, ready)
        if not self._breakers[attempt.tool.name].allows(self._now_s()):
            log.warning("tool_rests", tool=attempt.tool.name)
            rests = plain_answer(ToolState.FAILED, try_again=False)
            return await self._recorded(attempt, receipt, rests)
        self._running.add(receipt.id)
        ended = await self._tried_in_turn(ready, receipt)
        if isinstance(ended, Answer):
            self._running.discard(receipt.id)
            if ended.unreachable and self._later is not None:
                ended = await self._later.answer_to(attempt, claim) or ended
            return await self._reconciled(attempt, await self._recorded(attempt, receipt, ended))
        if self._give_up(attempt, receipt, ended):
            # This try has done nothing; one before it may have.
            stands = ended.unsure or plain_answer(ToolState.FAILED)
            return await self._reconciled(attempt, await self._recorded(attempt, receipt, stands))
        unknown = await self._recorded(attempt, receipt, plain_answer(ToolState.UNKNOWN))
        self._keep(
            attempt,
            self._start(f"late {attempt.tool.name}", self._late(attempt, receipt, ended)),
        )
        return unknown

    async def _tried_in_turn(self, attempt: Attempt, receipt: Receipt) -> Answer | Call:
        """As soon as it has a place among those that run."""
        try:
            async with self._bounds.place(receipt.call_id, attempt.until_s):
                ended = await self._tried(attempt, receipt)
        except TimeoutError:
            log.warning("tool_found_no_place", tool=attempt.tool.name, call_id=receipt.call_id)
            return plain_answer(ToolState.FAILED, try_again=True)
        self._report(attempt, ended)
        return ended

    async def _tried(self, attempt: Attempt, receipt: Receipt) -> Answer | Call:
        """How the handler ended, or the handler that has not in time. What may be repeated is,
        for as long as there is time."""
        now_s, deadline_s = self._now_s(), attempt.tool.deadline_s
        until_s = now_s + min(deadline_s, max(attempt.until_s - now_s, deadline_s / 2))
        unsure: Answer | None = None
        for pause_s in (*PAUSES_S[: attempt.further_tries], None):
            ended = await self._once(attempt, receipt, until_s)
            if not isinstance(ended, Answer):
                return msgspec.structs.replace(ended, unsure=unsure)
            if ended.state is ToolState.DONE:
                return ended
            # What an earlier try may have done is not undone by a later one that fails.
            unsure = ended if ended.state is ToolState.UNKNOWN else unsure
            again = ended.passing and attempt.retries
            wait_s = max(pause_s or 0.0, ended.after_s)
            if not again or pause_s is None or self._now_s() + wait_s >= until_s:
                return unsure or ended
            log.info("tool_tried_again", tool=attempt.tool.name, call_id=receipt.call_id)
            await self._pause(wait_s)
        raise AssertionError("the last pause is none")

    async def _once(self, attempt: Attempt, receipt: Receipt, until_s: float) -> Answer | Call:
        try:
            call = self._call(attempt, attempt.context(receipt, self._clock()))
        except Exception as error:
            # No thread for it: it has not begun, and the ledger must not say that it has.
            error_id = log_failure("tool_not_begun", attempt, error)
            return plain_answer(ToolState.FAILED, error_id=error_id)
        try:
            await asyncio.wait({call.answer}, timeout=max(0.0, until_s - self._now_s()))
        except asyncio.CancelledError:
            self._give_up(attempt, receipt, call)
            raise
        return call.answer.result() if call.answer.done() else call

    def _report(self, attempt: Attempt, ended: Answer | Call) -> None:
        """Whether the backend is well. What it refuses, and what cannot help, is no illness."""
        slow = not isinstance(ended, Answer) or ended.state is ToolState.UNKNOWN
        if slow or (isinstance(ended, Answer) and ended.passing):
            self._breakers[attempt.tool.name].failed(self._now_s())
        else:
            self._breakers[attempt.tool.name].succeeded()

    def _give_up(self, attempt: Attempt, receipt: Receipt, call: Call) -> bool:
        """End the call if that cannot leave a write half done; says whether it did."""
        if attempt.tool.risk.writes and not call.withdraw():
            return False
        call.answer.cancel()
        self._running.discard(receipt.id)
        return True

    async def _late(self, attempt: Attempt, receipt: Receipt, call: Call) -> None:
        """A write that outlived its deadline runs to its end, and the ledger learns of it."""
        try:
            await asyncio.wait({call.answer})
            found = call.answer.result()
            # A late "no" may be said because an earlier try was done after all.
            stands = found if found.state is ToolState.DONE else call.unsure or found
            ended = await self._recorded(attempt, receipt, stands)
        finally:
            self._running.discard(receipt.id)
        ended = await self._reconciled(self._in_time(attempt), ended)
        log_late(attempt, ended.state)

    def _call(self, attempt: Attempt, context: ToolContext) -> Call:
        if inspect.iscoroutinefunction(attempt.tool.handler):
            watched = self._watchdog.watched(attempt.tool.name, awaited(attempt, context))
            task = self._start(f"handler {attempt.tool.name}", watched)
            return Call(task, lambda: False)
        queued = self._tool_threads.submit(partial(called, attempt, context))
        return Call(asyncio.wrap_future(queued), queued.cancel)

    async def _recorded(self, attempt: Attempt, receipt: Receipt, ended: Answer) -> Receipt:
        """Write down how it ended, and return what stands. A success is told only if durable."""
        finish = partial(end, self._receipts, attempt, receipt, ended, self._clock())
        try:
            recording = self._ledger_threads.submit(finish)
            # The thread writes it down even when nobody can wait for that any longer.
            if await ended_by(recording, max(attempt.until_s, self._now_s() + LEDGER_S)):
                return recording.result()
            raise TimeoutError("the ledger did not answer in time")
        except Exception as error:
            log_failure("tool_outcome_not_recorded", attempt, error)
        if attempt.tool.risk.writes and ended.state is ToolState.DONE:
            ended = plain_answer(ToolState.UNKNOWN)
        return msgspec.structs.replace(receipt, state=ended.state, output=ended.output)

    # ---- repeats ----------------------------------------------------------------------------

    async def _settled(self, attempt: Attempt, receipt: Receipt) -> Receipt:
        """The first attempt's end: at once, when it comes, or as far as it can be known."""
        left = time_between(self._clock(), receipt.deadline_at).total_seconds()
        until_s = self._now_s() + min(max(left, 0.0), attempt.tool.deadline_s) + GRACE_S
        while receipt.state is None and self._now_s() < until_s:
            await asyncio.sleep(POLL_S)
            receipt = await self._ledger_threads.ask(partial(self._receipts.find, receipt.id))
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
        left_s = max(attempt.until_s - self._now_s(), LEAST_S)
        try:
            found = await asyncio.wait_for(asked, min(attempt.tool.deadline_s, left_s))
        except Exception as error:
            log_failure("tool_not_reconciled", attempt, error)
            return receipt
        ended = plain_answer(ToolState.FAILED) if found is None else finished(attempt, found)
        return await self._recorded(attempt, receipt, ended)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
