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
    Truncation,
)
from tests.agents.realtime_story import PERSONA, TOOLS, tool
from tests.fakes.realtime_schema import check_client, check_reasoning


def asked(settings: RealtimeSettings, persona: Persona = PERSONA) -> dict[str, Any]:
    """The session asked for, after the vendor's types have let it pass."""
    session = configuration.session(settings, persona, TOOLS)
    check_client("session.update", wire.session_update(session, "config"))
    check_reasoning(session, reasons=settings.reasons)
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


def test_only_reasoning_models_are_asked_to_reason() -> None:
    silent = asked(RealtimeSettings(reasoning_effort="high", parallel_tool_calls=True))
    assert not {"reasoning", "parallel_tool_calls"} & silent.keys()
    asked_for = asked(RealtimeSettings(reasons=True, reasoning_effort="high"))
    assert asked_for["reasoning"] == {"effort": "high"}
    assert "parallel_tool_calls" not in asked_for
    one_by_one = asked(RealtimeSettings(reasons=True, parallel_tool_calls=False))
    assert one_by_one["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("book", {"type": "function", "name": "book"}),
    ],
)
def test_a_tool_may_be_asked_for_by_name(choice: str, expected: object) -> None:
    assert asked(RealtimeSettings(tool_choice=choice))["tool_choice"] == expected


@pytest.mark.parametrize("strategy", ["auto", "disabled"])
def test_a_long_conversation_may_be_shortened_otherwise(strategy: str) -> None:
    settings = RealtimeSettings(truncation=Truncation(strategy))
    assert asked(settings)["truncation"] == strategy


def test_nothing_is_traced_unless_asked_for() -> None:
    assert "tracing" not in asked(RealtimeSettings())
    assert asked(RealtimeSettings(tracing=True))["tracing"] == "auto"


def test_a_transcriber_may_be_told_what_to_expect() -> None:
    settings = RealtimeSettings(transcription_prompt="Balayage, Keratin")
    transcription = asked(settings)["audio"]["input"]["transcription"]
    assert transcription["prompt"] == "Balayage, Keratin"


def test_languages_are_given_without_their_countries() -> None:
    settings = RealtimeSettings(languages=("en-GB", "en-US", "cy"))
    assert asked(settings)["audio"]["input"]["transcription"]["languages"] == ["en", "cy"]


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
        truncation=st.builds(
            Truncation, st.just("retention_ratio"), st.floats(0, 1), st.integers(1_000, 100_000)
        ),
        tool_choice=st.sampled_from(["auto", "none", "required", "book"]),
        tracing=st.booleans(),
        reasons=st.booleans(),
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
