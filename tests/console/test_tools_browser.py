"""Tools in a browser: a mistake made and mended, published and taken back, and two who edit."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route, expect

from telephony.console.access.roles import Role
from tests.console.browsing import (
    PHONE,
    assert_accessible,
    assert_nothing_moved,
    served,
    signed_in,
    watched,
)
from tests.console.hostile import CORPUS
from tests.console.house import Console
from tests.console.salon import BOOK, SALON, draft, salon

expect.set_options(timeout=20_000)
EDIT = f"/console/tools/edit/{BOOK}"


class House:
    def __init__(self, console: Console, browser: Browser, address: str) -> None:
        self.console = console
        self._browser = browser
        self._address = address

    def window(self, **options: object) -> BrowserContext:
        """Somebody else's."""
        return signed_in(self._browser, self.console, self._address, Role.EDITOR, **options)

    def live(self) -> str:
        versions = self.console.backend.versions
        return versions.files(versions.pointers().published)[BOOK]

    def draft(self) -> str:
        versions = self.console.backend.versions
        return versions.files(versions.pointers().head)[BOOK]


class Held:
    """Requests of a page that wait until they are let go."""

    def __init__(self, page: Page, what: str) -> None:
        self._page = page
        self._open = False
        self._routes: list[Route] = []
        page.route(what, self.came)

    def came(self, route: Route) -> None:
        if self._open:
            route.continue_()
        else:
            self._routes.append(route)

    def one(self) -> None:
        """Waits until there is one."""
        while not self._routes:
            self._page.wait_for_timeout(10)

    def go(self) -> None:
        self._open = True
        for route in self._routes:
            route.continue_()


@pytest.fixture
def house(tmp_path: Path, console_database: Path, browser: Browser) -> Iterator[House]:
    console = salon(tmp_path, console_database)
    with served(console.app) as address:
        yield House(console, browser, address)
    console.close()


def editor(window: BrowserContext) -> tuple[Page, list[str]]:
    page = window.new_page()
    wrong = watched(page)
    page.goto(EDIT)
    expect(page.locator("#problems")).to_have_text("Nothing is wrong.")
    return page, wrong


def test_a_mistake_is_shown_where_it_is_mended_published_and_taken_back(house: House) -> None:
    page, wrong = editor(house.window())
    assert_nothing_moved(page)
    # In the form, beyond its range: the text follows, and the line is marked.
    page.locator("#p-limits > summary").click()
    page.get_by_label("Per call").fill("5000")
    expect(page.locator("#text")).to_have_value(
        SALON[BOOK].replace("per_call: 5", "per_call: 5000")
    )
    expect(page.locator("#gutter li.wrong")).to_have_text("19")
    expect(page.locator("#e-f-limits\\.per_call")).to_contain_text("Line 19")
    assert_accessible(page)
    # In the text: the form follows.
    page.locator("#text").fill(SALON[BOOK].replace("per_call: 5", "per_call: 7"))
    expect(page.get_by_label("Per call")).to_have_value("7")
    expect(page.locator("#problems")).to_have_text("Nothing is wrong.")
    page.keyboard.press("Control+s")
    expect(page.locator("#save")).to_be_disabled()
    page.get_by_role("button", name="Run the examples").click()
    expect(page.locator("#results")).to_contain_text("2 run")
    page.get_by_role("button", name="Review and publish").click()
    expect(page.locator("tr.changed .right")).to_have_text("  per_call: 7")
    page.get_by_label("Why").first.fill("they may try more often")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator(".flash")).to_contain_text("go by version 2")
    assert "per_call: 7" in house.live()
    page.goto("/console/tools/history")
    page.locator("summary", has_text="Roll back").click()
    page.get_by_role("button", name="Roll back to version 1").click()
    expect(page.locator(".flash")).to_contain_text("Back to version 1")
    assert house.live() == SALON[BOOK]
    assert wrong == []


def allowed(page: Page, often: str) -> None:
    page.locator("#p-limits > summary").click()
    page.get_by_label("Per call").fill(often)


def test_the_field_edited_last_is_in_what_is_reviewed(house: House) -> None:
    page, _ = editor(house.window())
    allowed(page, "9")
    page.get_by_role("button", name="Review and publish").click()
    expect(page.locator("tr.changed .right")).to_have_text("  per_call: 9")


@pytest.mark.parametrize("by", ["Control+s", "button"])
def test_the_field_edited_last_is_saved(house: House, by: str) -> None:
    page, _ = editor(house.window())
    edits = Held(page, "**/api/v1/config/edit")
    allowed(page, "9")
    if by == "button":
        page.locator("#save").click()
    else:
        page.keyboard.press(by)
    edits.one()
    edits.go()
    expect(page.locator("#toasts")).to_contain_text("Kept as a draft.")
    assert "per_call: 9" in house.draft()


def test_a_field_that_cannot_be_written_is_not_taken_for_saved(house: House) -> None:
    page, _ = editor(house.window())
    page.route("**/api/v1/config/edit", lambda route: route.fulfill(status=503, json={}))
    allowed(page, "9")
    page.get_by_role("button", name="Review and publish").click()
    expect(page.locator("#toasts")).to_contain_text("503")
    expect(page).to_have_url(re.compile("/tools/edit/"))


def test_a_field_that_could_not_be_written_is_not_forgotten(house: House) -> None:
    page, _ = editor(house.window())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    refused = "**/api/v1/config/edit"
    page.route(refused, lambda route: route.fulfill(status=503, json={}))
    allowed(page, "9")
    expect(page.locator("#toasts")).to_contain_text("503")
    # Nothing is typed in between.
    with page.expect_response(refused):
        page.get_by_role("button", name="Review and publish").click()
    page.get_by_role("button", name="Run the examples").click()
    expect(page.locator("#results")).to_contain_text("nothing was tried")
    expect(page).to_have_url(re.compile("/tools/edit/"))
    assert not [each for each in asked if "/files/" in each or "/examples" in each]
    page.unroute(refused)
    page.get_by_role("button", name="Review and publish").click()
    expect(page.locator("tr.changed .right")).to_have_text("  per_call: 9")


def test_a_save_that_fails_in_the_page_is_not_the_last(house: House) -> None:
    page, _ = editor(house.window())
    page.evaluate("document.getElementById('toasts').id = 'elsewhere'")
    page.locator("#text").fill(SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    with page.expect_event("pageerror"):
        page.keyboard.press("Control+s")
    page.evaluate("document.getElementById('elsewhere').id = 'toasts'")
    page.locator("#text").fill(SALON[BOOK].replace("per_call: 5", "per_call: 7"))
    page.keyboard.press("Control+s")
    expect(page.locator("#toasts")).to_contain_text("Kept as a draft.")
    assert "per_call: 7" in house.draft()


def test_a_field_that_was_overtaken_by_the_text_is_not_taken_for_saved(house: House) -> None:
    page, _ = editor(house.window())

    def overtaken(route: Route) -> None:
        page.evaluate("document.getElementById('text').value += '# more\\n'")
        route.continue_()

    page.route("**/api/v1/config/edit", overtaken)
    allowed(page, "9")
    page.get_by_role("button", name="Review and publish").click()
    expect(page.locator("#toasts")).to_contain_text("change the field again")
    expect(page).to_have_url(re.compile("/tools/edit/"))


def test_what_is_tried_has_the_field_edited_last(house: House) -> None:
    page, _ = editor(house.window())
    allowed(page, "9")
    with page.expect_request("**/api/v1/config/examples") as asked:
        page.get_by_role("button", name="Run the examples").click()
    assert "per_call: 9" in (asked.value.post_data or "")


def test_to_save_twice_is_no_conflict_with_oneself(house: House) -> None:
    page, _ = editor(house.window())
    saves = Held(page, "**/api/v1/config/files/**")
    for often in ("6", "7"):
        page.locator("#text").fill(SALON[BOOK].replace("per_call: 5", f"per_call: {often}"))
        page.keyboard.press("Control+s")
        saves.one()
    saves.go()
    expect(page.locator("#save")).to_be_disabled()
    expect(page).to_have_url(re.compile("/tools/edit/"))
    assert "per_call: 7" in house.draft()


def test_who_types_while_a_part_is_added_goes_on_where_they_were(house: House) -> None:
    page, _ = editor(house.window())
    forms = Held(page, "**/api/v1/config/form")
    page.locator("#p-parameters > summary").click()
    page.get_by_label("Name of a new one of Parameters").fill("note")
    page.keyboard.press("Enter")
    forms.one()
    field = page.locator("#f-description")
    said = field.input_value()
    field.press("Control+Home")
    page.keyboard.type("Here ")
    forms.go()
    expect(page.locator("#p-parameters\\.note")).to_be_visible()
    page.keyboard.type("and now ")
    expect(field).to_have_value(f"Here and now {said}")
    expect(page.locator("#text")).to_have_value(re.compile("Here and now "))


def test_a_field_that_is_only_looked_at_shows_what_it_holds(house: House) -> None:
    page, _ = editor(house.window())
    forms = Held(page, "**/api/v1/config/form")
    page.locator("#p-parameters > summary").click()
    page.get_by_label("Name of a new one of Parameters").fill("note")
    page.keyboard.press("Enter")
    forms.one()
    field = page.locator("#f-description")
    said = field.input_value()
    field.click()
    forms.go()
    expect(page.locator("#p-parameters\\.note")).to_be_visible()
    expect(field).to_have_value(said)
    expect(field).to_be_focused()


def test_fault_c4_two_editors_and_nothing_is_lost(house: House) -> None:
    ann, _ = editor(house.window())
    bob, wrong = editor(house.window())
    ann.locator("#text").fill(SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    ann.keyboard.press("Control+s")
    expect(ann.locator("#save")).to_be_disabled()
    bob.locator("#text").fill(
        SALON[BOOK].replace("per_call: 5", "per_call: 7") + "# bob was here\n"
    )
    bob.keyboard.press("Control+s")
    expect(bob.get_by_role("heading", name="Two have changed the same file")).to_be_visible()
    assert_accessible(bob)
    bob.get_by_label("Theirs, version 2").check()
    bob.get_by_role("button", name="Merge into a draft").click()
    expect(bob.locator(".flash")).to_contain_text("nothing was lost")
    versions = house.console.backend.versions
    merged = versions.files(versions.pointers().head)[BOOK]
    assert ("per_call: 6" in merged, merged.endswith("# bob was here\n")) == (True, True)
    # The refused save is what the browser complains of, and nothing else.
    assert all("412" in each for each in wrong), wrong


def test_what_is_not_saved_is_kept_and_offered_again(house: House) -> None:
    window = house.window()
    page, _ = editor(window)
    page.locator("#text").fill(SALON[BOOK] + "# half a thought\n")
    expect(page.locator("#said")).to_contain_text("Not saved")
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.goto("/console/tools")
    assert asked == ["beforeunload"]
    page.goto(EDIT)
    page.get_by_role("button", name="Go on with it").click()
    expect(page.locator("#text")).to_have_value(SALON[BOOK] + "# half a thought\n")


def test_on_a_telephone_what_goes_stands_above_what_comes(house: House) -> None:
    draft(house.console, BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 7"))
    page = house.window(viewport=PHONE).new_page()
    page.goto("/console/tools/versions/2")
    gone, come = page.locator("tr.changed .left"), page.locator("tr.changed .right")
    above, below = gone.bounding_box(), come.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]
    assert below["width"] > PHONE["width"] * 0.8
    expect(page.locator("tr.same .left").first).to_be_hidden()
    assert_accessible(page)


def test_who_is_signed_out_while_editing_is_told_once_and_loses_nothing(house: House) -> None:
    window = house.window()
    page, _ = editor(window)
    window.clear_cookies()
    for words in ("# one\n", "# two\n"):
        with page.expect_response(lambda answer: answer.status == 401):
            page.locator("#text").fill(SALON[BOOK] + words)
        expect(page.locator("#problems")).to_have_text("You are signed out.")
    expect(page.locator(".toast")).to_have_count(1)
    expect(page.locator("#said")).to_contain_text("kept in this browser")


def test_what_is_offered_otherwise_is_told_once_and_not_once_a_call(house: House) -> None:
    page, _ = editor(house.window())
    changed = {
        "calls": 2,
        "tool_calls": 3,
        "unread": 0,
        "added": [],
        "removed": ["end_call"],
        "changed": [],
        "changed_calls": [
            {
                "call_id": name,
                "started_at": "2026-11-20T12:00:00+00:00",
                "tool_calls": 1,
                "unknown": [],
                "differences": [
                    {"kind": kind, "what": what, "before": "yes", "after": "no", "at_ms": 0}
                    for kind, what in (("offer", "end_call"), ("verdict", f"book {name}"))
                ],
            }
            for name in ("CA1", "CA2")
        ],
        "unknown_calls": 0,
        "never_known": [],
    }
    page.route("**/api/v1/config/preview", lambda route: route.fulfill(json=changed))
    page.get_by_role("button", name="Replay past calls").click()
    results = page.locator("#results")
    expect(results.locator("tbody tr")).to_have_count(2)
    expect(results).to_contain_text("Offered otherwise: 1 tool")
    results.get_by_text("Offered otherwise").click()
    expect(results.locator("details[open] li")).to_have_text("end_call: yes, then no (2 calls)")


def test_fault_c3_hostile_files_stay_text_in_a_browser(house: House) -> None:
    body = "".join(f"# {' '.join(text.split())}\n" for text in CORPUS[:9])
    words = " ".join(CORPUS[1].split())
    text = f"{body}handler: calls.end_call\ndescription: |-\n  {words}\nfiller: 5\n"
    draft(house.console, "tools/hostile.yaml", text)
    page = house.window(viewport=PHONE, color_scheme="dark").new_page()
    wrong = watched(page)
    page.goto("/console/tools/edit/tools/hostile.yaml")
    expect(page.get_by_label("Description")).to_have_value(words)
    expect(page.locator("#problems li")).not_to_have_count(0)
    assert_accessible(page)
    page.goto("/console/tools")
    page.locator("#q").fill("hostile")
    expect(page.locator("tr[data-words]:visible")).to_have_count(1)
    assert_accessible(page)
    assert page.evaluate("window.hit") is None
    assert wrong == []
