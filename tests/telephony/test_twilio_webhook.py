"""What Twilio and others get over HTTP, from a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from telephony.call.commands import TakeBack, TakeMessage
from telephony.line import Line
from telephony.twilio.noise import Noise
from telephony.twilio.onward import Documents
from telephony.twilio.ports import AskAgain, Message, Refused, StreamEvent
from telephony.twilio.signature import Signatures
from telephony.twilio.tokens import StreamTokens
from telephony.twilio.urls import (
    AFTER_STREAM_PATH,
    CALL_STATUS_PATH,
    DIAL_RESULT_PATH,
    STREAM_STATUS_PATH,
    VOICE_PATH,
    VOICEMAIL_PATH,
    VOICEMAIL_STATUS_PATH,
    PublicUrl,
)
from telephony.twilio.webhook import Webhooks
from tests.telephony import twilio_peer as peer
from tests.telephony.twilio_server import APOLOGY, OLD_TOKEN, serving, serving_app, signed

VOICE = {
    "CallSid": peer.CALL,
    "AccountSid": peer.ACCOUNT,
    "From": "+14155550100",
    "To": "+14155550199",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "CallerName": "",
    "SomethingNew": "x",
}
PATHS = [
    VOICE_PATH,
    AFTER_STREAM_PATH,
    STREAM_STATUS_PATH,
    CALL_STATUS_PATH,
    DIAL_RESULT_PATH,
    VOICEMAIL_PATH,
    VOICEMAIL_STATUS_PATH,
]


class Twilio:
    """Posts forms as Twilio does, or nearly."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self._http = http
        self._base = f"http://127.0.0.1:{port}"

    async def post(
        self,
        path: str,
        fields: Mapping[str, str],
        *,
        signature: str | None = "right",
        token: str = peer.AUTH_TOKEN,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, str, bytes]:
        if signature == "right":
            signature = signed(f"{peer.PUBLIC_URL}{path}{query}", dict(fields), token)
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        if signature is not None:
            sent["X-Twilio-Signature"] = signature
        data = urlencode(fields).encode() if body is None else body
        url = f"{self._base}{path}{query}"
        async with self._http.post(url, data=data, headers=sent) as answer:
            return answer.status, answer.content_type, await answer.read()

    async def twiml(self, path: str, fields: Mapping[str, str]) -> ET.Element:
        status, content_type, body = await self.post(path, fields)
        assert (status, content_type) == (200, "application/xml")
        return ET.fromstring(body)


@asynccontextmanager
async def dialling(service: peer.Service) -> AsyncIterator[Twilio]:
    async with serving(service) as port, aiohttp.ClientSession() as http:
        yield Twilio(http, port)


def said(root: ET.Element) -> str | None:
    """The sentence of a document that speaks and hangs up."""
    assert [element.tag for element in root] == ["Say", "Hangup"]
    return root[0].text


def token_of(root: ET.Element) -> str:
    parameter = root.find("./Connect/Stream/Parameter[@name='token']")
    assert parameter is not None
    return parameter.attrib["value"]


async def test_a_ringing_call_is_handed_to_the_stream() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        root = await twilio.twiml(VOICE_PATH, VOICE)
    assert service.offers == [peer.OFFER]
    connect, stream = root.find("./Connect"), root.find("./Connect/Stream")
    assert connect is not None
    assert stream is not None
    assert connect.attrib["action"] == "https://voice.example.com/twilio/after-stream"
    assert stream.attrib["url"] == "wss://voice.example.com/twilio/media"
    assert stream.attrib["statusCallback"] == "https://voice.example.com/twilio/stream-status"
    assert len(token_of(root)) == 43


async def test_both_auth_tokens_are_good_during_rotation() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        for token in (peer.AUTH_TOKEN, OLD_TOKEN):
            status, _, _ = await twilio.post(VOICE_PATH, VOICE, token=token)
            assert status == 200
        status, _, _ = await twilio.post(VOICE_PATH, VOICE, token="0" * 32)
        assert status == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("signature", [None, "", "forged", "A" * 28])
async def test_fault_t8_a_forged_or_missing_signature_is_refused_and_nothing_happens(
    path: str, signature: str | None
) -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        status, _, body = await twilio.post(path, VOICE, signature=signature)
    assert (status, body) == (403, b"")
    assert service.counts == {"webhook.bad_signature": 1}
    assert service.offers == []


async def test_fault_t8_host_and_forwarded_headers_change_nothing() -> None:
    service = peer.Service()
    spoofed = {
        "Host": "evil.example.com",
        "X-Forwarded-Host": "evil.example.com",
        "X-Forwarded-Proto": "http",
        "X-Original-URL": "/evil",
    }
    async with dialling(service) as twilio:
        evil = signed("https://evil.example.com/twilio/voice", VOICE)
        status, _, _ = await twilio.post(VOICE_PATH, VOICE, signature=evil, headers=spoofed)
        assert status == 403
        status, _, body = await twilio.post(VOICE_PATH, VOICE, headers=spoofed)
        assert status == 200
        assert b"evil" not in body


async def test_fault_t8_refusals_are_logged_once_and_without_what_was_sent() -> None:
    service = peer.Service()
    with capture_logs() as logs:
        async with dialling(service) as twilio:
            for _ in range(30):
                await twilio.post(VOICE_PATH, VOICE, signature="forged")
    assert logs == [
        {
            "event": "twilio_refused",
            "log_level": "warning",
            "code": "webhook.bad_signature",
            "events": 1,
        }
    ]
    assert service.counts["webhook.bad_signature"] == 30


async def test_another_account_is_refused_even_if_signed() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        status, _, _ = await twilio.post(VOICE_PATH, VOICE | {"AccountSid": peer.OTHER_ACCOUNT})
    assert status == 403
    assert service.counts == {"webhook.wrong_account": 1}


async def test_a_query_is_part_of_what_is_signed() -> None:
    async with dialling(peer.Service()) as twilio:
        status, _, _ = await twilio.post(VOICE_PATH, VOICE, query="?tenant=a")
        assert status == 200
        status, _, _ = await twilio.post(VOICE_PATH, VOICE, query="?bodySHA256=" + "0" * 64)
        assert status == 403


@pytest.mark.parametrize("size", [65_537, 1_000_000])
async def test_a_body_above_64_kib_is_not_read_to_its_end(size: int) -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        try:
            status, _, _ = await twilio.post(VOICE_PATH, VOICE, body=b"a" * size)
        except aiohttp.ClientConnectionError:
            status = 403  # The server has hung up on the rest.
    assert status == 403
    assert service.counts == {"webhook.unreadable_body": 1}


async def test_a_body_that_breaks_off_or_never_comes_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("telephony.twilio.webhook.BODY_S", 0.05)
    service = peer.Service()
    head = b"POST /twilio/voice HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nCallSid="
    async with serving(service) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        assert (await reader.readline()).startswith(b"HTTP/1.1 403")
        writer.close()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        writer.close()
        async with asyncio.timeout(5):
            while service.counts["webhook.unreadable_body"] < 2:
                await asyncio.sleep(0.005)


async def test_a_webhook_replayed_after_a_minute_opens_nothing() -> None:
    service = peer.Service()
    now = [1_000.0]
    url = PublicUrl(peer.PUBLIC_URL)
    signatures = Signatures(url, [peer.AUTH_TOKEN])
    tokens = StreamTokens()
    noise = Noise(service.count)
    webhooks = Webhooks(
        account_sid=peer.ACCOUNT,
        public_url=url,
        signatures=signatures,
        tokens=tokens,
        calls=service,
        documents=Documents(Line(), url),
        noise=noise,
        apology=APOLOGY,
        clock=lambda: now[0],
    )
    app = FastAPI()
    app.include_router(webhooks.router())
    async with serving_app(app) as port, aiohttp.ClientSession() as http:
        twilio = Twilio(http, port)
        await twilio.twiml(VOICE_PATH, VOICE)
        now[0] += 61
        assert said(await twilio.twiml(VOICE_PATH, VOICE)) == APOLOGY
    assert len(service.offers) == 1
    assert service.counts == {"webhook.stale_repeat": 1}


async def test_fault_t14_a_webhook_delivered_twice_is_one_call_with_one_good_token() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        first = await twilio.twiml(VOICE_PATH, VOICE)
        second = await twilio.twiml(VOICE_PATH, VOICE)
    assert len(service.offers) == 1
    assert service.repeats == [service.offers[0].call_sid]
    assert token_of(first) != token_of(second)
    for root in (first, second):
        parameter = root.find("./Connect/Stream/Parameter")
        assert parameter is not None
        parameter.attrib["value"] = "*"
    assert ET.tostring(first) == ET.tostring(second)


async def test_fault_t14_twins_at_the_same_time_are_one_call() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        retry = {"I-Twilio-Idempotency-Token": "one"}
        answers = await asyncio.gather(
            *(twilio.post(VOICE_PATH, VOICE, headers=retry) for _ in range(8))
        )
    assert {status for status, _, _ in answers} == {200}
    assert len(service.offers) == 1
    assert service.counts == {"webhook.repeated": 7}


async def test_fault_t14_a_refusal_is_repeated_too() -> None:
    service = peer.Service()
    service.admission = Refused("All lines are busy.", "at_capacity")
    async with dialling(service) as twilio:
        assert said(await twilio.twiml(VOICE_PATH, VOICE)) == "All lines are busy."
        assert said(await twilio.twiml(VOICE_PATH, VOICE)) == "All lines are busy."
    assert len(service.offers) == 1
    assert service.counts["webhook.refused.at_capacity"] == 2


async def test_an_error_of_ours_is_an_apology_not_an_error_page() -> None:
    service = peer.Service()
    service.admission = RuntimeError("caller +14155550100 is secret")
    service.farewell = ValueError("secret")
    with capture_logs() as logs:
        async with dialling(service) as twilio:
            assert said(await twilio.twiml(VOICE_PATH, VOICE)) == APOLOGY
            assert said(await twilio.twiml(AFTER_STREAM_PATH, VOICE)) == APOLOGY
    assert service.counts == {"webhook.internal_error": 2}
    assert [log["error"] for log in logs] == ["RuntimeError", "ValueError"]
    assert "secret" not in str(logs)


@pytest.mark.parametrize("call_sid", ["", "CA1", "MZ" + "0" * 32, peer.CALL + "\n", "../" * 11])
async def test_a_signed_form_without_a_call_gets_the_apology(call_sid: str) -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        assert said(await twilio.twiml(VOICE_PATH, VOICE | {"CallSid": call_sid})) == APOLOGY
    assert service.offers == []
    assert service.counts == {"webhook.bad_form": 1}


async def test_a_caller_without_a_number_is_still_a_caller() -> None:
    service = peer.Service()
    fields = {"CallSid": peer.CALL, "AccountSid": peer.ACCOUNT, "To": "x" * 1_000}
    async with dialling(service) as twilio:
        await twilio.twiml(VOICE_PATH, fields)
    assert [(offer.from_, offer.to) for offer in service.offers] == [("", "x" * 256)]


async def test_after_the_stream_the_service_is_told_whether_the_caller_is_still_there() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        for status in ("in-progress", "completed", "canceled", ""):
            await twilio.twiml(AFTER_STREAM_PATH, {**VOICE, "CallStatus": status})
    assert [over for _, over in service.stream_ends] == [False, True, True, False]


async def test_after_the_stream_the_call_is_hung_up_or_apologised_to() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        root = await twilio.twiml(AFTER_STREAM_PATH, VOICE)
        assert [element.tag for element in root] == ["Hangup"]
        service.farewell = "We lost you & are sorry."
        assert said(await twilio.twiml(AFTER_STREAM_PATH, VOICE)) == "We lost you & are sorry."


async def test_call_statuses_only_move_forward() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        for status, number in [
            ("ringing", "0"),
            ("in-progress", "1"),
            ("ringing", "0"),
            ("completed", "2"),
            ("completed", "2"),
            ("in-progress", "1"),
            ("dancing", "3"),
        ]:
            fields = VOICE | {"CallStatus": status, "SequenceNumber": number}
            code, _, body = await twilio.post(CALL_STATUS_PATH, fields)
            assert (code, body) == (204, b"")
        fields = VOICE | {"CallSid": peer.OTHER_CALL, "CallStatus": "busy", "SequenceNumber": "x"}
        await twilio.post(CALL_STATUS_PATH, fields)
    assert service.statuses == [
        (peer.CALL, "ringing", 0),
        (peer.CALL, "in-progress", 1),
        (peer.CALL, "completed", 2),
        (peer.OTHER_CALL, "busy", None),
    ]
    assert service.counts == {"webhook.status_not_forward": 3, "webhook.unknown_call_status": 1}


async def test_the_stream_tells_when_it_starts_stops_or_fails() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        for event, error in [
            ("stream-started", ""),
            ("stream-error", "31920: Stream - WebSocket - Handshake Error"),
            ("stream-error", "no number in 319200 here"),
            ("stream-dancing", ""),
            ("stream-stopped", ""),
        ]:
            fields = VOICE | {
                "StreamSid": peer.STREAM,
                "StreamEvent": event,
                "StreamError": error,
            }
            code, _, _ = await twilio.post(STREAM_STATUS_PATH, fields)
            assert code == 204
        await twilio.post(STREAM_STATUS_PATH, VOICE | {"StreamEvent": "stream-stopped"})
    assert service.stream_statuses == [
        (peer.CALL, peer.STREAM, StreamEvent.STARTED, None),
        (peer.CALL, peer.STREAM, StreamEvent.ERROR, 31920),
        (peer.CALL, peer.STREAM, StreamEvent.ERROR, None),
        (peer.CALL, peer.STREAM, StreamEvent.STOPPED, None),
    ]
    assert service.counts == {"webhook.unknown_stream_event": 1, "webhook.bad_form": 1}


async def test_no_other_method_is_served() -> None:
    async with serving(peer.Service()) as port, aiohttp.ClientSession() as http:
        for path in PATHS:
            async with http.get(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.status == 405


# ---- callers who are passed on -----------------------------------------------------------------

RECORDING = "RE" + "0" * 31 + "1"
LEFT = {
    **VOICE,
    "CallStatus": "in-progress",
    "RecordingSid": RECORDING,
    "RecordingUrl": f"https://api.twilio.com/{RECORDING}",
    "RecordingDuration": "12",
}
KEPT = Message(RECORDING, f"https://api.twilio.com/{RECORDING}", 12)


@pytest.mark.parametrize(
    ("status", "call_status", "told", "over"),
    [
        ("completed", "in-progress", "completed", False),
        ("busy", "in-progress", "busy", False),
        ("no-answer", "completed", "no-answer", True),
        ("exploded", "in-progress", "failed", False),
        ("", "", "failed", False),
    ],
)
async def test_the_end_of_a_transfer_is_told(
    status: str, call_status: str, told: str, over: bool
) -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        fields = {**VOICE, "DialCallStatus": status, "CallStatus": call_status}
        root = await twilio.twiml(DIAL_RESULT_PATH, fields)
    assert [element.tag for element in root] == ["Hangup"]
    assert service.dialled == [(peer.CALL, told, over)]
    assert service.counts["webhook.unknown_dial_result"] == (told != (status or "x")) * 1


async def test_a_caller_is_brought_back_with_a_token_of_their_own() -> None:
    service = peer.Service()
    service.farewell = TakeBack()
    async with dialling(service) as twilio:
        first = token_of(await twilio.twiml(VOICE_PATH, VOICE))
        root = await twilio.twiml(DIAL_RESULT_PATH, {**VOICE, "DialCallStatus": "busy"})
    assert token_of(root) != first
    assert service.offers == [peer.OFFER]


async def test_the_hand_over_that_rest_refused_is_the_answer_to_the_action() -> None:
    service = peer.Service()
    service.farewell = TakeMessage()
    async with dialling(service) as twilio:
        root = await twilio.twiml(AFTER_STREAM_PATH, VOICE)
    assert [element.tag for element in root] == ["Say", "Record", "Hangup"]


async def test_a_message_is_told_by_the_action_and_by_the_callback() -> None:
    service = peer.Service()
    news = {key: LEFT[key] for key in LEFT if key not in ("From", "To")}
    async with dialling(service) as twilio:
        root = await twilio.twiml(VOICEMAIL_PATH, LEFT)
        assert [element.tag for element in root] == ["Hangup"]
        for status in ("in-progress", "completed"):
            fields = {**news, "RecordingStatus": status}
            assert (await twilio.post(VOICEMAIL_STATUS_PATH, fields))[0] == 204
    assert service.messages == [(peer.CALL, "+14155550100", KEPT), (peer.CALL, "", KEPT)]
    assert service.counts == {"webhook.recording_not_completed": 1}


@pytest.mark.parametrize(
    "bad",
    [
        {"RecordingSid": "../../etc"},
        {"RecordingUrl": "javascript:alert(1)"},
        {"RecordingUrl": "https://x y"},
    ],
)
async def test_a_message_that_makes_no_sense_is_not_kept(bad: dict[str, str]) -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        assert said(await twilio.twiml(VOICEMAIL_PATH, {**LEFT, **bad})) == APOLOGY
    assert service.messages == []


async def test_a_message_of_unknown_length_is_kept() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        await twilio.twiml(VOICEMAIL_PATH, {**LEFT, "RecordingDuration": "long"})
    assert service.messages[0][2].length_s == 0


async def test_fault_a12_what_the_networks_say_of_the_number_goes_with_the_call() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        await twilio.twiml(VOICE_PATH, {**VOICE, "StirVerstat": "TN-Validation-Passed-C"})
    (offer,) = service.offers
    assert (offer.verstat, offer.from_) == ("TN-Validation-Passed-C", VOICE["From"])


@pytest.mark.parametrize("path", [AFTER_STREAM_PATH, DIAL_RESULT_PATH, VOICE_PATH])
async def test_fault_p3_a_call_of_another_process_is_asked_about_and_brought_back(
    path: str,
) -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        service.strangers.add(peer.CALL)
        service.farewell = TakeBack()
        fields = {**VOICE, "CallStatus": "in-progress", "DialCallStatus": "busy"}
        document = await twilio.twiml(path, fields)
        assert document.find("Connect/Stream") is not None
        assert [offer.call_sid for offer in service.resumed] == [peer.CALL]


async def test_fault_p1_a_carrier_that_must_ask_again_is_silent_meanwhile() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        service.strangers.add(peer.CALL)
        service.farewell = AskAgain(2)
        document = await twilio.twiml(AFTER_STREAM_PATH, {**VOICE, "CallStatus": "in-progress"})
        assert [each.tag for each in document] == ["Pause", "Redirect"]
        assert document[0].get("length") == "2"
        assert (document[1].text or "").endswith(AFTER_STREAM_PATH)


@pytest.mark.parametrize(
    "fields", [{"CallStatus": "completed"}, {"CallStatus": "ringing"}, {"CallSid": "nonsense"}]
)
async def test_a_caller_who_is_gone_or_new_is_no_other_process_s(fields: dict[str, str]) -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        service.strangers.add(peer.CALL)
        path = VOICE_PATH if fields.get("CallStatus") == "ringing" else AFTER_STREAM_PATH
        await twilio.twiml(path, {**VOICE, **fields})
        assert service.resumed == []


async def test_a_takeover_that_breaks_is_apologised_for() -> None:
    service = peer.Service()
    async with dialling(service) as twilio:
        service.strangers.add(peer.CALL)
        service.farewell = ValueError("secret")
        document = await twilio.twiml(AFTER_STREAM_PATH, {**VOICE, "CallStatus": "in-progress"})
        assert (document[0].text or "") == APOLOGY
        assert service.counts["webhook.internal_error"] == 1
