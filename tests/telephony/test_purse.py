"""Caps of the day: who counts against which, what others spent, and what calls are told."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.money import UNKNOWN, Cost
from telephony.call.events import BudgetNews
from telephony.purse import Caps, Payer, Purse
from telephony.transcripts.entry import Charge, ChargeLine, DtmfLine, UsageLine
from tools.costs import CallCost, Spent

TODAY = dt.date(2026, 11, 20)
TOMORROW = dt.date(2026, 11, 21)
ANNA, BEN = "+442079460001", "+442079460002"
DESK = Payer("desk", ANNA, "+442079460000")
SALES = Payer("sales", BEN)
HIDDEN = Payer("desk", "")
CAPS = Caps(caller=1_000, persona=5_000, day=10_000)


def response(micros: int) -> UsageLine:
    return UsageLine("r", "completed", None, 0, Cost(micros), "m")


def spent(*calls: tuple[str, Payer, int], caps: Caps = CAPS) -> Purse:
    """Calls that are on, with what they have cost."""
    purse = Purse()
    for call_id, payer, micros in calls:
        purse.begin(call_id, payer, caps, TODAY)
        purse.spend(call_id, response(micros))
    return purse


def test_a_call_s_costs_are_kept_by_part() -> None:
    purse = spent(("CA1", DESK, 700))
    purse.spend("CA1", ChargeLine(Charge.TRANSCRIPTION, Cost(5), 0))
    purse.spend("CA1", ChargeLine(Charge.SESSION, Cost(30), 0))
    purse.spend("CA1", ChargeLine(Charge.CARRIER, Cost(12), 0))
    purse.spend("CA1", DtmfLine("1", 0))
    purse.spend("CA1", UsageLine("r", "completed", None, 0))
    (cost,) = purse.take_changed()
    assert cost == CallCost(
        call_id="CA1",
        day=TODAY,
        persona="desk",
        caller=ANNA,
        called="+442079460000",
        engine_micros=730,
        transcription_micros=5,
        carrier_micros=12,
    )
    assert cost.micros == 747


def test_an_unknown_part_stays_unknown_whatever_follows() -> None:
    purse = Purse()
    purse.begin("CA1", DESK, Caps(), TODAY)
    assert purse.spend("CA1", ChargeLine(Charge.TRANSFER, UNKNOWN, 0)) == UNKNOWN
    purse.spend("CA1", response(5))
    (cost,) = purse.take_changed()
    assert (cost.unknown, cost.micros) == (True, 5)


def test_what_is_said_of_a_call_that_is_not_on_has_a_cost_and_no_account() -> None:
    purse = Purse()
    assert purse.spend("CA9", response(5)) == Cost(5)
    assert purse.take_changed() == []
    assert purse.persona_of("CA9") == ""


def test_only_what_changed_is_written_and_what_could_not_be_is_not_forgotten() -> None:
    purse = spent(("CA1", DESK, 10), ("CA2", SALES, 20))
    taken = purse.take_changed()
    assert [cost.call_id for cost in taken] == ["CA1", "CA2"]
    assert purse.take_changed() == []
    purse.spend("CA1", response(5))
    purse.give_back(taken)
    assert [(cost.call_id, cost.micros) for cost in purse.take_changed()] == [
        ("CA1", 15),
        ("CA2", 20),
    ]


def test_what_an_ended_call_cost_is_still_written_and_still_counts() -> None:
    purse = spent(("CA1", DESK, 1_000))
    purse.end("CA1")
    assert len(purse.take_changed()) == 1
    assert purse.refuses(DESK, CAPS, TODAY) == "caller"
    purse.end("CA1")


# ---- new calls ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "payer", "cap"),
    [
        ([], DESK, None),
        ([("CA1", DESK, 999)], DESK, None),
        ([("CA1", DESK, 1_000)], DESK, "caller"),
        ([("CA1", DESK, 1_000)], Payer("desk", BEN), None),
        ([("CA1", DESK, 5_000)], Payer("desk", BEN), "persona"),
        ([("CA1", DESK, 5_000)], SALES, None),
        ([("CA1", DESK, 9_000), ("CA2", SALES, 1_000)], Payer("other", "+441"), "day"),
        (
            [("CA1", Payer("desk", ""), 600), ("CA2", Payer("desk", ""), 400)],
            Payer("x", ""),
            "caller",
        ),
    ],
)
def test_fault_a9_a_new_call_is_refused_by_the_cap_that_is_used_up(
    calls: list[tuple[str, Payer, int]], payer: Payer, cap: str | None
) -> None:
    assert spent(*calls).refuses(payer, CAPS, TODAY) == cap


def test_without_caps_nobody_is_refused() -> None:
    purse = spent(("CA1", DESK, 10**12), caps=Caps())
    assert purse.refuses(DESK, Caps(), TODAY) is None
    assert purse.news() == []
    assert not Caps().any
    assert Caps(day=0).any


def test_a_cap_of_nothing_lets_nobody_in() -> None:
    assert Purse().refuses(DESK, Caps(day=0), TODAY) == "day"


def test_a_new_day_begins_with_nothing_spent() -> None:
    purse = spent(("CA1", DESK, 1_000))
    assert purse.refuses(DESK, CAPS, TOMORROW) is None
    purse.begin("CA2", DESK, CAPS, TOMORROW)
    purse.spend("CA1", response(9_000))
    assert purse.refuses(DESK, CAPS, TODAY) == "caller"
    assert purse.refuses(DESK, CAPS, TOMORROW) is None


def test_days_that_are_over_are_forgotten_with_their_last_call() -> None:
    purse = spent(("CA1", DESK, 1_000))
    purse.learn(TODAY, [Spent("desk", ANNA, 5)])
    purse.begin("CA2", DESK, CAPS, TOMORROW)
    assert purse.refuses(DESK, CAPS, TODAY) == "caller"
    purse.end("CA1")
    purse.begin("CA3", DESK, CAPS, TOMORROW)
    assert purse.refuses(DESK, CAPS, TODAY) is None


# ---- others -------------------------------------------------------------------------------------


def test_what_others_spent_counts_and_is_replaced_by_later_news_of_it() -> None:
    purse = spent(("CA1", DESK, 400))
    purse.learn(TODAY, [Spent("desk", ANNA, 599)])
    assert purse.refuses(DESK, CAPS, TODAY) is None
    purse.learn(TODAY, [Spent("desk", ANNA, 600), Spent("sales", BEN, 9_100)])
    assert purse.refuses(DESK, CAPS, TODAY) == "caller"
    assert purse.refuses(Payer("x", "+441"), CAPS, TODAY) == "day"
    purse.learn(TODAY, [])
    assert purse.refuses(DESK, CAPS, TODAY) is None


# ---- calls that are on --------------------------------------------------------------------------


def test_every_call_that_counts_against_a_cap_is_told_once_of_each_step() -> None:
    caps = Caps(day=1_000)
    purse = spent(("CA1", DESK, 400), ("CA2", SALES, 300), caps=caps)
    assert purse.news() == []
    purse.spend("CA2", response(100))
    assert purse.news() == [
        ("CA1", BudgetNews("day", spent=False)),
        ("CA2", BudgetNews("day", spent=False)),
    ]
    assert purse.news() == []
    purse.spend("CA1", response(200))
    assert purse.news() == [
        ("CA1", BudgetNews("day", spent=True)),
        ("CA2", BudgetNews("day", spent=True)),
    ]
    assert purse.news() == []


def test_a_call_is_not_told_of_caps_it_does_not_count_against() -> None:
    purse = spent(("CA1", DESK, 1_000), ("CA2", SALES, 10))
    assert purse.news() == [("CA1", BudgetNews("caller", spent=True))]


def test_a_call_that_begins_near_a_cap_hears_of_it() -> None:
    purse = spent(("CA1", DESK, 900))
    purse.news()
    purse.begin("CA2", DESK, CAPS, TODAY)
    assert purse.news() == [("CA2", BudgetNews("caller", spent=False))]


def test_a_cap_that_others_use_up_is_told_too() -> None:
    purse = spent(("CA1", DESK, 10))
    purse.learn(TODAY, [Spent("sales", BEN, 10_000)])
    assert purse.news() == [("CA1", BudgetNews("day", spent=True))]


SPENDING = st.lists(
    st.tuples(
        st.sampled_from(["CA1", "CA2", "CA3"]),
        st.sampled_from([DESK, SALES, Payer("desk", "")]),
        st.integers(0, 4_000),
    ),
    max_size=30,
)


@given(SPENDING)
def test_a_refusal_is_what_adding_everything_up_says(steps: list[tuple[str, Payer, int]]) -> None:
    purse = Purse()
    payers: dict[str, Payer] = {}
    sums: dict[str, int] = {}
    for call_id, payer, micros in steps:
        if call_id not in payers:
            payers[call_id] = payer
            purse.begin(call_id, payer, CAPS, TODAY)
        purse.spend(call_id, response(micros))
        sums[call_id] = sums.get(call_id, 0) + micros
    for payer in (DESK, SALES, Payer("desk", "")):
        by_caller = sum(sums[c] for c, p in payers.items() if p.caller == payer.caller)
        by_persona = sum(sums[c] for c, p in payers.items() if p.persona == payer.persona)
        expected = (
            "caller" if by_caller >= 1_000
            else "persona" if by_persona >= 5_000
            else "day" if sum(sums.values()) >= 10_000
            else None
        )  # fmt: skip
        assert purse.refuses(payer, CAPS, TODAY) == expected
    assert {cost.call_id: cost.micros for cost in purse.take_changed()} == sums
