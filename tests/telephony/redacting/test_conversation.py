"""What of several turns belongs together, and until when that is an open question."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.redacting.conversation import MOST_OPEN, Conversation, Line
from tests.exploring import examples
from tools.redacting.kinds import DEFAULT, NOTHING, Sensitive

CARD = "4111111111111111"


class Talk:
    """Lines by number, as they are known last."""

    def __init__(self, *said: str) -> None:
        self.conversation = Conversation(DEFAULT, "US")
        self.lines: dict[str, Line] = {}
        for each in said:
            self.say(each)

    def say(self, said: str) -> None:
        speaker, _, text = said.partition(": ")
        for line in self.conversation.take(
            f"{len(self.lines)}", {"A": "agent", "C": "caller"}[speaker], text
        ):
            self.lines[line.key] = line

    def settled(self) -> "Talk":
        self.lines.update((line.key, line) for line in self.conversation.settle())
        return self

    @property
    def kept(self) -> list[str]:
        return [line.kept for line in self.lines.values()]

    @property
    def open(self) -> list[bool]:
        return [line.open for line in self.lines.values()]


def test_a_number_that_may_go_on_keeps_its_line_and_those_behind_it_open() -> None:
    talk = Talk("C: Hello", "C: 4111 1111", "A: Go on.")
    assert talk.open == [False, True, True]
    talk.say("C: 1111 1111")
    assert talk.open == [False, False, False, False]
    assert talk.kept == ["Hello", "[card number]", "Go on.", "[card number]"]


def test_what_follows_a_whole_number_is_no_part_of_it() -> None:
    talk = Talk(
        "C: 4111 1111", "C: 1111 1111", "C: order 4512 3389", "A: ok", "C: thanks", "C: bye"
    )
    assert talk.kept[2] == "order 4512 3389"
    asked = Talk(
        "A: Your card number?", "C: 4111 1111 1112", "C: 1111", "C: 4512 3389", "C: a", "C: b"
    )
    assert asked.kept[1:4] == ["[card number]", "[card number]", "4512 3389"]


def test_it_is_open_no_longer_once_two_lines_have_no_figure() -> None:
    talk = Talk("C: 4111 1111", "C: That is it.")
    assert talk.open == [True, True]
    talk.say("C: Really.")
    assert talk.open == [False, False, False]
    assert talk.kept[0] == "4111 1111"


@pytest.mark.parametrize("question", ["What is your name?", "Which day, please?", "When?"])
def test_a_question_about_something_else_ends_a_number(question: str) -> None:
    talk = Talk("C: 4111 1111", f"A: {question}")
    assert talk.open == [False, False]
    talk.say("C: 1111 1111")
    assert talk.settled().kept == ["4111 1111", question, "1111 1111"]


def test_what_was_asked_for_and_begun_is_not_kept_though_it_never_ends() -> None:
    talk = Talk("A: Your card number, please?", "C: 4111 11", "C: oh", "C: bye")
    assert talk.kept == ["Your card number, please?", "[card number]", "oh", "bye"]
    plain = Talk("C: 4111 11", "C: oh", "C: bye")
    assert plain.kept[0] == "4111 11"


def test_who_repeats_a_part_of_it_is_not_kept_either() -> None:
    talk = Talk("C: 4111 1111", "A: 4111 1111, go on", "C: 1111 1111", "A: and 1111111, fine")
    assert talk.settled().kept == [
        "[card number]",
        "[card number], go on",
        "[card number]",
        "and [card number], fine",
    ]
    later = Talk(f"C: {CARD}", "A: the one that ends in 1111?", "A: or 11111?")
    assert later.settled().kept[1:] == ["the one that ends in 1111?", "or [card number]?"]


def test_an_answer_is_read_with_its_question_and_the_one_after_it_too() -> None:
    talk = Talk("A: And the security code?", "C: Where is that?", "C: ah, 739", "C: 740")
    assert talk.settled().kept[1:] == ["Where is that?", "ah, [security code]", "740"]


def test_texts_beside_it_lack_what_was_told_in_it() -> None:
    talk = Talk("C: 4111 1111", "C: 1111 1111")
    assert talk.conversation.scrub("note: 11111111 it is") == "note: [card number] it is"
    assert talk.conversation.scrub_json('{"n": 41111111, "m": 5}') == (
        '{"n": "[card number]", "m": 5}'
    )


def test_a_number_under_way_is_veiled_before_it_is_known_what_it_is() -> None:
    talk = Talk("C: it is 4111 1111")
    (line,) = talk.lines.values()
    assert talk.conversation.shown(line) == "it is [number]"
    assert talk.conversation.veiled("so 4111 11") == "so [number]"
    assert talk.conversation.veiled("room 204") == "room 204"
    assert talk.conversation.veiled("at noon") == "at noon"
    short = Talk("C: room 204")
    (line,) = short.lines.values()
    assert short.conversation.shown(line) == "room 204"


def test_who_is_waited_for() -> None:
    conversation = Conversation(DEFAULT)
    assert not conversation.awaits("caller")
    conversation.take("1", "agent", "Your PIN, please?")
    assert conversation.awaits("caller")
    assert not conversation.awaits("agent")
    begun = Conversation(DEFAULT)
    begun.take("1", "caller", "411 111")
    assert begun.awaits("caller")


def test_what_is_not_redacted_is_not_begun_either() -> None:
    conversation = Conversation(frozenset({Sensitive.EMAIL}))
    (line,) = conversation.take("1", "caller", "jo at example dot com")
    assert line.kept == "[e-mail address]"
    conversation = Conversation(NOTHING)
    (line,) = conversation.take("1", "caller", CARD)
    assert line.kept == CARD


def test_not_more_than_so_many_lines_are_open() -> None:
    talk = Talk()
    for number in range(MOST_OPEN + 10):
        talk.say(f"C: 4{number:02}")
    assert sum(talk.open) == MOST_OPEN
    assert not any(talk.settled().open)


def test_a_number_of_letters_and_figures_may_be_told_in_parts() -> None:
    talk = Talk("C: DE89 3704 0044", "A: yes", "C: 0532 0130 00")
    assert talk.settled().kept == ["[bank account]", "yes", "[bank account]"]


TURNS = st.lists(
    st.tuples(
        st.sampled_from("AC"),
        st.sampled_from(
            ["4111 1111", "1111 1111", CARD, "go on", "", "card number?", "CVV?", "739", "name?"]
        ),
    ),
    max_size=12,
)


@settings(max_examples=examples(200))
@given(TURNS)
def test_every_line_is_told_of_and_closed_in_the_end(turns: list[tuple[str, str]]) -> None:
    talk = Talk(*(f"{speaker}: {text}" for speaker, text in turns)).settled()
    assert [line.text for line in talk.lines.values()] == [text for _, text in turns]
    assert not any(talk.open)
    assert not any(CARD in line.kept for line in talk.lines.values())
