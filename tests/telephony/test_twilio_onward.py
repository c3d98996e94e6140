"""Where callers go from here: the only place where a name becomes a number."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.call.commands import TakeMessage, Transfer
from telephony.line import parse_line
from telephony.simulator import twiml as simulated
from telephony.twilio import twiml
from telephony.twilio.onward import Documents
from telephony.twilio.twiml import BadTwiml
from telephony.twilio.urls import PublicUrl

LINE = parse_line(
    'transfers: {sales: {number: "+442079460001", timeout_s: 15}}\n'
    'voicemail: {say: "Please speak.", max_seconds: 60}\n',
    "phone.yaml",
)
BASE = "https://voice.example.com"
DOCUMENTS = Documents(LINE, PublicUrl(BASE), "en-GB")
ACTION = f"{BASE}/twilio/dial-result"


def test_a_target_is_rung_and_its_end_asked_about() -> None:
    root = ET.fromstring(DOCUMENTS.onward(Transfer("sales")))
    assert [element.tag for element in root.iter()] == ["Response", "Dial", "Number"]
    assert root[0].attrib == {
        "action": ACTION,
        "method": "POST",
        "timeout": "15",
        "answerOnBridge": "true",
    }
    assert root[0][0].text == "+442079460001"


def test_what_we_could_not_say_the_carrier_says_first() -> None:
    root = ET.fromstring(DOCUMENTS.onward(Transfer("sales", announce="One <moment>.")))
    assert [element.tag for element in root] == ["Say", "Dial"]
    assert root[0].text == "One <moment>."
    assert root[0].attrib == {"language": "en-GB"}
    root = ET.fromstring(DOCUMENTS.onward(TakeMessage("Sorry.")))
    assert root[0].text == "Sorry. Please speak."


def test_a_message_is_recorded_as_it_is_spoken() -> None:
    root = ET.fromstring(DOCUMENTS.onward(TakeMessage()))
    assert [element.tag for element in root] == ["Say", "Record", "Hangup"]
    assert root[0].text == "Please speak."
    assert root[1].attrib == {
        "action": f"{BASE}/twilio/voicemail",
        "method": "POST",
        "maxLength": "60",
        "finishOnKey": "#",
        "timeout": "10",
        "trim": "do-not-trim",
        "playBeep": "true",
        "recordingStatusCallback": f"{BASE}/twilio/voicemail-status",
        "recordingStatusCallbackMethod": "POST",
    }


def test_a_target_that_is_not_configured_has_no_number() -> None:
    with pytest.raises(KeyError):
        DOCUMENTS.onward(Transfer("+19005550100"))


def test_a_new_line_is_gone_by_and_calls_of_the_old_one_still_find_their_target() -> None:
    documents = Documents(LINE, PublicUrl(BASE))
    new = 'transfers: {sales: {number: "+442079460009"}, shop: {number: "+442079460008"}}'
    documents.learn(parse_line(new, "phone.yaml"))
    documents.learn(parse_line("transfers: {}", "phone.yaml"))
    for target, number in (("sales", "+442079460009"), ("shop", "+442079460008")):
        assert ET.fromstring(documents.onward(Transfer(target)))[0][0].text == number
    assert ET.fromstring(documents.onward(TakeMessage()))[0].text != "Please speak."


@pytest.mark.parametrize(
    "number", ["", "sales", "020 7946 0001", "+0123456789", "+4420794600011234567", "+44;1"]
)
def test_only_a_number_in_full_is_rung(number: str) -> None:
    with pytest.raises(BadTwiml):
        twiml.dial(number, ACTION, 20)
    with pytest.raises(BadTwiml):
        twiml.dial("+442079460001", "/relative", 20)
    with pytest.raises(BadTwiml):
        twiml.record("Speak.", "/relative", ACTION, 20)


@given(st.text(max_size=60))
def test_whatever_is_said_first_the_document_is_one_the_simulator_takes(words: str) -> None:
    for onward in (Transfer("sales", words), TakeMessage(words)):
        document = simulated.parse(DOCUMENTS.onward(onward), "application/xml", BASE)
        assert document.warnings == ()


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<Dial>+442079460001</Dial>", 12200),
        ("<Dial><Number>sales</Number></Dial>", 13224),
        ("<Dial timeout='soon'><Number>+442079460001</Number></Dial>", 12200),
        ("<Dial method='PUT'><Number>+442079460001</Number></Dial>", 12200),
        ("<Record maxLength='long'/>", 12200),
        ("<Record recordingStatusCallbackMethod='PUT'/>", 12200),
    ],
)
def test_the_simulator_refuses_what_twilio_would(inside: str, code: int) -> None:
    with pytest.raises(simulated.TwimlError) as caught:
        simulated.parse(f"<Response>{inside}</Response>".encode(), "text/xml", BASE)
    assert caught.value.code == code


def test_the_simulator_knows_what_twilio_assumes() -> None:
    body = b"<Response><Dial><Number>+442079460001</Number></Dial><Record/></Response>"
    dial, record = simulated.parse(body, "text/xml", BASE).verbs
    assert dial == simulated.Dial("+442079460001", None, "POST", 30)
    assert record == simulated.Record(None, "POST", 3600, None, "POST")
