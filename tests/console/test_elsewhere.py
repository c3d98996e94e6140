"""Signing in at a provider of OpenID Connect, and all that may be wrong with what it says."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from telephony.console.access.elsewhere import Elsewhere, Provider
from telephony.console.access.roles import Role
from tests.console.browsing import served
from tests.console.house import ADDRESS, Console, Visitor, copied
from tests.console.sign_on import CLIENT, SECRET, SignOn
from tests.console.test_faults_access import code_of
from tests.telephony.api_client import now

BACK = "/console/sign-in/elsewhere/back"


@pytest.fixture(scope="module")
def sign_on() -> Iterator[SignOn]:
    provider = SignOn()
    with served(provider.app) as address:
        provider.issuer = address
        yield provider


@pytest.fixture(scope="module")
def house(
    sign_on: SignOn, tmp_path_factory: pytest.TempPathFactory, console_database: Any
) -> Iterator[Console]:
    provider = Provider(sign_on.issuer, CLIENT, SECRET)
    folder = copied(console_database, tmp_path_factory.mktemp("elsewhere"))
    console = Console(folder, elsewhere=Elsewhere(provider, f"{ADDRESS}{BACK}", now))
    yield console
    console.close()


@pytest.fixture
def console(house: Console, sign_on: SignOn) -> Console:
    house.empty()
    sign_on.claims, sign_on.wrong = {}, ""
    return house


def left(visitor: Visitor) -> str:
    """Where the provider wants the browser."""
    answer = visitor.get("/console/sign-in/elsewhere?next=/console/account")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_who_is_on_the_list_gets_in_by_their_checked_mail_address(
    console: Console, sign_on: SignOn
) -> None:
    added = console.access.users.add("ann@example.com", Role.EDITOR)
    visitor = console.stranger()
    assert "Single sign-on" in visitor.get("/console/sign-in").text
    answer = visitor.get(sign_on.approve(left(visitor)))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/account")
    me = visitor.get("/api/v1/me").json()
    assert (me["name"], me["role"]) == ("ann@example.com", "editor")
    # From now on it is the subject that counts, whatever the address is.
    sign_on.claims = {"email": "new@example.com"}
    again = console.stranger()
    assert again.get(sign_on.approve(left(again))).status_code == 303
    known = console.access.users.find(added.id)
    assert known is not None
    assert known.subject == f"{sign_on.issuer} 4711"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": "bob@example.com", "email_verified": False},
        {"email": "bob@example.com", "email_verified": "true"},
        {"email": "bob@example.com", "email_verified": None},
        {"email": ["bob@example.com"]},
    ],
)
def test_who_is_not_on_the_list_stays_out(
    console: Console, sign_on: SignOn, claims: dict[str, Any]
) -> None:
    console.access.users.add("bob@example.com", Role.ADMIN)
    sign_on.claims = claims
    visitor = console.stranger()
    answer = visitor.get(sign_on.approve(left(visitor)))
    assert (answer.status_code, "not on the list" in answer.text) == (403, True)
    assert visitor.get("/api/v1/me").status_code == 401


def test_a_name_that_is_somebody_s_already_is_not_taken_over(
    console: Console, sign_on: SignOn
) -> None:
    console.access.users.add("ann@example.com", Role.ADMIN, subject="elsewhere 1")
    visitor = console.stranger()
    assert visitor.get(sign_on.approve(left(visitor))).status_code == 403


def test_who_is_disabled_stays_out(console: Console, sign_on: SignOn) -> None:
    console.client(Role.ADMIN)
    user = console.access.users.add("ann@example.com", Role.EDITOR)
    console.access.users.disable(user.id, disabled=True)
    visitor = console.stranger()
    assert visitor.get(sign_on.approve(left(visitor))).status_code == 403


def test_the_second_step_is_asked_for_after_it(console: Console, sign_on: SignOn) -> None:
    user = console.access.users.add("ann@example.com", Role.EDITOR)
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    assert console.access.second.begin(user, secret, code_of(secret, 0))
    visitor = console.stranger()
    answer = visitor.get(sign_on.approve(left(visitor)))
    assert (answer.status_code, "Second step" in answer.text) == (200, True)
    assert visitor.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "wrong",
    ["refused", "flood", "moved", "tokenless", "unsigned", "shared", "stranger", "keys"],
)
def test_nobody_gets_in_when_the_provider_goes_wrong(
    console: Console, sign_on: SignOn, wrong: str
) -> None:
    console.access.users.add("ann@example.com", Role.ADMIN)
    visitor = console.stranger()
    path = sign_on.approve(left(visitor))
    sign_on.wrong = wrong
    answer = visitor.get(path)
    assert (answer.status_code, "did not say who you are" in answer.text) == (403, True)
    assert visitor.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody else"},
        {"aud": [CLIENT, "somebody else"]},
        {"iss": "https://other.example"},
        {"exp": int(time.time()) - 3_600},
        {"exp": None},
        {"iat": int(time.time()) + 3_600},
        {"sub": None},
    ],
)
def test_nobody_gets_in_by_a_token_that_is_not_for_us_and_now(
    console: Console, sign_on: SignOn, claims: dict[str, Any]
) -> None:
    console.access.users.add("ann@example.com", Role.ADMIN)
    sign_on.claims = claims
    visitor = console.stranger()
    assert visitor.get(sign_on.approve(left(visitor))).status_code == 403
    assert visitor.get("/api/v1/me").status_code == 401


def test_a_way_back_is_good_once_and_for_the_browser_that_left(
    console: Console, sign_on: SignOn
) -> None:
    console.access.users.add("ann@example.com", Role.ADMIN)
    visitor, victim = console.stranger(), console.stranger()
    path = sign_on.approve(left(visitor))
    before = sign_on.exchanges
    assert victim.get(path).status_code == 403, "somebody else's sign-in is not planted"
    assert visitor.get(path).status_code == 403, "and it is used up"
    assert visitor.get(f"{BACK}?state=made-up&code=x").status_code == 403
    assert visitor.get(BACK).status_code == 403
    assert sign_on.exchanges == before


@pytest.mark.parametrize("wrong", ["nothing", "issuer", "plain"])
def test_a_provider_that_is_not_what_was_set_is_not_gone_to(
    console: Console, sign_on: SignOn, wrong: str
) -> None:
    provider = Provider(sign_on.issuer, CLIENT, SECRET)
    elsewhere = Elsewhere(provider, f"{ADDRESS}{BACK}", now)
    sign_on.wrong = wrong
    with pytest.raises(Exception, match=r"describe|another name|without TLS"):
        elsewhere.address(elsewhere.trip("", "/"), "state")
    sign_on.wrong = ""
    there = urlsplit(elsewhere.address(elsewhere.trip("", "/"), "state"))
    assert parse_qs(there.query)["tenant"] == ["1"]


def test_a_provider_that_is_down_is_said_to_be(console: Console) -> None:
    gone = Elsewhere(Provider("http://127.0.0.1:9", CLIENT, SECRET), "", now)
    with pytest.raises(Exception, match="cannot be asked"):
        gone.address(gone.trip("", "/"), "state")
