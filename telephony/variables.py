"""Every setting there is: its name, form, default and meaning, in the order they are listed."""

from collections.abc import Mapping

import msgspec

from agents.realtime.settings import RealtimeSettings, ServerVad
from telephony.values import (
    Parse,
    address_secret,
    api_key,
    api_url,
    chat_url,
    choice,
    database_url,
    matching,
    number,
    path,
    public_url,
    secret,
    secrets,
    several,
    text,
    whole,
    yes_or_no,
)

FALLBACKS = ("realtime", "local")
"""Engines that follow one that fails, the best first."""


class Variable(msgspec.Struct, frozen=True):
    """One setting: `NAME` in the environment or in `.env`, `field` in Settings."""

    name: str
    field: str
    parse: Parse
    default: str | None
    """As it would be written; None when it follows from other settings or may be missing."""
    form: str
    """What a value looks like, for whoever has to mend one."""
    meaning: str
    secret: bool = False
    """Never shown, and may also be given as the path of a file in `NAME_FILE`."""


_REALTIME = RealtimeSettings()
_VAD = ServerVad()

VARIABLES: tuple[Variable, ...] = (
    Variable(
        "FRONTDESK_ENGINE",
        "engine",
        choice("local", "realtime"),
        None,
        "local or realtime",
        "Who hears and speaks: the embedded engine, or an OpenAI Realtime session"
        " (the default when OPENAI_API_KEY is set)",
    ),
    Variable(
        "FRONTDESK_FALLBACKS",
        "fallbacks",
        several(*FALLBACKS),
        ",".join(FALLBACKS),
        "engines with commas between, or none",
        "Who carries a call on, in this order, when its engine fails; personas may say otherwise",
    ),
    Variable(
        "FRONTDESK_HOST",
        "host",
        matching(r"[0-9A-Za-z.:_-]{1,253}", "an address or host name"),
        "127.0.0.1",
        "an address, e.g. 127.0.0.1 or 0.0.0.0",
        "Address the server listens on",
    ),
    Variable(
        "FRONTDESK_PORT",
        "port",
        whole(0, 65_535),
        "8080",
        "a whole number from 0 to 65535 (0 takes any free port)",
        "Port the server listens on",
    ),
    Variable(
        "FRONTDESK_PUBLIC_URL",
        "public_url",
        public_url,
        None,
        "https://phone.example.com",
        "How Twilio reaches this server; webhook signatures are computed over it",
    ),
    Variable(
        "FRONTDESK_DATABASE_URL",
        "database_url",
        database_url,
        None,
        "postgresql://user:password@host/name or sqlite:///path",
        "Bookings, contacts and tool receipts; an SQLite file in the data folder by default",
        secret=True,
    ),
    Variable(
        "FRONTDESK_DATA_DIR",
        "data_dir",
        path,
        "data",
        "a folder that may be written",
        "Where transcripts, recordings and the SQLite database lie",
    ),
    Variable(
        "FRONTDESK_CONFIG_DIR",
        "config_dir",
        path,
        "config",
        "a folder",
        "Where persona and tool files lie",
    ),
    Variable(
        "FRONTDESK_LOG_FORMAT",
        "log_format",
        choice("auto", "console", "json"),
        "auto",
        "auto, console or json",
        "How log lines look; auto is console in a terminal and JSON elsewhere",
    ),
    Variable(
        "FRONTDESK_LOG_LEVEL",
        "log_level",
        choice("debug", "info", "warning", "error"),
        "info",
        "debug, info, warning or error",
        "The least important lines that are logged",
    ),
    Variable(
        "FRONTDESK_LOG_CALLER_DATA",
        "log_caller_data",
        yes_or_no,
        "no",
        "yes or no",
        "Whether logs may hold what callers said and their numbers",
    ),
    Variable(
        "FRONTDESK_METRICS_PORT",
        "metrics_port",
        whole(0, 65_535),
        "0",
        "a whole number from 0 to 65535 (0 for none)",
        "Port on 127.0.0.1 where Prometheus reads figures",
    ),
    Variable(
        "FRONTDESK_API_KEY",
        "api_key",
        api_key,
        None,
        "16 to 200 letters, digits and signs, e.g. from openssl rand -hex 32",
        "Key for the HTTP API under /api/v1; without one the API is not there",
        secret=True,
    ),
    Variable(
        "FRONTDESK_MAX_CALLS",
        "max_calls",
        whole(1, 10_000),
        "50",
        "a whole number from 1 to 10000",
        "Calls at the same time; further callers are told that all lines are busy",
    ),
    Variable(
        "FRONTDESK_MAX_CALL_SECONDS",
        "max_call_seconds",
        whole(10, 14_400),
        "1800",
        "a whole number from 10 to 14400",
        "Longest call; then the agent says goodbye",
    ),
    Variable(
        "FRONTDESK_SILENCE_PROMPT_SECONDS",
        "silence_prompt_seconds",
        whole(2, 600),
        "10",
        "a whole number from 2 to 600",
        "Silence after which the caller is asked whether they are still there",
    ),
    Variable(
        "FRONTDESK_IDLE_HANGUP_SECONDS",
        "idle_hangup_seconds",
        whole(4, 3_600),
        "30",
        "a whole number from 4 to 3600, more than FRONTDESK_SILENCE_PROMPT_SECONDS",
        "Silence after which the agent says goodbye and hangs up",
    ),
    Variable(
        "FRONTDESK_DRAIN_SECONDS",
        "drain_seconds",
        whole(0, 14_400),
        "120",
        "a whole number from 0 to 14400",
        "How long live calls may go on after SIGTERM",
    ),
    Variable(
        "FRONTDESK_REALTIME_AUDIO",
        "realtime_audio",
        choice("pcm", "ulaw"),
        "pcm",
        "pcm or ulaw",
        "Audio to and from the Realtime session: 24 kHz PCM, or the phone's own mu-law untouched",
    ),
    Variable(
        "FRONTDESK_MODEL",
        "model",
        matching(r"[0-9A-Za-z][0-9A-Za-z._:/-]{0,127}", "a model id"),
        _REALTIME.model,
        "a model id",
        "Realtime model",
    ),
    Variable(
        "FRONTDESK_VOICE",
        "voice",
        text,
        "",
        "a voice id of the engine",
        "Voice of the agent; the engine's own default when empty",
    ),
    Variable(
        "FRONTDESK_INSTRUCTIONS",
        "instructions",
        text,
        "",
        "text",
        "What the language model is told about its task; the shipped ones when empty",
    ),
    Variable(
        "FRONTDESK_GREETING",
        "greeting",
        text,
        "",
        "text",
        "What the agent says first, word for word; built from the business's name when empty",
    ),
    Variable(
        "FRONTDESK_LANGUAGE",
        "language",
        matching(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language tag"),
        "en",
        "a language tag such as en or de-AT",
        "Language of the call",
    ),
    Variable(
        "FRONTDESK_BARGE_IN",
        "barge_in",
        choice("immediate", "confirmed"),
        "confirmed",
        "immediate or confirmed",
        "What the caller's voice does to ours: stop it at the first sound, or hold it until the"
        " sound proves to be more than a cough, a murmur or our own echo",
    ),
    Variable(
        "FRONTDESK_TURN_DETECTION",
        "turn_detection",
        choice("server_vad", "semantic_vad"),
        "server_vad",
        "server_vad or semantic_vad",
        "How the Realtime session decides that the caller has finished",
    ),
    Variable(
        "FRONTDESK_TURN_THRESHOLD",
        "turn_threshold",
        number(0, 1),
        str(_VAD.threshold),
        "a number from 0 to 1; 0.6 to 0.8 for noisy lines",
        "How sure server_vad must be that it hears speech",
    ),
    Variable(
        "FRONTDESK_TURN_SILENCE_MS",
        "turn_silence_ms",
        whole(100, 5_000),
        str(_VAD.silence_duration_ms),
        "a whole number from 100 to 5000",
        "Silence that ends a turn for server_vad",
    ),
    Variable(
        "FRONTDESK_TRANSCRIPTION_MODEL",
        "transcription_model",
        matching(r"[0-9A-Za-z][0-9A-Za-z._:/-]{0,127}", "a model id"),
        _REALTIME.transcription_model,
        "a model id",
        "Model that writes down what the caller says",
    ),
    Variable(
        "FRONTDESK_NOISE_REDUCTION",
        "noise_reduction",
        choice("off", "near_field", "far_field"),
        _REALTIME.noise_reduction or "off",
        "off, near_field or far_field",
        "Noise reduction of the Realtime session",
    ),
    Variable(
        "FRONTDESK_LOCAL_LLM_URL",
        "local_llm_url",
        chat_url,
        None,
        "a URL such as http://127.0.0.1:11434/v1",
        "OpenAI-compatible chat API (Ollama, llama.cpp, vLLM) whose model answers in the embedded"
        " engine, instead of its rules",
    ),
    Variable(
        "FRONTDESK_LOCAL_LLM_MODEL",
        "local_llm_model",
        matching(r"[0-9A-Za-z][0-9A-Za-z._:/@-]{0,127}", "a model id"),
        None,
        "a model id of that server",
        "Its model; it has to call tools",
    ),
    Variable(
        "FRONTDESK_LOCAL_LLM_KEY",
        "local_llm_key",
        secret,
        None,
        "the key of that server, if it wants one",
        "Key for it",
        secret=True,
    ),
    Variable(
        "FRONTDESK_CALENDAR_FEED_SECRET",
        "calendar_feed_secret",
        address_secret,
        None,
        "32 to 128 letters, digits, hyphens and underscores",
        "Serves all appointments at /calendar/SECRET.ics; without it there is no such address",
        secret=True,
    ),
    Variable(
        "TWILIO_ACCOUNT_SID",
        "twilio_account_sid",
        matching(r"AC[0-9a-fA-F]{32}", "an account SID"),
        None,
        "AC and 32 hexadecimal digits, from the Twilio console",
        "Twilio account; needed to hang up calls",
    ),
    Variable(
        "TWILIO_AUTH_TOKEN",
        "twilio_auth_tokens",
        secrets,
        None,
        "the auth token from the Twilio console; two, separated by a comma, while rotating",
        "Checks that requests come from Twilio; the first one is used for its API",
        secret=True,
    ),
    Variable(
        "TWILIO_API_URL",
        "twilio_api_url",
        api_url,
        "https://api.twilio.com",
        "a URL",
        "Twilio's REST API",
    ),
    Variable(
        "OPENAI_API_KEY",
        "openai_api_key",
        secret,
        None,
        "the key from the OpenAI console",
        "Key for the Realtime session",
        secret=True,
    ),
    Variable(
        "OPENAI_BASE_URL",
        "openai_base_url",
        api_url,
        _REALTIME.base_url,
        "a URL ending in /v1",
        "API of OpenAI or of a gateway that speaks like it; the WebSocket URL follows from it",
    ),
)

RETIRED: Mapping[str, str] = {
    "FRONTDESK_CALENDAR_PASSWORDS": "Give each password as a secret: what shop.yaml calls anna"
    " stands in FRONTDESK_SECRET_ANNA, or in the file that FRONTDESK_SECRET_ANNA_FILE names",
}
"""Settings of before, with what stands in their place."""
