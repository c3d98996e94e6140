"""Live calls over HTTP: who may see them, what may be done to one, what is written down of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from agents.engine import CallerSpeechStarted, CallerTranscript, Inform
from telephony.call.events import CallerAudio
from telephony.console.access.roles import Role
from telephony.transcripts.entry import OperatorLine
from tests.console.browsing import served
from tests.console.hostile import CORPUS
from tests.console.house import Console, copied
from tests.console.phones import Phones, phones
from tools.policy import NeedsApproval
from tools.receipts import Claim
from tools.spec import Risk

LIVE = "/api/v1/live"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, console_database: Path) -> Path:
    return copied(console_database, tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def house(folder: Path) -> Iterator[Console]:
    console = Console(folder)
    yield console
    console.close()


@pytest.fixture(scope="module")
def lines(folder: Path) -> Iterator[Phones]:
    with phones(folder) as made:
        yield made


def acts(phones: Phones, call_id: str) -> list[tuple[str, str, str, bool]]:
    written = phones.calls[call_id].entries(OperatorLine)
    return [(each.act, each.by, each.words, each.done) for each in written]


def audited(console: Console) -> list[tuple[str, str, str]]:
    return [(each.who, each.action, each.object) for each in console.access.audit.entries(100)]


# ---- looking ---------------------------------------------------------------------------------


def test_calls_of_another_process_are_listed(house: Console, lines: Phones) -> None:
    lines.call("CA1")
    answer = house.client(Role.VIEWER).get(LIVE)
    assert answer.status_code == 200
    (call,) = [each for each in answer.json() if each["call_id"] == "CA1"]
    assert (call["caller"], call["phase"], call["floor"]) == ("…00", "live", "nobody")
    assert (call["cost_micros"], call["targets"]) == (0, ["sales"])
    (heard,) = house.client(Role.EDITOR).get(LIVE).json()
    assert heard["caller"] == "+14155550100"
    lines.ends("CA1")
    assert house.client(Role.VIEWER).get(LIVE).json() == []


class Page:
    """What a page that watches is told."""

    def __init__(self, address: str, path: str, cookies: Any, **headers: str) -> None:
        self._client = httpx.Client(base_url=address, cookies=dict(cookies), timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._opened = self._client.stream("GET", path, headers=named)
        self.answer = self._opened.__enter__()
        self._lines = self.answer.iter_lines()

    def until(self, name: str) -> Any:
        """The data of the next event of this name."""
        for line in self._lines:
            if line == f"event: {name}":
                return json.loads(next(self._lines).removeprefix("data: "))
        raise AssertionError(f"no {name} came")

    def until_said(self, field: str) -> str:
        """What this field of a call becomes next."""
        while True:
            for fields in self.until("changes")["changes"]:
                if fields.get(field):
                    return str(fields[field])

    def close(self) -> None:
        self._opened.__exit__(None, None, None)
        self._client.close()


NUMBER = "my number is four one five five five five oh one two three"


def test_requirement_d1_who_may_not_hear_sees_a_live_call_without_the_caller_s_numbers(
    house: Console, lines: Phones
) -> None:
    lines.call("CA8")
    with served(house.app) as address:
        pages = {
            role: Page(address, f"{LIVE}/CA8/events", house.client(role).cookies)
            for role in (Role.VIEWER, Role.EDITOR)
        }
        callers = {role: page.until("calls")["calls"][0]["caller"] for role, page in pages.items()}
        assert callers == {Role.VIEWER: "…00", Role.EDITOR: "+14155550100"}
        lines.happens("CA8", CallerSpeechStarted("u1", 0), CallerTranscript("u1", NUMBER))
        hidden = {Role.VIEWER: "my number is [number]", Role.EDITOR: NUMBER}
        for role, page in pages.items():
            (line,) = page.until("lines")["entries"]
            assert line["text"] == hidden[role]
            assert page.until_said("heard") == hidden[role]
        lines.ends("CA8")
        for page in pages.values():
            page.close()


def test_a_page_is_told_of_every_change_and_follows_one_call(house: Console, lines: Phones) -> None:
    cookies = house.client(Role.VIEWER).cookies
    with served(house.app) as address:
        page = Page(address, f"{LIVE}/events", cookies)
        assert page.answer.headers["content-type"].startswith("text/event-stream")
        assert page.until("calls")["calls"] == []
        lines.call("CA2")
        (began,) = page.until("changes")["changes"]
        assert began["call_id"] == "CA2"
        lines.happens("CA2", CallerSpeechStarted("u1", 0))
        assert page.until("changes")["changes"] == [{"call_id": "CA2", "floor": "caller"}]
        one = Page(address, f"{LIVE}/CA2/events", cookies)
        assert one.until("calls")["calls"][0]["call_id"] == "CA2"
        lines.happens("CA2", CallerTranscript("u1", CORPUS[0]))
        (line,) = one.until("lines")["entries"]
        assert (line["type"], line["text"]) == ("CallerLine", CORPUS[0])
        lines.ends("CA2")
        assert one.until("gone")["call_ids"] == ["CA2"]
        assert page.until("gone")["call_ids"] == ["CA2"]
        one.close()
        page.close()
    assert ("viewer", "call.follow", "call CA2") in audited(house)


def test_a_page_that_asks_again_has_followed_a_call_once(house: Console, lines: Phones) -> None:
    lines.call("CA9")
    cookies = house.client(Role.EDITOR).cookies

    def followed() -> int:
        with served(house.app) as address:
            page = Page(address, f"{LIVE}/CA9/events", cookies)
            page.until("calls")
            page.close()
        return audited(house).count(("editor", "call.follow", "call CA9"))

    assert [followed(), followed()] == [1, 1]
    lines.ends("CA9")


def test_who_may_listen_in_hears_both_sides_and_it_is_written_down(
    house: Console, lines: Phones
) -> None:
    lines.call("CA3")
    assert house.client(Role.VIEWER).get(f"{LIVE}/CA3/sound").status_code == 403
    with served(house.app) as address:
        page = Page(address, f"{LIVE}/CA3/sound", house.client(Role.APPROVER).cookies)
        assert page.answer.status_code == 200
        listeners = lines.presence.hub._calls["CA3"].listeners
        while not lines.does(lambda: bool(listeners)):
            continue
        lines.happens("CA3", CallerAudio(b"\x11" * 160, 0))
        heard = next(page.answer.iter_raw())
        page.close()
    assert heard[:4] == b"\x00\x00\xa0\x00"
    assert heard[8:168] == b"\x11" * 160
    assert ("approver", "call.listen", "call CA3") in audited(house)
    lines.ends("CA3")


@pytest.mark.parametrize("path", [f"{LIVE}/events", f"{LIVE}/CA9/events", f"{LIVE}/CA9/sound"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Origin": "null"},
    ],
)
def test_fault_c10_a_page_of_others_watches_no_calls(
    house: Console, path: str, headers: dict[str, str]
) -> None:
    answer = house.client(Role.ADMIN).get(path, headers={**headers, "Accept": "*/*"})
    assert (answer.status_code, answer.json()["type"]) == (
        403,
        "urn:frontdesk:problem:foreign-origin",
    )


# ---- acting ----------------------------------------------------------------------------------


def test_what_somebody_does_reaches_the_call_with_their_name(house: Console, lines: Phones) -> None:
    lines.call("CA4")
    approver = house.client(Role.APPROVER)
    assert approver.act("POST", f"{LIVE}/CA4/whisper", {"words": "Ask why."}).status_code == 204
    assert approver.act("POST", f"{LIVE}/CA4/hang-up").status_code == 204
    assert acts(lines, "CA4") == [
        ("whisper", "approver", "Ask why.", True),
        ("hang_up", "approver", "", True),
    ]
    assert [each for each in lines.calls["CA4"].said if isinstance(each, Inform)]
    log = audited(house)
    assert ("approver", "call.whisper", "call CA4") in log
    assert ("approver", "call.hang_up", "call CA4") in log
    lines.ends("CA4")


@pytest.mark.parametrize(("what", "body"), [("transfer", {"to": "nobody"}), ("take-over", None)])
def test_what_cannot_be_done_is_refused_with_the_reason(
    house: Console, lines: Phones, what: str, body: dict[str, str] | None
) -> None:
    lines.call("CA5")
    answer = house.client(Role.ADMIN).act("POST", f"{LIVE}/CA5/{what}", body)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:frontdesk:problem:impossible")
    assert [each[3] for each in acts(lines, "CA5")] == [False]
    lines.ends("CA5")


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("hang-up", None),
        ("take-over", None),
        ("transfer", {"to": "sales"}),
        ("whisper", {"words": "Ask why."}),
    ],
)
def test_a_call_that_is_over_cannot_be_acted_on(
    house: Console, what: str, body: dict[str, str] | None
) -> None:
    answer = house.client(Role.ADMIN).act("POST", f"{LIVE}/CA9/{what}", body)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:frontdesk:problem:no-call")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_who_may_only_look_does_nothing_to_a_call(
    house: Console, lines: Phones, role: Role
) -> None:
    lines.call("CA6")
    for what, body in (("hang-up", None), ("take-over", None), ("whisper", {"words": "Hm"})):
        answer = house.client(role).act("POST", f"{LIVE}/CA6/{what}", body)
        assert (answer.status_code, answer.json()["type"]) == (
            403,
            "urn:frontdesk:problem:no-right",
        )
    assert acts(lines, "CA6") == []
    lines.ends("CA6")


def test_a_program_acts_in_the_name_it_gives(house: Console, lines: Phones) -> None:
    lines.call("CA7")
    headers = {**house.key(Role.APPROVER), "X-Author": "Night shift"}
    client = house.stranger()
    answer = client.post(f"{LIVE}/CA7/whisper", json={"words": "Hm"}, headers=headers)
    assert answer.status_code == 204
    assert acts(lines, "CA7")[0][1] == "Night shift"
    lines.ends("CA7")


@pytest.mark.parametrize("words", ["", "x" * 1_001, None, 5])
def test_words_that_are_none_are_refused(house: Console, words: object) -> None:
    answer = house.client(Role.ADMIN).act("POST", f"{LIVE}/CA9/whisper", {"words": words})
    assert answer.status_code == 422


@pytest.mark.parametrize("call_id", ["..%2f..", "CA 1", "a" * 65, "%0a"])
def test_only_what_could_be_a_call_s_name_is_looked_for(house: Console, call_id: str) -> None:
    answer = house.client(Role.ADMIN).act("POST", f"{LIVE}/{call_id}/hang-up")
    assert answer.status_code in (404, 422)


# ---- what waits for a person's word ----------------------------------------------------------


def asked(console: Console, digest: str) -> int:
    now = console.access.clock()
    claim = Claim("CA1", digest, "refund", Risk.MONEY, digest, now, now, caller="+4420")
    needed = NeedsApproval(45.0, "refuse")
    return console.parts.approvals.ask(claim, '{"amount": 5}', needed).id


def test_fault_c14_an_approval_given_twice_counts_once(house: Console) -> None:
    approvals, approver = house.parts.approvals, house.client(Role.APPROVER)
    number = asked(house, "twice")
    assert approver.act("POST", f"/api/v1/approvals/{number}/approve").status_code == 200
    assert approver.act("POST", f"/api/v1/approvals/{number}/approve").status_code == 409
    assert approver.act("POST", f"/api/v1/approvals/{number}/refuse").status_code == 409
    now = house.access.clock()
    assert approvals.use(number, now)
    assert not approvals.use(number, now)
    assert approver.act("POST", f"/api/v1/approvals/{number}/approve").status_code == 409


def test_fault_c14_an_approval_comes_too_late_once_the_call_is_over(house: Console) -> None:
    approvals, approver = house.parts.approvals, house.client(Role.APPROVER)
    number = asked(house, "late")
    approvals.withdraw(number, house.access.clock())
    answer = approver.act("POST", f"/api/v1/approvals/{number}/approve")
    assert (answer.status_code, "expired" in answer.json()["detail"]) == (409, True)
    assert not approvals.use(number, house.access.clock())
    assert [each["id"] for each in approver.get("/api/v1/approvals").json()] == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_fault_c14_nobody_else_approves(house: Console, role: Role) -> None:
    number = asked(house, role.value)
    for how in ("approve", "refuse"):
        answer = house.client(role).act("POST", f"/api/v1/approvals/{number}/{how}")
        assert answer.status_code == 403


# ---- the pages -------------------------------------------------------------------------------


def test_the_pages_offer_what_the_reader_may_do(house: Console) -> None:
    viewer, approver = house.client(Role.VIEWER), house.client(Role.APPROVER)
    assert "Nobody is on the phone" in viewer.get("/console/live").text
    assert 'id="hang-up"' not in viewer.get("/console/live/CA1").text
    assert 'id="hang-up"' in approver.get("/console/live/CA1").text
    assert 'id="waiting"' in approver.get("/console/live/CA1").text
    assert approver.get("/console/live/..%2fx").status_code in (404, 422)
