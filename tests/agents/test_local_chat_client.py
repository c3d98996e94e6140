"""The embedded engine with a language model behind a chat URL: whole replies, and every failure."""

import asyncio
import datetime as dt
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from agents.engine import (
    AgentSaid,
    CallerSaid,
    CallerSpeechStarted,
    CallerTranscript,
    CancelResponse,
    DeleteItem,
    EngineFailed,
    Inform,
    ItemDone,
    Remember,
    ResponseDone,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
    Usage,
)
from agents.local.chat import client
from agents.local.chat.client import Chat, ChatSettings
from agents.local.chat.dialogue import ChatDialogue
from agents.local.engine import LocalEngine
from agents.local.models import Models
from agents.persona import Persona
from tests.agents.local_caller import Conversation, conversation
from tests.agents.talk import SALON
from tests.fakes.text_chat_server import (
    ChatServer,
    calls,
    ended,
    event,
    rest,
    said,
    says,
    streams,
    wants,
)
from tests.tools.http_double import Reply, answer, flood, hang_up, never, raw, redirect

NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
HELLO = Remember((CallerSaid("Hello?"),), answer=True)
"""The caller waits for an answer: the shortest way to ask the model for one."""
USAGE = Usage(input_text_tokens=90, output_text_tokens=7, cached_text_tokens=64)
LONG = "We are open from Monday to Saturday from nine in the morning until six in the evening."


@asynccontextmanager
async def talking(models: Models, url: str, key: str = "") -> AsyncIterator[Conversation]:
    ids = (f"call_{number}" for number in itertools.count(1))
    dialogue = ChatDialogue("tiny", SALON, Persona(), NOW, ids)
    async with aiohttp.ClientSession() as http:
        chat = Chat(ChatSettings(url, "tiny", key), http)
        async with conversation(LocalEngine(models, dialogue, chat=chat)) as talk:
            yield talk


async def outcome(models: Models, *replies: Reply) -> tuple[list[str], int]:
    """Why the engine gave up, if it did, and how often the model was asked."""
    async with ChatServer(*replies) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        await either(talk)
        return [failed.reason for failed in talk.of(EngineFailed)], len(server.seen)


async def either(talk: Conversation) -> None:
    """An answer is over, or the engine is."""
    async with asyncio.timeout(10):
        while not any(isinstance(event, ResponseDone | EngineFailed) for event in talk.events):
            await talk.more()


# ---- answers ----------------------------------------------------------------------------------


async def test_what_the_caller_says_is_answered_by_the_model(models: Models) -> None:
    async with ChatServer(says("We open ", "at nine. ", "Anything else?")) as server:
        async with talking(models, server.base, key="sesame") as talk:
            assert await talk.asks("When do you open?") == "We open at nine. Anything else?"
        assert server.seen[0].headers["authorization"] == "Bearer sesame"
        assert server.messages()[1]["content"] == talk.of(CallerTranscript)[0].text
    done = talk.of(ResponseDone)[0]
    assert (done.status, done.usage) == (ResponseStatus.COMPLETED, USAGE)
    assert len(talk.of(ItemDone)) == 1


async def test_the_first_sentence_is_spoken_while_the_model_still_writes(models: Models) -> None:
    script = streams(said("We open at nine. "), then="silence")
    async with ChatServer(script) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        delta = await talk.until(TextDelta)
        assert delta.text.startswith("We")
        assert not talk.of(ResponseDone)


async def test_a_tool_is_called_and_its_answer_told(models: Models) -> None:
    script = calls("list_services", {"day": "Monday"}, lead="Let me see. "), says("Haircuts.")
    async with ChatServer(*script) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        called = await talk.until(ToolCalled)
        assert (called.name, json.loads(called.arguments)) == ("list_services", {"day": "Monday"})
        await talk.until(ResponseDone)
        talk.engine.submit(ToolOutput(called.tool_call_id, '{"status": "done"}'))
        await talk.until(ResponseDone, 2)
        assert talk.words("resp_1") == "Let me see."
        assert talk.words("resp_2") == "Haircuts."
        assert server.messages()[-1]["content"] == '{"status": "done"}'


async def test_only_the_last_of_several_tools_is_answered(models: Models) -> None:
    both = wants("a", "{}", index=0), wants("b", "{}", index=1, call_id="y")
    script = streams(*both, ended("tool_calls")), says("Done.")
    async with ChatServer(*script) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        await talk.until(ResponseDone)
        first, second = talk.of(ToolCalled)
        talk.engine.submit(ToolOutput(first.tool_call_id, "{}"))
        talk.engine.submit(ToolOutput(second.tool_call_id, "{}"))
        await talk.until(ResponseDone, 2)
        assert talk.words("resp_2") == "Done."
        assert len(server.seen) == 2


async def test_other_words_of_the_call_are_the_model_s_to_know(models: Models) -> None:
    async with ChatServer(says("Hello.")) as server, talking(models, server.base) as talk:
        talk.engine.submit(Say("Thanks for calling."))
        talk.engine.submit(Inform("The caller is Jane."))
        await talk.until(ResponseDone)
        talk.engine.submit(HELLO)
        await talk.until(ResponseDone, 2)
        system, _, greeting, _ = server.messages()
        assert greeting["content"] == "Thanks for calling."
        assert "The caller is Jane." in system["content"]


# ---- interruptions ----------------------------------------------------------------------------


@pytest.mark.parametrize("heard", ["We are", ""])
async def test_who_interrupts_stops_the_model_and_it_knows_what_was_heard(
    models: Models, heard: str
) -> None:
    script = streams(said(LONG + " "), then="silence"), says("Sorry.")
    async with ChatServer(*script) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        delta = await talk.until(TextDelta)
        talk.says("Stop please.")
        await talk.until(CallerSpeechStarted)
        cut = TruncateItem(delta.item_id, 0, 300, heard) if heard else DeleteItem(delta.item_id)
        talk.engine.submit(cut)
        await talk.until(ResponseDone, 2)
        assert talk.of(ResponseDone)[0].reason == "turn_detected"
        told = [message["content"] for message in server.messages()]
    assert LONG not in " ".join(told)
    assert told[2:3] == ([heard] if heard else [])


@pytest.mark.parametrize("cancelled", [True, False])
async def test_what_was_heard_may_be_told_before_the_model_is_stopped(
    models: Models, cancelled: bool
) -> None:
    """So a call does that decides itself what interrupts; here nobody speaks up."""
    free = asyncio.Event()

    async def held(writer: asyncio.StreamWriter) -> None:
        await streams(said(LONG + " "), then="open")(writer)
        await free.wait()
        await rest(said("And goodbye."), ended())(writer)

    async with ChatServer(held, says("Yes.")) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        delta = await talk.until(TextDelta)
        talk.engine.submit(TruncateItem(delta.item_id, 0, 300, "We are"))
        if cancelled:
            talk.engine.submit(CancelResponse("resp_1"))
        free.set()
        await talk.until(ResponseDone)
        talk.engine.submit(Remember((CallerSaid("What?"),), answer=True))
        await talk.until(ResponseDone, 2)
        assert server.messages()[2]["content"] == "We are"


async def test_an_interruption_before_the_first_word_leaves_nothing(models: Models) -> None:
    async with ChatServer(never(), says("Yes?")) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        await asyncio.wait_for(server.got.wait(), 5)
        talk.says("Stop please.")
        await talk.until(ResponseDone, 2)
        assert [talk.words(done.response_id) for done in talk.of(ResponseDone)] == ["", "Yes?"]
        assert [m["role"] for m in server.messages()] == ["system", "user"]


async def test_a_caller_who_hangs_up_ends_the_stream(models: Models) -> None:
    async with ChatServer(never()) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        await asyncio.wait_for(server.got.wait(), 5)


# ---- failures ---------------------------------------------------------------------------------

CUT = streams(event({"delta": {"content": ""}}), then="cut")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (answer(500), "local_llm_error"),
        (answer(503, headers={"Retry-After": "1"}), "local_llm_error"),
        (answer(429), "local_llm_busy"),
        (hang_up(), "local_llm_cut"),
        (CUT, "local_llm_cut"),
        (streams(b"data: {nonsense}\n\n"), "local_llm_garbage"),
        (raw(b"\x00\x01 nonsense\r\n\r\n"), "local_llm_cut"),
        (streams(wants("book", '{"day": "Mon')), "local_llm_garbage"),
        (streams(event(error={"message": "out of memory"})), "local_llm_error"),
        (streams(ended()), "local_llm_empty"),
        (answer(200, {"choices": []}), "local_llm_garbage"),
        (flood(b"HTTP/1.1 200 OK\r\n\r\ndata: "), "local_llm_garbage"),
    ],
)
async def test_fault_m_a_model_that_fails_is_asked_once_more_then_given_up(
    models: Models, monkeypatch: pytest.MonkeyPatch, reply: Reply, reason: str
) -> None:
    monkeypatch.setattr(client, "RETRY_S", 0.01)
    assert await outcome(models, reply, says("Hello.")) == ([], 2)
    assert await outcome(models, reply) == ([reason], 2)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (answer(401), "local_llm_unauthorized"),
        (answer(403), "local_llm_unauthorized"),
        (answer(404, {"error": {"message": "model not found"}}), "local_llm_not_found"),
        (answer(400), "local_llm_refused"),
        (answer(413), "local_llm_refused"),
        (redirect(302, "http://127.0.0.1:1/"), "local_llm_refused"),
    ],
)
async def test_fault_m_what_would_fail_again_is_not_tried_again(
    models: Models, reply: Reply, reason: str
) -> None:
    async with ChatServer(reply) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        assert await talk.until(EngineFailed) == EngineFailed(reason, fatal=True)
        assert len(server.seen) == 1


async def test_fault_m_a_server_that_wants_long_patience_is_given_up(models: Models) -> None:
    patient = answer(429, headers={"Retry-After": "30"})
    assert await outcome(models, patient) == (["local_llm_busy"], 1)


async def test_fault_m_nobody_listens_there(models: Models) -> None:
    async with ChatServer(never()) as server:
        url = server.base
    async with talking(models, url) as talk:
        talk.engine.submit(HELLO)
        assert await talk.until(EngineFailed) == EngineFailed("local_llm_unreachable", fatal=False)


@pytest.mark.parametrize("reply", [never(), streams(said(""), then="silence")])
async def test_fault_m_a_model_that_is_too_slow_is_given_up(
    models: Models, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    monkeypatch.setattr(client, "FIRST_BYTES_S", 0.1)
    monkeypatch.setattr(client, "STALL_S", 0.1)
    assert await outcome(models, reply) == (["local_llm_slow"], 1)


@pytest.mark.parametrize(
    ("then", "reason"), [("cut", "local_llm_cut"), ("end", "local_llm_garbage")]
)
async def test_fault_m_a_stream_cut_after_a_sentence_keeps_the_sentence(
    models: Models, then: str, reason: str
) -> None:
    broken = streams(said("We open at nine. "), wants("book", "{"), then=then)
    async with ChatServer(broken, says("Yes.")) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        done = await talk.until(ResponseDone)
        assert (done.status, done.reason) == (ResponseStatus.INCOMPLETE, reason)
        assert talk.words("resp_1") == "We open at nine."
        assert talk.of(ToolCalled) == []
        talk.engine.submit(Remember((AgentSaid("Hm."),), answer=True))
        await talk.until(ResponseDone, 2)
        assert server.messages()[2]["content"] == "We open at nine. Hm."


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
async def test_a_reply_broken_off_by_the_server_calls_no_tool(
    models: Models, finish: str, reason: str
) -> None:
    script = streams(said("Well, "), wants("book", '{"a'), ended(finish))
    async with ChatServer(script) as server, talking(models, server.base) as talk:
        talk.engine.submit(HELLO)
        done = await talk.until(ResponseDone)
        assert (done.status, done.reason) == (ResponseStatus.INCOMPLETE, reason)
        assert talk.of(ToolCalled) == []


def test_a_key_is_never_shown() -> None:
    settings = ChatSettings("http://127.0.0.1:8080/v1/chat/completions", "tiny", "sesame")
    assert "sesame" not in repr(settings)
    assert settings.endpoint == "http://127.0.0.1:8080/v1/chat/completions"
    assert ChatSettings("http://h/v1/", "m").endpoint == "http://h/v1/chat/completions"
