"""Work that is done again and again goes on when it fails once."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tools.periodic import every
from tools.spec import BackendError
from tools.store import CommitUnknownError


@pytest.mark.parametrize(
    "error", [BackendError("down", permanent=False), CommitUnknownError("gone"), OSError("full")]
)
async def test_what_fails_is_logged_and_done_again(error: Exception) -> None:
    done: list[int] = []

    def work() -> None:
        done.append(len(done))
        if len(done) == 2:
            raise error

    with capture_logs() as logs:
        task = asyncio.get_running_loop().create_task(every(0.0, "sweep", work))
        while len(done) < 4:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [(each["event"], each["chore"]) for each in logs] == [("chore_failed", "sweep")]
    assert str(error) not in str(logs)


async def test_a_bug_is_logged_and_does_not_end_the_chore() -> None:
    done: list[int] = []

    def work() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise ZeroDivisionError

    with capture_logs() as logs:
        task = asyncio.get_running_loop().create_task(every(0.0, "sweep", work))
        while len(done) < 3 and not task.done():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [(each["event"], each["log_level"]) for each in logs] == [("chore_broke", "error")]
