"""How a configuration file becomes typed data, or a message that says how to mend it."""

import io
import math
import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tools.validation import Path, Problem, Schema

MAX_BYTES = 64 * 1024
TAG = "tag:yaml.org,2002:"
SECRET_NAME = r"[a-z][a-z0-9]*([_-][a-z0-9]+){0,8}"  # noqa: S105 - the form of a name
"""How a file may name a secret, which it never holds: `hubspot-token`. See `tools.secrets`."""
T = TypeVar("T")


class ConfigError(Exception):
    """Configuration that cannot be used: where it stands, what is wrong, how to mend it."""

    def __init__(self, where: str, what: str, hint: str) -> None:
        super().__init__(f"{where}: {what}. {hint}.")
        self.where = where
        self.what = what
        self.hint = hint


class Document:
    """A YAML 1.2 file of plain values, with the place of each.

    Dates and times stay text; anchors, aliases, merges and tags are refused, so a file cannot
    grow when it is read nor name anything but data.
    """

    def __init__(self, text: str, where: str) -> None:
        """Raises ConfigError when the text is not one mapping of plain values."""
        self._where = where
        self._places: dict[Path, tuple[int, int]] = {(): (0, 0)}
        node = _compose(text, where)
        self.data: dict[str, Any] = {}
        if node is not None and _tag(node) != "null":
            self.data = self._mapping(node, ())

    def place(self, path: Sequence[str | int]) -> str:
        """`file:line:column` of the value at `path`, or of the nearest thing around it."""
        line, column = self._nearest(path)
        return f"{self._where}:{line + 1}:{column + 1}"

    def error(self, path: Sequence[str | int], what: str, hint: str) -> ConfigError:
        name = ".".join(map(str, path))
        return ConfigError(self.place(path), f"{name}: {what}" if name else what, hint)

    def read(self, shape: type[T], schema: Schema) -> T:
        """The whole document as `shape`; ConfigError for the first problem in the file."""
        problems = schema.problems(self.data)
        if problems:
            first: Problem = min(problems, key=lambda problem: self._nearest(problem.path))
            raise self.error(first.path, first.what, first.hint)
        return msgspec.convert(self.data, shape)

    def _nearest(self, path: Sequence[str | int]) -> tuple[int, int]:
        steps = tuple(path)
        while steps not in self._places:
            steps = steps[:-1]
        return self._places[steps]

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        if not isinstance(node, MappingNode):
            raise self.error(path, "does not hold `name: value` lines", "Write one on each line")
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = self._name(key, path)
            if name in found:
                self._places[(*path, name)] = (key.start_mark.line, key.start_mark.column)
                raise self.error((*path, name), "is given twice", "Keep one of the two")
            found[name] = self._value(value, (*path, name))
        return found

    def _name(self, key: Node, path: Path) -> str:
        if isinstance(key, ScalarNode) and _tag(key) != "merge":
            return str(key.value)
        self._places[path] = (key.start_mark.line, key.start_mark.column)
        raise self.error(
            path, "has a name that is not plain text", "Use a plain name before the colon"
        )

    def _value(self, node: Node, path: Path) -> Any:
        self._places[path] = (node.start_mark.line, node.start_mark.column)
        if node.anchor is not None:
            raise self.error(path, "uses an anchor or alias (& or *)", "Write the value out")
        match node:
            case MappingNode() if _tag(node) == "map":
                return self._mapping(node, path)
            case SequenceNode() if _tag(node) == "seq":
                return [self._value(each, (*path, index)) for index, each in enumerate(node.value)]
            case ScalarNode() if _tag(node) in SCALARS:
                return _scalar(_tag(node), node.value)
        raise self.error(path, "has a tag (!)", "Write a plain value without a tag")


FLOAT = re.compile(r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)
SCALARS = ("str", "int", "float", "bool", "null", "timestamp")


def _tag(node: Node) -> str:
    return str(node.tag).removeprefix(TAG)


def _scalar(tag: str, text: str) -> str | int | float | bool | None:
    match tag:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" if re.fullmatch(r"[+-]?\d{1,15}", text, re.ASCII):
            return int(text)
        case "float" if FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        case _:
            return text


def _compose(text: str, where: str) -> Node | None:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ConfigError(where, f"is over {MAX_BYTES // 1024} KiB", "Take out what is not needed")
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        what = str(error.problem or error.context or "is not YAML").splitlines()[0]
        raise ConfigError(place, what, "Check indentation, quotes and colons") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(
            where, f"is not readable as YAML ({type(error).__name__})", "Write plain YAML"
        ) from None
    return node
