"""Which failures are final, which pass, and which a plainer request may mend."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.turns import failures
from agents.turns.failures import Failure, Remedy


def body(code: str | None = None, kind: str = "invalid_request_error") -> bytes:
    named = f'"{code}"' if code else "null"
    return f'{{"error": {{"message": "m", "type": "{kind}", "code": {named}}}}}'.encode()


@pytest.mark.parametrize(
    ("status", "raw", "failure"),
    [
        (400, body(), Failure("request_refused", Remedy.PLAINER)),
        (400, body("context_length_exceeded"), Failure("request_too_large", Remedy.PLAINER)),
        (401, body(), Failure("invalid_api_key", Remedy.NONE)),
        (403, body("something"), Failure("forbidden", Remedy.NONE)),
        (404, body("model_not_found"), Failure("model_not_found", Remedy.NONE)),
        (408, b"", Failure("server_error")),
        (409, b"", Failure("conflict")),
        (413, b"too much", Failure("request_too_large", Remedy.PLAINER)),
        (429, body(), Failure("rate_limit_exceeded")),
        (429, body("insufficient_quota"), Failure("insufficient_quota", Remedy.NONE)),
        (429, body(None, "insufficient_quota"), Failure("insufficient_quota", Remedy.NONE)),
        (429, b'{"error": {"code": 429}}', Failure("rate_limit_exceeded")),
        (500, body(None, "server_error"), Failure("server_error")),
        (503, b"<html>", Failure("server_error")),
        (307, b"", Failure("request_refused", Remedy.PLAINER)),
        (418, b"[" * 9_000, Failure("request_refused", Remedy.PLAINER)),
    ],
)
def test_fault_m3_m4_m5_m6_an_answer_is_taken_by_its_code_and_then_by_its_status(
    status: int, raw: bytes, failure: Failure
) -> None:
    assert failures.of_answer(status, raw, {}) == failure


@pytest.mark.parametrize(
    ("headers", "after_s"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "nan"}, 0.0),
        ({}, 0.0),
    ],
)
def test_fault_m4_how_long_to_wait_is_the_server_s_to_say(
    headers: dict[str, str], after_s: float
) -> None:
    assert failures.of_answer(429, b"", headers).retry_after_s == after_s


def test_an_error_in_a_stream_has_no_status() -> None:
    assert failures.of_code("insufficient_quota", None).remedy is Remedy.NONE
    assert failures.of_code(None, "server_error") == Failure("server_error")
    assert failures.of_code(500, "odd") == Failure("server_error")
    assert failures.of_code("rate_limit_exceeded", "x") == Failure("rate_limit_exceeded")


@given(st.integers(100, 999), st.binary(max_size=100), st.text(max_size=20))
def test_nothing_a_server_says_leaves_the_list(status: int, raw: bytes, header: str) -> None:
    found = failures.of_answer(status, raw, {"retry-after": header})
    assert found.reason in failures.REASONS
    assert found.retry_after_s >= 0
