"""Names of items, replies and tool calls, kept apart between the engine sessions of one call."""

import msgspec

from agents.engine import AnyEngineCommand, AnyEngineEvent

_FIELDS = ("item_id", "response_id", "tool_call_id")


class SeatIds:
    """Of one session. Engines count from one again in each, and a call must not mix them up.

    The names of the first session stay as they are.
    """

    def __init__(self, seat: int) -> None:
        self._prefix = f"s{seat}." if seat else ""

    def event(self, event: AnyEngineEvent) -> AnyEngineEvent:
        """As the call is told."""
        if not self._prefix:
            return event
        names = _names(event)
        told = {field: self._prefix + name for field, name in names.items()}
        return msgspec.structs.replace(event, **told) if told else event

    def command(self, command: AnyEngineCommand) -> AnyEngineCommand | None:
        """As the session is told; None for what is about something of another session."""
        if not self._prefix:
            return command
        names = _names(command)
        if any(not name.startswith(self._prefix) for name in names.values()):
            return None
        meant = {field: name.removeprefix(self._prefix) for field, name in names.items()}
        return msgspec.structs.replace(command, **meant) if meant else command


def _names(message: AnyEngineCommand | AnyEngineEvent) -> dict[str, str]:
    return {field: name for field in _FIELDS if (name := getattr(message, field, None))}
