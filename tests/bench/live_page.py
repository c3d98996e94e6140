"""How smooth is the page of live calls with two hundred of them talking at once?

`python -m tests.bench.live_page [calls [seconds]]`: a process with so many calls in a thread, a
console, and Chromium. In each call somebody says something every 400 ms; in some the words are the
time, and the page says when they stood there.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from agents.engine import CallerSpeechStarted, CallerSpeechStopped, CallerTranscript
from tests.console.browsing import running_browser, served, signed_in
from tests.console.house import Console
from tests.console.phones import Phones, phones

EVERY_S = 0.4
LOOK = """() => {
  const seen = window.seen = { late: [], gaps: [], long: [], shift: 0 };
  let before = performance.now();
  const frame = (now) => {
    seen.gaps.push(now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const each = (act) => new PerformanceObserver((list) => list.getEntries().forEach(act));
  each((entry) => seen.long.push(entry.duration)).observe({ type: "longtask" });
  each((entry) => { seen.shift += entry.value; }).observe({ type: "layout-shift" });
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const told = /^at (\\d+)$/.exec(target.data || "");
      if (told) requestAnimationFrame(() => seen.late.push(Date.now() - Number(told[1])));
    }
  }).observe(document.getElementById("calls"), { subtree: true, characterData: true });
}"""
HEAD = [
    "calls",
    "changes/s",
    "late p50 ms",
    "p99 ms",
    "max ms",
    "frame p99 ms",
    "long tasks",
    "shift",
]


def main(calls: int, length_s: float) -> None:
    console = Console(Path(tempfile.mkdtemp()))
    folder = console.parts.settings.data_dir
    with phones(folder) as lines, served(console.app) as address, running_browser() as browser:
        for number in range(calls):
            lines.call(f"CA{number}")
        page = signed_in(browser, console, address).new_page()
        page.goto("/console/live")
        page.locator("#calls tr").nth(calls - 1).wait_for()
        page.evaluate(LOOK)
        rate = _talk(lines, page, calls, length_s)
        seen = page.evaluate("() => window.seen")
        page.context.close()
    console.close()
    _tell(calls, rate, seen)


def _talk(lines: Phones, page: Page, calls: int, length_s: float) -> float:
    """Changes a second."""
    began, turn = time.monotonic(), 0
    while time.monotonic() - began < length_s:
        turn += 1
        for number in range(calls):
            now = f"at {time.time() * 1000:.0f}"
            lines.happens(
                f"CA{number}",
                CallerSpeechStarted(f"u{turn}", 0),
                CallerSpeechStopped(f"u{turn}", 300),
                CallerTranscript(f"u{turn}", now if number % 20 == 0 else f"Turn {turn}, please."),
            )
        page.wait_for_timeout(max(0.0, (began + turn * EVERY_S - time.monotonic()) * 1000))
    return calls * turn / (time.monotonic() - began)


def _tell(calls: int, rate: float, seen: dict[str, Any]) -> None:
    late = statistics.quantiles(seen["late"], n=100)
    frame = statistics.quantiles(seen["gaps"], n=100)[98]
    whole = (calls, rate, late[49], late[98], max(seen["late"]), frame, len(seen["long"]))
    print(f"| {' | '.join(HEAD)} |")
    print(f"|{' --- |' * len(HEAD)}")
    print(f"| {' | '.join(f'{each:.0f}' for each in whole)} | {seen['shift']:.4f} |")


if __name__ == "__main__":
    given = list(map(int, sys.argv[1:]))
    main(given[0] if given else 200, given[1] if len(given) > 1 else 20)
