"""What a trial tells: both ends of one call joined, judged and summed up."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from telephony.cli.errand import Asked
from telephony.cli.terminal import CommandFailed
from telephony.cli.trial import Trial, Truncation, problem, trial
from telephony.cli.trial_text import summary
from telephony.cli.try_call import calls, for_trial, serving_on
from telephony.settings import describe, load
from telephony.simulator.carrier import PlayedClip
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.phone import EndedBy, PhoneReport, StreamEnd, StreamReport
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    Fate,
    ToolLine,
    TruncationLine,
    TurnLine,
    UsageLine,
)

ASKED = Asked("haircut", "2026-11-24T15:30+00:00", "Peter Baker")
BOOKED: dict[str, Any] = {
    "id": "b1",
    "service": "haircut",
    "local": "2026-11-24T15:30+00:00",
    "minutes": 45,
    "name": "Peter Baker",
    "caller_number": "+14155550100",
    "state": "booked",
}
ENTRIES: list[AnyEntry] = [
    AgentLine(
        "item_1", 1, "Hello. How can I help?", "Hello. How can", Fate.CUT, 40, 1_540, 1_500, 2_000
    ),
    TruncationLine("item_1", 1, 1_500, 1_540),
    UsageLine("resp_1", "cancelled", None, 1_541),
    CallerLine("turn_1", "A haircut, please.", 1_420, 2_900),
    ToolLine(
        "c1",
        "available_times",
        '{"service":"haircut"}',
        "done",
        '{"message":"Friday."}',
        3_500,
        3_530,
    ),
    ToolLine("c2", "note", "no json", "invalid", "neither", 3_600, 3_600),
    TurnLine(2_900, 3_400, 3_650, 3_700),
    TurnLine(5_000, 5_600, 5_900, 5_910),
    AgentLine("item_2", 2, "Which day?", "Which day?", Fate.HEARD, 3_700, 4_500, 800, 800),
    EndLine(EndedReason.AGENT_HUNG_UP, 9_000),
]
FILES = {"transcript": Path("/d/CA1/transcript.jsonl"), "record": Path("/r/call.wav")}


def report(played_ms: int = 1_498) -> PhoneReport:
    stream = StreamReport(
        stream_sid="MZ1",
        end=StreamEnd.API,
        length_ms=9_000,
        played_ms_by_item={1: played_ms, 2: 800},
        clips=(PlayedClip(0, 160, "1:1:160", 320, 160),),
        clears=(),
        reactions_ms=(118, None),
        warnings=(),
        caller_ulaw=b"",
        heard_ulaw=b"",
    )
    return PhoneReport("CA1", EndedBy.API, 7, (stream,), (), (), ())


def tried(**changed: Any) -> Trial:
    done = trial(report(), ENTRIES, "local", ASKED, BOOKED, FILES)
    return msgspec.structs.replace(done, **changed)


def test_both_ends_of_the_call_are_joined() -> None:
    done = tried()
    assert (done.call_id, done.engine, done.ended_reason) == ("CA1", "local", "agent_hung_up")
    assert [(turn.speaker, turn.state, turn.heard) for turn in done.turns] == [
        ("agent", "cut", "Hello. How can"),
        ("caller", "said", "A haircut, please."),
        ("agent", "heard", "Which day?"),
    ]
    assert done.turns[0].text == "Hello. How can I help?"
    assert done.truncations == [Truncation("item_1", 1_500, 1_498)]
    calls = [
        (each.name, each.arguments, each.outcome, each.output, each.ms) for each in done.tool_calls
    ]
    assert calls == [
        ("available_times", {"service": "haircut"}, "done", {"message": "Friday."}, 30),
        ("note", "no json", "invalid", "neither", 0),
    ]
    assert done.files == {"transcript": "/d/CA1/transcript.jsonl", "record": "/r/call.wav"}


def test_latency_is_by_turn() -> None:
    latency = tried().latency
    assert latency.webhook_ms == 7
    assert latency.first_audio_ms == 40
    assert latency.endpointing_ms == [500, 600]
    assert latency.answer_ms == [250, 300]
    assert latency.turn_ms == [800, 910]
    assert latency.turn_median_ms == 855
    assert latency.barge_in_ms == [118]


def test_a_call_without_a_stream_or_an_end_tells_what_there_is() -> None:
    silent = PhoneReport("CA1", EndedBy.FAILED, 7, (), (), (), ())
    done = trial(silent, [], "local", ASKED, None, {})
    assert (done.ended_reason, done.turns, done.truncations) == ("", [], [])
    assert (done.latency.first_audio_ms, done.latency.turn_median_ms) == (None, None)
    assert problem(done) == "The call did not end as it should: no end."


def test_a_trial_that_booked_what_was_asked_for_has_no_problem() -> None:
    assert problem(tried()) == ""
    assert problem(tried(booking={**BOOKED, "name": "peter baker"})) == ""
    assert problem(tried(truncations=[])) == ""
    assert problem(tried(ended_reason="caller_hung_up")) == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"booking": None}, "Nothing was booked."),
        (
            {"booking": {**BOOKED, "local": "2026-11-24T15:00+00:00"}},
            "The caller asked for haircut at 2026-11-24T15:30+00:00 for Peter Baker, but"
            " haircut at 2026-11-24T15:00+00:00 for Peter Baker was booked.",
        ),
        ({"booking": {**BOOKED, "name": "Peter Bacon"}}, "for Peter Bacon was booked."),
        ({"booking": {**BOOKED, "service": "beard trim"}}, "but beard trim at"),
        (
            {"truncations": [Truncation("i", 1_500, 1_541)]},
            "The model was told that 1500 ms of a cut sentence were heard,"
            " but the phone had played 1541 ms.",
        ),
        ({"ended_reason": "engine_failed"}, "did not end as it should: engine_failed."),
        ({"ended_reason": "idle"}, "did not end as it should: idle."),
    ],
)
def test_whatever_goes_wrong_is_said_in_one_sentence(changed: dict[str, Any], said: str) -> None:
    found = problem(tried(**changed))
    assert said in found
    assert "\n" not in found


def test_forty_milliseconds_apart_are_near_enough() -> None:
    assert problem(tried(truncations=[Truncation("i", 1_500, 1_540)])) == ""
    assert problem(tried(truncations=[Truncation("i", 1_540, 1_500)])) == ""
    assert problem(tried(truncations=[Truncation("i", 1_541, 1_500)])) != ""


SUMMARY = """\
The call lasted 4.5; ended: agent hung up.

Booking as stored
  id             b1
  service        haircut
  local          2026-11-24T15:30+00:00
  minutes        45
  name           Peter Baker
  caller_number  +14155550100
  state          booked
Interrupted
  the model was told 1500 ms, the phone had played 1498 ms: 2 ms apart
Measured                                    median   longest
  webhook answered                            7 ms
  agent heard after the stream began         40 ms
  caller waits for an answer                855 ms    910 ms
    until the end of the turn is noticed    550 ms    600 ms
    until the engine answers                275 ms    300 ms
  agent silent after the caller spoke up    118 ms
Files in /d/CA1
  transcript.jsonl
Files in /r
  call.wav
Read it again
  frontdesk calls show CA1"""


def test_the_summary_fits_eighty_columns() -> None:
    text = summary(tried())
    assert text == SUMMARY
    assert max(map(len, text.splitlines())) <= 80


def test_the_summary_of_a_call_that_came_to_nothing_says_so() -> None:
    silent = PhoneReport("CA1", EndedBy.FAILED, 7, (), (), (), ())
    text = summary(trial(silent, [], "local", ASKED, None, {}))
    assert "No booking was made." in text
    assert "  caller waits for an answer                -" in text


# ---- what is said when the server goes on -------------------------------------------------------


def test_whoever_could_never_sign_in_is_given_the_link() -> None:
    link = "http://127.0.0.1:4000/console/welcome/abc"
    lines = serving_on("http://127.0.0.1:4000", link).splitlines()
    assert f"  {link}" in lines, "alone on its line, to be copied or clicked"
    assert "good once" in lines[1]
    assert any("the console is /console/" in line for line in lines)


def test_whoever_can_sign_in_is_told_where() -> None:
    said = serving_on("http://127.0.0.1:4000", None)
    assert "  http://127.0.0.1:4000/console/" in said.splitlines()
    assert "password" not in said


def test_a_call_that_was_put_through_and_came_back_is_compared_with_all_its_streams() -> None:
    first = report()
    assert first.stream is not None
    second = msgspec.structs.replace(first.stream, played_ms_by_item={2: 790})
    told = msgspec.structs.replace(first, streams=(first.stream, second))
    done = trial(told, ENTRIES, "local", ASKED, BOOKED, FILES)
    assert [cut.played_ms for cut in done.truncations] == [1_498]


async def test_a_call_that_went_wrong_ends_the_program_only_if_it_is_the_only_one() -> None:
    said: list[str] = []
    tried_again: list[int] = []

    async def fails() -> None:
        raise CommandFailed("Nothing was booked.")

    async def again() -> bool:
        tried_again.append(1)
        return len(tried_again) < 2

    with pytest.raises(CommandFailed):
        await calls(fails, None, said.append)
    assert said == []
    await calls(fails, again, said.append)
    assert said == ["\nNothing was booked."] * 2


def test_the_settings_a_trial_makes_itself_are_shown_as_its_own(tmp_path: Path) -> None:
    settings = load({"FRONTDESK_DRAIN_SECONDS": "9", "FRONTDESK_MAX_CALLS": "7"}, tmp_path)
    address = "http://127.0.0.1:34683"
    deployed = for_trial(settings, address, SimulatedTwilio(address))
    shown = {row.name: (row.value, row.source) for row in describe(deployed)}
    assert shown["FRONTDESK_PORT"] == ("34683", "frontdesk try")
    assert shown["FRONTDESK_PUBLIC_URL"] == (address, "frontdesk try")
    assert shown["FRONTDESK_DRAIN_SECONDS"] == ("3", "frontdesk try")
    assert shown["FRONTDESK_MAX_CALLS"] == ("7", "environment")
    different = {row.name for row in describe(settings) if shown[row.name][0] != row.value}
    assert all(shown[name][1] == "frontdesk try" for name in different), different
