"""What a model can do and costs, and when it is shut down, as far as the data file knows."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Annotated

import msgspec

from agents.engine import Usage
from agents.money import FREE, UNKNOWN, Cost, micros

_PER = 1_000_000
_MOST_TOKENS = 10_000_000
"""Of one kind in one response: beyond any model's context it is no count but nonsense."""
_MINUTE_MS = 60_000

Price = Annotated[Decimal, msgspec.Meta(description="USD")]


class ModelKind(Enum):
    REALTIME = "realtime"
    AUDIO_CHAT = "audio_chat"
    LIVE = "live"
    TRANSCRIPTION = "transcription"
    SPEECH = "speech"


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """USD per 1,000,000 tokens. Cached input without a price of its own costs the full one."""

    text_in: Price
    text_out: Price
    audio_in: Price
    audio_out: Price
    text_cached: Price | None = None
    audio_cached: Price | None = None

    def cost(self, usage: Usage) -> Cost:
        """Cached tokens are part of the input tokens (OpenAI guide, Realtime costs)."""
        given, cached = usage.input_text_tokens, usage.cached_text_tokens
        heard, heard_cached = usage.input_audio_tokens, usage.cached_audio_tokens
        text_cached = self.text_in if self.text_cached is None else self.text_cached
        audio_cached = self.audio_in if self.audio_cached is None else self.audio_cached
        per_million = (
            _counted(given - cached) * self.text_in
            + _counted(heard - heard_cached) * self.audio_in
            + _counted(cached) * text_cached
            + _counted(heard_cached) * audio_cached
            + _counted(usage.output_text_tokens) * self.text_out
            + _counted(usage.output_audio_tokens) * self.audio_out
        )
        return Cost(micros(per_million / _PER))


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    kind: ModelKind
    also: tuple[str, ...] = ()
    """Dated snapshots and aliases under the same terms."""
    dialects: tuple[str, ...] = ()
    """`ga`, `beta`: how a Realtime session with it is spoken to."""
    reasoning: bool = False
    """It thinks first, and takes `reasoning.effort`."""
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    shutdown: dt.date | None = None
    """First day it no longer answers; None where none is announced."""
    successor: str | None = None
    """Which to take then: one of the same kind."""
    prices: Prices | None = None
    usd_per_minute: Price | None = None
    """Of the session, or of the audio that is transcribed."""


class Shutdown(msgspec.Struct, frozen=True):
    date: dt.date
    days_left: int
    """Zero or less: it is gone."""


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """What a session of one engine costs. A call keeps it, so that its sums never change."""

    engine: str
    """The engine it is for, as the ladder names it."""
    model: str = ""
    tokens: Prices | None = None
    usd_per_minute: Price | None = None
    """Of the session."""
    free: bool = False
    """Nobody charges for it: it runs on this machine."""
    transcription_usd_per_minute: Price | None = Decimal(0)
    """Of the caller's speech; None: not known. 0 where nothing is written down for money."""

    def response(self, usage: Usage | None) -> Cost:
        """Of one response. A response whose tokens nobody counted is no free one."""
        if self.free or (self.usd_per_minute is not None and usage is None):
            return FREE
        if self.tokens is None or usage is None:
            return UNKNOWN
        return self.tokens.cost(usage)

    def transcription(self, speech_ms: int) -> Cost:
        if self.transcription_usd_per_minute is None:
            return UNKNOWN
        return Cost(micros(self.transcription_usd_per_minute * speech_ms / _MINUTE_MS))

    def minute(self) -> Cost:
        """Of one minute of the session; nothing where it is not sold by time."""
        return FREE if self.usd_per_minute is None else Cost(micros(self.usd_per_minute))


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
        for model in models:
            self._check_successor(model)

    def _check_successor(self, model: Model) -> None:
        if model.successor is None:
            return
        found = self._by_id.get(model.successor)
        if found is None or found.kind is not model.kind:
            raise BadModels(f"the successor of {model.id} is no {model.kind.value} model there")

    def find(self, model_id: str) -> Model | None:
        return self._by_id.get(model_id)

    def cost(self, usage: Usage, model_id: str) -> Cost:
        """For the tokens of one or more responses; unknown, never nothing, without a price."""
        model = self.find(model_id)
        return UNKNOWN if model is None or model.prices is None else model.prices.cost(usage)

    def tariff(self, engine: str, model_id: str, transcription_id: str = "") -> Tariff:
        """For sessions of `engine` with this model; empty `transcription_id`: none is made."""
        model, writer = self.find(model_id), self.find(transcription_id)
        return Tariff(
            engine=engine,
            model=model_id,
            tokens=model.prices if model else None,
            usd_per_minute=model.usd_per_minute if model else None,
            transcription_usd_per_minute=(writer.usd_per_minute if writer else None)
            if transcription_id
            else Decimal(0),
        )

    def shutdown(
        self, model_id: str, today: dt.date, told: Mapping[str, dt.date] | None = None
    ) -> Shutdown | None:
        """When the model is switched off; None when unknown or not announced.

        `told` are dates by model id that the provider itself gave: they go before the file's.
        """
        model = self.find(model_id)
        date = (told or {}).get(model_id) or (model.shutdown if model else None)
        return None if date is None else Shutdown(date, (date - today).days)

    def successor(
        self, model_id: str, today: dt.date, told: Mapping[str, dt.date] | None = None
    ) -> str | None:
        """The first model in the line after this one that still answers; None: there is none."""
        seen = {model_id}
        model = self.find(model_id)
        while model is not None and model.successor is not None and model.successor not in seen:
            seen.add(model.successor)
            gone = self.shutdown(model.successor, today, told)
            if gone is None or gone.days_left > 0:
                return model.successor
            model = self.find(model.successor)
        return None


def parse_models(text: str | bytes) -> Models:
    """Read the data file's text; raises BadModels."""
    try:
        content = msgspec.json.decode(text, type=_File)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise BadModels(str(error)) from error
    return Models(content.as_of, content.models)


def _counted(tokens: int) -> int:
    return min(max(0, tokens), _MOST_TOKENS)
