"""Requirements C-a to C-k: what must hold of the console, each by name."""

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from fastapi import FastAPI
from starlette.testclient import TestClient

from telephony.cli.main import frontdesk
from telephony.console.access.audit import Broken
from telephony.console.access.firstrun import first_link
from telephony.console.access.links import LIFE, Purpose
from telephony.console.access.passwords import Passwords, weakness
from telephony.console.access.roles import Right, Role, program
from telephony.console.access.sessions import IDLE, LONGEST
from telephony.console.access.tables import AUDIT, AUDIT_ENDS, KEYS, LINKS, SESSIONS, USERS
from telephony.console.access.throttle import Rate
from telephony.console.headers import CONTENT_SECURITY_POLICY
from telephony.console.rendering import HERE
from telephony.frontoffice import console_address, mounts, open_access, welcome
from telephony.settings import load
from tests.console.hostile import assert_inert
from tests.console.house import ADDRESS, PASSWORD, Console
from tests.console.test_faults_access import SECRET, code_of
from tests.console.walk import doors
from tests.telephony.api_client import KEY
from tools.migrate import migrate
from tools.store import Store, open_store

DAY = dt.timedelta(days=1)
OWN = re.compile(r"/(sign-in|sign-out|welcome|account|me|call-views|calls/views)\b")
"""What everybody changes of their own."""
PAGES = sorted(set((HERE / "templates").glob("*.html")) - {HERE / "templates/call_offline.html"})
"""Not what is downloaded to be read without us: that has a policy and tests of its own."""
PROGRAM = program("k", "script", Role.EDITOR, ip="192.0.2.1")


def served_anew(console: Console) -> FastAPI:
    """With gates that learn anew what they are set to."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.routes += mounts(console.parts)
    return app


@pytest.fixture
def console(shared: Console) -> Console:
    """With nobody in it."""
    shared.empty()
    return shared


# ---- C-a ----------------------------------------------------------------------------------------


def test_requirement_c_a_there_is_no_account_before_the_first_link(tmp_path: Path) -> None:
    settings = load({"FRONTDESK_DATA_DIR": str(tmp_path)}, tmp_path)
    store = open_store(settings.database_url.reveal())
    migrate(store)
    access = open_access(settings, store)
    assert access.users.all() == []
    first = welcome(settings, store)
    assert first is not None
    assert first.startswith(f"{console_address(settings)}/console/welcome/")
    (admin,) = access.users.all()
    assert (admin.name, admin.role, admin.password) == ("admin", Role.ADMIN, None)
    second = welcome(settings, store)
    assert second not in (None, first), "each start prints one of its own"
    kept = store.read(lambda connection: connection.execute(sa.select(LINKS)).all())
    assert all(first.rpartition("/")[2] not in str(row) for row in kept)
    store.close()


def test_requirement_c_a_a_link_is_good_for_a_day_and_ends_with_the_password(
    console: Console,
) -> None:
    path, other = first_link(console.access), first_link(console.access)
    assert path is not None
    assert other is not None
    console.later(LIFE[Purpose.PASSWORD] + dt.timedelta(seconds=1))
    assert "leads nowhere" in console.stranger().get(path).text
    console.later(dt.timedelta(0))
    form = {"password": PASSWORD, "again": PASSWORD}
    assert console.stranger().form(path, form).status_code == 303
    assert "leads nowhere" in console.stranger().get(other).text


def test_requirement_c_a_passwords_are_argon2id_and_not_weak(console: Console) -> None:
    hashed = Passwords().hashed(PASSWORD)
    assert re.match(r"\$argon2id\$v=19\$m=32768,t=3,p=1\$", hashed)
    assert Passwords().fits(PASSWORD, hashed)
    assert not Passwords().fits(PASSWORD + " ", hashed)
    assert not Passwords().fits("", None), "nobody's password is nobody's"
    assert not Passwords(memory_kib=8).fits("x", "not a hash")
    for weak in ("short", "a" * 30, "password1234", "ann@example.com!", "x" * 201, "frontdesk123"):
        assert weakness(weak, "ann@example.com"), weak
    assert not weakness(PASSWORD, "ann")


def test_requirement_c_a_an_admin_needs_a_second_step_where_it_is_asked_for(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console.access, "wants_code", lambda role: role is Role.ADMIN)
    console.user("ann", Role.ADMIN)
    visitor = console.stranger()
    form = {"name": "ann", "password": PASSWORD}
    there = visitor.form("/console/sign-in", form).headers["location"]
    assert there == "/console/account/second-step"
    for door in ("/console/settings/users", "/console/", "/console/account/second-step/x"):
        assert visitor.get(door).status_code in (303, 404), door
    assert visitor.get("/console/settings/users").headers["location"] == there
    assert visitor.get("/api/v1/users").status_code == 403
    page = visitor.get(there).text
    secret = page.split('name="secret" value="')[1][:32]
    wrong = visitor.form(there, {"secret": secret, "code": "000000"})
    assert (wrong.status_code, secret in wrong.text) == (409, True)
    done = visitor.form(there, {"secret": secret, "code": code_of(secret, 0)})
    codes = re.findall(r"<li>([a-z2-9]{5}-[a-z2-9]{5})</li>", done.text)
    assert len(codes) == len(set(codes)) == 10
    assert visitor.get("/console/settings/users").status_code == 200
    assert visitor.get("/api/v1/me").json()["rights"] == sorted(right.value for right in Right)


def test_requirement_c_a_a_code_is_good_once_and_a_recovery_code_too(console: Console) -> None:
    user_id = console.user("ann", Role.ADMIN)
    user = console.access.users.find(user_id)
    assert user is not None
    codes = console.access.second.begin(user, SECRET, code_of(SECRET, 0))
    assert codes is not None

    def enters(code: str) -> int:
        visitor = console.stranger()
        asked = visitor.form("/console/sign-in", {"name": "ann", "password": PASSWORD})
        assert visitor.get("/api/v1/me").status_code == 401, "the password alone opens nothing"
        link = asked.text.split('name="link" value="')[1].split('"')[0]
        answer = visitor.form("/console/sign-in/code", {"link": link, "code": code})
        return int(answer.status_code)

    assert enters(code_of(SECRET, 0)) == 403, "the one it was set up with was used"
    assert enters(code_of(SECRET, 1)) == 303, "a clock may be half a minute ahead"
    assert enters(code_of(SECRET, 1)) == 403, "replayed"
    assert enters(code_of(SECRET, 5)) == 403
    assert enters(codes[0].upper().replace("-", " ")) == 303
    assert enters(codes[0]) == 403
    assert console.access.second.left(user_id) == 9


# ---- C-b ----------------------------------------------------------------------------------------


def test_requirement_c_b_one_table_says_who_may_do_what(shared: Console) -> None:
    """The walk of every door is fault C1; here is that changes ask for more than looking."""
    changing = [door for door in doors(shared) if door.method not in ("GET", "HEAD")]
    for door in changing:
        rights = {each for each in door.rule.asked if isinstance(each, Right)}
        own = OWN.search(door.url)
        assert own or rights - {Right.VIEW}, door


# ---- C-c ----------------------------------------------------------------------------------------


def test_requirement_c_c_the_cookie_is_out_of_reach(console: Console) -> None:
    console.user("ann", Role.ADMIN)
    answer = console.stranger().form("/console/sign-in", {"name": "ann", "password": PASSWORD})
    given = next(each for each in answer.headers.get_list("set-cookie") if "frontdesk=" in each)
    assert re.fullmatch(r"frontdesk=[\w-]{43}; HttpOnly; Path=/; SameSite=lax", given)
    token = given[10:53]
    rows = console.store.read(lambda connection: connection.execute(sa.select(SESSIONS)).all())
    assert len(rows) == 1
    assert token not in str(rows)


def test_requirement_c_c_over_tls_the_cookie_is_for_tls_and_this_host(
    tmp_path: Path, console_database: Path
) -> None:
    settings = load({"FRONTDESK_PUBLIC_URL": "https://desk.example.com"}, tmp_path)
    store = open_store(f"sqlite:///{console_database}")
    access = open_access(settings, store)
    assert access.origins.secure
    store.close()


def test_requirement_c_c_a_session_ends_when_nobody_is_there(console: Console) -> None:
    console.user("ann", Role.VIEWER)
    visitor, minute = console.signed_in("ann"), dt.timedelta(minutes=1)
    for minutes in (20, 45, 70):
        console.later(minutes * minute)
        assert visitor.get("/api/v1/me").status_code == 200, "somebody was there meanwhile"
    console.later(70 * minute + IDLE + minute)
    assert visitor.get("/api/v1/me").status_code == 401
    console.later(70 * minute)
    assert visitor.get("/api/v1/me").status_code == 401, "it does not come back"


def test_requirement_c_c_a_session_ends_after_half_a_day_in_any_case(console: Console) -> None:
    console.user("ann", Role.VIEWER)
    visitor, at = console.signed_in("ann"), dt.timedelta(0)
    while at < LONGEST:
        assert visitor.get("/api/v1/me").status_code == 200
        at += dt.timedelta(minutes=25)
        console.later(at)
    assert visitor.get("/api/v1/me").status_code == 401


# ---- C-d ----------------------------------------------------------------------------------------


def test_requirement_c_d_no_other_site_is_let_in_by_cors(console: Console) -> None:
    visitor = console.client(Role.ADMIN)
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for path in ("/api/v1/users", "/console/settings/users"):
        answer = visitor.options(path, headers=asked)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]


# ---- C-e ----------------------------------------------------------------------------------------


def test_requirement_c_e_every_answer_carries_the_headers(console: Console) -> None:
    visitor = console.client(Role.ADMIN)
    paths = ["/console/settings/users", "/console/nowhere", "/api/v1/me", "/api/v1/nowhere"]
    for answer in [visitor.get(path) for path in [*paths, "/console/static/base.css"]] + [
        console.stranger().get(path) for path in [*paths, "/console/sign-in"]
    ]:
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY, answer.url
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "cache-control" in answer.headers
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY, "nothing of others"


def test_requirement_c_e_over_tls_browsers_are_told_to_stay_with_it(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(console.access.origins), "secure", True)
    app = TestClient(served_anew(console), base_url="https://testserver")
    told = app.get("/console/sign-in")
    assert told.headers["strict-transport-security"] == "max-age=31536000"
    assert told.headers["set-cookie"].startswith("__Host-frontdesk-visit=")
    assert "; Secure" in told.headers["set-cookie"]


def test_requirement_c_e_no_template_or_script_has_what_the_policy_forbids() -> None:
    for path in PAGES:
        text = re.sub(r"{[{%#].*?[}%#]}", "", path.read_text(encoding="utf-8"), flags=re.S)
        assert_inert(text)
        assert not re.search(r"https?://", text), path
    for path in sorted((HERE / "static").glob("*.js")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function", text)
        assert not re.search(r"""["'`]https?://""", text), path


# ---- C-f ----------------------------------------------------------------------------------------


def test_requirement_c_f_templates_escape_by_themselves() -> None:
    """What is shown of hostile text is fault C3; here is that no template turns it off."""
    for path in PAGES:
        assert not re.search(r"\|\s*safe\b|autoescape false", path.read_text(encoding="utf-8"))


# ---- C-g ----------------------------------------------------------------------------------------


def test_requirement_c_g_what_is_done_is_written_down_with_before_and_after(
    console: Console,
) -> None:
    admin = console.client(Role.ADMIN)
    user_id = admin.act("POST", "/api/v1/users", {"name": "ann", "role": "viewer"}).json()["id"]
    admin.act("PATCH", f"/api/v1/users/{user_id}", {"role": "editor", "disabled": True})
    newest = admin.get("/api/v1/audit?limit=3").json()
    told = [(each["who"], each["action"], each["object"]) for each in newest["entries"]]
    assert told == [
        ("admin", "user.disable", "user ann"),
        ("admin", "user.role", "user ann"),
        ("admin", "user.add", "user ann"),
    ]
    role = newest["entries"][1]
    assert (role["before"], role["after"]) == ('{"role":"viewer"}', '{"role":"editor"}')
    assert role["ip"] == "testclient"
    older = admin.get(f"/api/v1/audit?before={newest['next']}").json()
    assert older["entries"][0]["number"] == newest["next"] - 1
    assert admin.get("/api/v1/audit?q=user.role").json()["entries"] == [role]


@pytest.mark.parametrize(
    "tampering", ["changed", "removed", "cut", "added", "reordered", "emptied"]
)
def test_requirement_c_g_a_log_that_was_tampered_with_does_not_verify(
    store: Store, tampering: str
) -> None:
    access = open_access(load({}, Path("/nowhere")), store)
    for number in range(1, 6):
        access.audit.record(PROGRAM, "call.read", f"call {number}", after={"n": number})
    assert access.audit.verify() is None

    def work(connection: sa.Connection) -> None:
        third = AUDIT.c.number == 3
        match tampering:
            case "changed":
                connection.execute(sa.update(AUDIT).where(third).values(who="somebody else"))
            case "removed":
                connection.execute(sa.delete(AUDIT).where(third))
            case "cut":
                connection.execute(sa.delete(AUDIT).where(AUDIT.c.number == 5))
            case "added":
                row = connection.execute(sa.select(AUDIT).where(third)).mappings().one()
                connection.execute(sa.insert(AUDIT).values({**row, "number": 6}))
                last = sa.update(AUDIT_ENDS).where(AUDIT_ENDS.c.end == "last")
                connection.execute(last.values(number=6, hash=row["hash"]))
            case "reordered":
                for old, new in ((3, 103), (4, 3), (103, 4)):
                    moved = sa.update(AUDIT).where(AUDIT.c.number == old)
                    connection.execute(moved.values(number=new))
            case _:
                connection.execute(sa.delete(AUDIT))

    store.write(work)
    broken = access.audit.verify()
    assert isinstance(broken, Broken)
    first = {"cut": 5, "added": 6, "emptied": 1}.get(tampering, 3)
    assert broken.number == first, broken


def test_requirement_c_g_entries_of_many_at_once_make_one_chain(store: Store) -> None:
    access = open_access(load({}, Path("/nowhere")), store)
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda n: access.audit.record(PROGRAM, "x", str(n)), range(24)):
            pass
    assert access.audit.verify() is None
    assert [each.number for each in access.audit.entries(100)] == list(range(24, 0, -1))


def test_requirement_c_g_the_terminal_verifies_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    assert (
        run.invoke(frontdesk, ["console", "users", "add", "ann", "--role", "admin"]).exit_code == 0
    )
    whole = run.invoke(frontdesk, ["audit", "verify"])
    assert (whole.exit_code, "whole: 1 entries" in whole.output) == (0, True), whole.output
    listed = run.invoke(frontdesk, ["audit", "list"])
    assert "user.add  user ann" in listed.output
    store = open_store(f"sqlite:///{tmp_path / 'frontdesk.db'}")
    store.write(lambda connection: connection.execute(sa.update(AUDIT).values(who="x")))
    store.close()
    broken = run.invoke(frontdesk, ["audit", "verify"])
    assert "tampered with: 1 is not what was written" in str(broken.exception)


# ---- C-h ----------------------------------------------------------------------------------------


def test_requirement_c_h_a_key_is_hashed_scoped_expiring_revocable(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    made = admin.act("POST", "/api/v1/keys", {"name": "report", "role": "viewer", "days": 7}).json()
    rows = console.store.read(lambda connection: connection.execute(sa.select(KEYS)).all())
    assert made["key"].startswith("fd_")
    assert made["key"] not in str(rows)
    program = TestClient(console.app, headers={"Authorization": f"Bearer {made['key']}"})
    assert program.get("/api/v1/me").json() == {
        "name": "report",
        "role": "viewer",
        "rights": ["view"],
        "program": True,
    }
    assert program.post("/api/v1/rollback", json={}).status_code in (403, 404)
    assert program.get("/api/v1/users").status_code == 403
    (listed,) = admin.get("/api/v1/keys").json()["keys"]
    assert listed["used_at"] is not None
    assert "key" not in listed
    console.later(7 * DAY)
    assert program.get("/api/v1/me").status_code == 401
    console.later(dt.timedelta(0))
    assert program.get("/api/v1/me").status_code == 200
    assert admin.act("DELETE", f"/api/v1/keys/{made['id']}").status_code == 204
    assert program.get("/api/v1/me").status_code == 401
    assert admin.act("DELETE", f"/api/v1/keys/{made['id']}").status_code == 404


def test_requirement_c_h_the_key_of_the_settings_stays_a_way_in(console: Console) -> None:
    program = TestClient(console.app, headers={"Authorization": f"Bearer {KEY}"})
    assert program.get("/api/v1/me").json()["role"] == "admin"
    assert program.get("/api/v1/users").status_code == 200


# ---- C-i ----------------------------------------------------------------------------------------


def test_requirement_c_i_ids_are_random_and_open_only_what_is_one_s_own(console: Console) -> None:
    viewer = console.client(Role.VIEWER)
    console.client(Role.ADMIN)
    others = [each for each in console.access.sessions.all() if each.user_id != _id(console)]
    assert viewer.act("DELETE", f"/api/v1/me/sessions/{others[0].id}").status_code == 404
    answer = viewer.form(f"/console/account/sessions/{others[0].id}/end")
    assert answer.status_code == 303
    assert others[0].id in {each.id for each in console.access.sessions.all()}
    ids = [each.id for each in console.access.users.all()]
    ids += [each.id for each in console.access.sessions.all()]
    assert all(re.fullmatch(r"[0-9a-f]{24}", each) for each in ids)
    assert len(set(ids)) == len(ids)


def _id(console: Console) -> str:
    found = console.access.users.named("viewer")
    assert found is not None
    return found.id


# ---- C-j ----------------------------------------------------------------------------------------


def test_requirement_c_j_a_client_that_asks_too_fast_is_told_to_wait(console: Console) -> None:
    console.access.rate = Rate(most=5, per_s=0.01)
    app = TestClient(served_anew(console), headers={"Authorization": f"Bearer {KEY}"})
    told = [app.get("/api/v1/me") for _ in range(7)]
    assert [each.status_code for each in told] == [200] * 5 + [429] * 2
    assert int(told[-1].headers["retry-after"]) > 1
    other = TestClient(app.app, headers=console.key(Role.VIEWER))
    assert other.get("/api/v1/me").status_code == 200, "others are not held up"
    strangers = [TestClient(app.app).get("/api/v1/me").status_code for _ in range(30)]
    assert set(strangers) == {401, 429}
    console.access.rate = Rate(1_000_000, 1_000_000)


# ---- C-k ----------------------------------------------------------------------------------------


def test_requirement_c_k_descriptions_and_metrics_are_not_for_strangers(console: Console) -> None:
    stranger = TestClient(console.app, base_url=ADDRESS, follow_redirects=False)
    for path in (
        "/openapi.json",
        "/docs",
        "/redoc",
        "/metrics",
        "/api/v1/openapi.json",
        "/api/v1/docs",
        "/api/v1/metrics",
        "/console/openapi.json",
        "/console/docs",
    ):
        assert stranger.get(path).status_code in (401, 404), path
    described = console.client(Role.VIEWER).get("/api/v1/openapi.json")
    assert described.status_code == 200
    assert described.json()["servers"] == [{"url": "/api/v1"}]


def test_secrets_of_the_deployment_are_not_shown(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    shown = admin.get("/api/v1/settings").text + admin.get("/console/settings/deployment").text
    assert "FRONTDESK_API_KEY" in shown
    assert KEY not in shown
    users = console.store.read(lambda connection: connection.execute(sa.select(USERS)).all())
    told = admin.get("/api/v1/users").text
    assert all(row.password not in told for row in users)
