"""Does every mistake in an `http:` section get its own sentence, with its place?"""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tests.tools.http_double import base
from tools.http.check import problems
from tools.http.section import HttpSection, read
from tools.spec import Risk

GOOD: dict[str, Any] = {
    "url": "https://api.test/orders/{order}",
    "query": {"n": 3, "who": "{context.caller_number}"},
    "headers": {"Authorization": "Bearer {secret.KEY}"},
    "answer": {
        "refused": {404: "I can't find {order}."},
        "done": [200, "202-204"],
        "results": {"day": "/day", "all": {"at": "items", "limit": 3, "fields": {"n": "name"}}},
        "message": "It comes on {day}, {{really}}.",
    },
    "timeout_s": 3,
    "hosts": ["files.test:8443"],
}


def test_a_good_section_has_no_problems() -> None:
    assert problems(GOOD) == []
    assert problems(GOOD, base("order"), {"KEY"}) == []
    section = read(GOOD)
    assert section.answer.done == ("200", "202-204")
    assert section.answer.results["day"].at == "/day"


@pytest.mark.parametrize(
    ("changed", "path", "what"),
    [
        ({"url": "api.test/x"}, "url", "does not begin"),
        ({"url": "https://{order}.test/"}, "url", "does not begin"),
        ({"url": "https://me:word@api.test/"}, "url", "does not begin"),
        ({"url": "https://api.test:99999/"}, "url", "no port"),
        ({"url": "http://api.test/"}, "url", "in the clear"),
        ({"url": "https://api.test/a b"}, "url", "no URL has"),
        ({"url": "https://api.test/a#b"}, "url", "no URL has"),
        ({"url": "https://api.test/../b"}, "url", "climbs"),
        ({"url": "https://api.test/?a={order}"}, "url", "question mark"),
        ({"url": "https://api.test/{secret.KEY}"}, "url", "holds a secret"),
        ({"url": "https://api.test/{other}"}, "url", "no parameter"),
        ({"url": "https://api.test/{context.other}"}, "url", "nobody knows"),
        ({"url": "https://api.test/{what.ever}"}, "url", "asks for"),
        ({"url": "https://api.test/{order"}, "url", "brace"),
        ({"url": 3}, "url", "must be text"),
        ({"method": "FETCH"}, "method", "not one of the choices"),
        ({"method": "DELETE"}, "method", "only reads"),
        ({"colour": "red"}, "colour", "is not known"),
        ({"query": {"a": {"b": "{gone}"}}}, "query.a.b", "no parameter"),
        ({"headers": {"X Y": "1"}}, "headers.X Y", "no name of a header"),
        ({"headers": {"Host": "x"}}, "headers.Host", "Frontdesk itself"),
        ({"headers": {"idempotency-key": "x"}}, "headers.idempotency-key", "Frontdesk itself"),
        ({"headers": {"X": "a\r\nb"}}, "headers.X", "no header has"),
        ({"headers": {"X": "{secret.GONE}"}}, "headers.X", "secret GONE that is not set"),
        ({"idempotency_header": "a b"}, "idempotency_header", "no name of a header"),
        ({"content_type": "a\nb"}, "content_type", "no header has"),
        ({"json": {"a": 1}}, "json", "GET has none"),
        ({"method": "POST", "json": {}, "body": "x"}, "body", "beside json"),
        ({"answer": {"done": ["2xx"]}}, "answer.done.0", "no status code"),
        ({"answer": {"refused": {"4xx": "No."}}}, "answer.refused.4xx", "no status code"),
        ({"answer": {"message": "{gone}"}}, "answer.message", "neither"),
        ({"answer": {"message": "{secret.KEY}"}}, "answer.message", "neither"),
        ({"answer": {"message": "}"}}, "answer.message", "brace"),
        ({"answer": {"refused": {404: "{gone}"}}}, "answer.refused.404", "neither"),
        ({"answer": {"results": {"status": "/a"}}}, "answer.results.status", "gives itself"),
        ({"answer": {"results": {"a": "/~2"}}}, "answer.results.a.at", "JSON pointer"),
        (
            {"answer": {"results": {"a": {"at": "/", "limit": 99}}}},
            "answer.results.a.limit",
            "large",
        ),
        ({"hosts": ["https://x"]}, "hosts.0", "no host"),
        ({"allow_private": ["localhost"]}, "allow_private.0", "no address"),
        ({"allow_private": ["0.0.0.0/0"]}, "allow_private.0", "never to be asked"),
        ({"allow_private": ["169.254.169.254"]}, "allow_private.0", "never to be asked"),
        ({"allow_private": ["8.0.0.0/7"]}, "allow_private.0", "too wide"),
        ({"timeout_s": 9}, "timeout_s", "longer than the tool's deadline"),
        ({"retries": 9}, "retries", "too large"),
    ],
)
def test_a_mistake_is_named(changed: dict[str, Any], path: str, what: str) -> None:
    found = problems({**GOOD, **changed}, base("order"), {"KEY"})
    told = {".".join(map(str, each.path)): each for each in found}
    assert path in told, found
    assert what in told[path].what
    assert told[path].hint


def test_a_write_may_not_be_a_get_nor_repeated_unless_that_is_harmless() -> None:
    told = problems({**GOOD, "retries": 1}, base("order", risk=Risk.MONEY), {"KEY"})
    assert [each.path for each in told] == [("method",), ("retries",)]
    harmless = base("order", risk=Risk.MONEY, idempotent=True)
    assert problems({**GOOD, "method": "PUT", "retries": 1}, harmless, {"KEY"}) == []


CHECKED: dict[str, Any] = {
    "url": "https://api.test/notes",
    "method": "POST",
    "check": {
        "url": "https://api.test/notes/{context.idempotency_key}",
        "headers": {"X": "{secret.KEY}"},
        "absent": [404, "410"],
        "answer": {"results": {"id": "/id"}, "message": "Noted as {id}."},
    },
}


def test_a_question_needs_no_check() -> None:
    section = {**CHECKED, "method": "GET"}
    assert ("check",) in {each.path for each in problems(section, base(), {"KEY"})}


def test_a_good_check_has_no_problems() -> None:
    assert problems(CHECKED, base(risk=Risk.MESSAGE), {"KEY"}) == []


@pytest.mark.parametrize(
    ("changed", "path", "what"),
    [
        ({"url": "https://api.test/notes"}, "check", "which write"),
        ({"url": "http://api.test/{context.idempotency_key}"}, "check.url", "in the clear"),
        ({"query": {"a": "{order}"}}, "check.query.a", "no parameter"),
        ({"query": {"a": "{context.caller_number}"}}, "check.query.a", "not be known any more"),
        ({"headers": {"X": "{context.now}"}}, "check.headers.X", "not be known any more"),
        ({"headers": {"X": "{secret.GONE}"}}, "check.headers.X", "not set"),
        ({"absent": ["none"]}, "check.absent.0", "no status code"),
        ({"answer": {"refused": {404: "No."}}}, "check.answer.refused", "means nothing"),
        ({"answer": {"message": "{gone}"}}, "check.answer.message", "neither"),
        ({"method": "POST"}, "check.method", "not known"),
    ],
)
def test_a_mistake_in_a_check_is_named(changed: dict[str, Any], path: str, what: str) -> None:
    section = {**CHECKED, "check": {**CHECKED["check"], **changed}}
    found = problems(section, base("order", risk=Risk.MESSAGE), {"KEY"})
    told = {".".join(map(str, each.path)): each for each in found}
    assert what in told[path].what


def test_all_mistakes_are_told_at_once() -> None:
    section = {"url": "http://api.test/{gone}", "method": "PUT", "hosts": ["!"], "retries": 1}
    told = {each.path for each in problems(section, base(), set())}
    assert told == {("url",), ("method",), ("hosts", 0)}


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
ANYTHING = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner), max_leaves=9
)


@given(st.dictionaries(st.sampled_from(HttpSection.__struct_fields__), ANYTHING))
@settings(max_examples=examples(80))
def test_nothing_a_file_can_hold_breaks_the_check(section: dict[str, Any]) -> None:
    if not problems(section):
        assert isinstance(read(section), HttpSection)


@given(st.fixed_dictionaries({"url": st.text(min_size=8, max_size=60)}))
@settings(max_examples=examples(80))
def test_no_url_breaks_the_check(section: dict[str, Any]) -> None:
    problems(section, base("order"))


def test_every_field_says_what_it_is() -> None:
    (shapes,) = (msgspec.json.schema(HttpSection)["$defs"],)
    for name, shape in shapes.items():
        for field, about in shape["properties"].items():
            assert about.get("description"), f"{name}.{field}"
