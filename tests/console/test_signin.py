"""Signing in and out, and the link that makes the first admin."""

import pytest
from playwright.sync_api import Browser

from telephony.console.access.firstrun import first_link
from telephony.console.access.roles import Role
from tests.console.browsing import assert_accessible, served, watched
from tests.console.hostile import CORPUS, assert_inert
from tests.console.house import PASSWORD, Console


def test_the_first_admin_chooses_a_password_by_a_link_that_works_once(console: Console) -> None:
    path = first_link(console.access)
    assert path is not None
    visitor = console.stranger()
    assert visitor.get(path).status_code == visitor.get(path).status_code == 200
    weak = visitor.form(path, {"password": "admin", "again": "admin"})
    assert (weak.status_code, "at least 12" in weak.text) == (403, True)
    other = visitor.form(path, {"password": PASSWORD, "again": "other"})
    assert (other.status_code, "not the same" in other.text) == (403, True)
    chosen = visitor.form(path, {"password": PASSWORD, "again": PASSWORD})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/console/calls")
    assert visitor.get("/console/account").status_code == 200
    again = console.stranger().form(path, {"password": PASSWORD, "again": PASSWORD})
    assert (again.status_code, "leads nowhere" in again.text) == (403, True)
    assert first_link(console.access) is None


def test_who_is_not_signed_in_is_led_to_where_they_can(console: Console) -> None:
    answer = console.stranger().get("/console/settings?x=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console/sign-in?next=/console/settings%3Fx%3D1"
    far = console.stranger().get(f"/console/settings?x={'1' * 1000}")
    assert far.headers["location"] == "/console/sign-in?next=/console/settings"
    console.user("ann", Role.VIEWER)
    visitor = console.stranger()
    there = "/console/calls?q=beard+trim&sort=oldest"
    assert (
        "q=beard+trim&amp;sort=oldest"
        in visitor.get("/console/sign-in", params={"next": there}).text
    )
    form = {"name": "Ann", "password": PASSWORD, "next": there}
    assert visitor.form("/console/sign-in", form).headers["location"] == there


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example", "/\\evil.example", "/elsewhere", "x"]
)
def test_nobody_is_led_out_of_the_console(console: Console, path: str) -> None:
    console.user("ann", Role.VIEWER)
    form = {"name": "ann", "password": PASSWORD, "next": path}
    answer = console.stranger().form("/console/sign-in", form)
    assert answer.headers["location"] == "/console"


def test_who_signs_out_is_out_everywhere_with_this_cookie(console: Console) -> None:
    visitor = console.client(Role.ADMIN)
    thief = console.stranger()
    thief.cookies.update(visitor.cookies)
    assert thief.get("/console/account").status_code == 200
    assert visitor.form("/console/sign-out").status_code == 303
    assert thief.get("/console/account").status_code == 303
    assert visitor.get("/console/account").status_code == 303


def test_whatever_is_typed_as_a_name_is_shown_as_text(shared: Console) -> None:
    for text in CORPUS:
        answer = shared.stranger().form("/console/sign-in", {"name": text, "password": "x"})
        assert answer.status_code == 403
        assert_inert(answer.text)


def test_signing_in_in_a_browser(console: Console, browser: Browser) -> None:
    console.user("ann", Role.ADMIN)
    with served(console.app) as address:
        page = browser.new_page()
        wrong = watched(page)
        page.goto(f"{address}/console/")
        assert_accessible(page)
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        page.keyboard.press("?")
        assert page.get_by_role("heading", name="Keyboard shortcuts").is_visible()
        assert_accessible(page)
        assert wrong == []
        page.close()
