"""Dashboard, alerts and document name figures there are, and all of them are described."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from telephony.metrics import Metrics
from tests.test_imports import refuse
from tests.tree import ROOT

DASHBOARD = json.loads((ROOT / "infra/grafana-dashboard.json").read_text())
ALERTS = YAML(typ="safe").load((ROOT / "infra/prometheus-alerts.yaml").read_text())
DOCUMENT = (ROOT / "docs/metrics.md").read_text()
NAME = re.compile(r"\bfrontdesk_\w+")
SELECTOR = re.compile(r"(frontdesk_\w+)(?:\{([^}]*)\})?")


def families() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Type and labels of each metric, by the name it is documented by."""
    found = {}
    for family in Metrics().registry._collector_to_names:
        name: str = family._name  # type: ignore[attr-defined]
        kind: str = family._type  # type: ignore[attr-defined]
        full = f"{name}_total" if kind == "counter" else name
        found[full] = (kind, tuple(family._labelnames))  # type: ignore[attr-defined]
    return found


def series() -> dict[str, tuple[str, ...]]:
    """Labels by the name a query uses."""
    found: dict[str, tuple[str, ...]] = {}
    for name, (kind, labels) in families().items():
        if kind == "histogram":
            found[f"{name}_bucket"] = (*labels, "le")
            found |= {f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[name] = labels
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_expression_asks_for_series_there_are(where: str, expression: str) -> None:
    known = series()
    used = SELECTOR.findall(expression)
    assert used, f"{where} asks for nothing of ours"
    for name, selector in used:
        assert name in known, f"{where}: there is no {name}"
        asked = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)
        assert set(asked) <= set(known[name]), f"{where}: {name} has no label of {asked}"
    labels = {label for name, _ in used for label in known[name]}
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert {each.strip() for each in grouped.split(",")} <= labels, where
    assert expression.count("(") == expression.count(")")


def test_the_document_tells_each_metric_with_its_type_and_labels() -> None:
    rows = re.findall(r"^\| `(frontdesk_\w+)` \| (\w+) \| (.*?) \|", DOCUMENT, re.M)
    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert told == families()


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for _, expression in expressions() for name in NAME.findall(expression)}
    base = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    unpriced = {"frontdesk_cost_unknown_total"}
    refuse(f"{name} is nowhere" for name in sorted(set(families()) - base - unpriced))


def test_the_dashboard_can_be_imported() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["uid"] == "frontdesk"
    (source,) = DASHBOARD["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = cells_of(at)
        assert not taken & cells, f"{panel['title']} lies over another"
        taken |= cells
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)


def cells_of(at: dict[str, int]) -> set[tuple[int, int]]:
    columns, rows = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
    return {(column, row) for column in columns for row in rows}


def test_every_alert_says_how_bad_it_is_and_what_it_means() -> None:
    rules: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
