"""A real browser on a real server: Debian's Chromium, driven by Playwright."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from telephony.console.access.cookies import session_name
from telephony.console.access.roles import Role
from telephony.server import listen
from tests.console.house import Console

CHROMIUM = Path("/usr/bin/chromium")
NEEDED = "FRONTDESK_TEST_WITH_BROWSER"
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@contextmanager
def running_browser(*arguments: str) -> Iterator[Browser]:
    """Chromium without a window; skips loudly where there is none, or fails if NEEDED is 1."""
    if not CHROMIUM.exists():
        reason = f"NO BROWSER: {CHROMIUM} is not there; install Debian's package chromium"
        if os.environ.get(NEEDED) == "1":
            pytest.fail(reason)
        warnings.warn(reason, stacklevel=2)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", *arguments]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of a server of this app, in a thread."""
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def signed_in(
    browser: Browser, console: Console, address: str, role: Role = Role.ADMIN, **options: Any
) -> BrowserContext:
    """A browser's window in which a user of this role is signed in. `options` are Playwright's,
    such as color_scheme="dark" or viewport=PHONE."""
    name = f"{role.value}-browser"
    known = console.access.users.named(name)
    user_id = known.id if known else console.user(name, role)
    token = console.access.sessions.open(user_id, ip="127.0.0.1", agent="chromium")
    context = browser.new_context(base_url=address, **{"viewport": WIDE, **options})
    cookie = {"name": session_name(secure=False), "value": token, "url": address}
    context.add_cookies([cookie])  # type: ignore[list-item]
    context.set_default_timeout(20_000)
    return context


def watched(page: Page) -> list[str]:
    """What goes wrong in a page from now on: errors of scripts, and what the CSP has stopped."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda message: wrong.append(message.text) if message.type == "error" else None
    )
    return wrong


def assert_accessible(page: Page) -> None:
    """Nothing that axe finds against WCAG 2.2 A and AA."""
    levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": levels}})
    assert found.violations_count == 0, found.generate_report()


def assert_nothing_moved(page: Page) -> None:
    """Since it was opened, without anybody having touched it (layout shifts are none)."""
    moved = page.evaluate(
        """() => new Promise((tell) => {
          const moved = [];
          new PerformanceObserver((list) => {
            for (const { value, hadRecentInput, sources } of list.getEntries()) {
              const nodes = sources.map(({ node }) => node?.nodeName);
              if (!hadRecentInput) moved.push([value, ...nodes]);
            }
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => requestAnimationFrame(() => tell(moved)), 100);
        })"""
    )
    assert moved == [], f"{page.url}: {moved}"
