"""Sockets of streams get to their worker, whichever accepts them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from agents.tasks import Tasks
from telephony.server import PhoneServer, listen
from telephony.workers import channel as channels
from telephony.workers.board import Board, State, monotonic_ms
from telephony.workers.channel import Asked, Channel, FiguresAsked, Unreachable, pair
from telephony.workers.crew import Crew
from telephony.workers.entrance import Reception, protocol


def _failed(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


async def _nothing() -> None:
    """There are no calls to wait for."""


class Worker:
    """Tells who it is and what it was asked for, on each socket and request."""

    def __init__(self, index: int, board: Board, pairs: list[Any]) -> None:
        ends = {number: others for number, (_, others) in enumerate(pairs)}
        self.crew = Crew(index, board, Channel(ends), pairs[index][0])
        self.crew.opens()
        self.is_(State.TAKING)
        self.breaks = False
        self.asked: list[str] = []
        self.listener = listen("127.0.0.1", 0)
        self.port = self.listener.getsockname()[1]
        self.server = PhoneServer(
            self, _nothing, lambda: None, signals=(), entrance=protocol(self.crew)
        )
        self.reception = Reception(
            pairs[index][0], self.server.connection, self, lambda: b"figures"
        )

    def is_(self, state: State) -> None:
        self.crew.says(state, monotonic_ms(), 0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.breaks:
            raise ValueError("a bug")
        told = f"{self.crew.index} {scope['path']}"
        await receive()
        self.asked.append(scope["path"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": told.encode()})
            return
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": told})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})


@contextlib.asynccontextmanager
async def workers() -> AsyncGenerator[list[Worker]]:
    board, pairs = Board(2), [pair() for _ in range(2)]
    made = [Worker(index, board, pairs) for index in range(2)]
    tasks = Tasks(_failed)
    serving = [tasks.start("server", each.server.serve(sockets=[each.listener])) for each in made]
    for each in made:
        each.reception.open()
    try:
        yield made
    finally:
        for each in made:
            await each.reception.close()
            each.server.stop()
        await asyncio.wait(serving)
        for ends in pairs:
            for end in ends:
                end.close()


async def answered(port: int, path: str) -> str:
    """By whom, and what they take the path for; two messages more show that it goes on."""
    async with asyncio.timeout(10), connect(f"ws://127.0.0.1:{port}{path}") as socket:
        told = str(await socket.recv())
        for text in ("one", "two" * 10_000):
            await socket.send(text)
            assert await socket.recv() == text
        return told


async def test_a_stream_goes_to_the_worker_its_address_names() -> None:
    async with workers() as (first, second):
        assert await answered(first.port, "/twilio/media/1") == "1 /twilio/media"
        assert await answered(second.port, "/twilio/media/1") == "1 /twilio/media"
        assert await answered(second.port, "/twilio/media/0") == "0 /twilio/media"
        assert not first.server.server_state.connections


async def test_a_stream_of_a_worker_that_is_away_is_left_to_who_has_it() -> None:
    async with workers() as (first, second):
        second.is_(State.AWAY)
        assert await answered(first.port, "/twilio/media/1") == "0 /twilio/media"


async def test_other_sockets_stay_where_they_are() -> None:
    async with workers() as (first, _):
        assert await answered(first.port, "/console/live") == "0 /console/live"


async def test_questions_and_figures_are_answered() -> None:
    async with workers() as (first, second):
        asked = Asked("/twilio/voice", b"", (), b"CallSid=CA1&CallStatus=ringing")
        answer = await first.crew.channel.ask(1, asked)
        assert (answer.status, answer.body) == (200, b"1 /twilio/voice")
        assert (await second.crew.channel.ask(0, FiguresAsked())).body == b"figures"


@pytest.mark.parametrize(
    ("path", "status", "answered_late"),
    [
        ("/twilio/voice", "ringing", False),
        ("/twilio/voice", "in-progress", False),
        ("/twilio/after-stream", "in-progress", False),
        ("/twilio/after-stream", "completed", True),
        ("/twilio/call-status", "completed", True),
        ("/twilio/dial-result", "in-progress", True),
    ],
)
async def test_fault_p13_a_question_whose_asker_went_to_another_worker_is_dropped_and_news_is_not(
    monkeypatch: pytest.MonkeyPatch, path: str, status: str, answered_late: bool
) -> None:
    async with workers() as (first, second):
        await second.reception.close()
        question = Asked(path, b"", (), f"CallSid=CA1&CallStatus={status}".encode())
        with monkeypatch.context() as patched:
            patched.setattr(channels, "ANSWER_S", 0.01)
            with pytest.raises(Unreachable):
                await first.crew.channel.ask(1, question)
        second.reception.open()
        # In the order in which they were asked.
        await first.crew.channel.ask(1, Asked("/twilio/voicemail", b"", (), b""))
        assert second.asked == ([path] if answered_late else []) + ["/twilio/voicemail"]


async def test_a_bug_over_a_question_is_an_answer_too() -> None:
    async with workers() as (first, second):
        second.breaks = True
        answer = await first.crew.channel.ask(1, Asked("/twilio/voice", b"", (), b""))
        assert answer.status == 500
