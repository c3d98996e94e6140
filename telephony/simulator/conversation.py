"""A synthetic caller on the simulated phone: its voice, its ears and its part, joined."""

import asyncio
from collections.abc import Callable

from agents.tasks import Tasks
from telephony.simulator.caller import Observation, SyntheticCaller
from telephony.simulator.ears import Ears
from telephony.simulator.scenario import Scenario
from telephony.simulator.voices import LineVoice


class ListeningCaller:
    """A `CallerSide` whose words are recognised in a thread while the call goes on."""

    def __init__(
        self, caller: Callable[[Callable[[int, bytes], None]], SyntheticCaller], ears: Ears
    ) -> None:
        """`caller(ask)` makes the caller, given where it puts its questions."""
        self._ears = ears
        self._tasks = Tasks(self._misheard)
        self._now_ms = 0
        self._asked = 0
        self._caller = caller(self._ask)

    def heard(self, now_ms: int, ulaw: bytes) -> None:
        self._now_ms = now_ms
        self._caller.heard(now_ms, ulaw)

    def frame(self, now_ms: int) -> bytes:
        return self._caller.frame(now_ms)

    def keys(self, now_ms: int) -> str:
        return self._caller.keys(now_ms)

    @property
    def hang_up(self) -> bool:
        return self._caller.hang_up

    async def close(self) -> None:
        await self._tasks.cancel_all()

    def _ask(self, number: int, ulaw: bytes) -> None:
        self._asked = number
        self._tasks.start(f"ears {number}", self._listen(number, ulaw))

    async def _listen(self, number: int, ulaw: bytes) -> None:
        words = await self._ears.words(ulaw)
        self._caller.understood(number, words, self._now_ms)

    def _misheard(self, _name: str, _error: BaseException) -> None:
        self._caller.understood(self._asked, "", self._now_ms)


async def synthetic(
    scenario: Scenario, ears: Ears, observe: Callable[[Observation], None]
) -> ListeningCaller:
    """Record everything the caller may say, in a thread, and put the caller together."""

    def record() -> tuple[dict[str, bytes], bytes]:
        voice = LineVoice()
        return voice.record(scenario.lines), voice.noise()

    speech, noise = await asyncio.to_thread(record)
    return ListeningCaller(
        lambda ask: SyntheticCaller(scenario, speech, noise, ask=ask, observe=observe), ears
    )
