"""How many tools run at once: some for each call, more for all of them; the rest wait in order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

PER_CALL = 4
OVERALL = 64


class Bounds:
    """Places for running tools. All methods belong to one event loop."""

    def __init__(self, per_call: int = PER_CALL, overall: int = OVERALL) -> None:
        self._per_call = per_call
        self._overall = asyncio.Semaphore(overall)
        self._calls: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def place(self, call_id: str, until_s: float) -> AsyncGenerator[None]:
        """A place among this call's and all tools, first come first served.

        Raises TimeoutError when there is none by `until_s`, a time of the loop's clock.
        """
        own = self._join(call_id)
        try:
            await _acquired(own, until_s)
            try:
                await _acquired(self._overall, until_s)
                try:
                    yield
                finally:
                    self._overall.release()
            finally:
                own.release()
        finally:
            self._leave(call_id)

    def _join(self, call_id: str) -> asyncio.Semaphore:
        own, users = self._calls.get(call_id, (None, 0))
        own = own or asyncio.Semaphore(self._per_call)
        self._calls[call_id] = own, users + 1
        return own

    def _leave(self, call_id: str) -> None:
        own, users = self._calls.pop(call_id)
        if users > 1:
            self._calls[call_id] = own, users - 1


async def _acquired(places: asyncio.Semaphore, until_s: float) -> None:
    if not places.locked():
        await places.acquire()
        return
    async with asyncio.timeout_at(until_s):
        await places.acquire()
