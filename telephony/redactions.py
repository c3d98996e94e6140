"""Keeps from a call's records what its tools' rules name, and gives it back where it is needed."""

import msgspec

from agents.engine import AnyEngineCommand, Remember, ToolAnswered, ToolCalled, ToolOutput
from telephony.call.commands import RunTool
from telephony.call.events import CallEvent, ToolFinished
from tools.redaction import redacted


class Redactions:
    """What was hidden of the tool calls of one call. Kept in memory, for as long as it lasts.

    The call and its journal see redacted text only, so a replay needs nothing that was hidden.
    """

    def __init__(self) -> None:
        self._arguments: dict[str, str] = {}
        self._outputs: dict[str, str] = {}

    def hide(self, event: CallEvent, names: tuple[str, ...]) -> CallEvent:
        """The event without the values of these names."""
        if not names:
            return event
        match event:
            case ToolCalled(tool_call_id=tool_call_id, arguments=arguments):
                self._arguments.setdefault(tool_call_id, arguments)
                return msgspec.structs.replace(event, arguments=redacted(arguments, names))
            case ToolFinished(tool_call_id=tool_call_id, output=output):
                self._outputs[tool_call_id] = output
                return msgspec.structs.replace(event, output=redacted(output, names))
            case _:
                return event

    def arguments(self, command: RunTool) -> str:
        """As the model gave them."""
        return self._arguments.pop(command.tool_call_id, command.arguments)

    def given_back(self, command: AnyEngineCommand) -> AnyEngineCommand:
        """As the model is to have it."""
        match command:
            case ToolOutput():
                return self.output(command)
            case Remember():
                return self.remembered(command)
            case _:
                return command

    def output(self, command: ToolOutput) -> ToolOutput:
        """As the tool answered."""
        hidden = self._outputs.pop(command.tool_call_id, None)
        return command if hidden is None else msgspec.structs.replace(command, output=hidden)

    def remembered(self, command: Remember) -> Remember:
        """As the tool answered, for an answer that no session has been given yet."""
        what = tuple(
            msgspec.structs.replace(each, output=self._outputs.pop(each.tool_call_id))
            if isinstance(each, ToolAnswered) and each.tool_call_id in self._outputs
            else each
            for each in command.what
        )
        return msgspec.structs.replace(command, what=what)

    def clear(self) -> None:
        self._arguments.clear()
        self._outputs.clear()
