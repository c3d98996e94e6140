"""What a persona says of the turn-based engine reaches it."""

from agents.local.endpointing import Endpoints
from agents.turns.settings import TurnsSettings
from telephony.configuring.turnspart import TurnsPart

SETTINGS = TurnsSettings(api_key="sk-test", model="m")


def test_what_is_not_said_stays_as_it_is() -> None:
    assert TurnsPart().applied(SETTINGS) == SETTINGS


def test_what_is_said_is_taken() -> None:
    part = TurnsPart(
        end_silence_ms=400, patient_silence_ms=900, max_turn_s=20, speed=1.2, max_output_tokens=500
    )
    made = part.applied(SETTINGS)
    assert made.endpoints == Endpoints(
        end_silence_ms=400, patient_silence_ms=900, max_turn_ms=20_000
    )
    assert (made.speed, made.max_output_tokens, made.model) == (1.2, 500, "m")
