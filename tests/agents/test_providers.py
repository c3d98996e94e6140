"""Who serves the models: addresses, keys, and the data file."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents.models_file import read_models
from agents.providers import (
    OPENAI,
    Auth,
    BadProviders,
    Dialect,
    Provider,
    parse_providers,
)
from agents.providers_file import SHIPPED, read_providers

KEY = "sk-test/0123+456789"
SHIPPED_NAMES = {
    "openai", "openai-eu", "azure", "azure-entra", "cometapi", "compatible", "compatible-beta",
}  # fmt: skip


def test_the_shipped_file_can_be_read_and_names_them_all() -> None:
    providers = read_providers()
    assert set(providers) == SHIPPED_NAMES
    assert providers["openai"] == OPENAI


@pytest.mark.parametrize("name", sorted(SHIPPED_NAMES))
def test_each_of_them_has_a_socket_and_shows_its_key(name: str) -> None:
    provider = read_providers()[name]
    base = provider.base_url or provider.base_url_form
    url = provider.socket_url(base, provider.model, KEY)
    assert url.startswith("wss://")
    assert url.endswith(f"/realtime?model={provider.model}")
    assert KEY in "".join(provider.request_headers(KEY).values())
    assert provider.ulaw


def test_what_is_served_under_an_openai_name_is_in_the_list_of_models() -> None:
    models = read_models()
    for name in ("openai", "openai-eu", "azure"):
        assert models.find(read_providers()[name].model) is not None


def test_azure_shows_its_key_in_a_header_of_its_own_and_ends_sessions_sooner() -> None:
    azure = read_providers()["azure"]
    assert azure.request_headers(KEY) == {"api-key": KEY}
    assert azure.session_limit_s == 1800
    assert azure.safety_header is None
    assert read_providers()["azure-entra"].request_headers(KEY) == {
        "Authorization": f"Bearer {KEY}"
    }


def test_cometapi_has_its_published_address_and_an_unknown_dialect() -> None:
    cometapi = read_providers()["cometapi"]
    assert cometapi.base_url == "https://api.cometapi.com/v1"
    assert cometapi.dialect is Dialect.AUTO


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?model=a%2Fb"),
        ("https://eu.api.openai.com/v1/", "wss://eu.api.openai.com/v1/realtime?model=a%2Fb"),
        ("http://127.0.0.1:8080/v1", "ws://127.0.0.1:8080/v1/realtime?model=a%2Fb"),
        ("wss://gateway.example/x?key=1", "wss://gateway.example/x/realtime?key=1&model=a%2Fb"),
    ],
)
def test_the_socket_url_follows_from_the_base_url(base_url: str, expected: str) -> None:
    assert OPENAI.socket_url(base_url, "a/b", KEY) == expected


@pytest.mark.parametrize("base_url", ["", "ftp://host/v1", "host/v1", "https://", "http://h:x/v1"])
def test_what_is_no_address_is_said_to_be_none(base_url: str) -> None:
    with pytest.raises(ValueError, match=r"https://host/v1|[Pp]ort"):
        OPENAI.socket_url(base_url, "m")


def test_an_address_may_be_made_otherwise_and_hold_the_key() -> None:
    url = "{base}/openai/realtime?api-version=2024-10-01-preview&deployment={model}"
    provider = Provider(realtime_url=url, auth=Auth.QUERY, auth_name="api-key")
    assert provider.socket_url("https://x.example", "{base}", "a+b") == (
        "wss://x.example/openai/realtime?api-version=2024-10-01-preview"
        "&deployment=%7Bbase%7D&api-key=a%2Bb"
    )
    assert provider.request_headers("a+b") == {}


def test_other_headers_go_along() -> None:
    provider = Provider(headers={"X-Team": "phones"})
    assert provider.request_headers(KEY) == {"X-Team": "phones", "Authorization": f"Bearer {KEY}"}


def broken(**changes: Any) -> str:
    provider = {"name": "x", "title": "X", "base_url": "https://x.example/v1", "model": "m"}
    entries = changes.pop("entries", [{**provider, **changes}])
    return json.dumps({"as_of": "2026-01-01", "source": "none", "providers": entries})


def test_a_small_file_is_read() -> None:
    assert parse_providers(broken())["x"].model == "m"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "truncated"),
        (b"\xff", "malformed"),
        (broken(flavour="mild"), "unknown field"),
        (broken(model=""), "x has no model"),
        (broken(base_url=""), "x has neither"),
        (broken(realtime_url="wss://y.example"), "x lacks"),
        (broken(realtime_url="{base}/realtime"), "x lacks"),
        (broken(auth="trust"), "enum"),
        (broken(headers={"X\n": "y"}), "regex"),
        (broken(session_limit_s=1), ">= 60"),
        (
            broken(entries=[{"name": "x", "model": "m", "base_url_form": "https://y"}] * 2),
            "x stands there twice",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_of(text: str | bytes, told: str) -> None:
    with pytest.raises(BadProviders, match=told):
        parse_providers(text)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_providers(tmp_path / "none.json")
    assert SHIPPED.is_file()
