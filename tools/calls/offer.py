"""The tools that act on the call itself."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from tools.calls.digits import digits_tool
from tools.calls.keys import keys_tool
from tools.spec import Result, Tool, ToolContext, ToolRefusal


class EndCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


def end_call(_asked: EndCall, _context: ToolContext) -> Result:
    return {"message": "Thank you for calling. Goodbye."}


class Targets(msgspec.Struct, frozen=True):
    """Who callers can be put through to. Numbers are not known here, nor to any model."""

    say: Mapping[str, str] = {}
    """What the caller is told first, by the target's name."""
    human: str = ""
    """The target for whoever just wants a person; empty: that has to be asked."""


NOBODY = Targets()


class TransferCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: (
        Annotated[
            str,
            msgspec.Meta(
                description="Who to put the caller through to.",
                extra_json_schema={"x-ask": "Who would you like to speak to?"},
            ),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    reason: (
        Annotated[str, msgspec.Meta(description="Why, in a few words.", max_length=200)]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class Exchange:
    """Puts callers through: by name only, whatever number anybody asks for."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    def transfer(self, asked: TransferCall, _context: ToolContext) -> Result:
        target = self.target(asked)
        if not target:
            names = tuple(self._targets.say)
            raise ToolRefusal("Who would you like to speak to?", field="target", choices=names)
        return {"message": self._targets.say[target]}

    def target(self, asked: TransferCall) -> str:
        return asked.target if isinstance(asked.target, str) else self._targets.human


def call_tools(targets: Targets = NOBODY) -> tuple[Tool, ...]:
    """The tools that act on the call; nobody is put through where there is no target. What the
    staff is asked to do later stands in `tools.calls.errands`."""
    end = Tool(
        name="end_call",
        description="End the call, once the caller has said goodbye or wants nothing more.",
        arguments=EndCall,
        handler=end_call,
        phrases=("goodbye", "bye", "that's all", "nothing else, thank you", "I'm done"),
        ends_call=True,
    )
    return (end, digits_tool(), keys_tool(), *([_transfer(targets)] if targets.say else []))


def _transfer(targets: Targets) -> Tool:
    exchange = Exchange(targets)
    return Tool(
        name="transfer_call",
        description=(
            "Put the caller through to somebody else, when they ask for it or need a person. "
            "Say in one sentence that you do so. If nobody is free the caller comes back to you."
        ),
        arguments=TransferCall,
        handler=exchange.transfer,
        phrases=("put me through", "can you transfer me", "connect me to somebody"),
        transfer_to=exchange.target,
        enums={"target": tuple(targets.say)},
        claims=("transferred", "I have put you through"),
    )
