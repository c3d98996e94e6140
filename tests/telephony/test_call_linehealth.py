"""What is wrong with a line is told once for each kind, and never of a line that is well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.call.commands import CallCommand, ClearPlayback, Note, PlaceMark, PlayAudio, Record
from telephony.call.events import CallerAudio, CallEvent, DeadlineReached, StreamStarted
from telephony.call.linehealth import LineHealth
from telephony.transcripts.entry import Alarm, AlarmLine
from telephony.transcripts.text import line
from tests.telephony.script import live

FRAME = 160
NOTHING = b"\xff" * FRAME
SPEECH = bytes(range(0x20, 0x70)) * 2
LOUD = b"\x80\x00" * 4 + SPEECH[8:]


class Line:
    """A call's line on its clock, and the alarms it has raised."""

    def __init__(self) -> None:
        self.health = LineHealth()
        self.now = 0.0
        self.alarms: list[AlarmLine] = []

    def happens(self, event: CallEvent, *commands: CallCommand) -> None:
        found = self.health.check(event, commands, self.now)
        lines = [each.entry for each in found if isinstance(each, Record)]
        self.alarms += [entry for entry in lines if isinstance(entry, AlarmLine)]
        notes = [each.code for each in found if isinstance(each, Note)]
        assert notes == [f"line.{entry.kind.value}" for entry in self.alarms[-len(notes) :]] or (
            not notes and not lines
        )

    def hears(self, ulaw: bytes, frames: int) -> "Line":
        for _ in range(frames):
            self.happens(CallerAudio(ulaw, round(self.now * 1000)))
            self.now += 0.02
        return self

    def says(self, item: int, samples: int = 800) -> "Line":
        name = f"1:{item}:{samples}"
        self.happens(DeadlineReached(), PlayAudio(b"\x55" * samples), PlaceMark(name))
        return self

    def waits(self, seconds: float) -> "Line":
        self.now += seconds
        return self

    @property
    def kinds(self) -> list[Alarm]:
        return [alarm.kind for alarm in self.alarms]


def test_a_line_on_which_nothing_ever_came_is_one_way() -> None:
    found = Line().hears(NOTHING, 749)
    assert found.kinds == []
    found.hears(NOTHING, 1)
    assert found.alarms == [AlarmLine(Alarm.ONE_WAY, 14_980, 15_000)]
    assert found.hears(NOTHING, 2_000).kinds == [Alarm.ONE_WAY]


def test_one_sample_of_noise_is_a_line_that_works() -> None:
    found = Line().hears(NOTHING[1:] + b"\xfd", 1).hears(NOTHING, 3_000)
    assert found.kinds == []


def test_a_caller_too_loud_for_the_line_clips() -> None:
    found = Line().hears(SPEECH, 100).hears(LOUD, 24)
    assert found.kinds == []
    assert found.hears(LOUD, 1).alarms[0] == AlarmLine(Alarm.CLIPPING, 2_480, 50)


def test_a_loud_moment_now_and_then_does_not() -> None:
    found = Line()
    for _ in range(40):
        found.hears(LOUD, 2).hears(SPEECH, 60)
    assert found.kinds == []


def test_a_single_sample_at_the_end_of_the_scale_is_no_clipping() -> None:
    assert Line().hears(b"\x80" + SPEECH[1:], 2_000).kinds == []


def test_our_own_voice_coming_back_again_and_again_is_an_echo() -> None:
    found = Line()
    for _ in range(5):
        found.happens(DeadlineReached(), Note("own_echo"))
    assert found.alarms == [AlarmLine(Alarm.ECHO, 0, 3)]


def test_a_caller_s_side_that_stops_coming_is_starved() -> None:
    found = Line().hears(SPEECH, 101).waits(1.4).hears(SPEECH, 1)
    assert found.alarms == [AlarmLine(Alarm.STARVED_IN, 3_420, 1_420)]


@pytest.mark.parametrize(("frames", "gap_s"), [(101, 0.8), (50, 5.0)])
def test_jitter_and_a_line_that_never_was_steady_are_not(frames: int, gap_s: float) -> None:
    assert Line().hears(SPEECH, frames).waits(gap_s).hears(SPEECH, 1).kinds == []


def test_the_pause_between_two_streams_is_no_gap() -> None:
    found = Line().hears(SPEECH, 200).waits(5)
    found.happens(StreamStarted("MZ2"))
    assert found.hears(SPEECH, 200).kinds == []


def test_running_dry_within_an_item_is_told() -> None:
    found = Line().says(1).waits(0.75).says(1)
    assert found.alarms == [AlarmLine(Alarm.STARVED_OUT, 750, 650)]


def test_pieces_without_a_mark_count_with_the_next_that_has_one() -> None:
    found = Line().says(1).waits(0.9)
    found.happens(DeadlineReached(), PlayAudio(b"\x55" * 160))
    found.happens(DeadlineReached(), PlayAudio(b"\x55" * 160), PlaceMark("1:1:1120"))
    assert found.alarms == [AlarmLine(Alarm.STARVED_OUT, 900, 800)]


def test_pauses_between_items_and_after_a_clear_are_not() -> None:
    found = Line().says(1).waits(5).says(2)
    found.happens(DeadlineReached(), ClearPlayback())
    assert found.waits(5).says(2).waits(0.3).says(2).kinds == []


@given(st.lists(st.tuples(st.binary(max_size=400), st.floats(0, 30)), max_size=40))
def test_whatever_comes_each_kind_is_told_once(pieces: list[tuple[bytes, float]]) -> None:
    found = Line()
    for ulaw, wait_s in pieces:
        found.waits(wait_s).hears(ulaw, 1).says(1, len(ulaw))
    assert len(set(found.kinds)) == len(found.kinds)


def test_in_a_whole_call_the_alarm_is_a_line_of_its_transcript() -> None:
    call = live()
    for _ in range(760):
        call.happens(CallerAudio(NOTHING, round(call.now * 1000))).wait(0.02)
    (told,) = call.entries(AlarmLine)
    assert told.kind is Alarm.ONE_WAY
    assert line(told).endswith("line    nothing has come from the caller for 15000 ms")


@pytest.mark.parametrize("frames", [5, 20, 30])
def test_pieces_of_any_length_raise_the_same_alarms(frames: int) -> None:
    """Most of the time a call is told of twenty frames or more as one (`telephony.call.lane`)."""
    clipped = [SPEECH] * 120 + [LOUD, SPEECH] * 60
    by_frame, by_lane = Line(), Line()
    for frame in clipped:
        by_frame.hears(frame, 1)
    for at in range(0, len(clipped), frames):
        by_lane.now = (at + frames - 1) * 0.02
        together = b"".join(clipped[at : at + frames])
        came = at * 0.02, by_lane.now
        by_lane.happens(CallerAudio(together, at * 20, (), *came))
    for found in (by_frame, by_lane):
        found.waits(1.5).hears(SPEECH, 1)
    assert by_frame.kinds == by_lane.kinds == [Alarm.CLIPPING, Alarm.STARVED_IN]
    first, second = by_frame.alarms[0], by_lane.alarms[0]
    assert abs(first.at_ms - second.at_ms) <= frames * 20
    assert first.value == second.value
