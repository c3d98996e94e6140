"""`frontdesk try`: the real server, a simulated phone, one call."""

import asyncio
import datetime as dt
import json
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
import uvloop

from agents.local.models import ModelsMissing
from telephony.app import Service
from telephony.call.commands import CallCommand, Record
from telephony.call.events import CallEvent
from telephony.cli import trial_text
from telephony.cli.terminal import CommandFailed, style
from telephony.cli.trial import Trial, trial
from telephony.running import serving
from telephony.server import listen
from telephony.settings import Settings
from telephony.simulator.caller import Interrupted, Observation
from telephony.simulator.conversation import synthetic
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.ears import Ears
from telephony.simulator.phone import PhoneReport
from telephony.simulator.scenario import Goal, booking
from telephony.simulator.wav import write_wav
from telephony.transcripts import text
from telephony.transcripts.archive import Archive, StoredCall
from telephony.transcripts.entry import AnyEntry
from telephony.transcripts.files import TRANSCRIPT
from telephony.values import Secret
from tools.booking.bookings import Bookings
from tools.booking.calendar import bookable, free_chair

_TIMES = (
    ("three in the afternoon", dt.time(15), "three thirty", dt.time(15, 30)),
    ("ten in the morning", dt.time(10), "ten thirty", dt.time(10, 30)),
    ("two in the afternoon", dt.time(14), "two thirty", dt.time(14, 30)),
    ("eleven in the morning", dt.time(11), "eleven thirty", dt.time(11, 30)),
    ("four in the afternoon", dt.time(16), "four thirty", dt.time(16, 30)),
)
"""What the caller asks for first, and what it changes its mind to."""
_SERVICE = "haircut"
_WRITTEN_S = 10.0
_LOOK_EVERY_S = 0.05
_DRAIN_S = 3


def run(settings: Settings, *, once: bool, as_json: bool, record: Path | None) -> int:
    """Carry one call, or with a terminal as many as are wanted; the exit code."""
    stay = not once and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    screen = Screen(silent=as_json)
    try:
        uvloop.run(_try(settings, screen, record, stay=stay))
    except ModelsMissing as problem:
        raise CommandFailed(str(problem)) from None
    return 0


class Screen:
    """What a person sees of a trial; silent for programs."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent
        self._style = style()

    def say(self, line: str = "") -> None:
        if not self.silent:
            click.echo(line)

    def entry(self, entry: AnyEntry) -> None:
        if line := text.line(entry, self._style):
            self.say(line)

    def observation(self, seen: Observation) -> None:
        if isinstance(seen, Interrupted):
            said = f"(speaks up after {seen.talked_ms / 1000:.1f} s: {seen.text})"
            self.say(f"{text.clock(seen.at_ms)}  caller  {self._style.aside(said)}")

    def result(self, done: Trial) -> None:
        if self.silent:
            click.echo(json.dumps(msgspec.to_builtins(done), indent=2, ensure_ascii=False))
        else:
            click.echo(trial_text.summary(done))


async def _try(settings: Settings, screen: Screen, record: Path | None, *, stay: bool) -> None:
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ears = Ears()
    try:
        async with SimulatedTwilio(address) as carrier:
            await _serve_and_call(
                _for_trial(settings, address, carrier),
                listener,
                carrier,
                ears,
                screen,
                record,
                stay,
            )
    finally:
        await ears.close()


def _for_trial(settings: Settings, address: str, carrier: SimulatedTwilio) -> Settings:
    """The same deployment, on loopback, with the simulated account instead of a real one."""
    return msgspec.structs.replace(
        settings,
        host="127.0.0.1",
        public_url=address,
        twilio_account_sid=carrier.account_sid,
        twilio_auth_tokens=(Secret(carrier.auth_token),),
        twilio_api_url=carrier.api_url,
        drain_seconds=_DRAIN_S,
    )


async def _serve_and_call(
    settings: Settings,
    listener: socket.socket,
    carrier: SimulatedTwilio,
    ears: Ears,
    screen: Screen,
    record: Path | None,
    stay: bool,
) -> None:
    entries: list[AnyEntry] = []

    def watch(_id: str, _now: float, _event: CallEvent, commands: Sequence[CallCommand]) -> None:
        for command in commands:
            if isinstance(command, Record):
                entries.append(command.entry)
                screen.entry(command.entry)

    screen.say(f"Starting the server with the {settings.engine} engine ...")
    async with serving(settings, listener, watch) as service:
        await ears.load()
        while True:
            entries.clear()
            done = await _call(service, carrier, ears, screen, entries, record)
            screen.result(done)
            _check(done)
            if not stay or not await _again(screen, settings.public_url):
                return


async def _call(
    service: Service,
    carrier: SimulatedTwilio,
    ears: Ears,
    screen: Screen,
    entries: list[AnyEntry],
    record: Path | None,
) -> Trial:
    goal = await asyncio.to_thread(_free_goal, service)
    caller = await synthetic(booking(goal), ears, screen.observation)
    screen.say(f"Calling {service.shop.name} ...\n")
    try:
        report = await carrier.dial(caller)
    finally:
        await caller.close()
    if report.stream is None:
        raise CommandFailed(f"The call was not connected: {_why(report)}.")
    files = await _files(service, report, record)
    booked = await asyncio.to_thread(_booked, service, report.call_sid)
    return trial(report, entries, service.settings.engine, booked, files)


def _why(report: PhoneReport) -> str:
    problems = [f"{error.code} {error.detail}" for error in report.errors]
    return "; ".join([*problems, *report.said]) or report.ended_by.value


def _check(done: Trial) -> None:
    """A trial that books nothing has failed, whoever's fault it was."""
    if done.booking is None:
        raise CommandFailed(
            f"The call ended ({done.ended_reason}) without a booking; see "
            f"`frontdesk calls show {done.call_id}`."
        )


def _free_goal(service: Service) -> Goal:
    """A day and two times that can be booked, so that the trial can be run again and again."""
    shop, bookings, now = service.shop, Bookings(service.store, service.shop), service.clock()
    wanted = shop.service(_SERVICE)
    for first, first_time, second, second_time in _TIMES:
        for ahead in range(1, 7):
            day = now.date() + dt.timedelta(days=ahead)
            slots = {slot.local.time(): slot for slot in bookable(shop, wanted, day, now)}
            both = [slots[time] for time in (first_time, second_time) if time in slots]
            taken = bookings.taken(now, now + dt.timedelta(days=9))
            if len(both) == 2 and all(free_chair(shop, slot, taken) for slot in both):
                return Goal(service=_SERVICE, day=f"{day:%A}", time=first, changed_time=second)
    raise CommandFailed(
        "The next six days are booked out; point FRONTDESK_DATA_DIR to an empty folder."
    )


def _booked(service: Service, call_id: str) -> dict[str, Any] | None:
    """The booking of this call, as the database has it."""
    rows = Bookings(service.store, service.shop).of_call(call_id)
    if not rows:
        return None
    local = rows[-1].starts_at.astimezone(service.shop.zone)
    return {**msgspec.to_builtins(rows[-1]), "local": local.isoformat(timespec="minutes")}


async def _files(service: Service, report: PhoneReport, record: Path | None) -> dict[str, Path]:
    """Where the call's files lie, once they are whole."""
    call = await _written(Archive(service.settings.data_dir), report.call_sid)
    files = {"transcript": call.folder / TRANSCRIPT, "journal": call.journal}
    files |= {name.removesuffix(".wav"): path for name, path in call.recordings.items()}
    if record is not None and report.stream is not None:
        write_wav(record, report.stream.caller_ulaw, report.stream.heard_ulaw)
        files["record"] = record
    return files


async def _written(archive: Archive, call_id: str) -> StoredCall:
    """The call once its journal is whole; raises CommandFailed when that takes too long."""
    for _ in range(round(_WRITTEN_S / _LOOK_EVERY_S)):
        call = await asyncio.to_thread(archive.find, call_id)
        if call.finished:
            return call
        await asyncio.sleep(_LOOK_EVERY_S)
    raise CommandFailed(f"The journal of {call_id} was not written within {_WRITTEN_S:.0f} s.")


async def _again(screen: Screen, address: str) -> bool:
    """Keep serving; True when another call is wanted."""
    screen.say(f"\nStill serving on {address}. Press Enter to call again, Ctrl-C to stop.")
    loop = asyncio.get_running_loop()
    pressed: asyncio.Future[str] = loop.create_future()
    loop.add_reader(sys.stdin, _read_key(pressed))
    try:
        return bool(await pressed)
    finally:
        loop.remove_reader(sys.stdin)


def _read_key(pressed: "asyncio.Future[str]") -> Callable[[], None]:
    def read() -> None:
        if not pressed.done():
            pressed.set_result(sys.stdin.readline())

    return read
