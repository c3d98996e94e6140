"""The journal of one call, opened as its head says."""

from collections.abc import Callable

import structlog

from telephony.livestate import Head
from telephony.transcripts.journal import Journal, JournalWriter

log = structlog.get_logger()


class Journals:
    """Of one process."""

    def __init__(self, writer: JournalWriter, count: Callable[[str], None]) -> None:
        self._writer = writer
        self._count = count

    def open(self, head: Head, engine: str, config: bytes, part: int, persona: str) -> Journal:
        """Raises what Journal.open raises."""
        offer = head.offer
        return Journal.open(
            self._writer,
            call_id=offer.call_sid,
            started_at=head.started_at,
            engine=engine,
            from_number=offer.from_,
            to_number=offer.to,
            config=config,
            config_version=head.version,
            persona=persona,
            part=part,
            failed=self._failed,
        )

    def _failed(self, code: str) -> None:
        self._count(f"journal.{code}")
        log.error("journal_failed", code=code)
