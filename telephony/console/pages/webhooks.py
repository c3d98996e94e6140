"""The page of webhooks in the settings: who is told what, and what has become of it."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Query, Request, Response

from telephony.console.access.policy import current, needs
from telephony.console.access.reception import NotDone
from telephony.console.access.roles import Right, Who
from telephony.console.hookdesk import HookDesk
from telephony.console.pages.settings import SETTINGS, TABS
from telephony.console.parts import Parts
from telephony.console.rendering import page, redirect
from tools.hooks.endpoints import Change
from tools.hooks.spec import EventType

WEBHOOKS = f"{SETTINGS}/webhooks"
EVENTS = tuple(each.value for each in EventType if each is not EventType.TEST)
MAX_ID = 2**31 - 1
PAGE = 50

Me = Annotated[Who, Depends(current)]
Id = Annotated[int, Path(ge=1, le=MAX_ID)]
Text = Annotated[str, Form(max_length=1_000)]
Before = Annotated[int | None, Query(ge=1, le=MAX_ID)]


def webhooks_page_router(parts: Parts) -> APIRouter:
    """Plain functions on purpose: they block, so FastAPI runs them in threads."""
    router = APIRouter(prefix="/settings/webhooks", dependencies=[needs(Right.ADMIN)])
    desk = HookDesk(parts)
    _list(router, desk)
    _acts(router, desk)
    return router


def _list(router: APIRouter, desk: HookDesk) -> None:
    def show(request: Request, status: int = 200, **values: Any) -> Response:
        before = values.pop("before", None)
        found = desk.deliveries(before=before, limit=PAGE)
        seen: dict[str, Any] = {"secret": "", "of": "", "wrong": "", "wanted": Change(), **values}
        endpoints = desk.endpoints()
        return page(
            request,
            "webhooks.html",
            status=status,
            tabs=TABS,
            endpoints=endpoints,
            addresses={each.id: each.url for each in endpoints},
            deliveries=found,
            older=f"{WEBHOOKS}?before={found[-1].id}" if len(found) == PAGE else "",
            newer=WEBHOOKS if before else "",
            events=EVENTS,
            **seen,
        )

    @router.get("")
    def webhooks(request: Request, before: Before = None) -> Response:
        return show(request, before=before)

    @router.post("")
    def add(
        request: Request,
        who: Me,
        url: Text,
        description: Text = "",
        events: Annotated[list[str] | None, Form()] = None,
        numbers: Annotated[bool, Form()] = False,
        words: Annotated[bool, Form()] = False,
    ) -> Response:
        wanted = Change(url, description, tuple(events or ()), numbers, words)
        try:
            made, secret = desk.add(who, wanted)
        except NotDone as error:
            return show(request, 409, wrong=str(error), wanted=wanted)
        return show(request, secret=secret, of=made.url)

    @router.post("/{endpoint_id}/secret")
    def rotate(request: Request, who: Me, endpoint_id: Id) -> Response:
        try:
            secret = desk.rotate(who, endpoint_id)
        except NotDone as error:
            return redirect(request, WEBHOOKS, flash=str(error), kind="bad")
        return show(request, secret=secret, of=desk.find(endpoint_id).url)


def _acts(router: APIRouter, desk: HookDesk) -> None:
    def do(request: Request, said: str, work: Callable[[], object]) -> Response:
        try:
            work()
        except NotDone as error:
            return redirect(request, WEBHOOKS, flash=str(error), kind="bad")
        return redirect(request, WEBHOOKS, flash=said)

    @router.post("/{endpoint_id}/enabled")
    def enabled(
        request: Request, who: Me, endpoint_id: Id, on: Annotated[bool, Form()]
    ) -> Response:
        said = "It is told from now on." if on else "It is told no more until it is on again."
        return do(request, said, lambda: desk.change(who, endpoint_id, Change(enabled=on)))

    @router.post("/{endpoint_id}/remove")
    def remove(request: Request, who: Me, endpoint_id: Id) -> Response:
        said = "Removed, with what was still to be told to it."
        return do(request, said, lambda: desk.remove(who, endpoint_id))

    @router.post("/{endpoint_id}/test")
    def test(request: Request, who: Me, endpoint_id: Id) -> Response:
        said = "A test is on its way: look below what became of it."
        return do(request, said, lambda: desk.test(who, endpoint_id))

    @router.post("/{endpoint_id}/replay")
    def replay_dead(request: Request, who: Me, endpoint_id: Id) -> Response:
        said = "What it never took is told again."
        return do(request, said, lambda: desk.replay_dead(who, endpoint_id))

    @router.post("/deliveries/{delivery_id}/replay")
    def replay(request: Request, who: Me, delivery_id: Id) -> Response:
        return do(request, "It is told once more.", lambda: desk.replay(who, delivery_id))
