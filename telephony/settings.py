"""What this deployment is set to: the only module that reads the environment."""

import difflib
import os
import stat
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
from dotenv.parser import parse_stream

from agents.providers import BadProviders, Provider
from agents.providers_file import read_providers
from telephony.values import Secret, database_url
from telephony.variable import Variable
from telephony.variables import RETIRED, VARIABLES
from tools.config import ConfigError, together
from tools.secrets import PREFIX as SECRETS
from tools.secrets import Secrets
from tools.validation import choose

_PREFIX = "FRONTDESK_"
_BY_NAME = {variable.name: variable for variable in VARIABLES}
_MAX_SECRET_FILE_BYTES = 64 * 1024


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment. The meaning of each field stands in `telephony.variables`."""

    engine: Literal["local", "realtime", "turns", "live"]
    fallbacks: tuple[str, ...]
    host: str
    port: int
    public_url: str
    database_url: Secret
    data_dir: Path
    config_dir: Path
    log_format: Literal["auto", "console", "json"]
    log_level: str
    log_caller_data: bool
    metrics_port: int
    api_key: Secret | None
    max_calls: int
    when_full: Literal["say", "hand_over"]
    workers: int
    late_ms: int
    max_call_mb: int
    max_call_seconds: int
    silence_prompt_seconds: int
    idle_hangup_seconds: int
    drain_seconds: int
    lost_seconds: int
    drain_then: Literal["migrate", "goodbye"]
    realtime_audio: Literal["pcm", "ulaw"]
    provider: str
    model: str
    turns_model: str
    live_model: str
    live_backend_model: str
    voice: str
    instructions: str
    greeting: str
    language: str
    barge_in: Literal["immediate", "confirmed"]
    turn_detection: Literal["server_vad", "semantic_vad"]
    turn_threshold: float
    turn_silence_ms: int
    transcription_model: str
    noise_reduction: Literal["off", "near_field", "far_field"]
    local_llm_url: str | None
    local_llm_model: str | None
    local_llm_key: Secret | None
    calendar_feed_secret: Secret | None
    twilio_account_sid: str | None
    twilio_auth_tokens: tuple[Secret, ...]
    twilio_api_url: str
    openai_api_key: Secret | None
    openai_base_url: str
    models_file: Path | None
    retired_models: Literal["successor", "refuse"]
    carrier_usd_per_minute: Decimal
    max_call_usd: Decimal | None
    max_caller_usd: Decimal | None
    max_day_usd: Decimal | None
    console: Literal["on", "off"]
    console_url: str | None
    console_port: int
    oidc_issuer: str | None
    oidc_client_id: str | None
    oidc_client_secret: Secret | None
    console_second_step: Literal["nobody", "admins", "everybody"]
    webhook_private: tuple[str, ...]
    otlp_url: str | None
    otlp_headers: Secret | None
    keep_audio_days: int
    keep_transcript_days: int
    keep_metadata_days: int
    keep_audit_days: int
    recording_consent: str
    four_eyes: bool
    sources: Mapping[str, str]
    """Where each variable's value came from, by variable name."""
    secrets: Secrets = Secrets()
    """What configuration files name: FRONTDESK_SECRET_ and a name."""
    unknown: tuple[str, ...] = ()
    """One sentence for each FRONTDESK_* variable that means nothing: most likely a typing error."""


class Row(msgspec.Struct, frozen=True):
    """One setting as people may see it."""

    name: str
    value: str
    source: str
    meaning: str


class _Found(msgspec.Struct, frozen=True):
    text: str
    source: str


def load(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """Read the settings from the environment and from `.env` in `folder` (the current one).

    What the environment says wins, even when it says nothing but an empty value: that stands
    for the default. Raises ConfigError for the first thing that cannot be used.
    """
    process = dict(os.environ if environ is None else environ)
    dotenv_path = (folder or Path.cwd()) / ".env"
    dotenv = _read_dotenv(dotenv_path)
    found: dict[str, _Found] = {}
    for variable in VARIABLES:
        entry = _find(variable, process, "environment")
        entry = entry or _find(variable, dotenv, str(dotenv_path))
        if entry is not None and entry.text:
            found[variable.name] = entry
    everything = {**dotenv, **process}
    _refuse_retired(everything)
    return _assemble(found, Secrets(everything), _unknown(everything))


def describe(settings: Settings) -> list[Row]:
    """All settings with where they came from; nothing secret."""
    return [
        Row(
            variable.name,
            _shown(getattr(settings, variable.field)),
            settings.sources[variable.name],
            variable.meaning,
        )
        for variable in VARIABLES
    ]


def check_for_twilio(settings: Settings) -> None:
    """Raise ConfigError for all that only a server that Twilio calls cannot do without."""
    needed = {
        "TWILIO_AUTH_TOKEN": settings.twilio_auth_tokens,
        "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
    }
    what = "it is not set, but a server for Twilio needs it"
    missing = [
        ConfigError(name, what, f"Set it to {_BY_NAME[name].form}")
        for name, value in needed.items()
        if not value
    ]
    if missing:
        raise together(missing)


def check_folders(settings: Settings) -> None:
    """Make the data folder, for this user only. Raises ConfigError for a folder of no use."""
    has_config_folder(settings)
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        what = f"{folder} cannot be made or written ({error.strerror})"
        hint = "Set it to a folder that this user may write"
        raise ConfigError("FRONTDESK_DATA_DIR", what, hint) from None


def has_config_folder(settings: Settings) -> bool:
    """False where the built-in defaults hold. Raises ConfigError for one that is set and not there,
    or of no use."""
    folder = settings.config_dir
    there = _is_folder(folder)
    if not there and settings.sources["FRONTDESK_CONFIG_DIR"] != "default":
        what, hint = f"{folder} is no folder", "Make it, e.g. with frontdesk init, or unset it"
        raise ConfigError("FRONTDESK_CONFIG_DIR", what, hint)
    return there


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        hint = "Let the user that runs Frontdesk enter the folders above it"
        raise ConfigError(
            "FRONTDESK_CONFIG_DIR", f"{path} cannot be read ({error.strerror})", hint
        ) from None


def _read_dotenv(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        what = f"it cannot be read ({_reason(error)})"
        raise ConfigError(str(path), what, "Make it a readable UTF-8 file or remove it") from None
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            where = f"{path}, line {binding.original.line}"
            raise ConfigError(where, "this is no setting", "Write NAME=value, one to a line")
    return {
        binding.key: binding.value.strip()
        for binding in bindings
        if binding.key is not None and binding.value is not None
    }


def _find(variable: Variable, values: Mapping[str, str], source: str) -> _Found | None:
    """The value of one variable in one place, from `NAME` or, for secrets, from `NAME_FILE`."""
    direct = values.get(variable.name)
    file_name = f"{variable.name}_FILE"
    file = values.get(file_name) if variable.secret else None
    if file:
        if direct:
            what = f"{file_name} is set as well"
            raise ConfigError(variable.name, what, f"Remove one of the two from {source}")
        return _Found(_read_secret(file_name, Path(file)), f"file {file}")
    return None if direct is None else _Found(direct.strip(), source)


def _read_secret(name: str, path: Path) -> str:
    hint = "Give the path of a readable text file that holds only the secret"
    try:
        with path.open(encoding="utf-8") as stream:
            text = stream.read(_MAX_SECRET_FILE_BYTES).strip()
    except (OSError, ValueError) as error:
        raise ConfigError(name, f"the file cannot be read ({_reason(error)})", hint) from None
    if not text:
        raise ConfigError(name, "the file is empty", hint)
    return text


def _reason(error: Exception) -> str:
    """Of an OSError the system's words; of others only the kind: they may quote the content."""
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _assemble(found: Mapping[str, _Found], secrets: Secrets, unknown: tuple[str, ...]) -> Settings:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for variable in VARIABLES:
        entry = found.get(variable.name)
        text = variable.default if entry is None else entry.text
        values[variable.field] = None if text is None else _parse(variable, text)
        sources[variable.name] = "default" if entry is None else entry.source
    values["twilio_auth_tokens"] = values["twilio_auth_tokens"] or ()
    _fill_in(values)
    settings = Settings(**values, sources=sources, secrets=secrets, unknown=unknown)
    _check_together(settings)
    return settings


def _parse(variable: Variable, text: str) -> object:
    try:
        return variable.parse(text)
    except ValueError as error:
        raise ConfigError(variable.name, str(error), f"Set it to {variable.form}") from None


def _fill_in(values: dict[str, Any]) -> None:
    """The defaults that follow from other settings."""
    if values["engine"] is None:
        values["engine"] = "realtime" if values["openai_api_key"] else "local"
    provider = _provider(values["provider"])
    values["model"] = values["model"] or provider.model
    values["openai_base_url"] = values["openai_base_url"] or provider.base_url
    if values["public_url"] is None:
        values["public_url"] = f"http://127.0.0.1:{values['port']}"
    if values["database_url"] is None:
        values["database_url"] = _sqlite_below(values["data_dir"])


def _provider(name: str) -> Provider:
    """Raises ConfigError naming those there are."""
    try:
        known = read_providers()
    except (OSError, BadProviders) as error:
        what = f"agents/providers.json cannot be used: {error}"
        raise ConfigError("FRONTDESK_PROVIDER", what, "Restore the file") from None
    if name not in known:
        what = f"there is no provider {name!r}"
        raise ConfigError("FRONTDESK_PROVIDER", what, choose(name, list(known)))
    return known[name]


def _check_provider(settings: Settings) -> None:
    provider = _provider(settings.provider)
    if not settings.openai_base_url:
        what = f"it is not set, and {provider.title} has no address of its own"
        raise ConfigError("OPENAI_BASE_URL", what, f"Set it like {provider.base_url_form}")
    if settings.realtime_audio == "ulaw" and not provider.ulaw:
        what = f"{provider.title} takes no mu-law"
        raise ConfigError("FRONTDESK_REALTIME_AUDIO", what, "Set it to pcm")


def _sqlite_below(data_dir: Path) -> Secret:
    try:
        return database_url(f"sqlite:///{data_dir.absolute() / 'frontdesk.db'}")
    except ValueError as error:
        hint = "Name a folder with an ordinary path, or set FRONTDESK_DATABASE_URL"
        raise ConfigError("FRONTDESK_DATA_DIR", str(error), hint) from None


def _check_together(settings: Settings) -> None:
    if settings.engine != "local" and settings.openai_api_key is None:
        raise ConfigError(
            "OPENAI_API_KEY",
            f"it is not set, but FRONTDESK_ENGINE is {settings.engine}",
            "Set it (any word will do for a gateway without keys), or FRONTDESK_ENGINE=local",
        )
    if settings.openai_api_key is not None:
        _check_provider(settings)
    if bool(settings.local_llm_url) != bool(settings.local_llm_model):
        names = ["FRONTDESK_LOCAL_LLM_MODEL", "FRONTDESK_LOCAL_LLM_URL"]
        unset, is_set = names if settings.local_llm_url else reversed(names)
        raise ConfigError(
            unset, f"it is not set, but {is_set} is", f"Set it to {_BY_NAME[unset].form}"
        )
    _check_sign_on(settings)
    if settings.idle_hangup_seconds <= settings.silence_prompt_seconds:
        raise ConfigError(
            "FRONTDESK_IDLE_HANGUP_SECONDS",
            f"{settings.idle_hangup_seconds} is not more than FRONTDESK_SILENCE_PROMPT_SECONDS,"
            f" {settings.silence_prompt_seconds}",
            "The caller must be asked before the line is closed: raise it",
        )


def _check_sign_on(settings: Settings) -> None:
    values = {
        "FRONTDESK_OIDC_ISSUER": settings.oidc_issuer,
        "FRONTDESK_OIDC_CLIENT_ID": settings.oidc_client_id,
        "FRONTDESK_OIDC_CLIENT_SECRET": settings.oidc_client_secret,
    }
    unset = [name for name, value in values.items() if value is None]
    if 0 < len(unset) < len(values):
        given = next(name for name, value in values.items() if value is not None)
        raise ConfigError(
            unset[0], f"it is not set, but {given} is", f"Set it to {_BY_NAME[unset[0]].form}"
        )


def _refuse_retired(values: Mapping[str, str]) -> None:
    for name, cure in RETIRED.items():
        if given := next((each for each in (name, f"{name}_FILE") if values.get(each)), None):
            raise ConfigError(given, "is no setting any more", cure)


def _unknown(values: Mapping[str, str]) -> tuple[str, ...]:
    known = set(_BY_NAME) | {f"{variable.name}_FILE" for variable in VARIABLES if variable.secret}
    return tuple(
        _unknown_sentence(name, known)
        for name in sorted(values)
        if name.startswith(_PREFIX) and name not in known and not name.startswith(SECRETS)
    )


def _unknown_sentence(name: str, known: set[str]) -> str:
    # Without the prefix they share, or everything would be close to everything.
    endings = {one.removeprefix(_PREFIX): one for one in known if one.startswith(_PREFIX)}
    near = difflib.get_close_matches(name.removeprefix(_PREFIX), endings, n=1, cutoff=0.6)
    return f"{name} is no setting" + (f"; is {endings[near[0]]} meant?" if near else "")


def _shown(value: object) -> str:
    match value:
        case None | "" | ():
            return "not set"
        case dict():
            return f"{len(value)} hidden" if value else "not set"
        case tuple() if any(isinstance(each, Secret) for each in value):
            return f"{len(value)} hidden"
        case tuple():
            return ", ".join(map(str, value))
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
