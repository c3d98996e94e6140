"""Starts the workers, starts one again that ends, and ends all of them on a signal.

It answers no calls: what can go wrong in a worker cannot go wrong here. The port it has opened is
every worker's; a connection that waits while one is started anew is taken by another.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import signal
import socket
from collections.abc import Iterator, Sequence

import structlog

from agents.tasks import Tasks
from telephony import stopping
from telephony.workers.board import Board, Column, State
from telephony.workers.channel import Channel, pair
from telephony.workers.figures import CrewFigures
from telephony.workers.joining import Joining

log = structlog.get_logger()

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
STABLE_S = 60.0
"""A worker that lived for so long is started again at once, as if it had never failed."""
_LOOK_S = 0.1


def pause_s(failures: int) -> float:
    """How long to wait before a worker is started after so many short lives in a row."""
    if failures == 0:
        return 0.0
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * float(1 << min(failures - 1, 10)))


class Parent:
    """All workers of one machine. `run` once."""

    def __init__(
        self, command: Sequence[str], listener: socket.socket, workers: int, max_calls: int
    ) -> None:
        """`command` starts a worker when its Joining is put behind it."""
        self._command = command
        self._listener = listener
        self._max_calls = max_calls
        self._board = Board.to_share(workers)
        self._pairs = [pair() for _ in range(workers)]
        self._lifeline = os.pipe()
        self._name = secrets.token_hex(8)
        self._tasks = Tasks(self._broke)
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._code = 0
        channel = Channel({number: others for number, (_, others) in enumerate(self._pairs)})
        self.figures = CrewFigures(channel, self._there)

    async def run(self) -> int:
        """Until a signal, or until a worker cannot even start; the exit code."""
        stopping.heed(stopping.signals(), self.stop, self._stopping.is_set)
        try:
            kept = [
                self._tasks.start(f"worker {number}", self._keep(number))
                for number in range(len(self._pairs))
            ]
            await asyncio.wait(kept)
        finally:
            self._close()
        return self._code

    def stop(self) -> None:
        """Let all of them finish their calls; the second time, not wait for that."""
        self._stopping.set()
        # Before any of them hears of it: none may count on another to go on with its calls.
        self._board.stop()
        for process in self._processes.values():
            _tell(process)

    def _close(self) -> None:
        self._board.close()
        for end in self._lifeline:
            os.close(end)
        for own, others in self._pairs:
            own.close()
            others.close()

    def _there(self) -> Iterator[int]:
        return (n for n in range(self._board.rows) if self._board.get(n, Column.STATE))

    # ---- one worker ----------------------------------------------------------------------------

    async def _keep(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        failures, was_up = 0, False
        while not self._stopping.is_set():
            began_s = loop.time()
            code, came_up = await self._live(number)
            was_up = was_up or came_up
            if self._stopping.is_set():
                # One that was told before it could listen has ended as it was told, too.
                self._code = self._code or (0 if code == -signal.SIGTERM else abs(code))
            elif not was_up:
                self._give_up(number, code)
            else:
                failures = 0 if loop.time() - began_s >= STABLE_S else failures + 1
                await self._pause(number, code, failures)

    async def _live(self, number: int) -> tuple[int, bool]:
        """One life: its exit code, and whether it took calls."""
        try:
            process = await self._started(number)
        except OSError as error:
            # A machine short of memory or processes: the other workers' calls go on.
            log.error(
                "worker_not_forked", worker=number, error=errno.errorcode.get(error.errno or 0)
            )
            return os.EX_OSERR, False
        self._processes[number] = process
        looking = self._tasks.start(f"look at worker {number}", self._until_up(number))
        if self._stopping.is_set():
            _tell(process)
        code = await process.wait()
        del self._processes[number]
        self._board.clear(number)
        came_up = looking.done()
        looking.cancel()
        return code, came_up

    async def _started(self, number: int) -> asyncio.subprocess.Process:
        assert self._board.fd is not None, "a board to share has a file descriptor"
        joining = Joining(
            index=number,
            crew=self._name,
            listener=self._listener.fileno(),
            board=self._board.fd,
            lifeline=self._lifeline[0],
            own=self._pairs[number][0].fileno(),
            ends=tuple(others.fileno() for _, others in self._pairs),
            max_calls=self._max_calls,
        )
        return await asyncio.create_subprocess_exec(
            *self._command,
            joining.text(),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=joining.inherited,
            # A Ctrl-C in the terminal, or its end, is for the parent, who tells each of them once.
            process_group=0,
        )

    async def _until_up(self, number: int) -> None:
        # Nobody can wake us: the board is memory of another process.
        while self._board.get(number, Column.STATE) == State.AWAY:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)

    def _give_up(self, number: int, code: int) -> None:
        """What keeps a worker from starting keeps all of them, and a person has to mend it."""
        log.error("worker_not_started", worker=number, code=code)
        self._code = code if code > 0 else 1
        self.stop()

    async def _pause(self, number: int, code: int, failures: int) -> None:
        self.figures.restarts += 1
        wait_s = pause_s(failures)
        log.error("worker_ended", worker=number, code=code, again_in_s=wait_s)
        try:
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
        except TimeoutError:
            """Its turn."""

    def _broke(self, name: str, error: BaseException) -> None:
        log.error("task_failed", task=name, exc_info=error)
        self._code = 1
        self.stop()


def _tell(process: asyncio.subprocess.Process) -> None:
    """To end; one that has ended just now needs no telling, but those behind it do."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
