"""Between a model's wish and the ledger: asks policy, and where it says so, a person."""

import asyncio
import datetime as dt
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import msgspec
import structlog

from tools.approvals import Approval, Approvals, ApprovalState
from tools.attempt import Answer, Attempt
from tools.onhold import STILL_WAITING, WAITING, OnHold, taken_back
from tools.policy import (
    MAX_STEPS_PER_TURN,
    Allow,
    History,
    NeedsApproval,
    Refused,
    Steps,
    decide,
    needs_history,
)
from tools.receipts import Claim, Earlier, Receipts
from tools.results import answer
from tools.spec import Evidence, ToolState
from tools.threads import Threads

POLL_S = 0.1
"""How often the database is asked whether somebody has decided."""
_RAN_S = 5.0
"""How long what was approved may take to be begun by somebody else."""
REMIND_S = 12.0
"""How often a waiting caller is told that we still wait."""
WORDS_S = 2.5
"""How long the last words of a caller who waited may take to be written down."""
log = structlog.get_logger()


class Gate:
    """Lets an attempt through, or answers it. Nothing of a refused one is in the ledger, so it
    may be tried again."""

    def __init__(
        self,
        receipts: Receipts,
        approvals: Approvals | None,
        clock: Callable[[], dt.datetime],
        threads: Threads,
    ) -> None:
        """Without `approvals` there is nobody to ask, and what needs a person is refused."""
        self._receipts = receipts
        self._approvals = approvals
        self._clock = clock
        self._threads = threads

    async def answer_to(
        self, attempt: Attempt, claim: Claim, steps: Steps, hold: OnHold
    ) -> Answer | None:
        """None: let it run. What was begun before is let through too: it is answered with what
        became of it, and does not happen again."""
        history = await self._history(attempt, claim, steps)
        match decide(attempt.tool, attempt.plain, attempt.request, history):
            case Allow():
                return None
            case Refused() as refused:
                again = await self._known(claim, refused, steps)
                return None if again else self._refused(attempt, refused)
            case NeedsApproval() as needed:
                if await self._threads.ask(lambda: self._receipts.look(claim)) is not None:
                    return None
                return await self._asked(attempt, claim, steps, needed, hold)

    async def _history(self, attempt: Attempt, claim: Claim, steps: Steps) -> History:
        if not needs_history(attempt.tool):
            return History(claim.now, steps=steps)
        done = await self._threads.ask(lambda: self._receipts.done(claim.call_id))
        runs = await self._threads.ask(lambda: self._receipts.runs(claim))
        return History(claim.now, done, runs, steps)

    async def _known(self, claim: Claim, refused: Refused, steps: Steps) -> bool:
        if refused.rule == "steps" and steps.in_turn >= 2 * MAX_STEPS_PER_TURN:
            return False
        return isinstance(await self._threads.ask(lambda: self._receipts.look(claim)), Earlier)

    def _refused(self, attempt: Attempt, refused: Refused) -> Answer:
        log.info(
            "tool_refused_by_policy",
            call_id=attempt.request.call_id,
            tool=attempt.tool.name,
            rule=refused.rule,
            field=refused.field or "",
        )
        return refusal(refused)

    # ---- a person decides ----------------------------------------------------------------------

    async def _asked(
        self,
        attempt: Attempt,
        claim: Claim,
        steps: Steps,
        needed: NeedsApproval,
        hold: OnHold,
    ) -> Answer | None:
        approvals = self._approvals
        if approvals is None:
            return refusal(_NOBODY)
        arguments = attempt.kept_arguments
        asking = self._threads.submit(lambda: approvals.ask(claim, arguments, needed))
        try:
            asked = await asyncio.wrap_future(asking)
            log.info("approval_asked", call_id=claim.call_id, tool=claim.tool, approval=asked.id)
            decided = await self._decided(approvals, asked, hold)
        except asyncio.CancelledError:
            # The caller has hung up, or the service stops: it must not run with nobody there.
            asking.add_done_callback(partial(self._withdrawn, approvals))
            raise
        match decided.state:
            case ApprovalState.APPROVED:
                if (changed := await self._changed(attempt, claim, steps, hold)) is not None:
                    await self._threads.ask(lambda: approvals.withdraw(asked.id, self._clock()))
                    return changed
                if await self._threads.ask(lambda: approvals.use(asked.id, self._clock())):
                    return None
            case ApprovalState.REFUSED:
                return refusal(_DECLINED)
            case ApprovalState.EXPIRED:
                return refusal(_NO_DECISION)
        return None if await self._ran(claim) else refusal(_NO_DECISION)

    async def _changed(
        self, attempt: Attempt, claim: Claim, steps: Steps, hold: OnHold
    ) -> Answer | None:
        """Why it may not run any more: a person took their time, and the rules go by the clock, by
        what was done meanwhile and by what the caller said."""
        evidence = await _settled(hold)
        if evidence is not None and taken_back(attempt.request.evidence, evidence):
            return self._refused(attempt, _TAKEN_BACK)
        now = msgspec.structs.replace(claim, now=self._clock())
        history = await self._history(attempt, now, steps)
        verdict = decide(attempt.tool, attempt.plain, attempt.request, history)
        if not isinstance(verdict, Refused) or await self._known(claim, verdict, steps):
            return None
        return self._refused(attempt, verdict)

    def _withdrawn(self, approvals: Approvals, asking: Future[Approval]) -> None:
        if not asking.cancelled() and asking.exception() is None:
            asked = asking.result()
            self._threads.submit(lambda: approvals.withdraw(asked.id, self._clock()))

    async def _ran(self, claim: Claim) -> bool:
        """Somebody else asked for the same, and used what was decided: theirs is the answer."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + _RAN_S
        while loop.time() < until_s:
            if await self._threads.ask(lambda: self._receipts.look(claim)) is not None:
                return True
            await asyncio.sleep(POLL_S)
        return False

    async def _decided(self, approvals: Approvals, asked: Approval, hold: OnHold) -> Approval:
        loop = asyncio.get_running_loop()
        words, tell_s = WAITING, loop.time()
        found = asked
        while found.state is ApprovalState.WAITING:
            if loop.time() >= tell_s:
                hold.tell(words)
                words, tell_s = STILL_WAITING, loop.time() + REMIND_S
            await asyncio.sleep(POLL_S)
            found = await self._threads.ask(lambda: approvals.find(asked.id, self._clock()))
        return found


async def _settled(hold: OnHold) -> Evidence | None:
    """What was said up to now, once the caller's last words are known or take too long."""
    if hold.evidence is None:
        return None
    loop = asyncio.get_running_loop()
    until_s = loop.time() + WORDS_S
    while True:
        evidence = hold.evidence()
        if evidence.complete or loop.time() >= until_s:
            return evidence
        await asyncio.sleep(POLL_S)


def refusal(refused: Refused) -> Answer:
    """In the words of a refusal: speakable, with what the model is to do instead."""
    field: dict[str, Any] = {"field": refused.field} if refused.field else {}
    output = answer(ToolState.REFUSED, {"message": refused.message}, mend=refused.mend, **field)
    return Answer(ToolState.REFUSED, output)


_NOBODY = Refused(
    "approval",
    "I'm not able to do that myself, and there is nobody here to ask.",
    "A person has to approve this and none can. Do not call it again; offer to take a message.",
)
_DECLINED = Refused(
    "approval",
    "I'm sorry, my colleague says that we can't do that.",
    "A person refused this. Do not call it again in this call.",
)
_TAKEN_BACK = Refused(
    "confirm",
    "All right, I won't do that.",
    "The caller called it off while a person decided; nothing was done. Ask what they want now.",
)
_NO_DECISION = Refused(
    "approval",
    "I'm sorry, I couldn't reach anybody who can decide that.",
    "Nobody decided in time and nothing was done. Offer a call-back or a message.",
)
