"""May this tool run now? Every rule, and what it goes by."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.policy import (
    MAX_STEPS_PER_CALL,
    MAX_STEPS_PER_TURN,
    Allow,
    History,
    NeedsApproval,
    Refused,
    Runs,
    Steps,
    Verdict,
    decide,
    exchanges,
    in_doubt,
    needs_evidence,
    needs_history,
    offered,
)
from tools.spec import (
    AnyArguments,
    Approval,
    Audience,
    Evidence,
    Heard,
    Risk,
    StepLimits,
    Tool,
    ToolRequest,
)

NOW = dt.datetime(2026, 11, 17, 9, 0, tzinfo=ZoneInfo("Europe/London"))
"""A Tuesday."""
BOOKING = {"date": "2026-11-24", "time": "15:30", "name": "Ann", "phone": "+442079460001"}
READ_BACK = "A cut on Tuesday the 24th at half past three for Ann. Is that right?"


def agent(text: str, *, whole: bool = True) -> Heard:
    return Heard("agent", text, whole=whole)


def caller(text: str) -> Heard:
    return Heard("caller", text, whole=bool(text))


def tool(**given: Any) -> Tool:
    risk = given.pop("risk", Risk.WRITE_OWN)
    return Tool("book", "Book.", AnyArguments, lambda a, c: {}, risk=risk, **given)


def judged(
    rules: Tool,
    *said: Heard,
    arguments: dict[str, Any] | None = None,
    complete: bool = True,
    history: History = History(NOW),  # noqa: B008, frozen
    **asked: Any,
) -> Verdict:
    evidence = Evidence(said, complete=complete, turn=asked.pop("turn", 1))
    number = asked.pop("caller_number", None)
    request = ToolRequest("CA1", "t1", "book", "{}", number, evidence=evidence, **asked)
    given = BOOKING if arguments is None else arguments
    return decide(rules, given, request, history)


def rule(verdict: Verdict) -> str:
    """Which rule stood against it; empty for none."""
    return verdict.rule if isinstance(verdict, Refused) else ""


# ---- what was said -------------------------------------------------------------------------------

SAID = tool(must_be_said=("date", "phone"))


def test_what_the_caller_said_may_be_used() -> None:
    told = (caller("next Tuesday"), caller("oh two oh seven nine four six oh oh oh one"))
    assert judged(SAID, *told) == Allow()


def test_what_the_caller_never_said_is_asked_for_by_name() -> None:
    verdict = judged(SAID, agent("Which day?"), caller("next Tuesday"))
    assert isinstance(verdict, Refused)
    assert (verdict.rule, verdict.field) == ("must_be_said", "phone")
    assert "the phone" in verdict.message
    assert "do not guess" in verdict.mend


def test_what_only_the_agent_said_was_not_said_by_the_caller() -> None:
    named = agent("Shall I take 020 7946 0001 as your number?")
    assert rule(judged(SAID, caller("Tuesday"), named)) == "must_be_said"
    assert rule(judged(SAID, caller("Tuesday"), named, caller("No."))) == "must_be_said"
    assert rule(judged(SAID, caller("Tuesday"), named, caller("Bob"))) == "must_be_said"


def test_what_the_caller_said_yes_to_counts_as_said() -> None:
    named = agent("Shall I take 020 7946 0001 as your number?")
    assert judged(SAID, caller("Tuesday"), named, caller("Yes.")) == Allow()
    cut = agent("Shall I take 020 7946", whole=False)
    assert rule(judged(SAID, caller("Tuesday"), cut, caller("Yes."))) == "must_be_said"


def test_the_number_the_caller_calls_from_needs_no_saying() -> None:
    assert judged(SAID, caller("Tuesday"), caller_number="+44 20 7946 0001") == Allow()
    national = {**BOOKING, "phone": "020 7946 0001"}
    own = judged(SAID, caller("Tuesday"), arguments=national, caller_number="+442079460001")
    assert own == Allow()
    short = {**BOOKING, "phone": "0001"}
    assert rule(judged(SAID, caller("Tuesday"), arguments=short, caller_number="+442079460001"))
    other = judged(SAID, caller("Tuesday"), caller_number="+442079460002")
    assert rule(other) == "must_be_said"


def test_what_is_left_out_needs_no_saying() -> None:
    assert judged(SAID, arguments={}) == Allow()


@pytest.mark.parametrize(
    ("risk", "allowed"),
    [
        (Risk.READ, True),
        (Risk.WRITE_OWN, True),
        (Risk.WRITE_OTHER, False),
        (Risk.MESSAGE, False),
        (Risk.MONEY, False),
        (Risk.DELETE, False),
    ],
)
def test_words_nobody_could_make_out_are_held_against_nobody_where_little_can_go_wrong(
    risk: Risk, allowed: bool
) -> None:
    rules = tool(must_be_said=("date",), risk=risk)
    assert (judged(rules, caller("")) == Allow()) is allowed
    assert (judged(rules, complete=False) == Allow()) is allowed
    assert rule(judged(rules)) == "must_be_said", "silence is not doubt"


# ---- read back and agreed ------------------------------------------------------------------------

AGREED = tool(confirm=("date", "time", "name"))


def test_a_read_back_that_was_heard_and_agreed_to_lets_it_run() -> None:
    assert judged(AGREED, agent(READ_BACK), caller("Yes please.")) == Allow()


@pytest.mark.parametrize(
    "said",
    [
        (),
        (caller("Tuesday at half past three for Ann"),),
        (agent(READ_BACK),),
        (agent(READ_BACK), caller("No.")),
        (agent(READ_BACK), caller("Yes, but make it four.")),
        (agent(READ_BACK), caller("What time was that again?")),
        (agent("A cut on Tuesday at half past three. Right?"), caller("Yes.")),
        (agent("On Wednesday at half past three for Ann. Right?"), caller("Yes.")),
        (agent("A cut on Tuesday the 24th at half past", whole=False), caller("Yes.")),
        (agent("On Tuesday. At half past three for Ann", whole=False), caller("Yes.")),
        (agent(READ_BACK), caller("Yes."), agent("Done?"), caller("Wait, actually, not yet.")),
        (agent(READ_BACK), caller("Yes."), agent(READ_BACK), caller("No, that's wrong.")),
        (caller("Yes."), agent(READ_BACK)),
        (agent("Do you want the 24th at half past three?"), caller("It's for Ann."), caller("Yes")),
    ],
)
def test_without_it_the_write_does_not_run(said: tuple[Heard, ...]) -> None:
    verdict = judged(AGREED, *said)
    assert isinstance(verdict, Refused)
    assert verdict.rule == "confirm"
    assert "date, time, name" in verdict.mend


def test_the_last_read_back_decides() -> None:
    first = (agent("Wednesday at four for Ann?"), caller("No, Tuesday at half past three."))
    assert judged(AGREED, *first, agent(READ_BACK), caller("That's right.")) == Allow()


def test_what_is_said_after_the_yes_does_not_undo_it() -> None:
    later = (agent("Anything else?"), caller("No, that's all."), agent("One moment."))
    assert judged(AGREED, agent(READ_BACK), caller("Yes."), *later) == Allow()


def test_a_murmur_in_between_is_listening() -> None:
    halves = (agent("Tuesday the 24th at half past three."), caller("Mhm."), agent("For Ann?"))
    assert judged(AGREED, *halves, caller("Yes.")) == Allow()


def test_a_line_cut_after_the_last_value_was_heard_will_do() -> None:
    heard = agent("On Tuesday at half past three for Ann. Is that", whole=False)
    assert judged(AGREED, heard, caller("Yes.")) == Allow()


def test_who_did_not_understand_the_answer_goes_by_the_risk() -> None:
    for said, complete in (((agent(READ_BACK), caller("")), True), ((agent(READ_BACK),), False)):
        assert judged(AGREED, *said, complete=complete) == Allow()
        risky = tool(confirm=("date",), risk=Risk.MONEY)
        assert rule(judged(risky, *said, complete=complete)) == "confirm"
    # Doubt is about the answer: what was never read back was not agreed to.
    assert rule(judged(AGREED, caller(""))) == "confirm"
    assert rule(judged(AGREED, complete=False)) == "confirm"


@pytest.mark.parametrize("said", ["No, Wednesday.", "Yes, but make it four.", "What was that?"])
def test_a_no_stays_one_though_a_cough_was_not_made_out(said: str) -> None:
    for answers in ((caller(""), caller(said)), (caller(said), caller(""))):
        assert rule(judged(AGREED, agent(READ_BACK), *answers)) == "confirm"
    assert judged(AGREED, agent(READ_BACK), caller("Yes."), caller("")) == Allow()


def test_nothing_given_nothing_to_confirm() -> None:
    assert judged(AGREED, arguments={"phone": "1"}) == Allow()


def test_exchanges_are_told_apart() -> None:
    said = (caller("Hi"), agent("A?"), agent("B?"), caller("x"), caller("y"), agent("C?"))
    found = exchanges(Evidence(said))
    assert [(len(each.agent), len(each.caller)) for each in found] == [(0, 1), (2, 2), (1, 0)]
    assert found[2].answer is None


def test_doubt_is_something_said_without_words() -> None:
    assert not in_doubt(Evidence((caller("yes"),)))
    assert in_doubt(Evidence((caller("yes"),), complete=False))
    assert in_doubt(Evidence((caller(""),)))


# ---- who, when, how often ------------------------------------------------------------------------


def test_audience_by_persona_number_and_hour() -> None:
    day = {"tue": ("08:00-09:00", "09:00-12:00")}
    audience = Audience(personas=("clinic",), numbers=("+44207",), hours=day)
    rules = tool(audience=audience)
    asked: dict[str, Any] = {"persona": "clinic", "called_number": "+44207"}
    assert judged(rules, **asked) == Allow()
    assert rule(judged(rules, persona="salon", called_number="+44207")) == "audience"
    assert rule(judged(rules, persona="clinic", called_number="+44208")) == "audience"
    noon = History(NOW.replace(hour=12))
    assert rule(judged(rules, history=noon, **asked)) == "audience"
    wednesday = NOW + dt.timedelta(days=1)
    assert rule(judged(rules, history=History(wednesday), **asked)) == "audience"
    assert offered(Audience(), "", None, NOW)


def test_tools_that_must_come_first() -> None:
    rules = tool(requires=("recognise_caller", "available_times"))
    verdict = judged(rules, history=History(NOW, done=frozenset({"recognise_caller"})))
    assert isinstance(verdict, Refused)
    assert verdict.rule == "requires"
    assert "available_times" in verdict.mend
    assert "recognise_caller" not in verdict.mend
    both = frozenset({"recognise_caller", "available_times"})
    assert judged(rules, history=History(NOW, done=both)) == Allow()


@pytest.mark.parametrize(
    ("limits", "runs", "refused"),
    [
        (StepLimits(per_turn=1), Runs(in_turn=1), True),
        (StepLimits(per_turn=2), Runs(in_turn=1, in_call=9, today=9), False),
        (StepLimits(per_call=2), Runs(in_call=2), True),
        (StepLimits(per_call=2), Runs(in_call=1, today=9), False),
        (StepLimits(per_day=3), Runs(today=3), True),
        (StepLimits(per_day=3), Runs(today=2), False),
        (StepLimits(), Runs(9, 9, 9), False),
        (StepLimits(per_call=0), Runs(), True),
    ],
)
def test_limits(limits: StepLimits, runs: Runs, refused: bool) -> None:
    verdict = judged(tool(limits=limits), history=History(NOW, runs=runs))
    assert rule(verdict) == ("limits" if refused else "")


def test_fault_x17_a_model_in_circles_is_told_to_get_a_person() -> None:
    for steps in (Steps(MAX_STEPS_PER_TURN, 5), Steps(0, MAX_STEPS_PER_CALL)):
        verdict = judged(tool(), history=History(NOW, steps=steps))
        assert isinstance(verdict, Refused)
        assert verdict.rule == "steps"
        assert "person" in verdict.mend
    enough = Steps(MAX_STEPS_PER_TURN - 1, MAX_STEPS_PER_CALL - 1)
    assert judged(tool(), history=History(NOW, steps=enough)) == Allow()


def test_fault_x17_the_ways_out_stay_open_a_little_longer() -> None:
    leaving = (tool(ends_call=True), tool(transfer_to=lambda asked: "desk"))
    for rules in leaving:
        once_more = Steps(2 * MAX_STEPS_PER_TURN - 1, 12)
        assert judged(rules, history=History(NOW, steps=once_more)) == Allow()
        over = Steps(2 * MAX_STEPS_PER_TURN, 12)
        assert rule(judged(rules, history=History(NOW, steps=over))) == "steps"


def test_where_nobody_counts_turns_there_are_no_circles() -> None:
    history = History(NOW, steps=Steps(99, 99))
    assert judged(tool(), history=history, turn=0) == Allow()


def test_a_person_decides_once_every_other_rule_is_content() -> None:
    rules = tool(approval=Approval(30, "allow"), confirm=("name",))
    assert rule(judged(rules)) == "confirm"
    verdict = judged(rules, agent("For Ann?"), caller("Yes."))
    assert verdict == NeedsApproval(30, "allow")


def test_what_a_tool_s_rules_go_by() -> None:
    assert needs_evidence(AGREED)
    assert needs_evidence(SAID)
    assert not needs_evidence(tool())
    assert needs_history(tool(requires=("a",)))
    assert needs_history(tool(limits=StepLimits(per_day=1)))
    assert not needs_history(AGREED)


HEARD = st.builds(
    Heard,
    st.sampled_from(["agent", "caller"]),
    st.sampled_from([READ_BACK, "Yes.", "No.", "Yes, but later.", "", "Mhm.", "Anything else?"]),
    whole=st.booleans(),
)


@given(st.lists(HEARD, max_size=8))
def test_no_write_runs_without_a_whole_read_back_and_words_after_it(said: list[Heard]) -> None:
    """Whatever is said in whatever order."""
    risky = tool(confirm=("date", "time", "name"), risk=Risk.MONEY)
    verdict = judged(risky, *said)
    heard = [
        at for at, each in enumerate(said) if each.speaker == "agent" and READ_BACK in each.text
    ]
    if verdict == Allow():
        assert heard
        answers = [each.text for each in said[heard[-1] :] if each.speaker == "caller"]
        assert {"Yes.", "Mhm."} & set(answers)
