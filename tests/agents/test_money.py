"""Money that does not pretend: sums, roundings, and what is said of an unknown part."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.money import FREE, UNKNOWN, Cost, micros, shown, total, usd

costs = st.builds(Cost, st.integers(0, 10**12), st.booleans())


@given(st.lists(costs, max_size=8))
def test_a_sum_is_known_only_if_all_of_it_is(parts: list[Cost]) -> None:
    assert total(parts) == Cost(sum(p.micros for p in parts), any(p.unknown for p in parts))


def test_nothing_and_what_nobody_knows_are_not_the_same() -> None:
    assert str(FREE) == "$0.0000"
    assert str(UNKNOWN) == "unknown"
    assert str(Cost(12_300) + UNKNOWN) == "at least $0.0123"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.0000"),
        (49, "$0.0000"),
        (12_345, "$0.0123"),
        (999_949, "$0.9999"),
        (1_000_000, "$1.00"),
        (2_500_000, "$2.50"),
        (1_204_000_000, "$1,204.00"),
    ],
)
def test_people_read_dollars(amount: int, text: str) -> None:
    assert shown(amount) == text


@given(st.integers(0, 10**15))
def test_programs_read_every_micro_dollar(amount: int) -> None:
    assert micros(Decimal(usd(amount))) == amount


@pytest.mark.parametrize(
    ("dollars", "amount"),
    [
        ("0.0125", 12_500),
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("0.00000051", 1),
        ("19.99", 19_990_000),
    ],
)
def test_dollars_are_rounded_to_the_nearest_micro_dollar(dollars: str, amount: int) -> None:
    assert micros(Decimal(dollars)) == amount
