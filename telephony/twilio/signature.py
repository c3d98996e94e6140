"""Did Twilio send this request, and to the address we configured?

Twilio, Webhooks security: `X-Twilio-Signature` is base64(HMAC-SHA1(auth token, URL + sorted form
fields)). On the WebSocket upgrade the URL is the `wss://` one of the TwiML, without fields.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from twilio.request_validator import RequestValidator

from telephony.twilio.urls import PublicUrl

_MAX_SIGNATURE = 128
_MAX_FIELDS = 500
_DEFAULT_PORTS = {"wss": 443, "https": 443, "ws": 80, "http": 80}


class Form:
    """The fields of a form body, repeated and empty ones included, as the validator reads them."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self._fields = fields

    @classmethod
    def parse(cls, body: bytes) -> "Form | None":
        """None: no form, or one of absurdly many fields."""
        try:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS
            )
        except ValueError:
            return None
        fields: dict[str, list[str]] = {}
        for name, value in pairs:
            fields.setdefault(name, []).append(value)
        return cls(fields)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def getlist(self, name: str) -> list[str]:
        return self._fields[name]

    def get(self, name: str) -> str:
        """The first value; empty when absent."""
        return self._fields.get(name, [""])[0]


class Signatures:
    """Checks signatures against the configured URL, never against what the request claims.

    Several auth tokens are good at the same time, so that one can be rotated without a gap.
    """

    def __init__(self, public_url: PublicUrl, auth_tokens: Sequence[str]) -> None:
        if not auth_tokens or not all(auth_tokens):
            raise ValueError("at least one auth token is needed, and none may be empty")
        self._public_url = public_url
        self._validators = [RequestValidator(token) for token in auth_tokens]

    def form(self, path: str, query: str, form: Form, signature: str | None) -> bool:
        """A POST with form fields."""
        # With bodySHA256 in the URL the body itself would not be covered by the signature.
        if "bodysha256" in query.lower():
            return False
        return self._valid([self._with_query(path, query)], form, signature)

    def get(self, path: str, query: str, signature: str | None) -> bool:
        """A GET: all parameters are in the query."""
        return self._valid([self._with_query(path, query)], None, signature)

    def upgrade(self, path: str, query: str, signature: str | None) -> bool:
        """A WebSocket upgrade. Whether Twilio signs with or without the default port is not
        documented, and the validator knows port 443 for https only: both are tried."""
        url = _without_fragment(self._public_url.stream(path))
        urls = [f"{spelling}?{query}" if query else spelling for spelling in _spellings(url)]
        return self._valid(urls, None, signature)

    def _with_query(self, path: str, query: str) -> str:
        url = _without_fragment(self._public_url.http(path))
        return f"{url}?{query}" if query else url

    def _valid(self, urls: list[str], form: Form | None, signature: str | None) -> bool:
        if signature is None or not 0 < len(signature) <= _MAX_SIGNATURE:
            return False
        # A list, not a generator: the same work for every token, whichever is right.
        checks = [
            bool(validator.validate(url, form, signature))
            for validator in self._validators
            for url in urls
        ]
        return any(checks)


def _without_fragment(url: str) -> str:
    """Twilio keeps fragments (connection overrides) to itself and signs without them."""
    return url.partition("#")[0]


def _spellings(url: str) -> list[str]:
    parts = urlsplit(url)
    default = _DEFAULT_PORTS[parts.scheme]
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port == default else parts.netloc
    if parts.port not in {None, default}:
        return [url]
    return [urlunsplit(parts._replace(netloc=netloc)) for netloc in (host, f"{host}:{default}")]
