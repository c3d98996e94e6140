"""The settings of calls that outlive their stream or their process."""

from telephony.values import choice, whole
from telephony.variable import Variable

SURVIVAL: tuple[Variable, ...] = (
    Variable(
        "FRONTDESK_LOST_SECONDS",
        "lost_seconds",
        whole(0, 60),
        "6",
        "a whole number from 0 to 60",
        "How long a call whose stream broke is kept for Twilio to ask about it",
    ),
    Variable(
        "FRONTDESK_DRAIN_THEN",
        "drain_then",
        choice("migrate", "goodbye"),
        "migrate",
        "migrate or goodbye",
        "What becomes of calls still live by then: other processes go on with them, or they end",
    ),
)
