"""The log of calls over HTTP: who may what, and what is said to what makes no sense."""

import csv
import io
import json
from typing import Any

import pytest

from telephony.console.access.roles import Role
from telephony.console.calls import EXPORT_RATE
from tests.console.house import Console
from tests.telephony.callindex.made import made

API = "/api/v1"


@pytest.fixture
def log(console: Console) -> Console:
    calls = [
        made(f"CA{number}", number, caller="I want a haircut", persona="=desk", cost_micros=-1,
             tools=("book",))
        for number in range(4)
    ]  # fmt: skip
    console.parts.calls.index.put(calls)
    return console


def asked(log: Console, path: str, role: Role = Role.VIEWER) -> Any:
    answer = log.client(role).get(f"{API}/{path}", headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_calls_are_listed_page_by_page(log: Console) -> None:
    page = asked(log, "calls?limit=3")
    assert [call["call_id"] for call in page["calls"]] == ["CA3", "CA2", "CA1"]
    assert (page["complete"], page["before"]) == (True, None)
    rest = asked(log, f"calls?limit=3&after={page['after']}")
    assert [call["call_id"] for call in rest["calls"]] == ["CA0"]
    assert rest["after"] is None
    assert rest["calls"][0]["started_at"].startswith("2026-11-20T12:00:00")
    assert asked(log, "calls/running") == []


def test_what_was_found_comes_in_pieces(log: Console) -> None:
    call = asked(log, "calls?q=haircut&from=2026-11-20&persona=%3Ddesk")["calls"][0]
    (found,) = call["highlights"]
    assert found["speaker"] == "caller"
    assert [each["text"] for each in found["pieces"] if each["hit"]] == ["haircut"]
    assert (call["tools"], call["cost_usd"], call["sample"]) == (["book"], None, False)


@pytest.mark.parametrize(
    "query",
    [
        "from=soon",
        "limit=0",
        "limit=9999",
        "limit=0000000019999",
        "sort=x",
        "after=1",
        "caller=anna",
        "failed=2",
    ],
)
def test_what_makes_no_sense_is_refused_by_name(log: Console, query: str) -> None:
    answer = log.client(Role.VIEWER).get(f"{API}/calls?{query}")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["where"] == query.split("=", maxsplit=1)[0]


NUMBER = "four one five five five five oh one two three"


def test_requirement_d1_who_may_not_hear_finds_calls_without_the_caller_s_numbers(
    log: Console,
) -> None:
    said = f"call me under {NUMBER} about the gloves"
    log.parts.calls.index.put([made("CA7", 7, caller=said, agent="yes")])
    paths = ("calls?q=gloves", "calls/export.csv?q=gloves", "calls/export.jsonl?q=gloves")
    for path in (*paths, "calls/CA7/summary"):
        viewer = log.client(Role.VIEWER).get(f"{API}/{path}").text
        editor = log.client(Role.EDITOR).get(f"{API}/{path}").text
        assert made("CA7", 7).row.caller in editor
        assert not [part for part in (made("CA7", 7).row.caller, "five") if part in viewer]
    (call,) = asked(log, "calls?q=gloves")["calls"]
    pieces = call["highlights"][0]["pieces"]
    assert "[number] about the " in "".join(piece["text"] for piece in pieces)
    assert [piece["text"] for piece in pieces if piece["hit"]] == ["gloves"]


@pytest.mark.parametrize("query", ["caller=%2B1415", "q=0123", f"q={NUMBER}", "q=agent:415*"])
def test_who_may_not_hear_cannot_find_out_a_number_by_asking(log: Console, query: str) -> None:
    answer = log.client(Role.VIEWER).get(f"{API}/calls?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == query.split("=", maxsplit=1)[0]
    assert log.client(Role.VIEWER).get(f"{API}/calls/export.csv?{query}").status_code == 422
    assert "takes the right to hear" in log.client(Role.VIEWER).get(f"/console/calls?{query}").text
    assert log.client(Role.EDITOR).get(f"{API}/calls?{query}").status_code == 200
    assert asked(log, "calls?caller=-")["calls"] == []


def test_one_call_is_told(log: Console) -> None:
    assert asked(log, "calls/CA1/summary")["call_id"] == "CA1"
    for path in ("calls/CA9/summary", "calls/CA9/labels", "calls/CA9/notes", "calls/export.xml"):
        assert log.client(Role.VIEWER).get(f"{API}/{path}").status_code == 404


def test_fault_c12_exports_hold_every_call_and_no_formula(log: Console) -> None:
    answer = log.client(Role.VIEWER).get(f"{API}/calls/export.csv?tool=book&limit=2")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="calls.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["call_id"], row["persona"]) for row in rows] == [
        (f"CA{number}", "'=desk") for number in (3, 2, 1, 0)
    ]
    lines = log.client(Role.VIEWER).get(f"{API}/calls/export.jsonl?q=haircut").text.splitlines()
    assert [json.loads(line)["call_id"] for line in lines] == ["CA3", "CA2", "CA1", "CA0"]
    (entry, *_) = [each for each in log.access.audit.entries(50) if each.action == "calls.export"]
    assert "haircut" not in entry.after
    log.client(Role.EDITOR).get(f"{API}/calls/export.csv?caller=%2B1415555&tool=book")
    (entry, *_) = [each for each in log.access.audit.entries(50) if each.action == "calls.export"]
    assert "1415555" not in entry.after
    assert "tool=book" in entry.after


def test_labels_are_put_on_and_taken_off_by_who_may_edit(log: Console) -> None:
    editor, viewer = log.client(Role.EDITOR), log.client(Role.VIEWER)
    url = f"{API}/calls/CA1/labels"
    assert viewer.act("POST", url, {"label": "x"}).status_code == 403
    put = editor.act("POST", url, {"label": "to  check / <b> "}).json()
    (label,) = put["labels"]
    assert (label["label"], label["author"]) == ("to check / <b>", "editor")
    assert (put["label"], put["new"]) == ("to check / <b>", True)
    assert asked(log, "calls/CA1/labels") == {"labels": put["labels"]}
    again = log.client(Role.ADMIN).act("POST", url, {"label": "to check / <b>"}).json()
    assert again == {**put, "new": False}
    assert viewer.act("DELETE", f"{url}/to%20check%20%2F%20%3Cb%3E").status_code == 403
    gone = editor.act("DELETE", f"{url}/to%20check%20%2F%20%3Cb%3E")
    assert gone.json() == {"labels": []}
    assert editor.act("POST", url, {"label": " "}).status_code == 422
    assert editor.act("POST", f"{API}/calls/CA9/labels", {"label": "x"}).status_code == 404


def test_notes_are_written_taken_back_and_restored(log: Console) -> None:
    editor, viewer = log.client(Role.EDITOR), log.client(Role.VIEWER)
    url = f"{API}/calls/CA1/notes"
    assert viewer.act("POST", url, {"text": "x"}).status_code == 403
    (note,) = editor.act("POST", url, {"text": "Call <b>back</b>"}).json()["notes"]
    assert (note["text"], note["author"]) == ("Call <b>back</b>", "editor")
    assert viewer.act("DELETE", f"{url}/{note['id']}").status_code == 403
    assert editor.act("DELETE", f"{url}/{note['id']}").json() == {"notes": []}
    assert editor.act("DELETE", f"{url}/{note['id']}").status_code == 404
    assert editor.act("POST", f"{url}/{note['id']}/restore").json() == {"notes": [note]}
    assert asked(log, "calls/CA1/notes") == {"notes": [note]}
    made_by = [each for each in log.access.audit.entries(50) if each.action.startswith("call.")]
    actions = [each.action for each in made_by]
    assert actions[:3] == ["call.note.restore", "call.note.delete", "call.note"]


def test_views_are_kept_and_shared_by_who_may(log: Console) -> None:
    viewer, editor = log.client(Role.VIEWER), log.client(Role.EDITOR)
    body = {"name": "Dear", "query": "sort=cost", "shared": False}
    mine = viewer.act("POST", f"{API}/call-views", body).json()
    assert (mine["mine"], mine["shared"], mine["by"]) == (True, False, "viewer")
    assert viewer.act("POST", f"{API}/call-views", {**body, "shared": True}).status_code == 403
    shared = editor.act("POST", f"{API}/call-views", {**body, "shared": True}).json()
    assert [each["mine"] for each in asked(log, "call-views")["views"]] == [True, False]
    assert viewer.act("DELETE", f"{API}/call-views/{shared['id']}").status_code == 404
    assert viewer.act("DELETE", f"{API}/call-views/{mine['id']}").json() == mine
    assert editor.act("POST", f"{API}/call-views", {"name": ""}).status_code == 422
    written = [(each.who, each.action) for each in log.access.audit.entries(50)]
    assert [each for each in written if each[1].startswith("view.")] == [
        ("viewer", "view.drop"),
        ("editor", "view.keep"),
        ("viewer", "view.keep"),
    ]


@pytest.mark.parametrize("query", ["caller=%2B14155550100", "persona=desk&q=41111111"])
def test_a_shared_view_tells_nobody_what_they_may_not_look_for(log: Console, query: str) -> None:
    editor, viewer = log.client(Role.EDITOR), log.client(Role.VIEWER)
    for name, asks in (("Mrs Lee", query), ("Dear", "sort=cost")):
        body = {"name": name, "query": asks, "shared": True}
        assert editor.act("POST", f"{API}/call-views", body).status_code == 200
    own = {"name": "Own", "query": query, "shared": False}
    assert viewer.act("POST", f"{API}/call-views", own).status_code == 200
    for role, names in ((Role.VIEWER, ["Dear", "Own"]), (Role.APPROVER, ["Dear", "Mrs Lee"])):
        assert [each["name"] for each in asked(log, "call-views", role)["views"]] == names
    page = viewer.get("/console/calls").text
    assert ("Dear" in page, "Mrs Lee" in page) == (True, False)
    assert "Mrs Lee" in editor.get("/console/calls").text


def test_requirement_c_j_exports_are_few_for_one_client(log: Console) -> None:
    path = f"{API}/calls/export.jsonl?q=nothing"
    viewer, key = log.client(Role.VIEWER), log.key(Role.EDITOR)
    most = int(EXPORT_RATE.most)
    told = [viewer.get(path) for _ in range(most + 1)]
    assert [each.status_code for each in told] == [200] * most + [429]
    assert 0 < int(told[-1].headers["retry-after"]) <= 1 / EXPORT_RATE.per_s
    assert log.stranger().get(path, headers=key).status_code == 200, "others are not held up"


def test_without_a_session_or_a_key_nothing_is_told(log: Console) -> None:
    for path in ("calls", "calls/running", "calls/export.csv", "calls/CA1/notes", "call-views"):
        assert log.stranger().get(f"{API}/{path}", headers={"Accept": "*/*"}).status_code == 401
        assert log.stranger().get(f"{API}/{path}", headers=log.key(Role.VIEWER)).status_code == 200


@pytest.mark.parametrize("path", ["costs/callers", "waiting"])
def test_lists_of_callers_are_for_who_may_hear(log: Console, path: str) -> None:
    assert log.client(Role.VIEWER).get(f"{API}/{path}").status_code == 403
    assert log.client(Role.EDITOR).get(f"{API}/{path}").status_code == 200


def test_a_note_shows_no_number_to_who_may_not_hear(log: Console) -> None:
    editor, path = log.client(Role.EDITOR), f"{API}/calls/CA2/notes"
    assert editor.act("POST", path, {"text": "Ring back 415 555 0123."}).status_code == 200
    assert asked(log, "calls/CA2/notes")["notes"][0]["text"] == "Ring back [number]."
    assert editor.get(path).json()["notes"][0]["text"] == "Ring back 415 555 0123."
