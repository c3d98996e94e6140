"""Which worker a request is for: by its address, by its call, or any."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.twilio.urls import (
    AFTER_STREAM_PATH,
    CALL_STATUS_PATH,
    DIAL_RESULT_PATH,
    VOICE_PATH,
)
from telephony.workers.addresses import (
    callback_query,
    home,
    of_upgrade,
    of_webhook,
    only_asks,
    rings,
    stream_segment,
)

SID = "CA" + "0a" * 16


@pytest.mark.parametrize("worker", [0, 1, 12])
def test_what_an_address_names_is_found_again(worker: int) -> None:
    target = f"/twilio/media{stream_segment(worker)}"
    assert of_upgrade(target, 13) == (worker, "/twilio/media")
    query = callback_query(worker).removeprefix("?")
    assert of_webhook(query, b"", 13)[0] == worker


def test_a_server_of_one_process_names_nobody() -> None:
    assert (stream_segment(None), callback_query(None)) == ("", "")
    assert of_upgrade("/twilio/media", 1) == (None, "/twilio/media")


def test_a_query_stays_with_the_stream_s_target() -> None:
    assert of_upgrade("/twilio/media/1?a=b", 2) == (1, "/twilio/media?a=b")


@pytest.mark.parametrize("target", ["/twilio/media/2", "/twilio/media/77"])
def test_a_worker_there_is_not_is_nobody(target: str) -> None:
    assert of_upgrade(target, 2) == (None, "/twilio/media")
    assert of_webhook("worker=2", b"", 2) == []


@pytest.mark.parametrize(
    "target", ["/twilio/media/", "/twilio/media/1/", "/twilio/media/-1", "/other/1", "/", ""]
)
def test_other_targets_are_left_as_they_are(target: str) -> None:
    assert of_upgrade(target, 2) == (None, target)


def test_a_page_s_phone_comes_to_the_worker_of_its_call() -> None:
    target = f"/api/v1/trial/calls/{SID}/stream"
    assert of_upgrade(target, 7) == (home(SID, 7), target)


def test_a_webhook_goes_to_who_is_named_and_then_to_the_call_s_own() -> None:
    body = f"AccountSid=AC1&CallSid={SID}&To=%2B1".encode()
    own = home(SID, 4)
    assert of_webhook("", body, 4) == [(own + step) % 4 for step in range(4)]
    named = (own + 2) % 4
    assert of_webhook(f"worker={named}", body, 4)[:2] == [named, own]
    assert sorted(of_webhook(f"worker={named}", body, 4)) == [0, 1, 2, 3]
    assert of_webhook("", b"CallSid=nonsense", 4) == []


def test_only_a_new_call_is_placed_where_there_is_room() -> None:
    assert rings("/twilio/voice", b"CallStatus=ringing&To=x")
    assert not rings("/twilio/voice", b"CallStatus=in-progress")
    assert not rings("/twilio/after-stream", b"CallStatus=ringing")


@pytest.mark.parametrize(
    ("path", "body", "only"),
    [
        (VOICE_PATH, b"CallStatus=ringing&To=x", True),
        (AFTER_STREAM_PATH, b"To=x&CallStatus=in-progress", True),
        (AFTER_STREAM_PATH, b"CallStatus=completed", False),
        (CALL_STATUS_PATH, b"CallStatus=ringing", False),
        (DIAL_RESULT_PATH, b"CallStatus=in-progress&DialCallStatus=completed", False),
    ],
)
def test_a_question_that_brings_news_is_told_from_one_that_only_asks(
    path: str, body: bytes, only: bool
) -> None:
    assert only_asks(path, body) is only


def test_calls_are_spread_evenly() -> None:
    found = [home(f"CA{number:032x}", 2) for number in range(2_000)]
    assert 900 < sum(found) < 1_100


@given(st.text(max_size=80), st.text(max_size=80), st.binary(max_size=120), st.integers(1, 64))
def test_whatever_comes_leads_to_workers_there_are(
    target: str, query: str, body: bytes, workers: int
) -> None:
    worker, path = of_upgrade(target, workers)
    assert worker is None or 0 <= worker < workers
    assert path == target or re.fullmatch(r"/twilio/media(\?.*)?", path)
    order = of_webhook(query, body, workers)
    assert order == [] or sorted(order) == list(range(workers))
