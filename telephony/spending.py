"""What all calls cost and may cost: terms, refusals, news of caps, and the books, in one place."""

import asyncio
import datetime as dt
import itertools
import secrets
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import aiohttp
import structlog
from msgspec import UNSET, UnsetType

from agents.engine import AnyEngineEvent, EngineFailed
from agents.models import Tariff
from agents.money import Cost, micros
from telephony.allowances import Allowances
from telephony.call.commands import CallCommand, EndCall, Record
from telephony.call.config import Terms
from telephony.call.events import BudgetNews
from telephony.casting import Part
from telephony.configuring.personafile import BudgetPart
from telephony.metrics import Metrics
from telephony.modelwatch import ModelWatch, asking, lifetimes, models_by_engine, models_set
from telephony.purse import Book, Caps, Payer, Purse
from telephony.settings import Settings
from telephony.switchboard import BUSY
from telephony.transcripts.entry import AnyEntry, ChargeLine, SeatLine, UsageLine
from telephony.twilio.ports import Offer, Refused
from telephony.values import LOOPBACK
from tools.costbook import CostBook
from tools.phone import e164
from tools.spec import BackendError
from tools.store import CommitUnknownError, Store
from tools.threads import Threads

log = structlog.get_logger()

PERIOD_S = 2.0
"""How often what has changed is written down, and calls are told of caps."""
LEARN_EVERY = 5
"""Of these rounds every so many asks what other processes have spent."""
NOT_FOUND = "model_not_found"

T = TypeVar("T")


class Meters(Protocol):
    """What a monitoring system reads."""

    def cost(self, persona: str, what: str, cost: Cost) -> None: ...


class Spending:
    """One for all calls of the process. Nothing here waits but `prepare`, `run` and `close`."""

    def __init__(
        self,
        settings: Settings,
        watch: ModelWatch,
        book: Book,
        meters: Meters,
        clock: Callable[[], dt.datetime],
        count: Callable[[str], None],
        elsewhere: Callable[[], int] = lambda: 0,
    ) -> None:
        """`clock` gives the time in the shop's zone, whose midnight begins a new day; `elsewhere`
        how many calls other workers of this machine have."""
        self.watch = watch
        self.book = book
        self._settings = settings
        self._engines = models_by_engine(settings)
        self._meters = meters
        self._clock = clock
        self._count = count
        # One, so that what is written later is the truth later.
        self._threads = Threads("costs", 1)
        self._purse = Purse()
        self._allowances = Allowances(elsewhere)
        self._calls: dict[str, tuple[str, Callable[[BudgetNews], None]]] = {}
        """By call: its engine, and where its news goes."""

    # ---- before a call -------------------------------------------------------------------------

    def refuses(self, offer: Offer, part: Part) -> Refused | None:
        """Why a call that rings cannot be taken: no money for it, or no engine with room."""
        budget, payer = part.budget, _payer(offer, part.name)
        cap = self._purse.refuses(payer, self._caps(budget), self._clock().date())
        if cap is not None:
            return Refused(budget.say, f"budget_{cap}")
        if not any(map(self.has_room, part.ladder)):
            return Refused(BUSY, "no_allowance")
        return None

    def has_room(self, engine: str) -> bool:
        """Whether the provider's limits would carry one more call with this engine now."""
        return self._allowances.has_room(engine, asyncio.get_running_loop().time())

    def model_of(self, engine: str) -> str:
        """What its sessions are opened with now; empty for an engine of our own."""
        return self.watch.living(self._engines[engine][0]) if engine in self._engines else ""

    def terms(self, budget: BudgetPart) -> Terms:
        """What a call that begins now is charged by; it keeps them."""
        return Terms(
            tariffs=(self._local(), *self._tariffs()),
            carrier_usd_per_minute=self._settings.carrier_usd_per_minute,
            cap_micros=_cap(budget.call, self._settings.max_call_usd),
        )

    def _local(self) -> Tariff:
        """The embedded engine is free, unless a model somewhere else thinks for it."""
        settings = self._settings
        url, model = settings.local_llm_url, settings.local_llm_model
        if url is None or model is None or urlsplit(url).hostname in LOOPBACK:
            return Tariff(engine="local", free=True)
        return self.watch.models.tariff("local", self.watch.living(model), "")

    def _tariffs(self) -> list[Tariff]:
        living = self.watch.living
        return [
            self.watch.models.tariff(engine, living(model), living(writer))
            for engine, (model, writer) in self._engines.items()
        ]

    def _caps(self, budget: BudgetPart) -> Caps:
        return Caps(
            caller=_cap(budget.caller, self._settings.max_caller_usd),
            persona=_cap(budget.day, None),
            day=_cap(UNSET, self._settings.max_day_usd),
        )

    # ---- during a call -------------------------------------------------------------------------

    def begin(
        self, offer: Offer, part: Part, engine: str, deliver: Callable[[BudgetNews], None]
    ) -> None:
        """A call begins with this engine; `deliver` is told of caps until its EndCall."""
        call_id, payer = offer.call_sid, _payer(offer, part.name)
        self._purse.begin(call_id, payer, self._caps(part.budget), self._clock().date())
        self._calls[call_id] = engine, deliver
        self._allowances.begin(engine, call_id, asyncio.get_running_loop().time())

    def observe(self, call_id: str, commands: Sequence[CallCommand]) -> None:
        """Everything a call asks for; most of it is nothing to us."""
        for command in commands:
            match command:
                case Record(entry=UsageLine() | ChargeLine() as entry):
                    self._spent(call_id, entry)
                case Record(entry=SeatLine(engine=engine)):
                    self._engine_is(call_id, engine)
                case EndCall():
                    self._end(call_id)
                case _:
                    pass

    def _engine_is(self, call_id: str, engine: str) -> None:
        """From now on another engine speaks in the call."""
        if (found := self._calls.get(call_id)) is not None and found[0] != engine:
            now = asyncio.get_running_loop().time()
            self._allowances.end(found[0], call_id, now)
            self._allowances.begin(engine, call_id, now)
            self._calls[call_id] = engine, found[1]

    def heard(self, call_id: str, engine: str, event: AnyEngineEvent) -> bool:
        """What a session of the call tells, seated or not.

        True: it failed for a model that is gone, and the next session is opened with another.
        """
        self._allowances.observe(engine, call_id, event, asyncio.get_running_loop().time())
        failed = isinstance(event, EngineFailed) and event.reason == NOT_FOUND
        if not failed or engine not in self._engines:
            return False
        model = self.watch.living(self._engines[engine][0])
        self.watch.missing(model)
        return self.watch.living(model) != model

    def _spent(self, call_id: str, entry: AnyEntry) -> None:
        what = entry.what.value if isinstance(entry, ChargeLine) else "response"
        if (cost := self._purse.spend(call_id, entry)) is not None:
            self._meters.cost(self._purse.persona_of(call_id), what, cost)

    def _end(self, call_id: str) -> None:
        self._purse.end(call_id)
        if (found := self._calls.pop(call_id, None)) is not None:
            self._allowances.end(found[0], call_id, asyncio.get_running_loop().time())

    # ---- the books -----------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Learn what was spent today before this start; without the database from now on."""
        await self._learn()

    def start(self, start: Callable[[str, Coroutine[Any, Any, None]], object]) -> None:
        """What goes on as long as the process."""
        start("costs", self.run())
        start("models", self.watch.run())

    async def run(self) -> None:
        """Keep the books and tell calls of caps. Never returns."""
        for number in itertools.count(1):
            await asyncio.sleep(PERIOD_S)
            await self.balance(learn=number % LEARN_EVERY == 0)

    async def balance(self, *, learn: bool) -> None:
        """Write down what has changed, learn of others where it is time, tell calls of caps."""
        await self._keep()
        if learn:
            await self._learn()
        for call_id, news in self._purse.news():
            if (found := self._calls.get(call_id)) is not None:
                found[1](news)

    async def close(self) -> None:
        """Write down what has not been yet."""
        await self._keep()

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._threads.submit(work))

    async def _keep(self) -> None:
        changed = self._purse.take_changed()
        try:
            await self._do(lambda: self.book.keep(changed))
        except (BackendError, CommitUnknownError) as error:
            # Sums, not steps: what may have been written can be written again.
            self._purse.give_back(changed)
            self._count("costs.not_kept")
            log.warning("costs_not_kept", calls=len(changed), error=str(error))
        except asyncio.CancelledError:
            self._purse.give_back(changed)
            raise

    async def _learn(self) -> None:
        day = self._clock().date()
        try:
            spent = await self._do(lambda: self.book.spent_by_others(day))
        except BackendError as error:
            self._count("costs.not_learned")
            log.warning("costs_not_learned", error=str(error))
        else:
            self._purse.learn(day, spent)


def open_spending(
    settings: Settings,
    store: Store,
    http: aiohttp.ClientSession,
    metrics: Metrics,
    clock: Callable[[], dt.datetime],
    count: Callable[[str], None],
    elsewhere: Callable[[], int],
) -> Spending:
    """Raises ConfigError for a data file of models, or a model, that cannot be used."""

    def today() -> dt.date:
        return clock().date()

    found, named = lifetimes(settings, today()), models_set(settings)
    watch = ModelWatch(found, named, asking(http, settings), today, count, metrics.days_left)
    book = CostBook(store, secrets.token_hex(8))
    return Spending(settings, watch, book, metrics, clock, count, elsewhere)


def _payer(offer: Offer, persona: str) -> Payer:
    return Payer(persona, e164(offer.from_) or "", e164(offer.to) or offer.to)


def _cap(own: float | UnsetType, otherwise: Decimal | None) -> int | None:
    """Micro-dollars; what a persona says goes before what the settings say."""
    if own is not UNSET:
        return micros(Decimal(str(own)))
    return None if otherwise is None else micros(otherwise)
