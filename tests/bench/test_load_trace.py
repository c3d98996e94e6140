"""What the load benchmark counts: one call's trace, told by hand."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.simulator.carrier import PlayedClip
from tests.bench.load import plan
from tests.bench.load.trace import Trace
from tests.bench.load.websocket import CLOSE, PING, TEXT, Frames, accept_key, frame


def tracing() -> Trace:
    trace = Trace()
    trace.measuring = True
    return trace


def clip(played: int) -> PlayedClip:
    return PlayedClip(arrived=0, samples=800, mark=None, began=0, played=played)


def test_each_frame_is_timed_to_the_append_that_brings_its_last_sample() -> None:
    trace = tracing()
    trace.frame_sent(160, 1.00)
    trace.frame_sent(160, 1.02)
    trace.appended(100, 1.03)
    assert trace.up_s == []
    trace.appended(220, 1.04)
    assert [round(s, 3) for s in trace.up_s] == [0.04, 0.02]


def test_frames_that_never_reach_the_model_are_lost() -> None:
    trace = tracing()
    for _ in range(3):
        trace.frame_sent(160, 0.0)
    trace.appended(160, 0.1)
    trace.appended(40, 0.2)
    trace.hung_up(1.0)
    assert trace.lost_up_samples == 280


@pytest.mark.parametrize(("undecided_s", "missed"), [(0.0, 2), (1.0, 1)])
def test_what_was_just_held_back_as_the_call_ended_need_not_be_told_where_that_takes_time(
    undecided_s: float, missed: int
) -> None:
    trace = Trace(undecided_s)
    for begun_s in (5.0, 8.5):
        trace.item_began(f"item_{begun_s}")
        trace.delta_sent(1_600, begun_s)
        trace.media(1_600, begun_s)
        trace.speech_started(900, begun_s + 0.1)
        trace.cleared(begun_s + 0.102)
    trace.hung_up(9.0)
    assert trace.untold([clip(800), clip(800)], {}) == missed
    assert trace.spoken_over == len(trace.cuts) == 2


def test_each_delta_is_timed_to_the_media_message_that_brings_its_first_sample() -> None:
    trace = tracing()
    trace.item_began("item_1")
    trace.delta_sent(1_000, 5.000)
    trace.delta_sent(500, 5.010)
    trace.media(800, 5.003)
    trace.media(200, 5.004)
    assert [round(s, 3) for s in trace.down_s] == [0.003]
    trace.media(500, 5.014)
    assert [round(s, 3) for s in trace.down_s] == [0.003, 0.004]


def test_nothing_is_timed_outside_the_measurement() -> None:
    trace = Trace()
    trace.frame_sent(160, 0.0)
    trace.appended(160, 1.0)
    trace.item_began("item_1")
    trace.delta_sent(800, 0.0)
    trace.media(800, 1.0)
    trace.speech_started(10, 0.0)
    trace.cleared(1.0)
    assert (trace.up_s, trace.down_s, trace.barge_in_s) == ([], [], [])


def test_a_reply_nobody_interrupted_must_have_come_whole() -> None:
    trace = tracing()
    trace.item_began("item_1")
    trace.delta_sent(800, 0.0)
    trace.media(480, 0.1)
    trace.item_began("item_2")
    trace.delta_sent(800, 1.0)
    trace.cleared(1.1)
    trace.item_began("item_3")
    assert trace.lost_down_samples == 320


def test_a_cut_is_judged_by_what_the_phone_played_of_its_item() -> None:
    trace = tracing()
    trace.item_began("item_1")
    trace.delta_sent(1_600, 0.0)
    trace.media(800, 0.1)
    trace.media(800, 0.1)
    trace.item_began("item_2")
    trace.delta_sent(1_600, 1.0)
    trace.media(800, 1.0)
    trace.media(800, 1.0)
    trace.speech_started(900, 1.100)
    trace.cleared(1.102)
    assert [round(s, 3) for s in trace.barge_in_s] == [0.002]
    clips = [clip(800), clip(800), clip(800), clip(80)]
    assert trace.truncation_errors_ms(clips, {"item_2": 107}) == [3.0]
    assert trace.untold(clips, {"item_2": 107}) == 0
    assert trace.untold(clips, {}) == 1


def test_a_cut_that_came_when_all_was_heard_needs_no_telling() -> None:
    trace = tracing()
    trace.item_began("item_1")
    trace.delta_sent(800, 0.0)
    trace.media(800, 0.1)
    trace.cleared(0.3)
    assert trace.untold([clip(800)], {}) == 0


def test_the_model_talks_about_half_the_time() -> None:
    shares = []
    for seed in range(200):
        turns = plan.turns(seed, 120_000)
        assert turns == plan.turns(seed, 120_000)
        talked, at_ms = 0, 300
        for begin_ms, end_ms in turns:
            assert at_ms < begin_ms < end_ms <= 120_000
            talked += min(begin_ms - at_ms, plan.REPLY_MS)
            at_ms = end_ms
        shares.append(talked / at_ms)
    assert 0.45 < statistics.mean(shares) < 0.55


@given(
    st.lists(st.tuples(st.sampled_from([TEXT, PING, CLOSE]), st.binary(max_size=70_000))),
    st.booleans(),
    st.data(),
)
def test_frames_survive_any_cut_of_the_stream(
    sent: list[tuple[int, bytes]], masked: bool, data: st.DataObject
) -> None:
    wire = b"".join(frame(opcode, payload, masked=masked) for opcode, payload in sent)
    frames, taken = Frames(), []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        taken += frames.feed(wire[:size])
        wire = wire[size:]
    assert taken == sent


def test_a_masked_frame_and_a_key_are_those_of_the_standard() -> None:
    # RFC 6455, sections 5.7 and 1.3.
    hello = bytes.fromhex("818537fa213d7f9f4d5158")
    assert Frames().feed(hello) == [(TEXT, b"Hello")]
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
