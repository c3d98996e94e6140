"""What signing in comes to: who it is, and what they still have to show."""

import msgspec

from telephony.console.access.access import Access
from telephony.console.access.links import Purpose
from telephony.console.access.passwords import weakness
from telephony.console.access.roles import Who
from telephony.console.access.users import User

NOT_RIGHT = "That name and password do not belong together."
"""For every reason: what was wrong tells a stranger who there is."""
LINK_OVER = "This link was used already, or is too old. Ask an admin for a new one."


class Entered(msgspec.Struct, frozen=True):
    """They are in."""

    token: str
    """Of the session."""
    who: Who


class Denied(msgspec.Struct, frozen=True):
    """They are not; what to tell them."""

    why: str


class Entrance:
    """Every method blocks; BackendError when the database cannot be reached, Busy when too many
    come at once."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def by_password(self, name: str, password: str, *, ip: str, agent: str) -> Entered | Denied:
        found = self._access.users.named(name)
        fits = self._access.passwords.fits(password, found.password if found else None)
        if found is None or not fits or found.disabled_at is not None:
            return Denied(NOT_RIGHT)
        return self._enter(found, ip=ip, agent=agent)

    def owner_of(self, link: str) -> User | None:
        """Who may choose a password by this link; it is still good after this."""
        found = self._access.links.look(link, Purpose.PASSWORD)
        return self._access.users.find(found[0]) if found else None

    def by_link(self, link: str, password: str, *, ip: str, agent: str) -> Entered | Denied:
        """Take the link and keep the password. A password of no use leaves the link as it is."""
        owner = self.owner_of(link)
        if owner is None or owner.disabled_at is not None:
            return Denied(LINK_OVER)
        if weak := weakness(password, owner.name):
            return Denied(weak)
        hashed = self._access.passwords.hashed(password)
        if self._access.links.take(link, Purpose.PASSWORD) is None:
            return Denied(LINK_OVER)
        self._access.users.set_password(owner.id, hashed)
        return self._enter(owner, ip=ip, agent=agent, action="user.password")

    def _enter(self, owner: User, *, ip: str, agent: str, action: str = "session.open") -> Entered:
        access = self._access
        token = access.sessions.open(owner.id, ip=ip, agent=agent)
        who = access.user_by(token, ip)
        assert who is not None, "a session that was just opened"
        access.audit.record(who, action, f"user {owner.name}")
        return Entered(token, who)

    def leave(self, who: Who, token: str) -> None:
        self._access.sessions.close(token)
        self._access.audit.record(who, "session.close", f"user {who.name}")
