"""Tools and personas over the API: what there is, forms, examples, merging, going back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.console.hostile import CORPUS
from tests.console.salon import BOOK, SALON, checking
from tests.telephony.api_client import Office, new_database
from tests.telephony.test_preview import BOOKING, Shelf
from tools.versions.files import Files
from tools.versions.spec import Moved, Saved


class Salon(Office):
    """Version 1 is a salon, checked as in a service; it is published."""

    def __init__(self, folder: Path, *, examples: bool = False) -> None:
        super().__init__(folder, checking(folder, examples=examples))
        assert isinstance(self.versions.save(None, SALON, "ann", "begun"), Saved)
        assert isinstance(self.versions.publish(1, "ann", "live"), Moved)

    def ask(self, method: str, path: str, json: Any = None, status: int = 200) -> Any:
        answer = self.client.request(method, path, json=json)
        assert answer.status_code == status, answer.text
        return answer.json()

    def edit(self, path: str, text: str) -> int:
        """Saved upon the newest; the new version."""
        etag = self.client.get(f"config/files/{path}").headers["etag"]
        answer = self.put(path, text, if_match=etag)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["version"])


@pytest.fixture(scope="module")
def salon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Salon]:
    """For stories that change nothing."""
    folder = tmp_path_factory.mktemp("salon")
    new_database(folder)
    made = Salon(folder, examples=True)
    yield made
    made.store.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Salon]:
    """For stories that do."""
    new_database(tmp_path)
    made = Salon(tmp_path)
    yield made
    made.store.close()


def items(salon: Salon) -> dict[str, Any]:
    return {each["path"]: each for each in salon.ask("GET", "config/catalogue")["items"]}


# ---- what there is ------------------------------------------------------------------------------


def test_every_tool_and_persona_is_listed_with_who_uses_it(salon: Salon) -> None:
    listed = items(salon)
    assert set(listed) == {path for path in SALON if "/" in path}
    book = listed[BOOK]
    assert (book["state"], book["handler"]) == ("published", "booking.book_appointment")
    assert (book["personas"], book["numbers"], book["other_numbers"]) == (
        ["receptionist"],
        [],
        True,
    )
    assert listed["personas/receptionist.yaml"]["kind"] == "persona"


def test_drafts_and_broken_files_are_told_from_what_is_published(own: Salon) -> None:
    own.edit(BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    own.edit("tools/end_call.yaml", "handler: calls.no_such\n")
    own.added("tools/other.yaml", "handler: calls.end_call\nname: bye\n")
    listed = items(own)
    assert (listed[BOOK]["state"], listed[BOOK]["change"]) == ("draft", "changed")
    broken = listed["tools/end_call.yaml"]
    assert (broken["state"], broken["errors"] > 0) == ("broken", True)
    assert (listed["tools/other.yaml"]["change"], listed["tools/other.yaml"]["name"]) == (
        "added",
        "bye",
    )
    tag = own.client.get(f"config/files/{BOOK}").headers["etag"]
    own.client.delete(f"config/files/{BOOK}", headers={"If-Match": tag})
    assert items(own)[BOOK]["change"] == "removed"


def test_there_are_files_to_begin_with(salon: Salon) -> None:
    found = salon.ask("GET", "config/starters")["starters"]
    assert {each["kit"] for each in found} == {"salon", "dental"}
    there = {each["path"]: each["there"] for each in found}
    assert (there[BOOK], there["tools/emergency.yaml"]) == (True, False)


# ---- forms --------------------------------------------------------------------------------------


def field(form: Any, *path: str | int) -> Any:
    fields = form["fields"]
    for depth in range(len(path)):
        found = next(each for each in fields if each["path"] == list(path[: depth + 1]))
        fields = found["fields"]
    return found


def form(salon: Salon, text: str, path: str = BOOK, **more: Any) -> Any:
    return salon.ask("POST", "config/form", {"path": path, "text": text, **more})


def test_a_form_has_the_help_and_the_bounds_of_the_declarations(salon: Salon) -> None:
    found = form(salon, SALON[BOOK])
    per_call = field(found, "limits", "per_call")
    assert (per_call["value"], per_call["low"], per_call["high"]) == (5, 1, 1000)
    assert per_call["help"] == "In one call."
    assert field(found, "handler")["required"]
    assert "booking.book_appointment" in field(found, "handler")["choices"]
    assert field(found, "parameters", "date", "ask")["value"] == "What day would suit you?"
    assert field(found, "examples", 0, "gives")["kind"] == "yaml"
    assert not {"http", "mcp"} & {each["path"][0] for each in found["fields"]}
    assert found["errors"] == []


def test_an_error_stands_at_its_field_with_its_line(salon: Salon) -> None:
    text = SALON[BOOK].replace("per_call: 5", "per_call: 5000")
    found = form(salon, text)
    line = 1 + text[: text.index("per_call")].count("\n")
    assert field(found, "limits", "per_call")["errors"][0].startswith(f"Line {line}: ")
    assert found["errors"][0]["where"] == f"{BOOK}:{line}:13"
    assert field(found, "limits")["errors"] == []


def test_fault_c5_what_is_no_yaml_is_told_with_its_line_and_has_no_form(own: Salon) -> None:
    for text in (
        "handler: [\n",
        "a: &x 1\nb: *x\n",
        "handler: !!python/object:os.system x\n",
        "handler: x\nhandler: y\n",
        "".join(f"a{at}: &a{at} [*a{at - 1}, *a{at - 1}]\n" for at in range(1, 40)),
        "x: " + "[" * 2_000,
    ):
        found = form(own, text)
        assert found["fields"] is None
        assert found["errors"][0]["where"].startswith(BOOK)
        body = {"path": BOOK, "text": text, "edits": [{"path": ["name"], "value": "x"}]}
        assert own.ask("POST", "config/edit", body, 422)["type"].endswith("bad-file")
    large = "# " + "x" * 70_000
    own.ask("POST", "config/form", {"path": BOOK, "text": large}, 422)
    own.ask("POST", "config/form", {"path": BOOK, "text": "x" * 10_000_000}, 413)
    version = own.edit(BOOK, "handler: [\n")
    assert own.ask("POST", f"config/versions/{version}/publish", {}, 422)["type"].endswith("broken")
    assert own.versions.pointers().published == 1, "what calls go by is as it was"


def test_examples_are_run_for_errors_only_if_that_is_wanted(salon: Salon) -> None:
    text = SALON[BOOK].replace("status: refused", "status: done")
    assert form(salon, text)["errors"] == []
    found = form(salon, text, examples=True)
    assert "came out as" in field(found, "examples", 1, "gives")["errors"][0]


def test_a_change_in_the_form_is_a_change_of_one_line(salon: Salon) -> None:
    edits = [
        {"path": ["parameters", "date", "ask"], "value": "Which day?"},
        {"path": ["limits", "per_call"], "yaml": "7"},
        {"path": ["filler"], "remove": True},
    ]
    body = {"path": BOOK, "text": SALON[BOOK], "edits": edits}
    text = salon.ask("POST", "config/edit", body)["text"]
    before, after = SALON[BOOK].splitlines(), text.splitlines()
    assert set(after) - set(before) == {"    ask: Which day?", "  per_call: 7"}
    assert [line for line in before if "#" in line] == [line for line in after if "#" in line]


def test_what_cannot_be_changed_in_a_form_is_said(salon: Salon) -> None:
    body = {"path": BOOK, "text": SALON[BOOK], "edits": [{"path": ["handler", "x"], "value": 1}]}
    assert salon.ask("POST", "config/edit", body, 409)["type"].endswith("not-editable")
    body["edits"] = [{"path": ["filler"], "yaml": "[1"}]
    assert salon.ask("POST", "config/edit", body, 422)["type"].endswith("bad-file")
    for path in ("elsewhere.yaml", "deeper/shop.yaml", "tools/deeper/x.yaml", "elsewhere/x.yaml"):
        found = salon.ask("POST", "config/form", {"path": path, "text": "a: 1"}, 404)
        assert found["type"].endswith("no-form")


def test_fault_c3_names_and_comments_come_back_as_they_are(salon: Salon) -> None:
    for text in CORPUS:
        words = " ".join(text.replace("\0", "").split())
        body: dict[str, Any] = {
            "path": BOOK,
            "text": f"# {words}\nhandler: calls.end_call\n".replace("\x1b", ""),
            "edits": [{"path": ["description"], "value": text}],
        }
        found = salon.ask("POST", "config/edit", body)["text"]
        assert found.startswith(body["text"].splitlines()[0])
        assert field(form(salon, found), "description")["value"] == text


# ---- examples -----------------------------------------------------------------------------------


def test_examples_are_run_on_the_spot(salon: Salon) -> None:
    found = salon.ask("POST", "config/examples", {"path": BOOK})
    assert (found["ok"], found["ran"]) == (True, 2)
    assert found["examples"][0]["gave"]["status"] == "done"
    text = SALON[BOOK].replace("status: done", "status: failed")
    worse = salon.ask("POST", "config/examples", {"path": BOOK, "changes": {BOOK: text}})
    assert not worse["ok"]
    assert worse["examples"][0]["problems"][0]["where"].startswith(f"{BOOK}:")
    broken = salon.ask("POST", "config/examples", {"changes": {BOOK: "handler: x\n"}}, 422)
    assert broken["errors"]


# ---- two who edit -------------------------------------------------------------------------------


def test_fault_c4_of_two_editors_nobody_loses_a_line(own: Salon) -> None:
    began = own.client.get(f"config/files/{BOOK}").headers["etag"]
    anns = (
        SALON[BOOK]
        .replace("per_call: 5", "per_call: 6")
        .replace("What day would", "Which day might")
    )
    bobs = SALON[BOOK].replace("per_call: 5", "per_call: 7").replace("can I make", "may I make")
    assert own.put(BOOK, anns, if_match=began).status_code == 200
    clash = own.put(BOOK, bobs, if_match=began)
    assert clash.status_code == 412
    draft = clash.json()["conflict"]["draft"]
    (file,) = own.ask("GET", f"config/versions/{draft}/standoff")["files"]
    assert (file["base"], file["theirs"], file["yours"]) == (SALON[BOOK], anns, bobs)
    assert [each["side"] for each in file["hunks"] if each["side"] != "nobody"] == [
        "theirs",
        "conflict",
        "yours",
    ]
    assert file["merged"] is None
    texts = {"base": file["base"], "theirs": file["theirs"], "yours": file["yours"]}
    assert own.ask("POST", "config/merge", texts)["hunks"] == file["hunks"]
    chosen = {"conflict": "yours", "theirs": "theirs"}
    merged = "".join(each[chosen.get(each["side"], "yours")] for each in file["hunks"])
    assert own.put(BOOK, merged, if_match=file["etag"]).status_code == 200
    kept = own.client.get(f"config/files/{BOOK}").json()["text"]
    assert "per_call: 7" in kept
    assert "Which day might" in kept
    assert "may I make" in kept


def test_a_version_that_clashes_with_nothing_has_no_conflict_to_show(salon: Salon) -> None:
    found = salon.ask("GET", "config/versions/1/standoff", status=404)
    assert found["type"].endswith("no-conflict")
    assert salon.ask("GET", "config/versions/99/standoff", status=404)["type"].endswith(
        "no-version"
    )


# ---- going back ---------------------------------------------------------------------------------


def test_fault_c6_a_roll_back_is_shown_first_and_checked(own: Salon) -> None:
    nothing = own.ask("GET", "config/rollback")
    assert (nothing["version"], nothing["published"]) == (None, 1)
    second = own.edit(BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    own.ask("POST", f"config/versions/{second}/publish", {"why": "more"})
    shown = own.ask("GET", "config/rollback")
    assert (shown["version"], shown["published"], shown["errors"]) == (1, second, [])
    assert "-  per_call: 6\n+  per_call: 5\n" in shown["files"][0]["diff"]
    moved = own.ask("POST", "config/rollback", {"why": "too many"})
    assert (moved["what"], moved["version"], moved["why"]) == ("rolled-back", 1, "too many")
    assert own.versions.pointers().published == 1


def test_fault_c6_a_version_whose_tool_is_gone_is_not_gone_back_to(
    own: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = own.edit(BOOK, SALON[BOOK].replace("per_call: 5", "per_call: 6"))
    own.ask("POST", f"config/versions/{second}/publish", {})
    whole = own.versions._check

    def without_booking(files: Files) -> Any:
        """As after an update that has no such handler any more."""
        texts = {
            path: text.replace("booking.book_", "booking.gone_") for path, text in files.items()
        }
        return whole(texts if "per_call: 5" in files[BOOK] else files)

    monkeypatch.setattr(own.versions, "_check", without_booking)
    shown = own.ask("GET", "config/rollback")
    assert "there is no handler" in shown["errors"][0]["what"]
    assert own.ask("POST", "config/rollback", {}, 422)["type"].endswith("broken")
    assert own.versions.pointers().published == second


# ---- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://localhost/x",
        "https://127.0.0.1:8080/x",
        "https://[::1]/x",
        "https://10.0.0.5/x",
        "ftp://example.com/x",
        "https://{argument}/x",
    ],
)
def test_fault_c11_a_tool_that_asks_an_address_of_our_own_cannot_be_published(
    own: Salon, url: str
) -> None:
    text = f"handler: http\nrisk: read\ndescription: Look.\nhttp: {{url: '{url}'}}\n"
    found = form(own, text, path="tools/look.yaml")
    assert field(found, "http")["errors"] or field(found, "http", "url")["errors"], found["errors"]
    own.added("tools/look.yaml", text)
    version = own.versions.pointers().head
    own.ask("POST", f"config/versions/{version}/publish", {}, 422)
    assert own.versions.pointers().published == 1


# ---- calls of the past --------------------------------------------------------------------------


def test_what_an_edit_would_have_made_otherwise_is_told_and_who_read_it_is_kept(
    own: Salon, tmp_path: Path
) -> None:
    Shelf(tmp_path).call(*BOOKING)
    same = own.ask("POST", "config/preview", {"changes": {}, "calls": 5})
    assert (same["calls"], same["tool_calls"], same["changed_calls"]) == (1, 1, [])
    kept = SALON[BOOK] + "redact: [name]\n"
    otherwise = own.ask("POST", "config/preview", {"changes": {BOOK: kept}, "calls": 5})
    (call,) = otherwise["changed_calls"]
    assert (call["call_id"], call["differences"][0]["kind"]) == ("CA1", "record")
    written = own.parts.access.audit.entries(9)
    assert [(each.action, each.after) for each in written] == [("calls.preview", '{"calls":5}')] * 2


def test_a_broken_edit_is_not_previewed(own: Salon) -> None:
    problem = own.ask("POST", "config/preview", {"changes": {BOOK: "handler: ["}}, 422)
    assert problem["errors"][0]["where"].startswith(BOOK)
    assert own.parts.access.audit.entries(9) == []
