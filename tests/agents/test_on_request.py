"""Engines that answer a caller's turn only when the call lets it count."""

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
    Dismiss,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TruncateItem,
)
from agents.local.acts import Speak
from agents.local.engine import LocalEngine
from agents.local.expectation import plain
from agents.local.models import Models
from agents.realtime import configuration
from agents.realtime.client import RealtimeEngine
from tests.agents.local_caller import conversation
from tests.agents.realtime_story import (
    PERSONA,
    SETTINGS,
    TOOLS,
    Story,
    created,
    done,
    speech_started,
    speech_stopped,
)
from tests.agents.test_local_engine import LONG, Script
from tests.callers import says, silence, telephoned

ON_REQUEST = msgspec.structs.replace(SETTINGS, answers_on_request=True)


# ---- Realtime ---------------------------------------------------------------------------------


def live() -> Story:
    return Story(ON_REQUEST).live()


def turn(story: Story, item: str = "u1") -> Story:
    story.server(speech_started(item, 100), CallerSpeechStarted(item, 100))
    return story.server(speech_stopped(item, 900), CallerSpeechStopped(item, 900)).sends()


def test_the_server_is_asked_neither_to_stop_nor_to_answer() -> None:
    asked = configuration.session(ON_REQUEST, PERSONA, TOOLS)["audio"]["input"]["turn_detection"]
    assert (asked["create_response"], asked["interrupt_response"]) == (False, False)
    capabilities = RealtimeEngine(ON_REQUEST, PERSONA, TOOLS).capabilities
    assert capabilities.answers_on_request
    assert not capabilities.cancels_on_speech


def test_a_turn_that_counts_is_answered_at_once() -> None:
    turn(live()).call(Answer("u1")).sends({"type": "response.create"})


def test_a_turn_that_does_not_count_is_deleted_and_nothing_is_awaited() -> None:
    story = turn(live()).call(Dismiss("u1"))
    story.sends({"type": "conversation.item.delete", "item_id": "u1"})
    assert story.protocol.next_deadline() is None


def test_an_answer_waits_for_the_cancelled_reply_to_be_over() -> None:
    story = live().server(created("r1"), ResponseStarted("r1"))
    turn(story).call(CancelResponse("r1")).sends({"type": "response.cancel", "response_id": "r1"})
    story.call(Answer("u1")).sends()
    story.server(
        done("r1", status="cancelled"), ResponseDone("r1", ResponseStatus.CANCELLED)
    ).sends({"type": "response.create"})


def test_two_turns_in_a_row_are_answered_once() -> None:
    story = live().server(created("r1"), ResponseStarted("r1"))
    turn(story).call(Answer("u1"))
    turn(story, "u2").call(Answer("u2")).sends()
    story.server(done("r1"), ResponseDone("r1", ResponseStatus.COMPLETED))
    story.sends({"type": "response.create"})
    story.server(created("r2", "1"), ResponseStarted("r2"))
    story.server(done("r2", wish="1"), ResponseDone("r2", ResponseStatus.COMPLETED)).sends()


def test_what_is_to_be_said_waits_only_while_the_caller_speaks() -> None:
    story = live().server(speech_started("u1", 0), CallerSpeechStarted("u1", 0))
    story.call(Say("Hello.")).sends()
    story.server(speech_stopped("u1", 500), CallerSpeechStopped("u1", 500))
    story.sends({"type": "response.create"})


# ---- embedded ---------------------------------------------------------------------------------


@pytest.mark.slow
async def test_the_embedded_engine_goes_on_until_it_is_told_to_stop(models: Models) -> None:
    script = Script([Speak("At nine.")])
    engine = LocalEngine(models, script, answers_on_request=True)
    async with conversation(engine) as talk:
        engine.submit(Say(LONG))
        await talk.until(AudioDelta)
        talk.says("When do you open?")
        await talk.until(CallerSpeechStopped)
        heard = await talk.until(CallerTranscript)
        (first,) = talk.of(ResponseDone) or [await talk.until(ResponseDone)]
        assert first.status is ResponseStatus.COMPLETED
        item = talk.of(ItemDone)[0].item_id
        engine.submit(TruncateItem(item, 0, 1_000, "We are open"))
        engine.submit(Answer(heard.item_id))
        answer = await talk.until(ResponseDone, 2)
        assert talk.words(answer.response_id) == "At nine."
        cut, understood = script.told[-2:]
        assert cut == ("cut", LONG, "We are open")
        assert understood[0] == "heard"
        assert "open" in understood[1]


@pytest.mark.slow
async def test_what_the_call_dismisses_is_never_understood(models: Models) -> None:
    script = Script([Speak("Gladly.")])
    engine = LocalEngine(models, script, answers_on_request=True)
    async with conversation(engine) as talk:
        talk.says("Excuse me.")
        first = await talk.until(CallerTranscript)
        engine.submit(Dismiss(first.item_id))
        talk.says("I would like a haircut.")
        second = await talk.until(CallerTranscript, 2)
        engine.submit(Answer(second.item_id))
        await talk.until(ResponseDone)
        assert [told[0] for told in script.told if told[0] == "heard"] == ["heard"]
        assert "haircut" in script.told[-1][1]


@pytest.mark.slow
async def test_what_was_said_before_a_breath_belongs_to_the_turn(models: Models) -> None:
    script = Script([Speak("Gladly.")])
    engine = LocalEngine(models, script, answers_on_request=True)
    async with conversation(engine) as talk:
        pause = silence(900)
        parts = [telephoned(says(text), 16_000) for text in ("A haircut please.", "On Tuesday.")]
        talk.hears(np.concatenate([parts[0], pause, parts[1], silence(1_200)]))
        last = await talk.until(CallerSpeechStopped, 2)
        engine.submit(Answer("turn_1"))
        engine.submit(Answer(last.item_id))
        await talk.until(ResponseDone)
        (heard,) = [told for told in script.told if told[0] == "heard"]
        assert "haircut" in heard[1]
        # In the words made out in the pause, which need not be the ones made out after it.
        transcripts = [plain(each.text) for each in talk.of(CallerTranscript)]
        assert heard[1] == " ".join(transcripts)
        assert len(transcripts) == 2
