"""The settings of how many calls one machine carries, and what it does when there are more."""

from telephony.values import calls_or_auto, choice, whole
from telephony.variable import Variable
from telephony.workers.addresses import MOST_WORKERS

CAPACITY: tuple[Variable, ...] = (
    Variable(
        "FRONTDESK_MAX_CALLS",
        "max_calls",
        calls_or_auto,
        "50",
        "a whole number from 1 to 10000, or auto",
        "Calls at the same time, of all workers; auto reckons it from how fast this machine is",
    ),
    Variable(
        "FRONTDESK_WHEN_FULL",
        "when_full",
        choice("say", "hand_over"),
        "say",
        "say or hand_over",
        "What becomes of further callers: they are told that all lines are busy, or are passed on"
        " to `human` or voicemail of phone.yaml",
    ),
    Variable(
        "FRONTDESK_WORKERS",
        "workers",
        whole(1, MOST_WORKERS),
        "1",
        f"a whole number from 1 to {MOST_WORKERS}",
        "Processes that answer calls on the one port; one for each core",
    ),
    Variable(
        "FRONTDESK_LATE_MS",
        "late_ms",
        whole(10, 5_000),
        "100",
        "a whole number from 10 to 5000",
        "A process that again and again does what is due later than this takes no further calls",
    ),
    Variable(
        "FRONTDESK_MAX_CALL_MB",
        "max_call_mb",
        whole(0, 10_000),
        "64",
        "a whole number from 0 to 10000 (0 for no cap)",
        "Memory one call may take up; then it is ended with an apology",
    ),
)
