"""Do the documents say what is so? Links, paths, names, settings and lists against the tree."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path

import click
import pytest

from agents.realtime import failures
from agents.turns import failures as turns
from telephony.cli.main import frontdesk
from telephony.cli.terminal import BAD_CONFIGURATION
from telephony.configuring.published import SHAPES
from telephony.settings import load
from telephony.transcripts.entry import AnyEntry, EndedReason, Fate
from telephony.transcripts.summary import Summary
from telephony.twilio.ports import LostReason
from telephony.twilio.stream import Refusal
from telephony.twilio.wire import BadKind
from telephony.variable import Variable
from telephony.variables import VARIABLES
from tests.test_gates import tracked
from tests.test_imports import refuse
from tests.tree import PACKAGES, ROOT, modules
from tools.booking.caldav.outcome import Outcome
from tools.booking.caldav.rules import Kind
from tools.secrets import PREFIX as SECRETS
from tools.spec import ToolState

DOCS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "tests/**/*.md", "infra/*.md")
    for path in ROOT.glob(pattern)
)
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCS}
UNIT = (ROOT / "infra/frontdesk.service").read_text(encoding="utf-8")

ELSEWHERE = frozenset(
    {
        "agents/turns/",
        "telephony/console/pages/tables.py",
        "telephony/console/templates/tables.html",
        "tests/recordings/",
        "tools/orders/",
    }
)
"""Paths that are named as what may come, or as an example."""
FOLDERS = (*PACKAGES, "tests", "infra", "docs", ".ci")
SETTING = re.compile(r"\b(?:FRONTDESK|TWILIO|OPENAI)_[A-Z0-9]+(?:_[A-Z0-9]+)*\b")
SALES_TALK = re.compile(
    r"\b(?:blazing\w*|cutting[- ]edge|effortless\w*|enterprise[- ]grade|game[- ]chang\w+|lightning"
    r"|next[- ]gen\w*|powerful|production[- ]ready|revolution\w+|rock[- ]solid|seamless\w*"
    r"|state[- ]of[- ]the[- ]art|world[- ]class)\b",
    re.I,
)
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|TBD|lorem ipsum)\b")
AFTER_THE_DRAIN_S = 45
"""Goodbyes 15, closing 5, sockets 5, tools 10, journals 10: docs/operating.md, Stopping."""


# ---- what a document holds ----------------------------------------------------------------------


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.M | re.S)


def blocks(text: str, *languages: str) -> Iterator[str]:
    for _, language, body in re.findall(r"^( *)```(\w*)\n(.*?)^\1```", text, re.M | re.S):
        if language in languages:
            yield body


def code(text: str) -> list[str]:
    """What stands between backticks, on one line or two."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(text))]


def commands(text: str) -> list[str]:
    """What a reader may type: inline code, and the lines of shell blocks without comments."""
    typed = [line for body in blocks(text, "sh") for line in body.splitlines()]
    return [*code(text), *(line.partition("  #")[0].strip() for line in typed)]


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    plain = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {anchor(found) for found in re.findall(r"^#+ (.+)$", prose(path.read_text()), re.M)}


def missing(names: Iterable[str], text: str) -> list[str]:
    """Names that do not stand in the text as code."""
    known = {word for span in code(text) for word in re.split(r"[\s,()]+", span)}
    return [name for name in names if name not in known]


# ---- links and paths ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name: str) -> None:
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(TEXTS[name])):
        if re.match(r"https?:", target):
            continue
        place, _, section = target.partition("#")
        path = (ROOT / name).parent / place if place else ROOT / name
        if not path.exists():
            wrong.append(f"{name}: {target} does not exist")
        elif section and section not in anchors(path):
            wrong.append(f"{name}: {place} has no section {section}")
    refuse(wrong)


@pytest.mark.parametrize("name", TEXTS)
def test_every_path_exists(name: str) -> None:
    named = {
        span
        for span in code(TEXTS[name])
        if re.fullmatch(r"[\w.*/-]+", span) and span.startswith(tuple(f"{f}/" for f in FOLDERS))
    }
    refuse(f"{name}: {path}" for path in sorted(named - ELSEWHERE) if not list(ROOT.glob(path)))


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_said_to_stand_in_a_file_does(name: str) -> None:
    """Written as `path.py` (`name`)."""
    refuse(
        f"{name}: {inside} is not in {path}"
        for path, inside in re.findall(r"`([\w./]+\.py)`\s\(`(\w+)`", prose(TEXTS[name]))
        if not re.search(rf"\b{inside}\b", (ROOT / path).read_text(encoding="utf-8"))
    )


def test_the_readme_s_map_shows_every_folder() -> None:
    (tree,) = (body for body in blocks(TEXTS["README.md"], "") if "telephony/  " in body)
    shown = set(re.findall(r"[\w.]+/(?=\s)|[\w.]+/$", tree, re.M))
    folders = [
        path.parent
        for path in map(Path, tracked())
        if path.name == "__init__.py" and len(path.parts) == 3 and path.parts[0] in PACKAGES
    ]
    tops = [Path(name) for name in (*PACKAGES, "tests", "infra", "docs")]
    hidden = {"migrations"}
    refuse(
        f"{folder}/ is not in the map"
        for folder in (*tops, *folders)
        if f"{folder.name}/" not in shown and folder.name not in hidden
    )


# ---- settings -----------------------------------------------------------------------------------


def row(variable: Variable) -> tuple[str, str, str]:
    default = f"`{variable.default}`" if variable.default else ""
    return variable.form, default, variable.meaning


def test_the_settings_table_is_that_of_the_code() -> None:
    table = re.findall(
        r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*) \|$", TEXTS["docs/operating.md"], re.M
    )
    rows = {name: columns for name, *columns in table if SETTING.fullmatch(name)}
    assert list(rows) == [variable.name for variable in VARIABLES]
    for variable in VARIABLES:
        form, default, meaning = row(variable)
        shown = rows[variable.name]
        assert shown == [form, default or shown[1], meaning], variable.name


def test_defaults_that_follow_from_other_settings_are_as_described(tmp_path: Path) -> None:
    plain = load({"FRONTDESK_PORT": "9000", "FRONTDESK_DATA_DIR": str(tmp_path)}, tmp_path)
    assert plain.public_url == "http://127.0.0.1:9000"
    assert plain.engine == "local"
    assert plain.database_url.reveal() == f"sqlite:///{tmp_path}/frontdesk.db"
    assert load({"OPENAI_API_KEY": "k"}, tmp_path).engine == "realtime"


@pytest.mark.parametrize("name", [*TEXTS, "infra/frontdesk.service"])
def test_every_setting_that_is_named_exists(name: str) -> None:
    known = {variable.name for variable in VARIABLES}
    known |= {f"{variable.name}_FILE" for variable in VARIABLES if variable.secret}
    text = TEXTS.get(name, UNIT)
    unknown = {found for found in SETTING.findall(text) if not found.startswith(SECRETS)}
    refuse(f"{name}: {found}" for found in sorted(unknown - known))


# ---- commands -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_every_make_target_that_is_named_exists(name: str) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        target
        for command in commands(TEXTS[name])
        for target in re.findall(r"(?:^|\s)make ([a-z-]+)", command)
    }
    refuse(f"{name}: make {target}" for target in sorted(named - known))


@pytest.mark.parametrize("name", TEXTS)
def test_every_frontdesk_command_that_is_named_exists(name: str) -> None:
    refuse(
        f"{name}: {command}: {problem}"
        for command in commands(TEXTS[name])
        if (found := re.search(r"(?:^|/bin/)frontdesk((?: [\w|-]+)+)", command))
        if (problem := wrong_with(found.group(1).split()))
    )


def test_every_frontdesk_command_is_described() -> None:
    described = " ".join(code(TEXTS["docs/operating.md"]))
    refuse(name for name in frontdesk.commands if f"frontdesk {name}" not in described)


def test_every_kind_of_schema_is_named() -> None:
    (row,) = re.findall(r"^\| `frontdesk tools schema KIND` .*$", TEXTS["docs/operating.md"], re.M)
    refuse(kind for kind in SHAPES if f"`{kind}`" not in row)


@pytest.mark.parametrize("name", TEXTS)
def test_no_table_is_broken_by_an_empty_line(name: str) -> None:
    """Rows behind one belong to no table: a table begins with a head and a line of dashes."""
    refuse(
        f"{name}: {found}"
        for found in re.findall(r"^\|.*\|\n\n(\|.*\|)$(?!\n\|[ :|-]+\|$)", TEXTS[name], re.M)
    )


def wrong_with(words: list[str]) -> str | None:
    """What of `try --once` or `calls list` the command line does not know."""
    command: click.Command = frontdesk
    for word in words:
        if word.startswith("--"):
            options = {option for parameter in command.params for option in parameter.opts}
            if word not in options:
                return f"no option {word}"
        elif isinstance(command, click.Group) and word != "|":
            if word not in command.commands:
                return f"no command {word}"
            command = command.commands[word]
            if isinstance(command, click.Group) and "|" in words:
                return None
    return None


# ---- lists --------------------------------------------------------------------------------------


def test_transcripts_names_every_entry_with_its_fields() -> None:
    text = TEXTS["docs/transcripts.md"]
    kinds = AnyEntry.__args__
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.M))
    refuse(
        f"{kind.__name__}.{field}"
        for kind in kinds
        for field in kind.__struct_fields__
        if f"`{field}`" not in rows.get(kind.__name__, "")
    )


@pytest.mark.parametrize(
    ("names", "document"),
    [
        (EndedReason, "docs/transcripts.md"),
        (Fate, "docs/transcripts.md"),
        (LostReason, "docs/wire.md"),
        (BadKind, "docs/wire.md"),
        (ToolState, "docs/tools.md"),
        (Kind, "docs/calendars.md"),
        (Outcome, "docs/calendars.md"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_every_code_of_a_closed_list_is_described(names: type[Enum], document: str) -> None:
    refuse(missing((str(name.value) for name in names), TEXTS[document]))


def test_every_refused_stream_is_described() -> None:
    refuse(missing((refusal.value[0] for refusal in Refusal), TEXTS["docs/wire.md"]))


def test_every_way_a_session_fails_is_described() -> None:
    source = "\n".join(module.source for module in modules("agents", "telephony"))
    reasons = {*failures.FATAL, *failures.RETRYABLE, failures.SESSION_EXPIRED}
    reasons |= set(re.findall(r'EngineFailed\(\s*"(\w+)"', source))
    reasons |= {
        *failures._STATUS_CODES.values(),
        *failures._CLOSE_CODES.values(),
        *re.findall(r'return "(connect_\w+|\w+_failed)"', source),
    }
    reasons |= set(re.findall(r'return "(local_\w+)"', source))
    refuse(missing(sorted(reasons), TEXTS["docs/wire.md"]))


def test_every_way_the_turn_based_engine_fails_is_described() -> None:
    refuse(missing(sorted(turns.REASONS), TEXTS["docs/turns.md"]))


def test_the_export_s_summary_is_described() -> None:
    refuse(missing(Summary.__struct_fields__, TEXTS["docs/transcripts.md"]))


# ---- the unit and the picture -------------------------------------------------------------------


def test_the_service_is_given_time_to_drain() -> None:
    (stop_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.M)
    (drain_s,) = (v.default for v in VARIABLES if v.name == "FRONTDESK_DRAIN_SECONDS")
    assert drain_s is not None
    assert int(stop_s) > int(drain_s) + AFTER_THE_DRAIN_S
    assert f"RestartPreventExitStatus={BAD_CONFIGURATION}\n" in UNIT


def test_the_picture_is_drawn_for_light_and_dark_and_loads_nothing() -> None:
    source = (ROOT / "docs/call-path.svg").read_text(encoding="utf-8")
    picture = ET.fromstring(source)
    svg = "{http://www.w3.org/2000/svg}"
    assert picture.tag == f"{svg}svg"
    assert picture.find(f"{svg}title") is not None
    assert picture.find(f"{svg}desc") is not None
    assert "prefers-color-scheme: dark" in source
    assert not re.search(r"href|<script|<image|url\((?!#)", source)


# ---- manners ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_praised_and_nothing_left_unfinished(name: str) -> None:
    refuse(
        f"{name}:{number}: {found.group()}"
        for number, line in enumerate(TEXTS[name].splitlines(), start=1)
        for found in (*SALES_TALK.finditer(line), *UNFINISHED.finditer(line))
    )


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set[str](), ["README.md"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        for target in re.findall(r"\]\(([^)#\s]+)", TEXTS[name]):
            path = ((ROOT / name).parent / target).resolve()
            inside = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
            if inside in TEXTS and inside not in reached:
                waiting.append(inside)
    refuse(sorted(set(TEXTS) - reached))
