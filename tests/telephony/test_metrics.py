"""What a monitoring system reads."""

import socket

import aiohttp
import pytest

from agents.money import UNKNOWN, Cost
from telephony.call.commands import Note, Record
from telephony.health.state import EngineState, EngineView
from telephony.metrics import Metrics, MetricsListener
from telephony.transcripts.entry import (
    DtmfLine,
    EndedReason,
    EndLine,
    ToolLine,
    TruncationLine,
    TurnLine,
)
from tests.telephony.finished_calls import ENTRIES


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_events_calls_and_turns_are_counted() -> None:
    metrics = Metrics()
    metrics.count("peer_misbehaved")
    metrics.count("peer_misbehaved")
    metrics.ended(EndedReason.IDLE)
    metrics.live_from(lambda: 3, lambda: True)
    metrics.turn(TurnLine(1_000, 1_500, 1_700, 1_750))
    assert value(metrics, "frontdesk_events_total", code="peer_misbehaved") == 2
    assert value(metrics, "frontdesk_calls_total", reason="idle") == 1
    assert value(metrics, "frontdesk_live_calls") == 3
    sums = {
        part: value(metrics, "frontdesk_turn_seconds_sum", part=part)
        for part in ("endpointing", "answer", "carrier", "turn")
    }
    assert sums == pytest.approx({"endpointing": 0.5, "answer": 0.2, "carrier": 0.05, "turn": 0.75})


def test_a_turn_that_was_answered_before_it_was_noticed_is_no_negative_wait() -> None:
    metrics = Metrics()
    metrics.turn(TurnLine(1_000, 900, 950, 940))
    assert value(metrics, "frontdesk_turn_seconds_sum", part="endpointing") == 0


def test_money_is_counted_with_what_nobody_knows_beside_it() -> None:
    metrics = Metrics()
    metrics.cost("desk", "response", Cost(7_206))
    metrics.cost("desk", "response", Cost(2_794))
    metrics.cost("desk", "transfer", UNKNOWN)
    metrics.days_left("gpt-realtime", 61)
    of = {"persona": "desk"}
    assert value(metrics, "frontdesk_cost_usd_total", what="response", **of) == pytest.approx(0.01)
    assert value(metrics, "frontdesk_cost_unknown_total", what="response", **of) is None
    assert value(metrics, "frontdesk_cost_unknown_total", what="transfer", **of) == 1
    assert value(metrics, "frontdesk_model_days_left", model="gpt-realtime") == 61


def test_turns_are_read_off_what_a_call_writes_down() -> None:
    metrics = Metrics()
    metrics.observe([Note("odd"), Record(DtmfLine("1", 0)), Record(TurnLine(0, 500, 700, 750))])
    assert value(metrics, "frontdesk_turn_seconds_count", part="turn") == 1


def test_what_else_a_call_writes_down_is_measured() -> None:
    metrics = Metrics()
    metrics.observe([Record(entry) for entry in ENTRIES])
    metrics.observe([Record(ToolLine("t", "book", "{}", "done", "{}", 0, 9, repeated=True))])
    metrics.observe([Record(TruncationLine("i", 1, 0, 0)), Record(EndLine(EndedReason.IDLE, 9))])
    assert value(metrics, "frontdesk_tool_seconds_sum", tool="book", state="done") == 0.45
    assert value(metrics, "frontdesk_tool_seconds_count", tool="note", state="unknown") == 1
    assert value(metrics, "frontdesk_truncation_bound_seconds_sum") == 0.04
    assert value(metrics, "frontdesk_truncation_bound_seconds_count") == 1
    assert value(metrics, "frontdesk_line_alarms_total", kind="echo") == 1
    assert value(metrics, "frontdesk_engine_switches_total", engine="local", why="failed") == 1
    assert value(metrics, "frontdesk_owed_silence_seconds_sum", kind="silence") == 0.9
    assert value(metrics, "frontdesk_owed_silence_seconds_count", kind="wordless") == 1


def test_how_engines_fare() -> None:
    metrics = Metrics()
    states = (EngineState.READY, EngineState.RESTING, EngineState.FULL)
    metrics.engines([EngineView(state.value, state) for state in states])
    ready = [value(metrics, "frontdesk_engine_ready", engine=state.value) for state in states]
    assert ready == [1, 0, 0]


async def test_the_figures_are_read_on_loopback_and_the_port_is_free_afterwards() -> None:
    metrics = Metrics()
    metrics.count("own_echo")
    listener = MetricsListener(metrics.registry, 0)
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{listener.port}/metrics") as answer,
    ):
        assert answer.status == 200
        assert 'frontdesk_events_total{code="own_echo"} 1.0' in await answer.text()
    port = listener.port
    listener.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_a_port_in_use_is_said_at_the_start() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            MetricsListener(Metrics().registry, taken.getsockname()[1])
