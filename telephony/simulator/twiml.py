"""What would Twilio do with this answer of the webhook? TwiML, read as Twilio reads it.

Errors and warnings carry Twilio's own codes. Source: Twilio, TwiML Voice reference and the error
and warning dictionary.
"""

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit, urlunsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec

MAX_BYTES = 64 * 1024
MAX_PARAMETER_CHARS = 500
CONTENT_TYPES = ("application/xml", "text/xml")


class TwimlError(Exception):
    """The call cannot go on with this document; Twilio would report the code."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Stream(msgspec.Struct, frozen=True):
    """A bidirectional media stream."""

    url: str
    """As written in the document, made absolute: what Twilio signs."""
    name: str
    status_callback: str | None
    status_callback_method: str
    parameters: tuple[tuple[str, str], ...]


class Connect(msgspec.Struct, frozen=True):
    stream: Stream
    action: str | None
    method: str


class Say(msgspec.Struct, frozen=True):
    text: str


class Play(msgspec.Struct, frozen=True):
    url: str
    digits: str


class Pause(msgspec.Struct, frozen=True):
    seconds: int


class Redirect(msgspec.Struct, frozen=True):
    url: str
    method: str


class Hangup(msgspec.Struct, frozen=True):
    """End the call."""


class Reject(msgspec.Struct, frozen=True):
    reason: str


class Dial(msgspec.Struct, frozen=True):
    number: str
    action: str | None
    method: str
    timeout_s: int


class Record(msgspec.Struct, frozen=True):
    action: str | None
    method: str
    max_s: int
    status_callback: str | None
    status_callback_method: str


Verb = Connect | Dial | Record | Say | Play | Pause | Redirect | Hangup | Reject


class Document(msgspec.Struct, frozen=True):
    """The verbs in order, and what Twilio would only warn about (12200)."""

    verbs: tuple[Verb, ...]
    warnings: tuple[str, ...] = ()


def parse(body: bytes, content_type: str, url: str) -> Document:
    """Read the answer to a request for `url`; raises TwimlError with Twilio's code."""
    if content_type.partition(";")[0].strip().lower() not in CONTENT_TYPES:
        raise TwimlError(12300, f"content type {content_type!r}")
    if len(body) > MAX_BYTES:
        raise TwimlError(11750, f"{len(body)} bytes of TwiML")
    return _Reader(url).document(_root(body))


def check_stream_url(url: str) -> None:
    """Raises TwimlError unless Twilio, or we on loopback, would dial this."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise TwimlError(31923, f"{url!r}: {error}") from None
    if parts.scheme != "wss" and not (parts.scheme == "ws" and is_loopback(host)):
        raise TwimlError(31922, f"scheme of {url!r} is not wss")
    if not host:
        raise TwimlError(31923, f"no host in {url!r}")
    if parts.query or "?" in url:
        raise TwimlError(31920, f"query string in {url!r}")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _root(body: bytes) -> Element:
    try:
        text = body.decode()
        # Without a document type there are no entities for expat to expand.
        if "<!" in text.replace("<!--", "").replace("<![CDATA[", "") or "\0" in text:
            raise TwimlError(12100, "document type declaration")
        root = ElementTree.fromstring(text)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise TwimlError(12100, str(error)) from None
    if root.tag != "Response":
        raise TwimlError(12102, f"root element is <{root.tag}>")
    return root


def _seconds(written: str) -> int:
    if not written.isdecimal():
        raise TwimlError(12200, f"{written[:40]!r} is not a number of seconds")
    return int(written)


class _Reader:
    """Turns elements into verbs, noting what it does not know."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._warnings: list[str] = []
        self._verbs: dict[str, Callable[[Element], Verb]] = {
            "Connect": self._connect,
            "Dial": self._dial,
            "Record": self._record,
            "Say": self._say,
            "Play": self._play,
            "Pause": self._pause,
            "Redirect": self._redirect,
            "Hangup": self._hangup,
            "Reject": self._reject,
        }

    def document(self, root: Element) -> Document:
        verbs = [verb for child in root if (verb := self._verb(child)) is not None]
        if any(isinstance(verb, Reject) for verb in verbs[1:]):
            self._warnings.append("<Reject> is not the first verb")
        return Document(tuple(verbs), tuple(self._warnings))

    def _verb(self, element: Element) -> Verb | None:
        read = self._verbs.get(element.tag)
        if read is None:
            self._warnings.append(f"<{element.tag}> is not a verb known here")
            return None
        return read(element)

    def _connect(self, element: Element) -> Connect:
        fields = self._attributes(element, action="", method="POST")
        if len(element) != 1 or element[0].tag != "Stream":
            raise TwimlError(12200, "<Connect> does not hold exactly one <Stream>")
        action = self._absolute(fields["action"]) if fields["action"] else None
        return Connect(self._stream(element[0]), action, fields["method"])

    def _stream(self, element: Element) -> Stream:
        fields = self._attributes(
            element,
            url="",
            name="",
            track="inbound_track",
            statusCallback="",
            statusCallbackMethod="POST",
        )
        if fields["track"] != "inbound_track":
            raise TwimlError(31941, f"track {fields['track']!r} under <Connect>")
        callback = fields["statusCallback"]
        return Stream(
            url=self._stream_url(fields["url"]),
            name=fields["name"],
            status_callback=self._absolute(callback) if callback else None,
            status_callback_method=fields["statusCallbackMethod"],
            parameters=tuple(self._parameter(child) for child in element),
        )

    def _stream_url(self, written: str) -> str:
        if not written:
            raise TwimlError(31923, "<Stream> has no url")
        if "//" not in written:
            absolute = urlsplit(self._absolute(written))
            scheme = {"https": "wss", "http": "ws"}.get(absolute.scheme, absolute.scheme)
            written = urlunsplit(absolute._replace(scheme=scheme))
        check_stream_url(written)
        return written

    def _parameter(self, element: Element) -> tuple[str, str]:
        if element.tag != "Parameter":
            raise TwimlError(12200, f"<{element.tag}> in <Stream>")
        fields = self._attributes(element, name="", value="")
        pair = (fields["name"], fields["value"])
        if not pair[0] or len(pair[0]) + len(pair[1]) >= MAX_PARAMETER_CHARS:
            raise TwimlError(12200, f"<Parameter> {pair[0][:40]!r}: no name, or too long")
        return pair

    def _dial(self, element: Element) -> Dial:
        fields = self._attributes(
            element, action="", method="POST", timeout="30", answerOnBridge="false"
        )
        if len(element) != 1 or element[0].tag != "Number":
            raise TwimlError(12200, "<Dial> does not hold exactly one <Number>")
        number = (element[0].text or "").strip()
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
            raise TwimlError(13224, f"{number[:40]!r} is not a number to dial")
        action = self._absolute(fields["action"]) if fields["action"] else None
        return Dial(number, action, fields["method"], _seconds(fields["timeout"]))

    def _record(self, element: Element) -> Record:
        fields = self._attributes(
            element,
            action="",
            method="POST",
            maxLength="3600",
            timeout="5",
            finishOnKey="1234567890*#",
            playBeep="true",
            trim="trim-silence",
            recordingStatusCallback="",
            recordingStatusCallbackMethod="POST",
        )
        callback = fields["recordingStatusCallback"]
        return Record(
            action=self._absolute(fields["action"]) if fields["action"] else None,
            method=fields["method"],
            max_s=_seconds(fields["maxLength"]),
            status_callback=self._absolute(callback) if callback else None,
            status_callback_method=fields["recordingStatusCallbackMethod"],
        )

    def _say(self, element: Element) -> Say:
        self._attributes(element, voice="", language="", loop="")
        return Say(" ".join("".join(element.itertext()).split()))

    def _play(self, element: Element) -> Play:
        fields = self._attributes(element, digits="", loop="")
        return Play((element.text or "").strip(), fields["digits"])

    def _pause(self, element: Element) -> Pause:
        return Pause(_seconds(self._attributes(element, length="1")["length"]))

    def _redirect(self, element: Element) -> Redirect:
        fields = self._attributes(element, method="POST")
        return Redirect(self._absolute((element.text or "").strip()), fields["method"])

    def _hangup(self, element: Element) -> Hangup:
        self._attributes(element)
        return Hangup()

    def _reject(self, element: Element) -> Reject:
        return Reject(self._attributes(element, reason="rejected")["reason"])

    def _absolute(self, written: str) -> str:
        try:
            return urljoin(self._url, written)
        except ValueError as error:
            raise TwimlError(11100, f"{written!r}: {error}") from None

    def _attributes(self, element: Element, **known: str) -> dict[str, str]:
        """The element's attributes over their defaults; unknown ones are warned about."""
        for name in element.attrib.keys() - known.keys():
            self._warnings.append(f"<{element.tag}> has no attribute {name!r}")
        fields = {name: element.get(name, default) for name, default in known.items()}
        for name in ("method", "statusCallbackMethod", "recordingStatusCallbackMethod"):
            if name in fields and fields[name] not in ("GET", "POST"):
                raise TwimlError(12200, f"<{element.tag} {name}={fields[name]!r}>")
        return fields
