"""One call in a real browser: played, read along, jumped about in, and taken away as a file."""

import datetime as dt
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from agents.money import FREE, Cost
from telephony.console.access.roles import Role
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    Charge,
    ChargeLine,
    Fate,
    UsageLine,
    Word,
    WordFate,
)
from telephony.transcripts.journal import Journal, JournalWriter
from tests.console.browsing import PHONE, assert_accessible, served, signed_in, watched
from tests.console.hostile import CORPUS
from tests.console.house import Console, copied
from tests.telephony.stored_call import CALL, ENTRIES, MONDAY, store, write

PAGE = f"/console/calls/{CALL}"
HOSTILE = "CAhostile"
UNPAID: list[AnyEntry] = [
    UsageLine(f"r{each}", "completed", None, 1_000 * each, FREE, "local") for each in range(9)
]
LIT = """() => {
  window.lit = [];
  const look = (changes) => {
    for (const { target } of changes) {
      const now = target.matches(".w.now") && window.lit.at(-1) !== target.textContent;
      if (now) window.lit.push(target.textContent);
    }
  };
  const watched = { attributeFilter: ["class"], subtree: true };
  new MutationObserver(look).observe(document.body, watched);
}"""
"""From now on `window.lit` has every word that lights up."""
METERS = """
  const made = AudioContext.prototype.createGain;
  window.meters = [];
  AudioContext.prototype.createGain = function () {
    const gain = made.call(this), meter = this.createAnalyser();
    gain.connect(meter);
    window.meters.push(meter);
    return gain;
  };
  window.loudness = () => window.meters.map((meter) => {
    const samples = new Float32Array(meter.fftSize);
    meter.getFloatTimeDomainData(samples);
    return Math.max(...samples.map(Math.abs));
  });
"""
"""`window.loudness()` says how loud both sides go out, measured behind the player."""
SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) {
      const nodes = each.sources.map(({ node }) => node?.id || node?.className || node?.nodeName);
      window.shifts.push([each.value, ...nodes]);
    }
  }).observe({ type: "layout-shift", buffered: true });
"""
"""From now on `window.shifts` has what moved in the page, and how far, without anybody's doing."""
NOTHING_HIT = "window.hit === undefined"
CURRENT = "document.querySelector('audio').currentTime"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, console_database: Path) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("browsing")
    console = Console(copied(console_database, folder))
    store(folder)
    store(folder, hostile(), call_id=HOSTILE)
    store(folder, [*UNPAID, ChargeLine(Charge.CARRIER, Cost(12_500), 0)], call_id="CAboth")
    store(folder, UNPAID, call_id="CAfree")
    yield console
    console.close()


def hostile() -> list[AnyEntry]:
    lines: list[AnyEntry] = []
    for at, text in enumerate(CORPUS):
        word = Word(text, at, at + 100, WordFate.HEARD)
        lines += [
            CallerLine(f"c{at}", text, at, at + 50),
            AgentLine("a", at, text, text, Fate.HEARD, at, at, 1, 1, text, words=(word,)),
        ]
    return lines


@pytest.fixture(scope="module")
def address(office: Console) -> Iterator[str]:
    with served(office.app) as address:
        yield address


@pytest.fixture
def page(office: Console, browser: Browser, address: str) -> Iterator[Page]:
    context = signed_in(browser, office, address, Role.EDITOR, accept_downloads=True)
    page = context.new_page()
    yield page
    context.close()


def until(page: Page, expression: str) -> None:
    """As Page.wait_for_function, which the pages' policy does not let evaluate text."""
    deadline = time.monotonic() + 20
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never came true: {expression}"
        page.wait_for_timeout(20)


def plays_and_highlights(page: Page) -> None:
    """From a word on, the words light up one after the other, and stop when it is paused."""
    page.evaluate(LIT)
    page.locator(".w", has_text="calling,").click()
    # A short word may pass between two frames of a busy machine.
    until(page, "['A', 'haircut', 'tomorrow'].some(word => window.lit.includes(word))")
    page.get_by_role("button", name="Pause").click()
    lit = page.evaluate("window.lit")
    # Then the caller cut in: what the agent would have said next was not heard.
    said = ["calling,", "how", "A", "haircut", "tomorrow"]
    assert lit == [word for word in said if word in lit]
    assert lit[0] == "calling,"
    expect(page.locator(".line.now")).to_contain_text("A haircut")
    assert page.evaluate("document.querySelector('audio').paused")
    assert page.locator("del .now, del.now").count() == 0


def test_words_light_up_as_they_are_heard(page: Page) -> None:
    wrong = watched(page)
    page.goto(PAGE)
    plays_and_highlights(page)
    assert [text for text in wrong if "404" not in text] == []


def test_unheard_words_are_struck_through_and_say_how_sure_that_is(page: Page) -> None:
    page.goto(PAGE)
    lost = page.locator("del.unheard", has_text="I help you?")
    style = "element => getComputedStyle(element).textDecorationLine"
    assert lost.evaluate(style) == "line-through"
    assert page.locator(".w", has_text="calling,").evaluate(style) == "none"
    sure = "at least 1,480 ms and at most 1,540 ms"
    assert sure in (lost.get_attribute("title") or "")
    described = page.locator(f"#{lost.get_attribute('aria-describedby')}")
    expect(described).to_contain_text(sure)
    expect(lost).to_contain_text("[not heard:")


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto(PAGE)
    page.locator(".stamp").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(CURRENT) == pytest.approx(5, abs=0.01)
    slider = page.get_by_role("slider", name="Position in the call")
    expect(slider).to_have_attribute("aria-valuetext", "00:05.0")
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("]")
    assert page.evaluate("document.querySelector('audio').playbackRate") == 1.25
    page.keyboard.press(" ")
    until(page, f"{CURRENT} > 0.2")
    page.keyboard.press(" ")
    assert page.evaluate("document.querySelector('audio').paused")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Play or pause")


def each_side_is_heard_alone(page: Page) -> None:
    """The other is silent."""
    page.get_by_label("Side").select_option("caller")
    page.locator(".line.caller .stamp").click()
    until(page, "window.loudness()[0] > 0.02 && window.loudness()[1] === 0")
    page.get_by_label("Side").select_option("agent")
    page.locator(".line.agent .stamp").first.click()
    until(page, "window.loudness()[1] > 0.02 && window.loudness()[0] === 0")


def test_one_side_can_be_heard_alone(page: Page) -> None:
    page.add_init_script(METERS)
    page.goto(PAGE)
    each_side_is_heard_alone(page)


def test_an_argument_leads_to_where_it_was_said(page: Page) -> None:
    page.goto(PAGE)
    page.locator(".tool dd", has_text="Ann Lee").get_by_role("link").click()
    expect(page.locator(".line:target")).to_contain_text("A haircut")
    assert page.evaluate(CURRENT) == pytest.approx(2.0, abs=0.01)
    page.goto(f"{PAGE}#t=4.5")
    until(page, f"Math.abs({CURRENT} - 4.5) < 0.01")


def test_the_file_plays_where_there_is_no_network(
    page: Page, browser: Browser, tmp_path: Path
) -> None:
    page.goto(PAGE)
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as expected:
        page.get_by_role("link", name="Everything in one file (HTML)").click()
    file = tmp_path / expected.value.suggested_filename
    expected.value.save_as(file)
    context = browser.new_context(offline=True)
    context.set_default_timeout(20_000)
    alone = context.new_page()
    alone.add_init_script(METERS)
    wrong = watched(alone)
    asked: list[str] = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(file.as_uri())
    plays_and_highlights(alone)
    each_side_is_heard_alone(alone)
    assert_drawn(alone)
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert wrong == []
    assert_accessible(alone)
    context.close()


def assert_drawn(page: Page) -> None:
    """There is something on the canvas, in three colours at least."""
    colours = page.evaluate("""() => {
      const canvas = document.querySelector("canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }""")
    assert colours >= 4


def test_fault_c3_nothing_that_was_said_runs_here_or_in_the_file(
    page: Page, browser: Browser, tmp_path: Path
) -> None:
    wrong = watched(page)
    page.goto(f"/console/calls/{HOSTILE}")
    expect(page.locator("#transcript")).to_contain_text("<img src=x onerror=window.hit=1>")
    assert page.evaluate(NOTHING_HIT)
    assert [text for text in wrong if "404" not in text] == []
    file = tmp_path / "call.html"
    file.write_bytes(page.request.get(f"/console/calls/{HOSTILE}/downloads/call.html").body())
    alone = browser.new_page()
    wrong = watched(alone)
    alone.goto(file.as_uri())
    expect(alone.locator("#transcript")).to_contain_text("<img src=x onerror=window.hit=1>")
    assert alone.evaluate(NOTHING_HIT)
    assert wrong == []
    alone.close()


def test_the_page_grows_while_the_call_is_on(page: Page, office: Console) -> None:
    writer = JournalWriter(office.parts.settings.data_dir, period_s=0.01)
    journal = Journal.open(
        writer,
        call_id="CAon",
        started_at=MONDAY + dt.timedelta(days=1),
        engine="local",
        failed=print,
    )
    write(journal, ENTRIES[:2])
    while journal._spool.written != journal._spool.queued:
        page.wait_for_timeout(10)
    wrong = watched(page)
    page.goto("/console/calls/CAon")
    expect(page.locator("#transcript")).to_contain_text("Thanks")
    page.evaluate("window.same = true")
    write(journal, ENTRIES[3:4], audio=False)
    expect(page.locator("#transcript")).to_contain_text("A haircut tomorrow")
    assert page.evaluate("window.same")
    page.locator(".w", has_text="haircut").click()
    expect(page.locator(".line.caller.now")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert wrong == [], "nothing is asked for that there is not yet"


def test_what_an_engine_of_our_own_has_said_is_one_line_without_a_price(page: Page) -> None:
    page.goto("/console/calls/CAboth")
    rows = page.locator("#costs tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.last).to_have_text(re.compile(r"9 more\s*no charge"))
    page.goto("/console/calls/CAfree")
    expect(page.locator("#costs")).to_contain_text("No charge, 9 times")


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"viewport": PHONE}], ids=str)
def test_a_page_that_is_not_there_says_what_helps(
    office: Console, browser: Browser, address: str, options: dict[str, object]
) -> None:
    context = signed_in(browser, office, address, Role.VIEWER, **options)
    page = context.new_page()
    for path, title, cure in (
        ("/console/nowhere", "There is nothing here", "the address may be mistyped"),
        ("/console/calls/CAnobody", "There is nothing here", "It may be gone"),
        ("/console/settings/users", "Your role may not do this", "An admin can give you"),
    ):
        page.goto(path)
        assert page.title() == f"{title} · Frontdesk"
        expect(page.locator("h1")).to_have_text(title)
        expect(page.locator("main")).to_contain_text(cure)
        assert_accessible(page)
    context.close()


def test_labels_and_notes_are_put_on_and_taken_off_again(page: Page) -> None:
    """Against the log's part of the API as it is described, played by the test."""
    labels: list[str] = ["complaint"]
    notes = {1: "Called back <b>twice</b>."}
    asked: list[str] = []

    def answer(route: Route) -> None:
        method, part = route.request.method, route.request.url.partition(f"/calls/{CALL}/")[2]
        body = json.loads(route.request.post_data or "null")
        asked.append(f"{method} {part}")
        if (method, part) == ("POST", "labels"):
            labels.append(body["label"])
        elif (method, part) == ("DELETE", "labels/complaint"):
            labels.remove("complaint")
        elif (method, part) == ("DELETE", "notes/1"):
            del notes[1]
        elif (method, part) == ("POST", "notes"):
            notes[2] = body["text"]
        by = {"author": "ann", "created_at": "2026-11-20T12:00:00Z"}
        route.fulfill(
            json={"labels": [{"label": each, **by} for each in labels]}
            if part.startswith("labels")
            else {"notes": [{"id": number, "text": text, **by} for number, text in notes.items()]}
        )

    page.emulate_media(reduced_motion="reduce")
    page.route(f"**/api/v1/calls/{CALL}/**", answer)
    page.goto(PAGE)
    area = page.locator("#labels")
    expect(area.locator("article")).to_contain_text("Called back <b>twice</b>.")
    area.get_by_role("button", name="Take off the label complaint").click()
    expect(area).to_contain_text("No labels yet.")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(area.locator(".badge")).to_contain_text("complaint")
    area.get_by_label("Add a label").fill("vip")
    area.get_by_label("Add a label").press("Enter")
    expect(area.locator(".badge")).to_have_count(2)
    area.get_by_label("Add a note").fill("Wants a call.")
    area.locator("[data-note-form] button").click()
    expect(area.locator("article")).to_have_count(2)
    area.get_by_role("button", name="Take away").first.click()
    page.locator(".toast", has_text="The note is gone.").get_by_role("button").click()
    expect(page.locator(".toast", has_text="Undone.").first).to_be_visible()
    assert "POST notes/1/restore" in asked
    assert_accessible(page)


def test_a_note_is_written_once_and_the_next_is_not_lost(page: Page) -> None:
    held: list[Route] = []

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.fulfill(json={"labels": [], "notes": []})

    page.route(f"**/api/v1/calls/{CALL}/**", answer)
    page.goto(PAGE)
    area = page.get_by_label("Add a note")
    area.fill("Wants a call.")
    button = page.locator("[data-note-form] button")
    button.dblclick(force=True)
    expect(button).to_be_disabled()
    area.fill("And a")
    by = {"author": "ann", "created_at": "2026-11-20T12:00:00Z"}
    note = {"id": 1, "text": "Wants a call.", **by}
    for route in held:
        route.fulfill(json={"notes": [note]})
    expect(page.locator("#labels article")).to_contain_text("Wants a call.")
    expect(button).to_be_enabled()
    expect(area).to_have_value("And a")
    assert len(held) == 1


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"viewport": PHONE}], ids=str)
def test_everybody_can_use_it(
    office: Console, browser: Browser, address: str, options: dict[str, object]
) -> None:
    context = signed_in(browser, office, address, Role.EDITOR, **options)
    page = context.new_page()
    for path in (PAGE, f"{PAGE}/journal"):
        page.goto(path)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_on_a_phone_waits_and_journal_stand_within_the_screen(
    office: Console, browser: Browser, address: str
) -> None:
    page = signed_in(browser, office, address, viewport=PHONE).new_page()
    page.goto(PAGE)
    for part in ("#waits .table", "#costs .table"):
        wider = page.locator(part).evaluate("it => it.scrollWidth - it.clientWidth")
        assert wider == 0, part
    page.goto(f"{PAGE}/journal")
    fields = page.locator("td:has(code.fields)").first
    assert fields.evaluate("it => it.clientWidth") > PHONE["width"] * 0.8
    page.context.close()


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE}], ids=str)
@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/journal", "/console/calls", "/console/live"])
def test_nothing_moves_while_a_page_comes(
    office: Console, browser: Browser, address: str, path: str, options: dict[str, object]
) -> None:
    tokyo = {"timezone_id": "Asia/Tokyo", **options}
    page = signed_in(browser, office, address, Role.ADMIN, **tokyo).new_page()
    page.add_init_script(SHIFTS)
    page.goto(path, wait_until="networkidle" if "live" not in path else "load")
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    moved = page.evaluate("window.shifts")
    # A badge at the edge that says something shorter is as much; browsers call 0.1 good.
    assert sum(each[0] for each in moved) < 0.001, moved
    page.context.close()
