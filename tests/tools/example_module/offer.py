"""What callers may do with their orders: ask where one is, and leave word for the driver."""

from typing import Annotated, Protocol

import msgspec

from tools.spec import Result, Risk, Tool, ToolContext, ToolRefusal

OrderNumber = Annotated[
    str,
    msgspec.Meta(
        description="The order number, eight digits.",
        pattern=r"^\d{8}$",
        extra_json_schema={"x-ask": "What is your order number?"},
    ),
]


class Order(msgspec.Struct, frozen=True):
    number: str
    phone: str
    day: str


class Orders(Protocol):
    """The backend, whatever it is. Blocking is fine: plain handlers run in threads."""

    def find(self, number: str) -> Order | None:
        """Raises BackendError."""

    def tell_driver(self, order: Order, words: str, key: str) -> None:
        """Once for each `key`, however often it is called. Raises BackendError."""

    def told_driver(self, key: str) -> bool:
        """Whether it was, with this key. Raises BackendError."""


class Where(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    order: OrderNumber


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    order: OrderNumber
    words: Annotated[str, msgspec.Meta(description="For the driver.", max_length=200)]


def order_tools(orders: Orders) -> tuple[Tool, ...]:
    def own(number: str, context: ToolContext) -> Order:
        order = orders.find(number)
        # The number a call comes from is a hint: enough to hide an order, not to prove whose it is.
        if order is None or order.phone != context.caller_number:
            raise ToolRefusal("I can't find that order.", field="order")
        return order

    def where(asked: Where, context: ToolContext) -> Result:
        order = own(asked.order, context)
        return {"message": f"It arrives on {order.day}.", "day": order.day}

    def tell(asked: Word, context: ToolContext) -> Result:
        orders.tell_driver(own(asked.order, context), asked.words, context.idempotency_key)
        return TOLD

    def was_told(context: ToolContext) -> Result | None:
        return TOLD if orders.told_driver(context.idempotency_key) else None

    return (
        Tool(
            name="order_status",
            description="When an order arrives.",
            arguments=Where,
            handler=where,
            phrases=("where is my order",),
        ),
        Tool(
            name="tell_driver",
            description="Leave word for the driver who brings an order.",
            arguments=Word,
            handler=tell,
            risk=Risk.WRITE_OWN,
            confirm=("words",),
            reconcile=was_told,
            claims=("told the driver",),
        ),
    )


TOLD: Result = {"message": "I have told the driver."}
