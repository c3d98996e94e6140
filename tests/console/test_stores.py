"""Users, sessions, links, keys, tries and second steps, on each kind of database."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest

from telephony.console.access.access import Access
from telephony.console.access.firstrun import first_link
from telephony.console.access.links import LIFE, Purpose
from telephony.console.access.origins import Origins
from telephony.console.access.passwords import Passwords
from telephony.console.access.roles import RIGHTS, Role
from telephony.console.access.sessions import IDLE, LONGEST, SEEN_EVERY
from telephony.console.access.tries import Begun, Slowed
from telephony.console.access.users import LastAdmin, NameTaken
from tests.console.test_faults_access import SECRET
from tests.tools.versioned import NOON
from tools.store import Store


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> dt.datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(store: Store, clock: Clock) -> Access:
    return Access(store, clock, Origins(), passwords=Passwords(memory_kib=8, passes=1))


def test_users_are_found_by_name_whatever_its_capitals(access: Access) -> None:
    ann = access.users.add(" Ann@Example.com ", Role.EDITOR)
    assert ann.name == "ann@example.com"
    assert access.users.named("ANN@example.com") == access.users.find(ann.id) == ann
    assert access.users.all() == [ann]
    assert access.users.named("bob") is access.users.find("x") is None
    with pytest.raises(NameTaken, match=r"ann@example\.com"):
        access.users.add("ann@EXAMPLE.com", Role.VIEWER)
    for wrong in ("", " ", "a b", "<script>", "ä", ".ann", "x" * 65, "ann\nx", "\u0430nn"):
        with pytest.raises(ValueError, match="1 to 64"):
            access.users.add(wrong, Role.VIEWER)


@pytest.mark.parametrize(
    "act",
    [
        lambda users, admin: users.set_role(admin, Role.VIEWER),
        lambda users, admin: users.disable(admin, disabled=True),
        lambda users, admin: users.remove(admin),
    ],
)
def test_the_last_admin_stays(access: Access, act: Callable[..., None]) -> None:
    admin = access.users.add("ann", Role.ADMIN)
    other = access.users.add("bob", Role.ADMIN)
    access.users.disable(other.id, disabled=True)
    with pytest.raises(LastAdmin):
        act(access.users, admin.id)
    assert access.users.find(admin.id) == admin
    access.users.disable(other.id, disabled=False)
    act(access.users, admin.id)


def test_two_admins_cannot_put_each_other_out(access: Access) -> None:
    ids = [access.users.add(name, Role.ADMIN).id for name in ("ann", "bob")]

    def put_out(user_id: str) -> bool:
        try:
            access.users.set_role(user_id, Role.VIEWER)
        except LastAdmin:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(put_out, ids)) == [False, True]


def test_a_session_is_whose_it_is_until_it_is_over(access: Access, clock: Clock) -> None:
    ann = access.users.add("ann", Role.APPROVER)
    token = access.sessions.open(ann.id, ip="192.0.2.1", agent="x" * 500)
    who = access.user_by(token, "192.0.2.2")
    assert who is not None
    assert (who.name, who.role, who.rights) == ("ann", Role.APPROVER, RIGHTS[Role.APPROVER])
    (session,) = access.sessions.of(ann.id)
    assert (session.id, session.ip, len(session.agent)) == (who.session, "192.0.2.1", 200)
    assert access.sessions.find("made up") is None
    clock.at += IDLE
    assert access.sessions.find(token, seen=False) is not None
    clock.at += SEEN_EVERY
    assert access.sessions.find(token) is None
    assert access.sessions.all() == []


def test_being_seen_keeps_a_session_but_not_for_ever(access: Access, clock: Clock) -> None:
    ann = access.users.add("ann", Role.VIEWER)
    token = access.sessions.open(ann.id, ip="", agent="")
    began = clock.at
    while clock.at - began <= LONGEST:
        assert access.sessions.find(token) is not None
        clock.at += IDLE
    assert access.sessions.find(token) is None


def test_sessions_end_one_by_one_or_all_but_one(access: Access) -> None:
    ann, bob = (access.users.add(name, Role.VIEWER) for name in ("ann", "bob"))
    tokens = [access.sessions.open(ann.id, ip="", agent="") for _ in range(3)]
    kept = access.sessions.open(bob.id, ip="", agent="")
    found = access.sessions.find(tokens[0])
    assert found is not None
    assert access.sessions.end_all(ann.id, but=found[0].id) == 2
    assert [access.sessions.find(token) is not None for token in tokens] == [True, False, False]
    assert access.sessions.end(found[0].id)
    assert not access.sessions.end(found[0].id)
    assert access.sessions.find(kept) is not None
    access.users.set_password(bob.id, "hash")
    assert access.sessions.find(kept) is None


def test_a_link_is_taken_by_one_of_many(access: Access, clock: Clock) -> None:
    token = access.links.make("ann", Purpose.PASSWORD, "payload")
    assert access.links.look(token, Purpose.PASSWORD) == ("ann", "payload")
    assert access.links.look(token, Purpose.SECOND_STEP) is None
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda _: access.links.take(token, Purpose.PASSWORD), range(6)))
    assert sorted(taken, key=bool) == [None] * 5 + [("ann", "payload")]
    late = access.links.make("ann", Purpose.PASSWORD)
    clock.at += LIFE[Purpose.PASSWORD]
    assert access.links.look(late, Purpose.PASSWORD) is None
    assert access.links.take(late, Purpose.PASSWORD) is None


def test_the_first_admin_is_one_however_many_start_at_once(access: Access) -> None:
    with ThreadPoolExecutor(4) as pool:
        links = list(pool.map(lambda _: first_link(access), range(4)))
    assert len(set(links)) == 4
    (admin,) = access.users.all()
    access.users.set_password(admin.id, "hash")
    assert first_link(access) is None
    assert access.links.look(str(links[0]).rpartition("/")[2], Purpose.PASSWORD) is None


def test_of_many_tries_at_once_no_more_than_the_free_ones_begin(
    access: Access, clock: Clock
) -> None:
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda _: access.tries.begin({"name ann": 5}), range(24)))
    assert sum(isinstance(each, Begun) for each in begun) == 5
    slowed = access.tries.begin({"name ann": 5})
    assert slowed == Slowed(dt.timedelta(seconds=1))
    assert isinstance(access.tries.begin({"name bob": 5}), Begun)
    access.tries.succeeded("name ann")
    assert isinstance(access.tries.begin({"name ann": 5}), Begun)
    pauses = []
    for _ in range(20):
        while isinstance(found := access.tries.begin({"name ann": 5}), Slowed):
            pauses.append(found.wait.total_seconds())
            clock.at += found.wait
    assert pauses[:5] == [1, 2, 4, 8, 16]
    assert pauses[-1] == 900
    clock.at += dt.timedelta(days=1, seconds=1)
    assert access.tries.begin({"name ann": 5}) == Begun()


def test_a_key_is_found_by_its_text_until_it_is_over(access: Access, clock: Clock) -> None:
    key, text = access.keys.make("report", Role.VIEWER, "ann", dt.timedelta(days=1))
    assert access.keys.find(text) == key
    assert access.keys.find(text + "x") is access.keys.find("") is None
    (noted,) = access.keys.all()
    assert noted.used_at == clock.at
    clock.at += dt.timedelta(days=1)
    assert access.keys.find(text) is None
    _, text = access.keys.make("other", Role.ADMIN, "ann", dt.timedelta(days=1))
    (other, _) = access.keys.all()
    assert access.keys.revoke(other.id)
    assert not access.keys.revoke(other.id)
    assert access.keys.find(text) is None


def test_a_code_opens_once_though_many_send_it_at_once(access: Access, clock: Clock) -> None:
    ann = access.users.add("ann", Role.ADMIN)
    codes = access.second.begin(ann, SECRET, pyotp.TOTP(SECRET).at(clock.at))
    assert codes is not None
    user = access.users.find(ann.id)
    assert user is not None
    clock.at += dt.timedelta(minutes=5)
    code = pyotp.TOTP(SECRET).at(clock.at)
    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(lambda _: access.second.take(user, code), range(6))).count(True) == 1
        found = pool.map(lambda _: access.second.take(user, codes[3]), range(6))
        assert list(found).count(True) == 1
    assert access.second.left(ann.id) == 9
    assert not access.second.take(ann, code), "without a secret there are no codes"
    access.second.end(ann.id)
    assert access.second.left(ann.id) == 0
    assert access.second.begin(ann, SECRET, "123456") is None
