"""Calls from the console over HTTP: who may ring, what a ticket opens, what is played."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from telephony.console.access.roles import Role
from telephony.selfcalls import Busy
from telephony.trials import Trials
from telephony.twilio.noise import Noise
from telephony.twilio.signature import Signatures
from telephony.twilio.softphone import NoLine, Softphones
from telephony.twilio.stream import MediaEndpoint
from telephony.twilio.tokens import StreamTokens
from telephony.twilio.urls import PublicUrl
from tests.console.house import ADDRESS, Console, copied
from tests.telephony import twilio_peer as peer
from tests.telephony.test_twilio_softphone import Carrier

TRIAL = "/api/v1/trial"
NUMBERS = {"caller": "+14155550100", "called": ""}


class Rehearsed:
    """Stands where scenarios are played."""

    def __init__(self) -> None:
        self.played: list[tuple[str, ...]] = []
        self.says: Exception | None = None

    async def play(self, *asked: str) -> str:
        self.played.append(asked)
        if self.says is not None:
            raise self.says
        return "CA" + "1" * 32

    async def close(self) -> None:
        """Nothing runs."""


class Line:
    """A console whose phones lead to a service that writes down what it is told."""

    def __init__(self, folder: Path) -> None:
        self.service = peer.Service()
        tokens = StreamTokens()
        signatures = Signatures(PublicUrl(peer.PUBLIC_URL), [peer.AUTH_TOKEN])
        noise = Noise(self.service.count)
        media = MediaEndpoint(peer.ACCOUNT, signatures, tokens, self.service, noise)
        phones = Softphones(Carrier())
        phones.connect(peer.ACCOUNT, tokens, self.service, media)
        self.rehearsed = Rehearsed()
        trials = Trials(phones, self.rehearsed)  # type: ignore[arg-type]
        self.console = Console(folder, trials=trials)

    def ring(self, role: Role = Role.APPROVER) -> Any:
        return self.console.client(role).act("POST", f"{TRIAL}/calls", NUMBERS)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, console_database: Path) -> Iterator[Line]:
    line = Line(copied(console_database, tmp_path_factory.mktemp("line")))
    yield line
    line.console.close()


def test_a_ticket_opens_the_stream_of_its_call(line: Line) -> None:
    answer = line.ring()
    assert answer.status_code == 200, answer.text
    ticket = answer.json()
    client = line.console.client(Role.APPROVER)
    with client.websocket_connect(ticket["stream"], headers={"Origin": ADDRESS}) as socket:
        socket.send_text(peer.text(peer.connected()))
        began = peer.start(ticket["call_id"], token=ticket["token"])
        socket.send_text(peer.text(began))
        socket.send_text(peer.text(peer.media(2, 0)))
        socket.send_text(peer.text(peer.stop(3, ticket["call_id"])))
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    kinds = [type(event).__name__ for event in line.service.events[peer.STREAM]]
    assert kinds == ["StreamStarted", "CallerAudio", "StreamStopped"]
    (entry,) = [e for e in line.console.access.audit.entries(50) if e.action == "call.try"]
    assert entry.who == "approver"
    assert json.loads(entry.after)["caller"] == "…00"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_who_may_not_step_into_calls_makes_none(line: Line, role: Role) -> None:
    assert line.ring(role).status_code == 403
    assert line.console.client(role).get("/console/trial").status_code == 403


def denied(line: Line, role: Role, path: str, **headers: str) -> bool:
    try:
        with line.console.client(role).websocket_connect(path, headers=headers):
            return False
    except (WebSocketDenialResponse, WebSocketDisconnect):
        return True


def test_fault_c10_a_page_of_others_opens_no_stream(line: Line) -> None:
    stream = line.ring().json()["stream"]
    assert denied(line, Role.APPROVER, stream, Origin="https://evil.example")
    assert denied(line, Role.APPROVER, stream)
    assert not denied(line, Role.APPROVER, stream, Origin=ADDRESS)


def test_the_stream_of_another_s_call_is_closed_at_once(line: Line) -> None:
    stream = line.ring().json()["stream"]
    other = f"{TRIAL}/calls/CA{'0' * 32}/stream"
    assert denied(line, Role.VIEWER, stream, Origin=ADDRESS)
    for role, path in (
        (Role.ADMIN, stream),
        (Role.APPROVER, other),
        (Role.APPROVER, "x".join((TRIAL + "/calls/", "/stream"))),
    ):
        client = line.console.client(role)
        with client.websocket_connect(path, headers={"Origin": ADDRESS}) as socket:
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
            assert closed.value.code == 1008


@pytest.mark.parametrize(
    "caller", ["0041", "+", "+12345678901234567", "<script>", "+1415\n5550100"]
)
def test_numbers_that_are_none_are_refused(line: Line, caller: str) -> None:
    body = {"caller": caller, "called": ""}
    before = len(line.service.offers)
    answer = line.console.client(Role.ADMIN).act("POST", f"{TRIAL}/calls", body)
    assert answer.status_code == 422
    assert len(line.service.offers) == before


def test_a_scenario_is_played_by_its_name(line: Line) -> None:
    admin = line.console.client(Role.ADMIN)
    names = [each["name"] for each in admin.get(f"{TRIAL}/scenarios").json()]
    assert names == ["booking", "change"]
    played = admin.act("POST", f"{TRIAL}/scenarios/change", NUMBERS)
    assert played.json() == {"call_id": "CA" + "1" * 32}
    assert line.rehearsed.played[0][0] == "change"
    assert admin.act("POST", f"{TRIAL}/scenarios/none", NUMBERS).status_code == 404
    for says, word in ((Busy(), "busy-phone"), (NoLine("Closed."), "no-line")):
        line.rehearsed.says = says
        answer = admin.act("POST", f"{TRIAL}/scenarios/booking", NUMBERS)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, word)


def test_a_console_beside_the_calls_says_where_to_go(shared: Console) -> None:
    admin = shared.client(Role.ADMIN)
    for path in ("calls", "scenarios/booking"):
        answer = admin.act("POST", f"{TRIAL}/{path}", NUMBERS)
        assert (answer.status_code, "frontdesk serve" in answer.json()["detail"]) == (409, True)
    page = admin.get("/console/trial").text
    assert ("No phone here" in page, ">ready<" in page) == (True, False)
