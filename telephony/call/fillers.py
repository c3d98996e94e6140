"""What do we say ourselves while the caller waits: the tool's own words, or the persona's?"""

from agents.engine import ToolCalled
from telephony.call.commands import CallCommand
from telephony.call.config import CallConfig
from telephony.call.heard import FILLER
from telephony.call.limits import Patience
from telephony.call.playback import Playback
from telephony.call.toolcalls import ToolCalls


class Fillers:
    """The fillers of one call. Methods return the commands that follow."""

    def __init__(
        self, config: CallConfig, playback: Playback, patience: Patience, tools: ToolCalls
    ) -> None:
        self._own = config.persona.filler, config.filler_ulaw
        self._of_tools = {each.tool: (each.words, each.ulaw) for each in config.tool_fillers}
        self._playback = playback
        self._patience = patience
        self._tools = tools
        self._said = 0

    def tool_began(self, called: ToolCalled, now: float, *, caller_speaks: bool) -> None:
        """A tool with words of its own is waited for, even if the agent has just spoken."""
        if called.name in self._of_tools and not caller_speaks:
            self._patience.waiting(now)

    def due(self, now: float) -> list[CallCommand]:
        """Say that it takes a moment, unless something is being heard."""
        tool = next((name for name in reversed(self._tools.names()) if name in self._of_tools), "")
        if self._playback.outstanding:
            if tool:
                # The agent has said that it looks; what it looks for may take longer than that.
                self._patience.waiting(max(now, self._playback.ledger.expected_end_s() or now))
            return []
        words, ulaw = self._of_tools[tool] if tool else self._own
        if not ulaw:
            return []
        self._said += 1
        return self._playback.own(f"filler_{self._said}", words, ulaw, now, FILLER)
