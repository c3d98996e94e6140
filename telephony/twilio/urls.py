"""Under which addresses does Twilio reach us?"""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from telephony.workers.addresses import callback_query, stream_segment

VOICE_PATH = "/twilio/voice"
AFTER_STREAM_PATH = "/twilio/after-stream"
STREAM_STATUS_PATH = "/twilio/stream-status"
CALL_STATUS_PATH = "/twilio/call-status"
DIAL_RESULT_PATH = "/twilio/dial-result"
VOICEMAIL_PATH = "/twilio/voicemail"
VOICEMAIL_STATUS_PATH = "/twilio/voicemail-status"
MEDIA_PATH = "/twilio/media"

_STREAM_SCHEMES = {"https": "wss", "http": "ws"}


class BadPublicUrl(ValueError):  # noqa: N818 - a bad setting, not a failure
    """The configured public URL cannot be used; the message says why."""


class PublicUrl:
    """The one base address all Twilio URLs are built from and all signatures are checked over.

    It is configured, never rebuilt from Host or X-Forwarded-* headers: those are the sender's.
    """

    def __init__(self, base: str, worker: int | None = None) -> None:
        """`base`: `https://host[:port][/prefix]`; `http` is accepted on loopback only. `worker`:
        who of several is to get the streams and callbacks that are named here.

        Raises BadPublicUrl.
        """
        parts = _split(base)
        self._scheme = parts.scheme.lower()
        self._rest = f"{parts.netloc}{parts.path.rstrip('/')}"
        self._segment = stream_segment(worker)
        self._query = callback_query(worker)

    def http(self, path: str) -> str:
        return f"{self._scheme}://{self._rest}{path}"

    def callback(self, path: str) -> str:
        """What Twilio is to ask about a call of this worker."""
        return f"{self.http(path)}{self._query}"

    def stream(self, path: str) -> str:
        return f"{_STREAM_SCHEMES[self._scheme]}://{self._rest}{path}{self._segment}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(base: str) -> SplitResult:
    try:
        parts = urlsplit(base)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadPublicUrl("the public URL cannot be read as a URL") from error
    if problem := _problem(base, parts, host):
        raise BadPublicUrl(problem)
    return parts


def _problem(base: str, parts: SplitResult, host: str | None) -> str | None:
    if not base.isascii() or not base.isprintable() or " " in base:
        return "the public URL holds characters no URL may hold"
    if parts.scheme.lower() not in _STREAM_SCHEMES or not host:
        return "the public URL must be absolute: https://host"
    if parts.scheme.lower() == "http" and not is_loopback(host):
        return "the public URL must be https; Twilio streams to wss only"
    if "@" in parts.netloc:
        return "the public URL must not hold a user name or password"
    if parts.query or parts.fragment or "?" in base or "#" in base:
        return "the public URL must not hold a query or a fragment"
    return None
