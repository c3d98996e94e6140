"""`frontdesk try`: the real server, a simulated phone, one call."""

import asyncio
import contextlib
import datetime as dt
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec
import uvloop

from agents.engine import EngineFailed
from agents.local.models import ModelsMissing
from agents.tasks import Tasks
from telephony.app import Service
from telephony.call.commands import CallCommand, Record
from telephony.call.events import CallEvent
from telephony.cli import trial_text
from telephony.cli.errand import Errand, free_errand
from telephony.cli.live import Live, screen_console
from telephony.cli.terminal import CommandFailed, style
from telephony.cli.trial import Trial, problem, trial
from telephony.frontoffice import welcome
from telephony.running import serving
from telephony.samplecall import put_sample
from telephony.server import listen
from telephony.settings import Settings, check_folders
from telephony.simulator.conversation import synthetic
from telephony.simulator.dial import SimulatedTwilio, new_sid
from telephony.simulator.ears import Ears
from telephony.simulator.phone import PhoneReport
from telephony.simulator.pico import PicoFailed
from telephony.simulator.scenario import booking
from telephony.simulator.wav import write_wav
from telephony.transcripts.archive import Archive, NotFound, StoredCall
from telephony.transcripts.entry import AnyEntry
from telephony.transcripts.files import TRANSCRIPT
from telephony.transcripts.text import Style
from telephony.values import Secret
from tools.booking.bookings import Bookings
from tools.elapsed import time_after
from tools.store import Store

_DAY = dt.timedelta(days=1)
_WRITTEN_S = 10.0
_LOOK_EVERY_S = 0.05
_DRAIN_S = 3
TERMINATED = 128 + signal.SIGTERM
CONSENT = "FRONTDESK_RECORDING_CONSENT"
_OWN = (
    "FRONTDESK_HOST",
    "FRONTDESK_PORT",
    "FRONTDESK_PUBLIC_URL",
    "FRONTDESK_CONSOLE",
    "FRONTDESK_CONSOLE_URL",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_API_URL",
    "FRONTDESK_DRAIN_SECONDS",
    "FRONTDESK_LOST_SECONDS",
)
"""What a trial sets, whatever the environment says."""


def run(settings: Settings, *, once: bool, as_json: bool, record: Path | None) -> int:
    """Carry one call, or with a terminal as many as are wanted; the exit code."""
    stay = not once and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    if record is not None and not os.access(record.absolute().parent, os.W_OK):
        raise CommandFailed(f"The recording cannot be written to {record.absolute().parent}.")
    if stay:
        # The console is open meanwhile, and a first look at it should find something.
        check_folders(settings)
        put_sample(settings.data_dir)
    screen = Screen(silent=as_json)
    try:
        uvloop.run(_try(settings, screen, record, stay=stay))
    except (ModelsMissing, PicoFailed) as missing:
        raise CommandFailed(str(missing)) from None
    except asyncio.CancelledError:
        return TERMINATED
    return 0


class Screen:
    """What a person sees of a trial; silent for programs, who get one JSON object."""

    def __init__(self, *, silent: bool) -> None:
        styled = style() is Style.ANSI
        self.live = None if silent else Live(screen_console(styled=styled))
        self.entries: list[AnyEntry] = []
        self.engine_failure = ""
        """Why the engine gave up, as it says itself."""
        self._call_id = ""

    def say(self, line: str = "") -> None:
        if self.live is not None:
            self.live.say(line)

    def begin(self, call_id: str) -> None:
        """This call is about to begin."""
        self._call_id = call_id
        self.entries.clear()
        self.engine_failure = ""

    def watch(
        self, call_id: str, _now: float, event: CallEvent, commands: Sequence[CallCommand]
    ) -> None:
        """Sees everything the call does; not others, which people make in the console meanwhile
        and may not have agreed to be recorded."""
        if call_id != self._call_id:
            return
        entries = [command.entry for command in commands if isinstance(command, Record)]
        self.entries += entries
        if isinstance(event, EngineFailed):
            self.engine_failure = event.reason
        if self.live is not None:
            for entry in entries:
                self.live.entry(entry)
            self.live.event(event)

    def result(self, done: Trial) -> None:
        if self.live is None:
            click.echo(json.dumps(msgspec.to_builtins(done), indent=2, ensure_ascii=False))
        else:
            self.live.say(f"\n{trial_text.summary(done)}")


async def _try(settings: Settings, screen: Screen, record: Path | None, *, stay: bool) -> None:
    task = asyncio.current_task()
    assert task is not None, "runs on the loop"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with SimulatedTwilio(address) as carrier:
        deployed = for_trial(settings, address, carrier)
        await _serve_and_call(deployed, listener, carrier, screen, record, stay)


def for_trial(settings: Settings, address: str, carrier: SimulatedTwilio) -> Settings:
    """The same deployment, on loopback, with the simulated account instead of a real one."""
    consent = consent_in_trial(settings)
    own = (*_OWN, *([CONSENT] if consent != settings.recording_consent else []))
    return msgspec.structs.replace(
        settings,
        sources={**settings.sources, **dict.fromkeys(own, "frontdesk try")},
        host="127.0.0.1",
        port=urlsplit(address).port,
        public_url=address,
        console="on",
        console_url=None,
        twilio_account_sid=carrier.account_sid,
        twilio_auth_tokens=(Secret(carrier.auth_token),),
        twilio_api_url=carrier.api_url,
        drain_seconds=_DRAIN_S,
        # Nobody asks after a phone of our own that is gone.
        lost_seconds=0,
        recording_consent=consent,
    )


def consent_in_trial(settings: Settings) -> str:
    """A caller of ours need not be asked, unless somebody has said so to see how that is."""
    unsaid = settings.sources[CONSENT] == "default"
    return "none" if unsaid else settings.recording_consent


async def _serve_and_call(
    settings: Settings,
    listener: socket.socket,
    carrier: SimulatedTwilio,
    screen: Screen,
    record: Path | None,
    stay: bool,
) -> None:
    ears, tasks = Ears(), Tasks(_nobody)
    screen.say(_starting(settings))
    learning = tasks.start("ears", ears.load())
    try:
        async with serving(settings, listener, screen.watch) as service:
            await learning
            await calls(
                lambda: _call(service, carrier, ears, screen, record),
                (lambda: _again(screen, settings, service.store)) if stay else None,
                screen.say,
            )
    finally:
        await tasks.cancel_all()
        await ears.close()


async def calls(
    call: Callable[[], Awaitable[None]],
    again: Callable[[], Awaitable[bool]] | None,
    say: Callable[[str], None],
) -> None:
    """One call, or with `again` as many as are wanted; raises CommandFailed of an only one."""
    while True:
        try:
            await call()
        except CommandFailed as failed:
            # Somebody may have stepped in from the console, which is to go on.
            if again is None:
                raise
            say(f"\n{failed}")
        if again is None or not await again():
            return


def _starting(settings: Settings) -> str:
    models = {
        "realtime": settings.model,
        "turns": settings.turns_model,
        "live": settings.live_model,
    }
    if (model := models.get(settings.engine)) is not None:
        return f"Starting the server with {model} at {settings.openai_base_url} ..."
    return "Starting the server, loading the embedded engine and the caller's ears ..."


async def _call(
    service: Service, carrier: SimulatedTwilio, ears: Ears, screen: Screen, record: Path | None
) -> None:
    """One call and what came of it on the screen. Raises CommandFailed unless all went well."""
    call_id = new_sid("CA")
    screen.begin(call_id)
    errand = await asyncio.to_thread(_errand, service)
    screen.say("Recording the caller's lines ...")
    observe = screen.live.observation if screen.live else _nobody
    caller = await synthetic(booking(errand.goal), ears, observe)
    screen.say(f"Calling {service.shop.name} ...\n")
    try:
        report = await carrier.dial(caller, call_sid=call_id)
    finally:
        await caller.close()
    if report.stream is None:
        raise CommandFailed(f"The call was not connected: {_why(report)}.")
    call = await _stored(Archive(service.settings.data_dir), report.call_sid)
    files = await asyncio.to_thread(_files, call, report, record)
    booked = await asyncio.to_thread(_booked, service, report.call_sid)
    engine = service.settings.engine
    done = trial(report, screen.entries, engine, errand.asked, booked, files)
    screen.result(done)
    if failure := _engine(screen, engine) or _storage(service, call) or problem(done):
        raise CommandFailed(f"{failure} See `frontdesk calls show {done.call_id}`.")


def _nobody(*_seen: object) -> None:
    """Looks on; whoever awaits a task learns of its failure there."""


def _why(report: PhoneReport) -> str:
    """The first thing that went wrong; what follows from it is of no use to anybody."""
    problems = [f"{error.code} {error.detail}" for error in report.errors]
    return next(iter([*problems, *report.said]), report.ended_by.value)


def _engine(screen: Screen, engine: str) -> str:
    if not screen.engine_failure:
        return ""
    return (
        f"The {engine} engine failed ({screen.engine_failure});"
        " `frontdesk doctor --online` says whether its settings are of use."
    )


def _errand(service: Service) -> Errand:
    """A day and two times that can be booked, so that the trial can be run again and again."""
    shop, now = service.shop, service.clock()
    last = time_after(now, (shop.days_ahead + 2) * _DAY)
    taken = Bookings(service.store, shop).taken(now, last, now)
    errand = free_errand(shop, taken, now)
    if errand is None:
        raise CommandFailed(
            "There is no free time left to ask for; point FRONTDESK_DATA_DIR to an empty folder."
        )
    return errand


def _booked(service: Service, call_id: str) -> dict[str, Any] | None:
    """The booking of this call, as the database has it."""
    rows = Bookings(service.store, service.shop).of_call(call_id)
    if not rows:
        return None
    local = rows[-1].starts_at.astimezone(service.shop.zone)
    return {**msgspec.to_builtins(rows[-1]), "local": local.isoformat(timespec="minutes")}


def _files(call: StoredCall | None, report: PhoneReport, record: Path | None) -> dict[str, Path]:
    """Where the call's files lie."""
    files = {}
    if call is not None:
        files = {"transcript": call.folder / TRANSCRIPT, "journal": call.journal}
        files |= {name.removesuffix(".wav"): path for name, path in call.recordings.items()}
    if record is not None and report.stream is not None:
        write_wav(record, report.stream.caller_ulaw, report.stream.heard_ulaw)
        files["record"] = record.absolute()
    return files


async def _stored(archive: Archive, call_id: str) -> StoredCall | None:
    """The call as soon as its journal is whole; as it is, or None, when that takes too long."""
    found = None
    for _ in range(round(_WRITTEN_S / _LOOK_EVERY_S)):
        with contextlib.suppress(NotFound):
            found = await asyncio.to_thread(archive.find, call_id)
        if found is not None and found.finished:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    return found


def _storage(service: Service, call: StoredCall | None) -> str:
    """What of the call could not be kept; empty when all of it was."""
    if call is not None and call.finished and not call.summary.dropped:
        return ""
    codes = (code.partition(".") for code in service.counters)
    troubles = [code for kind, _, code in codes if kind == "journal"]
    return f"The call could not be stored whole ({', '.join(troubles) or 'no end was written'})."


async def _again(screen: Screen, settings: Settings, store: Store) -> bool:
    """Keep serving; True when another call is wanted."""
    link = await asyncio.to_thread(welcome, settings, store)
    screen.say(serving_on(settings.public_url, link))
    loop = asyncio.get_running_loop()
    pressed: asyncio.Future[str] = loop.create_future()
    loop.add_reader(sys.stdin, _read_key(pressed))
    try:
        return (await pressed).strip().lower() != "q"
    finally:
        loop.remove_reader(sys.stdin)


def serving_on(address: str, link: str | None) -> str:
    """Where to look and call while the server goes on; `link` as long as nobody can sign in."""
    first = ". Choose a password first; the link is good once, within a day" if link else ""
    return (
        f"\nThis call is in the console{first}:\n\n  {link or f'{address}/console/'}\n\n"
        f"Still serving on {address}: the console is /console/, the voice webhook"
        " /twilio/voice, the health check /healthz.\nEnter: call again.  q, Enter: stop."
        "  `frontdesk doctor` says what a real number needs."
    )


def _read_key(pressed: "asyncio.Future[str]") -> Callable[[], None]:
    def read() -> None:
        if not pressed.done():
            # The end of the input means that nobody is there any more.
            pressed.set_result(sys.stdin.readline() or "q")

    return read
