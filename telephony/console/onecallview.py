"""One call as somebody with certain rights sees it: what its page, its JSON and its files are made
of. Everything here blocks."""

import base64
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from telephony.console.access.roles import Right, Who
from telephony.console.problems import Refused
from telephony.exports.sealed import DISCREET, FULL, Exported, digest_of
from telephony.transcripts import recordings
from telephony.transcripts.archive import Archive, NotFound, StoredCall, Transcript, transcript
from telephony.transcripts.discretion import discreet, discreet_sources, discreet_summary
from telephony.transcripts.entry import AgentLine, CallerLine, ConsentLine
from telephony.transcripts.recordings import Recording, recording
from telephony.transcripts.story import (
    ReceiptView,
    Story,
    began_at,
    sources,
    story,
)
from telephony.transcripts.summary import Summary
from telephony.transcripts.text import outcome
from telephony.transcripts.wav import RATE
from telephony.transcripts.waveform import laid_out, peaks, samples_a_peak, unplayed
from tools.receipts import Receipt
from tools.spec import BackendError

SCHEMA: Final = "frontdesk.call"
VERSION: Final = 1
QUIET_S: Final = 30
"""A call that is still on writes its journal four times a second."""


class Ledger(Protocol):
    """The receipts of a call's tools."""

    def of_requests(self, call_id: str) -> Mapping[str, Receipt]:
        """By tool call id. Blocks; raises BackendError."""


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """One call, ready to be shown."""

    exported: Exported
    story: Story
    hears: bool
    """The reader may hear it and read all that was stored."""
    running: bool
    problems: tuple[str, ...]
    length_ms: int
    recordings: tuple[str, ...]
    """Those the reader may have, by file name."""

    @property
    def call(self) -> Summary:
        return self.exported.call

    @property
    def has_audio(self) -> bool:
        return recordings.STEREO in self.recordings

    @property
    def unagreed(self) -> bool:
        """The caller was asked, and did not agree: nothing but metadata is kept."""
        answers = [each.answer for each in self.exported.entries if isinstance(each, ConsentLine)]
        return bool(answers) and not answers[-1].allows

    @property
    def longest_wait_ms(self) -> int:
        """What the bars of all waits are drawn against; never 0."""
        return max([1, *(bar.from_ms + bar.ms for wait in self.story.waits for bar in wait.bars)])

    @property
    def began(self) -> dt.datetime:
        return began_at(self.call)

    @property
    def ended(self) -> str:
        return outcome(self.call.ended_reason or ("running" if self.running else "broken off"))


class CallFiles:
    """Calls by their ids, for whoever asks."""

    def __init__(self, archive: Archive, ledger: Ledger, clock: Callable[[], dt.datetime]) -> None:
        self._archive = archive
        self._ledger = ledger
        self._clock = clock

    def find(self, call_id: str) -> StoredCall:
        """Raises Refused (404)."""
        try:
            return self._archive.exactly(call_id)
        except NotFound:
            raise Refused(404, "no-call", "There is no such call.") from None

    def view(self, call_id: str, who: Who) -> CallView:
        """Raises Refused (404)."""
        call = self.find(call_id)
        # Read once: a call that is on has a line more a moment later.
        lines = transcript(call)
        hears = who.may(Right.HEAR)
        exported = _exported(call, lines, hears=hears)
        found = sources(call.summary, lines.entries)
        receipts, trouble = self._receipts(call_id)
        return CallView(
            exported=exported,
            story=story(exported.entries, found if hears else discreet_sources(found), receipts),
            hears=hears,
            running=not call.finished and self._is_written(call),
            problems=(*exported.problems, *_storage(call), *trouble),
            length_ms=_length_ms(call, exported),
            recordings=_names(call) if hears else (),
        )

    def _receipts(self, call_id: str) -> tuple[dict[str, ReceiptView], list[str]]:
        """What is known of them; a call can be read while the database is away."""
        try:
            found = self._ledger.of_requests(call_id)
        except BackendError:
            return {}, ["The ledger of effects cannot be read just now: receipts are left out."]
        return {name: _receipt(each) for name, each in found.items()}, []

    def _is_written(self, call: StoredCall) -> bool:
        try:
            written_at = call.journal.stat().st_mtime
        except OSError:
            return False
        return self._clock().timestamp() - written_at < QUIET_S


def _exported(call: StoredCall, lines: Transcript, *, hears: bool) -> Exported:
    return Exported(
        call=call.summary if hears else discreet_summary(call.summary),
        finished=call.finished,
        view=FULL if hears else DISCREET,
        entries=tuple(lines.entries if hears else discreet(lines.entries)),
        problems=lines.problems,
    )


def document(view: CallView) -> bytes:
    """The call as one JSON object: what its page shows."""
    whole: dict[str, Any] = {
        "schema": SCHEMA,
        "version": VERSION,
        "view": view.exported.view,
        "finished": view.exported.finished,
        "running": view.running,
        "sha256": digest_of(view.exported),
        "call": view.call,
        "length_ms": view.length_ms,
        "recordings": view.recordings,
        "problems": view.problems,
        "story": view.story,
    }
    return msgspec.json.encode(whole)


def waveform(call: StoredCall) -> dict[str, Any]:
    """Peaks of the caller, of what the caller heard, and of what was sent and never played: one
    byte each (base64), for `each_ms` of the call."""
    caller, heard, sent = (
        recordings.track(call, name)
        for name in (recordings.CALLER, recordings.HEARD, recordings.SENT)
    )
    samples = max(len(caller), len(heard))
    each = samples_a_peak(samples)
    lines = [entry for entry in transcript(call).entries if isinstance(entry, AgentLine)]
    lost = laid_out(unplayed(lines, sent, heard), samples)
    tracks = {"caller": caller, "agent": heard, "lost": lost}
    drawn = {name: base64.b64encode(peaks(track, each)).decode() for name, track in tracks.items()}
    return {"each_ms": each * 1000 / RATE, **drawn}


def wave(call: StoredCall, name: str) -> Recording:
    """Raises Refused (404)."""
    try:
        found = recording(call, name)
    except OSError:
        found = None
    if found is None:
        raise Refused(404, "no-recording", "There is no such recording of this call.")
    return found


def _names(call: StoredCall) -> tuple[str, ...]:
    there = tuple(call.recordings)
    return (recordings.STEREO, *there) if {recordings.CALLER, recordings.HEARD} & {*there} else ()


def _length_ms(call: StoredCall, exported: Exported) -> int:
    spoken = [
        entry.end_ms for entry in exported.entries if isinstance(entry, AgentLine | CallerLine)
    ]
    return max([call.summary.duration_ms, _recorded_ms(call), *spoken])


def _recorded_ms(call: StoredCall) -> int:
    try:
        found = recording(call, recordings.STEREO)
    except OSError:
        return 0
    return 0 if found is None else found.samples * 1000 // RATE


def _storage(call: StoredCall) -> list[str]:
    summary = call.summary
    found = []
    if summary.storage_trouble:
        found.append(f"Not everything could be stored: {summary.storage_trouble}.")
    if summary.dropped:
        found.append(f"{summary.dropped} records of this call could not be kept.")
    return found


def _receipt(receipt: Receipt) -> ReceiptView:
    state = receipt.state.value if receipt.state is not None else "open"
    return ReceiptView(receipt.id, state, receipt.idempotency_key)
