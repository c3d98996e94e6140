"""Which frames are new, and where lost audio is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.twilio.order import MAX_FILL_MS, MAX_JUMP, Place, Placed, Sequence, Timeline
from telephony.twilio.wire import BadFrame, BadKind


def test_one_after_the_other() -> None:
    sequence = Sequence(1)
    assert [sequence.place(number) for number in (2, 3, 4)] == [Place.NEXT] * 3
    assert sequence.lost == 0


def test_the_same_number_twice_is_a_duplicate() -> None:
    sequence = Sequence(1)
    sequence.place(2)
    assert sequence.place(2) is Place.DUPLICATE
    assert sequence.place(1) is Place.DUPLICATE


def test_a_gap_is_counted_and_closed_by_what_comes_late() -> None:
    sequence = Sequence(1)
    assert sequence.place(5) is Place.AFTER_GAP
    assert sequence.lost == 3
    assert sequence.place(3) is Place.LATE
    assert sequence.lost == 2
    assert sequence.place(3) is Place.DUPLICATE
    assert sequence.place(6) is Place.NEXT


def test_what_is_older_than_the_window_counts_as_seen() -> None:
    sequence = Sequence(1)
    sequence.place(70)
    assert sequence.place(70 - 63) is Place.LATE
    assert sequence.place(70 - 64) is Place.DUPLICATE


def test_one_absurd_number_does_not_make_duplicates_of_all_others() -> None:
    sequence = Sequence(1)
    with pytest.raises(BadFrame) as caught:
        sequence.place(2 + MAX_JUMP)
    assert caught.value.kind is BadKind.BAD_SEQUENCE
    assert sequence.place(2) is Place.NEXT
    assert sequence.place(2 + MAX_JUMP) is Place.AFTER_GAP


@given(st.lists(st.integers(1, 60), max_size=80))
def test_within_the_window_each_number_is_new_exactly_once(numbers: list[int]) -> None:
    sequence = Sequence(1)
    seen = {1}
    for number in numbers:
        assert (sequence.place(number) is Place.DUPLICATE) == (number in seen)
        seen.add(number)
    assert sequence.lost == max(seen) - len(seen)


@given(st.lists(st.one_of(st.just(1), st.integers(-70, 70), st.integers(9_990, 10_010))))
def test_the_short_way_of_a_number_is_that_of_the_next_one(steps: list[int]) -> None:
    short, general = Sequence(1), Sequence(1)
    number = 1
    for step in steps:
        number += step
        placed, went_on = _placed(general, number), short.goes_on(number)
        assert went_on is (placed is Place.NEXT)
        assert went_on or _placed(short, number) is placed
        assert vars(short) == vars(general)
        if placed is BadKind.BAD_SEQUENCE:
            number -= step


def _placed(sequence: Sequence, number: int) -> Place | BadKind:
    try:
        return sequence.place(number)
    except BadFrame as error:
        return error.kind


def test_frames_that_follow_each_other_need_no_fill() -> None:
    timeline = Timeline()
    assert timeline.place(105, 160) == Placed(105, 0)
    assert timeline.place(125, 160) == Placed(125, 0)
    assert timeline.place(145, 160) == Placed(145, 0)


def test_the_first_timestamp_is_believed_but_not_filled() -> None:
    assert Timeline().place(2_000, 160) == Placed(2_000, 0)


def test_lost_audio_is_filled_eight_bytes_a_millisecond() -> None:
    timeline = Timeline()
    timeline.place(0, 160)
    assert timeline.place(120, 160) == Placed(20, 800)
    assert timeline.place(140, 160) == Placed(140, 0)


def test_less_than_a_frame_of_jitter_is_left_alone_and_does_not_add_up() -> None:
    timeline = Timeline()
    timeline.place(0, 160)
    assert timeline.place(21, 160) == Placed(20, 0)
    assert timeline.place(38, 160) == Placed(40, 0)
    assert timeline.place(60, 160) == Placed(60, 0)


def test_rounded_times_of_odd_frames_do_not_add_up() -> None:
    timeline = Timeline()
    fills = [timeline.place(n * 167 * 1000 // 8000, 167).fill_samples for n in range(5_000)]
    assert sum(fills) == 0


def test_a_clock_that_runs_faster_than_its_audio_is_followed_a_frame_at_a_time() -> None:
    timeline = Timeline()
    fills = [timeline.place(n * 21, 160).fill_samples for n in range(100)]
    assert {fill for fill in fills if fill} == {160}
    assert sum(fills) == pytest.approx(99 * 8, abs=160)


@pytest.mark.parametrize("wild", [40 + MAX_FILL_MS + 1, 10**14, 0])
def test_one_wild_timestamp_moves_nothing(wild: int) -> None:
    timeline = Timeline()
    timeline.place(0, 160)
    timeline.place(20, 160)
    assert timeline.place(wild, 160) == Placed(40, 0, jumped=True)
    assert timeline.place(60, 160) == Placed(60, 0)
    assert timeline.place(80, 160) == Placed(80, 0)


def test_a_clock_set_back_is_followed_from_there() -> None:
    timeline = Timeline()
    timeline.place(5, 160)
    for n in range(1, 100):
        timeline.place(5 + n * 20, 160)
    assert timeline.place(0, 160) == Placed(2_005, 0, jumped=True)
    assert timeline.place(20, 160) == Placed(2_025, 0)
    assert timeline.place(140, 160) == Placed(2_045, 800)


def test_an_absurd_first_timestamp_starts_at_zero() -> None:
    assert Timeline().place(10**14, 160) == Placed(0, 0, jumped=True)


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(1, 8_000)), max_size=60))
def test_time_never_runs_back_and_never_far_ahead(frames: list[tuple[int, int]]) -> None:
    timeline = Timeline()
    end = 0
    first = True
    for timestamp_ms, samples in frames:
        placed = timeline.place(timestamp_ms, samples)
        assert 0 <= placed.fill_samples <= MAX_FILL_MS * 8
        if first:
            assert placed.at_ms <= MAX_FILL_MS
            end = placed.at_ms * 8
            first = False
        assert placed.at_ms == end // 8
        end += placed.fill_samples + samples


FRAMES = st.tuples(
    st.one_of(
        st.sampled_from([0, 0, 0, 0, 1, -1, 19, 20, -19, -20, 3_000, 3_001, -3_000]),
        st.integers(0, 10**15),
    ),
    st.one_of(st.just(160), st.integers(1, 8_000)),
)


@given(st.lists(FRAMES, max_size=60))
def test_the_short_way_of_a_time_is_that_of_what_comes_next(frames: list[tuple[int, int]]) -> None:
    short, general = Timeline(), Timeline()
    stated_ms = 0
    for slip_ms, samples in frames:
        at_ms = max(0, stated_ms + slip_ms)
        placed = general.place(at_ms, samples)
        before = dict(vars(short))
        went_on = short.goes_on(at_ms, samples)
        if went_on is None:
            assert vars(short) == before
            assert short.place(at_ms, samples) == placed
        else:
            assert Placed(went_on, 0) == placed
        assert vars(short) == vars(general)
        stated_ms = (placed.at_ms if slip_ms > 10**6 else at_ms) + samples // 8


def test_frames_that_follow_each_other_go_the_short_way_whatever_their_jitter() -> None:
    timeline = Timeline()
    assert timeline.goes_on(0, 160) is None, "nothing has begun"
    timeline.place(105, 160)
    assert [timeline.goes_on(at, 160) for at in (125, 164, 146, 185)] == [125, 145, 165, 185]
    assert timeline.goes_on(225, 160) is None, "a frame is missing"
    timeline.place(0, 160)
    assert timeline.goes_on(225, 160) is None, "what came before was not believed"
