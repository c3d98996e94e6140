"""Webhooks come to their worker, whoever received them."""

from collections import Counter
from typing import Any

import pytest

from telephony.workers.addresses import home
from telephony.workers.board import Board, Column, State, monotonic_ms
from telephony.workers.channel import Answered, Asked, Channel, FiguresAsked, Unreachable
from telephony.workers.crew import SILENT_MS, Crew
from telephony.workers.relay import MOST_BODY_BYTES, Relay, answered

SID = next(sid for sid in (f"CA{n:032x}" for n in range(99)) if home(sid, 3) == 1)
ELSEWHERE = Answered(200, ((b"content-type", b"application/xml"),), b"<Response/>")


class FakeChannel(Channel):
    """Answers for all workers but those that are mute."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[tuple[int, Asked | FiguresAsked]] = []
        self.mute: set[int] = set()

    async def ask(self, worker: int, message: Asked | FiguresAsked) -> Answered:
        self.asked.append((worker, message))
        if worker in self.mute:
            raise Unreachable
        return ELSEWHERE


class Front:
    """Worker 0 of three."""

    def __init__(self) -> None:
        self.channel = FakeChannel()
        self.board = Board(3)
        self.counted: Counter[str] = Counter()
        self.here: list[bytes] = []
        self.methods: list[str] = []
        for worker in range(3):
            self.is_(worker, State.TAKING)
        crew = Crew(0, self.board, self.channel)
        self.relay = Relay(self.app, crew, lambda code: self.counted.update([code]))

    def is_(self, worker: int, state: State) -> None:
        Crew(worker, self.board).says(state, monotonic_ms(), 0)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.here.append(body)
        self.methods.append(scope["method"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})

    async def post(
        self, path: str, *pieces: bytes, query: bytes = b"", method: str = "POST"
    ) -> bytes:
        scope: dict[str, Any] = {"type": "http", "method": method, "path": path}
        scope |= {"query_string": query, "headers": [(b"a", b"b")]}
        waiting = [
            {"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]}
            for piece in pieces
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            return waiting.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await self.relay(scope, receive, send)
        assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
        body: bytes = sent[1]["body"]
        return body


BODY = f"CallSid={SID}&CallStatus=in-progress".encode()
RINGS = f"CallSid={SID}&CallStatus=ringing".encode()


async def test_a_webhook_is_answered_by_the_worker_it_names() -> None:
    front = Front()
    assert await front.post("/twilio/after-stream", BODY, query=b"worker=2") == b"<Response/>"
    asked = Asked("/twilio/after-stream", b"worker=2", ((b"a", b"b"),), BODY)
    assert front.channel.asked == [(2, asked)]
    assert not front.here


async def test_our_own_is_answered_here_with_all_of_its_body() -> None:
    front = Front()
    pieces = BODY[:9], BODY[9:]
    assert await front.post("/twilio/after-stream", *pieces, query=b"worker=0") == b"here"
    assert front.here == [BODY]
    assert not front.channel.asked


async def test_a_webhook_without_a_name_goes_where_its_call_belongs() -> None:
    front = Front()
    for _ in range(2):
        assert await front.post("/twilio/voice", RINGS) == b"<Response/>"
    assert [worker for worker, _ in front.channel.asked] == [1, 1]


@pytest.mark.parametrize("state", [State.FULL, State.DRAINING, State.AWAY])
async def test_a_call_that_rings_is_placed_with_who_takes_calls(state: State) -> None:
    front = Front()
    front.is_(1, state)
    assert await front.post("/twilio/voice", RINGS) == b"<Response/>"
    assert [worker for worker, _ in front.channel.asked] == [2]


@pytest.mark.parametrize("state", [State.FULL, State.DRAINING])
async def test_a_call_that_is_on_stays_with_its_worker(state: State) -> None:
    front = Front()
    front.is_(1, state)
    await front.post("/twilio/after-stream", BODY, query=b"worker=1")
    assert [worker for worker, _ in front.channel.asked] == [1]


async def test_where_nobody_takes_calls_the_call_s_own_worker_refuses_it() -> None:
    front = Front()
    for worker in range(3):
        front.is_(worker, State.FULL)
    await front.post("/twilio/voice", RINGS)
    assert [worker for worker, _ in front.channel.asked] == [1]


async def test_fault_p3_a_call_of_a_dead_worker_is_asked_of_another() -> None:
    front = Front()
    front.is_(2, State.AWAY)
    await front.post("/twilio/after-stream", BODY, query=b"worker=2")
    assert [worker for worker, _ in front.channel.asked] == [1]


async def test_fault_p13_a_worker_that_stalled_answers_for_its_own_calls_at_once() -> None:
    front = Front()
    front.board.put(0, Column.SEEN_MS, monotonic_ms() - SILENT_MS - 100)
    assert await front.post("/twilio/after-stream", BODY, query=b"worker=0") == b"here"
    assert not front.channel.asked


async def test_fault_p13_a_worker_that_does_not_answer_is_passed_over() -> None:
    front = Front()
    front.channel.mute = {1, 2}
    assert await front.post("/twilio/after-stream", BODY, query=b"worker=2") == b"here"
    assert [worker for worker, _ in front.channel.asked] == [2, 1]
    assert front.counted == {"worker_unreachable": 2}
    assert front.here == [BODY]


@pytest.mark.parametrize("path", ["/console/", "/api/v1/live", "/readyz"])
async def test_everything_else_is_answered_by_who_received_it(path: str) -> None:
    front = Front()
    assert await front.post(path, BODY, query=b"worker=2") == b"here"
    assert not front.channel.asked


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
async def test_what_is_not_posted_keeps_its_method(method: str) -> None:
    front = Front()
    path = "/twilio/after-stream"
    assert await front.post(path, BODY, query=b"worker=2", method=method) == b"here"
    assert front.methods == [method]
    assert not front.channel.asked


async def test_a_body_that_is_too_long_is_for_the_application_to_refuse() -> None:
    front = Front()
    pieces = RINGS, bytes(MOST_BODY_BYTES), b"more"
    assert await front.post("/twilio/voice", *pieces) == b"here"
    assert front.here == [b"".join(pieces)]
    assert not front.channel.asked


async def test_the_answer_to_another_worker_is_the_application_s() -> None:
    front = Front()
    asked = Asked("/twilio/voice", b"", ((b"x", b"y"),), RINGS)
    assert await answered(front.app, asked) == Answered(200, (), b"here")
    assert front.here == [RINGS]
