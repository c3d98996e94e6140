"""The project's own source as data, for the tests that check it against its laws."""

import ast
import io
import tokenize
from collections.abc import Iterator
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
        first, last = _span(node)
        return sum(number in self._code_line_numbers for number in range(first, last + 1))

    @cached_property
    def _code_line_numbers(self) -> frozenset[int]:
        numbers: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.source).readline):
            if token.type not in _NO_CODE:
                numbers.update(range(token.start[0], token.end[0] + 1))
        for node in self.nodes:
            if _is_docstring(node):
                numbers.difference_update(range(*_span(node)), (_span(node)[1],))
        return frozenset(numbers)


_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


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


def _span(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 1), getattr(node, "end_lineno", 10**9)
