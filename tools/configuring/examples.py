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


class Tried(msgspec.Struct, frozen=True):
    """How many examples there were, and what was wrong with some of them."""

    ran: int = 0
    looked_at: int = 0
    """Only their arguments were compared with the parameters: nothing outside is ever called."""
    problems: tuple[ConfigError, ...] = ()


def try_examples(toolset: Toolset, modules: Modules, zone: zoneinfo.ZoneInfo) -> Tried:
    """Run every example of checked files that a tool in code carries out. Blocks."""
    runnable = [sheet for sheet in toolset.sheets if "." in sheet.file.handler]
    looked_at = sum(len(each.file.examples) for each in toolset.sheets if each not in runnable)
    if not any(sheet.file.examples for sheet in runnable):
        return Tried(looked_at=looked_at)
    with tempfile.TemporaryDirectory(prefix="frontdesk-examples-") as folder:
        rooms = _Rooms(Path(folder), Toolset(tuple(runnable)), modules, zone)
        problems = [each for sheet in runnable for each in _try_sheet(sheet, rooms)]
    ran = sum(len(sheet.file.examples) for sheet in runnable)
    return Tried(ran, looked_at, tuple(problems))


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


def _try_sheet(sheet: Sheet, rooms: _Rooms) -> Iterator[ConfigError]:
    for index, example in enumerate(sheet.file.examples):
        path = ("examples", index)
        gave = rooms.run(example, sheet.name)
        for place, what in differences(example.gives, gave):
            hint = "Mend the example, the tool's file or shop.yaml"
            yield sheet.document.error((*path, "gives", *place), what, hint)


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
