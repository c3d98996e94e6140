"""What do we tell Twilio to do with a call? TwiML documents, checked before they are built.

The builder of the `twilio` package escapes, but validates nothing: it will emit a `ws://` URL
with a query, which Twilio answers with error 31920 in the middle of a call.
"""

import re
from urllib.parse import urlsplit

from twilio.twiml.voice_response import Connect, VoiceResponse

from telephony.twilio.urls import is_loopback

CONTENT_TYPE = "application/xml"
TOKEN_PARAMETER = "token"  # noqa: S105 -- the name of a parameter
MAX_PARAMETER_CHARS = 499
"""Name and value together, Twilio, TwiML `<Parameter>`: less than 500."""
MAX_SENTENCE_CHARS = 4_096
"""Twilio, TwiML `<Say>`."""

# XML 1.0 has no way to write these, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOCALE = re.compile(r"[a-z]{2}-[A-Z]{2}")


class BadTwiml(ValueError):  # noqa: N818 - named for what it is about
    """A document Twilio would refuse; the message says why."""


def connect_stream(stream_url: str, action_url: str, status_url: str, token: str) -> bytes:
    """Hand the call's audio to `stream_url`; ask `action_url` what to do afterwards.

    Raises BadTwiml.
    """
    _check_stream_url(stream_url)
    _check_web_url(action_url)
    _check_web_url(status_url)
    if not 0 < len(token) <= MAX_PARAMETER_CHARS - len(TOKEN_PARAMETER):
        raise BadTwiml("a <Parameter> holds less than 500 characters, and not none")
    if not (token.isascii() and token.isprintable()):
        raise BadTwiml("a token must be printable ASCII")
    connect = Connect(action=action_url, method="POST")
    stream = connect.stream(
        url=stream_url, status_callback=status_url, status_callback_method="POST"
    )
    stream.parameter(name=TOKEN_PARAMETER, value=token)
    response = VoiceResponse()
    response.append(connect)
    return _written(response)


def say_and_hang_up(sentence: str, language: str = "") -> bytes:
    """An apology or a refusal, spoken by Twilio; `language` like `en-GB`, else Twilio's own."""
    speakable = _UNWRITABLE.sub("", sentence)[:MAX_SENTENCE_CHARS]
    response = VoiceResponse()
    response.say(speakable, language=language if _LOCALE.fullmatch(language) else None)
    response.hangup()
    return _written(response)


def hang_up() -> bytes:
    response = VoiceResponse()
    response.hangup()
    return _written(response)


def _written(response: VoiceResponse) -> bytes:
    return str(response).encode("utf-8")


def _check_stream_url(url: str) -> None:
    parts = urlsplit(url)
    loopback = parts.scheme == "ws" and is_loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "wss" or loopback):
        raise BadTwiml("a stream URL must be absolute and wss")
    if "?" in url or "#" in url:
        raise BadTwiml("a stream URL must not hold a query: Twilio would refuse it")
    _check_characters(url)


def _check_web_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise BadTwiml("a callback URL must be absolute")
    _check_characters(url)


def _check_characters(url: str) -> None:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise BadTwiml("a URL must be printable ASCII")
