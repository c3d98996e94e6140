"""`crm.yaml`: what may stand in it, and how a mistake is told."""

from pathlib import Path

import pytest

from tools.config import ConfigError
from tools.crm.config import DEFAULT_CRM, FILE, CrmConfig, Outside, parse_crm
from tools.crm.crmfile import load_crm, write_default_crm
from tools.crm.identity import CheckRules


def test_the_example_says_what_holds_without_it(tmp_path: Path) -> None:
    assert load_crm(None) == load_crm(tmp_path) == CrmConfig()
    path = write_default_crm(tmp_path)
    assert path == tmp_path / FILE
    assert load_crm(tmp_path) == CrmConfig()
    hubspot = DEFAULT_CRM.replace("backend: own", "backend: hubspot")
    path.write_text(hubspot)
    assert load_crm(tmp_path) == CrmConfig(Outside(), "hubspot")
    assert write_default_crm(tmp_path).read_text() == hubspot


def test_everything_can_be_set() -> None:
    text = """\
backend: hubspot
region: GB
check:
  facts: [email]
  needed: 1
  tries_per_call: 1
  tries_per_day: 2
outside:
  base_url: http://127.0.0.1:8080/prefix
  credential: crm
  read_s: 0.5
  write_s: 5
  id_property: own_id
  phone_properties: [phone]
"""
    outside = Outside("http://127.0.0.1:8080/prefix", "crm", 0.5, 5, "own_id", ("phone",))
    assert parse_crm(text, "crm.yaml") == CrmConfig(
        outside, "hubspot", "GB", CheckRules(("email",), 1, 1, 2)
    )


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("backend: salesforce", "crm.yaml:1:10", "is not one of the choices"),
        ("region: England", "crm.yaml:1:9", "no region"),
        ("region: gb", "crm.yaml:1:9", "no region"),
        ("check:\n  facts: []", "crm.yaml:2:10", "too few"),
        ("check:\n  facts: [email, email]", "crm.yaml:2:10", "twice"),
        ("check:\n  facts: [email]\n  needed: 2", "crm.yaml:3:11", "more than the facts"),
        ("check:\n  facts: [birthday]", "crm.yaml:2:11", "is not one of the choices"),
        ("check:\n  tries_per_day: 0", "crm.yaml:2:18", "too small"),
        ("outside:\n  read_s: 60", "crm.yaml:2:11", "too large"),
        ("outside:\n  token: abc", "crm.yaml:2:10", "is not known"),
        ("outside:\n  credential: ../x", "crm.yaml:2:15", "wrong form"),
        ("outside:\n  base_url: http://crm.example.com", "crm.yaml:2:13", "can be used"),
        ("outside:\n  base_url: https://me:pw@crm.example.com", "crm.yaml:2:13", "can be used"),
        ("outside:\n  base_url: https://crm.example.com/?a=b", "crm.yaml:2:13", "can be used"),
        ("outside:\n  base_url: 'https://[::1'", "crm.yaml:2:13", "can be used"),
        ("outside:\n  base_url: crm.example.com", "crm.yaml:2:13", "can be used"),
    ],
)
def test_a_mistake_names_its_place_and_the_cure(text: str, place: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        parse_crm(text, "crm.yaml")
    assert caught.value.where == place
    assert caught.value.hint
    assert "pw" not in str(caught.value)
