"""Whole calls whose model dies: over loopback, with the real sockets, engines and voices."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from telephony.transcripts.entry import AgentLine, EndedReason, EndLine, Fate, SeatLine
from tests.fakes.realtime_script import Faults, Reply, Script
from tests.telephony.test_whole_call import GREETING, House, caller, house, level

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

LADDER = {"FRONTDESK_FALLBACKS": "realtime,local"}
CUT = Faults(close_after_deltas=6, close_code=1006)


def waits(built: House) -> tuple[int, int]:
    """The longest silence, and the longest without words, in ms."""
    (end,) = [entry for entry in built.of(EndLine) if isinstance(entry, EndLine)]
    return end.silence_ms, end.wordless_ms


def seats(built: House) -> list[tuple[str, str]]:
    lines = [entry for entry in built.of(SeatLine) if isinstance(entry, SeatLine)]
    return [(line.engine, line.why) for line in lines]


def lines(built: House) -> list[AgentLine]:
    found = [entry for entry in built.of(AgentLine) if isinstance(entry, AgentLine)]
    return [line for line in found if line.source == "engine"]


async def test_fault_m8_a_session_that_is_cut_is_followed_by_one_that_knows_what_was_heard(
    tmp_path: Path,
) -> None:
    script = Script(replies=(Reply("We close at six.", 1_200),), caller=("When do you close?",))
    async with house(tmp_path, script, CUT, **LADDER) as built:
        calling = asyncio.create_task(  # noqa: TID251
            built.phone.dial(caller((8_000, 8_900), hang_up_ms=13_000), time_limit_s=40)
        )
        await built.model.session(0)
        built.model.faults = Faults()
        await calling
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]
        assert seats(built) == [("realtime", "failed")]
        assert max(waits(built)) <= 2_500
        broken, again, answer = lines(built)
        assert (broken.fate, again.fate, answer.fate) == (Fate.HEARD, Fate.HEARD, Fate.HEARD)
        assert (again.text, answer.text) == (GREETING, "We close at six.")
        assert GREETING.startswith(broken.heard)
        second = await built.model.session(1)
        told = second.conversation.context()
        assert ("assistant", broken.heard) in told
        assert ("user", "When do you close?") in told


async def test_fault_m5_a_provider_that_is_gone_is_followed_by_the_embedded_engine(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, None, CUT, **LADDER) as built:
        calling = asyncio.create_task(  # noqa: TID251
            built.phone.dial(caller(hang_up_ms=12_000), time_limit_s=40)
        )
        await built.model.session(0)
        built.model.faults = Faults(handshake_status=503)
        report = await calling
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]
        assert seats(built) == [("local", "failed")]
        silence_ms, wordless_ms = waits(built)
        assert silence_ms <= 2_500
        assert wordless_ms <= 8_000
        assert lines(built)[-1].text == GREETING
        assert lines(built)[-1].fate is Fate.HEARD
        assert report.stream is not None
        played_ms = report.stream.played_ms_by_item[lines(built)[-1].mark_item]
        assert played_ms > 3_000
        end_ms = lines(built)[-1].end_ms
        assert level(report.stream.heard_ulaw, end_ms - 2_000, end_ms - 500) > 300


async def test_fault_m3_a_refused_key_is_not_heard_of_by_the_caller(tmp_path: Path) -> None:
    async with house(tmp_path, None, Faults(handshake_status=401), **LADDER) as built:
        await built.phone.dial(caller(hang_up_ms=8_000), time_limit_s=30)
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]
        assert seats(built) == [("local", "failed")]
        assert max(waits(built)) <= 2_500
        assert len(built.model.requests) == 1
        await built.phone.dial(caller(hang_up_ms=4_000), time_limit_s=30)
        assert len(built.model.requests) == 1, "the next call does not even ask"
        assert built.entries
        assert lines(built)[-1].text.startswith(GREETING[:20])


async def test_fault_m14_a_model_that_falls_mute_is_left(tmp_path: Path) -> None:
    script = Script(replies=(Reply("We close at six.", 1_200),), caller=("When do you close?",))
    async with house(tmp_path, script, Faults(no_auto_response=True), **LADDER) as built:
        calling = asyncio.create_task(  # noqa: TID251
            built.phone.dial(caller((7_000, 7_900), hang_up_ms=18_000), time_limit_s=40)
        )
        first = await built.model.session(0)
        first.faults = dataclasses.replace(first.faults, stall_after_deltas=1, stall_s=60.0)
        built.model.faults = Faults()
        await calling
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]
        assert "mute" in [why for _, why in seats(built)]
        silence_ms, wordless_ms = waits(built)
        assert silence_ms <= 2_500
        assert wordless_ms <= 8_000


async def test_fault_m9_a_session_that_expires_is_followed_without_a_sound(
    tmp_path: Path,
) -> None:
    script = Script(replies=(Reply("We close at six.", 1_200),), caller=("When do you close?",))
    async with house(tmp_path, script, Faults(lasts_s=14.0), **LADDER) as built:
        calling = asyncio.create_task(  # noqa: TID251
            built.phone.dial(caller((13_500, 14_400), hang_up_ms=18_500), time_limit_s=40)
        )
        await built.model.session(0)
        built.model.faults = Faults()
        report = await calling
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]
        (line,) = [entry for entry in built.of(SeatLine) if isinstance(entry, SeatLine)]
        assert (line.engine, line.why) == ("realtime", "expiring")
        assert [each.text for each in lines(built)] == [GREETING, "We close at six."]
        assert max(waits(built)) <= 2_500
        second = await built.model.session(1)
        assert ("assistant", GREETING) in second.conversation.context()
        assert report.stream is not None
        before_ms, after_ms = lines(built)[0].end_ms + 500, lines(built)[1].start_ms - 100
        assert level(report.stream.heard_ulaw, before_ms, after_ms) < 10, "nobody hears of it"


async def test_when_no_engine_works_new_callers_are_told_and_readiness_says_so(
    tmp_path: Path,
) -> None:
    refused = Faults(handshake_status=401)
    async with house(tmp_path, None, refused, FRONTDESK_FALLBACKS="none") as built:
        assert built.service._readiness.problems() == []
        await built.phone.dial(caller(hang_up_ms=3_000), time_limit_s=30)
        assert built.service._readiness.problems() == ["no_engine"]
        asked = len(built.model.requests)
        report = await built.phone.dial(caller(hang_up_ms=3_000), time_limit_s=30)
        assert report.stream is None, "nobody is put through to an engine that does not work"
        assert len(built.model.requests) == asked
