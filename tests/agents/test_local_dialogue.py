"""The embedded engine's conversation, told as scripts of what is said and done."""

from typing import Any

import pytest

from agents.local.acts import Speak
from tests.agents.talk import (
    DATE,
    NAME,
    SALON,
    SALON_ANSWERS,
    SERVICE,
    Talk,
    pattern_takes,
    spec,
    talk,
)
from tools.spec import Risk, ToolSpec

BOOKED = {"service": "haircut", "date": "2026-11-24", "time": "15:30", "name": "Jane Doe"}


def at_check() -> Talk:
    """Everything told; the read-back was just said."""
    return (
        talk()
        .says("I'd like a haircut on Tuesday at three thirty")
        .says("Jane Doe")
        .asked("haircut", "Tuesday the twenty-fourth of November", "three thirty p m", "Jane Doe")
        .asked("Is that right?")
    )


# ---- the plain way ----------------------------------------------------------------------------


def test_a_booking_asked_for_piece_by_piece() -> None:
    (
        talk()
        .says("Hi, can I make an appointment?")
        .asked("which service")
        .answers_shortly("A haircut, please.")
        .asked("what day")
        .answers_shortly("Tuesday.")
        .asked("what time")
        .answers_shortly("3:30 p.m.")
        .asked("what name")
        .says("My name is Jane Doe.")
        .asked("Let me check", "haircut", "Tuesday the twenty-fourth of November")
        .wrote_nothing()
        .answers_shortly("Yes, that's right.")
        .called("book_appointment", **BOOKED)
        .asked("You are booked.", "anything else")
        .answers_shortly("No thanks.")
        .asked("goodbye")
        .called("hang_up")
    )


def test_several_values_in_one_sentence_are_not_asked_for_again() -> None:
    (
        talk()
        .says("a haircut on Tuesday at three thirty")
        .asked("what name")
        .did_not_say("what day", "what time")
    )


def test_a_day_and_a_time_answer_the_question_for_the_day() -> None:
    talk().says("I'd like a haircut").answers_shortly("Tuesday at three thirty").asked("what name")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("the thirty-first of November", "there is no thirty-first of November"),
        ("Wednesday the twenty-fourth", "the twenty-fourth of November is a Tuesday"),
        ("I can't do Friday", "what day"),
    ],
)
def test_a_day_that_cannot_be_is_asked_for_again(said: str, answer: str) -> None:
    asked = talk().says("I'd like a haircut").says(said).asked(answer, "what day")
    asked.says("Tuesday next week").says("ten").says("Jane Doe").asked("twenty-fourth of November")


def test_another_day_in_answer_to_a_read_back_must_be_one() -> None:
    asked = at_check().says("No, the thirty-first of November").wrote_nothing()
    asked.asked("there is no thirty-first of November", "what day")
    at_check().says("Yes, but not on Tuesday").wrote_nothing()


def test_services_are_looked_up_once_to_understand_what_is_wanted() -> None:
    asked = talk().says("I'd like a haircut").called("list_services").asked("what day")
    asked.says("Tuesday")
    assert ("list_services", {}) not in asked.calls


def test_goodbye_while_something_is_open_says_that_it_was_left() -> None:
    at_check().says("Goodbye").wrote_nothing().asked("left that", "goodbye").called("hang_up")


@pytest.mark.parametrize(
    "parting",
    [
        "No, that's all. Thank you, goodbye.",
        "No thank you, goodbye.",
        "No, that's it for today, thanks a lot, bye bye.",
        "That's everything. Have a nice day.",
        "No thanks, bye.",
    ],
)
def test_a_courteous_end_is_listened_for_as_a_whole(parting: str) -> None:
    booked = at_check().answers_shortly("Yes, that's right, thank you very much.")
    booked.called("book_appointment", **BOOKED).asked("anything else")
    booked.answers_shortly(parting).asked("goodbye").called("hang_up")


@pytest.mark.parametrize(
    "parting", ["Thank you, goodbye.", "Thank you for the time.", "Bye now.", "Okay.", ""]
)
def test_what_is_said_after_the_goodbye_begins_nothing_new(parting: str) -> None:
    parted = talk().says("Goodbye.").called("hang_up")
    parted.says(parting).asked("goodbye").called("hang_up")
    assert parted.new == ["Goodbye."]


def test_a_clear_wish_after_the_goodbye_is_taken_up() -> None:
    talk().says("Goodbye.").says("Oh, can I make an appointment?").asked("which service")


def test_goodbye_without_a_tool_to_hang_up_is_still_said() -> None:
    quiet = talk(SALON[:3]).says("bye").asked("goodbye")
    assert quiet.calls == []
    quiet.says("a haircut please").asked("what day")


def test_a_second_wish_starts_afresh_but_keeps_the_name() -> None:
    (
        at_check()
        .says("yes")
        .says("I'd also like to book an appointment for a beard trim")
        .asked("what day")
        .says("tomorrow at ten")
        .asked("beard trim", "Saturday the twenty-first", "ten a m", "Jane Doe")
    )


# ---- lists of choices -------------------------------------------------------------------------


def test_what_times_do_you_have_reads_out_the_list_for_what_is_known() -> None:
    (
        talk()
        .says("I'd like a haircut")
        .says("Tuesday")
        .answers_shortly("What times do you have?")
        .asked("ten, ten thirty, and half past three", "what time")
    )


def test_a_time_said_into_the_list_of_times_picks_it() -> None:
    (
        talk()
        .says("I'd like a haircut on Tuesday")
        .says("what times do you have")
        .hears_only("We have ten, ten")
        .answers_shortly("ten thirty")
        .asked("what name")
        .says("Jane")
        .asked("ten thirty a m")
    )


def test_the_second_one_picks_by_place() -> None:
    asked = talk().says("I'd like a haircut on Tuesday").says("what times do you have")
    asked.says("the second one").says("Jane").asked("ten thirty a m")


def test_times_asked_for_before_the_day_is_known_ask_for_the_day() -> None:
    talk().says("I'd like a haircut").says("what times do you have").asked("what day")


def test_what_services_do_you_have_is_answered_from_the_tool() -> None:
    talk().says("What services do you have?").asked("haircuts, colour, and beard trims")
    talk().says("can I make an appointment").says("what services do you have").asked(
        "haircuts, colour", "which service"
    )


def test_a_time_that_is_not_free_is_refused_with_those_that_are() -> None:
    (
        talk()
        .says("a haircut on Tuesday at four")
        .asked("four p m is not available", "ten, ten thirty", "what time")
        .says("half past three")
        .asked("what name")
    )


def test_a_day_without_times_is_asked_for_again() -> None:
    (
        talk()
        .says("a haircut on Sunday")
        .asked("closed on Sundays", "what day")
        .says("Monday")
        .asked("what time")
    )


def test_a_free_time_after_a_question_for_times_starts_the_booking() -> None:
    (
        talk()
        .says("what times do you have for a haircut on Tuesday")
        .asked("ten thirty")
        .says("at ten thirty please")
        .asked("what name")
        .says("Kim")
        .asked("haircut", "Tuesday the twenty-fourth", "ten thirty a m", "Kim")
    )


def test_several_services_that_fit_are_asked_about() -> None:
    answers = {
        **SALON_ANSWERS,
        "list_services": lambda _: {"choices": ["men's cut", "women's cut"], "message": "Cuts."},
    }
    (
        talk(SALON, answers)
        .says("book an appointment for a cut")
        .asked("do you mean men's cut or women's cut")
        .says("women's")
        .asked("what day")
    )


def test_services_that_cannot_be_listed_end_the_attempt_honestly() -> None:
    answers = {**SALON_ANSWERS, "list_services": lambda _: {"status": "failed", "message": ""}}
    (
        talk(SALON, answers)
        .says("can I make an appointment")
        .asked("can't look that up", "anything else")
        .wrote_nothing()
    )


def test_times_that_cannot_be_listed_leave_the_decision_to_the_tool() -> None:
    answers = {**SALON_ANSWERS, "find_times": lambda _: "not json"}
    talk(SALON, answers).says("a haircut on Tuesday at four").says("Jane").asked("four p m")


# ---- corrections ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("correction", "now"),
    [
        ("No, Wednesday.", "Wednesday the twenty-fifth"),
        ("Actually make it ten thirty.", "ten thirty a m"),
        ("no, ten", "ten a m"),
        ("Yes but make it ten thirty", "ten thirty a m"),
        ("No, a beard trim", "beard trim"),
        ("no, my name is Joan Dow", "Joan Dow"),
    ],
)
def test_a_correction_of_the_read_back_is_read_back_again(correction: str, now: str) -> None:
    at_check().says(correction).wrote_nothing().asked(now, "is that right").says("yes").asked(
        "booked"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Okay, let me think about it",
        "Yes, a haircut, once I have asked my boss",
        "yes on tuesday, let me check first",
    ],
)
def test_who_wants_time_at_the_read_back_has_not_agreed(text: str) -> None:
    at_check().says(text).wrote_nothing().says("yes").asked("booked")


def test_the_values_may_be_said_again_with_a_yes() -> None:
    at_check().says("Yes, a haircut on Tuesday, perfect").asked("booked")


def test_corrections_are_listened_for_after_the_read_back() -> None:
    for text in ("no Wednesday", "make it ten thirty", "no, the time", "what times do you have"):
        at_check().answers_shortly(text).wrote_nothing()


def test_no_asks_what_to_change_and_takes_a_value_or_the_name_of_one() -> None:
    (
        at_check()
        .answers_shortly("no")
        .asked("what should I change")
        .says("the time")
        .asked("what time")
        .says("ten")
        .asked("ten a m", "is that right")
        .says("no")
        .says("Joan")
        .asked("name Joan")
    )


def test_no_change_after_all_reads_back_again() -> None:
    at_check().says("no").says("no").asked("Let me check", "three thirty").wrote_nothing()


def test_a_mended_day_without_the_time_asks_for_the_time() -> None:
    answers = {**SALON_ANSWERS}
    original = SALON_ANSWERS["find_times"]

    def times(arguments: dict[str, Any]) -> Any:
        if arguments["date"] == "2026-11-25":
            return {"status": "done", "message": "Only eleven is left.", "choices": ["11:00"]}
        return original(arguments)

    answers["find_times"] = times
    asked = talk(SALON, answers).says("a haircut on Tuesday at three thirty").says("Jane Doe")
    asked.says("no, Wednesday").asked("three thirty p m is not available", "only eleven is left")


def test_a_name_that_was_misheard_is_to_be_spelled() -> None:
    (
        at_check()
        .answers_shortly("no, the name")
        .asked("spell the name")
        .says("")
        .asked("spell the name")
        .answers_shortly("D O W")
        .asked("Dow, spelled D as in dog, O, W.", "is that right")
        .answers_shortly("yes")
        .asked("name Dow", "is that right")
    )


def spelled() -> Talk:
    asked = at_check().answers_shortly("no, the name").answers_shortly("B O I D")
    return asked.asked("Boid, spelled B as in boy, O, I, D as in dog.").wrote_nothing()


def test_letters_misheard_are_spelled_again_until_they_are_right() -> None:
    (
        spelled()
        .answers_shortly("no")
        .asked("Sorry. Please spell the name")
        .answers_shortly("b as in boy, o, y, d as in dog")
        .asked("Boyd, spelled B as in boy, O, Y, D as in dog.")
        .says("blah blah")
        .asked("didn't catch that", "Boyd, spelled")
        .says("")
        .asked("yes, or spell it once more")
        .answers_shortly("yes")
        .asked("name Boyd", "is that right")
        .answers_shortly("yes")
        .called("book_appointment", **{**BOOKED, "name": "Boyd"})
    )


def test_letters_said_once_more_instead_of_an_answer_are_taken() -> None:
    spelled().answers_shortly("no, B O Y D").asked("Boyd, spelled").wrote_nothing()


def test_in_the_middle_of_spelling_anything_else_goes_on_as_ever() -> None:
    spelled().answers_shortly("never mind").asked("leave that").wrote_nothing()
    spelled().says("thank you").asked("You're welcome.", "Boid, spelled")
    spelled().says("goodbye").asked("I've left that", "goodbye").wrote_nothing()


def test_other_values_given_while_spelling_are_kept() -> None:
    told = at_check().answers_shortly("no, the name").says("on wednesday, my name is D O W")
    told.asked("Dow, spelled").answers_shortly("yes").asked("on Wednesday", "name Dow")


def test_never_mind_leaves_it() -> None:
    at_check().answers_shortly("never mind").wrote_nothing().asked("leave that", "anything else")


def test_a_correction_while_another_value_is_asked_for_is_taken() -> None:
    (
        talk()
        .says("I'd like a haircut on Tuesday")
        .answers_shortly("no, Wednesday")
        .asked("what time")
        .says("ten")
        .says("Jane")
        .asked("Wednesday the twenty-fifth")
    )


# ---- heard or not -----------------------------------------------------------------------------


def test_a_yes_into_a_read_back_cut_short_reads_it_back_again() -> None:
    (
        at_check()
        .hears_only("Let me check. I'll book an appointment: haircut,")
        .answers_shortly("yes")
        .wrote_nothing()
        .asked("just to be sure", "three thirty p m")
        .answers_shortly("yes")
        .called("book_appointment", **BOOKED)
    )


def test_a_read_back_of_which_nothing_was_heard_is_said_again() -> None:
    at_check().hears_only("").answers_shortly("yes").wrote_nothing().asked("three thirty p m")


def test_a_yes_after_all_values_were_heard_counts() -> None:
    asked = at_check()
    whole = asked.spoken[-1]
    asked.hears_only(whole.removesuffix(" Is that right?")).answers_shortly("yes")
    asked.called("book_appointment", **BOOKED)


def test_a_correction_spoken_over_the_read_back_counts() -> None:
    at_check().hears_only("Let me check.").says("no, Wednesday").asked("Wednesday", "is that right")


def test_a_cut_of_an_older_sentence_does_not_matter() -> None:
    asked = at_check()
    asked.dialogue.cut("Something else.", "")
    asked.answers_shortly("yes").called("book_appointment", **BOOKED)


def test_a_cut_while_nothing_is_to_be_confirmed_changes_nothing() -> None:
    talk().says("a haircut").hears_only("What").says("Tuesday").asked("what time")


def test_a_yes_to_are_you_still_there_confirms_nothing() -> None:
    asked = at_check()
    asked.dialogue.interposed("Are you still there?")
    asked.answers_shortly("yes").wrote_nothing().asked("three thirty p m")


def test_a_yes_in_a_rambling_sentence_confirms_nothing() -> None:
    at_check().says("Yes I was just telling the dog to get down").wrote_nothing()


def test_a_yes_that_repeats_what_was_read_back_counts() -> None:
    at_check().says("Yes, Tuesday at three thirty").called("book_appointment", **BOOKED)


# ---- not understood ---------------------------------------------------------------------------


def test_silence_twice_offers_help() -> None:
    (
        talk()
        .says("can I make an appointment")
        .says("")
        .asked("didn't catch that", "which service")
        .says("")
        .asked("you can choose haircut, colour or beard trim")
    )


def test_a_name_not_understood_twice_is_to_be_spelled() -> None:
    (
        talk()
        .says("a haircut on Tuesday at ten")
        .says("I don't know what you want")
        .asked("didn't catch", "what name")
        .says("")
        .asked("spell the name")
        .answers_shortly("J, O, N, E, S")
        .asked("Jones, spelled J, O, N as in Nancy, E, S as in sugar.")
        .answers_shortly("yes")
        .asked("name Jones")
    )


@pytest.mark.parametrize("noise", ["", "blah blah", "seventeen elephants"])
def test_noise_in_any_state_is_answered(noise: str) -> None:
    for asked in (talk(), talk().says("a haircut"), at_check(), at_check().says("no")):
        asked.says(noise).says(noise).wrote_nothing()


def test_off_topic_is_told_what_can_be_done() -> None:
    (
        talk()
        .says("what's the weather like")
        .asked("I can book an appointment")
        .says("tell me a joke")
        .asked("can't help with that", "book an appointment")
    )


def test_help_tells_what_can_be_done_in_the_middle_of_things_too() -> None:
    asked = talk().says("a haircut").answers_shortly("help")
    asked.asked("I can book an appointment", "what day")


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("hello", "hello"),
        ("thank you", "welcome"),
        ("hold on", "take your time"),
        ("yes", "what can I do"),
        ("no", "all right"),
        ("what can you do", "book an appointment"),
    ],
)
def test_courtesies_are_answered(said: str, answered: str) -> None:
    talk().says(said).asked(answered)


def test_repeat_that_says_it_again() -> None:
    asked = talk().says("repeat that").asked("Thanks for calling")
    asked.says("a haircut").answers_shortly("repeat that").asked("what day")
    at_check().answers_shortly("say that again").asked("three thirty p m", "is that right")


def test_a_question_not_answered_is_asked_again_after_a_courtesy() -> None:
    asked = talk().says("a haircut").says("thanks").asked("welcome", "what day")
    asked.answers_shortly("hold on").asked("take your time").says("tomorrow").asked("what time")


@pytest.mark.parametrize(
    "said",
    [
        *("no", "goodbye", "repeat that", "never mind", "what times do you have", "hold on"),
        *("can I talk to a person", "what did you say?"),
    ],
)
def test_what_may_be_said_at_any_time_is_listened_for_at_any_question(said: str) -> None:
    for asked in (
        talk().says("a haircut"),
        talk().says("a haircut on Tuesday"),
        talk().says("can I make an appointment"),
        at_check(),
        at_check().says("no"),
    ):
        asked.answers_shortly(said).wrote_nothing()


@pytest.mark.parametrize(
    "said",
    [
        *("I'd like to book an appointment", "Can I make an appointment for Tuesday at ten?"),
        *("What times do you have on Friday?", "What services do you have?"),
    ],
)
def test_the_tools_own_phrases_are_listened_for_once_choices_are_known(said: str) -> None:
    talk().says("something odd").answers_shortly(said)


def test_a_whole_request_is_listened_for_once_choices_are_known() -> None:
    asked = talk().says("something odd")
    asked.answers_shortly("I'd like a haircut on Tuesday at half past three, please.")
    asked.asked("what name")


# ---- people -----------------------------------------------------------------------------------


def test_a_person_cannot_be_had_and_that_is_said() -> None:
    talk().says("Can I talk to a person?").asked("can't put you through", "book an appointment")
    talk().says("a haircut").answers_shortly("Can I talk to a person?").asked(
        "can't put you through", "what day"
    )


MESSAGE = spec(
    "take_message",
    {"text": {"type": "string", "x-ask": "What shall I pass on?"}},
    risk=Risk.MESSAGE,
    confirm=("text",),
    phrases=("can I leave a message",),
)


def test_a_message_is_taken_instead_of_a_person() -> None:
    answers = {**SALON_ANSWERS, "take_message": lambda _: {"message": "I'll pass it on."}}
    (
        talk((*SALON, MESSAGE), answers)
        .says("can I speak to a person")
        .asked("take a message", "what shall I pass on")
        .says("Please tell Alex that I said goodbye to my old phone.")
        .asked("Please tell Alex", "is that right")
        .says("yes")
        .called("take_message", text="Please tell Alex that I said goodbye to my old phone.")
        .asked("I'll pass it on")
    )


def test_a_transfer_tool_is_called_for_a_person() -> None:
    transfer = spec("transfer_call", phrases=("put me through",), description="Connect the caller.")
    answers = {**SALON_ANSWERS, "transfer_call": lambda _: {"message": "One moment."}}
    talk((*SALON, transfer), answers).says("operator").called("transfer_call")


# ---- what tools answer ------------------------------------------------------------------------


def refusing(answer: Any) -> Talk:
    answers = {**SALON_ANSWERS, "book_appointment": lambda _: answer}
    return talk(SALON, answers).says("a haircut on Tuesday at three thirty").says("Jane Doe")


def test_a_refusal_with_a_field_asks_for_that_field_again() -> None:
    asked = refusing(
        {"status": "refused", "message": "That time was just taken.", "field": "time"}
    ).says("yes")
    asked.asked("sorry", "just taken", "what time").says("ten")
    asked.called("find_times", service="haircut", date="2026-11-24").asked("ten a m", "right")


def test_a_refusal_without_a_field_is_told() -> None:
    refusing({"status": "refused", "message": "We take no more bookings."}).says("yes").asked(
        "sorry", "no more bookings", "anything else"
    )


def test_words_meant_for_a_model_are_not_read_out() -> None:
    asked = refusing({"status": "invalid", "message": "schema mismatch", "field": "name"})
    asked.says("yes").did_not_say("schema").asked("sorry", "what name")


def test_a_backend_that_broke_is_told_honestly() -> None:
    refusing({"status": "failed", "message": "Nothing was changed."}).says("yes").asked(
        "nothing was changed"
    )
    refusing("{broken").says("yes").asked("can't tell whether that worked")
    refusing(["a list"]).says("yes").asked("can't tell whether that worked")


def test_talking_while_a_tool_works_gets_one_moment() -> None:
    asked = talk(slow=("list_services",)).says("I'd like a haircut")
    asked.says("hello?").asked("one moment").wrote_nothing()
    asked.finished().asked("what day")


def test_an_answer_nobody_waits_for_does_nothing() -> None:
    assert talk().dialogue.tool_answered("call_99", "{}") == []
    asked = talk(slow=("list_services",)).says("I'd like a haircut")
    assert asked.dialogue.tool_answered("call_99", "{}") == []
    asked.finished().asked("what day")


def test_a_yes_said_while_the_list_was_looked_up_confirms_nothing() -> None:
    asked = talk(slow=("find_times",)).says("a haircut on Tuesday at three thirty")
    asked.says("yes").wrote_nothing().finished().asked("what name")


# ---- side questions and changes of mind -------------------------------------------------------

HOURS = spec("opening_hours", phrases=("when are you open", "what are your opening hours"))
CANCEL = spec(
    "cancel_booking",
    {
        "booking": {
            "type": "string",
            "x-choices-from": "my_bookings",
            "x-ask": "Which booking is it?",
        }
    },
    risk=Risk.DELETE,
    confirm=("booking",),
    phrases=("cancel my appointment", "I can't make my appointment"),
)
BOOKINGS = spec("my_bookings", phrases=("what appointments do I have",))
MORE = {
    **SALON_ANSWERS,
    "opening_hours": lambda _: {"message": "We are open from nine to six."},
    "cancel_booking": lambda _: {"message": "It is cancelled."},
    "my_bookings": lambda _: {
        "message": "A haircut on Monday at ten.",
        "choices": [{"value": "b-17", "label": "haircut on Monday at ten"}],
    },
}


def test_a_question_in_between_is_answered_and_the_thread_kept() -> None:
    (
        talk((*SALON, HOURS), MORE)
        .says("I'd like a haircut")
        .says("what are your opening hours")
        .called("opening_hours")
        .asked("nine to six", "what day")
        .says("Tuesday")
        .asked("what time")
    )


def test_a_change_of_mind_takes_up_the_other_tool() -> None:
    (
        talk((*SALON, BOOKINGS, CANCEL), MORE)
        .says("I'd like a haircut")
        .says("actually cancel my appointment")
        .asked("cancel your appointment", "haircut on Monday at ten", "is that right")
        .says("yes")
        .called("cancel_booking", booking="b-17")
        .asked("it is cancelled")
    )


def test_nothing_to_cancel_is_told() -> None:
    answers = {**MORE, "my_bookings": lambda _: {"message": "You have none.", "choices": []}}
    (
        talk((*SALON, BOOKINGS, CANCEL), answers)
        .says("cancel my appointment")
        .asked("you have none", "anything else")
        .wrote_nothing()
    )


# ---- any other tool ---------------------------------------------------------------------------

TAXI = (
    spec(
        "order_taxi",
        {
            "pickup": {"type": "string", "description": "Where to pick the caller up"},
            "passengers": {"type": "integer", "minimum": 1, "maximum": 6},
            "car_type": {"enum": ["standard", "estate", "minibus"], "description": "Type of car"},
            "luggage": {"type": "boolean", "description": "Whether there is luggage"},
            "phone": {"type": "string", "format": "phone"},
            "when": {"type": "string", "format": "time", "description": "The pick-up time"},
            "payment": {"enum": ["cash", "card"], "default": "card"},
        },
        optional=("payment",),
        risk=Risk.MONEY,
        confirm=("pickup", "passengers", "car_type", "luggage", "phone", "when", "payment"),
        phrases=("I need a taxi", "can I order a taxi"),
    ),
)
TAXI_ANSWERS = {"order_taxi": lambda _: {"status": "done", "message": "It is on its way."}}


def test_a_taxi_is_ordered_from_its_schema_alone() -> None:
    (
        talk(TAXI, TAXI_ANSWERS)
        .says("I need a minibus taxi for five people")
        .asked("pick")
        .says("Twelve Station Road")
        .did_not_say("passengers", "car")
        .asked("there is luggage, yes or no")
        .answers_shortly("yes")
        .asked("phone")
        .answers_shortly("five five five, one two three four")
        .asked("pick-up time")
        .answers_shortly("seven in the morning")
        .asked("Twelve Station Road", "five passengers", "minibus", "luggage: yes")
        .asked("five five five, one two three four", "seven a m", "card", "is that right")
        .answers_shortly("yes")
        .called(
            "order_taxi",
            pickup="Twelve Station Road",
            passengers=5,
            car_type="minibus",
            luggage=True,
            phone="5551234",
            when="07:00",
            payment="card",
        )
    )


def test_a_number_out_of_bounds_is_refused_with_the_bounds() -> None:
    asked = talk(TAXI, TAXI_ANSWERS).says("I need a taxi").says("the station")
    asked.asked("how many passengers").answers_shortly("nine").asked("at least 1 and at most 6")
    asked.answers_shortly("two").asked("type of car")


def test_the_number_the_call_comes_from_counts_as_a_phone_number() -> None:
    asked = talk(TAXI, TAXI_ANSWERS, caller_number="+15550100100")
    asked.says("I need an estate taxi for two people").says("the station").says("no")
    asked.says("the number I'm calling from").asked("pick-up time").says("ten")
    asked.asked("plus one five five, five zero one")


def test_tools_with_arguments_nobody_can_say_are_left_alone() -> None:
    odd = spec("import_rows", {"rows": {"type": "array"}}, phrases=("import my rows",))
    talk((odd,), {}).says("import my rows").asked("little I can do")


def test_a_schema_without_hints_still_works() -> None:
    bare = spec(
        "leave_review",
        {
            "visit_date": {"type": "string"},
            "stars": {"type": "integer"},
            "your_name": {"type": "string"},
        },
        risk=Risk.WRITE_OWN,
        phrases=("I want to leave a review",),
    )
    answers = {"leave_review": lambda _: {"message": "Thank you."}}
    (
        talk((bare,), answers)
        .says("I want to leave a review")
        .asked("what is the visit date")
        .answers_shortly("tomorrow")
        .asked("how many stars")
        .answers_shortly("five")
        .asked("your name")
        .says("Kim")
        .asked("five stars", "Kim")
        .says("yes")
        .called("leave_review", visit_date="2026-11-21", stars=5, your_name="Kim")
    )


def test_a_write_without_arguments_is_confirmed_too() -> None:
    alarm = spec("request_callback", risk=Risk.MESSAGE, phrases=("please call me back",))
    asked = talk((alarm,), {"request_callback": lambda _: {"message": "We will."}})
    asked.says("please call me back").asked("request callback", "is that right")
    asked.says("what are the options").asked("is that right").says("no").says("what else")
    asked.asked("what should I change").says("no").says("yes").called("request_callback")


@pytest.mark.parametrize(
    ("schema", "help_"),
    [
        ({"type": "string", "format": "phone"}, "digit by digit"),
        ({"type": "boolean"}, "yes or no"),
        ({"type": "string", "format": "date"}, "next Tuesday"),
        ({"type": "string", "format": "time"}, "half past three"),
        ({"enum": ["red", "blue"]}, "choose red or blue"),
        ({"type": "integer"}, "just a number"),
        ({"type": "string"}, "a few words"),
    ],
)
def test_who_is_not_understood_twice_is_told_how_to_answer(
    schema: dict[str, Any], help_: str
) -> None:
    tool = spec("do_thing", {"x": schema}, risk=Risk.WRITE_OWN, phrases=("do the thing",))
    asked = talk((tool,), {}).says("do the thing").says("").says("").asked(help_)
    asked.says("what are my options")


def test_static_choices_are_read_out_on_request() -> None:
    asked = talk(TAXI, TAXI_ANSWERS).says("I need a taxi for two people").says("the station")
    asked.answers_shortly("what are the options").asked("standard, estate or minibus")


def test_a_refused_choice_is_asked_for_from_a_fresh_list() -> None:
    (
        refusing({"status": "refused", "message": "No haircuts today.", "field": "service"})
        .says("yes")
        .called("list_services")
        .asked("no haircuts today", "which service")
        .says("beard trim")
        .asked("beard trim", "is that right")
    )


def test_a_refusal_that_lists_what_is_left_is_picked_from() -> None:
    left = {"status": "refused", "message": "I have two or three.", "field": "time"}
    asked = refusing({**left, "choices": ["14:00", "15:00"]}).says("yes")
    asked.says("the second one").asked("three p m", "is that right")


def test_times_asked_for_while_nothing_is_free_ask_for_another_day() -> None:
    answers = {**SALON_ANSWERS, "find_times": lambda _: {"message": "All full.", "choices": []}}
    asked = talk(SALON, answers).says("I'd like a haircut")
    asked.says("what times do you have on Tuesday").asked("all full", "what day")


def test_nothing_configured_is_admitted() -> None:
    acts = talk((), {}).dialogue.heard("I'd like a haircut", constrained=False)
    assert isinstance(acts[0], Speak)
    assert "little I can do" in acts[0].text


@pytest.mark.parametrize("name", ["date", "name"])
def test_two_values_of_one_kind_are_told_apart_by_their_names(name: str) -> None:
    del name
    trip = spec(
        "plan_trip",
        {
            "outward_date": {**DATE, "x-ask": "When do you leave?"},
            "return_date": {**DATE, "x-ask": "When do you come back?"},
            "traveller": NAME,
        },
        risk=Risk.WRITE_OWN,
        phrases=("plan a trip",),
    )
    asked = talk((trip,), {}).says("plan a trip from Tuesday to Thursday").asked("what name")
    asked.says("Kim").asked("outward date Tuesday", "return date Thursday")
    asked.says("no, the return on Friday").asked("outward date Tuesday", "return date Friday")


def test_listening_follows_the_question() -> None:
    assert talk(TAXI[:0]).dialogue.expectation().pattern is None
    taken = talk((*SALON, MESSAGE)).says("can I leave a message").dialogue.expectation()
    assert taken.pattern is None
    assert taken.patient
    named = talk().says("a haircut on Tuesday at ten").dialogue.expectation()
    assert named.pattern is None
    assert named.patient
    timed = talk().says("a haircut on Tuesday").dialogue.expectation()
    assert timed.pattern is not None
    assert not timed.patient
    assert SERVICE["x-ask"]


# ---- when an answer is whole --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "said", "whole"),
    [
        ((), "I'd like a haircut", False),
        (("an appointment please",), "a haircut", False),
        (("a haircut please",), "on Tuesday", False),
        (("a haircut on Tuesday",), "at ten", True),
        (("a haircut on Tuesday",), "um", False),
        (("a haircut on Tuesday at ten",), "Jane", False),
        (("a haircut on Tuesday at ten",), "Jane Doe", True),
        (("a haircut on Tuesday at ten", "Jane Doe"), "yes", False),
        (("a haircut on Tuesday at ten", "Jane Doe", "no, the name"), "J, O, N, E, S", False),
    ],
)
def test_a_whole_answer_is_one_after_which_nothing_often_follows(
    before: tuple[str, ...], said: str, whole: bool
) -> None:
    told = talk()
    for text in before:
        told.says(text)
    assert told.dialogue.settled(said, constrained=True) == whole
    assert not told.dialogue.settled("", constrained=False)


@pytest.mark.parametrize(
    ("schema", "said", "whole"),
    [
        ({"type": "string", "format": "phone"}, "four one five five five five", False),
        ({"type": "string", "format": "phone"}, "five five five oh one double oh", False),
        ({"type": "string", "format": "phone"}, "four one five five five five oh one oh oh", True),
        ({"type": "string"}, "please ring me back", False),
        ({"type": "boolean"}, "yes", False),
        ({"type": "integer", "maximum": 9}, "four", True),
        ({"type": "integer", "maximum": 3}, "four", False),
    ],
)
def test_how_an_answer_is_whole_hangs_on_what_was_asked(
    schema: dict[str, Any], said: str, whole: bool
) -> None:
    tools = (spec("take_note", {"it": schema}, risk=Risk.WRITE_OWN, phrases=("take a note",)),)
    told = talk(tools, {}).says("take a note please")
    assert told.dialogue.settled(said, constrained=True) == whole


def test_what_is_only_guessed_to_be_a_time_is_no_whole_answer() -> None:
    assert not talk().says("a haircut on Tuesday").dialogue.settled("at ten", constrained=False)


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ({"maximum": 3}, "at most 3."),
        ({"minimum": 5}, "at least 5."),
        ({"minimum": 1, "maximum": 3}, "at least 1 and at most 3."),
    ],
)
def test_a_number_out_of_bounds_is_told_which_ones_there_are(
    bounds: dict[str, int], told: str
) -> None:
    schema = {"type": "integer", **bounds}
    tools = (spec("order_cakes", {"cakes": schema}, risk=Risk.WRITE_OWN, phrases=("order cakes",)),)
    talk(tools, {}).says("I'd like to order cakes").says("four").asked("It has to be", told)


@pytest.mark.parametrize(
    ("said", "listened_for"),
    [
        ("jane o'brien", True),
        ("my name is jane o'brien", True),
        ("it's jane o'brien please", True),
        ("jane", False),
        ("john smith", False),
    ],
)
def test_the_name_a_number_leads_to_is_listened_for_and_never_said_of_itself(
    said: str, listened_for: bool
) -> None:
    asked = talk(caller_name="Jane O'Brien").says("a haircut on Tuesday at ten").asked("what name")
    assert "Jane" not in " ".join(asked.spoken)
    pattern = asked.dialogue.expectation().pattern
    assert pattern is not None
    assert pattern_takes(pattern, said) == listened_for
    asked.says("John Smith").asked("name John Smith")


def test_without_a_name_to_listen_for_any_is_heard_openly() -> None:
    asked = talk().says("a haircut on Tuesday at ten").asked("what name")
    assert asked.dialogue.expectation().pattern is None


# ---- numbers that are typed ---------------------------------------------------------------------

PHONE = {"type": "string", "format": "phone", "x-ask": "What number can we reach you on?"}
CALL_BACK = spec("call_back", {"phone": PHONE}, risk=Risk.WRITE_OWN, phrases=("please ring me",))
KEYPAD = spec("collect_digits", {"purpose": {"type": "string"}})


def typing(output: str, *tools: ToolSpec) -> Talk:
    """A caller whose number was not understood twice is asked to type it, and does."""
    answers = {"collect_digits": lambda _: output, "call_back": lambda _: {"status": "done"}}
    told = talk((CALL_BACK, *tools), answers, slow=["collect_digits"]).says("please ring me")
    return told.asked("what number").says("").asked("didn't catch", "what number").says("um er")


def test_a_number_not_understood_twice_is_typed() -> None:
    told = typing('{"status": "done", "digits": "4155550132", "count": 10}', KEYPAD)
    told.asked("type the number").called("collect_digits", purpose="phone", length=15)
    told.says("it is four one five").asked("type the number").wrote_nothing()
    told.finished().asked("four one five", "is that right").answers_shortly("yes")
    told.called("call_back", phone="4155550132")


@pytest.mark.parametrize(
    "output",
    [
        '{"status": "timeout", "digits": "4155550132"}',
        '{"status": "done", "digits": "415"}',
        '{"status": "done", "digits": "digits:5f0c2a9be1d34c77"}',
        '{"status": "done", "digits": 4155550132}',
        '{"status": ["done"]}',
        "[]",
        "nonsense",
    ],
)
def test_what_was_not_typed_in_full_is_asked_for_again(output: str) -> None:
    typing(output, KEYPAD).finished().asked("did not get it", "what number").wrote_nothing()


def test_without_a_keypad_the_number_is_said_digit_by_digit() -> None:
    typing("{}").asked("digit by digit")
