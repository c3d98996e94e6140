"""What Twilio would make of a webhook's answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.simulator.twiml import (
    Connect,
    Document,
    Hangup,
    Pause,
    Play,
    Redirect,
    Reject,
    Say,
    Stream,
    TwimlError,
    Verb,
    check_stream_url,
    is_loopback,
    parse,
)

URL = "https://voice.example.com/twilio/voice"
XML = "application/xml"
KNOWN_CODES = {11100, 11750, 12100, 12102, 12200, 31920, 31922, 31923, 31941}


def verbs(inside: str) -> tuple[Verb, ...]:
    document = parse(f"<Response>{inside}</Response>".encode(), XML, URL)
    assert document.warnings == ()
    return document.verbs


def test_a_stream_with_everything() -> None:
    body = """<?xml version="1.0" encoding="UTF-8"?>
    <Response>
      <!-- bidirectional -->
      <Connect action="/twilio/after-stream" method="GET">
        <Stream url="wss://voice.example.com/twilio/media" name="main"
                statusCallback="https://voice.example.com/twilio/stream-status">
          <Parameter name="token" value="a&amp;b"/>
          <Parameter name="resume" value="1"/>
        </Stream>
      </Connect>
      <Say>Sorry, something
        went wrong.</Say>
    </Response>"""
    connect, say = parse(body.encode(), "text/xml; charset=utf-8", URL).verbs
    assert connect == Connect(
        stream=Stream(
            url="wss://voice.example.com/twilio/media",
            name="main",
            status_callback="https://voice.example.com/twilio/stream-status",
            status_callback_method="POST",
            parameters=(("token", "a&b"), ("resume", "1")),
        ),
        action="https://voice.example.com/twilio/after-stream",
        method="GET",
    )
    assert say == Say("Sorry, something went wrong.")


@pytest.mark.parametrize(
    ("inside", "verb"),
    [
        ("<Hangup/>", Hangup()),
        ("<Reject/>", Reject("rejected")),
        ('<Reject reason="busy"/>', Reject("busy")),
        ("<Pause/>", Pause(1)),
        ('<Pause length="3"/>', Pause(3)),
        ('<Play digits="ww12"/>', Play("", "ww12")),
        ("<Play>https://h/a.mp3</Play>", Play("https://h/a.mp3", "")),
        ("<Redirect>/next</Redirect>", Redirect("https://voice.example.com/next", "POST")),
        ('<Redirect method="GET">https://h/n?a=1</Redirect>', Redirect("https://h/n?a=1", "GET")),
        ("<Say>One <break/>two</Say>", Say("One two")),
    ],
)
def test_verbs(inside: str, verb: Verb) -> None:
    assert verbs(inside) == (verb,)


def test_an_empty_response_ends_the_call() -> None:
    assert verbs("") == ()


def stream(attributes: str, inside: str = "") -> str:
    return f"<Connect><Stream {attributes}>{inside}</Stream></Connect>"


def test_a_relative_stream_url_is_made_absolute() -> None:
    (connect,) = verbs(stream('url="/twilio/media"'))
    assert isinstance(connect, Connect)
    assert connect.stream.url == "wss://voice.example.com/twilio/media"
    assert connect.action is None


@pytest.mark.parametrize(
    ("inside", "code", "said"),
    [
        (stream('url="wss://h/m?token=1"'), 31920, "query"),
        (stream('url="wss://h/m?"'), 31920, "query"),
        (stream('url="ws://h/m"'), 31922, "wss"),
        (stream('url="https://h/m"'), 31922, "wss"),
        (stream('url="wss:///m"'), 31923, "host"),
        (stream('url="mailto:x"'), 31922, "mailto"),
        (stream('url="wss://[::1/m"'), 31923, "::1"),
        (stream('url="wss://h:99999/m"'), 31923, "99999"),
        (stream(""), 31923, "url"),
        (stream('url="wss://h/m" track="both_tracks"'), 31941, "both_tracks"),
        (stream('url="wss://h/m"', '<Parameter value="x"/>'), 12200, "no name"),
        (stream('url="wss://h/m"', f'<Parameter name="t" value="{"x" * 499}"/>'), 12200, "long"),
        (stream('url="wss://h/m"', "<Say>x</Say>"), 12200, "<Say>"),
        (stream('url="wss://h/m" statusCallbackMethod="PUT"'), 12200, "PUT"),
        (stream('url="wss://h/m" statusCallback="http://[x"'), 11100, "[x"),
        ("<Connect/>", 12200, "exactly one"),
        ("<Connect><Stream url='wss://h/m'/><Stream url='wss://h/m'/></Connect>", 12200, "one"),
        ("<Connect><Say/></Connect>", 12200, "exactly one"),
        ("<Connect method='DELETE'><Stream url='wss://h/m'/></Connect>", 12200, "DELETE"),
        ("<Pause length='soon'/>", 12200, "soon"),
        ("<Redirect>http://[x</Redirect>", 11100, "[x"),
    ],
)
def test_what_twilio_refuses(inside: str, code: int, said: str) -> None:
    with pytest.raises(TwimlError) as caught:
        verbs(inside)
    assert caught.value.code == code
    assert said in caught.value.detail


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b'{"a": 1}', "application/json", 12300),
        (b"<html></html>", "text/html; charset=utf-8", 12300),
        (b"<Response/>", "", 12300),
        (b"<html></html>", XML, 12102),
        (b"<response/>", XML, 12102),
        (b"", XML, 12100),
        (b"<Response>", XML, 12100),
        (b"<Response>\xff</Response>", XML, 12100),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><Response><Say>&b;</Say></Response>", XML, 12100),
        ("<!DOCTYPE a><Response/>".encode("utf-16-le"), XML, 12100),
        (b"<Response>" + b" " * 65_536 + b"</Response>", XML, 11750),
    ],
)
def test_whole_documents_twilio_refuses(body: bytes, content_type: str, code: int) -> None:
    with pytest.raises(TwimlError) as caught:
        parse(body, content_type, URL)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<Shout>x</Shout>", "<Shout>"),
        ("<Hangup now='1'/>", "'now'"),
        ("<Say/><Reject/>", "first verb"),
    ],
)
def test_what_twilio_only_warns_about(inside: str, said: str) -> None:
    (warning,) = parse(f"<Response>{inside}</Response>".encode(), XML, URL).warnings
    assert said in warning


def test_parameters_may_hold_just_under_500_characters() -> None:
    (connect,) = verbs(stream('url="wss://h/m"', f'<Parameter name="t" value="{"x" * 498}"/>'))
    assert isinstance(connect, Connect)
    assert len(connect.stream.parameters[0][1]) == 498


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "[::1]"])
def test_plain_ws_is_for_loopback_only(host: str) -> None:
    check_stream_url(f"ws://{host}:8000/twilio/media")


@pytest.mark.parametrize("host", ["", "example.com", "10.0.0.1", "127.0.0.1.example.com"])
def test_no_other_host_is_loopback(host: str) -> None:
    assert not is_loopback(host)


@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.text(alphabet="<>/ResponseConctStramurl='\" &;!", max_size=80).map(
            lambda inside: f"<Response>{inside}</Response>".encode()
        ),
    )
)
def test_any_body_is_a_document_or_a_twiml_error(body: bytes) -> None:
    try:
        outcome: object = parse(body, XML, URL)
    except TwimlError as error:
        outcome = error.code
    assert isinstance(outcome, Document) or outcome in KNOWN_CODES
