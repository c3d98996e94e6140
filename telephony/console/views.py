"""What the HTTP API shows and takes: the shape of every body, and how ours become theirs."""

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from telephony.plain import plain
from tools.config import ConfigError
from tools.versions.files import FileDiff, Files, text_digest
from tools.versions.spec import Conflict, Event, Pointers, Version

MAX_ID = 2**31 - 1
MAX_WHY = 500
MAX_AUTHOR = 100

Why = Annotated[str, Field(max_length=MAX_WHY, description="Why, for whoever reads the history.")]
Id = Annotated[int, Field(ge=1, le=MAX_ID)]


class View(BaseModel):
    model_config = ConfigDict(extra="forbid")


# ---- problems -----------------------------------------------------------------------------------


class ErrorView(View):
    """One thing to mend."""

    where: str = Field(description="File, line and column, or the part of the request.")
    what: str
    hint: str = ""


class ConflictFileView(View):
    """One file that was changed on both sides; null where there is no such file."""

    path: str
    base: str | None
    theirs: str | None
    yours: str | None
    diff: str = Field(description="Unified, from theirs to yours.")


class ConflictView(View):
    """Somebody else was first."""

    base: int | None
    theirs: int
    draft: int = Field(description="The version in which your text is kept.")
    files: list[ConflictFileView]


class Problem(BaseModel):
    """Every answer of 400 and above (RFC 9457, application/problem+json)."""

    type: str = Field(default="about:blank", description="Ends in a word for programs.")
    title: str
    status: int
    detail: str = ""
    errors: list[ErrorView] = []
    conflict: ConflictView | None = None


# ---- answers ------------------------------------------------------------------------------------


class FileView(View):
    path: str
    etag: str = Field(description="To be sent back as If-Match when the file is changed.")
    text: str


class ConfigView(View):
    """What an editor should begin with."""

    version: int | None
    published: int | None = Field(description="What calls that begin now go by.")
    files: list[FileView]


class OneFileView(FileView):
    version: int


class SavedView(View):
    """The change is kept, and goes live when the version is published."""

    version: int
    new: bool = Field(description="False: nothing was different.")
    etag: str | None = Field(description="Of the file now; null when it was taken out.")
    errors: list[ErrorView] = Field(description="What keeps the version from being published.")


class CheckView(View):
    ok: bool
    errors: list[ErrorView]


class VersionView(View):
    id: int
    parent: int | None
    author: str
    at: dt.datetime
    why: str
    digest: str
    conflicts_with: int | None


class WholeVersionView(VersionView):
    published: bool
    files: list[FileView]


class VersionsView(View):
    """Newest first."""

    versions: list[VersionView]
    next: int | None = Field(description="Give it as `before` to page on; null at the end.")


class EventView(View):
    id: int
    what: str
    version: int
    previous: int | None
    who: str
    at: dt.datetime
    why: str


class EventsView(View):
    """Newest first."""

    events: list[EventView]
    next: int | None = Field(description="Give it as `before` to page on; null at the end.")


class FileDiffView(View):
    path: str
    change: str
    diff: str


class DiffView(View):
    before: int
    after: int
    files: list[FileDiffView]


class StatusView(View):
    """How the running service stands to the configuration."""

    running: int
    published: int | None
    head: int | None
    folder: str
    since: dt.datetime
    reasons: list[str] = Field(description="Why the folder was not taken over.")
    draft: int | None = Field(description="What the folder holds, where somebody has to decide.")
    unusable: int | None = Field(description="A published version that could not be put to use.")
    unusable_because: str
    database: str = Field(description="Why the database could not be asked; empty when it could.")


# ---- requests -----------------------------------------------------------------------------------


class WriteBody(View):
    text: str
    why: Why = ""


class CheckBody(View):
    """Changes to try out; nothing is kept."""

    changes: dict[str, str | None] = Field(
        default={}, description="Text by path; null takes a file out."
    )
    version: Id | None = Field(default=None, description="To which version; the newest.")


class PublishBody(View):
    why: Why = ""
    over: Id | None = Field(
        default=None, description="Only if this is the published version still."
    )
    anyway: bool = Field(default=False, description="Even if changes of others are undone.")


class RollbackBody(View):
    why: Why = ""
    over: Id | None = Field(
        default=None, description="Only if this is the published version still."
    )


# ---- from ours to theirs ------------------------------------------------------------------------


def etag(text: str) -> str:
    """The entity tag of one file: strong, the same for the same text."""
    return f'"{text_digest(text)}"'


def config_tag(view: ConfigView) -> str:
    """The entity tag of the whole: versions do not change, so their numbers say it all."""
    return f'"{view.version}-{view.published}"'


def file_views(files: Files) -> list[FileView]:
    return [FileView(path=path, etag=etag(text), text=text) for path, text in files.items()]


def config_view(at: Pointers, files: Files) -> ConfigView:
    return ConfigView(version=at.head, published=at.published, files=file_views(files))


def version_view(version: Version) -> VersionView:
    return VersionView(**_version(version))


def whole_version_view(version: Version, files: Files, at: Pointers) -> WholeVersionView:
    published = at.published == version.id
    return WholeVersionView(**_version(version), published=published, files=file_views(files))


def _version(version: Version) -> dict[str, Any]:
    return {name: getattr(version, name) for name in version.__struct_fields__}


def event_view(event: Event) -> EventView:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return EventView(**{**fields, "what": event.what.value})


def diff_view(before: int, after: int, files: Sequence[FileDiff]) -> DiffView:
    views = [FileDiffView(path=each.path, change=each.change, diff=each.diff) for each in files]
    return DiffView(before=before, after=after, files=views)


def error_views(errors: Sequence[ConfigError]) -> list[ErrorView]:
    return [ErrorView(where=each.where, what=each.what, hint=each.hint) for each in errors]


def conflict_view(conflict: Conflict) -> ConflictView:
    files = [
        ConflictFileView(
            path=each.path,
            base=each.base,
            theirs=each.theirs,
            yours=each.yours,
            diff=each.diff,
        )
        for each in conflict.files
    ]
    return ConflictView(
        base=conflict.base, theirs=conflict.theirs, draft=conflict.draft, files=files
    )


# ---- from theirs to ours ------------------------------------------------------------------------


def cleaned(header: str | None, limit: int) -> str:
    """A header's text: on one line, harmless, at most so long."""
    text = header or ""
    # Header values arrive as Latin-1; what is UTF-8 was meant to be.
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return plain(" ".join(text.split()))[:limit]


def named_tag(value: str) -> str | None:
    """The text digest in `If-Match: "..."`; None for anything but one strong tag of ours."""
    tag = value.strip()
    inside = tag[1:-1]
    quoted = len(tag) == 66 and tag[0] == tag[-1] == '"'
    return inside if quoted and set(inside) <= set("0123456789abcdef") else None


def schema_of(schema: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of file, with a name for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": kind, **schema}
