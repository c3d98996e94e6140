"""One configured base address, refused when it could not work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.twilio.urls import BadPublicUrl, PublicUrl, is_loopback


@pytest.mark.parametrize(
    ("base", "http", "stream"),
    [
        ("https://v.example", "https://v.example/x", "wss://v.example/x"),
        ("https://v.example/", "https://v.example/x", "wss://v.example/x"),
        ("HTTPS://v.example:8443", "https://v.example:8443/x", "wss://v.example:8443/x"),
        ("https://v.example/a/b/", "https://v.example/a/b/x", "wss://v.example/a/b/x"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80/x", "ws://127.0.0.1:80/x"),
        ("http://localhost:1", "http://localhost:1/x", "ws://localhost:1/x"),
        ("http://[::1]:1", "http://[::1]:1/x", "ws://[::1]:1/x"),
    ],
)
def test_addresses_are_built_from_the_base(base: str, http: str, stream: str) -> None:
    url = PublicUrl(base)
    assert (url.http("/x"), url.stream("/x")) == (http, stream)


@pytest.mark.parametrize(
    ("base", "complaint"),
    [
        ("", "absolute"),
        ("voice.example.com", "absolute"),
        ("//voice.example.com", "absolute"),
        ("ftp://voice.example.com", "absolute"),
        ("https://", "absolute"),
        ("http://voice.example.com", "https"),
        ("https://me:pw@voice.example.com", "user name"),
        ("https://voice.example.com?x=1", "query"),
        ("https://voice.example.com?", "query"),
        ("https://voice.example.com/#", "fragment"),
        ("https://voice.example.com:99999", "read as a URL"),
        ("https://[::1", "read as a URL"),
        ("https://v.example/ä", "characters"),
        ("https://v.example/a b", "characters"),
        ("https://v.example/\n", "characters"),
    ],
)
def test_an_address_that_could_not_work_is_refused_with_the_reason(
    base: str, complaint: str
) -> None:
    with pytest.raises(BadPublicUrl, match=complaint):
        PublicUrl(base)


@given(st.text(max_size=40) | st.text(max_size=30).map("https://".__add__))
def test_any_text_is_an_address_or_refused(base: str) -> None:
    try:
        url = PublicUrl(base)
    except BadPublicUrl:
        return
    assert url.stream("/x").startswith(("wss://", "ws://"))


def test_loopback_is_this_machine_only() -> None:
    assert is_loopback("127.0.0.2")
    assert is_loopback("::1")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("localhost.example.com")


def test_of_several_workers_streams_and_callbacks_name_one() -> None:
    url = PublicUrl("https://phone.example.com/desk", 2)
    assert url.stream("/twilio/media") == "wss://phone.example.com/desk/twilio/media/2"
    assert url.callback("/twilio/x") == "https://phone.example.com/desk/twilio/x?worker=2"
    assert url.http("/twilio/voice") == "https://phone.example.com/desk/twilio/voice"


def test_a_single_process_is_not_named() -> None:
    url = PublicUrl("https://phone.example.com")
    assert url.stream("/twilio/media") == "wss://phone.example.com/twilio/media"
    assert url.callback("/twilio/x") == url.http("/twilio/x")
