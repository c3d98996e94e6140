"""The Health page and its API: what was counted is shown, to whom may see it, and nothing runs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from telephony.console.access.roles import Role
from telephony.console.pages.health import ms, percent
from telephony.health import charts
from telephony.health.state import EngineState, EngineView, ProcessState
from tests.console.browsing import (
    PHONE,
    assert_accessible,
    assert_nothing_moved,
    served,
    signed_in,
    watched,
)
from tests.console.healthy import STATE, counted, said
from tests.console.hostile import CORPUS, assert_inert
from tests.console.house import Console, copied
from tools.rollups import Rollups

PAGE = "/console/health"
API = "/api/v1/health"


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory, console_database: Path) -> Iterator[Console]:
    """A console with a week of calls, read only."""
    made = Console(copied(console_database, tmp_path_factory.mktemp("week")))
    counted(made.parts, calls=120)
    said(made.parts)
    yield made
    made.close()


def asked(console: Console, path: str = "") -> Any:
    answer = console.stranger().get(f"{API}{path}", headers=dict(console.key(Role.VIEWER)))
    assert answer.status_code == 200, answer.text
    return answer.json()


# ---- the API ------------------------------------------------------------------------------------


def test_ranges_hold_more_and_more_calls(week: Console) -> None:
    day, days, month = (asked(week, f"?range={each}") for each in ("day", "week", "month"))
    counts = [each["figures"]["calls"] for each in (day, days, month)]
    assert counts == sorted(counts)
    assert counts[0] < counts[1] <= 120
    assert [len(each["figures"]["points"]) for each in (day, days, month)] == [24, 7, 30]
    for each in (day, days, month):
        assert (
            sum(point["calls"] for point in each["figures"]["points"]) == each["figures"]["calls"]
        )
    assert month["error"] == pytest.approx(0.0476, abs=1e-4)
    assert month["personas"] == ["", "desk", "sales"]


def test_a_persona_s_share(week: Console) -> None:
    whole = asked(week, "?range=month")["figures"]
    parts = [
        asked(week, f"?range=month&persona={name}")["figures"] for name in ("", "desk", "sales")
    ]
    assert sum(each["calls"] for each in parts) == whole["calls"]
    assert sum(each["tools"][0]["calls"] for each in parts) == whole["tools"][0]["calls"]
    assert asked(week, "?persona=nobody")["figures"]["calls"] == 0


def test_engines_and_models_are_told_as_processes_say(week: Console) -> None:
    told = asked(week, "/processes")
    (process,) = told["processes"]
    assert [(each["name"], each["state"]) for each in process["state"]["engines"]] == [
        ("realtime", "resting"),
        ("turns", "full"),
        ("local", "ready"),
    ]
    assert [each["model"] for each in told["models"]] == ["gpt-old", "gpt-realtime"]


@pytest.mark.parametrize("query", ["?range=year", "?range=", "?persona=" + "x" * 201])
def test_what_cannot_be_asked_is_refused(week: Console, query: str) -> None:
    answer = week.stranger().get(f"{API}{query}", headers=dict(week.key(Role.VIEWER)))
    assert answer.status_code == 422


def test_strangers_are_told_nothing(week: Console) -> None:
    for path in (API, f"{API}/processes", PAGE):
        answer = week.stranger().get(path, headers={"Accept": "application/json"})
        assert answer.status_code == 401


# ---- the page -----------------------------------------------------------------------------------


def test_without_calls_the_page_says_what_will_be_there(console: Console) -> None:
    text = console.client(Role.VIEWER).get(PAGE).text
    assert "No calls in this range" in text
    assert "frontdesk try" in text
    assert "is <code>frontdesk serve</code> running?" in text
    assert "<svg" not in text


def test_every_picture_is_a_table_too(week: Console) -> None:
    text = week.client(Role.VIEWER).get(f"{PAGE}?range=week").text
    assert text.count("<figure") == text.count("<svg") == text.count("As a table") == 4
    assert_inert(text)


def test_what_is_refused_is_told_apart(console: Console) -> None:
    counted(console.parts, calls=3)
    said(console.parts, ProcessState(0, 5, accepting=False))
    text = console.client(Role.VIEWER).get(f"{PAGE}?range=month").text
    assert "takes no calls" in text
    assert "Turned away" not in text


def test_names_stay_text(console: Console) -> None:
    for number, hostile in enumerate(CORPUS):
        counted(console.parts, calls=2, tool=hostile, persona=hostile, prefix=f"CA{number}-")
        engine = EngineView(hostile, EngineState.READY, hostile)
        state = ProcessState(1, 2, True, (engine,), STATE.models, (hostile,), hostile)
        said(console.parts, state, f"{number}")
        assert_inert(charts.stacked(hostile, [hostile, "b"], [(hostile, [1, 2]), ("x", [None, 3])]))
    text = console.client(Role.VIEWER).get(f"{PAGE}?range=month&persona=*").text
    assert_inert(text)
    assert "&lt;script&gt;window.hit" in text


def test_what_another_version_says_of_itself_is_left_out(console: Console) -> None:
    now = console.parts.clock()
    Rollups(console.store).say("other", '{"later": 1}', now, now)
    assert asked(console, "/processes")["processes"] == []


# ---- how figures are written --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0 ms"), (999.4, "999 ms"), (1_240, "1.2 s"), (90_000, "1.5 min")],  # noqa: RUF001
)
def test_durations(value: float | None, text: str) -> None:
    assert ms(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "–"), (1, "100 %"), (0.99999, "99.9 %"), (0.5, "50 %"), (0.123, "12.3 %"), (0, "0 %")],  # noqa: RUF001
)
def test_shares_are_never_rounded_up_to_all(share: float | None, text: str) -> None:
    assert percent(share) == text


# ---- pictures -----------------------------------------------------------------------------------


def test_a_picture_carries_no_style_no_script_and_no_id() -> None:
    drawn = charts.lines("Title", ["a", "b", "c"], [("one", [1, None, 3])])
    assert drawn.startswith("<svg ")
    for word in ("style", "script", " id=", "defs", "<!--", "http", "onclick"):
        assert word not in drawn
    assert "<title>c: one 3" in drawn
    assert 'aria-label="Title"' in drawn


def test_a_picture_of_nothing_is_still_one() -> None:
    assert "<svg" in charts.stacked("Nothing", ["a"], [("one", [0]), ("two", [None])])
    assert "<svg" in charts.stacked("Nobody", ["a"], [])


@pytest.mark.parametrize(
    ("highest", "whole", "steps"),
    [
        (4, True, [0, 1, 2, 3, 4]),
        (7, True, [0, 2, 4, 6, 8]),
        (1, True, [0, 1]),
        (0, True, [0, 1]),
        (0.0873, False, [0, 0.05, 0.1]),
        (2_030, False, [0, 1_000, 2_000, 3_000]),
        (1_000, False, [0, 500, 1_000]),
    ],
)
def test_steps_of_the_axis_are_even_round_and_reach_far_enough(
    highest: float, whole: bool, steps: list[float]
) -> None:
    assert charts.ticks(highest, whole) == steps


def test_the_axis_says_what_stands_beside_its_lines() -> None:
    cents = charts.stacked("Cost", ["a"], [("x", [0.05]), ("y", [0.0373])], lambda x: f"{x:.2f}")
    assert [each for each in ("0.00", "0.05", "0.10") if f">{each}<" in cents] == [
        "0.00",
        "0.05",
        "0.10",
    ]


def test_no_line_is_drawn_where_nothing_was_counted() -> None:
    drawn = charts.lines("Waits", ["a", "b", "c", "d"], [("x", [1.0, 2.0, None, 3.0])])
    (path,) = re.findall(r'<path[^>]*d="([^"]+)"[^>]*class="line reactive', drawn)
    assert (path.count("M"), path.count("L")) == (1, 1), "from a to b, and not on to d"


def test_a_lone_bar_leaves_room_for_others() -> None:
    (width,) = re.findall(r'<rect[^>]* width="([\d.]+)"', charts.bars("One", ["a"], [("x", [3])]))
    assert 0 < float(width) < charts.WIDTH / charts.LEAST_PLACES


# ---- in a browser -------------------------------------------------------------------------------


def test_the_page_in_a_browser(browser: Browser, week: Console) -> None:
    with served(week.app) as address:
        context = signed_in(browser, week, address, Role.VIEWER)
        page = context.new_page()
        wrong = watched(page)
        page.goto(PAGE)
        assert_nothing_moved(page)
        assert_accessible(page)
        bar = page.locator(".picture .rect").first
        accent = page.evaluate(
            "getComputedStyle(document.documentElement).getPropertyValue('--s0')"
        )
        assert accent
        assert bar.evaluate("bar => getComputedStyle(bar).fill") != "rgb(0, 0, 0)"
        page.select_option("#f-range", "week")
        page.wait_for_url("**range=week**")
        page.get_by_text("As a table").first.click()
        assert page.locator("figure table tbody tr").first.is_visible()
        page.keyboard.press("g")
        page.keyboard.press("h")
        page.wait_for_url(lambda url: url.endswith("/console/health"))
        assert wrong == []
        context.close()


def test_the_page_is_accessible_in_the_dark_and_on_a_telephone(
    browser: Browser, week: Console
) -> None:
    with served(week.app) as address:
        context = signed_in(
            browser, week, address, Role.VIEWER, color_scheme="dark", viewport=PHONE
        )
        page = context.new_page()
        page.goto(PAGE)
        assert_nothing_moved(page)
        assert_accessible(page)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0
        context.close()
