"""The history of a call as a model is told of it."""

import random
from typing import Any

import pytest

from agents.engine import AgentSaid, CallerSaid, ToolAnswered
from agents.turns import dialogue
from agents.turns.dialogue import Dialogue
from agents.turns.wire import wav_seconds
from tests.fakes.chat_request import read

WAV = b"RIFF" + bytes(40) + bytes(32_000)
"""A second, as far as its length goes."""


def told(history: Dialogue) -> list[str]:
    return [shown(message) for message in history.messages()]


def shown(message: dict[str, Any]) -> str:
    content = message.get("content")
    if "tool_calls" in message:
        return "calls " + " ".join(call["id"] for call in message["tool_calls"])
    return f"{message['role']}: {content if isinstance(content, str) else '<sound>'}"


def turn(history: Dialogue, item_id: str, text: str = "", content: bytes = WAV) -> None:
    """Said, counted, and written down if there are words."""
    history.caller_said(item_id, content)
    history.count(item_id)
    history.written_down(item_id, text)


def test_a_turn_counts_with_all_before_it_once_it_is_said_to() -> None:
    history = Dialogue()
    history.caller_said("u1", WAV)
    history.caller_said("u2", WAV)
    history.caller_said("u3", WAV)
    assert told(history) == []
    history.count("u2")
    assert told(history) == ["user: <sound>"] * 2
    history.count("unknown")
    assert history.sound_s() == 2 * wav_seconds(WAV)


def test_a_turn_is_sound_until_it_is_answered_and_then_words() -> None:
    history = Dialogue()
    turn(history, "u1", "Hello.")
    assert told(history) == ["user: <sound>"]
    history.answered()
    assert told(history) == ["user: Hello."]
    assert history.sound_s() == 0


def test_a_turn_without_words_stays_sound_while_it_is_new() -> None:
    history = Dialogue()
    for number in range(5):
        turn(history, f"u{number}")
        history.answered()
    inaudible = "user: (words that could not be made out)"
    assert told(history) == [inaudible] * 2 + ["user: <sound>"] * 3
    history.written_down("u4", "Late, but there.")
    assert told(history)[-1] == "user: Late, but there."
    history.written_down("nobody", "x")


def test_a_reply_grows_is_cut_and_may_be_gone() -> None:
    history = Dialogue()
    history.reply("i1", "We close ")
    history.reply("i1", "at six.")
    history.reply("i2", "And")
    history.heard("i1", "We close")
    assert told(history)[0] == "assistant: We close"
    assert "cut off" in told(history)[1]
    history.heard("i1", "")
    history.forget("i2")
    history.heard("unknown", "x")
    assert [line for line in told(history) if line.startswith("assistant")] == []


def test_words_without_letters_are_not_told() -> None:
    history = Dialogue()
    history.reply("i1", "")
    assert told(history) == []


def test_calls_of_one_response_go_together_with_their_outputs() -> None:
    history = Dialogue()
    turn(history, "u1", "Book it.")
    history.called("r1", "a", "find_slot", "{}")
    history.called("r1", "b", "book", '{"a":1}')
    history.called("r2", "c", "book", "{}")
    history.tool_answered("b", "done")
    history.tool_answered("unknown", "x")
    assert told(history) == [
        "user: <sound>", "calls call_1_0 call_1_1", 'tool: {"status":"running"}', "tool: done",
        "calls call_4_0", 'tool: {"status":"running"}',
    ]  # fmt: skip


def test_a_late_result_is_told_where_it_came() -> None:
    history = Dialogue()
    history.called("r1", "a", "book", "{}")
    history.inform("The caller pressed 1.")
    history.tool_answered("a", "done")
    assert told(history)[1] == "tool: done"
    history.called("r2", "b", "book", "{}")
    history.reply("i1", "One moment.")
    history.tool_answered("b", "done too")
    assert told(history)[-3:] == [
        'tool: {"status":"running"}', "assistant: One moment.",
        "system: The result of book {} is now: done too",
    ]  # fmt: skip


def test_what_is_remembered_is_as_if_it_had_been_said_here() -> None:
    history = Dialogue()
    what = (CallerSaid("Hi."), AgentSaid("Hello."), ToolAnswered("x" * 90, "book", "{}", "ok"))
    history.remember((*what, CallerSaid("And?")), answer=False)
    assert told(history) == [
        "user: Hi.", "assistant: Hello.", "calls call_2_0", "tool: ok", "user: And?",
    ]  # fmt: skip
    history.remember((CallerSaid("Hm?"),), answer=True)
    assert told(history)[-1] == "user: Hm?"
    assert history.sound_s() == 0


def test_it_can_all_be_told_in_one_text() -> None:
    history = Dialogue()
    assert history.plain_messages() == []
    turn(history, "u1", "Hello.")
    history.answered()
    history.reply("i1", "Good day.")
    history.called("r1", "a", "book", "{}")
    history.inform("Aside.")
    turn(history, "u2")
    past, sound = history.plain_messages()
    assert past["role"] == "system"
    assert past["content"].splitlines()[1:] == [
        "Caller: Hello.", "You: Good day.", 'book {} gave {"status":"running"}', "Aside.",
    ]  # fmt: skip
    assert shown(sound) == "user: <sound>"


def test_the_oldest_is_left_out_and_what_waits_for_an_answer_never() -> None:
    history = Dialogue()
    history.called("r1", "a", "book", "x" * 100)
    history.tool_answered("a", "done")
    turn(history, "u1", "w" * dialogue.MOST_CHARACTERS)
    history.inform("x" * dialogue.MOST_CHARACTERS)
    assert [line[:7] for line in told(history)] == ["user: <", "system:"]
    history.answered()
    assert [line[:7] for line in told(history)] == ["system:"]


def test_it_does_not_grow_for_ever() -> None:
    history = Dialogue()
    for number in range(500):
        history.inform(str(number))
    lines = told(history)
    assert len(lines) == 400
    assert lines[-1] == "system: 499"


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_the_server_takes_it(seed: int) -> None:
    """Random histories against a server that is strict about roles, ids and outputs."""
    chance = random.Random(seed)
    history = Dialogue()
    good = b"RIFF\x24\x7d\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00"
    good += b"\x00\x7d\x00\x00\x02\x00\x10\x00data\x00\x7d\x00\x00" + bytes(32_000)
    for number in range(40):
        match chance.randrange(8):
            case 0 | 1:
                turn(history, f"u{number}", chance.choice(["", "Hello."]), good)
            case 2:
                history.reply(f"i{chance.randrange(number + 1)}", "Words.")
            case 3:
                history.heard(f"i{chance.randrange(number + 1)}", chance.choice(["", "Wo"]))
            case 4:
                history.called(f"r{number // 3}", f"c{number}" * 20, "book", "{}")
            case 5:
                history.tool_answered(f"c{chance.randrange(number + 1)}" * 20, "done")
            case 6:
                history.answered()
            case _:
                history.inform("Aside.")
        for messages in (history.messages(), history.plain_messages()):
            system = {"role": "system", "content": "x"}
            audio = {"voice": "marin", "format": "pcm16"}
            spoken = {"modalities": ["text", "audio"], "audio": audio, "stream": True}
            read({"model": "m", "messages": [system, *messages], **spoken})
