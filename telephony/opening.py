"""How a call is begun: its persona, its tools, its ladder of engines, its journal."""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from agents.engine import AnyEngineEvent, Engine, EngineFailed, ResponseDone, ResponseStatus
from agents.tasks import Tasks
from telephony.around import Around
from telephony.call.config import BargeIn, CallConfig, Limits, Rung
from telephony.call.machine import Call
from telephony.callernames import CallerNames
from telephony.casting import Cast, Part
from telephony.custody import Custody, Hearing
from telephony.enginegate import LONGEST_ROW_S, OWN, EngineGate
from telephony.engines import Briefing, Engines
from telephony.health.state import EngineState, EngineView
from telephony.line import Line
from telephony.live.hub import Hub
from telephony.live.picture import Head as Shown
from telephony.live.picture import Peek
from telephony.livestate import Earlier, Head
from telephony.redacting.conversation import Conversation
from telephony.rules import claimable, consent_terms, route, tool_fillers, turn_taking
from telephony.seats import Opener
from telephony.session import Session
from telephony.settings import Settings
from telephony.spending import Spending
from telephony.transcripts.entry import EndedReason
from telephony.transcripts.journal import Journal
from telephony.transcripts.withholding import Withholding, standing
from telephony.twilio.onward import Documents
from telephony.twilio.ports import Leg, Offer
from telephony.warm import WarmEngine, WarmPool
from tools.phone import e164, region_of
from tools.versions.current import Live

OpenJournal = Callable[[Head, str, bytes, int, str], Journal]
"""`(head, engine, config, part, persona)`: see Journal.open."""


@dataclass(frozen=True)
class Configured:
    """What a call goes by: all that follows from one version of the configuration."""

    cast: Cast
    documents: Documents


class Opening:
    """Makes the sessions of calls."""

    def __init__(
        self,
        settings: Settings,
        engines: Mapping[str, Engines],
        gate: EngineGate,
        spending: Spending,
        clips: Mapping[str, bytes],
        names: CallerNames,
        around: Around,
        open_journal: OpenJournal,
        clock: Callable[[], dt.datetime],
        tasks: Tasks,
        custody: Custody,
    ) -> None:
        """`clips` are sentences spoken ahead, by their words; `tasks` those of the process."""
        self._settings = settings
        self._engines = engines
        self._gate = gate
        self._spending = spending
        self._clips = clips
        self._names = names
        self._around = around
        self._open_journal = open_journal
        self._clock = clock
        self._tasks = tasks
        self._custody = custody
        self._warm: WarmPool[_Begun] = WarmPool(self._let_go)

    def prewarm(self, live: Live[Configured], offer: Offer) -> None:
        """Open the engine's session of a call that has been offered, if that takes time."""
        if self._warm.full:
            return
        begun = self._begin(live, offer, self._names.take(offer.call_sid))
        if begun.ladder[0] not in OWN:
            begun.first.warm(self._tasks, f"warm {offer.call_sid}")
        self._warm.put(offer.call_sid, begun)

    def close(self) -> None:
        """Let go of what waits for calls that will not come."""
        self._warm.drop_all()

    def _begin(self, live: Live[Configured], offer: Offer, caller_name: str) -> "_Begun":
        part = live.built.cast.part(offer.to, self._clock(), caller_name)
        ladder = self.usable(part.ladder) or part.ladder
        heard = partial(self._spending.heard, offer.call_sid)
        sessions = _Sessions(
            self._engines, self._gate, self._briefing(part), offer.from_, ladder, heard
        )
        # Where one call finds out whether its engine works again, it is this one.
        sessions.allowed(0)
        return _Begun(live.version, part, ladder, sessions, WarmEngine(sessions.new(0)))

    def _begun(self, live: Live[Configured], offer: Offer) -> "_Begun":
        """What was begun while it rang, unless the configuration is another one now."""
        begun = self._warm.take(offer.call_sid)
        if begun is None:
            return self._begin(live, offer, self._names.take(offer.call_sid))
        if begun.version == live.version:
            return begun
        self._let_go(begun)
        return self._begin(live, offer, begun.part.caller_name)

    def _let_go(self, begun: "_Begun") -> None:
        """Its call does not come, or not like this: the session may be open, and would cost."""
        begun.first.close()
        begun.sessions.over()

    def usable(self, ladder: tuple[str, ...]) -> tuple[str, ...]:
        """The engines of a ladder that work, or might and no other call is finding out, and have
        room for a call, as far as is known."""
        now, has_room = asyncio.get_running_loop().time(), self._spending.has_room
        return tuple(
            kind for kind in ladder if has_room(kind) and not self._gate.resting(kind, now)
        )

    def states(self) -> tuple[EngineView, ...]:
        """How each engine fares that calls may come to."""
        now = asyncio.get_running_loop().time()
        return tuple(
            EngineView(kind, self._state(kind, now), self._spending.model_of(kind))
            for kind in self._engines
        )

    def _state(self, kind: str, now: float) -> EngineState:
        if self._gate.resting(kind, now):
            return EngineState.RESTING
        return EngineState.READY if self._spending.has_room(kind) else EngineState.FULL

    def session(
        self,
        live: Live[Configured],
        offer: Offer,
        leg: Leg,
        over: Callable[[Session], None],
        earlier: Earlier | None = None,
    ) -> Session:
        """Of a call whose stream is open. `earlier`: what another process knew of it."""
        begun = self._begun(live, offer)
        with ExitStack() as undo:
            undo.callback(self._let_go, begun)
            session = self._session(live, offer, leg, over, earlier, begun)
            undo.pop_all()
        return session

    def _session(
        self,
        live: Live[Configured],
        offer: Offer,
        leg: Leg,
        over: Callable[[Session], None],
        earlier: Earlier | None,
        begun: "_Begun",
    ) -> Session:
        part, sessions = begun.part, begun.sessions
        config = self._config(live.built.cast, offer, part, sessions.rungs(), earlier)
        head = earlier.head if earlier else Head(offer, dt.datetime.now(dt.UTC), live.version)
        kept = self._journal(head, begun.ladder[0], config, earlier, part.name)
        journal = Withholding(kept, standing(config.consent, config.before))
        call = Call(config)
        conversation = Conversation(part.unkept, region_of(e164(offer.to)))
        hearing = partial(_without_unkept, conversation, journal, call.being_heard)
        keeping = self._custody.open(head, hearing, earlier)
        self._around.staff.saw(offer.call_sid, e164(offer.from_))
        dispatcher = self._around.dispatcher.with_tools(part.registry, self._clock)
        session = Session(
            call_id=offer.call_sid,
            caller_number=e164(offer.from_),
            call=call,
            leg=leg,
            engine=begun.first,
            journal=journal,
            around=replace(self._around, dispatcher=dispatcher, documents=live.built.documents),
            over=partial(_over, sessions, self._around.live, over),
            verstat=offer.verstat,
            called_number=e164(offer.to) or offer.to,
            persona=part.name,
            opener=Opener(sessions.new, sessions.enter, sessions.report),
            keeping=keeping,
            resumed=config.resumed,
            conversation=conversation,
        )
        self._spending.begin(offer, part, begun.ladder[0], session.deliver)
        shown = _shown(head, part, begun.ladder[0])
        peek = partial(_peek, call, journal, hearing)
        self._around.live.begin(shown, session.deliver, peek, config.before)
        return session

    def never_started(
        self,
        live: Live[Configured],
        offer: Offer,
        reason: EndedReason,
        earlier: Earlier | None = None,
    ) -> None:
        """Keep the record of a call whose stream never came."""
        if earlier is None and reason is EndedReason.MIGRATED:
            return  # it has its record where it is answered
        head = earlier.head if earlier else Head(offer, dt.datetime.now(dt.UTC), live.version)
        self._journal(head, "", None, earlier).close(reason)

    def _journal(
        self,
        head: Head,
        engine: str,
        config: CallConfig | None,
        earlier: Earlier | None,
        persona: str = "",
    ) -> Journal:
        """All of the call, whoever carried it: what was written down before comes first."""
        encoded = msgspec.msgpack.encode(config) if config else b""
        journal = self._open_journal(
            head, engine, encoded, earlier.fence if earlier else 1, persona
        )
        for entry in earlier.before if earlier else ():
            journal.record(entry)
        return journal

    def _briefing(self, part: Part) -> Briefing:
        confirmed = BargeIn(part.barge_in) is BargeIn.CONFIRMED
        specs = part.registry.specs()
        return Briefing(
            part.persona,
            specs,
            self._clock,
            answers_on_request=confirmed,
            turns=part.turns,
            session=part.session,
            caller_name=part.caller_name,
        )

    def _config(
        self,
        cast: Cast,
        offer: Offer,
        part: Part,
        rungs: tuple[Rung, ...],
        earlier: Earlier | None,
    ) -> CallConfig:
        voicemail, human = part.line.voicemail, part.line.transfers.get(part.line.human)
        specs = part.registry.specs()
        return CallConfig(
            call_id=offer.call_sid,
            persona=part.persona,
            capabilities=rungs[0].capabilities,
            rungs=rungs,
            limits=self._limits(part.line),
            turn_taking=turn_taking(part, offer.to),
            filler_ulaw=self._clip(part.persona.filler),
            tool_fillers=tool_fillers(part.registry, self._clip),
            own_tools=tuple(spec.name for spec in specs if spec.by_call),
            evidence_tools=tuple(spec.name for spec in specs if spec.needs_evidence),
            apology_ulaw=self._clip(part.persona.apology),
            sorry_ulaw=self._clip(part.persona.sorry),
            routes=tuple(route(name, to) for name, to in part.line.transfers.items()),
            human=part.line.human,
            human_ulaw=self._clip(human.say) if human else b"",
            message_s=voicemail.max_seconds if voicemail.enabled else 0.0,
            # Also of tools this caller is not offered: what they do cannot be true here.
            claimable=claimable(cast.everything),
            terms=self._spending.terms(part.budget),
            before=earlier.before if earlier else (),
            resumed=earlier.resumed if earlier else None,
            consent=consent_terms(
                part.recording, self._settings.recording_consent, e164(offer.from_), self._clip
            ),
        )

    def _clip(self, sentence: str) -> bytes:
        """What was recorded before any call; empty where there is no voice."""
        return self._clips.get(sentence, b"")

    def _limits(self, line: Line) -> Limits:
        settings = self._settings
        return Limits(
            lost_s=settings.lost_seconds,
            reply_s=line.manners.longest_reply_s,
            filler_after_s=line.manners.filler_after_ms / 1000,
            silence_prompt_s=settings.silence_prompt_seconds,
            idle_hangup_s=settings.idle_hangup_seconds,
            max_call_s=settings.max_call_seconds,
        )


def _without_unkept(
    conversation: Conversation, journal: Withholding, hearing: Hearing
) -> Sequence[tuple[int, str, bool]]:
    """What is being heard, as it may be kept."""
    if not journal.open:
        return ()
    return [(began_ms, conversation.veiled(words), whole) for began_ms, words, whole in hearing()]


def _over(
    sessions: "_Sessions", live: Hub, over: Callable[[Session], None], session: Session
) -> None:
    sessions.over()
    live.over(session.call_id, session.ended)
    over(session)


def _shown(head: Head, part: Part, engine: str) -> Shown:
    """What those who watch the call know of it from the start."""
    offer = head.offer
    return Shown(
        call_id=offer.call_sid,
        caller=offer.from_,
        called=offer.to,
        persona=part.name,
        engine=engine,
        started_at=head.started_at,
        targets=tuple(part.line.transfers),
    )


def _peek(call: Call, journal: Withholding, hearing: Hearing) -> Peek:
    heard = hearing()
    return Peek(call.phase, heard[-1][1] if heard else "", not journal.open)


@dataclass(frozen=True)
class _Begun:
    """A call that has a persona and a first engine."""

    version: int
    part: Part
    ladder: tuple[str, ...]
    sessions: "_Sessions"
    first: WarmEngine


class _Sessions:
    """The engine sessions of one call, by their place on its ladder."""

    def __init__(
        self,
        engines: Mapping[str, Engines],
        gate: EngineGate,
        briefing: Briefing,
        caller: str,
        ladder: tuple[str, ...],
        heard: Callable[[str, AnyEngineEvent], bool],
    ) -> None:
        """`heard(engine, event)`: see Spending.heard."""
        self._heard = heard
        self._engines = engines
        self._gate = gate
        self._briefing = briefing
        self._caller = caller
        self._ladder = ladder
        self._finding_out: set[str] = set()
        """Engines of which a session was allowed, and nothing yet shows how they fare."""

    def rungs(self) -> tuple[Rung, ...]:
        briefing = self._briefing
        return tuple(
            Rung(kind, self._engines[kind].capabilities(briefing)) for kind in self._ladder
        )

    def new(self, rung: int) -> Engine:
        return self._engines[self._ladder[rung]].new(self._caller, self._briefing)

    async def enter(self, rung: int) -> str | None:
        """See telephony.seats.Enter: not all calls that lost their session come at once."""
        kind, loop = self._ladder[rung], asyncio.get_running_loop()
        if self._gate.resting(kind, loop.time()):
            return "breaker_open"
        # Where nothing follows, a late session is better than none.
        follows = rung + 1 < len(self._ladder)
        if follows and self._gate.row_s(kind, loop.time()) > LONGEST_ROW_S:
            return "row_too_long"
        await asyncio.sleep(self._gate.wait_s(kind, loop.time()))
        return None if self.allowed(rung) else "breaker_open"

    def allowed(self, rung: int) -> bool:
        """Whether a session may be opened now."""
        kind = self._ladder[rung]
        allowed = self._gate.allows(kind, asyncio.get_running_loop().time())
        if allowed:
            self._finding_out.add(kind)
        return allowed

    def over(self) -> None:
        """The call is over, or never began: what it has not found out, another may."""
        for kind in self._finding_out:
            self._gate.withdrawn(kind)
        self._finding_out.clear()

    def report(self, rung: int, event: AnyEngineEvent) -> AnyEngineEvent | None:
        """See telephony.seats.Report: a model that is gone is not fatal where another takes its
        place, so the same rung is tried with that one at once."""
        kind, now = self._ladder[rung], asyncio.get_running_loop().time()
        mended = self._heard(kind, event)
        match event:
            case ResponseDone(status=ResponseStatus.COMPLETED):
                self._finding_out.discard(kind)
                self._gate.worked(kind)
            case EngineFailed(reason=reason, fatal=fatal):
                self._finding_out.discard(kind)
                self._gate.failed_for(kind, reason, now, fatal=fatal and not mended)
                return msgspec.structs.replace(event, fatal=False) if mended else None
            case _:
                pass
        return None
