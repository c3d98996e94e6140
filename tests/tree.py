"""The project's own source as data, for the tests that check it against its laws."""

import ast
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tools", "agents", "telephony")
"""Lowest first: a package imports itself and those before it."""


class Module:
    """One Python file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    # Read when asked for: each process of a test run imports the tests that hold these.
    @cached_property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    def forget(self) -> None:
        """The tree, which is large; it is made again if asked for."""
        for name in ("tree", "nodes"):
            self.__dict__.pop(name, None)

    @cached_property
    def place(self) -> str:
        """Path from the project's root, with slashes."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def name(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    def imports(self) -> Iterator[tuple[ast.stmt, str]]:
        """Every import statement with each module it may name, type-only ones included."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node, node.module or ""
                yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)

    def code_lines(self, node: ast.AST | None = None) -> int:
        """Lines with code on them: no blank lines, comments or docstrings."""
        if node is None:
            return len(self._code_line_numbers)
        return sum(number in self._code_line_numbers for number in lines(node))

    @cached_property
    def _code_line_numbers(self) -> frozenset[int]:
        inside_texts: set[int] = set()
        for node in self.nodes:
            if isinstance(node, (ast.Constant, ast.JoinedStr)):
                inside_texts.update(lines(node))
        numbers = {
            number
            for number, line in enumerate(self.source.split("\n"), start=1)
            if number in inside_texts or line.strip().partition("#")[0]
        }
        for node in self.nodes:
            if _is_docstring(node):
                numbers.difference_update(lines(node))
        return frozenset(numbers)


@contextmanager
def trees_kept() -> Iterator[None]:
    """While the laws are checked: each tree is made once, and all are let go at the end.

    They are a million objects and no garbage; to look for some while they grow, again and again,
    takes several times as long as to make them.
    """
    gc.disable()
    try:
        yield
    finally:
        for module in modules(*PACKAGES, "tests", "infra"):
            module.forget()
        gc.enable()


def modules(*folders: str) -> list[Module]:
    """All modules below these folders of the project, in a fixed order."""
    return [module for folder in folders for module in _below(folder)]


@cache
def _below(folder: str) -> tuple[Module, ...]:
    return tuple(Module(path) for path in sorted((ROOT / folder).rglob("*.py")))


def _is_docstring(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case _:
            return False


def lines(node: ast.AST) -> range:
    """The numbers of the lines a node stands on."""
    return range(getattr(node, "lineno", 1), getattr(node, "end_lineno", 10**9) + 1)
