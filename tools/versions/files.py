"""What is a set of configuration files, how do two sets differ, and can two changes be merged?"""

import difflib
import hashlib
import re
from collections.abc import Mapping

import msgspec

from tools.config import MAX_BYTES, ConfigError

Files = Mapping[str, str]
"""Text by path: relative, with slashes."""
Changes = Mapping[str, str | None]
"""New text by path; None takes the file out."""

MAX_FILES = 500
MAX_TOTAL_BYTES = 4 << 20
MAX_PATH_CHARS = 200
MAX_DIFF_LINES = 3_000
"""difflib takes minutes over long texts made to be hard; those are shown as replaced whole."""

_STEP = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_PATH = re.compile(rf"({_STEP}/){{0,3}}{_STEP}\.ya?ml", re.ASCII)


class FileDiff(msgspec.Struct, frozen=True):
    """How one file differs."""

    path: str
    change: str
    """`added`, `removed` or `changed`."""
    diff: str
    """Unified, without colour."""


class Clash(msgspec.Struct, frozen=True):
    """Files that were changed on both sides, differently."""

    paths: tuple[str, ...]


def is_path(path: str) -> bool:
    """Whether a file of this name belongs to a configuration."""
    return len(path) <= MAX_PATH_CHARS and _PATH.fullmatch(path) is not None


def refuse_bad(changes: Changes) -> None:
    """Raises ConfigError for what can be kept in no version, however broken it may be."""
    for path, text in changes.items():
        if not is_path(path):
            raise ConfigError(
                repr(path[:MAX_PATH_CHARS]),
                "is no name for a configuration file",
                "Use letters, digits, -, _ and . in at most four steps, ending in .yaml",
            )
        if text is not None:
            _refuse_bad_text(path, text)


def refuse_too_many(files: Files) -> None:
    """Raises ConfigError for a set that is too large to be kept."""
    if len(files) > MAX_FILES:
        what = f"{len(files)} files are too many"
        raise ConfigError("configuration", what, f"Keep at most {MAX_FILES}")
    if sum(len(text.encode()) for text in files.values()) > MAX_TOTAL_BYTES:
        limit = f"{MAX_TOTAL_BYTES >> 20} MiB"
        raise ConfigError("configuration", f"is over {limit} together", "Take something out")


def _refuse_bad_text(path: str, text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ConfigError(path, "holds half a character", "Save it as UTF-8") from None
    if size > MAX_BYTES:
        raise ConfigError(path, f"is over {MAX_BYTES >> 10} KiB", "Take out what is not needed")
    if "\0" in text:
        # PostgreSQL keeps no NUL in a text, and no configuration needs one.
        raise ConfigError(path, "holds a NUL character", "Save it as plain text")


def text_digest(text: str) -> str:
    """SHA-256 of one file, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def digest(files: Files) -> str:
    """SHA-256 of a whole set: the same for the same files, whatever their order."""
    listed = "".join(f"{text_digest(files[path])} {path}\n" for path in sorted(files))
    return hashlib.sha256(listed.encode()).hexdigest()


def changed(files: Files, changes: Changes) -> dict[str, str]:
    """The files with the changes made."""
    wanted = {**files, **changes}
    return {path: text for path, text in wanted.items() if text is not None}


def changes_between(before: Files, after: Files) -> dict[str, str | None]:
    """What has to be changed in `before` to get `after`."""
    paths = sorted({*before, *after})
    return {path: after.get(path) for path in paths if before.get(path) != after.get(path)}


def merge(base: Files, head: Files, changes: Changes) -> dict[str, str] | Clash:
    """`head` with the changes somebody made to `base`; whole files, never parts of them."""
    wanted = {path: text for path, text in changes.items() if text != base.get(path)}
    clashing = tuple(
        path
        for path, text in sorted(wanted.items())
        if head.get(path) not in (base.get(path), text)
    )
    return Clash(clashing) if clashing else changed(head, wanted)


def diff_files(before: Files, after: Files) -> tuple[FileDiff, ...]:
    """One unified diff for each file that differs, in the order of their paths."""
    return tuple(
        FileDiff(path, _kind(path, before, after), diff_text(path, before.get(path), text))
        for path, text in changes_between(before, after).items()
    )


def diff_text(path: str, before: str | None, after: str | None) -> str:
    """Unified, with three lines around each change; a text that is not there is None."""
    old, new = _lines(before), _lines(after)
    names = f"a/{path}" if before is not None else "", f"b/{path}" if after is not None else ""
    names = names[0] or "/dev/null", names[1] or "/dev/null"
    if max(len(old), len(new)) > MAX_DIFF_LINES:
        return "".join(_replaced(names, old, new))
    return "".join(difflib.unified_diff(old, new, *names))


def _replaced(names: tuple[str, str], old: list[str], new: list[str]) -> list[str]:
    head = [f"--- {names[0]}\n", f"+++ {names[1]}\n", f"@@ -1,{len(old)} +1,{len(new)} @@\n"]
    return [*head, *(f"-{line}" for line in old), *(f"+{line}" for line in new)]


def lines(text: str | None) -> list[str]:
    """With their line feeds, all but the last perhaps; put together they are the text."""
    # Only line feeds: str.splitlines also breaks at characters that YAML keeps inside a line.
    return re.findall(r"[^\n]*\n|[^\n]+$", text or "")


def _lines(text: str | None) -> list[str]:
    found = lines(text)
    if found and not found[-1].endswith("\n"):
        found[-1] += "\n\\ No newline at end of file\n"
    return found


def _kind(path: str, before: Files, after: Files) -> str:
    if path not in before:
        return "added"
    return "changed" if path in after else "removed"
