"""Prices and shutdown dates."""

import datetime as dt
import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import Usage
from agents.models import BadModels, ModelKind, Models, Prices, Tariff, parse_models
from agents.models_file import SHIPPED, read_models
from agents.money import FREE, UNKNOWN, Cost
from agents.realtime.settings import RealtimeSettings

TODAY = dt.date(2026, 11, 20)
SAMPLE = Usage(
    input_text_tokens=119,
    input_audio_tokens=13,
    cached_text_tokens=64,
    output_text_tokens=30,
    output_audio_tokens=91,
)
"""The usage of the vendor's own example of a response."""
PRICES = Prices(
    text_in=Decimal(4),
    text_cached=Decimal("0.4"),
    text_out=Decimal(24),
    audio_in=Decimal(32),
    audio_cached=Decimal("0.4"),
    audio_out=Decimal(64),
)


@pytest.fixture(scope="module")
def models() -> Models:
    return read_models()


@pytest.mark.parametrize(
    ("model", "spent"), [("gpt-realtime-2.1", 7_206), ("gpt-realtime-2.1-mini", 2_059)]
)
def test_the_vendors_example_costs_what_it_should(models: Models, model: str, spent: int) -> None:
    assert models.cost(SAMPLE, model) == Cost(spent)


def test_cached_tokens_have_prices_of_their_own(models: Models) -> None:
    audio = Usage(input_audio_tokens=1_000_000, cached_audio_tokens=600_000)
    text = Usage(input_text_tokens=1_000_000, cached_text_tokens=600_000)
    assert models.cost(audio, "gpt-realtime-2.1") == Cost(400_000 * 32 + 240_000)
    assert models.cost(text, "gpt-realtime-2.1-mini") == Cost(240_000 + 36_000)


def test_without_a_price_for_cached_tokens_they_cost_the_full_one(models: Models) -> None:
    usage = Usage(input_text_tokens=1_000_000, cached_text_tokens=500_000)
    assert models.cost(usage, "gpt-audio-1.5") == Cost(2_500_000)


@pytest.mark.parametrize("model", ["gpt-unheard-of", "gpt-4o-realtime-preview", "gpt-transcribe"])
def test_an_unknown_price_is_unknown_and_not_nothing(models: Models, model: str) -> None:
    assert models.cost(SAMPLE, model) == UNKNOWN
    assert str(models.cost(SAMPLE, model)) == "unknown"


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=6, max_size=6))
def test_no_count_a_peer_can_send_costs_less_than_nothing(counts: list[int]) -> None:
    spent = PRICES.cost(Usage(*counts))
    assert 0 <= spent.micros <= 6 * 10_000_000 * 64
    assert not spent.unknown


@given(st.lists(st.integers(0, 100_000), min_size=6, max_size=6))
def test_a_sum_of_responses_is_off_by_half_a_micro_dollar_each_at_most(counts: list[int]) -> None:
    """Against fractions, which are exact."""
    text, audio, text_cached, audio_cached, said, spoken = counts
    usage = Usage(text + text_cached, audio + audio_cached, text_cached, audio_cached, said, spoken)
    exact = Fraction(
        text * 400 + audio * 3_200 + (text_cached + audio_cached) * 40 + said * 2_400
        + spoken * 6_400, 100,
    )  # fmt: skip
    assert abs(PRICES.cost(usage).micros - exact) <= Fraction(1, 2)


# ---- tariffs -------------------------------------------------------------------------------------


def test_a_tariff_prices_answers_and_what_is_written_down(models: Models) -> None:
    tariff = models.tariff("realtime", "gpt-realtime-2.1", "gpt-transcribe")
    assert tariff.response(SAMPLE) == Cost(7_206)
    assert tariff.transcription(60_000) == Cost(4_500)
    assert tariff.transcription(2_000) == Cost(150)
    assert tariff.minute() == FREE


def test_a_response_nobody_counted_is_unknown(models: Models) -> None:
    assert models.tariff("realtime", "gpt-realtime-2.1").response(None) == UNKNOWN


def test_without_transcription_none_is_charged(models: Models) -> None:
    assert models.tariff("realtime", "gpt-realtime-2.1").transcription(60_000) == FREE


@pytest.mark.parametrize("writer", ["gpt-unheard-of", "whisper-1"])
def test_transcription_without_a_price_is_unknown(models: Models, writer: str) -> None:
    assert models.tariff("realtime", "gpt-realtime-2.1", writer).transcription(1_000) == UNKNOWN


def test_a_model_sold_by_the_minute_charges_minutes_and_not_responses(models: Models) -> None:
    tariff = models.tariff("live", "gpt-live-1")
    assert tariff.minute() == Cost(50_000)
    assert tariff.response(None) == FREE
    assert tariff.response(SAMPLE) == UNKNOWN


def test_a_model_nobody_knows_is_unknown_in_every_way(models: Models) -> None:
    assert models.tariff("realtime", "gpt-unheard-of").response(SAMPLE) == UNKNOWN


def test_an_engine_of_our_own_is_free() -> None:
    tariff = Tariff(engine="local", free=True)
    assert tariff.response(None) == tariff.response(SAMPLE) == FREE
    assert tariff.minute() == tariff.transcription(60_000) == FREE


# ---- dates ---------------------------------------------------------------------------------------


def test_a_shutdown_is_seen_coming_and_seen_past(models: Models) -> None:
    coming = models.shutdown("gpt-realtime", TODAY)
    assert coming is not None
    assert (coming.date, coming.days_left) == (dt.date(2027, 1, 20), 61)
    past = models.shutdown("gpt-4o-realtime-preview-2025-06-03", TODAY)
    assert past is not None
    assert past.days_left == -197


@pytest.mark.parametrize("model", ["gpt-realtime-2.1", "gpt-unheard-of"])
def test_no_announced_shutdown_is_none(models: Models, model: str) -> None:
    assert models.shutdown(model, TODAY) is None


def test_the_defaults_are_living_models_with_a_price(models: Models) -> None:
    settings = RealtimeSettings()
    for model, kind in (
        (settings.model, ModelKind.REALTIME),
        (settings.transcription_model, ModelKind.TRANSCRIPTION),
    ):
        found = models.find(model)
        assert found is not None
        assert (found.kind, found.shutdown) == (kind, None)
        assert found.prices is not None or found.usd_per_minute is not None


def test_the_shipped_file_is_dated(models: Models) -> None:
    assert models.as_of == TODAY


def test_what_the_provider_says_of_its_end_goes_before_the_file(models: Models) -> None:
    told = {"gpt-realtime-2.1": dt.date(2026, 12, 1), "gpt-realtime": dt.date(2027, 3, 1)}
    soon = models.shutdown("gpt-realtime-2.1", TODAY, told)
    later = models.shutdown("gpt-realtime", TODAY, told)
    assert soon is not None
    assert later is not None
    assert (soon.days_left, later.date) == (11, dt.date(2027, 3, 1))


def test_a_model_is_followed_by_the_first_that_still_answers(models: Models) -> None:
    assert models.successor("gpt-realtime", TODAY) == "gpt-realtime-2.1"
    assert models.successor("gpt-realtime-mini-2025-12-15", TODAY) == "gpt-realtime-2.1-mini"
    assert models.successor("gpt-realtime-2.1", TODAY) is None
    assert models.successor("gpt-unheard-of", TODAY) is None


def chain(*links: tuple[str, str | None, str | None]) -> Models:
    found = [
        {"id": name, "kind": "realtime", "shutdown": shutdown, "successor": successor}
        for name, shutdown, successor in links
    ]
    return parse_models(json.dumps({"as_of": "2026-11-20", "source": "", "models": found}))


def test_a_successor_that_is_gone_too_is_passed_over() -> None:
    line = chain(("a", "2026-01-01", "b"), ("b", "2026-11-20", "c"), ("c", "2026-11-21", None))
    assert line.successor("a", TODAY) == "c"
    assert line.successor("a", TODAY + dt.timedelta(days=1)) is None
    assert line.successor("a", TODAY, {"c": TODAY}) is None


def test_successors_in_a_ring_are_looked_at_once() -> None:
    ring = chain(("a", "2026-01-01", "b"), ("b", "2026-01-01", "a"))
    assert ring.successor("a", TODAY) is None


def test_every_model_that_is_to_go_has_a_successor_unless_it_only_speaks(models: Models) -> None:
    entries = json.loads(SHIPPED.read_bytes())["models"]
    alone = [m["id"] for m in entries if m.get("shutdown") and "successor" not in m]
    assert all(found is not None for found in map(models.find, alone))
    assert {models.find(name).kind for name in alone} == {ModelKind.SPEECH}  # type: ignore[union-attr]


@pytest.mark.parametrize("successor", ["gpt-unheard-of", "gpt-transcribe"])
def test_a_successor_of_another_kind_or_of_no_kind_is_refused(successor: str) -> None:
    content = json.loads(SHIPPED.read_bytes())
    content["models"][0]["successor"] = successor
    with pytest.raises(BadModels, match=r"the successor of gpt-realtime-2\.1 is no realtime"):
        parse_models(json.dumps(content))


def test_a_model_standing_there_twice_is_refused() -> None:
    content = json.loads(SHIPPED.read_bytes())
    content["models"].append({"id": "gpt-realtime-2025-08-28", "kind": "realtime"})
    with pytest.raises(BadModels, match="gpt-realtime-2025-08-28 stands there twice"):
        parse_models(json.dumps(content))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "truncated"),
        ('{"as_of":"2026-11-20","source":"","models":[{"id":"m","kind":"radio"}]}', "radio"),
        ('{"as_of":"2026-11-20","source":"","models":[{"id":"m"}]}', "kind"),
        ('{"as_of":"soon","source":"","models":[]}', "as_of"),
        ('{"as_of":"2026-11-20","source":"","models":[],"extra":1}', "extra"),
    ],
)
def test_a_bad_file_says_where(text: str, where: str) -> None:
    with pytest.raises(BadModels, match=where):
        parse_models(text)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_no_text_does_more_than_raise_bad_models(text: bytes | str) -> None:
    with pytest.raises(BadModels):
        parse_models(text)
