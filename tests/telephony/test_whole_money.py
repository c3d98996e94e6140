"""Whole calls over loopback that cost money: on the books, wound up at caps, by living models."""

import datetime as dt
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from agents.money import Cost
from telephony.configuring.personafile import BudgetPart
from telephony.simulator.phone import EndedBy
from telephony.transcripts.archive import Archive
from telephony.transcripts.entry import AgentLine, EndedReason, SeatLine, UsageLine
from tests.fakes.realtime_script import Faults, Reply, Script
from tests.telephony.test_whole_call import House, caller, house
from tools.costs import By

pytestmark = [pytest.mark.slow, pytest.mark.timeout(40)]

YESTERDAY = (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)).isoformat()
OLD = "gpt-realtime"
NEW = "gpt-realtime-2.1"


def models(built: House) -> list[str]:
    """Those sessions were opened with, refused ones included."""
    urls = [urlsplit(request.path) for request in built.model.requests]
    return [parse_qs(url.query)["model"][0] for url in urls]


def metered(built: House, what: str) -> float:
    labels = {"persona": "", "what": what}
    name = "frontdesk_cost_usd_total"
    return built.service.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_a_call_is_on_the_books_in_its_record_and_in_the_figures(tmp_path: Path) -> None:
    script = Script(replies=(Reply("We are open until six.", 1_500),))
    async with house(tmp_path, script) as built:
        await built.phone.dial(caller((3_000, 3_900), hang_up_ms=7_000))
        await built.service.spending.balance(learn=True)
        (day,) = built.service.spending.book.days(dt.date(2020, 1, 1), dt.date(2100, 1, 1))
        (same,) = built.service.spending.book.days(day.day, day.day, By.NUMBER)
        responses = [line for line in built.of(UsageLine) if isinstance(line, UsageLine)]
        assert {line.model for line in responses} == {NEW}
        engine = sum(line.cost.micros for line in responses if line.cost)
        assert (day.calls, day.engine_micros, day.carrier_micros) == (1, engine, 12_500)
        # One turn of one to six seconds, as its provider counts, at $0.0045 a minute.
        assert 75 <= day.transcription_micros <= 450
        assert not day.unknown
        assert same.persona == ""
        assert metered(built, "response") == pytest.approx(engine / 1_000_000)
        assert metered(built, "carrier") == pytest.approx(0.0125)
    (call,) = Archive(tmp_path / "data").newest(5)
    assert call.summary.cost == Cost(day.micros)


async def test_fault_a9_a_call_that_reaches_its_cap_says_goodbye_and_hangs_up(
    tmp_path: Path,
) -> None:
    script = Script(replies=(Reply("Let me tell you everything.", 8_000),))
    async with house(tmp_path, script, FRONTDESK_MAX_CALL_USD="0.03") as built:
        report = await built.phone.dial(caller((3_000, 3_900), hang_up_ms=35_000))
        assert built.reasons == [EndedReason.BUDGET]
        assert report.ended_by is EndedBy.API
        said = [line.text for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert said[-1].startswith("I'm sorry, I have to end this call now.")
        assert built.service.counters["budget_spent"] == 1
        assert report.said == ()


async def test_fault_a9_beyond_the_day_s_cap_a_caller_hears_a_sentence_and_no_model_is_opened(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, FRONTDESK_MAX_DAY_USD="0.01") as built:
        await built.phone.dial(caller(hang_up_ms=1_500))
        opened = len(built.model.requests)
        second = await built.phone.dial(caller(hang_up_ms=9_000))
        assert (second.stream, second.said) == (None, (BudgetPart().say,))
        assert len(built.model.requests) == opened
        assert built.service.counters["webhook.refused.budget_day"] == 1
    async with house(tmp_path, FRONTDESK_MAX_DAY_USD="0.01") as again:
        third = await again.phone.dial(caller(hang_up_ms=9_000))
        assert (third.stream, third.said) == (None, (BudgetPart().say,))


async def test_fault_m6_a_retired_model_s_calls_are_opened_with_its_successor_at_once(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, FRONTDESK_MODEL=OLD) as built:
        built.model.listed = {OLD: YESTERDAY, NEW: None}
        assert await built.service.spending.watch.look()
        report = await built.phone.dial(caller(hang_up_ms=2_500))
        assert set(models(built)) == {NEW}
        assert report.stream is not None
        assert any(line.fate for line in built.of(AgentLine) if isinstance(line, AgentLine))
        assert built.service.counters["models.gone"] >= 1


async def test_fault_m6_where_nothing_told_of_its_end_the_call_goes_on_with_the_successor(
    tmp_path: Path,
) -> None:
    faults = Faults(handshake_statuses=(404,))
    async with house(tmp_path, faults=faults, FRONTDESK_MODEL=OLD) as built:
        await built.phone.dial(caller(hang_up_ms=4_000))
        assert models(built)[0] == OLD
        assert set(models(built)[1:]) == {NEW}
        assert built.service.counters["models.missing"] == 1
        heard = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert heard[0].source == "engine"
        assert heard[0].start_ms < 1_000
        seats = [line.engine for line in built.entries if isinstance(line, SeatLine)]
        assert set(seats) == {"realtime"}
