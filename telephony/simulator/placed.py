"""One call from the ring to the end: webhooks, TwiML, streams, callbacks."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import assert_never

import msgspec

from agents.tasks import Tasks
from telephony.simulator import twiml
from telephony.simulator.leg import HandshakeError, MediaLeg, OpenStream
from telephony.simulator.phone import (
    Callee,
    CallerSide,
    CarrierError,
    EndedBy,
    PhoneReport,
    StreamEnd,
    StreamReport,
)
from telephony.simulator.signed import NOT_REACHED, Answer, RequestFailedError, SignedRequests

MAX_DOCUMENTS = 20
CALLBACK_WAIT_S = 5.0

_ENDS_CALL = {
    StreamEnd.CALLER: EndedBy.CALLER,
    StreamEnd.API: EndedBy.API,
    StreamEnd.TIME_LIMIT: EndedBy.TIME_LIMIT,
}
_STREAM_ENDS = {ended_by: end for end, ended_by in _ENDS_CALL.items()}
_SAID_OF_END = {
    StreamEnd.CLOSED: CarrierError(31921, "the server closed the WebSocket"),
    StreamEnd.BROKEN: CarrierError(31924, "the WebSocket connection was lost"),
}


class Numbers(msgspec.Struct, frozen=True):
    """Who calls whom."""

    account_sid: str
    call_sid: str
    caller: str
    called: str


class PlacedCall:
    """One inbound call. `run` it once; `end` it from anywhere on the loop."""

    def __init__(
        self,
        numbers: Numbers,
        caller: CallerSide,
        requests: SignedRequests,
        new_id: Callable[[str], str],
        open_stream: OpenStream | None = None,
        stream_address: str | None = None,
        callees: Mapping[str, Callee] | None = None,
        message_s: int = 0,
        fallback_url: str | None = None,
    ) -> None:
        """`new_id(prefix)` makes a SID. `stream_address`: where streams are really dialled.
        `callees`: by number, who answers a <Dial>. `message_s`: how long a message the caller
        leaves for a <Record>; 0: none. `fallback_url` is asked where no document can be had."""
        self._callees = callees or {}
        self._message_s = message_s
        self._fallback_url = fallback_url
        self._redirected: twiml.Document | None = None
        self._dialled: list[str] = []
        self._messages_s: list[int] = []
        self._numbers = numbers
        self._caller = caller
        self._requests = requests
        self._new_id = new_id
        self._open_stream = open_stream
        self._stream_address = stream_address
        self._leg: MediaLeg | None = None
        self._ended_by: EndedBy | None = None
        self._over = asyncio.Event()
        self._documents = 0
        self._webhook_ms = 0
        self._streams: list[StreamReport] = []
        self._said: list[str] = []
        self._errors: list[CarrierError] = []
        self._twiml_warnings: list[str] = []
        self._callbacks = Tasks(self._callback_failed)
        self._deliveries: list[asyncio.Task[None]] = []

    @property
    def status(self) -> str:
        """As the REST API gives it."""
        return "in-progress" if self._ended_by is None else "completed"

    @property
    def numbers(self) -> Numbers:
        return self._numbers

    def end(self, by: EndedBy) -> None:
        """End the call now, whatever it is doing; a second end changes nothing."""
        if self._ended_by is None:
            self._ended_by = by
            self._over.set()
        if self._leg is not None:
            self._leg.end(_STREAM_ENDS.get(self._ended_by, StreamEnd.API))

    def redirect(self, written: str) -> None:
        """Leave whatever is being done, and go on with this document. Raises TwimlError."""
        url = self._requests.public_url
        self._redirected = twiml.parse(written.encode(), "application/xml", url)
        self._twiml_warnings += self._redirected.warnings
        self._over.set()
        if self._leg is not None:
            self._leg.end(StreamEnd.REDIRECTED)

    async def run(
        self, voice_url: str, status_url: str | None, time_limit_s: float, extra: Mapping[str, str]
    ) -> PhoneReport:
        """Ring, follow the TwiML to its end, hang up. Failures are in the report, not raised."""
        began = time.monotonic()
        timer = asyncio.get_running_loop().call_later(time_limit_s, self.end, EndedBy.TIME_LIMIT)
        try:
            await self._talk(voice_url, extra)
            if status_url is not None:
                self._call_back(status_url, "POST", self._final(time.monotonic() - began))
            await self._settle()
        finally:
            timer.cancel()
            await self._callbacks.cancel_all()
        return self._report()

    # ---- TwiML ----

    async def _talk(self, voice_url: str, extra: Mapping[str, str]) -> None:
        try:
            parameters = self._parameters("ringing", extra)
            following: twiml.Document | None = await self._fetch(voice_url, "POST", parameters)
            while following is not None and self._ended_by is None:
                following = await self._execute(following)
        except RequestFailedError as failure:
            self._fail(failure.error)
        except twiml.TwimlError as error:
            self._fail(CarrierError(error.code, error.detail))
        self.end(EndedBy.DOCUMENT_END)

    def _fail(self, error: CarrierError) -> None:
        self._errors.append(error)
        self.end(EndedBy.FAILED)

    async def _execute(self, document: twiml.Document) -> twiml.Document | None:
        """Do the verbs; the document that takes this one's place, or None at the end."""
        for verb in document.verbs:
            following = await self._do(verb)
            redirected, self._redirected = self._redirected, None
            if redirected is not None and self._ended_by is None:
                self._over.clear()
                return redirected
            if following is not None or self._ended_by is not None:
                return following
        return None

    async def _do(self, verb: twiml.Verb) -> twiml.Document | None:
        match verb:
            case twiml.Connect():
                return await self._connect(verb)
            case twiml.Dial():
                return await self._dial(verb)
            case twiml.Record():
                return await self._record(verb)
            case twiml.Redirect():
                parameters = self._parameters("in-progress")
                return await self._fetch(verb.url, verb.method, parameters)
            case twiml.Say():
                self._said.append(verb.text)
            case twiml.Play():
                pass
            case twiml.Pause():
                await self._pause(verb.seconds)
            case twiml.Hangup():
                self.end(EndedBy.HANGUP_VERB)
            case twiml.Reject():
                self.end(EndedBy.REJECTED)
            case _:
                assert_never(verb)
        return None

    # ---- somebody else ----

    async def _dial(self, verb: twiml.Dial) -> twiml.Document | None:
        self._dialled.append(verb.number)
        callee = self._callees.get(verb.number, Callee("failed"))
        await self._pause(min(callee.after_s, verb.timeout_s))
        if callee.caller_leaves:
            self.end(EndedBy.CALLER)
        told = {
            "DialCallStatus": callee.result,
            "DialCallSid": self._new_id("CA"),
            "DialCallDuration": str(round(callee.after_s)),
            "DialBridged": "true" if callee.result == "completed" else "false",
        }
        return await self._ask(verb.action, verb.method, told)

    async def _record(self, verb: twiml.Record) -> twiml.Document | None:
        length_s = min(self._message_s, verb.max_s)
        if not length_s:
            return None
        self._messages_s.append(length_s)
        recording_sid = self._new_id("RE")
        told = {
            "RecordingSid": recording_sid,
            "RecordingUrl": f"https://api.twilio.com/Recordings/{recording_sid}",
            "RecordingDuration": str(length_s),
        }
        if verb.status_callback is not None:
            ids = {"AccountSid": self._numbers.account_sid, "CallSid": self._numbers.call_sid}
            parameters = {**ids, **told, "RecordingStatus": "completed"}
            self._call_back(verb.status_callback, verb.status_callback_method, parameters)
        return await self._ask(verb.action, verb.method, {**told, "Digits": "#"})

    async def _pause(self, seconds: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._over.set)
        await self._over.wait()
        timer.cancel()
        if self._ended_by is None and self._redirected is None:
            self._over.clear()

    async def _fetch(self, url: str, method: str, parameters: Mapping[str, str]) -> twiml.Document:
        self._documents += 1
        if self._documents > MAX_DOCUMENTS:
            raise twiml.TwimlError(11100, "too many documents: a loop?")
        answer = await self._answer(url, method, parameters)
        if self._documents == 1:
            self._webhook_ms = answer.ms
        document = twiml.parse(answer.body, answer.content_type, url)
        self._twiml_warnings += document.warnings
        return document

    async def _answer(self, url: str, method: str, parameters: Mapping[str, str]) -> Answer:
        """Asked once more where nobody answered; then the number's fallback URL is."""
        token = self._new_id("IT")
        try:
            return await self._requests.request(url, method, parameters, token)
        except RequestFailedError as failure:
            if failure.error.code != NOT_REACHED:
                return await self._fallen_back(url, parameters, failure)
        try:
            return await self._requests.request(url, method, parameters, token)
        except RequestFailedError as failure:
            return await self._fallen_back(url, parameters, failure)

    async def _fallen_back(
        self, url: str, parameters: Mapping[str, str], failure: RequestFailedError
    ) -> Answer:
        if self._fallback_url is None:
            raise failure
        self._errors.append(failure.error)
        told = {**parameters, "ErrorCode": str(failure.error.code), "ErrorUrl": url}
        return await self._requests.request(self._fallback_url, "POST", told, self._new_id("IT"))

    # ---- the stream ----

    async def _connect(self, verb: twiml.Connect) -> twiml.Document | None:
        stream_sid = self._new_id("MZ")
        try:
            report = await self._stream(verb.stream, stream_sid)
        except (HandshakeError, RequestFailedError) as error:
            self._stream_error(verb.stream, stream_sid, _carrier_error(error))
        else:
            self._streams.append(report)
            if (said := _SAID_OF_END.get(report.end)) is not None:
                self._errors.append(said)
            self._stream_status(verb.stream, stream_sid, "stream-stopped")
            if (ended_by := _ENDS_CALL.get(report.end)) is not None:
                self.end(ended_by)
        return await self._after(verb)

    async def _stream(self, stream: twiml.Stream, stream_sid: str) -> StreamReport:
        numbers = self._numbers
        leg = MediaLeg(
            numbers.account_sid, numbers.call_sid, stream_sid, self._caller, self._open_stream
        )
        self._leg = leg
        try:
            address = self._stream_address or self._requests.reach(stream.url)
            await leg.open(address, self._requests.signature(stream.url))
            self._stream_status(stream, stream_sid, "stream-started")
            return await leg.run(dict(stream.parameters))
        finally:
            self._leg = None

    async def _after(self, verb: twiml.Connect) -> twiml.Document | None:
        """Ask the action URL what next. After the caller's end nobody is there to obey it."""
        return await self._ask(verb.action, verb.method, {})

    async def _ask(
        self, action: str | None, method: str, told: Mapping[str, str]
    ) -> twiml.Document | None:
        if action is None or self._redirected is not None:
            return None
        parameters = self._parameters(self.status, told)
        if self._ended_by is None:
            return await self._fetch(action, method, parameters)
        self._call_back(action, method, parameters)
        return None

    # ---- callbacks ----

    def _stream_error(self, stream: twiml.Stream, stream_sid: str, error: CarrierError) -> None:
        self._errors.append(error)
        self._stream_status(stream, stream_sid, "stream-error", f"{error.code}: {error.detail}")

    def _stream_status(
        self, stream: twiml.Stream, stream_sid: str, event: str, error: str = ""
    ) -> None:
        if stream.status_callback is None:
            return
        parameters = {
            "AccountSid": self._numbers.account_sid,
            "CallSid": self._numbers.call_sid,
            "StreamSid": stream_sid,
            "StreamName": stream.name,
            "StreamEvent": event,
            "Timestamp": datetime.now(UTC).isoformat(),
        }
        if error:
            parameters["StreamError"] = error
        self._call_back(stream.status_callback, stream.status_callback_method, parameters)

    def _call_back(self, url: str, method: str, parameters: Mapping[str, str]) -> None:
        delivery = self._deliver(url, method, parameters)
        self._deliveries.append(self._callbacks.start(f"callback to {url}", delivery))

    async def _deliver(self, url: str, method: str, parameters: Mapping[str, str]) -> None:
        try:
            await self._requests.request(url, method, parameters, self._new_id("IT"))
        except RequestFailedError as failure:
            self._errors.append(failure.error)

    def _callback_failed(self, name: str, error: BaseException) -> None:
        self._errors.append(CarrierError(11200, f"{name}: {error!r}"))

    async def _settle(self) -> None:
        """Give the callbacks a while; they are only news, the call does not hang on them."""
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=CALLBACK_WAIT_S)

    # ---- what is told ----

    def _parameters(self, status: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        numbers = self._numbers
        return {
            "AccountSid": numbers.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": numbers.call_sid,
            "CallStatus": status,
            "CallToken": "",
            "Called": numbers.called,
            "CalledCity": "",
            "CalledCountry": "US",
            "CalledState": "CA",
            "CalledZip": "",
            "Caller": numbers.caller,
            "CallerCity": "SAN FRANCISCO",
            "CallerCountry": "US",
            "CallerState": "CA",
            "CallerZip": "94105",
            "Direction": "inbound",
            "From": numbers.caller,
            "FromCity": "SAN FRANCISCO",
            "FromCountry": "US",
            "FromState": "CA",
            "FromZip": "94105",
            "StirVerstat": "TN-Validation-Passed-A",
            "To": numbers.called,
            "ToCity": "",
            "ToCountry": "US",
            "ToState": "CA",
            "ToZip": "",
            **(extra or {}),
        }

    def _final(self, seconds: float) -> dict[str, str]:
        return self._parameters("completed") | {
            "CallDuration": str(round(seconds)),
            "Duration": str(int(seconds // 60) + 1),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": "0",
            "Timestamp": format_datetime(datetime.now(UTC)),
        }

    def _report(self) -> PhoneReport:
        return PhoneReport(
            call_sid=self._numbers.call_sid,
            ended_by=self._ended_by or EndedBy.DOCUMENT_END,
            webhook_ms=self._webhook_ms,
            streams=tuple(self._streams),
            said=tuple(self._said),
            errors=tuple(self._errors),
            twiml_warnings=tuple(self._twiml_warnings),
            dialled=tuple(self._dialled),
            messages_s=tuple(self._messages_s),
        )


def _carrier_error(error: HandshakeError | RequestFailedError) -> CarrierError:
    if isinstance(error, RequestFailedError):
        return error.error
    return CarrierError(error.code, error.detail)
