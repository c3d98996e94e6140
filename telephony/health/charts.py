"""Pictures of figures as SVG that may stand in a page: no styles, no scripts, no ids of its own.

pygal draws; what it draws is taken over element by element, so nothing gets into a page that is
not listed here. Colours and sizes of text are the stylesheet's (`static/health.css`).
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from typing import Any

import pygal

WIDTH, HEIGHT = 720, 240
MOST_LABELS = 8
"""Below the horizontal axis: more would run into each other on a telephone."""
MOST_STEPS = 4
"""Up the vertical axis."""
LEAST_PLACES = 5
"""For bars: a lone one as wide as the picture says nothing."""
_TAGS = frozenset({"svg", "g", "rect", "path", "text", "circle"})
_ATTRIBUTES = frozenset(
    {"class", "x", "y", "width", "height", "d", "transform", "cx", "cy", "r", "viewBox"}
)
_LEFT_OUT = ("tooltip-overlay", "text-overlay", "titles", "background")
"""Groups for pygal's own script, and its paper."""

Value = float | int | None
Series = tuple[str, Sequence[Value]]
"""Its name and a value for each label; None where there is none."""
Form = Callable[[float], str]
"""How a value is written."""


def stacked(title: str, labels: Sequence[str], series: Sequence[Series], form: Form = str) -> str:
    """Bars whose parts add up."""
    sums = [
        sum(each or 0 for each in column)
        for column in zip(*(one for _, one in series), strict=True)
    ]
    return _drawn(pygal.StackedBar, title, _placed(labels), series, form, sums)


def bars(title: str, labels: Sequence[str], series: Sequence[Series], form: Form = str) -> str:
    """Bars side by side."""
    return _drawn(pygal.Bar, title, _placed(labels), series, form, _known(series))


def lines(title: str, labels: Sequence[str], series: Sequence[Series], form: Form = str) -> str:
    """Lines with gaps where there is nothing."""
    return _drawn(pygal.Line, title, labels, series, form, _known(series))


def _placed(labels: Sequence[str]) -> list[str]:
    return [*labels, *[""] * (LEAST_PLACES - len(labels))]


def _drawn(
    kind: Callable[..., Any],
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    form: Form,
    heights: Sequence[float],
) -> str:
    """`heights`: how far up the marks reach."""
    chart = kind(
        js=[],
        show_legend=False,
        width=WIDTH,
        height=HEIGHT,
        margin=6,
        spacing=8,
        include_x_axis=True,
        show_minor_x_labels=False,
        x_labels_major=_shown(labels),
        truncate_label=-1,
        dots_size=4,
        value_formatter=form,
        allow_interruptions=True,
    )
    if series:  # pygal cannot place a step where nothing was ever added
        whole = all(isinstance(each, int) for each in heights)
        chart.y_labels = ticks(max(heights, default=0), whole)
    chart.x_labels = list(labels)
    for name, values in series:
        chart.add(name, list(values))
    return _clean(chart.render_tree(), title, [name for name, _ in series])


def _shown(labels: Sequence[str]) -> list[str]:
    every = -(-len(labels) // MOST_LABELS)
    return list(labels[:: max(1, every)])


def _known(series: Sequence[Series]) -> list[float]:
    return [value for _, values in series for value in values if value is not None]


def ticks(highest: float, whole: bool) -> list[float]:
    """Values on the vertical axis: from nothing to `highest` or just above in at most MOST_STEPS
    even steps of one, two or five of some power of ten. `whole`: there are no parts of one."""
    least = highest / MOST_STEPS
    if least <= 0:
        return [0, 1]
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= least * (1 - 1e-9))
    step = max(1, round(step)) if whole else step
    return [round(step * each, 9) for each in range(math.ceil(highest / step - 1e-9) + 1)]


def _clean(drawn: ET.Element, title: str, names: Sequence[str]) -> str:
    root = _taken(drawn, names, "")
    assert root is not None, "pygal draws an svg"
    root.set("role", "img")
    root.set("aria-label", title)
    root.set("focusable", "false")
    return ET.tostring(root, encoding="unicode")


def _taken(element: ET.Element, names: Sequence[str], name: str) -> ET.Element | None:
    """The same with nothing in it but what is listed; None for what is not. `name`: the series it
    belongs to."""
    tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    classes = element.get("class", "").split()
    if tag not in _TAGS or any(each in classes for each in _LEFT_OUT):
        return None
    kept = {key: text for key, text in element.attrib.items() if key in _ATTRIBUTES}
    taken = ET.Element(tag, kept)
    taken.text = element.text if tag == "text" else None
    for each in classes:
        if each.startswith("serie-"):
            name = names[int(each.removeprefix("serie-"))]
    if hint := _hint(element, name):
        ET.SubElement(taken, "title").text = hint
    for child in element:
        if (own := _taken(child, names, name)) is not None:
            taken.append(own)
    return taken


def _hint(element: ET.Element, name: str) -> str:
    """What a value's mark tells when it is pointed at."""
    told = {child.get("class"): child.text or "" for child in element if child.tag == "desc"}
    if "value" not in told:
        return ""
    return f"{told.get('x_label', '')}: {name} {told['value']}".lstrip(": ")
