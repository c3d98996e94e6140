"""The routes of webhooks: who is told what of calls, and what has become of it."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.hookdesk import HookDesk
from telephony.console.people import done
from tools.hooks.endpoints import Change, Endpoint
from tools.hooks.outbox import Delivery
from tools.hooks.spec import MAX_DESCRIPTION, MAX_URL, EventType

MAX_ID = 2**31 - 1
PAGE = 50
MOST = 200

Me = Annotated[Who, Depends(current)]
Id = Annotated[int, Path(ge=1, le=MAX_ID, description="As lists show it.")]
Url = Annotated[str, Field(max_length=MAX_URL, description="https, as a rule.")]
Text = Annotated[str, Field(max_length=MAX_DESCRIPTION)]
Events = Annotated[list[EventType], Field(max_length=20, description="Empty for all.")]
_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"description": "Refused"},
    409: {"description": "Refused"},
}


class AddBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Url
    description: Text = ""
    events: Events = []
    numbers: bool = Field(default=False, description="Tell it telephone numbers.")
    words: bool = Field(default=False, description="Tell it what was said, when a call has ended.")


class ChangeBody(BaseModel):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    description: Text | None = None
    events: Events | None = None
    numbers: bool | None = None
    words: bool | None = None
    enabled: bool | None = None


@dataclass(frozen=True)
class NewEndpoint:
    endpoint: Endpoint
    secret: str
    """Shown only now."""


@dataclass(frozen=True)
class Secret:
    secret: str
    """Shown only now; the one before signs beside it for a day."""


@dataclass(frozen=True)
class Listed:
    endpoints: list[Endpoint]


@dataclass(frozen=True)
class Deliveries:
    """Newest first."""

    deliveries: list[Delivery]
    next: int | None
    """Give it as `before` to page on; null at the end."""


@dataclass(frozen=True)
class Sent:
    event: str


@dataclass(frozen=True)
class Replayed:
    count: int


def webhooks_router(desk: HookDesk) -> APIRouter:
    """Everything under /webhooks. Plain functions: they block, so FastAPI runs them in threads."""
    router = APIRouter(prefix="/webhooks", tags=["webhooks"], dependencies=[needs(Right.ADMIN)])
    # Before those of one endpoint, whose paths would take theirs for an id.
    _deliveries(router, desk)
    _endpoints(router, desk)
    _acts(router, desk)
    return router


def _deliveries(router: APIRouter, desk: HookDesk) -> None:
    @router.get("/deliveries", summary="What was, or is still to be, told to whom")
    def deliveries(
        endpoint: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
        state: Literal["pending", "taken", "dead"] | None = None,
        before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
    ) -> Deliveries:
        found = desk.deliveries(endpoint, state, before, limit)
        return Deliveries(found, found[-1].id if len(found) == limit else None)

    @router.post("/deliveries/{delivery_id}/replay", status_code=204, responses=_ERRORS)
    def replay(delivery_id: Id, who: Me) -> None:
        """Tell it once more, under the same id, taken or not."""
        done(lambda: desk.replay(who, delivery_id))


def _endpoints(router: APIRouter, desk: HookDesk) -> None:
    @router.get("", summary="Who is told")
    def endpoints() -> Listed:
        return Listed(desk.endpoints())

    @router.post("", status_code=201, responses=_ERRORS, summary="Tell somebody else, too")
    def add(body: AddBody, who: Me) -> NewEndpoint:
        events = tuple(each.value for each in body.events)
        wanted = Change(body.url, body.description, events, body.numbers, body.words)
        return NewEndpoint(*done(lambda: desk.add(who, wanted)))

    @router.get("/{endpoint_id}", responses=_ERRORS, summary="One receiver")
    def endpoint(endpoint_id: Id) -> Endpoint:
        found: Endpoint = done(lambda: desk.find(endpoint_id))
        return found

    @router.patch("/{endpoint_id}", responses=_ERRORS, summary="Change it, or switch it on or off")
    def change(endpoint_id: Id, body: ChangeBody, who: Me) -> Endpoint:
        events = None if body.events is None else tuple(each.value for each in body.events)
        wanted = Change(body.url, body.description, events, body.numbers, body.words, body.enabled)
        changed: Endpoint = done(lambda: desk.change(who, endpoint_id, wanted))
        return changed

    @router.delete("/{endpoint_id}", status_code=204, responses=_ERRORS, summary="Tell it no more")
    def remove(endpoint_id: Id, who: Me) -> None:
        """What was still to be told to it is dropped."""
        done(lambda: desk.remove(who, endpoint_id))


def _acts(router: APIRouter, desk: HookDesk) -> None:
    @router.post("/{endpoint_id}/secret", responses=_ERRORS, summary="A new secret")
    def rotate(endpoint_id: Id, who: Me) -> Secret:
        return Secret(done(lambda: desk.rotate(who, endpoint_id)))

    @router.post("/{endpoint_id}/test", responses=_ERRORS, summary="Send it a test")
    def test(endpoint_id: Id, who: Me) -> Sent:
        return Sent(done(lambda: desk.test(who, endpoint_id)))

    @router.post("/{endpoint_id}/replay", responses=_ERRORS, summary="Tell it all it never took")
    def replay_dead(endpoint_id: Id, who: Me) -> Replayed:
        return Replayed(done(lambda: desk.replay_dead(who, endpoint_id)))
