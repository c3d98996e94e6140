"""What a call is told of a task of its own that broke its promise never to raise."""

from agents.engine import EngineFailed
from telephony.call.events import CallEvent, HandOverFailed, HangUpFailed, ToolFinished
from tools.results import answer
from tools.spec import ToolState

_FAILED: dict[str, CallEvent] = {
    "hang": HangUpFailed("internal"),
    "redirect": HandOverFailed("internal"),
}
"""By the task's first word."""

_BROKEN = "That did not work just now."
"""Not that nothing was changed: who knows how far it came?"""
_TOOLS: dict[str, tuple[ToolState, str]] = {
    "tool": (ToolState.FAILED, answer(ToolState.FAILED, {"message": _BROKEN})),
    "settle": (ToolState.UNKNOWN, answer(ToolState.UNKNOWN)),
}
"""What a model is told of a tool whose task broke, likewise."""


def mishap(task: str, asked: dict[str, str]) -> CallEvent:
    """As if what the task of this name carried had failed. `asked`: names of the tools that run,
    by tool call; one that broke is taken out."""
    what, _, which = task.partition(" ")
    if which in asked and what in _TOOLS:
        state, output = _TOOLS[what]
        return ToolFinished(which, asked.pop(which), state.value, output)
    return _FAILED.get(what, EngineFailed("internal", True))
