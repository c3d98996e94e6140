"""frontdesk init, and frontdesk tools check, test and schema."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from telephony.cli.checks import Level, configuration
from telephony.cli.main import run
from telephony.configuring.published import SCHEMAS, SHAPES, kind_of, published
from telephony.configuring.starters import starter
from telephony.settings import load
from telephony.variables import VARIABLES

KINDS = ("salon", "dental")
BAD = """\
handler: calls.end_cal
colour: red
examples:
  - {says: Bye, arguments: {x: 1}}
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, and nothing set."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(place: Path, path: str, text: str) -> None:
    file = place / "config" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_prices_lead_to_no_tool_of_a_practice_that_tells_none() -> None:
    files = starter("dental")
    assert "no prices" in files["snippets.yaml"]
    for path, text in files.items():
        phrases = YAML(typ="safe").load(text).get("phrases", ())
        said = [each for each in phrases if re.search("how much|cost|price", each)]
        assert not said, path


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_folder_that_is_set_and_not_there_does_not_pass(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FRONTDESK_CONFIG_DIR", "nowhere")
    assert run(["tools", command]) == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("frontdesk: FRONTDESK_CONFIG_DIR: nowhere is no folder. Make it")


@pytest.mark.parametrize("command", ["check", "test"])
def test_without_a_folder_it_is_said_that_the_defaults_hold(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tools", command]) == 0
    assert told(capsys).startswith("config is not there: the built-in defaults hold.\n")
    assert run(["tools", command, "--json"]) == 0
    assert json.loads(told(capsys))["ok"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_init_writes_passes_check_and_test(
    kind: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--kind", kind]) == 0
    written = told(capsys)
    assert "config/personas/receptionist.yaml: written\n" in written
    assert "config/tools/book_appointment.yaml: written\n" in written
    assert written.endswith("Next: frontdesk tools check, then frontdesk tools test.\n")
    assert run(["tools", "check"]) == 0
    assert told(capsys).endswith(" 0 problems.\n")
    assert run(["tools", "test"]) == 0
    assert " examples run, 0 compared with their parameters only, 0 problems.\n" in told(capsys)


@pytest.mark.parametrize("kind", KINDS)
def test_editors_find_a_schema_that_fits_each_file(kind: str, place: Path) -> None:
    run(["init", "--kind", kind])
    files = sorted((place / "config").rglob("*.yaml"))
    assert len(files) > 12
    for file in files:
        text = file.read_text()
        first = text.partition("\n")[0]
        assert first.startswith("# yaml-language-server: $schema=")
        schema = json.loads((file.parent / first.partition("=")[2]).read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        plain = json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str))
        jsonschema.validate(plain, schema)


def test_init_leaves_files_as_they_are(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(place, "numbers.yaml", "mine")
    run(["init"])
    assert "config/numbers.yaml: is there, left as it is\n" in told(capsys)
    assert (place / "config" / "numbers.yaml").read_text() == "mine"


def test_check_tells_everything_at_once(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(place, "tools/bye.yaml", BAD)
    write(place, "personas/anna.yaml", "greeting: 'Hi {nam}'\ntools: [by]\n")
    write(place, "shop.yaml", "name: x\n")
    (place / "config" / "tools" / "latin.yaml").write_bytes(b"\xff")
    assert run(["tools", "check"]) == 1
    assert told(capsys).startswith("config/tools/latin.yaml: is not UTF-8 at byte 0. Save it as")
    (place / "config" / "tools" / "latin.yaml").unlink()
    assert run(["tools", "check"]) == 1
    lines = told(capsys).splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        "config/personas/anna.yaml:1:11:",
        "config/personas/anna.yaml:2:9:",
        "config/shop.yaml:1:1:",
        "config/shop.yaml:1:1:",
        "config/shop.yaml:1:1:",
        "config/tools/bye.yaml:2:9:",
        "6",
    ]
    assert run(["tools", "check", "--json"]) == 1
    report: dict[str, Any] = json.loads(told(capsys))
    assert (report["ok"], len(report["problems"])) == (False, 6)
    assert set(report["problems"][0]) == {"where", "what", "hint"}
    assert run(["tools", "test"]) == 1


def test_a_start_names_all_problems(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(place, "tools/bye.yaml", BAD)
    assert run(["try", "--once"]) == 78
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == [
        "config/tools/bye.yaml:1:10:",
        "config/tools/bye.yaml:2:9:",
    ]


def test_the_doctor_lists_them_too(place: Path) -> None:
    write(place, "tools/bye.yaml", BAD)
    write(place, "shop.yaml", "name: 5\n")
    assert [finding.what.partition(" ")[0] for finding in configuration(load())] == [
        "config/tools/bye.yaml:2:9:"
    ]
    (place / "config" / "shop.yaml").unlink()
    assert len(list(configuration(load()))) == 2
    write(place, "tools/bye.yaml", "handler: calls.end_call\n")
    [found] = configuration(load())
    assert (found.level, found.what) == (Level.OK, "1 tools; answering: the built-in persona")


def test_an_example_that_fails_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "handler: calls.end_call\nexamples:\n  - {says: Bye, gives: {status: refused}}\n"
    write(place, "tools/bye.yaml", text)
    assert run(["tools", "test", "--json"]) == 1
    report: dict[str, Any] = json.loads(told(capsys))
    assert report["counts"] == {"ran": 1, "looked_at": 0}
    [problem] = report["problems"]
    assert problem["where"] == "config/tools/bye.yaml:3:33"
    assert problem["what"] == 'examples.0.gives.status: came out as "done"'


def test_schemas_are_printed_and_written(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "schema", "tool"]) == 0
    assert json.loads(told(capsys)) == published("tool")
    assert run(["tools", "schema"]) == 0
    assert set(json.loads(told(capsys))) == set(SHAPES)
    assert run(["tools", "schema", "--write", "schemas"]) == 0
    assert json.loads((place / "schemas" / "phone.json").read_text()) == SCHEMAS["phone"]()
    (place / "file").touch()
    assert run(["tools", "schema", "--write", "file/x"]) == 78


def test_published_schemas_are_closed_and_say_what_fields_mean() -> None:
    for kind, schema in ((kind, published(kind)) for kind in SHAPES):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False, kind
        assert "x-" not in json.dumps(schema)
        for name, field in schema["properties"].items():
            # What stands in shop.yaml is the business of its own tests.
            assert field.get("description") or kind == "shop", f"{kind}.{name}"


def test_the_kind_of_a_file() -> None:
    paths = ("tools/a.yaml", "personas/b.yaml", "shop.yaml", "numbers.yaml")
    assert [kind_of(path) for path in paths] == ["tool", "persona", "shop", "numbers"]
