"""The resampler: exact under any cut of its input, on time, and forgetful when told so."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.pcm import (
    LARGEST,
    NOTHING,
    ONE,
    PLACES,
    Filter,
    Pcm,
    Polyphase,
    design,
    to_16k,
    whole,
)
from tests.signals import (
    FULL_SCALE,
    SIZES,
    STREAMS,
    gains_db,
    impulse_response,
    noise_db,
    pieces,
    rms,
    tone,
)

TRIPLE = design(up=3, down=1, rate=8_000, length=97, pass_hz=3_400, stop_hz=4_600)
THIRD = design(up=1, down=3, rate=24_000, length=145, pass_hz=3_400, stop_hz=4_000)
TWO_THIRDS = design(up=2, down=3, rate=24_000, length=121, pass_hz=7_000, stop_hz=9_000)
FIVE_SEVENTHS = design(up=5, down=7, rate=11_200, length=61, pass_hz=3_000, stop_hz=4_500)
SHORT = Filter(4, 9, np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]))  # shorter than one step
FILTERS = st.sampled_from([TRIPLE, THIRD, TWO_THIRDS, FIVE_SEVENTHS, SHORT])
LOUD = tone(440, 24_000, 1_000)


def by_definition(fir: Filter, pcm: Pcm) -> Pcm:
    """Insert zeros, convolve in whole numbers, keep every `down`-th, round, limit."""
    stuffed = np.zeros(len(pcm) * fir.up, np.int64)
    stuffed[:: fir.up] = pcm
    whole_steps = len(pcm) // fir.down * fir.down * fir.up
    sums = np.convolve(stuffed, fir.taps)[:whole_steps] if whole_steps else stuffed[:0]
    return np.clip(np.rint(sums[:: fir.down] / ONE), -32_768, 32_767).astype(np.int16)


def same(left: Pcm, right: Pcm) -> bool:
    return left.dtype == right.dtype == np.int16 and left.tolist() == right.tolist()


@given(FILTERS, STREAMS, SIZES)
def test_any_cut_of_the_input_gives_the_output_of_the_definition(
    fir: Filter, pcm: Pcm, sizes: list[int]
) -> None:
    stream = Polyphase(fir)
    heard = np.concatenate([stream.push(piece) for piece in pieces(pcm, sizes)])
    assert same(heard, by_definition(fir, pcm))


PASSAGES = st.lists(
    st.tuples(st.sampled_from([0, 300, 14_000, 16_000, 32_767]), st.integers(1, 120)), max_size=12
)
"""Loud and soft parts of a stream: their peaks and lengths."""


@given(FILTERS, PASSAGES, SIZES)
def test_what_is_loud_overshoots_and_is_limited_wherever_it_was_cut(
    fir: Filter, passages: list[tuple[int, int]], sizes: list[int]
) -> None:
    """Each branch of the taps is an input at which its own sum is the largest there is."""
    worst = np.sign(fir.taps[:: -fir.up])
    parts = [np.resize(worst, length) * peak for peak, length in passages]
    pcm = np.concatenate([NOTHING, *parts]).astype(np.int16)
    stream = Polyphase(fir)
    heard = np.concatenate([stream.push(piece) for piece in pieces(pcm, sizes)])
    assert same(heard, by_definition(fir, pcm))


@pytest.mark.parametrize("cut", [1, 160])
def test_what_was_loud_is_limited_in_the_piece_after_it(cut: int) -> None:
    branch = TRIPLE.taps[1 :: TRIPLE.up]
    loud = (np.sign(branch[::-1]) * FULL_SCALE).astype(np.int16)
    pcm = np.concatenate((np.zeros(200, np.int16), loud[:-1], np.zeros(160, np.int16)))
    stream = Polyphase(TRIPLE)
    before = stream.push(pcm[:231])
    after = [stream.push(pcm[at : at + cut]) for at in range(231, len(pcm), cut)]
    heard = np.concatenate((before, *after))
    assert same(heard, by_definition(TRIPLE, pcm))
    assert FULL_SCALE in heard[231 * 3 :].tolist()


@given(FILTERS, st.lists(st.tuples(st.integers(0, 2), STREAMS), max_size=30))
def test_streams_that_take_turns_at_a_filter_do_not_hear_each_other(
    fir: Filter, turns: list[tuple[int, Pcm]]
) -> None:
    streams = [Polyphase(fir) for _ in range(3)]
    sent: list[Pcm] = [NOTHING] * 3
    heard: list[Pcm] = [NOTHING] * 3
    for which, piece in turns:
        sent[which] = np.concatenate((sent[which], piece))
        heard[which] = np.concatenate((heard[which], streams[which].push(piece)))
    for which in range(3):
        assert same(heard[which], by_definition(fir, sent[which]))


def test_streams_in_many_threads_do_not_hear_each_other_either() -> None:
    def hears(number: int) -> bool:
        pcm = tone(300 + 100 * number, 8_000, 16_000)
        stream = Polyphase(TRIPLE)
        heard = [stream.push(pcm[at : at + 160]) for at in range(0, len(pcm), 160)]
        return same(np.concatenate(heard), by_definition(TRIPLE, pcm))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(hears, range(16)))


def test_a_copy_of_a_stream_goes_on_by_itself() -> None:
    stream = Polyphase(THIRD)
    stream.push(LOUD[:500])
    other = copy.deepcopy(stream)
    stream.push(LOUD[:100])
    assert same(other.push(LOUD[500:]), by_definition(THIRD, LOUD)[500 // 3 :])


def test_one_after_the_other_works_on_one_bench_with_places_for_a_few_lengths() -> None:
    fir = Filter(1, 1, np.ones(9))
    for length in range(1, 10 * PLACES):
        Polyphase(fir).push(LOUD[:length])
    (bench,) = fir._benches
    assert 0 < len(bench._places) <= PLACES
    assert fir.take_bench() is bench
    assert fir.take_bench() is not bench, "somebody has it"


@pytest.mark.parametrize("fir", [TRIPLE, THIRD, TWO_THIRDS, FIVE_SEVENTHS, SHORT])
def test_a_bench_has_room_for_the_longest_piece_behind_the_longest_past(fir: Filter) -> None:
    first = np.arange(fir.down - 1, dtype=np.int16)
    pcm = np.concatenate((first, tone(440, 24_000, LARGEST)))
    stream = Polyphase(fir)
    stream.push(first)
    assert same(stream.push(pcm[len(first) :]), by_definition(fir, pcm))


@given(FILTERS, STREAMS, SIZES)
def test_bytes_are_heard_as_the_samples_they_are(fir: Filter, pcm: Pcm, sizes: list[int]) -> None:
    one, other = Polyphase(fir), Polyphase(fir)
    for piece in pieces(pcm, sizes):
        assert one.push_bytes(piece.tobytes()) == other.push(piece).tobytes()
    assert same(one.flush(), other.flush())


def test_samples_need_not_lie_side_by_side() -> None:
    assert same(Polyphase(THIRD).push(LOUD[::2]), by_definition(THIRD, LOUD[::2]))


@given(FILTERS, STREAMS, SIZES)
def test_every_whole_step_is_answered_at_once(fir: Filter, pcm: Pcm, sizes: list[int]) -> None:
    stream = Polyphase(fir)
    pushed = heard = 0
    for piece in pieces(pcm, sizes):
        pushed += len(piece)
        heard += len(stream.push(piece))
        assert heard == pushed // fir.down * fir.up


@given(FILTERS, STREAMS.filter(len), SIZES)
def test_a_flush_is_the_silence_after_the_end_as_long_as_the_delay(
    fir: Filter, pcm: Pcm, sizes: list[int]
) -> None:
    stream = Polyphase(fir)
    heard = [stream.push(piece) for piece in pieces(pcm, sizes)]
    steps = -(-(len(pcm) + fir.delay) // fir.down)
    silence = np.zeros(steps * fir.down - len(pcm), np.int16)
    expected = by_definition(fir, np.concatenate((pcm, silence)))
    assert same(np.concatenate((*heard, stream.flush())), expected)


@given(FILTERS, STREAMS, STREAMS)
def test_after_a_reset_or_a_flush_nothing_is_left_of_what_came_before(
    fir: Filter, before: Pcm, after: Pcm
) -> None:
    fresh = Polyphase(fir).push(after)
    stream = Polyphase(fir)
    stream.push(before)
    stream.reset()
    assert same(stream.push(after), fresh)
    stream.flush()
    assert same(stream.push(after), fresh)


def test_without_a_reset_the_past_is_heard() -> None:
    stream = Polyphase(THIRD)
    stream.push(LOUD)
    assert stream.push(np.zeros(480, np.int16)).any()


def test_a_flush_of_nothing_is_nothing() -> None:
    stream = Polyphase(THIRD)
    assert len(stream.flush()) == 0
    stream.push(LOUD[:0])
    assert len(stream.flush()) == 0
    stream.push(LOUD[:1])
    assert len(stream.flush()) == 25  # 1 sample and 72 of delay, rounded up to threes
    assert len(stream.flush()) == 0


def test_one_sample_at_a_time_is_as_good_as_all_at_once() -> None:
    stream = Polyphase(TWO_THIRDS)
    heard = np.concatenate([stream.push(LOUD[at : at + 1]) for at in range(len(LOUD))])
    assert same(heard, by_definition(TWO_THIRDS, LOUD))


@pytest.mark.parametrize("fir", [TRIPLE, THIRD, TWO_THIRDS])
@pytest.mark.parametrize("length", [LARGEST, LARGEST + 1, 10 * LARGEST + 7])
def test_a_burst_is_as_good_as_its_pieces(fir: Filter, length: int) -> None:
    burst = tone(440, 24_000, length)
    assert same(Polyphase(fir).push(burst), by_definition(fir, burst))


def test_a_delay_of_part_of_a_sample_counts_as_a_whole_one() -> None:
    assert [fir.delay for fir in (TRIPLE, THIRD, TWO_THIRDS, SHORT)] == [16, 72, 30, 1]


def test_streams_share_a_filter_but_not_their_past() -> None:
    one, other = Polyphase(TRIPLE), Polyphase(TRIPLE)
    one.push(LOUD)
    assert not other.push(np.zeros(160, np.int16)).any()
    assert not TRIPLE.bank.flags.writeable


def test_a_buffer_may_be_used_again_once_it_was_pushed() -> None:
    buffer = LOUD[:480].copy()
    stream = Polyphase(THIRD)
    stream.push(buffer)
    buffer[:] = FULL_SCALE
    assert same(stream.push(LOUD[480:960]), by_definition(THIRD, LOUD[:960])[160:])


@pytest.mark.parametrize("fir", [TRIPLE, THIRD, TWO_THIRDS])
def test_a_constant_comes_through_as_it_is(fir: Filter) -> None:
    heard = Polyphase(fir).push(np.full(600, 12_345, np.int16))
    settled = heard[fir.history * fir.up // fir.down + 1 :]
    assert set(settled.tolist()) == {12_345}


@pytest.mark.parametrize("fir", [TRIPLE, THIRD, TWO_THIRDS])
@pytest.mark.parametrize("sign", [1, -1])
def test_overshoot_is_limited_and_never_wraps(fir: Filter, sign: int) -> None:
    edge = np.full(600, sign * 32_767, np.int16)
    edge[:300] = -edge[0]
    heard = Polyphase(fir).push(edge)
    limit = 32_767 if sign > 0 else -32_768
    assert limit in heard.tolist()
    after = heard[(300 * fir.up + len(fir.taps) // 2) // fir.down + 2 :]
    assert (np.sign(after) == sign).all()


@given(st.integers(1, 5), st.lists(st.floats(0.001, 1), min_size=30, max_size=60))
def test_every_branch_sums_to_one_exactly(branches: int, values: list[float]) -> None:
    shape = np.array(values)
    taps = whole(shape, branches)
    for first in range(branches):
        branch, wanted = taps[first::branches], shape[first::branches]
        assert branch.sum() == ONE
        assert np.abs(branch - wanted * ONE / wanted.sum()).max() < len(branch)


def test_the_recogniser_gets_two_samples_for_three() -> None:
    stream = to_16k()
    assert [len(stream.push(LOUD[:480])) for _ in range(3)] == [320, 320, 320]
    assert len(stream.flush()) == 20  # 1.25 ms


def test_the_recogniser_hears_a_tone_as_it_is() -> None:
    heard = to_16k().push(tone(1_004, 24_000, 24_000))[100:]
    assert noise_db(heard, 1_004, 16_000) < -85


@pytest.mark.parametrize("hz", [9_000, 9_700, 10_500, 11_900])
def test_the_recogniser_does_not_hear_what_its_rate_cannot_hold(hz: int) -> None:
    sent = tone(hz, 24_000, 24_000)
    assert rms(to_16k().push(sent)[100:]) < rms(sent) / 1_000


def test_the_recognisers_band_is_flat_to_seven_kilohertz() -> None:
    response = impulse_response(to_16k, 2, 3)
    assert max(map(abs, gains_db(response, 48_000, 0, 7_000))) < 0.05
    assert max(gains_db(response, 48_000, 9_000, 24_000)) < -75
