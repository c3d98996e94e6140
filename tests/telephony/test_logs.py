"""Logs: structured, on one line, without caller data, and never waited for."""

import json
import logging
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.logs import CALLER_KEYS, MAX_DEPTH, REDACTED, LogSink, redaction, set_up
from telephony.plain import plain
from tests.exploring import examples
from tools.redacting.numbers import CARD_LEAST
from tools.redacting.redactor import redact


class Pipe:
    """A stream of which a test reads the other end, when it wants to."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self._reader = os.fdopen(reading, "rb")
        self.stream = os.fdopen(writing, "w")
        self.sink: LogSink | None = None

    def start(self, level: str = "info", form: str = "json", caller_data: bool = False) -> None:
        self.sink = set_up(level=level, form=form, caller_data=caller_data, stream=self.stream)

    def read_raw(self) -> str:
        """Everything logged, after which nothing more can be."""
        assert self.sink is not None
        text = bytearray()
        reading = threading.Thread(target=lambda: text.extend(self._reader.read()))
        reading.start()
        self.sink.close(10)
        self.stream.close()
        reading.join(10)
        return text.decode()

    def read(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.read_raw().splitlines()]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    root = logging.getLogger()
    handlers = list(root.handlers)
    yield Pipe()
    root.handlers[:] = handlers
    structlog.reset_defaults()


def test_a_line_is_one_json_object_with_time_and_level(pipe: Pipe) -> None:
    pipe.start()
    structlog.get_logger().bind(call_sid="CA1").warning("call_ended", reason="idle", turns=3)
    [line] = pipe.read()
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "event": "call_ended",
        "level": "warning",
        "call_sid": "CA1",
        "reason": "idle",
        "turns": 3,
    }


def test_less_important_lines_are_left_out(pipe: Pipe) -> None:
    pipe.start(level="warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().error("loud")
    assert [line["event"] for line in pipe.read()] == ["loud"]


def test_console_lines_are_for_people(pipe: Pipe) -> None:
    pipe.start(form="console")
    structlog.get_logger().info("call_ended", reason="idle")
    text = pipe.read_raw()
    assert "call_ended" in text
    assert "reason=idle" in text


def test_without_a_terminal_auto_means_json(pipe: Pipe) -> None:
    pipe.start(form="auto")
    structlog.get_logger().info("one")
    assert pipe.read()[0]["event"] == "one"


@pytest.mark.parametrize(
    "key", ["caller_name", "caller_", "heard", "text", "arguments", "from_number"]
)
def test_caller_data_is_hidden_unless_permitted(pipe: Pipe, key: str) -> None:
    pipe.start()
    structlog.get_logger().info("e", **{key: "Jane", "deep": {key: ["Jane"]}, "list": [{key: 1}]})
    [line] = pipe.read()
    assert line[key] == REDACTED
    assert line["deep"] == {key: REDACTED}
    assert line["list"] == [{key: REDACTED}]


def test_caller_data_shows_when_permitted(pipe: Pipe) -> None:
    pipe.start(caller_data=True)
    structlog.get_logger().info("e", caller_name="Jane")
    assert pipe.read()[0]["caller_name"] == "Jane"


def test_values_cannot_begin_lines_or_drive_a_terminal(pipe: Pipe) -> None:
    pipe.start(form="console")
    structlog.get_logger().info("e\nFAKE", value="a\r\n2026 [error] forged\x1b[2J", code="\u2028")
    text = pipe.read_raw()
    assert len(text.splitlines()) == 1
    assert "\x1b[2J" not in text


def test_an_exception_tells_kind_and_place_but_not_its_words(pipe: Pipe) -> None:
    pipe.start()
    try:
        raise ValueError("caller said: my card is 4111")
    except ValueError:
        structlog.get_logger().exception("went_wrong")
    [line] = pipe.read()
    assert line["error"] == "ValueError"
    assert "tests/telephony/test_logs.py:" in str(line["at"])
    assert "4111" not in json.dumps(line)


@pytest.mark.parametrize("given", [ValueError("x"), (ValueError, ValueError("x"), None)])
def test_exceptions_may_be_passed_in_either_form(pipe: Pipe, given: object) -> None:
    pipe.start(caller_data=True)
    structlog.get_logger().error("e", exc_info=given)
    structlog.get_logger().error("none", exc_info=False)
    first, second = pipe.read()
    assert (first["error"], first["caller_error_text"]) == ("ValueError", "x")
    assert "error" not in second


def test_uvicorns_lines_go_the_same_way(pipe: Pipe) -> None:
    pipe.start()
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("uvicorn.access").info("GET /twilio/media?token=secret")
    logging.getLogger("asyncio").warning("slow")
    lines = pipe.read()
    assert [(line["logger"], line["event"]) for line in lines] == [
        ("uvicorn.error", "Started server process [7]"),
        ("asyncio", "slow"),
    ]


def test_a_second_set_up_replaces_the_first(pipe: Pipe) -> None:
    pipe.start()
    pipe.start()
    logging.getLogger("asyncio").warning("once")
    structlog.get_logger().info("twice")
    assert [line["event"] for line in pipe.read()] == ["once", "twice"]


def test_a_stream_without_a_descriptor_will_do(
    pipe: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = set_up(level="info", form="json")
    structlog.get_logger().info("to_stderr")
    sink.close()
    assert '"event":"to_stderr"' in capsys.readouterr().err


def test_fault_p12_a_sink_that_nobody_reads_holds_nothing_up(pipe: Pipe) -> None:
    pipe.start()
    assert pipe.sink is not None
    log = structlog.get_logger()
    # A pipe takes 64 KiB, the queue 10,000 lines; the rest is lost, and counted.
    for number in range(15_000):
        log.info("flood", number=number, padding="x" * 50)
    dropped = pipe.sink.dropped
    assert dropped > 1_000
    lines = pipe.read()
    assert sum(line["event"] == "flood" for line in lines) + dropped == 15_000
    told = [line["count"] for line in lines if line["event"] == "log_lines_dropped"]
    assert told == [dropped]


def test_fault_p12_closing_a_stuck_sink_comes_back() -> None:
    let_go = threading.Event()
    sink = LogSink(lambda line: let_go.wait(30))
    sink.put(b"one")
    sink.close(0.05)
    let_go.set()


def test_fault_p12_a_reader_that_went_away_is_counted() -> None:
    def gone(line: bytes) -> None:
        raise BrokenPipeError

    sink = LogSink(gone)
    sink.put(b"one")
    sink.put(b"two")
    sink.close(10)
    assert sink.dropped == 2


class StandIn(str):
    """A string that says something else than it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"instead of {self[-4:]}: 4111111111111111"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4))
def test_whatever_is_logged_becomes_bounded_and_printable(event: dict[str, object]) -> None:
    safe = redaction(caller_data=False)(None, "info", dict(event))
    text = repr(safe)
    assert len(text) < 200_000
    for value in strings(safe):
        assert all(char.isprintable() or char not in "\n\r\x1b\u2028\x00" for char in value)


def plainly(key: str, value: object, depth: int = MAX_DEPTH) -> Any:
    """Everything is searched, nothing remembered."""
    if key.startswith("caller_") or key in CALLER_KEYS:
        return REDACTED
    match value:
        case None | bool() | float():
            return value
        case int() if abs(value) < 2**53 and redact(str(value)) == str(value):
            return value
        case dict() if depth:
            parts = value.items()
            return {plain(name): plainly(name, part, depth - 1) for name, part in parts}
        case list() if depth:
            return [plainly("", part, depth - 1) for part in value]
        case _:
            return plain(redact(str(value)[:2_000]))


CARDS = ("4111111111111111", "CA4111111111111111", "CA 4111 1111 1111 1111", "my pin is 4711")
HOSTILE = st.one_of(
    st.sampled_from(CARDS),
    st.sampled_from(CARDS).map(lambda card: f"CA{card}00\x1b[2J"),
    st.text("CAabcdef0123456789", min_size=30, max_size=34).map(lambda sid: f"CA{sid}"),
    st.from_regex(r"[A-Z]{2}\d{2}[ -]?(\d{4} ?){2,5}", fullmatch=True),
    st.text("0123456789 -.", min_size=1, max_size=30),
    st.integers(-(10**17), 10**17),
    st.integers(10**12 - 9, 10**12 + 9),
    st.builds(StandIn, st.sampled_from(CARDS)),
    VALUES,
)
OUR_KEYS = ("call_sid", "event", "code", "reason", "logger", "level", "timestamp", "odd", "text")


@given(
    st.lists(st.dictionaries(st.sampled_from(OUR_KEYS), HOSTILE, max_size=4), max_size=3),
    st.booleans(),
)
@settings(max_examples=examples(400))
def test_what_is_not_searched_again_comes_out_as_if_it_were(
    events: list[dict[str, object]], nested: bool
) -> None:
    look = redaction(caller_data=False)
    for event in [*events, *events]:
        given = {"deep": event, "all": [event]} if nested else event
        wanted = {key: plainly(key, value) for key, value in given.items()}
        assert repr(look(None, "info", dict(given))) == repr(wanted)


@pytest.mark.parametrize("sid", ["CA4111111111111111", "4111 1111 1111 1111", "my pin is 4711"])
def test_requirement_d1_a_sid_that_hides_figures_is_redacted_every_time(
    pipe: Pipe, sid: str
) -> None:
    pipe.start()
    log = structlog.get_logger().bind(call_sid=sid)
    log.info("turn", level=sid, timestamp=sid)
    log.info(sid)
    first, second = pipe.read()
    assert first["call_sid"] == second["call_sid"] == second["event"] == redact(sid) != sid
    assert first["level"] == "info"
    assert sid not in json.dumps([first, second])


def test_no_short_number_is_anybodys() -> None:
    assert all(redact(str(sign * n)) == str(sign * n) for n in range(3_000) for sign in (1, -1))
    for length in range(4, CARD_LEAST):
        for number in range(0, 10**length, 10**length // 97 + 1):
            assert redact(str(number)) == str(number)
    assert redact("4222222222222") == "[card number]"


def strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from strings(part)
        case list():
            for part in value:
                yield from strings(part)


def test_endless_nesting_is_cut_off() -> None:
    deep: list[object] = []
    for _ in range(50):
        deep = [deep]
    safe = redaction(caller_data=False)(None, "info", {"deep": deep, "long": "x" * 10_000})
    assert isinstance(safe, dict)
    assert len(str(safe["long"])) == 2_000
    assert len(repr(safe)) < 3_000


def test_requirement_d1_with_caller_data_a_card_is_still_not_logged(pipe: Pipe) -> None:
    pipe.start(caller_data=True)
    said = "it's 4111 1111 1111 1111, and four two four two" + " four two" * 6
    structlog.get_logger().warning(
        "odd", caller_said=said, text=[said], number=4111111111111111, at=1763651135123, order=41
    )
    [line] = pipe.read()
    assert line["caller_said"] == line["text"][0] == "it's [card number], and [card number]"  # type: ignore[index]
    assert (line["number"], line["at"], line["order"]) == ("[card number]", 1763651135123, 41)


def test_requirement_d1_what_goes_over_the_sockets_is_not_logged(pipe: Pipe) -> None:
    pipe.start(level="debug")
    logging.getLogger("uvicorn.error").debug("< TEXT %s", "a caller's voice")
    logging.getLogger("uvicorn.error").info("started")
    assert [line["event"] for line in pipe.read()] == ["started"]
