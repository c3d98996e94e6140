"""How much something cost, as far as anybody knows: money that does not pretend.

Amounts are whole micro-dollars (0.000001 USD). What has no price is unknown and never nothing: a
sum with such a part says "at least".
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

MICROS = 1_000_000
"""In one US dollar."""


class Cost(msgspec.Struct, frozen=True):
    """What is known of an amount of money, and whether that is all of it."""

    micros: int = 0
    """Micro-dollars that are known."""
    unknown: bool = False
    """True: some of it has no price, so it was at least so much."""

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.micros + other.micros, self.unknown or other.unknown)

    def __str__(self) -> str:
        """`$0.0123`, `at least $0.0123`, or `unknown` when nothing is known of it."""
        if not self.unknown:
            return shown(self.micros)
        return f"at least {shown(self.micros)}" if self.micros else "unknown"


FREE = Cost()
UNKNOWN = Cost(unknown=True)


def total(costs: Iterable[Cost]) -> Cost:
    return sum(costs, FREE)


def micros(usd: Decimal) -> int:
    """To the nearest micro-dollar."""
    return int((usd * MICROS).to_integral_value(ROUND_HALF_EVEN))


def usd(micros: int) -> str:
    """Dollars with all six places, for programs: `0.012300`."""
    return f"{Decimal(micros) / MICROS:.6f}"


def shown(micros: int) -> str:
    """Dollars for people: `$0.0123`, `$2.50`, `$1,204.00`; up to a dollar with four places."""
    amount = Decimal(micros) / MICROS
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"
