"""The GPT-Live protocol as stories: server messages and commands in, events and messages out."""

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    AgentSaid,
    Answer,
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
    Dismiss,
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
from agents.live import protocol
from agents.live.protocol import MAX_UNSENT_BYTES, UNUSED_S, LiveProtocol
from agents.live.settings import LiveSettings
from agents.realtime.held import HELD_AUDIO_S
from tests.agents.live_story import (
    PERSONA,
    SETTINGS,
    UNIX_S,
    Story,
    audio,
    backend,
    called,
    closed,
    error,
    expires,
    heard,
    hush,
    said,
    started,
    tone,
)
from tests.agents.realtime_story import TOOLS

FIRST = "live_1_reply_1"
SECOND = "live_1_reply_2"
TURN = "live_1_caller_1"
COMPLETED = ResponseStatus.COMPLETED


def item(response_id: str) -> str:
    return f"{response_id}_item"


def piece(response_id: str, duration_ms: int) -> AudioDelta:
    return AudioDelta(response_id, item(response_id), 0, bytes(duration_ms * 8))


def words(response_id: str, text: str) -> TextDelta:
    return TextDelta(response_id, item(response_id), text)


def done(
    response_id: str, status: ResponseStatus = COMPLETED, reason: str = ""
) -> tuple[ItemDone, ResponseDone]:
    end = ResponseDone(response_id, status, reason)
    return ItemDone(response_id, item(response_id)), end


def append(kind: str, text: str) -> dict[str, object]:
    return {"type": f"session.{kind}.append", "content": text, "delegation_id": None}


# ---- beginning ----------------------------------------------------------------------------------


def test_it_asks_for_everything_in_its_first_message_and_is_ready_when_that_is_taken() -> None:
    story = Story()
    story.sends({"type": "session.start", "event_id": "start_1"})
    session = story.sent[0]["session"]
    assert session["model"] == "gpt-live-1"
    assert session["audio"] == {
        "format": {"type": "audio/pcmu", "rate": 8_000},
        "output": {"voice": "marin"},
    }
    assert session["store"] is False
    assert session["instructions"].startswith("You answer the phone.")
    delegation = session["delegation"]
    assert delegation["type"] == "responses"
    assert [tool["name"] for tool in delegation["responses"]["tools"]] == ["find_slot", "book"]
    story.server(started(story.echo()), EngineReady("live_1")).sends_nothing()


def test_what_is_appended_before_that_is_held_and_goes_behind_what_ready_brings() -> None:
    """So Remember, and a greeting, stand before the caller's first words."""
    story = Story().call(AppendAudio(tone(20))).call(Say("lost"))
    story.live().call(Inform("Ann calls.")).call(AppendAudio(b"late"))
    given = base64.b64encode(tone(20) + b"late").decode()
    story.sends(
        append("thinking", "Ann calls."), {"type": "session.input_audio.append", "audio": given}
    )


def test_silence_from_before_the_session_is_not_made_up_for() -> None:
    story = Story().call(AppendAudio(hush(400) + tone(100)))
    story.live().call(AppendAudio(hush(20)))
    story.sends({"type": "session.input_audio.append"})
    assert len(base64.b64decode(story.sent[-1]["audio"])) == (60 + 100 + 20) * 8
    # The caller who speaks at the session's 60th ms began at our 400th.
    story.server(heard(" Hello", 60, 160), CallerSpeechStarted(TURN, 400))


def test_what_was_held_is_no_sign_of_a_server_that_does_not_read() -> None:
    """Six seconds of 24 kHz are more than may wait unsent, and nobody was offered them before."""
    settings = msgspec.structs.replace(SETTINGS, audio_format=AudioFormat.PCM16_24K)
    story = Story(settings)
    for _ in range(300):
        story.call(AppendAudio(b"\x10\x20" * 480))
    story.live()
    story.call(AppendAudio(bytes(960)))
    assert story.protocol._unsent_bytes > MAX_UNSENT_BYTES
    failed = EngineFailed("backpressure", fatal=False)
    story.call(AppendAudio(bytes(960)), failed)
    read = Story(settings)
    for _ in range(300):
        read.call(AppendAudio(b"\x10\x20" * 480))
    read.live()
    for _ in range(2):
        read.call(AppendAudio(bytes(960)))
        read.protocol.messages_to_send()


def test_audio_held_for_too_long_loses_its_beginning() -> None:
    story = Story()
    for _ in range(HELD_AUDIO_S):
        story.call(AppendAudio(hush(1_000)))
    story.call(AppendAudio(hush(1_000)), EngineNotice("held_audio_dropped"))
    story.live().caller(20)
    story.server(heard(" Hello", 0, 20), CallerSpeechStarted(TURN, (HELD_AUDIO_S + 1) * 1_000))


def test_a_second_start_is_only_noticed() -> None:
    story = Story().live()
    story.server(started(story.echo()), EngineNotice("second_session_started"))


def test_ids_are_made_of_what_a_session_id_may_hold() -> None:
    story = Story().sends({"type": "session.start"})
    story.server(started(story.echo() | {"id": "../ä\n:x"}), EngineReady("../ä\n:x"))
    story.server(audio(tone(20)), ResponseStarted("x_reply_1"), piece("x_reply_1", 20))
    nameless = Story().sends({"type": "session.start"})
    nameless.server(started(nameless.echo() | {"id": "…"}), EngineReady("…"))
    nameless.server(audio(tone(20)), ResponseStarted("live_reply_1"), piece("live_reply_1", 20))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"audio": {"format": {"type": "audio/pcm", "rate": 16_000}}}, "audio_format"),
        ({"delegation": {"type": "client"}}, "delegation"),
        ({"delegation": {"type": "responses", "responses": {"tools": []}}}, "tools"),
    ],
)
def test_fault_m17_a_session_that_is_another_than_asked_for_is_not_used(
    change: dict[str, object], name: str
) -> None:
    story = Story().sends({"type": "session.start"})
    failed = EngineFailed("session_config_refused", fatal=True)
    story.server(started(story.echo() | change), EngineNotice(f"session_differs_{name}"), failed)


def test_what_an_echo_leaves_out_is_not_known_to_differ() -> None:
    story = Story().sends({"type": "session.start"})
    story.server(started({"id": "live_1"}), EngineReady("live_1"))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("insufficient_quota", [EngineFailed("insufficient_quota", fatal=True)]),
        ("server_error", [EngineFailed("server_error", fatal=False)]),
        (
            "unknown_parameter",
            [
                EngineNotice("session_refused_unknown_parameter"),
                EngineFailed("session_config_refused", fatal=True),
            ],
        ),
    ],
)
def test_a_refused_session_says_whether_it_would_be_refused_again(
    code: str, told: list[EngineFailed | EngineNotice]
) -> None:
    Story().server(error(code), *told)


def test_fault_m2_a_session_that_never_starts_is_given_up() -> None:
    story = Story()
    story.wait(protocol.SETUP_S - 0.1)
    story.wait(0.2, EngineFailed("setup_timeout", fatal=False))
    assert story.protocol.next_deadline() is None


def test_work_before_the_session_has_begun_is_not_done() -> None:
    story = Story().server(called(), EngineNotice("event_before_started"))
    story.server(audio(tone(100))).live()


# ---- the agent speaks ---------------------------------------------------------------------------


def test_a_reply_is_what_sounds_between_two_pauses() -> None:
    story = Story().live()
    story.server(audio(hush(500)))
    story.server(audio(tone(100)), ResponseStarted(FIRST), piece(FIRST, 160))
    story.server(said("Good"), words(FIRST, "Good"))
    story.server(audio(tone(100)), piece(FIRST, 100)).server(said(" day."), words(FIRST, " day."))
    story.server(audio(hush(700)), piece(FIRST, 200))
    story.server(audio(hush(100)), *done(FIRST))
    story.server(audio(tone(20)), ResponseStarted(SECOND), piece(SECOND, 80))


def test_a_pause_within_a_reply_is_not_its_end() -> None:
    story = Story().live().server(audio(tone(100)), ResponseStarted(FIRST), piece(FIRST, 100))
    story.server(said("Well"), words(FIRST, "Well"))
    story.server(audio(hush(600)), piece(FIRST, 200))
    story.server(audio(tone(100)), piece(FIRST, 160))


def test_a_reply_whose_words_are_still_to_come_waits_longer_for_them() -> None:
    story = Story().live().server(audio(tone(100)), ResponseStarted(FIRST), piece(FIRST, 100))
    story.server(audio(hush(1_000)), piece(FIRST, 200)).server(said("Hm."), words(FIRST, "Hm."))
    story.server(audio(hush(20)), *done(FIRST))
    story.server(audio(tone(100)), ResponseStarted(SECOND), piece(SECOND, 160))
    story.server(audio(hush(2_000)), piece(SECOND, 200), *done(SECOND))


def test_words_that_come_before_their_sound_are_the_next_reply_s() -> None:
    story = Story().live().server(said("Good")).server(said(" day."))
    story.server(
        audio(tone(20)), ResponseStarted(FIRST), words(FIRST, "Good day."), piece(FIRST, 20)
    )


def test_words_without_any_sound_are_nobody_s() -> None:
    story = Story().live().server(said("Psst."))
    story.wait(2.1, EngineNotice("words_without_sound"))
    story.server(audio(tone(20)), ResponseStarted(FIRST), piece(FIRST, 20)).server(said(""))


def test_fault_m4_a_reply_that_stalls_is_over() -> None:
    story = Story().live().server(audio(tone(100)), ResponseStarted(FIRST), piece(FIRST, 100))
    story.wait(3.9)
    story.wait(0.2, *done(FIRST, ResponseStatus.INCOMPLETE, "stalled"))


def test_a_cancelled_reply_is_not_given_any_more_and_the_model_told_to_stop() -> None:
    story = Story().live().server(audio(tone(100)), ResponseStarted(FIRST), piece(FIRST, 100))
    story.call(CancelResponse(FIRST)).call(CancelResponse(FIRST)).call(CancelResponse("other"))
    stop = "Stop speaking at once: the caller does not hear the rest of this reply."
    story.sends(append("instructions", stop))
    story.server(audio(tone(500))).server(said("more"))
    cancelled = done(FIRST, ResponseStatus.CANCELLED, "client_cancelled")
    story.server(audio(hush(800)), *cancelled)


# ---- the caller speaks --------------------------------------------------------------------------


def test_a_turn_begins_with_its_first_words_and_ends_when_none_come() -> None:
    story = Story().live().caller(2_000)
    story.server(heard(" When", 1_200, 1_400), CallerSpeechStarted(TURN, 1_200))
    story.server(heard(" do you close?", 1_400, 1_900))
    story.wait(0.9, CallerSpeechStopped(TURN, 1_900), CallerTranscript(TURN, "When do you close?"))
    story.server(heard("  ", 3_000, 3_100))


def test_an_answer_ends_the_turn_and_late_words_still_belong_to_it() -> None:
    story = Story().live().caller(2_000)
    story.server(heard(" When do you", 1_000, 1_600), CallerSpeechStarted(TURN, 1_000))
    story.server(
        audio(tone(20)), CallerSpeechStopped(TURN, 1_600), ResponseStarted(FIRST), piece(FIRST, 20)
    )
    story.server(heard(" close?", 1_600, 1_900))
    story.wait(0.9, CallerTranscript(TURN, "When do you close?"))


def test_words_spoken_after_the_answer_began_are_another_turn() -> None:
    story = Story().live().caller(2_000)
    story.server(heard(" Well.", 1_000, 1_600), CallerSpeechStarted(TURN, 1_000))
    story.server(
        audio(tone(20)), CallerSpeechStopped(TURN, 1_600), ResponseStarted(FIRST), piece(FIRST, 20)
    )
    story.caller(400)
    story.server(
        heard(" Stop.", 2_100, 2_300),
        CallerTranscript(TURN, "Well."),
        CallerSpeechStarted("live_1_caller_2", 2_100),
    )


def test_a_reply_that_falls_silent_for_the_caller_was_broken_off() -> None:
    story = Story().live().server(audio(tone(1_000)), ResponseStarted(FIRST), piece(FIRST, 1_000))
    story.server(said("We are"), words(FIRST, "We are")).caller(1_000)
    story.server(heard(" Stop", 700, 900), CallerSpeechStarted(TURN, 700))
    story.server(audio(hush(400)), piece(FIRST, 200))
    broken_off = done(FIRST, ResponseStatus.CANCELLED, "turn_detected")
    story.server(audio(hush(100)), *broken_off)


def test_a_reply_that_was_over_when_the_caller_began_was_not_broken_off() -> None:
    story = Story().live().server(audio(tone(500)), ResponseStarted(FIRST), piece(FIRST, 500))
    story.server(said("Yes?"), words(FIRST, "Yes?")).server(audio(hush(600)), piece(FIRST, 200))
    story.caller(1_100)
    story.server(heard(" Hello", 900, 1_100), CallerSpeechStarted(TURN, 900), *done(FIRST))


def test_a_reply_that_goes_on_through_a_murmur_is_one_reply() -> None:
    story = Story().live().server(audio(tone(500)), ResponseStarted(FIRST), piece(FIRST, 500))
    story.caller(500).server(heard(" Uh-huh.", 300, 500), CallerSpeechStarted(TURN, 300))
    story.server(audio(tone(500)), piece(FIRST, 500))
    story.wait(0.9, CallerSpeechStopped(TURN, 500), CallerTranscript(TURN, "Uh-huh."))
    story.server(audio(tone(100)), piece(FIRST, 100))


# ---- the backend and its tools ------------------------------------------------------------------


def test_a_tool_is_called_answered_and_the_backend_goes_on_once() -> None:
    story = Story().live()
    delegation = {"id": "d1", "type": "delegation", "target": "responses", "response_id": "r1"}
    story.server({"type": "session.delegation.created", "offset_ms": 1, "delegation": delegation})
    story.server(backend("response.created", response={"id": "r1"}), ResponseStarted("r1"))
    story.server(backend("response.in_progress", response={"id": "r1"}))
    story.server(backend("response.output_item.done", item={"type": "reasoning"}))
    call = ToolCalled("r1", "c1", "find_slot", '{"day":"Tuesday"}')
    story.server(called(), call).server(called(), EngineNotice("tool_call_repeated"))
    story.call(ToolOutput("c1", '{"free":[]}'))
    output = {"type": "function_call_output", "call_id": "c1", "output": '{"free":[]}'}
    story.sends({"type": "response.item.create", "item": output})
    usage = {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 2}
    counted = Usage(input_text_tokens=9, cached_text_tokens=4, output_text_tokens=2)
    story.server(
        backend("response.completed", response={"id": "r1", "usage": usage}),
        ResponseDone("r1", COMPLETED, "", counted),
    ).sends({"type": "response.create"})
    story.call(ToolOutput("c1", "{}"), EngineNotice("tool_output_unasked")).sends_nothing()
    # A call that is told again after it was answered was not made again.
    story.server(called(), EngineNotice("tool_call_repeated"))


def test_it_goes_on_only_when_every_call_has_its_output() -> None:
    story = Story().live()
    story.server(backend("response.created", response={"id": "r1"}), ResponseStarted("r1"))
    for call_id in ("c1", "c2"):
        story.server(called(call_id), ToolCalled("r1", call_id, "find_slot", '{"day":"Tuesday"}'))
    story.server(
        backend("response.completed", response={"id": "r1"}), ResponseDone("r1", COMPLETED)
    )
    story.call(ToolOutput("c2", "{}")).sends({"type": "response.item.create"})
    story.call(ToolOutput("c1", "{}"))
    story.sends({"type": "response.item.create"}, {"type": "response.create"})


def test_an_output_nobody_is_to_speak_of_lets_the_backend_rest() -> None:
    story = Story().live()
    story.server(backend("response.created", response={"id": "r1"}), ResponseStarted("r1"))
    story.server(called(), ToolCalled("r1", "c1", "find_slot", '{"day":"Tuesday"}'))
    story.server(
        backend("response.completed", response={"id": "r1"}), ResponseDone("r1", COMPLETED)
    )
    story.call(ToolOutput("c1", "{}", respond=False)).sends({"type": "response.item.create"})


def test_work_ends_the_caller_s_turn_so_that_its_words_are_waited_for() -> None:
    story = Story().live().caller(2_000)
    story.server(heard(" Yes, please.", 1_000, 1_400), CallerSpeechStarted(TURN, 1_000))
    story.server(
        backend("response.created", response={"id": "r1"}),
        CallerSpeechStopped(TURN, 1_400),
        ResponseStarted("r1"),
    )
    story.wait(0.9, CallerTranscript(TURN, "Yes, please."))


def test_a_call_of_a_response_nobody_announced_belongs_to_one_of_ours() -> None:
    story = Story().live()
    story.server(
        called(),
        ResponseStarted("live_1_work_1"),
        ToolCalled("live_1_work_1", "c1", "find_slot", '{"day":"Tuesday"}'),
    )
    story.server(
        backend("response.completed", None, response={"id": "r9"}),
        EngineNotice("unknown_response_done"),
    )


def test_a_response_that_is_announced_twice_is_one_and_another_in_its_place_ends_it() -> None:
    story = Story().live()
    story.server(backend("response.created", None, response={"id": "r1"}), ResponseStarted("r1"))
    story.server(backend("response.created", None, response={"id": "r1"}))
    story.server(
        backend("response.created", None, response={"id": "r2"}),
        ResponseDone("r1", ResponseStatus.FAILED, "unnamed"),
        ResponseStarted("r2"),
        EngineNotice("response_retried"),
    )


@pytest.mark.parametrize(
    "event",
    [
        called(name=None),
        called(""),
        backend("response.created"),
        backend("response.completed"),
    ],
)
def test_backend_events_without_what_they_are_about_are_bad(event: dict[str, object]) -> None:
    Story().live().server(event, EngineNotice("bad_message_wrong_fields"))


def test_calls_that_were_broken_off_and_items_of_other_kinds_are_none() -> None:
    story = Story().live()
    story.server(called(status="incomplete"), EngineNotice("tool_call_incomplete"))
    story.server(backend("response.output_item.done"))


def test_fault_m5_a_failed_response_is_asked_for_once_more_then_given_up() -> None:
    story = Story().live()
    for response_id in ("r1", "r2"):
        created = backend("response.created", response={"id": response_id})
        story.server(created, ResponseStarted(response_id))
        ended = {"id": response_id, "error": {"code": "server_error", "message": "m"}}
        failed = ResponseDone(response_id, ResponseStatus.FAILED, "server_error")
        last = response_id == "r2"
        then = (
            EngineFailed("server_error", fatal=False) if last else EngineNotice("response_retried")
        )
        story.server(backend("response.failed", response=ended), failed, then)
        if not last:
            story.sends_nothing().wait(0.6).sends({"type": "response.create"})


def test_a_response_that_failed_for_good_ends_the_session() -> None:
    story = Story().live()
    story.server(backend("response.created", response={"id": "r1"}), ResponseStarted("r1"))
    ended = {"id": "r1", "error": {"code": "insufficient_quota", "message": "m"}}
    story.server(
        backend("response.failed", response=ended),
        ResponseDone("r1", ResponseStatus.FAILED, "insufficient_quota"),
        EngineFailed("insufficient_quota", fatal=True),
    )


def test_an_incomplete_response_says_why() -> None:
    story = Story().live()
    story.server(backend("response.created", response={"id": "r1"}), ResponseStarted("r1"))
    ended = {"id": "r1", "incomplete_details": {"reason": "max_output_tokens"}}
    story.server(
        backend("response.incomplete", response=ended),
        ResponseDone("r1", ResponseStatus.INCOMPLETE, "max_output_tokens"),
    )


def test_work_that_is_handed_to_us_is_noticed_once() -> None:
    story = Story().live()
    delegation = {"id": "d1", "type": "delegation", "target": "client"}
    event = {"type": "session.delegation.created", "offset_ms": 1, "delegation": delegation}
    story.server(event, EngineNotice("delegated_to_us")).server(event)


# ---- what the call asks -------------------------------------------------------------------------


def test_words_to_be_said_are_asked_for() -> None:
    story = Story().live().call(Say("Good morning."))
    asked = "Say this to the caller now, word for word, and nothing else:\nGood morning."
    story.sends(append("commentary", asked))


def test_long_words_are_asked_for_in_pieces_an_append_can_hold() -> None:
    text = "This sentence is said again and again. " * 60
    story = Story().live().call(Say(text))
    sent = [json.loads(raw)["content"] for raw in story.protocol.messages_to_send()]
    assert len(sent) > 1
    assert all(len(each.encode()) < 1_000 for each in sent)
    assert " ".join(each.partition(":\n")[2] for each in sent) == text.strip()


def test_what_came_before_is_told_as_instructions_which_the_backend_gets_too() -> None:
    story = Story().live()
    told = (
        CallerSaid("A haircut, please."),
        AgentSaid("At ten?"),
        ToolAnswered("c9", "book", "{}", '{"status":"done"}'),
    )
    story.call(Remember(told))
    story.sends({"type": "session.instructions.append", "delegation_id": None})
    content = story.sent[-1]["content"]
    assert content.endswith(
        "The caller said: A haircut, please.\nYou said, and the caller heard: At ten?\n"
        'The tool book was called with {}: {"status":"done"}'
    )
    assert content.startswith("This call has been going on for a while")
    story.call(Remember((CallerSaid("Hello?"),), answer=True))
    known = "Of what was said and done before, this is known now:"
    story.sends(
        append("thinking", f"{known}\nThe caller said: Hello?"),
        {"type": "session.commentary.append", "delegation_id": None},
    )
    story.call(Remember((ToolAnswered("c9", "book", "{}", "{}"),)))
    story.sends(append("instructions", f"{known}\nThe tool book was called with {{}}: {{}}"))
    story.call(Remember(())).sends_nothing()


def test_the_model_is_told_what_of_its_words_was_heard() -> None:
    story = Story().live().server(audio(tone(20)), ResponseStarted(FIRST), piece(FIRST, 20))
    story.server(said("Good day."), words(FIRST, "Good day."))
    story.call(TruncateItem(item(FIRST), 0, 400, "Good")).call(DeleteItem(item(FIRST)))
    story.call(DeleteItem("unknown"))
    cut = "The line cut you off."
    story.sends(
        append("thinking", f"{cut} Of your last reply the caller heard only this: Good"),
        append("thinking", f"{cut} The caller heard nothing of this: Good day."),
        append("thinking", f"{cut} The caller heard nothing of this: your last reply"),
    )


def test_turns_are_the_server_s_so_there_is_nothing_to_answer_or_dismiss() -> None:
    Story().live().call(Answer(TURN)).call(Dismiss(TURN)).sends_nothing()


def test_the_session_s_clock_is_kept_running_while_something_is_to_be_said() -> None:
    """The server speaks only as far as it is given audio; silence stands for a caller's."""
    story = (
        Story()
        .live()
        .caller(200)
        .call(Say("Good morning."))
        .sends({"type": "session.commentary.append"})
    )
    story.wait(0.5)
    fills = [json.loads(raw) for raw in story.protocol.messages_to_send()]
    assert {each["type"] for each in fills} == {"session.input_audio.append"}
    assert len(fills) == 4
    # Silence of ours is no time of the caller's.
    story.server(heard(" Hi", 590, 600), CallerSpeechStarted(TURN, 200))
    story.server(
        audio(tone(20)), CallerSpeechStopped(TURN, 200), ResponseStarted(FIRST), piece(FIRST, 20)
    )
    story.server(said("Good."), words(FIRST, "Good.")).sends_nothing()
    story.server(audio(hush(800)), piece(FIRST, 200), *done(FIRST))
    # What was to be said is said: the clock may rest.
    story.wait(1.0, CallerTranscript(TURN, "Hi")).sends_nothing()


def test_silence_is_not_paid_for_without_end() -> None:
    story = Story().live().call(Say("Hello?"))
    story.wait(20.0)
    assert len(story.protocol.messages_to_send()) == 1 + protocol.MOST_FILLS
    assert story.protocol.next_deadline() is None


# ---- the end ------------------------------------------------------------------------------------


def test_the_end_of_the_session_is_told_ahead_and_again_a_minute_before() -> None:
    story = Story().sends({"type": "session.start"})
    resource = story.echo() | {"expires_at": int(UNIX_S) + 7_200}
    story.server(started(resource), EngineReady("live_1"), expires(7_200.0)).caller(20)
    story.wait(7_138.98).wait(2.0, expires(60.0)).wait(30.0)


def test_a_session_that_ends_within_the_minute_is_told_of_once() -> None:
    story = Story().sends({"type": "session.start"})
    resource = story.echo() | {"expires_at": int(UNIX_S) + 30}
    story.server(started(resource), EngineReady("live_1"), expires(30.0)).wait(60.0)


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        ("expired", "session_expired"),
        ("content", "content_filter"),
        ("connection_lost", "connection_lost"),
        ("remote_hangup", "connection_lost"),
    ],
)
def test_a_session_the_server_closes_has_failed(reason: str, failure: str) -> None:
    story = Story().live().server(closed(reason), EngineFailed(failure, fatal=False))
    story.server(audio(tone(100))).call(Say("Hello?")).sends_nothing().wait(60.0)
    assert story.protocol.fail(EngineFailed("again", fatal=True)) == []
    assert story.protocol.wake(story.now) == []


def test_closing_says_goodbye_so_that_nothing_more_is_paid_for() -> None:
    story = Story().live().call(Say("Hi")).call(CloseEngine()).sends({"type": "session.close"})
    story.server(closed("close_requested"))
    Story().call(CloseEngine()).sends_nothing()


def test_an_error_about_one_command_is_noticed_and_a_fatal_one_ends_the_session() -> None:
    story = Story().live()
    story.server(
        error("invalid_value", client_event_id="say_3"), EngineNotice("refused_say_invalid_value")
    )
    outside = error("invalid_value") | {"client_event_id": "tell_4"}
    story.server(outside, EngineNotice("refused_tell_invalid_value"))
    story.server(
        error("bad Code!", client_event_id="DROP"), EngineNotice("error_invalid_request_error")
    )
    story.server(
        error("credit_balance_exhausted"), EngineFailed("credit_balance_exhausted", fatal=True)
    )


# ---- a hostile server ---------------------------------------------------------------------------


def test_fault_m15_garbage_is_counted_and_too_much_of_it_ends_the_session() -> None:
    story = Story().live()
    for _ in range(protocol.BAD_MESSAGES):
        story.server(b"\xff{", EngineNotice("bad_message_not_an_event"))
    story.server("[]", EngineFailed("protocol_error", fatal=False))


def test_unknown_events_do_no_harm_and_are_counted_by_kind() -> None:
    story = Story().live()
    story.server({"type": "session.weather.updated"}, EngineNotice("unknown_event"))
    story.server({"type": "session.weather.updated"})
    story.server({"type": "session.usage.updated", "usage": {"seconds": 1}})
    assert story.protocol.ignored == {"session.weather.updated": 2, "session.usage.updated": 1}
    for number in range(100):
        story.protocol.receive(json.dumps({"type": f"new.{number}"}), story.now)
    assert len(story.protocol.ignored) == 64


def test_wrong_fields_are_bad_and_not_fatal() -> None:
    story = Story().live()
    for event in (
        {"type": "session.output_audio.delta", "delta": "***"},
        {"type": "session.input_transcript.delta", "delta": 7},
        {"type": "response.event", "event": []},
    ):
        story.server(event, EngineNotice("bad_message_wrong_fields"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "event", "item", "response", "session", "delta", "type", "error"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
kinds = st.sampled_from(
    [
        "session.started",
        "session.closed",
        "session.output_audio.delta",
        "session.input_transcript.delta",
        "session.output_transcript.delta",
        "session.delegation.created",
        "response.event",
        "error",
        "new",
    ]
)


@given(st.lists(st.tuples(kinds, json_values), max_size=8), st.booleans())
def test_no_message_breaks_the_protocol_and_nothing_follows_a_failure(
    messages: list[tuple[str, object]], begun: bool
) -> None:
    machine = LiveProtocol(LiveSettings(audio_format=AudioFormat.PCM16_24K), PERSONA, TOOLS)
    machine.start(0.0, UNIX_S)
    if begun:
        machine.receive(json.dumps(started({"id": "live_1"})), 0.1)
    events = []
    for number, (kind, fields) in enumerate(messages):
        body = fields if isinstance(fields, dict) else {"delta": fields}
        events += machine.receive(json.dumps({**body, "type": kind}), 0.1 * number)
    failed = [at for at, event in enumerate(events) if isinstance(event, EngineFailed)]
    assert failed in ([], [len(events) - 1])
    machine.start(1.0, UNIX_S)


# ---- opened ahead -----------------------------------------------------------------------------


def test_a_session_opened_ahead_waits_and_asks_for_nothing() -> None:
    story = Story().live().wait(UNUSED_S - 1).sends_nothing()
    story.call(Say("Good morning."))
    assert story.protocol.messages_to_send()


def test_one_that_is_forgotten_takes_its_leave() -> None:
    story = Story().live().wait(UNUSED_S + 1, EngineFailed("unused", fatal=False))
    story.sends({"type": "session.close"})
    assert story.protocol.next_deadline() is None


def test_one_that_is_in_use_may_be_quiet_for_as_long_as_it_likes() -> None:
    story = Story().live().call(AppendAudio(hush(20))).sends({"type": "session.input_audio.append"})
    story.wait(10 * UNUSED_S).sends_nothing()
