"""The ledger against a carrier of one line: audio plays in order, 8 samples a millisecond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.call.carrierclock import RATE
from telephony.call.ledger import GRID_SAMPLES, Item, Ledger


def prompt_ledger(round_trip_s: float = 0.0) -> Ledger:
    """A ledger that has measured its line."""
    ledger = Ledger()
    name = ledger.probe(0.0)
    ledger.echoed(name, round_trip_s)
    return ledger


def play(ledger: Ledger, item: Item, duration_s: float, now: float) -> list[str]:
    """Send audio the way the playback does, in clips of the grid; the marks placed."""
    marks = []
    for _ in range(round(duration_s * RATE) // GRID_SAMPLES):
        mark = ledger.sent(item, b"\x55" * GRID_SAMPLES, now)
        marks += [mark] if mark else []
    return marks


def test_nothing_sent_is_nothing_to_cut() -> None:
    ledger = prompt_ledger()
    assert not ledger.outstanding
    assert ledger.expected_end_s() is None
    assert ledger.cut(1.0).items == ()


def test_between_echoes_the_clock_tells() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 2.0, now=1.0)
    cut = ledger.cut(1.73)
    assert [(heard.item_id, heard.heard, heard.sent) for heard in cut.items] == [
        ("item_1", 5_840, 16_000)
    ]
    assert item.began_s == 1.0
    assert item.ended_s == pytest.approx(1.73)


def test_marks_are_named_by_generation_item_and_samples() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    assert play(ledger, item, 0.3, now=0.0) == ["0:1:800", "0:1:1600", "0:1:2400"]
    ledger.cut(0.1)
    assert play(ledger, ledger.open("item_2"), 0.1, now=0.2) == ["1:2:800"]


def test_the_first_piece_and_each_tenth_of_a_second_is_marked_and_the_end() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    marks = [ledger.sent(item, b"\x55" * 160, 0.0) for _ in range(7)]
    assert marks == ["0:1:160", "0:1:320", "0:1:480", None, "0:1:800", None, None]
    assert ledger.close(item) == "0:1:1120"
    assert ledger.close(item) is None


def test_an_echo_proves_everything_before_it() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 0.5, now=0.0)
    played = ledger.echoed("0:1:2400", 0.3)
    assert sum(len(piece.ulaw) for piece in played) == 2_400
    assert item.heard == 2_400
    assert ledger.outstanding


def test_a_late_echo_does_not_move_the_truth_back() -> None:
    """Jitter makes echoes late only: the clip that ended at 0.1 s did end at 0.1 s."""
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 2.0, now=0.0)
    ledger.echoed("0:1:800", 0.1)
    ledger.echoed("0:1:1600", 0.29)
    assert ledger.expected_end_s() == pytest.approx(2.0)
    # But a line on which echoes come late delays the `clear` as well: by 90 ms / 16 so far.
    assert ledger.cut(0.5).items[0].heard == 4_000 + 45


def test_an_early_echo_pulls_the_estimate_forward() -> None:
    """The first echo of a run was late by 90 ms; the second tells."""
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 2.0, now=0.0)
    ledger.echoed("0:1:800", 0.19)
    assert ledger.expected_end_s() == pytest.approx(0.19 + 1.9)
    ledger.echoed("0:1:1600", 0.2)
    assert abs((ledger.expected_end_s() or 0) - 2.0) < 1e-9


def test_a_stalled_line_is_believed() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 2.0, now=0.0)
    ledger.echoed("0:1:800", 0.1)
    ledger.echoed("0:1:1600", 0.8)
    assert ledger.cut(1.0).items[0].heard == 1_600 + 1_600


def test_audio_does_not_begin_before_it_can_arrive() -> None:
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    play(ledger, item, 1.0, now=1.0)
    # Sent at 1.0, begins at 1.1; a clear sent at 1.5 takes effect at 1.6.
    assert ledger.cut(1.5).items[0].heard == 4_000


def test_the_second_item_waits_for_the_first() -> None:
    """A preamble of 3 s, then the answer: 1 s of talk has reached only the preamble."""
    ledger = prompt_ledger()
    first, second = ledger.open("item_1"), ledger.open("item_2")
    play(ledger, first, 3.0, now=0.0)
    play(ledger, second, 2.0, now=0.2)
    cut = ledger.cut(1.0)
    assert [(item.item_id, item.heard) for item in cut.items] == [("item_1", 8_000), ("item_2", 0)]
    assert second.began_s is None
    assert all(piece.ulaw for piece in cut.played)


def test_the_second_item_is_cut_where_it_is() -> None:
    ledger = prompt_ledger()
    first, second = ledger.open("item_1"), ledger.open("item_2")
    marks = play(ledger, first, 3.0, now=0.0)
    play(ledger, second, 2.0, now=0.2)
    for mark in marks:
        ledger.echoed(mark, int(mark.split(":")[2]) / RATE)
    cut = ledger.cut(3.4)
    assert [(item.item_id, item.heard) for item in cut.items] == [("item_2", 3_200)]
    assert first.heard == 24_000


def test_what_follows_a_cut_waits_for_nothing() -> None:
    """The cut was reckoned with a slow line, which then turns out to be a quick one."""
    ledger = prompt_ledger(round_trip_s=0.2)
    play(ledger, ledger.open("item_1"), 1.0, now=0.0)
    probe = ledger.probe(0.45)
    ledger.cut(0.5)
    ledger.echoed(probe, 0.5)
    item = ledger.open("item_2")
    play(ledger, item, 1.0, now=0.5)
    ledger.cut(0.8)
    assert item.heard == 2_400


def test_a_gap_in_the_delivery_is_no_speech() -> None:
    """1 s is sent, plays out, and only at 3 s comes more: at 3.5 s 1.5 s were heard."""
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 1.0, now=0.0)
    play(ledger, item, 1.0, now=3.0)
    assert ledger.cut(3.5).items[0].heard == 12_000


def test_echoes_of_a_cleared_generation_prove_nothing() -> None:
    ledger = prompt_ledger()
    first = ledger.open("item_1")
    marks = play(ledger, first, 1.0, now=0.0)
    ledger.cut(0.25)
    second = ledger.open("item_2")
    play(ledger, second, 1.0, now=0.3)
    for mark in marks:
        assert ledger.echoed(mark, 0.31) == ()
    assert (first.heard, second.heard) == (2_000, 0)
    assert ledger.cut(0.5).items[0].heard == 1_600


def test_unknown_and_repeated_echoes_prove_nothing() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 0.2, now=0.0)
    assert ledger.echoed("9:9:9", 0.1) == ()
    assert len(ledger.echoed("0:1:1600", 0.2)) == 2
    assert ledger.echoed("0:1:1600", 0.2) == ()
    assert ledger.echoed("0:1:800", 0.2) == ()
    assert item.heard == 1_600


def test_lost_echoes_are_made_up_for_by_a_later_one() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 1.0, now=0.0)
    ledger.echoed("0:1:8000", 1.0)
    assert item.heard == 8_000
    assert not ledger.outstanding


def test_when_no_echo_ever_comes_the_clock_settles_it() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 1.0, now=0.0)
    ledger.expire(3.0)
    assert item.heard == 8_000
    assert not ledger.outstanding
    assert ledger.echoed("0:1:8000", 3.1) == ()


def test_the_round_trip_is_measured_on_the_first_audio_of_a_dry_line() -> None:
    ledger = Ledger()
    item = ledger.open("item_1")
    play(ledger, item, 0.1, now=0.0)
    ledger.echoed("0:1:800", 0.1 + 0.06)
    assert abs(ledger.trip.one_way_s - 0.03) < 1e-9
    assert abs(ledger.trip.least_one_way_s - 0.03) < 1e-9


def test_late_echoes_raise_what_a_message_usually_takes_but_not_the_least() -> None:
    """Every second echo is 40 ms late: a message usually takes 20 ms more than it must."""
    ledger = prompt_ledger(round_trip_s=0.04)
    item = ledger.open("item_1")
    for number, mark in enumerate(play(ledger, item, 10.0, now=0.0), start=1):
        ledger.echoed(mark, 0.04 + number / 10 + 0.04 * (number % 2))
    assert ledger.trip.least_one_way_s == pytest.approx(0.02)
    assert ledger.trip.one_way_s == pytest.approx(0.04, abs=0.002)


def test_a_pause_of_the_line_is_caught_up_with_in_eight_echoes() -> None:
    """The carrier played nothing for 60 ms, which is too little to be told from jitter."""
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    marks = play(ledger, item, 4.0, now=0.0)
    for number, mark in enumerate(marks[:20], start=1):
        ledger.echoed(mark, number / 10 + (0.06 if number > 10 else 0.0))
        slow = number >= 18
        assert ledger.expected_end_s() == pytest.approx(4.06 if slow else 4.0)


def test_an_echo_that_comes_sooner_than_any_before_shortens_the_round_trip() -> None:
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    first, second = play(ledger, item, 0.2, now=0.0)
    ledger.echoed(first, 0.1 + 0.15)
    ledger.echoed(second, 0.2 + 0.05)
    assert ledger.trip.least_one_way_s == pytest.approx(0.025)


def test_the_end_of_a_call_is_heard_of_one_way_late() -> None:
    """The caller hung up at 1.0 s; we learn of it at 1.1 s and credit nothing after."""
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    play(ledger, item, 2.0, now=0.0)
    assert ledger.ended(1.1).items[0].heard == 7_200


def test_the_expected_end_follows_what_is_sent_and_what_is_echoed() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    marks = play(ledger, item, 0.5, now=1.0)
    assert ledger.expected_end_s() == pytest.approx(1.5)
    play(ledger, item, 0.5, now=3.0)
    assert ledger.expected_end_s() == pytest.approx(3.5)
    ledger.echoed(marks[0], 1.2)
    assert ledger.expected_end_s() == pytest.approx(3.5)
    ledger.cut(3.2)
    assert ledger.expected_end_s() is None
    play(ledger, ledger.open("item_2"), 0.1, now=3.3)
    assert ledger.expected_end_s() == pytest.approx(3.4)


def test_played_audio_is_told_with_its_place_in_time() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 0.2, now=1.0)
    first, second = ledger.echoed("0:1:1600", 1.2)
    assert (first.at_s, first.follows) == (1.0, False)
    assert (round(second.at_s, 9), second.follows) == (1.1, True)


@given(
    clips=st.lists(st.tuples(st.integers(1, 4_000), st.floats(0, 2)), min_size=1, max_size=30),
    echoed=st.lists(st.integers(0, 40), max_size=40),
    wait_s=st.floats(0, 20),
)
def test_heard_is_never_more_than_sent_and_counts_every_sample_once(
    clips: list[tuple[int, float]], echoed: list[int], wait_s: float
) -> None:
    ledger = prompt_ledger()
    now, items, marks, heard = 0.0, [], [], 0
    for number, (samples, pause_s) in enumerate(clips):
        now += pause_s
        if number % 3 == 0:
            items.append(ledger.open(f"item_{number}"))
        mark = ledger.sent(items[-1], b"\x55" * samples, now)
        marks += [mark] if mark else []
    for index in echoed:
        if index < len(marks):
            heard += sum(len(piece.ulaw) for piece in ledger.echoed(marks[index], now))
    cut = ledger.cut(now + wait_s)
    heard += sum(len(piece.ulaw) for piece in cut.played)
    assert heard == sum(item.heard for item in items)
    assert all(0 <= item.heard <= item.sent for item in items)
    assert not ledger.outstanding
    # What lies behind the first unheard sample was not heard either.
    unheard_from = next((i for i, item in enumerate(items) if item.heard < item.sent), len(items))
    assert all(item.heard == 0 for item in items[unheard_from + 1 :])


# ---- a cut in two steps -----------------------------------------------------------------------


def cleared(ledger: Ledger, now: float) -> str:
    """A `clear` is sent; the name of the mark behind it."""
    clearing = ledger.clear(now)
    assert clearing is not None
    return clearing.mark


def frames(ledger: Ledger, begin_s: float, end_s: float, way_s: float = 0.0) -> None:
    """The caller's audio comes in good time."""
    for number in range(round(begin_s * 50) + 1, round(end_s * 50) + 1):
        ledger.frame(number / 50, number / 50 + way_s)


def test_nothing_outstanding_nothing_to_clear() -> None:
    assert prompt_ledger().clear(1.0) is None


def test_a_cut_is_settled_by_the_echo_behind_the_clear() -> None:
    """Sent at 2.0 s the clear took 180 ms instead of 100: so much more was heard."""
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    marks = play(ledger, item, 4.0, now=1.0)
    for number, mark in enumerate(marks[:8], start=1):
        frames(ledger, 1.0 + number / 10, 1.1 + number / 10, way_s=0.1)
        ledger.echoed(mark, 1.2 + number / 10)
    mark = cleared(ledger, 2.0)
    assert not ledger.outstanding
    assert ledger.settled(2.1) == []
    for at_s, name in ((2.1, marks[8]), (2.2, marks[9]), (2.28, mark)):
        frames(ledger, at_s - 0.2, at_s - 0.1, way_s=0.1)
        ledger.echoed(name, at_s)
    (cut,) = ledger.settled(2.28)
    assert [item.item_id for item in cut.items] == ["item_1"]
    assert item.heard == pytest.approx(1_080 * 8, abs=8)
    assert (item.proven, item.possible) == (6_400, 1_280 * 8)
    assert sum(len(ulaw) for _, ulaw in cut.unheard) == item.sent - item.heard
    assert ledger.settled(9.0) == []


def test_marks_sent_before_the_clear_took_effect_were_played_and_those_with_it_were_not() -> None:
    """The line halted at 1.53 s for nobody knows what: 0.5 s were played, the clock says 0.9."""
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    marks = play(ledger, item, 4.0, now=1.0)
    frames(ledger, 0.0, 1.9)
    for number, mark in enumerate(marks[:5], start=1):
        ledger.echoed(mark, 1.0 + number / 10)
    mark = cleared(ledger, 1.9)
    for name in (*marks[5:], mark):
        ledger.echoed(name, 1.91)
    (cut,) = ledger.settled(1.91)
    assert 4_000 <= item.heard <= 4_800, cut
    assert item.proven == 4_000


def test_a_mark_that_was_under_way_when_the_clear_was_sent_was_played() -> None:
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    first, second, *_ = play(ledger, item, 1.0, now=1.0)
    mark = cleared(ledger, 1.25)
    ledger.echoed(first, 1.3)
    ledger.echoed(second, 1.4)
    ledger.echoed(mark, 1.45)
    ledger.settled(1.45)
    assert item.heard == pytest.approx(2_000, abs=1)
    assert item.proven == 0, "it came after the clear was sent"


def test_when_no_echo_comes_behind_a_clear_the_clock_settles_it() -> None:
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    play(ledger, item, 4.0, now=1.0)
    cleared(ledger, 2.0)
    until_s = ledger.settling_until_s()
    assert until_s == pytest.approx(2.7)
    assert until_s is not None
    assert ledger.settled(until_s - 0.001) == []
    assert len(ledger.settled(until_s)) == 1
    assert item.heard == 8_000
    assert item.possible == item.sent, "nobody knows when the carrier took the clear"
    assert ledger.settling_until_s() is None


def test_an_echo_of_the_next_reply_comes_behind_the_clear_as_well() -> None:
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    play(ledger, item, 4.0, now=1.0)
    cleared(ledger, 2.0)
    play(ledger, ledger.open("item_2"), 0.1, now=2.05)
    ledger.echoed("1:2:800", 2.35)
    assert len(ledger.settled(2.35)) == 1
    assert item.heard == 8_000
    assert item.possible == 1_350 * 8


def test_two_cuts_are_settled_in_their_order() -> None:
    ledger = prompt_ledger(round_trip_s=0.2)
    for number, now in enumerate((1.0, 1.1), start=1):
        play(ledger, ledger.open(f"item_{number}"), 1.0, now=now)
        mark = cleared(ledger, now + 0.05)
    ledger.echoed(mark, 1.35)
    settled = [[item.item_id for item in cut.items] for cut in ledger.settled(1.35)]
    assert settled == [["item_1"], ["item_2"]]


def test_a_line_that_ends_while_a_cut_is_open_settles_it() -> None:
    """The caller hung up before the clear took effect."""
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    play(ledger, item, 4.0, now=1.0)
    cleared(ledger, 2.0)
    ledger.ended(2.04)
    assert len(ledger.settled(2.04)) == 1
    assert item.heard == 840 * 8
    assert item.possible == 1_040 * 8


def test_after_echoes_were_lost_a_clear_is_due_all_the_same() -> None:
    """The carrier may have stalled and still be talking."""
    ledger = prompt_ledger()
    play(ledger, ledger.open("item_1"), 1.0, now=0.0)
    ledger.expire(3.0)
    assert ledger.clear(3.5) is not None
    assert ledger.clear(3.6) is None
    play(ledger, ledger.open("item_2"), 1.0, now=4.0)
    ledger.expire(7.0)
    play(ledger, ledger.open("item_3"), 0.1, now=8.0)
    ledger.echoed("3:3:800", 8.1)
    assert ledger.clear(9.0) is None, "its echo shows that the carrier has caught up"


def test_what_sounds_just_now_is_known_without_an_echo() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 1.0, now=1.0)
    sounding = ledger.sounding(1.25)
    assert sum(len(piece.ulaw) for piece in sounding) == 2_000
    assert item.heard == 0


def test_a_stamped_echo_tells_at_once_that_the_line_has_paused() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    marks = play(ledger, item, 2.0, now=0.0)
    frames(ledger, 0.0, 0.1)
    ledger.echoed(marks[0], 0.1)
    frames(ledger, 0.1, 0.26)
    ledger.echoed(marks[1], 0.26)
    assert ledger.expected_end_s() == pytest.approx(2.06)


def test_what_is_said_again_after_a_cut_counts_once() -> None:
    ledger = prompt_ledger()
    item = ledger.open("item_1")
    play(ledger, item, 1.0, now=0.0)
    ledger.cut(0.5)
    ledger.take_back(item, 4_000)
    assert (item.sent, item.heard) == (4_000, 4_000)
    marks = play(ledger, item, 0.5, now=1.0)
    ledger.echoed(marks[-1], 1.5)
    assert (item.sent, item.heard) == (8_000, 8_000)


def test_echoes_of_what_was_played_do_not_tell_when_a_clear_took_effect() -> None:
    """Asked before the echo from behind the clear can be there, the clock tells."""
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    marks = play(ledger, item, 4.0, now=1.0)
    for number, mark in enumerate(marks[:8], start=1):
        frames(ledger, 1.0 + number / 10, 1.1 + number / 10, way_s=0.1)
        ledger.echoed(mark, 1.2 + number / 10)
    cleared(ledger, 2.09)
    frames(ledger, 1.9, 2.0, way_s=0.1)
    ledger.echoed(marks[8], 2.1)
    (cut,) = ledger.settle(2.15)
    assert item.heard == pytest.approx(8 * 1_090, abs=1), "the clear takes effect at 2.19 s"
    assert sum(len(unheard) for _, unheard in cut.unheard) == item.sent - item.heard


def test_a_line_that_ends_before_a_clear_can_be_felt_was_heard_to_its_end() -> None:
    ledger = prompt_ledger(round_trip_s=0.2)
    item = ledger.open("item_1")
    marks = play(ledger, item, 4.0, now=1.0)
    for number, mark in enumerate(marks[:8], start=1):
        frames(ledger, 1.0 + number / 10, 1.1 + number / 10, way_s=0.1)
        ledger.echoed(mark, 1.2 + number / 10)
    cleared(ledger, 2.09)
    frames(ledger, 1.9, 2.0, way_s=0.1)
    ledger.echoed(marks[8], 2.1)
    ledger.ended(2.14)
    assert item.heard == pytest.approx(8 * 940, abs=160), "it left the carrier at 2.04 s"
    assert item.possible >= item.heard
