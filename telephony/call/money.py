"""What has this call cost so far, and may it go on?

Each response, each utterance that was written down and each minute begun is a line of the
transcript with its cost, by the prices the call was begun with. Their sum is held against the
call's own cap here; caps that other calls count against, too, are told as BudgetNews. Nearly
there, the agent is told to come to an end; at the cap the call says goodbye.
"""

from collections.abc import Iterable
from enum import Enum

from agents.engine import CallerTranscript, Inform, ResponseDone
from agents.models import Tariff
from agents.money import FREE, UNKNOWN, Cost, micros, total
from telephony.call.commands import CallCommand, Note, Record, Transfer
from telephony.call.config import CallConfig, Terms
from telephony.call.ending import Ending, Phase
from telephony.call.events import BudgetNews, CallEvent
from telephony.transcripts.entry import (
    AnyEntry,
    CallerLine,
    Charge,
    ChargeLine,
    EndedReason,
    SeatLine,
    UsageLine,
)

MINUTE_S = 60
WRAP_UP = (
    "This call may go on for a little while only. Finish what is under way with the caller, begin"
    " nothing new, and say goodbye soon."
)
"""For the model, at four fifths of a cap."""


class Level(Enum):
    """How much of a cap is used up."""

    FINE = 0
    NEAR = 1
    """Four fifths of it."""
    SPENT = 2


def level(spent_micros: int, cap_micros: int | None) -> Level:
    """How `spent` stands to a cap; None: there is none."""
    if cap_micros is None or spent_micros * 5 < cap_micros * 4:
        return Level.FINE
    return Level.SPENT if spent_micros >= cap_micros else Level.NEAR


class Money:
    """The account of one call. Methods return the commands that follow."""

    def __init__(self, config: CallConfig, ending: Ending) -> None:
        self._persona = config.persona
        self._terms = config.terms
        self._ending = ending
        first = config.rungs[0].engine if config.rungs else config.capabilities.name
        self._tariff = _tariff(config.terms, first)
        self._minutes = _minutes(config.before)
        self._outside: dict[str, Level] = {}
        self._warned = False
        self.spent = total(map(cost_of, config.before))
        """So far, by whoever has carried it, without what nobody has told yet."""

    # ---- what costs ----------------------------------------------------------------------------

    def responded(self, event: ResponseDone, at_ms: int) -> UsageLine:
        """The line for a response that is over, with its cost."""
        status = event.status.value
        if self._terms is None:
            return UsageLine(event.response_id, status, event.usage, at_ms)
        cost, model = self._tariff.response(event.usage), self._tariff.model
        self.spent += cost
        return UsageLine(event.response_id, status, event.usage, at_ms, cost, model)

    def transcribed(self, event: CallerTranscript, line: CallerLine | None) -> list[CallCommand]:
        """Words of the caller were written down: for the first time if there is a line for them."""
        if line is None:
            return []
        spoken_ms = line.end_ms - line.start_ms if event.billed_ms is None else event.billed_ms
        return self._charge(
            Charge.TRANSCRIPTION, self._tariff.transcription(spoken_ms), line.end_ms
        )

    def told(self, event: CallEvent, now: float) -> list[CallCommand]:
        """Something happens: other calls may have used up a cap, and minutes may have begun.

        The carrier charges for those whether anybody speaks or not.
        """
        if isinstance(event, BudgetNews):
            self._outside[event.cap] = Level.SPENT if event.spent else Level.NEAR
        charged: list[CallCommand] = []
        while self._terms is not None and now >= self._minutes * MINUTE_S:
            at_ms = self._minutes * MINUTE_S * 1000
            self._minutes += 1
            charged += self._charge(Charge.CARRIER, _carrier(self._terms), at_ms)
            charged += self._charge(Charge.SESSION, self._tariff.minute(), at_ms)
        return charged

    def noted(self, commands: list[CallCommand], at_ms: int) -> list[CallCommand]:
        """What follows for the account from what the call does.

        Another engine has prices of its own. A caller who is put through costs a second leg, of
        which nobody tells us the length.
        """
        charged: list[CallCommand] = []
        for command in commands:
            match command:
                case Record(SeatLine(engine=engine)):
                    self._tariff = _tariff(self._terms, engine)
                case Transfer():
                    charged += self._charge(Charge.TRANSFER, UNKNOWN, at_ms)
                case _:
                    pass
        return charged

    def next_deadline(self) -> float | None:
        """When the next minute begins."""
        return None if self._terms is None else float(self._minutes * MINUTE_S)

    def _charge(self, what: Charge, cost: Cost, at_ms: int) -> list[CallCommand]:
        if self._terms is None or cost == FREE:
            return []
        self.spent += cost
        return [Record(ChargeLine(what, cost, at_ms))]

    # ---- what it may cost ----------------------------------------------------------------------

    def heed(self, now: float) -> list[CallCommand]:
        """Come to an end in good time, and at the cap.

        A call that is ending already, or whose caller is with the carrier, is let be; should it
        go on after all, this is asked again.
        """
        if self._ending.phase is not Phase.LIVE:
            return []
        cap, used = self._worst()
        if used is Level.SPENT:
            goodbye = self._persona.budget_goodbye
            noted = Note("budget_spent", value=self.spent.micros, detail=cap)
            return [noted, *self._ending.with_words(goodbye, EndedReason.BUDGET, now)]
        if used is Level.NEAR and not self._warned:
            self._warned = True
            noted = Note("budget_near", value=self.spent.micros, detail=cap)
            return [noted, Inform(WRAP_UP)]
        return []

    def _worst(self) -> tuple[str, Level]:
        cap_micros = self._terms.cap_micros if self._terms else None
        every = {"call": level(self.spent.micros, cap_micros), **self._outside}
        return max(every.items(), key=lambda found: found[1].value)


def cost_of(entry: AnyEntry) -> Cost:
    """What a line of the transcript says that something has cost."""
    match entry:
        case UsageLine(cost=Cost() as cost) | ChargeLine(cost=cost):
            return cost
        case _:
            return FREE


def _minutes(before: Iterable[AnyEntry]) -> int:
    """So many were charged by another process; those between it and this one were by nobody."""
    charged = (
        entry.at_ms // (MINUTE_S * 1000)
        for entry in before
        if isinstance(entry, ChargeLine) and entry.what in (Charge.CARRIER, Charge.SESSION)
    )
    return 1 + max(charged, default=-1)


def _tariff(terms: Terms | None, engine: str) -> Tariff:
    known = terms.tariffs if terms else ()
    nobody_knows = Tariff(engine=engine, transcription_usd_per_minute=None)
    return next((tariff for tariff in known if tariff.engine == engine), nobody_knows)


def _carrier(terms: Terms) -> Cost:
    price = terms.carrier_usd_per_minute
    return UNKNOWN if price is None else Cost(micros(price))
