"""The claim gate: what is not done is not heard to be done, and honest words never wait."""

import re
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.engine import (
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CancelResponse,
    DeleteItem,
    EngineFailed,
    Inform,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    Note,
    PlayAudio,
    Record,
    RunTool,
    StoreAudio,
    Track,
)
from telephony.call.config import Claimable
from telephony.call.ending import Phase
from telephony.call.events import CallEvent, HangUpAsked, ToolFinished
from telephony.call.honesty import (
    MOST_CORRECTIONS,
    Deeds,
    Reader,
    Standing,
    sentences,
    without_last_word,
)
from telephony.call.machine import Call
from telephony.call.playback import Playback
from telephony.transcripts.entry import AgentLine, ClaimLine, Fate, TruncationLine
from tests.exploring import examples
from tests.telephony.distance import Distance, Network
from tests.telephony.script import CAPABILITIES, ONE_SECOND, Script, seconds
from tests.tools.claim_sentences import CLAIMS, HONEST, lines
from tools.claims import claims, parse

CLAIMABLE = (
    Claimable("book", ("booked",)),
    Claimable("move", ("moved", "booked")),
    Claimable("look_up", ("booked",), writes=False),
)
NOT_DONE = "I'm sorry, I was too quick: that is not done yet. Shall I do it now?"
NOT_WORKED = "I'm sorry, that did not work. What would you like to do instead?"
NOT_SURE = "I'm sorry, I can't tell yet whether that worked."
LIE = "I've booked you in for Tuesday."


class Gated(Script):
    """A call that is up and has had its greeting, with a gate or without."""

    def __init__(self, claimable: tuple[Claimable, ...] = CLAIMABLE, **given: Any) -> None:
        super().__init__(**given)
        self.config = msgspec.structs.replace(self.config, claimable=claimable)
        self.call = Call(self.config)
        self.begins()
        self.speaks(seconds(0.1), "hello", "Hello.", "r0").finishes("hello", "r0").wait(5.0)

    def calls(self, tool: str, tool_call_id: str = "t1") -> "Gated":
        self.when(ToolCalled("rt", tool_call_id, tool, "{}"), RunTool)
        return self

    def answers(
        self, state: str, message: str = "", tool: str = "book", tool_call_id: str = "t1"
    ) -> "Gated":
        output = msgspec.json.encode({"status": state, "message": message}).decode()
        self.happens(ToolFinished(tool_call_id, tool, state, output))
        return self

    def says(self, text: str, reply: str = "r1", item: str = "i1") -> "Gated":
        """All words, then all audio of a reply, and its end."""
        self.speaks(seconds(0.06 * len(text)), item, text, reply)
        self.finishes(item, reply)
        return self

    def stopped(self) -> list[ClaimLine]:
        return self.entries(ClaimLine)

    def phase(self) -> Phase:
        return self.call.phase

    def sent(self) -> int:
        return sum(len(c.ulaw) for c in self.said if isinstance(c, PlayAudio))

    def heard(self) -> int:
        heard = [c for c in self.said if isinstance(c, StoreAudio) and c.track is Track.HEARD]
        return sum(len(c.ulaw) for c in heard)

    def of(self, *kinds: type) -> list[CallCommand]:
        return [command for command in self.said if isinstance(command, kinds)]


# ---- a claim that nothing stands behind --------------------------------------------------------


def test_a_claim_without_a_deed_is_not_heard() -> None:
    call = Gated()
    before = call.sent()
    call.happens(ResponseStarted("r1"))
    call.when(
        TextDelta("r1", "i1", LIE),
        Note,
        Record,
        CancelResponse("r1"),
        DeleteItem("i1"),
        Record,
        Inform,
    )
    call.happens(AudioDelta("r1", "i1", 0, ONE_SECOND))
    assert call.sent() == before
    call.when(ResponseDone("r1", ResponseStatus.CANCELLED), Say(NOT_DONE))
    call.wait(5.0)
    assert call.sent() == before, "nothing of it came later either"


def test_the_transcript_tells_what_was_stopped_and_why() -> None:
    call = Gated()
    call.says(LIE)
    (line,) = call.stopped()
    assert line == ClaimLine("i1", ("book", "move"), "never", LIE, 5_000)
    assert "false_claim" in call.notes()
    (agent,) = (each for each in call.entries(AgentLine) if each.item_id == "i1")
    assert (agent.text, agent.heard, agent.fate) == (LIE, "", Fate.NEVER_PLAYED)


def test_the_model_is_told_the_truth() -> None:
    call = Gated()
    call.says(LIE)
    (told,) = call.of(Inform)
    assert isinstance(told, Inform)
    assert LIE in told.text
    assert "book or move has not been called" in told.text


@pytest.mark.parametrize(
    ("state", "correction", "standing"),
    [
        ("refused", NOT_WORKED, "failed"),
        ("invalid", NOT_WORKED, "failed"),
        ("failed", NOT_WORKED, "failed"),
        ("unknown", NOT_SURE, "unknown"),
    ],
)
def test_a_deed_that_did_not_succeed_is_none(state: str, correction: str, standing: str) -> None:
    call = Gated().calls("book").answers(state)
    call.says(LIE)
    assert [line.standing for line in call.stopped()] == [standing]
    assert Say(correction) in call.of(Say)


def test_while_the_tool_runs_its_answer_is_waited_for() -> None:
    call = Gated().calls("book")
    call.says(LIE)
    assert [line.standing for line in call.stopped()] == ["running"]
    assert call.of(Say)[1:] == [], "the tool's answer will be told"
    call.answers("done")
    assert [each.respond for each in call.of(ToolOutput) if isinstance(each, ToolOutput)] == [True]
    call.says(LIE, "r2", "i2")
    assert len(call.stopped()) == 1


def test_a_tool_called_in_the_same_reply_speaks_for_itself() -> None:
    call = Gated()
    call.happens(ResponseStarted("r1"), TextDelta("r1", "i1", LIE + " "))
    call.calls("book")
    call.happens(ResponseDone("r1", ResponseStatus.CANCELLED))
    assert call.of(Say)[1:] == []


def test_the_caller_who_speaks_is_not_talked_over_by_the_correction() -> None:
    call = Gated()
    call.happens(ResponseStarted("r1"), TextDelta("r1", "i1", LIE))
    call.happens(CallerSpeechStarted("u1", 5_000))
    call.happens(ResponseDone("r1", ResponseStatus.CANCELLED))
    assert call.of(Say)[1:] == []


# ---- deeds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["book", "move"])
def test_any_tool_with_the_claim_may_have_done_it(tool: str) -> None:
    call = Gated().calls(tool).answers("done", tool=tool)
    call.says(LIE).wait(5.0)
    assert call.stopped() == []
    assert call.entries(AgentLine)[-1].fate is Fate.HEARD


def test_the_deed_of_one_tool_is_not_that_of_another() -> None:
    call = Gated().calls("book").answers("done")
    call.says("I've booked that. And I've moved the other one.")
    assert [line.tools for line in call.stopped()] == [("move",)]


def test_what_was_done_stays_done_when_a_second_attempt_fails() -> None:
    call = Gated().calls("book").answers("done")
    call.calls("book", "t2").answers("refused", tool_call_id="t2")
    call.says(LIE)
    assert call.stopped() == []


def test_what_was_looked_up_may_be_told_but_not_as_a_deed() -> None:
    call = Gated().calls("look_up").answers("done", tool="look_up")
    call.says("You're booked in for Friday at ten.")
    assert call.stopped() == []
    call.says("I've booked it.", "r2", "i2")
    assert len(call.stopped()) == 1


def test_a_tool_without_rules_may_be_what_is_talked_of() -> None:
    call = Gated((*CLAIMABLE, Claimable("order", ())))
    call.says(LIE)
    assert len(call.stopped()) == 1
    call.calls("order").answers("done", tool="order")
    call.says("I've booked your taxi.", "r2", "i2")
    assert len(call.stopped()) == 1


def test_looking_up_alone_makes_no_claims() -> None:
    call = Gated((Claimable("look_up", ("booked",), writes=False),))
    call.says(LIE)
    assert call.stopped() == []


def test_what_a_tool_said_may_be_said_again() -> None:
    message = "Your haircut has been moved already, on Monday."
    call = Gated().calls("move").answers("refused", message, tool="move")
    call.says(f"I'm sorry. {message}")
    assert call.stopped() == []


def test_an_answer_that_is_no_json_is_no_quotation() -> None:
    call = Gated().calls("book")
    call.happens(ToolFinished("t1", "book", "refused", "I've booked you in for Tuesday."))
    call.says(LIE)
    assert len(call.stopped()) == 1


def test_what_the_engine_was_asked_to_say_is_no_claim() -> None:
    call = Gated(limits=msgspec.structs.replace(Script().config.limits, silence_prompt_s=1.0))
    persona = msgspec.structs.replace(call.config.persona, silence_prompt="It's booked, I say.")
    call.config = msgspec.structs.replace(call.config, persona=persona)
    call.call = Call(call.config)
    call.now = 0.0
    call.begins().speaks(seconds(0.1), "hello", "Hello.", "r0").finishes("hello", "r0").wait(5.0)
    assert Say("It's booked, I say.") in call.of(Say)
    call.says("It's booked, I say.")
    assert call.stopped() == []


def test_a_short_word_is_no_quotation() -> None:
    call = Gated().calls("move").answers("refused", "What is booked cannot be moved.", tool="move")
    call.says("Booked.")
    assert len(call.stopped()) == 1


# ---- what was sent before ----------------------------------------------------------------------


def test_what_stood_before_the_claim_is_heard_to_its_end() -> None:
    call = Gated()
    before = call.sent()
    call.speaks(ONE_SECOND, "i1", "One moment please. ")
    call.when(
        TextDelta("r1", "i1", LIE), Note, Record, CancelResponse("r1"), Inform
    )  # nothing of the claim was sent, so nothing is cleared
    assert call.sent() == before + 8_000
    call.happens(AudioDelta("r1", "i1", 0, ONE_SECOND))
    call.happens(ResponseDone("r1", ResponseStatus.CANCELLED))
    call.echoes(*call.marks()).wait(3.0)
    assert call.sent() == before + 8_000
    assert call.of(TruncateItem) == [TruncateItem("i1", 0, 1_000, "One moment please.")]
    (line,) = (each for each in call.entries(AgentLine) if each.item_id == "i1")
    assert (line.heard, line.fate, line.heard_ms) == ("One moment please.", Fate.CUT, 1_000)


def test_of_a_claim_that_has_begun_to_sound_the_rest_is_cleared() -> None:
    call = Gated()
    call.speaks(ONE_SECOND, "i1", "One moment please. ")
    call.more(seconds(0.5), "i1", "I've ")
    call.wait(0.4)
    call.happens(TextDelta("r1", "i1", "booked "), TextDelta("r1", "i1", "you"))
    assert len(call.of(ClearPlayback)) == 1
    resent = [command for command in call.last if isinstance(command, PlayAudio)]
    assert sum(len(each.ulaw) for each in resent) == 4_800, "0.4 s of the first second were heard"
    call.happens(ResponseDone("r1", ResponseStatus.CANCELLED)).wait(4.0)
    call.echoes(*call.marks())
    assert call.of(TruncateItem) == [TruncateItem("i1", 0, 1_000, "One moment please.")]
    (cut,) = call.entries(TruncationLine)
    assert cut.heard_ms == 1_000


def test_a_claim_that_is_heard_already_is_cut_off() -> None:
    call = Gated()
    call.speaks(seconds(2.0), "i1", "I've ")
    call.wait(0.5)
    call.happens(TextDelta("r1", "i1", "booked "))
    call.happens(ResponseDone("r1", ResponseStatus.CANCELLED)).wait(4.0)
    assert len(call.of(ClearPlayback)) == 1
    (told,) = call.of(TruncateItem)
    assert isinstance(told, TruncateItem)
    assert told.audio_end_ms == 500
    (line,) = (each for each in call.entries(AgentLine) if each.item_id == "i1")
    assert line.heard_ms == 500


def test_of_an_engine_whose_words_come_behind_all_that_is_unheard_is_cleared() -> None:
    call = Gated()
    call.speaks(seconds(3.0), "i1")
    call.wait(1.0)
    call.happens(TextDelta("r1", "i1", "One moment. " + LIE))
    assert len(call.of(ClearPlayback)) == 1
    assert not [c for c in call.last if isinstance(c, PlayAudio)]


def test_an_earlier_item_that_still_plays_is_heard() -> None:
    call = Gated()
    call.speaks(ONE_SECOND, "i1", "One moment please.")
    call.more(seconds(0.2), "i2", "I've ")
    call.wait(0.3)
    call.happens(TextDelta("r1", "i2", "booked it."))
    resent = sum(len(c.ulaw) for c in call.last if isinstance(c, PlayAudio))
    assert resent == 5_600
    call.happens(ItemDone("r1", "i2"), ResponseDone("r1", ResponseStatus.CANCELLED)).wait(3.0)
    call.echoes(*call.marks()).wait(1.0)
    lines = {each.item_id: each for each in call.entries(AgentLine)}
    assert lines["i1"].fate is Fate.HEARD
    assert lines["i2"].fate is Fate.NEVER_PLAYED
    assert call.of(DeleteItem) == [DeleteItem("i2")]


def test_of_a_stopped_reply_no_other_item_is_heard() -> None:
    call = Gated()
    call.happens(ResponseStarted("r1"), TextDelta("r1", "i1", LIE))
    before = call.sent()
    call.more(ONE_SECOND, "i2", "Is there anything else?")
    assert call.sent() == before
    assert call.of(DeleteItem) == [DeleteItem("i1"), DeleteItem("i2")]


def test_a_claim_whose_last_word_comes_last_is_found_at_the_end() -> None:
    call = Gated()
    call.happens(ResponseStarted("r1"), TextDelta("r1", "i1", "It's all booked"))
    assert call.stopped() == []
    call.when(
        ItemDone("r1", "i1"),
        Note,
        Record,
        CancelResponse("r1"),
        DeleteItem("i1"),
        Record,
        Inform,
        Record,
    )


def test_an_item_nobody_ended_is_read_to_its_end_with_the_reply() -> None:
    call = Gated()
    call.happens(ResponseStarted("r1"), TextDelta("r1", "i1", "It's all booked"))
    call.happens(ResponseDone("r1", ResponseStatus.COMPLETED))
    assert len(call.stopped()) == 1
    assert Say(NOT_DONE) in call.of(Say)


def test_a_word_that_is_still_coming_is_waited_for() -> None:
    call = Gated((Claimable("post", ("sent",)),))
    call.happens(ResponseStarted("r1"), TextDelta("r1", "i1", "I've sent"))
    call.happens(TextDelta("r1", "i1", "enced nobody. "))
    assert call.stopped() == []


# ---- the end of patience -----------------------------------------------------------------------


def test_a_model_that_goes_on_lying_is_taken_off_the_line() -> None:
    call = Gated()
    for count in range(1, MOST_CORRECTIONS + 2):
        call.says(LIE, f"r{count}", f"i{count}").wait(0.5)
    assert len(call.stopped()) == MOST_CORRECTIONS + 1
    assert len([each for each in call.of(Say) if each == Say(NOT_DONE)]) == MOST_CORRECTIONS
    assert "false_claims_given_up" in call.notes()
    assert call.call.phase is Phase.CLOSING
    assert call.of(PlayAudio), "the recorded apology"


def test_a_goodbye_with_a_false_claim_ends_no_call() -> None:
    call = Gated()
    call.calls("end_call")
    call.happens(ToolFinished("t1", "end_call", "done", "{}", ends_call=True))
    assert call.phase() is Phase.CLOSING
    call.says("You're booked, goodbye.")
    assert call.phase() is Phase.LIVE
    assert Say(NOT_DONE) in call.of(Say)


def test_a_call_that_must_end_ends_without_a_correction() -> None:
    call = Gated()
    call.happens(HangUpAsked("drained"))
    call.says("You're booked, goodbye.")
    assert call.call.phase is Phase.CLOSING
    assert Say(NOT_DONE) not in call.of(Say)


def test_a_reply_the_caller_cut_short_is_not_read_on() -> None:
    call = Gated()
    call.speaks(ONE_SECOND, "i1", "One moment. ")
    call.happens(CallerSpeechStarted("u1", 5_200))
    call.happens(TextDelta("r1", "i1", LIE), ItemDone("r1", "i1"))
    assert call.stopped() == []


def test_nothing_is_corrected_when_the_engine_is_gone() -> None:
    call = Gated()
    call.happens(ResponseStarted("r1"), TextDelta("r1", "i1", LIE))
    call.happens(EngineFailed("gone", fatal=False))
    call.happens(ResponseDone("r1", ResponseStatus.FAILED))
    assert Say(NOT_DONE) not in call.of(Say)


# ---- honest words never wait -------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "Shall I book it? ", "It is not booked yet. ", "One moment. ", "booked", " ", "Goodbye.",
        "Once it's booked, ", "you'll get a text. ", "The ten o'clock is booked. ", "Hello ",
    ]
)  # fmt: skip
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("text"), WORDS),
        st.tuples(st.just("audio"), st.floats(0.05, 1.5)),
        st.tuples(st.just("wait"), st.floats(0.0, 2.0)),
        st.tuples(st.sampled_from(["item", "reply", "speak", "tool"]), st.none()),
    ),
    max_size=30,
)


@given(EVENTS)
@settings(max_examples=examples(60))
def test_honest_words_are_sent_as_if_there_were_no_gate(story: list[tuple[str, Any]]) -> None:
    gated, plain = Gated().calls("book").answers("done"), Gated(()).calls("book").answers("done")
    assert told(gated, story) == told(plain, story)


def told(call: Gated, story: list[tuple[str, Any]]) -> list[tuple[float, list[CallCommand]]]:
    """Every command of the story with its time."""
    happened: list[tuple[float, list[CallCommand]]] = []
    reply, item, caller = 1, 1, 0
    call.happens(ResponseStarted("r1"))
    for kind, value in story:
        events: tuple[CallEvent, ...] = ()
        match kind:
            case "text":
                events = (TextDelta(f"r{reply}", f"i{item}", str(value)),)
            case "audio":
                events = (AudioDelta(f"r{reply}", f"i{item}", 0, seconds(value)),)
            case "wait":
                call.wait(value)
            case "item":
                events = (ItemDone(f"r{reply}", f"i{item}"),)
                item += 1
            case "speak":
                caller += 1
                events = (
                    CallerSpeechStarted(f"u{caller}", round(call.now * 1000)),
                    CallerSpeechStopped(f"u{caller}", round(call.now * 1000)),
                )
            case _:
                events = (ResponseDone(f"r{reply}", ResponseStatus.COMPLETED),)
                reply, item = reply + 1, item + 1
                events += (ResponseStarted(f"r{reply}"),)
        call.happens(*events)
        happened.append((call.now, call.last))
    assert call.stopped() == []
    return happened


@given(st.lists(st.sampled_from(["I've ", "booked ", "you ", "in. ", "One moment. "]), max_size=12),
       st.lists(st.floats(0.0, 0.6), min_size=12, max_size=12))  # fmt: skip
@settings(max_examples=examples(60))
def test_no_claim_without_a_deed_is_ever_heard_in_full(
    words: list[str], waits: list[float]
) -> None:
    call = Gated()
    call.happens(ResponseStarted("r1"))
    for word, wait_s in zip(words, waits, strict=False):
        call.happens(TextDelta("r1", "i1", word), AudioDelta("r1", "i1", 0, seconds(0.3)))
        call.wait(wait_s)
    call.happens(ItemDone("r1", "i1"), ResponseDone("r1", ResponseStatus.COMPLETED))
    call.wait(8.0)
    for line in call.entries(AgentLine):
        assert not Reader(CLAIMABLE).false_claim(f"{line.heard} ", 0, whole=False), line
        assert line.heard_ms <= line.sent_ms


def spoken(playback: Playback, *pieces: tuple[str, float]) -> list[CallCommand]:
    commands: list[CallCommand] = []
    for text, duration_s in pieces:
        playback.text(TextDelta("r1", "i1", text), 0.0)
        commands += playback.audio(AudioDelta("r1", "i1", 0, seconds(duration_s)), 0.0)
    return commands


def length(commands: list[CallCommand]) -> int:
    return sum(len(each.ulaw) for each in commands if isinstance(each, PlayAudio))


def test_what_is_withheld_while_the_caller_may_be_interrupting_is_not_resumed() -> None:
    playback = Playback(CAPABILITIES)
    spoken(playback, ("One moment. ", 1.0), ("I've ", 0.5))
    playback.hold(0.4)
    assert length(playback.withhold("i1", len("One moment. "), 0.5)) == 0
    assert not playback.audio(AudioDelta("r1", "i1", 0, seconds(0.5)), 0.6)
    resumed = playback.resume(0.7)
    assert 8_000 - 3_600 <= length(resumed) <= 8_000 - 3_200
    assert playback.outstanding


def test_what_comes_while_it_is_open_is_withheld_too() -> None:
    playback = Playback(CAPABILITIES)
    playback.hold(0.0)
    spoken(playback, ("One moment. ", 1.0), ("I've ", 0.5))
    playback.withhold("i1", len("One moment. "), 0.1)
    assert length(playback.resume(0.2)) == 8_000


# ---- over a distant line -----------------------------------------------------------------------


def far(network: Network, seed: int, output: AudioFormat, late_s: float) -> Distance:
    """A second of honest words, then the beginning of a claim, and so much later its word."""
    line = Distance(network, Random(seed), output, CLAIMABLE)
    at_s = line.now + 0.1
    line.at(at_s, ResponseStarted("r1"))
    for number, text in enumerate(["One ", "moment ", "please. ", "", "", "I've ", ""]):
        if text:
            line.at(at_s + number * 0.04, TextDelta("r1", "i1", text))
        line.at(at_s + number * 0.04, AudioDelta("r1", "i1", 0, line.voices.gives("i1", 1_600)))
    line.at(at_s + late_s, TextDelta("r1", "i1", "booked it"))
    line.at(at_s + late_s, ItemDone("r1", "i1"))
    line.at(at_s + late_s, ResponseDone("r1", ResponseStatus.CANCELLED))
    line.run_until(at_s + 4.0)
    return line


@pytest.mark.parametrize("output", AudioFormat)
@pytest.mark.parametrize("late_s", [0.3, 0.7, 1.05, 1.2])
def test_on_a_steady_line_what_is_sent_again_is_heard_once(
    late_s: float, output: AudioFormat
) -> None:
    line = far(Network(), 1, output, late_s)
    (told,) = line.told()
    assert told.item_id == "i1"
    assert abs(told.error_ms) <= 1
    # Playback begins 0.1 s after the first delta, and a clear takes 0.05 s.
    heard_ms = max(1_000, late_s * 1000)
    assert abs(told.played_ms - heard_ms) <= 15
    assert line.rejected == 0


@pytest.mark.parametrize("seed", range(12))
def test_on_an_unsteady_line_it_is_true_within_40_ms(seed: int) -> None:
    network = Network(jitter="uniform", jitter_s=0.025)
    line = far(network, seed, AudioFormat.PCM16_24K, 0.5)
    (told,) = line.told()
    assert abs(told.error_ms) <= 40
    assert told.played_ms <= 1_040
    assert line.rejected == 0


# ---- the parts ---------------------------------------------------------------------------------


def test_sentences_end_at_a_stop_before_a_blank() -> None:
    assert sentences("At 3.30 or so. Yes! An", 0, whole=False) == [
        (0, "At 3.30 or so. ", True),
        (15, "Yes! ", True),
    ]
    assert sentences("Yes! And", 5, whole=True) == [(5, "And", True)]
    assert sentences("Yes! And so", 5, whole=False) == [(5, "And ", False)]
    assert sentences("It is booked.", 0, whole=False) == [(0, "It is booked.", True)]
    assert sentences("", 0, whole=True) == []


@given(
    st.one_of(
        st.text(max_size=20),
        st.lists(
            st.sampled_from([*"ab _'\u2019-.\n\u00e9\u0301\u00b2\u0661\u4e2d", "on "]), max_size=12
        ).map("".join),
    )
)
@settings(max_examples=examples(1_000))
def test_the_last_word_is_what_stands_behind_the_last_that_is_in_none(text: str) -> None:
    assert without_last_word(text) == re.sub(r"[\w'\u2019]+$", "", text)


def test_of_several_tools_the_most_hopeful_standing_counts() -> None:
    deeds = Deeds()
    tools = {"book", "move"}
    assert deeds.standing(tools) is Standing.NEVER
    deeds.began(ToolCalled("r", "t1", "book", "{}"))
    assert deeds.standing(tools) is Standing.RUNNING
    deeds.ended(ToolFinished("t1", "book", "refused", "{}"))
    assert deeds.standing(tools) is Standing.FAILED
    deeds.ended(ToolFinished("t2", "move", "unknown", "{}"))
    assert deeds.standing(tools) is Standing.UNKNOWN
    assert not deeds.done(tools)
    deeds.ended(ToolFinished("t3", "book", "done", "{}", repeated=True))
    assert deeds.done(tools)
    assert not deeds.done({"move"})


@given(
    st.lists(
        st.builds(
            Claimable,
            st.sampled_from(["book", "move", "look_up", "cancel"]),
            st.lists(
                st.sampled_from(["booked", "moved", "you are booked", "I have ... you unless in"]),
                max_size=3,
                unique=True,
            ).map(tuple),
            st.booleans(),
        ),
        max_size=4,
        unique_by=lambda each: each.tool,
    ),
    st.sampled_from([*lines(CLAIMS), *lines(HONEST), "I have moved you, and you are booked in."]),
    st.booleans(),
)
@settings(max_examples=examples(300))
def test_only_likely_rules_are_looked_at_and_nothing_is_missed(
    claimable: list[Claimable], said: str, whole: bool
) -> None:
    makers: dict[int, set[str]] = {}
    writers: dict[int, set[str]] = {}
    for each in claimable:
        for rule in each.claims:
            for claim in claims(said, parse(rule), whole=whole):
                if each.writes or claim.stands:
                    makers.setdefault(claim.end, set()).add(each.tool)
                if each.writes:
                    writers.setdefault(claim.end, set()).add(each.tool)
    reader = Reader(tuple(claimable))
    assert reader._claimed(said, whole=whole) == [(makers[e], writers[e]) for e in sorted(writers)]


def test_of_a_sentence_without_an_end_the_latest_is_read() -> None:
    reader = Reader(CLAIMABLE)
    endless = "and then " * 200
    assert reader.false_claim(endless + ", I've booked it for you ", 0, whole=False) is not None
