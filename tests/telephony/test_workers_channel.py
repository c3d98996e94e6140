"""How connections and questions get to another worker, and what if nobody is there."""

import asyncio
import socket
from collections.abc import AsyncGenerator

import pytest

from agents.tasks import Tasks
from telephony.workers import channel as channels
from telephony.workers.channel import (
    Answered,
    Asked,
    Channel,
    FiguresAsked,
    Handed,
    Inbox,
    Message,
    Unreachable,
    pair,
    reply,
    waits,
)

QUESTION = Asked("/twilio/voice", b"worker=1", ((b"a", b"b"),), b"CallSid=CA1")


def _failed(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


class Worker:
    """One that answers with what it was asked."""

    def __init__(self, own: socket.socket) -> None:
        self.received: list[Message] = []
        self.connections: list[socket.socket] = []
        self.silent = False
        self._tasks = Tasks(_failed)
        self.inbox = Inbox(own, self._receive)
        self.inbox.open()

    def _receive(self, message: Message, connection: socket.socket) -> None:
        self.received.append(message)
        self.connections.append(connection)
        if isinstance(message, Asked) and not self.silent:
            answer = Answered(200, message.headers, message.body * 30_000)
            self._tasks.start("reply", reply(connection, answer))

    def close(self) -> None:
        self.inbox.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
async def ends() -> AsyncGenerator[tuple[socket.socket, Channel]]:
    own, others = pair()
    yield own, Channel({1: others})
    own.close()
    others.close()


Ends = tuple[socket.socket, Channel]


async def test_a_question_is_answered_however_long_the_answer(ends: Ends) -> None:
    worker = Worker(ends[0])
    answer = await ends[1].ask(1, QUESTION)
    assert (answer.status, answer.headers) == (200, QUESTION.headers)
    assert answer.body == QUESTION.body * 30_000
    assert worker.received == [QUESTION]
    worker.close()


async def test_a_connection_is_the_other_s_from_then_on(ends: Ends) -> None:
    worker = Worker(ends[0])
    caller, accepted = socket.socketpair()
    ends[1].hand(1, Handed(b"GET / HTTP/1.1"), accepted.fileno())
    accepted.close()
    while not worker.connections:
        await asyncio.sleep(0)
    worker.connections[0].sendall(b"hello")
    assert caller.recv(5) == b"hello"
    worker.close()
    assert caller.recv(5) == b""
    caller.close()


async def test_what_is_sent_while_a_worker_is_started_anew_waits_for_it(ends: Ends) -> None:
    caller, accepted = socket.socketpair()
    ends[1].hand(1, Handed(b"early"), accepted.fileno())
    worker = Worker(ends[0])
    while not worker.received:
        await asyncio.sleep(0)
    assert worker.received == [Handed(b"early")]
    worker.close()
    caller.close()
    accepted.close()


async def test_fault_p13_a_worker_that_does_not_answer_is_given_up(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "ANSWER_S", 0.05)
    worker = Worker(ends[0])
    worker.silent = True
    with pytest.raises(Unreachable):
        await ends[1].ask(1, QUESTION)
    worker.close()


async def test_a_worker_that_dies_over_a_question_is_given_up_at_once(ends: Ends) -> None:
    worker = Worker(ends[0])
    worker.silent = True
    asking = Tasks(_failed).start("ask", _given_up(ends[1]))
    while not worker.connections:
        await asyncio.sleep(0)
    worker.close()
    assert await asking


async def _given_up(channel: Channel) -> bool:
    with pytest.raises(Unreachable):
        await channel.ask(1, QUESTION)
    return True


async def test_what_nobody_takes_any_more_is_refused_and_not_waited_for(ends: Ends) -> None:
    here, there = socket.socketpair()

    def hand_on_and_on() -> None:
        for _ in range(10_000):
            ends[1].hand(1, Handed(bytes(10_000)), there.fileno())

    with here, there, pytest.raises(Unreachable):
        hand_on_and_on()


async def test_what_is_too_long_is_refused(ends: Ends) -> None:
    with pytest.raises(Unreachable):
        ends[1].hand(1, Handed(bytes(channels.MOST_BYTES)), 0)


@pytest.mark.parametrize("there", [True, False])
async def test_who_is_asked_can_tell_whether_anybody_waits(there: bool) -> None:
    asker, end = socket.socketpair()
    if not there:
        asker.close()
    assert waits(end) is there
    asker.close()
    end.close()
    assert not waits(end)


async def test_nonsense_is_dropped_with_its_connection(ends: Ends) -> None:
    worker = Worker(ends[0])
    nonsense, its_own = socket.socketpair()
    (others,) = ends[1]._ends.values()
    socket.send_fds(others, [b"nonsense"], [its_own.fileno()])
    its_own.close()
    ends[1].hand(1, Handed(b"after"), nonsense.fileno())
    while not worker.received:
        await asyncio.sleep(0)
    assert worker.received == [Handed(b"after")]
    assert nonsense.recv(1) == b"", "its connection was left open"
    nonsense.close()
    worker.close()


async def test_figures_can_be_asked_for_by_a_thread(ends: Ends) -> None:
    own, others = ends

    def answers() -> Answered:
        return others.ask_now(1, FiguresAsked())

    asking = asyncio.get_running_loop().run_in_executor(None, answers)
    worker = Worker(own)
    while not worker.connections:
        await asyncio.sleep(0.001)
    await reply(worker.connections[0], Answered(200, (), b"frontdesk_live_calls 3\n"))
    assert (await asking).body == b"frontdesk_live_calls 3\n"
    worker.close()
