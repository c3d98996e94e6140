"""What reaches the disk of a call in which something is said that may not be kept."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.engine import (
    AgentSaid,
    AudioDelta,
    CallerSaid,
    CallerSpeechStarted,
    CallerTranscript,
    Inform,
    Remember,
    ResponseStarted,
    Say,
    TextDelta,
    ToolAnswered,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from telephony.call.commands import Record, RunTool, StoreAudio, Track
from telephony.call.events import CallerAudio, StreamStopped, ToolWaits
from telephony.cli.replay import make_call
from telephony.redacting import withheld
from telephony.redacting.withheld import GOES_ON_S, LEAST_S, LONGEST_S, WORDS_S
from telephony.transcripts.archive import journal
from telephony.transcripts.entry import (
    AgentLine,
    CallerLine,
    ClaimLine,
    EndedReason,
    Fate,
    ToolLine,
)
from telephony.transcripts.journal import JournalWriter
from telephony.transcripts.records import Happened, Header, Redacted, frame, read
from telephony.transcripts.replay import replay
from tests.exploring import examples
from tests.telephony.redacting.studio import CARD, VOICE, Studio, journal_of
from tools.redacting.kinds import NOTHING

HALVES = ("4111 1111", "1111 1111")


def lines(studio: Studio, kind: type[AgentLine] | type[CallerLine]) -> list[str]:
    return [e.text for e in studio.tape.entries if isinstance(e, kind)]


def silent(studio: Studio, track: Track, start_s: float, end_s: float) -> bool:
    held = bytes(studio.tape.tracks[track][round(start_s * 8_000) : round(end_s * 8_000)])
    assert held
    return held.strip(b"\xff") == b""


def sounds(studio: Studio, track: Track, start_s: float, end_s: float) -> bool:
    held = bytes(studio.tape.tracks[track][round(start_s * 8_000) : round(end_s * 8_000)])
    return set(held) == set(VOICE)


def test_requirement_d1_a_card_number_is_in_no_record_and_its_sound_is_silent() -> None:
    studio = Studio()
    studio.passes(4)
    studio.caller("Hello, a table for four please.")
    studio.passes(4)
    began = studio.now
    studio.caller(f"My card is {CARD}.", seconds=6)
    ended = studio.now
    studio.passes(4)
    studio.ends()
    assert lines(studio, CallerLine) == [
        "Hello, a table for four please.",
        "My card is [card number].",
    ]
    assert "4111" not in studio.tape.text
    assert silent(studio, Track.CALLER, began + 2, ended - 0.5)
    assert sounds(studio, Track.CALLER, 0.1, began - 1)
    assert sounds(studio, Track.CALLER, ended + 1, ended + 3)


def test_requirement_d1_a_number_split_over_turns_is_silent_in_the_earlier_turn_too() -> None:
    studio = Studio()
    studio.passes(4)
    first = studio.now
    studio.caller(HALVES[0])
    studio.agent("Go on.")
    second = studio.now
    studio.caller(f"and {HALVES[1]}")
    studio.agent("So that is 4111 1111 1111 1111, thank you.", seconds=4)
    studio.passes(LEAST_S + 1)
    studio.ends()
    assert lines(studio, CallerLine) == ["[card number]", "and [card number]"]
    assert "Go on." in studio.tape.said()
    assert "So that is [card number], thank you." in studio.tape.said()
    assert not any(digits in studio.tape.text for digits in ("4111", "1111"))
    assert silent(studio, Track.CALLER, first + 0.1, first + 2.9)
    assert silent(studio, Track.CALLER, second + 0.1, second + 2.9)


def test_nothing_of_a_number_is_given_out_before_it_is_known_what_it_is() -> None:
    """So a crash at any moment leaves none of it."""
    studio = Studio()
    studio.passes(4)
    first = studio.now
    studio.caller(HALVES[0])
    studio.agent("And the rest?")
    studio.passes(10)
    assert "4111" not in studio.tape.text
    assert len(studio.tape.tracks[Track.CALLER]) <= first * 8_000
    studio.caller(HALVES[1])
    studio.passes(1)
    assert "1111" not in studio.tape.text


def test_what_turns_out_to_be_harmless_is_kept_as_it_was() -> None:
    studio = Studio()
    studio.passes(3)
    studio.caller("My order is 4111 1111")
    studio.agent("I see it.")
    studio.caller("Fine.")
    studio.caller("Thanks.")
    studio.passes(LEAST_S + 1)
    assert lines(studio, CallerLine)[0] == "My order is 4111 1111"
    assert not studio.tape.redactions
    assert [e.text for e in studio.corrected if isinstance(e, CallerLine)] == [
        "My order is 4111 1111"
    ]
    studio.ends()
    assert sounds(studio, Track.CALLER, 0.1, studio.now - 0.5)


def test_a_number_that_does_not_go_on_is_waited_for_so_long() -> None:
    studio = Studio()
    studio.passes(3)
    studio.caller("My order is 4111 1111")
    studio.passes(GOES_ON_S - 1)
    assert not lines(studio, CallerLine)
    studio.passes(2 + LEAST_S)
    assert lines(studio, CallerLine) == ["My order is 4111 1111"]


def test_words_are_waited_for_and_then_not() -> None:
    studio = Studio()
    studio.passes(3)
    began = studio.now
    studio.caller(None)
    studio.passes(WORDS_S - 1)
    assert len(studio.tape.tracks[Track.CALLER]) <= began * 8_000
    studio.passes(2 + LEAST_S)
    assert sounds(studio, Track.CALLER, began, began + 3), "nobody had asked for anything"


def test_what_nobody_could_write_down_is_silent_where_a_number_was_asked_for() -> None:
    studio = Studio()
    studio.agent("Can I have your card number?")
    studio.passes(2)
    began = studio.now
    studio.caller(None)
    studio.passes(WORDS_S + LEAST_S + 1)
    assert silent(studio, Track.CALLER, began, began + 3)
    studio.agent("Your card number, please?")
    studio.passes(2)
    began = studio.now
    studio.caller("")
    studio.passes(2)
    studio.ends()
    assert silent(studio, Track.CALLER, began, began + 2.9)


def test_of_a_caller_who_hangs_up_in_the_midst_of_a_number_nothing_sounds() -> None:
    studio = Studio()
    studio.agent("Can I have your card number?")
    studio.passes(3)
    began = studio.now
    studio.feed(CallerSpeechStarted("u9", round(began * 1000)))
    studio.passes(3)
    studio.ends()
    assert silent(studio, Track.CALLER, began + 0.1, began + 2.9)


def test_the_longest_speech_without_words_is_not_kept() -> None:
    studio = Studio()
    studio.passes(3)
    began = studio.now
    studio.feed(CallerSpeechStarted("u9", round(began * 1000)))
    studio.passes(LONGEST_S + 5)
    assert silent(studio, Track.CALLER, began, began + 30)
    studio.feed(CallerTranscript("u9", f"and so on, {CARD}"))
    studio.passes(LEAST_S + 1)
    studio.ends()
    assert "4111" not in studio.tape.text


def test_of_an_engine_that_is_late_to_notice_more_is_held_back_and_what_is_out_is_silenced() -> (
    None
):
    studio = Studio()
    studio.passes(12)
    began = studio.now
    studio.passes(6)
    assert len(studio.tape.tracks[Track.CALLER]) > (began + 2) * 8_000
    studio.feed(CallerSpeechStarted("u8", round(began * 1000)))
    studio.feed(CallerTranscript("u8", CARD))
    studio.passes(8)
    assert silent(studio, Track.CALLER, began, began + 5.9)
    assert len(studio.tape.tracks[Track.CALLER]) <= (studio.now - 6.5) * 8_000


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withheld, "MOST_BYTES", 100_000)
    studio = Studio()
    studio.passes(3)
    began = studio.now
    studio.feed(CallerSpeechStarted("u9", round(began * 1000)))
    studio.passes(20)
    assert len(studio.tape.tracks[Track.CALLER]) > (began + 5) * 8_000
    assert silent(studio, Track.CALLER, began, began + 5)


def test_the_agents_own_numbers_are_silent_in_what_was_heard_and_in_what_was_sent() -> None:
    studio = Studio()
    studio.passes(2)
    studio.agent("Good morning, what can I do for you today?")
    middle = studio.now
    studio.agent(f"I have your card here it is {CARD} and so we are done for today", seconds=8)
    studio.passes(3)
    studio.ends()
    (_, line) = [e for e in studio.tape.entries if isinstance(e, AgentLine)]
    assert line.text == "I have your card here it is [card number] and so we are done for today"
    assert line.heard == line.text
    hidden = next(word for word in line.words if word.text == "[card number]")
    assert silent(studio, Track.HEARD, hidden.start_ms / 1000, hidden.end_ms / 1000)
    first, last = line.words[0], line.words[-1]
    assert sounds(studio, Track.HEARD, first.start_ms / 1000, first.end_ms / 1000)
    assert sounds(studio, Track.HEARD, last.start_ms / 1000, last.end_ms / 1000)
    assert silent(studio, Track.SENT, middle + 0.2, len(studio.tape.tracks[Track.SENT]) / 8_000)
    deltas = [r.event for r in _happened(studio) if isinstance(r.event, AudioDelta)]
    assert {event.audio.strip(b"\xff") != b"" for event in deltas} == {True, False}


def _happened(studio: Studio) -> list[Happened]:
    head = frame(Header(call_id="CA1", started_at="", engine=""))
    reading = read(head + bytes(studio.tape.frames))
    assert reading.damage is None
    return [record for record in reading.records if isinstance(record, Happened)]


def test_a_reply_cut_in_its_number_tells_what_was_heard_of_it() -> None:
    studio = Studio()
    said = f"It is {CARD} for sure"
    entry = AgentLine("a1", 1, said, "It is 4111", Fate.CUT, 0, 1000, 500, 800)
    studio.withheld.record(entry)
    studio.passes(LEAST_S + 1)
    (kept,) = [e for e in studio.tape.entries if isinstance(e, AgentLine)]
    assert (kept.text, kept.heard) == ("It is [card number] for sure", "It is [card number]")


def test_tools_and_claims_are_kept_without_it() -> None:
    studio = Studio()
    studio.passes(1)
    studio.tool(f'{{"number": "{CARD}", "cvv": 123}}', f'{{"message": "charged {CARD}"}}')
    studio.withheld.record(ClaimLine("a1", ("pay",), "never", f"I charged {CARD}", 0))
    studio.feed(ToolWaits("t9", f"{CARD} needs a word"))
    studio.passes(LEAST_S + 1)
    (tool,) = [e for e in studio.tape.entries if isinstance(e, ToolLine)]
    assert tool.arguments == '{"number": "[card number]", "cvv": "[security code]"}'
    assert tool.output == '{"message": "charged [card number]"}'
    assert "I charged [card number]" in msgspec.json.encode(studio.tape.entries).decode()
    assert "4111" not in studio.tape.text
    run = next(c for c in studio.asked if isinstance(c, RunTool))
    assert CARD in run.arguments, "the tool itself gets it"


def test_onlookers_are_told_at_once_and_without_it() -> None:
    studio = Studio()
    studio.passes(1)
    studio.caller(f"My card is {HALVES[0]}")
    studio.agent("So 4111 1111, go on")
    studio.caller(HALVES[1])
    shown = repr(studio.shown)
    assert "My card is [number]" in shown
    assert "4111 1111" not in shown
    assert CARD not in shown
    assert " go" in shown


def live(studio: Studio, track: Track, start_s: float, end_s: float) -> set[int]:
    """What somebody who listens in hears of this side then: the bytes of it."""
    heard = bytearray()
    for _, commands in studio.shown:
        for command in commands:
            if isinstance(command, StoreAudio) and command.track is track:
                at = command.at_samples / 8_000
                heard += command.ulaw if start_s <= at < end_s else b""
    assert heard
    return set(heard)


SILENT, SOUND = {0xFF}, set(VOICE)


def test_who_listens_in_hears_no_answer_to_a_question_for_a_number() -> None:
    """Sound goes out before its words are known: only what is expected can be kept from it."""
    studio = Studio()
    studio.passes(2)
    studio.agent("What is your card number?")
    asked = studio.now
    studio.caller(CARD, seconds=6)
    told = studio.now
    studio.agent("Thank you. What day would suit you?")
    free = studio.now
    studio.caller("On Tuesday, please.")
    assert live(studio, Track.CALLER, 0, 2) == SOUND
    assert live(studio, Track.CALLER, asked, told) == SILENT
    assert live(studio, Track.CALLER, free, studio.now) == SOUND
    assert live(studio, Track.HEARD, 0, asked) == SOUND, "the question is no secret"


def test_who_listens_in_hears_nothing_of_a_number_that_goes_on() -> None:
    studio = Studio()
    studio.passes(2)
    studio.caller(f"My card is {HALVES[0]}")
    known = studio.now
    studio.caller(HALVES[1])
    studio.passes(1)
    assert live(studio, Track.CALLER, 0, known - 0.1) == SOUND, "nobody could know"
    assert live(studio, Track.CALLER, known + 0.1, studio.now - 1) == SILENT


def test_who_listens_in_hears_no_number_that_the_agent_repeats() -> None:
    studio = Studio()
    studio.passes(2)
    studio.caller(f"My card is {CARD}")
    began = studio.now
    studio.agent(f"So that is {CARD}.", seconds=4)
    ended = studio.now
    studio.agent("Your table is booked for 19 30, in room 12.")
    assert live(studio, Track.HEARD, began, ended) == SILENT
    assert live(studio, Track.HEARD, ended, studio.now + 1) == SOUND


def test_a_reply_that_only_looked_like_a_number_is_heard_again_once_it_is_whole() -> None:
    studio = Studio()
    studio.passes(2)
    studio.agent("Your order 41 11 11 11 is on its way and will be there soon.", seconds=6)
    assert live(studio, Track.HEARD, 0, studio.now) >= SOUND


def test_onlookers_read_none_of_a_number_that_was_asked_for_and_little_of_any_other() -> None:
    studio = Studio()
    studio.passes(1)
    studio.agent("What is your card number?")
    studio.caller("It is 41 11")
    studio.agent("Go on.")
    studio.caller("My order is 4111")
    shown = repr([event for event, _ in studio.shown])
    assert "It is [number]" in shown
    assert "41 11" not in shown
    assert "4111" not in shown


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (Say(f"{CARD}!"), Say("[card number]!")),
        (Inform(CARD), Inform("[card number]")),
        (TruncateItem("a", 0, 1, CARD), TruncateItem("a", 0, 1, "[card number]")),
        (ToolOutput("t", f'"{CARD}"'), ToolOutput("t", '"[card number]"')),
        (RunTool("t", "pay", f'["{CARD}"]'), RunTool("t", "pay", '["[card number]"]')),
        (
            Remember(
                (CallerSaid(CARD), AgentSaid(CARD), ToolAnswered("t", "p", f'"{CARD}"', "{}"))
            ),
            Remember(
                (
                    CallerSaid("[card number]"),
                    AgentSaid("[card number]"),
                    ToolAnswered("t", "p", '"[card number]"', "{}"),
                )
            ),
        ),
        (
            Record(CallerLine("u", CARD, 0, 1)),
            Record(CallerLine("u", "[card number]", 0, 1)),
        ),
    ],
)
def test_every_command_that_holds_words_is_shown_without_it(command: object, shown: object) -> None:
    studio = Studio()
    _, commands = studio.withheld.shown(StreamStopped(), [command])  # type: ignore[list-item]
    assert list(commands) == [shown]


def test_where_nothing_is_redacted_nothing_waits() -> None:
    studio = Studio(kinds=NOTHING)
    studio.passes(1)
    studio.caller(f"My card is {CARD}")
    assert lines(studio, CallerLine) == [f"My card is {CARD}"]
    assert studio.tape.plain_events > 100
    event, _ = studio.shown[-1]
    assert isinstance(event, CallerTranscript)
    assert CARD in event.text
    studio.ends()
    assert studio.tape.closed is EndedReason.CALLER_HUNG_UP


def test_a_line_without_deltas_and_deltas_without_a_line() -> None:
    studio = Studio()
    studio.feed(ResponseStarted("r1"), TextDelta("r1", "a1", f"It is {CARD}"))
    studio.passes(LONGEST_S + LEAST_S + 1)
    studio.feed(TextDelta("r1", "a1", CARD), CallerTranscript("u1", CARD))
    studio.feed(CallerTranscript("u1", CARD), CallerTranscript("u1", f"{CARD} again"))
    studio.passes(LEAST_S + 1)
    studio.ends()
    assert "4111" not in studio.tape.text


def test_the_replay_goes_through_and_says_where_it_compares_no_more(tmp_path: Path) -> None:
    async def story() -> Path:
        writer = JournalWriter(tmp_path)
        kept = journal_of(writer)
        studio = Studio(kept)
        studio.passes(6)
        studio.caller("A table for four.")
        studio.agent("Which name?")
        studio.caller(f"Smith, and my card is {CARD}")
        studio.agent("Thank you.")
        studio.ends()
        assert await kept.written(5.0)
        await writer.shut(5.0)
        return kept.folder

    folder = asyncio.run(story())
    reading = journal(folder)
    place = next(n for n, each in enumerate(reading.records) if isinstance(each, Redacted))
    later = [each for each in reading.records[place:] if isinstance(each, Happened)]
    assert {each.commands_crc for each in later} == {0}, "a fingerprint would tell the number"
    verdict = replay(reading, make_call)
    assert verdict.ok
    assert verdict.redacted_from is not None
    assert 0 < verdict.redacted_from < verdict.events
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert CARD.encode() not in everything


def test_a_journal_with_nothing_redacted_is_compared_to_its_end(tmp_path: Path) -> None:
    async def story() -> Path:
        writer = JournalWriter(tmp_path)
        kept = journal_of(writer)
        studio = Studio(kept)
        studio.passes(3)
        studio.caller("My order is 4111 1111")
        studio.agent("Found it.")
        studio.ends()
        assert await kept.written(5.0)
        await writer.shut(5.0)
        return kept.folder

    verdict = replay(journal(asyncio.run(story())), make_call)
    assert (verdict.ok, verdict.redacted_from) == (True, None)
    assert verdict.checkpoints >= 1


SAID: list[Callable[[Studio], None]] = [
    lambda studio: studio.caller("Hello there.", 1.0),
    lambda studio: studio.caller(HALVES[0], 1.0),
    lambda studio: studio.caller(HALVES[1], 1.0),
    lambda studio: studio.caller(f"it is {CARD}", 1.0),
    lambda studio: studio.caller(None, 0.5),
    lambda studio: studio.caller("", 0.5),
    lambda studio: studio.agent("Go on.", 0.5),
    lambda studio: studio.agent(f"Is it {HALVES[0]}?", 0.5),
    lambda studio: studio.agent("Your card number please?", 0.5),
    lambda studio: studio.passes(1.0),
    lambda studio: studio.tool(f'{{"card_number": "{CARD}"}}', "{}"),
    lambda studio: studio.feed(CallerSpeechStarted("lost", round(studio.now * 1000))),
]


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(st.sampled_from(SAID), max_size=10))
def test_whatever_is_said_in_any_order_a_whole_number_is_never_given_out(
    said: list[Callable[[Studio], None]],
) -> None:
    studio = Studio()
    for each in said:
        each(studio)
        assert CARD not in studio.tape.text
    studio.ends()
    assert CARD not in studio.tape.text
    assert not studio.withheld._queue
    heard = [e.event for e in _happened(studio) if isinstance(e.event, CallerAudio)]
    given_in = [e for e, _ in studio.shown if isinstance(e, CallerAudio)]
    assert [len(e.ulaw) for e in heard] == [len(e.ulaw) for e in given_in]
    assert not any(
        isinstance(e.event, ToolCalled) and CARD in e.event.arguments for e in _happened(studio)
    )
