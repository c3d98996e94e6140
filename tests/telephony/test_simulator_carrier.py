"""The carrier's play-out, in virtual time: what was heard, to the sample."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from telephony.simulator.carrier import IDLE, Carrier, Cleared
from telephony.simulator.dialect import Narration
from tests.exploring import examples

STREAM = "MZ" + "0" * 32
TONE = b"\x2a"


def carrier(**switches: Any) -> Carrier:
    return Carrier(Narration("AC1", "CA1", STREAM), STREAM, **switches)


def media(samples: int, code: bytes = TONE) -> str:
    return message("media", media={"payload": base64.b64encode(code * samples).decode()})


def mark(name: str) -> str:
    return message("mark", mark={"name": name})


def clear() -> str:
    return message("clear")


def message(event: str, **body: Any) -> str:
    return json.dumps({"event": event, "streamSid": STREAM, **body})


def names(echoes: list[str]) -> list[str]:
    return [json.loads(text)["mark"]["name"] for text in echoes]


def test_audio_plays_in_order_eight_samples_a_millisecond() -> None:
    line = carrier()
    line.receive(media(800, b"\x01"), 0.05)
    line.receive(media(800, b"\x02"), 0.05)
    assert line.advance(0.1) == []
    assert line.queued_samples == 1_200
    line.advance(0.3)
    assert line.heard == IDLE * 400 + b"\x01" * 800 + b"\x02" * 800 + IDLE * 400
    assert [(clip.arrived, clip.began, clip.played) for clip in line.clips] == [
        (400, 400, 800),
        (400, 1_200, 800),
    ]


def test_a_mark_is_echoed_when_its_audio_has_been_heard() -> None:
    line = carrier()
    line.receive(media(800), 0.0)
    line.receive(mark("0:1:800"), 0.0)
    assert line.next_deadline() == 0.1
    assert line.advance(0.0999) == []
    assert names(line.advance(0.1)) == ["0:1:800"]
    assert line.next_deadline() is None


def test_a_mark_on_an_empty_queue_is_echoed_at_once() -> None:
    line = carrier()
    line.receive(mark("probe"), 1.25)
    assert line.next_deadline() == 1.25
    assert names(line.advance(1.25)) == ["probe"]
    line.receive(mark("again"), 1.5)
    line.receive(mark("and again"), 1.6)
    # The first is due already, though nobody has asked for it yet.
    assert line.next_deadline() == 1.6
    assert names(line.advance(1.6)) == ["again", "and again"]


@given(ms=st.integers(0, 600_000))
def test_a_deadline_is_never_a_sample_early(ms: int) -> None:
    line = carrier()
    line.receive(media(8 * 290), ms / 1000)
    line.receive(mark("m"), ms / 1000)
    deadline = line.next_deadline()
    assert deadline is not None
    assert names(line.advance(deadline)) == ["m"]


def test_clear_returns_outstanding_marks_and_names_the_cut_message() -> None:
    line = carrier()
    for n in range(1, 4):
        line.receive(media(800), 0.0)
        line.receive(mark(f"0:1:{n * 800}"), 0.0)
    line.receive(clear(), 0.15)
    assert names(line.advance(0.15)) == ["0:1:800", "0:1:1600", "0:1:2400"]
    assert line.clears == (
        Cleared(at=1_200, cut=1, cut_played=400, dropped=1_200, marks=("0:1:1600", "0:1:2400")),
    )
    assert line.clears[0].at_ms == 150
    line.advance(1.0)
    assert line.heard == TONE * 1_200 + IDLE * 6_800
    assert line.played_samples_by_mark_item() == {1: 1_200}


def test_some_carriers_swallow_the_marks_of_cleared_audio() -> None:
    line = carrier(returns_cleared_marks=False)
    line.receive(media(800), 0.0)
    line.receive(mark("0:1:800"), 0.0)
    line.receive(clear(), 0.05)
    assert line.advance(1.0) == []
    assert line.clears[0].marks == ("0:1:800",)


def test_clear_on_an_idle_line_cuts_nothing() -> None:
    line = carrier()
    line.receive(media(80), 0.0)
    line.receive(clear(), 0.01)
    line.receive(clear(), 0.5)
    assert [(c.cut, c.dropped) for c in line.clears] == [(None, 0), (None, 0)]


def test_a_clear_before_the_first_sample_cuts_no_message() -> None:
    line = carrier()
    line.receive(media(800), 0.2)
    line.receive(clear(), 0.2)
    assert line.clears == (Cleared(at=1_600, cut=None, cut_played=0, dropped=800, marks=()),)
    assert line.clips[0].began is None


def test_played_ms_are_counted_by_the_item_in_the_mark() -> None:
    line = carrier()
    line.receive(media(1_600), 0.0)
    line.receive(media(804), 0.0)
    line.receive(mark("0:1:2404"), 0.0)
    line.receive(media(1_600), 0.0)
    line.receive(mark("0:2:1600"), 0.0)
    line.receive(media(800), 0.0)
    line.receive(mark("someone else's"), 0.0)
    line.receive(clear(), 0.4)
    assert line.played_samples_by_mark_item() == {1: 2_404, 2: 796}
    assert line.played_ms_by_mark_item() == {1: 300, 2: 99}


def test_audio_a_clear_overtakes_the_mark_of_belongs_to_no_item() -> None:
    line = carrier()
    line.receive(media(800), 0.0)
    line.receive(clear(), 0.05)
    line.receive(mark("1:2:0"), 0.05)
    assert line.clips[0].mark is None
    assert line.played_ms_by_mark_item() == {}


def test_more_than_ten_minutes_of_queue_is_thrown_away_as_31931() -> None:
    line = carrier(queue_limit=1_000)
    line.receive(media(900), 0.0)
    line.receive(media(101), 0.0)
    line.receive(media(100), 0.0)
    assert [(w.code, w.at_ms) for w in line.warnings] == [(31931, 0)]
    assert [clip.samples for clip in line.clips] == [900, 100]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (b"\x00\x01", 31950, "binary"),
        ("", 31951, ""),
        ("nonsense", 31951, ""),
        ("[]", 31951, "array"),
        ("{}", 31951, "event"),
        (message("stop"), 31951, "stop"),
        ('{"event":"clear"}', 31951, "streamSid"),
        ('{"event":"clear","streamSid":"MZother"}', 31951, "not that of this stream"),
        (message("clear", extra=1), 31951, "extra"),
        (message("mark"), 31951, "mark"),
        (message("mark", mark={}), 31951, "name"),
        (message("mark", mark={"name": 1}), 31951, "name"),
        (message("mark", mark={"name": "x", "y": 1}), 31951, "y"),
        (message("media", media={"payload": "AA==", "track": "outbound"}), 31951, "track"),
        (message("media", media={"payload": "A?=="}), 31951, "base64"),
        (message("media", media={"payload": "é"}), 31951, "base64"),
        (message("media", media={"payload": ""}), 31951, "empty"),
        (message("media", media={"payload": None}), 31951, "payload"),
        ("\ud800", 31951, "surrogates"),
    ],
)
def test_what_twilio_would_not_take_is_written_down_and_ignored(
    text: str | bytes, code: int, said: str
) -> None:
    line = carrier()
    line.receive(text, 0.02)
    (warning,) = line.warnings
    assert (warning.code, warning.at_ms) == (code, 20)
    assert said in warning.detail
    assert line.advance(1.0) == []
    assert line.heard == IDLE * 8_000


def test_the_ear_gets_whole_frames_once() -> None:
    line = carrier()
    line.receive(media(200), 0.0)
    line.advance(0.039)
    assert line.take_frames() == [TONE * 160]
    assert line.take_frames() == []
    line.advance(0.06)
    assert line.take_frames() == [TONE * 40 + IDLE * 120, IDLE * 160]


def test_twilios_own_messages_are_numbered_as_twilio_numbers_them() -> None:
    say = Narration("AC1", "CA1", STREAM)
    assert json.loads(say.connected()) == {
        "event": "connected",
        "protocol": "Call",
        "version": "1.0.0",
    }
    assert json.loads(say.start({"token": "t"})) == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": STREAM,
        "start": {
            "accountSid": "AC1",
            "streamSid": STREAM,
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "t"},
        },
    }
    say.media(b"\xff", 0)
    assert json.loads(say.media(b"\xff\xff", 20)) == {
        "event": "media",
        "sequenceNumber": "3",
        "streamSid": STREAM,
        "media": {"track": "inbound", "chunk": "2", "timestamp": "20", "payload": "//8="},
    }
    assert json.loads(say.dtmf("#"))["dtmf"] == {"track": "inbound_track", "digit": "#"}
    assert json.loads(say.mark("m"))["mark"] == {"name": "m"}
    stop = json.loads(say.stop())
    assert (stop["sequenceNumber"], stop["stop"]) == ("6", {"accountSid": "AC1", "callSid": "CA1"})


class CarrierMachine(RuleBasedStateMachine):
    """Any conversation with the carrier, beside the plainest possible model of one."""

    def __init__(self) -> None:
        super().__init__()
        self.carrier = carrier()
        self.samples = 0
        self.code = 0
        self.sent: list[bytes] = []
        self.queue: list[bytes | str] = []
        self.expected_ear = b""
        self.expected_echoes: list[str] = []
        self.echoes: list[str] = []
        self.frames: list[bytes] = []
        self.marks = 0

    @property
    def now(self) -> float:
        return self.samples / 8_000

    @rule(samples=st.integers(1, 500))
    def play(self, samples: int) -> None:
        self.code = self.code % 120 + 1
        audio = bytes([self.code]) * samples
        self.sent.append(audio)
        self.queue.append(audio)
        self.carrier.receive(media(samples, bytes([self.code])), self.now)

    @rule()
    def place_mark(self) -> None:
        self.marks += 1
        name = f"0:{self.marks}:1"
        self.queue.append(name)
        self.carrier.receive(mark(name), self.now)
        self._settle()

    @rule()
    def clear(self) -> None:
        self.expected_echoes += [entry for entry in self.queue if isinstance(entry, str)]
        self.queue.clear()
        self.carrier.receive(clear(), self.now)

    @rule(samples=st.integers(0, 700))
    def wait(self, samples: int) -> None:
        for _ in range(samples):
            self._settle()
            head = self.queue[0] if self.queue else IDLE
            assert isinstance(head, bytes)
            self.expected_ear += head[:1]
            if self.queue:
                self.queue[0] = head[1:]
        self.samples += samples
        self._settle()

    def _settle(self) -> None:
        while self.queue and (isinstance(self.queue[0], str) or not self.queue[0]):
            head = self.queue.pop(0)
            if isinstance(head, str):
                self.expected_echoes.append(head)

    @invariant()
    def the_carrier_agrees(self) -> None:
        self.echoes += names(self.carrier.advance(self.now))
        self.frames += self.carrier.take_frames()
        assert self.echoes == self.expected_echoes
        assert self.carrier.heard == self.expected_ear
        assert b"".join(self.frames) == self.expected_ear[: len(self.expected_ear) // 160 * 160]

    @invariant()
    def no_more_is_played_than_was_sent(self) -> None:
        clips = self.carrier.clips
        assert [clip.samples for clip in clips] == [len(audio) for audio in self.sent]
        assert all(0 <= clip.played <= clip.samples for clip in clips)
        idle = self.carrier.heard.count(IDLE)
        assert sum(clip.played for clip in clips) == len(self.carrier.heard) - idle
        assert sum(self.carrier.played_samples_by_mark_item().values()) <= sum(
            clip.played for clip in clips
        )


CarrierMachine.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=30)
TestCarrierMachine = CarrierMachine.TestCase
