"""What is sent, how it is signed, and how long it is tried."""

import base64
import datetime as dt
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.hooks.spec import (
    LONGEST_ASKED_S,
    MOST_TRIES,
    BadEndpoint,
    Event,
    EventType,
    Verdict,
    asked_s,
    body,
    checked_url,
    event_id,
    headers,
    new_secret,
    payload,
    signature,
    verdict,
    wait_s,
)

AT = dt.datetime(2026, 11, 20, 15, 0, 0, 123_456, tzinfo=dt.timezone(dt.timedelta(hours=1)))


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's own libraries."""
    content = b'{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, content)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64), st.binary(max_size=200), st.integers(0, 2**40))
def test_a_receiver_can_check_it_with_its_secret(random: bytes, content: bytes, at: int) -> None:
    secret = new_secret(random)
    found = dict(headers([secret, new_secret(b"old" * 8)], "evt_1", at, content))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{found['webhook-id']}.{found['webhook-timestamp']}.".encode() + content
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    first, second = found["webhook-signature"].split(" ")
    assert first == f"v1,{wanted}" != second


def test_the_body_is_versioned_and_always_the_same() -> None:
    event = Event("evt_1", EventType.CALL_ENDED, AT, "CA1", {"call_id": "CA1"}, {"from": "+44"})
    data = json.loads(payload(event))
    sent = body(event.id, event.type.value, event.at, data, event.numbers)
    assert json.loads(sent) == {
        "type": "call.ended",
        "version": 1,
        "id": "evt_1",
        "timestamp": "2026-11-20T14:00:00.123+00:00",
        "data": {"call_id": "CA1", "from": "+44"},
    }
    assert sent == body(event.id, event.type.value, event.at, data, event.numbers)


def test_the_same_thing_has_the_same_id() -> None:
    assert event_id("tool", 1, "done") == event_id("tool", "1", "done") != event_id("tool", 11)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        (200, Verdict.TAKEN),
        (204, Verdict.TAKEN),
        (301, Verdict.AGAIN),
        (404, Verdict.AGAIN),
        (410, Verdict.GONE),
        (429, Verdict.AGAIN),
        (503, Verdict.AGAIN),
    ],
)
def test_what_an_answer_means(status: int, found: Verdict) -> None:
    assert verdict(status) is found


def test_it_is_tried_for_a_day_ever_more_rarely() -> None:
    waits = [wait_s(tries, 0.5) for tries in range(1, MOST_TRIES + 1)]
    assert waits[-1] is None
    known = [wait for wait in waits if wait is not None]
    assert known == sorted(known)
    assert 20 * 3600 < sum(known) < 28 * 3600


@given(st.integers(1, MOST_TRIES - 1), st.floats(0, 1), st.floats(0, 10**6))
def test_jitter_and_a_receiver_s_wish(tries: int, chance: float, asked: float) -> None:
    plain, waited = wait_s(tries, 0.5), wait_s(tries, chance, asked)
    assert plain is not None
    assert waited is not None
    assert waited >= 0.8 * plain - 1e-6
    assert waited <= max(1.2 * plain, LONGEST_ASKED_S) + 1e-6
    assert waited >= min(asked, LONGEST_ASKED_S)


@pytest.mark.parametrize(
    ("text", "found"), [("30", 30), (" 7 ", 7), ("", 0), ("-1", 0), ("Fri, 20 Nov", 0), ("²", 0)]
)
def test_retry_after(text: str, found: float) -> None:
    assert asked_s(text) == found


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?a=1",
        "https://10.1.2.3:8443/",
        "http://10.1.2.3/",
        "http://[fd00::1]:80/x",
    ],
)
def test_urls_that_may_be_asked(url: str) -> None:
    assert checked_url(f" {url} ", ("10.0.0.0/8", "fd00::/8")) == url.replace(":80/", "/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "https://",
        "https://user:secret@example.com/",
        "https://example.com/#part",
        "https://example.com/" + "x" * 500,
        "http://example.com/",
        "http://8.8.8.8/",
        "http://localhost/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://0x7f.1/",
        "http://[",
    ],
)
def test_urls_that_may_not(url: str) -> None:
    allowed = ("10.0.0.0/8", "169.254.0.0/16")
    if url == "https://0x7f.1/":
        # A name to us: what it leads to is looked at when it is asked.
        assert checked_url(url, allowed)
        return
    with pytest.raises(BadEndpoint):
        checked_url(url, allowed)
