"""The pages of live calls in a real browser: words as they are said, and hands that step in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from agents.engine import CallerSpeechStarted, CallerTranscript, TextDelta, ToolCalled
from telephony.call.events import CallerAudio, ToolFinished, ToolWaits
from telephony.console.access.roles import Role
from telephony.transcripts.entry import OperatorLine
from tests.console.browsing import PHONE, assert_accessible, served, signed_in, watched
from tests.console.hostile import CORPUS
from tests.console.house import Console, copied
from tests.console.phones import Phones, phones
from tests.telephony.script import seconds
from tools.policy import NeedsApproval
from tools.receipts import Claim
from tools.spec import Risk


class Floor:
    """A console on a port, and a process with calls beside it."""

    def __init__(self, console: Console, phones: Phones, address: str, browser: Browser) -> None:
        self.console = console
        self.phones = phones
        self.address = address
        self.browser = browser

    def page(self, path: str, role: Role = Role.ADMIN, **options: object) -> Page:
        context = signed_in(self.browser, self.console, self.address, role, **options)
        page = context.new_page()
        page.goto(path)
        return page

    def asks(self, call_id: str) -> int:
        """A tool of this call waits for a person's word; the id of what is asked."""
        now = self.console.access.clock()
        claim = Claim(call_id, "t1", "refund", Risk.MONEY, call_id, now, now, caller="+4420")
        needs = NeedsApproval(45.0, "refuse")
        asked = self.console.parts.approvals.ask(claim, '{"amount": 5}', needs)
        self.phones.happens(call_id, ToolCalled("r1", "t1", "refund", '{"amount": 5}'))
        self.phones.happens(call_id, ToolWaits("t1", "I have to ask a colleague."))
        return asked.id


@pytest.fixture(scope="module")
def floor(
    tmp_path_factory: pytest.TempPathFactory, console_database: Path, browser: Browser
) -> Iterator[Floor]:
    folder = copied(console_database, tmp_path_factory.mktemp("floor"))
    console = Console(folder)
    with phones(folder) as lines, served(console.app) as address:
        yield Floor(console, lines, address, browser)
    console.close()


def test_calls_come_change_and_go_while_somebody_looks(floor: Floor) -> None:
    page = floor.page("/console/live")
    wrong = watched(page)
    expect(page.get_by_text("Nobody is on the phone")).to_be_visible()
    assert_accessible(page)
    floor.phones.call("CA1")
    row = page.locator("#calls tr")
    expect(row).to_have_count(1)
    floor.phones.happens("CA1", CallerSpeechStarted("u1", 0))
    expect(row.locator(".floor")).to_have_text("caller")
    floor.phones.happens("CA1", CallerTranscript("u1", "Are you open on Sunday?"))
    expect(row.locator(".words")).to_have_text("Are you open on Sunday?")
    assert_accessible(page)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{floor.address}/console/live/CA1")
    floor.phones.ends("CA1")
    expect(page.get_by_text("This call is over.")).to_be_visible()
    assert wrong == []
    page.context.close()


def test_a_call_is_followed_word_by_word_and_stepped_into(floor: Floor) -> None:
    floor.phones.call("CA2")
    page = floor.page("/console/live/CA2")
    wrong = watched(page)
    call = floor.phones.calls["CA2"]
    expect(page.locator("#f-state")).to_have_text("talking")
    floor.phones.does(lambda: call.speaks(seconds(2.0), "item_1", "We are open until six today."))
    expect(page.locator("#unheard")).to_have_text("We are open until six today.")
    floor.phones.does(lambda: call.wait(1.0).echoes("0:1:8000"))
    expect(page.locator("#heard")).not_to_have_text("")
    floor.phones.does(lambda: call.finishes().wait(1.2).echoes(*call.marks()[1:]))
    expect(page.locator("#said li.agent .words")).to_have_text("We are open until six today.")
    assert_accessible(page)
    page.keyboard.press("w")
    page.keyboard.type("Offer ten percent off.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said li.staff .words")).to_contain_text("Offer ten percent off.")
    expect(page.locator("#toasts")).to_have_text("The agent was told.")
    expect(page.locator("#words")).to_have_value("")
    listen = page.get_by_role("button", name="Listen in")
    listen.click()
    expect(listen).to_have_attribute("aria-pressed", "true")
    hub = floor.phones.presence.hub
    while not floor.phones.does(lambda: bool(hub._calls["CA2"].listeners)):
        page.wait_for_timeout(10)
    floor.phones.happens("CA2", CallerAudio(b"\x11" * 1600, 0))
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="End the call").click()
    expect(page.locator("#toasts")).to_contain_text("The agent says goodbye.")
    expect(page.locator("#f-state")).to_have_text("saying goodbye")
    assert [line.act for line in call.entries(OperatorLine)] == ["whisper", "hang_up"]
    floor.phones.ends("CA2")
    expect(page.get_by_text("This call is over.")).to_be_visible()
    expect(page.locator("#f-state")).to_have_text("over")
    expect(page.get_by_role("button", name="Whisper", exact=True)).to_be_disabled()
    expect(listen).to_have_attribute("aria-pressed", "false")
    assert wrong == []
    page.context.close()


def test_whatever_is_said_on_the_phone_is_shown_as_text(floor: Floor) -> None:
    floor.phones.call("CA3")
    page = floor.page("/console/live/CA3", Role.VIEWER)
    board = page.context.new_page()
    board.goto("/console/live")
    wrong = watched(page), watched(board)
    for number, text in enumerate(CORPUS):
        floor.phones.happens("CA3", CallerTranscript(f"u{number}", text))
    floor.phones.happens("CA3", TextDelta("r1", "i1", CORPUS[0]))
    expect(page.locator("#said li.caller")).to_have_count(len(CORPUS))
    expect(page.locator("#unheard")).to_have_text(CORPUS[0])
    expect(board.locator("#calls .words .unheard")).to_have_text(CORPUS[0])
    for each in (page, board):
        assert each.evaluate("window.hit") is None
        assert each.locator("#said script, #said img, #calls script, #calls img").count() == 0
    floor.phones.ends("CA3")
    assert wrong == ([], [])
    page.context.close()


def test_the_pages_fit_a_telephone_s_screen(floor: Floor) -> None:
    floor.phones.call("CA4")
    page = floor.page("/console/live", viewport=PHONE)
    expect(page.locator("#calls tr")).to_have_count(1)
    for path in ("/console/live", "/console/live/CA4"):
        page.goto(path)
        expect(page.locator("#link")).to_have_text("live")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    floor.phones.ends("CA4")
    page.context.close()


def test_a_call_that_was_over_before_the_page_came_leads_to_what_is_kept(floor: Floor) -> None:
    page = floor.page("/console/live/CAgone")
    expect(page.get_by_role("link", name="Read what is kept of it")).to_be_visible()
    expect(page.locator("#call")).to_be_hidden()
    page.context.close()


@pytest.mark.parametrize("decision", ["Approve", "Refuse"])
def test_a_tool_that_waits_is_decided_on_the_page_of_its_call(floor: Floor, decision: str) -> None:
    call_id, approvals = f"CA{decision}", floor.console.parts.approvals
    floor.phones.call(call_id)
    page = floor.page(f"/console/live/{call_id}", Role.APPROVER)
    wrong = watched(page)
    now = floor.console.access.clock()
    asked = floor.asks(call_id)
    waiting = page.locator("#waiting")
    expect(waiting).to_contain_text('"amount": 5')
    expect(waiting).to_contain_text("it does not run.")
    expect(page.locator("#f-tools")).to_have_text("refund waits for a person")
    assert_accessible(page)
    page.get_by_role("button", name=decision).click()
    expect(page.locator("#approvals")).to_be_hidden()
    assert approvals.use(asked, now) is (decision == "Approve")
    floor.phones.happens(call_id, ToolFinished("t1", "refund", "done", "{}"))
    expect(page.locator("#f-tools")).to_have_text("none runs")
    floor.phones.ends(call_id)
    assert wrong == []
    page.context.close()


@pytest.mark.parametrize("status", [503, 429, None])
def test_what_could_not_be_decided_can_be_tried_again(floor: Floor, status: int | None) -> None:
    call_id, approvals = f"CAagain{status}", floor.console.parts.approvals
    floor.phones.call(call_id)
    page = floor.page(f"/console/live/{call_id}", Role.APPROVER)
    now = floor.console.access.clock()
    asked = floor.asks(call_id)

    def broken(route: Route) -> None:
        expect(approve).to_be_disabled()
        expect(page.get_by_role("button", name="Refuse")).to_be_disabled()
        if status is None:
            return route.abort()
        return route.fulfill(status=status, json={"title": "Try again."})

    approve = page.get_by_role("button", name="Approve")
    page.route("**/approvals/*/approve", broken, times=1)
    approve.click()
    expect(page.locator(".toast")).to_have_count(1)
    approve.click()
    expect(page.locator("#approvals")).to_be_hidden()
    assert approvals.use(asked, now)
    floor.phones.ends(call_id)
    page.context.close()


def test_what_somebody_else_has_decided_waits_no_longer(floor: Floor) -> None:
    floor.phones.call("CAelse")
    page = floor.page("/console/live/CAelse", Role.APPROVER)
    asked = floor.asks("CAelse")
    approve = page.get_by_role("button", name="Approve")
    expect(approve).to_be_visible()
    floor.console.parts.approvals.refuse(asked, "ann", floor.console.access.clock())
    approve.click()
    expect(page.locator("#approvals")).to_be_hidden()
    floor.phones.ends("CAelse")
    page.context.close()


def test_what_is_whispered_is_told_once_and_what_is_typed_meanwhile_stays(floor: Floor) -> None:
    floor.phones.call("CA6")
    call = floor.phones.calls["CA6"]
    sent: list[Route] = []

    def kept(route: Route) -> None:
        sent.append(route)

    page = floor.page("/console/live/CA6")
    expect(page.locator("#link")).to_have_text("live")
    page.route("**/whisper", kept)
    words, toasts = page.locator("#words"), page.locator("#toasts")
    words.fill("Offer ten percent off.")
    page.get_by_role("button", name="Whisper", exact=True).dblclick()
    words.press("Control+Enter")
    words.fill("And coffee")
    for each in sent:
        each.continue_()
    expect(toasts).to_have_text("The agent was told.")
    expect(page.get_by_role("button", name="Whisper", exact=True)).to_be_enabled()
    assert [line.words for line in call.entries(OperatorLine)] == ["Offer ten percent off."]
    expect(words).to_have_value("And coffee")
    floor.phones.ends("CA6")
    page.context.close()


def look(page: Page, *, away: bool) -> None:
    """Playwright shows every page of a window at once."""
    page.evaluate(
        """(away) => {
          Object.defineProperty(document, "hidden", { configurable: true, value: away });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        away,
    )


def test_a_page_nobody_looks_at_keeps_no_connection_but_what_is_listened_to(floor: Floor) -> None:
    """A browser has six (HTTP/1.1): six pages that kept one each would leave none to step in by."""
    floor.phones.call("CA7")
    page = floor.page("/console/live/CA7")
    on = floor.phones.presence.hub._calls["CA7"]

    def reaches(followers: int, listeners: int) -> None:
        for _ in range(500):
            if (len(on.followers), len(on.listeners)) == (followers, listeners):
                return
            page.wait_for_timeout(20)
        raise AssertionError((len(on.followers), len(on.listeners)))

    page.get_by_role("button", name="Listen in").click()
    reaches(1, 1)
    look(page, away=True)
    reaches(0, 1)
    floor.phones.happens("CA7", CallerTranscript("u1", "Hello?"))
    look(page, away=False)
    reaches(1, 1)
    expect(page.locator("#said li.caller .words")).to_have_text("Hello?")
    floor.phones.ends("CA7")
    page.context.close()


def test_who_waits_in_vain_is_told_what_to_do(floor: Floor) -> None:
    floor.phones.call("CA8")
    page = floor.page("/console/live/CA8")
    expect(page.locator("#link")).to_have_text("live")
    page.evaluate(
        """() => {
          const real = AbortSignal.timeout.bind(AbortSignal);
          AbortSignal.timeout = (ms) => real(ms / 100);
        }"""
    )
    page.route("**/whisper", lambda _route: None)
    page.locator("#words").fill("Offer ten percent off.")
    page.get_by_role("button", name="Whisper", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("If many windows of the console are open")
    expect(page.locator("#words")).to_have_value("Offer ten percent off.")
    floor.phones.ends("CA8")
    page.context.close()


@pytest.mark.parametrize("path", ["/console/live", "/console/live/CA9"])
def test_who_is_signed_out_is_told_so(floor: Floor, path: str) -> None:
    floor.phones.call("CA9")
    page = floor.page(path, Role.EDITOR)
    expect(page.locator("#link")).to_have_text("live")
    user = floor.console.access.users.named("editor-browser")
    assert user is not None
    floor.console.access.sessions.end_all(user.id)
    expect(page.locator("#link")).to_have_text("signed out", timeout=15_000)
    asked: list[Request] = []
    page.on("request", lambda request: asked.extend([request]))
    expect(page.locator("#toasts")).to_have_text("You are signed out.Sign in")
    page.wait_for_timeout(1_500)
    assert asked == [], "nothing is tried any more"
    floor.phones.ends("CA9")
    page.context.close()


def test_who_may_look_no_more_is_told_so(floor: Floor) -> None:
    page = floor.page("/console/live")
    expect(page.locator("#link")).to_have_text("live")
    page.route("**/live/events", lambda route: route.fulfill(status=403))
    page.route("**/me", lambda route: route.fulfill(json={"rights": []}))
    look(page, away=True)
    look(page, away=False)
    expect(page.locator("#link")).to_have_text("not allowed")
    expect(page.locator("#toasts")).to_contain_text("You may not see this any more.")
    page.context.close()


def test_what_was_lost_twice_is_tried_by_nobody_once_nobody_looks(floor: Floor) -> None:
    """Both wait to hear why: of two clocks set, one was never stopped."""
    page = signed_in(floor.browser, floor.console, floor.address).new_page()
    page.clock.install()
    page.goto("/console/live")
    expect(page.locator("#link")).to_have_text("live")
    page.clock.pause_at(page.evaluate("Date.now() / 1000") + 60)
    held: list[Route] = []
    page.route("**/live/events", lambda route: route.fulfill(status=403))
    page.route("**/me", lambda route: held.extend([route]))
    for waiting in (1, 2):
        look(page, away=True)
        look(page, away=False)
        while len(held) < waiting:
            page.wait_for_timeout(10)
    for route in held:
        with page.expect_response("**/me"):
            route.fulfill(json={"rights": ["view"]})
    page.wait_for_timeout(200)
    asked: list[Request] = []
    page.on("request", lambda request: asked.extend([request]))
    look(page, away=True)
    page.clock.run_for(5_000)
    page.wait_for_timeout(200)
    assert [each.url for each in asked if "events" in each.url] == []
    page.context.close()


def test_a_call_that_another_process_goes_on_with_is_not_called_over(floor: Floor) -> None:
    floor.phones.call("CA10")
    page = floor.page("/console/live/CA10")
    expect(page.locator("#link")).to_have_text("live")
    with page.expect_response("**/CA10/events"):
        floor.phones.hands_on("CA10")
    page.wait_for_timeout(300)
    expect(page.get_by_text("This call is over.")).to_be_hidden()
    floor.phones.call("CA10")
    expect(page.locator("#link")).to_have_text("live")
    floor.phones.ends("CA10")
    expect(page.get_by_text("This call is over.")).to_be_visible()
    page.context.close()


def test_a_call_that_nobody_goes_on_with_is_over_after_a_while(floor: Floor) -> None:
    floor.phones.call("CA11")
    page = signed_in(floor.browser, floor.console, floor.address).new_page()
    page.clock.install()
    page.goto("/console/live/CA11")
    expect(page.locator("#link")).to_have_text("live")
    floor.phones.hands_on("CA11")
    over = page.get_by_text("This call is over.")
    for _ in range(40):
        page.clock.run_for(1_000)
        if over.is_visible():
            break
        page.wait_for_timeout(100)
    expect(over).to_be_visible()
    page.context.close()


def test_why_a_caller_cannot_be_put_through_is_said_on_the_page(floor: Floor) -> None:
    floor.phones.call("CA5")
    page = floor.page("/console/live/CA5", Role.APPROVER)
    page.on("dialog", lambda dialog: dialog.accept())
    expect(page.locator("#to")).to_have_text("sales")
    for button in ("Put through", "A person takes over"):
        page.get_by_role("button", name=button).click()
        expect(page.locator(".toast").last).to_contain_text("The caller cannot be put through")
        expect(page.locator("#said li.staff").last).to_contain_text("(it could not be done)")
        page.locator(".toast").evaluate_all("all => all.forEach((each) => each.remove())")
    floor.phones.ends("CA5")
    page.context.close()
