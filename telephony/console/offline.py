"""A call as one HTML file that needs nothing else: words, waits and sound, wherever it is opened.

Its scripts and styles are those of the console's page. A policy in the file lets nothing else run
and nothing be fetched: what callers and tools have said stays text even there.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from functools import cache

import msgspec

from telephony.console import rendering
from telephony.console.onecallview import CallView, wave, waveform
from telephony.console.telling import Telling
from telephony.exports.sealed import SCHEMA, VERSION, digest_of
from telephony.transcripts.archive import StoredCall
from telephony.transcripts.recordings import STEREO
from telephony.version import VERSION as PROGRAM

_CHUNK = 3 * 65_536
"""Of whole groups of base64."""
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; media-src data:; base-uri"
    " 'none'; form-action 'none'"
)


def offline(call: StoredCall, view: CallView) -> Iterator[bytes]:
    """The file, piece by piece: only a part of the sound is in memory at a time. Blocks; raises
    OSError when the recording cannot be read."""
    gap = secrets.token_hex(16)
    sounds = view.has_audio
    drawn = msgspec.json.encode(waveform(call)).decode() if sounds else ""
    text = rendering.rendered(
        "call_offline.html",
        view=view,
        tell=Telling(view.exported.entries),
        policy=_policy(),
        script=_script(),
        style=_style(),
        waves=drawn,
        source=f"data:audio/wav;base64,{gap}" if sounds else "",
        seal=digest_of(view.exported),
        schema=f"{SCHEMA} {VERSION}",
        program=PROGRAM,
    )
    before, _, behind = text.partition(gap)
    yield before.encode()
    if sounds:
        yield from _sound(call)
    yield behind.encode()


def _sound(call: StoredCall) -> Iterator[bytes]:
    recording = wave(call, STEREO)
    for first in range(0, recording.length, _CHUNK):
        yield base64.b64encode(recording.read(first, first + _CHUNK))


def _policy() -> str:
    return _POLICY.format(script=_hash(_script()), style=_hash(_style()))


def _hash(text: str) -> str:
    """W3C, Content Security Policy Level 3, 2.3.1."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _script() -> str:
    return _inside("player.js")


@cache
def _style() -> str:
    return _inside("base.css") + _inside("call.css")


def _inside(name: str) -> str:
    """A file of ours that is put between two tags."""
    text = (rendering.STATIC / name).read_text(encoding="utf-8")
    assert "</" not in text, f"{name} would end the element it stands in"
    return text
