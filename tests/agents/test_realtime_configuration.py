"""What the session is asked to be, checked against the vendor's own types and rules."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import AudioFormat
from agents.persona import Persona
from agents.realtime import configuration, wire
from agents.realtime.settings import (
    RealtimeSettings,
    SemanticVad,
    ServerVad,
    takes_reasoning,
    websocket_url,
)
from tests.agents.realtime_story import PERSONA, TOOLS, tool
from tests.fakes.realtime_schema import check_client, check_reasoning


def asked(settings: RealtimeSettings, persona: Persona = PERSONA) -> dict[str, Any]:
    """The session asked for, after the vendor's types have let it pass."""
    session = configuration.session(settings, persona, TOOLS)
    check_client("session.update", wire.session_update(session, "config"))
    check_reasoning(session, reasons=takes_reasoning(settings.model))
    return session


@pytest.mark.parametrize(
    ("audio_format", "expected"),
    [
        (AudioFormat.PCM16_24K, {"type": "audio/pcm", "rate": 24_000}),
        (AudioFormat.ULAW_8K, {"type": "audio/pcmu"}),
    ],
)
def test_the_format_is_the_same_both_ways(
    audio_format: AudioFormat, expected: dict[str, Any]
) -> None:
    audio = asked(RealtimeSettings(audio_format=audio_format))["audio"]
    assert audio["input"]["format"] == audio["output"]["format"] == expected


def test_every_value_of_turn_detection_is_sent() -> None:
    found = asked(RealtimeSettings())["audio"]["input"]["turn_detection"]
    assert found == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


def test_turns_may_be_found_by_meaning() -> None:
    found = asked(RealtimeSettings(turn_detection=SemanticVad("high")))["audio"]["input"]
    assert found["turn_detection"]["type"] == "semantic_vad"
    assert found["turn_detection"]["eagerness"] == "high"


@pytest.mark.parametrize(
    ("model", "languages", "expected"),
    [
        ("gpt-transcribe", (), {"model": "gpt-transcribe", "languages": ["en"]}),
        ("gpt-transcribe", ("en", "de"), {"model": "gpt-transcribe", "languages": ["en", "de"]}),
        ("whisper-1", ("de",), {"model": "whisper-1", "language": "de"}),
        ("", ("en",), None),
    ],
)
def test_each_transcriber_is_told_the_language_its_way(
    model: str, languages: tuple[str, ...], expected: dict[str, Any] | None
) -> None:
    settings = RealtimeSettings(transcription_model=model, languages=languages)
    assert asked(settings)["audio"]["input"]["transcription"] == expected


def test_noise_reduction_may_be_off() -> None:
    assert asked(RealtimeSettings(noise_reduction=""))["audio"]["input"]["noise_reduction"] is None


def test_the_persona_may_have_a_voice_and_lengths_may_be_unlimited() -> None:
    settings = RealtimeSettings(max_output_tokens=None)
    session = asked(settings, msgspec.structs.replace(PERSONA, voice="cedar"))
    assert session["audio"]["output"]["voice"] == "cedar"
    assert session["max_output_tokens"] == "inf"


def test_a_persona_without_instructions_gets_some_as_the_servers_own_would_rule() -> None:
    told = asked(RealtimeSettings(), Persona(business="Harbour Dental"))["instructions"]
    assert "Harbour Dental" in told


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("gpt-realtime-2", True),
        ("gpt-realtime-2.1", True),
        ("gpt-realtime-2.1-mini", True),
        ("gpt-realtime-2-2026-05-07", True),
        ("gpt-realtime-2025-08-28", False),
        ("gpt-realtime", False),
        ("gpt-realtime-1.5", False),
        ("gpt-4o-realtime-preview-2025-06-03", False),
    ],
)
def test_only_reasoning_models_are_asked_to_reason(model: str, reasons: bool) -> None:
    assert ("reasoning" in asked(RealtimeSettings(model=model))) is reasons


def test_hints_for_the_embedded_engine_are_taken_out_of_schemas() -> None:
    schema = {"type": "object", "properties": {"x-ray": {"type": "string", "x-ask": "Which?"}}}
    session = configuration.session(RealtimeSettings(), PERSONA, [tool("book", schema)])
    assert session["tools"][0]["parameters"] == {
        "type": "object",
        "properties": {"x-ray": {"type": "string"}},
    }


@given(
    st.builds(
        RealtimeSettings,
        model=st.sampled_from(["gpt-realtime-2.1", "gpt-realtime", "gpt-realtime-mini"]),
        voice=st.sampled_from(["marin", "cedar", "alloy"]),
        speed=st.floats(0.25, 1.5),
        transcription_model=st.sampled_from(["", "whisper-1", "gpt-transcribe"]),
        turn_detection=st.builds(
            ServerVad, st.floats(0, 1), st.integers(0, 900), st.integers(100, 2000)
        )
        | st.builds(SemanticVad, st.sampled_from(["low", "medium", "high", "auto"])),
        noise_reduction=st.sampled_from(["", "near_field", "far_field"]),
        audio_format=st.sampled_from(AudioFormat),
        max_output_tokens=st.none() | st.integers(1, 4096),
        retention_ratio=st.floats(0, 1),
    ),
    st.text(max_size=40),
)
def test_whatever_is_set_the_vendors_types_accept_and_an_honest_echo_shows_no_difference(
    settings: RealtimeSettings, words: str
) -> None:
    persona = msgspec.structs.replace(PERSONA, instructions=words)
    session = asked(settings, persona)
    echo = configuration.read_echo(msgspec.Raw(json.dumps(session).encode()))
    found = configuration.differences(echo, settings, persona, TOOLS)
    assert (found.grave, found.slight) == ((), ())


def test_an_empty_echo_differs_in_everything_that_matters() -> None:
    echo = configuration.read_echo(msgspec.Raw(b"{}"))
    found = configuration.differences(echo, RealtimeSettings(), PERSONA, TOOLS)
    assert set(found.grave) == {
        "input_format",
        "output_format",
        "instructions",
        "tools",
        "turn_detection",
    }


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?model=a%2Fb"),
        ("https://eu.api.openai.com/v1/", "wss://eu.api.openai.com/v1/realtime?model=a%2Fb"),
        ("http://127.0.0.1:8080/v1", "ws://127.0.0.1:8080/v1/realtime?model=a%2Fb"),
        ("wss://gateway.example/x?key=1", "wss://gateway.example/x/realtime?key=1&model=a%2Fb"),
    ],
)
def test_the_socket_url_follows_from_the_base_url(base_url: str, expected: str) -> None:
    assert websocket_url(base_url, "a/b") == expected
