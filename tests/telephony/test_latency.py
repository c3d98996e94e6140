"""What a caller waits for, in one set of figures for log, metrics and pages."""

import pytest

from telephony.metrics import Metrics
from telephony.transcripts.entry import TurnLine
from telephony.transcripts.latency import Bar, Latency, latency, waterfall

WHOLE = TurnLine(1_000, 1_500, 1_700, 1_750, model_ms=1_640)


def test_a_wait_is_the_sum_of_its_parts() -> None:
    found = latency(WHOLE)
    assert found == Latency(
        endpointing_ms=500, model_ms=140, queue_ms=60, carrier_ms=50, answer_ms=200, turn_ms=750
    )
    assert waterfall(found) == (
        Bar("endpointing", 0, 500),
        Bar("model", 500, 140),
        Bar("queue", 640, 60),
        Bar("carrier", 700, 50),
    )


def test_what_did_not_happen_has_no_figure() -> None:
    found = latency(TurnLine(1_000, -1, 1_600, -1))
    assert (found.endpointing_ms, found.answer_ms, found.turn_ms) == (None, None, None)
    assert waterfall(found) == ()


def test_where_the_engine_does_not_say_its_own_time_the_answer_is_one_step() -> None:
    found = latency(TurnLine(1_000, 1_500, 1_700, 1_750))
    assert (found.model_ms, found.queue_ms, found.answer_ms) == (None, None, 200)
    assert [bar.part for bar in waterfall(found)] == ["endpointing", "answer", "carrier"]


def test_an_answer_before_its_time_was_not_waited_for() -> None:
    found = latency(TurnLine(1_000, 900, 950, 940))
    assert (found.endpointing_ms, found.carrier_ms, found.turn_ms) == (0, 0, 0)


@pytest.mark.parametrize("part", ["endpointing", "model", "queue", "answer", "carrier", "turn"])
def test_the_metrics_have_the_same_figures(part: str) -> None:
    metrics = Metrics()
    metrics.turn(WHOLE)
    metrics.turn(TurnLine(-1, -1, -1, -1))
    labels = {"part": part}
    seconds = metrics.registry.get_sample_value("frontdesk_turn_seconds_sum", labels)
    assert seconds == pytest.approx(getattr(latency(WHOLE), f"{part}_ms") / 1000)
    assert metrics.registry.get_sample_value("frontdesk_turn_seconds_count", labels) == 1
