"""Documents Twilio accepts, compared as XML."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.twilio import twiml
from telephony.twilio.twiml import BadTwiml

STREAM = "wss://voice.example.com/twilio/media"
ACTION = "https://voice.example.com/twilio/after-stream"
STATUS = "https://voice.example.com/twilio/stream-status"


def test_a_call_is_connected_to_the_stream_and_comes_back_to_the_action() -> None:
    root = ET.fromstring(twiml.connect_stream(STREAM, ACTION, STATUS, "s3cret"))
    assert [element.tag for element in root.iter()] == [
        "Response",
        "Connect",
        "Stream",
        "Parameter",
    ]
    connect, stream, parameter = root[0], root[0][0], root[0][0][0]
    assert connect.attrib == {"action": ACTION, "method": "POST"}
    assert stream.attrib == {
        "url": STREAM,
        "statusCallback": STATUS,
        "statusCallbackMethod": "POST",
    }
    assert parameter.attrib == {"name": "token", "value": "s3cret"}


def test_a_loopback_stream_needs_no_tls() -> None:
    assert b"ws://127.0.0.1:5000/m" in twiml.connect_stream(
        "ws://127.0.0.1:5000/m", ACTION, STATUS, "t"
    )


@pytest.mark.parametrize(
    "url",
    [
        "ws://voice.example.com/m",
        "https://voice.example.com/m",
        "/twilio/media",
        "wss:///m",
        f"{STREAM}?token=1",
        f"{STREAM}?",
        f"{STREAM}#x",
        f"{STREAM}/ä",
        f"{STREAM}/a b",
        "",
    ],
)
def test_a_stream_url_twilio_would_refuse_is_refused_here(url: str) -> None:
    with pytest.raises(BadTwiml):
        twiml.connect_stream(url, ACTION, STATUS, "t")


@pytest.mark.parametrize("url", ["/twilio/after-stream", "voice.example.com", "wss://x/y", ""])
def test_callbacks_must_be_absolute(url: str) -> None:
    with pytest.raises(BadTwiml):
        twiml.connect_stream(STREAM, url, STATUS, "t")
    with pytest.raises(BadTwiml):
        twiml.connect_stream(STREAM, ACTION, url, "t")


@pytest.mark.parametrize("token", ["", "x" * 495, "ä", "a\n"])
def test_a_token_that_would_not_arrive_is_refused(token: str) -> None:
    with pytest.raises(BadTwiml):
        twiml.connect_stream(STREAM, ACTION, STATUS, token)


def test_a_parameter_of_499_characters_is_the_longest() -> None:
    assert b"x" * 494 in twiml.connect_stream(STREAM, ACTION, STATUS, "x" * 494)


def test_an_apology_is_said_and_the_call_ended() -> None:
    root = ET.fromstring(twiml.say_and_hang_up("We're sorry.", "en-GB"))
    assert [(element.tag, element.text) for element in root] == [
        ("Say", "We're sorry."),
        ("Hangup", None),
    ]
    assert root[0].attrib == {"language": "en-GB"}


@pytest.mark.parametrize("language", ["", "en", "english", "en-gb", '"><Dial>'])
def test_a_language_twilio_does_not_know_is_left_out(language: str) -> None:
    root = ET.fromstring(twiml.say_and_hang_up("Sorry.", language))
    assert root[0].attrib == {}


def test_hang_up_is_all_there_is_to_say() -> None:
    root = ET.fromstring(twiml.hang_up())
    assert [element.tag for element in root] == ["Hangup"]


@given(st.text())
def test_no_sentence_can_break_the_document_or_add_a_verb(sentence: str) -> None:
    root = ET.fromstring(twiml.say_and_hang_up(sentence))
    assert [element.tag for element in root.iter()] == ["Response", "Say", "Hangup"]


def test_a_sentence_is_cut_where_twilio_would_refuse_it() -> None:
    root = ET.fromstring(twiml.say_and_hang_up("a" * 5_000))
    assert root[0].text == "a" * 4_096
