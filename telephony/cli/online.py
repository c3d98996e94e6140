"""What `frontdesk doctor --online` asks over the network."""

import base64
import datetime as dt
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping

from agents.listing import LARGEST_BYTES, BadListing, models_url, parse_listing
from telephony.cli.checks import Check, Finding, broken, odd, well
from telephony.modelwatch import models_set
from telephony.settings import Settings
from telephony.values import LOOPBACK

_TIMEOUT_S = 5.0


def ask(url: str, headers: Mapping[str, str]) -> tuple[int, bytes] | str:
    """Status and body of a GET, or in a few words why there is none. Raises nothing."""
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - parsed as a web URL
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return answer.status, answer.read(LARGEST_BYTES)
    except urllib.error.HTTPError as error:
        return error.code, b""
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return type(error).__name__


def openai(settings: Settings) -> Iterator[Finding]:
    """Whether the key is taken and the models are served, and until when."""
    if settings.openai_api_key is None:
        return
    url = models_url(settings.openai_base_url)
    path = url.partition("?")[0].removesuffix("/models")
    match ask(url, {"Authorization": f"Bearer {settings.openai_api_key.reveal()}"}):
        case (200, bytes() as body):
            yield from _served(settings, body)
        case (401 | 403, _):
            yield broken("OpenAI", "the key is refused", "Check OPENAI_API_KEY")
        case (int() as status, _):
            yield odd("OpenAI", f"{path} answers {status} to a list of models", "Try again later")
        case reason:
            cure = "Check the network and OPENAI_BASE_URL"
            yield broken("OpenAI", f"{path} cannot be reached: {reason}", cure)


def _served(settings: Settings, body: bytes) -> Iterator[Finding]:
    try:
        served = parse_listing(body)
    except BadListing:
        yield odd("OpenAI", "its list of models cannot be read", "Check OPENAI_BASE_URL")
        return
    for model_id in models_set(settings).values():
        if model_id not in served:
            cure = "Check its spelling and what your account or gateway offers"
            yield odd("OpenAI", f"{model_id} is not in the list of models", cure)
        elif (until := served[model_id]) is not None:
            days = (until - dt.datetime.now(dt.UTC).date()).days
            cure = f"Move to another model before that: in {days} days"
            yield odd("OpenAI", f"{model_id} is served until {until}", cure)
        else:
            yield well("OpenAI", f"{model_id} is served")


def twilio(settings: Settings) -> Iterator[Finding]:
    """Whether the account and its first token belong together."""
    if not settings.twilio_account_sid or not settings.twilio_auth_tokens:
        return
    sid, token = settings.twilio_account_sid, settings.twilio_auth_tokens[0].reveal()
    login = base64.b64encode(f"{sid}:{token}".encode()).decode()
    url = f"{settings.twilio_api_url}/2010-04-01/Accounts/{sid}.json"
    match ask(url, {"Authorization": f"Basic {login}"}):
        case (200, _):
            yield well("Twilio", "account and token are accepted")
        case (401 | 403 | 404, _):
            cure = "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
            yield broken("Twilio", "account and token are refused", cure)
        case (int() as status, _):
            yield odd("Twilio", f"its API answers {status}", "Try again later")
        case reason:
            cure = "Check the network and TWILIO_API_URL"
            yield broken("Twilio", f"its API cannot be reached: {reason}", cure)


def reachable(settings: Settings) -> Iterator[Finding]:
    """Whether the public URL leads to a running Frontdesk."""
    if urllib.parse.urlsplit(settings.public_url).hostname in LOOPBACK:
        return
    match ask(f"{settings.public_url}/healthz", {}):
        case (200, _):
            yield well("public URL", f"{settings.public_url} answers")
        case (int() as status, _):
            cure = "Start frontdesk serve, and check where the proxy sends requests"
            yield odd("public URL", f"{settings.public_url}/healthz answers {status}", cure)
        case reason:
            cure = "Check DNS, certificate and proxy, and that frontdesk serve runs"
            yield odd("public URL", f"{settings.public_url} cannot be reached: {reason}", cure)


CHECKS: tuple[Check, ...] = (openai, twilio, reachable)
