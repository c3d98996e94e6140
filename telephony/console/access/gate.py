"""Stands before a whole application: nothing behind it is reached but by who may.

In this order: who asks and how often, whether the route's rights are theirs, whether a page of
others is behind it, whether it carries the token of its session, and no body longer than it may be.
What goes on for long, such as a stream of events, ends when its session does.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qs

import structlog
from fastapi import HTTPException, Request, Response
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.tasks import Tasks
from telephony.console.access import cookies, roles
from telephony.console.access.access import Access
from telephony.console.access.origins import SAFE
from telephony.console.access.policy import WHO, Policy, Rule, forbidden, stranger
from telephony.console.access.roles import Who
from telephony.console.access.throttle import Bucket, Buckets, Rate
from telephony.console.access.tokens import csrf_token, new_token, same
from telephony.console.problems import KNOWN, TYPE, Refused, problem_of
from telephony.plain import plain
from tools.spec import BackendError
from tools.store import CommitUnknownError

log = structlog.get_logger()

MAX_BODY_BYTES = 256 * 1024
RECHECK_S = 5.0
_NOTES = Rate(60, 0.1)
"""So many strangers are written down: the log must not be theirs to fill."""
CSRF = "frontdesk.csrf"
"""Where in an ASGI scope the token for forms stands."""
VISIT = "frontdesk.visit"
"""Where in an ASGI scope it stands what a stranger's browser is to be given; None: it has it."""
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
_FORM = "application/x-www-form-urlencoded"
_TOO_LARGE = f"A body may have {MAX_BODY_BYTES >> 10} KiB."

Deny = Callable[[Request, Refused], Response]
"""How an application says no."""


class _Visitor(NamedTuple):
    who: Who | None
    secret: str
    """What the tokens of forms are made from; empty for programs."""
    key: str = ""
    """A program's."""
    fresh: bool = False
    """The browser does not have it yet."""


class Gate:
    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        policy: Policy,
        deny: Deny,
        recheck_s: float = RECHECK_S,
    ) -> None:
        self._app = app
        self._access = access
        self.policy = policy
        self._deny = deny
        self._recheck_s = recheck_s
        self._tasks = Tasks(_recheck_failed)
        self._clients = Buckets(access.rate)
        # Several people may come by one address, and nothing is looked up for who is too fast.
        self._addresses = Buckets(Rate(access.rate.most * 5, access.rate.per_s * 5))
        self._strangers = Bucket(*_NOTES, time.monotonic())
        secure = access.origins.secure
        self._session = cookies.session_name(secure=secure)
        self._visit = cookies.visit_name(secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] in ("http", "websocket"), "nothing else is mounted"
        connection = HTTPConnection(scope)
        try:
            visitor, receive = await self._admit(connection, receive)
        except KNOWN as error:
            refused = problem_of(error)
            await self._note(connection, refused)
            await self._refuse(refused, scope, receive, send)
            return
        await self._pass(connection, visitor, receive, send)

    async def _refuse(self, refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            # Closed before it is open: that is a 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._deny(Request(scope), refused)(scope, receive, send)

    # ---- who, and may they ---------------------------------------------------------------------

    async def _admit(
        self, connection: HTTPConnection, receive: Receive
    ) -> tuple[_Visitor, Receive]:
        """Raises Refused, or what the database raises."""
        scope = connection.scope
        method = scope.get("method")
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        self._check_rate(self._addresses, _ip(connection))
        rule = self.policy.of(path, method)
        files = rule is not None and rule.files
        visitor = _Visitor(None, "") if files else await self._visitor(connection)
        scope[WHO] = visitor.who
        scope[CSRF] = csrf_token(visitor.secret)
        scope[VISIT] = (self._visit, visitor.secret) if visitor.fresh else None
        self._check_rate(self._clients, visitor.who.id if visitor.who else _ip(connection))
        _check_right(visitor.who, rule)
        if visitor.secret:
            self._check_origin(connection, method)
        if method is None:
            return visitor, receive
        receive = _bounded(connection, receive)
        if visitor.secret and method not in SAFE:
            receive = await _checked_token(connection, receive, csrf_token(visitor.secret))
        return visitor, receive

    async def _visitor(self, connection: HTTPConnection) -> _Visitor:
        ip = _ip(connection)
        given = connection.headers.getlist("authorization")
        if given:
            scheme, _, key = given[0].partition(" ")
            if len(given) > 1 or scheme.lower() != "bearer":
                raise stranger()
            key = key.strip()
            who = await self._access.desk.do(lambda: self._access.program_by(key, ip))
            return _Visitor(who, "", key)
        if token := cookies.cookie(connection, self._session):
            who = await self._access.desk.do(lambda: self._access.user_by(token, ip))
            if who is not None:
                return _Visitor(who, token)
        visit = cookies.cookie(connection, self._visit)
        return _Visitor(None, visit or new_token(), fresh=not visit)

    def _check_rate(self, buckets: Buckets, client: str) -> None:
        if wait_s := buckets.wait_s(client, time.monotonic()):
            detail = "Too many requests; try again when Retry-After says."
            raise Refused(429, "too-many", detail, headers={"Retry-After": str(wait_s)})

    def _check_origin(self, connection: HTTPConnection, method: str | None) -> None:
        headers = {name: connection.headers[name] for name in connection.headers}
        if self._access.origins.is_foreign(method or "GET", headers, socket=method is None):
            detail = "This was asked for by a page that is not ours."
            raise Refused(403, "foreign-origin", detail)

    async def _note(self, connection: HTTPConnection, refused: Refused) -> None:
        """Write down who was kept from changing something."""
        scope, access = connection.scope, self._access
        method = scope.get("method", "WEBSOCKET")
        if refused.problem.status not in (401, 403) or method in SAFE:
            return
        who = scope.get(WHO)
        if who is None:
            if self._strangers.wait_s(time.monotonic()):
                return
            who = roles.stranger("", _ip(connection))
        named = f"{method} {plain(scope['path'])}"
        why = {"why": refused.problem.type.removeprefix(TYPE)}
        with contextlib.suppress(Refused, BackendError, CommitUnknownError):
            await access.desk.do(lambda: access.audit.record(who, "denied", named, after=why))

    # ---- as long as it lasts -------------------------------------------------------------------

    async def _pass(
        self, connection: HTTPConnection, visitor: _Visitor, receive: Receive, send: Send
    ) -> None:
        """What is behind the gate, ended when who asked may not come any more."""
        task = asyncio.current_task()
        assert task is not None, "runs on the loop"
        ended = False
        watch: asyncio.Task[None] | None = None

        async def watching() -> None:
            nonlocal ended
            while await self._still(connection, visitor):  # noqa: ASYNC110, it asks
                await asyncio.sleep(self._recheck_s)
            ended = True
            task.cancel()

        async def noticed(message: Message) -> None:
            nonlocal watch
            if watch is None and visitor.who is not None and _goes_on(message):
                watch = self._tasks.start("recheck", watching())
            await send(message)

        try:
            await self._app(connection.scope, receive, noticed)
        except asyncio.CancelledError:
            if not ended or task.uncancel() > 0:
                raise
            if connection.scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
        finally:
            if watch is not None:
                watch.cancel()

    async def _still(self, connection: HTTPConnection, visitor: _Visitor) -> bool:
        """Whether they may go on with what they were let in for."""
        access, known = self._access, visitor.who
        assert known is not None, "strangers are not looked after"

        def again() -> Who | None:
            if visitor.key:
                return access.program_by(visitor.key, known.ip)
            return access.user_by(visitor.secret, known.ip, seen=False)

        try:
            who = await access.desk.do(again)
        except (Refused, BackendError):
            # That the database is down for a moment takes nobody's rights away.
            return True
        return who is not None and who.rights >= known.rights


def _check_right(who: Who | None, rule: Rule | None) -> None:
    if rule is not None and rule.anybody:
        return
    if who is None:
        # Strangers are not told either which addresses there are.
        raise stranger()
    if rule is not None and (missing := rule.missing(who)) is not None:
        raise forbidden(missing)


def _ip(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


def _goes_on(message: Message) -> bool:
    kind: str = message["type"]
    more: bool = message.get("more_body", False)
    return kind == "websocket.accept" or (kind == "http.response.body" and more)


def _recheck_failed(_name: str, error: BaseException) -> None:
    log.warning("session_recheck_failed", error=type(error).__name__)


# ---- bodies -------------------------------------------------------------------------------------


def _bounded(connection: HTTPConnection, receive: Receive) -> Receive:
    """Counts what comes: a body may be longer than it said, or not have said. Raises Refused."""
    length = connection.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise Refused(413, "too-large", _TOO_LARGE)
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return bounded


async def _checked_token(connection: HTTPConnection, receive: Receive, token: str) -> Receive:
    """The body to be read again. Raises Refused where it comes without the token."""
    given = connection.headers.get(CSRF_HEADER, "")
    if not given and connection.headers.get("content-type", "").startswith(_FORM):
        body = await _whole(receive)
        given = _field(body, CSRF_FIELD)
        receive = _again(body, receive)
    if not same(given, token):
        detail = "The form is too old, or not ours: load the page again and send it once more."
        raise Refused(403, "no-token", detail)
    return receive


def _field(body: bytes, name: str) -> str:
    try:
        fields = parse_qs(body.decode("latin-1"), max_num_fields=1_000)
    except ValueError:
        raise Refused(400, "bad-request", "There are too many fields in this form.") from None
    return fields.get(name, [""])[0]


async def _whole(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
