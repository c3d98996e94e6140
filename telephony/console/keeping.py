"""What admins do about what is kept, each time with an entry in the audit log."""

import datetime as dt
from collections.abc import Callable, Mapping

from telephony.console.access.audit import Audit
from telephony.console.access.roles import Who
from telephony.console.parts import Parts
from telephony.retention.holds import Hold
from telephony.retention.plan import Receipt
from telephony.retention.retention import Asked, Refused, Retention, open_retention
from telephony.retention.subject import exported
from telephony.retention.verifying import Verified, verify_calls
from telephony.versioned import utc_now
from tools.phone import e164


class Keeping:
    """Every method blocks, and raises what `Retention` does.

    The log is written first: what was begun and broken off is in it, too. It names no caller, so
    that what was deleted cannot be found there.
    """

    def __init__(
        self, retention: Retention, audit: Audit, clock: Callable[[], dt.datetime]
    ) -> None:
        self.retention = retention
        self.audit = audit
        self._clock = clock

    def place(self, who: Who, kind: str, subject: str, reason: str) -> Hold:
        hold = self.retention.holds.place(kind, subject, reason, who.name)
        self._record(who, "hold.place", f"hold {hold.id}", {"kind": kind, "reason": hold.reason})
        return hold

    def release(self, who: Who, hold_id: int) -> Hold:
        hold = self.retention.holds.release(hold_id, who.name)
        self._record(who, "hold.release", f"hold {hold_id}", {"kind": hold.kind})
        return hold

    def delete(self, who: Who, asked: Asked) -> Receipt:
        counts = self.retention.would(asked).counts
        self._record(who, "deletion.begin", "calls", {"counts": counts, "why": asked.why})
        receipt = self.retention.delete(asked, who.name)
        told = {"digest": receipt.digest, "counts": receipt.counts}
        self._record(who, "deletion.finish", f"deletion {receipt.id}", told)
        return receipt

    def run(self, who: Who) -> list[Receipt]:
        self._record(who, "retention.run", "calls", {})
        return self.retention.run(who.name)

    def export(self, who: Who, number: str) -> bytes:
        """A ZIP file with everything about a number. Raises Refused for none."""
        wanted = e164(number)
        if wanted is None:
            raise Refused(f"{number!r} is no number: write it like +12125550123.")
        self._record(who, "subject.export", "a number", {})
        return exported(self.retention.store, self.retention.data_dir, wanted, self._clock())

    def verify(self, who: Who, head: str = "") -> Verified:
        """`head`: see verify_calls."""
        self._record(who, "calls.verify", "calls", {})
        return verify_calls(self.retention.store, self.retention.data_dir, head=head)

    def _record(self, who: Who, action: str, named: str, facts: Mapping[str, object]) -> None:
        self.audit.record(who, action, named, after=facts or None)


def keeping_of(parts: Parts) -> Keeping:
    """With the settings, the database and the log of a console."""
    retention = open_retention(parts.settings, parts.store, utc_now)
    return Keeping(retention, parts.access.audit, utc_now)
