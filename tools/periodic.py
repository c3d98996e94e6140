"""Blocking work that is done again and again as long as the service runs."""

import asyncio
from collections.abc import Callable

import structlog

from tools.spec import BackendError
from tools.store import CommitUnknownError

log = structlog.get_logger()


async def every(seconds: float, name: str, work: Callable[[], object]) -> None:
    """`work` in a thread, then a pause, until cancelled. What a database or a disk refuses is
    logged, and tried again next time; so is a bug, which may be met with one row only."""
    while True:
        try:
            await asyncio.to_thread(work)
        except (BackendError, CommitUnknownError, OSError) as error:
            log.warning("chore_failed", chore=name, error=type(error).__name__)
        except Exception:  # a pump: no chore may be gone until somebody restarts the service
            log.exception("chore_broke", chore=name)
        await asyncio.sleep(seconds)
