"""Interruptions that have to prove themselves, told as stories."""

from typing import Any

import msgspec
import numpy as np
import pytest

from agents.engine import (
    Answer,
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    DeleteItem,
    Dismiss,
    EngineFailed,
    ResponseStarted,
    Say,
    ToolCalled,
    TruncateItem,
)
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    HangUp,
    PlayAudio,
    StoreAudio,
    Track,
)
from telephony.call.config import BargeIn, Limits, TurnTaking
from telephony.call.events import CallerAudio, MarkEchoed, StreamStopped, ToolFinished
from telephony.call.machine import Call
from telephony.media import ulaw
from telephony.transcripts.entry import AgentLine, Fate, TruncationLine, TurnLine
from tests.fakes.realtime_script import hum
from tests.telephony.script import APOLOGY, CAPABILITIES, Script, seconds

ON_REQUEST = msgspec.structs.replace(CAPABILITIES, cancels_on_speech=False, answers_on_request=True)
CONFIRMED = TurnTaking(barge_in=BargeIn.CONFIRMED, confirm_s=0.45)
SAID = "Your appointment is on Tuesday at three, is that right?"
LOUD = ulaw.encode(hum("somebody", 1_000, 8_000) + 400)
FILLER = b"\x31" * 8_000
QUIET = ulaw.encode(np.full(160, 12, dtype=np.int16))


class Line(Script):
    """A script whose caller can be heard: `sounds` and `is_quiet` pass time frame by frame."""

    def _frames(self, sound: bytes, duration_s: float) -> "Line":
        """The sound from its beginning, again and again."""
        for number in range(round(duration_s / 0.02)):
            self.wait(0.02)
            begin = number * 160 % len(sound)
            frame = sound[begin : begin + 160]
            self.happens(CallerAudio(frame, round(self.now * 1000) - 20))
        return self

    def sounds(self, duration_s: float) -> "Line":
        return self._frames(LOUD, duration_s)

    def hums(self, duration_s: float) -> "Line":
        return self._frames(LOUD[:160], duration_s)

    def is_quiet(self, duration_s: float) -> "Line":
        return self._frames(QUIET, duration_s)

    def asks(self, words: str = "When are you open?") -> "Line":
        at_ms = round(self.now * 1000)
        self.happens(CallerSpeechStarted("u1", at_ms)).sounds(0.8).is_quiet(0.5)
        return self.happens(CallerSpeechStopped("u1", at_ms + 800), CallerTranscript("u1", words))

    def coughs(self) -> "Line":
        at_ms = round(self.now * 1000)
        self.happens(CallerSpeechStarted("u2", at_ms)).is_quiet(0.1)
        return self.happens(CallerSpeechStopped("u2", at_ms + 100)).is_quiet(1.0)

    def passes(self, duration_s: float) -> list[CallCommand]:
        """Time, in which all that was sent is heard; what follows meanwhile."""
        first = len(self.said)
        for _ in range(round(duration_s * 2)):
            self.is_quiet(0.5).echoes(*self.marks())
        return self.said[first:]


def line() -> Line:
    """A call that is up, with a second of quiet line behind it."""
    started = Line(ON_REQUEST, turn_taking=CONFIRMED)
    started.begins()
    return started.is_quiet(1.0)


def speaking() -> Line:
    """The agent is 1 s into a reply of 4 s that has all been generated."""
    started = line()
    started.speaks(seconds(4.0), text=SAID).finishes()
    return started.is_quiet(1.0)


def in_talk(**fields: Any) -> Line:
    """A call of these settings with a filler, whose greeting was heard."""
    story = Line(ON_REQUEST, Limits(filler_after_s=1.2, lost_s=20.0), turn_taking=CONFIRMED)
    story.config = msgspec.structs.replace(story.config, filler_ulaw=FILLER, **fields)
    story.call = Call(story.config)
    story.begins().is_quiet(0.3).speaks(seconds(0.2), "greeting", "Hello.", "r0")
    story.finishes("greeting", "r0").is_quiet(0.3)
    return story.echoes(*story.marks())


def asked_of_engine(commands: list[CallCommand]) -> list[CallCommand]:
    """Words or an answer, that were asked of it."""
    return [each for each in commands if isinstance(each, Say) or getattr(each, "answer", False)]


def since(script: Script, index: int, *kinds: type) -> list[CallCommand]:
    return [command for command in script.said[index:] if isinstance(command, kinds)]


def played(commands: list[CallCommand]) -> bytes:
    return b"".join(command.ulaw for command in commands if isinstance(command, PlayAudio))


STARTED = CallerSpeechStarted("u1", 0)
STOPPED = CallerSpeechStopped("u1", 0)


def test_at_the_first_sound_we_fall_silent_and_tell_nobody_yet() -> None:
    script = speaking().when(STARTED, ClearPlayback())
    assert script.entries(TruncationLine) == []


def test_lasting_speech_takes_the_floor() -> None:
    script = speaking().when(STARTED, ClearPlayback())
    begun = len(script.said)
    script.sounds(0.4)
    assert since(script, begun, TruncateItem) == []
    script.sounds(0.2)
    (told,) = since(script, begun, TruncateItem)
    assert told == TruncateItem("item_1", 0, 1_000, "Your")
    script.is_quiet(0.5).when(STOPPED, Answer("u1"))
    (agent,) = script.entries(AgentLine)
    assert (agent.fate, agent.heard_ms) == (Fate.CUT, 1_000)


def test_a_cough_is_waited_out_and_we_go_on_where_we_stopped() -> None:
    script = speaking().when(STARTED, ClearPlayback())
    begun = len(script.said)
    script.sounds(0.1).is_quiet(0.5).happens(STOPPED).is_quiet(0.7)
    assert played(script.said[begun:]) == b""
    script.is_quiet(0.2)
    assert len(played(script.said[begun:])) == 3 * 8_000
    assert since(script, begun, Dismiss) == [Dismiss("u1")]
    assert since(script, begun, TruncateItem, DeleteItem, CancelResponse, Answer) == []
    script.is_quiet(3.0).echoes("1:1:32000")
    (agent,) = script.entries(AgentLine)
    assert (agent.fate, agent.heard, agent.heard_ms, agent.sent_ms) == (
        Fate.HEARD,
        SAID,
        4_000,
        4_000,
    )
    assert script.entries(TurnLine) == []


def test_what_is_resumed_is_heard_once_and_in_order() -> None:
    script = line()
    voice = bytes(range(256)) * 125
    script.speaks(voice[:24_000], text=SAID).is_quiet(1.0)
    script.happens(STARTED).sounds(0.1).more(voice[24_000:]).finishes().is_quiet(0.2)
    script.happens(STOPPED, CallerTranscript("u1", "uh-huh")).is_quiet(3.2)
    script.echoes("1:1:32000")
    heard = [c for c in script.said if isinstance(c, StoreAudio) and c.track is Track.HEARD]
    assert b"".join(piece.ulaw for piece in heard) == voice
    first, last = heard[0].at_samples, heard[-1].at_samples + len(heard[-1].ulaw)
    assert last - first > len(voice), "the pause is in the recording"


@pytest.mark.parametrize("words", ["Uh-huh.", "Okay", "mhm", "Yeah!", "", "  "])
def test_a_murmur_does_not_interrupt(words: str) -> None:
    script = speaking().happens(STARTED).sounds(0.3).is_quiet(0.3).happens(STOPPED)
    script.happens(CallerTranscript("u1", words))
    assert Dismiss("u1") in script.last
    assert played(script.last)


@pytest.mark.parametrize("words", ["No.", "Stop", "Wednesday", "okay but Wednesday"])
def test_a_short_word_interrupts(words: str) -> None:
    script = speaking().happens(STARTED).sounds(0.3).is_quiet(0.3).happens(STOPPED)
    script.when(
        CallerTranscript("u1", words), TruncateItem("item_1", 0, 1_000, "Your"), Answer("u1")
    )


def test_a_loud_hum_nobody_calls_speech_holds_us_once() -> None:
    """A vacuum cleaner: until the line is known to be so loud, it is not looked at again."""
    script = speaking()
    begun = len(script.said)
    script.hums(3.5)
    assert len(since(script, begun, ClearPlayback)) == 1


def test_a_hum_the_engine_calls_speech_for_ever_gives_the_floor_back() -> None:
    script = speaking()
    script.happens(STARTED).hums(2.8)
    held = played(script.said)
    script.hums(0.4)
    assert len(played(script.said)) > len(held)
    assert script.entries(TruncationLine) == []


@pytest.mark.parametrize("came", [(), (CallerTranscript("u1", "", failed=True),)])
def test_a_sound_as_long_as_a_word_is_believed_when_no_words_come(
    came: tuple[CallerTranscript, ...],
) -> None:
    """Or when what was said could not be made out."""
    script = speaking().happens(STARTED).sounds(0.3).is_quiet(0.3).happens(STOPPED)
    begun = len(script.said)
    script.happens(*came)
    script.is_quiet(0.9)
    assert since(script, begun, TruncateItem, Answer) == [
        TruncateItem("item_1", 0, 1_000, "Your"),
        Answer("u1"),
    ]


def test_our_own_echo_does_not_interrupt() -> None:
    """The caller's side carries what we said 120 ms ago, weaker."""
    script = line()
    voice = hum(SAID, 4_000, 8_000)
    voice = (voice * np.linspace(0.3, 1.0, len(voice))).astype(np.int16)
    said = ulaw.encode(voice)
    script.speaks(said, text=SAID).finishes()
    began_ms = round(script.now * 1000)
    for _ in range(50):
        script.wait(0.02)
        at = (round(script.now * 1000) - began_ms - 120) * 8
        echo = (voice[max(0, at - 160) : max(0, at)] * 0.2).astype(np.int16)
        echo = np.pad(echo, (160 - len(echo), 0))
        script.happens(CallerAudio(ulaw.encode(echo), round(script.now * 1000) - 20))
        script.echoes(f"0:1:{(round(script.now * 1000) - began_ms) // 100 * 800}")
    assert script.notes() == [], "not even our own detector falls for it"
    script.happens(STARTED)
    assert "own_echo" in script.notes()
    assert ClearPlayback() not in script.said, "it is not even held"
    script.when(STOPPED, Dismiss("u1"))


def test_a_loud_voice_is_heard_before_the_engine_hears_it() -> None:
    script = speaking().sounds(0.1)
    assert ClearPlayback() not in script.said
    script.sounds(0.14)
    assert ClearPlayback() in script.said
    begun = len(script.said)
    script.when(STARTED).sounds(0.5)
    assert since(script, begun, TruncateItem) == [
        TruncateItem("item_1", 0, 1_200, "Your appointment")
    ]
    script.is_quiet(0.5).when(STOPPED, Answer("u1"))


def test_what_was_heard_before_the_engine_heard_it_counts() -> None:
    script = speaking().sounds(0.5)
    begun = len(script.said)
    script.when(STARTED).sounds(0.24)
    assert len(since(script, begun, TruncateItem)) == 1


def test_a_bang_the_engine_does_not_call_speech_only_makes_us_pause() -> None:
    script = speaking().sounds(0.24)
    begun = len(script.said)
    script.is_quiet(0.9)
    assert played(script.said[begun:])
    assert since(script, begun, TruncateItem, Dismiss, Answer) == []
    script.when(STARTED, ClearPlayback())


def test_a_deployment_may_leave_it_to_the_engine() -> None:
    script = Line(ON_REQUEST, turn_taking=msgspec.structs.replace(CONFIRMED, early_s=None))
    script.begins()
    script.is_quiet(1.0).speaks(seconds(4.0), text=SAID).finishes()
    script.is_quiet(1.0).sounds(1.0)
    assert ClearPlayback() not in script.said


def test_a_caller_who_interrupts_nothing_is_answered_at_once() -> None:
    script = line()
    script.when(STARTED).sounds(0.2).when(STOPPED, Answer("u1"))


def test_what_the_engine_says_meanwhile_is_kept_for_later() -> None:
    script = line()
    script.speaks(seconds(2.0), text="One two").is_quiet(1.0)
    script.happens(STARTED)
    script.when(AudioDelta("r1", "item_1", 0, seconds(1.0)))
    script.sounds(0.1).is_quiet(0.3).happens(STOPPED).finishes()
    begun = len(script.said)
    script.is_quiet(0.9)
    assert len(played(script.said[begun:])) == 2 * 8_000
    script.is_quiet(2.0).echoes("1:1:24000")
    assert [agent.heard_ms for agent in script.entries(AgentLine)] == [3_000]


@pytest.mark.parametrize("begun", [True, False])
def test_what_is_complete_before_any_of_it_is_heard_has_no_line_yet(*, begun: bool) -> None:
    """All that was sent had been heard, or nothing was sent; the rest waits for the verdict."""
    script = line()
    script.happens(ResponseStarted("r1"))
    if begun:
        script.more(seconds(0.5), text="One").is_quiet(0.2)
    script.happens(STARTED).more(seconds(1.0), text="two").finishes()
    script.sounds(0.1).is_quiet(0.3).happens(STOPPED)
    assert script.entries(AgentLine) == []
    script.is_quiet(0.9)
    script.is_quiet(1.5).echoes(script.marks()[-1])
    (agent,) = script.entries(AgentLine)
    assert (agent.fate, agent.heard_ms) == (Fate.HEARD, 1_500 if begun else 1_000)


def test_what_is_complete_before_any_of_it_is_heard_is_deleted_by_an_interruption() -> None:
    script = line()
    script.happens(ResponseStarted("r1"), STARTED).more(seconds(1.0), text="One").finishes()
    assert script.entries(AgentLine) == []
    begun = len(script.said)
    script.sounds(0.7)
    assert since(script, begun, TruncateItem, DeleteItem) == [DeleteItem("item_1")]
    (agent,) = script.entries(AgentLine)
    assert agent.fate is Fate.NEVER_PLAYED


def test_a_reply_that_was_broken_off_and_heard_before_an_interruption_is_told_once() -> None:
    """Its last is heard while it is open whether the caller interrupts."""
    script = Line(ON_REQUEST, Limits(reply_s=1.0), turn_taking=CONFIRMED)
    script.begins()
    script.is_quiet(1.0).speaks(seconds(1.5), text=SAID).is_quiet(1.5).happens(STARTED)
    script.sounds(0.7).is_quiet(0.5).happens(STOPPED)
    told = since(script, 0, TruncateItem, DeleteItem)
    assert [type(each) for each in told] == [TruncateItem]
    assert len(script.entries(AgentLine)) == len(script.entries(TruncationLine)) == 1


def test_what_the_engine_says_meanwhile_is_not_said_after_an_interruption() -> None:
    script = line()
    script.speaks(seconds(2.0), text="One two").is_quiet(1.0).happens(STARTED)
    script.more(seconds(1.0), "item_2", "Three").sounds(0.2)
    begun = len(script.said)
    script.sounds(0.4)
    assert since(script, begun, TruncateItem, DeleteItem, CancelResponse) == [
        TruncateItem("item_1", 0, 1_000, "One"),
        DeleteItem("item_2"),
        CancelResponse("r1"),
    ]


def test_a_cough_into_the_goodbye_does_not_keep_the_line_open() -> None:
    script = line()
    script.speaks(seconds(2.0), text="Goodbye!").finishes()
    script.happens(ToolCalled("r1", "c1", "end_call", "{}"))
    script.happens(ToolFinished("c1", "end_call", "done", "{}", ends_call=True)).is_quiet(1.0)
    script.happens(STARTED).sounds(0.1).is_quiet(0.3)
    script.happens(STOPPED, CallerTranscript("u1", "")).is_quiet(1.0)
    script.when(MarkEchoed("1:1:16000"), HangUp())


def test_a_caller_who_speaks_into_the_goodbye_still_keeps_it_open() -> None:
    script = line()
    script.speaks(seconds(2.0), text="Goodbye!").finishes()
    script.happens(ToolCalled("r1", "c1", "end_call", "{}"))
    script.happens(ToolFinished("c1", "end_call", "done", "{}", ends_call=True)).is_quiet(1.0)
    script.happens(STARTED).sounds(0.6).is_quiet(0.5).when(STOPPED, Answer("u1"))
    script.is_quiet(2.0)
    assert not [command for command in script.said if isinstance(command, HangUp)]


def test_an_engine_that_dies_while_we_hold_our_words_is_apologised_for() -> None:
    script = speaking().happens(STARTED)
    script.happens(EngineFailed("connection_lost", fatal=False))
    assert played(script.last)[-len(APOLOGY) :] == APOLOGY
    script.sounds(1.0)
    assert not [command for command in script.said if isinstance(command, TruncateItem)]


def test_a_line_that_ends_while_we_hold_our_words_has_not_heard_them() -> None:
    script = speaking().happens(STARTED, StreamStopped())
    (agent,) = script.entries(AgentLine)
    assert (agent.fate, agent.heard_ms, agent.sent_ms) == (Fate.CUT, 1_000, 4_000)


def test_a_second_sound_before_the_first_is_decided_makes_one_claim() -> None:
    script = speaking().happens(STARTED).sounds(0.1).is_quiet(0.2).happens(STOPPED)
    script.when(CallerSpeechStarted("u2", 0))
    script.sounds(0.6).is_quiet(0.3)
    assert len(script.entries(TruncationLine)) == 1
    script.when(CallerSpeechStopped("u2", 0), Answer("u1"), Answer("u2"))


def test_a_breath_before_the_words_of_an_interruption_are_there_does_not_undo_it() -> None:
    script = speaking().happens(STARTED).sounds(0.3).is_quiet(0.5).happens(STOPPED).is_quiet(0.2)
    script.happens(CallerSpeechStarted("u2", 0)).is_quiet(0.1)
    script.when(CallerTranscript("u1", "No, stop."), TruncateItem).is_quiet(0.5)
    script.when(CallerSpeechStopped("u2", 0), Answer("u1"), Answer("u2"))


def test_two_coughs_in_a_row_are_dismissed_together() -> None:
    script = speaking().happens(STARTED).sounds(0.1).is_quiet(0.5).happens(STOPPED).is_quiet(0.2)
    script.when(CallerSpeechStarted("u2", 0)).sounds(0.1).when(CallerSpeechStopped("u1", 0))
    script.is_quiet(0.4).happens(CallerSpeechStopped("u2", 0))
    begun = len(script.said)
    script.is_quiet(0.9)
    assert since(script, begun, Dismiss, Answer) == [Dismiss("u1"), Dismiss("u2")]
    assert len(played(script.said[begun:])) == 3 * 8_000


def test_a_murmur_after_a_murmur_is_no_lasting_speech() -> None:
    script = speaking().happens(STARTED).sounds(0.3).is_quiet(0.5).happens(STOPPED)
    script.happens(CallerSpeechStarted("u2", 0)).sounds(0.3).is_quiet(0.5)
    script.happens(CallerTranscript("u1", "mhm"), CallerSpeechStopped("u2", 0))
    script.when(CallerTranscript("u2", "yeah"), Dismiss("u1"), Dismiss("u2"))
    assert script.entries(TruncationLine) == []


def test_our_own_echo_behind_a_sound_that_is_not_decided_does_not_keep_us_silent() -> None:
    script = line()
    script.speaks(LOUD * 6, text=SAID).finishes().is_quiet(1.0)
    script.happens(STARTED).is_quiet(0.3).happens(STOPPED).is_quiet(0.1)
    heard = [each for each in script.said if isinstance(each, StoreAudio)]
    back = b"".join(each.ulaw for each in heard if each.track is Track.HEARD)[-2_400:]
    for begin in range(0, len(back), 160):
        script.wait(0.02)
        script.happens(CallerAudio(back[begin : begin + 160], round(script.now * 1000) - 20))
    script.happens(CallerSpeechStarted("u2", 0)).is_quiet(0.4)
    script.happens(CallerSpeechStopped("u2", 0)).is_quiet(1.0)
    assert not script.call._playback.holding
    assert Dismiss("u2") in script.said


def test_noise_that_does_not_stand_out_of_the_line_is_not_speech() -> None:
    """A fan: as loud as the caller's line has been all along."""
    script = line().hums(4.0)
    script.speaks(seconds(4.0), text=SAID).finishes().hums(1.0)
    script.happens(STARTED).hums(1.0).happens(STOPPED, CallerTranscript("u1", ""))
    assert script.entries(TruncationLine) == []
    assert played(script.last)


def test_a_reply_on_its_way_is_not_spoken_into_what_the_caller_adds() -> None:
    """The caller draws breath, is answered, and goes on before the answer comes."""
    script = line().happens(STARTED).sounds(0.4).is_quiet(0.5).when(STOPPED, Answer("u1"))
    script.when(CallerSpeechStarted("u2", 0)).sounds(0.2)
    script.when(ResponseStarted("r1"), CancelResponse("r1"))
    script.when(AudioDelta("r1", "item_1", 0, seconds(1.0)), DeleteItem("item_1"))
    assert played(script.last) == b""
    script.is_quiet(0.5).when(CallerSpeechStopped("u2", 0), Answer("u2"))
    script.speaks(seconds(1.0), "item_2", reply="r2")
    assert played(script.last)


def test_a_cough_before_the_answer_does_not_call_it_off() -> None:
    script = line().happens(STARTED).sounds(0.4).is_quiet(0.5).when(STOPPED, Answer("u1"))
    script.happens(ResponseStarted("r1")).when(CallerSpeechStarted("u2", 0))
    script.sounds(0.1).is_quiet(0.4).happens(CallerSpeechStopped("u2", 0))
    script.when(CallerTranscript("u2", ""), Dismiss("u2"))
    begun = len(script.said)
    script.is_quiet(6.5)
    assert since(script, begun, Say), "an answer is still owed"
