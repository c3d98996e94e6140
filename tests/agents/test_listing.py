"""What a provider says of its models, whatever it says."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.listing import BadListing, models_url, parse_listing


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/models"),
        ("wss://gw.example/v1/", "https://gw.example/v1/models"),
        ("ws://127.0.0.1:9/v1?x=1", "http://127.0.0.1:9/v1/models?x=1"),
        ("https://wsgw.example/v1", "https://wsgw.example/v1/models"),
    ],
)
def test_the_list_lies_below_the_base_url(base: str, url: str) -> None:
    assert models_url(base) == url


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("2027-01-20", dt.date(2027, 1, 20)),
        ("2027-01-20T00:00:00Z", dt.date(2027, 1, 20)),
        (1_800_403_200, dt.date(2027, 1, 20)),
        (None, None),
        ("", None),
        ("soon", None),
        (True, None),
        (10**30, None),
        (-(10**18), None),
        ({"year": 2027}, None),
    ],
)
def test_a_date_is_read_in_every_form_it_may_have(said: object, date: dt.date | None) -> None:
    body = json.dumps({"object": "list", "data": [{"id": "m", "shutdown_date": said}]})
    assert parse_listing(body.encode()) == {"m": date}


def test_a_model_without_a_date_is_served() -> None:
    assert parse_listing(b'{"data":[{"id":"m","created":1,"object":"model"}]}') == {"m": None}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"data":{}}', b'{"data":[{"id":5}]}', b"[" * 100_000, b"\xff"]
)
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(BadListing):
        parse_listing(body)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_raise_bad_listing(body: bytes) -> None:
    try:
        parse_listing(body)
    except BadListing:
        pass
    else:
        json.loads(body)
