"""What each route asks for: every route says it itself, and one that does not stops the start."""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.routing import compile_path

from telephony.console.access.roles import Right, Who
from telephony.console.problems import Refused

WHO = "frontdesk.who"
"""Where in an ASGI scope it stands who asks."""


class Open(Enum):
    """What a route asks for that asks for no right."""

    ANYBODY = "anybody"
    FILES = "files"
    """The same, and it is not even looked up who it is."""
    SIGNED_IN = "signed in"


class Needs:
    """A dependency of a route."""

    def __init__(self, what: Right | Open) -> None:
        self.what = what

    async def __call__(self, connection: HTTPConnection) -> None:
        # The gate has looked already; this is for an app that somebody serves without one.
        if self.what not in (Open.ANYBODY, Open.FILES):
            who = current(connection)
            if isinstance(self.what, Right) and not who.may(self.what):
                raise forbidden(self.what)


def needs(right: Right) -> Any:
    """For `dependencies=[...]` of a route or a router: only who has this right gets in.

    A route that several of these apply to wants all of the rights.
    """
    return Depends(Needs(right))


def anybody() -> Any:
    """For `dependencies=[...]`: also who is not signed in. For signing in only."""
    return Depends(Needs(Open.ANYBODY))


def anybody_s_files() -> Any:
    """For `dependencies=[...]`: styles, scripts and pictures, the same for all."""
    return Depends(Needs(Open.FILES))


def signed_in() -> Any:
    """For `dependencies=[...]`: everybody who is known, even one who has no rights yet."""
    return Depends(Needs(Open.SIGNED_IN))


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
    """What one route asks for."""

    def __init__(self, path: str, methods: Iterable[str], asked: frozenset[Right | Open]) -> None:
        self.path = path
        self.methods = frozenset(methods)
        """Empty for a WebSocket."""
        self.asked = asked
        self.files = asked == {Open.FILES}
        self.anybody = self.files or asked == {Open.ANYBODY}
        self._regex = re.compile(compile_path(path)[0].pattern, re.DOTALL)

    def covers(self, path: str, method: str | None) -> bool:
        """`method` is None for a WebSocket."""
        kind = not self.methods if method is None else method in self.methods
        return kind and self._regex.match(path) is not None

    def missing(self, who: Who) -> Right | None:
        """A right that this visitor would have to have."""
        rights = sorted((each for each in self.asked if isinstance(each, Right)), key=_value)
        return next((right for right in rights if not who.may(right)), None)


class Policy:
    """The one table of an application: every route and what it asks for, in their order."""

    def __init__(self, app: FastAPI) -> None:
        """Raises AssertionError naming all routes that do not say what they ask for."""
        self.rules: list[Rule] = []
        undeclared = []
        for route in iter_route_contexts(app.routes):
            asked = _asked(route)
            if not asked or route.path is None:
                undeclared.append(f"{route.path} {sorted(route.methods or ())}")
            else:
                self.rules.append(Rule(route.path, route.methods or (), asked))
        assert not undeclared, f"routes that do not say which right they need: {undeclared}"

    def of(self, path: str, method: str | None) -> Rule | None:
        """The rule of the route that answers; None where there is none."""
        return next((rule for rule in self.rules if rule.covers(path, method)), None)


def _asked(route: Any) -> frozenset[Right | Open]:
    dependencies = [each.dependency for each in getattr(route, "dependencies", None) or ()]
    return frozenset(each.what for each in dependencies if isinstance(each, Needs))


def _value(right: Right) -> str:
    return right.value
