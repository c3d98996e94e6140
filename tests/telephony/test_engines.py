"""What of a caller an engine is told."""

import hashlib
from typing import cast

import aiohttp

from agents.local.chat.dialogue import ChatDialogue
from agents.local.dialogue import Dialogue
from agents.local.engine import LocalEngine
from agents.local.models import Models
from agents.persona import Persona
from telephony.engines import Briefing, LocalEngines, local_chat, pseudonyms
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
