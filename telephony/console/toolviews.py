"""What the API shows and takes of tools and personas, and how ours become theirs."""

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field, StringConstraints

from telephony.configuring.form import Field as FormField
from telephony.configuring.form import Form
from telephony.configuring.overview import Item
from telephony.console.views import ErrorView, FileDiffView, Id, VersionView, View, error_views
from telephony.preview import Difference, Preview
from telephony.rehearsal import Previews
from tools.configuring.examples import ExampleRun, Tried
from tools.versions.hunks import Hunk, merged

Text = Annotated[str, StringConstraints(max_length=200_000)]
FilePath = Annotated[str, Field(max_length=200, description="Such as `tools/book.yaml`.")]
MOST_EDITS = 100
MOST_CALLS = 200

Changes = Annotated[
    dict[str, str | None],
    Field(
        default_factory=dict,
        description="Text by path, upon the newest files; null takes a file out.",
    ),
]


# ---- what there is -------------------------------------------------------------------------------


class ItemView(View):
    """One file of a tool or a persona."""

    kind: Literal["tool", "persona"]
    path: str
    name: str
    about: str
    handler: str
    state: Literal["published", "draft", "broken"]
    change: Literal["", "added", "changed", "removed"]
    errors: int
    personas: list[str] = Field(description="Of a tool: who may use it; '' is the built-in one.")
    numbers: list[str] = Field(description="Calls to these numbers come to it.")
    other_numbers: bool = Field(description="And calls to all numbers that are not listed.")


class CatalogueView(View):
    version: int | None
    published: int | None
    items: list[ItemView]
    errors: list[ErrorView] = Field(description="What keeps the newest files from being published.")


class StarterView(View):
    """A file to begin with."""

    kit: str
    path: str
    text: str
    there: bool = Field(description="There is a file of this path already.")


class StartersView(View):
    starters: list[StarterView]


# ---- the form ------------------------------------------------------------------------------------


class FormBody(View):
    path: FilePath
    text: Text
    changes: Changes
    examples: bool = Field(default=False, description="Run examples, too, to find errors.")


class FieldView(View):
    """One thing to fill in; drawn from its declaration."""

    path: list[str | int]
    kind: str
    label: str
    help: str
    value: Any
    said: bool
    required: bool
    default: str
    choices: list[str]
    low: float | None
    high: float | None
    most: int | None
    fields: list["FieldView"]
    errors: list[str]


class FormView(View):
    """`fields` is null where the text cannot be read: it has to be mended as text first."""

    kind: str
    about: str
    fields: list[FieldView] | None
    file_errors: list[str] = Field(description="Of the file as a whole.")
    errors: list[ErrorView] = Field(description="Of all files.")


class EditView(View):
    """One change of one value."""

    path: list[str | Annotated[int, Field(ge=0, le=1_000)]] = Field(min_length=1, max_length=12)
    value: Any = None
    yaml: Text | None = Field(default=None, description="The value written as YAML, instead.")
    remove: bool = False


class EditBody(View):
    path: FilePath
    text: Text
    edits: list[EditView] = Field(max_length=MOST_EDITS)


class EditedView(View):
    text: str


# ---- examples ------------------------------------------------------------------------------------


class TryBody(View):
    changes: Changes
    path: FilePath | None = Field(default=None, description="Only those of this file.")


class ExampleView(View):
    path: str
    tool: str
    number: int = Field(description="From 1.")
    says: str
    ran: bool = Field(description="False: only the arguments were compared with the parameters.")
    gave: dict[str, Any] | None
    problems: list[ErrorView]


class TriedView(View):
    ok: bool
    ran: int
    looked_at: int
    examples: list[ExampleView]


# ---- merging -------------------------------------------------------------------------------------


class MergeBody(View):
    """Three texts; null where there is no such file."""

    base: Text | None = None
    theirs: Text | None = None
    yours: Text | None = None


class HunkView(View):
    side: Literal["nobody", "theirs", "yours", "same", "conflict"]
    base: str
    theirs: str
    yours: str


class MergeView(View):
    hunks: list[HunkView]
    merged: str | None = Field(description="Null where somebody has to decide.")


class ConflictedFileView(View):
    path: str
    base: str | None
    theirs: str | None
    yours: str | None
    etag: str | None = Field(description="Of theirs: send the merge with it.")
    hunks: list[HunkView]
    merged: str | None


class StandoffView(View):
    """A draft that could not be merged, against the newest files."""

    draft: VersionView
    theirs: int | None
    files: list[ConflictedFileView]


# ---- going back ----------------------------------------------------------------------------------


class GoBackView(View):
    """What a roll-back would do."""

    version: int | None = Field(description="Null: there is nothing to go back to.")
    published: int | None
    files: list[FileDiffView]
    errors: list[ErrorView] = Field(description="Why it cannot be published any more.")


# ---- past calls ----------------------------------------------------------------------------------


class PreviewBody(View):
    changes: Changes
    version: Id | None = Field(default=None, description="This version instead of the newest.")
    calls: Annotated[int, Field(ge=1, le=MOST_CALLS)] = 50


class DifferenceView(View):
    kind: Literal["routing", "offer", "verdict", "arguments", "claim", "record"]
    what: str
    before: str
    after: str
    at_ms: int


class CallPreviewView(View):
    call_id: str
    started_at: dt.datetime
    tool_calls: int
    differences: list[DifferenceView]
    unknown: list[str]


class PreviewView(View):
    """Against what is published."""

    calls: int
    tool_calls: int
    unread: int
    added: list[str] = Field(description="Tools that a model is told of, and was not.")
    removed: list[str]
    changed: list[str] = Field(description="Tools that a model is told of otherwise.")
    changed_calls: list[CallPreviewView]
    unknown_calls: int = Field(description="Calls of which something cannot be known.")
    never_known: list[str]


# ---- from ours to theirs -------------------------------------------------------------------------


def item_view(item: Item) -> ItemView:
    return ItemView.model_validate(msgspec.to_builtins(item))


def form_view(form: Form, errors: list[ErrorView]) -> FormView:
    fields = [_field_view(each) for each in form.fields]
    return FormView(
        kind=form.kind,
        about=form.about,
        fields=fields,
        file_errors=list(form.errors),
        errors=errors,
    )


def _field_view(field: FormField) -> FieldView:
    plain = {
        name: getattr(field, name)
        for name in field.__struct_fields__
        if name not in ("path", "choices", "errors", "fields")
    }
    return FieldView(
        **plain,
        path=list(field.path),
        choices=list(field.choices),
        errors=list(field.errors),
        fields=[_field_view(each) for each in field.fields],
    )


def tried_view(tried: Tried, path: str | None) -> TriedView:
    shown = [each for each in tried.examples if path is None or each.path == path]
    return TriedView(
        ok=not any(each.problems for each in shown),
        ran=sum(each.ran for each in shown),
        looked_at=sum(not each.ran for each in shown),
        examples=[_example_view(each) for each in shown],
    )


def _example_view(run: ExampleRun) -> ExampleView:
    return ExampleView(
        path=run.path,
        tool=run.tool,
        number=run.number,
        says=run.says,
        ran=run.ran,
        gave=run.gave,
        problems=error_views(run.problems),
    )


def merge_view(parts: tuple[Hunk, ...]) -> MergeView:
    return MergeView(hunks=hunk_views(parts), merged=merged(parts))


def hunk_views(parts: tuple[Hunk, ...]) -> list[HunkView]:
    return [
        HunkView(side=each.side.value, base=each.base, theirs=each.theirs, yours=each.yours)
        for each in parts
    ]


def preview_view(found: Previews, never_known: tuple[str, ...]) -> PreviewView:
    return PreviewView(
        calls=len(found.calls),
        tool_calls=sum(each.tool_calls for each in found.calls),
        unread=found.unread,
        added=list(found.told.added),
        removed=list(found.told.removed),
        changed=list(found.told.changed),
        changed_calls=[_call_view(each) for each in found.calls if each.differences],
        unknown_calls=sum(bool(each.unknown) for each in found.calls),
        never_known=list(never_known),
    )


def _call_view(call: Preview) -> CallPreviewView:
    return CallPreviewView(
        call_id=call.call_id,
        started_at=call.started_at,
        tool_calls=call.tool_calls,
        differences=[_difference_view(each) for each in call.differences],
        unknown=list(call.unknown),
    )


def _difference_view(each: Difference) -> DifferenceView:
    return DifferenceView.model_validate(msgspec.to_builtins(each))
