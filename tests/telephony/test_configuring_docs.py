"""docs/config.md: its tables are the declarations, and its example works."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from telephony.casting import handlers_for, tried
from telephony.configuring.configuration import load_configuration
from telephony.configuring.personafile import (
    BudgetPart,
    NumbersFile,
    OutsidePart,
    PersonaFile,
    SnippetsFile,
    TurnTakingPart,
)
from telephony.configuring.recordingpart import RecordingPart
from telephony.configuring.sessionpart import SessionPart
from telephony.configuring.starters import starter
from telephony.configuring.turnspart import TurnsPart
from tests.tree import ROOT
from tools.configuring.declared import table_of
from tools.configuring.toolfile import (
    ApprovalPart,
    AudiencePart,
    Example,
    LimitsPart,
    Parameter,
    Step,
    ToolFile,
)
from tools.store import open_store

DOCUMENT = ROOT / "docs" / "config.md"
SHAPES: tuple[type[msgspec.Struct], ...] = (
    ToolFile, Parameter, LimitsPart, AudiencePart, ApprovalPart, Example, Step, PersonaFile,
    TurnTakingPart, BudgetPart, RecordingPart, TurnsPart, SessionPart, OutsidePart, NumbersFile,
    SnippetsFile,
)  # fmt: skip
END = "<!-- end -->"
PARTS: Mapping[str, str] = {
    "Parameter": "[parameters](#parameters)",
    "LimitsPart": "[limits](#limits)",
    "AudiencePart": "[audience](#audience)",
    "ApprovalPart": "[approval](#approval)",
    "Example": "[examples](#examples)",
    "Step": "[steps](#steps)",
    "WeeklyHours": "[hours](#hours)",
    "TurnTakingPart": "[turn-taking](#turn-taking)",
    "BudgetPart": "[budget](#budget)",
    "RecordingPart": "[recording](#recording)",
    "TurnsPart": "[turn by turn](#turn-by-turn)",
    "OutsidePart": "[outside hours](#outside-hours)",
    "SessionPart": "[session](#session)",
}
"""Where the document tells of each part."""


def in_step(text: str) -> str:
    """The document with its tables as they should be."""
    for shape in SHAPES:
        table = table_of(shape, PARTS)
        mark = f"<!-- table: {shape.__name__} -->"
        assert text.count(mark) == 1, shape.__name__
        before, _, behind = text.partition(mark)
        text = f"{before}{mark}\n{table}\n{END}{behind.partition(END)[2]}"
    return text


def test_the_tables_are_the_declarations() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    wanted = in_step(text)
    missing = [line for line in wanted.splitlines() if line not in text.splitlines()]
    assert text == wanted, "put these rows into docs/config.md:\n" + "\n".join(missing)


def test_a_table_tells_bounds_choices_and_defaults() -> None:
    table = table_of(ApprovalPart).splitlines()
    assert table[2] == "| `deadline_s` | How long they have, in seconds. (5 to 300) | `45.0` |"
    assert table[3].endswith("(`allow`, `refuse`) | `refuse` |")
    assert "| `handler` |" in table_of(ToolFile, PARTS)
    assert "| required |" in table_of(Step)


def test_the_worked_example_works(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    files = {**starter("dental"), "tools/emergency.yaml": text}
    store = open_store(f"sqlite:///{tmp_path}/never.db")
    done = tried(load_configuration(files, handlers_for(store, {})))
    assert done.problems == ()


if __name__ == "__main__":
    DOCUMENT.write_text(in_step(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
