"""What a persona's file says of its Realtime session, from the file to the wire."""

import datetime as dt
from collections.abc import Mapping

import msgspec
import pytest
from msgspec import UNSET

from agents.engine import AudioFormat
from agents.persona import Persona
from agents.realtime import configuration, wire
from agents.realtime.client import RealtimeEngine
from agents.realtime.settings import RealtimeSettings, SemanticVad, ServerVad, Truncation
from telephony.configuring.configuration import persona_schema
from telephony.configuring.sessionpart import SessionPart, session_settings
from telephony.engines import Briefing, RealtimeEngines, realtime_settings
from telephony.settings import load
from tests.fakes.realtime_schema import check_client
from tests.telephony.test_configuring_configuration import load as configured
from tests.telephony.test_configuring_configuration import persona, told

PLAIN = RealtimeSettings()
EVERYTHING = """
session:
  turn_detection: server_vad
  threshold: 0.7
  prefix_padding_ms: 200
  silence_duration_ms: 650
  idle_timeout_ms: 9000
  noise_reduction: near_field
  transcription_model: whisper-1
  transcription_prompt: Balayage
  languages: [en-GB, cy]
  speed: 1.25
  max_output_tokens: 600
  reasoning_effort: minimal
  truncation: retention_ratio
  retention_ratio: 0.5
  post_instructions_tokens: 4000
  tool_choice: cook
  parallel_tool_calls: false
  tracing: true
"""


def part(text: str) -> SessionPart:
    role = configured(persona(text)).roles["anna"]
    return role.file.session


def asked(said: SessionPart, plain: RealtimeSettings = PLAIN) -> dict[str, object]:
    """The session.update, after the vendor's types have let it pass."""
    session = configuration.session(session_settings(said, plain), Persona(), [])
    check_client("session.update", wire.session_update(session, "config"))
    return session


def test_a_persona_that_says_nothing_changes_nothing() -> None:
    said = part("greeting: Hi\n")
    assert said == SessionPart()
    assert session_settings(said, PLAIN) == PLAIN


def test_all_that_can_be_said_reaches_the_wire() -> None:
    session = asked(part(EVERYTHING), msgspec.structs.replace(PLAIN, reasons=True))
    audio = session["audio"]
    assert isinstance(audio, dict)
    assert audio["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.7,
        "prefix_padding_ms": 200,
        "silence_duration_ms": 650,
        "idle_timeout_ms": 9000,
        "create_response": True,
        "interrupt_response": True,
    }
    assert audio["input"]["noise_reduction"] == {"type": "near_field"}
    assert audio["input"]["transcription"] == {
        "model": "whisper-1",
        "language": "en",
        "prompt": "Balayage",
    }
    assert audio["output"]["speed"] == 1.25
    assert session["max_output_tokens"] == 600
    assert session["reasoning"] == {"effort": "minimal"}
    assert session["parallel_tool_calls"] is False
    assert session["tool_choice"] == {"type": "function", "name": "cook"}
    assert session["tracing"] == "auto"
    assert session["truncation"] == {
        "type": "retention_ratio",
        "retention_ratio": 0.5,
        "token_limits": {"post_instructions": 4000},
    }


def test_every_field_does_something() -> None:
    said = part(EVERYTHING)
    unsaid = {name for name, value in msgspec.structs.asdict(said).items() if value is UNSET}
    assert unsaid == {"eagerness"}
    for name in set(SessionPart.__struct_fields__) - unsaid - {"turn_detection", "truncation"}:
        alone = SessionPart(**{name: getattr(said, name)})
        assert session_settings(alone, PLAIN) != PLAIN, name


def test_a_model_that_does_not_reason_is_not_told_how_to() -> None:
    session = asked(part(EVERYTHING))
    assert not {"reasoning", "parallel_tool_calls"} & session.keys()


@pytest.mark.parametrize(
    ("said", "otherwise", "expected"),
    [
        (SessionPart(threshold=0.8), ServerVad(), ServerVad(threshold=0.8)),
        (SessionPart(turn_detection="semantic_vad"), ServerVad(), SemanticVad()),
        (
            SessionPart(turn_detection="semantic_vad", eagerness="low"),
            ServerVad(),
            SemanticVad("low"),
        ),
        # What the file says of a kind that the settings do not have.
        (SessionPart(threshold=0.8), SemanticVad("high"), SemanticVad("high")),
        (SessionPart(eagerness="low"), SemanticVad("high"), SemanticVad("low")),
        (SessionPart(turn_detection="server_vad"), SemanticVad(), ServerVad()),
    ],
)
def test_turns_are_found_as_the_persona_says_or_else_as_the_settings_do(
    said: SessionPart, otherwise: ServerVad | SemanticVad, expected: ServerVad | SemanticVad
) -> None:
    plain = msgspec.structs.replace(PLAIN, turn_detection=otherwise)
    assert session_settings(said, plain).turn_detection == expected


def test_noise_reduction_may_be_off_and_truncation_otherwise() -> None:
    made = session_settings(SessionPart(noise_reduction="off", truncation="disabled"), PLAIN)
    assert made.noise_reduction == ""
    assert made.truncation == Truncation("disabled")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("session: {speed: 2}", "1:18: session.speed: is too large. Give 1.5 or less."),
        (
            "session: {speed: 0.2}",
            "1:18: session.speed: is too small. Give 0.25 or more.",
        ),
        (
            "session: {idle_timeout_ms: 100}",
            "1:28: session.idle_timeout_ms: is too small. Give 5000 or more.",
        ),
        (
            "session: {turn_detection: semantic_vad, threshold: 0.5}",
            "1:52: session.threshold: is for server_vad, but turn_detection is semantic_vad."
            " Take one of them out.",
        ),
        (
            "session: {turn_detection: server_vad, eagerness: low}",
            "1:50: session.eagerness: is for semantic_vad, but turn_detection is server_vad."
            " Take one of them out.",
        ),
        (
            "session: {truncation: auto, retention_ratio: 0.5}",
            "1:46: session.retention_ratio: is for retention_ratio, but truncation is auto."
            " Take one of them out.",
        ),
        (
            "session: {tool_choice: bake}",
            "1:24: session.tool_choice: there is no tool 'bake'. Known here: auto, none, required,"
            " cook.",
        ),
        (
            "session: {languages: [English]}",
            "1:23: session.languages.0: has the wrong form. Write it like en or en-GB.",
        ),
        (
            "session: {reasoning_effort: huge}",
            "1:29: session.reasoning_effort: is not one of the choices. Use one of: high, low,"
            " medium, minimal, xhigh.",
        ),
    ],
)
def test_what_cannot_be_is_told_with_its_place_and_cure(text: str, message: str) -> None:
    assert told(persona(text)) == [f"personas/anna.yaml:{message}"]


def test_the_published_schema_has_it() -> None:
    assert persona_schema().problems({"session": {"eagerness": "high"}}) == []


# ---- a call's engine --------------------------------------------------------------------------


def noon() -> dt.datetime:
    return dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)


def engine(environ: Mapping[str, str], said: SessionPart) -> RealtimeSettings:
    """The settings of the engine of one call."""
    made = realtime_settings(load({"OPENAI_API_KEY": "k", **environ}))
    engines = RealtimeEngines(made, lambda caller: f"hash of {caller}", str)
    briefing = Briefing(Persona(), (), noon, answers_on_request=True, session=said)
    built = engines.new("+14155550100", briefing)
    assert isinstance(built, RealtimeEngine)
    assert built.capabilities.answers_on_request
    assert built.capabilities.input_format is AudioFormat.PCM16_24K
    return built._settings


def test_a_call_s_session_is_its_persona_s() -> None:
    made = engine({}, SessionPart(speed=0.9))
    assert (made.speed, made.answers_on_request, made.reasons) == (0.9, True, True)
    assert made.provider.name == "openai"


@pytest.mark.parametrize("model", ["gpt-realtime-1.5", "my-deployment"])
def test_a_model_not_known_to_reason_is_not_asked_to(model: str) -> None:
    assert not engine({"FRONTDESK_MODEL": model}, SessionPart()).reasons


def test_the_provider_of_the_settings_is_asked() -> None:
    made = engine({"FRONTDESK_PROVIDER": "cometapi"}, SessionPart())
    assert made.base_url == "https://api.cometapi.com/v1"
    assert made.model == "gpt-4o-realtime"
