"""What we ask of WebDAV servers as text, and what we make of their answers."""

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tools.booking.caldav.dav import (
    Answer,
    Collection,
    multiget_request,
    read_multistatus,
    says_token_expired,
    sync_request,
)
from tools.booking.caldav.outcome import DavError, Outcome

HERE = Collection("https://cal.example.com/dav/me/shop")


def multistatus(*responses: str, token: str = "") -> bytes:
    return (
        '<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"'
        ' xmlns:c="urn:ietf:params:xml:ns:caldav">'
        f"{''.join(responses)}{token}</d:multistatus>"
    ).encode()


def response(href: str, inside: str = "") -> str:
    return f"<d:response><d:href>{href}</d:href>{inside}</d:response>"


def prop(values: str, status: int = 200) -> str:
    said = f"<d:status>HTTP/1.1 {status} X</d:status>"
    return f"<d:propstat><d:prop>{values}</d:prop>{said}</d:propstat>"


def read(*responses: str, token: str = "") -> list[Answer]:
    return list(read_multistatus(multistatus(*responses, token=token), HERE).answers)


def test_the_collection_is_known_by_its_path_with_a_slash() -> None:
    assert HERE.path == "/dav/me/shop/"
    assert HERE.origin == "https://cal.example.com"
    assert HERE.of_booking("a/b c") == "/dav/me/shop/frontdesk-a%2Fb%20c.ics"


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/dav/me/shop/a.ics", "/dav/me/shop/a.ics"),
        ("https://cal.example.com/dav/me/shop/a.ics", "/dav/me/shop/a.ics"),
        ("http://inside:8080/dav/me/shop/a.ics", "/dav/me/shop/a.ics"),
        ("/dav/me/shop/a%40b.ics", "/dav/me/shop/a%40b.ics"),
        ("/dav/me/shop/a@b.ics", "/dav/me/shop/a%40b.ics"),
        (" /dav/me/shop/ ", "/dav/me/shop/"),
        ("/dav/me/other/a.ics", None),
        ("/dav/me/shop/sub/a.ics", None),
        ("/dav/me/shop/..", None),
        ("/dav/me/shop/%2e%2e", None),
        ("//[", None),
        ("", None),
        ("/dav/me/shop/" + "x" * 2_000, None),
    ],
)
def test_paths_are_known_in_every_writing_and_only_inside(href: str, path: str | None) -> None:
    assert HERE.canonical(href) == path


def test_an_event_with_its_version_and_content() -> None:
    got = read(
        response(
            "/dav/me/shop/a.ics",
            prop('<d:getetag>"1"</d:getetag><c:calendar-data>BEGIN &amp; END</c:calendar-data>'),
        )
    )
    assert got == [Answer("/dav/me/shop/a.ics", 200, '"1"', "BEGIN & END")]


def test_what_is_not_found_is_no_property() -> None:
    got = read(response("/dav/me/shop/a.ics", prop('<d:getetag>"1"</d:getetag>', 404)))
    assert got == [Answer("/dav/me/shop/a.ics", 200)]


def test_what_has_gone_says_so() -> None:
    got = read(response("/dav/me/shop/a.ics", "<d:status>HTTP/1.1 404 Not Found</d:status>"))
    assert got == [Answer("/dav/me/shop/a.ics", 404)]


def test_folders_are_known_and_strangers_left_out() -> None:
    got = read(
        response("/dav/me/shop/", prop("<d:resourcetype><d:collection/></d:resourcetype>")),
        response("/dav/you/secret.ics", prop('<d:getetag>"1"</d:getetag>')),
    )
    assert got == [Answer("/dav/me/shop/", 200, is_folder=True)]


def test_the_token_is_kept_as_it_is() -> None:
    body = multistatus(token="<d:sync-token>http://x/?a=1&amp;b=2</d:sync-token>")
    assert read_multistatus(body, HERE).token == "http://x/?a=1&b=2"
    assert read_multistatus(multistatus(), HERE).token is None


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<d:multistatus xmlns:d="DAV:"><d:response><d:href>&b;</d:href></d:response></d:multistatus>'
)
FILE = BOMB.replace('"aaaaaaaaaa"', 'SYSTEM "/etc/passwd"')


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.NONSENSE),
        (b"<html>", Outcome.NONSENSE),
        (b"<html/>", Outcome.NONSENSE),
        (b"\xff\xfe\x00", Outcome.NONSENSE),
        (b'<?xml version="1.0" encoding="nothing-like-it"?><a/>', Outcome.NONSENSE),
        (BOMB.encode(), Outcome.NONSENSE),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>', Outcome.NONSENSE),
        (b"<!DOCTYPE d:multistatus>" + multistatus()[21:], Outcome.NONSENSE),
        (FILE.encode(), Outcome.NONSENSE),
        (multistatus(response("/dav/me/shop/a", "<d:status>fine</d:status>")), Outcome.NONSENSE),
        (
            multistatus(response("/dav/me/shop/a", prop("<d:getetag>a\nb</d:getetag>"))),
            Outcome.NONSENSE,
        ),
        (multistatus(token=f"<d:sync-token>{'x' * 3_000}</d:sync-token>"), Outcome.NONSENSE),
        (multistatus(*[response("/a")] * 10_001), Outcome.TOO_LARGE),
    ],
    ids=range(13),
)
def test_what_may_not_be_read_is_refused(body: bytes, outcome: Outcome) -> None:
    with pytest.raises(DavError) as refused:
        read_multistatus(body, HERE)
    assert refused.value.outcome is outcome


def test_deep_answers_do_no_harm() -> None:
    with pytest.raises(DavError):
        read_multistatus(b"<a>" * 30_000, HERE)
    body = b"<a>" * 30_000 + b"</a>" * 30_000
    with pytest.raises(DavError):
        read_multistatus(body, HERE)


def test_an_expired_token_is_known_by_its_precondition() -> None:
    assert says_token_expired(b'<error xmlns="DAV:"><valid-sync-token/></error>')
    assert not says_token_expired(b'<error xmlns="DAV:"><need-privileges/></error>')
    assert not says_token_expired(b"Forbidden")


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=50)


@given(WORDS, st.lists(WORDS, max_size=3))
def test_what_servers_have_said_goes_back_to_them_unchanged(token: str, hrefs: list[str]) -> None:
    asked = fromstring(sync_request(token))
    assert (asked.findtext("{DAV:}sync-token") or "") == token
    wanted = fromstring(multiget_request(hrefs))
    assert [each.text or "" for each in wanted.findall("{DAV:}href")] == hrefs


@given(st.binary(max_size=300) | st.text(max_size=200).map(multistatus))
@settings(max_examples=examples(150))
def test_any_answer_is_read_or_refused(body: bytes) -> None:
    try:
        found = read_multistatus(body, HERE)
    except DavError:
        return
    assert all(each.href.startswith(HERE.path) for each in found.answers)
