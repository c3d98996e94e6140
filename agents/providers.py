"""Who serves the models: addresses, how to show the key, and what each one's interface is like."""

import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import Annotated
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

_SOCKET_SCHEMES = {"https": "wss", "http": "ws", "wss": "wss", "ws": "ws"}
_BASE, _MODEL = "{base}", "{model}"
BETA_HEADER = {"OpenAI-Beta": "realtime=v1"}

HeaderName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}\Z")]
HeaderValue = Annotated[str, msgspec.Meta(pattern=r"^[\x20-\x7e]{1,1000}\Z")]


class Dialect(Enum):
    """Of the Realtime interface."""

    GA = "ga"
    BETA = "beta"
    AUTO = "auto"
    """Not known: GA is tried, then what the server's own answer tells."""


class Auth(Enum):
    """Where the key stands."""

    BEARER = "bearer"
    """`Authorization: Bearer`."""
    HEADER = "header"
    """In the header `auth_name`."""
    QUERY = "query"
    """In the address, as `auth_name`."""


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of them."""

    name: str = ""
    title: str = ""
    base_url: str = ""
    """As the vendor's own clients take it; empty: everybody has one of their own."""
    base_url_form: str = ""
    """What that looks like, where there is none."""
    realtime_url: str = f"{_BASE}/realtime?model={_MODEL}"
    """The WebSocket's address from the base URL (without its query, which comes first in ours)
    and the model."""
    auth: Auth = Auth.BEARER
    auth_name: HeaderName = "Authorization"
    headers: dict[HeaderName, HeaderValue] = {}
    """Sent as well."""
    dialect: Dialect = Dialect.GA
    ulaw: bool = True
    """It takes and gives G.711 mu-law."""
    model: str = ""
    """The Realtime model where the settings name none."""
    session_limit_s: Annotated[int, msgspec.Meta(ge=60)] | None = None
    """How long a Realtime session lasts; None where nothing is known."""
    safety_header: HeaderName | None = None
    """Takes a hash that stands for the caller."""

    def socket_url(self, base_url: str, model: str, key: str = "") -> str:
        """The Realtime WebSocket's address; raises ValueError naming what is wrong."""
        parts = urlsplit(base_url.strip())
        scheme = _SOCKET_SCHEMES.get(parts.scheme)
        # Reading the port raises ValueError where it is none.
        if scheme is None or not parts.hostname or parts.port == 0:
            raise ValueError("the base URL must look like https://host/v1")
        base = urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        path = self.realtime_url.replace(_MODEL, quote(model, safe="")).replace(_BASE, base)
        whole = urlsplit(path)
        queries = [parts.query, whole.query, self._key_in_query(key)]
        return urlunsplit(whole._replace(query="&".join(filter(None, queries))))

    def _key_in_query(self, key: str) -> str:
        return f"{self.auth_name}={quote(key, safe='')}" if self.auth is Auth.QUERY else ""

    def request_headers(self, key: str) -> dict[str, str]:
        """What every request carries. A key in the address is no header."""
        match self.auth:
            case Auth.BEARER:
                return {**self.headers, "Authorization": f"Bearer {key}"}
            case Auth.HEADER:
                return {**self.headers, self.auth_name: key}
            case Auth.QUERY:
                return dict(self.headers)


OPENAI = Provider(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    model="gpt-realtime-2.1",
    session_limit_s=3600,
    safety_header="OpenAI-Safety-Identifier",
)
"""As in the data file."""


class BadProviders(ValueError):  # noqa: N818 - a bad file, not an error of the program
    """The data file cannot be used; the message says where."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    as_of: dt.date
    source: str
    providers: tuple[Provider, ...]


def parse_providers(text: str | bytes) -> Mapping[str, Provider]:
    """Those of a data file, by name; raises BadProviders."""
    try:
        content = msgspec.json.decode(text, type=_File)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise BadProviders(str(error)) from error
    found: dict[str, Provider] = {}
    for provider in content.providers:
        _check(provider)
        if provider.name in found:
            raise BadProviders(f"{provider.name} stands there twice")
        found[provider.name] = provider
    return found


def _check(provider: Provider) -> None:
    wrong = {
        "has neither base_url nor base_url_form": not (provider.base_url or provider.base_url_form),
        "has no model": not provider.model,
        f"lacks {_BASE} or {_MODEL} in realtime_url": not (
            provider.realtime_url.startswith(_BASE) and _MODEL in provider.realtime_url
        ),
    }
    for what, so in wrong.items():
        if so:
            raise BadProviders(f"{provider.name} {what}")
