"""Who may import whom, and which modules may touch the world outside: the laws of the tree."""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import agents
import telephony
import tools
from tests.tree import PACKAGES, ROOT, Module, lines, modules, trees_kept

SHELLS = frozenset(
    {
        "agents.frames",
        "agents.live.client",
        "agents.local.chat.client",
        "agents.local.engine",
        "agents.local.models",
        "agents.local.replies",
        "agents.local.session",
        "agents.local.turns",
        "agents.local.voice",
        "agents.models_file",
        "agents.providers_file",
        "agents.realtime.client",
        "agents.realtime.socket",
        "agents.tasks",
        "agents.turns.client",
        "agents.websocket",
        "telephony.__main__",
        "telephony.accounts",
        "telephony.pouring",
        "telephony.afterwards",
        "telephony.app",
        "telephony.aside",
        "telephony.around",
        "telephony.backends",
        "telephony.builtin",
        "telephony.rules",
        "telephony.calendarfeed",
        "telephony.cli.calendar",
        "telephony.calllog",
        "telephony.callernames",
        "telephony.carrier",
        "telephony.casting",
        "telephony.chores",
        "telephony.cli.calls",
        "telephony.cli.checks",
        "telephony.cli.console",
        "telephony.cli.contacts",
        "telephony.cli.config",
        "telephony.cli.databasechecks",
        "telephony.cli.doctor",
        "telephony.cli.enginechecks",
        "telephony.cli.inbox",
        "telephony.cli.init",
        "telephony.cli.lab",
        "telephony.cli.main",
        "telephony.cli.online",
        "telephony.cli.opening",
        "telephony.cli.terminal",
        "telephony.cli.replay",
        "telephony.cli.serve",
        "telephony.cli.tools",
        "telephony.cli.try_call",
        "telephony.cli.waiting",
        "telephony.cli.webhooks",
        "telephony.console.access.access",
        "telephony.console.access.audit",
        "telephony.console.access.cookies",
        "telephony.console.access.elsewhere",
        "telephony.console.access.entering",
        "telephony.console.access.firstrun",
        "telephony.console.access.gate",
        "telephony.console.access.keys",
        "telephony.console.access.links",
        "telephony.console.access.policy",
        "telephony.console.access.sessions",
        "telephony.console.access.users",
        "telephony.console.headers",
        "telephony.console.pages.account",
        "telephony.console.pages.calls",
        "telephony.console.pages.files",
        "telephony.console.pages.live",
        "telephony.console.pages.settings",
        "telephony.console.pages.signin",
        "telephony.console.pages.trial",
        "telephony.console.parts",
        "telephony.console.access.reception",
        "telephony.console.access.secondstep",
        "telephony.console.access.tries",
        "telephony.console.health",
        "telephony.console.healthdesk",
        "telephony.console.hookdesk",
        "telephony.console.pages.health",
        "telephony.console.pages.webhooks",
        "telephony.console.webhooks",
        "telephony.console.people",
        "telephony.console.peopleviews",
        "telephony.console.rendering",
        "telephony.console.web",
        "telephony.console.approvals",
        "telephony.frontoffice",
        "telephony.console.access.passwords",
        "telephony.console.access.tokens",
        "telephony.console.api",
        "telephony.console.calls",
        "telephony.console.callviews",
        "telephony.console.costs",
        "telephony.console.desk",
        "telephony.console.onecallview",
        "telephony.console.offline",
        "telephony.console.onecall",
        "telephony.console.pages.call",
        "telephony.console.joining",
        "telephony.console.live",
        "telephony.console.problems",
        "telephony.console.reading",
        "telephony.console.routes",
        "telephony.console.trial",
        "telephony.console.waiting",
        "telephony.beginning",
        "telephony.configuring.folder",
        "telephony.configuring.starters",
        "telephony.console.pages.rollouts",
        "telephony.console.pages.tools",
        "telephony.console.rollouts",
        "telephony.console.tools",
        "telephony.console.toolviews",
        "telephony.console.workshop",
        "telephony.rollout.keeper",
        "tools.rollout.rollouts",
        "telephony.custody",
        "telephony.calibration",
        "telephony.callweight",
        "telephony.door",
        "telephony.engines",
        "telephony.journals",
        "telephony.floor",
        "telephony.follower",
        "telephony.linefile",
        "telephony.live.desk",
        "telephony.live.door",
        "telephony.live.hub",
        "telephony.live.presence",
        "telephony.live.reader",
        "telephony.lab.model",
        "telephony.lab.own",
        "telephony.lab.phone",
        "telephony.lab.run",
        "telephony.lab.speaking",
        "telephony.logs",
        "telephony.metrics",
        "telephony.modelwatch",
        "telephony.opening",
        "telephony.rehearsal",
        "telephony.outward",
        "telephony.readiness",
        "telephony.resuming",
        "telephony.console.keeping",
        "telephony.console.retention",
        "telephony.console.pages.retention",
        "telephony.retention.auditlog",
        "telephony.retention.deletion",
        "telephony.retention.holds",
        "telephony.retention.mentions",
        "telephony.retention.people",
        "telephony.retention.planning",
        "telephony.retention.retention",
        "telephony.retention.rows",
        "telephony.retention.sealing",
        "telephony.retention.subject",
        "telephony.retention.verifying",
        "telephony.room",
        "telephony.cli.retention",
        "telephony.cli.subject",
        "telephony.cli.audit",
        "telephony.cli.callsdelete",
        "tools.callchain",
        "telephony.running",
        "telephony.samplecall",
        "telephony.seats",
        "telephony.server",
        "telephony.selfcalls",
        "telephony.session",
        "telephony.settings",
        "telephony.spare",
        "telephony.spending",
        "telephony.simulator.conversation",
        "telephony.simulator.dial",
        "telephony.simulator.ears",
        "telephony.simulator.leg",
        "telephony.simulator.pico",
        "telephony.simulator.placed",
        "telephony.simulator.signed",
        "telephony.simulator.voices",
        "telephony.simulator.wav",
        "telephony.staff",
        "telephony.stopping",
        "telephony.strain",
        "telephony.switchboard",
        "telephony.tracing.export",
        "telephony.transcripts.archive",
        "telephony.transcripts.files",
        "telephony.transcripts.index.index",
        "telephony.transcripts.index.keeping",
        "telephony.transcripts.index.marks",
        "telephony.transcripts.index.search",
        "telephony.transcripts.journal",
        "telephony.transcripts.recordings",
        "telephony.tidying",
        "telephony.trials",
        "telephony.twilio.edge",
        "telephony.twilio.direct",
        "telephony.twilio.leg",
        "telephony.twilio.noise",
        "telephony.twilio.rest",
        "telephony.twilio.softphone",
        "telephony.twilio.stream",
        "telephony.twilio.webhook",
        "telephony.upkeep",
        "tools.approvals",
        "telephony.versioned",
        "telephony.warm",
        "telephony.workers.board",
        "telephony.workers.channel",
        "telephony.workers.crew",
        "telephony.workers.entrance",
        "telephony.workers.figures",
        "telephony.workers.joining",
        "telephony.workers.parent",
        "telephony.workers.relay",
        "tools.attempt",
        "tools.booking.appointments",
        "tools.booking.blocks",
        "tools.booking.bookings",
        "tools.booking.caldav.aside",
        "tools.booking.caldav.client",
        "tools.booking.caldav.loop",
        "tools.booking.caldav.pull",
        "tools.booking.caldav.record",
        "tools.booking.caldav.settle",
        "tools.booking.caldav.staff",
        "tools.booking.caldav.sync",
        "tools.booking.cells",
        "tools.booking.choosing",
        "tools.booking.finding",
        "tools.booking.freed",
        "tools.booking.holds",
        "tools.booking.keeping",
        "tools.booking.looking",
        "tools.booking.offer",
        "tools.booking.shopfile",
        "tools.booking.telling",
        "tools.booking.waiting",
        "tools.booking.whose",
        "tools.bounds",
        "tools.calls.errands",
        "tools.calls.inbox",
        "tools.catalogue",
        "tools.configfile",
        "tools.costbook",
        "tools.crm.checking",
        "tools.crm.consents",
        "tools.configuring.examples",
        "tools.configuring.overlay",
        "tools.crm.contacts",
        "tools.crm.crmfile",
        "tools.crm.desk",
        "tools.crm.drain",
        "tools.crm.followups",
        "tools.crm.lookup",
        "tools.crm.merging",
        "tools.crm.offer",
        "tools.crm.outbox",
        "tools.crm.outside.book",
        "tools.crm.outside.handover",
        "tools.crm.outside.http",
        "tools.crm.own",
        "tools.dispatch",
        "tools.http.door",
        "tools.http.offer",
        "tools.mcp.offer",
        "tools.mcp.pipe",
        "tools.mcp.server",
        "tools.mcp.way",
        "tools.gate",
        "tools.hooks.endpoints",
        "tools.hooks.outbox",
        "tools.hooks.sender",
        "tools.hooks.told",
        "tools.livecalls",
        "tools.migrate",
        "tools.outside",
        "tools.receipts",
        "tools.rollups",
        "tools.secrets",
        "tools.store",
        "tools.later",
        "tools.periodic",
        "tools.spool",
        "tools.stalls",
        "tools.threads",
        "tools.unrun",
        "tools.vault",
        "tools.watchdog",
        "tools.versions.folder",
        "tools.versions.rows",
        "tools.versions.versions",
    }
)
"""The only modules that may do I/O, read clocks, use threads or asyncio, or log."""

FIRST = frozenset({"agents.local"})
"""Packages that set a variable of the process before anything in them is imported."""

TABLES = frozenset(
    {
        "telephony.transcripts.index.tables",
        "tools.booking.caldav.tables",
        "tools.booking.tables",
        "tools.calls.tables",
        "tools.crm.tables",
        "telephony.console.access.tables",
        "tools.hooks.tables",
        "tools.quick",
        "tools.retained",
        "tools.schema",
        "tools.rollout.tables",
        "tools.versions.tables",
    }
)
"""Modules that declare database tables and do nothing with them."""

OUTSIDE = frozenset(
    {
        "aiohttp", "alembic", "anyio", "asyncio", "concurrent", "contextvars", "fastapi", "ftplib",
        "http", "httpx", "httpx2", "io.open", "logging", "mcp", "multiprocessing", "openai", "os",
        "prometheus_client", "queue", "random", "requests",
        "sched", "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlalchemy",
        "sqlite3", "ssl", "starlette", "structlog", "subprocess", "tempfile", "threading", "time",
        "urllib.request", "uuid", "uvicorn", "uvloop", "websockets",
    }
)  # fmt: skip
"""What no pure module imports."""

FILE_METHODS = frozenset(
    {
        "chmod", "expanduser", "is_dir", "is_file", "iterdir", "mkdir", "read_bytes",
        "read_text", "rmdir", "samefile", "stat", "touch", "unlink", "write_bytes",
        "write_text",
    }
)  # fmt: skip

OURS = modules(*PACKAGES)
BY_NAME = {module.name: module for module in OURS}


@pytest.fixture(scope="module", autouse=True)
def trees() -> Iterator[None]:
    with trees_kept():
        yield


def test_imports_run_from_telephony_to_agents_to_tools() -> None:
    refuse(
        f"{at(module, node)} imports {name}"
        for module in OURS
        for node, name in module.imports()
        if name.split(".")[0] in ("tests", "infra", *PACKAGES[PACKAGES.index(module.package) + 1 :])
    )


def test_imports_are_absolute() -> None:
    refuse(
        f"{at(module, node)} is a relative import"
        for module in modules(*PACKAGES, "tests")
        for node in module.nodes
        if isinstance(node, ast.ImportFrom) and node.level
    )


def test_imports_stand_at_the_top() -> None:
    refuse(
        f"{at(module, inner)} is an import inside {outer.name}"
        for module in modules(*PACKAGES, "tests")
        if (imports := [node for node in module.nodes if is_import(node)])
        for outer in module.nodes
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        for inner in imports
        if lines(inner).start in lines(outer)
        if (module.name, outer.name) not in LATE_IMPORTS
    )


# What may be missing on a machine has to be found missing when it is wanted, and said by name.
LATE_IMPORTS = frozenset({("agents.local.models", "_voice")})
HIDDEN_IMPORTS = ("__import__", "importlib.import_module", "import_module")


def test_there_are_no_cycles_not_even_for_types() -> None:
    graph = {module.name: set(edges(module)) - {module.name} for module in OURS}
    while leaves := [name for name, targets in graph.items() if not targets & graph.keys()]:
        for name in leaves:
            del graph[name]
    refuse(
        f"{name} is in or above a cycle, by way of {sorted(targets & graph.keys())}"
        for name, targets in sorted(graph.items())
    )


def test_pure_modules_touch_nothing_outside() -> None:
    refuse(
        f"{at(module, node)} {what}, but {module.name} is not a listed shell"
        for module in OURS
        if not is_shell(module) and module.name not in FIRST
        for node, what in touches(module)
    )


def test_pure_modules_import_no_shell() -> None:
    refuse(
        f"{module.place} imports the shell {name}, but is not a listed shell itself"
        for module in OURS
        if not is_shell(module)
        for name in sorted(set(edges(module)) & SHELLS)
    )


def test_every_listed_shell_is_one() -> None:
    """A shell may also be one because it only puts shells together."""
    refuse(
        f"{name} is listed as a shell, but "
        + ("does nothing a pure module may not" if name in BY_NAME else "does not exist")
        for name in sorted(SHELLS)
        if name not in BY_NAME
        or not (list(touches(BY_NAME[name])) or set(edges(BY_NAME[name])) & SHELLS)
    )


def test_only_the_three_packages_can_be_imported_by_others() -> None:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert sorted(found["find"]["include"]) == sorted(f"{package}*" for package in PACKAGES)
    tops = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert tops == {*PACKAGES, "tests"}


def test_the_packages_are_ours_not_wheels_of_the_same_name() -> None:
    for package in (agents, telephony, tools):
        assert Path(str(package.__file__)).parent.parent == ROOT


def refuse(offenders: Iterable[str]) -> None:
    found = list(offenders)
    assert not found, "\n" + "\n".join(found)


def is_shell(module: Module) -> bool:
    return module.name in SHELLS or module.name.startswith("tools.migrations.")


def at(module: Module, node: ast.AST) -> str:
    return f"{module.place}:{getattr(node, 'lineno', 1)}"


def edges(module: Module) -> Iterator[str]:
    """The modules of ours that a module imports."""
    return (name for _, name in module.imports() if name in BY_NAME)


def touches(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """What in a module only a shell may do."""
    allowed = {"sqlalchemy"} if module.name in TABLES else set()
    for statement, name in module.imports():
        if {name, name.split(".")[0]} & (OUTSIDE - allowed):
            yield statement, f"imports {name}"
    for node in module.nodes:
        if isinstance(node, ast.AsyncFunctionDef) and not is_contract(node):
            yield node, "is a coroutine"
        elif isinstance(node, ast.Call) and (act := outside_call(node)):
            yield node, f"calls {act}"


def is_contract(function: ast.AsyncFunctionDef) -> bool:
    """Only a docstring or `...`: a Protocol's method."""
    return all(
        isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
        for line in function.body
    )


def outside_call(node: ast.Call) -> str | None:
    name = called(node)
    last = name.rpartition(".")[2]
    if name in ("open", "input", "print") or (last in FILE_METHODS and "." in name):
        return name
    owner = name.rpartition(".")[0]
    clock = last in ("now", "utcnow", "today") and "date" in owner
    file = last == "open" and re.search(r"(path|file|folder|wave|gzip)$", owner)
    return name if clock or file else None


def is_import(node: ast.AST) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom)) or called(node) in HIDDEN_IMPORTS


def called(node: ast.AST) -> str:
    """`a.b.c` of a call `a.b.c(...)`; what cannot be named is left out."""
    if not isinstance(node, ast.Call):
        return ""
    parts: list[str] = []
    function: ast.expr = node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    parts.append(function.id if isinstance(function, ast.Name) else "")
    return ".".join(reversed(parts))
