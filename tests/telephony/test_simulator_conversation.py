"""The synthetic caller on the phone: recorded beforehand, its ears off the event loop."""

import asyncio

import pytest

from telephony.simulator.caller import Observation, Said, SyntheticCaller
from telephony.simulator.conversation import ListeningCaller, synthetic
from telephony.simulator.ears import Ears
from telephony.simulator.scenario import Goal, booking

SCENARIO = booking(Goal())
SPEECH = dict.fromkeys(SCENARIO.lines, b"\x40" * 1_600)


class ScriptedEars(Ears):
    """Understands always the same, after a while; never loads a model."""

    def __init__(self, words: str | Exception, wait_s: float = 0.0) -> None:
        super().__init__()
        self.given = words
        self.wait_s = wait_s
        self.heard: list[bytes] = []

    async def words(self, heard_ulaw: bytes) -> str:
        self.heard.append(heard_ulaw)
        await asyncio.sleep(self.wait_s)
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


async def live(caller: ListeningCaller, seconds: int) -> None:
    """The agent talks for one second; no real time passes, but tasks get their due."""
    for frame in range(seconds * 50):
        caller.heard(frame * 20, (b"\x30" if frame < 50 else b"\xff") * 160)
        assert len(caller.frame(frame * 20)) == 160
        assert caller.keys(frame * 20) == ""
        await asyncio.sleep(0)


def listening(ears: Ears, seen: list[Observation]) -> ListeningCaller:
    return ListeningCaller(
        lambda ask: SyntheticCaller(SCENARIO, SPEECH, b"\xfe" * 160, ask=ask, observe=seen.append),
        ears,
    )


def rules(seen: list[Observation]) -> list[str]:
    return [s.rule for s in seen if isinstance(s, Said)]


async def test_what_the_ears_made_out_is_answered() -> None:
    ears, seen = ScriptedEars("What day would you like?"), list[Observation]()
    caller = listening(ears, seen)
    await live(caller, 3)
    assert rules(seen) == ["day"]
    assert [heard.count(b"\x30") for heard in ears.heard] == [8_000]
    assert not caller.hang_up
    await caller.close()


async def test_ears_that_break_have_made_out_nothing() -> None:
    seen: list[Observation] = []
    caller = listening(ScriptedEars(RuntimeError("no model")), seen)
    await live(caller, 3)
    assert rules(seen) == ["opening"]
    await caller.close()


async def test_a_call_that_ends_leaves_no_listening_behind() -> None:
    before = len(asyncio.all_tasks())
    caller = listening(ScriptedEars("too late", wait_s=60), [])
    await live(caller, 2)
    assert len(asyncio.all_tasks()) == before + 1
    await caller.close()
    assert len(asyncio.all_tasks()) == before


async def test_everything_the_caller_may_say_is_recorded_before_the_call() -> None:
    seen: list[Observation] = []
    caller = await synthetic(SCENARIO, ScriptedEars("What day would you like?"), seen.append)
    await live(caller, 3)
    assert rules(seen) == ["day"]
    await caller.close()


@pytest.mark.slow
async def test_the_caller_understands_its_own_voice_over_the_telephone() -> None:
    ears = Ears()
    await ears.load()
    caller = await synthetic(SCENARIO, ears, print)
    speech = caller._caller._speech
    words = await ears.words(speech["On Tuesday, please."])
    assert "tuesday" in words.lower()
    words = await ears.words(speech["Actually, make it three thirty."])
    assert "thirty" in words.lower() or "3:30" in words
    await caller.close()
    await ears.close()
