"""All calls of this process: who may come in, who is on, what becomes of those that have ended."""

import asyncio
import math
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Collection
from enum import Enum

import msgspec
import structlog

from telephony.call.commands import TakeBack, TakeMessage, Transfer
from telephony.call.ending import FENCED
from telephony.call.events import (
    CallOver,
    DialEnded,
    HandedOver,
    HangUpAsked,
    MessageLeft,
    MigrateAsked,
    StreamLost,
)
from telephony.configuring.personafile import OutsidePart
from telephony.room import Room
from telephony.session import Session
from telephony.transcripts.entry import EndedReason
from telephony.twilio.ports import (
    CONNECTED,
    Admission,
    Admitted,
    AskAgain,
    Count,
    Deliver,
    Diverted,
    Leg,
    Message,
    Next,
    Offer,
    Refused,
    StreamEvent,
)

log = structlog.get_logger()

_ENDED_KEPT = 10_000
"""How many ended calls are remembered for what the carrier still asks about them."""
_OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""`CallStatus` values after which a call has no stream (Twilio, call resource statuses)."""
_PLAIN_END = frozenset(
    {
        EndedReason.CALLER_HUNG_UP,
        EndedReason.AGENT_HUNG_UP,
        EndedReason.IDLE,
        EndedReason.MAX_LENGTH,
        EndedReason.BUDGET,
        EndedReason.OPERATOR,
        EndedReason.TRANSFERRED,
        EndedReason.VOICEMAIL,
    }
)
"""After these a caller who is still there has heard all there is to hear."""
BUSY_ONWARD = "All our lines are busy right now."
"""Said to a caller who is passed on for that."""
BUSY = f"{BUSY_ONWARD} Please call again in a few minutes."
_GOODBYE_S = 15.0
"""How long the last words of a drained call may take before its socket is closed."""
_SILENCE_S = 5.0
"""How long a silence is waited for in which a call may change its process."""
_LINGER_S = 1.5
"""How long after a call the carrier still asks what comes next, and says that it is over."""
_ASK_AGAIN_S = 1
_MOST_ASKED = 8
"""How often the carrier is sent away to ask again."""


class Sentences(msgspec.Struct, frozen=True):
    """What a caller hears from the carrier when there is no agent to say it."""

    at_capacity: str
    draining: str
    broken: str
    nobody: str
    """Nobody could take a call that was to be passed on."""


def sentences(apology: str) -> Sentences:
    return Sentences(
        at_capacity=BUSY,
        draining="We are just restarting our phone system. Please call again in a minute.",
        broken=apology,
        nobody="I'm sorry, I could not reach anybody. Please call again later. Goodbye.",
    )


class _Past(msgspec.Struct, frozen=True):
    """A call that is over."""

    reason: EndedReason
    apologised: bool = False
    diverted: bool = False
    """It never came to an agent."""


def _nobody_else(_offer: Offer) -> Diverted | Refused | None:
    return None


def _to_nobody(_offer: Offer) -> None:
    return None


def diverted(outside: OutsidePart) -> Diverted | Refused:
    """What happens to a call outside its persona's hours."""
    match outside.then:
        case "transfer":
            return Diverted(Transfer(outside.target, outside.say))
        case "voicemail":
            return Diverted(TakeMessage(outside.say))
        case _:
            return Refused(outside.say, "closed")


class Whose(Enum):
    """A call that this process did not begin."""

    OURS = "ours"
    """It is carried here from now on."""
    NOBODYS = "nobodys"
    """Nothing is known of it: nothing was said in it yet."""
    UNKNOWN = "unknown"
    """Nobody can be asked just now."""


Take = Callable[[Offer], Awaitable[Whose | EndedReason]]
"""Takes a call over from whichever process had it; an EndedReason: it is over. Never raises."""


async def _nobodys(_offer: Offer) -> Whose:
    return Whose.NOBODYS


async def _stays() -> bool:
    return False


OpenSession = Callable[[Offer, Leg, Callable[[Session], None]], Session]
"""Builds the session of an authenticated call: `(offer, leg, over)`."""


class Switchboard:
    """Implements what the webhooks and the media socket ask for (CallsPort and StreamPort)."""

    def __init__(
        self,
        open_session: OpenSession,
        never_started: Callable[[Offer, EndedReason], None],
        keep_message: Callable[[str, str, Message], None],
        sentences: Sentences,
        count: Count,
        ended: Callable[[EndedReason], None],
        room: Room,
        start_within_s: float,
        receive: Callable[[Offer], Diverted | Refused | None] = _nobody_else,
        take: Take = _nobodys,
        migrates: Callable[[], Awaitable[bool]] = _stays,
        full: Callable[[Offer], Diverted | None] = _to_nobody,
    ) -> None:
        """`never_started(offer, reason)` keeps the record of a call that never got as far as a
        session, `keep_message(call_sid, caller, message)` what a caller left for the staff;
        `ended(reason)` hears once of every admitted call; an admitted call keeps its place for
        `start_within_s`. `receive(offer)` is asked first, and may say that no agent answers.
        `take` is asked about calls that are not known here; `migrates()`, when no more calls are
        taken, whether another process could go on with those of this one; `full` whom to pass a
        call on to for which there is no room."""
        self._open_session = open_session
        self._never_started = never_started
        self._keep_message = keep_message
        self._sentences = sentences
        self._count = count
        self._call_ended = ended
        self._room = room
        self._start_within_s = start_within_s
        self._receive = receive
        self._take = take
        self._migrates = migrates
        self._full = full
        self._leaves = False
        """Another process goes on with the calls that are left when this one ends."""
        self._asked: Counter[str] = Counter()
        self._taking: set[str] = set()
        self._expected: dict[str, tuple[Offer, asyncio.TimerHandle]] = {}
        self._live: dict[str, Session] = {}
        self._streams: dict[str, str] = {}
        """The present stream of each of them."""
        self._ended: OrderedDict[str, _Past] = OrderedDict()
        self._ended_s = -math.inf
        """When the last of them did, on the event loop's clock."""
        self._empty = asyncio.Event()
        self._empty.set()
        self._accepting = True

    # ---- what others may know ------------------------------------------------------------------

    @property
    def live(self) -> int:
        """Calls with an open stream, those just being released included."""
        return len(self._live)

    @property
    def sessions(self) -> Collection[Session]:
        return self._live.values()

    @property
    def accepting(self) -> bool:
        return self._accepting and self.why_not is None

    @property
    def why_not(self) -> str | None:
        """Why there is no room for one more call, as a code."""
        return self._room.why_not(self._held)

    @property
    def _held(self) -> int:
        return len(self._live) + len(self._expected)

    @property
    def open(self) -> bool:
        """Not being drained."""
        return self._accepting

    def awaits(self, call_sid: str) -> bool:
        """The call was admitted, and its stream has not come."""
        return call_sid in self._expected

    def ended_reason(self, call_sid: str) -> EndedReason | None:
        past = self._ended.get(call_sid)
        return past.reason if past else None

    # ---- CallsPort -----------------------------------------------------------------------------

    def offer(self, offer: Offer) -> Admission:
        if not self._accepting:
            return Refused(self._sentences.draining, "draining")
        if (elsewhere := self._receive(offer)) is not None:
            return self._elsewhere(offer, elsewhere)
        if (why_not := self._room.take(self._held)) is not None:
            return self._no_room(offer, why_not)
        self._expect(offer)
        return Admitted()

    def _no_room(self, offer: Offer, why_not: str) -> Admission:
        if (onward := self._full(offer)) is None:
            return Refused(self._sentences.at_capacity, why_not)
        self._count(f"passed_on.{why_not}")
        return self._elsewhere(offer, onward)

    def _elsewhere(self, offer: Offer, admission: Diverted | Refused) -> Admission:
        if isinstance(admission, Diverted):
            message = isinstance(admission.onward, TakeMessage)
            reason = EndedReason.VOICEMAIL if message else EndedReason.TRANSFERRED
            self._remember(offer.call_sid, _Past(reason, diverted=True))
            self._never_started(offer, reason)
        return admission

    def repeated(self, call_sid: str) -> None:
        """The stream's token was renewed, so its place must be."""
        if (expected := self._expected.get(call_sid)) is not None:
            self._expect(expected[0])

    def _expect(self, offer: Offer) -> None:
        loop = asyncio.get_running_loop()
        if (before := self._expected.get(offer.call_sid)) is not None:
            before[1].cancel()
        timer = loop.call_later(self._start_within_s, self._not_started, offer.call_sid)
        self._expected[offer.call_sid] = (offer, timer)
        self._changed()

    # ---- calls of other processes --------------------------------------------------------------

    def knows(self, call_sid: str) -> bool:
        if (session := self._live.get(call_sid)) is not None:
            return session.ended is not EndedReason.MIGRATED
        past = self._ended.get(call_sid)
        left = past is None or past.reason is EndedReason.MIGRATED
        return call_sid in self._expected or not left

    async def resume(self, offer: Offer) -> Next:
        call_sid = offer.call_sid
        if not self._accepting or call_sid in self._live or call_sid in self._taking:
            return self._later(call_sid)
        self._taking.add(call_sid)
        try:
            whose = await self._take(offer)
        finally:
            self._taking.discard(call_sid)
        match whose:
            case Whose.OURS:
                self._count("call_taken_over")
                self._ended.pop(call_sid, None)
                self._asked.pop(call_sid, None)
                self._expect(offer)
                return TakeBack()
            case Whose.NOBODYS:
                return self._anew(offer)
            case Whose.UNKNOWN:
                return self._later(call_sid)
            case EndedReason():
                self._ended[call_sid] = _Past(whose)
                return self._farewell(call_sid)

    def _anew(self, offer: Offer) -> Next:
        """A call whose process died before a word was said."""
        match self.offer(offer):
            case Admitted():
                return TakeBack()
            case Refused(sentence):
                return sentence
            case Diverted(onward):
                return onward

    def _later(self, call_sid: str) -> AskAgain | str:
        """Somebody else may be able to go on with it, or we may in a moment."""
        if len(self._asked) > _ENDED_KEPT:
            self._asked.clear()
        self._asked[call_sid] += 1
        if self._asked[call_sid] <= _MOST_ASKED:
            return AskAgain(_ASK_AGAIN_S)
        del self._asked[call_sid]
        return self._sentences.broken if self._accepting else self._sentences.draining

    # ---- CallsPort, after the stream -----------------------------------------------------------

    def after_stream(self, call_sid: str, over: bool) -> Next:
        """A caller whose call broke on our side hears so; one whose call was over does not."""
        self._not_started(call_sid)
        session = self._live.get(call_sid)
        if session is None or session.ended is not None:
            return self._farewell(call_sid)
        if over:
            # A hang-up: the stream's `stop` is on its way behind this request.
            session.deliver(CallOver())
            return None
        # Twilio asks only when the stream is over, so the socket died without a word, or was
        # closed by us for want of another way to pass the caller on.
        session.deliver(StreamLost("closed"))
        return self._following(session, HandedOver())

    def dial_result(self, call_sid: str, result: str, over: bool) -> Next:
        if (session := self._live.get(call_sid)) is None:
            past = self._ended.get(call_sid)
            if past is not None and past.diverted and result not in CONNECTED:
                return self._sentences.nobody
            return self._farewell(call_sid)
        return self._following(session, DialEnded(result, over))

    def message_left(self, call_sid: str, caller: str, message: Message) -> Next:
        self._keep_message(call_sid, caller, message)
        if (session := self._live.get(call_sid)) is not None:
            session.deliver(MessageLeft(message.length_s))
        return None

    def _following(self, session: Session, event: HandedOver | DialEnded) -> Next:
        """What the call wants done with its caller after this."""
        if session.ended is None:
            session.deliver(event)
        if session.ended is None and session.next_step is not None:
            return session.next_step
        return self._farewell(session.call_id)

    def _farewell(self, call_sid: str) -> str | None:
        past = self._past(call_sid)
        if past is not None and (past.reason in _PLAIN_END or past.apologised):
            return None
        reason = past.reason if past else None
        if reason is EndedReason.DRAINED:
            return self._sentences.draining
        nobody = reason is EndedReason.TRANSFER_FAILED
        return self._sentences.nobody if nobody else self._sentences.broken

    def call_status(self, call_sid: str, status: str, sequence: int | None) -> None:
        if status not in _OVER:
            return
        self._not_started(call_sid)
        if (session := self._live.get(call_sid)) is not None:
            session.deliver(CallOver())

    def stream_status(
        self, call_sid: str, stream_sid: str, event: StreamEvent, error: int | None
    ) -> None:
        if event is not StreamEvent.ERROR:
            return
        self._count("carrier_stream_error")
        log.warning("carrier_stream_error", call_sid=call_sid, code=error)
        # The carrier tells of errors late: the call may have been on another stream for long.
        if self._streams.get(call_sid) == stream_sid:
            self._live[call_sid].deliver(StreamLost("carrier_error"))

    def _past(self, call_sid: str) -> _Past | None:
        if (session := self._live.get(call_sid)) is None:
            return self._ended.get(call_sid)
        return _Past(session.ended, session.apologised) if session.ended else None

    def fenced(self, call_sid: str) -> None:
        """Another process has taken this call over."""
        if (session := self._live.get(call_sid)) is not None:
            session.deliver(StreamLost(FENCED))

    # ---- StreamPort ----------------------------------------------------------------------------

    def expects(self, call_sid: str) -> bool:
        session = self._live.get(call_sid)
        return session is not None and session.expects_stream

    def open_call(self, offer: Offer, stream_sid: str, leg: Leg) -> Deliver | None:
        if self.expects(offer.call_sid):
            log.info("call_resumed", call_sid=offer.call_sid)
            self._streams[offer.call_sid] = stream_sid
            return self._live[offer.call_sid].attach(leg)
        if offer.call_sid in self._live or offer.call_sid in self._ended:
            self._count("stream_for_known_call")
            return None
        if (expected := self._expected.pop(offer.call_sid, None)) is not None:
            expected[1].cancel()
        if (session := self._built(offer, leg)) is None:
            return None
        self._live[offer.call_sid] = session
        self._streams[offer.call_sid] = stream_sid
        self._changed()
        log.info("call_started", call_sid=offer.call_sid, live=len(self._live))
        return session.attach(leg)

    def _built(self, offer: Offer, leg: Leg) -> Session | None:
        try:
            return self._open_session(offer, leg, self._over)
        except Exception:  # the caller is on the line: the carrier is told to apologise
            self._count("session_not_built")
            log.exception("session_not_built", call_sid=offer.call_sid)
        self._gone(offer, EndedReason.INTERNAL_ERROR)
        self._changed()
        return None

    def _over(self, session: Session) -> None:
        del self._live[session.call_id], self._streams[session.call_id]
        reason = session.ended or EndedReason.INTERNAL_ERROR
        self._remember(session.call_id, _Past(reason, session.apologised))
        self._changed()

    def _changed(self) -> None:
        """A call came, went, or got its stream."""
        self._room.counts(self._held, len(self._live))
        if self._held:
            self._empty.clear()
        else:
            self._empty.set()

    def _not_started(self, call_sid: str, reason: EndedReason = EndedReason.NO_START) -> None:
        """The call that was to come did not: its place is free, and its record says why."""
        if (expected := self._expected.pop(call_sid, None)) is None:
            return
        offer, timer = expected
        timer.cancel()
        self._count(reason.value)
        self._gone(offer, reason)
        self._changed()

    def _gone(self, offer: Offer, reason: EndedReason) -> None:
        """Over without ever having had a session."""
        self._remember(offer.call_sid, _Past(reason))
        self._never_started(offer, reason)

    def _remember(self, call_sid: str, past: _Past) -> None:
        self._ended[call_sid] = past
        self._ended_s = asyncio.get_running_loop().time()
        self._call_ended(past.reason)
        while len(self._ended) > _ENDED_KEPT:
            self._ended.popitem(last=False)

    # ---- the end of the day --------------------------------------------------------------------

    def stop_accepting(self) -> None:
        self._accepting = False

    async def drain(self, limit_s: float) -> None:
        """Let live calls finish for `limit_s`, then have others go on with those that are left,
        or end them politely.

        Returns when no call is left, at the latest 30 s after the limit.
        """
        self.stop_accepting()
        self._leaves = await self._migrates()
        if not self._leaves:
            self._give_up_expected(EndedReason.DRAINED)
        if await self._wait_empty(limit_s):
            return
        log.warning("drain_limit", live=len(self._live))
        if self._leaves and await self._migrated():
            return
        self.hang_up_all()
        if not await self._wait_empty(_GOODBYE_S):
            for session in tuple(self._live.values()):
                session.deliver(StreamLost("server_stopping"))
            await self._wait_empty(5.0)

    async def linger(self) -> None:
        """Stay until the carrier has said and asked all there is about the calls that ended last:
        a caller whose `<Connect>` nobody answers for hears that an application error occurred."""
        left_s = self._ended_s + _LINGER_S - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, left_s))

    async def _migrated(self) -> bool:
        """Have other processes go on with what is left; False: something is still here."""
        self._give_up_expected(EndedReason.MIGRATED)
        self._migrate_all(_SILENCE_S)
        return await self._wait_empty(2 * _SILENCE_S)

    def _migrate_all(self, within_s: float) -> None:
        for session in tuple(self._live.values()):
            session.deliver(MigrateAsked(within_s))

    def _give_up_expected(self, reason: EndedReason) -> None:
        for call_sid in tuple(self._expected):
            self._not_started(call_sid, reason)

    def hurry(self) -> None:
        """Do not wait for live calls any longer."""
        if self._leaves:
            self._give_up_expected(EndedReason.MIGRATED)
            self._migrate_all(0.0)
        else:
            self.hang_up_all()

    def hang_up_all(self) -> None:
        """Ask every live call to say goodbye now."""
        for session in tuple(self._live.values()):
            session.deliver(HangUpAsked(EndedReason.DRAINED.value))

    async def _wait_empty(self, limit_s: float) -> bool:
        try:
            async with asyncio.timeout(limit_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True
