"""Faults C1, C2, C3, C8, C9, C10: who gets in, and what is refused."""

import datetime as dt
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pyotp
import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from telephony.app import open_service
from telephony.console.access import sessions
from telephony.console.access.access import Access
from telephony.console.access.gate import Gate
from telephony.console.access.origins import Origins
from telephony.console.access.passwords import Passwords
from telephony.console.access.policy import Open, Policy, needs
from telephony.console.access.roles import RIGHTS, Right, Role
from telephony.console.access.throttle import Rate
from telephony.console.access.tries import NAME, PAIR
from telephony.live.desk import LiveDesk
from telephony.live.wire import AnyAnswer, Calls
from telephony.settings import load
from tests.console.hostile import CORPUS, assert_inert
from tests.console.house import ADDRESS, PASSWORD, Console, copied
from tests.console.walk import Door, doors, gates
from tests.telephony.api_client import KEY

FOREIGN = "https://elsewhere.example"


def knock(visitor: TestClient, door: Door, **headers: str) -> int:
    """The status; of a socket 403 where it is not opened."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if door.method == "WEBSOCKET":
        try:
            with visitor.websocket_connect(door.url, headers=named):
                return 101
        except WebSocketDisconnect:
            return 403
    return visitor.request(door.method, door.url, headers=named).status_code


@pytest.fixture
def console(shared: Console) -> Console:
    """With nobody in it."""
    shared.empty()
    return shared


# ---- C1 -----------------------------------------------------------------------------------------


def test_fault_c1_a_route_that_says_no_right_stops_the_start() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    router = APIRouter()
    router.add_api_route("/forgotten", lambda: "", methods=["GET"])
    app.include_router(router, prefix="/in")
    with pytest.raises(AssertionError, match=r"/in/forgotten \['GET'\]"):
        Policy(app)
    sockets = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    sockets.add_api_websocket_route("/listen", lambda: None)
    with pytest.raises(AssertionError, match="/listen"):
        Policy(sockets)


def test_fault_c1_an_application_with_its_own_description_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"openapi\.json.*docs.*redoc"):
        Policy(FastAPI())


def test_fault_c1_only_signing_in_and_styles_are_open_to_all(shared: Console) -> None:
    opened = {door.url for door in doors(shared) if door.rule.asked & {Open.ANYBODY, Open.FILES}}
    assert opened == {
        "/console/sign-in",
        "/console/sign-in/code",
        "/console/static/1/base.css",
        "/console/static/base.css",
        "/console/welcome/1",
    }
    assert all(door.rule.anybody for door in doors(shared) if door.url in opened)
    assert len(list(gates(shared))) == 2


def test_fault_c1_nobody_without_a_session_gets_past_any_door(shared: Console) -> None:
    stranger = TestClient(shared.app, base_url=ADDRESS, follow_redirects=False)
    for door in doors(shared):
        if not door.rule.anybody:
            assert knock(stranger, door) in (401, 403), door
            assert knock(stranger, door, authorization="Bearer wrong") in (401, 403), door
    for path in ("/console/nowhere", "/api/v1/nowhere", "/console/%0Asettings"):
        assert stranger.get(path).status_code == 401, path


def test_fault_c1_nobody_with_a_session_that_is_over_gets_past_any_door(
    console: Console,
) -> None:
    console.user("ann", Role.ADMIN)
    visitor = console.signed_in("ann")
    assert visitor.get("/console/account").status_code == 200
    console.later(sessions.IDLE + dt.timedelta(seconds=1))
    stranger = TestClient(
        console.app, base_url=ADDRESS, follow_redirects=False, cookies=visitor.cookies
    )
    for door in doors(console):
        if not door.rule.anybody:
            assert knock(stranger, door) in (401, 403), door


@pytest.mark.parametrize("role", list(Role))
def test_fault_c1_each_role_gets_past_its_own_doors_only(
    console: Console, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that a request of ours carries; what is behind may refuse for reasons of its own."""

    async def ends(_desk: LiveDesk) -> AsyncGenerator[AnyAnswer]:
        """Stands for what goes on for as long as somebody looks."""
        yield Calls(())

    monkeypatch.setattr(LiveDesk, "watch", ends)
    visitor = console.client(role)
    token = {"x_csrf_token": visitor.token(), "origin": ADDRESS, "accept": "application/json"}
    program = TestClient(console.app, base_url=ADDRESS, headers=console.key(role))
    for door in doors(console):
        leaves = door.url.endswith(("/sign-out", "/me/sessions", "/sessions/end"))
        if door.rule.anybody or leaves:
            continue
        allowed = {each for each in door.rule.asked if isinstance(each, Right)} <= RIGHTS[role]
        assert (knock(visitor, door, **token) != 403) == allowed, (door, role)
        assert (knock(program, door) != 403) == allowed, (door, role, "key")


def test_fault_c1_denied_writes_are_written_down(tmp_path: Path, console_database: Path) -> None:
    """Of strangers so many are: the walks before have used that up, at the console they share."""
    console = Console(copied(console_database, tmp_path))
    viewer = console.client(Role.VIEWER)
    assert viewer.act("POST", "/api/v1/users", {"name": "x", "role": "admin"}).status_code == 403
    assert viewer.get("/console/settings/users").status_code == 403
    console.stranger().post("/api/v1/rollback%1B[2J")
    entries = console.access.audit.entries(10)
    denied = [(each.who, each.role, each.object) for each in entries if each.action == "denied"]
    assert denied == [
        ("", "", "POST /api/v1/rollback\\x1b[2J"),
        ("viewer", "viewer", "POST /api/v1/users"),
    ]
    console.close()


async def test_fault_c1_outside_the_gates_stand_health_and_what_twilio_signs(
    tmp_path: Path,
) -> None:
    (tmp_path / "config").mkdir()
    environment = {
        "FRONTDESK_DATA_DIR": str(tmp_path),
        "FRONTDESK_CONFIG_DIR": str(tmp_path / "config"),
    }
    service = await open_service(load(environment, tmp_path))
    paths = {str(route.path) for route in iter_route_contexts(service.app.routes)}
    await service.stop()
    assert {path for path in paths if not path.startswith("/twilio/")} == {
        "/api/v1",
        "/console",
        "/healthz",
        "/readyz",
    }


# ---- C2 -----------------------------------------------------------------------------------------


def test_fault_c2_nothing_changes_without_the_token_of_the_session(console: Console) -> None:
    visitor, other = console.client(Role.ADMIN), console.client(Role.EDITOR)
    before = [user.name for user in console.access.users.all()]
    form = {"name": "mallory", "role": "admin"}
    own = {"Origin": ADDRESS}
    assert visitor.post("/console/settings/users", data=form, headers=own).status_code == 403
    for token in ("", "x", other.token(), visitor.token()[:-1]):
        named = {**form, "csrf": token}
        assert visitor.post("/console/settings/users", data=named, headers=own).status_code == 403
        header = {**own, "X-CSRF-Token": token}
        assert visitor.post("/api/v1/users", json=form, headers=header).status_code == 403
    assert [user.name for user in console.access.users.all()] == before
    assert visitor.form("/console/settings/users", form).status_code == 200


def test_fault_c2_nothing_changes_for_a_page_of_others_even_with_the_token(
    console: Console,
) -> None:
    visitor = console.client(Role.ADMIN)
    data = {"name": "mallory", "role": "admin", "csrf": visitor.token()}
    hostile: list[dict[str, str]] = [
        {"Origin": FOREIGN},
        {"Origin": "null"},
        {"Origin": "http://testserver:81"},
        {"Origin": "https://testserver"},
        {"Origin": "http://testserver.elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ]
    for headers in hostile:
        answer = visitor.post("/console/settings/users", data=data, headers=headers)
        assert answer.status_code == 403, headers
    assert console.access.users.named("mallory") is None


def test_fault_c2_a_page_of_others_reads_nothing_but_may_lead_here(console: Console) -> None:
    visitor = console.client(Role.ADMIN)
    assert visitor.get("/api/v1/users", headers={"Origin": FOREIGN}).status_code == 403
    fetched = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    assert visitor.get("/api/v1/users", headers=fetched).status_code == 403
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert visitor.get("/console/settings/users", headers=followed).status_code == 200


def test_fault_c2_signing_in_takes_a_form_that_this_browser_asked_for(console: Console) -> None:
    console.user("ann", Role.ADMIN)
    form = {"name": "ann", "password": PASSWORD}
    victim, mallory = console.stranger(), console.stranger()
    assert victim.post("/console/sign-in", data=form).status_code == 403
    lent = {**form, "csrf": mallory.token()}
    assert victim.post("/console/sign-in", data=lent).status_code == 403
    assert victim.form("/console/sign-in", form).status_code == 303


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("https://desk.example.com", "proxy:8080", True),
        ("http://desk.example.com", "desk.example.com", False),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://192.168.1.5:8080", "192.168.1.5:8080", True),
        ("http://localhost:8080", "127.0.0.1:8080", False),
        ("http://rebound.example:8080", "rebound.example:8080", False),
        ("null", "127.0.0.1", False),
        ("ftp://127.0.0.1", "127.0.0.1", False),
        ("", "", False),
    ],
)
def test_fault_c2_which_addresses_are_ours(origin: str, host: str, own: bool) -> None:
    assert Origins("https://desk.example.com").is_own(origin, host) is own


# ---- C3 -----------------------------------------------------------------------------------------


def test_fault_c3_whatever_is_stored_is_shown_as_text(console: Console) -> None:
    visitor = console.client(Role.ADMIN)
    who = console.access.user_by(console.access.sessions.open("x", ip="", agent=""), "")
    assert who is None
    admin = console.access.users.named("admin")
    assert admin is not None
    for text in CORPUS:
        token = console.access.sessions.open(admin.id, ip=text, agent=text)
        known = console.access.user_by(token, text)
        assert known is not None
        named = msgspec.structs.replace(known, name=text)
        console.access.audit.record(named, text, text, {"was": text}, {"is": text}, ip=text)
        console.access.keys.make(text, Role.VIEWER, text, dt.timedelta(days=1))
        assert_inert(visitor.get("/console/settings/audit", params={"q": text}).text)
        assert_inert(visitor.form("/console/settings/users", {"name": text, "role": "viewer"}).text)
        assert_inert(visitor.get(f"/console/nowhere/{text.encode().hex()}").text)
        visitor.cookies.set("frontdesk-flash", "%7B%22kind%22%3A%22%3Cb%3E%22%7D")
    for path in ("settings/audit", "settings/sessions", "settings/keys", "account"):
        page = visitor.get(f"/console/{path}").text
        assert_inert(page)
        assert "&lt;script&gt;window.hit = 1&lt;/script&gt;" in page, path


# ---- C8 -----------------------------------------------------------------------------------------


def test_fault_c8_a_session_that_was_planted_is_not_the_one_after_signing_in(
    console: Console,
) -> None:
    console.user("ann", Role.ADMIN)
    console.user("mallory", Role.VIEWER)
    victim = console.signed_in("mallory")
    planted = dict(victim.cookies)
    victim.form("/console/sign-in", {"name": "ann", "password": PASSWORD})
    assert dict(victim.cookies)["frontdesk"] != planted["frontdesk"]
    mallory = TestClient(console.app, base_url=ADDRESS, cookies=planted)
    assert mallory.get("/api/v1/me").status_code == 401, "the one before is over"
    made_up = TestClient(console.app, base_url=ADDRESS, cookies={"frontdesk": "chosen-by-me"})
    assert made_up.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("act", ["role", "disable", "remove", "password", "everywhere"])
def test_fault_c8_what_changes_for_a_user_changes_at_once(console: Console, act: str) -> None:
    admin = console.client(Role.ADMIN)
    user_id = console.user("ann", Role.EDITOR)
    first, second = console.signed_in("ann"), console.signed_in("ann")
    assert second.act("POST", "/api/v1/config/check", {}).status_code == 200
    match act:
        case "role":
            done = admin.act("PATCH", f"/api/v1/users/{user_id}", {"role": "viewer"})
            assert done.status_code == 200
            token = second.token()
            headers = {"X-CSRF-Token": token, "Origin": ADDRESS}
            answer = second.post("/api/v1/config/check", json={}, headers=headers)
            assert answer.status_code == 403
            return
        case "disable":
            admin.act("PATCH", f"/api/v1/users/{user_id}", {"disabled": True})
        case "remove":
            assert admin.act("DELETE", f"/api/v1/users/{user_id}").status_code == 204
        case "password":
            form = {"old": PASSWORD, "new": "another quiet lamp", "again": "another quiet lamp"}
            assert first.form("/console/account/password", form).status_code == 303
            assert first.get("/api/v1/me").status_code == 200, "who changed it stays"
        case _:
            assert first.act("DELETE", "/api/v1/me/sessions").status_code == 204
            assert first.get("/api/v1/me").status_code == 200
    assert second.get("/api/v1/me").status_code == 401


def test_fault_c8_what_is_streamed_ends_with_its_session(console: Console) -> None:
    """A stream of events and a socket, both open while the session is ended."""
    user_id = console.user("ann", Role.VIEWER)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    async def ticks() -> Any:
        while True:
            yield b"data: 1\n\n"
            console.access.sessions.end_all(user_id)

    @app.get("/ticks", dependencies=[needs(Right.VIEW)])
    async def stream() -> StreamingResponse:
        return StreamingResponse(ticks(), media_type="text/event-stream")

    @app.websocket("/socket", dependencies=[needs(Right.VIEW)])
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive_text()
        console.access.sessions.end_all(user_id)
        await socket.receive_text()

    gate = Gate(app, console.access, Policy(app), lambda _, no: no.response(), recheck_s=0.01)
    cookies = {"frontdesk": console.access.sessions.open(user_id, ip="", agent="")}
    visitor = TestClient(gate, base_url=ADDRESS, cookies=cookies)
    assert visitor.get("/ticks").content.startswith(b"data: 1")
    cookies = {"frontdesk": console.access.sessions.open(user_id, ip="", agent="")}
    visitor = TestClient(gate, base_url=ADDRESS, cookies=cookies)
    with visitor.websocket_connect("/socket", headers={"Origin": ADDRESS}) as opened:
        opened.send_text("end it")
        with pytest.raises(WebSocketDisconnect) as closed:
            opened.receive_text()
    assert closed.value.code == 1008


# ---- C9 -----------------------------------------------------------------------------------------


def test_fault_c9_guessing_gets_slow_and_says_nothing_of_who_there_is(
    console: Console,
) -> None:
    console.user("ann", Role.ADMIN)
    answers = {}
    for name in ("ann", "nobody-of-this-name"):
        visitor = console.stranger()
        form = {"name": name, "password": "wrong wrong wrong", "csrf": visitor.token()}
        told = [visitor.post("/console/sign-in", data=form) for _ in range(PAIR + 3)]
        answers[name] = [(each.status_code, each.text.count("do not belong")) for each in told]
        assert int(told[-1].headers["retry-after"]) >= 1
    assert answers["ann"] == answers["nobody-of-this-name"]
    assert answers["ann"] == [(403, 1)] * PAIR + [(429, 0)] * 3
    right = {"name": "ann", "password": PASSWORD}
    assert console.stranger().form("/console/sign-in", right).status_code == 429
    console.later(dt.timedelta(seconds=30))
    assert console.stranger().form("/console/sign-in", right).status_code == 303
    slowed = [each for each in console.access.audit.entries(20) if each.action == "sign-in.slowed"]
    assert [(each.who, each.object) for each in slowed] == [("", "pair")] * 2


def test_fault_c9_a_thousand_tries_from_everywhere_take_days(
    console: Console,
) -> None:
    """Of one name, each from another address: so many are let through in a day."""
    tries, made, day = console.access.tries, 0, dt.timedelta(0)
    while day < dt.timedelta(days=1):
        begun = tries.begin({f"pair ann {made}": PAIR, "name ann": NAME})
        wait = getattr(begun, "wait", None)
        made += wait is None
        day += wait or dt.timedelta(0)
        console.later(day)
    assert made < 140


def test_fault_c9_codes_cannot_be_guessed_either(console: Console) -> None:
    user_id = console.user("ann", Role.ADMIN)
    user = console.access.users.find(user_id)
    assert user is not None
    codes = console.access.second.begin(user, SECRET, code_of(SECRET, 0))
    assert codes is not None
    visitor = console.stranger()
    asked = visitor.form("/console/sign-in", {"name": "ann", "password": PASSWORD})
    link = asked.text.split('name="link" value="')[1].split('"')[0]
    form = {"link": link, "csrf": visitor.token()}
    told = [
        visitor.post("/console/sign-in/code", data={**form, "code": "000000"}).status_code
        for _ in range(8)
    ]
    assert told == [403] * 5 + [429] * 3
    right = {**form, "code": codes[0]}
    assert visitor.post("/console/sign-in/code", data=right).status_code == 429


SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_of(secret: str, steps: int) -> str:
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30 * steps)
    return pyotp.TOTP(secret).at(at)


# ---- C10 ----------------------------------------------------------------------------------------


def test_fault_c10_no_page_of_others_opens_a_socket_or_a_stream(console: Console) -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.websocket("/socket", dependencies=[needs(Right.VIEW)])
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    @app.get("/stream", dependencies=[needs(Right.VIEW)])
    async def stream() -> str:
        return "data"

    access = Access(
        console.store,
        lambda: dt.datetime.now(dt.UTC),
        Origins(ADDRESS),
        KEY,
        Passwords(memory_kib=8),
        rate=Rate(10_000, 10_000),
    )
    gate = Gate(app, access, Policy(app), lambda _request, refused: refused.response())
    visitor = TestClient(gate, base_url=ADDRESS, cookies=console.client(Role.VIEWER).cookies)
    for headers in ({}, {"Origin": FOREIGN}, {"Origin": "null"}):
        with (
            pytest.raises(WebSocketDisconnect),
            visitor.websocket_connect("/socket", headers=headers),
        ):
            pass
    with visitor.websocket_connect("/socket", headers={"Origin": ADDRESS}):
        pass
    events = {"Accept": "text/event-stream"}
    assert visitor.get("/stream", headers={**events, "Origin": FOREIGN}).status_code == 403
    site = {**events, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
    assert visitor.get("/stream", headers=site).status_code == 403
    assert visitor.get("/stream", headers=events).status_code == 200
