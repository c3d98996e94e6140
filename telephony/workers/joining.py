"""What a parent gives each worker it starts: file descriptors, and what all of them go by."""

import socket

import msgspec

from telephony.workers.board import Board
from telephony.workers.channel import Channel
from telephony.workers.crew import Crew


class Joining(msgspec.Struct, frozen=True):
    """Goes over the command line as JSON; each `int` that is no number is a file descriptor."""

    index: int
    crew: str
    """The name of all workers of this parent."""
    listener: int
    board: int
    lifeline: int
    """A pipe: its end is the parent's."""
    own: int
    ends: tuple[int, ...]
    """Everybody's end of each worker's channel."""
    max_calls: int

    @property
    def inherited(self) -> tuple[int, ...]:
        return (self.listener, self.board, self.lifeline, self.own, *self.ends)

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


def parse(text: str) -> Joining:
    """Raises ValueError."""
    return msgspec.json.decode(text, type=Joining)


def joined(joining: Joining) -> Crew:
    """The crew, seen by the worker this process is."""
    ends = {worker: _channel(fd) for worker, fd in enumerate(joining.ends)}
    board = Board(len(ends), joining.board)
    return Crew(joining.index, board, Channel(ends), _channel(joining.own), joining.crew)


def _channel(fd: int) -> socket.socket:
    found = socket.socket(fileno=fd)
    found.setblocking(False)
    return found
