"""The page of all calls: filters without scripts, highlights, paging, and text that stays text."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from telephony.console.access.roles import Role
from tests.console.browsing import PHONE, assert_accessible, served, signed_in, watched
from tests.console.hostile import CORPUS, assert_inert
from tests.console.house import Console, copied
from tests.telephony.callindex.folders import caller, written
from tests.telephony.callindex.made import made

CALLS = 120


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, console_database: Path) -> Console:
    """A console with calls in its log."""
    console = Console(copied(console_database, tmp_path_factory.mktemp("calls")))
    calls = [
        made(f"CA{number:03}", number, caller=f"I want haircut number {number}, please",
             agent="Certainly. <b>Which</b> day?" if number % 2 else "Good bye",
             persona="desk" if number % 3 else "", duration_ms=number * 1_000,
             outcome="engine_failed" if number == 7 else "agent_hung_up",
             tools=("book",) if number % 5 == 0 else (), cost_micros=number * 10_000)
        for number in range(CALLS)
    ]  # fmt: skip
    console.parts.calls.index.put([*calls, made("sample-1", -5, caller="This is a sample")])
    return console


def shown(html: str) -> list[str]:
    return re.findall(r'data-call="([^"]*)"', html)


def asked(console: Console, query: str, role: Role = Role.VIEWER) -> str:
    answer = console.client(role).get(f"/console/calls{query}")
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_the_newest_calls_come_first_and_pages_lead_on(log: Console) -> None:
    html = asked(log, "")
    assert shown(html) == [f"CA{number:03}" for number in range(119, 69, -1)]
    further = re.search(r'rel="next" href="([^"]*)"', html)
    assert further is not None
    second = log.client(Role.VIEWER).get(further[1].replace("&amp;", "&")).text
    assert shown(second) == [f"CA{number:03}" for number in range(69, 19, -1)]
    back = re.search(r'rel="prev" href="([^"]*)"', second)
    assert back is not None
    assert shown(log.client(Role.VIEWER).get(back[1].replace("&amp;", "&")).text) == shown(html)
    assert len(html) < 150_000


def test_the_form_alone_filters_and_sorts(log: Console) -> None:
    html = asked(log, "?q=&from=&to=&persona=-&tool=book&min_duration=1:00&sort=duration&order=asc")
    assert shown(html) == ["CA060", "CA075", "CA090", "CA105"]
    assert 'aria-sort="ascending"' in html
    assert '<option value="book" selected>' in html
    assert shown(asked(log, "?failed=1")) == ["CA007"]
    assert shown(asked(log, "?from=2026-11-21")) == []


def test_what_was_found_is_marked_and_said_by_whom(log: Console) -> None:
    html = asked(log, '?q="haircut number 21"')
    assert shown(html) == ["CA021"]
    assert "<mark>haircut number 21</mark>, please" in html
    html = asked(log, "?q=which+agent:certainly&limit=1")
    assert "<mark>Certainly</mark>. &lt;b&gt;<mark>Which</mark>&lt;/b&gt; day?" in html
    assert '<span class="who agent">' in html


def test_what_makes_no_sense_is_said_and_left_out(log: Console) -> None:
    html = asked(log, "?from=yesterday&min_cost=cheap&after=nowhere&persona=desk&sort=colour")
    assert len(shown(html)) == 50
    assert "Give a day such as 2026-11-20" in html
    assert "Give an amount in US dollars" in html
    assert "begin at the first page" in html
    assert html.count('aria-invalid="true"') == 2


def test_a_sample_says_so_and_is_no_call_of_theirs(log: Console) -> None:
    assert "sample</span>" in asked(log, "?q=sample")
    assert "sample</span>" not in asked(log, "?q=number")


def test_an_empty_log_teaches_what_to_do(shared: Console) -> None:
    assert "frontdesk try" in asked(shared, "")
    assert "No call is like that" in asked(shared, "?persona=x")


def test_only_who_may_edit_is_offered_to(log: Console) -> None:
    assert "Label this call" not in asked(log, "").split("<dialog")[1]
    assert 'class="quiet tiny add"' not in asked(log, "")
    assert 'class="quiet tiny add"' in asked(log, "", Role.EDITOR)


def test_to_search_is_written_down_and_to_look_is_not(log: Console) -> None:
    def searches() -> int:
        return sum(each.action == "calls.search" for each in log.access.audit.entries(200))

    before = searches()
    asked(log, "?persona=desk")
    assert searches() == before
    asked(log, "?q=haircut")
    assert searches() == before + 1


def test_fault_c3_names_words_and_labels_stay_text(console: Console) -> None:
    index, marks = console.parts.calls.index, console.parts.calls.marks
    for number, text in enumerate(CORPUS):
        clean = text.replace("\x00", "")
        index.put([made(f"CA{number}", number, caller=f"word {clean}", agent=f"{clean} word",
                        persona=clean, outcome=clean, engine=clean, tools=(clean,), by=clean,
                        called=clean)])  # fmt: skip
        visible = "".join(char for char in clean if char.isprintable())[:40].strip()
        marks.label(f"CA{number}", visible, "ann")
        marks.keep_view("u", "<b>ann</b>", visible[:50], f"q={visible}", shared=True)
    for query in ("", "?q=word", *(f"?q={text!r}" for text in CORPUS)):
        assert_inert(asked(console, query, Role.ADMIN))
    answer = console.client(Role.ADMIN).get("/console/calls", params={"persona": CORPUS[0]})
    assert_inert(answer.text)
    assert shown(answer.text) == ["CA0"]


async def test_calls_that_are_on_stand_on_top(console: Console) -> None:
    data_dir = console.parts.settings.data_dir
    await written(data_dir, "CAlive", (caller("hello"),), ended=False)
    html = asked(console, "")
    assert '<span class="badge good">live</span>' in html
    assert "/console/calls/CAlive" in html
    assert "live</span>" not in asked(console, "?persona=x")


# ---- in a browser --------------------------------------------------------------------------------


def first(page: Page) -> str:
    return page.locator("#calls tbody tr[data-call]").first.get_attribute("data-call") or ""


def test_search_filter_page_label_and_open(log: Console, browser: Browser) -> None:
    with served(log.app) as address:
        page = signed_in(browser, log, address).new_page()
        wrong = watched(page)
        page.goto("/console/calls")
        assert_accessible(page)
        # To the second page and back by the keyboard.
        page.keyboard.press("n")
        expect(page.locator('[data-call="CA069"]')).to_be_visible()
        page.keyboard.press("p")
        expect(page.locator('[data-call="CA119"]')).to_be_visible()
        # Searching.
        page.keyboard.press("/")
        page.keyboard.type('"haircut number 42"')
        page.keyboard.press("Enter")
        expect(page.locator("mark")).to_have_text("haircut number 42")
        assert first(page) == "CA042"
        # Filtering.
        page.goto("/console/calls")
        page.select_option("#f-persona", "-")
        page.get_by_role("button", name="Search", exact=True).click()
        page.wait_for_url("**persona=-**")
        assert first(page) == "CA117"
        _labels_and_views(page)
        # Opening.
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        expect(page.locator('tr[aria-selected="true"]')).to_have_attribute("data-call", "CA117")
        with page.expect_request("**/console/calls/CA117"):
            page.keyboard.press("Enter")
        page.wait_for_load_state()
        assert all("404" in each for each in wrong), "that page is another's"


def _labels_and_views(page: Page) -> None:
    row = page.locator('[data-call="CA117"]')
    row.locator(".add").click()
    page.fill("#ask-text", "<i>check</i>")
    page.keyboard.press("Enter")
    expect(row.locator(".label")).to_contain_text("<i>check</i>")
    row.locator(".label button").click()
    expect(row.locator(".label")).to_have_count(0)
    page.locator(".toast", has_text="taken off").get_by_role("button").click()
    expect(row.locator(".label")).to_contain_text("<i>check</i>")
    page.get_by_role("button", name="Save view").click()
    page.fill("#ask-text", "Built-in ones")
    page.keyboard.press("Enter")
    view = page.get_by_role("link", name="Built-in ones")
    expect(view).to_be_visible()
    page.get_by_role("button", name="Remove the view Built-in ones").click()
    expect(view).to_be_hidden()
    page.locator(".toast", has_text="is removed").get_by_role("button").click()
    expect(view).to_be_visible()


def test_undo_takes_off_what_was_put_on_and_nothing_else(log: Console, browser: Browser) -> None:
    marks = log.parts.calls.marks
    with served(log.app) as address:
        page = signed_in(browser, log, address).new_page()
        page.goto("/console/calls?q=%22haircut+number+42%22")
        row, toasts = page.locator('[data-call="CA042"]'), page.locator("#toasts")
        marks.label("CA042", "vip", "bob")  # after the page was made
        row.locator(".add").click()
        page.fill("#ask-text", " vip")
        page.keyboard.press("Enter")
        expect(toasts).to_contain_text("It has the label “vip” already.")
        expect(toasts.get_by_role("button")).to_have_count(0)
        row.locator(".add").click()
        page.fill("#ask-text", "call  back")
        page.keyboard.press("Enter")
        expect(row.locator(".label")).to_have_count(2)
        toasts.locator(".toast", has_text="Labelled “call back”.").get_by_role("button").click()
        expect(toasts).to_contain_text("Undone.")
        expect(row.locator(".label")).to_have_count(1)
        assert [each.label for each in marks.labels("CA042")] == ["vip"]


def test_on_a_phone_calls_are_cards(log: Console, browser: Browser) -> None:
    with served(log.app) as address:
        context = signed_in(browser, log, address, viewport=PHONE, color_scheme="dark")
        page = context.new_page()
        page.goto("/console/calls?q=haircut&limit=5")
        assert_accessible(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"]
