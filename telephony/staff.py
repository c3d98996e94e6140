"""What the staff has to know after a call: who left a message, and who is to be called back."""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import structlog

from telephony.transcripts.archive import Archive, NotFound, StoredCall
from telephony.transcripts.files import VOICEMAIL, Disk
from telephony.twilio.ports import Count, Message
from tools.crm.contacts import Contacts
from tools.phone import e164
from tools.spec import BackendError, ToolContext

log = structlog.get_logger()

_TRIES = 3
_PAUSE_S = 1.0


class Staff:
    """Keeps notes in the contacts' book and messages in the calls' folders.

    Nothing here waits or fails: it is done in the background, tried again, then counted.
    """

    def __init__(
        self,
        data_dir: Path,
        contacts: Callable[[], Contacts],
        clock: Callable[[], dt.datetime],
        start: Callable[[str, Coroutine[Any, Any, Any]], object],
        count: Count,
        pause_s: float = _PAUSE_S,
    ) -> None:
        """`contacts` gives those of the version that is published."""
        self._archive = Archive(data_dir)
        self._disk = Disk()
        self._contacts = contacts
        self._clock = clock
        self._start = start
        self._count = count
        self._pause_s = pause_s

    def call_back(self, call_id: str, caller_number: str | None, why: str) -> None:
        """Note under the caller's number that they are to be called back."""
        self._count("call_back")
        log.warning("call_back", call_sid=call_id, why=why)
        self._do("call back", call_id, lambda: self._note(call_id, caller_number, "call-back", why))

    def saw(self, call_id: str, caller_number: str | None) -> None:
        """Keep in the contacts' book that this number has called."""
        if caller_number is None:
            return
        now = self._clock()
        self._do("seen", call_id, lambda: self._contacts().saw_call(call_id, caller_number, now))

    def keep_message(self, call_id: str, caller: str, message: Message) -> None:
        """Write down where a message is, and note it under the caller's number."""
        self._do("message", call_id, lambda: self._keep(call_id, caller, message))

    # ---- in threads ----------------------------------------------------------------------------

    def _keep(self, call_id: str, caller: str, message: Message) -> None:
        call = self._find(call_id)
        if call is not None:
            self._disk.replace(call.folder / VOICEMAIL, msgspec.json.encode(message) + b"\n")
        number = e164(caller) or e164((call and call.summary.from_number) or "")
        text = f"Left a message of {message.length_s} s: recording {message.recording_sid}."
        self._note(call_id, number, "message", text)

    def _find(self, call_id: str) -> StoredCall | None:
        try:
            return self._archive.find(call_id)
        except NotFound:
            self._count("message_without_call")
            return None

    def _note(self, call_id: str, number: str | None, kind: str, text: str) -> None:
        if number is None:
            self._count("call_back.no_number")
            return
        context = ToolContext(call_id, number, self._clock(), f"{call_id}:{kind}")
        self._contacts().add_note(number, f"Please call back. {text}", context)

    # ---- on the loop ---------------------------------------------------------------------------

    def _do(self, name: str, call_id: str, act: Callable[[], None]) -> None:
        self._start(f"{name} {call_id}", self._try(call_id, act))

    async def _try(self, call_id: str, act: Callable[[], None]) -> None:
        for number in range(_TRIES):
            await asyncio.sleep(self._pause_s * number)
            try:
                await asyncio.to_thread(act)
            except (BackendError, OSError) as error:
                log.warning("staff_note_failed", call_sid=call_id, error=type(error).__name__)
            else:
                return
        self._count("staff_note_lost")
