"""Are the models that are set still there, and for how long? Asked at the start and once a day."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp
import structlog

from agents.lifetimes import Lifetimes
from agents.listing import LARGEST_BYTES, BadListing, models_url, parse_listing
from agents.models import BadModels, Models
from agents.models_file import SHIPPED, read_models
from telephony.health.state import ModelEnd
from telephony.settings import Settings
from tools.config import ConfigError

log = structlog.get_logger()

OPENAI_HOST = "api.openai.com"
SOON_DAYS = 60
"""From then on every look warns."""
AGAIN_S = 86_400.0
AFTER_FAILURE_S = 3_600.0
_ASK_S = 10.0

Ask = Callable[[], Awaitable[bytes]]
"""The provider's list of models. Raises aiohttp.ClientError, OSError, TimeoutError, BadListing."""


def models_by_engine(settings: Settings) -> dict[str, tuple[str, str]]:
    """The model of each engine that is paid for, and the one that writes down what callers say."""
    return {
        "realtime": (settings.model, settings.transcription_model),
        "turns": (settings.turns_model, settings.transcription_model),
        "live": (settings.live_model, ""),
    }


def models_set(settings: Settings) -> dict[str, str]:
    """The models this deployment may use, by the variables that name them."""
    if settings.openai_api_key is None:
        return {}
    used = {settings.engine, *settings.fallbacks}
    found: dict[str, str] = {}
    if "realtime" in used:
        found["FRONTDESK_MODEL"] = settings.model
    if "turns" in used:
        found["FRONTDESK_TURNS_MODEL"] = settings.turns_model
    if "live" in used:
        found["FRONTDESK_LIVE_MODEL"] = settings.live_model
        found["FRONTDESK_LIVE_BACKEND_MODEL"] = settings.live_backend_model
    if used & {"realtime", "turns"}:
        found["FRONTDESK_TRANSCRIPTION_MODEL"] = settings.transcription_model
    return found


def file_of_models(settings: Settings) -> Models:
    """The data file in force. Raises ConfigError."""
    path = settings.models_file or SHIPPED
    try:
        return read_models(path)
    except (OSError, BadModels) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = "Mend it, or unset it for the shipped file"
        raise ConfigError("FRONTDESK_MODELS_FILE", f"{path}: {reason}", hint) from None


def official(settings: Settings) -> bool:
    """Whether the models' maker serves them itself, so that its dates hold."""
    return urlsplit(settings.openai_base_url).hostname == OPENAI_HOST


def lifetimes(settings: Settings, today: dt.date) -> Lifetimes:
    """Of the models in the data file. Raises ConfigError for a file that cannot be used, and for a
    model that is gone where that is to stop the start."""
    step = settings.retired_models == "successor"
    found = Lifetimes(file_of_models(settings), by_file=official(settings), step=step)
    for variable, model_id in models_set(settings).items():
        if not step and found.gone(model_id, today):
            successor = found.successor(model_id, today) or "another model"
            raise ConfigError(
                variable,
                f"{model_id} has been shut down",
                f"Set it to {successor}, or FRONTDESK_RETIRED_MODELS=successor",
            )
    return found


def asking(http: aiohttp.ClientSession, settings: Settings) -> Ask:
    """Asks the provider that is set, with its key."""
    key = settings.openai_api_key.reveal() if settings.openai_api_key else ""

    async def ask() -> bytes:
        async with http.get(
            models_url(settings.openai_base_url),
            headers={"Authorization": f"Bearer {key}"},
            timeout=aiohttp.ClientTimeout(total=_ASK_S),
            allow_redirects=False,
            raise_for_status=True,
        ) as answer:
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > LARGEST_BYTES:
                    raise BadListing("too long")
            return bytes(body)

    return ask


class ModelWatch:
    """Which model stands for one that is set, and the warnings before it goes."""

    def __init__(
        self,
        lifetimes: Lifetimes,
        models: dict[str, str],
        ask: Ask,
        today: Callable[[], dt.date],
        count: Callable[[str], None],
        days_left: Callable[[str, int], None],
    ) -> None:
        """`models` are those that are set, by variable. `days_left(model, days)` is told at each
        look of those that are to go."""
        self._lifetimes = lifetimes
        self._set = models
        self._ask = ask
        self._today = today
        self._count = count
        self._days_left = days_left

    @property
    def models(self) -> Models:
        return self._lifetimes.models

    def living(self, model_id: str) -> str:
        """What a session that begins now is to be opened with."""
        return self._lifetimes.living(model_id, self._today())

    def missing(self, model_id: str) -> None:
        """The provider knows no such model: sessions to come use its successor."""
        self._count("models.missing")
        self._lifetimes.missing(model_id)
        self._tell()

    async def run(self) -> None:
        """Look now, and once a day; after a failure sooner. Never returns."""
        while True:
            heard = await self.look()
            await asyncio.sleep(AGAIN_S if heard else AFTER_FAILURE_S)

    async def look(self) -> bool:
        """Ask the provider, and warn of what is to go; False when it did not say."""
        if not self._set:
            return True
        try:
            self._lifetimes.listed(parse_listing(await self._ask()))
        except (aiohttp.ClientError, OSError, TimeoutError, BadListing) as error:
            self._count("models.not_listed")
            log.warning("models_not_listed", error=type(error).__name__)
            heard = False
        else:
            heard = True
        self._tell()
        return heard

    def ends(self) -> list[ModelEnd]:
        """Models that are set and are to go, or have gone, as far as is known."""
        today = self._today()
        found = []
        for variable, model_id in self._set.items():
            if (shutdown := self._lifetimes.shutdown(model_id, today)) is not None:
                successor = self._lifetimes.successor(model_id, today) or ""
                on, days_left = shutdown.date.isoformat(), shutdown.days_left
                used = self.living(model_id)
                found.append(ModelEnd(variable, model_id, on, days_left, used, successor))
        return found

    def _tell(self) -> None:
        """By what is known: the file's dates do not need the provider."""
        today = self._today()
        for variable, model_id in self._set.items():
            shutdown = self._lifetimes.shutdown(model_id, today)
            if shutdown is None:
                continue
            self._days_left(model_id, shutdown.days_left)
            facts = {
                "setting": variable,
                "model": model_id,
                "on": shutdown.date.isoformat(),
                "days_left": shutdown.days_left,
                "successor": self._lifetimes.successor(model_id, today),
            }
            if shutdown.days_left <= 0:
                self._count("models.gone")
                log.error("model_gone", **facts, used=self.living(model_id))
            elif shutdown.days_left <= SOON_DAYS:
                self._count("models.going")
                log.warning("model_going", **facts)
