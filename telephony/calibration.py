"""How many calls does this machine carry? Reckoned from how fast it is; no call is made.

What a call costs was measured once with everything on (tests/bench/README.md); what differs from
machine to machine is how fast they do the same work. So a small piece of a call's work is timed
here: frames read and written, sound turned from one form to the other, bytes through a socket. Of
the models' answers, the network, the disk and the database it says nothing.
"""

import os
import socket
import time
from base64 import b64encode

import msgspec

from agents.engine import AudioFormat
from telephony.media.transcode import Downlink, Uplink
from telephony.twilio import wire

CALL_MS = {"ulaw": 4.0, "pcm": 5.0}
"""CPU of one call and second on the machine of tests/bench/README.md, 100 calls at once."""
PROBE_MS = 0.6
"""CPU of one probe there."""
USED = 0.6
"""Of a core: beyond, one call's work is in the way of another's."""
_ROUNDS = 7
_FRAMES = 50
_FRAME = b"\xff" * 160
_PIECE = bytes(2 * 24_000 // 4)
"""250 ms of a model's voice."""


class Measured(msgspec.Struct, frozen=True):
    calls: int
    speed: float
    """Of a core, as a multiple of the one the figures were taken on."""
    cores: int
    """How many workers can run at the same time."""


def measured(audio: str, workers: int) -> Measured:
    """`audio`: pcm or ulaw, as in FRONTDESK_REALTIME_AUDIO. Takes a tenth of a second."""
    speed = PROBE_MS / min(_probe_ms() for _ in range(_ROUNDS))
    cores = min(workers, len(os.sched_getaffinity(0)))
    return Measured(calls_for(CALL_MS[audio] / speed, cores), round(speed, 2), cores)


def calls_for(call_ms: float, cores: int) -> int:
    """How many calls of `call_ms` CPU a second fit."""
    return max(1, min(10_000, int(USED * 1_000 * cores / call_ms)))


def _probe_ms() -> float:
    """CPU of a second of one call, or what of it can be done here."""
    up, down = Uplink(AudioFormat.PCM16_24K), Downlink(AudioFormat.PCM16_24K)
    envelopes = wire.Envelopes("MZ" + "0" * 32)
    text = _media_text()
    here, there = socket.socketpair()
    with here, there:
        began_s = time.thread_time()
        for number in range(_FRAMES):
            frame = wire.parse(text)
            assert isinstance(frame, wire.Media)
            here.send(up.push(frame.ulaw)[:960])
            there.recv(1_024)
            if number % 12 == 0:
                sound = down.push(_PIECE)
                envelopes.media(sound[:800])
        return (time.thread_time() - began_s) * 1_000


def _media_text() -> str:
    payload = b64encode(_FRAME).decode()
    return (
        '{"event":"media","sequenceNumber":"4","media":{"track":"inbound","chunk":"2",'
        f'"timestamp":"20","payload":"{payload}"}},"streamSid":"MZ{"0" * 32}"}}'
    )
