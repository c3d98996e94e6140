"""What each route asks for: every route says it itself, and one that does not stops the start."""

import re
from collections.abc import Iterable
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.routing import compile_path

from telephony.console.access.roles import Right, Who
from telephony.console.problems import Refused

WHO = "frontdesk.who"
"""Where in an ASGI scope it stands who asks."""


class Needs:
    """A dependency of a route; None: anybody may come."""

    def __init__(self, right: Right | None) -> None:
        self.right = right

    async def __call__(self, connection: HTTPConnection) -> None:
        # The gate has looked already; this is for an app that somebody serves without one.
        if self.right is not None and not current(connection).may(self.right):
            raise forbidden(self.right)


def needs(right: Right) -> Any:
    """For `dependencies=[...]` of a route or a router: only who has this right gets in.

    A route that several of these apply to wants all of the rights.
    """
    return Depends(Needs(right))


def anybody() -> Any:
    """For `dependencies=[...]`: also who is not signed in. For signing in and styles only."""
    return Depends(Needs(None))


def current(connection: HTTPConnection) -> Who:
    """A FastAPI dependency: who asks. Raises Refused (401) where that is not known."""
    who = connection.scope.get(WHO)
    if who is None:
        raise stranger()
    assert isinstance(who, Who)
    return who


def stranger() -> Refused:
    detail = "Give a key as Authorization: Bearer KEY, or sign in."
    challenge = {"WWW-Authenticate": 'Bearer realm="frontdesk"'}
    return Refused(401, "no-key", detail, headers=challenge)


def forbidden(right: Right) -> Refused:
    detail = f"This takes the right to {right.value}, which you do not have."
    return Refused(403, "no-right", detail)


class Rule:
    """What one route asks for; no rights: anybody may come."""

    def __init__(self, path: str, methods: Iterable[str], rights: frozenset[Right]) -> None:
        self.path = path
        self.methods = frozenset(methods)
        """Empty for a WebSocket."""
        self.rights = rights
        self._regex = re.compile(compile_path(path)[0].pattern, re.DOTALL)

    def covers(self, path: str, method: str | None) -> bool:
        """`method` is None for a WebSocket."""
        kind = not self.methods if method is None else method in self.methods
        return kind and self._regex.match(path) is not None


class Policy:
    """The one table of an application: every route and what it asks for, in their order."""

    def __init__(self, app: FastAPI) -> None:
        """Raises AssertionError naming all routes that do not say what they ask for."""
        self.rules: list[Rule] = []
        undeclared = []
        for route in iter_route_contexts(app.routes):
            declared = _declared(route)
            if declared is None or route.path is None:
                undeclared.append(f"{route.path} {sorted(route.methods or ())}")
            else:
                self.rules.append(Rule(route.path, route.methods or (), declared))
        assert not undeclared, f"routes that do not say which right they need: {undeclared}"

    def of(self, path: str, method: str | None) -> frozenset[Right] | None:
        """What is asked for; None where there is no such route."""
        return next((rule.rights for rule in self.rules if rule.covers(path, method)), None)


def _declared(route: Any) -> frozenset[Right] | None:
    needed = [
        each.dependency
        for each in getattr(route, "dependencies", None) or ()
        if isinstance(each.dependency, Needs)
    ]
    if not needed:
        return None
    return frozenset(each.right for each in needed if each.right is not None)
