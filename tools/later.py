"""What becomes of a wish that could not even be noted: it is kept on disk, and the staff calls."""

import datetime as dt

import msgspec

from tools.attempt import Answer, Attempt, log_failure
from tools.phone import e164
from tools.receipts import Claim
from tools.results import answer
from tools.spec import ToolState
from tools.spool import Intent, Spool
from tools.threads import Threads, ended_within

WITHIN_S = 2.0
"""A disk that takes longer is as good as none."""
KEPT = (
    "I can't reach our system just now. I have written down what you want, and our staff will call "
    "you back."
)
_MEND = (
    "Say neither that it was done nor that it was not: an earlier try may have worked, and nobody"
    " can look now. Tell the caller that the staff calls back{where}, and do not call this tool"
    " again now."
)
_AT_THEIRS = " at the number they call from"
_WITHHELD = ": their number is withheld, so take a message that holds one"


class Later:
    """For writes only: what only reads can be asked again."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        # Those of the ledger may all be waiting for the database.
        self._threads = Threads("spool", 1)

    async def answer_to(self, attempt: Attempt, claim: Claim) -> Answer | None:
        """What the caller is told once it is kept; None when it is not."""
        if not attempt.tool.risk.writes:
            return None
        intent = _intent(attempt, claim, claim.now)
        keeping = self._threads.submit(lambda: self._spool.put(intent))
        if not await ended_within(keeping, WITHIN_S):
            return None
        if (error := keeping.exception()) is not None:
            log_failure("intent_not_kept", attempt, error)
            return None
        where = _AT_THEIRS if intent.caller else _WITHHELD
        told = answer(ToolState.FAILED, {"message": KEPT}, mend=_MEND.format(where=where))
        return Answer(ToolState.FAILED, told)


def _intent(attempt: Attempt, claim: Claim, now: dt.datetime) -> Intent:
    arguments = attempt.kept_arguments
    return Intent(
        effect=claim.effect,
        call_id=claim.call_id,
        tool=claim.tool,
        arguments=msgspec.json.decode(arguments),
        caller=e164(attempt.request.caller_number or "") or "",
        at=now,
    )
