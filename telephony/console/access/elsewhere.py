"""Signing in somewhere else: OpenID Connect, the authorization code flow with PKCE.

Rules: https://openid.net/specs/openid-connect-core-1_0.html, section 3.1, and RFC 9700.
"""

import base64
import datetime as dt
import hashlib
import time
from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from telephony.console.access.tokens import new_token
from telephony.values import LOOPBACK
from tools.elapsed import time_between

TIMEOUT_S = 5.0
LARGEST_BYTES = 256 * 1024
LEEWAY_S = 60
KEPT = dt.timedelta(hours=1)
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""Signed with a key of the provider's alone: never with one that we know, and never unsigned."""


class NotKnown(Exception):  # noqa: N818 - an answer, not an error
    """The provider cannot be asked, or what it says is not what it should; for the log."""


class Provider(msgspec.Struct, frozen=True):
    """Who is asked, as the settings say."""

    issuer: str
    client_id: str
    client_secret: str


class Discovered(msgspec.Struct, frozen=True):
    """What the provider says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Trip(msgspec.Struct, frozen=True):
    """What is kept while somebody is over there."""

    nonce: str
    verifier: str
    browser: str
    """What only the browser that left knows."""
    path: str
    """Where they wanted to go."""


class Person(msgspec.Struct, frozen=True):
    """Who came back."""

    subject: str
    email: str
    """Empty unless the provider has checked that it is theirs."""


class Elsewhere:
    """Every method blocks and raises NotKnown."""

    def __init__(self, provider: Provider, back: str, clock: Callable[[], dt.datetime]) -> None:
        """`back` is the address to come back to, as the provider knows it."""
        self._provider = provider
        self._back = back
        self._clock = clock
        self._lock = Lock()
        self._discovered: tuple[dt.datetime, Discovered] | None = None

    def trip(self, browser: str, path: str) -> Trip:
        return Trip(new_token(), new_token(), browser, path)

    def address(self, trip: Trip, state: str) -> str:
        """Where to send the browser."""
        challenge = hashlib.sha256(trip.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": self._back,
            "scope": "openid email",
            "state": state,
            "nonce": trip.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        there = self._discover().authorization_endpoint
        return f"{there}{'&' if urlsplit(there).query else '?'}{urlencode(asked)}"

    def person(self, trip: Trip, code: str) -> Person:
        """Who it is that came back with this code."""
        found = self._discover()
        token = self._exchange(found, trip, code)
        claims = self._claims(found, token, trip.nonce)
        email = claims.get("email")
        verified = claims.get("email_verified") is True and isinstance(email, str)
        return Person(f"{claims['iss']} {claims['sub']}", str(email).lower() if verified else "")

    def _exchange(self, found: Discovered, trip: Trip, code: str) -> str:
        provider = self._provider
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": trip.verifier,
        }
        headers = {}
        if "client_secret_basic" in found.token_endpoint_auth_methods_supported:
            # RFC 6749, 2.3.1: both are form-encoded first.
            pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
        answer = _json(_ask("POST", found.token_endpoint, data=form, headers=headers))
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotKnown("the token endpoint gave no ID token")
        return token

    def _claims(self, found: Discovered, token: str, nonce: str) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": found.issuer},
            aud={"essential": True, "value": self._provider.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            keys = KeySet.import_key_set(_json(_ask("GET", found.jwks_uri)))  # type: ignore[arg-type]
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            registry.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise NotKnown(f"the ID token is not good ({type(error).__name__})") from None
        audience = claims["aud"]
        others = isinstance(audience, list) and audience != [self._provider.client_id]
        if others and claims.get("azp") != self._provider.client_id:
            raise NotKnown("the ID token is for others, too")
        return dict(claims)

    def _discover(self) -> Discovered:
        with self._lock:
            now = self._clock()
            if self._discovered is None or time_between(self._discovered[0], now) > KEPT:
                self._discovered = now, self._look()
            return self._discovered[1]

    def _look(self) -> Discovered:
        issuer = self._provider.issuer
        answer = _ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            found = msgspec.json.decode(answer, type=Discovered)
        except msgspec.MsgspecError:
            raise NotKnown("the provider does not describe itself") from None
        if found.issuer.rstrip("/") != issuer.rstrip("/"):
            raise NotKnown("the provider calls itself by another name")
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if not _safe(url):
                raise NotKnown("the provider names an address without TLS")
        return found


def _safe(url: str) -> bool:
    there = urlsplit(url)
    plain = there.scheme == "http" and there.hostname in LOOPBACK
    return there.scheme == "https" or plain


def _ask(method: str, url: str, **rest: Any) -> bytes:
    """The body of a 200; follows no redirect."""
    try:
        with (
            httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
            client.stream(method, url, **rest) as answer,
        ):
            if answer.status_code != 200:
                raise NotKnown(f"{urlsplit(url).path} answered {answer.status_code}")
            body, until_s = b"", time.monotonic() + TIMEOUT_S
            for part in answer.iter_bytes():
                body += part
                if len(body) > LARGEST_BYTES or time.monotonic() > until_s:
                    raise NotKnown(f"{urlsplit(url).path} answered too much, or too slowly")
            return body
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise NotKnown(f"{urlsplit(url).path} cannot be asked ({type(error).__name__})") from None


def _json(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise NotKnown("an answer was not JSON") from None
