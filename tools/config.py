"""How a configuration file becomes typed data, or a message that says how to mend it."""

import io
import math
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tools.validation import Path, Problem, Schema

MAX_BYTES = 64 * 1024
MAX_DEPTH = 12
MAX_FLOW_DEPTH = 100
"""The parser takes seconds over more."""
TAG = "tag:yaml.org,2002:"
SECRET_PREFIX = "FRONTDESK_SECRET_"  # noqa: S105 - where secrets stand
SECRET_NAME = r"[a-z][a-z0-9]*([_-][a-z0-9]+){0,8}"  # noqa: S105 - the form of a name
"""How a file may name a secret, which it never holds: `hubspot-token`. See `tools.secrets`."""
T = TypeVar("T")


class ConfigError(Exception):
    """Configuration that cannot be used: where it stands, what is wrong, how to mend it.

    `problems` holds it and everything else that was found wrong with it, in order.
    """

    def __init__(
        self, where: str, what: str, hint: str, others: Sequence["ConfigError"] = ()
    ) -> None:
        super().__init__(f"{where}: {what}. {hint}.")
        self.where = where
        self.what = what
        self.hint = hint
        self.problems: tuple[ConfigError, ...] = (self, *others)


def together(problems: Sequence[ConfigError]) -> ConfigError:
    """One error to raise for all of these; there must be at least one."""
    first, *others = problems
    return ConfigError(first.where, first.what, first.hint, others)


class Document:
    """A YAML 1.2 file of plain values, with the place of each.

    Dates and times stay text; anchors, aliases, merges and tags are refused, so a file cannot
    grow when it is read nor name anything but data.
    """

    def __init__(self, text: str, where: str, found: list[ConfigError] | None = None) -> None:
        """Raises ConfigError, with all problems in it, when the text is not one mapping of plain
        values. With `found` problems are added there instead, and what is good is kept."""
        self.where = where
        self.found: list[ConfigError] = [] if found is None else found
        """Every problem so far."""
        self._places: dict[Path, tuple[int, int]] = {(): (0, 0)}
        self._unread: set[Path] = set()
        self.data: dict[str, Any] = {}
        try:
            node = _compose(text, where)
        except ConfigError as error:
            self._unread.add(())
            self.found.append(error)
        else:
            if node is not None and _tag(node) != "null":
                self.data = self._mapping(node, ())
        if found is None and self.found:
            raise together(self.found)

    def place(self, path: Sequence[str | int]) -> str:
        """`file:line:column` of the value at `path`, or of the nearest thing around it."""
        line, column = self._nearest(path)
        return f"{self.where}:{line + 1}:{column + 1}"

    def error(self, path: Sequence[str | int], what: str, hint: str) -> ConfigError:
        name = ".".join(map(str, path))
        return ConfigError(self.place(path), f"{name}: {what}" if name else what, hint)

    def read(self, shape: type[T], schema: Schema) -> T:
        """The whole document as `shape`; ConfigError with every problem, in the file's order."""
        if problems := self._misfits(schema):
            raise together(problems)
        return msgspec.convert(self.data, shape)

    def fitting(self, shape: type[T], schema: Schema) -> T | None:
        """The same for a document that collects its problems: None when there are any."""
        problems = self._misfits(schema)
        self.found.extend(problems)
        return None if problems or self._unread else msgspec.convert(self.data, shape)

    def salvaged(self, shape: type[T], schema: Schema) -> tuple[T, frozenset[str]] | None:
        """As `fitting`, but without the fields at fault, and their names; so that what is wrong
        with the others can be told too. None when there is nothing left to tell of."""
        problems = self._schema_problems(schema)
        self.found.extend(self.error(each.path, each.what, each.hint) for each in problems)
        faulty = [each.path for each in problems] + list(self._unread)
        if () in faulty:
            return None
        names = frozenset(str(path[0]) for path in faulty)
        rest = {name: value for name, value in self.data.items() if name not in names}
        try:
            return msgspec.convert(rest, shape), names
        except msgspec.ValidationError:
            return None

    def wrong(self, path: Sequence[str | int], what: str, hint: str) -> None:
        """Note a problem and go on."""
        self.found.append(self.error(path, what, hint))

    def _misfits(self, schema: Schema) -> list[ConfigError]:
        problems = self._schema_problems(schema)
        return [self.error(problem.path, problem.what, problem.hint) for problem in problems]

    def _schema_problems(self, schema: Schema) -> list[Problem]:
        """What does not fit; of what could not be read, nothing can be said."""
        told = [
            problem
            for problem in schema.problems(self.data)
            if not any(problem.path[: len(path)] == path for path in self._unread)
        ]
        return sorted(told, key=lambda problem: self._nearest(problem.path))

    def _nearest(self, path: Sequence[str | int]) -> tuple[int, int]:
        steps = tuple(path)
        while steps not in self._places:
            steps = steps[:-1]
        return self._places[steps]

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        if not isinstance(node, MappingNode):
            self._refuse(path, "does not hold `name: value` lines", "Write one on each line")
            return {}
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = self._name(key, path)
            if name is None:
                continue
            if name in found:
                self._refuse((*path, name), "is given twice", "Keep one of the two", key)
            else:
                found[name] = self._value(value, (*path, name))
                if value.start_mark.index == value.end_mark.index:
                    # Nothing after the colon: the parser says it stands where the next line does.
                    mark = key.start_mark
                    self._places[(*path, name)] = (mark.line, mark.column)
        return found

    def _name(self, key: Node, path: Path) -> str | None:
        if isinstance(key, ScalarNode) and _tag(key) != "merge" and key.anchor is None:
            return str(key.value)
        hint = "Use a plain name before the colon"
        self._refuse(path, "has a name that is not plain text", hint, key)
        return None

    def _value(self, node: Node, path: Path) -> Any:
        self._places[path] = (node.start_mark.line, node.start_mark.column)
        if node.anchor is not None:
            # An alias is its anchor's own node: never gone into, it cannot grow.
            return self._refuse(path, "uses an anchor or alias (& or *)", "Write the value out")
        if len(path) > MAX_DEPTH:
            return self._refuse(path, f"is nested more than {MAX_DEPTH} deep", "Nest it less")
        match node:
            case MappingNode() if _tag(node) == "map":
                return self._mapping(node, path)
            case SequenceNode() if _tag(node) == "seq":
                return [self._value(each, (*path, index)) for index, each in enumerate(node.value)]
            case ScalarNode() if _tag(node) in SCALARS:
                return _scalar(_tag(node), node.value)
        return self._refuse(path, "has a tag (!)", "Write a plain value without a tag")

    def _refuse(self, path: Path, what: str, hint: str, at: Node | None = None) -> None:
        """Note what cannot be read at `path`; `at` is where, if not at its value."""
        place = self.place(path)
        if at is not None:
            place = f"{self.where}:{at.start_mark.line + 1}:{at.start_mark.column + 1}"
        name = ".".join(map(str, path))
        self._unread.add(path)
        self.found.append(ConfigError(place, f"{name}: {what}" if name else what, hint))


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


def _flow_depth(text: str) -> int:
    """How deep brackets stand in each other, at most: those in quotes count, too."""
    signs = (1 if sign in "[{" else -1 for sign in re.findall(r"[\[{\]}]", text))
    return max(accumulate(signs), default=0)


def _compose(text: str, where: str) -> Node | None:
    if _flow_depth(text) > MAX_FLOW_DEPTH:
        raise ConfigError(where, "has too many brackets open at once", "Nest it less")
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
