"""Which worker is a request for? Read off its address, or off the call it is about.

The TwiML of a call names the worker that answered: `/twilio/media/2` for the stream, `?worker=2`
for what Twilio asks later. Addresses that stand in Twilio's console name nobody. For these each
call has a worker that follows from its CallSid, so that a webhook that comes twice finds the same.
"""

import re
from zlib import crc32

MOST_WORKERS = 64
TWILIO = "/twilio/"
_STREAM = re.compile(r"(/twilio/media)/([0-9]{1,2})(\?.*)?")
_TRIAL = re.compile(r"/api/v1/trial/calls/(CA[0-9a-fA-F]{32})/stream(\?.*)?")
_NAMED = re.compile(r"(?:^|&)worker=([0-9]{1,2})(?:&|$)")
_CALL = re.compile(rb"(?:^|&)CallSid=(CA[0-9a-fA-F]{32})(?:&|$)")
_ON = re.compile(rb"(?:^|&)CallStatus=(?:ringing|in-progress)(?:&|$)")
_RINGING = re.compile(rb"(?:^|&)CallStatus=ringing(?:&|$)")


def stream_segment(worker: int | None) -> str:
    """What is put behind the path of streams."""
    return "" if worker is None else f"/{worker}"


def callback_query(worker: int | None) -> str:
    """What is put behind the path of callbacks. Twilio signs it with the rest of the URL."""
    return "" if worker is None else f"?worker={worker}"


def home(call_sid: str, workers: int) -> int:
    """The worker of a call that nobody is named for."""
    return crc32(call_sid.encode()) % workers


def of_upgrade(target: str, workers: int) -> tuple[int | None, str]:
    """The worker a WebSocket's request is for, None: any; and its target as the routes know it."""
    if (stream := _STREAM.fullmatch(target)) is not None:
        path, number, query = stream.groups()
        return _known(number, workers), path + (query or "")
    if (trial := _TRIAL.fullmatch(target)) is not None:
        return home(trial[1], workers), target
    return None, target


def of_webhook(query: str, body: bytes, workers: int) -> list[int]:
    """All workers, in the order in which they are to be asked; empty: any will do."""
    named = _NAMED.search(query)
    first = None if named is None else _known(named[1], workers)
    found = _CALL.search(body)
    if first is None and found is None:
        return []
    begin = home(found[1].decode(), workers) if found is not None else 0
    rest = [(begin + step) % workers for step in range(workers)]
    return rest if first is None else [first, *(each for each in rest if each != first)]


def rings(path: str, body: bytes) -> bool:
    """A call that nobody has answered yet: who takes no calls need not be asked."""
    return path == f"{TWILIO}voice" and _RINGING.search(body) is not None


def only_asks(path: str, body: bytes) -> bool:
    """What to do with a caller who is on the line, and no news beside: an answer that comes too
    late is better not made, for somebody else has given one."""
    return path in (f"{TWILIO}voice", f"{TWILIO}after-stream") and _ON.search(body) is not None


def _known(number: str, workers: int) -> int | None:
    return int(number) if int(number) < workers else None
