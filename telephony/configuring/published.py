"""JSON Schemas of all files of the configuration folder, for editors and people."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from telephony.configuring.personafile import NumbersFile, PersonaFile, SnippetsFile
from telephony.line import LineFile
from tools.booking.shop import ShopFile
from tools.configuring.declared import document_of
from tools.configuring.toolfile import ToolFile
from tools.crm.config import CrmFile
from tools.registry import without_hints

SHAPES: Mapping[str, type[msgspec.Struct]] = {
    "tool": ToolFile,
    "persona": PersonaFile,
    "numbers": NumbersFile,
    "snippets": SnippetsFile,
    "shop": ShopFile,
    "phone": LineFile,
    "crm": CrmFile,
}
"""What each kind of file is declared by."""


def published(kind: str) -> dict[str, Any]:
    """The JSON Schema of one kind of file."""
    schema: dict[str, Any] = without_hints(document_of(SHAPES[kind], f"Frontdesk {kind} file"))
    return schema


SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    kind: partial(published, kind) for kind in SHAPES
}


def kind_of(path: str) -> str:
    """The kind of a file by its path in the folder: `tools/book.yaml` is a tool."""
    folder, _, name = path.rpartition("/")
    return {"tools": "tool", "personas": "persona"}.get(folder, name.removesuffix(".yaml"))


def with_schema(path: str, text: str, schemas: str) -> str:
    """The text of a file with the line that tells editors of its schema, which lies in `schemas`,
    a folder inside the configuration folder."""
    up = "../" * path.count("/")
    return f"# yaml-language-server: $schema={up}{schemas}/{kind_of(path)}.json\n{text}"
