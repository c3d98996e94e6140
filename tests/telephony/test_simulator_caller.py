"""The synthetic caller in virtual time, against an agent whose words are scripted."""

from collections.abc import Callable

import pytest

from telephony.simulator.caller import (
    Interrupted,
    Observation,
    PutDown,
    Said,
    SyntheticCaller,
    Understood,
)
from telephony.simulator.scenario import Goal, Interruption, Rule, Scenario, booking

AGENT = b"\x30" * 160
IDLE = b"\xff" * 160
NOISE = b"\xfe\xfd\xfc" * 100
VOICE = b"\x40"
LINE_MS = 1_000

SCENARIO = booking(Goal())


class Room:
    """A caller with a clock; its ears understand at once what the test says the agent says."""

    def __init__(self, scenario: Scenario = SCENARIO, *, deaf: bool = False) -> None:
        self.seen: list[Observation] = []
        self.questions: list[tuple[int, int]] = []
        self.deaf = deaf
        self.words = ""
        self.now_ms = 0
        self.spoken = bytearray()
        self.caller = SyntheticCaller(
            scenario,
            dict.fromkeys(scenario.lines, VOICE * LINE_MS * 8),
            NOISE,
            ask=lambda number, ulaw: self.questions.append((number, len(ulaw) // 8)),
            observe=self.seen.append,
        )

    def pass_ms(self, ms: int, ear: bytes = IDLE) -> "Room":
        for _ in range(ms // 20):
            asked = len(self.questions)
            self.caller.heard(self.now_ms, ear)
            self.spoken += self.caller.frame(self.now_ms)
            assert self.caller.keys(self.now_ms) == ""
            self.now_ms += 20
            if len(self.questions) > asked and not self.deaf:
                self.caller.understood(self.questions[-1][0], self.words, self.now_ms)
        return self

    def agent(self, words: str, ms: int = 1_000, then_ms: int = 3_000) -> "Room":
        """The agent says something and waits."""
        self.words = words
        return self.pass_ms(ms, AGENT).pass_ms(then_ms)

    def said(self) -> list[str]:
        return [seen.rule for seen in self.seen if isinstance(seen, Said)]

    def all(self, kind: type[Observation]) -> list[Observation]:
        return [seen for seen in self.seen if isinstance(seen, kind)]


def test_a_whole_booking() -> None:
    room = Room(booking(Goal(), interrupts=False))
    room.agent("Thanks for calling. How can I help you?")
    room.agent("What day would you like?")
    room.agent("What time?")
    room.agent("And your name?")
    room.agent("A haircut on Tuesday at three. Is that right?")
    room.agent("One moment.")
    room.agent("You are booked. Is there anything else I can do for you?")
    assert room.said() == ["greeting", "day", "time", "name", "check", "anything else"]
    assert not room.caller.hang_up


def test_the_answer_comes_900_ms_after_the_agents_last_sound() -> None:
    room = Room().agent("What day?")
    (said,) = room.all(Said)
    # 600 ms of silence end the turn, 300 ms are for thinking.
    assert said.at_ms == pytest.approx(1_000 + 600 + 300, abs=20)
    onset = room.spoken.index(VOICE * 160) // 8
    assert onset == said.at_ms
    assert room.spoken.count(VOICE) == LINE_MS * 8


def test_silence_is_the_lines_noise_going_round() -> None:
    room = Room().pass_ms(200)
    assert room.spoken == (NOISE * 10)[:1_600]


def test_an_agent_that_goes_on_is_heard_out() -> None:
    room = Room()
    room.words = "Let me look."
    room.pass_ms(1_000, AGENT).pass_ms(700)
    room.agent("Let me look. What day would you like?")
    assert room.said() == ["day"]
    lengths = [ms for _, ms in room.questions]
    # The second time the words of both utterances are asked for.
    assert lengths[1] > lengths[0] + 1_000


def test_only_the_end_of_a_long_speech_is_listened_to() -> None:
    room = Room(booking(Goal(), interrupts=False)).agent("What day?", ms=30_000)
    assert room.questions == [(1, 15_000)]


def test_the_first_words_are_answered_even_if_not_understood() -> None:
    assert Room().agent("").said() == ["opening"]


def test_what_is_not_understood_is_asked_again_and_then_given_up() -> None:
    room = Room().agent("How can I help?")
    for _ in range(5):
        room.agent("Mumble mumble.")
    assert room.said() == ["greeting", *["confused"] * 4, "giving up"]
    room.pass_ms(8_000)
    assert isinstance(room.seen[-1], PutDown)
    assert room.caller.hang_up


def test_confusions_count_only_in_a_row() -> None:
    room = Room()
    for _ in range(4):
        room.agent("What day?").agent("Mumble.").agent("Mumble.")
    assert "giving up" not in room.said()


def test_an_agent_that_did_not_understand_hears_the_answer_again() -> None:
    room = Room().agent("What day?").agent("Mumble.").agent("Sorry, I didn't catch that.")
    assert room.said() == ["day", "confused", "day"]


def test_nobody_answering_is_wondered_at_twice() -> None:
    room = Room().agent("How can I help?")
    room.pass_ms(60_000)
    assert room.said() == ["greeting", "wondering", "wondering"]
    assert room.seen[-1] == PutDown(room.all(PutDown)[0].at_ms, "nobody answers")
    assert room.caller.hang_up


def test_a_line_that_is_dead_from_the_start_is_left() -> None:
    room = Room().pass_ms(60_000)
    assert room.said() == ["wondering", "wondering"]
    assert room.caller.hang_up


def test_words_that_never_come_count_as_not_understood() -> None:
    room = Room(deaf=True).agent("What day?", then_ms=9_000)
    assert room.said() == []
    room.pass_ms(1_500)
    assert room.said() == ["opening"]


def test_words_that_come_too_late_are_ignored() -> None:
    room = Room(deaf=True).agent("What day?", then_ms=11_000)
    room.caller.understood(room.questions[0][0], "What day?", room.now_ms)
    room.caller.understood(99, "What day?", room.now_ms)
    assert room.pass_ms(2_000).said() == ["opening"]
    assert room.all(Understood) == []


def test_a_call_takes_no_more_than_four_minutes() -> None:
    room = Room(booking(Goal(), interrupts=False))
    for _ in range(70):
        room.agent("What day?")
    assert room.all(PutDown) == [PutDown(240_000, "the call takes too long")]
    assert len(room.said()) < 70


# ---- interrupting ----


def ready_to_interrupt() -> Room:
    return Room().agent("What day?").agent("What time?").agent("What is your name?")


def test_the_read_back_is_interrupted_once_after_1200_ms() -> None:
    room = ready_to_interrupt()
    began = room.now_ms
    room.pass_ms(1_800, AGENT).pass_ms(3_000)
    (interrupted,) = room.all(Interrupted)
    assert isinstance(interrupted, Interrupted)
    assert interrupted.text == "Actually, make it three thirty."
    assert interrupted.talked_ms == 1_200
    assert interrupted.at_ms == pytest.approx(began + 1_200, abs=40)
    room.agent("Three thirty then. Is that right?", ms=4_000)
    assert room.said() == ["day", "time", "name", "interruption", "check"]
    assert len(room.all(Interrupted)) == 1


def test_the_interrupted_sentence_itself_is_not_answered() -> None:
    room = ready_to_interrupt()
    asked = len(room.questions)
    room.words = "Let me check. I'll book a haircut on Tu"
    room.pass_ms(1_700, AGENT).pass_ms(4_000)
    assert len(room.questions) == asked
    assert room.said()[-1] == "interruption"


def test_a_short_sentence_is_not_interrupted() -> None:
    assert not ready_to_interrupt().agent("One moment.", ms=1_100).all(Interrupted)


def test_what_is_read_back_wrongly_is_corrected_twice_at_most() -> None:
    room = Room(booking(Goal(), interrupts=False))
    for _ in range(3):
        room.agent("A haircut on Friday at three. Is that right?")
    room.agent("A haircut on Tuesday at four. Is that right?")
    assert room.said() == ["wrong day", "wrong day", "check", "wrong time"]


def test_nothing_is_interrupted_before_the_facts_are_given() -> None:
    assert not Room().agent("What day?", ms=9_000).all(Interrupted)


def test_a_caller_who_has_said_goodbye_lets_the_agent_finish() -> None:
    room = ready_to_interrupt().agent("You are booked.")
    assert room.said()[-1] == "done"
    room.agent("Thank you for calling us today and goodbye.", ms=5_000)
    assert not room.all(Interrupted)


def listening_in(hears: str) -> Scenario:
    planned = Interruption("Ten o'clock, please.", after_ms=1_000, hears=hears)
    return Scenario(
        opening=Rule("opening", "", "Hello."), rules=(), goodbye="Bye.", interruption=planned
    )


def test_an_interruption_can_wait_for_certain_words() -> None:
    room = Room(listening_in("we have"))
    room.words = "On Tuesday"
    room.pass_ms(400).pass_ms(1_100, AGENT)
    # With the 200 ms before it.
    assert room.questions == [(1, 1_200)]
    assert not room.all(Interrupted)
    room.words = "On Tuesday, we have nine"
    room.pass_ms(900, AGENT)
    (interrupted,) = room.all(Interrupted)
    assert isinstance(interrupted, Interrupted)
    assert (interrupted.text, interrupted.talked_ms) == ("Ten o'clock, please.", 1_700)


def test_while_words_are_awaited_no_others_are_asked_for() -> None:
    room = Room(listening_in("we have"), deaf=True)
    room.pass_ms(4_000, AGENT)
    assert len(room.questions) == 1
    # The agent has ended before the words came: now those of the whole are wanted instead.
    room.pass_ms(1_000)
    assert len(room.questions) == 2
    room.caller.understood(1, "we have", room.now_ms)
    assert not room.all(Interrupted)


def test_an_agent_that_stops_while_the_caller_speaks_has_given_way() -> None:
    room = Room().agent("What day?", then_ms=1_000)
    assert room.said() == ["day"]
    asked = len(room.questions)
    room.pass_ms(200, AGENT).pass_ms(3_000)
    assert len(room.questions) == asked


# ---- leaving ----


def test_the_caller_hangs_up_8_s_after_goodbye_if_the_agent_does_not() -> None:
    room = Room().agent("You are booked.", then_ms=2_000)
    (said,) = room.all(Said)
    room.pass_ms(9_000)
    (down,) = room.all(PutDown)
    assert isinstance(down, PutDown)
    assert down.why == "the agent did not hang up"
    assert down.at_ms - said.at_ms == pytest.approx(LINE_MS + 8_000, abs=40)


def test_after_goodbye_only_an_insisting_agent_is_answered_and_twice_at_most() -> None:
    room = Room().agent("You are booked.")
    room.agent("What day would you like?")
    for _ in range(4):
        room.agent("Is there anything else?")
    assert room.said() == ["done", "anything else", "anything else"]


def test_an_agent_that_says_wait_is_waited_for() -> None:
    assert Room().agent("One moment, please.").said() == []


@pytest.mark.parametrize(
    "act", [lambda room: room.agent("What day?"), lambda room: room.pass_ms(60)]
)
def test_after_hanging_up_nothing_happens_any_more(act: Callable[[Room], object]) -> None:
    room = Room().pass_ms(60_000)
    seen = len(room.seen)
    act(room)
    assert len([s for s in room.seen[seen:] if isinstance(s, Said | PutDown)]) == 0
