"""What the provider says in its answers' headers of how much may still be asked of it."""

import re
from collections.abc import Iterator, Mapping

from agents.engine import EngineAllowance

_UNITS = {"h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)")


def allowances(headers: Mapping[str, str]) -> Iterator[EngineAllowance]:
    """From `x-ratelimit-*` (OpenAI API reference, rate limits); none from what cannot be read."""
    for name in ("requests", "tokens"):
        limit = _count(headers.get(f"x-ratelimit-limit-{name}"))
        remaining = _count(headers.get(f"x-ratelimit-remaining-{name}"))
        reset_s = seconds(headers.get(f"x-ratelimit-reset-{name}", ""))
        if limit is not None and remaining is not None and reset_s is not None:
            yield EngineAllowance(name, limit, remaining, reset_s)


def seconds(duration: str) -> float | None:
    """`1s`, `6m0s`, `20ms`; None for anything else."""
    parts = _PART.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,12}", text) else None
