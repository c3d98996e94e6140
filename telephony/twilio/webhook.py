"""What does Twilio get told over HTTP, and what does it tell us?

Every route checks the signature before anything else and answers 403 to what fails. After that a
caller is on the line: whatever goes wrong, the answer is TwiML.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from pathlib import PurePath
from traceback import extract_tb
from typing import TypeVar

import structlog
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from telephony.call.commands import TakeBack, TakeMessage, Transfer
from telephony.twilio import twiml
from telephony.twilio.admissions import Admissions, StaleRepeat
from telephony.twilio.noise import Noise
from telephony.twilio.onward import Documents
from telephony.twilio.ports import (
    CONNECTED,
    Admitted,
    AskAgain,
    CallsPort,
    Diverted,
    Message,
    Next,
    Offer,
    Refused,
    StreamEvent,
)
from telephony.twilio.progress import CallProgress
from telephony.twilio.signature import Form, Signatures
from telephony.twilio.tokens import StreamTokens
from telephony.twilio.urls import (
    AFTER_STREAM_PATH,
    CALL_STATUS_PATH,
    DIAL_RESULT_PATH,
    MEDIA_PATH,
    STREAM_STATUS_PATH,
    VOICE_PATH,
    VOICEMAIL_PATH,
    VOICEMAIL_STATUS_PATH,
    PublicUrl,
)

MAX_BODY_BYTES = 65_536
BODY_S = 5.0
TOKEN_BYTES = 32

_log = structlog.get_logger(__name__)
_CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}")
_STREAM_SID = re.compile(r"MZ[0-9a-fA-F]{32}")
_ERROR_CODE = re.compile(r"(?<!\d)\d{5}(?!\d)")
_MAX_ADDRESS_CHARS = 256
_RECORDING_SID = re.compile(r"RE[0-9a-fA-F]{32}")
_RECORDING_URL = re.compile(r"https?://[!-~]{1,500}")
_DIAL_RESULTS = frozenset({"completed", "answered", "busy", "no-answer", "failed", "canceled"})
_OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""`CallStatus` values of a caller who is gone."""
_IN_PROGRESS = "in-progress"
"""`CallStatus` of a call that was answered before: by us, or by a process of ours."""
_Answer = TypeVar("_Answer")


class _BadForm(Exception):  # noqa: N818 - the peer's error, not ours
    """Signed by Twilio, and yet without a field it always sends."""


class Webhooks:
    """The routes Twilio requests during a call."""

    def __init__(
        self,
        account_sid: str,
        public_url: PublicUrl,
        signatures: Signatures,
        tokens: StreamTokens,
        calls: CallsPort,
        documents: Documents,
        noise: Noise,
        apology: str,
        language: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`apology` is spoken by Twilio when we fail, in `language` (`en-GB`, ...)."""
        self._account_sid = account_sid
        self._public_url = public_url
        self._signatures = signatures
        self._tokens = tokens
        self._calls = calls
        self._documents = documents
        self._noise = noise
        self._apology = twiml.say_and_hang_up(apology, language)
        self._language = language
        self._clock = clock
        self._admissions = Admissions()
        self._progress = CallProgress()

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path, endpoint in (
            (VOICE_PATH, self.voice),
            (AFTER_STREAM_PATH, self.after_stream),
            (STREAM_STATUS_PATH, self.stream_status),
            (CALL_STATUS_PATH, self.call_status),
            (DIAL_RESULT_PATH, self.dial_result),
            (VOICEMAIL_PATH, self.voicemail),
            (VOICEMAIL_STATUS_PATH, self.voicemail_status),
        ):
            router.add_api_route(path, endpoint, methods=["POST"], response_model=None)
        return router

    async def voice(self, request: Request) -> Response:
        """A call rings: hand its audio to the media socket, or say why not."""
        form = await self._authentic(request, VOICE_PATH)
        if form is None:
            return _FORBIDDEN
        if form.get("CallStatus") == _IN_PROGRESS:
            return await self._asked(self._admit, form)
        return self._twiml(self._admit, form)

    async def after_stream(self, request: Request) -> Response:
        """The stream is over and the caller still there: the `<Connect action>` request."""
        form = await self._authentic(request, AFTER_STREAM_PATH)
        return _FORBIDDEN if form is None else await self._asked(self._farewell, form)

    async def stream_status(self, request: Request) -> Response:
        form = await self._authentic(request, STREAM_STATUS_PATH)
        return _FORBIDDEN if form is None else self._noted(self._note_stream, form)

    async def call_status(self, request: Request) -> Response:
        form = await self._authentic(request, CALL_STATUS_PATH)
        return _FORBIDDEN if form is None else self._noted(self._note_call, form)

    async def dial_result(self, request: Request) -> Response:
        """A transfer has come to its end, good or bad: the `<Dial action>` request."""
        form = await self._authentic(request, DIAL_RESULT_PATH)
        if form is None:
            return _FORBIDDEN
        if form.get("DialCallStatus") in CONNECTED:
            return self._twiml(self._dialled, form)
        return await self._asked(self._dialled, form)

    async def voicemail(self, request: Request) -> Response:
        """A message was recorded: the `<Record action>` request."""
        form = await self._authentic(request, VOICEMAIL_PATH)
        return _FORBIDDEN if form is None else self._twiml(self._recorded, form)

    async def voicemail_status(self, request: Request) -> Response:
        """The recording is ready; the only news of one whose caller hung up at its end."""
        form = await self._authentic(request, VOICEMAIL_STATUS_PATH)
        return _FORBIDDEN if form is None else self._noted(self._note_recording, form)

    # ---- who asks -----------------------------------------------------------------------------

    async def _authentic(self, request: Request, path: str) -> Form | None:
        """The form, if it is Twilio's and of our account; None is to be answered with 403."""
        body = await _body(request)
        form = None if body is None else Form.parse(body)
        if form is None:
            self._noise.refused("webhook.unreadable_body")
            return None
        query = request.scope["query_string"].decode("latin-1")
        if not self._signatures.form(path, query, form, _signature(request)):
            self._noise.refused("webhook.bad_signature")
            return None
        if form.get("AccountSid") != self._account_sid:
            self._noise.refused("webhook.wrong_account")
            return None
        return form

    # ---- calls of other processes -------------------------------------------------------------

    async def _asked(self, answer: Callable[[Form], bytes], form: Form) -> Response:
        """What becomes of a caller who is on the line, perhaps since another process had them."""
        offer = self._attempt(self._offer, form)
        gone = form.get("CallStatus") in _OVER
        if offer is None or gone or self._calls.knows(offer.call_sid):
            return self._twiml(answer, form)
        try:
            following = await self._calls.resume(offer)
        except Exception as error:  # as in _attempt
            self._broke(error)
            return _xml(self._apology)
        return self._twiml(lambda _: self._next(offer, following), form)

    # ---- what is answered ---------------------------------------------------------------------

    def _twiml(self, answer: Callable[[Form], bytes], form: Form) -> Response:
        return _xml(self._attempt(answer, form) or self._apology)

    def _noted(self, note: Callable[[Form], None], form: Form) -> Response:
        self._attempt(note, form)
        return Response(status_code=204)

    def _attempt(self, act: Callable[[Form], _Answer], form: Form) -> _Answer | None:
        """None: it failed, which is counted and logged, and the caller is not to suffer."""
        try:
            return act(form)
        except StaleRepeat:
            self._noise.refused("webhook.stale_repeat")
        except _BadForm:
            self._noise.refused("webhook.bad_form")
        except Exception as error:
            # The last line of defence of a caller on the line: an HTTP 500 makes Twilio say
            # "an application error has occurred". The message may hold caller data: not logged.
            self._broke(error)
        return None

    def _broke(self, error: Exception) -> None:
        self._noise.count("webhook.internal_error")
        _log.error("webhook_failed", error=type(error).__name__, at=_origin(error))

    def _offer(self, form: Form) -> Offer:
        return Offer(
            call_sid=_required(form, "CallSid", _CALL_SID),
            account_sid=self._account_sid,
            from_=form.get("From")[:_MAX_ADDRESS_CHARS],
            to=form.get("To")[:_MAX_ADDRESS_CHARS],
            verstat=form.get("StirVerstat")[:_MAX_ADDRESS_CHARS],
        )

    def _admit(self, form: Form) -> bytes:
        offer = self._offer(form)
        call_sid = offer.call_sid
        now = self._clock()
        admission = self._admissions.find(call_sid, now)
        if admission is None:
            admission = self._calls.offer(offer)
            self._admissions.keep(call_sid, admission, now)
        else:
            self._noise.count("webhook.repeated")
            self._calls.repeated(call_sid)
        match admission:
            case Admitted():
                return self._connect(offer, now)
            case Refused(sentence=sentence, code=code):
                self._noise.count(f"webhook.refused.{code}")
                return twiml.say_and_hang_up(sentence, self._language)
            case Diverted(onward=onward):
                self._noise.count("webhook.diverted")
                return self._documents.onward(onward)

    def _connect(self, offer: Offer, now: float) -> bytes:
        return twiml.connect_stream(
            stream_url=self._public_url.stream(MEDIA_PATH),
            action_url=self._public_url.callback(AFTER_STREAM_PATH),
            status_url=self._public_url.callback(STREAM_STATUS_PATH),
            token=self._tokens.issue(offer, secrets.token_bytes(TOKEN_BYTES), now),
        )

    def _farewell(self, form: Form) -> bytes:
        offer, over = self._offer(form), form.get("CallStatus") in _OVER
        return self._next(offer, self._calls.after_stream(offer.call_sid, over))

    def _dialled(self, form: Form) -> bytes:
        offer, result = self._offer(form), form.get("DialCallStatus")
        if result not in _DIAL_RESULTS:
            self._noise.refused("webhook.unknown_dial_result")
            result = "failed"
        over = form.get("CallStatus") in _OVER
        return self._next(offer, self._calls.dial_result(offer.call_sid, result, over))

    def _recorded(self, form: Form) -> bytes:
        offer = self._offer(form)
        left = self._calls.message_left(offer.call_sid, offer.from_, _message(form))
        return self._next(offer, left)

    def _note_recording(self, form: Form) -> None:
        """Without From: the callback names the call, not who called."""
        status = form.get("RecordingStatus")
        if status == "completed":
            self._recorded(form)
        else:
            self._noise.count("webhook.recording_not_completed")

    def _next(self, offer: Offer, following: Next) -> bytes:
        match following:
            case None:
                return twiml.hang_up()
            case str():
                return twiml.say_and_hang_up(following, self._language)
            case TakeBack():
                return self._connect(offer, self._clock())
            case AskAgain(after_s):
                return twiml.ask_again(self._public_url.callback(AFTER_STREAM_PATH), after_s)
            case Transfer() | TakeMessage():
                return self._documents.onward(following)

    def _note_stream(self, form: Form) -> None:
        call_sid = _required(form, "CallSid", _CALL_SID)
        stream_sid = _required(form, "StreamSid", _STREAM_SID)
        try:
            event = StreamEvent(form.get("StreamEvent"))
        except ValueError:
            self._noise.refused("webhook.unknown_stream_event")
            return
        code = _ERROR_CODE.search(form.get("StreamError"))
        self._calls.stream_status(call_sid, stream_sid, event, int(code[0]) if code else None)

    def _note_call(self, form: Form) -> None:
        call_sid = _required(form, "CallSid", _CALL_SID)
        status = form.get("CallStatus")
        if not CallProgress.known(status):
            self._noise.refused("webhook.unknown_call_status")
        elif self._progress.advance(call_sid, status):
            self._calls.call_status(call_sid, status, _sequence(form.get("SequenceNumber")))
        else:
            self._noise.count("webhook.status_not_forward")


_FORBIDDEN = Response(status_code=403)


def _xml(body: bytes) -> Response:
    return Response(body, media_type=twiml.CONTENT_TYPE)


async def _body(request: Request) -> bytes | None:
    """None: too long, too slow, or broken off."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(body)


def _signature(request: Request) -> str | None:
    """None when there is none, or when a proxy could choose between two."""
    values = request.headers.getlist("x-twilio-signature")
    return values[0] if len(values) == 1 else None


def _required(form: Form, name: str, pattern: re.Pattern[str]) -> str:
    value = form.get(name)
    if not pattern.fullmatch(value):
        raise _BadForm(name)
    return value


def _message(form: Form) -> Message:
    seconds = form.get("RecordingDuration")
    return Message(
        recording_sid=_required(form, "RecordingSid", _RECORDING_SID),
        recording_url=_required(form, "RecordingUrl", _RECORDING_URL),
        length_s=int(seconds) if re.fullmatch(r"[0-9]{1,6}", seconds) else 0,
    )


def _origin(error: Exception) -> str:
    frame = extract_tb(error.__traceback__)[-1]
    return f"{PurePath(frame.filename).name}:{frame.lineno}"


def _sequence(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
