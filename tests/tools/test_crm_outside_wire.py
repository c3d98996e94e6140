"""HubSpot's words: what we send, and what their answers amount to, whatever they are."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.desk import CALLER, NOW, OTHER
from tools.crm.outside.hubspot import Dialect, Record, existing, made
from tools.crm.outside.wire import MAX_WAIT_S, Answer, check, decoded, retry_after_s
from tools.crm.port import BookError, By, Card, Kind, NoteCard, TaskCard, Trouble
from tools.crm.records import TaskState

DIALECT = Dialect("frontdesk_id", ("phone", "mobilephone"), "GB")
ANN = Card(token="t1", name="Ann Mary Lee", email="ann@example.com", numbers=(CALLER,), proven=True)


def trouble(status: int, body: bytes = b"{}", retry_after: str = "") -> BookError | None:
    try:
        check(Answer(status, body, retry_after), NOW)
    except BookError as error:
        return error
    return None


def complaint(read: Callable[[Answer], object], answer: Answer) -> Trouble | None:
    try:
        read(answer)
    except BookError as error:
        return error.trouble
    return None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, None),
        (201, None),
        (207, None),
        (302, Trouble.DOWN),
        (400, Trouble.REFUSED),
        (401, Trouble.LOCKED),
        (403, Trouble.LOCKED),
        (404, Trouble.GONE),
        (408, Trouble.DOWN),
        (409, Trouble.REFUSED),
        (410, Trouble.GONE),
        (422, Trouble.REFUSED),
        (429, Trouble.LIMITED),
        (500, Trouble.DOWN),
        (503, Trouble.DOWN),
        (599, Trouble.DOWN),
    ],
)
def test_every_status_is_some_trouble_or_none(status: int, kind: Trouble | None) -> None:
    error = trouble(status)
    assert (error.trouble if error else None) is kind


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("99999999", MAX_WAIT_S),
        ("Tue, 03 Mar 2026 08:00:30 GMT", 30.0),
        ("Tue, 03 Mar 2026 07:00:00 GMT", 0.0),
        ("Tue, 03 Mar 2026 08:00:30", 30.0),
        ("", None),
        ("soon", None),
        ("-5", None),
    ],
)
def test_how_long_to_wait_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    assert retry_after_s(text, NOW) == seconds


@given(st.text(max_size=40))
def test_no_wait_is_endless(text: str) -> None:
    found = retry_after_s(text, NOW)
    assert found is None or 0 <= found <= MAX_WAIT_S


def test_a_wait_that_is_not_said_is_short() -> None:
    limited, told = trouble(429), trouble(429, retry_after="3")
    assert limited is not None
    assert told is not None
    assert (limited.retry_after_s, told.retry_after_s) == (10.0, 3.0)


@given(st.binary(max_size=200))
def test_no_answer_breaks_the_reader(body: bytes) -> None:
    answer = Answer(200, body)
    for read in (DIALECT.cards, DIALECT.upserted, made, lambda one: decoded(one, Record)):
        assert complaint(read, answer) in (None, Trouble.GARBLED)
    assert existing(answer) is None
    existing(Answer(409, body))
    refused = trouble(400, body)
    assert refused is not None
    assert len(refused.code) < 60


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional={"results": JSON, "paging": JSON, "id": JSON}))
def test_json_of_another_shape_is_garbled(data: Any) -> None:
    answer = Answer(200, json.dumps(data).encode())
    assert complaint(DIALECT.cards, answer) in (None, Trouble.GARBLED)


def test_nothing_of_an_error_s_message_is_kept() -> None:
    body = b'{"category":"VALIDATION_ERROR","message":"ann@example.com is not valid"}'
    error = trouble(400, body)
    assert error is not None
    assert error.code == "http_400_validation_error"
    odd = trouble(400, b'{"category":"ann@example.com"}')
    assert odd is not None
    assert odd.code == "http_400"


@pytest.mark.parametrize(
    ("status", "message", "found"),
    [
        (409, "Contact already exists. Existing ID: 12345", "12345"),
        (409, "Conflict", ""),
        (400, "x already has that value. propertyName", ""),
        (400, "Property values were not valid", None),
        (201, "Existing ID: 5", None),
        (500, "Existing ID: 5", None),
    ],
)
def test_a_record_that_is_there_is_told_by_the_conflict(
    status: int, message: str, found: str | None
) -> None:
    body = msgspec.json.encode({"message": message})
    assert existing(Answer(status, body)) == found


# ---- what we send -------------------------------------------------------------------------------


def test_values_from_callers_cannot_lead_to_another_path() -> None:
    request = DIALECT.find(By.EMAIL, "a/../../../settings?x=1#@b.example")
    assert request.path.count("/") == 5
    assert "?" not in request.path
    assert "#" not in request.path
    assert request.query["idProperty"] == "email"


def test_every_write_carries_its_key() -> None:
    note = NoteCard(own_id=1, token="t", text="x", at=NOW)
    task = TaskCard(own_id=1, token="t", text="x", due=None, state=TaskState.OPEN, at=NOW)
    writes = [
        DIALECT.create(ANN, "k"),
        DIALECT.update("1", {}, "k"),
        DIALECT.upsert([ANN], "k"),
        DIALECT.note("1", note, "k"),
        DIALECT.task("1", task, "k"),
        DIALECT.change_task("1", task, "k"),
    ]
    assert all(each.key.startswith("k") for each in writes)
    # A key stands for one request: creating and changing are two.
    assert writes[0].key != writes[1].key
    reads = [DIALECT.find(By.NUMBER, CALLER), DIALECT.search("x", ""), DIALECT.read(Kind.NOTE, "1")]
    assert not any(each.key for each in reads)


def test_a_person_is_written_and_read_back() -> None:
    properties = DIALECT.properties(ANN)
    assert (properties["firstname"], properties["lastname"]) == ("Ann Mary", "Lee")
    card = DIALECT.card(Record("5", dict(properties)))
    assert card == msgspec.structs.replace(ANN, ref="5")


def test_numbers_are_read_as_people_wrote_them() -> None:
    card = DIALECT.card(Record("5", {"phone": "(020) 7946 0001", "mobilephone": "ask her"}))
    assert card.numbers == (CALLER,)
    twice = DIALECT.card(Record("5", {"phone": "020 7946 0001", "mobilephone": CALLER}))
    assert twice.numbers == (CALLER,)


@pytest.mark.parametrize(
    ("theirs", "ours", "changes"),
    [
        ({}, False, {"firstname": "Ann Mary", "lastname": "Lee", "email": "ann@example.com"}),
        ({"firstname": "Anna"}, False, {"email": "ann@example.com"}),
        ({"firstname": "Anna"}, True, {"firstname": "Ann Mary", "lastname": "Lee"}),
        ({"email": "other@example.com"}, False, {"firstname": "Ann Mary", "lastname": "Lee"}),
        ({"email": "other@example.com"}, True, {"email": "ann@example.com"}),
    ],
)
def test_what_they_have_is_changed_only_in_a_record_of_ours(
    theirs: dict[str, str | None], ours: bool, changes: dict[str, str]
) -> None:
    found = DIALECT.changes(Record("5", theirs), ANN, ours=ours)
    assert changes.items() <= found.items()
    if not ours:
        assert set(found) & {name for name in theirs if theirs[name]} == set()
    assert found["phone"] == CALLER


def test_no_number_of_theirs_is_lost() -> None:
    card = msgspec.structs.replace(ANN, numbers=(CALLER, OTHER))
    full = Record("5", {"phone": "020 7946 0009", "mobilephone": "020 7946 0002"})
    assert not set(DIALECT.changes(full, card, ours=True)) & {"phone", "mobilephone"}
    half = Record("5", {"phone": "020 7946 0002", "mobilephone": None})
    assert DIALECT.changes(half, card, ours=True)["mobilephone"] == CALLER
    same = Record("5", dict(DIALECT.properties(card)))
    assert DIALECT.changes(same, card, ours=True) == {}


def test_a_name_of_one_word_replaces_the_last_name_too() -> None:
    theirs = Record("5", {"firstname": "Ann", "lastname": "Lee", "frontdesk_id": "t1"})
    card = msgspec.structs.replace(ANN, name="Bo", email="", numbers=())
    assert DIALECT.changes(theirs, card, ours=True) == {"firstname": "Bo", "lastname": ""}


def test_a_batch_that_is_done_in_part_says_which() -> None:
    body = {
        "status": "COMPLETE",
        "results": [{"id": "9", "properties": {"frontdesk_id": "t1"}, "new": True}],
        "errors": [{"status": "error", "category": "CONFLICT", "message": "..."}],
    }
    assert DIALECT.upserted(Answer(207, msgspec.json.encode(body))) == {"t1": "9"}


@pytest.mark.parametrize(
    ("due", "state", "timestamp", "status"),
    [
        (dt.date(2026, 3, 6), TaskState.OPEN, "2026-03-06T12:00:00.000Z", "NOT_STARTED"),
        (None, TaskState.DROPPED, "2026-03-03T08:00:00.000Z", "COMPLETED"),
    ],
)
def test_a_task_is_due_on_its_day(
    due: dt.date | None, state: TaskState, timestamp: str, status: str
) -> None:
    task = TaskCard(own_id=1, token="t", text="x" * 200, due=due, state=state, at=NOW)
    properties = (DIALECT.task("1", task, "k").body or {})["properties"]
    assert (properties["hs_timestamp"], properties["hs_task_status"]) == (timestamp, status)
    assert len(properties["hs_task_subject"]) == 80
    assert len(properties["hs_task_body"]) == 200
