"""A session that goes on where another ended, one that waits unused, and one that will end."""

import json
from typing import Any

import msgspec
import pytest

from agents.engine import (
    AgentSaid,
    AppendAudio,
    AudioDelta,
    CallerSaid,
    CallerSpeechStarted,
    EngineAllowance,
    EngineExpires,
    EngineFailed,
    EngineNotice,
    EngineReady,
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
)
from agents.providers import OPENAI, Dialect, Provider
from agents.realtime.outbox import STUCK_S
from agents.realtime.protocol import UNUSED_S
from tests.agents.realtime_story import (
    SETTINGS,
    UNIX_S,
    Story,
    audio,
    called,
    created,
    done,
    error,
    item_done,
    output_taken,
    session_created,
    session_updated,
    speech_started,
    text,
)
from tests.agents.test_realtime_soundguard import spoken
from tests.fakes.realtime_schema import check_client

CREATE = {"type": "response.create"}
ITEM = {"type": "conversation.item.create"}
APPEND = {"type": "input_audio_buffer.append"}
UPDATE = {"type": "session.update"}
COMPLETED = ResponseStatus.COMPLETED
BEFORE = (
    CallerSaid("Have you anything on Tuesday?"),
    ToolAnswered("call_of_another_engine", "find_slot", '{"day":"Tuesday"}', '{"free":["09:00"]}'),
    AgentSaid("Tuesday at nine is"),
    CallerSaid("Wonderful."),
)


def messages(story: Story, count: int) -> list[dict[str, Any]]:
    """The last items created."""
    return [message["item"] for message in story.sent[-count:]]


def opened(story: Story) -> Story:
    return story.server(session_created()).server(
        session_updated(story.echo()), EngineReady("sess_1")
    )


# ---- what came before -------------------------------------------------------------------------


def test_what_other_sessions_knew_stands_there_in_order() -> None:
    story = Story().live().call(Remember(BEFORE)).sends(ITEM, ITEM, ITEM, ITEM, ITEM)
    for message in story.sent[-5:]:
        check_client("conversation.item.create", json.dumps(message).encode())
    said, call, output, heard, last = messages(story, 5)
    assert (said["role"], said["content"][0]["type"]) == ("user", "input_text")
    assert said["content"][0]["text"] == "Have you anything on Tuesday?"
    assert (call["type"], call["name"]) == ("function_call", "find_slot")
    assert call["arguments"] == '{"day":"Tuesday"}'
    assert (output["type"], output["output"]) == ("function_call_output", '{"free":["09:00"]}')
    assert call["call_id"] == output["call_id"] == "earlier_1"
    assert (heard["role"], heard["content"][0]["type"]) == ("assistant", "output_text")
    assert last["content"][0]["text"] == "Wonderful."


def test_in_the_beta_dialect_words_of_the_agent_are_plain_text() -> None:
    beta = Provider(dialect=Dialect.BETA, session_limit_s=None)
    story = Story(msgspec.structs.replace(SETTINGS, provider=beta))
    story.server(session_created())
    flat = {**story.echo_of(Dialect.BETA), "model": SETTINGS.model}
    story.server(session_updated(flat), EngineReady("sess_1")).sends(UPDATE)
    story.call(Remember((AgentSaid("Good morning."),))).sends(ITEM)
    assert messages(story, 1)[0]["content"] == [{"type": "text", "text": "Good morning."}]


def test_a_broken_echo_of_a_beta_session_is_a_bad_message() -> None:
    beta = Provider(dialect=Dialect.BETA, session_limit_s=None)
    settings = msgspec.structs.replace(SETTINGS, provider=beta, transcription_model="")
    story = Story(settings).server(session_created()).sends(UPDATE)
    assert story.sent[0]["session"]["input_audio_transcription"] is None
    story.server(session_updated({"tools": 7}), EngineNotice("bad_message_wrong_fields"))


def test_it_comes_before_the_audio_that_was_held_and_before_what_is_said() -> None:
    story = Story().call(AppendAudio(bytes(960))).call(Say("Where were we?"))
    story.server(session_created()).sends(UPDATE)
    raw = json.dumps(session_updated(story.echo()))
    # As its shell does: hand out the events, and only then go on.
    assert story.protocol.receive(raw, story.now) == [EngineReady("sess_1")]
    story.call(Remember(BEFORE[:1])).sends(ITEM, APPEND, CREATE)


def test_audio_that_comes_while_the_call_is_told_keeps_its_place() -> None:
    story = Story().call(AppendAudio(b"\1\0" * 480)).server(session_created()).sends(UPDATE)
    story.protocol.receive(json.dumps(session_updated(story.echo())), story.now)
    assert story.protocol.submit(AppendAudio(b"\2\0" * 480), story.now) == []
    story.call(Remember(BEFORE[:1])).sends(ITEM, APPEND, APPEND)
    assert [message["audio"][:4] for message in story.sent[-2:]] == ["AQAB", "AgAC"]


def test_what_comes_before_the_session_is_ready_is_kept_for_it() -> None:
    story = Story().call(Remember(BEFORE[:1])).call(Remember(BEFORE[3:])).sends_nothing()
    opened(story).sends(UPDATE, ITEM, ITEM)
    assert messages(story, 2)[1]["content"][0]["text"] == "Wonderful."


def test_empty_words_are_no_items() -> None:
    Story().live().call(Remember((CallerSaid(" "), AgentSaid("")))).sends_nothing()


def test_a_caller_who_waits_is_answered_after_it() -> None:
    story = Story().live().call(Remember(BEFORE[:1], answer=True)).sends(ITEM, CREATE)
    assert "instructions" not in story.sent[-1]["response"]
    story.server(created("r1", story.wish()), ResponseStarted("r1"))
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends_nothing()


def test_the_servers_own_answer_to_the_caller_serves_as_that() -> None:
    story = Story().live().server(speech_started("c1", 0), CallerSpeechStarted("c1", 0))
    story.call(Remember(BEFORE[:1], answer=True)).sends(ITEM)
    story.server(created("r1"), ResponseStarted("r1"))
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends_nothing()


def test_a_call_that_is_told_of_twice_is_two_pairs() -> None:
    running = ToolAnswered("call_1", "book", "{}", '{"status":"running"}')
    finished = ToolAnswered("call_1", "book", "{}", '{"status":"done"}')
    story = Story().live().call(Remember((running,))).call(Remember((finished,), answer=True))
    story.sends(ITEM, ITEM, ITEM, ITEM, CREATE)
    calls = [
        message["item"]["call_id"] for message in story.sent if message["type"] == ITEM["type"]
    ]
    assert calls == ["earlier_1", "earlier_1", "earlier_2", "earlier_2"]
    # The server's report of such an output answers no call of this session.
    story.server(output_taken("earlier_1")).sends_nothing()


# ---- when it ends -----------------------------------------------------------------------------


def dated(limit_s: int | None = 3600) -> Story:
    provider = msgspec.structs.replace(OPENAI, session_limit_s=limit_s)
    return Story(msgspec.structs.replace(SETTINGS, provider=provider))


def test_fault_m9_the_end_is_told_as_soon_as_the_session_is_ready() -> None:
    story = dated()
    told = session_created()
    told["session"]["expires_at"] = UNIX_S + 1_800
    story.server(told).wait(2.0)
    story.server(session_updated(story.echo()), EngineReady("sess_1"), EngineExpires(1_798.0))


def test_fault_m9_without_a_word_it_is_the_providers_limit_and_never_longer() -> None:
    story = dated().server(session_created())
    echo = {**story.echo(), "expires_at": UNIX_S + 99_999}
    story.server(session_updated(echo), EngineReady("sess_1"), EngineExpires(3_600.0))


def test_fault_m9_a_later_word_and_a_warning_are_told_again() -> None:
    story = dated(None).server(session_created())
    story.server(session_updated(story.echo()), EngineReady("sess_1"))
    later = {**story.echo(), "expires_at": UNIX_S + 600}
    story.server(
        session_updated(later), EngineNotice("unasked_session_update"), EngineExpires(600.0)
    )
    story.server(
        error("session_expires_soon"), EngineNotice("session_expires_soon"), EngineExpires(30.0)
    )
    story.server(error("session_expired"), EngineFailed("session_expired", fatal=False))


def test_what_is_left_of_the_allowance_is_told() -> None:
    limits = [
        {"name": "requests", "limit": 400, "remaining": 399, "reset_seconds": 0.15},
        {"name": "tokens", "limit": 200_000, "remaining": 190_000, "reset_seconds": 3},
    ]
    Story().live().server(
        {"type": "rate_limits.updated", "rate_limits": limits},
        EngineAllowance("requests", 400, 399, 0.15),
        EngineAllowance("tokens", 200_000, 190_000, 3.0),
    )


# ---- opened ahead -----------------------------------------------------------------------------


def test_an_answer_that_is_owed_already_is_asked_for_once() -> None:
    story = Story().live().call(Say("One moment.")).sends(CREATE)
    story.call(Remember((), answer=True)).call(Remember((), answer=True)).sends_nothing()
    story.server(created("r1", story.wish()), ResponseStarted("r1"))
    story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends(CREATE)
    story.server(created("r2", story.wish()), ResponseStarted("r2"))
    story.server(done("r2"), ResponseDone("r2", COMPLETED)).sends_nothing()


def test_a_session_opened_ahead_waits_and_asks_for_nothing() -> None:
    story = Story().live().wait(UNUSED_S - 1).sends_nothing()
    story.call(Say("Good morning.")).sends(CREATE)


def test_one_that_is_forgotten_ends_by_itself() -> None:
    Story().live().wait(UNUSED_S + 1, EngineFailed("unused", fatal=False))


def test_one_that_is_in_use_may_be_quiet_for_as_long_as_it_likes() -> None:
    story = Story().live().call(AppendAudio(bytes(960))).sends(APPEND)
    story.wait(10 * UNUSED_S).sends_nothing()


# ---- faults -----------------------------------------------------------------------------------


def cut_story() -> Story:
    soft = b"\1\0" * 24_000
    story = Story().live().server(audio("r1", "i1", soft), AudioDelta("r1", "i1", 0, soft))
    story.call(TruncateItem("i1", 0, 500, "Tuesday at"))
    return story.sends({"type": "conversation.item.truncate", "event_id": "truncate_1"})


@pytest.mark.parametrize("event_id", [None, "truncate_1"])
def test_fault_m16_a_refused_truncation_is_made_good(event_id: str | None) -> None:
    story = cut_story()
    story.server(error("invalid_value", event_id=event_id), EngineNotice("invalid_value"))
    story.sends(
        {"type": "conversation.item.create", "previous_item_id": "i1"},
        {"type": "conversation.item.delete", "item_id": "i1"},
    )
    assert story.sent[-2]["item"]["content"][0]["text"] == "Tuesday at"


def test_fault_m16_a_confirmed_one_needs_nothing() -> None:
    story = cut_story()
    story.server({"type": "conversation.item.truncated", "item_id": "i1"})
    story.server(error("invalid_value"), EngineNotice("invalid_value")).sends_nothing()


def test_fault_m17_noise_is_muted_and_ends_the_session() -> None:
    wrong = spoken("en-GB", "ulaw")
    story = Story().live().server(created("r1"), ResponseStarted("r1"))
    played = b""
    for at in range(0, len(wrong), 4_000):
        raw = json.dumps(audio("r1", "i1", wrong[at : at + 4_000]))
        events = story.protocol.receive(raw, story.now)
        if events == [EngineFailed("wrong_audio_format", fatal=False)]:
            break
        played += b"".join(each.audio for each in events if isinstance(each, AudioDelta))
    else:
        raise AssertionError("all of it was played")
    assert played == b""
    assert story.protocol.receive(json.dumps(audio("r1", "i1", wrong)), story.now) == []


def test_fault_m19_the_oldest_audio_is_dropped_and_then_the_session_given_up() -> None:
    story = Story().live()
    story.stuck = True
    for _ in range(100):
        story.call(AppendAudio(bytes(960)))
    story.call(AppendAudio(bytes(960)), EngineNotice("caller_audio_dropped"))
    story.call(AppendAudio(bytes(960)))
    story.wait(STUCK_S - 0.01)
    story.wait(0.02, EngineFailed("backpressure", fatal=False))


def test_fault_m19_a_server_that_reads_again_hears_the_rest_and_its_times_are_right() -> None:
    story = Story().live()
    for _ in range(50):
        story.call(AppendAudio(bytes(960)))
    story.sends(*[APPEND] * 50)
    story.stuck = True
    for number in range(150):
        dropped = [EngineNotice("caller_audio_dropped")] if number == 100 else []
        story.call(AppendAudio(bytes(960)), *dropped)
    story.stuck = False
    story.wait(0.0).call(Say("Hello?"))
    story.sends(*[APPEND] * 100, CREATE)
    # A second came through, the next was lost.
    story.server(speech_started("c1", 900), CallerSpeechStarted("c1", 900))
    story.server(speech_started("c2", 1_500), CallerSpeechStarted("c2", 2_500))


def bundled() -> Story:
    """One response that speaks and calls, as reasoning models do."""
    soft = b"\1\0" * 800
    story = Story().live().server(created("r1"), ResponseStarted("r1"))
    story.server(text("r1", "i1", "You are booked."), TextDelta("r1", "i1", "You are booked."))
    story.server(audio("r1", "i1", soft), AudioDelta("r1", "i1", 0, soft))
    story.protocol.receive(json.dumps(item_done("r1", "i1")), story.now)
    arguments = '{"day":"Tuesday"}'
    story.server(called("r1", "c1"), ToolCalled("r1", "c1", "find_slot", arguments))
    return story.server(done("r1"), ResponseDone("r1", COMPLETED)).sends_nothing()


def test_fault_m25_what_was_said_beside_a_call_is_not_said_again() -> None:
    story = bundled().call(ToolOutput("c1", '{"status":"done"}')).sends(ITEM, CREATE)
    asked = story.sent[-1]["response"]["instructions"]
    assert asked.startswith("You answer the phone.")
    assert asked.endswith("do not say any of it again:\nYou are booked.")
    # It may still call the next tool.
    assert "tool_choice" not in story.sent[-1]["response"]
    story.server(created("r2", story.wish()), ResponseStarted("r2"))
    story.server(done("r2"), ResponseDone("r2", COMPLETED)).sends_nothing()


def test_fault_m25_what_was_cut_was_not_said() -> None:
    story = (
        bundled()
        .call(TruncateItem("i1", 0, 10, "You"))
        .sends({"type": "conversation.item.truncate"})
    )
    story.call(ToolOutput("c1", "{}")).sends(ITEM, CREATE)
    assert story.sent[-1]["response"].keys() == {"metadata"}


def test_fault_m25_an_answer_that_is_not_wanted_is_not_asked_for() -> None:
    bundled().call(ToolOutput("c1", "{}", respond=False)).sends(ITEM).wait(30).sends_nothing()
