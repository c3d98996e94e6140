"""What a call process and a console say to each other: one JSON object on each line.

Who connects sends one request; what follows is its answer, for as long as it has one.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from telephony.call.events import Act
from telephony.live.picture import CallView
from telephony.transcripts.entry import AnyEntry

MAX_REQUEST_BYTES = 16 * 1024
MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""A line of an answer: two hundred calls, or all lines of the longest one."""
MAX_WORDS = 1_000
"""Of a whisper, or a target's name."""


class BadMessage(Exception):  # noqa: N818 - named for what it is about
    """Not a message of this wire."""


class Request(msgspec.Struct, frozen=True, tag=True):
    """Base of what a console asks."""


class List(Request, frozen=True, tag="list"):
    """All calls, once. Calls follows."""


class Watch(Request, frozen=True, tag="watch"):
    """All calls: Calls, then Changes and Gone until one side leaves."""


class Follow(Request, frozen=True, tag="follow"):
    """One call: Calls with it alone, Lines so far, then Changes and Lines; Gone is the last, unless
    it goes on in another process."""

    call_id: str


class Listen(Request, frozen=True, tag="listen"):
    """One call's sound, from now on: Sound; ends likewise."""

    call_id: str


class Do(Request, frozen=True, tag="do"):
    """Something is to be done to a call. Done follows."""

    call_id: str
    act: Act
    by: str
    words: str = ""


AnyRequest = List | Watch | Follow | Listen | Do


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Base of what a call process answers."""


class Calls(Answer, frozen=True, tag="calls"):
    """How they stand now."""

    calls: tuple[CallView, ...]


class Changes(Answer, frozen=True, tag="changes"):
    """Of each call named by `call_id` the fields that differ from before."""

    changes: tuple[Mapping[str, Any], ...]


class Gone(Answer, frozen=True, tag="gone"):
    """These calls are over, or were never on here."""

    call_ids: tuple[str, ...]


class Lines(Answer, frozen=True, tag="lines"):
    """More of the transcript; `first` is the number of the first of them."""

    first: int
    entries: tuple[AnyEntry, ...]


class Sound(Answer, frozen=True, tag="sound"):
    """A piece of what is on the line, as it was said or heard."""

    track: str
    """`caller`, or `heard`: what the caller heard of us."""
    at_samples: int
    """On the call's clock, in samples of 8,000 a second."""
    ulaw: bytes


class Done(Answer, frozen=True, tag="done"):
    """What became of a Do: empty for done, `impossible` as the call stands, or `gone`."""

    why_not: str = ""


AnyAnswer = Calls | Changes | Gone | Lines | Sound | Done

_MISSING = object()
_requests = msgspec.json.Decoder(AnyRequest)
_answers = msgspec.json.Decoder(AnyAnswer)


def line(message: Request | Answer) -> bytes:
    """The message with its line feed; JSON has none inside."""
    return msgspec.json.encode(message) + b"\n"


def request(data: bytes) -> AnyRequest:
    """Raises BadMessage."""
    try:
        asked: AnyRequest = _requests.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadMessage from None
    if isinstance(asked, Do) and max(len(asked.words), len(asked.by)) > MAX_WORDS:
        raise BadMessage
    return asked


def answer(data: bytes) -> AnyAnswer:
    """Raises BadMessage."""
    try:
        answered: AnyAnswer = _answers.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadMessage from None
    return answered


def difference(before: CallView | None, after: CallView) -> dict[str, Any]:
    """The fields that differ, with `call_id`; empty when none does, all of a call that is new."""
    changed = {
        name: value
        for name in CallView.__struct_fields__
        if (value := getattr(after, name)) != getattr(before, name, _MISSING)
    }
    return {"call_id": after.call_id, **changed} if changed else {}
