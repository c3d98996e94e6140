"""What calls have left behind is taken away, and not while nothing was left."""

import asyncio
import gc
import weakref

from agents.tasks import Tasks
from telephony.tidying import TIDY_S, Tidying
from telephony.transcripts.entry import EndedReason
from tests.telephony.virtual_time import run_virtually


class Left:
    """Points at itself, as the parts of a call do at each other."""

    def __init__(self) -> None:
        self.myself = self


def _failed(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


def test_fault_p14_what_points_at_itself_goes_within_a_minute_of_its_call() -> None:
    told: list[EndedReason] = []

    async def story() -> None:
        tasks, tidying = Tasks(_failed), Tidying(told.append)
        tasks.start("tidy", tidying.run())
        gc.disable()
        try:
            left = weakref.ref(Left())
            await asyncio.sleep(3 * TIDY_S)
            assert left() is not None, "no call has ended: nothing is looked for"
            tidying.call_ended(EndedReason.IDLE)
            await asyncio.sleep(TIDY_S)
            assert left() is None
            left = weakref.ref(Left())
            await asyncio.sleep(3 * TIDY_S)
            assert left() is not None
        finally:
            gc.enable()
            await tasks.cancel_all()

    run_virtually(story())
    assert told == [EndedReason.IDLE]
