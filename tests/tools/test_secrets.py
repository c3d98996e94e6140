"""Secrets are found by name, and shown to nobody."""

from pathlib import Path

import pytest

from tools.config import ConfigError
from tools.secrets import Secrets, variable_of


def test_a_secret_is_found_by_the_name_a_file_gives_it() -> None:
    secrets = Secrets({"FRONTDESK_SECRET_HUBSPOT_TOKEN": " pat-1 ", "PATH": "/bin"})
    assert variable_of("hubspot-token") == "FRONTDESK_SECRET_HUBSPOT_TOKEN"
    assert secrets.get("hubspot-token") == secrets.get("hubspot_token") == "pat-1"
    assert repr(secrets) == "Secrets(1 hidden)"


def test_a_secret_in_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    secrets = Secrets({"FRONTDESK_SECRET_CRM_FILE": str(path)})
    for value in ("first", "second"):
        path.write_text(f"{value}\n")
        assert secrets.get("crm") == value


@pytest.mark.parametrize(
    ("environ", "what"),
    [
        ({}, "is not set"),
        ({"FRONTDESK_SECRET_CRM": " "}, "is not set"),
        ({"FRONTDESK_SECRET_CRM": "s3cret", "FRONTDESK_SECRET_CRM_FILE": "x"}, "set as well"),
        ({"FRONTDESK_SECRET_CRM": "s3cret\nX-Evil: 1"}, "line break"),
        ({"FRONTDESK_SECRET_CRM_FILE": "/nowhere/at/all"}, "cannot be read"),
    ],
)
def test_a_secret_that_cannot_be_used_says_how_to_mend_it(
    environ: dict[str, str], what: str
) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        Secrets(environ).get("crm")
    assert caught.value.where.startswith("FRONTDESK_SECRET_CRM")
    assert caught.value.hint
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"empty|UTF-8"):
        Secrets({"FRONTDESK_SECRET_CRM_FILE": str(path)}).get("crm")


@pytest.mark.parametrize("name", ["", "../etc", "A", "a b", "x=y", "a--b"])
def test_names_that_could_mean_anything_else_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name"):
        Secrets({}).get(name)
