"""Where log lines go: structured, free of caller data, and never waited for.

A line is rendered where it is logged and written by a thread of its own. When nobody reads the
other end (a full pipe), lines are dropped and counted; no call ever waits for a log.
"""

import logging
import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from telephony.plain import plain
from tools.redacting.numbers import CARD_LEAST
from tools.redacting.redactor import redact

CALLER_PREFIX = "caller_"
CALLER_KEYS = frozenset(
    {
        "arguments", "body", "digit", "from_number", "heard", "instructions", "number", "output",
        "text", "to_number", "transcript",
    }
)  # fmt: skip
"""Keys that hold caller data without saying so in their prefix."""
REDACTED = "[redacted]"
MAX_WAITING_LINES = 10_000
MAX_TEXT = 2_000
MAX_DEPTH = 4
MAX_FRAMES = 12
_SHORT_NUMBER = 10 ** (CARD_LEAST - 1)
"""Below it a number by itself is nobody's: no card's is so short, and other figures need words or
signs beside them to be told from any."""
_OUR_KEYS = frozenset({"call_sid", "code", "event", "logger", "reason"})
"""Their values come again and again. They are looked through like any other, but once."""
_MOST_KNOWN = 1_024
_LONGEST_KNOWN = 64
_OUR_ROOT = Path(__file__).resolve().parent.parent
_ROUTED = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


class LogSink:
    """A bounded queue of lines and the thread that writes them."""

    def __init__(self, write: Callable[[bytes], object], limit: int = MAX_WAITING_LINES) -> None:
        self._write = write
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self._refused = 0
        self._unwritten = 0
        self._said = 0
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost because nobody took them, since the start."""
        return self._refused + self._unwritten

    def put(self, line: bytes) -> None:
        """Take one line without its line break; returns at once, raises nothing."""
        if len(self._lines) >= self._limit:
            self._refused += 1
            return
        self._lines.append(line)
        self._wake.set()

    def close(self, limit_s: float = 1.0) -> None:
        """Write what waits, for so long at most. Lines put afterwards are lost."""
        self._closing = True
        self._wake.set()
        self._thread.join(limit_s)

    def _run(self) -> None:
        while not (self._closing and not self._lines):
            self._wake.wait()
            self._wake.clear()
            while self._lines:
                self._write_line(self._lines.popleft())
            self._say_dropped()

    def _say_dropped(self) -> None:
        lost = self._refused - self._said
        if lost:
            self._said += lost
            self._write_line(b'{"event":"log_lines_dropped","level":"warning","count":%d}' % lost)

    def _write_line(self, line: bytes) -> None:
        try:
            self._write(line + b"\n")
        except (OSError, ValueError):  # the other end is gone, or the stream is closed
            self._unwritten += 1


def set_up(
    *,
    level: str,
    form: str,
    caller_data: bool = False,
    stream: TextIO | None = None,
    worker: int | None = None,
) -> LogSink:
    """Route structlog and uvicorn's loggers through one sink, stderr unless told otherwise.

    `form` is `json`, `console` or `auto` (console in a terminal); `worker` stands in every line, if
    there are several. Returns the sink, to be
    closed last of all.
    """
    target = sys.stderr if stream is None else stream
    in_terminal = target.isatty()
    console = form == "console" or (form == "auto" and in_terminal)
    sink = LogSink(_writer(target))
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        *([] if worker is None else [_of_worker(worker)]),
        exceptions(caller_data),
        redaction(caller_data),
        # Ours alone, so they need no looking through: both replace what a line brings along.
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render = structlog.dev.ConsoleRenderer(colors=in_terminal) if console else _json
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *args: _SinkLogger(sink),
        cache_logger_on_first_use=False,
    )
    _route_stdlib(sink, shared, render, level)
    return sink


def _of_worker(worker: int) -> Processor:
    def add(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {**event, "worker": worker}

    return add


def redaction(caller_data: bool) -> Processor:
    """Hide what callers said and who they are; neutralise every value that stays."""

    def redact(_logger: Any, _method: str, event: EventDict) -> Mapping[str, Any]:
        return {key: _safe(key, value, caller_data, MAX_DEPTH) for key, value in event.items()}

    return redact


def exceptions(caller_data: bool) -> Processor:
    """One line for an exception: its kind and where. Its message may quote a caller."""

    def add(_logger: Any, _method: str, event: EventDict) -> EventDict:
        error = _exception_of(event.pop("exc_info", None))
        event.pop("stack_info", None)
        if error is not None:
            event["error"] = type(error).__name__
            event["at"] = _frames(error.__traceback__)
            if caller_data:
                event["caller_error_text"] = str(error)
        return event

    return add


class _SinkLogger:
    """What structlog calls with a finished line."""

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink

    def msg(self, line: str) -> None:
        self._sink.put(line.encode("utf-8", "backslashreplace"))

    debug = info = warning = error = critical = exception = log = msg


class _StdlibRoute(logging.Handler):
    """Lines of libraries that log in the standard library's way."""

    def __init__(self, sink: LogSink, processors: list[Processor], render: Processor) -> None:
        super().__init__()
        self._logger = _SinkLogger(sink)
        self._processors = [*processors, render]

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = {
            "event": record.getMessage(),
            "logger": record.name,
            "exc_info": record.exc_info,
        }
        for processor in self._processors:
            event = processor(None, record.levelname.lower(), event)
        self._logger.msg(str(event))


def _route_stdlib(
    sink: LogSink, processors: list[Processor], render: Processor, level: str
) -> None:
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _StdlibRoute):
            root.removeHandler(handler)
    root.addHandler(_StdlibRoute(sink, processors, render))
    for name in _ROUTED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        # Below that it logs what goes over its sockets: callers' voices.
        logger.setLevel(max(logging.INFO, logging.getLevelName(level.upper())))
    # Its lines hold whole URLs, and those of streams may hold a token.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)


def _safe(key: str, value: object, caller_data: bool, depth: int) -> Any:
    if not caller_data and (key.startswith(CALLER_PREFIX) or key in CALLER_KEYS):
        return REDACTED
    match value:
        case str():
            return _hidden_in(key, str(value))
        case None | bool() | float():
            return value
        case int() if -_SHORT_NUMBER < value < _SHORT_NUMBER:
            return value
        case int() if abs(value) < 2**53 and redact(str(value)) == str(value):
            return value
        case Mapping() if depth:
            return {
                plain(str(name)): _safe(str(name), part, caller_data, depth - 1)
                for name, part in value.items()
            }
        case list() | tuple() if depth:
            return [_safe("", part, caller_data, depth - 1) for part in value]
        case _:
            return _hidden_in(key, str(value))


def _hidden_in(key: str, text: str) -> str:
    if key in _OUR_KEYS and len(text) <= _LONGEST_KNOWN:
        return _known(text)
    return _looked_through(text)


def _looked_through(text: str) -> str:
    return plain(redact(text[:MAX_TEXT]))


_known = lru_cache(_MOST_KNOWN)(_looked_through)
"""The same answer, so nothing passes it by; kept only of what is short, so that it stays small."""


def _json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    return msgspec.json.encode(event).decode()


def _exception_of(exc_info: ExcInfo | BaseException | bool | None) -> BaseException | None:
    match exc_info:
        case BaseException():
            return exc_info
        case (_, error, _):
            return error
        case True:
            return sys.exception()
        case _:
            return None


def _frames(trace: TracebackType | None) -> str:
    """Innermost first; below our own folder by relative path."""
    frames = traceback.extract_tb(trace)[-MAX_FRAMES:]
    return " < ".join(f"{_place(frame.filename)}:{frame.lineno}" for frame in reversed(frames))


def _place(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_OUR_ROOT)) if path.is_relative_to(_OUR_ROOT) else path.name


def _writer(stream: TextIO) -> Callable[[bytes], object]:
    """Straight to the descriptor, so that no lock of the stream is ever held by a stuck write."""
    try:
        fd = stream.fileno()
    except (OSError, ValueError):
        return lambda line: stream.write(line.decode())

    def write(line: bytes) -> None:
        while line:
            line = line[os.write(fd, line) :]

    return write
