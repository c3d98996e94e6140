"""Interruptions where the engine's server owns playback: it falls silent, or goes on, by itself."""

import msgspec

from agents.engine import (
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    ItemDone,
    ResponseDone,
    ResponseStatus,
    Say,
    TruncateItem,
)
from telephony.call.commands import ClearPlayback, PlayAudio
from telephony.transcripts.entry import AgentLine, Fate
from tests.telephony.script import CAPABILITIES, Script, live, seconds

OWNING = msgspec.structs.replace(CAPABILITIES, owns_playback=True)
SAID = "We are open from nine to six, and on Saturdays until one."
BROKEN_OFF = ResponseDone("r1", ResponseStatus.CANCELLED, "turn_detected")


def speaking(duration_s: float) -> Script:
    """So much of a reply has just come, and nothing of it was echoed."""
    return live(OWNING).speaks(seconds(duration_s), item="i1", text=SAID)


def test_what_the_server_still_says_while_the_caller_speaks_is_heard() -> None:
    story = speaking(0.5).wait(0.2)
    story.when(CallerSpeechStarted("u1", 300))
    story.happens(AudioDelta("r1", "i1", 0, seconds(0.5)))
    assert sum(len(each.ulaw) for each in story.last if isinstance(each, PlayAudio)) == 4_000


def test_what_the_carrier_has_left_of_a_reply_that_was_broken_off_is_cleared() -> None:
    story = speaking(4.0).wait(1.0)
    story.when(CallerSpeechStarted("u1", 500)).wait(0.3)
    story.when(ItemDone("r1", "i1"))
    story.happens(BROKEN_OFF)
    assert ClearPlayback() in story.last
    (told,) = [each for each in story.last if isinstance(each, TruncateItem)]
    assert abs(told.audio_end_ms - 1_300) <= 20
    (line,) = story.entries(AgentLine)
    assert line.fate is Fate.CUT
    assert SAID.startswith(line.heard)
    assert line.heard == told.heard_text


def test_a_reply_that_was_broken_off_when_all_of_it_was_played_is_not_cleared() -> None:
    story = speaking(1.0).wait(1.5)
    story.happens(CallerSpeechStarted("u1", 500), ItemDone("r1", "i1"))
    story.when(BROKEN_OFF)


def test_a_reply_that_ended_for_another_reason_plays_on() -> None:
    story = speaking(4.0).wait(0.3)
    story.happens(CallerSpeechStarted("u1", 100), ItemDone("r1", "i1"))
    story.when(ResponseDone("r1", ResponseStatus.CANCELLED, "client_cancelled"))
    other = live().speaks(seconds(4.0), item="i1").happens(ItemDone("r1", "i1"))
    other.when(BROKEN_OFF)


def test_what_plays_on_of_a_reply_that_is_over_stops_for_the_caller() -> None:
    """So does a recording of ours, or what an engine before it left: of those its server knows
    nothing."""
    story = speaking(4.0).wait(0.3)
    story.happens(ItemDone("r1", "i1"), ResponseDone("r1", ResponseStatus.COMPLETED))
    story.happens(CallerSpeechStarted("u1", 300))
    assert ClearPlayback() in story.last


def test_the_caller_s_turn_is_owed_an_answer_as_ever() -> None:
    story = speaking(0.5).wait(1.0)
    story.happens(ItemDone("r1", "i1"), ResponseDone("r1", ResponseStatus.COMPLETED))
    story.happens(CallerSpeechStarted("u1", 900), CallerSpeechStopped("u1", 1_400))
    story.wait(6.5)
    assert Say(story.config.persona.reprompt) in story.said
