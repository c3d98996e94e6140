"""The page of the log of calls: what is asked for, what was found, and where to go on."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from agents.money import Cost
from telephony.calllog import CallLog
from telephony.console.access.audit import Audit
from telephony.console.access.policy import current, needs
from telephony.console.access.roles import Right, Who
from telephony.console.calls import noted, paged, running_now, views_for
from telephony.console.desk import Desk
from telephony.console.rendering import HOME, page
from telephony.transcripts.index.asked import (
    FIELDS,
    ORDERING,
    Asked,
    Order,
    Sort,
    address,
    lenient,
)
from telephony.transcripts.index.page import Page
from telephony.transcripts.index.row import BAD_ENDS, OUTCOMES, UNKNOWN_MICROS, CallRow
from telephony.transcripts.text import outcome

CALLS = f"{HOME}/calls"
_MORE = frozenset(FIELDS) - {"q", "from", "to", "outcome", "persona"}
"""Filters that are folded away as long as none of them is set."""

Me = Annotated[Who, Depends(current)]


def calls_page_router(log: CallLog, audit: Audit) -> APIRouter:
    """The page of all calls; that of one call is another's."""
    router = APIRouter(prefix="/calls", dependencies=[needs(Right.VIEW)])
    desk = Desk("calls page")

    @router.get("")
    async def calls(request: Request, who: Me) -> Response:
        return await desk.do(lambda: _listed(request, log, audit, who))

    return router


def _listed(request: Request, log: CallLog, audit: Audit, who: Who) -> Response:
    given = {name: value for name, value in request.query_params.items() if value.strip()}
    question, problems = lenient(given, log.zone, hears=who.may(Right.HEAR))
    noted(audit, who, question)
    found = paged(log, who, question)
    first = question.before is None and question.after is None
    only_live = first and not question.filters.any
    return page(
        request,
        "calls.html",
        given={name: given.get(name, "") for name in (*FIELDS, *ORDERING)},
        question=question,
        problems={bad.field: bad.what for bad in problems},
        found=found,
        running=running_now(log, who) if only_live else [],
        choices=_choices(log.search.choices()),
        views=views_for(log, who),
        more=bool(_MORE & given.keys()),
        links=_links(given, question, found),
        sorts=_sorts(given, question),
        shown=_Shown(),
    )


def _choices(there_are: Mapping[str, list[str]]) -> dict[str, list[tuple[str, str]]]:
    """Pairs of value and name for each list to choose from."""
    personas = [(name or "-", name or "Built-in") for name in there_are["persona"]]
    known = set(there_are["outcome"])
    outcomes = [(each, outcome(each)) for each in OUTCOMES if each in known]
    plain = {name: [(each, each) for each in there_are[name]] for name in ("tool", "label")}
    engines = [(each, each) for each in there_are["engine"] if each]
    return {"persona": personas, "outcome": outcomes, "engine": engines, **plain}


def _links(given: Mapping[str, str], question: Asked, found: Page) -> dict[str, str]:
    """Addresses that the page leads on to; empty where there is nothing."""
    further, back = found.after, found.before
    whole = address(given, limit=None)
    return {
        "after": "" if further is None else f"{CALLS}?{address(given, after=further)}",
        "before": "" if back is None else f"{CALLS}?{address(given, before=back)}",
        "first": f"{CALLS}?{address(given)}" if question.after or question.before else "",
        "csv": f"/api/v1/calls/export.csv?{whole}",
        "jsonl": f"/api/v1/calls/export.jsonl?{whole}",
        "query": whole,
    }


def _sorts(given: Mapping[str, str], question: Asked) -> dict[str, dict[str, str]]:
    """For each column that can be sorted by: where its heading leads, and how it is sorted."""
    return {sort.value: _sort(given, question, sort) for sort in Sort}


def _sort(given: Mapping[str, str], question: Asked, sort: Sort) -> dict[str, str]:
    here = question.sort is sort
    turned = Order.ASC if here and question.order is Order.DESC else Order.DESC
    aria = {Order.DESC: "descending", Order.ASC: "ascending"}[question.order] if here else "none"
    return {
        "href": f"{CALLS}?{address(given, sort=sort.value, order=turned.value)}",
        "aria": aria,
        "arrow": {"descending": "↓", "ascending": "↑"}.get(aria, ""),
    }


class _Shown:
    """How what is known of a call stands in a cell."""

    outcome = staticmethod(outcome)

    def length(self, row: CallRow) -> str:
        """`1:05`, `1:02:03`."""
        minutes, seconds = divmod(row.duration_ms // 1000, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    def cost(self, row: CallRow) -> str:
        if row.cost_micros == UNKNOWN_MICROS:
            return "-"
        return str(Cost(row.cost_micros, row.cost_unknown)).replace("at least ", "≥ ")

    def outcome_kind(self, row: CallRow) -> str:
        return "bad" if row.outcome in BAD_ENDS else ""

    def silence(self, row: CallRow) -> str:
        """Only where it was long enough to be noticed."""
        return f"{row.silence_ms / 1000:.1f} s" if row.silence_ms >= _LONG_SILENCE_MS else ""


_LONG_SILENCE_MS = 3_000
