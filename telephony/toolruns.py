"""What the dispatcher is asked for on behalf of one call, and what the call is told of it."""

from typing import NamedTuple

from telephony.call.commands import RunTool
from telephony.call.events import ToolFinished
from tools.redacting.kinds import Kinds
from tools.spec import ToolOutcome, ToolRequest


class OnBehalf(NamedTuple):
    """Of whom: what the server knows of the call, and no argument can say otherwise."""

    call_id: str
    caller_number: str | None
    called_number: str | None
    persona: str
    verstat: str
    unkept: Kinds

    def run(self, command: RunTool, arguments: str, *, wordless: bool) -> ToolRequest:
        """`arguments`: those of the command, with what is hidden from the call."""
        return ToolRequest(
            call_id=self.call_id,
            tool_call_id=command.tool_call_id,
            name=command.name,
            arguments=arguments,
            caller_number=self.caller_number,
            called_number=self.called_number,
            persona=self.persona,
            evidence=command.evidence,
            verstat=self.verstat,
            unkept=self.unkept,
            wordless=wordless,
        )

    def settle(self, tool_call_id: str, name: str, *, wordless: bool) -> ToolRequest:
        return ToolRequest(
            self.call_id,
            tool_call_id,
            name,
            "",
            self.caller_number,
            unkept=self.unkept,
            wordless=wordless,
        )


def finished(outcome: ToolOutcome) -> ToolFinished:
    """As the call is told."""
    return ToolFinished(
        tool_call_id=outcome.tool_call_id,
        name=outcome.name,
        state=outcome.state.value,
        output=outcome.output,
        ends_call=outcome.ends_call,
        repeated=outcome.repeated,
        transfer_to=outcome.transfer_to,
        gives_up=outcome.gives_up,
    )
