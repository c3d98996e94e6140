"""`frontdesk lab`: what callers of a server go through, ours or anybody's."""

import asyncio
import contextlib
import datetime as dt
import json
import os
import platform
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec
import uvloop

from telephony import logs
from telephony.cli.terminal import CommandFailed
from telephony.lab.own import own_target
from telephony.lab.phone import DialledTarget, DirectTarget, Target, TargetUnreachable
from telephony.lab.report import page
from telephony.lab.result import Result, Setting, as_json, table
from telephony.lab.run import LEAK_AFTER_S, NoSession, open_lab
from telephony.lab.scenarios import NETWORK_JITTER_MS, Scenario, scenarios
from telephony.settings import Settings, load
from telephony.simulator.dial import SimulatedTwilio
from telephony.simulator.pico import PicoFailed
from telephony.simulator.twiml import TwimlError, check_stream_url

_NAMES = tuple(scenario.name for scenario in scenarios())
_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}
_KNOCK_EVERY_S = 0.25


class Options(msgspec.Struct, frozen=True):
    """The command line."""

    target: str | None
    webhook: str | None
    parameters: tuple[str, ...]
    account_sid: str
    auth_token: str
    wait_s: float
    model_port: int
    hang_up_tool: str
    scenarios: tuple[str, ...]
    repeat: int
    at_once: int
    jitter_ms: int
    leak_after_s: float
    html: Path | None
    as_json: bool

    @property
    def chosen(self) -> tuple[Scenario, ...]:
        """In their own order; all, if none is named."""
        every = scenarios(self.jitter_ms)
        return tuple(one for one in every if one.name in (self.scenarios or _NAMES))


@click.command()
@click.option("--target", metavar="URL", help="Stream of another server: wss://host/path.")
@click.option("--webhook", metavar="URL", help="Its voice webhook, asked first, as Twilio does.")
@click.option(
    "--parameter", "parameters", metavar="NAME=VALUE", multiple=True,
    help="Custom parameter of the stream, where there is no webhook; may be repeated.",
)  # fmt: skip
@click.option("--auth-token", default="", help="Sign for the other server with this token.")
@click.option("--account-sid", default="", help="Call it from this account.")
@click.option(
    "--scenario", "scenarios", type=click.Choice(_NAMES), multiple=True,
    help="Only this one; may be repeated.",
)  # fmt: skip
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--at-once", default=4, show_default=True, type=click.IntRange(1, 50), help="Calls at a time."
)
@click.option(
    "--jitter-ms", default=NETWORK_JITTER_MS, show_default=True, type=click.IntRange(0, 500),
    help="Mean jitter each way, in the scenarios with a network.",
)  # fmt: skip
@click.option(
    "--model-port", default=0, type=click.IntRange(0, 65_535), help="Port of the lab's model."
)
@click.option("--hang-up-tool", default="", help="Name of its tool that ends calls.")
@click.option(
    "--wait", "wait_s", default=60.0, show_default=True, type=click.FloatRange(0, 3_600),
    help="Seconds to wait for the other server to be there.",
)  # fmt: skip
@click.option(
    "--leak-after", "leak_after_s", default=LEAK_AFTER_S, show_default=True,
    type=click.FloatRange(0, 120), help="Seconds a model session may outlive its call.",
)  # fmt: skip
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report as well."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def lab(context: click.Context, /, **_given: object) -> None:
    """Measure how a server takes interruptions: ours, or any that speaks Twilio's wire.

    The model behind the server is the lab's own. Without --target and --webhook our own service
    is started on this machine. Another server has to be told to use the lab's model: start it
    with the OPENAI_BASE_URL that is shown. See docs/lab.md.
    """
    options = msgspec.convert(context.params, Options)
    settings = load()
    sink = logs.set_up(level="error", form=settings.log_format, caller_data=False)
    try:
        result = uvloop.run(_measure(options, settings))
    except (TargetUnreachable, NoSession, PicoFailed) as problem:
        raise CommandFailed(str(problem)) from None
    finally:
        sink.close()
    if options.html is not None:
        options.html.write_text(page(result), encoding="utf-8")
    click.echo(json.dumps(as_json(result), indent=2) if options.as_json else table(result))


async def _measure(options: Options, settings: Settings) -> Result:
    started = dt.datetime.now(dt.UTC)
    async with (
        open_lab(options.model_port, options.hang_up_tool) as opened,
        _target(options, settings, opened.model.base_url) as target,
    ):
        outcome = await opened.run(
            target,
            options.chosen,
            _say,
            repeat=options.repeat,
            at_once=options.at_once,
            leak_after_s=options.leak_after_s,
        )
        setting = Setting(
            target=target.name,
            measured_at=started.isoformat(timespec="seconds"),
            machine=_machine(),
            repeat=options.repeat,
            at_once=options.at_once,
            jitter_ms=options.jitter_ms,
            scenarios=tuple((one.name, one.about) for one in options.chosen),
            leak_after_s=options.leak_after_s,
        )
        return Result(setting, outcome.figures, outcome.calls)


def _say(line: str) -> None:
    """Progress; standard output is for the result."""
    click.echo(line, err=True)


def _machine() -> str:
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    return f"{system}, Python {platform.python_version()}"


# ---- whom to call -----------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _target(options: Options, settings: Settings, base_url: str) -> AsyncGenerator[Target]:
    if options.webhook is None and options.target is None:
        async with own_target(settings, base_url) as own:
            yield own
        return
    _say(f"OPENAI_BASE_URL={base_url}")
    if options.webhook is not None:
        async with _dialled(options, options.webhook) as dialled:
            yield dialled
    else:
        url, parameters = _stream_url(options.target or ""), _parameters(options.parameters)
        await _wait_for(url, options.wait_s)
        yield DirectTarget(url, parameters, options.auth_token)


@contextlib.asynccontextmanager
async def _dialled(options: Options, webhook: str) -> AsyncGenerator[Target]:
    parts = urlsplit(webhook)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"--webhook {webhook} is not an https:// URL")
    stream = None if options.target is None else _stream_url(options.target)
    given = {"account_sid": options.account_sid, "auth_token": options.auth_token}
    twilio = SimulatedTwilio(
        f"{parts.scheme}://{parts.netloc}", **{name: it for name, it in given.items() if it}
    )
    async with twilio:
        _say(f"TWILIO_API_URL={twilio.api_url}")
        await _wait_for(webhook, options.wait_s)
        yield DialledTarget(twilio, webhook, stream)


def _stream_url(url: str) -> str:
    try:
        check_stream_url(url)
    except TwimlError as error:
        raise click.UsageError(f"--target {url}: {error.detail}") from None
    return url


def _parameters(given: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise click.UsageError(f"--parameter {wrong[0]}: write NAME=VALUE")
    return {name: value for name, _, value in pairs}


async def _wait_for(url: str, seconds: float) -> None:
    """Until somebody listens there; raises TargetUnreachable."""
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme]
    give_up_s = asyncio.get_running_loop().time() + seconds
    while not await _listens(parts.hostname or "", port):
        if asyncio.get_running_loop().time() >= give_up_s:
            raise TargetUnreachable(f"Nobody answered at {url} within {seconds:g} s.")
        await asyncio.sleep(_KNOCK_EVERY_S)


async def _listens(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 2.0)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
