"""What Twilio says on a media stream, and how strictly it reads what is said to it.

Source: Twilio, Media Streams WebSocket messages; errors 31950 and 31951.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec


class BreachError(Exception):
    """A message to Twilio that Twilio would not take; the stream goes on without it."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class MediaBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: str


class MarkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class _ToTwilio(
    msgspec.Struct,
    frozen=True,
    tag_field="event",
    tag=lambda name: name.lower(),
    forbid_unknown_fields=True,
    rename={"stream_sid": "streamSid"},
):
    stream_sid: str


class Media(_ToTwilio, frozen=True):
    """Audio to queue."""

    media: MediaBody

    def ulaw(self) -> bytes:
        """The audio; raises BreachError when the payload is not base64 of something."""
        try:
            audio = binascii.a2b_base64(self.media.payload, strict_mode=True)
        except ValueError as error:
            raise BreachError(31951, f"payload is not base64: {error}") from None
        if not audio:
            raise BreachError(31951, "payload is empty")
        return audio


class Mark(_ToTwilio, frozen=True):
    """An echo is wanted when playback gets here."""

    mark: MarkBody


class Clear(_ToTwilio, frozen=True):
    """Throw the queue away."""


ToTwilio = Media | Mark | Clear

_decoder: msgspec.json.Decoder[ToTwilio] = msgspec.json.Decoder(ToTwilio)


def read(text: str, stream_sid: str) -> ToTwilio:
    """One message to Twilio; raises BreachError for whatever Twilio would report as 31951."""
    try:
        message = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise BreachError(31951, str(error)) from None
    if message.stream_sid != stream_sid:
        raise BreachError(31951, "streamSid is not that of this stream")
    return message


class Narration:
    """Twilio's own messages on one stream, numbered as it numbers them."""

    def __init__(self, account_sid: str, call_sid: str, stream_sid: str) -> None:
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._stream_sid = stream_sid
        self._sequence = 0
        self._chunk = 0

    def connected(self) -> str:
        return _json({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self, parameters: Mapping[str, str]) -> str:
        return self._next(
            "start",
            {
                "accountSid": self._account_sid,
                "streamSid": self._stream_sid,
                "callSid": self._call_sid,
                "tracks": ["inbound"],
                # The only numbers on this wire that are not strings.
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": dict(parameters),
            },
        )

    def media(self, ulaw: bytes, timestamp_ms: int) -> str:
        self._chunk += 1
        return self._next(
            "media",
            {
                "track": "inbound",
                "chunk": str(self._chunk),
                "timestamp": str(timestamp_ms),
                "payload": base64.b64encode(ulaw).decode("ascii"),
            },
        )

    def dtmf(self, digit: str) -> str:
        return self._next("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._next("mark", {"name": name})

    def stop(self) -> str:
        return self._next("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})

    def _next(self, event: str, body: dict[str, Any]) -> str:
        self._sequence += 1
        return _json(
            {
                "event": event,
                "sequenceNumber": str(self._sequence),
                "streamSid": self._stream_sid,
                event: body,
            }
        )


def _json(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
