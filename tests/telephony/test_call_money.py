"""What a call costs, line by line, and how it ends for money: told in time, in words, once."""

from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CloseEngine,
    EngineReady,
    Inform,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    ToolCalled,
    Usage,
)
from agents.models import Prices, Tariff
from agents.money import UNKNOWN, Cost, total
from telephony.call.commands import EndCall, HangUp, Note, Record, Transfer
from telephony.call.config import Limits, Resumed, Route, Terms
from telephony.call.ending import Phase
from telephony.call.events import (
    BudgetNews,
    CallerAudio,
    CallEvent,
    HandedOver,
    StreamStarted,
    StreamStopped,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.call.money import WRAP_UP, Level, level
from telephony.transcripts.entry import (
    Charge,
    ChargeLine,
    EndedReason,
    EndLine,
    SeatLine,
    UsageLine,
)
from tests.telephony.script import ONE_SECOND, Script, seconds

TARIFF = Tariff(
    engine="scripted",
    model="gpt-realtime-2.1",
    tokens=Prices(
        text_in=Decimal(4), text_out=Decimal(24), audio_in=Decimal(32), audio_out=Decimal(64)
    ),
    transcription_usd_per_minute=Decimal("0.006"),
)
CARRIER = Decimal("0.0125")
MINUTE = Cost(12_500)
GOODBYE = Say("I'm sorry, I have to end this call now. Please call again another time. Goodbye.")


def priced(
    cap: int | None = None,
    tariff: Tariff = TARIFF,
    carrier: Decimal | None = CARRIER,
    limits: Limits = Limits(idle_hangup_s=1_000.0, silence_prompt_s=900.0),  # noqa: B008, frozen
) -> Script:
    """A call with prices that is up; nothing is owed to the caller."""
    script = Script(limits=limits)
    routes = (Route("desk", "One moment.", 20.0),)
    script.config = msgspec.structs.replace(
        script.config, terms=Terms((tariff,), carrier, cap), routes=routes, human="desk"
    )
    script.call = Call(script.config)
    script.happens(StreamStarted("MZ1"), EngineReady("s1"))
    script.speaks(seconds(0.1), "item_0", reply="r0")
    usage = Usage() if tariff.tokens else None
    over = ResponseDone("r0", ResponseStatus.COMPLETED, usage=usage)
    script.happens(ItemDone("r0", "item_0"), over)
    return echoing(script)


def echoing(script: Script, duration_s: float = 0.2) -> Script:
    """So much later, everything sent was heard."""
    return script.wait(duration_s).echoes(*script.marks())


def answers(script: Script, tokens: int, reply: str = "r1") -> Script:
    """A silent response of so many audio tokens: 64 micro-dollars each."""
    usage = Usage(output_audio_tokens=tokens)
    return script.happens(
        ResponseStarted(reply), ResponseDone(reply, ResponseStatus.COMPLETED, usage=usage)
    )


def spent(script: Script) -> Cost:
    """As whoever adds up the transcript would find it."""
    lines = script.entries(UsageLine, ChargeLine)
    return total(line.cost for line in lines)


# ---- what it costs ------------------------------------------------------------------------------


def test_a_call_without_terms_speaks_of_no_money() -> None:
    script = Script().begins()
    script.speaks(ONE_SECOND).finishes().wait(70.0)
    assert script.entries(ChargeLine) == []
    (line,) = script.entries(UsageLine)
    assert (line.cost, line.model) == (None, "")
    assert b"cost" not in msgspec.json.encode(line)


def test_every_response_has_its_cost_and_model() -> None:
    script = answers(priced(), 1_000)
    line = script.entries(UsageLine)[-1]
    assert (line.cost, line.model) == (Cost(64_000), "gpt-realtime-2.1")


def test_a_response_nobody_counted_makes_the_sum_an_at_least() -> None:
    script = answers(priced(), 1_000)
    script.happens(ResponseStarted("r2"), ResponseDone("r2", ResponseStatus.FAILED))
    assert spent(script) == Cost(76_500, unknown=True)
    assert str(spent(script)) == "at least $0.0765"


def test_an_engine_without_a_tariff_is_unknown_and_not_free() -> None:
    script = answers(priced(tariff=msgspec.structs.replace(TARIFF, engine="other")), 1_000)
    assert script.entries(UsageLine)[-1].cost == UNKNOWN


def test_after_a_change_of_engines_the_other_s_prices_hold() -> None:
    script = priced()
    script.call._money.noted([Record(SeatLine(1, "local", "failed", 0))], 0)
    assert answers(script, 1_000).entries(UsageLine)[-1].cost == UNKNOWN
    script.call._money.noted([Record(SeatLine(2, "scripted", "failed", 0))], 0)
    assert answers(script, 1_000, "r2").entries(UsageLine)[-1].cost == Cost(64_000)


def test_minutes_are_charged_as_they_begin_though_nothing_happens() -> None:
    script = priced().until_s(59.0)
    assert script.entries(ChargeLine) == [ChargeLine(Charge.CARRIER, MINUTE, 0)]
    script.until_s(121.0)
    lines = script.entries(ChargeLine)
    assert [line.at_ms for line in lines] == [0, 60_000, 120_000]
    assert spent(script) == Cost(3 * 12_500)


def test_minutes_that_passed_unseen_are_charged_at_the_next_event() -> None:
    script = priced()
    script.now = 185.0
    script.happens(CallerAudio(b"\xff" * 160, 185_000))
    assert len(script.entries(ChargeLine)) == 4


def test_a_carrier_without_a_price_is_unknown() -> None:
    assert spent(priced(carrier=None)) == UNKNOWN


def test_a_model_sold_by_the_minute_is_charged_by_the_minute() -> None:
    by_time = Tariff(engine="scripted", model="gpt-live-1", usd_per_minute=Decimal("0.05"))
    script = priced(tariff=by_time).until_s(61.0)
    whats = [line.what for line in script.entries(ChargeLine)]
    assert whats == [Charge.CARRIER, Charge.SESSION] * 2
    assert spent(script) == Cost(2 * 62_500)


def says(script: Script, ms: int, event: CallerTranscript, item: str = "c1") -> Script:
    begin = round(script.now * 1000)
    script.happens(CallerAudio(b"\xff" * 8 * begin, 0))
    script.happens(CallerSpeechStarted(item, begin)).wait(ms / 1000)
    script.happens(CallerAudio(b"\xff" * 8 * ms, begin))
    return script.happens(CallerSpeechStopped(item, begin + ms), event)


def test_what_the_caller_said_is_charged_by_its_length() -> None:
    script = says(priced(), 2_000, CallerTranscript("c1", "Hello."))
    (line,) = [each for each in script.entries(ChargeLine) if each.what is Charge.TRANSCRIPTION]
    assert line.cost.micros == pytest.approx(200, abs=2)


def test_the_provider_s_own_count_goes_before_ours_and_counts_once() -> None:
    event = CallerTranscript("c1", "Hello.", billed_ms=30_000)
    script = says(priced(), 2_000, event).happens(event)
    (line,) = [each for each in script.entries(ChargeLine) if each.what is Charge.TRANSCRIPTION]
    assert line.cost == Cost(3_000)


def put_through(script: Script) -> Script:
    script.happens(ToolCalled("r1", "t1", "transfer_call", "{}"))
    script.happens(ToolFinished("t1", "transfer_call", "done", "{}", transfer_to="desk"))
    return script.wait(9.0)


def test_a_caller_who_is_put_through_costs_more_than_we_can_know() -> None:
    script = put_through(priced())
    assert Transfer("desk") in script.said
    (line,) = [each for each in script.entries(ChargeLine) if each.what is Charge.TRANSFER]
    assert line.cost == UNKNOWN
    script.happens(HandedOver()).wait(60.0)
    assert spent(script) == Cost(2 * 12_500, unknown=True)


def test_nothing_is_charged_after_the_end_and_the_end_is_the_last_line() -> None:
    script = priced().until_s(10.0).happens(StreamStopped())
    assert isinstance(script.entries()[-1], EndLine)
    script.now = 200.0
    script.happens(StreamStopped())
    assert len(script.entries(ChargeLine)) == 1


# ---- what it may cost ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "cap", "found"),
    [
        (10**9, None, Level.FINE),
        (0, 1, Level.FINE),
        (799, 1_000, Level.FINE),
        (800, 1_000, Level.NEAR),
        (999, 1_000, Level.NEAR),
        (1_000, 1_000, Level.SPENT),
        (5_000, 1_000, Level.SPENT),
        (0, 0, Level.SPENT),
    ],
)
def test_a_cap_is_near_at_four_fifths(used: int, cap: int | None, found: Level) -> None:
    assert level(used, cap) is found


def ended(script: Script) -> list[EndedReason]:
    return [command.reason for command in script.said if isinstance(command, EndCall)]


def test_fault_a9_a_call_is_wound_up_before_its_cap_and_ended_politely_at_it() -> None:
    script = priced(cap=100_000)
    assert answers(script, 1_000).notes() == []
    answers(script, 100, "r2")
    assert [command for command in script.last if isinstance(command, Inform)] == [Inform(WRAP_UP)]
    assert script.notes() == ["budget_near"]
    answers(script, 100, "r3")
    assert Inform(WRAP_UP) not in script.last
    answers(script, 200, "r4")
    assert GOODBYE in script.last
    assert script.call.phase is Phase.CLOSING
    echoing(script.speaks(ONE_SECOND, "bye", reply="r5").finishes("bye", "r5"), 2.0)
    assert HangUp() in script.last
    script.happens(StreamStopped())
    assert ended(script) == [EndedReason.BUDGET]
    assert script.entries()[-1].reason is EndedReason.BUDGET
    assert CloseEngine() in script.said


def test_fault_t21_a_silent_line_reaches_its_cap_by_its_minutes_alone() -> None:
    """Nobody speaks and no response is made: the carrier's minutes are what it costs."""
    script = priced(cap=50_000)
    script.until_s(179.0)
    assert script.notes() == []
    script.until_s(181.0)
    assert GOODBYE in script.said
    assert script.call.phase is Phase.CLOSING


def test_fault_m13_a_model_that_never_stops_costs_no_more_than_the_cap_and_one_reply() -> None:
    script = priced(cap=100_000)
    for number in range(50):
        answers(script, 500, f"r{number + 1}")
        if script.call.phase is not Phase.LIVE:
            break
    assert spent(script).micros <= 100_000 + 32_000
    assert script.said.count(GOODBYE) == 1


def test_a_call_that_leaps_over_both_marks_is_not_told_to_wrap_up() -> None:
    script = answers(priced(cap=10_000_000), 10)
    answers(script, 200_000, "r2")
    assert not any(isinstance(command, Inform) for command in script.said)
    assert GOODBYE in script.said


def test_a_caller_cannot_talk_a_spent_call_into_going_on() -> None:
    script = answers(priced(cap=20_000), 200)
    assert GOODBYE in script.said
    script.speaks(ONE_SECOND, "bye", reply="r5").wait(0.3)
    script.happens(CallerSpeechStarted("c1", 1_000))
    assert script.call.phase is Phase.CLOSING
    script.wait(45.0)
    assert HangUp() in script.said


BEFORE = (
    ChargeLine(Charge.CARRIER, MINUTE, 0),
    UsageLine("r0", "completed", Usage(), 4_000, Cost(40_000), "gpt-realtime-2.1"),
    ChargeLine(Charge.TRANSCRIPTION, Cost(100, unknown=True), 30_000),
    UsageLine("r1", "cancelled", None, 50_000),
    ChargeLine(Charge.CARRIER, MINUTE, 60_000),
)
"""What another process left of a call's account: 65,100 micro-dollars and more."""


def resumed(cap: int | None, at_s: float) -> Script:
    """The call goes on here."""
    script = Script()
    script.config = msgspec.structs.replace(
        script.config,
        terms=Terms((TARIFF,), CARRIER, cap),
        before=BEFORE,
        resumed=Resumed(at_s, seat=1),
    )
    script.call = Call(script.config)
    script.now = at_s
    return script.happens(StreamStarted("MZ2"), EngineReady("s2"))


def test_a_call_of_another_process_goes_on_with_its_account() -> None:
    script = resumed(None, 130.0)
    charged = [ChargeLine(Charge.CARRIER, MINUTE, 120_000)]
    assert list(script.entries(ChargeLine)) == charged, "what was charged is not charged again"


def test_minutes_between_two_processes_are_charged_by_the_second() -> None:
    script = resumed(None, 245.0)
    assert [line.at_ms for line in script.entries(ChargeLine)] == [120_000, 180_000, 240_000]


def test_fault_a9_a_cap_counts_what_was_spent_in_another_process() -> None:
    assert resumed(400_000, 130.0).notes() == []
    assert resumed(77_601, 130.0).notes() == ["budget_near"]
    script = resumed(77_600, 130.0)
    assert script.notes() == ["budget_spent"]
    assert GOODBYE in script.said


def test_unknown_parts_do_not_count_against_a_cap() -> None:
    script = priced(cap=50_000, carrier=None)
    script.happens(ResponseStarted("r1"), ResponseDone("r1", ResponseStatus.COMPLETED))
    assert script.call.phase is Phase.LIVE


@pytest.mark.parametrize("cap", ["caller", "persona", "day"])
def test_a_cap_shared_with_other_calls_winds_this_one_up_and_ends_it(cap: str) -> None:
    script = priced()
    script.when(BudgetNews(cap, spent=False), Inform(WRAP_UP))
    script.when(BudgetNews(cap, spent=False))
    script.when(BudgetNews(cap, spent=True), GOODBYE)
    noted = [each for each in script.said if isinstance(each, Note)]
    assert [(each.code, each.detail) for each in noted] == [
        ("budget_near", cap),
        ("budget_spent", cap),
    ]


def test_news_that_comes_before_the_engine_is_ready_waits_for_it() -> None:
    script = Script()
    script.config = msgspec.structs.replace(script.config, terms=Terms((TARIFF,), CARRIER))
    script.call = Call(script.config)
    script.happens(StreamStarted("MZ1"), BudgetNews("day", spent=True))
    assert GOODBYE not in script.said
    script.happens(EngineReady("s1"))
    assert GOODBYE in script.said


def test_a_caller_who_was_put_through_is_not_called_back_for_money() -> None:
    script = put_through(priced()).happens(HandedOver())
    script.when(BudgetNews("day", spent=True))
    assert script.call.phase is Phase.TRANSFERRING


# ---- always -------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.sampled_from(["answer", "wait", "near", "spent"]), st.integers(0, 3_000)),
    max_size=25,
)


@given(STEPS, st.none() | st.integers(0, 400_000))
def test_whatever_happens_the_account_is_the_sum_of_its_lines(
    steps: list[tuple[str, int]], cap: int | None
) -> None:
    script = priced(cap=cap)
    for number, (step, size) in enumerate(steps):
        before = spent(script).micros
        match step:
            case "answer":
                answers(script, size, f"r{number}")
            case "wait":
                script.wait(size / 10)
            case _:
                script.happens(BudgetNews("day", spent=step == "spent"))
        assert spent(script).micros >= before
    assert script.call._money.spent == spent(script)
    assert script.said.count(Inform(WRAP_UP)) <= 1
    assert script.said.count(GOODBYE) <= 1
    charged = [line.at_ms for line in script.entries(ChargeLine)]
    assert all(second - first == 60_000 for first, second in pairwise(charged))


@given(STEPS)
def test_the_same_events_cost_the_same_again(steps: list[tuple[str, int]]) -> None:
    """From the configuration as a journal keeps it: prices and all."""
    script = priced(cap=200_000)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(script.config), type=type(script.config))
    assert kept == script.config
    again = Call(kept)
    events: list[tuple[CallEvent, float]] = [(StreamStarted("MZ1"), 0.0), (EngineReady("s1"), 0.0)]
    now = 0.0
    for number, (_step, size) in enumerate(steps):
        now += size / 100
        usage = Usage(output_audio_tokens=size)
        events.append((ResponseDone(f"r{number}", ResponseStatus.COMPLETED, usage=usage), now))
    first = Call(script.config)
    for event, at_s in events:
        assert first.handle(event, at_s) == again.handle(event, at_s)
    assert first._money.spent == again._money.spent
