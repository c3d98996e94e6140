"""Which engines there are, and what of a caller they are told."""

import datetime as dt
import hashlib
from pathlib import Path

import pytest

from agents.engine import AudioFormat, CloseEngine
from agents.local.models import Models, ModelsMissing
from agents.local.vad import Vad
from agents.persona import Persona
from agents.turns.endpointing import EnergyDetector
from telephony.configuring.turnspart import TurnsPart
from telephony.engines import (
    Briefing,
    TurnsEngines,
    close_engines,
    engines_for,
    live_settings,
    pseudonyms,
    turns_settings,
)
from telephony.settings import load


def test_a_caller_s_pseudonym_is_stable_and_tells_nothing_without_our_key() -> None:
    ours, theirs = pseudonyms("our key"), pseudonyms("their key")
    said = ours("+14155550100")
    assert said == ours("+1 415 555 0100") != ours("+14155550101")
    assert said != theirs("+14155550100")
    assert said != hashlib.sha256(b"frontdesk:+14155550100").hexdigest()[:32]
    assert len(said) == 32


def test_withheld_numbers_have_no_pseudonym() -> None:
    assert {pseudonyms("key")(caller) for caller in ("", "anonymous", "+266696687")} == {""}


def clock() -> dt.datetime:
    return dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


async def test_the_engines_of_a_provider_need_its_key(tmp_path: Path, models: Models) -> None:
    assert set(engines_for(load({}, tmp_path), models, "key", str)) == {"local"}
    made = engines_for(load({"OPENAI_API_KEY": "sk-1"}, tmp_path), models, "key", str)
    assert set(made) == {"local", "realtime", "turns", "live"}
    briefing = Briefing(Persona(), (), clock, answers_on_request=True)
    for name, each in made.items():
        assert each.capabilities(briefing).name == name
        assert each.capabilities(briefing) == each.new("+14155550100", briefing).capabilities
    await close_engines(made.values())


async def test_the_turn_based_engine_is_that_of_settings_and_persona(
    tmp_path: Path, models: Models
) -> None:
    said = {"OPENAI_API_KEY": "sk-1", "FRONTDESK_TURNS_MODEL": "m", "FRONTDESK_VOICE": "ash"}
    made = TurnsEngines(turns_settings(load(said, tmp_path)), pseudonyms("key"), models, str)
    briefing = Briefing(Persona(instructions="Be kind."), (), clock, turns=TurnsPart(speed=1.3))
    engine = made.new("+14155550100", briefing)
    assert engine.capabilities.name == "turns"
    body = engine._protocol._requests.answer([], plain=False, may_call=True)  # type: ignore[attr-defined]
    assert (body["model"], body["audio"]["voice"]) == ("m", "ash")
    told = body["messages"][0]["content"]
    assert "faster" in told
    assert "Be kind. Today is Friday, 20 November 2026." in told
    assert body["safety_identifier"] == pseudonyms("key")("+14155550100")
    engine.submit(CloseEngine())
    await made.close()


def test_without_its_model_the_detector_goes_by_power(
    tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise ModelsMissing("not installed")

    made = TurnsEngines(turns_settings(load({}, tmp_path)), pseudonyms("key"), models, str)
    assert isinstance(made._detector(), Vad)
    monkeypatch.setattr(models, "load_vad", missing)
    assert isinstance(made._detector(), EnergyDetector)


def test_a_live_session_is_what_the_variables_say(tmp_path: Path) -> None:
    environment = {
        "FRONTDESK_ENGINE": "live",
        "FRONTDESK_LIVE_BACKEND_MODEL": "gpt-x",
        "OPENAI_API_KEY": "sk-1",
        "OPENAI_BASE_URL": "https://gate.example/v1",
    }
    made = live_settings(load(environment, tmp_path))
    assert (made.api_key, made.base_url) == ("sk-1", "https://gate.example/v1")
    assert (made.model, made.backend_model, made.voice) == ("gpt-live-1", "gpt-x", "marin")
    assert made.audio_format is AudioFormat.ULAW_8K
    assert live_settings(load({}, tmp_path)).api_key == ""
