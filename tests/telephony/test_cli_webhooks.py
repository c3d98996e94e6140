"""`frontdesk webhooks`: a receiver's life from the command line."""

import json
from pathlib import Path

import pytest

from telephony.cli.main import run
from tests.telephony.api_client import new_database


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_database(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRONTDESK_DATA_DIR", str(tmp_path))


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(["webhooks", *words]) == code
    told = capsys.readouterr()
    return told.out if code == 0 else told.err


def test_a_receiver_s_life(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Nobody is told" in said(capsys, "list")
    words = ("--event", "alarm", "--numbers", "--words", "--for", "the CRM")
    assert said(capsys, "add", "https://a.example/", *words).startswith("whsec_")
    (listed,) = map(json.loads, said(capsys, "list", "--json").splitlines())
    assert (listed["events"], listed["numbers"], listed["words"]) == (["alarm"], True, True)
    assert "the CRM" in said(capsys, "list")
    assert said(capsys, "secret", "1").startswith("whsec_")
    for word in ("disable", "enable"):
        assert f"is {'off' if word == 'disable' else 'on'}" in said(capsys, word, "1")
    assert "Nothing there" in said(capsys, "deliveries")
    assert "evt_" in said(capsys, "test", "1")
    assert " test " in said(capsys, "deliveries", "--to", "1")
    (sent,) = map(json.loads, said(capsys, "deliveries", "--json").splitlines())
    assert (sent["type"], sent["state"]) == ("test", "pending")
    assert "Delivery 1 is told once more" in said(capsys, "replay", "1")
    assert "0 are told once more" in said(capsys, "replay", "--to", "1")
    assert "told no more" in said(capsys, "remove", "1")


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("add", "http://a.example/"), 1, "Use https"),
        (("remove", "7"), 1, "no endpoint 7"),
        (("test", "7"), 1, "no endpoint 7"),
        (("replay", "7"), 1, "no delivery 7"),
        (("replay",), 2, "--to"),
        (("replay", "1", "--to", "1"), 2, "--to"),
        (("add", "https://a.example/", "--event", "no"), 2, "is not one of"),
    ],
)
def test_what_cannot_be_done_is_said(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, why: str
) -> None:
    assert why in said(capsys, *words, code=code)
