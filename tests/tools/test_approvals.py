"""What waits for a person's word: durable, decided once, used once."""

import asyncio
import datetime as dt
import itertools
import threading
from collections.abc import Mapping
from threading import Event
from typing import Any

import msgspec
import pytest

from tests.tools.desk import CALLER, NOW, Desk, said
from tools import gate
from tools.approvals import BY_DEADLINE, Approval, Approvals, ApprovalState, Decided, NoApproval
from tools.onhold import STILL_WAITING, WAITING
from tools.policy import NeedsApproval
from tools.receipts import Claim
from tools.spec import Approval as Rule
from tools.spec import Audience, Evidence, Heard, Risk, Tool, ToolContext, ToolOutcome, ToolState
from tools.store import Store

LATER = NOW + dt.timedelta(seconds=60)


def claim(call: str = "CA1", digest: str = "d1", now: dt.datetime = NOW) -> Claim:
    return Claim(call, "t1", "pay", Risk.MONEY, digest, now, now, caller=CALLER)


def asks(
    approvals: Approvals, otherwise: str = "refuse", deadline_s: float = 45.0, **given: Any
) -> Approval:
    needed = NeedsApproval(deadline_s, otherwise)
    return approvals.ask(claim(**given), '{"amount":5}', needed)


@pytest.fixture
def approvals(store: Store) -> Approvals:
    return Approvals(store)


def test_a_request_waits_with_all_a_person_needs_to_know(approvals: Approvals) -> None:
    asked = asks(approvals)
    assert approvals.waiting(NOW) == [asked]
    assert (asked.tool, asked.arguments, asked.caller) == ("pay", {"amount": 5}, CALLER)
    assert (asked.state, asked.decided_by, asked.decided_at) == (ApprovalState.WAITING, "", None)
    assert asked.deadline_at == NOW + dt.timedelta(seconds=45)


def test_the_same_wish_is_one_request(approvals: Approvals) -> None:
    first, second, other = asks(approvals), asks(approvals), asks(approvals, digest="d2")
    assert first.id == second.id != other.id


def test_approved_is_good_for_one_use(approvals: Approvals) -> None:
    asked = asks(approvals)
    assert not approvals.use(asked.id, NOW), "nobody has approved it"
    approved = approvals.approve(asked.id, "Bea", NOW)
    assert (approved.state, approved.decided_by) == (ApprovalState.APPROVED, "Bea")
    assert approvals.use(asked.id, NOW)
    assert not approvals.use(asked.id, NOW)
    again = asks(approvals)
    assert again.id != asked.id, "the next time somebody has to decide anew"


def test_a_refusal_stands_for_the_call(approvals: Approvals) -> None:
    asked = asks(approvals)
    approvals.refuse(asked.id, "Bea", NOW)
    assert asks(approvals).state is ApprovalState.REFUSED
    assert not approvals.use(asked.id, NOW)


def test_the_first_decision_counts(approvals: Approvals) -> None:
    asked = asks(approvals)
    approvals.refuse(asked.id, "Bea", NOW)
    with pytest.raises(Decided, match=f"approval {asked.id} is refused already") as found:
        approvals.approve(asked.id, "Cid", NOW)
    assert found.value.approval.decided_by == "Bea"


def test_what_was_never_asked_cannot_be_decided(approvals: Approvals) -> None:
    with pytest.raises(NoApproval, match="there is no approval 99"):
        approvals.approve(99, "Bea", NOW)


@pytest.mark.parametrize(
    ("otherwise", "state", "usable"),
    [("refuse", ApprovalState.EXPIRED, False), ("allow", ApprovalState.APPROVED, True)],
)
def test_at_the_deadline_the_declared_default_holds(
    approvals: Approvals, otherwise: str, state: ApprovalState, usable: bool
) -> None:
    asked = asks(approvals, otherwise)
    just_before = asked.deadline_at - dt.timedelta(seconds=1)
    assert approvals.find(asked.id, just_before).state is ApprovalState.WAITING
    found = approvals.find(asked.id, asked.deadline_at)
    assert (found.state, found.decided_by) == (state, BY_DEADLINE)
    assert approvals.waiting(LATER) == []
    with pytest.raises(Decided):
        approvals.approve(asked.id, "Bea", LATER)
    assert approvals.use(asked.id, LATER) is usable


def test_who_decides_too_late_is_told(approvals: Approvals) -> None:
    asked = asks(approvals)
    with pytest.raises(Decided, match="expired"):
        approvals.approve(asked.id, "Bea", asked.deadline_at)


def test_a_caller_who_has_gone_needs_no_decision(approvals: Approvals) -> None:
    asked = asks(approvals)
    approvals.approve(asked.id, "Bea", NOW)
    approvals.withdraw(asked.id, NOW)
    assert not approvals.use(asked.id, NOW)
    assert asks(approvals).id != asked.id


def test_it_outlives_the_process(store: Store) -> None:
    asked = asks(Approvals(store))
    Approvals(store).approve(asked.id, "Bea", NOW)
    assert Approvals(store).find(asked.id, NOW).state is ApprovalState.APPROVED


def test_many_at_once_make_one_request_and_one_use(store: Store) -> None:
    barrier = threading.Barrier(6)
    found: list[int] = []
    used: list[bool] = []

    def ask() -> None:
        own = Approvals(store)
        barrier.wait()
        found.append(asks(own).id)
        barrier.wait()
        if barrier.wait() == 0:
            own.approve(found[0], "Bea", NOW)
        barrier.wait()
        used.append(own.use(found[0], NOW))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(set(found)) == 1
    assert sorted(used) == [False] * 5 + [True]


# ---- through the dispatcher ----------------------------------------------------------------------


class Pay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    amount: int
    card: str = ""


EVERYBODY = Audience()


class Till:
    """A desk with one tool that needs a person, and the person."""

    def __init__(self, store: Store, audience: Audience = EVERYBODY, **rule: Any) -> None:
        self.paid: list[int] = []
        given = {"deadline_s": 45.0, **rule}
        tool = Tool(
            "pay",
            "Pay.",
            Pay,
            self._pay,
            risk=Risk.MONEY,
            approval=Rule(**given),
            redact=("card",),
            audience=audience,
        )
        self.desk = Desk([tool], store)

    def _pay(self, asked: Pay, context: ToolContext) -> Mapping[str, Any]:
        self.paid.append(asked.amount)
        return {"message": "Paid."}

    def asks(self, amount: int = 5, **given: Any) -> asyncio.Task[ToolOutcome]:
        return self.desk.later("pay", {"amount": amount, "card": "4111"}, **given)

    async def waiting(self, count: int = 1) -> list[Approval]:
        async with asyncio.timeout(20):
            while True:
                found = await asyncio.to_thread(self.desk.approvals.waiting, self.desk.now)
                if len(found) == count:
                    return found
                await asyncio.sleep(0.01)

    async def told(self) -> list[str]:
        """What the caller is told of it, a moment after it can be seen."""
        async with asyncio.timeout(20):
            while not self.desk.waits:
                await asyncio.sleep(0.01)
        return self.desk.waits


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "POLL_S", 0.01)


async def test_an_approved_tool_runs_once_and_the_caller_was_told_to_wait(store: Store) -> None:
    till = Till(store)
    asked = till.asks()
    (approval,) = await till.waiting()
    assert approval.arguments == {"amount": 5, "card": "[redacted]"}
    assert await till.told() == [WAITING]
    assert till.paid == []
    till.desk.approvals.approve(approval.id, "Bea", NOW)
    assert (await asked).state is ToolState.DONE
    again = await till.asks()
    assert (again.state, again.repeated, till.paid) == (ToolState.DONE, True, [5])
    # Another wish has to be decided by itself.
    other = till.asks(6)
    (second,) = await till.waiting()
    till.desk.approvals.refuse(second.id, "Bea", NOW)
    assert (await other).state is ToolState.REFUSED
    assert till.paid == [5]


async def test_a_refusal_is_told_and_asked_only_once(plain: Store) -> None:
    till = Till(plain)
    asked = till.asks()
    (approval,) = await till.waiting()
    till.desk.approvals.refuse(approval.id, "Bea", NOW)
    told = said(await asked)
    assert "can't do that" in told["message"]
    assert said(await till.asks())["message"] == told["message"]
    assert till.paid == []


@pytest.mark.parametrize(("otherwise", "paid"), [("refuse", []), ("allow", [5])])
async def test_at_the_deadline_the_caller_has_an_answer(
    plain: Store, otherwise: str, paid: list[int]
) -> None:
    till = Till(plain, otherwise=otherwise)
    asked = till.asks()
    await till.waiting()
    till.desk.now = LATER
    outcome = await asked
    assert outcome.state is (ToolState.DONE if paid else ToolState.REFUSED)
    assert till.paid == paid


async def test_fault_x9_who_hangs_up_while_waiting_gets_nothing_done(store: Store) -> None:
    till = Till(store)
    asked = till.asks()
    (approval,) = await till.waiting()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await till.waiting(0) == []
    with pytest.raises(Decided):
        till.desk.approvals.approve(approval.id, "Bea", NOW)
    assert till.paid == []
    assert till.desk.receipts.of_call("CA1") == []


async def test_fault_x9_who_hangs_up_while_it_is_asked_leaves_nothing_to_decide(
    plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = Till(plain)
    ask, begun, go, gone = till.desk.approvals.ask, Event(), Event(), Event()
    withdraw = till.desk.approvals.withdraw

    def slow(*given: Any) -> Approval:
        begun.set()
        assert go.wait(20)
        return ask(*given)

    def withdrawn(*given: Any) -> None:
        withdraw(*given)
        gone.set()

    monkeypatch.setattr(till.desk.approvals, "ask", slow)
    monkeypatch.setattr(till.desk.approvals, "withdraw", withdrawn)
    asked = till.asks()
    assert await asyncio.to_thread(begun.wait, 20)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    go.set()
    assert await asyncio.to_thread(gone.wait, 5)
    assert till.desk.approvals.waiting(NOW) == []


async def test_fault_x9_what_the_rules_no_longer_allow_is_not_done_when_approved(
    plain: Store,
) -> None:
    till = Till(plain, audience=Audience(hours={"tue": ("08:00-08:10",)}))
    asked = till.asks()
    (approval,) = await till.waiting()
    till.desk.now = NOW + dt.timedelta(minutes=12)
    till.desk.approvals.approve(approval.id, "Bea", NOW)
    assert (await asked).state is ToolState.REFUSED
    assert till.paid == []
    assert await till.waiting(0) == []


def heard(*lines: str) -> Evidence:
    """In turn the agent and the caller, the agent first."""
    both = itertools.cycle(("agent", "caller"))
    return Evidence(tuple(Heard(next(both), line) for line in lines))


READ_BACK = ("Five pounds. Is that right?", "Yes.")


@pytest.mark.parametrize("words", ["No.", "Stop, don't do it.", "Actually, leave it."])
async def test_a_caller_who_calls_it_off_while_a_person_decides_pays_nothing(
    plain: Store, words: str
) -> None:
    till = Till(plain)
    asked = till.asks(evidence=heard(*READ_BACK))
    (approval,) = await till.waiting()
    till.desk.evidence = lambda: heard(*READ_BACK, WAITING, words)
    till.desk.approvals.approve(approval.id, "Bea", NOW)
    outcome = await asked
    assert outcome.state is ToolState.REFUSED
    assert "won't do that" in said(outcome)["message"]
    assert till.paid == []
    assert await till.waiting(0) == []


@pytest.mark.parametrize(
    "later", [(WAITING,), (WAITING, "No problem."), (WAITING, "Okay.", "Anything else?", "No.")]
)
async def test_a_caller_who_only_waits_is_served(plain: Store, later: tuple[str, ...]) -> None:
    till = Till(plain)
    asked = till.asks(evidence=heard(*READ_BACK))
    (approval,) = await till.waiting()
    till.desk.evidence = lambda: heard(*READ_BACK, *later)
    till.desk.approvals.approve(approval.id, "Bea", NOW)
    assert (await asked).state is ToolState.DONE
    assert till.paid == [5]


async def test_words_still_to_be_written_down_are_waited_for(plain: Store) -> None:
    till = Till(plain)
    asked = till.asks(evidence=heard(*READ_BACK))
    (approval,) = await till.waiting()
    looks = itertools.count()
    unknown = Evidence((*heard(*READ_BACK, WAITING).said, Heard("caller", "", whole=False)), False)
    till.desk.evidence = lambda: (
        unknown if next(looks) < 3 else heard(*READ_BACK, WAITING, "Cancel that.")
    )
    till.desk.approvals.approve(approval.id, "Bea", NOW)
    assert (await asked).state is ToolState.REFUSED
    assert till.paid == []


async def test_two_who_ask_for_one_thing_wait_for_one_decision(plain: Store) -> None:
    till = Till(plain)
    asked = [till.asks(), till.asks()]
    (approval,) = await till.waiting()
    async with asyncio.timeout(20):
        while len(till.desk.waits) < 2:
            await asyncio.sleep(0.01)
    till.desk.approvals.approve(approval.id, "Bea", NOW)
    outcomes = await asyncio.gather(*asked)
    assert [each.state for each in outcomes] == [ToolState.DONE] * 2
    assert sorted(each.repeated for each in outcomes) == [False, True]
    assert till.paid == [5]


async def test_a_waiting_caller_is_told_again(
    plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "REMIND_S", 0.02)
    till = Till(plain)
    asked = till.asks()
    async with asyncio.timeout(20):
        while len(till.desk.waits) < 3:
            await asyncio.sleep(0.01)
    assert till.desk.waits[:3] == [WAITING, STILL_WAITING, STILL_WAITING]
    asked.cancel()


async def test_with_nobody_to_ask_it_is_refused(plain: Store) -> None:
    entry = Tool(
        "pay", "Pay.", Pay, lambda a, c: {}, risk=Risk.MONEY, approval=Rule(otherwise="allow")
    )
    outcome = await Desk([entry], plain, approvals=None).ask("pay", {"amount": 1})
    assert outcome.state is ToolState.REFUSED
    assert "nobody here to ask" in said(outcome)["message"]
