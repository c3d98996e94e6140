"""What the default caller answers to the many ways an agent may ask."""

import pytest

from telephony.simulator.scenario import Goal, Interruption, asks_again, booking

SCENARIO = booking(Goal())


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("Thanks for calling, this is the automated assistant. How can I help you?", "greeting"),
        ("This is the automated assistant. Do you need help?", "greeting"),
        ("May I record this call? Say yes, or press one. Say no, and I will help you.", "recorded"),
        ("Do you agree that we record this call?", "recorded"),
        ("This call is recorded. How can I help?", "greeting"),
        ("What can I do for you?", "service"),
        ("Which service would you like?", "service"),
        ("What day would you like?", "day"),
        ("Which date suits you?", "day"),
        ("You can say a day, such as tomorrow, or next Tuesday.", "day"),
        ("When would you like to come in?", "day and time"),
        ("What day and time would suit you?", "day and time"),
        ("What time on Tuesday?", "time"),
        ("What time would you like?", "time"),
        ("We have nine o'clock, nine thirty and ten o'clock.", "time"),
        ("We have 9, 10 and 11. Which one would you like?", "time"),
        ("And what is your name?", "name"),
        ("What name should I put it under?", "name"),
        ("Who's calling, please?", "name"),
        ("What is your phone number?", "number"),
        ("Please spell it for me, letter by letter.", "spell"),
        (
            "Let me check. I'll book an appointment: haircut, Tuesday, 3:30 p.m. Is that right?",
            "check",
        ),
        ("A haircut on Tuesday at three thirty, for Peter Baker. Shall I book it?", "check"),
        ("Haircut on Tuesday at half past three, name Peter Baker, is this correct?", "check"),
        ("Haircut, on Tuesday, at 3 30 P M. Named Peter Baker. Is that right?", "check"),
        ("Haircut on Thursday at three thirty, name Peter Baker. Is that right?", "wrong day"),
        ("Haircut on Tuesday at three p m, name Peter Baker. Is that right?", "wrong time"),
        ("Haircut on Tuesday at 3:15, name Peter Baker. Is that right?", "wrong time"),
        ("Haircut on Tuesday at thirteen thirty. Is that right?", "check"),
        ("Haircut on Tuesday at 3:30, name Walter Maker. Is that right?", "wrong name"),
        ("Haircut on Tuesday at 3:30, name Peter Maker. Is that right?", "check"),
        ("Please say yes or no.", "check"),
        ("All right. What should I change?", "change"),
        ("I'm sorry, three p.m. is not available.", "taken"),
        ("That time is already booked. Shall I book four instead?", "taken"),
        ("You're booked for Tuesday at three thirty.", "done"),
        ("Your haircut is now booked. See you on Tuesday.", "done"),
        ("You're all set. Is there anything else I can do for you?", "anything else"),
        ("One moment, please.", "wait"),
        ("Take your time.", "wait"),
        ("Are you still there?", "still there"),
        ("Are you still there? What day would suit you?", "day"),
        ("One moment please, I'll look at the times.", "wait"),
        ("One moment, please. What day would suit you?", "day"),
        ("One moment, please. Which time would you like.", "time"),
        ("Just a second. Can I have your name.", "name"),
        ("Let me see.", "thinking"),
        ("Thank you for your call. Good-bye.", "goodbye"),
    ],
)
def test_which_rule_answers(words: str, rule: str) -> None:
    found = SCENARIO.answer(words)
    assert found is not None
    assert found.name == rule


def test_a_caller_who_changes_nothing_corrects_other_times_than_its_first() -> None:
    steady = booking(Goal(), interrupts=False)
    for words, rule in (
        ("Tuesday at three p m, name Peter Baker. Is that right?", "check"),
        ("Tuesday at 3 p.m. Is that right?", "check"),
        ("Tuesday at three thirty. Is that right?", "wrong time"),
        ("Tuesday at four. Is that right?", "wrong time"),
    ):
        found = steady.answer(words)
        assert found is not None
        assert (words, found.name) == (words, rule)
    wrong = steady.answer("Tuesday at four. Is that right?")
    assert wrong is not None
    assert wrong.says == "No, at three in the afternoon."


def test_a_caller_corrects_a_fact_twice_and_then_distrusts_its_ears() -> None:
    words = "Haircut on Thursday at three thirty. Is that right?"
    names = []
    for used in range(4):
        found = SCENARIO.answer(words, {"wrong day": used})
        assert found is not None
        names.append(found.name)
    assert names == ["wrong day", "wrong day", "check", "check"]


def test_noon_and_other_days_are_known_when_they_are_heard() -> None:
    scenario = booking(Goal(day="Monday the first of December", changed_time="noon"))
    for words, rule in (
        ("On Monday the first of December at noon. Is that right?", "check"),
        ("On Monday the first of December at 12 p.m. Is that right?", "check"),
        ("On Sunday the first of December at noon. Is that right?", "wrong day"),
        ("On Monday at one. Is that right?", "wrong time"),
    ):
        found = scenario.answer(words)
        assert found is not None
        assert (words, found.name) == (words, rule)


@pytest.mark.parametrize("words", ["", "Mumble.", "The weather is fine."])
def test_no_rule_for_what_makes_no_sense(words: str) -> None:
    assert SCENARIO.answer(words) is None


@pytest.mark.parametrize(
    "words", ["Sorry, I didn't catch that.", "I couldn't understand.", "Say that again?", "Pardon?"]
)
def test_the_agent_asks_again(words: str) -> None:
    assert asks_again(words)


def test_what_the_caller_wants_is_in_what_it_says() -> None:
    scenario = booking(Goal("massage", "Friday", "ten in the morning", "eleven", "Ann Lee"))
    spoken = " ".join(scenario.lines)
    for said in ("massage", "Friday", "ten in the morning", "make it eleven", "Ann Lee", "A, N, N"):
        assert said in spoken


def test_all_lines_are_listed_once_and_none_is_empty() -> None:
    assert len(set(SCENARIO.lines)) == len(SCENARIO.lines)
    assert all(SCENARIO.lines)
    assert not [line for line in SCENARIO.lines if set(".?!") & set(line[:-1])]
    assert {rule.says for rule in SCENARIO.rules if rule.says} <= set(SCENARIO.lines)
    assert SCENARIO.interruption is not None
    assert SCENARIO.interruption.says in SCENARIO.lines


def test_a_caller_need_not_interrupt() -> None:
    assert booking(Goal(), interrupts=False).interruption is None


def test_an_interruption_may_wait_for_words() -> None:
    planned = Interruption("Ten o'clock, please.", hears="we have|free")
    assert planned.matches("Well, WE HAVE nine")
    assert not planned.matches("What day?")
