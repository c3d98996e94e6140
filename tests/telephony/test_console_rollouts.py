"""Gradual roll-outs over the API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.telephony.api_client import Office, new_database
from tools.rollout.spec import Arm, Seen


class Desk(Office):
    """Version 1 is published, version 2 is to be tried."""

    def __init__(self, folder: Path) -> None:
        new_database(folder)
        super().__init__(folder)
        tag = self.added("shop.yaml", "one")
        self.versions.publish(1, "ann", "")
        self.put("shop.yaml", "two", if_match=tag)

    def ask(self, method: str, path: str, json: Any = None, status: int = 200) -> Any:
        answer = self.client.request(method, path, json=json, headers={"X-Author": "bob"})
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_a_roll_out_from_its_beginning_to_everybody(desk: Desk) -> None:
    body = {"version": 2, "percent": 12.5, "numbers": ["+44 20 7946 0001"], "why": "to see"}
    begun = desk.ask("POST", "rollouts", body)
    assert (begun["state"], begun["who"], begun["numbers"]) == ("running", "bob", ["+442079460001"])
    assert begun["rule"] == {
        "least_calls": 30,
        "doubt": 0.05,
        "margin": 0.02,
        "silence_ms": 4000,
    }
    changed = desk.ask("POST", "rollouts/1/change", {"percent": 50, "why": "well"})
    assert (changed["percent"], changed["numbers"]) == (50, [])
    desk.parts.workshop.rollouts.keep(1, {"CA1": (Arm.NEW, Seen(transferred=True))})
    shown = desk.ask("GET", "rollouts/1")
    assert (shown["new"]["calls"], shown["new"]["transferred"], shown["old"]["calls"]) == (1, 1, 0)
    assert shown["next_look_at"] == 30
    assert [each["what"] for each in shown["events"]] == ["changed", "started"]
    ended = desk.ask("POST", "rollouts/1/publish", {"why": "good"})
    assert (ended["state"], desk.versions.pointers().published) == ("published", 2)
    assert desk.moved == [2], "calls that come are told at once"
    assert [each["id"] for each in desk.ask("GET", "rollouts")["rollouts"]] == [1]
    found = desk.parts.access.audit.entries(10)
    assert [each.action for each in found if each.action.startswith("rollout")] == [
        "rollout.publish",
        "rollout.change",
        "rollout.start",
    ]


def test_what_the_guard_saw_is_told(desk: Desk) -> None:
    desk.ask("POST", "rollouts", {"version": 2, "percent": 10, "rule": {"least_calls": 5}})
    calls = {f"o{at}": (Arm.OLD, Seen()) for at in range(30)}
    calls |= {f"n{at}": (Arm.NEW, Seen(tool_error=True)) for at in range(5)}
    desk.parts.workshop.rollouts.keep(1, calls)
    shown = desk.ask("GET", "rollouts/1")
    assert (shown["rollout"]["state"], shown["rollout"]["ended_by"]) == ("rolled-back", "guard")
    judged = next(each for each in shown["events"] if each["what"] == "judged")
    worse = next(each for each in judged["findings"] if each["measure"] == "tool_error")
    assert (judged["look"], worse["worse"], worse["new_share"]) == (1, True, 1.0)
    assert worse["chance"] < worse["limit"]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"version": 2}, 422, "no-calls"),
        ({"version": 2, "numbers": ["nobody"]}, 422, "bad-number"),
        ({"version": 2, "percent": 101}, 422, "bad-request"),
        ({"version": 2, "percent": 5, "rule": {"least_calls": 1}}, 422, "bad-request"),
        ({"version": 1, "percent": 5}, 409, "already-published"),
        ({"version": 99, "percent": 5}, 404, "no-version"),
    ],
)
def test_what_cannot_be_rolled_out_is_said(
    desk: Desk, body: dict[str, Any], status: int, word: str
) -> None:
    assert desk.ask("POST", "rollouts", body, status)["type"].endswith(word)
    assert desk.ask("GET", "rollouts")["rollouts"] == []


def test_broken_and_outdated_versions_are_refused_and_one_runs_at_a_time(desk: Desk) -> None:
    tag = desk.client.get("config/files/shop.yaml").headers["etag"]
    desk.put("shop.yaml", "broken", if_match=tag)
    body: dict[str, Any] = {"version": 3, "percent": 5}
    assert desk.ask("POST", "rollouts", body, 422)["errors"]
    desk.ask("POST", "rollouts", {"version": 2, "percent": 5})
    again = desk.ask("POST", "rollouts", {"version": 2, "percent": 5}, 409)
    assert again["type"].endswith("rollout-running")
    stopped = desk.ask("POST", "rollouts/1/stop", {})
    assert stopped["state"] == "stopped"
    for act in ("stop", "publish"):
        assert desk.ask("POST", f"rollouts/1/{act}", {}, 409)["type"].endswith("rollout-over")
    desk.versions.publish(2, "ann", "")
    behind = desk.ask("POST", "rollouts", {"version": 1, "percent": 5}, 409)
    assert behind["type"].endswith("behind")


@pytest.mark.parametrize("path", ["rollouts/9", "rollouts/9/stop", "rollouts/9/publish"])
def test_a_roll_out_there_is_not(desk: Desk, path: str) -> None:
    method = "GET" if path.endswith("9") else "POST"
    found = desk.ask(method, path, None if method == "GET" else {}, 404)
    assert found["type"].endswith("no-rollout")


def test_nothing_published_is_nothing_to_compare_with(tmp_path: Path) -> None:
    new_database(tmp_path)
    office = Office(tmp_path)
    office.added("shop.yaml", "one")
    answer = office.client.post("rollouts", json={"version": 1, "percent": 5})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (
        409,
        "nothing-published",
    )
    office.store.close()
