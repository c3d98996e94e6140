"""What an answer means: done with these results, a refusal, a failure, or nobody knows."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from tools.http import templates
from tools.http.plan import Response
from tools.http.section import HttpSection, Pick, Reading
from tools.results import CONTROL

MAX_DEPTH = 32
MAX_RESULT_BYTES = 6_000
"""Of all named values together, so that the answer stays under the model's 8 KiB."""
HIDDEN = "[hidden]"
MISSING: Any = msgspec.UNSET
WAITS = frozenset({408, 425, 429, 503})
"""The server says that it has done nothing, and that later it may."""


class Done(msgspec.Struct, frozen=True):
    result: Mapping[str, Any]


class Refused(msgspec.Struct, frozen=True):
    message: str


class Failed(msgspec.Struct, frozen=True):
    """Nothing was changed."""

    reason: str
    permanent: bool
    retry_after_s: float | None = None


class Unknown(msgspec.Struct, frozen=True):
    """Something may have been changed."""

    reason: str
    retry_after_s: float | None = None


Verdict = Done | Refused | Failed | Unknown


def judge(
    section: HttpSection, response: Response, given: templates.Values, *, writes: bool
) -> Verdict:
    """What `response` means by the file, and by HTTP where the file says nothing."""
    reading = section.answer
    status = response.status
    if (said := reading.refused.get(str(status))) is not None:
        found = {**_safe_results(reading, response, given.secrets), **given.arguments}
        return Refused(_spoken(said, found, given.secrets) or "That is not possible.")
    after_s = _after_s(response)
    if matches(status, reading.unknown):
        return _unsure(f"status_{status}", writes, after_s)
    if matches(status, reading.failed):
        return _failed(response)
    if matches(status, reading.done):
        return _done(reading, response, given, writes)
    if writes and (status >= 500 or status < 400):
        return _unsure(f"status_{status}", writes, after_s)
    return _failed(response)


def matches(status: int, codes: Iterable[str]) -> bool:
    """Whether `status` is one of codes like `204` and `200-299`."""
    bounds = (code.partition("-") for code in codes)
    return any(int(first) <= status <= int(last or first) for first, _, last in bounds)


def _failed(response: Response) -> Failed:
    status = response.status
    temporary = status in WAITS or status >= 500
    return Failed(f"status_{status}", permanent=not temporary, retry_after_s=_after_s(response))


def _after_s(response: Response) -> float | None:
    """`Retry-After` in seconds (RFC 9110); the form with a date is not read."""
    after = response.headers.get("retry-after", "")
    return float(after) if re.fullmatch(r"\d{1,6}", after, re.ASCII) else None


def _unsure(reason: str, writes: bool, after_s: float | None = None) -> Verdict:
    if writes:
        return Unknown(reason, after_s)
    return Failed(reason, permanent=False, retry_after_s=after_s)


def _done(reading: Reading, response: Response, given: templates.Values, writes: bool) -> Verdict:
    try:
        results = within(_results(reading, response, given.secrets))
    except ValueError as error:
        return _unsure(str(error), writes)
    message = _spoken(reading.message, {**given.arguments, **results}, given.secrets)
    if message is None and not writes:
        return Failed("answer_incomplete", permanent=False)
    return Done({**results, "message": message} if message else results)


# ---- taking values out ---------------------------------------------------------------------------


def _safe_results(
    reading: Reading, response: Response, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """Of an answer that says no, whatever can be read."""
    try:
        return _results(reading, response, secrets)
    except ValueError:
        return {}


def _results(reading: Reading, response: Response, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Raises ValueError, with a code for the log, for a body that is not what was expected."""
    if reading.kind == "none" or not has_body(response.status):
        return {}
    body = _read(reading.kind, response)
    picked = {name: _picked(pick, at(body, pick.at)) for name, pick in reading.results.items()}
    found = {name: value for name, value in picked.items() if value is not MISSING}
    cleaned: dict[str, Any] = hidden(found, secrets.values())
    return cleaned


def has_body(status: int) -> bool:
    """Whether the answer's body is its content: a redirect's is a note for people."""
    return status != 204 and not 300 <= status < 400


def _read(kind: str, response: Response) -> Any:
    declared = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text":
        if not declared.startswith("text/"):
            raise ValueError("wrong_content_type")
        return response.body.decode("utf-8", "replace")
    if declared != "application/json" and not declared.endswith("+json"):
        raise ValueError("wrong_content_type")
    try:
        data = json.loads(response.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ValueError("malformed_body") from None
    if too_deep(data):
        raise ValueError("nested_too_deep")
    return data


def _no_constant(name: str) -> None:
    raise ValueError(name)


def too_deep(data: Any, limit: int = MAX_DEPTH) -> bool:
    """Whether lists and objects are nested deeper than `limit`; without recursion."""
    level, depth = [data], 0
    while level and depth <= limit:
        depth += 1
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def steps(path: str) -> list[str]:
    """The names and numbers of a JSON pointer (RFC 6901) or of a dotted path."""
    if path.startswith("/"):
        return [each.replace("~1", "/").replace("~0", "~") for each in path[1:].split("/")]
    return path.split(".") if path else []


def at(data: Any, path: str) -> Any:
    """The value at `path`, or MISSING."""
    for step in steps(path):
        if isinstance(data, dict) and step in data:
            data = data[step]
        elif isinstance(data, list) and re.fullmatch(r"\d{1,4}", step, re.ASCII):
            data = data[int(step)] if int(step) < len(data) else MISSING
        else:
            return MISSING
    return data


def _picked(pick: Pick, value: Any) -> Any:
    match value:
        case str():
            return _short(value, pick.max_length)
        case list():
            return [_entry(pick, each) for each in value[: pick.limit]]
        case dict():
            return _entry(pick, value)
        case None:
            return MISSING
        case _:
            return value


def _entry(pick: Pick, value: Any) -> Any:
    if not pick.fields:
        return _shortened(value, pick.max_length)
    found = {name: at(value, path) for name, path in pick.fields.items()}
    return {
        name: _shortened(each, pick.max_length)
        for name, each in found.items()
        if each is not MISSING and each is not None
    }


def _shortened(value: Any, limit: int) -> Any:
    match value:
        case str():
            return _short(value, limit)
        case dict():
            return {name: _shortened(each, limit) for name, each in value.items()}
        case list():
            return [_shortened(each, limit) for each in value]
        case _:
            return value


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"


def within(data: dict[str, Any], most: int = MAX_RESULT_BYTES) -> dict[str, Any]:
    """The data with its largest values halved, again and again, until all of it fits; what cannot
    be halved goes. `cut` says that something did."""
    kept = data
    while len(msgspec.json.encode(kept)) > most:
        largest = max(kept, key=lambda name: len(msgspec.json.encode(kept[name])))
        rest = {name: each for name, each in kept.items() if name != largest}
        half = _half(kept[largest])
        kept = {**rest, "cut": True} if half is None else {**rest, largest: half, "cut": True}
    return kept


def _half(value: Any) -> Any | None:
    match value:
        case list() | str() if len(value) > 1:
            return value[: len(value) // 2]
        case dict() if len(value) > 1:
            names = list(value)[: len(value) // 2]
            return {name: value[name] for name in names}
        case dict() if value and (inner := _half(next(iter(value.values())))) is not None:
            return {next(iter(value)): inner}
        case _:
            return None


# ---- what may be said ----------------------------------------------------------------------------


def _spoken(template: str, found: Mapping[str, Any], secrets: Mapping[str, str]) -> str | None:
    """The sentence; None when a value for it is missing."""
    given = templates.Values(found, {}, {})
    if any(given.get(name) is MISSING for name in templates.names(template)):
        return None
    said = " ".join(templates.text(template, given).split())
    return str(hidden(said, secrets.values()))


def hidden(value: Any, secrets: Iterable[str]) -> Any:
    """The value with every secret in it blotted out, as it is or percent-encoded, and without
    what is no text: control characters, halves of characters."""
    forms = {form for each in secrets if each for form in (each, quote(each, safe=""))}
    return _blotted(value, sorted(forms, key=len, reverse=True))


def _blotted(value: Any, forms: list[str]) -> Any:
    match value:
        case str():
            for form in forms:
                value = value.replace(form, HIDDEN)
            return CONTROL.sub(" ", value)
        case dict():
            return {_blotted(name, forms): _blotted(each, forms) for name, each in value.items()}
        case list():
            return [_blotted(each, forms) for each in value]
        case _:
            return value
