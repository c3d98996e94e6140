"""One purse for all calls: terms, refusals, news in time, and books that survive bad databases."""

import asyncio
import datetime as dt
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from agents.engine import (
    AnyEngineEvent,
    EngineAllowance,
    EngineFailed,
    ResponseDone,
    ResponseStatus,
    Usage,
)
from agents.money import UNKNOWN, Cost
from agents.persona import Persona
from agents.tasks import Tasks
from telephony.call.commands import CallCommand, EndCall, Note, Record
from telephony.call.events import BudgetNews
from telephony.casting import Part
from telephony.configuring.personafile import BudgetPart
from telephony.line import Line
from telephony.modelwatch import ModelWatch, lifetimes, models_set
from telephony.settings import Settings, load
from telephony.spending import LEARN_EVERY, PERIOD_S, Spending
from telephony.switchboard import BUSY
from telephony.transcripts.entry import Charge, ChargeLine, EndedReason, SeatLine, UsageLine
from telephony.twilio.ports import Offer, Refused
from tests.telephony.virtual_time import run_virtually
from tools.costs import By, CallCost, CallerCost, DayCost, Spent
from tools.registry import Registry
from tools.spec import BackendError
from tools.store import CommitUnknownError

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
OURS, ANNA, BEN = "+442079460000", "+442079460001", "+442079460002"
KEY = {"OPENAI_API_KEY": "k1"}


class Books:
    """In memory; `broken` is raised instead."""

    def __init__(self) -> None:
        self.kept: dict[str, CallCost] = {}
        self.others: list[Spent] = []
        self.asked: list[dt.date] = []
        self.broken: Exception | None = None
        self.threads: set[str] = set()

    def keep(self, costs: Sequence[CallCost]) -> None:
        self.threads.add(threading.current_thread().name)
        if self.broken is not None:
            raise self.broken
        self.kept |= {cost.call_id: cost for cost in costs}

    def spent_by_others(self, day: dt.date) -> list[Spent]:
        self.asked.append(day)
        if self.broken is not None:
            raise self.broken
        return self.others

    def days(self, first: dt.date, last: dt.date, by: By = By.DAY) -> list[DayCost]:
        raise AssertionError("nobody here asks for it")

    def callers(self, day: dt.date) -> list[CallerCost]:
        raise AssertionError("nobody here asks for it")


class Desk:
    """Spending, with all that is around it."""

    def __init__(self, **environ: str) -> None:
        settings: Settings = load({**KEY, **environ}, Path("/nonexistent"))
        self.now = NOON
        self.books = Books()
        self.counts: Counter[str] = Counter()
        self.metered: list[tuple[str, str, Cost]] = []
        self.told: list[tuple[str, BudgetNews]] = []
        watch = ModelWatch(
            lifetimes(settings, NOON.date()),
            models_set(settings),
            self.ask,
            self.today,
            self.count,
            lambda *_: None,
        )
        self.spending = Spending(settings, watch, self.books, self, lambda: self.now, self.count)

    def today(self) -> dt.date:
        return self.now.date()

    async def ask(self) -> bytes:
        return b'{"data":[]}'

    def count(self, code: str) -> None:
        self.counts[code] += 1

    def cost(self, persona: str, what: str, cost: Cost) -> None:
        self.metered.append((persona, what, cost))

    def begin(
        self,
        call_id: str,
        caller: str = ANNA,
        budget: BudgetPart = BudgetPart(),  # noqa: B008, frozen
        engine: str = "realtime",
    ) -> None:
        deliver = self.told.append
        self.spending.begin(
            offer(call_id, caller),
            answering(budget),
            engine,
            lambda news: deliver((call_id, news)),
        )

    def does(self, call_id: str, *commands: CallCommand) -> None:
        self.spending.observe(call_id, commands)

    def happens(self, call_id: str, event: AnyEngineEvent, engine: str = "realtime") -> bool:
        return self.spending.heard(call_id, engine, event)

    def refuses(
        self,
        caller: str = ANNA,
        budget: BudgetPart = BudgetPart(),  # noqa: B008, frozen
        engines: tuple[str, ...] = ("realtime",),
    ) -> Refused | None:
        return self.spending.refuses(offer("CA9", caller), answering(budget, engines))


def answering(budget: BudgetPart, ladder: tuple[str, ...] = ("realtime",)) -> Part:
    return Part("desk", Persona(), Registry(()), Line(), ladder, "immediate", budget)


def offer(call_id: str, caller: str) -> Offer:
    return Offer(call_id, "AC1", caller, OURS)


def response(micros: int) -> Record:
    return Record(UsageLine("r", "completed", None, 0, Cost(micros), "m"))


# ---- terms --------------------------------------------------------------------------------------


async def test_a_call_s_terms_hold_prices_of_every_engine_it_may_come_to() -> None:
    terms = Desk(FRONTDESK_CARRIER_USD_PER_MINUTE="0.02").spending.terms(BudgetPart())
    tariffs = {each.engine: each for each in terms.tariffs}
    assert set(tariffs) == {"local", "realtime", "turns", "live"}
    local, realtime = tariffs["local"], tariffs["realtime"]
    assert (local.engine, local.free) == ("local", True)
    assert (realtime.engine, realtime.model) == ("realtime", "gpt-realtime-2.1")
    assert str(realtime.transcription_usd_per_minute) == "0.0045"
    assert (str(terms.carrier_usd_per_minute), terms.cap_micros) == ("0.02", None)


@pytest.mark.parametrize(
    ("url", "free"),
    [("http://127.0.0.1:11434/v1", True), ("https://models.example.com/v1", False)],
)
async def test_a_model_elsewhere_that_thinks_for_the_embedded_engine_is_not_free(
    url: str, free: bool
) -> None:
    desk = Desk(FRONTDESK_LOCAL_LLM_URL=url, FRONTDESK_LOCAL_LLM_MODEL="some-model")
    local = next(t for t in desk.spending.terms(BudgetPart()).tariffs if t.engine == "local")
    assert local.free is free
    assert local.response(Usage(input_text_tokens=5)).unknown is not free


async def test_a_persona_s_cap_goes_before_that_of_the_settings() -> None:
    desk = Desk(FRONTDESK_MAX_CALL_USD="2.5")
    assert desk.spending.terms(BudgetPart()).cap_micros == 2_500_000
    assert desk.spending.terms(BudgetPart(call=0.29)).cap_micros == 290_000


async def test_fault_m6_terms_are_those_of_the_model_that_will_be_used() -> None:
    desk = Desk(FRONTDESK_MODEL="gpt-realtime")
    assert desk.spending.terms(BudgetPart()).tariffs[1].model == "gpt-realtime"
    desk.now = dt.datetime(2027, 1, 20, tzinfo=dt.UTC)
    assert desk.spending.terms(BudgetPart()).tariffs[1].model == "gpt-realtime-2.1"


async def test_fault_m6_a_model_that_is_not_found_is_the_next_session_s_no_more() -> None:
    desk = Desk(FRONTDESK_MODEL="gpt-realtime")
    assert not desk.happens("CA1", EngineFailed("model_not_found", fatal=True), "local")
    assert not desk.happens("CA1", EngineFailed("connect_refused", fatal=False))
    assert desk.spending.watch.living("gpt-realtime") == "gpt-realtime"
    assert desk.happens("CA1", EngineFailed("model_not_found", fatal=True))
    assert desk.spending.watch.living("gpt-realtime") == "gpt-realtime-2.1"
    # There is nothing after that one.
    assert not desk.happens("CA2", EngineFailed("model_not_found", fatal=True))


# ---- refusals -----------------------------------------------------------------------------------


async def test_fault_a9_beyond_a_number_s_cap_its_next_call_hears_a_sentence() -> None:
    desk = Desk(FRONTDESK_MAX_CALLER_USD="1")
    desk.begin("CA1")
    desk.does("CA1", response(1_000_000), EndCall(EndedReason.CALLER_HUNG_UP))
    assert desk.refuses(budget=BudgetPart(say="Not today.")) == Refused(
        "Not today.", "budget_caller"
    )
    assert desk.refuses(BEN) is None
    assert desk.refuses(budget=BudgetPart(caller=2.0)) is None


async def test_fault_a9_beyond_the_day_s_cap_everybody_does_until_midnight() -> None:
    desk = Desk(FRONTDESK_MAX_DAY_USD="1")
    desk.begin("CA1")
    desk.does("CA1", response(1_000_000))
    refused = desk.refuses(BEN)
    assert refused == Refused(BudgetPart().say, "budget_day")
    desk.now += dt.timedelta(hours=12)
    assert desk.refuses(BEN) is None


async def test_fault_a9_a_persona_has_a_day_of_its_own() -> None:
    desk = Desk()
    desk.begin("CA1", budget=BudgetPart(day=1.0))
    desk.does("CA1", response(1_000_000))
    assert desk.refuses(BEN, BudgetPart(day=1.0)) == Refused(BudgetPart().say, "budget_persona")
    assert desk.refuses(BEN) is None


async def test_fault_a9_after_a_restart_the_caps_still_hold() -> None:
    desk = Desk(FRONTDESK_MAX_CALLER_USD="1")
    desk.books.others = [Spent("desk", ANNA, 1_000_000)]
    assert desk.refuses() is None
    await desk.spending.prepare()
    assert desk.refuses() == Refused(BudgetPart().say, "budget_caller")
    assert desk.books.asked == [NOON.date()]


async def test_fault_m4_no_call_is_sent_to_an_engine_whose_limits_are_used_up() -> None:
    desk = Desk()
    desk.begin("CA1")
    desk.happens("CA1", EngineAllowance("tokens", 200_000, 0, 60.0))
    assert desk.refuses() == Refused(BUSY, "no_allowance")
    assert not desk.spending.has_room("realtime")
    assert desk.refuses(engines=("realtime", "local")) is None
    assert desk.spending.has_room("local")


async def test_a_call_that_ends_or_changes_engines_leaves_its_room_to_others() -> None:
    desk = Desk()
    for call_id in ("CA1", "CA2", "CA2"):
        desk.begin(call_id)
    desk.happens("CA1", EngineAllowance("tokens", 200_000, 60_000, 60.0))
    assert not desk.spending.has_room("realtime")
    local = Record(SeatLine(1, "local", "failed", 0))
    for call_id in ("CA2", "CA2", "CA7"):
        desk.does(call_id, local)
    assert desk.spending.has_room("realtime")
    desk.begin("CA3")
    assert not desk.spending.has_room("realtime")
    desk.does("CA3", EndCall(EndedReason.IDLE))
    desk.does("CA3", EndCall(EndedReason.IDLE))
    assert desk.spending.has_room("realtime")


# ---- calls that are on --------------------------------------------------------------------------


async def test_fault_a9_a_cap_that_is_reached_by_another_call_is_told_to_every_one() -> None:
    desk = Desk(FRONTDESK_MAX_DAY_USD="1")
    desk.begin("CA1")
    desk.begin("CA2", BEN)
    desk.does("CA1", response(850_000), Note("odd"))
    await desk.spending.balance(learn=False)
    await desk.spending.balance(learn=False)
    assert desk.told == [("CA1", BudgetNews("day", False)), ("CA2", BudgetNews("day", False))]
    desk.told.clear()
    desk.does("CA2", response(150_000))
    desk.does("CA1", EndCall(EndedReason.CALLER_HUNG_UP))
    await desk.spending.balance(learn=False)
    assert desk.told == [("CA2", BudgetNews("day", True))]


async def test_what_others_spend_is_learned_and_told() -> None:
    desk = Desk(FRONTDESK_MAX_DAY_USD="1")
    desk.begin("CA1")
    desk.books.others = [Spent("desk", BEN, 2_000_000)]
    await desk.spending.balance(learn=False)
    assert desk.told == []
    await desk.spending.balance(learn=True)
    assert desk.told == [("CA1", BudgetNews("day", True))]


async def test_costs_are_metered_by_persona_and_kind() -> None:
    desk = Desk()
    desk.begin("CA1")
    desk.does("CA1", response(5), Record(ChargeLine(Charge.TRANSFER, UNKNOWN, 0)))
    desk.does("CA1", Record(UsageLine("r", "completed", None, 0)))
    assert not desk.happens("CA9", ResponseDone("r1", ResponseStatus.COMPLETED))
    assert desk.metered == [("desk", "response", Cost(5)), ("desk", "transfer", UNKNOWN)]


# ---- the books ----------------------------------------------------------------------------------


async def test_what_changed_is_written_down_in_a_thread_and_once_more_at_the_end() -> None:
    desk = Desk()
    desk.begin("CA1")
    desk.does("CA1", response(5))
    await desk.spending.balance(learn=False)
    assert desk.books.kept["CA1"].micros == 5
    assert threading.main_thread().name not in desk.books.threads
    desk.does("CA1", response(7), EndCall(EndedReason.CALLER_HUNG_UP))
    await desk.spending.close()
    assert desk.books.kept["CA1"].micros == 12


@pytest.mark.parametrize(
    "failure", [BackendError("down", permanent=False), CommitUnknownError("broke off")]
)
async def test_fault_s1_a_database_that_is_down_costs_no_call_and_loses_no_cost(
    failure: Exception,
) -> None:
    desk = Desk(FRONTDESK_MAX_DAY_USD="1")
    desk.begin("CA1")
    desk.does("CA1", response(1_000_000), EndCall(EndedReason.CALLER_HUNG_UP))
    desk.books.broken = failure
    await desk.spending.balance(learn=isinstance(failure, BackendError))
    assert desk.counts["costs.not_kept"] == 1
    assert desk.counts["costs.not_learned"] == isinstance(failure, BackendError)
    assert desk.refuses() is not None
    desk.books.broken = None
    await desk.spending.balance(learn=False)
    assert desk.books.kept["CA1"].micros == 1_000_000


async def test_what_was_being_written_when_the_service_stopped_is_written_at_its_end() -> None:
    desk = Desk()
    desk.begin("CA1")
    desk.does("CA1", response(5))
    writing, go_on = threading.Event(), threading.Event()
    keep = desk.books.keep

    def slowly(costs: Sequence[CallCost]) -> None:
        writing.set()
        go_on.wait(10)

    desk.books.keep = slowly  # type: ignore[method-assign]
    tasks = Tasks(lambda *_: None)
    tasks.start("balance", desk.spending.balance(learn=False))
    await asyncio.to_thread(writing.wait, 10)
    ending = Tasks(lambda *_: None)
    ending.start("cancel", tasks.cancel_all())
    await asyncio.sleep(0)
    go_on.set()
    while ending:
        await asyncio.sleep(0)
    desk.books.keep = keep  # type: ignore[method-assign]
    await desk.spending.close()
    assert desk.books.kept["CA1"].micros == 5


def test_the_books_are_balanced_every_two_seconds_and_others_asked_every_fifth_time() -> None:
    rounds: list[tuple[float, bool]] = []

    async def run() -> None:
        desk = Desk()
        begin = asyncio.get_running_loop().time()

        async def balance(*, learn: bool) -> None:
            rounds.append((round(asyncio.get_running_loop().time() - begin, 3), learn))

        desk.spending.balance = balance  # type: ignore[method-assign]
        tasks = Tasks(lambda *_: None)
        desk.spending.start(tasks.start)
        await asyncio.sleep(10 * PERIOD_S + 1.0)
        await tasks.cancel_all()

    run_virtually(run())
    assert rounds == [(PERIOD_S * n, n % LEARN_EVERY == 0) for n in range(1, 11)]
