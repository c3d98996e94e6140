"""Vectors made with an account token of nobody's; the validator is Twilio's own."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from telephony.twilio.signature import Form, Signatures
from telephony.twilio.urls import MEDIA_PATH, VOICE_PATH, PublicUrl
from tests.telephony import twilio_peer as peer

FIELDS = {
    "CallSid": peer.CALL,
    "AccountSid": peer.ACCOUNT,
    "From": "+14155550100",
    "To": "+14155550199",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "ApiVersion": "2010-04-01",
    "CallerName": "",
}
POST_SIGNATURE = "BpWIYXOJ98JUwEv9oRjjrNVkQvI="
UPGRADE_SIGNATURE = "3Wv0T80qzAY3OCARW9y1gnUJZtE="
GET_SIGNATURE = "KVA1//u82qbIMsaE22PtVpfW8NU="
GET_QUERY = "tenant=acme&CallSid=CA00000000000000000000000000000001&From=%2B14155550100"


def form(fields: dict[str, str]) -> Form:
    parsed = Form.parse(urlencode(fields).encode())
    assert parsed is not None
    return parsed


def signatures(base: str = peer.PUBLIC_URL, *tokens: str) -> Signatures:
    return Signatures(PublicUrl(base), tokens or (peer.AUTH_TOKEN,))


@pytest.mark.parametrize("base", [peer.PUBLIC_URL, f"{peer.PUBLIC_URL}:443", f"{peer.PUBLIC_URL}/"])
def test_a_form_is_signed_with_its_empty_fields(base: str) -> None:
    assert signatures(base).form(VOICE_PATH, "", form(FIELDS), POST_SIGNATURE)


@pytest.mark.parametrize(
    "fields",
    [
        {name: value for name, value in FIELDS.items() if name != "CallerName"},
        FIELDS | {"From": "+14155550101"},
        FIELDS | {"CallerName": " "},
        FIELDS | {"Extra": ""},
        {},
    ],
)
def test_fault_t8_any_changed_field_is_refused(fields: dict[str, str]) -> None:
    assert not signatures().form(VOICE_PATH, "", form(fields), POST_SIGNATURE)


@pytest.mark.parametrize(
    ("base", "path", "query"),
    [
        ("https://other.example.com", VOICE_PATH, ""),
        (peer.PUBLIC_URL, VOICE_PATH + "/", ""),
        (peer.PUBLIC_URL, VOICE_PATH, "a=1"),
        (f"{peer.PUBLIC_URL}/prefix", VOICE_PATH, ""),
    ],
)
def test_fault_t8_a_signature_for_another_address_is_refused(
    base: str, path: str, query: str
) -> None:
    assert not signatures(base).form(path, query, form(FIELDS), POST_SIGNATURE)


@pytest.mark.parametrize(
    "signature",
    [None, "", "x", POST_SIGNATURE[:-1], POST_SIGNATURE + " ", "ä" * 28, "A" * 28, "A" * 9_999],
)
def test_fault_t8_missing_or_forged_signatures_are_refused(signature: str | None) -> None:
    check = signatures()
    assert not check.form(VOICE_PATH, "", form(FIELDS), signature)
    assert not check.get(VOICE_PATH, GET_QUERY, signature)
    assert not check.upgrade(MEDIA_PATH, "", signature)


def test_a_get_carries_its_parameters_in_the_url() -> None:
    assert signatures().get(VOICE_PATH, GET_QUERY, GET_SIGNATURE)
    assert not signatures().get(VOICE_PATH, GET_QUERY + "&x=1", GET_SIGNATURE)


def test_an_upgrade_is_signed_over_the_stream_url() -> None:
    assert signatures().upgrade(MEDIA_PATH, "", UPGRADE_SIGNATURE)
    assert not signatures().get(MEDIA_PATH, "", UPGRADE_SIGNATURE)
    assert not signatures().upgrade(MEDIA_PATH, "token=1", UPGRADE_SIGNATURE)


@pytest.mark.parametrize(
    ("base", "signed"),
    [
        ("https://voice.example.com", "wss://voice.example.com/twilio/media"),
        ("https://voice.example.com", "wss://voice.example.com:443/twilio/media"),
        ("https://voice.example.com:443", "wss://voice.example.com/twilio/media"),
        ("https://voice.example.com:443", "wss://voice.example.com:443/twilio/media"),
        ("https://voice.example.com:8443", "wss://voice.example.com:8443/twilio/media"),
        ("https://voice.example.com/a", "wss://voice.example.com/a/twilio/media"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/twilio/media"),
    ],
)
def test_an_upgrade_is_good_with_and_without_the_default_port(base: str, signed: str) -> None:
    signature = RequestValidator(peer.AUTH_TOKEN).compute_signature(signed, {})
    assert signatures(base).upgrade(MEDIA_PATH, "", signature)


def test_repeated_fields_are_signed_each() -> None:
    body = b"CallSid=CA1&Tag=b&Tag=a&Tag=b"
    parsed = Form.parse(body)
    assert parsed is not None
    url = f"{peer.PUBLIC_URL}{VOICE_PATH}"
    signature = RequestValidator(peer.AUTH_TOKEN).compute_signature(url + "CallSidCA1TagaTagb", {})
    assert signatures().form(VOICE_PATH, "", parsed, signature)


def test_both_tokens_are_good_while_one_is_being_replaced() -> None:
    check = signatures(peer.PUBLIC_URL, "f" * 32, peer.AUTH_TOKEN)
    assert check.form(VOICE_PATH, "", form(FIELDS), POST_SIGNATURE)
    assert check.upgrade(MEDIA_PATH, "", UPGRADE_SIGNATURE)
    assert not signatures(peer.PUBLIC_URL, "f" * 32).upgrade(MEDIA_PATH, "", UPGRADE_SIGNATURE)


@pytest.mark.parametrize("tokens", [(), ("",), ("a", "")])
def test_no_token_at_all_stops_the_start(tokens: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="auth token"):
        Signatures(PublicUrl(peer.PUBLIC_URL), tokens)


@pytest.mark.parametrize("name", ["bodySHA256", "bodysha256", "x=1&bodySHA256"])
def test_a_form_whose_body_would_not_be_covered_is_refused(name: str) -> None:
    query = f"{name}={'0' * 64}"
    signature = RequestValidator(peer.AUTH_TOKEN).compute_signature(
        f"{peer.PUBLIC_URL}{VOICE_PATH}?{query}", FIELDS
    )
    assert not signatures().form(VOICE_PATH, query, form(FIELDS), signature)


def test_connection_overrides_in_a_fragment_are_not_signed() -> None:
    check = signatures()
    assert check.form(f"{VOICE_PATH}#rc=2", "", form(FIELDS), POST_SIGNATURE)
    assert check.upgrade(f"{MEDIA_PATH}#rc=2", "", UPGRADE_SIGNATURE)


def test_a_form_keeps_blanks_and_spaces() -> None:
    parsed = Form.parse(b"a=&b=+x+&a=2&c=%C3%A4")
    assert parsed is not None
    assert [parsed.get(name) for name in ("a", "b", "c", "d")] == ["", " x ", "ä", ""]
    assert parsed.getlist("a") == ["", "2"]
    assert list(parsed) == ["a", "b", "c"]
    assert len(parsed) == 3


@pytest.mark.parametrize("body", [b"\xff", "ä".encode(), b"&".join([b"a=1"] * 501)])
def test_what_is_no_form_is_none(body: bytes) -> None:
    assert Form.parse(body) is None


@given(st.binary(max_size=200), st.text(max_size=60), st.text(max_size=40))
def test_no_body_query_or_signature_raises_or_passes(
    body: bytes, query: str, signature: str
) -> None:
    parsed = Form.parse(body)
    query = query.encode("utf-8", "replace").decode("latin-1")
    check = signatures()
    assert parsed is None or not check.form(VOICE_PATH, query, parsed, signature)
    assert not check.upgrade(MEDIA_PATH, query, signature)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=6))
def test_whatever_twilio_signs_is_accepted(fields: dict[str, str]) -> None:
    try:
        body = urlencode(fields).encode()
    except UnicodeEncodeError:
        return
    url = f"{peer.PUBLIC_URL}{VOICE_PATH}"
    signature = RequestValidator(peer.AUTH_TOKEN).compute_signature(url, fields)
    parsed = Form.parse(body)
    assert parsed is not None
    assert signatures().form(VOICE_PATH, "", parsed, signature)
