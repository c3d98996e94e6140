"""What a caller's words can do to a request: fill their place, and nothing else."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.exploring import examples
from tests.tools.http_double import CONTEXT
from tools.http import templates
from tools.http.addresses import listed, may_ask, may_connect
from tools.http.answers import (
    Done,
    Failed,
    Refused,
    Unknown,
    at,
    judge,
    matches,
    too_deep,
    within,
)
from tools.http.plan import NotFollowedError, Request, Response, plan, redirected
from tools.http.section import HttpSection, read
from tools.spec import ToolRefusal

WORDS = st.text(st.characters(codec="utf-8"), max_size=40)
JSON = {"content-type": "application/json"}


def values(secrets: dict[str, str] | None = None, **arguments: Any) -> templates.Values:
    return templates.values(arguments, CONTEXT, secrets or {})


def planned(section: dict[str, Any], *, writes: bool = False, **arguments: Any) -> Request:
    return plan(read(section), values({"KEY": "k"}, **arguments), writes=writes)


# ---- templates -----------------------------------------------------------------------------------


@given(word=WORDS)
@settings(max_examples=examples(150))
def test_a_word_in_a_path_stays_one_segment(word: str) -> None:
    assume(word and not {".", ".."} & set(re.split(r"[/\\]", word)))
    request = planned({"url": "https://api.test/v1/orders/{order}/notes"}, order=word)
    parts = urlsplit(request.url)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == (
        "https",
        "api.test",
        "",
        "",
    )
    head, v1, orders, segment, notes = parts.path.split("/")
    assert (head, v1, orders, notes) == ("", "v1", "orders", "notes")
    assert unquote(segment) == word
    assert URL(request.url, encoded=True).raw_path == parts.path


@given(word=WORDS, name=WORDS)
@settings(max_examples=examples(80))
def test_words_in_a_query_or_form_stay_values(word: str, name: str) -> None:
    section = {"url": "https://api.test/a?fixed=1", "query": {"word": "{word}", "name": "x{name}"}}
    parts = urlsplit(planned(section, word=word, name=name).url)
    assert (parts.netloc, parts.path) == ("api.test", "/a")
    assert parse_qsl(parts.query, keep_blank_values=True) == [
        ("fixed", "1"),
        ("word", word),
        ("name", f"x{name}"),
    ]
    form = planned(
        {"url": "https://api.test/", "method": "POST", "form": {"word": "{word}"}}, word=word
    )
    assert parse_qsl((form.body or b"").decode(), keep_blank_values=True) == [("word", word)]


@given(word=WORDS)
@settings(max_examples=examples(80))
def test_words_in_a_header_end_no_line(word: str) -> None:
    request = planned({"url": "https://api.test/", "headers": {"X-Word": "a {word}"}}, word=word)
    value = dict(request.headers)["X-Word"]
    assert value.startswith("a ")
    assert value.isascii()
    assert value.isprintable()


@given(word=WORDS, number=st.integers(-(10**9), 10**9) | st.booleans() | st.floats(-1e6, 1e6))
@settings(max_examples=examples(80))
def test_json_keeps_types_and_shape(word: str, number: float) -> None:
    section = {
        "url": "https://api.test/",
        "method": "POST",
        "json": {"n": "{number}", "deep": [{"w": "{word}"}], "both": "{{{word}}}", "fixed": 1},
    }
    body = json.loads(planned(section, word=word, number=number).body or b"")
    assert body == {"n": number, "deep": [{"w": word}], "both": f"{{{word}}}", "fixed": 1}
    assert type(body["n"]) is type(number)


def test_what_was_left_out_takes_its_key_with_it() -> None:
    template = {"a": "{a}", "b": ["{a}", "{b}"], "c": "say {a}.", "d": {"e": "{n}"}}
    assert templates.data(template, values(b=1, n=None)) == {"b": [1], "c": "say .", "d": {}}
    section = {"url": "https://api.test/", "query": {"a": "{a}", "b": ["{b}", "{a}"]}}
    assert planned(section, b=1).url == "https://api.test/?b=1"


@pytest.mark.parametrize("word", ["..", ".", "", None, "../admin", "a/../b", "..\\x", "a/.."])
def test_a_path_is_not_climbed(word: str | None) -> None:
    with pytest.raises(ToolRefusal) as refused:
        planned({"url": "https://api.test/v1/{order}"}, order=word)
    assert refused.value.field == "order"


def test_two_words_together_climb_no_path_either() -> None:
    with pytest.raises(ToolRefusal):
        planned({"url": "https://api.test/v1/{a}.{b}/x"}, a="x", b="..")
    assert planned({"url": "https://api.test/v1/{a}.{b}/x"}, a="x", b="y").url.endswith("/x.y/x")


def test_a_withheld_number_is_said_to_be_missing() -> None:
    withheld = msgspec.structs.replace(CONTEXT, caller_number=None)
    section = read({"url": "https://api.test/{context.caller_number}"})
    with pytest.raises(ToolRefusal, match="number you are calling from"):
        plan(section, templates.values({}, withheld, {}), writes=False)


def test_what_the_server_knows_comes_from_the_server() -> None:
    section = {
        "url": "https://api.test/",
        "query": {"who": "{context.caller_number}", "call": "{context.call_id}"},
    }
    spoofed: dict[str, Any] = {
        "context.caller_number": "+10000000000",
        "caller_number": "+10000000000",
    }
    url = plan(read(section), values(**spoofed), writes=False).url
    assert url == "https://api.test/?who=%2B442079460001&call=CA1"


# ---- hosts and addresses -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.31.255.255", False),
        ("192.168.0.1", False),
        ("100.64.0.1", False),
        ("198.18.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("169.254.169.254", False),
        ("168.63.129.16", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_public_addresses_are_connected_to(address: str, allowed: bool) -> None:
    assert may_connect(address) is allowed


def test_an_operator_may_allow_private_ones_but_never_all() -> None:
    assert may_connect("10.1.2.3", ["10.1.0.0/16"])
    assert may_connect("::ffff:10.1.2.3", ["10.1.0.0/16"])
    assert not may_connect("10.2.0.1", ["10.1.0.0/16"])
    assert not may_connect("169.254.169.254", ["169.254.0.0/16"])
    assert not may_connect("fd00:ec2::254", ["fd00::/8"])


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://api.test/x", True),
        ("https://API.test./x", True),
        ("http://api.test/x", True),
        ("https://api.test:443/x", True),
        ("https://api.test:8443/x", False),
        ("https://other.test:8443/x", True),
        ("https://other.test/x", False),
        ("https://x.api.test/", False),
        ("https://api.test.evil.test/", False),
        ("https://api.test@evil.test/", False),
        ("https://user:word@api.test/", False),
        ("ftp://api.test/", False),
        ("/relative", False),
    ],
)
def test_a_host_is_allowed_by_its_whole_name(url: str, allowed: bool) -> None:
    assert may_ask(URL(url), {"api.test", "other.test:8443"}) is allowed


def test_a_host_is_listed_with_an_unusual_port() -> None:
    urls = ("https://A.test", "http://a.test:8080", "https://[::1]:444/x", "http://a.test:80")
    assert [listed(URL(each)) for each in urls] == ["a.test", "a.test:8080", "[::1]:444", "a.test"]


# ---- redirects -----------------------------------------------------------------------------------

ASK = Request("GET", "https://api.test/a/b?c=1", (("X", "1"),), hosts=frozenset({"api.test"}))


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("/c", "https://api.test/c"),
        ("c?d", "https://api.test/a/c?d"),
        ("https://api.test/ü b", "https://api.test/%C3%BC%20b"),
        ("?x", "https://api.test/a/b?x"),
    ],
)
def test_a_redirect_is_read_as_urls_are(location: str, there: str) -> None:
    assert redirected(ASK, Response(302, {"location": location})).url.rstrip("=") == there


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("https://evil.test/", "redirect_off_the_list"),
        ("//evil.test/", "redirect_off_the_list"),
        ("https://api.test@evil.test/", "redirect_off_the_list"),
        ("https://api.test:8443/", "redirect_off_the_list"),
        ("http://api.test/", "redirect_without_tls"),
        ("ftp://api.test/", "redirect_off_the_list"),
        ("https://[::1", "redirect_unreadable"),
    ],
)
def test_a_redirect_elsewhere_is_not_followed(location: str, reason: str) -> None:
    with pytest.raises(NotFollowedError) as refused:
        redirected(ASK, Response(307, {"location": location}))
    assert (refused.value.reason, refused.value.acted) == (reason, False)


# ---- answers -------------------------------------------------------------------------------------


def judged(answer: dict[str, Any], response: Response, *, writes: bool = False) -> object:
    section: HttpSection = read({"url": "https://api.test/", "answer": answer})
    return judge(section, response, values({"KEY": "sesame"}, asked="it"), writes=writes)


@pytest.mark.parametrize(
    ("status", "read_as", "write_as"),
    [
        (200, "Done", "Done"),
        (304, "Failed", "Unknown"),
        (400, "Failed", "Failed"),
        (429, "Failed", "Failed"),
        (500, "Failed", "Unknown"),
        (503, "Failed", "Unknown"),
    ],
)
def test_what_http_says_of_a_status(status: int, read_as: str, write_as: str) -> None:
    response = Response(status, JSON, b"{}")
    assert type(judged({}, response)).__name__ == read_as
    assert type(judged({}, response, writes=True)).__name__ == write_as


def test_results_are_bounded() -> None:
    body = {
        "list": [{"n": "x" * 900, "m": 1}] * 60,
        "text": "y" * 900,
        "map": {"k": "z" * 900},
        "null": None,
        "deep": [[1, "w" * 900]],
    }
    picks = {
        "list": {"at": "/list", "limit": 3, "fields": {"n": "n", "gone": "gone"}},
        "text": {"at": "text", "max_length": 10},
        "map": "/map",
        "none": "/none",
        "null": "/null",
        "deep": "/deep",
    }
    verdict = judged({"results": picks}, Response(200, JSON, json.dumps(body).encode()))
    assert isinstance(verdict, Done)
    assert [len(each["n"]) for each in verdict.result["list"]] == [300] * 3
    assert verdict.result["text"] == "yyyyyyyyy\u2026"
    assert len(verdict.result["map"]["k"]) == 300
    assert verdict.result["deep"] == [[1, "w" * 299 + "\u2026"]]
    assert not {"none", "null"} & set(verdict.result)


def test_a_sentence_lacking_a_value_is_not_spoken() -> None:
    answer = {"message": "On {day}.", "results": {"day": "/day"}, "refused": {404: "No {day}."}}
    empty = Response(200, JSON, b"{}")
    assert judged(answer, empty) == Failed("answer_incomplete", permanent=False)
    assert judged(answer, empty, writes=True) == Done({})
    assert judged(answer, Response(404)) == Refused("That is not possible.")
    assert judged(answer, Response(404, JSON, b'{"day": "1"}')) == Refused("No 1.")


def test_secrets_that_come_back_are_blotted_out_everywhere() -> None:
    body = b'{"a": ["open sesame", {"sesame": 1}], "said": "sesame"}'
    answer = {"message": "{said}", "results": {"a": "/a", "said": "/said"}}
    verdict = judged(answer, Response(200, JSON, body))
    assert verdict == Done(
        {
            "a": ["open [hidden]", {"[hidden]": 1}],
            "said": "[hidden]",
            "message": "[hidden]",
        }
    )


@pytest.mark.parametrize("status", [200, 404])
def test_what_is_no_text_is_taken_out(status: int) -> None:
    body = b'{"a": "x\\ud800\\u001b[2Jy", "b": ["\\udfff"], "c": {"\\ud800": 1}}'
    results = {"a": "/a", "b": "/b", "c": "/c"}
    answer = {"message": "{a}{c}", "refused": {404: "{a}{c}"}, "results": results}
    verdict = judged(answer, Response(status, JSON, body))
    assert isinstance(verdict, Done if status == 200 else Refused)
    assert json.loads(msgspec.json.encode(verdict))


def test_what_cannot_be_halved_goes() -> None:
    assert within({"a": ["x" * 50], "b": 1}, 40) == {"b": 1, "cut": True}
    assert within({"a": {"k": "x" * 50}, "b": 1}, 40) == {
        "a": {"k": "x" * 6},
        "b": 1,
        "cut": True,
    }
    assert within({"a": {"k": 10**60}}, 40) == {"cut": True}
    assert within({"a": 1}, 40) == {"a": 1}


def test_a_text_is_taken_whole_and_a_body_of_no_interest_is_not_looked_at() -> None:
    text = {"kind": "text", "results": {"all": ""}}
    assert judged(text, Response(200, {"content-type": "text/plain"}, b"hi\xff")) == Done(
        {"all": "hi\ufffd"}
    )
    assert judged(text, Response(200, JSON, b"hi"), writes=True) == Unknown("wrong_content_type")
    assert judged({"kind": "none"}, Response(200, {}, b"?")) == Done({})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/a/0/b~1c", 1),
        ("a.0.b/c", 1),
        ("", "whole"),
        ("/a/7", None),
        ("/a/-1", None),
        ("a.b", None),
    ],
)
def test_paths_lead_to_values(path: str, found: object) -> None:
    data = {"a": [{"b/c": 1}]}
    value = at(data, path)
    assert value == (data if found == "whole" else templates.MISSING if found is None else found)


@given(st.recursive(st.none() | st.integers(), st.lists, max_leaves=8), WORDS)
@settings(max_examples=examples(100))
def test_no_path_through_no_answer_breaks_anything(data: Any, path: str) -> None:
    at(data, path)


def test_depth_is_measured_without_recursion() -> None:
    deep: Any = 0
    for _ in range(2_000):
        deep = [deep]
    assert too_deep(deep)
    assert not too_deep([[1]], 3)


def test_codes_and_ranges() -> None:
    assert matches(204, ("200", "202-299"))
    assert not matches(201, ("200", "202-299"))
