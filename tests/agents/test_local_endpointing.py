"""Turns from speech probabilities: every frame is 32 ms, every number a place in the audio."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.endpointing import (
    FRAME_MS,
    Endpointing,
    Endpoints,
    Frame,
    Heard,
    Paused,
    SpeechStarted,
    SpeechStopped,
)

SPEECH, DOUBT, SILENCE = 0.9, 0.4, 0.1
LOUD = 10_000


def frame(number: int) -> Frame:
    """A frame that can be told from all others, and is about as loud."""
    return np.full(512, LOUD + number, np.float32)


class Line:
    """Feeds runs of equal frames; says what came of them."""

    def __init__(self, endpointing: Endpointing | None = None) -> None:
        self.endpointing = endpointing or Endpointing()
        self.frames = 0

    def hears(self, probability: float, frames: int) -> list[Heard]:
        found = []
        for _ in range(frames):
            turn = self.endpointing.hear(probability, frame(self.frames))
            self.frames += 1
            if turn is not None:
                found.append(turn)
        return found


def frames_of(turn: Heard) -> list[int]:
    assert isinstance(turn, SpeechStopped)
    return [int(number) - LOUD for number in turn.audio[::512]]


def test_a_turn_begins_after_three_frames_of_speech_and_where_the_first_was() -> None:
    line = Line()
    assert line.hears(SILENCE, 20) == []
    assert line.hears(SPEECH, 2) == []
    assert line.hears(SPEECH, 1) == [SpeechStarted(at_ms=640)]
    assert line.endpointing.speaking


@pytest.mark.parametrize("frames", [1, 2])
def test_a_click_is_no_turn(frames: int) -> None:
    line = Line()
    line.hears(SILENCE, 10)
    assert line.hears(SPEECH, frames) == []
    assert line.hears(SILENCE, 100) == []
    assert not line.endpointing.speaking


@pytest.mark.parametrize("begins_ms", range(0, 32, 4))
@pytest.mark.parametrize("burst_ms", [16, 32, 50, 64])
def test_a_burst_is_no_turn_however_long_the_detector_believes_in_it(
    burst_ms: int, begins_ms: int
) -> None:
    line = np.full(20 * 512, 100.0, np.float32)
    line[(320 + begins_ms) * 16 : (320 + begins_ms + burst_ms) * 16] = LOUD
    endpointing = Endpointing()
    for at, sound in enumerate(line.reshape(20, 512)):
        assert endpointing.hear(SPEECH if at >= 10 else SILENCE, sound) is None


@pytest.mark.parametrize("begins_ms", range(0, 32, 4))
def test_speech_of_100_ms_is_a_turn_however_it_falls_into_frames(begins_ms: int) -> None:
    line = np.full(20 * 512, 100.0, np.float32)
    line[(320 + begins_ms) * 16 : (420 + begins_ms) * 16] = LOUD
    endpointing = Endpointing()
    turns = [
        endpointing.hear(SPEECH if at >= 10 else SILENCE, sound)
        for at, sound in enumerate(line.reshape(20, 512))
    ]
    assert [turn for turn in turns if turn is not None] == [SpeechStarted(at_ms=320)]


def test_clicks_far_apart_never_add_up() -> None:
    line = Line()
    for _ in range(50):
        assert line.hears(SPEECH, 1) == []
        assert line.hears(SILENCE, 1) == []


def test_one_weak_frame_within_the_onset_only_delays_it() -> None:
    line = Line()
    line.hears(SILENCE, 10)
    assert line.hears(SPEECH, 2) == []
    assert line.hears(SILENCE, 1) == []
    assert line.hears(SPEECH, 2) == [SpeechStarted(at_ms=320)]


def test_a_turn_ends_500_ms_after_the_last_speech_and_says_where_that_was() -> None:
    line = Line()
    line.hears(SILENCE, 20)
    line.hears(SPEECH, 30)
    assert line.hears(SILENCE, 15) == []
    [stopped] = line.hears(SILENCE, 1)
    assert isinstance(stopped, SpeechStopped)
    assert stopped.at_ms == 50 * FRAME_MS
    assert not line.endpointing.speaking


def test_a_pause_shorter_than_that_stays_within_the_turn() -> None:
    line = Line()
    line.hears(SPEECH, 10)
    assert line.hears(SILENCE, 15) == []
    assert line.hears(SPEECH, 1) == []
    assert line.hears(SILENCE, 15) == []
    [stopped] = line.hears(SILENCE, 1)
    assert isinstance(stopped, SpeechStopped)
    assert stopped.at_ms == 26 * FRAME_MS


def test_doubtful_frames_keep_a_turn_going_but_begin_none() -> None:
    line = Line()
    assert line.hears(DOUBT, 50) == []
    line.hears(SPEECH, 3)
    assert line.hears(DOUBT, 50) == []


def test_a_patient_line_waits_a_second() -> None:
    line = Line()
    line.endpointing.patient = True
    line.hears(SPEECH, 10)
    assert line.hears(SILENCE, 31) == []
    [stopped] = line.hears(SILENCE, 1)
    assert isinstance(stopped, SpeechStopped)
    assert stopped.at_ms == 10 * FRAME_MS


def test_a_turn_carries_300_ms_from_before_its_first_frame() -> None:
    line = Line()
    line.hears(SILENCE, 100)
    line.hears(SPEECH, 3)
    [stopped] = line.hears(SILENCE, 16)
    assert frames_of(stopped) == list(range(90, 119))


def test_a_turn_at_the_very_beginning_has_only_what_there_was() -> None:
    line = Line()
    line.hears(SILENCE, 2)
    line.hears(SPEECH, 3)
    [stopped] = line.hears(SILENCE, 16)
    assert frames_of(stopped) == list(range(21))


def test_the_next_turn_begins_with_nothing_of_the_last() -> None:
    line = Line()
    line.hears(SPEECH, 3)
    line.hears(SILENCE, 16)
    assert line.hears(SPEECH, 3) == [SpeechStarted(at_ms=19 * FRAME_MS)]
    [stopped] = line.hears(SILENCE, 16)
    assert frames_of(stopped) == list(range(19, 38))


def test_endless_speech_is_cut_into_turns_of_30_s() -> None:
    line = Line()
    turns = line.hears(SPEECH, 2_000)
    stops = [turn for turn in turns if isinstance(turn, SpeechStopped)]
    assert [stop.at_ms for stop in stops] == [30_016, 60_032]
    assert [len(stop.audio) for stop in stops] == [938 * 512, 938 * 512]


def test_audio_that_went_by_unheard_shifts_all_positions() -> None:
    line = Line(Endpointing(Endpoints(), begin_ms=1_000))
    assert line.hears(SPEECH, 3) == [SpeechStarted(at_ms=1_000)]


@given(st.lists(st.floats(0, 1), max_size=400))
def test_turns_alternate_and_never_overlap(probabilities: list[float]) -> None:
    line = Line(Endpointing(Endpoints(max_turn_ms=2_000)))
    at_ms, speaking = 0, False
    for probability in probabilities:
        for turn in line.hears(probability, 1):
            assert isinstance(turn, SpeechStopped) == speaking
            assert at_ms <= turn.at_ms <= line.frames * FRAME_MS
            at_ms, speaking = turn.at_ms, not speaking
    assert line.endpointing.speaking == speaking


# ---- pauses, and answers that are whole ---------------------------------------------------------

WATCHFUL = Endpoints(pause_ms=160)


def spoke(*, patient: bool = False) -> Line:
    """Somebody has spoken for a second, up to 1,600 ms, and pauses."""
    line = Line(Endpointing(WATCHFUL))
    line.endpointing.patient = patient
    line.hears(SILENCE, 20)
    line.hears(SPEECH, 30)
    return line


def test_each_silence_within_a_turn_is_told_once() -> None:
    line = spoke()
    assert line.hears(SILENCE, 4) == []
    (paused,) = line.hears(SILENCE, 6)
    assert isinstance(paused, Paused)
    assert paused.at_ms == 1_600
    assert len(paused.audio) == (10 + 30 + 5) * 512
    line.hears(SPEECH, 5)
    assert [type(turn) for turn in line.hears(SILENCE, 16)] == [Paused, SpeechStopped]


def test_nobody_is_told_of_pauses_who_does_not_ask() -> None:
    line = Line()
    line.hears(SPEECH, 30)
    assert [type(turn) for turn in line.hears(SILENCE, 20)] == [SpeechStopped]


@pytest.mark.parametrize(("patient", "frames"), [(False, 10), (True, 16)])
def test_a_whole_answer_is_waited_on_for_less_long(patient: bool, frames: int) -> None:
    line = spoke(patient=patient)
    line.hears(SILENCE, 7)
    line.endpointing.settle(1_600)
    assert line.hears(SILENCE, frames - 8) == []
    (stopped,) = line.hears(SILENCE, 1)
    assert isinstance(stopped, SpeechStopped)
    assert stopped.at_ms == 1_600


def test_an_answer_made_out_late_ends_the_turn_at_once() -> None:
    line = spoke()
    line.hears(SILENCE, 14)
    line.endpointing.settle(1_600)
    assert [type(turn) for turn in line.hears(SILENCE, 1)] == [SpeechStopped]


def test_who_goes_on_after_a_whole_answer_is_heard_out() -> None:
    line = spoke()
    line.hears(SILENCE, 7)
    line.hears(SPEECH, 2)
    line.endpointing.settle(1_600)
    assert [type(turn) for turn in line.hears(SILENCE, 15)] == [Paused]
    assert [type(turn) for turn in line.hears(SILENCE, 1)] == [SpeechStopped]


def test_a_turn_that_is_over_cannot_be_settled() -> None:
    line = spoke()
    line.hears(SILENCE, 20)
    line.endpointing.settle(1_600)
    line.hears(SPEECH, 10)
    assert [type(turn) for turn in line.hears(SILENCE, 16)] == [Paused, SpeechStopped]
