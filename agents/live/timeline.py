"""Where does a moment of the session's lie in the caller's audio?

The session's clock is the audio it is given: the caller's, and silence of ours where that is
missing. Its events tell moments of that clock; the call knows the caller's audio only.
"""

from agents.engine import AudioFormat


class Timeline:
    """The clock of one session. Positions are ms."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._bytes_s = audio_format.rate * audio_format.sample_bytes
        self._caller_bytes = 0
        self._bytes = 0
        self._silences: list[tuple[int, int]] = []
        """Of ours: beginning and end."""

    @property
    def now_ms(self) -> int:
        """Where the clock stands."""
        return self._ms(self._bytes)

    def appended(self, count: int) -> None:
        """So many bytes of the caller's audio were given."""
        self._caller_bytes += count
        self._bytes += count

    def filled(self, count: int) -> None:
        """So many bytes of silence were."""
        began_ms = self.now_ms
        self._bytes += count
        if self._silences and self._silences[-1][1] == began_ms:
            began_ms, _ = self._silences.pop()
        self._silences.append((began_ms, self.now_ms))

    def caller_ms(self, at_ms: int) -> int:
        """How much of the caller's audio had been given by then."""
        silent_ms = sum(
            min(at_ms, ended_ms) - began_ms
            for began_ms, ended_ms in self._silences
            if began_ms < at_ms
        )
        return max(0, min(at_ms - silent_ms, self._ms(self._caller_bytes)))

    def _ms(self, count: int) -> int:
        return count * 1000 // self._bytes_s
