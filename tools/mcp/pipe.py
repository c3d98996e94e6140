"""A server that is a program of ours: started, spoken to line by line, and ended for certain.

Not the package's own: that one hands on variables nobody named, keeps lines of any length, and
writes what it cannot read into the log.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import mcp_types
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

MAX_NOISE = 1_000
"""Lines that are no messages: some programs log where they should not, but not for ever."""
GRACE_S = 2.0
"""From the end of its input to the first signal, and from that to the last."""

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]


class Program(msgspec.Struct, frozen=True):
    """What to start. `env` holds every variable it sees. Its repr shows none of them."""

    command: str
    args: Sequence[str] = ()
    env: dict[str, str] = {}
    cwd: str | None = None

    def __repr__(self) -> str:
        return f"Program({self.command})"


@asynccontextmanager
async def piped(
    program: Program, most: int, over: asyncio.Event
) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """Runs the program while this is open; `over` is set when it says no more.

    A message of more than `most` bytes ends the connection. Raises OSError when it does not start.
    """
    process = await asyncio.create_subprocess_exec(
        program.command,
        *program.args,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=program.env,
        cwd=program.cwd,
        # A group of its own: what it starts is ended with it.
        start_new_session=True,
        limit=most,
    )
    try:
        said, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, to_say = anyio.create_memory_object_stream[SessionMessage](0)
        async with anyio.create_task_group() as group, said, incoming, outgoing, to_say:
            group.start_soon(_read, process, said, over)
            group.start_soon(_write, process, to_say, over)
            try:
                yield incoming, outgoing
            finally:
                group.cancel_scope.cancel()
    finally:
        await _ended(process)


async def _read(
    process: Process, said: MemoryObjectSendStream[SessionMessage | Exception], over: asyncio.Event
) -> None:
    assert process.stdout is not None
    noise = 0
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        async with said:
            while noise < MAX_NOISE and (line := await _line(process.stdout)):
                message = _message(line)
                if message is None:
                    noise += 1
                else:
                    await said.send(message)
    over.set()


async def _line(stdout: asyncio.StreamReader) -> bytes:
    """One line; nothing at the end, or when it is too long."""
    try:
        return await stdout.readuntil(b"\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""


def _message(line: bytes) -> SessionMessage | None:
    try:
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except (ValueError, RecursionError):
        return None


async def _write(
    process: Process, to_say: MemoryObjectReceiveStream[SessionMessage], over: asyncio.Event
) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        async with to_say:
            async for message in to_say:
                process.stdin.write(_encoded(message))
                await process.stdin.drain()
    over.set()


def _encoded(message: SessionMessage) -> bytes:
    text: str = message.message.model_dump_json(by_alias=True, exclude_unset=True)
    return text.encode() + b"\n"


async def _ended(process: Process) -> None:
    """Let it go, then make it go: it, and whatever it has started."""
    try:
        if process.stdin is not None:
            process.stdin.close()
        if not await _gone(process):
            _signal(process, signal.SIGTERM)
            await _gone(process)
    finally:
        _signal(process, signal.SIGKILL)
        _let_go(process)


async def _gone(process: Process) -> bool:
    """By its return code: `wait` also waits for pipes that its children may hold open."""
    ends_at = asyncio.get_running_loop().time() + GRACE_S
    while process.returncode is None and asyncio.get_running_loop().time() < ends_at:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return process.returncode is not None


def _signal(process: Process, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _let_go(process: Process) -> None:
    # Nothing public closes the pipes of a process whose children still hold them.
    transport: Any = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
