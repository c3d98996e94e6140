"""How an operator gives a person's word over HTTP."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from telephony.console.access.audit import Audit
from telephony.console.access.policy import WHO
from telephony.console.access.roles import Role, program
from telephony.console.approvals import approvals_router
from telephony.console.problems import answer_with_problems
from telephony.console.routes import author
from tests.databases import new_store
from tools.approvals import Approval, Approvals
from tools.policy import NeedsApproval
from tools.receipts import Claim
from tools.spec import Risk
from tools.store import Store

NOW = dt.datetime(2026, 3, 3, 8, 0, tzinfo=dt.UTC)
BEA = {"Authorization": "Bearer bea"}


class Doorman:
    """Knows Bea by her key, and nobody else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (b"authorization", b"Bearer bea") in scope.get("headers", ()):
            scope[WHO] = program("k1", "Bea", Role.APPROVER, ip="")
        await self._app(scope, receive, send)


class Desk:
    """The routes, the requests behind them, and a clock."""

    def __init__(self, store: Store) -> None:
        self.now = NOW
        self.approvals = Approvals(store)
        self.audit = Audit(store, lambda: self.now)
        app = FastAPI()
        answer_with_problems(app)
        app.add_middleware(Doorman)
        router = approvals_router(self.approvals, lambda: self.now, author, self.audit)
        app.include_router(router)
        self.http = TestClient(app)

    def asked(self, digest: str = "d1") -> Approval:
        claim = Claim("CA1", "t1", "pay", Risk.MONEY, digest, NOW, NOW, caller="+4420")
        return self.approvals.ask(claim, '{"amount":5}', NeedsApproval(45.0, "refuse"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = new_store(tmp_path / "frontdesk.db")
    yield Desk(store)
    store.close()


def test_what_waits_is_listed_with_all_one_needs_to_know(desk: Desk) -> None:
    assert desk.http.get("/approvals", headers=BEA).json() == []
    asked = desk.asked()
    (listed,) = desk.http.get("/approvals", headers=BEA).json()
    assert listed == {
        "id": asked.id,
        "call_id": "CA1",
        "tool": "pay",
        "arguments": {"amount": 5},
        "caller": "+4420",
        "state": "waiting",
        "otherwise": "refuse",
        "asked_at": "2026-03-03T08:00:00Z",
        "deadline_at": "2026-03-03T08:00:45Z",
        "decided_at": None,
        "decided_by": "",
    }


@pytest.mark.parametrize(("word", "state"), [("approve", "approved"), ("refuse", "refused")])
def test_a_decision_is_kept_with_who_made_it(desk: Desk, word: str, state: str) -> None:
    asked = desk.asked()
    answer = desk.http.post(f"/approvals/{asked.id}/{word}", headers=BEA)
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["decided_by"]) == (state, "Bea")
    assert desk.approvals.find(asked.id, NOW).state.value == state
    assert desk.http.get("/approvals", headers=BEA).json() == []
    (entry,) = desk.audit.entries(9)
    assert (entry.who, entry.action, entry.object) == ("Bea", f"tool.{word}", "call CA1")
    assert json.loads(entry.after) == {"approval": asked.id, "tool": "pay"}


@pytest.mark.parametrize("word", ["approve", "refuse"])
def test_it_is_decided_once(desk: Desk, word: str) -> None:
    asked = desk.asked()
    desk.http.post(f"/approvals/{asked.id}/refuse", headers=BEA)
    again = desk.http.post(f"/approvals/{asked.id}/{word}", headers=BEA)
    assert again.status_code == 409
    assert again.json()["detail"] == f"approval {asked.id} is refused already"
    assert len(desk.audit.entries(9)) == 1, "what was not done is not written down as done"


def test_after_the_deadline_it_is_too_late(desk: Desk) -> None:
    asked = desk.asked()
    desk.now = asked.deadline_at
    answer = desk.http.post(f"/approvals/{asked.id}/approve", headers=BEA)
    assert (answer.status_code, answer.json()["detail"][-15:]) == (409, "expired already")


@pytest.mark.parametrize("number", [7, 0, -1, 2**40])
def test_what_does_not_exist_is_not_found(desk: Desk, number: int) -> None:
    answer = desk.http.post(f"/approvals/{number}/approve", headers=BEA)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/approvals"), ("POST", "/approvals/1/approve"), ("POST", "/approvals/1/refuse")],
)
def test_who_is_unknown_sees_and_decides_nothing(desk: Desk, method: str, path: str) -> None:
    asked = desk.asked()
    assert desk.http.request(method, path).status_code == 401
    assert desk.approvals.find(asked.id, NOW).state.value == "waiting"
