"""Both sides of a call on one clock: the carrier's, by which the caller's audio is stamped."""

import re
from random import Random

import pytest

from agents.engine import AudioFormat
from telephony.call.commands import StoreAudio, Track
from tests.telephony.distance import Distance, Network
from tests.telephony.distant_model import Reply


def talked(network: Network) -> Distance:
    call = Distance(network, Random(1), AudioFormat.ULAW_8K)
    for _ in range(3):
        call.gives(Reply((1_200,), interrupt_after_s=0.7))
    call.hang_up_in_mid_reply(Reply((3_000,)), 1.5)
    return call


def recorded(call: Distance, track: Track) -> list[tuple[int, int]]:
    """Where each stretch of a track begins and ends, in ms of the stream."""
    stretches: list[tuple[int, int]] = []
    for piece in (c for c in call.commands if isinstance(c, StoreAudio) and c.track is track):
        begin, end = piece.at_samples, piece.at_samples + len(piece.ulaw)
        if stretches and begin == stretches[-1][1]:
            begin = stretches.pop()[0]
        stretches.append((begin, end))
    return [(begin // 8, end // 8) for begin, end in stretches]


def played(call: Distance, began_ms: int) -> list[tuple[int, int]]:
    """The same as it truly left the carrier."""
    said = re.finditer(rb"[^\xff]+", call.carrier.heard)
    return [(began_ms + each.start() // 8, began_ms + each.end() // 8) for each in said]


@pytest.mark.parametrize("way_s", [0.0, 0.02, 0.08, 0.15])
@pytest.mark.parametrize("began_ms", [0, 20, 60, 150])
def test_what_was_heard_is_recorded_when_it_was_heard(way_s: float, began_ms: int) -> None:
    """Whatever the distance, and however long the start of the stream was on its way."""
    call = talked(Network(way_s, way_s, began_ms=began_ms))
    told, truth = recorded(call, Track.HEARD), played(call, began_ms)
    assert len(told) == len(truth) == 4
    for each, true in zip(told[:3], truth, strict=False):
        assert each == pytest.approx(true, abs=2)
    assert told[3][0] == pytest.approx(truth[3][0], abs=2)


def test_words_and_lines_have_the_times_of_their_audio() -> None:
    call = talked(Network(0.08, 0.08, began_ms=80))
    stretches = recorded(call, Track.HEARD)
    for line, (begin_ms, end_ms) in zip(call.lines(), stretches, strict=True):
        assert (line.start_ms, line.end_ms) == pytest.approx((begin_ms, end_ms), abs=1)
        assert line.words[0].start_ms == pytest.approx(begin_ms, abs=1)


def test_the_caller_s_audio_lies_where_it_is_stamped() -> None:
    call = talked(Network(0.08, 0.08, began_ms=80))
    ((begin_ms, _),) = recorded(call, Track.CALLER)
    assert begin_ms == 80


def test_on_a_jittery_line_the_clocks_agree_as_well_as_the_cuts_do() -> None:
    network = Network(0.05, 0.05, "uniform", 0.025, began_ms=70)
    call = Distance(network, Random(5), AudioFormat.ULAW_8K)
    for _ in range(6):
        call.gives(Reply((2_000,)))
    begun = [begin_ms for begin_ms, _ in recorded(call, Track.HEARD)]
    truth = played(call, 70)
    off_ms = [min(abs(begin_ms - true_ms) for true_ms, _ in truth) for begin_ms in begun[1:]]
    assert max(off_ms) <= 60
    assert sum(off_ms) / len(off_ms) <= 30
