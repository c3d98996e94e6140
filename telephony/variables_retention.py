"""The settings of what is kept, for how long, and whether callers are asked first."""

from telephony.values import choice, whole
from telephony.variable import Variable

_DAYS = "a whole number from 0 to 36500"


def _days(name: str, field: str, default: str, what: str) -> Variable:
    meaning = f"For how many days {what} kept, the day of the call not counted; 0 for ever"
    return Variable(name, field, whole(0, 36_500), default, _DAYS, meaning)


RETENTION: tuple[Variable, ...] = (
    _days("FRONTDESK_KEEP_AUDIO_DAYS", "keep_audio_days", "90", "recordings and journals are"),
    _days("FRONTDESK_KEEP_TRANSCRIPT_DAYS", "keep_transcript_days", "365", "what was said is"),
    _days(
        "FRONTDESK_KEEP_METADATA_DAYS",
        "keep_metadata_days",
        "730",
        "who called, when and what it came to is",
    ),
    _days(
        "FRONTDESK_KEEP_AUDIT_DAYS",
        "keep_audit_days",
        "2555",
        "who did what in the console and what was deleted is",
    ),
    Variable(
        "FRONTDESK_RECORDING_CONSENT",
        "recording_consent",
        choice("ask", "notice", "none"),
        "ask",
        "ask, notice or none",
        "What comes before anything of a call is kept, where the persona's file says nothing: the"
        " caller is asked, is told, or neither. Who says no is served, and not recorded",
    ),
)
