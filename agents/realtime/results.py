"""How a response ended and what it used, in the words of the port."""

from agents.engine import EngineAllowance, ResponseStatus, Usage
from agents.realtime import failures, wire

_STATUSES = {status.value: status for status in ResponseStatus}
_MOST = 2**53


def outcome(response: wire.Response) -> tuple[ResponseStatus, str]:
    """Status and reason; a status nobody knows counts as failed."""
    status = _STATUSES.get(response.status or "", ResponseStatus.FAILED)
    details = response.status_details
    if details is None:
        return status, "unnamed" if status is ResponseStatus.FAILED else ""
    if details.error is not None:
        kind = failures.plain(details.error.type, "unnamed")
        return status, failures.plain(details.error.code, kind)
    return status, failures.plain(details.reason, "unnamed")


def usage(count: wire.UsageCount | None) -> Usage | None:
    """None where the server does not say: unknown is not zero."""
    if count is None or count.input_token_details is None or count.output_token_details is None:
        return None
    given, made = count.input_token_details, count.output_token_details
    cached = given.cached_tokens_details
    # Without details the cheaper reading would flatter the bill: cached tokens count as text.
    cached_text = given.cached_tokens if cached is None else cached.text_tokens
    cached_audio = 0 if cached is None else cached.audio_tokens
    return Usage(
        input_text_tokens=given.text_tokens or 0,
        input_audio_tokens=given.audio_tokens or 0,
        cached_text_tokens=cached_text or 0,
        cached_audio_tokens=cached_audio or 0,
        output_text_tokens=made.text_tokens or 0,
        output_audio_tokens=made.audio_tokens or 0,
    )


def allowance(limit: wire.RateLimit) -> EngineAllowance | None:
    """None for a limit without a name of its own or without figures."""
    name = failures.plain(limit.name if isinstance(limit.name, str) else None, "")
    if not name or not isinstance(limit.limit, int | float) or limit.remaining is None:
        return None
    return EngineAllowance(
        name=name,
        limit=_count(limit.limit),
        remaining=_count(limit.remaining),
        reset_s=max(0.0, limit.reset_seconds or 0.0),
    )


def _count(figure: float) -> int:
    return int(min(max(figure, 0), _MOST))
