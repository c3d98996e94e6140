"""What the records of tools hold of what may not be kept."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from tests.tools.desk import Desk, said
from tools.redacting.kinds import NOTHING
from tools.spec import Approval, Risk, Tool, ToolContext
from tools.store import Store

CARD = "4111111111111111"


class Pay(msgspec.Struct, frozen=True):
    card: str
    amount: int


def pay(asked: Pay, _context: ToolContext) -> Mapping[str, Any]:
    return {"message": f"Charged {asked.amount} to {asked.card}."}


def tool(**more: Any) -> Tool:
    return Tool("pay", "Pay.", Pay, pay, risk=Risk.WRITE_OWN, **more)


async def test_requirement_d1_a_receipt_holds_no_card_and_the_first_answer_does(
    plain: Store,
) -> None:
    desk = Desk([tool()], plain)
    wanted = {"card": CARD, "amount": 5}
    first = await desk.ask("pay", wanted)
    assert said(first)["message"] == f"Charged 5 to {CARD}."
    (receipt,) = desk.receipts.of_call("CA1")
    assert CARD not in receipt.output
    again = await desk.ask("pay", wanted)
    assert again.repeated
    assert said(again)["message"] == "Charged 5 to [card number]."


async def test_a_call_may_keep_everything(plain: Store) -> None:
    desk = Desk([tool()], plain)
    await desk.ask("pay", {"card": CARD, "amount": 5}, unkept=NOTHING)
    (receipt,) = desk.receipts.of_call("CA1")
    assert json.loads(receipt.output)["message"] == f"Charged 5 to {CARD}."


async def test_requirement_d1_who_has_to_decide_is_not_shown_the_card(plain: Store) -> None:
    desk = Desk([tool(approval=Approval(deadline_s=30.0))], plain)
    asked = desk.later("pay", {"card": CARD, "amount": 5})
    while not (waiting := desk.approvals.waiting(desk.now)):
        await desk.tasks.start("turn", _turn())
    assert waiting[0].arguments == {"card": "[card number]", "amount": 5}
    desk.approvals.approve(waiting[0].id, "Bea", desk.now)
    assert said(await asked)["message"] == f"Charged 5 to {CARD}."


async def test_requirement_d4_of_who_does_not_agree_no_result_is_kept(plain: Store) -> None:
    desk = Desk([tool()], plain)
    wanted = {"card": "none", "amount": 5}
    first = await desk.ask("pay", wanted, wordless=True)
    assert said(first)["message"] == "Charged 5 to none."
    (receipt,) = desk.receipts.of_call("CA1")
    assert "Charged" not in receipt.output
    again = await desk.ask("pay", wanted, wordless=True)
    assert (again.repeated, again.state) == (True, first.state)
    assert said(again)["note"] == "What came of it was not kept, as the caller wished."


async def _turn() -> None:
    """One turn of the event loop."""
