"""What do we tell Twilio to do with a call? TwiML documents, checked before they are built.

The builder of the `twilio` package escapes, but validates nothing: it will emit a `ws://` URL
with a query, which Twilio answers with error 31920 in the middle of a call.
"""

import re
from urllib.parse import urlsplit

from twilio.twiml.voice_response import Connect, Dial, VoiceResponse

from telephony.twilio.urls import is_loopback

CONTENT_TYPE = "application/xml"
TOKEN_PARAMETER = "token"  # noqa: S105 -- the name of a parameter
MAX_PARAMETER_CHARS = 499
"""Name and value together, Twilio, TwiML `<Parameter>`: less than 500."""
MAX_SENTENCE_CHARS = 4_096
"""Twilio, TwiML `<Say>`."""

# XML 1.0 has no way to write these, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_PAUSE_S = 10
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


def ask_again(url: str, after_s: int) -> bytes:
    """Be silent for a moment, then ask `url` what to do. Raises BadTwiml."""
    _check_web_url(url)
    response = VoiceResponse()
    response.pause(length=after_s)
    response.redirect(url, method="POST")
    return _written(response)


def say_and_hang_up(sentence: str, language: str = "") -> bytes:
    """An apology or a refusal, spoken by Twilio; `language` like `en-GB`, else Twilio's own."""
    response = VoiceResponse()
    _say(response, sentence, language)
    response.hangup()
    return _written(response)


def dial(
    number: str, action_url: str, timeout_s: int, announce: str = "", language: str = ""
) -> bytes:
    """Say something, if anything is to be said, then ring `number`; ask `action_url` afterwards.

    Without `answerOnBridge` the ringing could not be heard. Raises BadTwiml.
    """
    _check_web_url(action_url)
    if not _E164.fullmatch(number):
        raise BadTwiml("only a number in E.164 is rung")
    response = VoiceResponse()
    if announce:
        _say(response, announce, language)
    ringing = Dial(action=action_url, method="POST", timeout=timeout_s, answer_on_bridge=True)
    ringing.number(number)
    response.append(ringing)
    return _written(response)


def record(
    sentence: str, action_url: str, status_url: str, max_seconds: int, language: str = ""
) -> bytes:
    """Ask for a message and record it, a pause of 10 s or `#` at its end; then the line is closed.

    Nobody's silence is trimmed away: what was said is kept as it was said. Raises BadTwiml.
    """
    _check_web_url(action_url)
    _check_web_url(status_url)
    response = VoiceResponse()
    _say(response, sentence, language)
    response.record(
        action=action_url,
        method="POST",
        max_length=max_seconds,
        finish_on_key="#",
        timeout=_PAUSE_S,
        trim="do-not-trim",
        play_beep=True,
        recording_status_callback=status_url,
        recording_status_callback_method="POST",
    )
    # Reached only by a caller who said nothing (Twilio, TwiML `<Record>`).
    response.hangup()
    return _written(response)


def _say(response: VoiceResponse, sentence: str, language: str) -> None:
    speakable = _UNWRITABLE.sub("", sentence)[:MAX_SENTENCE_CHARS]
    response.say(speakable, language=language if _LOCALE.fullmatch(language) else None)


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
