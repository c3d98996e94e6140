"""What of a caller an engine is told."""

import hashlib
from pathlib import Path

from agents.engine import AudioFormat
from telephony.engines import live_settings, pseudonyms
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
