"""What reaches the call of what comes over an open stream."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.call.events import (
    AnyPhoneEvent,
    CallerAudio,
    DtmfPressed,
    MarkEchoed,
    PeerMisbehaved,
    StreamLost,
    StreamStopped,
)
from telephony.twilio import wire
from telephony.twilio.intake import Intake, IntakeLimits
from tests.exploring import examples
from tests.telephony import twilio_peer as peer


class Line:
    """An open stream; each frame comes 20 ms after the one before unless said otherwise."""

    def __init__(self, limits: IntakeLimits | None = None) -> None:
        parsed = wire.parse(peer.text(peer.start()))
        assert isinstance(parsed, wire.Start)
        self.counts: Counter[str] = Counter()
        self.now = 100.0
        self.intake = Intake(parsed, self.now, self._count, limits)

    def _count(self, code: str) -> None:
        self.counts[code] += 1

    def take(self, frame: dict[str, Any] | str | None, after_s: float = 0.02) -> Any:
        self.now += after_s
        return self.intake.take(peer.text(frame) if isinstance(frame, dict) else frame, self.now)

    def offer(self, message: bytes, after_s: float = 0.02) -> Any:
        """The same as the socket does it: by the short way, where that reads it."""
        frame = wire.usual(message)
        if frame is None:
            return self.take(message.decode(), after_s)
        self.now += after_s
        return self.intake.take_usual(frame, self.now)

    def talk(self, frames: int, first: int = 2) -> list[AnyPhoneEvent | None]:
        return [self.take(peer.media(first + n, n * 20)) for n in range(frames)]


def test_caller_audio_arrives_with_its_time() -> None:
    line = Line()
    assert line.talk(3) == [CallerAudio(peer.FRAME, n * 20) for n in range(3)]
    assert line.intake.media_at == line.now
    assert not line.counts


def test_lost_audio_is_filled_with_silence() -> None:
    line = Line()
    line.talk(1)
    event = line.take(peer.media(8, 120))
    assert event == CallerAudio(b"\xff" * 800 + peer.FRAME, 20)
    assert line.counts == {"frame.sequence.after_gap": 1, "frame.audio_lost": 1}


def test_a_jumping_clock_is_counted_and_the_audio_kept() -> None:
    line = Line()
    line.talk(2)
    assert line.take(peer.media(4, 999_999)) == CallerAudio(peer.FRAME, 40)
    assert line.counts["frame.timestamp_jump"] == 1


def test_keys_marks_and_the_end() -> None:
    line = Line()
    assert line.take(peer.dtmf(2, "#")) == DtmfPressed("#")
    assert line.take(peer.mark(3, "0:1:800")) == MarkEchoed("0:1:800")
    assert line.take(peer.stop(4)) == StreamStopped()


def test_duplicates_of_any_kind_are_dropped() -> None:
    line = Line()
    for frame in (peer.media(2, 0), peer.dtmf(3, "1"), peer.mark(4, "m")):
        assert line.take(frame) is not None
        assert line.take(frame) is None
    assert line.counts == {"frame.sequence.duplicate": 3}


def test_late_audio_is_dropped_but_a_late_key_still_counts() -> None:
    line = Line()
    line.talk(1)
    line.take(peer.media(5, 60))
    assert line.take(peer.media(3, 20)) is None
    assert line.take(peer.dtmf(4, "7")) == DtmfPressed("7")
    assert line.counts["frame.late_audio"] == 1


def test_fault_t1_text_that_is_not_json_is_counted_and_the_call_goes_on() -> None:
    line = Line()
    line.talk(2)
    assert line.take("{bad") == PeerMisbehaved("not_json")
    assert line.take(peer.media(4, 40)) == CallerAudio(peer.FRAME, 40)
    assert line.counts == {"frame.bad.not_json": 1}


def test_fault_t2_a_binary_frame_is_counted_and_the_call_goes_on() -> None:
    line = Line()
    assert line.take(None) == PeerMisbehaved("binary")
    assert line.talk(1) == [CallerAudio(peer.FRAME, 0)]


def test_fault_t1_more_than_twenty_bad_frames_in_ten_seconds_end_the_stream() -> None:
    line = Line()
    for _ in range(20):
        assert line.take("{bad", after_s=0.4) == PeerMisbehaved("not_json")
    assert line.take("{bad", after_s=0.4) == StreamLost("protocol")


def test_fault_t1_bad_frames_far_between_never_end_the_stream() -> None:
    line = Line()
    events = [line.take("{bad", after_s=0.6) for _ in range(500)]
    assert events == [PeerMisbehaved("not_json")] * 500


def test_fault_t3_a_frame_of_another_stream_is_refused() -> None:
    line = Line()
    frame = peer.media(2, 0, stream_sid=peer.OTHER_STREAM)
    assert line.take(frame) == PeerMisbehaved("wrong_stream")
    assert line.talk(1) == [CallerAudio(peer.FRAME, 0)]


def test_fault_t3_one_absurd_sequence_number_does_not_deafen_us() -> None:
    line = Line()
    line.talk(1)
    assert line.take(peer.media(10**12, 20)) == PeerMisbehaved("bad_sequence")
    assert line.take(peer.media(3, 20)) == CallerAudio(peer.FRAME, 20)


@pytest.mark.parametrize("call_sid", [peer.CALL, peer.OTHER_CALL])
def test_fault_t6_a_second_start_leaves_the_call_alone(call_sid: str) -> None:
    line = Line()
    line.talk(1)
    assert line.take(peer.start(call_sid)) == PeerMisbehaved("second_start")
    assert line.counts == {"frame.bad.second_start": 1}
    assert line.take(peer.media(3, 20)) == CallerAudio(peer.FRAME, 20)


def test_fault_t20_a_burst_of_keys_arrives_in_order_each_once() -> None:
    line = Line()
    keys = "4111111111111111#*ABCD" * 4
    pressed = [line.take(peer.dtmf(2 + n, key), after_s=0.0) for n, key in enumerate(keys)]
    assert pressed == [DtmfPressed(key) for key in keys]


@pytest.mark.parametrize("digit", ["", "12", "a", "E", "w", "\u0663", "1\n", "!"])
def test_fault_t20_odd_digits_are_refused_and_not_repeated(digit: str) -> None:
    line = Line()
    event = line.take(peer.dtmf(2, digit))
    assert event == PeerMisbehaved("bad_digit")


def test_fault_t23_unknown_events_are_ignored_and_counted_once_for_each_kind() -> None:
    line = Line()
    for n in range(50):
        assert line.take({"event": "future", "sequenceNumber": str(2 + n), "x": [n]}) is None
    assert line.take(peer.connected()) is None
    assert line.take(peer.media(52, 0, track="outbound")) is None
    assert line.counts == {"frame.ignored_kind": 3}
    assert line.take(peer.media(53, 0)) == CallerAudio(peer.FRAME, 0)


def test_fault_t23_kinds_without_end_do_not_fill_the_memory() -> None:
    line = Line()
    for n in range(1_000):
        line.take({"event": f"kind{n}"})
    assert line.counts["frame.ignored_kind"] == 32


def test_fault_t17_a_flood_of_audio_is_capped_and_then_ends_the_stream() -> None:
    line = Line()
    events = [line.take(peer.media(2 + n, n * 20), after_s=0.0) for n in range(1_151)]
    assert all(isinstance(event, CallerAudio) for event in events[:150])
    assert events[150:1_150] == [None] * 1_000
    assert events[1_150] == StreamLost("flood")
    assert line.counts["frame.over_cap"] == 1_001


def test_fault_t17_a_flood_of_anything_else_ends_the_stream_too() -> None:
    line = Line()
    frame = peer.dtmf(2, "1")
    events = [line.take(frame, after_s=0.0) for _ in range(10_000)]
    assert events[0] == DtmfPressed("1")
    assert StreamLost("flood") in events


def test_fault_t17_a_flood_of_new_keys_ends_the_stream() -> None:
    line = Line()
    events = [line.take(peer.dtmf(2 + n, "1"), after_s=0.0) for n in range(9_001)]
    assert events[7_999:8_001] == [DtmfPressed("1"), None]
    assert events[9_000] == StreamLost("flood")


def test_all_marks_of_ten_minutes_may_come_back_at_once() -> None:
    line = Line()
    events = [line.take(peer.mark(2 + n, f"0:1:{n}"), after_s=0.0) for n in range(6_000)]
    assert events == [MarkEchoed(f"0:1:{n}") for n in range(6_000)]


def test_stop_is_heard_in_the_midst_of_a_flood() -> None:
    line = Line()
    for n in range(300):
        line.take(peer.media(2 + n, n * 20), after_s=0.0)
    assert line.take(peer.stop(302), after_s=0.0) == StreamStopped()


@given(st.lists(st.none() | st.text() | st.dictionaries(st.text(max_size=5), st.text())))
def test_nothing_a_peer_sends_raises(messages: list[Any]) -> None:
    line = Line()
    for message in messages:
        line.take(json.dumps(message) if isinstance(message, dict) else message)


@pytest.mark.parametrize("times", [10, 100])
def test_fault_t17_at_ten_or_a_hundred_times_the_pace_a_call_gets_what_a_caller_could_say(
    times: int,
) -> None:
    line = Line()
    per_s, taken = 50 * times, 0
    for n in range(10 * per_s):
        event = line.take(peer.media(2 + n, n * 20), after_s=1 / per_s)
        taken += isinstance(event, CallerAudio)
        if event == StreamLost("flood"):
            assert taken <= 150 + 75 * n / per_s + 1
            assert n / per_s < 3.0
            return
    raise AssertionError("it goes on")


def test_fault_t17_a_caller_whose_frames_were_held_up_on_the_way_loses_none() -> None:
    line = Line()
    events = []
    for n in range(500):
        # Two seconds of the network's silence, then all of them at once.
        events.append(line.take(peer.media(2 + n, n * 20), after_s=2.0 if n == 200 else 0.02))
        if n == 200:
            events += [line.take(peer.media(2 + k, k * 20), after_s=0.0) for k in range(201, 300)]
    assert len([event for event in events if isinstance(event, CallerAudio)]) == 500
    assert not line.counts["frame.over_cap"]


# ---- the short way ----------------------------------------------------------------------------

NARROW = IntakeLimits(
    media_per_s=40.0,
    media_burst=3,
    control_per_s=5.0,
    control_burst=3,
    bad_frames=4,
    dropped_frames=12,
    ignored_kinds=2,
)
STEPS = st.tuples(
    st.sampled_from([1] * 12 + [0, 2, 3, -1, -70, 10_001, 10**13]),
    st.sampled_from([20] * 12 + [0, 21, 40, 120, 3_040, 4_000, -20, -1_000, 10**9]),
    st.sampled_from([0.02] * 6 + [0.0, 0.0, 0.019, 0.5, 11.0]),
    st.sampled_from([160] * 8 + [1, 80, 167, 8_000]),
    st.sampled_from(
        ["media"] * 9
        + ["mark"] * 3
        + ["other mark", "dtmf", "other", "outbound", "extra", "new", "bad"]
    ),
)


def as_sent(kind: str, number: int, at_ms: int, samples: int) -> bytes:
    audio = peer.media(number, at_ms, b"\x55" * samples)
    match kind:
        case "mark" | "other mark":
            audio = peer.mark(number, "m")
            audio["streamSid"] = peer.STREAM if kind == "mark" else peer.OTHER_STREAM
        case "dtmf":
            audio = peer.dtmf(number, "5")
        case "other":
            audio["streamSid"] = peer.OTHER_STREAM
        case "outbound":
            audio["media"]["track"] = "outbound"
        case "extra":
            audio["media"]["volume"] = 11
        case "new":
            audio["event"] = "new"
        case "bad":
            audio["media"]["payload"] += "!"
    return peer.text(audio).encode()


@given(st.lists(STEPS, max_size=80), st.sampled_from([None, NARROW]))
@settings(max_examples=examples(400))
def test_the_short_way_means_what_the_general_one_does(
    steps: list[tuple[int, int, float, int, str]], limits: IntakeLimits | None
) -> None:
    short, general = Line(limits), Line(limits)
    number, at_ms = 1, 0
    for further, later_ms, after_s, samples, kind in steps:
        said = (max(0, number + further), max(0, at_ms + later_ms))
        message = as_sent(kind, *said, samples)
        event = general.take(message.decode(), after_s)
        assert short.offer(message, after_s) == event
        assert short.counts == general.counts
        assert short.intake.media_at == general.intake.media_at
        if isinstance(event, StreamLost):
            return
        if abs(further) < 10 and later_ms < 10**6:
            number, at_ms = said


def test_audio_that_is_next_is_heard_by_it() -> None:
    line = Line()
    heard = [line.offer(as_sent("media", 2 + n, 20 * n, 160)) for n in range(50)]
    assert heard == [CallerAudio(b"\x55" * 160, 20 * n) for n in range(50)]
    assert not line.counts
    assert line.intake.media_at == line.now


def test_marks_that_are_next_come_by_it_and_are_capped_too() -> None:
    line = Line(NARROW)
    events = [line.offer(as_sent("mark", 2 + n, 0, 0), after_s=0.0) for n in range(16)]
    assert events == [MarkEchoed("m")] * 3 + [None] * 12 + [StreamLost("flood")]
    assert line.intake.media_at == 100.0


def test_fault_t17_a_flood_ends_the_stream_by_the_short_way_too() -> None:
    line = Line()
    events = [line.offer(as_sent("media", 2 + n, n * 20, 160), after_s=0.0) for n in range(1_151)]
    assert events[149:151] == [CallerAudio(b"\x55" * 160, 149 * 20), None]
    assert events[1_150] == StreamLost("flood")


def test_fault_t3_audio_of_another_stream_is_refused_by_the_short_way_too() -> None:
    line = Line()
    assert line.offer(as_sent("other", 2, 0, 160)) == PeerMisbehaved("wrong_stream")
    assert line.offer(as_sent("media", 2, 0, 160)) == CallerAudio(b"\x55" * 160, 0)
