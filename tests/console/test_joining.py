"""Routes of several routers in one: what they were, and asked for, they still are and do."""

import pytest
from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

from telephony.console.access.policy import Policy, needs
from telephony.console.access.roles import Right
from telephony.console.joining import joined
from telephony.console.problems import Refused


def tables() -> APIRouter:
    router = APIRouter(prefix="/tables", dependencies=[needs(Right.VIEW)])

    @router.get("/{number}")
    def table(number: int) -> dict[str, int]:
        return {"number": number}

    return router


def test_a_route_answers_and_asks_as_if_it_had_been_included() -> None:
    app, included = (FastAPI(openapi_url=None) for _ in range(2))
    joined(app.router, [tables()])
    included.include_router(tables())
    assert app.openapi() == included.openapi()
    ours, theirs = (Policy(each).of("/tables/4", "GET") for each in (app, included))
    assert ours is not None
    assert theirs is not None
    assert ours.asked == theirs.asked == {Right.VIEW}
    with pytest.raises(Refused):
        TestClient(app).get("/tables/4")


@pytest.mark.parametrize(
    "into", [APIRouter(prefix="/v2"), APIRouter(dependencies=[needs(Right.VIEW)])]
)
def test_a_router_that_would_add_something_is_not_joined_into(into: APIRouter) -> None:
    with pytest.raises(AssertionError):
        joined(into, [tables()])
