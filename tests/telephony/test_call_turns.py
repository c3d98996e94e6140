"""Who has the floor: utterances, replies wanted and unwanted, and how long an answer takes."""

from telephony.call.turns import Floor
from telephony.transcripts.entry import CallerLine, TurnLine


def test_an_utterance_becomes_one_line() -> None:
    floor = Floor()
    speaking = [floor.caller_item]
    floor.caller_began("u1", 1_000)
    speaking.append(floor.caller_item)
    floor.caller_ended("u1", 1_800, 2_300)
    speaking.append(floor.caller_item)
    assert speaking == [None, "u1", None]
    assert floor.caller_words("u1", "Hello", 2_500) == CallerLine("u1", "Hello", 1_000, 1_800)
    assert floor.caller_words("u1", "Hello", 2_600) is None


def test_words_may_come_before_the_end_is_reported() -> None:
    floor = Floor()
    floor.caller_began("u1", 1_000)
    assert floor.caller_words("u1", "Hello", 2_500) == CallerLine("u1", "Hello", 1_000, 2_500)
    assert floor.caller_item is None
    floor.caller_ended("u1", 1_800, 2_600)
    assert floor.unwritten(9_000) == []


def test_words_of_another_utterance_do_not_end_this_one() -> None:
    floor = Floor()
    floor.caller_began("u1", 1_000)
    floor.caller_ended("u1", 1_500, 1_600)
    floor.caller_began("u2", 2_000)
    assert floor.caller_words("u1", "Hello", 2_500) == CallerLine("u1", "Hello", 1_000, 1_500)
    assert floor.caller_item == "u2"


def test_words_never_announced_are_kept() -> None:
    assert Floor().caller_words("u1", "Hello", 700) == CallerLine("u1", "Hello", 700, 700)


def test_an_end_without_a_beginning_is_an_utterance_of_no_length() -> None:
    floor = Floor()
    floor.caller_ended("u1", 1_500, 1_600)
    assert floor.caller_words("u1", "Yes", 1_700) == CallerLine("u1", "Yes", 1_500, 1_500)


def test_an_end_before_the_beginning_makes_no_negative_length() -> None:
    floor = Floor()
    floor.caller_began("u1", 1_000)
    floor.caller_ended("u1", 400, 1_600)
    assert floor.caller_words("u1", "Yes", 1_700) == CallerLine("u1", "Yes", 400, 400)


def test_begun_twice_it_began_the_first_time() -> None:
    floor = Floor()
    floor.caller_began("u1", 1_000)
    floor.caller_began("u1", 1_400)
    floor.caller_ended("u1", 1_800, 1_900)
    assert floor.caller_words("u1", "Yes", 2_000) == CallerLine("u1", "Yes", 1_000, 1_800)


def test_what_was_never_transcribed_is_a_line_in_the_end() -> None:
    floor = Floor()
    floor.caller_began("u1", 1_000)
    floor.caller_ended("u1", 1_500, 1_600)
    floor.caller_began("u2", 2_000)
    assert floor.unwritten(3_000) == [
        CallerLine("u1", "", 1_000, 1_500, transcribed=False),
        CallerLine("u2", "", 2_000, 3_000, transcribed=False),
    ]


def test_a_reply_is_wanted_until_the_caller_speaks_over_it() -> None:
    floor = Floor()
    floor.reply_began("r1")
    assert floor.replying
    assert floor.wants("r1")
    assert floor.silence_replies() == ["r1"]
    assert floor.silence_replies() == []
    assert not floor.wants("r1")
    assert floor.wants("r2")


def test_what_comes_after_a_silenced_reply_has_ended_is_not_wanted_either() -> None:
    floor = Floor()
    floor.reply_began("r1")
    floor.silence_replies()
    floor.reply_ended("r1")
    assert not floor.replying
    assert not floor.wants("r1")


def test_replies_end_one_by_one() -> None:
    floor = Floor()
    for reply in ("r3", "r1", "r2"):
        floor.reply_began(reply)
    floor.reply_ended("r1")
    floor.reply_ended("unknown")
    assert floor.replies == {"r3", "r2"}
    assert floor.silence_replies() == ["r3", "r2"]
    assert floor.replying


def test_of_an_engine_that_is_gone_nothing_is_wanted_or_expected() -> None:
    floor = Floor()
    floor.reply_began("r1")
    floor.deserted = True
    floor.reply_began("r2")
    assert not floor.replying
    assert not floor.wants("r2")


def test_the_wait_for_an_answer_is_told_once() -> None:
    floor = Floor()
    floor.caller_ended("u1", 1_500, 2_000)
    assert floor.answer_heard(2_100) is None
    floor.answer_sent(2_400)
    floor.answer_sent(2_600)
    assert floor.answer_heard(2_450) == TurnLine(1_500, 2_000, 2_400, 2_450)
    assert floor.answer_heard(2_550) is None


def test_nobody_waits_for_an_answer_the_caller_spoke_over() -> None:
    floor = Floor()
    floor.answer_sent(100)
    assert floor.answer_heard(100) is None
    floor.caller_ended("u1", 1_500, 2_000)
    floor.answer_sent(2_400)
    floor.caller_began("u2", 2_450)
    assert floor.answer_heard(2_500) is None
