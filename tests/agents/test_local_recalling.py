"""Carrying on from a conversation that another engine had: wishes, answers, tools."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import AgentSaid, AnyRemembered, CallerSaid, ToolAnswered
from agents.local.recalling import still_runs
from tests.agents.talk import SALON, SALON_ANSWERS, Talk, spec, talk
from tools.spec import Risk

BOOKING = {"service": "haircut", "date": "2026-11-24", "time": "15:30", "name": "Jane Doe"}
RUNNING = '{"status": "running", "message": "It is still being done."}'


def tool(name: str, arguments: Mapping[str, Any], output: str | None = None) -> ToolAnswered:
    told = json.dumps(SALON_ANSWERS[name](dict(arguments))) if output is None else output
    return ToolAnswered("call_x", name, json.dumps(arguments), told)


LISTED = tool("list_services", {})
TIMES = tool("find_times", {"service": "haircut", "date": "2026-11-24"})
BOOKED = tool("book_appointment", BOOKING)
WISH = CallerSaid("Hello, I'd like to book a haircut on Tuesday.")


# ---- going on where it broke off --------------------------------------------------------------


def test_an_unfinished_wish_is_gone_on_with_and_nothing_asked_twice() -> None:
    (
        talk()
        .remembers(LISTED, WISH, TIMES, AgentSaid("Sure. What time would you like?"))
        .says("three thirty")
        .asked("what name")
        .did_not_say("which service", "what day", "thanks for calling")
        .says("Jane Doe")
        .asked("Let me check", "haircut", "Tuesday", "three thirty p m", "Jane Doe")
        .answers_shortly("yes")
        .called("book_appointment", **BOOKING)
    )


def test_the_last_of_it_is_answered_at_once_and_nobody_is_greeted_again() -> None:
    told = talk().remembers(
        AgentSaid("Thanks for calling."), LISTED, CallerSaid("a haircut on Tuesday"), answer=True
    )
    told.asked("what time").did_not_say("thanks for calling", "hello")


def test_what_was_said_last_is_answered_when_that_is_asked_for_later() -> None:
    told = talk().remembers(LISTED, CallerSaid("what do you offer"))
    told.remembers(answer=True).asked("We do haircuts")
    told = talk().remembers(LISTED, CallerSaid("a haircut on Tuesday at ten"))
    told.remembers(AgentSaid("Let me"), answer=True).asked("what name")
    told.says("what did you say").asked("what name")


def test_a_wish_for_something_else_takes_the_place_of_the_one_before() -> None:
    tools = (*SALON, spec("cancel_booking", risk=Risk.WRITE_OWN, phrases=("cancel my booking",)))
    told = talk(tools).remembers(LISTED, WISH, CallerSaid("no, please cancel my booking"))
    told.says("yes").wrote_nothing().asked("Just to be sure.", "cancel")


def test_words_in_several_pieces_all_count() -> None:
    talk().remembers(
        LISTED,
        TIMES,
        CallerSaid("I'd like an appointment"),
        AgentSaid("Which service would you like?"),
        CallerSaid("a haircut"),
        CallerSaid("on Tuesday at three thirty"),
        AgentSaid("What name shall I put it under?"),
        CallerSaid("Jane Doe"),
        answer=True,
    ).asked("Let me check", "haircut", "three thirty p m", "Jane Doe").wrote_nothing()


def test_the_question_asked_last_says_what_a_bare_answer_is_for() -> None:
    (
        talk()
        .remembers(
            CallerSaid("I'd like to book an appointment"),
            AgentSaid("Of course! May I have your name first?"),
        )
        .says("Jane Doe")
        .asked("which service")
        .says("a haircut on Tuesday at three thirty")
        .asked("Jane Doe", "is that right")
    )


def test_lists_read_elsewhere_need_not_be_looked_up_again() -> None:
    told = talk().remembers(LISTED, WISH, TIMES).says("at ten")
    assert told.calls == []
    told.asked("what name")


# ---- what was done is done --------------------------------------------------------------------


def test_a_finished_booking_is_not_begun_again() -> None:
    done = talk().remembers(LISTED, WISH, BOOKED, AgentSaid("You are booked. Anything else?"))
    done.says("no thanks").asked("goodbye").wrote_nothing()


def test_after_a_booking_the_name_is_known_and_the_rest_is_not() -> None:
    told = talk().remembers(BOOKED).says("another haircut please")
    told.asked("what day").says("on Tuesday at ten").asked("Jane Doe", "is that right")


def test_a_booking_that_still_runs_is_waited_for_and_told_of() -> None:
    running = tool("book_appointment", BOOKING, RUNNING)
    told = talk().remembers(LISTED, WISH, running)
    told.says("hello?").asked("one moment").wrote_nothing()
    told.remembers(BOOKED, answer=True).asked("You are booked.", "anything else")
    other = talk().remembers(running, answer=True).asked("one moment")
    acts = other.dialogue.tool_answered("call_x", BOOKED.output)
    assert "You are booked." in str(acts)


def test_an_outcome_nobody_told_is_told() -> None:
    talk().remembers(WISH, BOOKED, answer=True).asked("You are booked.", "anything else")
    refusal = '{"status": "refused", "message": "That is taken.", "field": "time"}'
    told = talk().remembers(LISTED, WISH, tool("book_appointment", BOOKING, refusal), answer=True)
    told.asked("That is taken.", "what time").says("ten").asked("ten a m", "is that right")
    told = talk().remembers(LISTED, WISH, tool("book_appointment", BOOKING, refusal))
    told.says("ten").asked("ten a m", "is that right")


def test_times_found_for_a_caller_who_waits_are_told() -> None:
    told = talk().remembers(LISTED, WISH, TIMES, answer=True)
    told.asked("We have ten, ten thirty, and half past three.", "what time")


def test_a_list_that_was_asked_for_by_itself_is_told() -> None:
    told = talk().remembers(CallerSaid("what do you offer"), LISTED, answer=True)
    told.asked("We do haircuts")


# ---- whose yes it is --------------------------------------------------------------------------


def test_a_yes_to_another_engines_read_back_books_nothing() -> None:
    told = talk().remembers(
        LISTED,
        TIMES,
        CallerSaid("a haircut on Tuesday at three thirty, my name is Jane Doe"),
        AgentSaid("A haircut on Tuesday at half past three for Jane Doe, is that right?"),
        CallerSaid("Yes."),
        answer=True,
    )
    told.wrote_nothing().asked("Just to be sure.", "Jane Doe")
    told.answers_shortly("yes").called("book_appointment", **BOOKING)


# ---- changes of mind --------------------------------------------------------------------------


@pytest.mark.parametrize("leaving", ["never mind", "goodbye"])
def test_a_wish_given_up_stays_given_up(leaving: str) -> None:
    talk().remembers(WISH, CallerSaid(leaving)).says("no").asked("goodbye")


def test_another_question_in_between_leaves_the_wish_as_it_was() -> None:
    told = talk().remembers(LISTED, WISH, CallerSaid("lovely weather"), TIMES)
    told.says("at ten").asked("what name")


def test_what_is_no_wish_leaves_everything_open() -> None:
    told = talk().remembers(AgentSaid("Hello."), CallerSaid("good morning"), answer=True)
    told.asked("what can I do for you")


@pytest.mark.parametrize(
    "what",
    [
        (),
        (AgentSaid("So"),),
        (ToolAnswered("call_9", "nobody_knows_it", "{}", "{}"),),
        (CallerSaid("what do you offer"), CallerSaid("")),
    ],
)
def test_with_nothing_to_go_on_the_caller_is_asked(what: tuple[AnyRemembered, ...]) -> None:
    assert talk().remembers(*what, answer=True).new


def test_words_said_last_can_be_repeated() -> None:
    told = talk().remembers(AgentSaid("We close at six."), AgentSaid(""))
    told.says("can you repeat that").asked("We close at six.")


def test_what_the_dialogue_waits_for_itself_it_goes_on_waiting_for() -> None:
    told = talk(slow=["list_services"]).says("I'd like to book an appointment")
    told.remembers(CallerSaid("never mind"))
    told.finished().asked("which service")


# ---- nonsense ---------------------------------------------------------------------------------

TEXTS = st.text(max_size=30) | st.sampled_from(
    ["yes", "no", "tomorrow at ten", "a haircut", "never mind", "{}", '{"status": []}', RUNNING]
)
NAMES = st.sampled_from(["find_times", "book_appointment", "list_services", "hang_up", "other"])
JSON = TEXTS | st.dictionaries(
    st.sampled_from(["status", "message", "field", "choices", "date", "time", "name", "service"]),
    st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS, max_size=2),
).map(json.dumps)
ANYTHING = st.lists(
    TEXTS.map(CallerSaid)
    | TEXTS.map(AgentSaid)
    | st.builds(ToolAnswered, st.just("call_1"), NAMES, JSON, JSON),
    max_size=6,
)


@given(ANYTHING, ANYTHING, st.booleans())
def test_whatever_is_remembered_nothing_is_written(
    first: list[AnyRemembered], second: list[AnyRemembered], answer: bool
) -> None:
    told = talk()
    for each in (first, second):
        acts = told.dialogue.remember(each, answer=answer)
        assert bool(acts) == answer
        assert "book_appointment" not in str(acts)


@pytest.mark.parametrize(
    ("output", "runs"),
    [
        (RUNNING, True),
        ('{"status": "pending"}', True),
        ('{"status": "done"}', False),
        ('{"status": ["running"]}', False),
        ('["running"]', False),
        ("running", False),
        ("\ud800", False),
        ("[" * 100_000, False),
    ],
)
def test_only_what_says_so_still_runs(output: str, runs: bool) -> None:
    assert still_runs(output) == runs


def test_arguments_that_are_none_count_as_not_told() -> None:
    told: Talk = talk().remembers(ToolAnswered("c", "book_appointment", "[1", '{"status":"done"}'))
    told.says("a haircut on Tuesday at ten").asked("what name")
