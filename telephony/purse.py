"""How much of the day's money is left, calls that are on included?

Caps on what one number, one persona, or everybody may cost on a day. What this process spends is
counted as it is spent; what others spent, and this one before it was started, is learned from the
database. A call belongs to the day on which it began.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from agents.money import Cost
from telephony.call.events import BudgetNews
from telephony.call.money import Level, level
from telephony.transcripts.entry import AnyEntry, Charge, ChargeLine, UsageLine
from tools.costs import By, CallCost, CallerCost, DayCost, Spent

_Totals = Counter[tuple[str, str]]
"""Micro-dollars by cap and by whom it is for."""


class Book(Protocol):
    """Where costs are kept: see tools.costbook. All block, and raise BackendError."""

    def keep(self, costs: Sequence[CallCost]) -> None: ...

    def spent_by_others(self, day: dt.date) -> list[Spent]: ...

    def days(self, first: dt.date, last: dt.date, by: By = By.DAY) -> list[DayCost]: ...

    def callers(self, day: dt.date) -> list[CallerCost]: ...


class Caps(msgspec.Struct, frozen=True):
    """Micro-dollars a day; None: no cap."""

    caller: int | None = None
    """For all calls of one number. Withheld numbers count as one."""
    persona: int | None = None
    day: int | None = None
    """For all calls."""

    @property
    def any(self) -> bool:
        return (self.caller, self.persona, self.day) != (None, None, None)


class Payer(msgspec.Struct, frozen=True):
    """Whose account a call is on."""

    persona: str
    caller: str
    """E.164, or empty for a withheld number."""
    called: str = ""


@dataclass(slots=True)
class _Account:
    """One live call."""

    cost: CallCost
    caps: Caps
    told: dict[str, Level] = field(default_factory=dict)


class Purse:
    """See the module."""

    def __init__(self) -> None:
        self._own: dict[dt.date, _Totals] = {}
        self._others: dict[dt.date, _Totals] = {}
        self._live: dict[str, _Account] = {}
        self._changed: dict[str, CallCost] = {}

    # ---- calls ---------------------------------------------------------------------------------

    def begin(self, call_id: str, payer: Payer, caps: Caps, day: dt.date) -> None:
        cost = CallCost(
            call_id=call_id,
            day=day,
            persona=payer.persona,
            caller=payer.caller,
            called=payer.called,
        )
        self._live[call_id] = _Account(cost, caps)
        self._forget(day)

    def _forget(self, today: dt.date) -> None:
        """Days that no call counts for any more."""
        kept = {today, *(account.cost.day for account in self._live.values())}
        self._own = {day: totals for day, totals in self._own.items() if day in kept}
        self._others = {day: totals for day, totals in self._others.items() if day in kept}

    def spend(self, call_id: str, entry: AnyEntry) -> Cost | None:
        """A line of a live call's transcript; the cost in it, if there is one."""
        match entry:
            case UsageLine(cost=Cost() as cost):
                part = "engine_micros"
            case ChargeLine(what=Charge.TRANSCRIPTION, cost=cost):
                part = "transcription_micros"
            case ChargeLine(what=Charge.SESSION, cost=cost):
                part = "engine_micros"
            case ChargeLine(cost=cost):
                part = "carrier_micros"
            case _:
                return None
        if (account := self._live.get(call_id)) is not None:
            self._add(account, part, cost)
        return cost

    def _add(self, account: _Account, part: str, cost: Cost) -> None:
        before = account.cost
        account.cost = msgspec.structs.replace(
            before,
            unknown=before.unknown or cost.unknown,
            **{part: getattr(before, part) + cost.micros},
        )
        self._changed[before.call_id] = account.cost
        totals = self._own.setdefault(before.day, Counter())
        for key in _keys(before.persona, before.caller):
            totals[key] += cost.micros

    def persona_of(self, call_id: str) -> str:
        account = self._live.get(call_id)
        return account.cost.persona if account else ""

    def end(self, call_id: str) -> None:
        self._live.pop(call_id, None)

    # ---- caps ----------------------------------------------------------------------------------

    def refuses(self, payer: Payer, caps: Caps, day: dt.date) -> str | None:
        """The cap that leaves nothing for one more call: `caller`, `persona`, `day`, or None."""
        levels = self._levels(payer.persona, payer.caller, caps, day)
        return next((cap for cap, used in levels if used is Level.SPENT), None)

    def news(self) -> list[tuple[str, BudgetNews]]:
        """What live calls have not been told yet of the caps they count against."""
        found = []
        for call_id, account in self._live.items():
            who = account.cost
            for cap, used in self._levels(who.persona, who.caller, account.caps, who.day):
                if used.value > account.told.get(cap, Level.FINE).value:
                    account.told[cap] = used
                    found.append((call_id, BudgetNews(cap, spent=used is Level.SPENT)))
        return found

    def _levels(
        self, persona: str, caller: str, caps: Caps, day: dt.date
    ) -> Iterable[tuple[str, Level]]:
        for cap, whose in _keys(persona, caller):
            yield cap, level(self._spent(day, cap, whose), getattr(caps, cap))

    def _spent(self, day: dt.date, cap: str, whose: str) -> int:
        every = (self._own.get(day), self._others.get(day))
        return sum(totals[cap, whose] for totals in every if totals is not None)

    # ---- the database --------------------------------------------------------------------------

    def learn(self, day: dt.date, spent: Iterable[Spent]) -> None:
        """What others have spent on this day, all of it: it replaces what was known of that."""
        totals = _Totals()
        for each in spent:
            for key in _keys(each.persona, each.caller):
                totals[key] += each.micros
        self._others[day] = totals

    def take_changed(self) -> list[CallCost]:
        """What is to be written down; give it back if that fails."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def give_back(self, costs: Iterable[CallCost]) -> None:
        """They could not be written: what has changed since goes before."""
        self._changed = {cost.call_id: cost for cost in costs} | self._changed


def _keys(persona: str, caller: str) -> tuple[tuple[str, str], ...]:
    return ("caller", caller), ("persona", persona), ("day", "")
