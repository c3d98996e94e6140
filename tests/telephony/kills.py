"""Servers that die under their callers: nothing is done twice, nothing told is lost, all go on.

One round: two servers behind a router, several callers who each book an appointment; the server
that has them is killed at a random moment. `python -m tests.telephony.kills [kill points] [seed]`.
"""

import asyncio
import datetime as dt
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection

from agents.tasks import Tasks
from telephony.engines import pseudonyms
from telephony.media import ulaw
from telephony.simulator.dial import VOICE_PATH, SimulatedTwilio
from telephony.simulator.phone import EndedBy, PhoneReport
from telephony.transcripts.archive import Archive, StoredCall, transcript
from telephony.transcripts.entry import EndLine, SeatLine
from tests.fakes.realtime_script import FunctionCall, Reply, Script, hum
from tests.fakes.realtime_server import FakeRealtime
from tests.fakes.realtime_session import RealtimeSession
from tests.telephony.router import Router
from tests.telephony.served import Served, free_port
from tests.unasked import UNASKED
from tools.booking.bookings import Bookings
from tools.booking.shop import default_shop
from tools.store import open_store

AT_ONCE = 6
TIMES = ("10:00", "11:00", "14:00", "15:00")
_LETTERS = ("ee", "ake", "ong", "owe", "unt", "amb", "ark", "ord", "ush", "inn")
_LOUD = 200.0
_SPEECH = ulaw.encode(hum("caller", 700, 8_000))
_LONGEST_S = 60.0


class Mind:
    """The model's side of one caller, whichever session carries them."""

    def __init__(self, wish: dict[str, str], sessions: list[RealtimeSession]) -> None:
        """`sessions` are all the model's."""
        self.wish = wish
        self.numbers: list[int] = []
        """Of those that were this caller's."""
        self._all = sessions
        self.goodbyes = 0
        self._numbers = itertools.count(1)
        self._asked = False

    @property
    def told(self) -> bool:
        """A tool has said that it is booked."""
        sessions = (self._all[number] for number in self.numbers)
        sent = (each for session in sessions for each in session.client_events)
        return any(_status(each) == "done" for each in sent)

    def script(self) -> Script:
        first = ("A haircut, please.",) if not self.numbers else ()
        return Script(replies=self, caller=(*first, *["Yes, please."] * 40))

    def __iter__(self) -> Iterator[Reply]:
        self._asked = False
        while True:
            yield self._next()

    def _next(self) -> Reply:
        if self.told:
            self.goodbyes += 1
            return Reply("You are booked.", 900)
        self._asked = not self._asked
        if self._asked:
            wish = self.wish
            words = f"A haircut on {wish['date']} at {wish['time']} for {wish['name']}. Right?"
            return Reply(words, 1_500)
        book = FunctionCall("book_appointment", json.dumps(self.wish), self._new_id())
        return Reply("", calls=(book,))

    def _new_id(self) -> str:
        return f"call_{self.wish['name'].replace(' ', '')}_{next(self._numbers)}"


def _status(event: dict[str, Any]) -> str:
    item = event.get("item", {})
    if item.get("type") != "function_call_output":
        return ""
    try:
        return str(json.loads(item["output"]).get("status", ""))
    except (ValueError, AttributeError):
        return ""


class Minds(FakeRealtime):
    """A model that knows its callers apart by the pseudonym it is given of each."""

    def __init__(self) -> None:
        super().__init__()
        self.minds: dict[str, Mind] = {}

    async def _session(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        mind = self.minds[connection.request.headers["OpenAI-Safety-Identifier"]]
        self.script = mind.script()
        mind.numbers.append(len(self.sessions))
        await super()._session(connection)


class Patient:
    """A caller who says something whenever nobody speaks, until they are content."""

    def __init__(self, content: Callable[[], bool]) -> None:
        self._content = content
        self._quiet_ms = 0
        self._left = b""

    def heard(self, _now_ms: int, heard: bytes) -> None:
        level = float(np.abs(ulaw.decode(heard).astype(int)).mean())
        self._quiet_ms = 0 if level > _LOUD else self._quiet_ms + 20

    def frame(self, _now_ms: int) -> bytes:
        if not self._left and self._quiet_ms >= 1_800:
            self._left = _SPEECH
            self._quiet_ms = 0
        piece, self._left = self._left[:160], self._left[160:]
        return piece.ljust(160, b"\xff")

    def keys(self, _now_ms: int) -> str:
        return ""

    @property
    def hang_up(self) -> bool:
        return self._quiet_ms >= 1_000 and self._content()


class Round:
    """Two servers in one folder, and who calls them."""

    def __init__(self, folder: Path, calls: int, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.calls = calls
        self.served: list[Served] = []
        self.reports: list[PhoneReport] = []
        self.live_at_kill = 0
        self._tasks = Tasks(_failed)

    async def run(self, act: Callable[["Round"], Awaitable[None]]) -> None:
        """Place the calls, and `act` on the servers meanwhile."""
        async with (
            Minds() as model,
            Router([]) as router,
            SimulatedTwilio(router.address) as phone,
        ):
            self.phone, self.router, self.model = phone, router, model
            identify = pseudonyms(phone.auth_token)
            self.minds = [Mind(wish, model.sessions) for wish in _wishes(self.calls)]
            for number, mind in enumerate(self.minds):
                model.minds[identify(_number(number))] = mind
            try:
                self.served = [await self._start(), await self._start()]
                await self._live(act)
                await self._stop()
            finally:
                for each in self.served:
                    if each.process.returncode is None:
                        each.process.kill()
                await asyncio.gather(*(each.process.wait() for each in self.served))

    async def _start(self) -> Served:
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "FRONTDESK_PORT": str(port),
            "FRONTDESK_PUBLIC_URL": self.router.address,
            **UNASKED,
            "FRONTDESK_ENGINE": "realtime",
            "FRONTDESK_FALLBACKS": "none",
            "FRONTDESK_DATA_DIR": str(self.folder / "data"),
            "FRONTDESK_DRAIN_SECONDS": "1",
            "FRONTDESK_LOG_FORMAT": "json",
            "OPENAI_API_KEY": "sk-test-0123456789",
            "OPENAI_BASE_URL": self.model.base_url,
            "TWILIO_ACCOUNT_SID": self.phone.account_sid,
            "TWILIO_AUTH_TOKEN": self.phone.auth_token,
            "TWILIO_API_URL": self.phone.api_url,
        }
        with (self.folder / f"log{port}").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "telephony", "serve"),
                cwd=Path(__file__).parent.parent.parent,
                env=environment,
                stdout=log,
                stderr=log,
            )
        served = Served(process, f"http://127.0.0.1:{port}", self.folder / "data")
        async with asyncio.timeout(60):
            await served.ready()
        self.router.ports.append(port)
        return served

    async def _live(self, act: Callable[["Round"], Awaitable[None]]) -> None:
        calls = [
            self._tasks.start(f"call {number}", self._call(number)) for number in range(self.calls)
        ]
        await act(self)
        self.reports = list(await asyncio.gather(*calls))

    async def _call(self, number: int) -> PhoneReport:
        await asyncio.sleep(self.random.uniform(0.0, 4.0))
        mind = self.minds[number]
        return await self.phone.dial(
            Patient(lambda: mind.goodbyes > 0),
            from_number=_number(number),
            time_limit_s=_LONGEST_S,
            fallback_path=VOICE_PATH,
        )

    async def _stop(self) -> None:
        for each in self.served:
            if each.process.returncode is None:
                each.process.send_signal(signal.SIGTERM)
                assert await each.ended() == 0

    def balance(self, number: int) -> None:
        """Send nothing new to this server."""
        self.router.ports.remove(int(self.served[number].address.rpartition(":")[2]))


def _failed(_name: str, _error: BaseException) -> None:
    """Whoever gathers the calls is told."""


def _number(caller: int) -> str:
    return f"+1415555{1000 + caller}"


def _wishes(count: int) -> list[dict[str, str]]:
    """For each caller another appointment, at a time the example shop is open."""
    shop = default_shop()
    today = dt.datetime.now(shop.zone).date()
    days = [today + dt.timedelta(days=ahead) for ahead in range(1, 20)]
    slots = [(day, at) for day in days if shop.week[day.weekday()] for at in TIMES]
    return [
        {"service": "haircut", "date": f"{day:%Y-%m-%d}", "time": at, "name": f"Ann L{_LETTERS[n]}"}
        for n, (day, at) in enumerate(slots[:count])
    ]


async def kill(world: Round) -> None:
    """At a random moment, without a word."""
    await asyncio.sleep(world.random.uniform(2.0, 12.0))
    world.live_at_kill = len(world.phone.live_calls)
    world.served[0].process.kill()


async def restart(world: Round) -> None:
    """As a rolling restart does, one server after the other, while they talk."""
    await asyncio.sleep(5.0)
    world.live_at_kill = len(world.phone.live_calls)
    world.balance(0)
    world.served[0].process.send_signal(signal.SIGTERM)
    assert await world.served[0].ended() == 0


def judge(world: Round) -> list[str]:
    """What is wrong."""
    wrong: list[str] = []
    store = open_store(f"sqlite:///{world.folder / 'data' / 'frontdesk.db'}")
    bookings = Bookings(store, default_shop())
    records: dict[str, list[StoredCall]] = defaultdict(list)
    for stored in Archive(world.folder / "data").newest(10 * world.calls):
        records[stored.summary.call_id].append(stored)
    for report in world.reports:
        rows = bookings.of_call(report.call_sid)
        wrong += _wrong(report, len(rows), records[report.call_sid])
    store.close()
    return wrong


def _wrong(report: PhoneReport, booked: int, records: list[StoredCall]) -> list[str]:
    sid, found = report.call_sid, []
    if report.ended_by is not EndedBy.CALLER:
        found.append(f"{sid} ended by {report.ended_by}: {report.errors} {report.said}")
    if booked != 1:
        found.append(f"{sid} has {booked} bookings")
    if [each.summary.ended_reason for each in records] != ["caller_hung_up"]:
        found.append(f"{sid} is on record as {[each.summary.ended_reason for each in records]}")
        return found
    entries = transcript(records[0]).entries
    resumed = sum(isinstance(each, SeatLine) and each.why == "resumed" for each in entries)
    if sum(isinstance(each, EndLine) for each in entries) != 1:
        found.append(f"{sid} does not end once")
    if resumed != len(report.streams) - 1:
        found.append(f"{sid} had {len(report.streams)} streams and was resumed {resumed} times")
    return found


async def one(
    folder: Path, calls: int, seed: int, act: Callable[[Round], Awaitable[None]] = kill
) -> Round:
    """One round, judged: AssertionError with all that is wrong."""
    world = Round(folder, calls, seed)
    await world.run(act)
    wrong = judge(world)
    assert not wrong, f"seed {seed}:\n" + "\n".join(wrong)
    return world


async def main(points: int, seed: int) -> None:
    done = 0
    for number in itertools.count(seed):
        folder = Path(tempfile.mkdtemp(prefix="kills-"))
        try:
            world = await one(folder, AT_ONCE, number)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        done += world.live_at_kill
        gone_on = sum(len(report.streams) > 1 for report in world.reports)
        print(f"seed {number}: killed under {world.live_at_kill}, {gone_on} went on; {done} in all")
        if done >= points:
            return


if __name__ == "__main__":
    asyncio.run(main(*(int(each) for each in [*sys.argv[1:], "200", "1"][:2])))
