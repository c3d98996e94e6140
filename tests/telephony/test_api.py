"""The HTTP API of the configuration: every answer it can give."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from telephony.console.access.gate import MAX_BODY_BYTES
from telephony.console.desk import MOST_WAITING
from telephony.console.problems import TYPE
from telephony.console.views import Problem, cleaned, named_tag
from telephony.follower import FolderState
from tests.telephony.api_client import KEY, Office, new_database
from tools.spec import BackendError
from tools.store import CommitUnknownError
from tools.versions.files import text_digest

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, to be copied."""
    return new_database(tmp_path_factory.mktemp("migrated"))


@pytest.fixture
def office(tmp_path: Path, migrated: Path) -> Iterator[Office]:
    shutil.copy(migrated, tmp_path)
    office = Office(tmp_path)
    yield office
    office.store.close()


@pytest.fixture
def client(office: Office) -> TestClient:
    return office.client


def problem(answer: Any, status: int, code: str) -> Problem:
    """The answer is this problem, in the form of RFC 9457."""
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    ), answer.text
    found = Problem.model_validate_json(answer.text)
    assert (found.status, found.type) == (status, f"{TYPE}{code}")
    return found


# ---- the key ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Basic {KEY}", KEY],
)
@pytest.mark.parametrize(
    "path", ["config", "openapi.json", "nothing/here", "config/files/%0A", "%0Aconfig"]
)
def test_nothing_is_there_without_the_key(
    office: Office, path: str, authorization: str | None
) -> None:
    stranger = TestClient(office.app, base_url="http://testserver/api/v1/")
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = stranger.get(path, headers=headers)
    problem(answer, 401, "no-key")
    assert answer.headers["www-authenticate"] == 'Bearer realm="frontdesk"'


def test_no_socket_is_opened_here(office: Office) -> None:
    with pytest.raises(WebSocketDisconnect), office.client.websocket_connect("config"):
        pass


def test_two_keys_are_none(office: Office) -> None:
    headers = [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer other")]
    problem(TestClient(office.app).get("/api/v1/config", headers=headers), 401, "no-key")


# ---- reading ------------------------------------------------------------------------------------


def test_an_editor_gets_the_newest_files_with_a_tag_for_each(
    office: Office, client: TestClient
) -> None:
    assert client.get("config").json() == {"version": None, "published": None, "files": []}
    office.added("shop.yaml", "one")
    tag = office.added("tools/book.yaml", "two")
    answer = client.get("config")
    assert answer.json()["version"] == 2
    assert answer.json()["files"][1] == {"path": "tools/book.yaml", "etag": tag, "text": "two"}
    known = {"If-None-Match": answer.headers["etag"]}
    unchanged = client.get("config", headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    client.post("config/versions/2/publish", json={})
    assert client.get("config", headers=known).json()["published"] == 2


def test_one_file(office: Office, client: TestClient) -> None:
    text = "zwei Stühle\n"
    tag = office.added("tools/book.yaml", text)
    answer = client.get("config/files/tools/book.yaml")
    assert answer.headers["etag"] == tag == f'"{text_digest(text)}"'
    assert answer.json() == {
        "path": "tools/book.yaml",
        "etag": tag,
        "text": text,
        "version": 1,
    }
    problem(client.get("config/files/other.yaml"), 404, "no-file")


def test_how_the_service_stands(office: Office, client: TestClient) -> None:
    office.added("shop.yaml", "one")
    answer = client.get("config/status").json()
    assert (answer["running"], answer["head"], answer["published"]) == (1, 1, None)
    assert (answer["folder"], answer["reasons"]) == ("broken", ["shop.yaml:1:1: is broken"])
    office.stood(folder=FolderState.TAKEN, reasons=(), database="it is down", unusable=7)
    answer = client.get("config/status").json()
    assert (answer["folder"], answer["database"], answer["unusable"]) == ("taken", "it is down", 7)


def test_the_schema_of_each_kind_of_file(client: TestClient) -> None:
    shop = client.get("config/schema/shop").json()
    assert ("shop" in shop["title"], "$defs" in shop) == (True, True)
    assert (
        "shop, phone, crm." in problem(client.get("config/schema/other"), 404, "no-schema").detail
    )


def test_a_change_is_tried_out_and_nothing_is_kept(office: Office, client: TestClient) -> None:
    office.added("shop.yaml", "broken")
    office.added("phone.yaml", "fine")
    mended = {"changes": {"shop.yaml": "mended"}}
    assert client.post("config/check", json=mended).json() == {"ok": True, "errors": []}
    assert client.post("config/check", json={"changes": {"shop.yaml": None}}).json()["ok"]
    broken = client.post("config/check", json={"changes": {"new.yaml": "broken"}, "version": 1})
    assert broken.json() == {
        "ok": False,
        "errors": [
            {"where": "shop.yaml:1:1", "what": "is broken", "hint": "Mend it"},
            {"where": "new.yaml:1:1", "what": "is broken", "hint": "Mend it"},
        ],
    }
    assert len(office.versions.history(9)) == 2
    problem(client.post("config/check", json={"changes": {"../x": "y"}}), 422, "bad-file")
    problem(client.post("config/check", json={"version": 99}), 404, "no-version")


# ---- changing a file ----------------------------------------------------------------------------


def test_a_file_is_changed_by_whoever_names_what_they_began_with(
    office: Office, client: TestClient
) -> None:
    tag = office.added("shop.yaml", "one", x_author="Zoë".encode())
    answer = office.put("shop.yaml", "two", if_match=tag, x_author="bob", x_why="a new chair")
    assert answer.json() == {
        "version": 2,
        "new": True,
        "etag": answer.headers["etag"],
        "errors": [],
    }
    newest, first = office.versions.history(2)
    assert (newest.author, newest.why, first.author) == ("bob", "a new chair", "Zoë")
    assert client.get("config/files/shop.yaml").headers["etag"] == answer.headers["etag"] != tag


def test_a_file_may_come_as_json_with_its_reason(office: Office, client: TestClient) -> None:
    tag = office.added("shop.yaml", "one")
    headers = {"If-Match": tag}
    body = {"text": "two", "why": "a new chair"}
    answer = client.put("config/files/shop.yaml", json=body, headers=headers)
    assert answer.json()["version"] == 2
    assert office.versions.version(2).why == "a new chair"
    assert office.versions.version(2).author == "api"


def test_writing_the_same_again_is_no_new_version(office: Office) -> None:
    tag = office.added("shop.yaml", "one")
    assert office.put("shop.yaml", "one", if_match=tag).json()["new"] is False
    assert office.put("shop.yaml", "one", if_none_match="*").json()["version"] == 1


def test_a_broken_file_is_kept_and_its_errors_are_told(office: Office) -> None:
    answer = office.put("shop.yaml", "broken", if_none_match="*")
    assert answer.status_code == 200
    assert answer.json()["errors"] == [
        {"where": "shop.yaml:1:1", "what": "is broken", "hint": "Mend it"}
    ]


@pytest.mark.parametrize("headers", [{}, {"if_none_match": '"abc"'}])
def test_whoever_does_not_say_what_they_began_with_is_asked(
    office: Office, headers: dict[str, str]
) -> None:
    problem(office.put("shop.yaml", "one", **headers), 428, "no-condition")
    problem(office.client.delete("config/files/shop.yaml"), 428, "no-condition")


@pytest.mark.parametrize("tag", ["*", '"abc"', f'W/"{"a" * 64}"', f'"{"a" * 64}"', "x" * 66])
def test_a_tag_that_no_file_has_is_stale(office: Office, tag: str) -> None:
    office.added("shop.yaml", "one")
    problem(office.put("shop.yaml", "two", if_match=tag), 412, "stale")


def test_fault_c4_the_second_editor_gets_a_conflict_with_the_diff_and_loses_nothing(
    office: Office, client: TestClient
) -> None:
    began = office.added("shop.yaml", "one\n")
    anns = office.put("shop.yaml", "ann's\n", if_match=began)
    answer = office.put("shop.yaml", "bob's\n", if_match=began)
    found = problem(answer, 412, "conflict").conflict
    assert found is not None
    assert (found.base, found.theirs, found.draft) == (1, 2, 3)
    (file,) = found.files
    assert (file.base, file.theirs, file.yours) == ("one\n", "ann's\n", "bob's\n")
    assert "-ann's\n+bob's\n" in file.diff
    kept = client.get("config/versions/3").json()
    assert (kept["conflicts_with"], kept["files"][0]["text"]) == (2, "bob's\n")
    # The answer has the tag to try again with.
    assert answer.headers["etag"] == anns.headers["etag"]
    assert office.put("shop.yaml", "both\n", if_match=answer.headers["etag"]).status_code == 200


def test_two_who_add_the_same_file(office: Office) -> None:
    office.added("other.yaml", "x")
    office.added("shop.yaml", "ann's")
    found = problem(office.put("shop.yaml", "bob's", if_none_match="*"), 412, "conflict").conflict
    assert found is not None
    assert office.versions.files(found.draft) == {"other.yaml": "x", "shop.yaml": "bob's"}


def test_others_may_change_other_files_meanwhile(office: Office, client: TestClient) -> None:
    shop, phone = office.added("shop.yaml", "one"), office.added("phone.yaml", "one")
    office.put("shop.yaml", "two", if_match=shop)
    assert office.put("phone.yaml", "two", if_match=phone).status_code == 200
    files = client.get("config").json()["files"]
    assert {file["path"]: file["text"] for file in files} == {
        "phone.yaml": "two",
        "shop.yaml": "two",
    }


def test_a_file_is_taken_out(office: Office, client: TestClient) -> None:
    tag = office.added("shop.yaml", "one")
    answer = client.delete("config/files/shop.yaml", headers={"If-Match": tag, "X-Why": "gone"})
    assert (answer.json()["version"], answer.json()["etag"]) == (2, None)
    problem(client.get("config/files/shop.yaml"), 404, "no-file")
    assert office.versions.version(2).why == "gone"


def test_a_body_that_is_no_text_is_refused(office: Office, client: TestClient) -> None:
    problem(office.put("shop.yaml", b"\xff\xfe", if_none_match="*"), 400, "not-utf-8")
    kind = {"content_type": "image/png", "if_none_match": "*"}
    problem(office.put("shop.yaml", "x", **kind), 415, "media-type")
    for body in (b"{", b"[]", b"{}", b'{"text": 1}', b'{"text": "x", "other": 1}'):
        answer = office.put("shop.yaml", body, content_type="application/json", if_none_match="*")
        assert problem(answer, 422, "bad-request").errors
    nul = office.put("shop.yaml", "a\0b", if_none_match="*")
    assert "holds a NUL" in problem(nul, 422, "bad-file").detail
    problem(office.put("shop.txt", "x", if_none_match="*"), 422, "bad-file")
    problem(office.put("%2e%2e/shop.yaml", "x", if_none_match="*"), 422, "bad-file")
    assert office.versions.history(9) == []


def test_a_body_that_is_too_large_is_not_read(office: Office) -> None:
    large = b"x" * (MAX_BODY_BYTES + 1)
    problem(office.put("shop.yaml", large, if_none_match="*"), 413, "too-large")
    pieces = (large[:100_000] for _ in range(4))  # without a length
    url, headers = "config/files/shop.yaml", {"If-None-Match": "*", "Content-Type": "text/plain"}
    answer = office.client.put(url, content=pieces, headers=headers)
    problem(answer, 413, "too-large")
    url = "config/check"
    pieces = (b'{"changes": {"a.yaml": "' + large[:100_000] for _ in range(4))
    problem(office.client.post(url, content=pieces, headers=JSON), 413, "too-large")


# ---- history ------------------------------------------------------------------------------------


def test_history_pages_on_by_key(office: Office, client: TestClient) -> None:
    for number in range(5):
        office.added(f"file{number}.yaml", "x")
    ids, before, pages = [], None, 0
    while pages == 0 or before:
        params = {"limit": 2} | ({"before": before} if before else {})
        page = client.get("config/versions", params=params).json()
        ids += [each["id"] for each in page["versions"]]
        before, pages = page["next"], pages + 1
    assert (ids, pages) == ([5, 4, 3, 2, 1], 3)
    for wrong in ({"limit": 0}, {"limit": 201}, {"before": 0}, {"before": 2**40}, {"limit": "x"}):
        problem(client.get("config/versions", params=wrong), 422, "bad-request")


def test_a_version_with_its_files(office: Office, client: TestClient) -> None:
    office.added("shop.yaml", "one", x_author="ann", x_why="first")
    found = client.get("config/versions/1").json()
    assert (found["author"], found["why"], found["published"]) == ("ann", "first", False)
    assert found["files"][0]["text"] == "one"
    problem(client.get("config/versions/9"), 404, "no-version")
    for wrong in ("0", "-1", "x", str(2**31), "1" * 5000):
        assert problem(client.get(f"config/versions/{wrong}"), 422, "bad-request").errors


def test_the_difference_of_two_versions(office: Office, client: TestClient) -> None:
    tag = office.added("shop.yaml", "one\n")
    office.put("shop.yaml", "two\n", if_match=tag)
    found = client.get("config/versions/1/diff/2").json()
    assert found["files"] == [
        {
            "path": "shop.yaml",
            "change": "changed",
            "diff": "--- a/shop.yaml\n+++ b/shop.yaml\n@@ -1 +1 @@\n-one\n+two\n",
        }
    ]
    problem(client.get("config/versions/1/diff/9"), 404, "no-version")


# ---- publishing ---------------------------------------------------------------------------------


def test_publishing_and_rolling_back_are_events_with_who_and_why(
    office: Office, client: TestClient
) -> None:
    tag = office.added("shop.yaml", "one")
    office.put("shop.yaml", "two", if_match=tag)
    who = {"X-Author": "ann"}
    for version in (1, 2):
        body = {"why": f"number {version}"}
        answer = client.post(f"config/versions/{version}/publish", json=body, headers=who)
        assert answer.json()["version"] == version
    back = client.post("config/rollback", json={"why": "no"}, headers={"X-Author": "bob"})
    assert (back.json()["version"], back.json()["what"]) == (1, "rolled-back")
    assert office.moved == [1, 2, 1]
    events = client.get("config/events", params={"limit": 2}).json()
    assert [(each["who"], each["why"]) for each in events["events"]] == [
        ("bob", "no"),
        ("ann", "number 2"),
    ]
    older = client.get("config/events", params={"before": events["next"]}).json()
    assert ([each["version"] for each in older["events"]], older["next"]) == ([1], None)
    problem(client.post("config/rollback", json={}), 409, "nothing-before")


def test_what_is_broken_is_not_published(office: Office, client: TestClient) -> None:
    office.added("shop.yaml", "broken")
    found = problem(client.post("config/versions/1/publish", json={}), 422, "broken")
    assert found.errors[0].where == "shop.yaml:1:1"
    assert office.moved == []


def test_what_would_undo_the_work_of_others_is_not_published(
    office: Office, client: TestClient
) -> None:
    tag = office.added("shop.yaml", "one")
    office.put("shop.yaml", "ann's", if_match=tag)
    office.put("shop.yaml", "bob's", if_match=tag)
    client.post("config/versions/2/publish", json={})
    assert (
        "version 2 is published"
        in problem(client.post("config/versions/3/publish", json={}), 409, "behind").detail
    )
    problem(client.post("config/versions/3/publish", json={"over": 1}), 409, "behind")
    problem(client.post("config/rollback", json={"over": 1}), 409, "nothing-before")
    assert client.post("config/versions/3/publish", json={"anyway": True}).status_code == 200
    problem(client.post("config/rollback", json={"over": 1}), 409, "behind")
    problem(client.post("config/versions/9/publish", json={}), 404, "no-version")


# ---- everything that goes wrong -----------------------------------------------------------------


def test_what_is_not_there_and_what_cannot_be_done_are_problems_too(client: TestClient) -> None:
    problem(client.get("nothing/here"), 404, "not-found")
    answer = client.post("config")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"
    problem(client.post("config/check", content=b"{", headers=JSON), 422, "bad-request")


def test_fault_s2_a_database_that_is_down_is_a_problem_without_its_words(
    office: Office, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(error: Exception) -> None:
        def pointers() -> None:
            raise error

        monkeypatch.setattr(office.versions, "pointers", pointers)

    fails(BackendError("OperationalError secret", permanent=False))
    answer = client.get("config")
    assert "secret" not in answer.text
    problem(answer, 503, "database")
    assert answer.headers["retry-after"] == "1"
    fails(CommitUnknownError("lost"))
    problem(client.get("config"), 503, "unknown")
    fails(ZeroDivisionError("secret"))
    with structlog.testing.capture_logs() as logs:
        answer = client.get("config")
    assert "secret" not in answer.text
    problem(answer, 500, "internal")
    assert logs[0]["event"] == "api_failed"


async def test_too_much_at_once_is_refused_and_the_loop_stays_free(office: Office) -> None:
    """What blocks does so in threads of the API's own; no request waits for ever."""
    office.desk._waiting = MOST_WAITING - 1
    assert await office.desk.do(lambda: threading.current_thread().name) == "api-1"
    office.desk._waiting = MOST_WAITING
    problem(office.client.get("config"), 503, "busy")
    office.desk._waiting = 0
    assert office.client.get("config").status_code == 200


def test_a_header_s_text_does_no_harm() -> None:
    assert cleaned("  Ann\tLee \x1b[31m", 100) == "Ann Lee \\x1b[31m"
    assert cleaned("Zoë".encode().decode("latin-1"), 100) == "Zoë"
    assert cleaned("Zoë", 100) == "Zoë"
    assert cleaned("x" * 900, 100) == "x" * 100
    assert cleaned(None, 100) == ""


def test_only_a_strong_tag_of_ours_names_a_text() -> None:
    assert named_tag(f' "{"0af9" * 16}" ') == "0af9" * 16
    for other in ("", '""', "*", f'W/"{"a" * 64}"', f'"{"A" * 64}"', f'"{"a" * 64}", "b"'):
        assert named_tag(other) is None
