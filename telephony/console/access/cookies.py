"""The cookies of ours: what they are called, and how they are set and taken away."""

from fastapi import Response
from starlette.requests import HTTPConnection

_SESSION = "frontdesk"
_VISIT = "frontdesk-visit"


def session_name(*, secure: bool) -> str:
    # By its prefix a browser takes it only from us, by TLS, and for no other host.
    return f"__Host-{_SESSION}" if secure else _SESSION


def visit_name(*, secure: bool) -> str:
    """Of somebody who is not signed in: it binds a form to the browser that asked for it."""
    return f"__Host-{_VISIT}" if secure else _VISIT


def cookie(connection: HTTPConnection, name: str) -> str:
    """Empty when there is none. No token of ours is longer than this."""
    return connection.cookies.get(name, "")[:200]


def give(response: Response, name: str, value: str, *, secure: bool) -> None:
    """Until the browser is closed, for no script, and with no request that other pages make."""
    response.set_cookie(name, value, path="/", httponly=True, secure=secure, samesite="lax")


def take(response: Response, name: str, *, secure: bool) -> None:
    response.delete_cookie(name, path="/", httponly=True, secure=secure, samesite="lax")
