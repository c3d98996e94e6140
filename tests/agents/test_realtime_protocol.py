"""The Realtime session as a story: server messages in, events and client messages out."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    AgentSaid,
    Answer,
    AnyEngineCommand,
    AppendAudio,
    AudioDelta,
    AudioFormat,
    CallerSaid,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    EngineAllowance,
    EngineFailed,
    EngineNotice,
    EngineReady,
    Inform,
    ItemDone,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolAnswered,
    ToolCalled,
    ToolOutput,
    TruncateItem,
    Usage,
)
from agents.realtime.failures import FATAL
from agents.realtime.held import HELD_AUDIO_S
from agents.realtime.oddities import BAD_MESSAGES
from tests.agents.realtime_story import (
    SETTINGS,
    Story,
    audio,
    called,
    created,
    done,
    error,
    failed,
    item_done,
    output_taken,
    session_created,
    session_updated,
    speech_started,
    speech_stopped,
    text,
    transcribed,
    whole_text,
)

COMPLETED = ResponseStatus.COMPLETED
CREATE = {"type": "response.create"}
SOFT = b"\x01\x02" * 800
"""As much audio as is judged at once, and nothing to hear in it."""
ARGUMENTS = '{"day":"Tuesday"}'


def live() -> Story:
    return Story().live()


def caller_turn(story: Story, number: int) -> Story:
    """The caller speaks and stops; the server has yet to answer."""
    item, at_ms = f"caller_{number}", number * 1000
    return story.server(speech_started(item, at_ms), CallerSpeechStarted(item, at_ms)).server(
        speech_stopped(item, at_ms + 500), CallerSpeechStopped(item, at_ms + 500)
    )


# ---- configuration ------------------------------------------------------------------------------


def test_nothing_is_sent_before_the_server_shows_its_session() -> None:
    story = Story().sends_nothing()
    story.server(session_created()).sends({"type": "session.update", "event_id": "config"})
    story.server(session_updated(story.echo()), EngineReady("sess_1")).sends_nothing()


def test_the_configuration_is_sent_once() -> None:
    story = live().server(session_created(), EngineNotice("second_session_created"))
    story.server(session_updated(story.echo()), EngineNotice("unasked_session_update"))
    story.sends_nothing()


def test_caller_audio_waits_for_the_configuration_and_keeps_its_order() -> None:
    story = Story().call(AppendAudio(b"\x01\x00" * 480)).server(session_created())
    story.call(AppendAudio(b"\x02\x00" * 480)).sends({"type": "session.update"})
    story.server(session_updated(story.echo()), EngineReady("sess_1"))
    story.call(AppendAudio(b"\x03\x00" * 480))
    append = {"type": "input_audio_buffer.append"}
    story.sends(append, append, append)
    assert [message["audio"][:4] for message in story.sent[1:]] == ["AQAB", "AgAC", "AwAD"]


def test_held_audio_is_bounded_and_the_servers_times_are_moved_by_what_was_dropped() -> None:
    story = Story()
    for _ in range(HELD_AUDIO_S):
        story.call(AppendAudio(bytes(48_000)))
    story.call(AppendAudio(bytes(48_000)), EngineNotice("held_audio_dropped"))
    story.call(AppendAudio(bytes(48_000)))
    story.server(session_created()).server(session_updated(story.echo()), EngineReady("sess_1"))
    story.sends({"type": "session.update"}, *[{"type": "input_audio_buffer.append"}] * HELD_AUDIO_S)
    # Two of the seconds never reached the server.
    story.server(speech_started("caller_1", 300), CallerSpeechStarted("caller_1", 2300))


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        (("audio", "input", "format"), {"type": "audio/pcmu"}, "input_format"),
        (("audio", "output", "format"), {"type": "audio/pcmu"}, "output_format"),
        (("audio", "input", "turn_detection"), None, "turn_detection"),
        (("tools",), [], "tools"),
        (("instructions",), "You are a helpful assistant.", "instructions"),
    ],
)
def test_a_session_that_is_not_as_asked_is_refused(
    path: tuple[str, ...], value: object, name: str
) -> None:
    story = Story().server(session_created())
    echo = json.loads(json.dumps(story.echo()))
    place = echo
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    events = story.protocol.receive(json.dumps(session_updated(echo)), 0.1)
    assert EngineNotice(f"session_differs_{name}") in events
    assert events[-1] == EngineFailed("session_config_refused", fatal=True)


def test_a_small_difference_is_noticed_and_lived_with() -> None:
    story = Story().server(session_created())
    echo = json.loads(json.dumps(story.echo()))
    echo["audio"]["output"]["voice"] = "cedar"
    echo["audio"]["input"]["turn_detection"]["silence_duration_ms"] = 200
    echo["audio"]["input"]["transcription"] = None
    echo["model"] = "gpt-realtime"
    story.server(
        session_updated(echo),
        EngineNotice("session_differs_model"),
        EngineNotice("session_differs_voice"),
        EngineNotice("session_differs_turn_detection_values"),
        EngineNotice("session_differs_transcription"),
        EngineReady("sess_1"),
    )


def test_any_error_before_the_echo_means_the_configuration_was_not_taken() -> None:
    Story().server(session_created()).server(
        error("unknown_parameter", param="session.temperature"),
        EngineNotice("unknown_parameter"),
        EngineFailed("session_config_refused", fatal=True),
    )


def test_a_server_error_before_the_echo_may_pass() -> None:
    Story().server(session_created()).server(
        error("server_error"), EngineFailed("server_error", fatal=False)
    )


def test_fault_m2_a_session_never_configured_fails_after_five_seconds() -> None:
    story = Story().wait(4.9)
    story.wait(0.2, EngineFailed("setup_timeout", fatal=False))
    assert story.protocol.next_deadline() is None


def test_a_broken_echo_is_a_bad_message() -> None:
    Story().server(session_created()).server(
        session_updated({"audio": 7}), EngineNotice("bad_message_wrong_fields")
    )


# ---- speaking -----------------------------------------------------------------------------------


def test_the_greeting_is_said_word_for_word_with_the_persona_in_front() -> None:
    story = Story().call(Say("Good morning.")).sends_nothing()
    story.server(session_created()).server(session_updated(story.echo()), EngineReady("sess_1"))
    story.sends({"type": "session.update"}, CREATE)
    response = story.sent[-1]["response"]
    assert response["instructions"].startswith("You answer the phone.")
    assert response["instructions"].endswith(":\nGood morning.")
    assert response["tool_choice"] == "none"


def test_what_the_model_has_to_know_is_put_into_the_conversation_and_not_answered() -> None:
    story = live().call(Inform("Nobody answered.")).sends({"type": "conversation.item.create"})
    assert story.sent[-1]["item"] == {
        "type": "message",
        "role": "system",
        "content": [{"type": "input_text", "text": "Nobody answered."}],
    }
    Story().call(Inform("Too early.")).sends_nothing()


def test_a_reply_arrives_in_pieces_of_any_size() -> None:
    story = live().call(Say("Hi.")).sends(CREATE)
    (
        story.server(created("r1", story.wish()), ResponseStarted("r1"))
        .server(text("r1", "i1", "Hi"), TextDelta("r1", "i1", "Hi"))
        .server(audio("r1", "i1", SOFT + b"\x03"), AudioDelta("r1", "i1", 0, SOFT))
        .server(audio("r1", "i1", b""))
        .server(audio("r1", "i1", b"\x04"))
        .server(audio("r1", "i1", SOFT), AudioDelta("r1", "i1", 0, b"\x03\x04" + SOFT))
        .server(audio("r1", "i1", b"\x05\x06"))
        .server(whole_text("r1", "i1", "Hi."), TextDelta("r1", "i1", "."))
        .server(text("r1", "i1", ""))
        # Too short to be judged, and all there is.
        .server(item_done("r1", "i1"), AudioDelta("r1", "i1", 0, b"\x05\x06"), ItemDone("r1", "i1"))
        .server(item_done("r1", "i1"))
        .server(done("r1"), ResponseDone("r1", COMPLETED))
        .sends_nothing()
    )


def test_a_response_may_hold_several_spoken_items() -> None:
    (
        live()
        .server(created("r1"), ResponseStarted("r1"))
        .server(audio("r1", "i1", SOFT), AudioDelta("r1", "i1", 0, SOFT))
        .server(item_done("r1", "i1"), ItemDone("r1", "i1"))
        .server(audio("r1", "i2", SOFT), AudioDelta("r1", "i2", 0, SOFT))
        .server(
            done("r1", "cancelled", status_details={"reason": "turn_detected"}),
            ItemDone("r1", "i2"),
            ResponseDone("r1", ResponseStatus.CANCELLED, "turn_detected"),
        )
    )


def test_text_without_audio_is_noticed_once() -> None:
    event = {"type": "response.output_text.delta", "response_id": "r1", "item_id": "i1"}
    live().server(event, EngineNotice("text_instead_of_audio")).server(event)


def test_a_response_done_that_was_never_created_is_tolerated() -> None:
    story = live().server(done("r9"), ResponseDone("r9", COMPLETED))
    story.call(Say("Still here.")).sends(CREATE)


# ---- cuts ---------------------------------------------------------------------------------------


def test_a_cut_item_is_truncated_and_its_late_deltas_are_dropped() -> None:
    (
        live()
        .server(created("r1"), ResponseStarted("r1"))
        .server(audio("r1", "i1", b"\1\0" * 24_000), AudioDelta("r1", "i1", 0, b"\1\0" * 24_000))
        .call(TruncateItem("i1", 0, 640, "Hello"))
        .sends(
            {
                "type": "conversation.item.truncate",
                "item_id": "i1",
                "content_index": 0,
                "audio_end_ms": 640,
            }
        )
        .server(audio("r1", "i1", b"\x01\x02"))
        .server(text("r1", "i1", "more"))
        .server(whole_text("r1", "i1", "Hello more"))
        .server(item_done("r1", "i1"), ItemDone("r1", "i1"))
    )


@pytest.mark.parametrize(("asked_ms", "sent_ms"), [(57_340, 1000), (-5, 0)])
def test_fault_m16_a_truncation_never_reaches_beyond_the_audio(asked_ms: int, sent_ms: int) -> None:
    (
        live()
        .server(audio("r1", "i1", b"\1\0" * 24_000), AudioDelta("r1", "i1", 0, b"\1\0" * 24_000))
        .call(TruncateItem("i1", 0, asked_ms, ""))
        .sends({"audio_end_ms": sent_ms})
    )


def test_an_unheard_item_is_deleted() -> None:
    (
        live()
        .server(audio("r1", "i1", SOFT), AudioDelta("r1", "i1", 0, SOFT))
        .call(DeleteItem("i1"))
        .sends({"type": "conversation.item.delete", "item_id": "i1"})
        .server(audio("r1", "i1", b"\x01\x02"))
        .server(done("r1"), ItemDone("r1", "i1"), ResponseDone("r1", COMPLETED))
    )


def test_a_cancel_names_its_response_and_silences_it_at_once() -> None:
    (
        live()
        .server(created("r1"), ResponseStarted("r1"))
        .server(audio("r1", "i1", SOFT), AudioDelta("r1", "i1", 0, SOFT))
        .call(CancelResponse("r1"))
        .sends({"type": "response.cancel", "response_id": "r1"})
        .server(audio("r1", "i1", b"\x01\x02"))
        .server(audio("r1", "i2", b"\x01\x02"))
        .server(
            done("r1", "cancelled", status_details={"reason": "client_cancelled"}),
            ItemDone("r1", "i1"),
            ResponseDone("r1", ResponseStatus.CANCELLED, "client_cancelled"),
        )
    )


def test_a_cancel_of_a_response_that_is_over_is_not_sent() -> None:
    story = live().server(created("r1"), ResponseStarted("r1"))
    story.server(done("r1"), ResponseDone("r1", COMPLETED))
    story.call(CancelResponse("r1")).sends_nothing()


def test_fault_m12_deltas_of_a_response_that_is_done_are_dropped() -> None:
    story = live().server(created("r1"), ResponseStarted("r1"))
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).server(audio("r1", "i1", b"\x01\x02"))


# ---- the caller ---------------------------------------------------------------------------------


def test_fault_m20_what_the_caller_said_may_come_late_and_counts_once() -> None:
    story = caller_turn(live(), 1).server(created("r1"), ResponseStarted("r1"))
    story.server(transcribed("caller_1", " Tuesday. "), CallerTranscript("caller_1", "Tuesday."))
    story.server(transcribed("caller_1", "Tuesday."), EngineNotice("transcript_repeated"))


@pytest.mark.parametrize(
    ("usage", "billed_ms"),
    [
        ({"type": "duration", "seconds": 2.5}, 2_500),
        ({"type": "duration", "seconds": -1}, None),
        ({"type": "duration", "seconds": 1e300}, None),
        ({"type": "tokens", "input_tokens": 12, "output_tokens": 3, "total_tokens": 15}, None),
        (None, None),
    ],
)
def test_how_much_speech_is_charged_for_is_told_where_it_makes_sense(
    usage: dict[str, Any] | None, billed_ms: int | None
) -> None:
    event = transcribed("caller_1", "Tuesday.") | {"usage": usage}
    live().server(event, CallerTranscript("caller_1", "Tuesday.", billed_ms=billed_ms))


def test_fault_m20_a_failed_transcription_is_an_empty_one() -> None:
    kind = "conversation.item.input_audio_transcription.failed"
    event = {"type": kind, "item_id": "caller_1", "content_index": 0, "error": {"code": "x"}}
    live().server(event, CallerTranscript("caller_1", "", failed=True))


# ---- one response at a time -------------------------------------------------------------------


def test_a_say_waits_for_the_response_before_it() -> None:
    story = live().call(Say("One.")).sends(CREATE).call(Say("Two.")).sends_nothing()
    story.server(created("r1", story.wish()), ResponseStarted("r1")).sends_nothing()
    story.server(done("r1", wish=story.wish()), ResponseDone("r1", COMPLETED)).sends(CREATE)
    assert story.sent[-1]["response"]["instructions"].endswith("Two.")


def test_a_say_never_gets_between_the_caller_and_the_servers_answer() -> None:
    story = live().server(speech_started("c1", 0), CallerSpeechStarted("c1", 0))
    story.call(Say("Are you there?")).sends_nothing()
    story.server(speech_stopped("c1", 900), CallerSpeechStopped("c1", 900)).sends_nothing()
    story.server(created("r1"), ResponseStarted("r1")).sends_nothing()
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends(CREATE)


def test_a_create_that_lost_the_race_is_asked_again_after_the_other_response() -> None:
    story = live().call(Say("One.")).sends(CREATE)
    busy = error("conversation_already_has_active_response")
    story.server(created("r1"), ResponseStarted("r1"))
    story.server(busy, EngineNotice("conversation_already_has_active_response")).sends_nothing()
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends(CREATE)
    assert story.sent[-1]["response"]["instructions"].endswith("One.")


def test_a_refusal_for_a_response_nobody_told_of_is_waited_out() -> None:
    story = live().call(Say("One.")).sends(CREATE)
    busy = error("conversation_already_has_active_response")
    story.server(busy, EngineNotice("conversation_already_has_active_response")).sends_nothing()
    story.wait(0.9).sends_nothing().wait(0.2).sends(CREATE)


def test_a_refusal_without_a_create_of_ours_is_only_noted() -> None:
    busy = error("conversation_already_has_active_response")
    live().server(busy, EngineNotice("conversation_already_has_active_response")).sends_nothing()


def test_a_gateway_that_repeats_no_metadata_is_understood() -> None:
    story = live().call(Say("One.")).call(Say("Two.")).sends(CREATE)
    story.server(created("r1"), ResponseStarted("r1")).sends_nothing()
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends(CREATE)


def calling_without_metadata() -> Story:
    """The model has called a tool, at a gateway that repeats no metadata."""
    story = Story(msgspec.structs.replace(SETTINGS, answers_on_request=True)).live()
    story.call(Answer("u1")).sends(CREATE).server(created("r1"), ResponseStarted("r1"))
    story.server(called("r1", "c1"), ToolCalled("r1", "c1", "find_slot", ARGUMENTS))
    return story.server(done("r1"), ResponseDone("r1", COMPLETED))


@pytest.mark.parametrize("items", [True, False])
def test_a_gateway_that_repeats_no_metadata_answers_an_output_once(*, items: bool) -> None:
    story = calling_without_metadata().call(ToolOutput("c1", "{}"))
    story.sends({"type": "conversation.item.create"}, CREATE)
    if items:
        story.server(output_taken("c1"))
    story.server(created("r2"), ResponseStarted("r2"))
    story.server(done("r2"), ResponseDone("r2", COMPLETED)).sends_nothing()


def test_a_recital_without_metadata_answers_no_output() -> None:
    story = calling_without_metadata().call(Say("One moment.")).sends(CREATE)
    story.call(ToolOutput("c1", "{}")).sends({"type": "conversation.item.create"})
    story.server(output_taken("c1")).server(created("r2"), ResponseStarted("r2"))
    story.server(done("r2"), ResponseDone("r2", COMPLETED)).sends(CREATE)


def test_fault_m14_a_create_without_any_answer_is_repeated_once_and_then_given_up() -> None:
    story = live().call(Say("One.")).sends(CREATE).wait(3.9).sends_nothing()
    story.wait(0.2).sends(CREATE)
    story.wait(4.1, EngineFailed("no_response", fatal=False)).sends_nothing()


def test_a_create_whose_start_was_never_told_ends_with_its_done() -> None:
    story = live().call(Say("One.")).call(Say("Two.")).sends(CREATE)
    story.server(done("r1", wish=story.wish()), ResponseDone("r1", COMPLETED)).sends(CREATE)


def test_a_create_crossing_the_caller_is_the_servers_to_cancel() -> None:
    story = live().call(Say("One.")).sends(CREATE)
    story.server(speech_started("c1", 0), CallerSpeechStarted("c1", 0))
    story.server(created("r1", story.wish()), ResponseStarted("r1"))
    details = {"reason": "turn_detected"}
    story.server(
        done("r1", "cancelled", story.wish(), status_details=details),
        ResponseDone("r1", ResponseStatus.CANCELLED, "turn_detected"),
    )
    story.server(speech_stopped("c1", 900), CallerSpeechStopped("c1", 900)).sends_nothing()


def test_fault_m14_a_turn_the_server_forgets_to_answer_is_asked_for_once() -> None:
    story = caller_turn(live(), 1).wait(2.9).sends_nothing().wait(0.2).sends(CREATE)
    assert "instructions" not in story.sent[-1]["response"]
    # The server's own answer came after all: no second one.
    story.server(created("r1"), ResponseStarted("r1"))
    busy = error("conversation_already_has_active_response")
    story.server(busy, EngineNotice("conversation_already_has_active_response"))
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends_nothing().wait(30).sends_nothing()


def test_a_forgotten_turn_gives_way_to_a_say_that_waits() -> None:
    story = caller_turn(live(), 1).call(Say("Sorry?")).wait(3.1).sends(CREATE)
    assert story.sent[-1]["response"]["instructions"].endswith("Sorry?")


def test_the_servers_idle_timer_counts_as_a_turn() -> None:
    kind = "input_audio_buffer.timeout_triggered"
    event = {"type": kind, "item_id": "c1", "audio_start_ms": 0, "audio_end_ms": 6000}
    story = live().server(event).call(Say("Hello?")).sends_nothing()
    story.server(created("r1"), ResponseStarted("r1"))
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends(CREATE)


# ---- tools --------------------------------------------------------------------------------------


def tool_turn(*call_ids: str) -> Story:
    """A response that called tools and is done."""
    story = live().server(created("r1"), ResponseStarted("r1"))
    for call_id in call_ids:
        event = ToolCalled("r1", call_id, "find_slot", ARGUMENTS)
        story.server(called("r1", call_id), event)
    return story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends_nothing()


def test_one_answer_follows_when_all_outputs_are_given() -> None:
    story = tool_turn("call_1", "call_2").call(ToolOutput("call_1", '{"ok":1}'))
    item = {"type": "function_call_output", "call_id": "call_1", "output": '{"ok":1}'}
    story.sends({"type": "conversation.item.create", "item": item})
    story.call(ToolOutput("call_2", "{}")).sends({"type": "conversation.item.create"}, CREATE)
    assert story.sent[-1]["response"].keys() == {"metadata"}
    story.server(output_taken("call_1")).server(output_taken("call_2"))
    story.server(created("r2", story.wish()), ResponseStarted("r2"))
    story.server(done("r2"), ResponseDone("r2", COMPLETED)).sends_nothing()


def test_outputs_given_before_the_response_is_done_wait_for_it() -> None:
    story = live().server(created("r1"), ResponseStarted("r1"))
    story.server(called("r1", "call_1"), ToolCalled("r1", "call_1", "find_slot", ARGUMENTS))
    story.call(ToolOutput("call_1", "{}")).sends({"type": "conversation.item.create"})
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends(CREATE)


def test_an_output_that_wants_no_answer_gets_none() -> None:
    story = tool_turn("call_1").call(ToolOutput("call_1", "{}", respond=False))
    story.sends({"type": "conversation.item.create"}).wait(30).sends_nothing()


def test_fault_m21_a_call_delivered_twice_runs_once() -> None:
    story = live().server(created("r1"), ResponseStarted("r1"))
    story.server(called("r1", "call_1"), ToolCalled("r1", "call_1", "find_slot", ARGUMENTS))
    story.server(called("r1", "call_1"), EngineNotice("tool_call_repeated"))
    story.server(done("r1"), ResponseDone("r1", COMPLETED))
    story.call(ToolOutput("call_1", "{}")).sends({"type": "conversation.item.create"}, CREATE)
    story.server(called("r7", "call_1"), EngineNotice("tool_call_repeated"))


def test_fault_m22_an_interrupted_call_does_not_run() -> None:
    live().server(called("r1", "c1", status="incomplete"), EngineNotice("tool_call_incomplete"))


def test_a_call_without_a_name_is_a_bad_message() -> None:
    event = called("r1", "call_1")
    del event["item"]["name"]
    live().server(event, EngineNotice("bad_message_wrong_fields"))


@pytest.mark.parametrize("call_id", ["call_9", "call_1"])
def test_an_output_nobody_waits_for_is_not_sent(call_id: str) -> None:
    story = tool_turn("call_1").call(ToolOutput("call_1", "{}", respond=False))
    story.sends({"type": "conversation.item.create"})
    story.call(ToolOutput(call_id, "{}"), EngineNotice("tool_output_unasked")).sends_nothing()


def test_an_output_given_while_the_caller_speaks_is_answered_by_the_server() -> None:
    story = tool_turn("call_1").server(speech_started("c1", 0), CallerSpeechStarted("c1", 0))
    story.call(ToolOutput("call_1", "{}")).sends({"type": "conversation.item.create"})
    story.server(output_taken("call_1"))
    story.server(speech_stopped("c1", 900), CallerSpeechStopped("c1", 900))
    story.server(created("r2"), ResponseStarted("r2"))
    story.server(done("r2"), ResponseDone("r2", COMPLETED)).sends_nothing().wait(30).sends_nothing()


def test_an_output_that_crossed_the_servers_response_is_answered_after_it() -> None:
    story = caller_turn(tool_turn("call_1"), 1)
    story.call(ToolOutput("call_1", "{}")).sends({"type": "conversation.item.create"})
    story.server(created("r2"), ResponseStarted("r2")).server(output_taken("call_1"))
    story.server(done("r2"), ResponseDone("r2", COMPLETED)).sends(CREATE)


def test_a_filler_said_meanwhile_is_no_answer_to_the_output() -> None:
    story = tool_turn("call_1").call(Say("One moment.")).sends(CREATE)
    story.call(ToolOutput("call_1", "{}")).sends({"type": "conversation.item.create"})
    story.server(output_taken("call_1"))
    story.server(created("r2", story_wish(story)), ResponseStarted("r2"))
    story.server(done("r2"), ResponseDone("r2", COMPLETED)).sends(CREATE)
    assert "instructions" not in story.sent[-1]["response"]


def story_wish(story: Story) -> str:
    creates = [message for message in story.sent if message["type"] == "response.create"]
    return str(creates[-1]["response"]["metadata"]["wish"])


def test_a_slow_tool_does_not_hold_up_the_answer_to_another() -> None:
    story = tool_turn("slow").server(created("r2"), ResponseStarted("r2"))
    story.server(called("r2", "quick"), ToolCalled("r2", "quick", "find_slot", ARGUMENTS))
    story.server(done("r2"), ResponseDone("r2", COMPLETED))
    story.call(ToolOutput("quick", "{}")).sends({"type": "conversation.item.create"}, CREATE)


# ---- usage --------------------------------------------------------------------------------------


def test_usage_comes_with_the_response() -> None:
    usage = {
        "input_token_details": {
            "text_tokens": 119,
            "audio_tokens": 13,
            "cached_tokens": 64,
            "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4},
        },
        "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
    }
    counted = Usage(119, 13, 60, 4, 30, 91)
    live().server(done("r1", usage=usage), ResponseDone("r1", COMPLETED, "", counted))


def test_cached_tokens_without_details_count_as_text() -> None:
    usage = {
        "input_token_details": {"text_tokens": 119, "audio_tokens": 13, "cached_tokens": 64},
        "output_token_details": {"text_tokens": 30, "audio_tokens": None},
    }
    live().server(
        done("r1", usage=usage), ResponseDone("r1", COMPLETED, "", Usage(119, 13, 64, 0, 30, 0))
    )


@pytest.mark.parametrize("usage", [None, {}, {"input_token_details": {"text_tokens": 1}}])
def test_usage_the_server_does_not_give_is_unknown_not_zero(usage: object) -> None:
    live().server(done("r1", usage=usage), ResponseDone("r1", COMPLETED, "", None))


# ---- failures -----------------------------------------------------------------------------------


def test_fault_m15_a_failed_response_is_asked_for_once_more() -> None:
    story = caller_turn(live(), 1).server(created("r1"), ResponseStarted("r1"))
    story.server(
        failed("r1", "server_error"),
        ResponseDone("r1", ResponseStatus.FAILED, "server_error"),
        EngineNotice("response_retried"),
    )
    story.sends_nothing().wait(0.4).sends_nothing().wait(0.2).sends(CREATE)
    story.server(created("r2", story.wish()), ResponseStarted("r2"))
    story.server(
        failed("r2", "server_error", story.wish()),
        ResponseDone("r2", ResponseStatus.FAILED, "server_error"),
        EngineFailed("server_error", fatal=False),
    )


def test_a_failed_greeting_is_said_again() -> None:
    story = live().call(Say("Good morning.")).sends(CREATE)
    story.server(created("r1", story.wish()), ResponseStarted("r1"))
    story.server(
        failed("r1", "server_error", story.wish()),
        ResponseDone("r1", ResponseStatus.FAILED, "server_error"),
        EngineNotice("response_retried"),
    )
    story.wait(0.6).sends(CREATE)
    assert story.sent[-1]["response"]["instructions"].endswith("Good morning.")


def limits(reset_seconds: float, remaining: int = 0) -> dict[str, object]:
    limit = {"name": "tokens", "limit": 1, "remaining": remaining, "reset_seconds": reset_seconds}
    return {"type": "rate_limits.updated", "rate_limits": [limit]}


def allowed(reset_s: float, remaining: int = 0) -> EngineAllowance:
    return EngineAllowance("tokens", 1, remaining, reset_s)


def test_fault_m4_a_rate_limit_is_waited_out_when_it_lifts_soon() -> None:
    story = live().server(limits(2.5), allowed(2.5)).server(created("r1"), ResponseStarted("r1"))
    story.server(
        failed("r1", "rate_limit_exceeded"),
        ResponseDone("r1", ResponseStatus.FAILED, "rate_limit_exceeded"),
        EngineNotice("response_retried"),
    )
    story.wait(2.4).sends_nothing().wait(0.2).sends(CREATE)


def test_fault_m4_a_rate_limit_that_lifts_too_late_ends_the_session() -> None:
    story = live().server(limits(20.0), allowed(20.0))
    story.server(created("r1"), ResponseStarted("r1"))
    story.server(
        failed("r1", "rate_limit_exceeded"),
        ResponseDone("r1", ResponseStatus.FAILED, "rate_limit_exceeded"),
        EngineFailed("rate_limit_exceeded", fatal=False, retry_after_s=20.0),
    )


def test_a_limit_with_room_left_is_no_reason_to_wait() -> None:
    story = live().server(limits(20.0, remaining=9), allowed(20.0, remaining=9))
    story.server(created("r1"), ResponseStarted("r1"))
    story.server(
        failed("r1", "rate_limit_exceeded"),
        ResponseDone("r1", ResponseStatus.FAILED, "rate_limit_exceeded"),
        EngineNotice("response_retried"),
    )


def test_the_caller_speaking_on_makes_the_retry_needless() -> None:
    story = live().server(created("r1"), ResponseStarted("r1"))
    story.server(
        failed("r1", "server_error"),
        ResponseDone("r1", ResponseStatus.FAILED, "server_error"),
        EngineNotice("response_retried"),
    )
    caller_turn(story, 1).wait(1.0).sends_nothing()
    story.server(created("r2"), ResponseStarted("r2"))
    story.server(done("r2"), ResponseDone("r2", COMPLETED)).wait(5).sends_nothing()


def test_a_response_that_works_forgives_the_failure_before() -> None:
    story = live().server(created("r1"), ResponseStarted("r1"))
    retried = EngineNotice("response_retried")
    broken = ResponseDone("r1", ResponseStatus.FAILED, "server_error")
    story.server(failed("r1", "server_error"), broken, retried).wait(1).sends(CREATE)
    story.server(created("r2", story.wish()), ResponseStarted("r2"))
    story.server(done("r2", wish=story.wish()), ResponseDone("r2", COMPLETED))
    story.server(created("r3"), ResponseStarted("r3"))
    broken = ResponseDone("r3", ResponseStatus.FAILED, "server_error")
    story.server(failed("r3", "server_error"), broken, retried)


def test_fault_m15_a_response_that_fails_for_good_ends_the_session() -> None:
    live().server(
        failed("r1", "insufficient_quota"),
        ResponseDone("r1", ResponseStatus.FAILED, "insufficient_quota"),
        EngineFailed("insufficient_quota", fatal=True),
    )


def test_an_unknown_status_is_a_failure_with_no_speech_in_it() -> None:
    live().server(
        done("r1", "puzzled"),
        ResponseDone("r1", ResponseStatus.FAILED, "unnamed"),
        EngineNotice("response_retried"),
    )


@pytest.mark.parametrize("reason", ["content_filter", "max_output_tokens"])
def test_fault_m15_an_incomplete_response_leaves_the_session_healthy(reason: str) -> None:
    story = live().server(
        done("r1", "incomplete", status_details={"reason": reason}),
        ResponseDone("r1", ResponseStatus.INCOMPLETE, reason),
    )
    story.call(Say("I can't help with that.")).sends(CREATE)


@pytest.mark.parametrize(
    "code",
    [
        "response_cancel_not_active",
        "input_audio_buffer_commit_empty",
        "invalid_value",
        "item_truncate_invalid_item_id",
        "item_delete_invalid_item_id",
    ],
)
def test_fault_m10_harmless_errors_are_noted(code: str) -> None:
    story = live().server(error(code), EngineNotice(code))
    story.call(Say("On we go.")).sends(CREATE)


@pytest.mark.parametrize("code", sorted(FATAL))
def test_fault_m11_fatal_errors_end_the_session(code: str) -> None:
    story = live().server(error(code), EngineFailed(code, fatal=True))
    story.server(created("r1")).call(Say("Hello?")).call(AppendAudio(b"\0\0")).sends_nothing()
    assert story.protocol.next_deadline() is None
    assert story.protocol.wake(99.0) == []
    assert story.protocol.fail(EngineFailed("connection_lost", fatal=False)) == []


def test_fault_m9_an_expired_session_may_be_replaced() -> None:
    live().server(error("session_expired"), EngineFailed("session_expired", fatal=False))


def test_an_error_text_is_never_passed_on() -> None:
    live().server(error("Caller said: 4111 1111"), EngineNotice("invalid_request_error"))


def test_an_error_without_a_name_is_still_noted() -> None:
    live().server(error(None, type=None), EngineNotice("unnamed"))


def test_a_server_error_takes_the_create_on_its_way_along() -> None:
    story = live().call(Say("One.")).sends(CREATE)
    story.server(
        error("server_error"), EngineNotice("server_error"), EngineNotice("response_retried")
    )
    story.wait(1).sends(CREATE)
    story.server(
        error("server_error"),
        EngineNotice("server_error"),
        EngineFailed("server_error", fatal=False),
    )


def test_a_server_error_instead_of_the_servers_answer_is_made_good() -> None:
    story = caller_turn(live(), 1).server(
        error("server_error"), EngineNotice("server_error"), EngineNotice("response_retried")
    )
    story.wait(1).sends(CREATE)


def test_a_server_error_with_nothing_pending_is_noted() -> None:
    live().server(error("server_error"), EngineNotice("server_error")).wait(9).sends_nothing()


def test_a_create_the_server_will_not_have_ends_the_session() -> None:
    story = live().call(Say("One.")).sends({"type": "response.create", "event_id": "create_1"})
    story.server(
        error("unknown_parameter", event_id="create_1"),
        EngineFailed("response_refused", fatal=True),
    )


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{bad", "not_an_event"),
        ("[]", "not_an_event"),
        ("{}", "not_an_event"),
        (b"\x00\xff\xfe", "not_an_event"),
        ("[" * 50_000, "not_an_event"),
        ('{"type":"response.done","response":7}', "wrong_fields"),
        ('{"type":"response.created","response":{}}', "wrong_fields"),
        (json.dumps(audio("r", "i", b"") | {"delta": "*"}), "wrong_fields"),
        (json.dumps(audio("r", "i", b"") | {"delta": "é"}), "wrong_fields"),
    ],
)
def test_fault_m12_garbage_is_counted_and_skipped(frame: str | bytes, code: str) -> None:
    story = live().server(frame, EngineNotice(f"bad_message_{code}"))
    story.call(Say("On we go.")).sends(CREATE)


def test_fault_m12_a_peer_that_sends_nothing_but_garbage_is_given_up() -> None:
    story = live()
    for _ in range(BAD_MESSAGES):
        story.server("{bad", EngineNotice("bad_message_not_an_event"))
    story.server("{bad", EngineFailed("protocol_error", fatal=False))


def test_unknown_events_are_counted_and_noticed_once_a_kind() -> None:
    story = live().server({"type": "response.mood"}, EngineNotice("unknown_event"))
    story.server({"type": "response.mood"}).server({"type": "response.output_audio.done"})
    assert story.protocol.ignored == {"response.mood": 2, "response.output_audio.done": 1}


def test_the_count_of_unknown_kinds_is_bounded() -> None:
    story = live()
    for number in range(200):
        story.protocol.receive(json.dumps({"type": f"kind_{number}" + "x" * 1000}), 0.0)
    assert len(story.protocol.ignored) == 64
    assert max(map(len, story.protocol.ignored)) == 64


def test_after_close_nothing_happens() -> None:
    story = live().call(Say("Bye.")).sends(CREATE).call(CloseEngine()).sends_nothing()
    story.server(created("r1")).call(Say("More.")).sends_nothing()


def test_commands_from_before_the_session_do_not_disturb_its_configuration() -> None:
    story = Story().call(TruncateItem("i1", 0, 10, "")).call(DeleteItem("i2")).sends_nothing()
    story.server(session_created()).call(DeleteItem("i3")).sends({"type": "session.update"})


def test_ulaw_is_counted_in_bytes_of_its_own() -> None:
    story = Story(msgspec.structs.replace(SETTINGS, audio_format=AudioFormat.ULAW_8K)).live()
    soft = b"\xff" * 1601
    story.server(audio("r1", "i1", soft), AudioDelta("r1", "i1", 0, soft))
    story.call(TruncateItem("i1", 0, 5000, "")).sends({"audio_end_ms": 200})


# ---- anything at all ----------------------------------------------------------------------------

IDS = st.sampled_from(["r1", "r2", "i1", "i2", "call_1", "call_2", ""])
GOOD = [
    session_created(),
    session_updated(Story().echo()),
    created("r1"),
    created("r2", "1"),
    done("r1"),
    done("r2", "cancelled", "1"),
    failed("r1", "server_error"),
    failed("r2", "rate_limit_exceeded"),
    limits(1.0),
    audio("r1", "i1", b"\x01\x02\x03"),
    text("r1", "i1", "Hi"),
    whole_text("r1", "i1", "Hi there"),
    item_done("r1", "i1"),
    called("r1", "call_1"),
    called("r2", "call_2"),
    output_taken("call_1"),
    speech_started("c1", 100),
    speech_stopped("c1", 900),
    transcribed("c1", "Hello"),
    error("server_error"),
    error("conversation_already_has_active_response"),
    error("invalid_value"),
    {"type": "response.mood"},
    {"type": "conversation.item.truncated", "item_id": "i1"},
    error("session_expires_soon"),
    {"type": "response.audio.delta", "response_id": "r1", "item_id": "i1", "delta": "AAAA"},
    {"type": "session.created", "session": {"id": "s", "input_audio_format": "pcm16"}},
]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good message with one value somewhere replaced or taken out."""
    event = json.loads(json.dumps(draw(st.sampled_from(GOOD))))
    place = event
    while True:
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or draw(st.booleans()):
            break
        place = place[key]
    if draw(st.booleans()):
        del place[key]
    else:
        place[key] = draw(JUNK | IDS)
    return json.dumps(event)


MESSAGES = (
    st.sampled_from(GOOD).map(json.dumps)
    | mutated()
    | JUNK.map(json.dumps)
    | st.binary(max_size=40)
)
COMMANDS: st.SearchStrategy[AnyEngineCommand] = st.one_of(
    st.just(AppendAudio(b"\0" * 960)),
    st.just(Say("Hello.")),
    st.just(Inform("Nobody answered.")),
    st.builds(
        Remember,
        st.just((CallerSaid("a"), AgentSaid("b"), ToolAnswered("c", "d", "{}", "{}"))),
        st.booleans(),
    ),
    st.builds(TruncateItem, IDS, st.just(0), st.integers(-9, 9999), st.just("")),
    st.builds(DeleteItem, IDS),
    st.builds(CancelResponse, IDS),
    st.builds(ToolOutput, IDS, st.just("{}"), st.booleans()),
)


@given(st.lists(MESSAGES | COMMANDS | st.floats(0.0, 5.0), max_size=40), st.booleans())
def test_no_message_no_command_and_no_pause_ever_raises(
    steps: list[str | bytes | float | AnyEngineCommand], configured: bool
) -> None:
    story = live() if configured else Story()
    protocol, now = story.protocol, 0.0
    events = []
    for step in steps:
        if isinstance(step, float):
            now += step
            events += protocol.wake(now)
        elif isinstance(step, str | bytes):
            events += protocol.receive(step, now)
        else:
            events += protocol.submit(step, now)
        for message in protocol.messages_to_send():
            assert isinstance(json.loads(message)["type"], str)
        deadline = protocol.next_deadline()
        assert deadline is None or deadline >= 0.0
    ends = [number for number, event in enumerate(events) if isinstance(event, EngineFailed)]
    assert ends in ([], [len(events) - 1])
    answered = [event.tool_call_id for event in events if isinstance(event, ToolCalled)]
    assert len(answered) == len(set(answered))


@given(st.lists(MESSAGES | COMMANDS, max_size=40))
def test_never_two_creates_without_an_answer_between(
    steps: list[str | bytes | AnyEngineCommand],
) -> None:
    story = live()
    waiting = False
    for step in steps:
        if isinstance(step, str | bytes):
            answers = (b"response.", b"error")
            raw = step.encode() if isinstance(step, str) else step
            waiting = waiting and not any(answer in raw for answer in answers)
            story.protocol.receive(step, 0.0)
        else:
            story.protocol.submit(step, 0.0)
        for message in story.protocol.messages_to_send():
            if json.loads(message)["type"] == "response.create":
                assert not waiting
                waiting = True
