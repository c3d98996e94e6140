"""The turn-based protocol: what is asked for when, what comes of it, and what goes wrong."""

import json
from typing import Any

import msgspec
import pytest

from agents.engine import (
    AgentSaid,
    Answer,
    AppendAudio,
    AudioDelta,
    CallerSaid,
    CallerSpeechStarted,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    Dismiss,
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
from agents.realtime.held import HELD_AUDIO_S
from agents.turns import failures
from agents.turns.failures import Failure, Remedy
from agents.turns.protocol import FIRST_S, LONGEST_RETRY_S, RETRY_S, STALL_S
from tests.agents.turns_story import (
    DONE,
    FRAME_BYTES,
    PIECE,
    R1,
    R2,
    R3,
    U1,
    U2,
    Loud,
    Story,
    called,
    counted,
    delta,
    end_of_sound,
    item,
    roles,
    said,
    sound,
    texts,
    whole,
)

COUNTED = Usage(130, 20, 64, 0, 5, 25)
RETRIED = EngineNotice("response_retried")


def live(**more: Any) -> Story:
    return Story(**more).live()


def asked(story: Story) -> Story:
    """The caller has said something, and an answer is asked for."""
    story.turn()
    assert story.last[-1] == ResponseStarted(R1)
    return story


def answered(words: str = "Until six.") -> Story:
    """A first turn with its answer, heard."""
    story = asked(live())
    story.asks(R1)
    story.protocol.written(U1, "When do you close?")
    return story.server(R1, *whole(words))


# ---- a call that goes well ----------------------------------------------------------------------


def test_words_of_ours_are_recited_without_the_tools_and_the_past() -> None:
    story = answered().call(Say("Are you there?"), ResponseStarted(R2))
    body = story.asks(R2)
    assert roles(body) == ["system", "user"]
    assert "word for word" in body["messages"][0]["content"]
    assert body["messages"][0]["content"].endswith(":\nAre you there?")
    assert "tools" not in body
    assert body["audio"] == {"voice": "marin", "format": "pcm16"}
    assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}


def test_a_turn_is_answered_with_its_sound_and_the_past_as_text() -> None:
    story = answered()
    story.turn()
    body = story.asks(R2)
    assert texts(body) == ["When do you close?", "Until six.", "<sound>"]
    assert roles(body) == ["system", "user", "assistant", "user"]
    assert [tool["function"]["name"] for tool in body["tools"]] == ["find_slot", "book"]
    assert body["tool_choice"] == "auto"
    assert body["max_completion_tokens"] == 1024
    assert body["model"] == "gpt-audio-1.5"


def test_a_reply_becomes_words_sound_and_a_count() -> None:
    story = asked(live())
    story.server(R1, delta(role="assistant"), delta(audio={"id": "audio_1"}))
    assert story.last == []
    story.server(R1, said("Until "), gives=[TextDelta(R1, item(R1), "Until ")])
    story.server(R1, sound(), gives=[AudioDelta(R1, item(R1), 0, PIECE)])
    story.server(R1, said("six."), end_of_sound(), counted())
    done = ResponseDone(R1, ResponseStatus.COMPLETED, "", COUNTED)
    story.server(R1, DONE, gives=[ItemDone(R1, item(R1)), done])
    assert story.protocol.next_deadline() is None
    story.drops()


def test_what_comes_of_a_reply_that_is_over_is_ignored() -> None:
    story = answered()
    story.server(R1, *whole()).ends(R1)
    assert story.last == []
    assert story.protocol.opened(R1, {}) == []


def test_a_caller_who_goes_on_before_the_answer_has_both_turns_heard() -> None:
    story = asked(live())
    story.asks(R1)
    story.speaks()
    cancelled = story.last[-1]
    assert isinstance(cancelled, ResponseDone)
    assert (cancelled.status, cancelled.reason) == (ResponseStatus.CANCELLED, "turn_detected")
    story.drops(R1)
    story.stops()
    assert texts(story.asks(R2)) == ["<sound>", "<sound>"]


def test_the_caller_s_words_come_beside_the_reply_and_only_once() -> None:
    story = asked(live())
    (order,) = story.writes_down()
    assert (order.item_id, order.body) == (U1, None)
    assert order.wav.startswith(b"RIFF")
    assert story.protocol.written(U1, " Hello. ") == [CallerTranscript(U1, "Hello.")]


def test_the_talking_model_can_be_asked_to_write_down() -> None:
    story = asked(live(transcription_model="gpt-audio-1.5"))
    (order,) = story.writes_down()
    assert order.body is not None
    assert order.body["modalities"] == ["text"]
    assert "stream" not in order.body


def test_without_anybody_to_write_down_the_sound_stays_the_history() -> None:
    story = live(transcription_model="")
    story.turn()
    assert CallerTranscript(U1, "", failed=True) in story.heard
    assert story.writes_down() == []
    story.server(R1, *whole())
    story.turn()
    assert texts(story.asks(R2)) == ["<sound>", "Until six.", "<sound>"]


def test_words_that_could_not_be_written_down_are_told_as_such() -> None:
    story = asked(live())
    assert story.protocol.written(U1, None) == [CallerTranscript(U1, "", failed=True)]
    story.asks(R1)
    story.server(R1, *whole())
    story.turn()
    assert texts(story.asks(R2)) == ["<sound>", "Until six.", "<sound>"]


def test_the_provider_s_allowance_is_passed_on() -> None:
    story = asked(live())
    headers = {
        "x-ratelimit-limit-tokens": "450000",
        "x-ratelimit-remaining-tokens": "448000",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    allowance = EngineAllowance("tokens", 450_000, 448_000, 360.0)
    assert story.protocol.opened(R1, headers) == [allowance]


# ---- barge-in -----------------------------------------------------------------------------------


def begun() -> Story:
    """The first half of an answer has come."""
    story = asked(live())
    story.asks(R1)
    story.protocol.written(U1, "When do you close?")
    return story.server(R1, said("Until six on "), sound())


def test_the_caller_s_voice_closes_the_stream_and_only_heard_words_stay() -> None:
    story = begun().speaks()
    started, ended, done = story.last
    assert isinstance(started, CallerSpeechStarted)
    assert ended == ItemDone(R1, item(R1))
    assert isinstance(done, ResponseDone)
    assert (done.status, done.reason) == (ResponseStatus.CANCELLED, "turn_detected")
    story.drops(R1)
    story.call(TruncateItem(item(R1), 0, 40, "Until"))
    story.server(R1, said("weekdays."), sound(), DONE)
    assert story.last == []
    story.stops()
    body = story.asks(R2)
    assert texts(body)[:2] == ["When do you close?", "Until"]
    assert "cut off" in texts(body)[2]
    assert texts(body)[3:] == ["<sound>"]


def test_what_nobody_heard_was_never_said() -> None:
    story = begun().speaks().call(DeleteItem(item(R1)))
    story.stops()
    assert texts(story.asks(R2)) == ["When do you close?", "<sound>"]


def test_a_stream_that_was_closed_is_charged_by_what_had_come() -> None:
    story = begun().speaks()
    done = story.last[-1]
    assert isinstance(done, ResponseDone)
    assert done.usage is not None
    assert done.usage.output_audio_tokens == 2  # 100 ms at 20 a second
    assert done.usage.input_audio_tokens >= 5
    assert done.usage.input_text_tokens > 0


def test_a_cancelled_reply_is_dropped_and_another_id_is_nothing() -> None:
    story = begun()
    story.call(CancelResponse("other")).drops()
    story.call(CancelResponse(R1), ItemDone(R1, item(R1)), ResponseDone).drops(R1)
    story.call(CancelResponse(R1))


def test_nothing_is_asked_for_while_the_caller_speaks() -> None:
    story = answered().speaks().call(Say("Hello?"))
    assert story.protocol.next_deadline() is None
    story.stops()
    assert "Hello?" in story.asks(R2)["messages"][0]["content"]
    story.server(R2, *whole("Hello?"))
    assert texts(story.asks(R3))[-2:] == ["<sound>", "Hello?"]


# ---- answers on request -------------------------------------------------------------------------


def on_request() -> Story:
    return live(answers_on_request=True).turn()


def test_on_request_a_turn_waits_for_the_call_to_let_it_count() -> None:
    story = on_request()
    assert [order.item_id for order in story.writes_down()] == [U1]
    story.call(Answer(U1), ResponseStarted(R1))
    assert texts(story.asks(R1)) == ["<sound>"]


def test_on_request_a_turn_that_does_not_count_never_was() -> None:
    story = on_request().call(Dismiss(U1))
    story.turn().call(Answer(U2), ResponseStarted(R1))
    assert texts(story.asks(R1)) == ["<sound>"]


def test_on_request_a_later_turn_that_is_undecided_is_not_answered() -> None:
    story = on_request().turn().call(Answer(U1), ResponseStarted(R1))
    assert texts(story.asks(R1)) == ["<sound>"]
    story.call(Answer(U2)).server(R1, *whole())
    assert texts(story.asks(R2)) == ["<sound>", "<sound>", "Until six."]


def test_on_request_the_engine_does_not_stop_by_itself() -> None:
    story = on_request().call(Answer(U1), ResponseStarted(R1))
    story.asks(R1)
    story.server(R1, said("Until "), sound()).speaks()
    assert not any(isinstance(event, ResponseDone) for event in story.last)
    story.server(R1, sound(), gives=[AudioDelta])


# ---- tools --------------------------------------------------------------------------------------


def tool_called() -> Story:
    story = asked(live())
    story.asks(R1)
    first, second = called("book", '{"na'), called(None, 'me":"Ann"}')
    story.server(R1, delta(role="assistant"), first)
    assert story.last == []
    call = ToolCalled(R1, f"{R1}_call_0", "book", '{"name":"Ann"}')
    story.server(R1, second, delta(finish="tool_calls"), gives=[call])
    return story.server(R1, counted(), DONE, gives=[ResponseDone])


def test_a_tool_call_in_fragments_is_put_together_and_its_output_answered() -> None:
    story = tool_called().drops()
    story.call(ToolOutput(f"{R1}_call_0", '{"ok":1}'), ResponseStarted(R2))
    body = story.asks(R2)
    assert roles(body) == ["system", "user", "assistant", "tool"]
    (call,) = body["messages"][2]["tool_calls"]
    assert call["function"] == {"name": "book", "arguments": '{"name":"Ann"}'}
    assert body["messages"][3]["tool_call_id"] == call["id"]
    assert len(call["id"]) <= 40


def test_an_output_that_wants_no_answer_gets_none() -> None:
    story = tool_called().drops()
    story.call(ToolOutput(f"{R1}_call_0", "{}", respond=False)).orders_nothing()
    story.call(ToolOutput("other", "{}"), EngineNotice("tool_output_unasked"))


def test_an_answer_waits_for_all_outputs_of_a_response() -> None:
    story = asked(live())
    story.asks(R1)
    story.server(R1, called("book", "{}"), called("find_slot", "", 1), delta(finish="stop"))
    assert [event.name for event in story.last if isinstance(event, ToolCalled)] == [
        "book", "find_slot",
    ]  # fmt: skip
    story.call(ToolOutput(f"{R1}_call_0", "{}"))
    story.call(ToolOutput(f"{R1}_call_1", "{}")).drops()
    story.server(R1, DONE, gives=[ResponseDone, ResponseStarted(R2)])
    assert roles(story.asks(R2)) == ["system", "user", "assistant", "tool", "tool"]


def test_a_tool_that_still_runs_at_the_next_turn_is_told_as_running_and_then_anew() -> None:
    story = tool_called().turn()
    told = story.asks(R2)["messages"]
    assert told[3]["content"] == '{"status":"running"}'
    story.server(R2, *whole("It is being done."))
    story.call(ToolOutput(f"{R1}_call_0", '{"ok":1}'), ResponseStarted(R3))
    body = story.asks(R3)
    assert body["messages"][3]["content"] == '{"status":"running"}'
    assert '{"ok":1}' in texts(body)[-1]


def test_fault_m22_half_a_tool_call_is_not_made() -> None:
    story = asked(live())
    story.asks(R1)
    notice = EngineNotice("tool_call_incomplete")
    story.server(R1, called("book", '{"na'), delta(finish="length"), gives=[notice])
    story.server(R1, called("", "{}"), DONE, gives=[ResponseDone, RETRIED])


def test_fault_m22_a_cut_stream_calls_no_tool() -> None:
    story = asked(live())
    story.asks(R1)
    story.server(R1, called("book", '{"name":"Ann"}'))
    story.ends(R1, gives=[ResponseDone, RETRIED])


def test_a_gateway_that_ends_its_calls_without_a_reason_is_understood() -> None:
    story = asked(live())
    story.asks(R1)
    story.server(R1, called("book", "{}"), DONE, gives=[ToolCalled, ResponseDone])


def test_fault_m21_a_tool_call_repeated_in_its_stream_is_made_once() -> None:
    story = asked(live())
    story.asks(R1)
    story.server(R1, called("book", "{}"), delta(finish="tool_calls"), gives=[ToolCalled])
    story.server(R1, called("book", "{}"), delta(finish="tool_calls"), DONE, gives=[ResponseDone])


def test_fault_m25_words_and_a_call_in_one_reply_get_one_answer() -> None:
    story = asked(live())
    story.asks(R1)
    story.server(R1, said("One moment."), sound(), called("book", "{}"), delta(finish="tool_calls"))
    assert [type(event) for event in story.last] == [TextDelta, AudioDelta, ItemDone, ToolCalled]
    story.server(R1, DONE, gives=[ResponseDone])
    story.call(ToolOutput(f"{R1}_call_0", "{}"), ResponseStarted(R2))
    assert texts(story.asks(R2)) == ["<sound>", "One moment.", "<calls>", "{}"]
    story.server(R2, *whole("You are booked.")).orders_nothing()
    assert story.protocol.next_deadline() is None


def test_fault_x17_after_rounds_of_calls_the_model_has_to_speak() -> None:
    story = asked(live(tool_rounds=2))
    for number, reply in enumerate((R1, R2, R3)):
        assert story.asks(reply)["tool_choice"] == ("auto" if number < 2 else "none")
        story.server(reply, called("book", "{}"), delta(finish="tool_calls"), DONE)
        story.does(ToolOutput(f"{reply}_call_0", "{}"))
    story.asks("turns_7_reply_4")
    story.server("turns_7_reply_4", *whole())
    story.turn()
    assert story.asks("turns_7_reply_5")["tool_choice"] == "auto"


# ---- what the model is told ---------------------------------------------------------------------


def test_what_it_is_informed_of_stands_where_it_was_told() -> None:
    story = answered().call(Inform("The caller pressed 1."))
    story.turn()
    assert texts(story.asks(R2))[2:] == ["The caller pressed 1.", "<sound>"]


def test_what_other_sessions_heard_and_did_comes_first() -> None:
    story = Story()
    what = (
        CallerSaid("Book me in."),
        ToolAnswered("call_from_elsewhere_with_a_very_long_id_0123456", "book", "{}", '{"ok":1}'),
        AgentSaid("You are booked."),
        AgentSaid(""),
    )  # fmt: skip
    story.live().call(Remember(what)).orders_nothing()
    story.turn()
    body = story.asks(R1)
    assert texts(body) == ["Book me in.", "<calls>", '{"ok":1}', "You are booked.", "<sound>"]
    assert len(body["messages"][2]["tool_calls"][0]["id"]) <= 40


def test_a_caller_who_waits_for_a_reply_of_another_session_gets_one_now() -> None:
    story = live().call(Remember((CallerSaid("Are you open?"),), answer=True), ResponseStarted(R1))
    assert texts(story.asks(R1)) == ["Are you open?"]


def test_audio_from_before_the_start_is_held_and_heard_after_what_the_call_says_first() -> None:
    story = Story()
    assert story.hears(480, 8_000) == []
    story.live().call(Remember((AgentSaid("Hello."),)))
    heard = story.protocol.hear_held(story.now)
    assert [type(event) for event in heard] == [CallerSpeechStarted]
    assert story.protocol.hear_held(story.now) == []
    story.stops()
    assert texts(story.asks(R1)) == ["Hello.", "<sound>"]


def test_of_audio_held_too_long_the_oldest_is_dropped_and_its_time_counted() -> None:
    story = Story()
    events = story.hears(HELD_AUDIO_S * 1_000 + 440, 0)
    assert events == [EngineNotice("held_audio_dropped")]
    story.live()
    story.protocol.hear_held(story.now)
    (began,) = [e for e in story.hears(480, 8_000) if isinstance(e, CallerSpeechStarted)]
    assert abs(began.audio_ms - HELD_AUDIO_S * 1_000 - 440) <= 64


def test_speed_and_who_calls_go_along() -> None:
    story = Story(safety_identifier="hash", speed=1.2, max_output_tokens=None).live()
    story.turn()
    body = story.asks(R1)
    assert body["safety_identifier"] == "hash"
    assert "faster" in body["messages"][0]["content"]
    assert "max_completion_tokens" not in body
    slow = Story(tools=(), speed=0.8).live().turn().asks(R1)
    assert "slower" in slow["messages"][0]["content"]
    assert "tool_choice" not in slow


# ---- what goes wrong ----------------------------------------------------------------------------


def failed(reason: str, usage: Usage | None = None) -> ResponseDone:
    return ResponseDone(R1, ResponseStatus.FAILED, reason, usage)


def gave_up(reason: str, *, fatal: bool = False) -> EngineFailed:
    return EngineFailed(reason, fatal)


def test_fault_m4_a_refused_request_is_made_once_more_and_then_given_up() -> None:
    story = asked(live())
    busy = Failure("rate_limit_exceeded", Remedy.AGAIN, 2.0)
    first = story.asks(R1)
    story.ends(R1, busy, gives=[failed("rate_limit_exceeded"), RETRIED])
    story.wait(1.9).wait(0.2, ResponseStarted(R2))
    assert story.asks(R2)["messages"] == first["messages"]
    story.ends(R2, busy, gives=[ResponseDone, EngineFailed("rate_limit_exceeded", False, 2.0)])
    assert story.protocol.next_deadline() is None
    assert story.protocol.submit(Say("x"), 0.0) == []


def test_fault_m4_a_limit_that_lifts_too_late_is_not_waited_for() -> None:
    story = asked(live())
    late = Failure("rate_limit_exceeded", Remedy.AGAIN, LONGEST_RETRY_S + 1)
    given_up = EngineFailed("rate_limit_exceeded", False, late.retry_after_s)
    story.ends(R1, late, gives=[ResponseDone, given_up])


@pytest.mark.parametrize("reason", ["invalid_api_key", "model_not_found", "insufficient_quota"])
def test_fault_m3_m6_what_would_fail_again_is_not_tried_again(reason: str) -> None:
    story = asked(live())
    failure = Failure(reason, Remedy.NONE)
    story.ends(R1, failure, gives=[ResponseDone, gave_up(reason, fatal=True)])


def test_a_good_reply_makes_up_for_a_bad_one() -> None:
    story = asked(live())
    story.ends(R1, failures.CUT).wait(RETRY_S, ResponseStarted(R2)).server(R2, *whole())
    story.turn()
    story.ends(R3, failures.CUT, gives=[ResponseDone, RETRIED])


def test_fault_m23_a_history_that_is_refused_is_told_in_one_text_and_the_turn_counts_once() -> None:
    story = answered()
    story.call(Inform("The caller pressed 1."))
    story.turn()
    story.asks(R2)
    refused = Failure("request_refused", Remedy.PLAINER)
    story.ends(R2, refused, gives=[ResponseDone, RETRIED]).wait(RETRY_S, ResponseStarted(R3))
    body = story.asks(R3)
    assert roles(body) == ["system", "system", "user"]
    past = texts(body)[0].splitlines()[1:]
    assert past == ["Caller: When do you close?", "You: Until six.", "The caller pressed 1."]
    assert "stream_options" not in body
    assert "safety_identifier" not in body
    story.ends(R3, refused, gives=[ResponseDone, gave_up("request_refused", fatal=True)])


def test_fault_m23_no_id_of_the_api_s_own_audio_is_ever_sent_back() -> None:
    story = asked(live())
    story.server(R1, delta(audio={"id": "audio_abc"}), *whole())
    story.turn()
    assert "audio_abc" not in json.dumps(story.newest(R2))


def test_fault_m23_a_plain_recital_has_only_what_it_needs() -> None:
    story = live().call(Say("Hello."), ResponseStarted(R1))
    story.asks(R1)
    story.ends(R1, Failure("request_refused", Remedy.PLAINER)).wait(RETRY_S, ResponseStarted(R2))
    assert "stream_options" not in story.asks(R2)


def test_fault_m23_a_stream_cut_before_any_sound_is_asked_for_again_unchanged() -> None:
    story = asked(live())
    first = story.asks(R1)
    story.server(R1, delta(role="assistant"))
    story.ends(R1, gives=[failed("connection_lost"), RETRIED]).wait(RETRY_S, ResponseStarted(R2))
    assert story.asks(R2)["messages"] == first["messages"]


def test_fault_m8_m23_a_stream_cut_in_the_middle_is_gone_on_with() -> None:
    story = asked(live())
    story.asks(R1)
    story.protocol.written(U1, "When do you close?")
    story.server(R1, said("Until six "), sound())
    story.ends(R1, failures.CUT)
    assert [type(event) for event in story.last] == [ItemDone, ResponseDone, EngineNotice]
    story.wait(RETRY_S, ResponseStarted(R2))
    told = texts(story.asks(R2))
    assert told[:2] == ["When do you close?", "Until six "]
    assert "Go on where it stopped" in told[2]
    assert len(told) == 3


def test_a_recital_cut_in_the_middle_is_said_again_whole() -> None:
    story = live().call(Say("Good morning."), ResponseStarted(R1))
    story.asks(R1)
    story.server(R1, said("Good "), sound()).ends(R1, failures.CUT)
    story.wait(RETRY_S, ResponseStarted(R2))
    assert story.asks(R2)["messages"][0]["content"].endswith(":\nGood morning.")


def test_a_connection_lost_behind_the_last_sound_loses_nothing() -> None:
    story = asked(live())
    story.server(R1, said("Until six."), sound(), end_of_sound())
    story.ends(R1, failures.CUT)
    done = story.last[-1]
    assert isinstance(done, ResponseDone)
    assert done.status is ResponseStatus.COMPLETED
    assert done.usage is not None


def test_fault_m14_no_answer_at_all_is_asked_for_once_more() -> None:
    story = asked(live())
    story.asks(R1)
    story.wait(FIRST_S - 0.1).wait(0.1, failed("no_response"), RETRIED)
    story.drops(R1).wait(RETRY_S, ResponseStarted(R2))
    story.wait(FIRST_S, ResponseDone, gave_up("no_response")).drops(R2)


def test_fault_m7_a_slow_model_that_has_begun_is_waited_for() -> None:
    story = asked(live())
    story.server(R1, delta(role="assistant")).wait(STALL_S - 0.1)
    story.server(R1, said("Yes."), sound()).wait(STALL_S - 0.1)
    story.server(R1, end_of_sound(), DONE)
    assert isinstance(story.last[-1], ResponseDone)


def test_a_server_that_only_keeps_the_line_open_has_said_nothing() -> None:
    story = asked(live())
    story.wait(FIRST_S - 0.5).server(R1, b": keep-alive\n\n")
    story.wait(0.5, failed("no_response"), RETRIED)


def test_a_stream_that_stalls_in_the_middle_is_given_up_and_gone_on_with() -> None:
    story = asked(live())
    story.server(R1, said("Until "), sound())
    story.wait(STALL_S, ItemDone(R1, item(R1)), ResponseDone, RETRIED)
    story.drops(R1)


def test_a_stream_that_stalls_behind_its_last_sound_was_whole() -> None:
    story = asked(live())
    story.server(R1, said("Yes."), sound(), end_of_sound())
    story.wait(STALL_S, ItemDone, ResponseDone)
    done = story.last[-1]
    assert isinstance(done, ResponseDone)
    assert done.status is ResponseStatus.COMPLETED


def test_fault_m23_a_reply_without_sound_is_asked_for_again() -> None:
    story = asked(live())
    story.asks(R1)
    story.server(R1, delta(role="assistant", finish="stop"), counted(), DONE)
    assert story.last == [failed("empty_audio", COUNTED), RETRIED]
    story.wait(RETRY_S, ResponseStarted(R2)).server(R2, delta(finish="stop"), DONE)
    assert story.last == [
        ResponseDone(R2, ResponseStatus.FAILED, "empty_audio"), gave_up("empty_audio"),
    ]  # fmt: skip


def test_a_model_that_writes_instead_of_speaking_has_its_words_read_out() -> None:
    story = asked(live())
    story.asks(R1)
    notice = EngineNotice("text_instead_of_audio")
    story.server(R1, delta(content="We are "), delta(content="open."), gives=[notice])
    story.server(R1, delta(finish="stop"), DONE)
    assert story.last[-2:] == [EngineNotice("written_reply_recited"), ResponseStarted(R2)]
    assert story.asks(R2)["messages"][0]["content"].endswith(":\nWe are open.")
    story.server(R2, delta(content="We are open."), delta(finish="stop"), DONE)
    assert story.last[-1] == RETRIED


def test_fault_m15_a_filtered_reply_leaves_no_silence() -> None:
    story = asked(live())
    story.asks(R1)
    story.server(R1, delta(finish="content_filter"), counted(), DONE)
    assert story.last[0] == ResponseDone(R1, ResponseStatus.INCOMPLETE, "content_filter", COUNTED)
    assert story.last[1:] == [ResponseStarted(R2)]
    assert story.asks(R2)["messages"][0]["content"].endswith(":\nOnce more?")
    story.server(R2, delta(finish="content_filter"), DONE, gives=[ResponseDone])
    story.orders_nothing()


def test_fault_m13_a_reply_ended_for_its_length_is_incomplete() -> None:
    story = asked(live())
    story.server(R1, said("So "), sound(), delta(finish="length"), DONE)
    done = story.last[-1]
    assert isinstance(done, ResponseDone)
    assert (done.status, done.reason) == (ResponseStatus.INCOMPLETE, "max_output_tokens")


def test_an_error_in_the_stream_is_taken_by_its_code() -> None:
    story = asked(live())
    story.server(R1, said("So "), sound(), {"error": {"code": "server_error", "type": None}})
    assert [type(event) for event in story.last][-3:] == [ItemDone, ResponseDone, EngineNotice]
    story.drops(R1).wait(RETRY_S, ResponseStarted(R2))
    story.server(R2, {"error": {"code": "insufficient_quota", "type": "x"}})
    assert story.last[-1] == gave_up("insufficient_quota", fatal=True)


def test_an_error_behind_tool_calls_does_not_undo_them() -> None:
    story = asked(live())
    story.server(R1, called("book", "{}"), delta(finish="tool_calls"))
    story.server(R1, {"error": {"code": None, "type": "server_error"}})
    assert story.last[-1] == RETRIED
    story.call(ToolOutput(f"{R1}_call_0", "{}"))
    story.wait(RETRY_S, ResponseStarted(R2))
    assert roles(story.newest(R2))[-2:] == ["assistant", "tool"]


def test_fault_m12_garbage_is_skipped_and_counted_and_too_much_of_it_ends_the_reply() -> None:
    story = asked(live())
    bad = EngineNotice("bad_chunk")
    story.server(R1, b"data: {\n\n", b'data: {"a":1}\n\n', b"data: \xff\n\n", gives=[bad] * 3)
    story.server(R1, said("Yes."), gives=[TextDelta])
    story.server(R1, b"data: [\n\n" * 98)
    assert isinstance(story.last[-2], ResponseDone)
    assert story.last[-2].reason == "bad_stream"


def test_fault_m17_what_is_no_pcm_is_never_played() -> None:
    story = asked(live())
    story.server(R1, sound(b"RIFF" + bytes(20_000)))
    assert story.last == [
        failed("wrong_audio_format"), gave_up("wrong_audio_format", fatal=True),
    ]  # fmt: skip
    story.drops(R1)


def test_the_engine_can_be_closed_at_any_time() -> None:
    story = begun().call(CloseEngine()).drops(R1)
    assert story.protocol.next_deadline() is None
    assert story.protocol.fail(gave_up("internal_error")) == []
    assert story.protocol.wake(1e9) == []
    assert story.protocol.written(U1, "x") == []
    assert story.protocol.start(Loud(), 0.0) == []
    assert story.protocol.submit(AppendAudio(bytes(FRAME_BYTES)), 0.0) == []
    assert Story().call(CloseEngine()).protocol.start(Loud(), 0.0) == []


def test_a_failure_from_outside_is_the_last_event() -> None:
    story = begun()
    assert story.protocol.fail(gave_up("internal_error")) == [gave_up("internal_error")]
    story._happened([], ()).drops(R1)


def test_ready_is_said_once_and_words_asked_for_before_are_said_then() -> None:
    story = Story().call(Say("Hello."))
    events = story.protocol.start(Loud(), story.now)
    assert events == [EngineReady("turns_7"), ResponseStarted(R1)]


def test_the_settings_show_no_key() -> None:
    shown = repr(msgspec.structs.replace(Story().protocol._settings, api_key="sk-secret"))
    assert "sk-secret" not in shown
