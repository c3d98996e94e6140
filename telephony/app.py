"""The composition root: from one frozen Settings to a service that answers calls."""

import asyncio
import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from fastapi import FastAPI

from agents.local.models import Models
from agents.persona import Persona
from agents.tasks import Tasks
from telephony.accounts import Watch
from telephony.around import Around
from telephony.backends import Backends, open_backends
from telephony.beginning import begun, cast_of
from telephony.calendarfeed import CalendarFeed
from telephony.call.commands import CallCommand, is_sound
from telephony.call.events import CallEvent
from telephony.callernames import CallerNames
from telephony.calllog import CallLog
from telephony.carrier import account, edge_config, rest
from telephony.casting import Cast
from telephony.chores import Chores
from telephony.console.parts import Parts
from telephony.custody import Custody
from telephony.enginegate import EngineGate
from telephony.engines import close_engines, engines_for, spoken
from telephony.floor import Floor
from telephony.follower import Begun, Follower
from telephony.frontoffice import mounts_beside_calls, parts_of
from telephony.health.state import ProcessState
from telephony.journals import Journals
from telephony.line import Line
from telephony.live.presence import Presence
from telephony.metrics import Metrics, MetricsListener
from telephony.opening import Configured, Opening
from telephony.outward import Outward, began
from telephony.readiness import Readiness
from telephony.resuming import Resuming
from telephony.retention.retention import keep
from telephony.rollout.keeper import open_rollouts
from telephony.rules import without_engine
from telephony.selfcalls import SelfCalls
from telephony.session import Session
from telephony.settings import Settings, check_folders
from telephony.spending import Spending, open_spending
from telephony.staff import Staff
from telephony.switchboard import Switchboard, diverted, sentences
from telephony.tidying import Tidying
from telephony.transcripts.entry import EndedReason
from telephony.transcripts.journal import JournalWriter
from telephony.trials import Trials
from telephony.twilio.edge import TwilioEdge
from telephony.twilio.onward import Documents
from telephony.twilio.ports import Diverted, Leg, Offer, Refused
from telephony.twilio.softphone import Softphones
from telephony.twilio.urls import PublicUrl
from telephony.upkeep import Upkeep
from telephony.versioned import utc_now
from telephony.workers.crew import Crew
from tools.approvals import Approvals
from tools.booking.shop import Shop
from tools.config import ConfigError
from tools.crm.contacts import Contacts
from tools.dispatch import Dispatcher
from tools.hooks.told import approval_waits, tool_ended
from tools.phone import e164
from tools.receipts import Receipts
from tools.store import Store, open_store
from tools.versions.current import Current, Live
from tools.versions.files import Files
from tools.versions.versions import Versions

log = structlog.get_logger()

_START_WITHIN_S = 75.0
"""A stream token lives for 60 s; a call whose stream has not come by now is given up."""
_JOURNALS_S = 10.0
_TOOLS_S = 10.0
_CUSTODY_S = 2.0
_LAST_WORDS_S = 60.0
"""Longer than a call goes on after its longest time."""


def unwatched(
    _call_id: str, _now: float, _event: CallEvent, _commands: Sequence[CallCommand]
) -> None:
    """Nobody looks on."""


class Service:
    """Everything that lives as long as the process; made by `open_service` on the event loop.

    `app` may be served at once. `drain()` before `stop()`; after it nothing is left running.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        versions: Versions,
        begun: Begun,
        cast: Cast,
        backends: Backends,
        watch: Watch,
        crew: Crew,
    ) -> None:
        self.settings = settings
        self.store = store
        self.crew = crew
        self.counters: Counter[str] = Counter()
        self.metrics = Metrics()
        self._floor = Floor(settings, crew, self.metrics, self.count)
        self._watch = watch
        self._listener: MetricsListener | None = None
        self._tasks = Tasks(self.failed)
        self._models = Models()
        self._clips: dict[str, bytes] = {}
        self._calls = CallLog(store, settings.data_dir, self.clock)
        self.outward = Outward(settings, store, self.clock, self.count, self._state, self.metrics)
        self._journals = JournalWriter(settings.data_dir, finished=self._finished)
        self._backends = backends
        self._current = Current(Live(begun.version, self._configured(cast)))
        self._names = CallerNames(self._contacts, self._tasks.start)
        self._upkeep = Upkeep(store, settings.secrets.get, self.clock, self._tasks.start)
        self.approvals = Approvals(store, approval_waits)
        self._tidying = Tidying(self.metrics.ended)
        self._chores = Chores(settings.data_dir, store, lambda: self.shop, self.clock)
        self._staff = Staff(
            settings.data_dir, self._contacts, self.clock, self._tasks.start, self.count
        )
        self._documents = self._current.live.built.documents
        phones = Softphones(rest(settings, backends.http), crew.number, crew.size)
        self.live = Presence(settings.data_dir, self.count, phones.ringing)
        self._trials = Trials(phones, SelfCalls(phones, lambda: self.shop, store, self.clock))
        self._around = self._make_around(cast, phones)
        self._follower = Follower(
            settings.config_dir, versions, self._build, self._current, begun, utc_now
        )
        self.spending = self._make_spending(backends)
        living = self.spending.watch.living
        key = account(settings)[1][0]
        self._engines = engines_for(settings, self._models, key, living, backends.http)
        self._custody = Custody(store, utc_now, self.count, self._fenced, began, crew)
        self._opening = self._make_opening()
        self._versions = versions
        self._resuming = Resuming(
            self._custody, self._current, self._built, self._opening.prewarm, self.count
        )
        self.rollout = open_rollouts(store, versions, self._current, self._built, self.count)
        self.switchboard = self._make_switchboard()
        self._readiness = self._make_readiness()
        self.metrics.live_from(lambda: self.switchboard.live, lambda: self.switchboard.accepting)
        self.metrics.tasks_of(asyncio.get_running_loop())
        self.app = FastAPI(title="Frontdesk", docs_url=None, redoc_url=None, openapi_url=None)
        self._serve(versions)

    def _make_around(self, cast: Cast, phones: Softphones) -> Around:
        return Around(
            self._make_dispatcher(cast),
            phones,
            self._documents,
            self._staff,
            self.count,
            self._observe,
            self.live.hub,
        )

    def _make_spending(self, backends: Backends) -> Spending:
        http, elsewhere = backends.http, lambda: self.crew.others_live
        return open_spending(
            self.settings, self.store, http, self.metrics, self.clock, self.count, elsewhere
        )

    def _serve(self, versions: Versions) -> None:
        """All that is reached by HTTP."""
        settings = self.settings
        self.app.include_router(self._edge().router())
        if settings.calendar_feed_secret is not None:
            secret = settings.calendar_feed_secret.reveal()
            feed = CalendarFeed(self.store, lambda: self.shop, secret, self.clock)
            self.app.include_router(feed.router())
        self.app.router.routes += mounts_beside_calls(self._parts(versions))
        self.app.include_router(self._readiness.router())

    async def warm(self) -> None:
        """Load what the first call would have to wait for. Raises OSError for a port in use."""
        if self.settings.metrics_port:
            self._listener = MetricsListener(self.metrics.registry, self.settings.metrics_port)
        await asyncio.gather(self._prepare(self.cast), self.spending.prepare())
        self.spending.start(self._tasks.start)
        await self._upkeep.follow(self.shop, self.cast.crm)
        await self.live.open()
        self._tasks.start("configuration", self._follower.run())
        self._tasks.start("roll-out", self.rollout.run())
        self._tasks.start("news from outside", self._follow_news())
        self._chores.start(self._tasks.start)
        self._tasks.start("tidy", self._tidying.run())
        self._calls.start(self._tasks.start)
        self.outward.start(self._tasks.start)
        keep(self.settings, self.store, utc_now, self._tasks.start)
        self._tasks.start("custody", self._custody.run())
        self._tasks.start("heartbeat", self._custody.beat())
        self._floor.start(self._tasks.start, self.switchboard)
        self._tasks.start("recover", self._around.dispatcher.keep_recovering())
        log.info("service_ready", engine=self.settings.engine, public_url=self.settings.public_url)

    async def keep_calendars(self) -> None:
        """Begin to synchronise; only for a service that takes real calls."""
        await self._upkeep.keep_calendars(self.shop, self.cast.crm)

    async def drain(self) -> None:
        """Take no more calls, let those that are on finish, end the rest politely."""
        await self.switchboard.drain(self.settings.drain_seconds)

    def _fenced(self, call_sid: str) -> None:
        self.switchboard.fenced(call_sid)

    def hurry(self) -> None:
        """Do not wait for live calls to finish by themselves."""
        self.switchboard.hurry()

    async def stop(self) -> None:
        """Let go of everything; calls must have been drained before."""
        running, _ = await asyncio.gather(
            self._around.dispatcher.drain(_TOOLS_S), self._upkeep.stop()
        )
        self._opening.close()
        await self.live.close()
        await self._trials.close()
        await self._custody.stop(_CUSTODY_S)
        await self.rollout.stop()
        unfinished = await self._journals.shut(_JOURNALS_S)
        await self._tasks.cancel_all()
        await self.outward.close()
        await self.spending.close()
        await close_engines(self._engines.values())
        await self._backends.close()
        if self._listener is not None:
            await asyncio.to_thread(self._listener.close)
        await asyncio.to_thread(self._models.close)
        await asyncio.to_thread(self.store.close)
        log.info("service_stopped", tools_running=running, journals_unfinished=unfinished)

    @property
    def cast(self) -> Cast:
        """Of calls that begin now, as `shop`, `line` and `persona`."""
        return self._current.live.built.cast

    @property
    def shop(self) -> Shop:
        return self.cast.configuration.shop

    @property
    def line(self) -> Line:
        return self.cast.configuration.line

    @property
    def persona(self) -> Persona:
        return self.cast.plain

    def _contacts(self) -> Contacts:
        return self.cast.crm.contacts

    def count(self, code: str) -> None:
        self.counters[code] += 1
        self.metrics.count(code)
        self.outward.noted(code)

    def _observe(
        self, call_id: str, now: float, event: CallEvent, commands: Sequence[CallCommand]
    ) -> None:
        if not is_sound(commands):
            self.metrics.observe(commands)
            self.rollout.observe(call_id, commands)
            self.spending.observe(call_id, commands)
            self.outward.observe(call_id, commands)
        self._watch(call_id, now, event, commands)

    def _finished(self, folder: Path) -> None:
        """A call is whole on disk. Told on the journals' thread."""
        self._calls.keeping.told(folder)
        self.outward.afterwards.finished(folder)

    def clock(self) -> dt.datetime:
        """The time of day in the shop's zone."""
        return dt.datetime.now(self.shop.zone)

    def failed(self, name: str, error: BaseException) -> None:
        """A task of the process broke: counted and logged."""
        self.count("task_failed")
        log.error("task_failed", task=name, exc_info=error)

    # ---- one version of the configuration ------------------------------------------------------

    async def _build(self, version: int, files: Files) -> Configured:
        """What calls go by with these files. Raises ConfigError for what cannot be used."""
        before = self._backends.outside.preparations
        try:
            cast = await cast_of(self.settings, self.store, self._backends, files)
            await self._prepare(cast)
        except ConfigError:
            raise
        except Exception as error:  # the version before stays
            log.exception("config_not_built", version=version)
            what = f"cannot be put to use ({type(error).__name__})"
            raise ConfigError("configuration", what, "The log of the service says more") from None
        self._documents.learn(cast.configuration.line)
        self._tasks.start("upkeep", self._upkeep.follow(cast.configuration.shop, cast.crm))
        self._tasks.start("let go", self._let_go(before))
        return self._configured(cast)

    async def _built(self, version: int) -> Configured:
        """What calls that began with this version go by, while newer ones go by another."""
        files = await asyncio.to_thread(self._versions.files, version)
        cast = await cast_of(self.settings, self.store, self._backends, files)
        await self._prepare(cast)
        return self._configured(cast)

    async def _follow_news(self) -> None:
        """Offer calls that come what MCP servers offer now."""
        while True:
            await self._backends.news.wait()
            self._backends.news.clear()
            self._follower.again()

    async def _let_go(self, before: int) -> None:
        """Of what only calls of versions before have used, when none of them can be on. What was
        built with meanwhile may be in use, or about to be."""
        await asyncio.sleep(self.settings.max_call_seconds + _LAST_WORDS_S)
        await self._backends.keep(self.cast.configuration, before)

    def _configured(self, cast: Cast) -> Configured:
        line, language = cast.configuration.line, cast.plain.language
        public_url = PublicUrl(self.settings.public_url, self.crew.number)
        return Configured(cast, Documents(line, public_url, language))

    async def _prepare(self, cast: Cast) -> None:
        """What is recorded is rendered once: the voice may be speaking to callers."""
        for sentence in dict.fromkeys(cast.sentences()):
            if sentence not in self._clips:
                self._clips[sentence] = await spoken(self._models, sentence)
        if "local" in cast.engines():
            await asyncio.to_thread(self._models.load)

    # ---- parts ---------------------------------------------------------------------------------

    def _edge(self) -> TwilioEdge:
        config = edge_config(self.settings, self.persona, self.crew.number)
        ports = self.switchboard, self.switchboard
        return TwilioEdge(config, *ports, self.count, self._documents, self._trials.phones)

    def _make_dispatcher(self, cast: Cast) -> Dispatcher:
        return Dispatcher(
            cast.everything,
            Receipts(self.store, tool_ended),
            clock=self.clock,
            start=self._tasks.start,
            approvals=self.approvals,
            spool=self._chores.spool,
        )

    def _parts(self, versions: Versions) -> Parts:
        """What the console and the API are made from."""
        return parts_of(
            self.settings,
            self.store,
            versions,
            standing=lambda: self._follower.standing,
            moved=self._follower.wake,
            rolled=self.rollout.wake,
            shop=lambda: self.shop,
            live=self.live.desk,
            trials=self._trials,
        )

    def _make_opening(self) -> Opening:
        return Opening(
            self.settings,
            self._engines,
            EngineGate(random.random, self.crew.size),
            self.spending,
            self._clips,
            self._names,
            self._around,
            Journals(self._journals, self.count).open,
            self.clock,
            self._tasks,
            self._custody,
        )

    def _make_switchboard(self) -> Switchboard:
        return Switchboard(
            self._open_session,
            self._never_started,
            self._staff.keep_message,
            sentences(self.persona.apology),
            self.count,
            self._tidying.call_ended,
            room=self._floor.room,
            start_within_s=_START_WITHIN_S,
            receive=self._receive,
            take=self._resuming.take,
            migrates=self._migrates,
            full=self._full,
        )

    def _make_readiness(self) -> Readiness:
        return Readiness(
            self.switchboard,
            self._floor,
            lambda: bool(self._opening.usable(self.cast.part("", self.clock()).ladder)),
            lambda: self._journals.trouble,
            self._opening.states,
            self.spending.watch.ends,
        )

    def _state(self) -> ProcessState:
        return self._readiness.state()

    async def _migrates(self) -> bool:
        """Another process could go on with the calls of this one, as far as is known."""
        return await self._custody.relieved() and self.settings.drain_then == "migrate"

    # ---- calls ---------------------------------------------------------------------------------

    def _receive(self, offer: Offer) -> Diverted | Refused | None:
        """What becomes of a call that rings: None, an agent answers it."""
        cast = self.rollout.live_for(offer).built.cast
        if (outside := cast.closed(offer.to, self.clock())) is not None:
            return diverted(outside)
        part = cast.part(offer.to, self.clock())
        if (refused := self.spending.refuses(offer, part)) is not None:
            return refused
        if not self._opening.usable(part.ladder):
            return without_engine(part)
        number = e164(offer.from_)
        self._names.look_up(offer.call_sid, number, lambda: self._prewarm(offer))
        return None

    def _full(self, offer: Offer) -> Diverted | None:
        return self._floor.onward(self.rollout.live_for(offer).built.cast, offer)

    def _prewarm(self, offer: Offer) -> None:
        if self.switchboard.awaits(offer.call_sid):
            self._opening.prewarm(self.rollout.live_for(offer), offer)

    def _open_session(self, offer: Offer, leg: Leg, over: Callable[[Session], None]) -> Session:
        claimed = self._resuming.claim(offer.call_sid)
        live, earlier = claimed or (self.rollout.begins(offer), None)
        return self._opening.session(live, offer, leg, over, earlier)

    def _never_started(self, offer: Offer, reason: EndedReason) -> None:
        live, earlier = self._resuming.claim(offer.call_sid) or (self._current.live, None)
        self._opening.never_started(live, offer, reason, earlier)


async def open_service(
    settings: Settings, watch: Watch = unwatched, crew: Crew | None = None
) -> Service:
    """Open and migrate the database, find the configuration, put everything together.

    Raises ConfigError for what a person has to mend, with all of it in `problems`, BackendError
    for a database that is away.
    """
    check_folders(settings)
    store = open_store(settings.database_url.reveal())
    backends: Backends | None = None
    try:
        versions, start = await asyncio.to_thread(begun, settings, store)
        backends = open_backends(settings, store, utc_now)
        cast = await cast_of(settings, store, backends, start.files)
        return Service(settings, store, versions, start, cast, backends, watch, crew or Crew())
    except BaseException:
        if backends is not None:
            await backends.close()
        store.close()
        raise
