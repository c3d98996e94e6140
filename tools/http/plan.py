"""Which request stands for these arguments, and where a redirect may take it."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import msgspec
from yarl import URL

from tools.http import templates
from tools.http.addresses import listed, may_ask, origin
from tools.http.section import HttpSection

MAX_HOPS = 3


class Request(msgspec.Struct, frozen=True):
    """One request, ready to be sent. Its repr shows neither secrets nor callers' data."""

    method: str
    url: str
    """Encoded; to be sent as it is."""
    headers: tuple[tuple[str, str], ...]
    body: bytes | None = None
    writes: bool = False
    reads_body: bool = True
    """False: the body of the answer is of no interest."""
    hosts: frozenset[str] = frozenset()
    private: tuple[str, ...] = ()
    secret_headers: frozenset[str] = frozenset()
    """Headers that hold a secret: they go to the first origin only."""
    secret_inside: bool = False
    """The URL or body holds a secret, so nothing of it may go to another origin."""
    timeout_s: float = 5.0
    max_bytes: int = 100_000

    def __repr__(self) -> str:
        return f"Request({self.method} {URL(self.url, encoded=True).host})"


class Response(msgspec.Struct, frozen=True):
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Response({self.status})"


def plan(section: HttpSection, given: templates.Values, *, writes: bool) -> Request:
    """The request of one call of the tool. Raises ToolRefusal for a value that cannot be sent."""
    url = _url(section, given)
    body, kind = _body(section, given)
    headers = [(name, templates.header(text, given)) for name, text in section.headers.items()]
    named = {name.lower() for name, _ in headers}
    if body is not None and "content-type" not in named:
        headers.append(("Content-Type", kind))
    if "accept" not in named and section.answer.kind == "json":
        headers.append(("Accept", "application/json"))
    if writes:
        headers.append((section.idempotency_header, str(given.get("context.idempotency_key"))))
    return Request(
        method=section.method,
        url=str(url),
        headers=tuple(headers),
        body=body,
        writes=writes,
        reads_body=section.answer.kind != "none",
        hosts=frozenset({*map(str.lower, section.hosts), listed(url)}),
        private=section.allow_private,
        secret_headers=frozenset(
            name.lower() for name, text in section.headers.items() if _secret(text)
        ),
        secret_inside=_secret([section.query, section.json, section.form, section.body]),
        timeout_s=section.timeout_s,
        max_bytes=section.max_bytes,
    )


def _secret(template: object) -> bool:
    return any(name.startswith("secret.") for name in templates.names(template))


def _url(section: HttpSection, given: templates.Values) -> URL:
    base, mark, fixed = section.url.partition("?")
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    added = urlencode(templates.pairs(section.query, given), quote_via=quote, errors="replace")
    query = "&".join(part for part in (fixed if mark else "", added) if part)
    whole = f"{scheme}://{host}/{templates.path(path, given)}"
    return URL(f"{whole}?{query}" if query else whole, encoded=True)


def _body(section: HttpSection, given: templates.Values) -> tuple[bytes | None, str]:
    if section.json is not None:
        return msgspec.json.encode(templates.data(section.json, given)), "application/json"
    if section.form:
        encoded = urlencode(templates.pairs(section.form, given), errors="replace")
        return encoded.encode(), "application/x-www-form-urlencoded"
    if section.body:
        return templates.text(section.body, given).encode(errors="replace"), section.content_type
    return None, ""


REDIRECTS = frozenset({301, 302, 303, 307, 308})


class NotFollowedError(Exception):
    """A redirect leads where the request may not go. `acted`: the server that sent it may have
    done already what it was asked."""

    def __init__(self, reason: str, *, acted: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.acted = acted


def redirected(request: Request, response: Response) -> Request:
    """The next hop. Raises NotFollowedError.

    A write goes on only for 307 and 308, which say that nothing was done and that method and body
    stay (RFC 9110, 15.4); after 301, 302 and 303 it may have been done.
    """
    keeps = response.status in (307, 308)
    if request.writes and not keeps:
        raise NotFollowedError("redirect_after_write", acted=True)
    here, there = URL(request.url, encoded=True), _target(request, response)
    if not may_ask(there, request.hosts):
        raise NotFollowedError("redirect_off_the_list", acted=False)
    if here.scheme == "https" and there.scheme != "https":
        raise NotFollowedError("redirect_without_tls", acted=False)
    stays = origin(here) == origin(there)
    if not stays and request.secret_inside:
        raise NotFollowedError("redirect_with_a_secret", acted=False)
    return msgspec.structs.replace(
        request,
        url=str(there),
        method=request.method if keeps else "GET",
        body=request.body if keeps else None,
        headers=tuple(
            (name, value)
            for name, value in request.headers
            if (stays or name.lower() not in request.secret_headers)
            and (keeps or name.lower() != "content-type")
        ),
    )


def _target(request: Request, response: Response) -> URL:
    try:
        # Not `encoded`: what a server sends is made proper again.
        return URL(request.url, encoded=True).join(URL(response.headers.get("location", "")))
    except ValueError:
        raise NotFollowedError("redirect_unreadable", acted=False) from None
