"""One calendar on a CalDAV server: lists, reads, writes and deletes its events."""

import base64
import ssl
from collections.abc import Iterable, Mapping

import aiohttp
import msgspec
from yarl import URL

from tools.booking.caldav import dav
from tools.booking.caldav.dav import Answer, Collection, Multistatus
from tools.booking.caldav.outcome import DavError, Outcome, of_status

MAX_ANSWER_BYTES = 8 * 1024 * 1024
MAX_EVENT_BYTES = 256 * 1024
REQUEST_S = 15.0
AT_A_TIME = 25
PAGES = 50
LONGEST_WAIT_S = 3600.0
_NO_SYNC = frozenset({Outcome.REFUSED, Outcome.FORBIDDEN, Outcome.PARENT_MISSING})
"""How servers without sync-collection answer it: 400, 403, 405, 409, 415, 422 and 501 were seen."""


class Resource(msgspec.Struct, frozen=True):
    """One event as it lies on the server."""

    etag: str | None
    text: str | None
    """None when it is larger than we read."""


class Changes(msgspec.Struct, frozen=True):
    """What is different since the last look."""

    etags: Mapping[str, str]
    """Of what is new or changed, by path; of everything when `complete`."""
    removed: frozenset[str]
    token: str | None
    complete: bool
    """Whether what is not in `etags` is not there any more."""


class Reply(msgspec.Struct, frozen=True):
    """An HTTP answer, read to its end within bounds."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class CalendarClient:
    """Requests never follow a redirect, never carry cookies, and end within `request_s`.

    Every method raises DavError with one of the named outcomes.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        user: str,
        password: str,
        request_s: float = REQUEST_S,
    ) -> None:
        """`http` needs no setting of its own; whoever made it closes it."""
        self.collection = Collection(url)
        self._http = http
        self._request_s = request_s
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {pair}", "Accept-Encoding": "identity"}

    async def changes(self, token: str | None) -> Changes:
        """What has changed since `token`; everything for None.

        Raises DavError TOKEN_EXPIRED when the server does not know the token any more.
        """
        etags: dict[str, str] = {}
        removed: set[str] = set()
        at = token
        for _ in range(PAGES):
            page = await self._page(at)
            if page is None:
                return await self._listed()
            for each in page.answers:
                _sort(each, etags, removed)
            at = page.token
            # The calendar itself "507" says that the server has more to tell (RFC 6578, 3.6).
            if not any(each.status == 507 for each in page.answers):
                return Changes(etags, frozenset(removed), at, complete=token is None)
        raise DavError(Outcome.TOO_LARGE, f"more than {PAGES} pages of changes")

    async def _page(self, token: str | None) -> Multistatus | None:
        """None from a server that has no sync-collection."""
        reply = await self._ask("REPORT", self.collection.path, dav.sync_request(token or ""))
        if reply.status == 207:
            return dav.read_multistatus(reply.body, self.collection)
        outcome = of_status(reply.status)
        if token and (dav.says_token_expired(reply.body) or outcome in _NO_SYNC):
            raise DavError(Outcome.TOKEN_EXPIRED)
        if token is None and (outcome in _NO_SYNC or reply.status == 501):
            return None
        raise _error(reply)

    async def _listed(self) -> Changes:
        """Every ETag, for servers without sync-collection."""
        reply = await self._ask("PROPFIND", self.collection.path, dav.LISTING, depth="1")
        if reply.status != 207:
            raise _error(reply)
        etags: dict[str, str] = {}
        for each in dav.read_multistatus(reply.body, self.collection).answers:
            _sort(each, etags, set())
        return Changes(etags, frozenset(), None, complete=True)

    async def fetch(self, paths: Iterable[str]) -> dict[str, Resource]:
        """The events at these paths; what is gone is left out."""
        wanted, found = sorted(paths), dict[str, Resource]()
        for first in range(0, len(wanted), AT_A_TIME):
            found |= await self._fetch(wanted[first : first + AT_A_TIME])
        return found

    async def _fetch(self, part: list[str]) -> dict[str, Resource]:
        try:
            reply = await self._ask("REPORT", self.collection.path, dav.multiget_request(part))
        except DavError as error:
            if error.outcome is not Outcome.TOO_LARGE:
                raise
            return await self._fetch_halves(part)
        if reply.status != 207:
            raise _error(reply)
        return {
            each.href: Resource(each.etag, each.text)
            for each in dav.read_multistatus(reply.body, self.collection).answers
            if each.status == 200 and each.text is not None and each.href in part
        }

    async def _fetch_halves(self, part: list[str]) -> dict[str, Resource]:
        """One event with a film in it must not hide the others."""
        if len(part) == 1:
            return {part[0]: Resource(None, None)}
        half = len(part) // 2
        return {**await self._fetch(part[:half]), **await self._fetch(part[half:])}

    async def get(self, path: str) -> Resource | None:
        """One event; None when there is none."""
        reply = await self._ask("GET", path, limit=MAX_EVENT_BYTES, cut=True)
        if reply.status in (404, 410):
            return None
        etag = _etag(reply)
        if reply.status != 200 or etag is None:
            # Without a version it is no event, but some page that says it is sorry.
            raise _error(reply)
        whole = len(reply.body) <= MAX_EVENT_BYTES
        return Resource(etag, reply.body.decode("utf-8", "replace") if whole else None)

    async def put(self, path: str, content: bytes, etag: str | None) -> str | None:
        """Write over the version `etag`, or a new event for None; the new version if it is told.

        Raises DavError CHANGED_MEANWHILE when another version, or any, is there.
        """
        guard = {"If-None-Match": "*"} if etag is None else {"If-Match": etag}
        headers = {**guard, "Content-Type": "text/calendar; charset=utf-8"}
        reply = await self._ask("PUT", path, content, headers=headers)
        if reply.status not in (200, 201, 204):
            raise _error(reply)
        return _etag(reply)

    async def delete(self, path: str, etag: str | None) -> None:
        """Delete the version `etag`; one that is gone already is fine."""
        headers = {} if etag is None else {"If-Match": etag}
        reply = await self._ask("DELETE", path, headers=headers)
        if reply.status not in (200, 202, 204, 404, 410):
            raise _error(reply)

    async def _ask(
        self,
        method: str,
        path: str,
        content: str | bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        depth: str = "0",
        limit: int = MAX_ANSWER_BYTES,
        cut: bool = False,
    ) -> Reply:
        """`cut`: of a body over `limit` just more than that, in place of DavError TOO_LARGE."""
        sent = {**self._headers, **(headers or {})}
        if method in ("REPORT", "PROPFIND"):
            sent |= {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        try:
            async with self._http.request(
                method,
                URL(self.collection.origin + path, encoded=True),
                data=content,
                headers=sent,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._request_s),
            ) as answer:
                return Reply(
                    answer.status, dict(answer.headers), await _body(answer, limit, cut=cut)
                )
        except TimeoutError:
            raise DavError(Outcome.TOO_SLOW) from None
        except (aiohttp.ClientSSLError, ssl.SSLError):
            raise DavError(Outcome.BAD_CERTIFICATE) from None
        except aiohttp.ClientConnectionError:
            raise DavError(Outcome.UNREACHABLE) from None
        except (aiohttp.ClientError, ValueError):
            raise DavError(Outcome.NONSENSE, "no HTTP that can be read") from None


async def _body(answer: aiohttp.ClientResponse, limit: int, *, cut: bool) -> bytes:
    """The body, bounded; counted after decompression."""
    parts, size = list[bytes](), 0
    async for part in answer.content.iter_chunked(64 * 1024):
        size += len(part)
        parts.append(part)
        if size > limit and not cut:
            raise DavError(Outcome.TOO_LARGE)
        if size > limit:
            break
    return b"".join(parts)


def _sort(answer: Answer, etags: dict[str, str], removed: set[str]) -> None:
    if answer.href.endswith("/") or answer.is_folder:
        return
    if answer.status in (404, 410):
        removed.add(answer.href)
        etags.pop(answer.href, None)
    elif answer.status == 200 and answer.etag:
        etags[answer.href] = answer.etag
        removed.discard(answer.href)


def _etag(reply: Reply) -> str | None:
    found = next((value for name, value in reply.headers.items() if name.lower() == "etag"), None)
    return found if found and dav.good_etag(found) else None


def _error(reply: Reply) -> DavError:
    outcome = of_status(reply.status)
    if outcome is Outcome.OK:
        outcome = Outcome.NONSENSE
    return DavError(outcome, f"status {reply.status}", _wait(reply))


def _wait(reply: Reply) -> float | None:
    """Retry-After in seconds; as a date it is not understood and our own pause is kept."""
    said = next(
        (value for name, value in reply.headers.items() if name.lower() == "retry-after"), ""
    )
    return min(float(said), LONGEST_WAIT_S) if said.isascii() and said.isdigit() else None
