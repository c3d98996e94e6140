"""The simulated phone against a server of the test's own, over loopback and in real time."""

import asyncio
import base64
import json
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from twilio.request_validator import RequestValidator

from agents.tasks import Tasks
from telephony.simulator import leg
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.phone import EndedBy, PhoneReport, Recorded, StreamEnd
from telephony.simulator.signed import RequestFailedError, SignedRequests
from telephony.simulator.wav import write_wav

PUBLIC = "https://voice.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
TONE = b"\x10" * 160
LOUD = b"\x00" * 8_000

Talk = Callable[["Line"], Awaitable[None]]


class Line:
    """The server's end of one stream."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.received: list[dict[str, Any]] = []
        self.stream_sid = ""

    async def hear(self, event: str) -> dict[str, Any]:
        """Read until a message of this kind."""
        while True:
            message: dict[str, Any] = json.loads(await self.socket.receive_text())
            self.received.append(message)
            self.stream_sid = message.get("streamSid", "")
            if message["event"] == event:
                return message

    async def say(self, event: str, **body: Any) -> None:
        await self.socket.send_json({"event": event, "streamSid": self.stream_sid, **body})

    async def play(self, ulaw: bytes, mark: str) -> None:
        await self.say("media", media={"payload": base64.b64encode(ulaw).decode()})
        await self.say("mark", mark={"name": mark})


class Bridge:
    """A server that checks every signature and otherwise does what the test tells it."""

    def __init__(self, talk: Talk, twiml: str | None = None) -> None:
        self.talk = talk
        self.twiml = twiml or CONNECT
        self.after = "<Response><Say>Goodbye.</Say></Response>"
        self.status = 200
        self.content_type = "application/xml"
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.lines: list[Line] = []
        self.app = FastAPI()
        for path in ("voice", "after-stream", "stream-status", "call-status"):
            self.app.add_api_route(f"/twilio/{path}", self.webhook, methods=["GET", "POST"])
        self.app.add_api_websocket_route("/twilio/media", self.media)

    async def webhook(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        url = PUBLIC + request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if not self.signed(url, form, request.headers):
            return Response(status_code=403)
        name = request.url.path.rsplit("/", 1)[1]
        parameters = form or dict(request.query_params)
        self.requests.append((name, parameters, dict(request.headers)))
        body = {"voice": self.twiml, "after-stream": self.after}.get(name, "")
        return Response(body, self.status, media_type=self.content_type)

    def signed(self, url: str, form: dict[str, str], headers: Any) -> bool:
        signature = headers.get("x-twilio-signature", "")
        return bool(RequestValidator(TOKEN).validate(url, form, signature))

    async def media(self, socket: WebSocket) -> None:
        url = PUBLIC.replace("https", "wss") + "/twilio/media"
        if not self.signed(url, {}, socket.headers):
            await socket.close()
            return
        await socket.accept()
        self.lines.append(Line(socket))
        with suppress(WebSocketDisconnect):
            await self.talk(self.lines[-1])

    def asked(self, name: str) -> list[dict[str, str]]:
        return [parameters for asked, parameters, _ in self.requests if asked == name]


CONNECT = """<Response><Connect action="/twilio/after-stream">
  <Stream url="wss://voice.example.com/twilio/media" name="main"
          statusCallback="/twilio/stream-status"><Parameter name="token" value="secret"/></Stream>
</Connect></Response>"""

REDIRECT_BY_GET = """<Response>
  <Redirect method="GET">/twilio/after-stream?a=1</Redirect>
</Response>"""


@asynccontextmanager
async def served(bridge: Bridge) -> AsyncIterator[str]:
    config = uvicorn.Config(
        bridge.app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws_max_size=65_536
    )
    server = uvicorn.Server(config)
    tasks = Tasks(lambda name, error: None)
    running = tasks.start("server", server._serve())
    while not server.started:
        await asyncio.sleep(0.005)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    server.force_exit = True
    await running


@asynccontextmanager
async def account(bridge: Bridge) -> AsyncIterator[SimulatedTwilio]:
    async with (
        served(bridge) as address,
        SimulatedTwilio(address, PUBLIC, auth_token=TOKEN) as twilio,
    ):
        yield twilio


async def called(bridge: Bridge, caller: Recorded) -> PhoneReport:
    async with account(bridge) as twilio:
        return await twilio.dial(caller)


async def silent(line: Line) -> None:
    await line.hear("stop")


async def echoing(line: Line) -> None:
    """Two seconds of tone under marks of 100 ms; stop as soon as the caller is loud."""
    await line.hear("start")
    for n in range(1, 21):
        await line.play(TONE * 5, f"0:1:{n * 800}")
    while True:
        message = await line.hear("media")
        if base64.b64decode(message["media"]["payload"])[:1] == b"\x00":
            break
    await line.say("clear")
    await line.hear("stop")


async def test_a_call_from_ring_to_goodbye() -> None:
    bridge = Bridge(echoing)
    caller = Recorded(b"\xff" * 3_200 + LOUD, hang_up_ms=800, keys={200: "1", 220: "#"})
    report = await called(bridge, caller)

    assert (report.ended_by, report.errors, report.twiml_warnings) == (EndedBy.CALLER, (), ())
    stream = report.stream
    assert stream is not None
    assert (stream.end, stream.warnings, stream.lost_frames) == (StreamEnd.CALLER, (), 0)
    assert stream.first_audio_ms is not None
    (cleared,) = stream.clears
    # The caller falls loud at 400 ms; its first loud frame is complete 20 ms later.
    assert stream.reactions_ms == (cleared.at_ms - 400,)
    assert 20 <= cleared.at_ms - 400 < 200
    assert stream.played_ms_by_item == {1: (cleared.at - stream.clips[0].arrived) // 8}
    assert stream.heard_ulaw.count(b"\x10") // 8 == stream.played_ms_by_item[1]
    assert stream.caller_ulaw == caller._speech[: len(stream.caller_ulaw)]


async def test_the_server_sees_what_twilio_would_send() -> None:
    bridge = Bridge(echoing)
    report = await called(bridge, Recorded(LOUD, hang_up_ms=300, keys={200: "1#"}))

    (line,) = bridge.lines
    assert [m["event"] for m in line.received[:3]] == ["connected", "start", "media"]
    assert line.received[1]["start"]["customParameters"] == {"token": "secret"}
    assert line.received[-1]["event"] == "stop"
    numbered = [m["sequenceNumber"] for m in line.received[1:]]
    assert numbered == [str(n) for n in range(1, len(numbered) + 1)]
    frames = [m["media"] for m in line.received if m["event"] == "media"]
    assert [f["timestamp"] for f in frames] == [str(20 * n) for n in range(len(frames))]
    assert len(frames) == 16
    assert [m["dtmf"]["digit"] for m in line.received if m["event"] == "dtmf"] == ["1", "#"]
    echoes = [m["mark"]["name"] for m in line.received if m["event"] == "mark"]
    assert echoes == [f"0:1:{n * 800}" for n in range(1, 21)]

    (ring,) = bridge.asked("voice")
    assert ring["CallSid"] == report.call_sid
    assert (ring["CallStatus"], ring["From"], ring["CallToken"]) == ("ringing", "+14155550100", "")
    assert "i-twilio-idempotency-token" in bridge.requests[0][2]
    assert [s["StreamEvent"] for s in bridge.asked("stream-status")] == [
        "stream-started",
        "stream-stopped",
    ]
    assert bridge.asked("after-stream")[0]["CallStatus"] == "completed"
    assert bridge.asked("call-status")[0]["CallbackSource"] == "call-progress-events"


async def test_the_media_keeps_time_without_drift() -> None:
    times = []

    async def timing(line: Line) -> None:
        await line.hear("start")
        began = asyncio.get_running_loop().time()
        for _ in range(50):
            await line.hear("media")
            times.append(asyncio.get_running_loop().time() - began)
        await line.socket.close()

    report = await called(Bridge(timing), Recorded(b"", hang_up_ms=5_000))
    assert times[-1] == pytest.approx(1.0, abs=0.1)
    assert report.errors[0].code == 31921


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(user, password)}


async def test_the_rest_api_ends_a_live_call() -> None:
    bridge = Bridge(silent)
    async with account(bridge) as twilio, aiohttp.ClientSession() as http:
        key = basic(twilio.account_sid, TOKEN)

        async def post(
            call: str, status: str = "completed", headers: dict[str, str] = key
        ) -> tuple[int, Any]:
            url = f"{twilio.api_url}/2010-04-01/Accounts/{twilio.account_sid}/Calls/{call}.json"
            async with http.post(url, data={"Status": status}, headers=headers) as response:
                return response.status, await response.json()

        tasks = Tasks(lambda name, error: None)
        dialled = tasks.start("call", twilio.dial(Recorded(b"", hang_up_ms=60_000)))
        while not bridge.lines:
            await asyncio.sleep(0.01)
        (sid,) = twilio.live_calls
        assert (await post(sid, headers=basic("AC", "wrong")))[0] == 401
        assert (await post(sid, headers={}))[1]["code"] == 20003
        assert (await post("CAunknown"))[1]["code"] == 20404
        assert (await post(sid, status="busy"))[0] == 400
        twilio.api_refusal = 500
        assert (await post(sid))[0] == 500
        twilio.api_refusal = None
        assert (await post(sid))[1]["status"] == "completed"
        report = await dialled
        assert (report.ended_by, report.stream.end) == (EndedBy.API, StreamEnd.API)
        assert (await post(sid))[1]["code"] == 21220
        url = f"{twilio.api_url}/2010-04-01/Accounts/{twilio.account_sid}/Calls/{sid}.json"
        async with http.get(url, headers=key) as response:
            assert (await response.json())["status"] == "completed"
        async with http.get(url) as response:
            assert response.status == 401
    assert bridge.lines[0].received[-1]["event"] == "stop"


async def test_after_the_server_closes_the_action_says_what_next() -> None:
    async def closing(line: Line) -> None:
        await line.hear("start")
        await line.socket.close(1000)

    report = await called(Bridge(closing), Recorded(b"", hang_up_ms=5_000))
    assert (report.ended_by, report.said) == (EndedBy.DOCUMENT_END, ("Goodbye.",))
    assert report.stream is not None
    assert report.stream.end is StreamEnd.CLOSED
    assert [error.code for error in report.errors] == [31921]


async def test_messages_sent_just_before_the_close_still_count() -> None:
    async def rude(line: Line) -> None:
        await line.hear("start")
        await line.play(TONE, "0:1:160")
        await line.say("clear")
        await line.say("hangup")
        await line.socket.close(1011)

    report = await called(Bridge(rude), Recorded(b"", hang_up_ms=5_000))
    assert report.stream is not None
    assert len(report.stream.clears) == 1
    assert [w.code for w in report.stream.warnings] == [31951]


async def test_a_dropped_connection_is_31924() -> None:
    async def dropping(line: Line) -> None:
        await line.hear("start")
        raise SystemError("as if the process had died")

    bridge = Bridge(dropping)
    report = await called(bridge, Recorded(b"", hang_up_ms=5_000))
    assert report.stream is not None
    assert report.stream.end in (StreamEnd.BROKEN, StreamEnd.CLOSED)
    assert report.ended_by is EndedBy.DOCUMENT_END


async def test_a_refused_upgrade_is_31920_and_the_action_is_asked() -> None:
    async def never(line: Line) -> None:
        raise AssertionError

    bridge = Bridge(never, CONNECT.replace("/twilio/media", "/twilio/elsewhere"))
    report = await called(bridge, Recorded(b"", hang_up_ms=5_000))
    assert report.streams == ()
    assert [error.code for error in report.errors] == [31920]
    assert report.said == ("Goodbye.",)
    (status,) = bridge.asked("stream-status")
    assert status["StreamEvent"] == "stream-error"
    assert status["StreamError"].startswith("31920")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 31920),
        (b"nonsense\r\n\r\n", 31920),
        (b"", 31920),
        (None, 31901),
    ],
)
async def test_how_a_stream_may_fail_to_open(
    answer: bytes | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leg, "HANDSHAKE_S", 0.3)

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        writer.write(answer or b"")
        writer.close()

    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"ws://127.0.0.1:{port}/media"
    twiml = CONNECT.replace("wss://voice.example.com/twilio/media", url)
    report = await called(Bridge(silent, twiml), Recorded(b"", hang_up_ms=5_000))
    assert [error.code for error in report.errors] == [code]
    assert report.said == ("Goodbye.",)
    server.close()


async def test_nobody_listening_is_31902() -> None:
    twiml = CONNECT.replace("wss://voice.example.com/twilio/media", "ws://127.0.0.1:9/media")
    report = await called(Bridge(silent, twiml), Recorded(b"", hang_up_ms=5_000))
    assert [error.code for error in report.errors] == [31902]


async def test_a_webhook_that_never_answers_is_11200() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession() as http:
        requests = SignedRequests(http, TOKEN, address=address, public_url=PUBLIC, timeout_s=0.2)
        with pytest.raises(RequestFailedError, match="no answer in time") as caught:
            await requests.request(PUBLIC, "POST", {})
    assert caught.value.error.code == 11200
    server.close()


async def test_a_server_that_is_not_there_is_11205() -> None:
    async with SimulatedTwilio("http://127.0.0.1:9", PUBLIC) as twilio:
        report = await twilio.dial(Recorded(b"", hang_up_ms=0), status_path=None)
    assert report.ended_by is EndedBy.FAILED
    assert [error.code for error in report.errors] == [11205]


async def test_a_pause_does_not_outlast_the_call() -> None:
    async with account(Bridge(silent, "<Response><Pause length='60'/></Response>")) as twilio:
        report = await twilio.dial(Recorded(b"", hang_up_ms=0), time_limit_s=0.2)
    assert (report.ended_by, report.streams) == (EndedBy.TIME_LIMIT, ())


@pytest.mark.parametrize(
    ("change", "ended_by", "codes"),
    [
        ({"status": 500}, EndedBy.FAILED, [11200]),
        ({"status": 403}, EndedBy.FAILED, [11200]),
        ({"content_type": "application/json"}, EndedBy.FAILED, [12300]),
        ({"twiml": "<Response>"}, EndedBy.FAILED, [12100]),
        ({"twiml": CONNECT.replace("/media", "/media?t=1")}, EndedBy.FAILED, [31920]),
        ({"twiml": CONNECT.replace("wss:", "ws:")}, EndedBy.FAILED, [31922]),
        ({"twiml": CONNECT.replace("voice.", "other.")}, EndedBy.DOCUMENT_END, [11205]),
        ({"twiml": "<Response/>"}, EndedBy.DOCUMENT_END, []),
        ({"twiml": "<Response><Hangup/></Response>"}, EndedBy.HANGUP_VERB, []),
        ({"twiml": "<Response><Reject/></Response>"}, EndedBy.REJECTED, []),
        (
            {"twiml": "<Response><Redirect>/twilio/voice</Redirect></Response>"},
            EndedBy.FAILED,
            [11100],
        ),
        (
            {"twiml": REDIRECT_BY_GET},
            EndedBy.DOCUMENT_END,
            [],
        ),
        ({"twiml": '<Response><Pause length="0"/><Play/></Response>'}, EndedBy.DOCUMENT_END, []),
    ],
)
async def test_what_an_answer_to_the_webhook_leads_to(
    change: dict[str, Any], ended_by: EndedBy, codes: list[int]
) -> None:
    bridge = Bridge(silent)
    vars(bridge).update(change)
    report = await called(bridge, Recorded(b"", hang_up_ms=5_000))
    assert (report.ended_by, report.streams) == (ended_by, ())
    # A server that answers nothing well fails the status callback as well.
    assert [error.code for error in report.errors] == codes * (2 if codes == [11200] else 1)


async def test_a_stream_without_action_goes_on_to_the_next_verb() -> None:
    async def closing(line: Line) -> None:
        await line.hear("start")
        await line.socket.close(1000)

    twiml = CONNECT.replace(' action="/twilio/after-stream"', "").replace(
        "</Response>", "<Say>Next.</Say><Hangup/></Response>"
    )
    report = await called(Bridge(closing, twiml), Recorded(b"", hang_up_ms=5_000))
    assert (report.ended_by, report.said) == (EndedBy.HANGUP_VERB, ("Next.",))


async def test_a_second_stream_may_follow_the_first() -> None:
    async def once(line: Line) -> None:
        await line.hear("start")
        if len(bridge.lines) == 1:
            await line.socket.close(1000)
        else:
            await line.hear("stop")

    bridge = Bridge(once)
    bridge.after = CONNECT
    report = await called(bridge, Recorded(b"", hang_up_ms=200))
    assert [stream.end for stream in report.streams] == [StreamEnd.CLOSED, StreamEnd.CALLER]
    assert len({stream.stream_sid for stream in report.streams}) == 2


async def test_a_call_has_a_time_limit() -> None:
    async with account(Bridge(silent)) as twilio:
        report = await twilio.dial(Recorded(b"", hang_up_ms=60_000), time_limit_s=0.3)
    assert report.ended_by is EndedBy.TIME_LIMIT
    assert report.stream is not None
    assert report.stream.end is StreamEnd.TIME_LIMIT


async def test_a_server_that_does_not_read_costs_the_caller_frames_not_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With no byte allowed to wait, every reader is a slow one.
    monkeypatch.setattr(leg, "SLOW_READER_BYTES", -1)
    bridge = Bridge(silent)
    report = await called(bridge, Recorded(b"", hang_up_ms=200))
    assert report.ended_by is EndedBy.CALLER
    assert report.stream is not None
    assert report.stream.lost_frames == 11
    assert len(report.stream.caller_ulaw) == 11 * 160
    assert [m["event"] for m in bridge.lines[0].received] == ["connected", "start", "stop"]


async def test_many_calls_at_once_and_none_left_at_the_end() -> None:
    bridge = Bridge(echoing)
    before = len(asyncio.all_tasks())
    async with account(bridge) as twilio:
        callers = [Recorded(LOUD, hang_up_ms=400) for _ in range(8)]
        reports = await asyncio.gather(*(twilio.dial(caller) for caller in callers))
        assert twilio.live_calls == ()
    assert {report.ended_by for report in reports} == {EndedBy.CALLER}
    assert len({report.call_sid for report in reports}) == 8
    await asyncio.sleep(0.05)
    assert len(asyncio.all_tasks()) == before


async def test_leaving_the_account_ends_the_calls_still_live() -> None:
    bridge = Bridge(silent)
    tasks = Tasks(lambda name, error: None)
    async with account(bridge) as twilio:
        dialled = tasks.start("call", twilio.dial(Recorded(b"", hang_up_ms=60_000)))
        while not bridge.lines:
            await asyncio.sleep(0.01)
    assert (await dialled).ended_by is EndedBy.API


async def test_a_callers_bug_is_not_swallowed() -> None:
    class Faulty(Recorded):
        def frame(self, now_ms: int) -> bytes:
            return b"\xff"

    with pytest.raises(AssertionError, match="1 bytes, not 160"):
        await called(Bridge(silent), Faulty(b"", hang_up_ms=1_000))


def test_a_wav_has_the_caller_left_and_the_agent_right(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    write_wav(path, b"\x80" * 3, b"\x00" * 2)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8_000)
        pcm = memoryview(file.readframes(10)).cast("h").tolist()
    assert pcm == [32_124, -32_124, 32_124, -32_124, 32_124, 0]


async def test_where_no_document_can_be_had_the_fallback_is_asked() -> None:
    """As Twilio does with a number's second URL; it is told why."""
    asked: list[dict[str, str]] = []

    async def fails(_request: web.Request) -> web.Response:
        return web.Response(status=500)

    async def answers(request: web.Request) -> web.Response:
        asked.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(text="<Response><Hangup/></Response>", content_type="text/xml")

    app = web.Application()
    app.router.add_post("/twilio/voice", fails)
    app.router.add_post("/fallback", answers)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with SimulatedTwilio(address) as phone:
        report = await phone.dial(Recorded(b"", 500), status_path=None, fallback_path="/fallback")
    await runner.cleanup()
    assert report.ended_by is EndedBy.HANGUP_VERB
    assert [error.code for error in report.errors] == [11200]
    assert [(each["ErrorCode"], each["ErrorUrl"]) for each in asked] == [
        ("11200", f"{address}/twilio/voice")
    ]
