"""Twilio's frames, and the two ports of the service as a recorder, for the tests of the edge."""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from typing import Any

from telephony.call.events import AnyPhoneEvent
from telephony.twilio.ports import (
    Admission,
    Admitted,
    Deliver,
    Leg,
    Message,
    Next,
    Offer,
    StreamEvent,
)

ACCOUNT = "AC00000000000000000000000000000001"
OTHER_ACCOUNT = "AC00000000000000000000000000000002"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
CALL = "CA00000000000000000000000000000001"
OTHER_CALL = "CA00000000000000000000000000000002"
STREAM = "MZ00000000000000000000000000000001"
OTHER_STREAM = "MZ00000000000000000000000000000002"
PUBLIC_URL = "https://voice.example.com"
FRAME = bytes(range(160))
OFFER = Offer(call_sid=CALL, account_sid=ACCOUNT, from_="+14155550100", to="+14155550199")


def connected() -> dict[str, Any]:
    return {"event": "connected", "protocol": "Call", "version": "1.0.0"}


def start(
    call_sid: str = CALL,
    *,
    token: str | None = None,
    account_sid: str = ACCOUNT,
    stream_sid: str = STREAM,
    encoding: str = "audio/x-mulaw",
    rate: int = 8_000,
    channels: int = 1,
) -> dict[str, Any]:
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": stream_sid,
        "start": {
            "streamSid": stream_sid,
            "accountSid": account_sid,
            "callSid": call_sid,
            "tracks": ["inbound"],
            "customParameters": {} if token is None else {"token": token},
            "mediaFormat": {"encoding": encoding, "sampleRate": rate, "channels": channels},
        },
    }


def media(
    sequence: int,
    timestamp_ms: int,
    ulaw: bytes = FRAME,
    *,
    track: str = "inbound",
    stream_sid: str = STREAM,
) -> dict[str, Any]:
    return {
        "event": "media",
        "sequenceNumber": str(sequence),
        "streamSid": stream_sid,
        "media": {
            "track": track,
            "chunk": str(max(1, sequence - 1)),
            "timestamp": str(timestamp_ms),
            "payload": b64encode(ulaw).decode(),
        },
    }


def mark(sequence: int, name: str) -> dict[str, Any]:
    return {
        "event": "mark",
        "sequenceNumber": str(sequence),
        "streamSid": STREAM,
        "mark": {"name": name},
    }


def dtmf(sequence: int, digit: str) -> dict[str, Any]:
    return {
        "event": "dtmf",
        "sequenceNumber": str(sequence),
        "streamSid": STREAM,
        "dtmf": {"track": "inbound_track", "digit": digit},
    }


def stop(sequence: int, call_sid: str = CALL, stream_sid: str = STREAM) -> dict[str, Any]:
    return {
        "event": "stop",
        "sequenceNumber": str(sequence),
        "streamSid": stream_sid,
        "stop": {"accountSid": ACCOUNT, "callSid": call_sid},
    }


def text(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"))


class Service:
    """What lies behind the edge: admits, opens and writes down everything it is told."""

    def __init__(self) -> None:
        self.admission: Admission | Exception = Admitted()
        self.farewell: Next | Exception = None
        self.repeats: list[str] = []
        self.stream_ends: list[tuple[str, bool]] = []
        self.dialled: list[tuple[str, str, bool]] = []
        self.messages: list[tuple[str, str, Message]] = []
        self.expected: set[str] = set()
        self.opens = True
        self.offers: list[Offer] = []
        self.opened: list[tuple[Offer, str]] = []
        self.legs: list[Leg] = []
        self.events: dict[str, list[AnyPhoneEvent]] = {}
        self.statuses: list[tuple[str, str, int | None]] = []
        self.stream_statuses: list[tuple[str, str, StreamEvent, int | None]] = []
        self.counts: Counter[str] = Counter()
        self.strangers: set[str] = set()
        """Calls that another process began."""
        self.resumed: list[Offer] = []

    def offer(self, offer: Offer) -> Admission:
        self.offers.append(offer)
        if isinstance(self.admission, Exception):
            raise self.admission
        return self.admission

    def knows(self, call_sid: str) -> bool:
        return call_sid not in self.strangers

    async def resume(self, offer: Offer) -> Next:
        self.resumed.append(offer)
        return self._answer()

    def repeated(self, call_sid: str) -> None:
        self.repeats.append(call_sid)

    def after_stream(self, call_sid: str, over: bool) -> Next:
        self.stream_ends.append((call_sid, over))
        return self._answer()

    def _answer(self) -> Next:
        if isinstance(self.farewell, Exception):
            raise self.farewell
        return self.farewell

    def dial_result(self, call_sid: str, result: str, over: bool) -> Next:
        self.dialled.append((call_sid, result, over))
        return self._answer()

    def message_left(self, call_sid: str, caller: str, message: Message) -> Next:
        self.messages.append((call_sid, caller, message))
        return self._answer()

    def expects(self, call_sid: str) -> bool:
        return call_sid in self.expected

    def call_status(self, call_sid: str, status: str, sequence: int | None) -> None:
        self.statuses.append((call_sid, status, sequence))

    def stream_status(
        self, call_sid: str, stream_sid: str, event: StreamEvent, error: int | None
    ) -> None:
        self.stream_statuses.append((call_sid, stream_sid, event, error))

    def open_call(self, offer: Offer, stream_sid: str, leg: Leg) -> Deliver | None:
        self.opened.append((offer, stream_sid))
        self.legs.append(leg)
        if not self.opens:
            return None
        return self.events.setdefault(stream_sid, []).append

    def count(self, code: str) -> None:
        self.counts[code] += 1
