"""The routes of gradual roll-outs: begin one, change it, end it, and see how it does."""

import datetime as dt
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Response
from pydantic import Field

from telephony.console import views
from telephony.console.access.policy import needs
from telephony.console.access.roles import Right, Who
from telephony.console.problems import Refused
from telephony.console.routes import (
    Author,
    Before,
    Limit,
    Me,
    problems_of,
    reader_of,
    unread,
)
from telephony.console.views import MAX_ID, ErrorView, Id, View, Why
from telephony.console.workshop import Workshop
from telephony.transcripts.discretion import last_two
from tools.phone import e164
from tools.rollout.decision import Verdict, due_at
from tools.rollout.rollouts import Event, Refusal
from tools.rollout.spec import Arm, Counts, Rollout, Rule
from tools.versions.spec import Behind, Broken, Unread

RolloutId = Annotated[int, Path(ge=1, le=MAX_ID, description="The id of a roll-out.")]
Percent = Annotated[float, Field(ge=0, le=100, description="Of callers.")]
Numbers = Annotated[
    list[Annotated[str, Field(max_length=40)]],
    Field(
        default_factory=list,
        max_length=200,
        description="Calls to these numbers of yours, and from these of callers, have it.",
    ),
]
_EDIT = [needs(Right.EDIT)]
PAGE = 20


class RuleView(View):
    """When the guard takes a version back."""

    least_calls: Annotated[int, Field(ge=5, le=10_000)] = 30
    doubt: Annotated[
        float, Field(gt=0, le=0.5, description="The chance of a false alarm, over all looks.")
    ] = 0.05
    margin: Annotated[
        float, Field(ge=0, le=1, description="By what share of calls it must be worse, too.")
    ] = 0.02
    silence_ms: Annotated[
        int, Field(ge=500, le=60_000, description="A caller who waited so long was owed words.")
    ] = 4_000


class RolloutBody(View):
    version: Id
    percent: Percent = 0.0
    numbers: Numbers
    rule: RuleView = RuleView()
    why: Why = ""


class ChangeBody(View):
    percent: Percent
    numbers: Numbers
    why: Why = ""


class EndBody(View):
    why: Why = ""


class FindingView(View):
    measure: str
    old_share: float
    new_share: float
    chance: float = Field(description="Of at least so many, were both versions equally good.")
    limit: float
    worse: bool


class RolloutEventView(View):
    id: int
    what: str
    who: str
    at: dt.datetime
    why: str
    look: int | None
    findings: list[FindingView]


class CountsView(View):
    calls: int
    tool_error: int
    owed_silence: int
    transferred: int
    broke_off: int


class RolloutView(View):
    id: int
    version: int
    base: int
    percent: float
    numbers: list[str]
    rule: RuleView
    state: Literal["running", "rolled-back", "stopped", "published", "superseded"]
    looks: int
    who: str
    why: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    ended_by: str
    ended_because: str


class RolloutDetailView(View):
    rollout: RolloutView
    old: CountsView
    new: CountsView
    next_look_at: int = Field(description="Calls of the new version at which it is judged next.")
    events: list[RolloutEventView] = Field(description="Newest first.")


class RolloutsView(View):
    """Newest first."""

    rollouts: list[RolloutView]
    next: int | None = Field(description="Give it as `before` to page on; null at the end.")


def rollouts_router(shop: Workshop) -> APIRouter:
    """Everything under /rollouts."""
    router = APIRouter(prefix="/rollouts", tags=["roll-outs"], dependencies=[needs(Right.VIEW)])
    _reading(router, shop)
    _acting(router, shop)
    return router


def _reading(router: APIRouter, shop: Workshop) -> None:
    @router.get("", response_model=RolloutsView)
    async def rollouts(who: Me, limit: Limit = PAGE, before: Before = None) -> Response:
        """Every roll-out there was."""

        def work() -> RolloutsView:
            found = shop.rollouts.history(limit, before)
            further = found[-1].id if len(found) == limit else None
            return RolloutsView(rollouts=[rollout_view(each, who) for each in found], next=further)

        return await shop.config.show(work)

    @router.get("/{rollout}", response_model=RolloutDetailView, responses=problems_of(404))
    async def rollout(rollout: RolloutId, who: Me) -> Response:
        """One roll-out: what its calls have come to, and what the guard made of it."""
        return await shop.config.show(lambda: detail_of(shop, rollout, who))


def _acting(router: APIRouter, shop: Workshop) -> None:
    @router.post("", responses=problems_of(404, 409), dependencies=_EDIT)
    async def start(body: RolloutBody, author: Author, who: Me) -> RolloutView:
        """Let some calls go by a version, beside the one that is published."""
        return await shop.config.do(lambda: started(shop, body, author, who))

    @router.post("/{rollout}/change", responses=problems_of(404, 409), dependencies=_EDIT)
    async def change(rollout: RolloutId, body: ChangeBody, author: Author, who: Me) -> RolloutView:
        """Let more calls go by it, or fewer."""
        return await shop.config.do(lambda: altered(shop, rollout, body, author, who))

    @router.post("/{rollout}/stop", responses=problems_of(404, 409), dependencies=_EDIT)
    async def stop(rollout: RolloutId, body: EndBody, author: Author, who: Me) -> RolloutView:
        """Back to the version that is published, for all calls that begin from now on."""
        return await shop.config.do(lambda: stopped(shop, rollout, body, author, who))

    @router.post("/{rollout}/publish", responses=problems_of(404, 409), dependencies=_EDIT)
    async def publish(rollout: RolloutId, body: EndBody, author: Author, who: Me) -> RolloutView:
        """On to everybody."""
        return await shop.config.do(lambda: finished(shop, rollout, body, author, who))


# ---- what is done; all of it blocks --------------------------------------------------------------


def started(shop: Workshop, body: RolloutBody, author: str, who: Who) -> RolloutView:
    """Raises Refused, or NoVersion."""
    numbers = _numbers(body.numbers)
    if not body.percent and not numbers:
        raise Refused(422, "no-calls", "Say which calls: a percentage, numbers, or both.")
    rule = Rule(**body.rule.model_dump())
    found = shop.rollouts.start(
        body.version, body.percent, numbers, rule, author, body.why, reader=reader_of(who)
    )
    if isinstance(found, Unread):
        raise unread(shop.audit, who, found)
    rollout = _typed(found)
    return _told(shop, "rollout.start", rollout, who)


def altered(
    shop: Workshop, rollout_id: int, body: ChangeBody, author: str, who: Who
) -> RolloutView:
    numbers = _numbers(body.numbers)
    found = shop.rollouts.change(rollout_id, body.percent, numbers, author, body.why)
    return _told(shop, "rollout.change", _typed(found), who)


def stopped(shop: Workshop, rollout_id: int, body: EndBody, author: str, who: Who) -> RolloutView:
    found = shop.rollouts.stop(rollout_id, author, body.why)
    return _told(shop, "rollout.stop", _typed(found), who)


def finished(shop: Workshop, rollout_id: int, body: EndBody, author: str, who: Who) -> RolloutView:
    found = shop.rollouts.publish(rollout_id, author, body.why, reader=reader_of(who))
    if isinstance(found, Unread):
        raise unread(shop.audit, who, found)
    if found is None or isinstance(found, Refusal | Broken | Behind):
        _typed(found)
    shop.config.moved()
    ended = shop.rollouts.find(rollout_id)
    assert ended is not None, "it was there just now"
    return _told(shop, "rollout.publish", ended, who)


def _typed(found: Rollout | Refusal | Broken | Behind | object | None) -> Rollout:
    match found:
        case Rollout():
            return found
        case Refusal(code, message):
            raise Refused(409, _REFUSALS[code], message)
        case Broken(errors):
            detail = "These files cannot be published, so no call can go by them."
            raise Refused(422, "broken", detail, errors=views.error_views(errors))
        case Behind(_, published):
            detail = (
                f"It does not hold what version {published}, which is published, has. Save your"
                " change again upon the newest version. To go back, roll back."
            )
            raise Refused(409, "behind", detail)
        case _:
            raise Refused(404, "no-rollout", "There is no such roll-out.")


_REFUSALS = {
    "running": "rollout-running",
    "published": "already-published",
    "nothing-published": "nothing-published",
    "over": "rollout-over",
}


def _numbers(given: list[str]) -> tuple[str, ...]:
    found = {each: e164(each) for each in given}
    wrong = [each for each, number in found.items() if number is None]
    if wrong:
        errors = [
            ErrorView(where="numbers", what=f"{each!r} is no number", hint="Write +442079460000")
            for each in wrong
        ]
        raise Refused(
            422, "bad-number", "Write numbers in full, like +442079460000.", errors=errors
        )
    return tuple(dict.fromkeys(number for number in found.values() if number))


def _told(shop: Workshop, action: str, rollout: Rollout, who: Who) -> RolloutView:
    facts = {"version": rollout.version, "percent": rollout.percent, "state": rollout.state.value}
    shop.audit.record(who, action, f"roll-out {rollout.id}", None, facts)
    shop.rolled()
    return rollout_view(rollout, who)


# ---- from ours to theirs -------------------------------------------------------------------------


def rollout_view(found: Rollout, who: Who) -> RolloutView:
    """Numbers as this reader may know them: some are callers'."""
    if not who.may(Right.HEAR):
        hidden = tuple(last_two(each) or "" for each in found.numbers)
        found = msgspec.structs.replace(found, numbers=hidden)
    return RolloutView.model_validate(msgspec.to_builtins(found, builtin_types=(dt.datetime,)))


def detail_of(shop: Workshop, rollout_id: int, who: Who) -> RolloutDetailView:
    """Raises Refused."""
    found = _typed(shop.rollouts.find(rollout_id))
    counts = shop.rollouts.counts(rollout_id)
    events = shop.rollouts.events(rollout_id)
    return RolloutDetailView(
        rollout=rollout_view(found, who),
        old=_counts(counts[Arm.OLD]),
        new=_counts(counts[Arm.NEW]),
        next_look_at=due_at(found.looks + 1, found.rule),
        events=[_event(each) for each in events],
    )


def _counts(counts: Counts) -> CountsView:
    return CountsView.model_validate(msgspec.to_builtins(counts))


def _event(event: Event) -> RolloutEventView:
    verdict: Verdict | None = event.verdict
    return RolloutEventView(
        id=event.id,
        what=event.what,
        who=event.who,
        at=event.at,
        why=event.why,
        look=verdict.look if verdict else None,
        findings=[
            FindingView.model_validate(msgspec.to_builtins(each))
            for each in (verdict.findings if verdict else ())
        ],
    )
