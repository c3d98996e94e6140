"""What the fake GPT-Live server does wrong, and how it times what it does right."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Timing:
    """How the model behaves, in ms of the session's own clock."""

    delta_ms: int = 100
    """Audio in each output delta."""
    yield_ms: int = 300
    """It falls silent so long after the caller began to speak over it."""
    think_ms: int = 200
    """From the end of the caller's turn, or of a tool, until it speaks."""
    append_ms: int = 300
    """From a commentary until it is spoken; 850 were reported of the real one."""
    words_ms: int = 200
    """Transcripts come for so much audio at a time, when it is over."""
    hear_ms: int = 300
    """By which the caller's words come later than their voice."""
    turn_silence_ms: int = 400
    """Silence by which it knows that the caller has finished."""
    noise: int = 12
    """Loudest sample of its silence."""


@dataclasses.dataclass(frozen=True)
class LiveFaults:
    """Each switch off by default."""

    only_first: bool = False
    """Sessions that begin when one has been talked to have none of these."""
    handshake_status: int = 0
    handshake_body: str = ""
    handshake_delay_s: float = 0.0
    start_error: str = ""
    """Code of an error instead of session.started."""
    never_starts: bool = False
    other_format: bool = False
    """session.started shows another audio format than was asked for."""
    expires_in_s: float = 7_200.0
    expires_after_deltas: int = 0
    closed_reason: str = "expired"
    """Of the session.closed then."""
    cut_after_deltas: int = 0
    """The connection is cut without a close frame."""
    stall_after_deltas: int = 0
    """No output at all from there on, not even silence."""
    late_from_delta: int = 0
    late_deltas: int = 0
    """So many deltas are held back by the network, and come at once."""
    silent: bool = False
    """It never speaks."""
    talks_on: bool = False
    """It does not fall silent for the caller."""
    garbage: int = 0
    """Frames that are no events, before each delta."""
    unknown_events: bool = False
    repeated_calls: bool = False
    """Each function call is told twice."""
    failed_responses: int = 0
    """So many of the backend's fail."""
    failure_code: str = "server_error"
    error_after_start: str = ""
    """Code of an error event right after session.started."""
    early_call: bool = False
    """A function call before session.started."""
    deaf: bool = False
    """Stops reading once the session is started."""
