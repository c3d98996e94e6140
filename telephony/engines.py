"""Which engine answers, and the clips we speak ourselves when it does not."""

import asyncio
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Protocol

import aiohttp
import msgspec
import openai
import structlog

from agents.engine import AudioFormat, Capabilities, Engine
from agents.live.client import LiveEngine
from agents.live.settings import LiveSettings
from agents.local.chat.client import Chat, ChatSettings
from agents.local.chat.dialogue import ChatDialogue
from agents.local.dialogue import Dialogue
from agents.local.engine import LocalEngine
from agents.local.models import Models, ModelsMissing
from agents.local.session import Understanding
from agents.local.vad import Detector, Vad
from agents.models_file import read_models
from agents.persona import Persona
from agents.providers_file import read_providers
from agents.realtime.client import RealtimeEngine
from agents.realtime.dialects import Spoken
from agents.realtime.settings import RealtimeSettings, SemanticVad, ServerVad
from agents.turns.client import NoClient, TurnsEngine, capabilities, http_client
from agents.turns.endpointing import EnergyDetector
from agents.turns.settings import TurnsSettings
from telephony.configuring.sessionpart import SessionPart, session_settings
from telephony.configuring.turnspart import TurnsPart
from telephony.media.transcode import Downlink
from telephony.settings import Settings
from tools.phone import e164
from tools.spec import ToolSpec

log = structlog.get_logger()


class Briefing(msgspec.Struct, frozen=True):
    """What the engine of one call is told."""

    persona: Persona
    tools: tuple[ToolSpec, ...]
    clock: Callable[[], dt.datetime]
    """The time of day in the shop's zone."""
    answers_on_request: bool = False
    caller_name: str = ""
    """Whose number it is, as contacts have it: a hint of which name may be said."""
    turns: TurnsPart = TurnsPart()
    session: SessionPart = SessionPart()
    """What the persona wants of a Realtime session."""


class Engines(Protocol):
    """Makes one engine for each call."""

    def new(self, caller: str, briefing: Briefing) -> Engine:
        """`caller` is the number as the carrier gave it; it never leaves the process in clear."""

    def capabilities(self, briefing: Briefing) -> Capabilities:
        """Of the engine `new` would make."""


class LocalEngines:
    """The embedded engine: one set of models, one dialogue for each call."""

    def __init__(self, models: Models, chat: Chat | None = None) -> None:
        """`chat`: the language model that answers instead of rules."""
        self._models = models
        self._chat = chat

    def new(self, caller: str, briefing: Briefing) -> Engine:
        # A call may get a second session, even from another process that goes on with it.
        ids = f"{secrets.token_hex(4)}_"
        tool_call_ids = (f"{ids}call_{number}" for number in count(1))
        return LocalEngine(
            self._models,
            self._dialogue(caller, briefing, tool_call_ids),
            answers_on_request=briefing.answers_on_request,
            ids=ids,
            chat=self._chat,
        )

    def _dialogue(self, caller: str, briefing: Briefing, ids: Iterator[str]) -> Understanding:
        now = briefing.clock()
        if self._chat is not None:
            return ChatDialogue(self._chat.model, briefing.tools, briefing.persona, now, ids)
        return Dialogue(
            briefing.tools,
            briefing.persona,
            now,
            ids,
            caller_number=e164(caller),
            caller_name=briefing.caller_name,
        )

    def capabilities(self, briefing: Briefing) -> Capabilities:
        return self.new("", briefing).capabilities


class RealtimeEngines:
    """Realtime sessions, all with one provider and model."""

    def __init__(
        self,
        settings: RealtimeSettings,
        identify: Callable[[str], str],
        living: Callable[[str], str],
    ) -> None:
        """`identify` gives a caller's pseudonym, `living` the model that stands for one that may
        have been shut down since the start."""
        self._settings = settings
        self._identify = identify
        self._living = living
        self._spoken = Spoken()

    def new(self, caller: str, briefing: Briefing) -> Engine:
        identifier = self._identify(caller)
        persona = _dated(briefing)
        wanted = session_settings(briefing.session, self._settings)
        settings = msgspec.structs.replace(
            wanted,
            answers_on_request=briefing.answers_on_request,
            model=self._living(self._settings.model),
            transcription_model=self._living(wanted.transcription_model),
        )
        return RealtimeEngine(
            settings,
            persona,
            briefing.tools,
            safety_identifier=identifier,
            spoken=self._spoken,
        )

    def capabilities(self, briefing: Briefing) -> Capabilities:
        return self.new("", briefing).capabilities


class LiveEngines:
    """GPT-Live sessions, all with the same settings."""

    def __init__(
        self,
        settings: LiveSettings,
        identify: Callable[[str], str],
        living: Callable[[str], str],
    ) -> None:
        """`identify` and `living` as above."""
        self._living = living
        self._settings = settings
        self._identify = identify

    def new(self, caller: str, briefing: Briefing) -> Engine:
        persona, identifier = _dated(briefing), self._identify(caller)
        settings = msgspec.structs.replace(
            self._settings,
            model=self._living(self._settings.model),
            backend_model=self._living(self._settings.backend_model),
        )
        return LiveEngine(settings, persona, briefing.tools, safety_identifier=identifier)

    def capabilities(self, briefing: Briefing) -> Capabilities:
        return self.new("", briefing).capabilities


class TurnsEngines:
    """Audio chat completions: one HTTP client, one detector model, an engine for each call."""

    def __init__(
        self,
        settings: TurnsSettings,
        identify: Callable[[str], str],
        models: Models,
        living: Callable[[str], str],
    ) -> None:
        """`identify` and `living` as above; of `models` only the voice detector is used."""
        self._living = living
        self._settings = settings
        self._identify = identify
        self._models = models
        self._names = count(1)
        self._client: openai.AsyncOpenAI | NoClient
        try:
            self._client = http_client(settings)
        except NoClient as problem:
            self._client = problem

    def new(self, caller: str, briefing: Briefing) -> Engine:
        applied = briefing.turns.applied(self._settings)
        settings = msgspec.structs.replace(
            applied,
            answers_on_request=briefing.answers_on_request,
            model=self._living(applied.model),
            transcription_model=self._living(applied.transcription_model),
        )
        return TurnsEngine(
            settings,
            _dated(briefing),
            briefing.tools,
            self._client,
            self._detector,
            name=str(next(self._names)),
            safety_identifier=self._identify(caller),
        )

    def capabilities(self, briefing: Briefing) -> Capabilities:
        return capabilities(on_request=briefing.answers_on_request)

    async def close(self) -> None:
        if not isinstance(self._client, NoClient):
            await self._client.close()

    def _detector(self) -> Detector:
        """Without its model, one that goes by the power of the sound. May load: in a thread."""
        try:
            return Vad(self._models.load_vad())
        except ModelsMissing as problem:
            log.warning("no_voice_detector_model", hint=str(problem))
            return EnergyDetector()


def engines_for(
    settings: Settings,
    models: Models,
    key: str,
    living: Callable[[str], str],
    http: aiohttp.ClientSession | None = None,
) -> dict[str, Engines]:
    """All this deployment can run, by name. `key`: a secret of ours, for callers' pseudonyms;
    `living` gives the model that serves today in place of one that may be retired; over
    `http` the embedded engine's language model is asked, if there is one."""
    chat = local_chat(settings, http) if http is not None else None
    found: dict[str, Engines] = {"local": LocalEngines(models, chat)}
    if settings.openai_api_key:
        identify = pseudonyms(key)
        found["realtime"] = RealtimeEngines(realtime_settings(settings), identify, living)
        found["turns"] = TurnsEngines(turns_settings(settings), identify, models, living)
        found["live"] = LiveEngines(live_settings(settings), identify, living)
    return found


async def close_engines(made: Iterable[Engines]) -> None:
    """Let go of what all calls shared."""
    for each in made:
        if isinstance(each, TurnsEngines):
            await each.close()


def _dated(briefing: Briefing) -> Persona:
    """With today's date at the end of the instructions, where it changes the cached prefix once a
    day only."""
    today = f"{briefing.persona.instructions} Today is {briefing.clock():%A, %d %B %Y}."
    return msgspec.structs.replace(briefing.persona, instructions=today.strip())


def pseudonyms(key: str) -> Callable[[str], str]:
    """A caller's number as 32 hex digits that tell nothing without `key`, a secret of ours.

    There are few enough numbers to try them all: a bare hash would give them away. Withheld
    numbers, which are all the same, have none.
    """

    def pseudonym(caller: str) -> str:
        number = e164(caller)
        if number is None:
            return ""
        said = f"frontdesk caller {number}".encode()
        return hmac.new(key.encode(), said, hashlib.sha256).hexdigest()[:32]

    return pseudonym


def local_chat(settings: Settings, http: aiohttp.ClientSession) -> Chat | None:
    """The language model behind the embedded engine, if there is one."""
    url, model, key = settings.local_llm_url, settings.local_llm_model, settings.local_llm_key
    if url is None or model is None:
        return None
    return Chat(ChatSettings(url, model, key.reveal() if key else ""), http)


def realtime_settings(settings: Settings) -> RealtimeSettings:
    """The model session as the deployment's variables describe it."""
    key = settings.openai_api_key
    model = read_models().find(settings.model)
    return RealtimeSettings(
        api_key=key.reveal() if key else "",
        provider=read_providers()[settings.provider],
        # What is not known to reason must not be asked to.
        reasons=model is not None and model.reasoning,
        base_url=settings.openai_base_url,
        model=settings.model,
        voice=settings.voice or RealtimeSettings().voice,
        transcription_model=settings.transcription_model,
        turn_detection=_turn_detection(settings),
        noise_reduction="" if settings.noise_reduction == "off" else settings.noise_reduction,
        audio_format=AudioFormat.ULAW_8K
        if settings.realtime_audio == "ulaw"
        else AudioFormat.PCM16_24K,
    )


def turns_settings(settings: Settings) -> TurnsSettings:
    """The turn-based engine as the deployment's variables describe it."""
    key = settings.openai_api_key
    return TurnsSettings(
        api_key=key.reveal() if key else "",
        base_url=settings.openai_base_url,
        model=settings.turns_model,
        voice=settings.voice or TurnsSettings().voice,
        transcription_model=settings.transcription_model,
    )


def live_settings(settings: Settings) -> LiveSettings:
    """The GPT-Live session as the deployment's variables describe it."""
    key = settings.openai_api_key
    return LiveSettings(
        api_key=key.reveal() if key else "",
        base_url=settings.openai_base_url,
        model=settings.live_model,
        backend_model=settings.live_backend_model,
        voice=settings.voice or LiveSettings().voice,
    )


def _turn_detection(settings: Settings) -> ServerVad | SemanticVad:
    if settings.turn_detection == "semantic_vad":
        return SemanticVad()
    return ServerVad(
        threshold=settings.turn_threshold, silence_duration_ms=settings.turn_silence_ms
    )


async def spoken(models: Models, text: str) -> bytes:
    """A clip of ours as mu-law, in the embedded voice; empty where that is not installed."""
    if not text:
        return b""
    loop = asyncio.get_running_loop()
    try:
        pcm = await loop.run_in_executor(models.speaking, lambda: models.load_voice().render(text))
    except ModelsMissing as problem:
        log.warning("no_spoken_apology", hint=str(problem))
        return b""
    downlink = Downlink(AudioFormat.PCM16_24K)
    return downlink.push(pcm) + downlink.flush()
