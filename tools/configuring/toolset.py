"""Do the files of all tools make sense, each by itself and all together?"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache

import msgspec
from msgspec import UNSET

from tools.claims import ClaimError, parse
from tools.config import ConfigError, Document
from tools.configuring.declared import schema_of
from tools.configuring.fields import base_tool
from tools.configuring.handlers import Handlers, Section, own_parameters
from tools.configuring.hours import problems_of
from tools.configuring.parameters import Parameters, parameters_of
from tools.configuring.toolfile import RISKS, SECTIONS, TOOL_NAME, ToolFile
from tools.spec import Risk, Tool
from tools.validation import Path, Problem, Schema, choose


class Sheet(msgspec.Struct, frozen=True):
    """A tool's file as it was read, with the places of its values."""

    document: Document
    file: ToolFile
    """Its `name` is set."""
    faulty: frozenset[str] = frozenset()
    """Fields that could not be read: the file says nothing of them here."""

    @property
    def name(self) -> str:
        return str(self.file.name)

    @property
    def names(self) -> tuple[str, ...]:
        """What its tools are called: one, or of several all that the file tells."""
        return (self.name,) if self.file.several is None else self.file.several


class Toolset(msgspec.Struct, frozen=True):
    """All files of tools, in the order of their paths."""

    sheets: tuple[Sheet, ...] = ()
    unread: tuple[str, ...] = ()
    """What the tools of unreadable files are called, for all that is known."""

    def names(self) -> tuple[str, ...]:
        return tuple(name for sheet in self.sheets for name in sheet.names)

    def find(self, name: str) -> ToolFile | None:
        return next((sheet.file for sheet in self.sheets if sheet.name == name), None)

    def of_handler(self, handler: str) -> tuple[str, ...]:
        """The names of the tools this handler carries out."""
        return tuple(each.name for each in self.sheets if each.file.handler == handler)


@cache
def tool_schema() -> Schema:
    return schema_of(ToolFile)


def read_tool(text: str, where: str, stem: str, found: list[ConfigError]) -> Sheet | str:
    """One tool's file, as much of it as can be read; problems go to `found`.

    `stem`: its name's default. Of a file that cannot be read at all, what its tool is called.
    """
    document = Document(text, where, found)
    read = document.salvaged(ToolFile, tool_schema())
    if read is None:
        return str(document.data.get("name", stem))
    file, faulty = read
    if file.name is UNSET:
        file = msgspec.structs.replace(file, name=stem)
        if Schema({"pattern": TOOL_NAME}).problems(stem):
            hint = "Give a name, or call the file like book_appointment.yaml"
            document.wrong((), f"{stem!r} is no name for a tool", hint)
    return Sheet(document, file, faulty)


def check_tools(toolset: Toolset, handlers: Handlers | None, personas: Iterable[str]) -> None:
    """Note what is wrong, besides the form, with each document; pure, and in a fixed order.

    `handlers` is None when they cannot be known: what hangs on them is not looked at then.
    """
    _check_names(toolset.sheets)
    for sheet in toolset.sheets:
        for problem in _problems(sheet, toolset, handlers, sorted(personas)):
            if problem.field in sheet.faulty:
                continue
            sheet.document.wrong(problem.path, problem.what, problem.hint)


def _check_names(sheets: Sequence[Sheet]) -> None:
    first: dict[str, str] = {}
    for sheet in sheets:
        path = ("name",) if sheet.file.several is None else ("mcp", "include")
        for name in sheet.names:
            if (where := first.setdefault(name, sheet.document.where)) != sheet.document.where:
                what = f"{where} has a tool of the name {name!r} too"
                sheet.document.wrong(path, what, "Rename one of the two")


def _problems(
    sheet: Sheet, toolset: Toolset, handlers: Handlers | None, personas: list[str]
) -> Iterator[Problem]:
    file = sheet.file
    yield from _around(file, toolset, personas)
    if handlers is None:
        return
    # Without its parameters it cannot be known what fits them.
    shape_known = "parameters" not in sheet.faulty
    if (own := handlers.own.get(file.handler)) is not None:
        yield from _of_own(file, own)
        if shape_known:
            yield from _of_parameters(file, own, toolset)
    elif (section := handlers.sections.get(file.handler)) is not None:
        yield from _of_section(file, section)
        yield from _of_several(sheet)
        if shape_known:
            yield from _of_parameters(file, None, toolset, told_late=section.told_late)
    else:
        hint = choose(file.handler, handlers.names())
        yield Problem(("handler",), f"there is no handler {file.handler!r}", hint)


def _around(file: ToolFile, toolset: Toolset, personas: list[str]) -> Iterator[Problem]:
    """What has nothing to do with the handler."""
    for section in SECTIONS:
        if getattr(file, section) is not UNSET and file.handler != section:
            hint = f"Take it out, or set handler: {section}"
            yield Problem((section,), f"is not used by {file.handler}", hint)
    others = [name for name in _known(toolset) if name != file.name]
    yield from _unknown(("requires",), file.requires, others, "tool")
    yield from _unknown(("audience", "personas"), file.audience.personas, personas, "persona")
    yield from problems_of(file.audience.hours, ("audience", "hours"))
    yield from _claims(file)
    for number, example in enumerate(file.examples):
        for index, step in enumerate(example.after):
            path = ("examples", number, "after", index, "tool")
            yield from _unknown_one(path, step.tool, _known(toolset), "tool")


def _claims(file: ToolFile) -> Iterator[Problem]:
    for index, rule in enumerate(file.claims or ()):
        try:
            parse(rule)
        except ClaimError as error:
            what, _, hint = str(error).partition(": ")
            yield Problem(("claims", index), what, hint[:1].upper() + hint[1:])


def _of_own(file: ToolFile, own: Tool) -> Iterator[Problem]:
    if file.risk is not UNSET and RISKS.index(Risk(file.risk)) < RISKS.index(own.risk):
        hint = f"Leave it out, or use one after {own.risk.value}"
        yield Problem(("risk",), f"is less than the handler's own, {own.risk.value}", hint)
    if file.idempotent is True and not own.idempotent and own.risk.writes:
        yield Problem(("idempotent",), "the handler is not made for that", "Leave it out")
    if own.by_call:
        yield from _only_words(file)
        yield from _by_call(file, own)


_OF_DISPATCH = (
    *("approval", "limits", "requires", "confirm", "must_be_said", "idempotent"),
    *("deadline_s", "filler"),
)


def _by_call(file: ToolFile, own: Tool) -> Iterator[Problem]:
    """The call itself carries it out, under its own name; no rule of the dispatcher reaches it."""
    plain = ToolFile(handler=file.handler)
    if file.name is not UNSET and file.name != own.name:
        yield Problem(("name",), "is known to the call by its own", f"Call it {own.name}")
    for field in _OF_DISPATCH:
        if getattr(file, field) != getattr(plain, field):
            what = "cannot be asked of what the call carries out itself"
            yield Problem((field,), what, "Take it out, or the tool")


def _only_words(file: ToolFile) -> Iterator[Problem]:
    for name, short in file.parameters.items():
        said = {key for key, value in msgspec.structs.asdict(short).items() if value is not UNSET}
        if said - {"help", "ask", "hide"} or short.hide:
            hint = "Give no more than help and ask"
            yield Problem(("parameters", name), "is taken by the call as the model gives it", hint)


def _of_section(file: ToolFile, section: Section) -> Iterator[Problem]:
    if file.section is None:
        yield Problem((file.handler,), "is missing", f"Say below {file.handler}: what it does")
    else:
        parameters, _ = shaped(file, None)
        base = base_tool(file, None if section.told_late else parameters.whole)
        for each in section.problems(base, file.section):
            yield Problem((file.handler, *each.path), each.what, each.hint)
    if file.risk is UNSET:
        hint = "Give one of: " + ", ".join(risk.value for risk in RISKS)
        yield Problem(("risk",), "is missing", hint)
    if file.handler == "http" and file.description is UNSET:
        yield Problem(("description",), "is missing", "Tell the model what the tool does")


_OF_ONE = ("name", "description", "phrases", "parameters", "claims", "examples")


def _of_several(sheet: Sheet) -> Iterator[Problem]:
    """What holds for one tool cannot hold for all of a server's."""
    if sheet.file.several is None:
        return
    for field in _OF_ONE:
        if field in sheet.document.data:
            what = "is of one tool, and the file is about several"
            hint = "Say it under tools: there, if it can be said, or write a file with tool: for it"
            yield Problem((field,), what, hint)


def _of_parameters(
    file: ToolFile, own: Tool | None, toolset: Toolset, *, told_late: bool = False
) -> Iterator[Problem]:
    parameters, found = shaped(file, own)
    for each in found:
        yield Problem(("parameters", *each.path), each.what, each.hint)
    for name, short in file.parameters.items():
        path = ("parameters", name, "choices_from")
        if short.choices_from is not UNSET:
            yield from _unknown_one(path, str(short.choices_from), _known(toolset), "tool")
    if told_late or found:
        return
    known = list(parameters.schema["properties"])
    for field in ("confirm", "must_be_said"):
        yield from _unknown((field,), getattr(file, field), known, "parameter")
    yield from _of_examples(file, Schema(parameters.schema))


def _of_examples(file: ToolFile, schema: Schema) -> Iterator[Problem]:
    for index, example in enumerate(file.examples):
        if example.gives.get("status") == "invalid":
            continue
        for each in schema.problems(example.arguments):
            yield Problem(("examples", index, "arguments", *each.path), each.what, each.hint)


def lacking(
    toolset: Toolset, persona: str, tools: Collection[str] | None
) -> Iterator[tuple[str, str]]:
    """What a persona has and can never use: a tool, with one that it requires and the persona has
    not. `tools`: those its file names; None: it names none, and has all."""
    of_it = [
        sheet
        for sheet in toolset.sheets
        if not sheet.file.audience.personas or persona in sheet.file.audience.personas
    ]
    had = {name for sheet in of_it for name in sheet.names if tools is None or name in tools}
    known = toolset.names()
    for sheet in of_it:
        for name in had.intersection(sheet.names):
            for required in sheet.file.requires or ():
                if required in known and required not in had:
                    yield name, required


def shaped(file: ToolFile, own: Tool | None) -> tuple[Parameters, list[Problem]]:
    """The parameters of a tool and what is wrong with them; `own` is None for a section whose
    parameters stand in the file."""
    return parameters_of(file.parameters, None if own is None else own_parameters(own))


def _known(toolset: Toolset) -> list[str]:
    return [*toolset.names(), *toolset.unread]


def _unknown(path: Path, names: object, known: list[str], what: str) -> Iterator[Problem]:
    for index, name in enumerate(names if isinstance(names, list) else ()):
        yield from _unknown_one((*path, index), name, known, what)


def _unknown_one(path: Path, name: str, known: list[str], what: str) -> Iterator[Problem]:
    if name not in known:
        hint = choose(name, sorted(known)) if known else f"There is no other {what}: take it out"
        yield Problem(path, f"there is no {what} {name!r}", hint)
