"""What of the assistant's speech reaches the call: no late piece, no half sample, no noise."""

from agents.engine import AnyEngineEvent, AudioDelta, AudioFormat, EngineFailed, ItemDone, TextDelta
from agents.realtime import wire
from agents.realtime.soundguard import SoundGuard
from agents.realtime.spoken import SpokenItems


class Speech:
    """The spoken items of one session, as events."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self.items = SpokenItems(audio_format.sample_bytes, audio_format.rate)
        self._guard = SoundGuard(audio_format)

    def audio(self, piece: wire.AudioPiece) -> list[AnyEngineEvent]:
        """EngineFailed for what must not be played."""
        if not self.items.wants(piece.response_id, piece.item_id):
            return []
        audio = self.items.audio(piece.response_id, piece.item_id, piece.delta)
        right = self._guard.judged(piece.item_id, audio)
        if right is None:
            return [EngineFailed("wrong_audio_format", fatal=False)]
        return _sound(piece.response_id, piece.item_id, right, piece.content_index)

    def words(self, response_id: str, item_id: str, text: str) -> list[AnyEngineEvent]:
        if not text or not self.items.wants(response_id, item_id):
            return []
        self.items.text(response_id, item_id, text)
        return [TextDelta(response_id, item_id, text)]

    def all_words(self, done: wire.TranscriptDone) -> list[AnyEngineEvent]:
        """The final transcript: what its pieces left out."""
        if not self.items.wants(done.response_id, done.item_id):
            return []
        rest = self.items.missing_text(done.response_id, done.item_id, done.transcript)
        return self.words(done.response_id, done.item_id, rest)

    def ended(self, response_id: str, item_id: str) -> list[AnyEngineEvent]:
        """No more will come of the item; nothing if it was none, or has ended before."""
        wanted = self.items.wants(response_id, item_id)
        rest = self._guard.rest(item_id)
        if not self.items.end_item(item_id):
            return []
        heard = _sound(response_id, item_id, rest) if wanted else []
        return [*heard, ItemDone(response_id, item_id)]

    def all_ended(self, response_id: str) -> list[AnyEngineEvent]:
        """No more will come of the response."""
        left = self.items.open_in(response_id)
        return [event for item_id in left for event in self.ended(response_id, item_id)]


def _sound(
    response_id: str, item_id: str, audio: bytes, content_index: int = 0
) -> list[AnyEngineEvent]:
    return [AudioDelta(response_id, item_id, content_index, audio)] if audio else []
