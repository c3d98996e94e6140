"""Which engines there are, and what of a caller they are told."""

import datetime as dt
import hashlib
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from agents.engine import AudioFormat, CloseEngine
from agents.local.chat.dialogue import ChatDialogue
from agents.local.dialogue import Dialogue
from agents.local.engine import LocalEngine
from agents.local.models import Models, ModelsMissing
from agents.local.vad import Vad
from agents.persona import Persona
from agents.turns.endpointing import EnergyDetector
from telephony.configuring.turnspart import TurnsPart
from telephony.engines import (
    Briefing,
    LocalEngines,
    TurnsEngines,
    close_engines,
    engines_for,
    live_settings,
    local_chat,
    pseudonyms,
    turns_settings,
)
from telephony.settings import load
from tests.agents.talk import FRIDAY, SALON


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


BRIEFING = Briefing(Persona(), SALON, lambda: FRIDAY, answers_on_request=True)
MODEL = {
    "FRONTDESK_LOCAL_LLM_URL": "http://127.0.0.1:11434/v1",
    "FRONTDESK_LOCAL_LLM_MODEL": "tiny",
    "FRONTDESK_LOCAL_LLM_KEY": "sesame",
}


def engine(engines: LocalEngines) -> LocalEngine:
    return cast(LocalEngine, engines.new("+14155550100", BRIEFING))


def test_two_embedded_engines_of_one_call_name_nothing_alike() -> None:
    engines = LocalEngines(Models())
    first, second = engine(engines), engine(engines)
    assert first._ids != second._ids
    assert first.capabilities.answers_on_request
    names = {str(next(cast(Dialogue, each._dialogue)._ids)) for each in (first, second)}
    assert len(names) == 2
    assert all(name.endswith("call_1") for name in names)


async def test_the_rules_answer_unless_a_model_is_named() -> None:
    async with aiohttp.ClientSession() as http:
        assert local_chat(load({}), http) is None
        chat = local_chat(load(MODEL), http)
        assert chat is not None
        assert chat._headers["Authorization"] == "Bearer sesame"
        assert isinstance(engine(LocalEngines(Models(), chat))._dialogue, ChatDialogue)
        assert isinstance(engine(LocalEngines(Models()))._dialogue, Dialogue)
        without = local_chat(load({**MODEL, "FRONTDESK_LOCAL_LLM_KEY": ""}), http)
        assert without is not None
        assert "Authorization" not in without._headers
