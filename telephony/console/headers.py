"""The headers that every answer of the console and the API carries, whatever it is."""

import re
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "require-trusted-types-for 'script'",
    )
)
SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # "no-referrer" would take the Origin from our own forms, too.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
}
_TLS_FOR_S = 31_536_000


class SecurityHeaders:
    """What an answer says itself stays, but that it may be kept."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        """`secure`: browsers come by TLS, and are told to come by nothing else."""
        self.gate = app
        self._headers = dict(SECURITY)
        if secure:
            self._headers["Strict-Transport-Security"] = f"max-age={_TLS_FOR_S}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.gate(scope, receive, with_headers)


def mounted(path: str, app: SecurityHeaders) -> Mount:
    """An application under a path, and nothing of it outside."""
    mount = Mount(path, app=app)
    # A line feed in a path would lead past the mount, and so past the gate.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount
