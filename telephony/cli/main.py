"""The `frontdesk` command: its subcommands, and what each way of failing looks like."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from agents.local.models import ModelsMissing
from telephony import logs
from telephony.cli import serve as serving
from telephony.cli import try_call as trying
from telephony.cli.audit import audit
from telephony.cli.calendar import calendar
from telephony.cli.calls import calls
from telephony.cli.callsdelete import delete
from telephony.cli.config import config
from telephony.cli.console import console
from telephony.cli.contacts import contacts, tasks
from telephony.cli.doctor import doctor
from telephony.cli.inbox import callbacks, messages
from telephony.cli.init import init
from telephony.cli.lab import lab
from telephony.cli.replay import replay_call
from telephony.cli.retention import retention
from telephony.cli.subject import subject
from telephony.cli.terminal import BAD_CONFIGURATION, CommandFailed, complain
from telephony.cli.tools import tools
from telephony.cli.waiting import waiting
from telephony.cli.webhooks import webhooks
from telephony.settings import Settings, load
from telephony.transcripts.archive import NotFound
from telephony.workers.addresses import MOST_WORKERS
from telephony.workers.joining import parse as parse_joining
from tools.config import ConfigError
from tools.spec import BackendError
from tools.versions.spec import NoVersion

INTERRUPTED = 130
"""128 and SIGINT, as shells have it."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def frontdesk() -> None:
    """Answers phone calls with an AI voice agent.

    \b
    frontdesk try      hear it work: a simulated call, no account and no key needed
    frontdesk doctor   what is set, what is missing, and how to mend it
    frontdesk init     files to say what can be booked, who answers, and what it may do
    frontdesk tools    check these files, and run their examples
    frontdesk serve    answer real calls

    Settings come from the environment and from a file named .env in the current folder;
    `frontdesk doctor` lists them all. Exit codes: 0 fine, 1 failed, 2 wrong usage,
    78 bad configuration.
    """


@frontdesk.command()
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_WORKERS),
    help="So many processes answer on the one port; FRONTDESK_WORKERS if not given.",
)
@click.option("--joining", hidden=True)
def serve(workers: int | None, joining: str | None) -> int:
    """Answer calls until told to stop.

    SIGTERM, Ctrl-C or a closed terminal takes no more calls and lets live ones finish, for
    FRONTDESK_DRAIN_SECONDS at most; a second signal ends them at once, politely.
    """
    settings = load()
    given = None if joining is None else parse_joining(joining)
    worker = None if given is None else given.index
    sink = _logs(settings, settings.log_level, worker)
    try:
        if given is not None:
            return serving.run_worker(settings, given)
        return serving.run(settings, workers or settings.workers)
    finally:
        sink.close()


@frontdesk.command("try")
@click.option("--once", is_flag=True, help="End after the call; the default without a terminal.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, nothing else.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the call as a stereo WAV: caller left, agent as heard right.",
)
def try_call(once: bool, as_json: bool, record: Path | None) -> int:
    """Start the server on this machine and let a simulated caller book an appointment.

    Shows the conversation as it happens, then what was booked and where transcript and
    recordings lie.
    """
    settings = load()
    # A conversation is on the screen: only what went wrong may stand between its lines.
    sink = _logs(settings, max(settings.log_level, "warning", key=_LEVELS.index))
    try:
        return trying.run(settings, once=once, as_json=as_json, record=record)
    finally:
        sink.close()


frontdesk.add_command(audit)
frontdesk.add_command(calendar)
frontdesk.add_command(callbacks)
frontdesk.add_command(calls)
frontdesk.add_command(contacts)
frontdesk.add_command(config)
frontdesk.add_command(console)
frontdesk.add_command(doctor)
frontdesk.add_command(init)
frontdesk.add_command(lab)
frontdesk.add_command(messages)
frontdesk.add_command(replay_call)
frontdesk.add_command(retention)
frontdesk.add_command(subject)
calls.add_command(delete)
frontdesk.add_command(tasks)
frontdesk.add_command(tools)
frontdesk.add_command(waiting)
frontdesk.add_command(webhooks)

_LEVELS = ("debug", "info", "warning", "error")


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. Expected failures are one line on stderr."""
    try:
        code = frontdesk.main(list(arguments), prog_name="frontdesk", standalone_mode=False)
        sys.stdout.flush()
    except ConfigError as error:
        for problem in error.problems:
            complain(str(problem))
        return BAD_CONFIGURATION
    except (CommandFailed, NotFound, NoVersion, BackendError, ModelsMissing) as error:
        complain(str(error))
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        complain(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        return 1
    return int(code or 0)


def _logs(settings: Settings, level: str, worker: int | None = None) -> logs.LogSink:
    form, caller_data = settings.log_format, settings.log_caller_data
    return logs.set_up(level=level, form=form, caller_data=caller_data, worker=worker)


def _reader_gone() -> int:
    """`frontdesk calls list | head`: leave quietly, and keep Python from flushing once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
