"""A run of the lab as one HTML page that needs nothing else, by day and by night."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from telephony.lab.measure import Cut
from telephony.lab.result import Result, Row, rows

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2128; --soft: #57606a; --line: #d8dee4;
  --paper: #ffffff; --shade: #f6f8fa; --good: #1a7f37; --bad: #cf222e; --bar: #0969da; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d;
  --paper: #0d1117; --shade: #151b23; --good: #3fb950; --bad: #f85149; --bar: #4493f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
p, dd { margin: .25rem 0; } .soft, dd { color: var(--soft); }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dl.facts dt { color: var(--soft); } dl.facts dd { color: var(--ink); margin: 0;
  overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; } thead th { color: var(--soft); font-weight: 400; }
td.figure { white-space: nowrap; font-variant-numeric: tabular-nums; }
.meaning { color: var(--soft); font-size: .875rem; }
.bad { color: var(--bad); } .good { color: var(--good); }
svg { width: 100%; height: auto; background: var(--shade); border-radius: 6px; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg line { stroke: var(--line); } svg .told { fill: var(--bar); fill-opacity: .65; }
svg .wrong { fill: var(--bad); fill-opacity: .75; }
@media (max-width: 40rem) {
  table.figures thead { display: none; }
  table.figures tr { display: grid; grid-template-columns: 1fr auto; padding: .5rem 0;
    border-bottom: 1px solid var(--line); }
  table.figures th, table.figures td { border: 0; padding: 0; }
  table.figures .figure { text-align: right; }
  table.figures .n { grid-column: 2; color: var(--soft); }
  table.figures .n::before { content: "of "; }
  table.figures td.meaning { grid-column: 1 / -1; }
}
"""
FRAMES_MS = 40.0
"""Two frames of the telephone: within these an error is none to speak of."""
_WIDTH, _ROW, _LEFT, _TOP = 900, 28, 130, 34


def page(result: Result) -> str:
    """All of it; whatever comes from a target is escaped."""
    setting = result.setting
    cuts = [cut for call in result.calls for cut in call.cuts]
    facts = (
        ("Target", setting.target),
        ("Measured", setting.measured_at),
        ("Machine", setting.machine),
        ("Calls", f"{len(result.calls)}, {setting.at_once} at once"),
        ("Network jitter", f"{setting.jitter_ms} ms on average each way, where there is a network"),
    )
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Barge-in lab: {escape(setting.target)}</title>",
            f"<style>{_STYLE}</style>\n</head>\n<body>",
            "<h1>Barge-in lab</h1>",
            '<p class="soft">What callers of this server go through, and what its model is told '
            "about it.</p>",
            '<dl class="facts">',
            *(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts),
            "</dl>",
            "<h2>Figures</h2>",
            _figures(rows(result)),
            "<h2>Every cut</h2>",
            *_cuts(cuts),
            "<h2>Scenarios</h2>",
            "<dl>",
            *(f"<dt>{escape(n)}</dt><dd>{escape(about)}</dd>" for n, about in setting.scenarios),
            "</dl>\n</body>\n</html>\n",
        )
    )


def _figures(found: Iterable[Row]) -> str:
    lines = (
        f'<tr><th scope="row">{escape(row.name)}</th>'
        f'<td class="figure">{escape(row.value)}</td><td class="figure n">{escape(row.n)}</td>'
        f'<td class="meaning">{_marked_up(row.meaning)}</td></tr>'
        for row in found
    )
    head = "<th></th><th>p50 / p99 / max, or count</th><th>of</th><th>What it means</th>"
    return (
        f'<table class="figures"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _marked_up(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _cuts(cuts: Sequence[Cut]) -> list[str]:
    if not cuts:
        return ["<p>Nothing was cut.</p>"]
    head = "".join(
        f"<th>{name}</th>"
        for name in ("Scenario", "Item", "Sent", "Played", "Model told", "Error", "")
    )
    return [
        "<p>How much the model believes was heard, less what was played, for each item that was "
        "cut. Right of the line it believes too much.</p>",
        _plot(cuts),
        "<details><summary>As a table</summary>",
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>',
        *map(_cut, cuts),
        "</tbody></table></div></details>",
    ]


def _cut(cut: Cut) -> str:
    told = "nothing" if cut.told_ms is None else f"{cut.told_ms} ms"
    error = "" if cut.error_ms is None else f"{cut.error_ms:+.0f} ms"
    verdict, look = "", "good"
    if cut.told_ms is None:
        verdict, look = "missing", "bad"
    elif not cut.accepted:
        verdict, look = "rejected", "bad"
    elif abs(cut.told_ms - cut.played_ms) > FRAMES_MS:
        look = "bad"
    cells = (cut.scenario, cut.item_id, f"{cut.sent_ms:.0f} ms", f"{cut.played_ms:.0f} ms", told)
    plain = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr>{plain}<td class="figure {look}">{error}</td><td class="bad">{verdict}</td></tr>'


def _plot(cuts: Sequence[Cut]) -> str:
    """A strip for each scenario; one dot is one item."""
    names = list(dict.fromkeys(cut.scenario for cut in cuts))
    errors = [cut.believed_ms - cut.played_ms for cut in cuts]
    reach = max(100.0, *(abs(error) for error in errors))
    middle = _LEFT + (_WIDTH - _LEFT) / 2
    half = (_WIDTH - _LEFT) / 2 - 20
    height = _TOP + _ROW * len(names) + 10
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-label="Error of what the model believes, by scenario">',
        f'<line x1="{middle}" y1="20" x2="{middle}" y2="{height - 8}"/>',
        f'<text x="{_LEFT}" y="16">{-reach:+.0f} ms</text>',
        f'<text x="{_WIDTH - 8}" y="16" text-anchor="end">{reach:+.0f} ms</text>',
        f'<text x="{middle}" y="16" text-anchor="middle">0</text>',
    ]
    for number, name in enumerate(names):
        y = _TOP + _ROW * number + 8
        parts.append(f'<text x="8" y="{y + 4}">{escape(name)}</text>')
    for cut, error in zip(cuts, errors, strict=True):
        x = middle + error / reach * half
        y = _TOP + _ROW * names.index(cut.scenario) + 8
        look = "told" if abs(error) <= FRAMES_MS else "wrong"
        parts.append(f'<circle class="{look}" cx="{x:.1f}" cy="{y}" r="5"/>')
    return "".join([*parts, "</svg>"])
