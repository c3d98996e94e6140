"""What the files of a configuration folder say together, or everything that is wrong with them."""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import TypeVar

import msgspec

from telephony.configuring.numbers import assigned
from telephony.configuring.personafile import PersonaFile, SnippetsFile
from telephony.configuring.role import Role, Surroundings, read_role
from telephony.configuring.words import VARIABLES, snippet_mistakes
from telephony.line import FILE as LINE_FILE
from telephony.line import Line, parse_line
from tools.booking.shop import FILE as SHOP_FILE
from tools.booking.shop import Shop, default_shop, parse_shop
from tools.config import MAX_BYTES, ConfigError, Document, together
from tools.configuring.declared import schema_of
from tools.configuring.handlers import Handlers
from tools.configuring.toolset import Toolset, check_tools, read_tool
from tools.crm.config import FILE as CRM_FILE
from tools.crm.config import CrmConfig, parse_crm
from tools.validation import Schema

NUMBERS_FILE = "numbers.yaml"
SNIPPETS_FILE = "snippets.yaml"
SINGLE_FILES = (SHOP_FILE, LINE_FILE, CRM_FILE, NUMBERS_FILE, SNIPPETS_FILE)
FOLDERS = ("tools", "personas")
MAX_FILES = 200
MAX_TOTAL_BYTES = 512 * 1024
ENGINES = frozenset({"realtime", "live", "turns", "local"})

Files = Mapping[str, str]
"""The text of each file by its path in the folder, with slashes: `tools/book.yaml`."""
HandlersFor = Callable[[Shop, Line], Handlers]
T = TypeVar("T")


class Configuration(msgspec.Struct, frozen=True):
    """One folder of files that fit together; a running call keeps the one it began with."""

    shop: Shop
    line: Line = Line()
    crm: CrmConfig = CrmConfig()
    toolset: Toolset = Toolset()
    """Empty: the tools in code, as they are."""
    roles: Mapping[str, Role] = {}
    """By the persona's name. Empty: the built-in persona answers."""
    numbers: Mapping[str, str] = {}
    """Our own numbers in E.164, each with its persona."""
    default: str = ""
    """The persona of all other numbers; empty only without personas."""

    def role_of(self, number: str | None) -> Role | None:
        """Who answers a call to this number; None: the built-in persona."""
        return self.roles.get(self.numbers.get(number or "", self.default))


def load_configuration(
    files: Files,
    handlers: HandlersFor,
    *,
    engines: Collection[str] = ENGINES,
    root: str = "",
) -> Configuration:
    """What the files say. Pure: the same files give the same, whatever order they are in.

    `handlers` gives what can carry out tools for a shop and a line, `engines` are those that this
    deployment has, `root` is written before the paths in errors. Raises ConfigError whose
    `problems` are all there are, in the order of files, lines and columns.
    """
    found: list[ConfigError] = []
    reading = _Reading(files, root, found)
    if problem := _too_much(files, root):
        raise problem
    reading.refuse_strangers()
    configuration = reading.configuration(handlers, engines)
    if found:
        raise together(sorted(found, key=_order))
    return configuration


def _too_much(files: Files, root: str) -> ConfigError | None:
    hint = "Take out what is not needed"
    if len(files) > MAX_FILES:
        what = f"there are {len(files)} files, and at most {MAX_FILES} are read"
        return ConfigError(root or ".", what, hint)
    # What is too large by itself is refused by its own name.
    sizes = (min(len(text.encode("utf-8", "surrogatepass")), MAX_BYTES) for text in files.values())
    if sum(sizes) > MAX_TOTAL_BYTES:
        what = f"the files are over {MAX_TOTAL_BYTES // 1024} KiB together"
        return ConfigError(root or ".", what, hint)
    return None


def _order(problem: ConfigError) -> tuple[str, int, int]:
    match = re.fullmatch(r"(.*?)(?::(\d+):(\d+))?", problem.where, re.DOTALL)
    assert match is not None, "matches everything"
    return match[1], int(match[2] or 0), int(match[3] or 0)


class _Reading:
    """One reading of one folder; problems are gathered as it goes."""

    def __init__(self, files: Files, root: str, found: list[ConfigError]) -> None:
        self._files = files
        self._root = root
        self._found = found

    def refuse_strangers(self) -> None:
        """Files that were most likely meant to be read; others are none of our business."""
        for path in self._files:
            if path in SINGLE_FILES or self._stem(path) is not None:
                continue
            folder, inside, _ = path.partition("/")
            stems = [name.removesuffix(".yaml") for name in SINGLE_FILES]
            stem = PurePosixPath(path).stem
            near = [] if inside else difflib.get_close_matches(stem, stems, n=1, cutoff=0.7)
            if near or folder in FOLDERS:
                meant = f"{near[0]}.yaml" if near else f"{folder}/NAME.yaml"
                what, hint = "has a name under which it is not read", f"Call it {meant}"
                self._found.append(ConfigError(self._where(path), what, hint))

    def configuration(self, handlers: HandlersFor, engines: Collection[str]) -> Configuration:
        shop = self._single(SHOP_FILE, parse_shop, default_shop)
        line = self._single(LINE_FILE, parse_line, Line)
        crm = self._single(CRM_FILE, parse_crm, CrmConfig)
        offered = None if shop is None or line is None else handlers(shop, line)
        toolset = self._toolset()
        check_tools(toolset, offered, self._stems("personas"))
        around = Surroundings(
            tools=self._tools_known(toolset, offered),
            toolset=toolset,
            line=line,
            snippets=self._snippets(),
            engines=engines,
        )
        roles = self._roles(around)
        document = self._document(NUMBERS_FILE)
        numbers, default = assigned(document, list(self._stems("personas")))
        return Configuration(
            shop or default_shop(),
            line or Line(),
            crm or CrmConfig(),
            toolset,
            roles,
            numbers,
            default,
        )

    # ---- parts ---------------------------------------------------------------------------------

    def _single(
        self, path: str, parse: Callable[[str, str], T], otherwise: Callable[[], T]
    ) -> T | None:
        """What the file says, or what holds without one; None when it cannot be used."""
        if path not in self._files:
            return otherwise()
        try:
            return parse(self._files[path], self._where(path))
        except ConfigError as error:
            self._found.extend(error.problems)
            return None

    def _toolset(self) -> Toolset:
        sheets, unread = [], []
        for stem, path in self._stems("tools").items():
            sheet = read_tool(self._files[path], self._where(path), stem, self._found)
            if isinstance(sheet, str):
                unread.append(sheet)
            else:
                sheets.append(sheet)
        return Toolset(tuple(sheets), tuple(unread))

    def _tools_known(self, toolset: Toolset, offered: Handlers | None) -> tuple[str, ...] | None:
        if toolset.sheets or toolset.unread:
            return (*toolset.names(), *toolset.unread)
        return None if offered is None else tuple(tool.name for tool in offered.own.values())

    def _snippets(self) -> Mapping[str, str] | None:
        """None: there are some, but they cannot be read."""
        document = self._document(SNIPPETS_FILE)
        file = document.fitting(SnippetsFile, snippets_schema())
        if file is None:
            return None
        for name, text in file.snippets.items():
            if name in VARIABLES:
                what = f"{{{name}}} is a variable already"
                document.wrong(("snippets", name), what, "Call the snippet otherwise")
            for mistake in snippet_mistakes(text, file.snippets):
                document.wrong(("snippets", name), mistake.what, mistake.hint)
        return file.snippets

    def _roles(self, around: Surroundings) -> dict[str, Role]:
        roles = {}
        for stem, path in self._stems("personas").items():
            document = self._document(path)
            if (read := document.salvaged(PersonaFile, persona_schema())) is not None:
                roles[stem] = read_role(document, stem, *read, around)
        return roles

    # ---- files ---------------------------------------------------------------------------------

    def _document(self, path: str) -> Document:
        return Document(self._files.get(path, ""), self._where(path), self._found)

    def _where(self, path: str) -> str:
        return f"{self._root}/{path}" if self._root else path

    def _stems(self, folder: str) -> dict[str, str]:
        """The files of a folder, by their names without `.yaml`, in order."""
        found = {self._stem(path): path for path in sorted(self._files)}
        return {
            stem: path
            for stem, path in found.items()
            if stem is not None and path.startswith(f"{folder}/")
        }

    def _stem(self, path: str) -> str | None:
        pure = PurePosixPath(path)
        inside = len(pure.parts) == 2 and pure.parts[0] in FOLDERS
        return pure.stem if inside and pure.suffix == ".yaml" else None


@cache
def persona_schema() -> Schema:
    return schema_of(PersonaFile)


@cache
def snippets_schema() -> Schema:
    return schema_of(SnippetsFile)
