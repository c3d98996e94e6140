"""Makes a tool of an `http:` section: plans the request, sends it, tells what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog
from yarl import URL

from tools.breaker import Breaker
from tools.http import templates
from tools.http.addresses import listed
from tools.http.answers import Done, Failed, Refused, Unknown, Verdict, judge, matches
from tools.http.check import problems
from tools.http.door import NoAnswerError, NotSentError
from tools.http.plan import (
    MAX_HOPS,
    REDIRECTS,
    NotFollowedError,
    Request,
    Response,
    plan,
    redirected,
)
from tools.http.section import HttpSection, checking, read
from tools.spec import (
    AnyArguments,
    BackendError,
    OutcomeUnknownError,
    Reconcile,
    Result,
    Risk,
    Tool,
    ToolContext,
    ToolRefusal,
)

MARGIN_S = 0.2
"""Kept of the tool's deadline, so that the handler ends before it is ended."""

log = structlog.get_logger()
Fetch = Callable[[Request], Awaitable[Response]]
"""`tools.http.door.Door.fetch`."""


def http_tool(
    section: Mapping[str, Any],
    base: Tool,
    secrets: Mapping[str, str],
    fetch: Fetch,
    *,
    breakers: Callable[[str], Breaker],
    loop: asyncio.AbstractEventLoop | None = None,
) -> Tool:
    """`base`, every other field of the tool file, with a handler that makes this call.

    `breakers` gives the breaker of a host. It is tried once: trying again is the dispatcher's,
    as often as the section's `retries:` says. `loop` is where `fetch` runs, for the section's
    `check:`; without it nobody is asked. Raises ValueError for a section with problems: see
    `tools.http.check.problems`.
    """
    if found := problems(section, base, secrets):
        raise ValueError("; ".join(f"{each.path}: {each.what}" for each in found))
    about = read(section)
    call = _Call(about, base, dict(secrets), fetch, breakers)
    retries = base.retries if about.retries is msgspec.UNSET else about.retries
    made = msgspec.structs.replace(base, arguments=AnyArguments, handler=call.run, retries=retries)
    if isinstance(about.check, msgspec.UnsetType) or loop is None:
        return made
    question = msgspec.structs.replace(base, risk=Risk.READ)
    asked = _Call(checking(about, about.check), question, dict(secrets), fetch, breakers)
    return msgspec.structs.replace(made, reconcile=_reconcile(asked, loop, base.deadline_s))


def _reconcile(asked: "_Call", loop: asyncio.AbstractEventLoop, deadline_s: float) -> Reconcile:
    """Called in a thread; the request goes out on the loop."""

    def reconcile(context: ToolContext) -> Result | None:
        try:
            given, request = asked.planned({}, context)
        except ToolRefusal:
            # What was never asked says nothing of what was done.
            raise BackendError("check_not_sent", permanent=True) from None
        answer = asyncio.run_coroutine_threadsafe(asked.sent(request, given, context), loop)
        try:
            return answer.result(deadline_s)
        except ToolRefusal:
            return None
        except TimeoutError:
            answer.cancel()
            raise BackendError("timeout", permanent=False) from None

    return reconcile


class _Call:
    def __init__(
        self,
        section: HttpSection,
        tool: Tool,
        secrets: Mapping[str, str],
        fetch: Fetch,
        breakers: Callable[[str], Breaker],
    ) -> None:
        self._section = section
        self._tool = tool
        self._writes = tool.risk.writes
        self._secrets = secrets
        self._fetch = fetch
        self._breakers = breakers

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Result:
        given, request = self.planned(arguments, context)
        return await self.sent(request, given, context)

    def planned(
        self, arguments: Mapping[str, Any], context: ToolContext
    ) -> tuple[templates.Values, Request]:
        """Raises ToolRefusal for a value that cannot be sent."""
        given = templates.values(arguments, context, self._secrets)
        return given, plan(self._section, given, writes=self._writes)

    async def sent(self, request: Request, given: templates.Values, context: ToolContext) -> Result:
        ends_at = _now() + self._tool.deadline_s - MARGIN_S
        verdict = await self._once(request, given, ends_at)
        match verdict:
            case Done(result):
                return result
            case Refused(message):
                raise ToolRefusal(message)
            case Failed(reason, permanent, after_s):
                self._note(context, request, reason)
                raise BackendError(reason, permanent=permanent, retry_after_s=after_s)
            case Unknown(reason, after_s):
                self._note(context, request, reason)
                raise OutcomeUnknownError(reason, retry_after_s=after_s)

    def _note(self, context: ToolContext, request: Request, reason: str) -> None:
        host = URL(request.url, encoded=True).host
        log.warning(
            "http_tool_failed", call_id=context.call_id, tool=self._tool.name, host=host,
            reason=reason,
        )  # fmt: skip

    async def _once(self, request: Request, given: templates.Values, ends_at: float) -> Verdict:
        breaker = self._breakers(listed(URL(request.url, encoded=True)))
        if not breaker.allows(_now()):
            return Failed("breaker_open", permanent=False)
        try:
            response = await self._answered(request, ends_at)
        except NotSentError as error:
            breaker.failed(_now())
            return Failed(error.reason, permanent=error.permanent)
        except NoAnswerError as error:
            breaker.failed(_now())
            return self._lost(error.reason)
        except NotFollowedError as error:
            breaker.succeeded()
            acted = error.acted and self._writes
            return Unknown(error.reason) if acted else Failed(error.reason, permanent=True)
        if response.status >= 500 or response.status == 429:
            breaker.failed(_now())
        else:
            breaker.succeeded()
        return judge(self._section, response, given, writes=self._writes)

    def _lost(self, reason: str) -> Verdict:
        return Unknown(reason) if self._writes else Failed(reason, permanent=False)

    async def _answered(self, request: Request, ends_at: float) -> Response:
        """The answer at the end of all redirects."""
        for _ in range(MAX_HOPS + 1):
            left_s = max(0.01, ends_at - _now())
            timeout_s = min(request.timeout_s, left_s)
            response = await self._fetch(msgspec.structs.replace(request, timeout_s=timeout_s))
            if response.status not in REDIRECTS or _is_named(self._section, response.status):
                return response
            request = redirected(request, response)
        raise NotFollowedError("too_many_redirects", acted=False)


def _is_named(section: HttpSection, status: int) -> bool:
    answer = section.answer
    codes = (*answer.done, *answer.failed, *answer.unknown, *answer.refused)
    return matches(status, codes)


def _now() -> float:
    return asyncio.get_running_loop().time()
