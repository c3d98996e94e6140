"""Messages handed over as they come, and written without waiting."""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from agents.realtime.socket import PromptConnection


async def connected(port: int) -> PromptConnection:
    connection = await connect(
        f"ws://127.0.0.1:{port}", create_connection=PromptConnection, proxy=None, compression=None
    )
    assert isinstance(connection, PromptConnection)
    return connection


def is_stuck(connection: PromptConnection) -> bool:
    return connection.paused


@pytest.mark.parametrize("late", [False, True])
async def test_messages_are_whole_and_in_order_whenever_they_are_asked_for(late: bool) -> None:
    async def speak(socket: ServerConnection) -> None:
        await socket.send("first")
        await socket.send(["sec", "ond"])
        await socket.send(b"third")
        await socket.wait_closed()

    async with serve(speak, "127.0.0.1", 0) as server:
        connection = await connected(server.sockets[0].getsockname()[1])
        if late:
            await asyncio.sleep(0.05)
        taken: list[bytes] = []
        connection.take_over(taken.append, lambda: None)
        async with asyncio.timeout(5):
            while len(taken) < 3:
                await asyncio.sleep(0.005)
        assert taken == [b"first", b"second", b"third"]
        await connection.close()


async def test_what_is_written_is_text_and_is_there_at_once() -> None:
    heard: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def listen(socket: ServerConnection) -> None:
        async for message in socket:
            heard.put_nowait(message)

    async with serve(listen, "127.0.0.1", 0) as server:
        connection = await connected(server.sockets[0].getsockname()[1])
        connection.write(b"one")
        connection.write("zwei \u00fc".encode())
        async with asyncio.timeout(5):
            assert [await heard.get(), await heard.get()] == ["one", "zwei \u00fc"]
        await connection.close()


async def test_a_server_that_does_not_read_is_known_and_so_is_that_it_reads_again() -> None:
    hearing = asyncio.Event()
    over = asyncio.Event()

    async def hard_of_hearing(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        await hearing.wait()
        socket.transport.resume_reading()
        while not over.is_set():
            await socket.recv()

    async with serve(hard_of_hearing, "127.0.0.1", 0, close_timeout=0.1) as server:
        connection = await connected(server.sockets[0].getsockname()[1])
        ready = asyncio.Event()
        connection.take_over(lambda message: None, ready.set)
        await asyncio.sleep(0.05)
        written = 0
        while not is_stuck(connection):
            connection.write(bytes(65_536))
            written += 65_536
            assert written < 64 * 1024 * 1024
        assert not ready.is_set()
        hearing.set()
        await asyncio.wait_for(ready.wait(), 5)
        assert not is_stuck(connection)
        over.set()
        await connection.close()


async def test_on_a_closed_connection_writing_does_nothing() -> None:
    async def leave(socket: ServerConnection) -> None:
        await socket.close(1001, "going")

    async with serve(leave, "127.0.0.1", 0) as server:
        connection = await connected(server.sockets[0].getsockname()[1])
        await asyncio.wait_for(connection.wait_closed(), 5)
        connection.write(b"too late")
        assert connection.close_code == 1001


# ---- what it needs of the library's inside -------------------------------------------------------


async def test_data_goes_past_the_library_and_everything_else_through_it() -> None:
    """`process_event` is given each frame, once: what it does not pass on, no one waits for."""

    async def speak(socket: ServerConnection) -> None:
        await socket.send("one")
        await (await socket.ping(b"alive?"))
        await socket.send(b"two")
        await socket.close(1000, "bye")

    async with serve(speak, "127.0.0.1", 0) as server:
        connection = await connected(server.sockets[0].getsockname()[1])
        taken: list[bytes] = []
        connection.take_over(taken.append, lambda: None)
        async with asyncio.timeout(5):
            await connection.wait_closed()
        assert taken == [b"one", b"two"]
        assert (connection.close_code, connection.close_reason) == (1000, "bye")


async def test_the_library_answers_pings_and_counts_pongs_between_our_own_writes() -> None:
    async def listen(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with serve(listen, "127.0.0.1", 0) as server:
        connection = await connected(server.sockets[0].getsockname()[1])
        taken: list[bytes] = []
        connection.take_over(taken.append, lambda: None)
        async with asyncio.timeout(5):
            connection.write(b"before")
            assert await (await connection.ping()) >= 0
            connection.write(b"behind")
            while len(taken) < 2:
                await asyncio.sleep(0.005)
        assert taken == [b"before", b"behind"]
        await connection.close()


async def test_a_message_larger_than_allowed_ends_the_connection_and_is_not_handed_over() -> None:
    async def shout(socket: ServerConnection) -> None:
        await socket.send(["x" * 600, "x" * 600])
        await socket.wait_closed()

    async with serve(shout, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        connection = await connect(
            url, create_connection=PromptConnection, proxy=None, max_size=1_000
        )
        assert isinstance(connection, PromptConnection)
        taken: list[bytes] = []
        connection.take_over(taken.append, lambda: None)
        async with asyncio.timeout(5):
            await connection.wait_closed()
        sent = connection.protocol.close_sent
        assert sent is not None
        assert (sent.code, taken) == (1009, [])


def test_it_works_on_uvloop_as_well() -> None:
    uvloop = pytest.importorskip("uvloop")
    uvloop.run(test_data_goes_past_the_library_and_everything_else_through_it())
    uvloop.run(test_a_server_that_does_not_read_is_known_and_so_is_that_it_reads_again())
    uvloop.run(test_on_a_closed_connection_writing_does_nothing())
