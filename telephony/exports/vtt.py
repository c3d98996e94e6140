"""A transcript as WebVTT: a cue for each line, with what was heard of it and nothing else.

What was never played, and what happened besides, stands in comments (NOTE), which no player shows.
W3C, WebVTT: The Web Video Text Tracks Format, 2019.
"""

import re
from collections.abc import Iterator

import msgspec

from telephony.exports.sealed import SCHEMA, VERSION, BadExport, Exported, digest_of
from telephony.plain import plain
from telephony.transcripts.entry import AgentLine, AnyEntry, CallerLine
from telephony.transcripts.text import begins_ms, heard_and_not, remark

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_CUE = re.compile(r"(\d+):(\d\d):(\d\d)\.(\d{3}) --> (\d+):(\d\d):(\d\d)\.(\d{3})")
_SAID = re.compile(r"<v (Caller|Agent)>(.*)", re.S)


class Cue(msgspec.Struct, frozen=True):
    """Words that were heard, and when."""

    start_ms: int
    end_ms: int
    speaker: str
    """`caller` or `agent`."""
    text: str


class Cues(msgspec.Struct, frozen=True):
    """What can be read back of a file."""

    call_id: str
    sha256: str
    """The digest of the transcript it was made from."""
    view: str
    cues: tuple[Cue, ...]


def cues(exported: Exported) -> Cues:
    """All that was heard, in order of speaking."""
    found = (_cue(entry) for entry in exported.entries)
    return Cues(
        exported.call.call_id,
        digest_of(exported),
        exported.view,
        tuple(cue for cue in found if cue is not None),
    )


def written(exported: Exported) -> bytes:
    """UTF-8."""
    return "".join(f"{block}\n\n" for block in _blocks(exported)).encode()


def read(data: bytes) -> Cues:
    """What `cues` has given to write; raises BadExport."""
    try:
        head, *blocks = data.decode().rstrip("\n").split("\n\n")
    except UnicodeDecodeError:
        raise BadExport("This is no WebVTT.") from None
    found = re.fullmatch(_HEAD_FORM, blocks[0]) if blocks else None
    if head != "WEBVTT" or found is None:
        raise BadExport("This is no WebVTT of a transcript of ours.")
    call_id, view, sha256 = found.groups()
    said = [block for block in blocks if not block.startswith("NOTE")]
    return Cues(call_id, sha256, view, tuple(map(_read_cue, said)))


_HEAD_FORM = rf"NOTE {re.escape(SCHEMA)} {VERSION}, call (\S+), view (\w+), sha256 ([0-9a-f]{{64}})"


def _blocks(exported: Exported) -> Iterator[str]:
    seal = digest_of(exported)
    yield "WEBVTT"
    call_id = "".join(plain(exported.call.call_id).split()) or "-"
    yield f"NOTE {SCHEMA} {VERSION}, call {call_id}, view {exported.view}, sha256 {seal}"
    for entry in exported.entries:
        if (cue := _cue(entry)) is not None:
            name = cue.speaker.capitalize()
            times = f"{_time(cue.start_ms)} --> {_time(cue.end_ms)}"
            yield f"{times}\n<v {name}>{_escaped(cue.text)}"
        if (note := _note(entry)) is not None:
            # An arrow would end the comment.
            yield f"NOTE {_time(begins_ms(entry))} {note.replace('-->', '→')}"


def _cue(entry: AnyEntry) -> Cue | None:
    match entry:
        case CallerLine():
            return _shown(entry.start_ms, entry.end_ms, "caller", entry.text)
        case AgentLine():
            return _shown(entry.start_ms, entry.end_ms, "agent", entry.heard)
        case _:
            return None


def _shown(start_ms: int, end_ms: int, speaker: str, text: str) -> Cue | None:
    """A cue ends after it begins, whatever the line says."""
    words = plain(" ".join(text.split()))
    start_ms = max(0, start_ms)
    return Cue(start_ms, max(start_ms + 1, end_ms), speaker, words) if words else None


def _note(entry: AnyEntry) -> str | None:
    match entry:
        case AgentLine():
            lost = heard_and_not(entry.text, entry.heard)[1]
            return f"never heard: {plain(lost)}" if lost else None
        case CallerLine():
            return None if entry.text.strip() else "caller: (no words could be made out)"
        case _:
            said = remark(entry)
            return said and ": ".join(said)


def _read_cue(block: str) -> Cue:
    times, _, said = block.partition("\n")
    when, what = _CUE.fullmatch(times), _SAID.fullmatch(said)
    if when is None or what is None:
        raise BadExport("A cue cannot be read.")
    numbers = [int(number) for number in when.groups()]
    text = what.group(2)
    for char, escape in reversed(_ESCAPES.items()):
        text = text.replace(escape, char)
    return Cue(_ms(numbers[:4]), _ms(numbers[4:]), what.group(1).lower(), text)


def _ms(parts: list[int]) -> int:
    hours, minutes, seconds, rest = parts
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def _time(ms: int) -> str:
    seconds, rest = divmod(max(0, ms), 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{rest:03}"


def _escaped(text: str) -> str:
    for char, escape in _ESCAPES.items():
        text = text.replace(char, escape)
    return text
