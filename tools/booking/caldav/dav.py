"""The few WebDAV requests we make and the answers to them, as text (RFC 4791, 4918, 6578).

Written out here, and not left to a CalDAV package: four requests are all it takes, every bound is
ours, and a package that discovers, follows and retries on its own cannot be bounded from outside.
"""

import re
from urllib.parse import quote, unquote, urlsplit
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tools.booking.caldav.outcome import DavError, Outcome

DAV, CALDAV = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_HEAD = '<?xml version="1.0" encoding="utf-8"?>'
_NAMES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
MAX_RESPONSES = 10_000
MAX_ETAG = 512
MAX_TOKEN = 2_048

LISTING = f"{_HEAD}<propfind {_NAMES}><prop><getetag/><resourcetype/></prop></propfind>"


def sync_request(token: str) -> str:
    """What has changed since `token`; an empty one asks for everything (RFC 6578, 3.2)."""
    return (
        f"{_HEAD}<sync-collection {_NAMES}><sync-token>{escape(token)}</sync-token>"
        "<sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
    )


def multiget_request(hrefs: list[str]) -> str:
    """The content of these events (RFC 4791, 7.9)."""
    wanted = "".join(f"<href>{escape(href)}</href>" for href in hrefs)
    return (
        f"{_HEAD}<C:calendar-multiget {_NAMES}><prop><getetag/><C:calendar-data/></prop>"
        f"{wanted}</C:calendar-multiget>"
    )


class Answer(msgspec.Struct, frozen=True):
    """One response of a multistatus. `status` is 200 where the server gives none."""

    href: str
    """Canonical path; see `Collection.canonical`."""
    status: int
    etag: str | None = None
    text: str | None = None
    is_folder: bool = False


class Multistatus(msgspec.Struct, frozen=True):
    """A 207 answer."""

    answers: tuple[Answer, ...]
    token: str | None


class Collection:
    """One calendar's address: what lies in it, and what paths are called."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.path = _tidy(parts.path.rstrip("/") + "/")

    def of_booking(self, booking_id: str) -> str:
        """The path of our event of this booking."""
        return f"{self.path}frontdesk-{quote(booking_id, safe='')}.ics"

    def canonical(self, href: str) -> str | None:
        """The path an href means; None when it lies outside this calendar or in a folder of it.

        Servers give whole URLs or paths, and escape as they like. Which host they name does not
        matter: what is asked for is asked of the host that was configured.
        """
        try:
            parts = urlsplit(href.strip())
        except ValueError:
            return None
        path = _tidy(parts.path)
        name = path.removeprefix(self.path)
        inside = path.startswith(self.path) and "/" not in name and name not in (".", "..")
        return path if inside and len(path) <= 1_000 else None


def _tidy(path: str) -> str:
    return quote(unquote(path), safe="/")


def read_multistatus(body: bytes, collection: Collection) -> Multistatus:
    """The answers about this calendar and what lies in it; others are left out.

    The calendar itself comes with an href that ends in a slash. Raises DavError.
    """
    root = _parse(body)
    if root.tag != f"{DAV}multistatus":
        raise DavError(Outcome.NONSENSE, "no multistatus")
    responses = root.findall(f"{DAV}response")
    if len(responses) > MAX_RESPONSES:
        raise DavError(Outcome.TOO_LARGE, f"more than {MAX_RESPONSES} entries")
    answers = (_answer(each, collection) for each in responses)
    token = _text(root, f"{DAV}sync-token")
    if token is not None and len(token) > MAX_TOKEN:
        raise DavError(Outcome.NONSENSE, "a sync token without end")
    return Multistatus(tuple(each for each in answers if each is not None), token or None)


def says_token_expired(body: bytes) -> bool:
    """Whether an error names the precondition of RFC 6578, 3.2: our token is no good."""
    try:
        return _parse(body).find(f".//{DAV}valid-sync-token") is not None
    except DavError:
        return False


def _parse(body: bytes) -> Element:
    try:
        # No document type at all: neither entities nor anything else that grows or fetches.
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise DavError(Outcome.NONSENSE, "no XML that may be read") from None
    return root


def _answer(response: Element, collection: Collection) -> Answer | None:
    href = collection.canonical(_text(response, f"{DAV}href") or "")
    if href is None:
        return None
    status = _status(_text(response, f"{DAV}status"))
    etag = text = None
    is_folder = False
    for found in response.findall(f"{DAV}propstat"):
        if _status(_text(found, f"{DAV}status")) == 200:
            etag = etag or _text(found, f"{DAV}prop/{DAV}getetag")
            text = text or _text(found, f"{DAV}prop/{CALDAV}calendar-data")
            is_folder = is_folder or found.find(f".//{DAV}collection") is not None
    if etag is not None and not good_etag(etag):
        raise DavError(Outcome.NONSENSE, "an ETag that is none")
    return Answer(href, status, etag, text, is_folder)


def good_etag(etag: str) -> bool:
    """Whether it may go back into a header: no control characters, and bounded."""
    return 0 < len(etag) <= MAX_ETAG and re.search(r"[\x00-\x1f\x7f]", etag) is None


def _text(element: Element, path: str) -> str | None:
    found = element.find(path)
    return None if found is None else (found.text or "").strip()


def _status(line: str | None) -> int:
    """The number in `HTTP/1.1 404 Not Found`."""
    if line is None:
        return 200
    match = re.match(r"HTTP/[0-9.]+ ([0-9]{3})\b", line)
    if match is None:
        raise DavError(Outcome.NONSENSE, "a status that is none")
    return int(match[1])
