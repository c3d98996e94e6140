"""What calls have cost is kept once, summed right, and survives whoever wrote it."""

import datetime as dt

import pytest

from tools.costbook import CostBook
from tools.costs import By, CallCost, CallerCost, DayCost, Spent
from tools.spec import BackendError
from tools.store import Store, open_store

TODAY = dt.date(2026, 11, 20)
YESTERDAY = dt.date(2026, 11, 19)
ANNA, BEN = "+442079460001", "+442079460002"
OURS = "+442079460000"


def cost(
    call_id: str,
    micros: int,
    caller: str = ANNA,
    persona: str = "desk",
    day: dt.date = TODAY,
    unknown: bool = False,
) -> CallCost:
    return CallCost(
        call_id=call_id,
        day=day,
        persona=persona,
        caller=caller,
        called=OURS,
        engine_micros=micros,
        transcription_micros=10,
        carrier_micros=100,
        unknown=unknown,
    )


def day(calls: int, engine: int, **more: object) -> DayCost:
    given: dict[str, object] = {"day": TODAY, "unknown": False, **more}
    return DayCost(
        calls=calls,
        engine_micros=engine,
        transcription_micros=10 * calls,
        carrier_micros=100 * calls,
        **given,  # type: ignore[arg-type]
    )


def test_a_call_that_goes_on_is_written_again_and_counts_once(store: Store) -> None:
    book = CostBook(store, "one")
    book.keep([cost("CA1", 1_000), cost("CA2", 500)])
    book.keep([cost("CA1", 4_000)])
    book.keep([cost("CA1", 4_000)])
    book.keep([])
    assert book.days(TODAY, TODAY) == [day(2, 4_500)]


def test_days_are_summed_as_asked_the_newest_first(store: Store) -> None:
    book = CostBook(store, "one")
    book.keep([cost("CA1", 1_000), cost("CA2", 2_000, persona="sales", unknown=True)])
    book.keep([cost("CA3", 3_000, day=YESTERDAY), cost("CA4", 9, day=dt.date(2026, 11, 1))])
    before = day(1, 3_000, day=YESTERDAY)
    assert book.days(YESTERDAY, TODAY) == [day(2, 3_000, unknown=True), before]
    assert book.days(YESTERDAY, TODAY, By.PERSONA) == [
        day(1, 1_000, persona="desk"),
        day(1, 2_000, persona="sales", unknown=True),
        day(1, 3_000, persona="desk", day=YESTERDAY),
    ]
    assert book.days(TODAY, TODAY, By.NUMBER) == [
        day(1, 1_000, persona="desk", called=OURS),
        day(1, 2_000, persona="sales", called=OURS, unknown=True),
    ]


def test_one_unknown_part_makes_a_sum_unknown(store: Store) -> None:
    book = CostBook(store, "one")
    book.keep([cost("CA1", 1_000), cost("CA2", 0, unknown=True), cost("CA3", 5)])
    assert book.days(TODAY, TODAY) == [day(3, 1_005, unknown=True)]


def test_what_others_spent_today_is_told_without_our_own(store: Store) -> None:
    before, book = CostBook(store, "before"), CostBook(store, "now")
    before.keep([cost("CA1", 1_000), cost("CA2", 2_000), cost("CA3", 5, BEN)])
    before.keep([cost("CA4", 7, persona="sales"), cost("CA5", 9, day=YESTERDAY)])
    book.keep([cost("CA6", 50_000)])
    found = sorted(book.spent_by_others(TODAY), key=lambda each: each.micros)
    assert found == [
        Spent("desk", BEN, 115),
        Spent("sales", ANNA, 117),
        Spent("desk", ANNA, 3_220),
    ]


def test_a_call_another_process_takes_over_is_one_call_with_both_parts(store: Store) -> None:
    CostBook(store, "one").keep([cost("CA1", 1_000)])
    CostBook(store, "two").keep([cost("CA1", 2_000)])
    (found,) = CostBook(store, "two").days(TODAY, TODAY)
    assert (found.calls, found.engine_micros, found.carrier_micros) == (1, 3_000, 200)


def test_callers_are_listed_the_dearest_first(store: Store) -> None:
    book = CostBook(store, "one")
    book.keep([cost("CA1", 1_000), cost("CA2", 2_000, BEN), cost("CA3", 2_000, "", unknown=True)])
    book.keep([cost("CA4", 3_000, BEN), cost("CA5", 10**12, day=YESTERDAY)])
    ben = CallerCost(caller=BEN, calls=2, micros=5_220, unknown=False)
    withheld = CallerCost(caller="", calls=1, micros=2_110, unknown=True)
    assert book.callers(TODAY)[:2] == [ben, withheld]
    assert book.callers(TODAY, limit=1) == [ben]


def test_more_than_any_bill_fits(store: Store) -> None:
    book = CostBook(store, "one")
    book.keep([cost("CA1", 10**14)])
    assert book.days(TODAY, TODAY)[0].engine_micros == 10**14


def test_a_database_that_is_not_there_is_told(tmp_path: object) -> None:
    book = CostBook(open_store(f"sqlite:///{tmp_path}/none.db"), "one")
    with pytest.raises(BackendError):
        book.keep([cost("CA1", 1)])
    with pytest.raises(BackendError):
        book.days(TODAY, TODAY)
