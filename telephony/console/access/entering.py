"""What signing in comes to: who it is, and what they still have to show."""

import datetime as dt
import math

import msgspec

from telephony.console.access.access import Access
from telephony.console.access.elsewhere import Elsewhere, Person, Trip
from telephony.console.access.links import Purpose
from telephony.console.access.passwords import Busy, weakness
from telephony.console.access.roles import Role, Who, stranger
from telephony.console.access.tokens import same
from telephony.console.access.tries import ADDRESS, CODE, NAME, PAIR, Slowed
from telephony.console.access.users import User

NOT_RIGHT = "That name and password do not belong together."
"""For every reason: what was wrong tells a stranger who there is."""
LINK_OVER = "This link was used already, or is too old. Ask an admin for a new one."
BUSY = "Too many people sign in at this moment. Try again in a few seconds."
WRONG_CODE = "That is not the code of this moment. A code is good once."
NOT_LISTED = "{} is not on the list: ask an admin to add this name."
TOO_LATE = "That took too long. Begin again with your name."


class Browser(msgspec.Struct, frozen=True):
    """Where somebody signs in from, as far as that is known."""

    ip: str
    agent: str
    session: str = ""
    """The token it came with: of a session that a new one takes the place of."""
    proof: str = ""
    """What only this browser knows."""


class Entered(msgspec.Struct, frozen=True):
    """They are in."""

    token: str
    """Of the session."""
    who: Who
    must_add_code: bool = False
    """Their role asks for a second step, and they have none yet."""


class CodeWanted(msgspec.Struct, frozen=True):
    """The password is right; now the code of their app."""

    link: str
    """What to come back with."""


class Denied(msgspec.Struct, frozen=True):
    """They are not; what to tell them."""

    why: str
    wait_s: int = 0
    """Not to be tried again before."""
    over: bool = False
    """There is nothing to be mended: they have to begin again."""


class Entrance:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def by_password(
        self, name: str, password: str, browser: Browser
    ) -> Entered | CodeWanted | Denied:
        access, key = self._access, name.strip().lower()
        pair = f"pair {key} {browser.ip}"
        subjects = {pair: PAIR, f"name {key}": NAME, f"address {browser.ip}": ADDRESS}
        if (slowed := self._count(subjects, browser.ip)) is not None:
            return slowed
        found = access.users.named(name)
        try:
            fits = access.passwords.fits(password, found.password if found else None)
        except Busy:
            return Denied(BUSY, wait_s=3)
        if found is None or not fits or found.disabled_at is not None:
            return Denied(NOT_RIGHT)
        access.tries.succeeded(pair, f"name {key}")
        if found.totp_secret is not None:
            return CodeWanted(access.links.make(found.id, Purpose.SECOND_STEP))
        return self.enter(found, browser)

    def by_code(self, link: str, code: str, browser: Browser) -> Entered | Denied:
        """The second step. A wrong code leaves the link as it is, for a few tries."""
        access = self._access
        found = access.links.look(link, Purpose.SECOND_STEP)
        owner = access.users.find(found[0]) if found else None
        if owner is None or owner.disabled_at is not None:
            return Denied(TOO_LATE, over=True)
        subject = f"code {owner.id}"
        if (slowed := self._count({subject: CODE}, browser.ip)) is not None:
            return slowed
        if not access.second.take(owner, code):
            return Denied(WRONG_CODE)
        if access.links.take(link, Purpose.SECOND_STEP) is None:
            return Denied(TOO_LATE, over=True)
        access.tries.succeeded(subject)
        return self.enter(owner, browser)

    def leave_for(self, elsewhere: Elsewhere, browser: Browser, path: str) -> str:
        """The address of the single sign-on. Raises NotKnown."""
        trip = elsewhere.trip(browser.proof, path)
        kept = msgspec.json.encode(trip).decode()
        return elsewhere.address(trip, self._access.links.make("", Purpose.ELSEWHERE, kept))

    def by_return(
        self, elsewhere: Elsewhere, state: str, code: str, browser: Browser
    ) -> tuple[Entered | CodeWanted | Denied, str]:
        """Who came back from there, and where they wanted to go. Raises NotKnown."""
        access = self._access
        found = access.links.take(state, Purpose.ELSEWHERE)
        trip = msgspec.json.decode(found[1], type=Trip) if found else None
        if trip is None or not same(trip.browser, browser.proof):
            return Denied(TOO_LATE, over=True), ""
        person = elsewhere.person(trip, code)
        owner = access.users.known_as(person.subject) or self._first_time(person, browser)
        if owner is None or owner.disabled_at is not None:
            access.audit.record(stranger(person.email, browser.ip), "sign-in.unknown", "elsewhere")
            return Denied(NOT_LISTED.format(person.email or person.subject), over=True), ""
        if owner.totp_secret is not None:
            return CodeWanted(access.links.make(owner.id, Purpose.SECOND_STEP)), trip.path
        return self.enter(owner, browser), trip.path

    def _first_time(self, person: Person, browser: Browser) -> User | None:
        """The user an admin has added by this mail address, and who belongs to nobody yet."""
        owner = self._access.users.named(person.email) if person.email else None
        if owner is None or owner.subject is not None:
            return None
        self._access.users.link(owner.id, person.subject)
        facts = {"subject": person.subject}
        self._access.audit.record(
            stranger(owner.name, browser.ip), "user.link-elsewhere", _named(owner), after=facts
        )
        return owner

    def owner_of(self, link: str) -> User | None:
        """Who may choose a password by this link; it is still good after this."""
        found = self._access.links.look(link, Purpose.PASSWORD)
        return self._access.users.find(found[0]) if found else None

    def by_link(self, link: str, password: str, browser: Browser) -> Entered | CodeWanted | Denied:
        """Take the link and keep the password. A password of no use leaves the link as it is."""
        access, owner = self._access, self.owner_of(link)
        if owner is None or owner.disabled_at is not None:
            return Denied(LINK_OVER, over=True)
        if weak := weakness(password, owner.name):
            return Denied(weak)
        try:
            hashed = access.passwords.hashed(password)
        except Busy:
            return Denied(BUSY, wait_s=3)
        if access.links.take(link, Purpose.PASSWORD) is None:
            return Denied(LINK_OVER, over=True)
        access.users.set_password(owner.id, hashed)
        access.audit.record(stranger(owner.name, browser.ip), "user.password", _named(owner))
        # The link stands for the password, and not for the app.
        if owner.totp_secret is not None:
            return CodeWanted(access.links.make(owner.id, Purpose.SECOND_STEP))
        return self.enter(owner, browser)

    def enter(self, owner: User, browser: Browser) -> Entered:
        """A session of its own: the one the browser came with, if any, is over."""
        access = self._access
        if browser.session:
            access.sessions.close(browser.session)
        token = access.sessions.open(owner.id, ip=browser.ip, agent=browser.agent)
        who = access.user_by(token, browser.ip)
        assert who is not None, "a session that was just opened"
        access.audit.record(who, "session.open", _named(owner))
        return Entered(token, who, owner.totp_secret is None and access.wants_code(owner.role))

    def leave(self, who: Who, token: str) -> None:
        self._access.sessions.close(token)
        self._access.audit.record(who, "session.close", f"user {who.name}")

    def _count(self, subjects: dict[str, int], ip: str) -> Denied | None:
        begun = self._access.tries.begin(subjects)
        if isinstance(begun, Slowed):
            wait_s = math.ceil(begun.wait / dt.timedelta(seconds=1))
            return Denied(f"Too many tries. Try again in {_long(wait_s)}.", wait_s=wait_s)
        if begun.slows:
            # What was typed as a name may have been a password: only the kind is written down.
            kind = begun.slows.partition(" ")[0]
            self._access.audit.record(stranger("", ip), "sign-in.slowed", kind)
        return None


def needs_code(role: Role, setting: str) -> bool:
    """Whether the setting asks this role for a second step: nobody, admins or everybody."""
    return setting == "everybody" or (setting == "admins" and role is Role.ADMIN)


def _named(user: User) -> str:
    return f"user {user.name}"


def _long(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
