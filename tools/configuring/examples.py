"""Runs the examples of tools' files as tests, each in a throw-away shop with a clock of its own."""

import asyncio
import datetime as dt
import inspect
import itertools
import json
import shutil
import tempfile
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tools.attempt import Attempt, awaited, called
from tools.config import ConfigError
from tools.configuring.handlers import Handlers, handlers_of
from tools.configuring.overlay import configured
from tools.configuring.toolfile import Example
from tools.configuring.toolset import Sheet, Toolset
from tools.migrate import migrate
from tools.registry import Entry, Registry
from tools.results import bad_arguments
from tools.spec import Tool, ToolContext, ToolRequest
from tools.store import Store, open_store

Modules = Callable[[Store], Mapping[str, Iterable[Tool]]]
"""The tools in code for one database: `tools.catalogue.modules` but for the shop and the line."""


class ExampleRun(msgspec.Struct, frozen=True, kw_only=True):
    """One example, and what came of it."""

    path: str
    """The file's."""
    tool: str
    number: int
    """From 1, in its file."""
    says: str
    ran: bool
    """False: its arguments were compared with the parameters; nothing outside is ever called."""
    gave: dict[str, Any] | None = None
    problems: tuple[ConfigError, ...] = ()


class Tried(msgspec.Struct, frozen=True):
    """Every example, in the order of files."""

    examples: tuple[ExampleRun, ...] = ()

    @property
    def ran(self) -> int:
        return sum(each.ran for each in self.examples)

    @property
    def looked_at(self) -> int:
        return len(self.examples) - self.ran

    @property
    def problems(self) -> tuple[ConfigError, ...]:
        return tuple(problem for each in self.examples for problem in each.problems)


def try_examples(toolset: Toolset, modules: Modules, zone: zoneinfo.ZoneInfo) -> Tried:
    """Run every example of checked files that a tool in code carries out. Blocks."""
    runnable = [sheet for sheet in toolset.sheets if "." in sheet.file.handler]
    if not any(sheet.file.examples for sheet in runnable):
        return Tried(tuple(_looked_at(toolset.sheets)))
    with tempfile.TemporaryDirectory(prefix="frontdesk-examples-") as folder:
        rooms = _Rooms(Path(folder), Toolset(tuple(runnable)), modules, zone)
        found = [
            each
            for sheet in toolset.sheets
            for each in (_try_sheet(sheet, rooms) if sheet in runnable else _looked_at([sheet]))
        ]
    return Tried(tuple(found))


class _Rooms:
    """Empty shops, one for each example."""

    def __init__(
        self, folder: Path, toolset: Toolset, modules: Modules, zone: zoneinfo.ZoneInfo
    ) -> None:
        self.zone = zone
        self._folder = folder
        self._toolset = toolset
        self._modules = modules
        self._numbers = itertools.count(1)
        self._empty = folder / "empty.db"
        store = open_store(f"sqlite:///{self._empty}")
        migrate(store)
        store.close()

    def run(self, example: Example, name: str) -> dict[str, Any]:
        """What came back, with its `status`: `unknown` or `failed` for a handler that broke."""
        file = shutil.copy(self._empty, self._folder / f"{next(self._numbers)}.db")
        store = open_store(f"sqlite:///{file}")
        try:
            registry = configured(self._toolset, self._handlers(store))
            for step in example.after:
                # What acts outside is not run, not even as what was done before.
                if registry.get(step.tool) is not None:
                    self._ask(registry, step.tool, step.arguments, example)
            return self._ask(registry, name, example.arguments, example)
        finally:
            store.close()

    def _handlers(self, store: Store) -> Handlers:
        return handlers_of(self._modules(store))

    def _ask(
        self, registry: Registry, name: str, arguments: Mapping[str, Any], example: Example
    ) -> dict[str, Any]:
        entry = registry.get(name)
        assert entry is not None, "checked files name tools that are there"
        context = ToolContext(
            call_id="example",
            caller_number=None if example.caller == "withheld" else example.caller,
            now=dt.datetime.fromisoformat(example.now).replace(tzinfo=self.zone),
            idempotency_key=f"example-{next(self._numbers)}",
        )
        found: dict[str, Any] = json.loads(_answer(entry, json.dumps(arguments), context))
        return found


def _answer(entry: Entry, arguments: str, context: ToolContext) -> str:
    given = entry.parse(arguments)
    if isinstance(given, list):
        return bad_arguments(given, entry.spec.parameters)
    request = ToolRequest(context.call_id, context.idempotency_key, entry.tool.name, arguments)
    attempt = Attempt(request, entry.tool, given)
    if inspect.iscoroutinefunction(entry.tool.handler):
        return asyncio.run(awaited(attempt, context)).output
    return called(attempt, context).output


# ---- one file ------------------------------------------------------------------------------------


def _looked_at(sheets: Iterable[Sheet]) -> Iterator[ExampleRun]:
    for sheet in sheets:
        for number, example in enumerate(sheet.file.examples, start=1):
            yield _run(sheet, number, example, ran=False)


def _try_sheet(sheet: Sheet, rooms: _Rooms) -> Iterator[ExampleRun]:
    for index, example in enumerate(sheet.file.examples):
        gave = rooms.run(example, sheet.name)
        hint = "Mend the example, the tool's file or shop.yaml"
        path = ("examples", index, "gives")
        problems = tuple(
            sheet.document.error((*path, *place), what, hint)
            for place, what in differences(example.gives, gave)
        )
        yield _run(sheet, index + 1, example, ran=True, gave=gave, problems=problems)


def _run(sheet: Sheet, number: int, example: Example, **came: Any) -> ExampleRun:
    path = sheet.document.where
    return ExampleRun(path=path, tool=sheet.name, number=number, says=example.says, **came)


def differences(wanted: Any, gave: Any, path: tuple[str | int, ...] = ()) -> Iterator[Any]:
    """`(path, what)` wherever `gave` has not all of `wanted`. `*` in a text stands for anything."""
    match wanted:
        case dict():
            for name, each in wanted.items():
                if not isinstance(gave, dict) or name not in gave:
                    yield (*path, name), f"is not in the answer, which is {_shown(gave)}"
                else:
                    yield from differences(each, gave[name], (*path, name))
        case list() if isinstance(gave, list) and len(gave) == len(wanted):
            for index, (each, got) in enumerate(zip(wanted, gave, strict=True)):
                yield from differences(each, got, (*path, index))
        case str() if isinstance(gave, str) and _alike(wanted, gave):
            return
        case _ if wanted != gave:
            yield path, f"came out as {_shown(gave)}"


def _alike(wanted: str, gave: str) -> bool:
    first, *rest = wanted.split("*")
    if not rest:
        return wanted == gave
    if not gave.startswith(first) or not gave[len(first) :].endswith(rest[-1]):
        return False
    at = len(first)
    for part in rest[:-1]:
        at = gave.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return at <= len(gave) - len(rest[-1])


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:299] + "\u2026"
