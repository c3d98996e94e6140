"""The synthetic caller on the phone: its ears run in a thread, so that the line never waits."""

import asyncio
from collections.abc import Callable, Mapping

from agents.tasks import Tasks
from telephony.simulator.caller import Observation, SyntheticCaller
from telephony.simulator.scenario import Scenario

Ears = Callable[[bytes], str]
"""The words in mu-law speech; empty when there are none to make out. Blocking."""


class ListeningCaller:
    """A `CallerSide` for one call. Use with `async with` around the call."""

    def __init__(
        self,
        scenario: Scenario,
        speech: Mapping[str, bytes],
        noise: bytes,
        ears: Ears,
        observe: Callable[[Observation], None],
    ) -> None:
        """As SyntheticCaller; what `ears` raises is raised again when the call is over."""
        self._ears = ears
        self._caller = SyntheticCaller(scenario, speech, noise, ask=self._ask, observe=observe)
        self._failures: list[BaseException] = []
        self._tasks = Tasks(lambda name, error: self._failures.append(error))
        self._now_ms = 0

    async def __aenter__(self) -> "ListeningCaller":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.cancel_all()
        if self._failures:
            raise self._failures[0]

    @property
    def hang_up(self) -> bool:
        return self._caller.hang_up or bool(self._failures)

    def keys(self, now_ms: int) -> str:
        return self._caller.keys(now_ms)

    def heard(self, now_ms: int, ulaw: bytes) -> None:
        self._now_ms = now_ms
        self._caller.heard(now_ms, ulaw)

    def frame(self, now_ms: int) -> bytes:
        return self._caller.frame(now_ms)

    def _ask(self, number: int, ulaw: bytes) -> None:
        self._tasks.start("caller listens", self._listen(number, ulaw))

    async def _listen(self, number: int, ulaw: bytes) -> None:
        words = await asyncio.to_thread(self._ears, ulaw)
        self._caller.understood(number, words, self._now_ms)
