"""Orders: found by their owners only, and the driver is told once."""

from tests.tools.desk import CALLER, OTHER, Desk, said
from tests.tools.example_module.offer import Order, order_tools
from tools.store import Store

NUMBER = "00112233"


class Kept:
    """Orders in memory."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def find(self, number: str) -> Order | None:
        return Order(NUMBER, CALLER, "Tuesday") if number == NUMBER else None

    def tell_driver(self, order: Order, words: str, key: str) -> None:
        self.told[key] = words

    def told_driver(self, key: str) -> bool:
        return key in self.told


async def test_a_caller_is_told_of_their_own_order_only(plain: Store) -> None:
    desk = Desk(order_tools(Kept()), plain)
    assert said(await desk.ask("order_status", {"order": NUMBER}))["day"] == "Tuesday"
    other = said(await desk.ask("order_status", {"order": NUMBER}, number=OTHER, call="CA2"))
    assert (other["status"], other["field"]) == ("refused", "order")
    assert said(await desk.ask("order_status", {"order": "1"}))["status"] == "invalid"


async def test_the_driver_is_told_once(plain: Store) -> None:
    orders = Kept()
    desk = Desk(order_tools(orders), plain)
    word = {"order": NUMBER, "words": "Ring twice."}
    first, again = await desk.ask("tell_driver", word), await desk.ask("tell_driver", word)
    assert said(first)["status"] == "done"
    assert again.repeated
    assert list(orders.told.values()) == ["Ring twice."]
