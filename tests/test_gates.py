"""How large things may grow, what lies where, and what must stand in no file."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_imports import at, refuse
from tests.tree import PACKAGES, ROOT, modules, trees_kept

FUNCTION_LINES = 60
FILE_LINES = 400
TEST_FILE_LINES = 800
TOP_LEVEL = frozenset(
    {
        ".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md",
        "agents", "docs", "infra", "pyproject.toml", "telephony", "tests", "tools",
    }
)  # fmt: skip
CATCH_ALL = frozenset(
    {
        "agents/local/engine.py",
        "telephony/afterwards.py",
        "telephony/app.py",
        "telephony/follower.py",
        "telephony/session.py",
        "telephony/switchboard.py",
        "telephony/tracing/export.py",
        "telephony/transcripts/journal.py",
        "telephony/transcripts/replay.py",
        "telephony/twilio/stream.py",
        "telephony/twilio/webhook.py",
        "tools/attempt.py",
        "tools/dispatch.py",
        "tools/periodic.py",
        "tools/threads.py",
        "tools/watchdog.py",
    }
)
"""Pumps, chores, the dispatcher with its threads, the app: where `except Exception` may stand."""
CLOCKS = frozenset({"clock", "_clock", "now", "_now", "utc_now"})
"""What gives the time of day, in modules that know of dates."""
VAGUE = re.compile(r"[a-z](Manager|Helper|Processor|Util|Utils|Handler|Service)$")
ELSEWHERE = re.compile(
    r"/(?:work|root|home|Users)/[a-z]|\b(?:pypi\.org|pythonhosted\.org|localhost/simple)"
    r"|\bfile://|/opt/(?:pypi|wheels)|--(?:extra-)?index-url\b|--find-links\b",
)
"""Paths of one machine and hosts of one registry."""
LOCKS = ("infra/requirements.lock", "infra/requirements-dev.lock")
EVERYTHING = modules(*PACKAGES, "tests", "infra")


@pytest.fixture(scope="module", autouse=True)
def trees() -> Iterator[None]:
    with trees_kept():
        yield


def test_no_function_is_longer_than_sixty_lines() -> None:
    refuse(
        f"{at(module, node)} {node.name} has {lines} lines of code"
        for module in EVERYTHING
        for node in module.nodes
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := module.code_lines(node)) > FUNCTION_LINES
    )


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    refuse(
        f"{module.place} has {module.code_lines()} lines of code"
        for module in EVERYTHING
        if module.code_lines() > (TEST_FILE_LINES if module.package == "tests" else FILE_LINES)
    )


def test_no_class_has_a_name_that_says_nothing() -> None:
    refuse(
        f"{at(module, node)} {node.name}"
        for module in modules(*PACKAGES)
        for node in module.nodes
        if isinstance(node, ast.ClassDef) and VAGUE.search(node.name)
    )


def test_everything_is_caught_only_where_nothing_may_escape() -> None:
    refuse(
        f"{at(module, node)} catches everything"
        for module in modules(*PACKAGES)
        for node in module.nodes
        if isinstance(node, ast.ExceptHandler)
        and catches_all(node)
        and not may_catch(module.place, node)
    )


def test_time_that_passes_is_reckoned_in_utc() -> None:
    """Within a zone Python adds on the face of the clock, which in autumn shows an hour twice."""
    refuse(
        f"{at(module, node)} {ast.unparse(node)}: use tools/elapsed.py"
        for module in modules(*PACKAGES)
        if "import datetime as dt" in module.source
        for node in module.nodes
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, (ast.Add, ast.Sub))
        and (is_now(node.left) or is_now(node.right))
    )


def test_every_module_says_what_it_answers() -> None:
    refuse(
        f"{module.place} has no docstring"
        for module in EVERYTHING
        if module.code_lines() and not ast.get_docstring(module.tree)
    )


def test_the_top_level_holds_what_it_should() -> None:
    tops = {path.split("/")[0] for path in tracked()}
    refuse(f"{name} does not belong at the top level" for name in sorted(tops - TOP_LEVEL))


def test_nothing_names_one_machine_or_one_registry() -> None:
    own = {"tests/test_gates.py"}
    refuse(
        f"{path}:{number}: {found.group()}"
        for path in tracked()
        if path not in own and (text := readable(ROOT / path)) is not None
        for number, line in enumerate(text.splitlines(), start=1)
        if (found := ELSEWHERE.search(line))
    )


def test_locked_packages_have_hashes_and_come_from_nowhere_in_particular() -> None:
    for lock in LOCKS:
        text = (ROOT / lock).read_text()
        packages = re.split(r"\n(?=[a-z0-9])", text.strip())
        refuse(f"{lock}: {one.split()[0]} has no hash" for one in packages if "--hash=" not in one)
        refuse(f"{lock}: {one.split()[0]} is not pinned" for one in packages if "==" not in one)
        refuse(f"{lock}:{where}" for where in re.findall(r"\S*://\S*", text))


def test_both_lock_files_agree() -> None:
    for_calls, for_tests = (
        set(re.findall(r"^[\w.-]+==\S+", text, re.M)) for text in map(lock_text, LOCKS)
    )
    refuse(f"{name} is not in {LOCKS[1]}" for name in sorted(for_calls - for_tests))


def catches_all(node: ast.ExceptHandler) -> bool:
    named = ast.unparse(node.type) if node.type else "BaseException"
    return bool(re.search(r"\b(Base)?Exception\b", named))


def is_now(node: ast.expr) -> bool:
    """`now`, `context.now`, `self._clock()`."""
    called = isinstance(node, ast.Call)
    what = node.func if isinstance(node, ast.Call) else node
    match what:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in CLOCKS if called else name == "now"
        case _:
            return False


def may_catch(place: str, node: ast.ExceptHandler) -> bool:
    """In the places listed, or where it is only passed on."""
    ends_in_raise = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
    return place in CATCH_ALL or ends_in_raise


def lock_text(lock: str) -> str:
    return (ROOT / lock).read_text()


def tracked() -> list[str]:
    """Files of the project; outside a clone, everything that is not an environment or cache."""
    asked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = asked.stdout.split("\0") if asked.returncode == 0 else []
    return [name for name in names if name and (ROOT / name).is_file()]


def readable(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
