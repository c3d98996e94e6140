"""What is wrong with an `http:` section, all of it at once, in words an operator can act on."""

import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from yarl import URL

from tools.config import SECRET_PREFIX
from tools.http import templates
from tools.http.addresses import may_connect, networks, overlaps_never
from tools.http.section import Check, HttpSection, Pick, checking, normal
from tools.results import RESERVED
from tools.spec import AnyArguments, Result, Risk, Tool, ToolContext
from tools.validation import Path, Problem, Schema

TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
CODE = re.compile(r"[1-5]\d\d(-[1-5]\d\d)?", re.ASCII)
HOST = re.compile(r"([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:\d{1,5})?", re.ASCII)
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te"})
KEPT = ("idempotency_key", "call_id")
"""What is known of a write whenever it is asked about."""
SECRETS_GO_IN = "Put it into `headers:`, `query:` or the body"
_SCHEMA = Schema(msgspec.json.schema(HttpSection))


def problems(
    section: Mapping[str, Any], tool: Tool | None = None, secrets: Collection[str] | None = None
) -> list[Problem]:
    """Everything to mend; empty for a section that `http_tool` can use. Paths begin within the
    section.

    `tool`: the other fields of the file (parameters, risk, deadline, idempotent); without it what
    depends on them is not checked. `secrets`: the names there are; None: any.
    """
    if found := _SCHEMA.problems(normal(section)):
        return found
    read = msgspec.convert(normal(section), HttpSection)
    return [*_problems(read, tool, secrets), *_of_check(read, secrets)]


def _problems(
    read: HttpSection, tool: Tool | None, secrets: Collection[str] | None
) -> Iterator[Problem]:
    yield from _url(read)
    yield from _places(read, tool, secrets)
    yield from _headers(read)
    yield from _body(read)
    yield from _answer(read, tool)
    yield from _limits(read)
    if tool is not None:
        yield from _by_tool(read, tool)


def _of_check(read: HttpSection, secrets: Collection[str] | None) -> Iterator[Problem]:
    if isinstance(read.check, msgspec.UnsetType):
        return
    if read.method == "GET":
        yield Problem(("check",), "means nothing for a question", "Take it out")
    if "context.idempotency_key" not in templates.names([read.check.url, read.check.query]):
        hint = "Put {context.idempotency_key} into its URL or query"
        yield Problem(("check",), "does not say which write it asks about", hint)
    for index, code in enumerate(read.check.absent):
        if not re.fullmatch(r"[1-5]\d\d", code, re.ASCII):
            yield Problem(("check", "absent", index), "is no status code", "Write one like 404")
    if read.check.answer.refused:
        hint = "Give the codes as `absent:`"
        yield Problem(("check", "answer", "refused"), "means nothing here", hint)
    asked = msgspec.structs.replace(checking(read, read.check), answer=read.check.answer)
    yield from _unknown_later(asked)
    for each in _problems(asked, _ASKED, secrets):
        if each.path[0] in Check.__struct_fields__:
            yield msgspec.structs.replace(each, path=("check", *each.path))


def _unknown_later(asked: HttpSection) -> Iterator[Problem]:
    """What is not known any more when another process asks, long after the call."""
    for path, template in _templates(asked):
        for name in templates.names(template):
            kind, _, rest = name.partition(".")
            if kind == "context" and rest in templates.CONTEXT and rest not in KEPT:
                hint = "There is: " + ", ".join(f"context.{each}" for each in KEPT)
                what = f"asks for {{{name}}}, which may not be known any more"
                yield Problem(("check", *path), what, hint)


def _nothing(_arguments: Any, _context: ToolContext) -> Result:
    raise NotImplementedError


# Whether a write was done is asked without its arguments.
_ASKED = Tool("check", "", AnyArguments, _nothing, deadline_s=60.0, parameters={"properties": {}})


def _url(section: HttpSection) -> Iterator[Problem]:
    base, _, query = section.url.partition("?")
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    if scheme not in ("https", "http") or not HOST.fullmatch(host):
        hint = "Write scheme and host out in lower case, like https://api.example.com/orders"
        yield Problem(("url",), "does not begin with a scheme and a plain host", hint)
    elif not _readable(f"{scheme}://{host}"):
        yield Problem(("url",), "has no port of that number", "Use one from 1 to 65535")
    elif _forbidden(f"{scheme}://{host}", section.allow_private):
        hint = "Name a host of the outside world; a private one that is meant, under allow_private"
        yield Problem(("url",), "leads to an address that is not to be asked", hint)
    if scheme == "http" and not section.allow_private:
        hint = "Use https; http is only for hosts under `allow_private:`"
        yield Problem(("url",), "would send everything in the clear", hint)
    if "#" in section.url or re.search(r"[\s\\\x00-\x1f\x7f-\uffff]", section.url):
        yield Problem(("url",), "holds a character that no URL has", "Percent-encode it")
    if any(part in (".", "..") for part in path.split("/")):
        yield Problem(("url",), "climbs in its path (. or ..)", "Write the path out")
    if "{" in query:
        yield Problem(("url",), "has a value after the question mark", "Put it into `query:`")
    if any(name.startswith("secret.") for name in templates.names(section.url)):
        yield Problem(("url",), "holds a secret, and URLs are written into logs", SECRETS_GO_IN)


def _forbidden(url: str, private: Sequence[str]) -> bool:
    """Of addresses, and of our own machine's name; what other names lead to is seen when asked."""
    name = URL(url).host or ""
    own = name == "localhost" or name.endswith(".localhost")
    literal = ":" in name or re.fullmatch(r"[0-9.]+", name, re.ASCII)
    try:
        return bool((own or literal) and not may_connect("127.0.0.1" if own else name, private))
    except ValueError:
        return False  # what cannot be read of `private` is a problem of its own


def _readable(url: str) -> bool:
    try:
        return bool(URL(url).port)
    except ValueError:
        return False


def _places(
    section: HttpSection, tool: Tool | None, secrets: Collection[str] | None
) -> Iterator[Problem]:
    """Every template: its braces, and whether there is what it asks for."""
    arguments = _arguments(tool)
    for path, template in _templates(section):
        if templates.stray_brace(template):
            hint = "A value is written {name}; a brace itself is doubled: {{"
            yield Problem(path, "has a brace that means nothing", hint)
        for name in templates.names(template):
            yield from _name(path, name, arguments, secrets)


def _arguments(tool: Tool | None) -> Collection[str] | None:
    if tool is None or tool.parameters is None:
        return None
    return sorted(tool.parameters.get("properties", {}))


def _name(
    path: Path, name: str, arguments: Collection[str] | None, secrets: Collection[str] | None
) -> Iterator[Problem]:
    kind, dot, rest = name.partition(".")
    if dot and kind == "context":
        if rest not in templates.CONTEXT:
            known = ", ".join(f"context.{each}" for each in templates.CONTEXT)
            yield Problem(path, f"asks for {{{name}}}, which nobody knows", f"There is: {known}")
    elif dot and kind == "secret":
        if secrets is not None and rest not in secrets:
            yield Problem(
                path, f"asks for a secret {rest} that is not set", f"Set {SECRET_PREFIX}{rest}"
            )
    elif dot:
        yield Problem(path, f"asks for {{{name}}}", "There are {argument}, {context.…}, {secret.…}")
    elif arguments is not None and name not in arguments:
        hint = "Parameters here: " + (", ".join(arguments) or "none")
        yield Problem(path, f"asks for {{{name}}}, which is no parameter", hint)


def _templates(section: HttpSection) -> Iterator[tuple[Path, str]]:
    yield ("url",), section.url
    yield ("body",), section.body
    for name in ("query", "headers", "form", "json"):
        yield from _texts((name,), getattr(section, name))


def _texts(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            yield path, value
        case Mapping():
            for name, each in value.items():
                yield from _texts((*path, name), each)
        case list() | tuple():
            for index, each in enumerate(value):
                yield from _texts((*path, index), each)


def _headers(section: HttpSection) -> Iterator[Problem]:
    for name, value in section.headers.items():
        if not TOKEN.fullmatch(name):
            yield Problem(("headers", name), "is no name of a header", "Use letters and hyphens")
        if name.lower() in OURS or name.lower() == section.idempotency_header.lower():
            yield Problem(("headers", name), "is sent by Frontdesk itself", "Take it out")
        if re.search(r"[^\x20-\x7e]", value):
            yield Problem(("headers", name), "holds a character no header has", "Use ASCII")
    if not TOKEN.fullmatch(section.idempotency_header):
        yield Problem(("idempotency_header",), "is no name of a header", "Use Idempotency-Key")
    if re.search(r"[^\x20-\x7e]", section.content_type):
        yield Problem(("content_type",), "holds a character no header has", "Use ASCII")


def _body(section: HttpSection) -> Iterator[Problem]:
    given = {"json": section.json is not None, "form": section.form, "body": section.body}
    bodies = [name for name, there in given.items() if there]
    for name in bodies[1:]:
        yield Problem((name,), f"stands beside {bodies[0]}", "Send one body")
    if bodies and section.method == "GET":
        yield Problem((bodies[0],), "is a body, and GET has none", "Use `query:` or another method")


def _answer(section: HttpSection, tool: Tool | None) -> Iterator[Problem]:
    answer = section.answer
    coded = {name: getattr(answer, name) for name in ("done", "failed", "unknown")}
    for name, codes in coded.items():
        for index, code in enumerate(codes):
            if not CODE.fullmatch(code):
                hint = "Write a code like 204 or a range like 200-299"
                yield Problem(("answer", name, index), "is no status code", hint)
    for code in answer.refused:
        if not re.fullmatch(r"[1-5]\d\d", code, re.ASCII):
            yield Problem(("answer", "refused", code), "is no status code", "Write one like 404")
    for name, pick in answer.results.items():
        yield from _pick(("answer", "results", name), name, pick)
    arguments = _arguments(tool)
    known = None if arguments is None else {*arguments, *answer.results}
    said: dict[Path, str] = {("answer", "message"): answer.message}
    said |= {("answer", "refused", code): text for code, text in answer.refused.items()}
    for path, text in said.items():
        yield from _said(path, text, known)


def _pick(path: Path, name: str, pick: Pick) -> Iterator[Problem]:
    if name in RESERVED:
        yield Problem(path, "is a name that Frontdesk gives itself", "Use another name")
    for where, place in ((("at",), pick.at), *((("fields", n), p) for n, p in pick.fields.items())):
        if re.search(r"~(?![01])", place):
            yield Problem((*path, *where), "is no JSON pointer", "Write ~ as ~0 and / as ~1")


def _said(path: Path, text: str, known: Collection[str] | None) -> Iterator[Problem]:
    if templates.stray_brace(text):
        hint = "A value is written {name}; a brace itself is doubled: {{"
        yield Problem(path, "has a brace that means nothing", hint)
    for name in templates.names(text):
        if "." in name or (known is not None and name not in known):
            hint = "Results and parameters: " + ", ".join(sorted(known or ()))
            yield Problem(path, f"asks for {{{name}}}, which is neither", hint)


def _limits(section: HttpSection) -> Iterator[Problem]:
    for index, host in enumerate(section.hosts):
        if not HOST.fullmatch(host.lower()):
            yield Problem(("hosts", index), "is no host", "Write one like api.example.com")
    for index, written in enumerate(section.allow_private):
        try:
            (network,) = networks([written])
        except ValueError:
            hint = "Write one like 10.1.2.3 or 10.1.0.0/16"
            yield Problem(("allow_private", index), "is no address or network", hint)
            continue
        if overlaps_never(network):
            hint = "Name the addresses that are meant, none of them link-local"
            yield Problem(("allow_private", index), "holds addresses never to be asked", hint)
        elif isinstance(network, ipaddress.IPv4Network) and network.prefixlen < 8:
            yield Problem(("allow_private", index), "is too wide", "Name a smaller network")


def _by_tool(section: HttpSection, tool: Tool) -> Iterator[Problem]:
    writes = tool.risk.writes
    if writes and section.method == "GET":
        yield Problem(
            ("method",), "is GET for a tool that writes", "Use POST, PUT, PATCH or DELETE"
        )
    if not writes and section.method in ("PUT", "PATCH", "DELETE"):
        hint = f"Give the tool a risk other than {Risk.READ.value}"
        yield Problem(("method",), f"is {section.method} for a tool that only reads", hint)
    if section.retries is not msgspec.UNSET and section.retries and writes and not tool.idempotent:
        hint = "Say `idempotent: true` if the backend honours the key, or take the retries out"
        yield Problem(("retries",), "would repeat what may not be repeated", hint)
    if section.timeout_s > tool.deadline_s:
        hint = f"Stay under the tool's {tool.deadline_s:g} s"
        yield Problem(("timeout_s",), "is longer than the tool's deadline", hint)
