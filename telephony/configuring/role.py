"""A persona whose file makes sense: what it says, and what it may do."""

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping

import msgspec
from msgspec import UNSET

from agents.local.languages import WHAT, known
from agents.persona import Persona
from telephony.configuring.personafile import PERSONA_NAME, SPOKEN_AHEAD, WORDS, PersonaFile
from telephony.configuring.sessionpart import problems_of as problems_of_session
from telephony.configuring.words import (
    BUSINESS,
    CALLER,
    HOURS,
    TODAY,
    Words,
    compiled,
    filled,
    mistakes,
)
from telephony.line import Line
from tools.config import Document
from tools.configuring.hours import in_hours, problems_of
from tools.configuring.toolset import Toolset, lacking
from tools.validation import Path, Problem, choose

_SPOKEN = (BUSINESS, HOURS, TODAY)
ALLOWED: Mapping[str, tuple[str, ...]] = {
    # The caller's number proves nothing: nobody is greeted by a name it leads to.
    "instructions": (*_SPOKEN, CALLER),
    **dict.fromkeys(("greeting", "disclosure", *WORDS), _SPOKEN),
    **dict.fromkeys(SPOKEN_AHEAD, (BUSINESS,)),
}
"""Which variables may stand in which field."""


class Role(msgspec.Struct, frozen=True):
    """One persona, ready to be filled in for a call."""

    name: str
    file: PersonaFile
    words: Mapping[str, Words]
    """What the file says, by field; of `ALLOWED` only."""

    def engines(self, otherwise: str, fallbacks: Collection[str]) -> tuple[str, ...]:
        """Which engines to take, the first first; `otherwise` and `fallbacks` are those of the
        settings."""
        first = otherwise if self.file.engine is UNSET else self.file.engine
        others = fallbacks if self.file.fallbacks is UNSET else self.file.fallbacks
        return tuple(dict.fromkeys((first, *others)))

    def answers_at(self, local: dt.datetime) -> bool:
        """Whether a call that begins now, on the shop's clock, gets this persona."""
        return self.file.hours is UNSET or in_hours(self.file.hours.by_day(), local)

    def persona(self, otherwise: Persona, values: Mapping[str, str]) -> Persona:
        """Its words for one call; what the file does not say is as in `otherwise`."""
        said = {field: filled(words, values) for field, words in self.words.items()}
        for field in ("business", "language", "voice"):
            if (value := getattr(self.file, field)) is not UNSET:
                said[field] = value
        if self.file.turn_taking.filler is not UNSET:
            said["filler"] = self.file.turn_taking.filler
        return msgspec.structs.replace(otherwise, **said)


class Surroundings(msgspec.Struct, frozen=True):
    """What a persona's file can name; None: it cannot be known, and is not looked at."""

    tools: tuple[str, ...] | None
    toolset: Toolset
    line: Line | None
    snippets: Mapping[str, str] | None
    engines: Collection[str]


def read_role(
    document: Document,
    name: str,
    file: PersonaFile,
    faulty: Collection[str],
    around: Surroundings,
) -> Role:
    """The persona of one file, of whose `faulty` fields nothing is known; what is wrong is noted
    in the document."""
    for problem in _problems(name, file, around):
        if problem.field in faulty:
            continue
        document.wrong(problem.path, problem.what, problem.hint)
    snippets = around.snippets or {}
    texts = {field: getattr(file, field) for field in ALLOWED}
    words = {
        field: compiled(text, snippets, ALLOWED[field])
        for field, text in texts.items()
        if text is not UNSET
    }
    return Role(name, file, words)


def _problems(name: str, file: PersonaFile, around: Surroundings) -> Iterator[Problem]:
    if not re.fullmatch(PERSONA_NAME, name, re.ASCII):
        hint = "Call the file like front_desk.yaml: small letters, digits, - and _"
        yield Problem((), f"{name!r} is no name for a persona", hint)
    if around.tools is not None and file.tools is not UNSET:
        yield from _unknown(("tools",), file.tools, around.tools, "tool")
    yield from _of_requirements(name, file, around.toolset)
    if around.line is not None:
        yield from _of_line(file, around.line)
    if file.hours is not UNSET:
        yield from problems_of(file.hours, ("hours",))
    yield from problems_of_session(file.session, around.tools)
    if around.snippets is not None:
        yield from _of_words(file, around.snippets)
    yield from _of_language(file)
    # Who names an engine wants it, or says what will do instead.
    fallbacks = [] if file.fallbacks is UNSET else file.fallbacks
    wanted = [] if file.engine is UNSET else [file.engine, *fallbacks]
    if wanted and not set(wanted) & set(around.engines):
        hint = "Add a fallback that is: " + (", ".join(sorted(around.engines)) or "none is")
        yield Problem(("engine",), f"{' and '.join(wanted)} cannot be had here", hint)


def _of_requirements(name: str, file: PersonaFile, toolset: Toolset) -> Iterator[Problem]:
    named = None if file.tools is UNSET else file.tools
    for tool, required in sorted(lacking(toolset, name, named)):
        what = f"{tool} requires {required}, which this persona does not have"
        if named is None:
            hint = f"Let the audience of {required} hold it, or that of {tool} not"
            yield Problem((), what, hint)
        else:
            hint = f"Add {required}, see that its audience holds this persona, or take {tool} out"
            yield Problem(("tools", named.index(tool)), what, hint)


def _of_language(file: PersonaFile) -> Iterator[Problem]:
    if file.engine == "local" and file.language is not UNSET and not known(file.language):
        hint = "Leave the language out or make it en, or give the persona another engine"
        yield Problem(("language",), f"{file.language} cannot be had: {WHAT}", hint)


def _of_words(file: PersonaFile, snippets: Mapping[str, str]) -> Iterator[Problem]:
    for field, variables in ALLOWED.items():
        if (text := getattr(file, field)) is not UNSET:
            for mistake in mistakes(text, snippets, variables):
                yield Problem((field,), mistake.what, mistake.hint)


def _of_line(file: PersonaFile, line: Line) -> Iterator[Problem]:
    targets = tuple(line.transfers)
    if file.transfers is not UNSET:
        yield from _unknown(("transfers",), file.transfers, targets, "target in phone.yaml")
    outside = file.outside_hours
    if outside.then == "transfer":
        path = ("outside_hours", "target")
        yield from _unknown_one(path, outside.target, targets, "target in phone.yaml")
    if outside.then == "voicemail" and file.hours is not UNSET and not line.voicemail.enabled:
        hint = "Enable it there, or set outside_hours: {then: hang_up}"
        yield Problem(("outside_hours",), "voicemail is switched off in phone.yaml", hint)


def _unknown(path: Path, names: list[str], known: Collection[str], what: str) -> Iterator[Problem]:
    for index, name in enumerate(names):
        yield from _unknown_one((*path, index), name, known, what)


def _unknown_one(path: Path, name: str, known: Collection[str], what: str) -> Iterator[Problem]:
    if name not in known:
        hint = choose(name, sorted(known)) if known else "There is none: take it out"
        yield Problem(path, f"there is no {what} {name!r}", hint)
