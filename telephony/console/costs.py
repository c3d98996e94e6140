"""The routes of money: what calls have cost, by day, persona and number."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from agents.money import usd
from telephony.console.access.policy import needs
from telephony.console.access.roles import Right
from telephony.console.problems import Refused
from telephony.purse import Book
from tools.costbook import MOST
from tools.costs import By, CallerCost, DayCost

DAYS = 31
MOST_DAYS = 366

First = Annotated[
    dt.date | None, Query(description=f"The first day; {DAYS} days up to the last if not said.")
]
Last = Annotated[dt.date | None, Query(description="The last day, itself included; today.")]
Day = Annotated[dt.date | None, Query(description="On the shop's calendar; today.")]


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AmountView(_View):
    """US dollars as decimal text, to six places."""

    usd: str = Field(description="What is known of it.")
    at_least: bool = Field(description="Some of it has no price: it was at least so much.")
    calls: int


class CostView(AmountView):
    day: dt.date
    persona: str | None = Field(description="Empty for the built-in one; null: of all.")
    number: str | None = Field(description="Ours, that was called; null: of all.")
    engine_usd: str
    transcription_usd: str
    carrier_usd: str


class CostsView(_View):
    """The newest day first."""

    costs: list[CostView]
    complete: bool = Field(description=f"False: there are more than {MOST}; ask for fewer days.")


class CallerCostView(AmountView):
    caller: str = Field(description="E.164; empty for withheld numbers.")


class CallerCostsView(_View):
    """The dearest first."""

    day: dt.date
    callers: list[CallerCostView]


def costs_router(book: Book, today: Callable[[], dt.date]) -> APIRouter:
    """Everything under /costs. `today` is the day in the shop's zone.

    The routes are plain functions on purpose: they block, so FastAPI runs them in threads.
    """
    router = APIRouter(prefix="/costs", tags=["costs"], dependencies=[needs(Right.VIEW)])

    @router.get("", summary="What calls have cost")
    def costs(first: First = None, last: Last = None, by: By = By.DAY) -> CostsView:
        until = last or today()
        since = first or _before(until, DAYS - 1)
        if not 0 <= (until - since).days < MOST_DAYS:
            detail = f"`first` must not be after `last`, and at most {MOST_DAYS} days before it."
            raise Refused(422, "bad-request", detail)
        return _costs_view(book.days(since, until, by))

    hears = [needs(Right.HEAR)]

    @router.get("/callers", summary="Which numbers have cost most on a day", dependencies=hears)
    def callers(day: Day = None) -> CallerCostsView:
        asked = day or today()
        found = [_caller_view(cost) for cost in book.callers(asked)]
        return CallerCostsView(day=asked, callers=found)

    return router


def _before(day: dt.date, days: int) -> dt.date:
    return dt.date.fromordinal(max(1, day.toordinal() - days))


def _costs_view(costs: Sequence[DayCost]) -> CostsView:
    return CostsView(costs=[_cost_view(cost) for cost in costs], complete=len(costs) < MOST)


def _cost_view(cost: DayCost) -> CostView:
    return CostView(
        day=cost.day,
        persona=cost.persona,
        number=cost.called,
        calls=cost.calls,
        usd=usd(cost.micros),
        at_least=cost.unknown,
        engine_usd=usd(cost.engine_micros),
        transcription_usd=usd(cost.transcription_micros),
        carrier_usd=usd(cost.carrier_micros),
    )


def _caller_view(cost: CallerCost) -> CallerCostView:
    return CallerCostView(
        caller=cost.caller, calls=cost.calls, usd=usd(cost.micros), at_least=cost.unknown
    )
