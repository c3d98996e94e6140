"""The embedded dialogue with the tools that ship, their handlers and a real database."""

import datetime as dt
import itertools
import json
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import regex

from agents.local.acts import Act, CallTool, Speak
from agents.local.dialogue import Dialogue
from agents.persona import Persona
from tests.databases import new_store
from tests.tools.desk import CALLER, Desk
from tools.booking.offer import booking_tools
from tools.booking.shop import default_shop
from tools.calls.offer import NOBODY, Targets, call_tools
from tools.crm.offer import crm_tools
from tools.registry import Registry
from tools.store import Store

LONDON = zoneinfo.ZoneInfo("Europe/London")
FRIDAY = dt.datetime(2026, 11, 20, 8, 0, tzinfo=LONDON)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "frontdesk.db")
    yield opened
    opened.close()


class Line:
    """One call after another to the shop, by the same caller."""

    def __init__(
        self, store: Store, number: str | None = CALLER, targets: Targets = NOBODY
    ) -> None:
        shop = default_shop()
        tools = (*booking_tools(shop, store), *crm_tools(store), *call_tools(targets))
        self.registry = Registry(tools)
        self.desk = Desk(self.registry, store, FRIDAY)
        self.ids = (f"tc{number}" for number in itertools.count(1))
        self.number = number
        self.calls = 0
        self.ring()

    def ring(self) -> None:
        self.calls += 1
        self.dialogue = Dialogue(self.registry.specs(), Persona(), FRIDAY, self.ids)
        self.done: list[tuple[str, dict[str, Any], str]] = []

    async def says(self, text: str) -> str:
        """What is answered in the end, all tools run."""
        return await self._perform(self.dialogue.heard(text, constrained=False))

    async def _perform(self, acts: list[Act]) -> str:
        said = []
        for act in acts:
            match act:
                case Speak(text):
                    said.append(text)
                case CallTool(call_id, name, arguments):
                    outcome = await self.desk.ask(
                        name,
                        arguments,
                        tool_call_id=call_id,
                        call=f"CA{self.calls}",
                        number=self.number,
                    )
                    self.done.append((name, json.loads(arguments), outcome.state.value))
                    answer = self.dialogue.tool_answered(call_id, outcome.output)
                    said.append(await self._perform(answer))
        return " ".join(filter(None, said))

    def wrote(self, name: str) -> list[tuple[dict[str, Any], str]]:
        return [(arguments, state) for tool, arguments, state in self.done if tool == name]


async def test_an_appointment_is_asked_for_by_voice_and_stands_in_the_book(store: Store) -> None:
    line = Line(store)
    assert "name" in await line.says(
        "Hi, I'd like a haircut on Tuesday at half past three, please."
    )
    check = await line.says("My name is Jane Doe.")
    assert "haircut" in check
    assert "Tuesday the twenty-fourth of November, at three thirty p m" in check
    assert "booked" in await line.says("Yes, please.")
    asked = {"service": "haircut", "date": "2026-11-24", "time": "15:30", "name": "Jane Doe"}
    assert line.wrote("book_appointment") == [(asked, "done")]
    assert "oodbye" in await line.says("No, that's all, thank you.")
    assert line.wrote("end_call") == [({}, "done")]


async def test_the_times_of_a_day_are_read_out_and_one_of_them_taken(store: Store) -> None:
    line = Line(store)
    assert "day" in await line.says("I'd like to book a beard trim")
    assert "Sunday" in await line.says("Sunday")
    assert "time" in await line.says("Tuesday")
    assert "On Tuesday" in await line.says("What times do you have?")
    assert "name" in await line.says("ten thirty")
    assert "ten thirty a m" in await line.says("Kim")
    assert "booked" in await line.says("yes")


async def test_times_asked_for_first_lead_to_the_booking(store: Store) -> None:
    line = Line(store)
    assert "Which would suit you?" in await line.says("What times do you have on Wednesday?")
    answer = await line.says("Ten, please.")
    assert "like to have done" in answer, answer
    assert "name" in await line.says("a haircut")
    assert "Wednesday the twenty-fifth of November, at ten a m" in await line.says("Kim")


async def test_a_day_far_ahead_is_left_to_the_tool(store: Store) -> None:
    line = Line(store)
    await line.says("I'd like a haircut")
    assert "time" in await line.says("the sixth of January")
    await line.says("ten")
    assert "sixth of January" in await line.says("Kim")
    assert "booked" in await line.says("yes")


async def test_a_time_taken_meanwhile_is_told_and_asked_for_again(store: Store) -> None:
    line = Line(store)
    await line.says("a haircut on Tuesday at three thirty")
    check = await line.says("Jane Doe")
    assert "Is that right?" in check
    asked = {"service": "haircut", "date": "2026-11-24", "time": "15:30", "name": "Other"}
    await line.desk.ask("book_appointment", asked, call="CA77", number="+442079460099")
    answer = await line.says("yes")
    assert "already taken" in answer
    assert "time" in answer
    assert "ten a m" in await line.says("ten")
    assert "booked" in await line.says("yes")


async def test_an_appointment_is_moved_and_cancelled_on_later_calls(store: Store) -> None:
    line = Line(store)
    await line.says("a haircut on Tuesday at three thirty")
    await line.says("Jane Doe")
    await line.says("yes")
    line.ring()
    await line.says("I need to move my appointment")
    await line.says("Wednesday")
    check = await line.says("eleven")
    assert "Wednesday the twenty-fifth of November, at eleven a m" in check
    assert "name" in await line.says("yes")
    await line.says("Jane Doe")
    assert "what day is the appointment on" in await line.says("yes")
    assert "old date Tuesday" in await line.says("Tuesday")
    assert "moved" in await line.says("yes")
    line.ring()
    assert "name" in await line.says("When is my appointment?")
    assert "day" in await line.says("Jane Doe")
    assert "haircut on Wednesday" in await line.says("Wednesday")
    check = await line.says("I want to cancel my appointment")
    assert "Wednesday the twenty-fifth" in check
    assert "Is that right?" in check
    assert "ancelled" in await line.says("yes")
    cancelled = {"date": "2026-11-25", "name": "Jane Doe"}
    assert line.wrote("cancel_appointment") == [(cancelled, "done")]


async def test_from_one_day_to_another_tells_which_is_which(store: Store) -> None:
    line = Line(store)
    await line.says("a haircut on Tuesday at three thirty")
    await line.says("Jane Doe")
    await line.says("yes")
    line.ring()
    check = await line.says("I need to move my appointment from Tuesday to Thursday at ten")
    assert "on Thursday the twenty-sixth of November, at ten a m" in check
    assert "old date Tuesday" in check
    assert "name" in await line.says("yes")
    await line.says("Jane Doe")
    assert "moved" in await line.says("yes")


async def test_a_caller_without_appointments_is_told_so(store: Store) -> None:
    line = Line(store)
    await line.says("I want to cancel my appointment")
    await line.says("On Tuesday")
    assert "name" in await line.says("yes")
    await line.says("Jane Doe")
    assert "can't find an appointment" in await line.says("yes")
    assert all(state == "refused" for _, state in line.wrote("cancel_appointment"))


async def test_a_withheld_number_is_asked_for_the_name(store: Store) -> None:
    line = Line(store)
    await line.says("a haircut on Tuesday at three thirty")
    await line.says("Jane Doe")
    await line.says("yes")
    withheld = Line(store, number=None)
    withheld.calls = 50
    assert "day" in await withheld.says("I want to cancel my appointment")
    assert "right" in await withheld.says("Tuesday")
    assert "name" in await withheld.says("yes")
    assert "Jane Doe" in await withheld.says("Jane Doe")
    answer = await withheld.says("yes")
    assert answer


async def test_a_note_is_taken_instead_of_a_person(store: Store) -> None:
    line = Line(store)
    answer = await line.says("Can I talk to a person?")
    assert "can't put you through" in answer
    assert "note down" in answer
    assert "call me back" in await line.says("Please call me back about my hair colour.")
    assert "made a note" in await line.says("yes")


TARGETS = {"sales": "I'll put you through to sales.", "front desk": "I'll get somebody."}


@pytest.mark.parametrize("text", ["Can I talk to a person?", "operator", "put me through please"])
async def test_a_person_is_put_through_to_at_once(store: Store, text: str) -> None:
    line = Line(store, targets=Targets(TARGETS, "front desk"))
    assert await line.says(text) == "I'll get somebody."
    assert line.wrote("transfer_call") == [({}, "done")]


async def test_a_target_is_asked_for_when_there_is_no_person(store: Store) -> None:
    line = Line(store, targets=Targets(TARGETS))
    assert "Who would you like to speak to?" in await line.says("Can I talk to a person?")
    assert await line.says("sales") == "I'll put you through to sales."
    assert line.wrote("transfer_call")[-1] == ({"target": "sales"}, "done")


async def test_the_caller_who_is_back_can_still_book(store: Store) -> None:
    line = Line(store, targets=Targets(TARGETS, "front desk"))
    await line.says("Can I talk to a person?")
    line.dialogue.interposed("I'm sorry, nobody is free to take your call just now.")
    answer = await line.says("I want to book an appointment")
    assert answer == "What would you like to have done?"


@pytest.mark.parametrize("text", ["what services do you have", "what do you offer"])
async def test_the_services_are_told(store: Store, text: str) -> None:
    line = Line(store)
    assert "haircut for 45 minutes, 30 pounds; beard trim" in await line.says(text)
    await line.says("I want to book an appointment")
    answer = await line.says(text)
    assert "haircut" in answer, answer


async def test_how_long_one_takes_and_what_it_costs_is_told_also_in_between(store: Store) -> None:
    line = Line(store)
    about = "Beard trim: 30 minutes, 15 pounds."
    assert about in await line.says("How much is a beard trim?")
    assert "We offer" in await line.says("What do you offer?"), "not of what was asked last"
    await line.says("I'd like a beard trim on Tuesday")
    for question in ("How long does it take?", "And what does it cost?", "How much is that?"):
        answer = await line.says(question)
        assert about in answer
        assert answer.endswith("What time would you like?")


async def test_a_part_of_the_day_is_offered_and_picked_from(store: Store) -> None:
    line = Line(store)
    offer = await line.says("A haircut on Saturday in the afternoon, please.")
    assert offer == (
        "In the afternoon I have noon, two p m, two thirty p m, three p m, three thirty p m and"
        " four p m. Which would suit you?"
    )
    assert "name" in await line.says("the second one")
    assert "at two p m" in await line.says("Kim")
    morning = await line.says("Actually in the morning")
    assert "In the morning I have nine a m" in morning
    assert "at nine thirty a m" in await line.says("half nine")
    assert "booked" in await line.says("Yes, please.")
    assert line.wrote("book_appointment")[0][0]["time"] == "09:30"


async def test_a_yes_with_another_part_of_the_day_books_nothing(store: Store) -> None:
    line = Line(store)
    await line.says("A haircut on Tuesday at ten")
    await line.says("Kim")
    assert "In the afternoon I have" in await line.says("Yes, but in the afternoon.")
    assert line.wrote("book_appointment") == []


async def at_the_read_back(store: Store) -> Line:
    line = Line(store)
    await line.says("I'd like to book a haircut on Tuesday at ten")
    assert "Is that right?" in await line.says("John Smith")
    return line


@pytest.mark.parametrize(
    "said",
    [
        "yes, at ten, assuming it's still free",
        "yes Tuesday, depending on the price",
        "yes at ten so long as it is cheap",
        "fine, ten, I must speak to my wife",
        "fine, ten, I'll see",
        "yes ten, can I bring my dog",
        "yes at ten unless my boss says no",
        "okay, provided it doesn't hurt, at ten",
    ],
)
async def test_a_yes_with_a_condition_or_a_question_books_nothing(store: Store, said: str) -> None:
    line = await at_the_read_back(store)
    assert "Is that right?" in await line.says(said)
    assert line.wrote("book_appointment") == []
    assert "booked" in await line.says("yes")


@pytest.mark.parametrize(
    "said",
    [
        "yes, that's fine",
        "yeah go ahead",
        "perfect thanks",
        "lovely, book it",
        "yes please do that",
        "ok great sure",
        "I'll take it",
        "Yes, Tuesday at 10:00.",
        "yes, that is it",
    ],
)
async def test_a_plain_yes_in_several_words_books(store: Store, said: str) -> None:
    line = await at_the_read_back(store)
    assert "booked" in await line.says(said)


async def test_a_day_said_back_by_its_nearness_is_no_other_day(store: Store) -> None:
    line = Line(store)
    await line.says("A haircut tomorrow at noon")
    assert "Saturday the twenty-first" in await line.says("Kim")
    assert "booked" in await line.says("Yes, tomorrow at twelve.")


@pytest.mark.parametrize(
    "said", ["when's the earliest?", "as soon as possible", "I don't mind", "any day, whenever"]
)
async def test_the_earliest_is_named_before_it_is_taken(store: Store, said: str) -> None:
    line = Line(store)
    await line.says("I'd like a beard trim")
    answer = await line.says(said)
    assert answer.startswith("The earliest is Friday the twentieth of November at nine a m.")
    assert "name" in answer
    assert "at nine a m" in await line.says("Kim")
    assert "booked" in await line.says("yes that's fine")


async def test_a_time_right_behind_a_day_needs_no_word_before_it(store: Store) -> None:
    line = Line(store)
    assert "name" in await line.says("Book me a haircut Tuesday ten, please")
    assert "on Tuesday the twenty-fourth of November, at ten a m" in await line.says("Kim")
    for said in ("A haircut on Tuesday two of us", "A haircut, not Tuesday two please"):
        line.ring()
        await line.says(said)
        assert "time" in await line.says("Wednesday"), said


async def test_a_name_is_changed_in_one_sentence(store: Store) -> None:
    line = Line(store)
    await line.says("A haircut on Tuesday at ten")
    await line.says("Jim")
    assert "name James" in await line.says("Change the name to James")


async def test_any_time_of_the_part_that_was_asked_for_will_do(store: Store) -> None:
    line = Line(store)
    await line.says("A haircut on Tuesday afternoon")
    answer = await line.says("I don't mind")
    assert answer.startswith("The earliest is Tuesday the twenty-fourth of November at noon.")


async def test_something_else_is_something_of_the_whole_day(store: Store) -> None:
    line = Line(store)
    await line.says("A haircut on Tuesday afternoon")
    assert "9 AM" in await line.says("Do you have anything earlier?")
    assert "name" in await line.says("ten")
    answer = await line.says("Hm, something later?")
    assert "3 PM" in answer, "the list of times, not of names"


async def test_a_part_of_the_day_with_nothing_free_is_told_with_what_there_is(store: Store) -> None:
    line = Line(store)
    answer = await line.says("A haircut on Saturday evening")
    assert answer.startswith("There is nothing free in the evening. On Saturday")
    assert "at four p m" in await line.says("four, for Kim") or "name" in line.dialogue._last


async def test_free_times_asked_for_with_a_part_of_the_day_are_of_that_part(store: Store) -> None:
    line = Line(store)
    answer = await line.says("What times do you have on Wednesday morning for a haircut?")
    assert "In the morning I have nine a m" in answer
    assert "In the afternoon I have" in await line.says("And in the afternoon?")


async def test_asking_for_a_message_again_is_no_message(store: Store) -> None:
    line = Line(store)
    assert "note down" in await line.says("I'd like to leave a message")
    assert "note down" in await line.says("Yes, I'd like to leave a message.")
    check = await line.says("I am running late")
    assert "note: I am running late" in check, check


async def test_what_may_be_said_of_when_is_listened_for(store: Store) -> None:
    line = Line(store)
    assert listened_for(line, "a haircut on tuesday in the afternoon please", "when are you open")
    await line.says("A haircut")
    assert listened_for(line, "tuesday afternoon", "i don't mind", "as soon as possible", "any day")
    await line.says("Tuesday")
    assert listened_for(line, "in the morning please", "half five", "any time", "the earliest")
    await line.says("Ten")
    await line.says("Kim")
    assert listened_for(line, "yes that's fine", "yeah go ahead", "perfect thanks", "half five")
    assert not listened_for(line, "yes no")


def listened_for(line: Line, *answers: str) -> bool:
    pattern = line.dialogue.expectation().pattern
    assert pattern is not None
    return all(regex.fullmatch(pattern, answer) for answer in answers)


async def test_when_the_shop_is_open_is_told_also_in_between(store: Store) -> None:
    line = Line(store)
    sunday = await line.says("Are you open on Sunday?")
    assert "On Sunday the 22nd of November we are closed." in sunday
    assert "open on Tuesday the 24th of November, from 9 AM to 6 PM" in sunday
    assert "We are closed on Monday and Sunday." in await line.says("What are your opening hours?")
    await line.says("I'd like a haircut on Wednesday")
    answer = await line.says("When are you open?")
    assert "On Wednesday the 25th of November we are open from 9 AM" in answer
    assert answer.endswith("What time would you like?")


async def test_which_of_two_appointments_is_meant_is_asked_and_the_answer_taken(
    store: Store,
) -> None:
    line = Line(store)
    for day, time in (("Saturday", "three in the afternoon"), ("Tuesday", "three thirty")):
        await line.says("I'd like to book a haircut, please.")
        for said in (f"On {day}.", f"At {time}.", "My name is Ann Lee.", "Yes."):
            await line.says(said)
        line.ring()
    for said in ("I'd like to move my appointment.", "To Wednesday.", "At three in the afternoon."):
        await line.says(said)
    assert "name" in await line.says("Yes, that's right.")
    await line.says("Ann Lee.")
    assert "what day is the appointment on" in await line.says("Yes.")
    again = await line.says("The one on Tuesday.")
    assert "Wednesday the twenty-fifth" in again
    assert "Tuesday the twenty-fourth" in again
    assert "moved" in await line.says("Yes.")
    moved = {"date": "2026-11-25", "time": "15:00", "old_date": "2026-11-24", "name": "Ann Lee"}
    assert line.wrote("reschedule_appointment")[-1] == (moved, "done")


@pytest.mark.parametrize("day", ["", "I don't care, ", "Any day, "])
async def test_which_appointment_to_cancel_is_never_picked_for_the_caller(
    store: Store, day: str
) -> None:
    line = Line(store)
    for when in ("Saturday at three in the afternoon", "Tuesday at three thirty"):
        for said in (f"I'd like to book a haircut on {when}.", "Ann Lee.", "Yes."):
            await line.says(said)
    asked = await line.says(f"{day}please cancel my appointment as soon as possible")
    assert asked.endswith("What day is the appointment on?")
    assert line.wrote("cancel_appointment") == []
    assert "Tuesday the twenty-fourth" in await line.says("Tuesday")


async def test_the_soonest_of_what_is_free_is_no_appointment_to_move(store: Store) -> None:
    line = Line(store)
    for when in ("Saturday at three in the afternoon", "Tuesday at three thirty"):
        for said in (f"I'd like to book a haircut on {when}.", "Ann Lee.", "Yes."):
            await line.says(said)
    line.ring()
    check = await line.says("I'd like to move my appointment as soon as possible")
    assert "The earliest is Friday the twentieth" in check
    assert "old date" not in check
    assert "name" in await line.says("Yes.")
    await line.says("Ann Lee.")
    assert "what day is the appointment on" in await line.says("Yes.")
    assert "old date" not in await line.says("I don't care")
    assert all(state == "refused" for _, state in line.wrote("reschedule_appointment"))
