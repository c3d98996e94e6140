"""The clocks of a call: which deadline comes when, and what it asks for."""

from telephony.call.config import Limits
from telephony.call.limits import Closing, Due, Patience, Stage
from telephony.transcripts.entry import EndedReason

LIMITS = Limits(
    engine_ready_s=10.0,
    answer_s=6.0,
    give_up_s=12.0,
    silence_prompt_s=10.0,
    idle_hangup_s=30.0,
    max_call_s=1_800.0,
)


def ready(limits: Limits = LIMITS) -> Patience:
    patience = Patience(limits)
    patience.ready()
    return patience


def test_the_engine_has_ten_seconds_to_get_ready() -> None:
    patience = Patience(LIMITS)
    assert patience.next_deadline() == 10.0
    assert patience.due(9.999) is None
    assert patience.due(10.0) is Due.ENGINE_NOT_READY
    patience.ready()
    assert patience.next_deadline() == 1_800.0
    assert patience.due(10.0) is None


def test_nothing_else_is_asked_of_an_engine_that_is_not_ready() -> None:
    patience = Patience(LIMITS)
    patience.watch(busy=False, stalled=False, now=0.0)
    assert patience.due(10.0) is Due.ENGINE_NOT_READY


def test_every_call_ends_some_time() -> None:
    patience = ready()
    assert patience.due(1_799.9) is None
    assert patience.due(1_800.0) is Due.MAX_LENGTH


def test_an_answer_is_asked_for_once_more_and_then_missed() -> None:
    patience = ready()
    patience.answer_owed(100.0)
    assert patience.owed
    assert patience.next_deadline() == 106.0
    assert patience.due(106.0) is Due.ANSWER_OWED
    assert patience.due(106.0) is None
    assert patience.next_deadline() == 112.0
    assert patience.due(112.0) is Due.ANSWER_MISSING


def test_an_answer_given_makes_patient_again() -> None:
    patience = ready()
    patience.answer_owed(100.0)
    patience.due(106.0)
    patience.answered()
    assert not patience.owed
    patience.answer_owed(200.0)
    assert patience.due(206.0) is Due.ANSWER_OWED


def test_a_caller_who_speaks_is_owed_nothing_but_the_engine_is_still_on_trial() -> None:
    patience = ready()
    patience.answer_owed(100.0)
    patience.due(106.0)
    patience.nothing_owed()
    assert patience.next_deadline() == 1_800.0
    patience.answer_owed(110.0)
    assert patience.due(116.0) is Due.ANSWER_MISSING


def test_a_running_tool_has_its_own_deadline() -> None:
    patience = ready()
    patience.answer_owed(100.0)
    patience.tool_running()
    assert not patience.owed


def test_a_key_does_not_settle_what_is_owed() -> None:
    patience = ready()
    patience.answer_owed(100.0)
    patience.caller_active()
    assert patience.due(106.0) is Due.ANSWER_OWED


def test_a_halted_reply_is_owed_like_an_answer() -> None:
    patience = ready()
    patience.watch(busy=True, stalled=True, now=100.0)
    patience.watch(busy=True, stalled=True, now=103.0)
    assert patience.next_deadline() == 106.0
    assert patience.due(106.0) is Due.ANSWER_OWED
    patience.watch(busy=True, stalled=True, now=106.0)
    assert patience.next_deadline() == 112.0
    assert patience.due(112.0) is Due.ANSWER_MISSING


def test_a_reply_that_goes_on_was_not_halted() -> None:
    patience = ready()
    patience.watch(busy=True, stalled=True, now=100.0)
    patience.watch(busy=True, stalled=False, now=104.0)
    patience.watch(busy=True, stalled=True, now=105.0)
    assert patience.due(110.9) is None
    assert patience.due(111.0) is Due.ANSWER_OWED


def test_silence_is_prompted_twice_and_ends_twenty_seconds_after_the_first() -> None:
    patience = ready()
    patience.watch(busy=False, stalled=False, now=50.0)
    patience.watch(busy=False, stalled=False, now=55.0)
    assert patience.next_deadline() == 60.0
    assert patience.due(60.0) is Due.SILENCE_PROMPT
    assert patience.due(60.0) is None
    assert patience.next_deadline() == 70.0
    assert patience.due(70.0) is Due.SECOND_PROMPT
    assert patience.next_deadline() == 80.0
    assert patience.due(80.0) is Due.IDLE


def test_the_prompt_itself_is_no_silence() -> None:
    patience = ready()
    patience.watch(busy=False, stalled=False, now=50.0)
    patience.due(60.0)
    patience.watch(busy=True, stalled=False, now=60.1)
    patience.watch(busy=False, stalled=False, now=62.0)
    assert patience.next_deadline() == 72.0


def test_a_sign_of_life_begins_the_silence_anew() -> None:
    patience = ready()
    patience.watch(busy=False, stalled=False, now=50.0)
    patience.due(60.0)
    patience.caller_active()
    patience.watch(busy=False, stalled=False, now=70.0)
    assert patience.due(80.0) is Due.SILENCE_PROMPT


def test_limits_in_the_wrong_order_mean_goodbye_at_once_and_not_before() -> None:
    patience = ready(Limits(silence_prompt_s=10.0, idle_hangup_s=5.0))
    patience.watch(busy=False, stalled=False, now=50.0)
    assert patience.due(59.9) is None
    assert patience.due(60.0) is Due.SILENCE_PROMPT
    assert patience.due(60.0) is Due.SECOND_PROMPT
    assert patience.due(60.0) is Due.IDLE


def test_a_reply_under_way_is_not_the_goodbye() -> None:
    closing = Closing(EndedReason.DRAINED, until_s=8.0)
    closing.speaks("r1")
    asked = frozenset({"r1"})
    closing.not_yet = asked
    closing.speaks("r1")
    assert closing.not_yet == asked
    closing.speaks("r2")
    assert closing.not_yet is None


def test_an_ending_goes_through_its_stages() -> None:
    closing = Closing(EndedReason.IDLE, until_s=8.0)
    assert (closing.stage, closing.may_resume) == (Stage.LAST_WORDS, False)
    closing.enter(Stage.PLAYING, 38.0)
    assert (closing.until_s, closing.hanging_up) == (38.0, False)
    closing.enter(Stage.HANGING_UP, 43.0)
    assert closing.hanging_up
