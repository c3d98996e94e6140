"""Scenarios that a service plays against itself: a caller without a network, one at a time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from telephony import selfcalls
from telephony.selfcalls import Busy, Plug, SelfCalls
from telephony.simulator.ears import Ears
from telephony.simulator.phone import Recorded
from telephony.transcripts.entry import AgentLine, CallerLine, EndedReason, Fate
from telephony.twilio.softphone import NoLine
from tests.fakes.realtime_script import Reply, Script
from tests.telephony.test_whole_call import House, caller, house


class Recording(Recorded):
    """A caller whose lines need no recording first, and who hears nothing."""

    async def close(self) -> None:
        """Nothing runs."""


def recorded(hang_up_ms: int) -> Recording:
    by = caller((1_500, 2_200), hang_up_ms=hang_up_ms)
    return Recording(by._speech, hang_up_ms)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No voices and no ears: they have tests of their own, and take seconds to load."""

    async def synthetic(*_parts: Any) -> Recording:
        return recorded(4_500)

    async def load(_ears: object) -> None:
        """There is nothing to be heard."""

    monkeypatch.setattr(selfcalls, "synthetic", synthetic)
    monkeypatch.setattr(Ears, "load", load)


def self_calls(built: House) -> SelfCalls:
    return built.service._trials.self_calls


async def over(built: House) -> None:
    async with asyncio.timeout(20.0):
        while not built.reasons:
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_a_scenario_is_a_call_like_any_other(tmp_path: Path, quick: None) -> None:
    script = Script(replies=(Reply("Till six.", 600),), caller=("When do you close?",))
    async with house(tmp_path, script) as built:
        call_id = await self_calls(built).play("booking", "ann", "+14155550100", "")
        assert [view.call_id for view in built.service.live.hub.views()] in ([], [call_id])
        with pytest.raises(Busy):
            await self_calls(built).play("booking", "ann", "", "")
        await over(built)
        heard = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert [line.fate for line in heard] == [Fate.CUT, Fate.HEARD]
        assert [type(line) for line in built.of(CallerLine)] == [CallerLine]
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]
        async with asyncio.timeout(10.0):
            while self_calls(built)._busy:
                await asyncio.sleep(0.02)


async def test_a_scenario_no_agent_would_answer_leaves_the_phone_free(
    tmp_path: Path, quick: None
) -> None:
    async with house(tmp_path, FRONTDESK_MAX_CALLS="1") as built:
        built.service.switchboard.stop_accepting()
        for _ in range(2):
            with pytest.raises(NoLine):
                await self_calls(built).play("booking", "ann", "", "")


async def test_a_plug_carries_both_ways_and_says_when_it_is_out() -> None:
    heard: list[str] = []

    async def carry(_call_id: str, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        heard.append((await receive())["text"])
        await send({"type": "websocket.send", "text": "back"})
        assert (await receive())["type"] == "websocket.disconnect"
        await send({"type": "websocket.close", "code": 1000})

    plug = Plug()
    plug.begin(carry, "CA1")
    await plug.send("there")
    told = aiter(plug)
    assert await anext(told) == "back"
    await plug.close()
    assert [text async for text in told] == []
    assert (heard, plug.close_code, plug.unsent_bytes) == (["there"], 1000, 0)
    with pytest.raises(ConnectionClosed):
        await plug.send("late")


async def test_a_plug_whose_other_end_breaks_is_broken() -> None:
    async def carry(_call_id: str, _receive: Any, _send: Any) -> None:
        raise OSError("gone")

    plug = Plug()
    plug.begin(carry, "CA1")
    assert [text async for text in plug] == []
    assert plug.close_code == 1006
    await plug.close()
