"""The pages of settings and of one's own account, by forms and in a real browser."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser

from telephony.cli.main import frontdesk
from telephony.console.access.roles import Role
from telephony.frontoffice import open_access
from telephony.settings import load
from tests.console.browsing import (
    PHONE,
    assert_accessible,
    assert_nothing_moved,
    served,
    signed_in,
    watched,
)
from tests.console.house import PASSWORD, Console
from tests.console.test_faults_access import SECRET, code_of
from tests.telephony.api_client import FILE
from tools.spec import BackendError
from tools.store import open_store

PAGES = (
    "/console/settings/users",
    "/console/settings/keys",
    "/console/settings/sessions",
    "/console/settings/audit",
    "/console/settings/numbers",
    "/console/settings/redaction",
    "/console/settings/deployment",
    "/console/account",
    "/console/account/second-step",
)
ALIKE = (PAGES[2], PAGES[4], PAGES[6])
"""Tables as on other pages."""
NUMBERS = "default: front\nnumbers:\n  '+15550001': back\n"


@pytest.fixture
def console(shared: Console) -> Console:
    """With nobody in it."""
    shared.empty()
    return shared


def user_id(console: Console, name: str) -> str:
    user = console.access.users.named(name)
    assert user is not None
    return user.id


def test_somebody_is_let_in_given_another_role_put_out_and_removed(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    users = "/console/settings/users"
    page = admin.form(users, {"name": "Ann", "role": "viewer"}).text
    link = re.search(r"http://testserver(/console/welcome/[\w-]{43})<", page)
    assert link is not None
    ann = console.stranger()
    assert ann.form(link[1], {"password": PASSWORD, "again": PASSWORD}).status_code == 303
    assert admin.form(users, {"name": "ann", "role": "viewer"}).status_code == 409
    one = f"{users}/{user_id(console, 'ann')}"
    for act, fields, said in (
        ("role", {"role": "editor"}, "The role is editor now."),
        ("disable", {}, "They are out, everywhere."),
        ("enable", {}, "They may sign in again."),
        ("drop-code", {}, "No code is asked"),
        ("remove", {}, "The user is removed."),
        ("remove", {}, "There is no such user."),
        ("link", {}, "There is no such user."),
    ):
        assert admin.form(f"{one}/{act}", fields).headers["location"] == users
        assert said in admin.get(users).text, act
        assert said not in admin.get(users).text, "it is said once"
    own = f"{users}/{user_id(console, 'admin')}"
    admin.form(f"{own}/disable")
    assert "There must be an admin" in admin.get(users).text
    again = admin.form(f"{own}/link").text
    assert "/console/welcome/" in again


def test_a_key_is_made_shown_once_and_revoked(console: Console) -> None:
    admin, keys = console.client(Role.ADMIN), "/console/settings/keys"
    page = admin.form(keys, {"name": "report", "role": "viewer", "days": "30"}).text
    assert len(re.findall(r"fd_[\w-]{43}", page)) == 1
    assert "fd_" not in admin.get(keys).text
    wrong = admin.form(keys, {"name": " ", "role": "viewer", "days": "30"})
    assert (wrong.status_code, "1 to 60 characters" in wrong.text) == (409, True)
    assert admin.form(keys, {"name": "x", "role": "root", "days": "30"}).status_code == 422
    assert admin.form(keys, {"name": "x", "role": "viewer", "days": "999"}).status_code == 422
    (key,) = console.access.keys.all()
    admin.form(f"{keys}/{key.id}/revoke")
    assert "opens nothing any more" in admin.get(keys).text
    admin.form(f"{keys}/{key.id}/revoke")
    assert "no such key" in admin.get(keys).text


def test_one_s_own_password_second_step_and_sessions(console: Console) -> None:
    console.user("ann", Role.VIEWER)
    ann, elsewhere = console.signed_in("ann"), console.signed_in("ann")
    account, new = "/console/account", "another quiet lamp"
    for old, first, second, said in (
        (PASSWORD, new, "other", "are not the same"),
        (PASSWORD, "short", "short", "at least 12"),
        ("wrong", new, new, "not your password"),
    ):
        form = {"old": old, "new": first, "again": second}
        answer = ann.form(f"{account}/password", form)
        assert (answer.status_code, said in answer.text) == (409, True)
    ann.form(f"{account}/sessions/end")
    assert "Signed out elsewhere: 1." in ann.get(account).text
    assert elsewhere.get(account).status_code == 303
    step = f"{account}/second-step"
    done = ann.form(step, {"secret": SECRET, "code": code_of(SECRET, 0)})
    assert "shown only now" in done.text
    assert ann.form(step, {"secret": SECRET, "code": code_of(SECRET, 1)}).status_code == 409
    assert ann.form(step, {"secret": "<b>", "code": "1"}).status_code == 422
    for password, code, said in (
        ("wrong", code_of(SECRET, 1), "not your password"),
        (PASSWORD, "000000", "not the code"),
    ):
        told = ann.form(f"{step}/remove", {"password": password, "code": code})
        assert (told.status_code, said in told.text) == (409, True)
    ann.form(f"{step}/remove", {"password": PASSWORD, "code": code_of(SECRET, 1)})
    assert "Codes are not asked for any more." in ann.get(account).text


def test_the_audit_log_is_paged_searched_and_verified(console: Console) -> None:
    admin, audit = console.client(Role.ADMIN), "/console/settings/audit"
    who = console.access.user_by(admin.cookies["frontdesk"], "192.0.2.7")
    assert who is not None
    for number in range(60):
        console.access.audit.record(who, "call.read", f"call {number}")
    newest = admin.get(audit).text
    older = re.search(r'rel="next" href="([^"]+)"', newest)
    assert older is not None
    rest = admin.get(older[1].replace("&amp;", "&")).text
    assert ("call 59" in newest, "call 59" in rest) == (True, False)
    assert ("call 1<" in newest, "call 1<" in rest) == (False, True)
    assert 'rel="prev"' in rest
    assert "call 7<" in admin.get(audit, params={"q": "call 7"}).text
    assert "Nothing found" in admin.get(audit, params={"q": "%_\\"}).text
    admin.form(f"{audit}/verify")
    assert "The log is whole" in admin.get(audit).text


def test_what_settings_mean_is_told_in_words_and_not_in_marks(console: Console) -> None:
    text = console.client(Role.ADMIN).get("/console/settings/deployment").text
    assert "Whether <code>frontdesk serve</code> serves the console, too" in text
    assert "`" not in text
    assert ".md)" not in text


def test_a_form_that_was_refused_leaves_its_tab_marked(console: Console) -> None:
    admin, path = console.client(Role.ADMIN), "/console/settings/retention"
    form = {"kind": "number", "subject": "12", "reason": "claim"}
    refused = admin.form(f"{path}/holds", form)
    assert refused.status_code == 422
    assert f'href="{path}" aria-current="page"' in refused.text


def test_numbers_are_shown_with_the_file_of_their_persona(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    versions = console.backend.versions
    assert "built-in persona" in admin.get("/console/settings/numbers").text
    files = {"numbers.yaml": NUMBERS, "personas/front.yaml": "x: 1", "personas/back.yaml": "x: 1"}
    saved: Any = versions.save(None, files, "ann", "")
    versions.publish(saved.version.id, "ann", "")
    assert "personas/back.yaml" in admin.get("/console/settings/numbers").text
    shown = console.client(Role.VIEWER).get("/api/v1/numbers").json()
    assert shown["numbers"] == [
        {"number": "+15550001", "persona": "back", "file": "personas/back.yaml"}
    ]
    assert shown["default"] == "front"


def test_what_is_kept_out_of_records_is_shown_persona_by_persona(console: Console) -> None:
    admin, page = console.client(Role.ADMIN), "/console/settings/redaction"
    files = {
        "personas/front.yaml": "greeting: Hello\n",
        "personas/open.yaml": "redact: []\n",
        "personas/shy.yaml": "redact: [email, card, nonsense]\n",
        "tools/pay.yaml": "name: pay_now\nredact: [cvv]\n",
        "tools/ask.yaml": "handler: calls.end_call\n",
    }
    versions = console.backend.versions
    saved: Any = versions.save(versions.pointers().head, files, "ann", "")
    versions.publish(saved.version.id, "ann", "")
    shown = console.client(Role.VIEWER).get("/api/v1/redaction").json()
    usual = ["card", "cvv", "ssn", "iban", "secrets"]
    told = {each["persona"]: (each["kinds"], each["said"]) for each in shown["personas"]}
    assert (told["front"], told["open"], told["shy"]) == (
        (usual, False),
        ([], True),
        (["card", "email"], True),
    )
    assert shown["tools"] == [{"tool": "pay_now", "file": "tools/pay.yaml", "fields": ["cvv"]}]
    assert [each["name"] for each in shown["kinds"] if each["usual"]] == usual
    text = admin.get(page).text
    assert "/console/tools/edit/personas/shy.yaml" in text
    assert ">nothing</span>" in text, "who keeps everything is told apart"
    assert console.client(Role.EDITOR).get(page).status_code == 403


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (RuntimeError("hunter2"), 500, "Something broke on our side"),
        (BackendError("hunter2", permanent=False), 503, "This cannot be reached just now"),
    ],
)
def test_what_breaks_is_a_page_with_words_and_no_inside(
    console: Console, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, words: str
) -> None:
    admin = console.client(Role.ADMIN)

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(console.access.keys), "all", broken)
    answer = admin.get("/console/settings/keys")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert words in answer.text
    assert 'href="/console/"' in answer.text, "there is a way on"
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert admin.get("/console/settings/users").status_code == 200, "the rest is there"


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark", "viewport": PHONE}])
def test_every_page_is_accessible_light_and_wide_dark_and_narrow(
    console: Console, browser: Browser, options: dict[str, Any]
) -> None:
    console.user("ann", Role.EDITOR)
    console.client(Role.VIEWER).act("POST", "/api/v1/keys", {})
    with served(console.app) as address:
        context = signed_in(browser, console, address, **options)
        page = context.new_page()
        wrong = watched(page)
        for path in PAGES:
            page.goto(path)
            assert_nothing_moved(page)
            if path not in ALIKE:
                assert_accessible(page)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} is wider than the screen"
        assert wrong == []
        context.close()


def test_what_a_page_does_by_itself(console: Console, browser: Browser) -> None:
    """Times in the reader's zone, light and dark, shortcuts, questions before what is final."""
    console.access.users.add("ann", Role.EDITOR)
    console.access.users.disable(user_id(console, "ann"), disabled=True)
    with served(console.app) as address:
        context = signed_in(browser, console, address, timezone_id="Asia/Tokyo", locale="en-GB")
        page = context.new_page()
        wrong = watched(page)
        page.goto("/console/account")
        shown = page.locator("time").first
        assert "UTC" not in shown.inner_text()
        assert "Japan" in str(shown.get_attribute("title")) or "+9" in str(
            shown.get_attribute("title")
        )
        page.keyboard.press("g")
        page.keyboard.press("s")
        page.wait_for_url("**/settings/users")
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("button", name="light and dark").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") in ("light", "dark")
        page.once("dialog", lambda dialog: dialog.dismiss())
        page.get_by_role("button", name="Remove").click()
        assert console.access.users.named("ann") is not None
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove").click()
        page.get_by_text("The user is removed.").wait_for()
        assert console.access.users.named("ann") is None
        assert wrong == []
        context.close()


def test_what_modules_get_from_base_js(console: Console, browser: Browser) -> None:
    """`send` carries the token and says what was refused; toasts can be undone."""
    with served(console.app) as address:
        context = signed_in(browser, console, address, role=Role.EDITOR)
        page = context.new_page()
        page.goto("/console/account")
        told = page.evaluate(
            """async () => {
              const source = document.querySelector("script[src*=base]").src;
              const base = await import(source);
              const checked = await base.send("POST", "/api/v1/config/check", { changes: {} });
              const refused = await base.send("POST", "/api/v1/users", { name: "x", role: "admin" })
                .catch((error) => [error.status, error.message]);
              let undone = false;
              base.undoable("Label removed.", async () => { undone = true; });
              document.querySelector(".toast button").click();
              await new Promise((resolve) => setTimeout(resolve));
              const hostile = base.make("p", {}, "<b>x</b>").innerHTML;
              return { checked, refused, undone, hostile };
            }"""
        )
        assert told["checked"]["ok"] is True
        assert told["refused"] == [403, "This takes the right to admin, which you do not have."]
        assert told["undone"] is True
        assert told["hostile"] == "&lt;b&gt;x&lt;/b&gt;"
        blocked = page.evaluate(
            """() => { try { document.body.innerHTML = "<b>x</b>"; return false; }
                       catch { return true; } }"""
        )
        assert blocked is True, "markup is not made from text"
        context.close()


def test_users_in_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FRONTDESK_CONSOLE_URL", "https://desk.example.com")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Any:
        return CliRunner().invoke(frontdesk, ["console", "users", *words])

    link = run("add", "Ann", "--role", "editor").output.strip()
    assert re.fullmatch(r"https://desk\.example\.com/console/welcome/[\w-]{43}", link)
    assert "ann   editor  no password" in run("list").output
    assert '"name": "ann"' in run("list", "--json").output
    assert run("reset-link", "ANN").output.startswith("https://desk.example.com/console/welcome/")
    assert "There is no user bob" in str(run("reset-link", "bob").exception)
    store = open_store(f"sqlite:///{tmp_path / FILE}")
    access = open_access(load({}, tmp_path), store)
    ann = access.users.named("ann")
    assert ann is not None
    assert access.second.begin(ann, SECRET, code_of(SECRET, 0))
    assert "No code is asked of ann any more." in run("drop-code", "Ann").output
    after = access.users.named("ann")
    assert after is not None
    assert after.totp_secret is None
    assert access.audit.entries(1)[0].action == "user.second-step.drop"
    assert "There is no user bob" in str(run("drop-code", "bob").exception)
    store.close()
    assert "a user ann already" in str(run("add", "ann").exception)
    assert run("add", "bob", "--role", "root").exit_code != 0
