"""Calls of several processes, watched from one console over their sockets."""

import asyncio
import contextlib
import os
import socket
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from agents.engine import CallerSpeechStarted, CallerTranscript
from agents.tasks import Tasks
from telephony.call.events import Act, CallerAudio, DtmfPressed, StreamStopped
from telephony.live import door
from telephony.live.desk import LiveDesk
from telephony.live.door import Door, address, sockets
from telephony.live.hub import Hub
from telephony.live.reader import Reader
from telephony.live.wire import AnyAnswer, Calls, Changes, Gone, Lines, Sound, line
from telephony.transcripts.entry import EndedReason
from tests.telephony.live_calls import OnCall


class Process:
    """One call process, as far as consoles can see."""

    def __init__(self, data_dir: Path) -> None:
        self.counted: Counter[str] = Counter()
        self.ringing: set[str] = set()
        self.hub = Hub(self.ringing.__contains__)
        self.door = Door(self.hub, data_dir, self._count)

    def _count(self, code: str) -> None:
        self.counted[code] += 1

    def call(self, call_id: str) -> OnCall:
        call = OnCall(self.hub, call_id)
        call.begins()
        return call


@contextlib.asynccontextmanager
async def processes(data_dir: Path, number: int = 1) -> AsyncGenerator[list[Process]]:
    made = [Process(data_dir) for _ in range(number)]
    for each in made:
        await each.door.open()
    yield made
    for each in made:
        await each.door.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[LiveDesk]:
    desk = LiveDesk(tmp_path)
    yield desk
    await desk.close()


def _broke(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


async def shown(reader: Reader, *call_ids: str) -> None:
    """Wait until these are the calls that a page of all calls shows."""
    rows: set[str] = set()
    async with asyncio.timeout(10.0):
        while True:
            for each in await reader.take():
                match each:
                    case Calls(calls):
                        rows = {call.call_id for call in calls}
                    case Changes(changes):  # only what names the caller makes a row
                        rows |= {fields["call_id"] for fields in changes if "caller" in fields}
                    case Gone(gone):
                        rows -= set(gone)
            if rows == set(call_ids):
                return


@contextlib.contextmanager
def frozen(data_dir: Path) -> Iterator[None]:
    """A process that is stopped: its socket takes connections, for the system does that, and says
    nothing. By its name it is asked first."""
    folder = data_dir / "live"
    folder.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with address(folder / "0-frozen.sock") as name:
            listener.bind(name)
        listener.listen()
        yield


async def until(reader: Reader, kind: type) -> AnyAnswer:
    async with asyncio.timeout(10.0):
        while True:
            for each in await reader.take():
                if isinstance(each, kind):
                    return each


async def test_calls_of_all_processes_stand_in_one_list(tmp_path: Path, desk: LiveDesk) -> None:
    async with processes(tmp_path, 2) as (one, other):
        assert await desk.calls() == []
        one.call("CA1")
        other.call("CA2")
        assert {view.call_id for view in await desk.calls()} == {"CA1", "CA2"}


async def test_a_watcher_sees_calls_begin_change_and_end_in_every_process(
    tmp_path: Path, desk: LiveDesk
) -> None:
    async with processes(tmp_path, 2) as (one, other):
        one.call("CA1")
        reader = Reader()
        await desk.join(reader)
        stand = await until(reader, Calls)
        assert isinstance(stand, Calls)
        assert [view.call_id for view in stand.calls] == ["CA1"]
        second = other.call("CA2")
        began = await until(reader, Changes)
        assert isinstance(began, Changes)
        assert began.changes[0]["call_id"] == "CA2"
        second.happens(CallerSpeechStarted("u1", 0))
        assert await until(reader, Changes) == Changes(({"call_id": "CA2", "floor": "caller"},))
        late = Reader()
        await desk.join(late)
        stand = await until(late, Calls)
        assert isinstance(stand, Calls)
        assert [(view.call_id, view.floor) for view in stand.calls][-1] == ("CA2", "caller")
        second.happens(StreamStopped())
        other.hub.over("CA2")
        assert await until(reader, Gone) == Gone(("CA2",))
        desk.leave(late)
        desk.leave(reader)


async def test_a_process_that_is_frozen_hides_no_call_of_others(
    tmp_path: Path, desk: LiveDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.live.desk.ANSWER_S", 0.5)
    async with processes(tmp_path) as (one,):
        with frozen(tmp_path):
            one.call("CA1")
            reader = Reader()
            await desk.join(reader)
            await shown(reader, "CA1")
            async with asyncio.timeout(10.0):
                assert isinstance(await anext(desk.follow("CA1")), Calls)
            assert [each async for each in desk.follow("CA9")] == [], "it may be there"
            desk.leave(reader)
        assert [each async for each in desk.follow("CA9")] == [Gone(("CA9",))]


async def test_a_process_that_has_missed_what_it_was_asked_is_asked_again(
    tmp_path: Path, desk: LiveDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.live.desk.ANSWER_S", 0.2)
    asked: list[bytes] = []

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        if len(asked) > 1:
            writer.write(line(Calls(one.hub.views())))
        await reader.read()
        writer.close()

    one = Process(tmp_path)
    one.call("CA1")
    (tmp_path / "live").mkdir()
    with address(tmp_path / "live" / "0-late.sock") as name:
        server = await asyncio.start_unix_server(late, name)
    async with server:
        reader = Reader()
        await desk.join(reader)
        await shown(reader, "CA1")
        desk.leave(reader)
    assert len(asked) == 2


async def test_who_joins_while_the_last_other_leaves_is_told_of_calls(
    tmp_path: Path, desk: LiveDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.live.desk.ANSWER_S", 0.5)
    async with processes(tmp_path) as (one,):
        with frozen(tmp_path):
            tasks, first, second = Tasks(_broke), Reader(), Reader()
            looks = tasks.start("first", desk.join(first))
            await asyncio.sleep(0.2)
            joins = tasks.start("second", desk.join(second))
            await looks
            desk.leave(first)
            await joins
            one.call("CA1")
            await shown(second, "CA1")
            desk.leave(second)
            assert desk._looking is None, "nobody wants to know"


async def test_who_goes_away_before_they_were_told_is_not_looked_for(
    tmp_path: Path, desk: LiveDesk
) -> None:
    with frozen(tmp_path):
        tasks = Tasks(_broke)
        tasks.start("join", desk.join(Reader()))
        await asyncio.sleep(0.1)
        await tasks.cancel_all()
    assert desk._looking is None


async def test_a_call_that_changes_its_process_stays_in_the_list(
    tmp_path: Path, desk: LiveDesk
) -> None:
    """As after a freeze: another has it, and the one that had it finds out later."""
    async with processes(tmp_path, 2) as (one, other):
        one.call("CA1")
        reader = Reader()
        await desk.join(reader)
        await shown(reader, "CA1")
        taken = other.call("CA1")
        await until(reader, Changes)
        one.hub.over("CA1", EndedReason.MIGRATED)
        (told,) = await reader.take()
        assert isinstance(told, Changes)
        assert told.changes[0]["caller"] == "+14155550100"
        taken.happens(CallerSpeechStarted("u1", 0))
        assert await until(reader, Changes) == Changes(({"call_id": "CA1", "floor": "caller"},))
        taken.happens(StreamStopped())
        other.hub.over("CA1")
        assert await until(reader, Gone) == Gone(("CA1",))


async def test_who_follows_a_call_that_changes_its_process_finds_it_there(
    tmp_path: Path, desk: LiveDesk
) -> None:
    async with processes(tmp_path, 2) as (one, other):
        one.call("CA1")
        answers = desk.follow("CA1")
        assert isinstance(await anext(answers), Calls)
        one.hub.over("CA1", EndedReason.MIGRATED)
        assert Gone not in [type(each) async for each in answers]
        other.call("CA1")
        assert isinstance(await anext(desk.follow("CA1")), Calls)


async def test_a_process_that_ends_takes_its_calls_with_it(tmp_path: Path, desk: LiveDesk) -> None:
    async with processes(tmp_path) as (one,):
        one.call("CA1")
        reader = Reader()
        await desk.join(reader)
        await until(reader, Calls)
        await one.door.close()
        assert await until(reader, Gone) == Gone(("CA1",))
        assert sockets(tmp_path) == []
        assert await desk.calls() == []


async def test_a_process_that_starts_later_is_found(tmp_path: Path, desk: LiveDesk) -> None:
    reader = Reader()
    await desk.join(reader)
    assert await until(reader, Calls) == Calls(())
    async with processes(tmp_path) as (one,):
        one.call("CA1")
        assert isinstance(await until(reader, Changes), Changes)


async def test_one_call_is_followed_where_it_is_until_it_ends(
    tmp_path: Path, desk: LiveDesk
) -> None:
    async with processes(tmp_path, 2) as (_, other):
        call = other.call("CA2")
        call.happens(CallerTranscript("u1", "Hello?"))
        answers = desk.follow("CA2")
        stand, before = await anext(answers), await anext(answers)
        assert isinstance(stand, Calls)
        assert isinstance(before, Lines)
        call.happens(CallerTranscript("u2", "Anybody?"))
        more = await anext(answers)
        assert isinstance(more, Lines)
        call.happens(StreamStopped())
        other.hub.over("CA2")
        assert [type(each) async for each in answers][-1] is Gone
        assert [each async for each in desk.follow("CA2")] == [Gone(("CA2",))]


async def test_a_call_that_rings_is_waited_for_where_it_will_be(
    tmp_path: Path, desk: LiveDesk
) -> None:
    async with processes(tmp_path, 2) as (_, other):
        other.ringing.add("CA2")
        answers = desk.follow("CA2")
        asyncio.get_running_loop().call_later(0.2, other.call, "CA2")
        assert isinstance(await anext(answers), Calls)
        await answers.aclose()


async def test_a_call_that_rings_too_long_is_not_called_gone(
    tmp_path: Path, desk: LiveDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.live.desk.ANSWER_S", 0.2)
    async with processes(tmp_path) as (one,):
        one.ringing.add("CA1")
        assert [each async for each in desk.follow("CA1")] == []
        async with asyncio.timeout(5.0):
            while one.hub._waiting:
                await asyncio.sleep(0.01)
        one.ringing.clear()
        assert [each async for each in desk.follow("CA1")] == [Gone(("CA1",))]


async def test_who_stops_following_is_forgotten(tmp_path: Path, desk: LiveDesk) -> None:
    async with processes(tmp_path) as (one,):
        call = one.call("CA1")
        answers = desk.follow("CA1")
        await anext(answers)
        await answers.aclose()
        async with asyncio.timeout(5.0):
            while one.hub._calls["CA1"].followers:
                await asyncio.sleep(0.01)
        call.happens(DtmfPressed("1"))
        assert one.counted == Counter()


async def test_a_call_is_listened_to_through_its_socket(tmp_path: Path, desk: LiveDesk) -> None:
    async with processes(tmp_path) as (one,):
        call = one.call("CA1")
        answers = desk.listen("CA1")
        assert isinstance(await anext(answers), Calls)
        call.wait(0.1).happens(CallerAudio(b"\x11" * 160, 80))
        assert await anext(answers) == Sound("caller", 640, b"\x11" * 160)
        await answers.aclose()


async def test_what_is_wanted_of_a_call_reaches_its_process(tmp_path: Path, desk: LiveDesk) -> None:
    async with processes(tmp_path, 2) as (_, other):
        other.call("CA2")
        assert await desk.do("CA2", Act.WHISPER, "ann", "Ask why.") == ""
        assert await desk.do("CA2", Act.TRANSFER, "ann", "nobody") == "impossible"
        assert await desk.do("CA9", Act.HANG_UP, "ann") == "gone"


async def test_a_console_that_does_not_read_is_let_go_and_the_others_are_not(
    tmp_path: Path, desk: LiveDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "SEND_S", 0.2)
    async with processes(tmp_path) as (one,):
        call = one.call("CA1")
        (path,) = sockets(tmp_path)
        with address(path) as name:
            reader, writer = await asyncio.open_unix_connection(name)
        writer.write(b'{"type":"listen","call_id":"CA1"}\n')
        assert await reader.readline()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        answers = desk.follow("CA1")
        await anext(answers)
        piece = b"\x11" * 16_000
        async with asyncio.timeout(20.0):
            while one.hub._calls["CA1"].listeners:
                call.happens(CallerAudio(piece, 0))
                await asyncio.sleep(0.001)
        call.happens(CallerTranscript("u1", "Hello?"))
        async with asyncio.timeout(5.0):
            assert isinstance(await anext(answers), Lines | Changes)
        await answers.aclose()
        writer.close()


@pytest.mark.parametrize("said", [b"", b"\n", b"{}\n", b"GET / HTTP/1.1\r\n\r\n", b"x" * 20_000])
async def test_nonsense_at_the_socket_is_let_go(tmp_path: Path, said: bytes) -> None:
    async with processes(tmp_path) as (one,):
        (path,) = sockets(tmp_path)
        with address(path) as name:
            reader, writer = await asyncio.open_unix_connection(name)
        writer.write(said)
        writer.write_eof()
        async with asyncio.timeout(5.0):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        assert one.hub.views() == ()


async def test_only_the_service_s_user_can_reach_it(tmp_path: Path) -> None:
    async with processes(tmp_path):
        (path,) = sockets(tmp_path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_what_a_killed_process_left_is_passed_over_and_taken_away(
    tmp_path: Path, desk: LiveDesk
) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    with address(folder / "1-dead.sock") as name:
        subprocess.run(
            [sys.executable, "-c", f"import socket; socket.socket(1).bind({name!r})"],
            check=True,
            pass_fds=[int(name.split("/")[4])] if name.startswith("/proc") else [],
        )
    (folder / "2-odd.sock").write_text("no socket")
    assert await desk.calls() == []
    reader = Reader()
    await desk.join(reader)
    assert await until(reader, Calls) == Calls(())
    async with processes(tmp_path) as (one,):
        assert "1-dead.sock" not in [path.name for path in sockets(tmp_path)]
        one.call("CA1")
        assert len(await desk.calls()) == 1


async def test_a_process_that_talks_nonsense_is_left_out(tmp_path: Path, desk: LiveDesk) -> None:
    async def nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"type":"calls","calls":[{"call_id":7}]}\n')
        await writer.drain()

    async with processes(tmp_path) as (one,):
        one.call("CA1")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with address(tmp_path / "live" / "0-odd.sock") as name:
            listener.bind(name)
        async with await asyncio.start_unix_server(nonsense, sock=listener):
            assert [view.call_id for view in await desk.calls()] == ["CA1"]
            reader = Reader()
            await desk.join(reader)
            stand = await until(reader, Calls)
            assert isinstance(stand, Calls)
            assert [view.call_id for view in stand.calls] == ["CA1"]


async def test_a_folder_of_any_length_will_do(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    desk = LiveDesk(deep)
    async with processes(deep) as (one,):
        one.call("CA1")
        assert len(await desk.calls()) == 1
    await desk.close()


async def test_without_its_socket_a_process_answers_calls_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "live").write_text("in the way")
    process = Process(tmp_path)
    await process.door.open()
    assert process.counted["live_door_shut"] == 1
    process.call("CA1")
    assert len(process.hub.views()) == 1
    await process.door.close()
    assert os.listdir(tmp_path) == ["live"]  # noqa: PTH208
