"""Calls that are on, over HTTP: how they stand, what is said, and what may be done to one."""

import asyncio
import contextlib
import datetime as dt
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, Depends, Path
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from agents.tasks import Tasks
from telephony.call.events import Act
from telephony.console.access.access import Access
from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.problems import RETRY_S, Refused
from telephony.console.reading import Reading
from telephony.console.routes import Author
from telephony.live.desk import LiveDesk
from telephony.live.discretion import Discretion, discreet_calls
from telephony.live.wire import MAX_WORDS, AnyAnswer, Sound

log = structlog.get_logger()

MOST_STREAMS = 200
"""Pages that watch at one time."""
PING_S = 15.0
"""What lies between us and a reader closes what is silent for long."""
_NO_STORE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_PIECE = struct.Struct("<BxHI")
"""Before each piece of sound: 0 for the caller or 1 for what they heard, its length in bytes, and
where it begins, in samples of 8,000 a second on the call's clock."""

CallId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="As the carrier has it.")
]
Me = Annotated[Who, Depends(current)]


class ToolView(BaseModel):
    """A tool that runs."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    waits: bool
    """A person has to decide about it: see /approvals."""


class LiveCallView(BaseModel):
    """A call that is on."""

    model_config = ConfigDict(from_attributes=True)

    call_id: str
    caller: str
    called: str
    persona: str
    engine: str
    seat: int
    phase: str
    floor: str
    speaker: str
    heard: str
    unheard: str
    tools: list[ToolView]
    cost_micros: int
    cost_unknown: bool
    started_at: dt.datetime
    targets: list[str]
    lines: int
    withheld: bool
    """No words are shown: the caller has not agreed, or not yet, that any are kept."""


class WhisperBody(BaseModel):
    words: str = Field(min_length=1, max_length=MAX_WORDS)
    """Told to the agent, and heard by nobody."""


class TransferBody(BaseModel):
    to: str = Field(min_length=1, max_length=MAX_WORDS)
    """A target of the configuration, by its name."""


def live_router(desk: LiveDesk, access: Access) -> APIRouter:
    """Routes below `/live`. Coroutines: they wait for sockets, and for the database in threads."""
    router = APIRouter(prefix="/live", tags=["live calls"], dependencies=[needs(Right.VIEW)])
    streams, reading = _Streams(), Reading(access.audit, access.clock)

    @router.get("", summary="Calls that are on, the oldest first")
    async def calls(who: Me) -> list[LiveCallView]:
        found = await desk.calls()
        if not who.may(Right.HEAR):
            found = await asyncio.to_thread(discreet_calls, found)
        return [LiveCallView.model_validate(call) for call in found]

    @router.get("/events", include_in_schema=False)
    async def events(who: Me) -> StreamingResponse:
        return streams.events(desk.watch(), who)

    @router.get("/{call_id}/events", include_in_schema=False)
    async def follow(call_id: CallId, who: Me) -> StreamingResponse:
        # A page that is looked at again, or lost its connection, asks again.
        await access.desk.do(lambda: reading.note(who, "call.follow", call_id))
        return streams.events(desk.follow(call_id), who)

    @router.get("/{call_id}/sound", include_in_schema=False, dependencies=[needs(Right.CONTROL)])
    async def listen(call_id: CallId, who: Me) -> StreamingResponse:
        await _audited(access, who, "call.listen", call_id)
        return streams.sound(desk.listen(call_id))

    _acting(router, desk, access)
    return router


def _acting(router: APIRouter, desk: LiveDesk, access: Access) -> None:
    doing: dict[str, Any] = {
        "status_code": 204,
        "responses": _REFUSED,
        "dependencies": [needs(Right.CONTROL)],
    }

    async def act(
        call_id: str, what: Act, by: str, who: Who, words: str = "", **facts: object
    ) -> None:
        await _audited(access, who, f"call.{what.value}", call_id, **facts)
        why_not = await desk.do(call_id, what, by, words)
        if why_not == "gone":
            raise Refused(404, "no-call", "There is no such call any more.")
        if why_not:
            raise Refused(409, "impossible", _IMPOSSIBLE[what])

    @router.post("/{call_id}/hang-up", **doing, summary="Say goodbye and end the call")
    async def hang_up(call_id: CallId, by: Author, who: Me) -> None:
        await act(call_id, Act.HANG_UP, by, who)

    @router.post("/{call_id}/take-over", **doing, summary="Put the caller through to a person")
    async def take_over(call_id: CallId, by: Author, who: Me) -> None:
        await act(call_id, Act.TAKE_OVER, by, who)

    @router.post("/{call_id}/transfer", **doing, summary="Put the caller through to a target")
    async def transfer(call_id: CallId, body: TransferBody, by: Author, who: Me) -> None:
        await act(call_id, Act.TRANSFER, by, who, body.to, to=body.to)

    @router.post(
        "/{call_id}/whisper", **doing, summary="Tell the agent something the caller does not hear"
    )
    async def whisper(call_id: CallId, body: WhisperBody, by: Author, who: Me) -> None:
        await act(call_id, Act.WHISPER, by, who, body.words, letters=len(body.words))


_REFUSED: dict[int | str, dict[str, object]] = {
    404: {"description": "There is no such call any more"},
    409: {"description": "It cannot be done as the call stands"},
}
_IMPOSSIBLE = {
    Act.HANG_UP: "The call is ending already.",
    Act.TRANSFER: "The caller cannot be put through there: there is no such target, or they are"
    " being put through, or hung up on, already.",
    Act.TAKE_OVER: "The caller cannot be put through: phone.yaml names nobody, or they are being"
    " put through, or hung up on, already.",
    Act.WHISPER: "Nobody listens: there are no words in it, or the caller is with somebody else.",
}


async def _audited(access: Access, who: Who, action: str, call_id: str, **facts: object) -> None:
    """Before it is done: what cannot be written down is not done."""
    await access.desk.do(
        lambda: access.audit.record(who, action, f"call {call_id}", after=facts or None)
    )


# ---- what goes on for long ----------------------------------------------------------------------


class _Streams:
    """Answers that go on until their reader leaves: so many at a time, and no more."""

    def __init__(self) -> None:
        self._open = 0

    def events(self, answers: AsyncGenerator[AnyAnswer], who: Who) -> StreamingResponse:
        """Server-sent events, named after the answers; see telephony.live.wire."""
        shown = answers if who.may(Right.HEAR) else _discreetly(answers)
        body = self._counted(_pieces(shown, _event, b": still here\n\n"))
        return StreamingResponse(body, headers=_NO_STORE, media_type="text/event-stream")

    def sound(self, answers: AsyncGenerator[AnyAnswer]) -> StreamingResponse:
        body = self._counted(_pieces(answers, _sound, b""))
        return StreamingResponse(body, headers=_NO_STORE, media_type="application/octet-stream")

    def _counted(self, pieces: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
        """Raises Refused where there are too many."""
        if self._open >= MOST_STREAMS:
            detail = "Too many pages watch at once; close some and try again."
            raise Refused(503, "busy", detail, headers={"Retry-After": RETRY_S})

        async def counted() -> AsyncGenerator[bytes]:
            self._open += 1
            try:
                async with contextlib.aclosing(pieces):
                    async for piece in pieces:
                        yield piece
            finally:
                self._open -= 1

        return counted()


async def _pieces(
    answers: AsyncGenerator[AnyAnswer], piece: Callable[[AnyAnswer], bytes], ping: bytes
) -> AsyncGenerator[bytes]:
    """The answers as bytes; something at least every PING_S. Whoever does not read is not waited
    for by anybody but this."""
    tasks = Tasks(_broke)
    try:
        yield ping
        while True:
            coming = tasks.start("live answer", _next(answers))
            while not (await asyncio.wait((coming,), timeout=PING_S))[0]:
                if ping:
                    yield ping
            answer = await coming
            if answer is None:
                return
            if data := piece(answer):
                yield data
    finally:
        await tasks.cancel_all()
        await answers.aclose()


async def _discreetly(answers: AsyncGenerator[AnyAnswer]) -> AsyncGenerator[AnyAnswer]:
    """For who may not hear calls. In threads: to look through words takes a millisecond a call."""
    discretion = Discretion()
    async with contextlib.aclosing(answers):
        async for answer in answers:
            yield await asyncio.to_thread(discretion.told, answer)


async def _next(answers: AsyncGenerator[AnyAnswer]) -> AnyAnswer | None:
    return await anext(answers, None)


def _event(answer: AnyAnswer) -> bytes:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html; JSON is one line."""
    name = type(answer).__name__.lower()
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(answer) + b"\n\n"


def _sound(answer: AnyAnswer) -> bytes:
    if not isinstance(answer, Sound):
        return b""
    track = 0 if answer.track == "caller" else 1
    return _PIECE.pack(track, len(answer.ulaw), answer.at_samples) + answer.ulaw


def _broke(name: str, error: BaseException) -> None:
    log.warning("live_stream_broke", task=name, error=type(error).__name__)
