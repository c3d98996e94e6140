"""Calls from the console itself: a phone in the page, and scenarios that this server plays."""

from collections.abc import MutableMapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field

from agents.local.models import ModelsMissing
from telephony.console.access.access import Access
from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.problems import Refused
from telephony.selfcalls import SCENARIOS, Busy
from telephony.transcripts.discretion import last_two
from telephony.trials import Trials
from telephony.twilio.softphone import NoLine

Me = Annotated[Who, Depends(current)]
Number = Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14}|)$")]
"""In E.164, or empty: withheld, or the first number there is."""


class CallBody(BaseModel):
    """Who calls whom."""

    caller: Number = ""
    called: Number = ""


class TicketView(BaseModel):
    """What the page's phone needs to open its stream: good once, for a minute, for this user."""

    call_id: str
    account_id: str
    token: str
    stream: str
    """Where its socket is, on this server."""


class ScenarioView(BaseModel):
    name: str
    what: str


class PlayedView(BaseModel):
    call_id: str


def trial_router(trials: Trials | None, access: Access) -> APIRouter:
    """Routes below `/trial`; without `trials` no calls are answered in this process."""
    router = APIRouter(prefix="/trial", tags=["trial calls"], dependencies=[needs(Right.CONTROL)])

    @router.post("/calls", responses=_REFUSED, summary="Ring, from a page that has a phone")
    async def ring(body: CallBody, who: Me) -> TicketView:
        phones = _here(trials).phones
        await _audited(access, who, body)
        try:
            ticket = phones.ring(who.id, body.caller, body.called)
        except NoLine as error:
            raise _no_line(error) from None
        stream = f"/api/v1/trial/calls/{ticket.call_id}/stream"
        return TicketView(
            call_id=ticket.call_id, account_id=ticket.account_id, token=ticket.token, stream=stream
        )

    @router.websocket("/calls/{call_id}/stream")
    async def stream(socket: WebSocket, call_id: str, who: Me) -> None:
        """Media Streams, the page being the carrier. Its `start` must hold the ticket's token."""
        if trials is None or not trials.phones.owns(who.id, call_id):
            await socket.accept()
            await socket.close(1008)
            return
        await trials.phones.carry(call_id, socket.receive, _sender(socket))

    _scenarios(router, trials, access)
    return router


def _scenarios(router: APIRouter, trials: Trials | None, access: Access) -> None:
    @router.get("/scenarios", summary="What the server can play by itself")
    async def scenarios(_who: Me) -> list[ScenarioView]:
        return [ScenarioView(name=name, what=what) for name, what in SCENARIOS.items()]

    @router.post("/scenarios/{name}", responses=_UNKNOWN, summary="Let a synthetic caller call")
    async def play(name: str, body: CallBody, who: Me) -> PlayedView:
        if name not in SCENARIOS:
            raise Refused(404, "no-scenario", "There is no such scenario.")
        self_calls = _here(trials).self_calls
        await _audited(access, who, body, scenario=name)
        try:
            call_id = await self_calls.play(name, who.id, body.caller, body.called)
        except Busy:
            raise Refused(409, "busy-phone", "Another scenario is being played.") from None
        except NoLine as error:
            raise _no_line(error) from None
        except ModelsMissing as error:
            raise Refused(503, "no-voice", str(error)) from None
        return PlayedView(call_id=call_id)


_REFUSED: dict[int | str, dict[str, object]] = {
    409: {"description": "No agent would answer this call, or the phone is in use"},
}
_UNKNOWN: dict[int | str, dict[str, object]] = {
    **_REFUSED,
    404: {"description": "There is no such scenario"},
}
_ELSEWHERE = "No calls are answered in this process: open the console of `frontdesk serve`."


def _here(trials: Trials | None) -> Trials:
    if trials is None:
        raise Refused(409, "no-line", _ELSEWHERE)
    return trials


def _no_line(error: NoLine) -> Refused:
    return Refused(409, "no-line", f"The caller would hear: {error}")


async def _audited(access: Access, who: Who, body: CallBody, **facts: object) -> None:
    # What is deleted about a number must not stay here.
    after = {**body.model_dump(), "caller": last_two(body.caller), **facts}
    await access.desk.do(lambda: access.audit.record(who, "call.try", "call", after=after))


def _sender(socket: WebSocket) -> Any:
    """As a raw ASGI `send`, which says that a socket is gone by an OSError."""

    async def send(message: MutableMapping[str, Any]) -> None:
        try:
            await socket.send(message)
        except WebSocketDisconnect:
            raise ConnectionResetError from None

    return send
