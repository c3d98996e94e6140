"""Did this request come from a page of ours? Which addresses are ours, and what a browser says."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from telephony.values import LOOPBACK

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Origins:
    """The addresses of ours: those set, and any by which this machine is reached without a name.

    A name nobody set is not ours, although it led here: it may be somebody's who lets it point
    to this machine (DNS rebinding).
    """

    def __init__(self, *urls: str) -> None:
        self._own = frozenset(_origin(url) for url in urls)

    @property
    def secure(self) -> bool:
        """Whether browsers come here by TLS."""
        return any(origin.startswith("https://") for origin in self._own)

    def is_own(self, origin: str, host: str) -> bool:
        """`origin` and `host` as the headers of a request say them."""
        if origin in self._own:
            return True
        there = urlsplit(origin)
        return there.scheme in ("http", "https") and there.netloc == host and _nameless(host)

    def is_foreign(self, method: str, headers: Mapping[str, str], *, socket: bool = False) -> bool:
        """Whether a browser says that a page of others is behind this request.

        Sockets are refused without an Origin, too: no browser opens one without saying it.
        """
        origin = headers.get("origin")
        if origin is not None:
            return not self.is_own(origin, headers.get("host", ""))
        return socket or _fetched_elsewhere(method, headers)


def _fetched_elsewhere(method: str, headers: Mapping[str, str]) -> bool:
    """By https://www.w3.org/TR/fetch-metadata/: following a link from anywhere is all right."""
    site = headers.get("sec-fetch-site", "none")
    followed = headers.get("sec-fetch-mode") == "navigate" and method in SAFE
    return site not in ("none", "same-origin") and not followed


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _nameless(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name in LOOPBACK:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
