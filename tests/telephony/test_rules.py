"""Who is asked before a call is kept: by the persona, else by the settings, else everybody."""

from pathlib import Path

import pytest

from telephony.call.config import ConsentMode
from telephony.cli.try_call import consent_in_trial
from telephony.configuring.recordingpart import RecordingPart
from telephony.rules import consent_terms
from telephony.settings import load

CALLER = "+12125550123"


def clip(words: str) -> bytes:
    return words.encode()


def test_requirement_d4_everybody_is_asked_where_nobody_says_otherwise(tmp_path: Path) -> None:
    plain = load({}, tmp_path).recording_consent
    for number in (CALLER, "+442079460000", None):
        terms = consent_terms(RecordingPart(), plain, number, clip)
        assert terms is not None
        assert (terms.mode, terms.region) == (ConsentMode.ASK, "")
        assert terms.ulaw == RecordingPart().question.encode()


@pytest.mark.parametrize(
    ("setting", "part", "mode"),
    [
        ("none", RecordingPart(), None),
        ("notice", RecordingPart(), ConsentMode.NOTICE),
        ("none", RecordingPart(question="May I?"), ConsentMode.ASK),
        ("ask", RecordingPart(consent="none"), ConsentMode.NONE),
        ("ask", RecordingPart(consent="ask", regions={"+1212": "notice"}), ConsentMode.NOTICE),
        ("none", RecordingPart(regions={"+44": "notice"}), ConsentMode.ASK),
    ],
)
def test_who_says_something_is_heeded(
    setting: str, part: RecordingPart, mode: ConsentMode | None
) -> None:
    terms = consent_terms(part, setting, CALLER, clip)
    assert (terms and terms.mode) == mode


def test_a_trial_asks_its_own_caller_only_if_told_to(tmp_path: Path) -> None:
    assert consent_in_trial(load({}, tmp_path)) == "none"
    asked = load({"FRONTDESK_RECORDING_CONSENT": "ask"}, tmp_path)
    assert consent_in_trial(asked) == "ask"
