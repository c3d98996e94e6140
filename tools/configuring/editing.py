"""How does a change made in a form become a change of the file's text, and of nothing else in it?

A field is one part of the text, from its name to the last line of its value. Only the part that
changes is written anew, by a reader that knows comments; every other line stays byte for byte. What
comes out is read again and compared with what was wanted, so that a form can never say one thing
and the file another.
"""

import copy
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)

from tools.config import ConfigError, Document
from tools.versions.files import lines

WIDTH = 100
Path = tuple[str | int, ...]
_DASHES = re.compile(r"^( *)[^\s#-][^\n]*:[^\S\n]*\n(?:[^\S\n]*(?:#[^\n]*)?\n)*( *)- ", re.M)
"""How far a list is moved in from the name it stands under."""
_QUOTED = (DoubleQuotedScalarString, SingleQuotedScalarString)
_BLOCKS = (FoldedScalarString, LiteralScalarString)


class Edit(msgspec.Struct, frozen=True):
    """One change of one value. In a list, the number after the last one adds to it."""

    path: Path
    value: Any = None
    """Plain JSON data."""
    remove: bool = False


class Uneditable(ValueError):  # noqa: N818 - an answer, not an error
    """The text can be changed as text only; the message says why."""


def edited(text: str, edits: Iterable[Edit], order: Sequence[str] = ()) -> str:
    """The text with these changes made, one after the other. Pure.

    `order`: all fields there can be; a new one is put where it belongs among them. Raises
    ConfigError for a text that cannot be read as it is, Uneditable for what cannot be changed so.
    """
    for edit in edits:
        text = _edited(text, edit, order)
    return text


def _edited(text: str, edit: Edit, order: Sequence[str]) -> str:
    if not edit.path or not isinstance(edit.path[0], str):
        raise Uneditable("The change names no field.")
    data = Document(text, "text").data
    wanted = copy.deepcopy(data)
    _change(wanted, edit)
    if wanted == data:
        return text
    for write in (_spliced, _rewritten):
        found = write(text, edit, order)
        if found is not None and _says(found, wanted):
            return found
    raise Uneditable("This cannot be changed in the form; change it in the text.")


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return Document(text, "text").data == wanted
    except ConfigError:
        return False


# ---- data ----------------------------------------------------------------------------------------


def _change(data: Any, edit: Edit) -> None:
    """The change made to plain data, or to data that knows its comments."""
    inside, last = _holder(data, edit), edit.path[-1]
    if edit.remove:
        _take_out(inside, last)
    elif isinstance(inside, list) and last == len(inside):
        inside.append(_fresh(edit.value, None, inside))
    elif isinstance(inside, list):
        inside[_index(inside, last)] = _fresh(edit.value, inside[_index(inside, last)], inside)
    else:
        inside[last] = _fresh(edit.value, inside.get(last), inside)


def _holder(data: Any, edit: Edit) -> Any:
    """What holds the value; parts on the way to it that are missing are made."""
    at = data
    for step, following in zip(edit.path, edit.path[1:], strict=False):
        if isinstance(at, list):
            at = at[_index(at, step)]
        elif edit.remove and step not in at:
            raise Uneditable(f"There is no {step} to take out.")
        else:
            if at.get(step) is None:
                made: Any = [] if isinstance(following, int) else {}
                at[step] = _fresh(made, None, at)
            at = at[step]
        if not isinstance(at, dict | list):
            raise Uneditable(f"{step} holds a plain value, and nothing inside it.")
    return at


def _index(inside: list[Any], step: str | int) -> int:
    if not isinstance(step, int) or not 0 <= step < len(inside):
        raise Uneditable(f"There is no entry {step} in the list.")
    return step


def _take_out(inside: Any, step: str | int) -> None:
    if isinstance(inside, list):
        del inside[_index(inside, step)]
    elif step in inside:
        del inside[step]
    else:
        raise Uneditable(f"There is no {step} to take out.")


# ---- data that knows its comments ----------------------------------------------------------------


def _fresh(value: Any, old: Any, inside: Any) -> Any:
    """`value` as it is put into `inside` for `old`: plain into plain data, and in the style of
    `old`, with its comments, into data that has a style."""
    if not isinstance(inside, CommentedMap | CommentedSeq):
        return copy.deepcopy(value)
    match value:
        case str():
            return _styled(value, old)
        case dict() if isinstance(old, CommentedMap):
            for name in [name for name in old if name not in value]:
                del old[name]
            for name, each in value.items():
                if name not in old or repr(_plain(old[name])) != repr(each):
                    old[name] = _fresh(each, old.get(name), old)
            return old
        case list() if isinstance(old, CommentedSeq):
            _replace(old, value)
            return old
        case dict() | list():
            return _new(value)
        case _:
            return value


def _new(value: dict[str, Any] | list[Any]) -> Any:
    if isinstance(value, dict):
        made = CommentedMap()
        for name, each in value.items():
            made[name] = _fresh(each, None, made)
        return made
    row = CommentedSeq()
    row.extend(_fresh(each, None, row) for each in value)
    if _is_short(value):
        row.fa.set_flow_style()
    return row


def _replace(old: CommentedSeq, value: list[Any]) -> None:
    """Entry by entry, from the end, so that a comment goes with its entry."""
    before, after = [repr(each) for each in _plain(old)], [repr(each) for each in value]
    steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for tag, first, last, begin, end in reversed(steps):
        if tag == "replace" and last - first == end - begin:
            for at, each in zip(range(first, last), value[begin:end], strict=True):
                old[at] = _fresh(each, old[at], old)
        elif tag != "equal":
            for at in reversed(range(first, last)):
                del old[at]
            for shift, each in enumerate(value[begin:end]):
                old.insert(first + shift, _fresh(each, None, old))


def _plain(value: Any) -> Any:
    """Without style: what `repr` of it is, is what it says."""
    match value:
        case dict():
            return {str(name): _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case str():
            return str(value)
        case bool() | None:
            return value
        case int():
            return int(value)
        case float():
            return float(value)
        case _:
            return str(value)  # a day, which is read as text


def _is_short(value: list[Any]) -> bool:
    plain = all(isinstance(each, str | int | float) for each in value)
    return plain and sum(len(str(each)) + 2 for each in value) < WIDTH - 30


def _styled(value: str, old: Any) -> str:
    if "\n" in value:
        block: str = LiteralScalarString(value)
        return block
    if isinstance(old, FoldedScalarString) or (len(value) > WIDTH and value == value.strip()):
        return _folded(value)
    if isinstance(old, _QUOTED):
        quoted: str = type(old)(value)
        return quoted
    return str(value)


def _folded(value: str) -> str:
    text: str = FoldedScalarString(value)
    folds, begin, last = [], 0, None
    for found in re.finditer(r"(?<=\S) (?=\S)", value):
        if found.start() - begin > WIDTH - 10 and last is not None:
            folds.append(last)
            begin = last
        last = found.start()
    text.fold_pos = folds  # type: ignore[attr-defined]
    return text


# ---- text ----------------------------------------------------------------------------------------


class _Part(msgspec.Struct, frozen=True):
    """A field's own lines: the first, and the one after the last."""

    name: str
    begin: int
    end: int


def _spliced(text: str, edit: Edit, order: Sequence[str]) -> str | None:
    """Only the field's own lines written anew; None where the text is not made of such parts."""
    parts = _parts(text)
    if parts is None:
        return None
    rows = lines(text)
    name = str(edit.path[0])
    part = next((each for each in parts if each.name == name), None)
    begin, end = _place(name, parts, order, len(rows)) if part is None else (part.begin, part.end)
    before, own, after = rows[:begin], rows[begin:end], rows[end:]
    written = _dumped("".join(own), edit)
    if written is None:
        return None
    if before and not before[-1].endswith("\n"):
        before[-1] += "\n"
    return "".join([*before, written, *after])


def _parts(text: str) -> list[_Part] | None:
    """The fields of a text with one on each line; None for one that is written otherwise."""
    node = YAML(typ="safe", pure=True).compose(io.StringIO(text))
    if node is None:
        return []
    if not isinstance(node, MappingNode) or node.flow_style or re.search(r"[\r\x85\u2028]", text):
        return None
    rows = lines(text)
    found = []
    for key, value in node.value:
        end = _last_line(value, key) + 1
        while end > key.start_mark.line + 1 and not rows[end - 1].strip():
            end -= 1
        found.append(_Part(str(key.value), key.start_mark.line, end))
    return found


def _last_line(node: Node, key: Node) -> int:
    """Where the value ends. A block's own end is where the next thing begins."""
    match node:
        case MappingNode() if not node.flow_style and node.value:
            return _last_line(node.value[-1][1], node.value[-1][0])
        case SequenceNode() if not node.flow_style and node.value:
            return _last_line(node.value[-1], key)
        case ScalarNode() if node.style in ("|", ">"):
            return int(node.end_mark.line - (node.end_mark.column == 0))
        case _ if node.start_mark.index == node.end_mark.index:
            return int(key.end_mark.line)
        case _:
            return int(node.end_mark.line)


def _place(name: str, parts: Sequence[_Part], order: Sequence[str], rows: int) -> tuple[int, int]:
    """After the last field there is that comes before it in the declaration; else at the end."""
    ranks = {each: rank for rank, each in enumerate(order)}
    rank = ranks.get(name, len(ranks))
    before = [part.end for part in parts if ranks.get(part.name, len(ranks)) <= rank]
    first = parts[0].begin if parts else rows
    at = max(before, default=first)
    return at, at


def _dumped(own: str, edit: Edit) -> str | None:
    """The lines of one field with the change made; None if they cannot be read by themselves."""
    yaml = _yaml(own)
    try:
        data = yaml.load(own) if own else CommentedMap()
        _change(data, edit)
        return _written(yaml, data) if data else ""
    except (YAMLError, ValueError, TypeError, AttributeError):
        return None


def _rewritten(text: str, edit: Edit, _order: Sequence[str]) -> str | None:
    """The whole text written anew, with its comments."""
    yaml = _yaml(text)
    try:
        data = yaml.load(text)
        _change(data, edit)
        return _written(yaml, data)
    except (YAMLError, ValueError, TypeError, AttributeError):
        return None


def _yaml(text: str) -> YAML:
    yaml = YAML()
    yaml.width = WIDTH
    yaml.preserve_quotes = True
    dashes = re.search(
        r"^( *)[^\s#-][^\n]*:[^\S\n]*\n(?:[^\S\n]*(?:#[^\n]*)?\n)*( *)- ", text, re.M
    )
    indented = dashes is None or len(dashes[2]) > len(dashes[1])
    yaml.indent(mapping=2, sequence=4 if indented else 2, offset=2 if indented else 0)
    return yaml


def _written(yaml: YAML, data: CommentedMap) -> str:
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()
