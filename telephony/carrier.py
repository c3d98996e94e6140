"""The carrier's side of a service, made from its settings: the account, its API, its routes."""

import secrets

import aiohttp

from agents.persona import Persona
from telephony.settings import Settings
from telephony.twilio.edge import EdgeConfig
from telephony.twilio.rest import TwilioRest

_DEVELOPMENT_ACCOUNT = "AC" + "0" * 32


def account(settings: Settings) -> tuple[str, tuple[str, ...]]:
    """Account and tokens; without any only a caller on this machine can sign."""
    tokens = tuple(token.reveal() for token in settings.twilio_auth_tokens)
    return settings.twilio_account_sid or _DEVELOPMENT_ACCOUNT, tokens or (secrets.token_hex(),)


def rest(settings: Settings, http: aiohttp.ClientSession) -> TwilioRest:
    account_sid, tokens = account(settings)
    return TwilioRest(http, account_sid, tokens[0], settings.twilio_api_url)


def edge_config(settings: Settings, persona: Persona, worker: int | None) -> EdgeConfig:
    """`persona` speaks where the carrier has to."""
    account_sid, tokens = account(settings)
    return EdgeConfig(
        public_url=settings.public_url,
        account_sid=account_sid,
        auth_tokens=tokens,
        apology=persona.apology,
        language=persona.language,
        worker=worker,
    )
