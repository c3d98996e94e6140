"""What do we say while the caller waits, and when: the tool's own words, or the persona's?"""

from telephony.call.commands import CallCommand
from telephony.call.config import CallConfig
from telephony.call.heard import FILLER
from telephony.call.playback import Playback
from telephony.call.silence import OwedSilence
from telephony.call.toolcalls import ToolCalls

_OFTEN = 3
"""Who has heard so many in one wait need not be told as often any more: a tool or a person takes
its time, for no engine is waited for so long."""
_SELDOMER = 4


class Fillers:
    """The fillers of one call. Times are seconds on the call's clock."""

    def __init__(
        self, config: CallConfig, playback: Playback, silence: OwedSilence, tools: ToolCalls
    ) -> None:
        self._own = config.persona.filler, config.filler_ulaw
        self._of_tools = {each.tool: (each.words, each.ulaw) for each in config.tool_fillers}
        self._limits = config.limits
        self._discloses = bool(config.persona.disclosure)
        self._playback = playback
        self._silence = silence
        self._tools = tools
        self._said = 0
        self._wait_from_s: float | None = None
        """The wait in which one was said last."""
        self._in_wait = 0
        """So many were said in it."""

    def next_deadline(self) -> float | None:
        """When the caller has heard nothing for too long."""
        silent_s, after_s = self._silence.silent_from_s, self._after_s()
        if silent_s is None or after_s is None or not self._words()[1]:
            return None
        return silent_s + after_s

    def due(self, now: float) -> list[CallCommand]:
        """The commands that say that it takes a moment, if it is time to."""
        deadline_s = self.next_deadline()
        if deadline_s is None or now < deadline_s or self._playback.outstanding:
            return []
        wait_from_s = self._silence.wordless_from_s
        self._in_wait = self._in_wait + 1 if wait_from_s == self._wait_from_s else 1
        self._wait_from_s = wait_from_s
        self._said += 1
        words, ulaw = self._words()
        return self._playback.own(f"filler_{self._said}", words, ulaw, now, FILLER)

    def _after_s(self) -> float | None:
        limits = self._limits
        if limits.filler_after_s is None:
            return None
        if not self._silence.broken:
            # What has to be told first must be heard first.
            return None if self._discloses else limits.first_filler_s
        if self._wait_from_s is None or self._wait_from_s != self._silence.wordless_from_s:
            return limits.filler_after_s
        often = self._in_wait >= _OFTEN
        return limits.filler_again_s * (_SELDOMER if often else 1)

    def _words(self) -> tuple[str, bytes]:
        running = (name for name in reversed(self._tools.names()) if name in self._of_tools)
        tool = next(running, "")
        return self._of_tools[tool] if tool else self._own
