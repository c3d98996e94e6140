"""Prices and shutdown dates."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import Usage
from agents.models import BadModels, ModelKind, Models, parse_models
from agents.models_file import SHIPPED, read_models
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


@pytest.fixture(scope="module")
def models() -> Models:
    return read_models()


@pytest.mark.parametrize(
    ("model", "usd"), [("gpt-realtime-2.1", 0.007206), ("gpt-realtime-2.1-mini", 0.002059)]
)
def test_the_vendors_example_costs_what_it_should(models: Models, model: str, usd: float) -> None:
    cost = models.cost(SAMPLE, model)
    assert cost is not None
    assert round(cost, 6) == usd


def test_cached_audio_has_its_own_price(models: Models) -> None:
    usage = Usage(input_audio_tokens=1_000_000, cached_audio_tokens=600_000)
    assert models.cost(usage, "gpt-realtime-2.1") == pytest.approx(0.4 * 32 + 0.6 * 0.4)


def test_without_a_price_for_cached_tokens_they_cost_the_full_one(models: Models) -> None:
    usage = Usage(input_text_tokens=1_000_000, cached_text_tokens=500_000)
    assert models.cost(usage, "gpt-audio-1.5") == pytest.approx(2.5)


@pytest.mark.parametrize("model", ["gpt-unheard-of", "gpt-4o-realtime-preview", "gpt-transcribe"])
def test_an_unknown_price_is_none_and_not_nothing(models: Models, model: str) -> None:
    assert models.cost(SAMPLE, model) is None


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
