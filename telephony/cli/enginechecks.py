"""What `frontdesk doctor` says of engines, their models and their languages."""

import datetime as dt
from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec import UNSET

from agents.local.languages import WHAT, known
from agents.local.models import missing
from agents.models import Models
from agents.providers import Dialect, Provider
from agents.providers_file import read_providers
from telephony.casting import engines_of
from telephony.cli.checks import Check, Finding, broken, odd, well
from telephony.cli.tools import read
from telephony.modelwatch import SOON_DAYS, file_of_models, models_set, official
from telephony.settings import Settings
from telephony.values import LOOPBACK
from tools.config import ConfigError


def engine(settings: Settings) -> Iterator[Finding]:
    if settings.engine == "local":
        yield well("engine", "embedded: no key and no network needed")
    else:
        provider = read_providers()[settings.provider]
        kinds = {"live": "GPT-Live", "turns": "audio chat completions"}
        kind = kinds.get(settings.engine, "Realtime session")
        what = f"{kind} of {provider.title}, key set, at {settings.openai_base_url}"
        yield well("engine", what)
        if settings.engine == "realtime":
            yield from _dialect(provider)
        parts = urlsplit(settings.openai_base_url)
        if parts.scheme in ("http", "ws") and parts.hostname not in LOOPBACK:
            cure = "Set OPENAI_BASE_URL to an https:// address"
            yield odd("engine", "the key and all speech travel unencrypted", cure)


def _dialect(provider: Provider) -> Iterator[Finding]:
    match provider.dialect:
        case Dialect.AUTO:
            yield well("engine", "its dialect is found out at the first session")
        case Dialect.BETA:
            cure = "Take a provider that speaks GA as soon as there is one"
            yield odd("engine", "it speaks the beta interface, which OpenAI has given up", cure)
        case Dialect.GA:
            pass


def speech_models(settings: Settings) -> Iterator[Finding]:
    problems = missing()
    if not problems:
        yield well("speech models", "present")
    for sentence in problems:
        # The spoken apology is rendered with them whatever the engine.
        found = broken if settings.engine == "local" else odd
        yield found("speech models", sentence, "Run make run, or install infra/requirements.lock")


def model_ids(settings: Settings) -> Iterator[Finding]:
    """What is set, until when it answers, and what becomes of calls then."""
    if settings.engine == "local":
        return
    try:
        models = file_of_models(settings)
    except ConfigError as error:
        yield broken(error.where, error.what, error.hint)
        return
    for variable, model_id in models_set(settings).items():
        yield _model(settings, models, model_id, variable)
    if _any_cap(settings) and models.tariff("", settings.model).tokens is None:
        what = f"nobody knows what {settings.model} costs, so caps on money hold the rest only"
        yield odd("budget", what, "Put its prices into a file and name it as FRONTDESK_MODELS_FILE")


def _any_cap(settings: Settings) -> bool:
    caps = (settings.max_call_usd, settings.max_caller_usd, settings.max_day_usd)
    return any(cap is not None for cap in caps)


def _model(settings: Settings, models: Models, model_id: str, variable: str) -> Finding:
    if models.find(model_id) is None:
        what = f"{model_id} is not in the list of {models.as_of}"
        return odd(variable, what, "Check its spelling; frontdesk doctor --online asks the API")
    today = dt.datetime.now(dt.UTC).date()
    shutdown, next_id = models.shutdown(model_id, today), models.successor(model_id, today)
    if shutdown is None:
        return well(variable, f"{model_id}, no shutdown announced as of {models.as_of}")
    if shutdown.days_left > 0:
        what = f"{model_id} will be shut down on {shutdown.date}, in {shutdown.days_left} days"
        soon = " now" if shutdown.days_left <= SOON_DAYS else ""
        return odd(variable, what, f"Move to {next_id or 'another model'}{soon}")
    what = f"{model_id} was shut down on {shutdown.date}"
    if not official(settings):
        return odd(variable, what, "See with --online whether your gateway still serves it")
    if next_id is not None and settings.retired_models == "successor":
        return odd(variable, f"{what}: calls use {next_id}", f"Set it to {next_id}")
    return broken(variable, what, f"Set it to {next_id or 'another model'}")


def languages(settings: Settings) -> Iterator[Finding]:
    """Whoever would be answered by it in a language it does not speak."""
    if settings.engine == "local" and not known(settings.language):
        cure = "Set FRONTDESK_LANGUAGE=en, or an engine that speaks it"
        yield odd("language", f"FRONTDESK_LANGUAGE is {settings.language}: {WHAT}", cure)
    for name, language in _strangers(settings):
        cure = "Give it an engine that is set up here, or another language"
        yield odd("language", f"persona {name} speaks {language}: {WHAT}", cure)


def _strangers(settings: Settings) -> Iterator[tuple[str, str]]:
    """Personas the embedded engine would have to speak for, and cannot."""
    try:
        roles = read(settings).roles
    except ConfigError:
        return  # told with the configuration
    here = engines_of(settings)
    for name, role in roles.items():
        language, wanted = role.file.language, role.engines(settings.engine, settings.fallbacks)
        local = next((each for each in wanted if each in here), "") == "local"
        if local and language is not UNSET and not known(language):
            yield name, language


def local_model(settings: Settings) -> Iterator[Finding]:
    """The language model behind the embedded engine, when there is one."""
    url = settings.local_llm_url or ""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        cure = "Set FRONTDESK_LOCAL_LLM_URL to an https:// address, or to this machine"
        yield odd("language model", f"all that is said travels unencrypted to {url}", cure)
    elif url:
        yield well("language model", f"{settings.local_llm_model} at {url}")


CHECKS: tuple[Check, ...] = (engine, speech_models, local_model, languages, model_ids)
