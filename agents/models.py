"""What a model costs and when it is shut down, as far as the data file knows."""

import datetime as dt
from enum import Enum

import msgspec

from agents.engine import Usage

_PER = 1_000_000


class ModelKind(Enum):
    REALTIME = "realtime"
    AUDIO_CHAT = "audio_chat"
    LIVE = "live"
    TRANSCRIPTION = "transcription"
    SPEECH = "speech"


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """USD per 1,000,000 tokens. Cached input without a price of its own costs the full one."""

    text_in: float
    text_out: float
    audio_in: float
    audio_out: float
    text_cached: float | None = None
    audio_cached: float | None = None


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    kind: ModelKind
    also: tuple[str, ...] = ()
    """Dated snapshots and aliases under the same terms."""
    shutdown: dt.date | None = None
    """First day it no longer answers; None where none is announced."""
    reasoning: bool = False
    """It takes `reasoning` and `parallel_tool_calls`; others refuse the whole configuration for
    either."""
    prices: Prices | None = None
    usd_per_minute: float | None = None


class Shutdown(msgspec.Struct, frozen=True):
    date: dt.date
    days_left: int
    """Zero or less: it is gone."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    as_of: dt.date
    source: str
    models: tuple[Model, ...]


class BadModels(ValueError):  # noqa: N818 - a bad file, not an error of the program
    """The data file cannot be used; the message says where."""


class Models:
    """The models of one data file."""

    def __init__(self, as_of: dt.date, models: tuple[Model, ...]) -> None:
        self.as_of = as_of
        self._by_id: dict[str, Model] = {}
        for model in models:
            for name in (model.id, *model.also):
                if name in self._by_id:
                    raise BadModels(f"{name} stands there twice")
                self._by_id[name] = model

    def find(self, model_id: str) -> Model | None:
        return self._by_id.get(model_id)

    def cost(self, usage: Usage, model_id: str) -> float | None:
        """USD for the tokens of one or more responses; None, never 0, without a price."""
        model = self.find(model_id)
        if model is None or model.prices is None:
            return None
        return _cost(usage, model.prices)

    def shutdown(self, model_id: str, today: dt.date) -> Shutdown | None:
        """When the model is switched off; None when unknown or not announced."""
        model = self.find(model_id)
        if model is None or model.shutdown is None:
            return None
        return Shutdown(model.shutdown, (model.shutdown - today).days)


def parse_models(text: str | bytes) -> Models:
    """Read the data file's text; raises BadModels."""
    try:
        content = msgspec.json.decode(text, type=_File)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise BadModels(str(error)) from error
    return Models(content.as_of, content.models)


def _cost(usage: Usage, prices: Prices) -> float:
    """Cached tokens are part of the input tokens (OpenAI guide, Realtime costs)."""
    text_cached = prices.text_in if prices.text_cached is None else prices.text_cached
    audio_cached = prices.audio_in if prices.audio_cached is None else prices.audio_cached
    return (
        (usage.input_text_tokens - usage.cached_text_tokens) * prices.text_in
        + (usage.input_audio_tokens - usage.cached_audio_tokens) * prices.audio_in
        + usage.cached_text_tokens * text_cached
        + usage.cached_audio_tokens * audio_cached
        + usage.output_text_tokens * prices.text_out
        + usage.output_audio_tokens * prices.audio_out
    ) / _PER
