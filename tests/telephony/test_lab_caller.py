"""The lab's caller at its telephone: what it does, and when."""

from collections.abc import Sequence

import numpy as np

from telephony.lab.caller import FRAME_MS, LabCaller, Stage
from telephony.lab.material import Clip
from telephony.lab.records import Spoke
from telephony.lab.scenarios import (
    Echo,
    Kind,
    Leave,
    Part,
    Reply,
    Scenario,
    Sound,
    When,
)
from telephony.media import ulaw
from telephony.simulator.carrier import IDLE

LOUD = ulaw.encode(np.tile(np.array([3_000, -3_000], np.int16), 80))
QUIET = IDLE * 160
CLIPS = {
    sound: (Clip(LOUD * 10, 80, f"{sound.value} one"), Clip(LOUD * 10, 0, f"{sound.value} two"))
    for sound in Sound
}
"""200 ms each; the first of them begins after 10 ms."""


class Call:
    """A caller and what it hears, in steps of 20 ms."""

    def __init__(
        self, *parts: Part, leave: Leave = Leave.ANSWERED, echo: Echo | None = None
    ) -> None:
        scenario = Scenario(
            "x", "", Kind.INTERRUPTION, (Reply((1,)),), parts, leave, echo, most_ms=30_000
        )
        self.stage = Stage()
        self.caller = LabCaller(scenario, CLIPS, self.stage)
        self.now_ms = 0
        self.said: list[bytes] = []

    def hears(self, ms: int, ear: bytes = QUIET) -> "Call":
        for _ in range(ms // FRAME_MS):
            self.caller.heard(self.now_ms, ear)
            self.said.append(self.caller.frame(self.now_ms))
            assert self.caller.keys(self.now_ms) == ""
            self.now_ms += FRAME_MS
        return self

    def reply(self, ms: int) -> "Call":
        """The model begins a reply, and it is heard at once."""
        self.stage.replies_begun += 1
        return self.hears(ms, LOUD)

    @property
    def spoke(self) -> Sequence[Spoke]:
        return self.caller.spoke

    @property
    def onsets_ms(self) -> list[int]:
        return [spoke.onset // 8 for spoke in self.caller.spoke]


TALKING = Part(Sound.INTERRUPTION, When.TALKING, 400)


def test_it_interrupts_a_reply_that_has_been_heard_for_so_long() -> None:
    call = Call(TALKING).hears(1_000).reply(1_000)
    (spoke,) = call.spoke
    assert spoke == Spoke(Sound.INTERRUPTION, 0, 1_400 * 8 + 80, 1_600 * 8)
    assert call.said[1_400 // 20 : 1_600 // 20] == [LOUD] * 10
    assert set(call.said[: 1_400 // 20]) == set(call.said[1_600 // 20 :]) == {QUIET}
    assert call.stage.transcript == "interruption one"


def test_the_rest_of_the_old_reply_is_not_the_next_one() -> None:
    call = Call(TALKING, TALKING).reply(3_000)
    assert call.onsets_ms == [410]
    call.hears(500).reply(1_000)
    assert call.onsets_ms == [410, 3_900]  # the second clip begins at once
    assert [spoke.reply for spoke in call.spoke] == [0, 1]


def test_a_break_in_a_reply_changes_nothing() -> None:
    call = Call(Part(Sound.INTERRUPTION, When.TALKING, 1_000)).reply(300).hears(400)
    call.hears(600, LOUD)
    assert call.onsets_ms == [1_010]


def test_it_goes_on_after_a_breath() -> None:
    call = Call(TALKING, Part(Sound.INTERRUPTION, When.AFTER_SOUND, 100)).reply(2_000)
    assert call.onsets_ms == [410, 700]


def test_it_disturbs_hears_out_and_asks() -> None:
    cough = Part(Sound.COUGH, When.TALKING, 200)
    question = Part(Sound.QUESTION, When.QUIET, 300)
    call = Call(cough, question, cough, leave=Leave.QUIET).reply(1_000).hears(1_000)
    assert call.onsets_ms == [210, 1_310]
    call.reply(1_000)
    assert [spoke.sound for spoke in call.spoke] == [Sound.COUGH, Sound.QUESTION, Sound.COUGH]
    assert [spoke.reply for spoke in call.spoke] == [0, 0, 1]


def test_without_words_for_it_the_stage_has_none() -> None:
    call = Call(TALKING).hears(200)
    assert call.stage.transcript == ""


def test_to_a_target_that_waits_to_be_spoken_to_it_says_hello_and_then_gives_up() -> None:
    call = Call(TALKING).hears(20_000)
    assert [spoke.sound for spoke in call.spoke] == [Sound.HELLO] * 3
    assert call.onsets_ms[0] == 3_510
    assert call.caller.hang_up


def test_it_hangs_up_once_it_is_answered() -> None:
    call = Call(TALKING).reply(1_000).hears(1_000)
    assert not call.caller.hang_up
    call.reply(380)
    assert not call.caller.hang_up
    call.hears(60, LOUD)
    assert call.caller.hang_up


def test_it_does_not_wait_for_an_answer_for_ever() -> None:
    call = Call(TALKING).reply(1_000).hears(5_900)
    assert not call.caller.hang_up
    call.hears(200)
    assert call.caller.hang_up


def test_it_hears_the_agent_out() -> None:
    call = Call(leave=Leave.QUIET).hears(3_000).reply(1_000).hears(1_400)
    assert not call.caller.hang_up
    call.hears(200)
    assert call.caller.hang_up


def test_it_leaves_hanging_up_to_the_agent_within_reason() -> None:
    call = Call(leave=Leave.NEVER).reply(1_000).hears(28_000)
    assert not call.caller.hang_up
    call.hears(1_100)
    assert call.caller.hang_up


def test_its_telephone_returns_what_it_plays() -> None:
    call = Call(leave=Leave.NEVER, echo=Echo(100, -6.0)).hears(200).hears(60, LOUD).hears(300)
    levels = [int(np.abs(ulaw.decode(frame).astype(int)).mean()) for frame in call.said]
    loud = [number for number, level in enumerate(levels) if level]
    assert loud == [15, 16, 17]  # 100 ms after it was heard
    assert 1_350 < levels[15] < 1_650  # 3,000, 6 dB weaker


def test_echo_and_speech_are_mixed() -> None:
    call = Call(Part(Sound.COUGH, When.TALKING, 0), leave=Leave.NEVER, echo=Echo(20, 0.0))
    call.reply(200)
    levels = [int(np.abs(ulaw.decode(frame).astype(int)).mean()) for frame in call.said]
    assert abs(levels[0] - levels[1] / 2) < 100
    assert levels[0] > 2_900
