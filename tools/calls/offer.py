"""The tools that act on the call itself."""

import msgspec

from tools.calls.digits import digits_tool
from tools.spec import Result, Tool, ToolContext


class EndCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


def end_call(_asked: EndCall, _context: ToolContext) -> Result:
    return {"message": "Thank you for calling. Goodbye."}


def call_tools() -> tuple[Tool, ...]:
    """All tools of this folder."""
    return (
        Tool(
            name="end_call",
            description="End the call, once the caller has said goodbye or wants nothing more.",
            arguments=EndCall,
            handler=end_call,
            phrases=("goodbye", "bye", "that's all", "nothing else, thank you", "I'm done"),
            ends_call=True,
        ),
        digits_tool(),
    )
