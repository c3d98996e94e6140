"""The small parts of a Realtime session: what waits, when it ends, which codes mean what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import AudioFormat, EngineAllowance, EngineFailed, TruncateItem
from agents.providers import Dialect
from agents.realtime import failures, results, wire
from agents.realtime.cuts import Cuts
from agents.realtime.dialects import Choice, Spoken, tells_other
from agents.realtime.expiry import WARNED_S, Expiry
from agents.realtime.outbox import AUDIO_S, STUCK_S, Outbox
from agents.realtime.spoken import SpokenItems

UNIX_S = 1_800_000_000.0
FRAME = bytes(960)
"""20 ms of PCM."""

# ---- what waits to be sent --------------------------------------------------------------------


def stuck(frames: int) -> tuple[Outbox, list[bool]]:
    """A server that reads nothing while so many frames come."""
    outbox = Outbox(AudioFormat.PCM16_24K)
    outbox.put(b"first")
    assert outbox.look(1.0)
    return outbox, [outbox.put_audio(FRAME) for _ in range(frames)]


def test_what_is_taken_at_once_is_never_dropped() -> None:
    outbox = Outbox(AudioFormat.PCM16_24K)
    assert not any(outbox.put_audio(FRAME) for _ in range(500))
    assert len(outbox.take()) == 500
    assert outbox.take() == []
    assert outbox.look(99.0)
    assert outbox.deadline is None


def test_fault_m19_two_seconds_of_the_caller_wait_and_the_oldest_goes_first() -> None:
    outbox, dropped = stuck(int(AUDIO_S * 50) + 30)
    outbox.put(b"last")
    assert dropped.count(True) == 1
    assert dropped.index(True) == 100
    messages = outbox.take()
    assert (messages[0], messages[-1], len(messages)) == (b"first", b"last", 102)


def test_fault_m19_a_server_that_takes_nothing_is_given_up_after_three_seconds() -> None:
    outbox, _ = stuck(1)
    assert outbox.deadline == 1.0 + STUCK_S
    assert outbox.look(1.0 + STUCK_S - 0.01)
    assert not outbox.look(1.0 + STUCK_S)


def test_places_after_a_gap_are_moved_and_places_before_are_not() -> None:
    outbox = Outbox(AudioFormat.PCM16_24K)
    for _ in range(50):
        outbox.put_audio(FRAME)
    outbox.take()
    outbox.put(b"x")
    outbox.look(0.0)
    for _ in range(110):
        outbox.put_audio(FRAME)
    outbox.take()
    assert [outbox.call_ms(at) for at in (0, 999, 1_000, 3_000)] == [0, 999, 1_200, 3_200]
    outbox.missing(48_000)
    assert outbox.call_ms(3_000) == 4_200


def test_audio_passes_a_session_in_use_while_nothing_waits_before_it() -> None:
    outbox = Outbox(AudioFormat.PCM16_24K)
    assert outbox.pass_audio(FRAME) is None
    outbox.in_use()
    assert outbox.pass_audio(FRAME) == wire.append(FRAME)
    outbox.put(b"first")
    assert outbox.pass_audio(FRAME) is None
    assert outbox.take() == [b"first"]
    assert outbox.pass_audio(FRAME) == wire.append(FRAME)
    outbox.close()
    assert outbox.pass_audio(FRAME) is None


def test_places_are_counted_with_the_audio_that_passed() -> None:
    outbox = Outbox(AudioFormat.PCM16_24K)
    outbox.in_use()
    for _ in range(50):
        outbox.pass_audio(FRAME)
    outbox.missing(9_600)
    assert [outbox.call_ms(at) for at in (999, 1_000)] == [999, 1_200]


def test_so_many_gaps_that_old_ones_count_together() -> None:
    outbox = Outbox(AudioFormat.ULAW_8K)
    for _ in range(200):
        outbox.missing(160)
        outbox.missing(160)
        outbox.put_audio(bytes(160))
        outbox.take()
    assert outbox.call_ms(1_000_000) == 1_000_000 + 200 * 40


# ---- the end of a session ---------------------------------------------------------------------


def expiry(limit_s: float | None = 3600.0) -> Expiry:
    made = Expiry(limit_s)
    made.opened(100.0, UNIX_S)
    return made


def test_without_a_word_of_the_server_the_providers_limit_holds() -> None:
    assert expiry().left_s(160.0) == 3540.0
    assert expiry(None).left_s(160.0) is None


@pytest.mark.parametrize(
    ("expires_at", "left_s"),
    [
        (UNIX_S + 1800, 1800.0),
        (int(UNIX_S) + 900, 900.0),
        # Clocks that are wrong, and nonsense: the limit.
        (UNIX_S + 99_999, 3600.0),
        (UNIX_S - 5, 3600.0),
        (0, 3600.0),
        (True, 3600.0),
        (None, 3600.0),
        ("soon", 3600.0),
        (float("nan"), 3600.0),
        (float("inf"), 3600.0),
        (10**400, 3600.0),
    ],
)
def test_the_server_s_word_counts_if_it_makes_sense(expires_at: object, left_s: float) -> None:
    made = expiry()
    made.told(expires_at, 100.0)
    assert made.left_s(100.0) == pytest.approx(left_s)


def test_a_server_without_a_known_limit_is_believed() -> None:
    made = expiry(None)
    made.told(UNIX_S + 99_999, 100.0)
    assert made.left_s(100.0) == pytest.approx(99_999.0)


def test_a_warning_leaves_half_a_minute_at_most() -> None:
    made = expiry(None)
    made.warned(200.0)
    assert made.left_s(200.0) == WARNED_S
    made = expiry(110.0)
    made.warned(200.0)
    assert made.left_s(200.0) == 10.0
    assert made.left_s(999.0) == 0.0


# ---- cuts -------------------------------------------------------------------------------------


def cuts(*items: str) -> Cuts:
    made = Cuts(SpokenItems(2, 24_000))
    for item in items:
        made.truncate(TruncateItem(item, 0, 500, f"words of {item}"))
    return made


def test_a_refusal_that_names_no_event_is_about_the_oldest_unconfirmed() -> None:
    made = cuts("i1", "i2", "i3")
    made.confirmed("i1")
    made.confirmed("never asked for")
    create, delete = made.made_good("invalid_value", None, beta=False)
    assert b'"previous_item_id":"i2"' in create
    assert b"words of i2" in create
    assert delete == wire.item_delete("i2")


def test_a_refusal_that_names_one_is_about_that_one_and_counts_once() -> None:
    made = cuts("i1", "i2")
    assert b"words of i2" in made.made_good("unheard_of", "truncate_2", beta=True)[0]
    assert made.made_good("unheard_of", "truncate_2", beta=True) == []
    assert made.made_good("invalid_value", "create_1", beta=True) == []


def test_other_errors_are_about_no_truncation() -> None:
    assert cuts("i1").made_good("server_error", None, beta=False) == []
    assert cuts().made_good("invalid_value", None, beta=False) == []


def test_a_server_that_confirms_nothing_is_remembered_within_bounds() -> None:
    made = cuts(*(f"i{number}" for number in range(100)))
    assert b"words of i36" in made.made_good("invalid_value", None, beta=False)[0]


# ---- dialects ---------------------------------------------------------------------------------


def refusal(code: str | None, param: str | None = None) -> wire.ErrorBody:
    return wire.ErrorBody(code=code, param=param)


@pytest.mark.parametrize(
    ("error", "tried", "tells"),
    [
        (refusal("unknown_parameter", "session.type"), Dialect.GA, True),
        (refusal("unknown_parameter", "session.audio"), Dialect.GA, True),
        (refusal("invalid_value", "session.output_modalities"), Dialect.GA, True),
        (refusal("unknown_parameter"), Dialect.GA, True),
        (refusal("missing_beta_header"), Dialect.GA, True),
        # A server that knows the field, and not the value.
        (refusal("invalid_value", "session.audio.output.voice"), Dialect.GA, False),
        (refusal("unknown_parameter", "session.reasoning"), Dialect.GA, False),
        (refusal("invalid_value"), Dialect.GA, False),
        (refusal("server_error", "session.type"), Dialect.GA, False),
        (refusal("beta_api_shape_disabled"), Dialect.GA, False),
        (refusal(None), Dialect.GA, False),
        (refusal("beta_api_shape_disabled"), Dialect.BETA, True),
        (refusal("missing_required_parameter", "session.type"), Dialect.BETA, True),
        (refusal("unknown_parameter", "session.modalities"), Dialect.BETA, False),
    ],
)
def test_which_refusals_tell_of_the_other_dialect(
    error: wire.ErrorBody, tried: Dialect, tells: bool
) -> None:
    assert tells_other(error, tried) is tells


def test_a_dialect_that_is_known_is_never_changed() -> None:
    for known in (Dialect.GA, Dialect.BETA):
        choice = Choice(known, Spoken())
        assert not choice.change()
        choice.shown(wire.SessionShown(input_audio_format="pcm16"))
        assert choice.dialect is known


def test_an_unknown_one_is_changed_once() -> None:
    choice = Choice(Dialect.AUTO, Spoken())
    assert choice.dialect is Dialect.GA
    assert choice.change()
    assert choice.beta
    assert not choice.change()
    assert choice.beta


# ---- codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "fatal"),
    [
        (200, "handshake_refused", True),
        (301, "handshake_refused", True),
        (400, "handshake_refused", True),
        (401, "invalid_api_key", True),
        (402, "billing_hard_limit_reached", True),
        (403, "invalid_api_key", True),
        (404, "model_not_found", True),
        (405, "handshake_refused", True),
        (408, "server_error", False),
        (425, "server_error", False),
        (426, "handshake_refused", True),
        (429, "rate_limited", False),
        (500, "server_error", False),
        (501, "handshake_refused", True),
        (502, "server_error", False),
        (503, "server_error", False),
        (504, "server_error", False),
        (529, "server_error", False),
    ],
)
def test_every_status_of_a_handshake_is_final_or_not(status: int, reason: str, fatal: bool) -> None:
    assert failures.of_handshake(status, b"") == EngineFailed(reason, fatal=fatal)


@pytest.mark.parametrize("code", sorted(failures.FATAL))
def test_a_code_in_the_answer_says_more_than_its_status(code: str) -> None:
    body = b'{"error":{"code":"%s"}}' % code.encode()
    assert failures.of_handshake(429, body) == EngineFailed(code, fatal=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "retry-after-ms": "120"}, 0.12),
        ({"retry-after": "999999"}, 3600.0),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "\u0667"}, None),
        (
            {
                "retry-after": "Fri, 20 Nov 2026 10:00:09 GMT",
                "date": "Fri, 20 Nov 2026 10:00:00 GMT",
            },
            9.0,
        ),
        (
            {
                "retry-after": "Fri, 20 Nov 2026 09:00:00 GMT",
                "date": "Fri, 20 Nov 2026 10:00:00 GMT",
            },
            0.0,
        ),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:09 GMT"}, None),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:09 GMT", "date": "20 Nov 2026 10:00"}, None),
    ],
)
def test_fault_m4_how_long_to_wait_is_read_as_it_is_written(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert failures.retry_after_s(headers) == seconds


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text()))
def test_no_header_raises(headers: dict[str, str]) -> None:
    seconds = failures.retry_after_s(headers)
    assert seconds is None or 0 <= seconds <= 3600


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (None, "", EngineFailed("connection_lost", fatal=False)),
        (1000, "", EngineFailed("connection_lost", fatal=False)),
        (1008, "", EngineFailed("policy_violation", fatal=True)),
        (1008, "insufficient_quota.", EngineFailed("insufficient_quota", fatal=True)),
        (1011, "", EngineFailed("connection_lost", fatal=False)),
        (1013, "try again later", EngineFailed("connection_lost", fatal=False)),
        (3000, "", EngineFailed("invalid_api_key", fatal=True)),
        (4000, "", EngineFailed("beta_api_shape_disabled", fatal=True)),
    ],
)
def test_every_close_code_is_final_or_not(
    code: int | None, reason: str, expected: EngineFailed
) -> None:
    assert failures.of_close(code, reason) == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (wire.RateLimit("tokens", 1000, 990, 0.5), EngineAllowance("tokens", 1000, 990, 0.5)),
        (wire.RateLimit("requests", 4e99, -3, None), EngineAllowance("requests", 2**53, 0, 0.0)),
        (wire.RateLimit(None, 10, 9, 1), None),
        (wire.RateLimit("Caller 4111", 10, 9, 1), None),
        (wire.RateLimit("tokens", None, 9, 1), None),
        (wire.RateLimit("tokens", "10", 9, 1), None),
        (wire.RateLimit(["tokens"], 10, 9, 1), None),
        (wire.RateLimit("tokens", 10, None, 1), None),
    ],
)
def test_an_allowance_has_a_name_and_figures(
    limit: wire.RateLimit, expected: EngineAllowance | None
) -> None:
    assert results.allowance(limit) == expected
