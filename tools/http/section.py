"""What the `http:` section of a tool file may say: each field once, with its meaning and range."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

MAX_RETRIES = 3


class Pick(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One named value taken out of an answer."""

    at: Annotated[
        str,
        Meta(
            max_length=200,
            description="Where it stands: a JSON pointer (/items/0/name) or a dotted path.",
        ),
    ]
    limit: Annotated[
        int, Meta(ge=1, le=50, description="Of a list, how many entries are kept.")
    ] = 10
    fields: Annotated[
        dict[str, str],
        Meta(description="Of each entry of a list, which values: name to path within the entry."),
    ] = {}
    max_length: Annotated[
        int, Meta(ge=1, le=2_000, description="Of a text, how many characters are kept.")
    ] = 300


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an answer is understood."""

    kind: Annotated[
        Literal["json", "text", "none"],
        Meta(description="What the body is; none: it is not read."),
    ] = "json"
    done: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="Status codes (204) and ranges that mean done; 200-299."),
    ] = ("200-299",)
    refused: Annotated[
        dict[str, str],
        Meta(
            description="Status codes that mean no, and nothing changed, with what the agent says."
        ),
    ] = {}
    failed: Annotated[
        tuple[str, ...],
        Meta(description="Status codes after which certainly nothing has changed."),
    ] = ()
    unknown: Annotated[
        tuple[str, ...],
        Meta(description="Status codes after which nobody knows whether something changed."),
    ] = ()
    message: Annotated[
        str,
        Meta(
            max_length=500,
            description="What may be said of it; {name} stands for a result or an argument.",
        ),
    ] = ""
    results: Annotated[
        dict[str, Pick],
        Meta(description="Named values of the answer: a path, or at, limit, fields, max_length."),
    ] = {}


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the server is asked, after a write of which nobody knows, whether it was done."""

    url: Annotated[
        str,
        Meta(
            min_length=8,
            max_length=1_000,
            description="Asked with GET; {context.idempotency_key} stands in it or in the query.",
        ),
    ]
    query: Annotated[dict[str, Any], Meta(description="Added to the URL.")] = {}
    headers: Annotated[dict[str, str], Meta(description="Headers; the place for secrets.")] = {}
    absent: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="Status codes that mean that it was not done; 404."),
    ] = ("404",)
    answer: Annotated[
        Reading, Meta(description="How the answer is understood when it was done.")
    ] = Reading()


class HttpSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One REST call. `{argument}`, `{context.call_id}` and `{secret.NAME}` stand for values."""

    url: Annotated[
        str,
        Meta(
            min_length=8,
            max_length=1_000,
            description="Scheme and host written out; arguments may stand in the path.",
        ),
    ]
    method: Annotated[
        Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
        Meta(description="How it is asked."),
    ] = "GET"
    query: Annotated[
        dict[str, Any], Meta(description="Added to the URL; a list is given once per entry.")
    ] = {}
    headers: Annotated[dict[str, str], Meta(description="Headers; the place for secrets.")] = {}
    json: Annotated[
        Any,
        Meta(description='A JSON body; "{count}" alone keeps the type of the argument.'),
    ] = None
    form: Annotated[
        dict[str, Any], Meta(description="A form body (application/x-www-form-urlencoded).")
    ] = {}
    body: Annotated[str, Meta(max_length=8_000, description="A text body.")] = ""
    content_type: Annotated[str, Meta(max_length=100, description="Of the text body.")] = (
        "text/plain; charset=utf-8"
    )
    answer: Annotated[Reading, Meta(description="How the answer is understood.")] = Reading()
    timeout_s: Annotated[
        float, Meta(gt=0, le=60, description="For one try, connecting included.")
    ] = 5.0
    retries: Annotated[
        Annotated[int, Meta(ge=0, le=MAX_RETRIES)] | msgspec.UnsetType,
        Meta(description="Further tries of what may be repeated; 2 if not said."),
    ] = msgspec.UNSET
    idempotency_header: Annotated[
        str, Meta(max_length=60, description="The header that carries the key of a write.")
    ] = "Idempotency-Key"
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts that may be asked, redirects included; the URL's own always may."),
    ] = ()
    allow_private: Annotated[
        tuple[str, ...],
        Meta(description="Private addresses or networks that may be asked all the same."),
    ] = ()
    check: Annotated[
        Check | msgspec.UnsetType,
        Meta(description="How to find out whether a lost write was done after all."),
    ] = msgspec.UNSET
    max_bytes: Annotated[
        int, Meta(ge=100, le=1_000_000, description="The longest answer that is read.")
    ] = 100_000


def normal(section: Mapping[str, Any]) -> dict[str, Any]:
    """The section with its short forms written out: `day: /day` for `day: {at: /day}`, and
    status codes as text whether the file has them as numbers or not."""
    written = dict(section)
    if isinstance(answer := section.get("answer"), Mapping):
        written["answer"] = _reading(answer)
    if isinstance(check := section.get("check"), Mapping):
        written["check"] = normal(_coded(check, ("absent",)))
    return written


def checking(section: HttpSection, check: Check) -> HttpSection:
    """The question as a section of its own: no is what it answers when it was not done."""
    refused = dict.fromkeys(check.absent, "It was not done.")
    return HttpSection(
        url=check.url,
        query=check.query,
        headers=check.headers,
        answer=msgspec.structs.replace(check.answer, refused=refused),
        timeout_s=section.timeout_s,
        hosts=section.hosts,
        allow_private=section.allow_private,
        max_bytes=section.max_bytes,
    )


def _coded(written: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    found = dict(written)
    for name in names:
        if isinstance(codes := found.get(name), list):
            found[name] = [str(each) if _is_code(each) else each for each in codes]
    return found


def _reading(answer: Mapping[str, Any]) -> dict[str, Any]:
    written = _coded(answer, ("done", "failed", "unknown"))
    if isinstance(refused := written.get("refused"), Mapping):
        written["refused"] = {str(code): said for code, said in refused.items()}
    if isinstance(results := written.get("results"), Mapping):
        written["results"] = {
            name: {"at": each} if isinstance(each, str) else each for name, each in results.items()
        }
    return written


def _is_code(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def read(section: Mapping[str, Any]) -> HttpSection:
    """The section as data. Only for one without problems: msgspec.ValidationError otherwise."""
    return msgspec.convert(normal(section), HttpSection)
