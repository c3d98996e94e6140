"""What `frontdesk doctor` looks at: each check finds things that are well, odd or broken."""

import re
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa

import agents
import telephony
import tools
from telephony.cli.tools import read
from telephony.line import FILE as LINE_FILE
from telephony.linefile import load_line
from telephony.server import listen
from telephony.settings import Settings
from telephony.values import LOOPBACK
from telephony.versioned import versions_of
from tools.booking.shop import FILE as SHOP_FILE
from tools.booking.shopfile import find_shop
from tools.config import ConfigError
from tools.crm.config import FILE as CRM_FILE
from tools.crm.crmfile import load_crm
from tools.migrate import Fit, fit, revision_of
from tools.spec import BackendError
from tools.store import open_store, sqlite_file
from tools.versions.files import digest
from tools.versions.folder import look
from tools.versions.versions import Versions

OLDEST_PYTHON = (3, 11)
LITTLE_SPACE_BYTES = 1 << 30
FILES_PER_CALL = 12
"""Sockets, recordings and journal of one call, with room to spare."""


class Level(Enum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor's report."""

    subject: str
    level: Level
    what: str
    cure: str = ""
    place: str = ""
    """Of a mistake in a file of the configuration folder: where, and what; told once."""


Check = Callable[[Settings], Iterator[Finding]]


def well(subject: str, what: str) -> Finding:
    return Finding(subject, Level.OK, what)


def odd(subject: str, what: str, cure: str) -> Finding:
    return Finding(subject, Level.WARNING, what, cure)


def broken(subject: str, what: str, cure: str) -> Finding:
    return Finding(subject, Level.PROBLEM, what, cure)


def mistaken(settings: Settings, subject: str, error: ConfigError, besides: str = "") -> Finding:
    """A mistake in a file, which more than one check may meet."""
    place = f"{error.where.removeprefix(f'{settings.config_dir}/')}: {error.what}"
    what = f"{error.where}: {error.what}{besides}"
    return Finding(subject, Level.PROBLEM, what, error.hint, place)


def python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= OLDEST_PYTHON:
        yield well("python", version)
    else:
        yield broken("python", f"{version} is too old", "Install Python 3.11 or newer")


def packages() -> Iterator[Finding]:
    """Wheels named `agents` and `tools` exist; installed beside us they would be taken for ours."""
    ours = Path(str(telephony.__file__)).parent.parent
    strangers = [
        str(package.__file__)
        for package in (agents, tools)
        if Path(str(package.__file__)).parent.parent != ours
    ]
    if strangers:
        cure = "Uninstall the package they belong to, e.g. pip uninstall openai-agents"
        yield broken("packages", f"not ours: {', '.join(strangers)}", cure)
    else:
        yield well("packages", str(ours))


def unknown_settings(settings: Settings) -> Iterator[Finding]:
    for sentence in settings.unknown:
        yield odd("settings", sentence, "Correct its name or remove it")


def nearest(folder: Path) -> Path:
    """What is there of it, be it only `/`. Raises OSError where it cannot be looked."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def data_dir(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.absolute()
    there = folder
    try:
        there = nearest(folder)
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        cure = "Give this user the right to write there, or set FRONTDESK_DATA_DIR"
        yield broken("data folder", f"{there} cannot be written ({error.strerror})", cure)
        return
    free = shutil.disk_usage(there).free
    if free < LITTLE_SPACE_BYTES:
        what = f"{folder} has {free >> 20} MB left; a call stores about 4 MB a minute"
        yield odd("data folder", what, "Make room, or set FRONTDESK_DATA_DIR")
    else:
        yield well("data folder", f"{folder}, {free >> 30} GB free")


def address(settings: Settings) -> Iterator[Finding]:
    place = f"{settings.host}:{settings.port}"
    try:
        listen(settings.host, settings.port).close()
    except OSError as error:
        what = f"{place} cannot be had ({error.strerror})"
        cure = "Fine while frontdesk serve runs; otherwise set FRONTDESK_HOST and FRONTDESK_PORT"
        yield odd("address", what, f"{cure} to an address that is free")
    else:
        yield well("address", f"{place} is free")


def public_url(settings: Settings) -> Iterator[Finding]:
    if urlsplit(settings.public_url).hostname in LOOPBACK:
        what = f"{settings.public_url} reaches nobody but this machine"
        cure = "Fine for frontdesk try; for Twilio set FRONTDESK_PUBLIC_URL=https://your.host"
        yield odd("public URL", what, cure)
    else:
        yield well("public URL", f"{settings.public_url}; Twilio's webhook is /twilio/voice there")


def twilio(settings: Settings) -> Iterator[Finding]:
    tokens = [token.reveal() for token in settings.twilio_auth_tokens]
    missing_names = [
        name
        for name, value in (
            ("TWILIO_ACCOUNT_SID", settings.twilio_account_sid),
            ("TWILIO_AUTH_TOKEN", tokens),
        )
        if not value
    ]
    if missing_names:
        what = f"{' and '.join(missing_names)} not set"
        cure = "Fine for frontdesk try; for Twilio take them from console.twilio.com"
        # One without the other is no choice but a mistake.
        found = odd if len(missing_names) == 2 else broken
        yield found("Twilio", what, cure)
    else:
        yield well("Twilio", f"account {settings.twilio_account_sid}, {len(tokens)} auth token(s)")
    if any(re.fullmatch(r"[0-9a-f]{32}", token) is None for token in tokens):
        what = "an auth token does not look like one (32 hexadecimal digits)"
        yield odd("Twilio", what, "Copy TWILIO_AUTH_TOKEN again; it is not the API key's secret")
    parts = urlsplit(settings.twilio_api_url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        yield broken("Twilio", "the auth token would travel unencrypted", "Unset TWILIO_API_URL")


def config_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.config_dir.absolute()
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        if settings.sources["FRONTDESK_CONFIG_DIR"] == "default":
            yield well("config folder", f"{folder} is not there: the built-in defaults hold")
            return
        yield broken("config folder", f"{folder} is not there", "Run frontdesk init to make it")
    except OSError as error:
        cure = "Set FRONTDESK_CONFIG_DIR to a folder that the user that runs Frontdesk may read"
        yield broken("config folder", f"{folder} cannot be read ({error.strerror})", cure)
    else:
        yield well("config folder", f"{folder}: {', '.join(names) or 'empty'}")


def shop(settings: Settings) -> Iterator[Finding]:
    try:
        found = find_shop(settings.config_dir)
    except ConfigError as error:
        yield mistaken(settings, "shop", error)
        return
    if found is None:
        what = "there is no shop.yaml: the built-in example shop answers"
        yield odd("shop", what, "Run frontdesk init and change the shop.yaml it writes")
    else:
        yield well("shop", f"{found.name}: {len(found.services)} services, zone {found.zone}")
        for each in found.calendars:
            try:
                settings.secrets.get(each.password, SHOP_FILE)
            except ConfigError as error:
                what = f"the password of {each.resource}'s: {error.where} {error.what}"
                yield broken("calendars", what, error.hint)


def telephone_line(settings: Settings) -> Iterator[Finding]:
    try:
        line = load_line(settings.config_dir)
    except ConfigError as error:
        yield mistaken(settings, "telephone line", error)
        return
    if not line.human and not line.voicemail.enabled:
        what = "when the agent fails, callers reach neither a person nor voicemail"
        cure = "Name a target as human in phone.yaml, or enable voicemail there"
        yield odd("telephone line", what, cure)
        return
    targets = ", ".join(line.transfers) or "none"
    person = line.human or ("voicemail" if line.voicemail.enabled else "")
    yield well("telephone line", f"transfer targets: {targets}; a person: {person}")


def config_versions(settings: Settings) -> Iterator[Finding]:
    """What calls go by, and whether the folder holds something else."""
    try:
        file = sqlite_file(settings.database_url.reveal())
        if file is not None and not file.exists():
            return
        store = open_store(settings.database_url.reveal())
        try:
            if fit(revision_of(store)) is Fit.SAME:
                yield from _config_versions(settings, versions_of(settings, store))
        finally:
            store.close()
    except (ConfigError, BackendError, sa.exc.SQLAlchemyError):
        return  # told with the database


def _config_versions(settings: Settings, versions: Versions) -> Iterator[Finding]:
    at = versions.pointers()
    if at.published is None:
        yield well("config versions", "none yet: the first start makes one")
        return
    version, files = versions.version(at.published), versions.files(at.published)
    what = f"version {version.id} is published: {version.author}, {version.at:%Y-%m-%d %H:%M} UTC"
    if errors := versions.errors(files):
        cure = "Run frontdesk config rollback, or mend it and publish that"
        yield broken("config versions", f"{what}; but {errors[0]}", cure)
    else:
        yield well("config versions", what)
    yield from _folder_beside(settings, versions)


def _folder_beside(settings: Settings, versions: Versions) -> Iterator[Finding]:
    at, seen = versions.pointers(), look(settings.config_dir)
    errors = (*seen.errors, *versions.errors(seen.files))
    for error in errors:
        besides = f"; version {at.published} stays"
        yield mistaken(settings, "config folder", error, besides)
    taken, published = versions.files(at.folder), versions.files(at.published)
    if errors:
        return
    if digest(seen.files) == digest(taken):
        if waits := versions.waiting():
            what = f"what it holds waits as version {waits}; version {at.published} stays"
            yield odd("config folder", what, "Let somebody publish it in the console")
        elif digest(taken) != digest(published):
            what = f"it holds something else than version {at.published}, and is left alone"
            yield well("config folder", f"{what} until it changes again")
        return
    if not seen.files and published:
        what = f"it is empty or not there; version {at.published} stays"
        yield odd("config folder", what, "Put the files back")
        return
    drafts = (each for each in versions.history(50) if each.digest == digest(seen.files))
    draft = next((each for each in drafts if each.conflicts_with == at.published), None)
    if draft is None:
        what = "it holds changes that are not taken over"
        cure = "A running service does so within seconds; frontdesk config diff published folder"
    else:
        what = f"the same file was changed in it and in version {at.published}"
        cure = f"Change the file to fit, or run frontdesk config publish {draft.id} --anyway"
    yield odd("config folder", what, cure)


def http_api(settings: Settings) -> Iterator[Finding]:
    if settings.api_key is None:
        yield well("HTTP API", "at /api/v1, for keys made in the console")
    else:
        yield well("HTTP API", "at /api/v1, for FRONTDESK_API_KEY and keys made in the console")


def configuration(settings: Settings) -> Iterator[Finding]:
    """Everything wrong with the files of tools, personas and numbers, each with its place."""
    told = tuple(str(settings.config_dir / name) for name in (SHOP_FILE, LINE_FILE, CRM_FILE))
    try:
        found = read(settings)
    except ConfigError as error:
        for problem in error.problems:
            if not problem.where.startswith(told):
                yield mistaken(settings, "configuration", problem)
        return
    tools_said = f"{len(found.toolset.sheets)} tools" if found.toolset.sheets else "built-in tools"
    who = ", ".join(found.roles) or "the built-in persona"
    yield well("configuration", f"{tools_said}; answering: {who}")


def contacts(settings: Settings) -> Iterator[Finding]:
    try:
        config = load_crm(settings.config_dir)
        if config.outside is not None:
            settings.secrets.get(config.outside.credential, CRM_FILE)
    except ConfigError as error:
        yield mistaken(settings, "contacts", error)
        return
    where = f"{config.book} at {config.outside.base_url}" if config.outside else "no other system"
    yield well("contacts", f"kept in the database; told to {where}")


def open_files(settings: Settings) -> Iterator[Finding]:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 100 + FILES_PER_CALL * settings.max_calls
    if soft != resource.RLIM_INFINITY and soft < wanted:
        what = f"{soft} may be open; {settings.max_calls} calls need {wanted}"
        yield odd("open files", what, f"Run ulimit -n {wanted}, or lower FRONTDESK_MAX_CALLS")
    else:
        yield well("open files", f"{soft} may be open")


CHECKS: tuple[Check, ...] = (
    unknown_settings,
    data_dir,
    public_url,
    address,
    twilio,
    config_folder,
    config_versions,
    shop,
    telephone_line,
    http_api,
    configuration,
    contacts,
    open_files,
)
