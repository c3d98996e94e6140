"""Would one more call have to wait for its provider's limits?

Providers let an account use so many tokens, and make so many requests, a minute. Each response
tells what is left (EngineAllowance). A call is a steady consumer for minutes to come, so what
counts is not whether the next response would pass, but whether all calls together would.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.engine import AnyEngineEvent, EngineAllowance, EngineFailed, ResponseDone, Usage

TOKENS = "tokens"
REQUESTS = "requests"
WINDOW_S = 60.0
DEMAND = {TOKENS: 24_000.0, REQUESTS: 6.0}
"""What a call uses in a minute, until calls have shown it: a conversation of 4,000 tokens sent six
times a minute. Cached tokens are taken to count like others."""
MEASURED_FROM_S = 60.0
"""Of calls, added up: from less nobody knows what a call uses."""
ENDED_KEPT = 20
MOST = 0.5
"""Of a limit: while the provider says that more of it is left, no guess of ours refuses a call."""
_REFUSED_S = 20.0
"""How long no call is sent to a provider that refused one for its limits."""
LIMITED = frozenset({"rate_limited", "rate_limit_exceeded", "inference_rate_limit_exceeded"})
"""Reasons of EngineFailed and of failed responses that name the provider's limits."""


@dataclass(slots=True)
class _Told:
    """What a provider said was left, and when."""

    limit: int
    remaining: float
    at_s: float
    whole_s: float
    """When nothing of it would be used any more."""


@dataclass(slots=True)
class _Used:
    """What one call has used so far."""

    began_s: float
    used: dict[str, float] = field(default_factory=lambda: dict.fromkeys(DEMAND, 0.0))
    ended_s: float | None = None

    def length_s(self, now: float) -> float:
        return (now if self.ended_s is None else self.ended_s) - self.began_s


@dataclass(slots=True)
class _Provider:
    told: dict[str, _Told] = field(default_factory=dict)
    live: dict[str, _Used] = field(default_factory=dict)
    ended: deque[_Used] = field(default_factory=lambda: deque(maxlen=ENDED_KEPT))
    refused_until_s: float = 0.0


def _none() -> int:
    return 0


class Allowances:
    """The limits of every provider, by whatever name the caller knows them: an engine's name.

    `now` is any clock that never goes back, the same for all methods; seconds.
    """

    def __init__(self, elsewhere: Callable[[], int] = _none) -> None:
        """`elsewhere`: calls of other workers, taken to use the same providers."""
        self._elsewhere = elsewhere
        self._providers: dict[str, _Provider] = {}

    # ---- what happens --------------------------------------------------------------------------

    def begin(self, provider: str, call_id: str, now: float) -> None:
        """A call begins to use it; after a change of engines, both are told."""
        self._of(provider).live[call_id] = _Used(now)

    def end(self, provider: str, call_id: str, now: float) -> None:
        found = self._of(provider)
        if (used := found.live.pop(call_id, None)) is not None:
            used.ended_s = now
            found.ended.append(used)

    def observe(self, provider: str, call_id: str, event: AnyEngineEvent, now: float) -> None:
        """What a session of a call tells, in order."""
        found = self._of(provider)
        match event:
            case EngineAllowance():
                self._told(found, event, now)
            case ResponseDone(reason=reason, usage=usage):
                self._used(found, call_id, usage)
                self._refused(found, reason, now)
            case EngineFailed(reason=reason):
                self._refused(found, reason, now)
            case _:
                pass

    def _told(self, found: _Provider, event: EngineAllowance, now: float) -> None:
        if event.name not in DEMAND or event.limit <= 0 or not 0 <= event.reset_s < float("inf"):
            return
        remaining = min(max(0, event.remaining), event.limit)
        found.told[event.name] = _Told(event.limit, remaining, now, now + event.reset_s)

    def _used(self, found: _Provider, call_id: str, usage: Usage | None) -> None:
        if (call := found.live.get(call_id)) is None:
            return
        call.used[REQUESTS] += 1
        call.used[TOKENS] += _tokens(usage) if usage else 0

    def _refused(self, found: _Provider, reason: str, now: float) -> None:
        if reason in LIMITED:
            found.refused_until_s = now + _REFUSED_S

    def _of(self, provider: str) -> _Provider:
        return self._providers.setdefault(provider, _Provider())

    # ---- what follows --------------------------------------------------------------------------

    def has_room(self, provider: str, now: float) -> bool:
        """Whether one more call could be carried beside those that are on.

        A provider that has told nothing, or has no limits, has room.
        """
        found = self._providers.get(provider)
        if found is None:
            return True
        if now < found.refused_until_s:
            return False
        return all(
            _carries(
                told,
                len(found.live) + self._elsewhere(),
                _measured(found, name, now),
                DEMAND[name],
                now,
            )
            for name, told in found.told.items()
        )


def _carries(told: _Told, live: int, measured: float | None, guess: float, now: float) -> bool:
    """Whether all calls are within the limit, and what is left lasts until it is whole.

    One call alone is within any limit: the account may be so small that it always waits.
    `measured` and `guess` are what one call uses in a minute; None: nobody knows it yet.
    """
    remaining = _remaining(told, now)
    if measured is None and remaining > MOST * told.limit:
        return True
    a_minute = (live + 1) * (guess if measured is None else measured)
    if measured is not None and live and a_minute > told.limit:
        return False
    left_s = min(max(0.0, told.whole_s - now), WINDOW_S)
    return a_minute * left_s / WINDOW_S <= remaining


def _remaining(told: _Told, now: float) -> float:
    """It grows whole evenly."""
    whole_in_s = told.whole_s - told.at_s
    passed = 1.0 if whole_in_s <= 0 else min(1.0, (now - told.at_s) / whole_in_s)
    return told.remaining + (told.limit - told.remaining) * passed


def _measured(found: _Provider, name: str, now: float) -> float | None:
    """What one call was seen to use in a minute; None while too little was seen."""
    calls = (*found.live.values(), *found.ended)
    length_s = sum(call.length_s(now) for call in calls)
    if length_s < MEASURED_FROM_S:
        return None
    return sum(call.used[name] for call in calls) * WINDOW_S / length_s


def _tokens(usage: Usage) -> int:
    return max(0, usage.input_text_tokens + usage.input_audio_tokens) + max(
        0, usage.output_text_tokens + usage.output_audio_tokens
    )
