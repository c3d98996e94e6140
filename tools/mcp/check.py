"""What is wrong with an `mcp:` section, all of it at once, in words an operator can act on."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from tools.config import SECRET_PREFIX
from tools.http import templates
from tools.http.addresses import networks, overlaps_never
from tools.http.check import HOST, OURS, TOKEN
from tools.mcp.section import EVERYTHING, McpSection, called, read
from tools.validation import Path, Problem, Schema

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_SCHEMA = Schema(msgspec.json.schema(McpSection))


def problems(section: Mapping[str, Any], secrets: Collection[str] | None = None) -> list[Problem]:
    """Everything to mend; empty for a section that can be used. Paths begin within the section.

    `secrets`: the names there are; None: any.
    """
    if found := _SCHEMA.problems(section):
        return found
    known = read(section)
    checks = (_server(known), _url(known), _program(known), _names(known), _values(known, secrets))
    return [problem for check in checks for problem in check]


def _server(section: McpSection) -> Iterator[Problem]:
    if bool(section.command) == bool(section.url):
        what = "names both a program and an address" if section.url else "names no server"
        yield Problem((), what, "Give either `command:` or `url:`")
    beside = (("args", "env", "cwd"), "url") if section.url else (("headers",), "command")
    for name in beside[0]:
        if getattr(section, name):
            yield Problem((name,), f"means nothing beside `{beside[1]}:`", "Take it out")


def _url(section: McpSection) -> Iterator[Problem]:
    if not section.url:
        return
    scheme, _, rest = section.url.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if scheme not in ("https", "http") or not HOST.fullmatch(host):
        yield Problem(("url",), "is no address", "Write it out, like https://tools.example.com/mcp")
    if scheme == "http" and not section.allow_private:
        hint = "Use https; http is only for addresses under `allow_private:`"
        yield Problem(("url",), "would send everything in the clear", hint)
    if re.search(r"[{}\s\\#\x00-\x1f\x7f-\uffff]", section.url):
        yield Problem(
            ("url",), "holds a character that may not stand there", "Write it out plainly"
        )
    for name, value in section.headers.items():
        if not TOKEN.fullmatch(name) or name.lower() in OURS or name.lower().startswith("mcp-"):
            yield Problem(("headers", name), "is no header to be set here", "Take it out")
        if re.search(r"[^\x20-\x7e]", value):
            yield Problem(("headers", name), "holds a character no header has", "Use ASCII")
    yield from _private(section)


def _private(section: McpSection) -> Iterator[Problem]:
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


def _program(section: McpSection) -> Iterator[Problem]:
    for name in ("command", "cwd"):
        if (place := getattr(section, name)) and not PurePath(place).is_absolute():
            yield Problem((name,), "is not a whole path", "Begin it at the root: /usr/bin/…")
    for name in section.env:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
            yield Problem(("env", name), "is no name of a variable", "Use letters, digits and _")
    said = {("command",): section.command, ("cwd",): section.cwd}
    said |= {("args", index): each for index, each in enumerate(section.args)}  # type: ignore[misc]
    said |= {("env", name): each for name, each in section.env.items()}  # type: ignore[misc]
    for path, text in said.items():
        if "\0" in text:
            yield Problem(path, "holds a NUL", "Take it out")


def _names(section: McpSection) -> Iterator[Problem]:
    if bool(section.tool) == bool(section.include):
        what = "names both one tool and several" if section.tool else "names no tool"
        yield Problem((), what, "Give either `tool:` or `include:`")
    if section.tool and section.prefix:
        yield Problem(("prefix",), "means nothing beside `tool:`", "Take it out")
    offered = {section.tool, *section.include}
    for name, own in section.tools.items():
        if EVERYTHING not in offered and name not in offered:
            yield Problem(("tools", name), "is not offered", "Name it in `tool:` or `include:`")
        if own.name and not NAME.fullmatch(own.name):
            hint = "Use small letters, digits and _, beginning with a letter"
            yield Problem(("tools", name, "name"), "is no name for a tool", hint)
    for index, name in enumerate(section.include):
        if name in section.include[:index]:
            yield Problem(("include", index), "is given twice", "Keep one of the two")
        elif name != EVERYTHING:
            yield from _called(section, index)


def _called(section: McpSection, index: int) -> Iterator[Problem]:
    name = called(section, section.include[index])
    before = [called(section, each) for each in section.include[:index]]
    if not NAME.fullmatch(name):
        what = f"would be called {name!r}, which is no name for a tool"
        yield Problem(("include", index), what, "Give it a `name:` under `tools:`")
    elif name in before:
        what = f"would be called {name}, like the one before"
        yield Problem(("include", index), what, "Give one a `name:` under `tools:`")


def _values(section: McpSection, secrets: Collection[str] | None) -> Iterator[Problem]:
    for path, text, context in _templates(section):
        if templates.stray_brace(text):
            hint = "A value is written {name}; a brace itself is doubled: {{"
            yield Problem(path, "has a brace that means nothing", hint)
        for name in templates.names(text):
            kind, _, rest = name.partition(".")
            if kind == "secret" and rest:
                if secrets is not None and rest not in secrets:
                    yield Problem(
                        path,
                        f"asks for a secret {rest} that is not set",
                        f"Set {SECRET_PREFIX}{rest}",
                    )
            elif not (context and kind == "context" and rest in templates.CONTEXT):
                hint = "There is {secret.NAME}" + (", and {context.call_id}" if context else "")
                yield Problem(path, f"asks for {{{name}}}", hint)


def _templates(section: McpSection) -> Iterator[tuple[Path, str, bool]]:
    for name in ("env", "headers"):
        for key, text in getattr(section, name).items():
            yield (name, key), text, False
    for name, own in section.tools.items():
        for key, value in own.fixed.items():
            for text in _texts(value):
                yield ("tools", name, "fixed", key), text, True


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
