"""A carrier some way off: what the bridge learns late, the carrier still counts exactly."""

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from telephony.simulator.network import DistantCarrier, Line
from tests.telephony.test_simulator_carrier import carrier, clear, mark, media


def distant(there_s: float, back_s: float) -> DistantCarrier:
    return DistantCarrier(carrier(), Line(lambda: there_s), Line(lambda: back_s))


def test_an_echo_comes_one_way_there_the_audio_and_one_way_back() -> None:
    line = distant(0.03, 0.05)
    line.receive(media(800), 1.0)
    line.receive(mark("0:1:800"), 1.0)
    assert line.next_deadline() == 1.03
    assert line.advance(1.1799) == []
    (echo,) = line.advance(1.1801)
    assert json.loads(echo)["mark"]["name"] == "0:1:800"
    assert line.carrier.clips[0].began == 8_240


def test_a_clear_works_when_it_arrives_not_when_it_is_sent() -> None:
    line = distant(0.04, 0.04)
    line.receive(media(8_000), 0.0)
    line.receive(mark("0:1:8000"), 0.0)
    line.receive(clear(), 0.5)
    line.advance(5.0)
    assert line.carrier.clears[0].at_ms == 540
    assert line.carrier.played_ms_by_mark_item() == {1: 500}


def test_what_the_carrier_says_takes_its_time_too() -> None:
    line = distant(0.0, 0.025)
    line.say("a frame", 0.1)
    assert line.advance(0.12) == []
    assert line.next_deadline() == 0.125
    assert line.advance(0.125) == ["a frame"]
    assert line.next_deadline() is None


@given(seed=st.integers(0, 1_000), sends=st.lists(st.floats(0, 0.05), max_size=40))
def test_jitter_never_changes_the_order(seed: int, sends: list[float]) -> None:
    draw = random.Random(seed)
    line: Line[int] = Line(lambda: 0.02 + draw.expovariate(40))
    now = 0.0
    arrived = []
    for n, pause in enumerate(sends):
        now += pause
        line.send(n, now)
        arrived += line.arrived(now)
    arrived += line.arrived(now + 1_000)
    assert [n for _, n in arrived] == list(range(len(sends)))
    assert [at for at, _ in arrived] == sorted(at for at, _ in arrived)


@given(seed=st.integers(0, 1_000), step=st.floats(0.001, 0.3))
def test_how_often_the_bridge_looks_does_not_change_the_truth(seed: int, step: float) -> None:
    def lived(step: float) -> tuple[object, ...]:
        draw = random.Random(seed)
        line = DistantCarrier(
            carrier(),
            Line(lambda: 0.01 + draw.random() / 50),
            Line(lambda: 0.02),
        )
        script = [(0.0, media(1_600)), (0.0, mark("0:1:1600")), (0.1, clear()), (0.3, media(160))]
        echoes = []
        for n in range(int(2 / step) + 2):
            while script and script[0][0] <= n * step:
                at, text = script.pop(0)
                line.receive(text, at)
            echoes += line.advance(n * step)
        line.advance(3.0)
        return line.carrier.heard, line.carrier.clears, line.carrier.clips, tuple(echoes)

    assert lived(step) == lived(0.0005)
