"""What a model is asked: with all that was said and heard, and nothing that was not."""

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.engine import AgentSaid, CallerSaid, ToolAnswered
from agents.local import sentences as say
from agents.local.acts import Act, CallTool, Consult, Speak
from agents.local.chat.dialogue import MOST_ROUNDS, ChatDialogue
from agents.local.chat.history import MOST_LETTERS, STILL_RUNNING
from agents.local.chat.stream import Call
from agents.local.expectation import Expectation
from agents.persona import Persona
from tests.agents.talk import FRIDAY, SALON
from tests.fakes.text_chat_server import check
from tests.tools.http_double import Seen

PERSONA = Persona(instructions="You answer for a salon.")
CALL = Call("list_services", "")


def new(tools: tuple[Any, ...] = SALON) -> ChatDialogue:
    ids = (f"call_{number}" for number in itertools.count(1))
    return ChatDialogue("tiny", tools, PERSONA, FRIDAY, ids)


def body(acts: list[Act] | None) -> dict[str, Any]:
    """Of the one request asked for, which a server must be able to take."""
    assert acts is not None
    (consult,) = acts
    assert isinstance(consult, Consult)
    headers = {"content-type": "application/json"}
    return check(Seen("POST", "/v1/chat/completions", headers, (), consult.body))


def told(acts: list[Act] | None) -> list[tuple[str, str]]:
    """Role and words of what was said."""
    messages = body(acts)["messages"][1:]
    return [(message["role"], message["content"]) for message in messages]


def test_the_model_is_told_who_it_is_what_day_it_is_and_what_it_may_do() -> None:
    asked = body(new().heard("Hello", False))
    assert asked["model"] == "tiny"
    system = asked["messages"][0]["content"]
    assert "You answer for a salon." in system
    assert "telephone" in system
    assert "Friday, 20 November 2026" in system
    names = [tool["function"]["name"] for tool in asked["tools"]]
    assert names == [spec.name for spec in SALON]
    assert "tools" not in body(new(()).heard("Hello", False))


def test_a_conversation_is_told_in_turn() -> None:
    talk = new()
    talk.interposed("Thanks for calling.")
    talk.heard("Hello.", False)
    talk.spoke("How can I help?", ())
    talk.interposed("Are you still there?")
    assert told(talk.heard("When do you open?", False)) == [
        ("user", "(The caller is on the line.)"),
        ("assistant", "Thanks for calling."),
        ("user", "Hello."),
        ("assistant", "How can I help? Are you still there?"),
        ("user", "When do you open?"),
    ]


def test_only_what_was_heard_was_said() -> None:
    talk = new()
    talk.heard("Hello.", False)
    talk.spoke("We are open from nine to six.", ())
    talk.cut("We are open from nine to six.", "We are open")
    talk.cut("Somebody else's words.", "Some")
    assert told(talk.heard("What?", False))[1:] == [("assistant", "We are open"), ("user", "What?")]
    talk.spoke("From nine.", ())
    talk.cut("From nine.", "")
    assert told(talk.heard("Hello?", False))[1:] == [
        ("assistant", "We are open"),
        ("user", "What? Hello?"),
    ]


def test_what_was_not_made_out_is_asked_again_without_a_model() -> None:
    talk = new()
    assert talk.heard(" ", False) == [Speak(say.MISSED)]
    assert told(talk.heard("Hello", False))[1] == ("assistant", say.MISSED)


def test_a_tool_s_answer_is_told_and_answered() -> None:
    talk = new()
    talk.heard("What do you do?", False)
    assert talk.spoke("One moment.", (CALL,)) == [CallTool("call_1", "list_services", "{}")]
    asked = body(talk.tool_answered("call_1", '{"status": "done"}'))
    _, _, assistant, tool = asked["messages"]
    assert assistant["content"] == "One moment."
    assert assistant["tool_calls"][0]["function"] == {"name": "list_services", "arguments": "{}"}
    assert tool["content"] == '{"status": "done"}'
    assert talk.tool_answered("call_9", "{}") == []


def test_with_several_tools_at_work_the_last_answer_is_answered() -> None:
    talk = new()
    talk.heard("What do you do?", False)
    talk.spoke("", (CALL, CALL))
    assert talk.tool_answered("call_2", "{}") is None
    assert [role for role, _ in told(talk.tool_answered("call_1", "{}"))][2:] == ["tool", "tool"]


def test_a_caller_who_speaks_while_a_tool_is_at_work_is_answered() -> None:
    talk = new()
    talk.heard("What do you do?", False)
    talk.spoke("", (CALL,))
    assert told(talk.heard("Hello?", False))[2:] == [
        ("tool", STILL_RUNNING),
        ("assistant", "..."),
        ("user", "Hello?"),
    ]


def test_words_of_a_cut_reply_go_and_its_tool_calls_stay() -> None:
    talk = new()
    talk.heard("What do you do?", False)
    talk.spoke("One moment.", (CALL,))
    talk.cut("One moment.", "")
    assert told(talk.tool_answered("call_1", "{}"))[1] == ("assistant", "")


def test_tool_after_tool_has_an_end() -> None:
    talk = new()
    acts: list[Act] | None = talk.heard("Hello", False)
    for number in range(1, MOST_ROUNDS + 1):
        assert body(acts)["tool_choice"] == "auto"
        talk.spoke("", (CALL,))
        acts = talk.tool_answered(f"call_{number}", "{}")
    assert body(acts)["tool_choice"] == "none"
    assert body(talk.heard("Hello?", False))["tool_choice"] == "auto"


def test_what_other_sessions_said_and_did_is_told_first() -> None:
    talk = new()
    what = (
        CallerSaid("Hello."),
        CallerSaid(""),
        AgentSaid("Hi, how"),
        ToolAnswered("rt_1", "list_services", "{}", '{"status": "running"}'),
    )
    assert talk.remember(what, answer=False) == []
    done = ToolAnswered("rt_1", "list_services", "{}", '{"status": "done"}')
    assert told(talk.remember((done,), answer=True)) == [
        ("user", "Hello."),
        ("assistant", "Hi, how"),
        ("tool", '{"status": "done"}'),
    ]
    assert told(new().remember((AgentSaid("Hi."),), answer=True))[-1][0] == "user"
    assert told(new().remember((), answer=True)) == [
        ("user", "(The caller waits for you to go on.)")
    ]


def test_what_it_is_to_know_stands_at_the_very_beginning() -> None:
    talk = new()
    talk.heard("Hello", False)
    talk.informed("The caller is on their way.")
    system = body(talk.heard("Hm", False))["messages"][0]["content"]
    assert system.endswith("The caller is on their way.")


def test_of_a_long_conversation_the_newest_is_told() -> None:
    talk = new()
    for number in range(200):
        talk.heard(f"{number} " + "la " * 60, False)
        talk.spoke("Well. " * 20, (CALL,))
        talk.tool_answered(f"call_{number + 1}", "{}")
    messages = told(talk.heard("And now?", False))
    assert messages[-1] == ("user", "And now?")
    assert MOST_LETTERS / 2 < sum(len(text) for _, text in messages) <= MOST_LETTERS + 100
    long = "x" * (MOST_LETTERS + 1)
    assert told(talk.heard(long, False))[-1] == ("user", long)


def test_it_listens_openly_and_no_answer_is_known_to_be_whole() -> None:
    assert new().expectation() == Expectation()
    assert not new().settled("yes", True)


STEPS = st.lists(
    st.sampled_from(["caller", "agent", "tool", "cut", "answer", "say", "remember"]), max_size=12
)


@given(STEPS)
def test_whatever_happens_the_messages_are_ones_a_server_takes(steps: list[str]) -> None:
    talk = new()
    count = 0
    for step in steps:
        match step:
            case "caller":
                talk.heard("Hello", False)
            case "agent":
                talk.spoke("Hi there.", ())
            case "tool":
                talk.spoke("", (CALL,))
                count += 1
            case "cut":
                talk.cut("Hi there.", "")
            case "answer":
                talk.tool_answered(f"call_{count}", "{}")
            case "say":
                talk.interposed("Still there?")
            case _:
                talk.remember((ToolAnswered("old", "a", "{}", "{}"),), answer=False)
    assert json.dumps(body(talk.heard("And?", False)))
