"""What the API shows and takes of calls: the shape of every body, and how ours become theirs."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from telephony.transcripts.index.asked import MOST
from telephony.transcripts.index.export import Line, line
from telephony.transcripts.index.marks import Label, Labelled, Note, View
from telephony.transcripts.index.page import Found, Page
from telephony.transcripts.index.words import MOST_ASKED


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Question(BaseModel):
    """Which calls, in which order, which page. Fields left empty are not asked."""

    q: str = Field(
        "",
        description="Words both speakers said; "
        '"in a row", beginn*, -without, caller:word, agent:word.'
        f" At most {MOST_ASKED} characters are read.",
    )
    since: str = Field("", alias="from", description="2026-11-20, or a time with it; included.")
    until: str = Field("", alias="to", description="A day, itself included, or a time, not.")
    caller: str = Field("", description="The beginning of a number; - for withheld ones.")
    called: str = Field("", description="The beginning of a number of ours.")
    persona: str = Field("", description="Its name; - for the built-in one.")
    outcome: str = Field("", description="Why the call ended; `unfinished` if it never did.")
    engine: str = ""
    tool: str = Field("", description="One that was used.")
    label: str = ""
    interrupted: str = Field("", description="1: the caller spoke into the agent's words; 0: not.")
    failed: str = Field("", description="1: a tool failed, or the call ended badly; 0: not.")
    min_cost: str = Field("", description="US dollars.")
    max_cost: str = Field("", description="US dollars.")
    min_duration: str = Field("", description="Seconds, or 1:30.")
    max_duration: str = Field("", description="Seconds, or 1:30.")
    sort: str = Field("", description="started (if not said), duration or cost.")
    order: str = Field("", description="desc (if not said) or asc.")

    def fields(self) -> dict[str, str]:
        """As in an address."""
        return self.model_dump(by_alias=True)


class PageQuestion(Question):
    after: str = Field("", description="`after` of the page before.")
    before: str = Field("", description="`before` of the page behind.")
    limit: str = Field("", description=f"Calls on a page: 1 to {MOST}, 50 if not said.")


class PieceView(_View):
    text: str
    hit: bool


class HighlightView(_View):
    speaker: str = Field(description="caller or agent; of the agent what the caller heard.")
    pieces: list[PieceView]


class CallView(_View):
    """One call of the log."""

    call_id: str
    started_at: dt.datetime
    caller: str = Field(description="E.164; empty for a withheld number.")
    called: str
    persona: str = Field(description="Empty for the built-in one.")
    outcome: str
    engine: str
    duration_s: float
    turns: int
    interruptions: int
    tool_calls: int
    failed_tools: int
    tools: list[str]
    owed_silence_ms: int | None = Field(description="null: the caller never waited.")
    cost_usd: str | None = Field(description="null: no prices were kept.")
    cost_at_least: bool = Field(description="Some of it has no price.")
    config_version: int
    labels: list[str]
    notes: int
    sample: bool = Field(description="It came with Frontdesk, and was no call of yours.")
    highlights: list[HighlightView] = []


class CallsView(_View):
    calls: list[CallView]
    after: str | None = Field(description="Give it as `after` for the next page; null at the end.")
    before: str | None = Field(description="Give it as `before` for the page before.")
    complete: bool = Field(
        description="False: the search was cut short; there may be more before the next page."
    )


class RunningView(_View):
    """A call that is on, as far as its files tell."""

    call_id: str
    started_at: dt.datetime
    caller: str
    called: str
    persona: str
    engine: str
    turns: int


class LabelView(_View):
    label: str
    author: str
    created_at: dt.datetime


class LabelsView(_View):
    labels: list[LabelView]


class LabelledView(LabelsView):
    label: str = Field(description="The one that was put on, as it is kept.")
    new: bool = Field(description="False: it was on already, so there is nothing to undo.")


class NoteView(_View):
    id: int
    text: str
    author: str
    created_at: dt.datetime


class NotesView(_View):
    """The oldest first."""

    notes: list[NoteView]


class ViewView(_View):
    id: int
    name: str
    query: str = Field(description="What is asked for, as in an address.")
    shared: bool
    mine: bool
    by: str


class ViewsView(_View):
    views: list[ViewView]


class LabelBody(_View):
    label: Annotated[str, Field(max_length=200)]


class NoteBody(_View):
    text: Annotated[str, Field(max_length=20_000)]


class ViewBody(_View):
    name: Annotated[str, Field(max_length=200)]
    query: Annotated[str, Field(max_length=4_000)] = ""
    shared: bool = False


def call_view(found: Found) -> CallView:
    fields = _fields(line(found), Line.__struct_fields__)
    shown = [
        HighlightView(
            speaker=speaker, pieces=[PieceView(text=each.text, hit=each.hit) for each in pieces]
        )
        for speaker, pieces in found.highlights
    ]
    return CallView(**fields, sample=found.row.sample, highlights=shown)


def calls_view(page: Page) -> CallsView:
    return CallsView(
        calls=[call_view(found) for found in page.calls],
        after=None if page.after is None else str(page.after),
        before=None if page.before is None else str(page.before),
        complete=page.complete,
    )


def labels_view(labels: Sequence[Label]) -> LabelsView:
    return LabelsView(
        labels=[LabelView(**_fields(each, LabelView.model_fields)) for each in labels]
    )


def labelled_view(made: Labelled) -> LabelledView:
    return LabelledView(labels=labels_view(made.labels).labels, label=made.label, new=made.new)


def notes_view(notes: Sequence[Note]) -> NotesView:
    return NotesView(notes=[NoteView(**_fields(each, NoteView.model_fields)) for each in notes])


def view_view(view: View, reader: str) -> ViewView:
    """As the reader with this id sees it."""
    return ViewView(
        id=view.id,
        name=view.name,
        query=view.query,
        shared=view.shared,
        mine=view.owner == reader,
        by=view.owner_name,
    )


def _fields(of: object, names: Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}
