"""Retention in the console and in the API: periods, holds, deletions, exports, by whom."""

import io
import zipfile
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, expect

from telephony.console.access.roles import Role
from tests.console.browsing import PHONE, assert_accessible, served, signed_in, watched
from tests.console.house import Console
from tests.retention.conftest import CALLER
from tests.retention.filled import fill

API = "/api/v1"
ROUTES = (
    ("GET", "/retention"),
    ("GET", "/retention/due"),
    ("POST", "/retention/run"),
    ("POST", "/retention/verify"),
    ("GET", "/holds"),
    ("POST", "/holds"),
    ("POST", "/holds/1/release"),
    ("GET", "/deletions"),
    ("GET", "/deletions/1"),
    ("POST", "/deletions"),
    ("POST", "/subjects/export"),
)


def ask(console: Console, method: str, path: str, role: Role = Role.ADMIN, **json: Any) -> Any:
    headers = {**console.key(role), "Accept": "application/json"}
    body = json or None
    return console.stranger().request(method, f"{API}{path}", json=body, headers=headers)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_only_admins_see_to_what_is_kept(shared: Console, method: str, path: str) -> None:
    for role in (Role.VIEWER, Role.EDITOR, Role.APPROVER):
        assert ask(shared, method, path, role).status_code == 403


def test_the_api_tells_how_long_what_is_kept(shared: Console) -> None:
    told = ask(shared, "GET", "/retention").json()
    periods = {"audio": 90, "transcript": 365, "metadata": 730, "audit": 2555}
    assert told == {"periods": periods, "holds": 0, "unfinished": 0}
    assert ask(shared, "GET", "/retention/due").json() == []


def test_a_number_is_held_released_exported_and_deleted_by_the_api(console: Console) -> None:
    fill(console.store)
    body: Any = {"kind": "number", "subject": CALLER, "reason": "a claim"}
    hold = ask(console, "POST", "/holds", **body).json()
    assert (hold["subject"], hold["placed_by"]) == (CALLER, "program")
    assert ask(console, "POST", "/holds", **(body | {"subject": "12"})).status_code == 422
    assert ask(console, "POST", "/deletions", number=CALLER, confirm=True).status_code == 409
    assert ask(console, "POST", f"/holds/{hold['id']}/release").json()["subject"] == ""
    assert ask(console, "POST", f"/holds/{hold['id']}/release").status_code == 422
    would = ask(console, "POST", "/deletions", number=CALLER).json()
    assert would["counts"]["contacts"] == 1
    answer = ask(console, "POST", "/subjects/export", number=CALLER)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert CALLER.encode() in file.read("database.json")
    receipt = ask(console, "POST", "/deletions", number=CALLER, why="asked", confirm=True).json()
    assert receipt["counts"] == would["counts"]
    assert ask(console, "GET", f"/deletions/{receipt['id']}").json() == receipt
    assert ask(console, "GET", "/deletions").json() == {"deletions": [receipt]}
    assert ask(console, "GET", "/deletions/99").status_code == 404
    log = console.access.audit.entries(50)
    acts = {"hold.place", "hold.release", "subject.export", "deletion.begin", "deletion.finish"}
    assert acts <= {entry.action for entry in log}
    assert CALLER not in str(log), "the log outlives what was deleted"


def test_what_there_is_not_cannot_be_deleted(shared: Console) -> None:
    assert ask(shared, "POST", "/deletions", call="CA9").status_code == 404
    assert ask(shared, "POST", "/deletions", why="?").status_code == 409
    assert ask(shared, "POST", "/deletions", call="CA9", secret=1).status_code == 422


def test_a_run_and_a_look_at_the_chain_by_the_api(console: Console) -> None:
    assert ask(console, "POST", "/retention/run").json() == {"deletions": []}
    assert ask(console, "POST", "/retention/verify").json()["problems"] == []


OTHER = "+442079460000"
PAGE = "/console/settings/retention"


def test_the_page_shows_periods_holds_and_receipts(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    shown = admin.get(PAGE).text
    assert "Nothing is held" in shown
    assert "Nothing was deleted yet" in shown
    fields = {"kind": "number", "subject": OTHER, "reason": "<script>alert(1)</script>"}
    assert admin.form(f"{PAGE}/holds", fields).status_code == 303
    shown = admin.get(PAGE).text
    assert OTHER in shown
    assert "<script>alert" not in shown
    assert admin.form(f"{PAGE}/holds/1/release").status_code == 303
    fill(console.store, number=OTHER)
    ask(console, "POST", "/deletions", number=OTHER, why="<b>asked</b>", confirm=True)
    shown = admin.get(PAGE).text
    assert OTHER not in shown
    assert "&lt;b&gt;asked" in shown


def test_a_hold_that_makes_no_sense_is_said_beside_its_field(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    answer = admin.form(f"{PAGE}/holds", {"kind": "number", "subject": "me", "reason": "x"})
    assert answer.status_code == 422
    assert "is no number" in answer.text
    assert 'value="me"' in answer.text


def test_run_now_and_verify_say_what_came_of_it(console: Console) -> None:
    admin = console.client(Role.ADMIN)
    for act in ("run", "verify", "holds/7/release"):
        assert admin.form(f"{PAGE}/{act}").status_code == 303
        assert 'role="status"' in admin.get(PAGE).text


def test_only_admins_see_the_page(console: Console) -> None:
    for role in (Role.VIEWER, Role.EDITOR, Role.APPROVER):
        assert console.client(role).get(PAGE).status_code == 403
        assert console.client(role).form(f"{PAGE}/run").status_code == 403


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark", "viewport": PHONE}])
def test_a_hold_is_placed_and_released_in_a_browser(
    console: Console, browser: Browser, options: dict[str, Any]
) -> None:
    fill(console.store, number=OTHER)
    ask(console, "POST", "/deletions", number=OTHER, why="asked", confirm=True)
    with served(console.app) as address:
        context = signed_in(browser, console, address, **options)
        page = context.new_page()
        wrong = watched(page)
        page.goto(PAGE)
        assert_accessible(page)
        page.get_by_label("Number or call").fill(CALLER)
        page.get_by_label("Why").fill("a claim")
        page.get_by_role("button", name="Hold it").click()
        expect(page.locator("tr", has_text=CALLER)).to_contain_text("held")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        asked: list[str] = []

        def agree(dialog: Dialog) -> None:
            asked.append(dialog.message)
            dialog.accept()

        page.once("dialog", agree)
        page.get_by_role("button", name="Release").click()
        expect(page.locator("tr", has_text="a claim")).to_contain_text("released")
        assert asked[0].startswith("Release hold 1?")
        page.get_by_role("button", name="Verify all calls").click()
        expect(page.get_by_role("status").first).to_be_visible()
        assert wrong == []
        context.close()
