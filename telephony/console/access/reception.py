"""What admins do with users, keys and sessions, and users with their own; all written down."""

import datetime as dt

from telephony.console.access.access import Access
from telephony.console.access.firstrun import link_for
from telephony.console.access.keys import Key
from telephony.console.access.passwords import Busy, weakness
from telephony.console.access.roles import Role, Who
from telephony.console.access.tries import CODE, PAIR, Slowed
from telephony.console.access.users import LastAdmin, NameTaken, User

LONGEST_KEY_NAME = 60
LONGEST_KEY_DAYS = 365


class NotDone(Exception):  # noqa: N818 - an answer, not an error
    """It cannot be done; the message is for whoever asked. `gone`: there is no such thing."""

    def __init__(self, why: str, *, gone: bool = False) -> None:
        super().__init__(why)
        self.gone = gone


class Reception:
    """Every method blocks; BackendError when the database cannot be reached, else NotDone."""

    def __init__(self, access: Access) -> None:
        self._access = access

    # ---- users ---------------------------------------------------------------------------------

    def add(self, who: Who, name: str, role: Role) -> tuple[User, str]:
        """The user, and the path of the link by which they choose a password."""
        access = self._access
        try:
            user = access.users.add(name, role)
        except (ValueError, NameTaken) as error:
            raise NotDone(str(error)) from None
        access.audit.record(who, "user.add", _named(user), after={"role": role.value})
        return user, link_for(access, user)

    def new_link(self, who: Who, user_id: str) -> str:
        """The path of a link by which they choose a new password."""
        user = self.user(user_id)
        link = link_for(self._access, user)
        self._access.audit.record(who, "user.link", _named(user))
        return link

    def set_role(self, who: Who, user_id: str, role: Role) -> None:
        user = self.user(user_id)
        if user.role is role:
            return
        try:
            self._access.users.set_role(user_id, role)
        except LastAdmin as error:
            raise NotDone(str(error)) from None
        before, after = {"role": user.role.value}, {"role": role.value}
        self._access.audit.record(who, "user.role", _named(user), before, after)

    def set_disabled(self, who: Who, user_id: str, *, disabled: bool) -> None:
        user = self.user(user_id)
        try:
            self._access.users.disable(user_id, disabled=disabled)
        except LastAdmin as error:
            raise NotDone(str(error)) from None
        action = "user.disable" if disabled else "user.enable"
        self._access.audit.record(who, action, _named(user))

    def remove(self, who: Who, user_id: str) -> None:
        user = self.user(user_id)
        try:
            self._access.users.remove(user_id)
        except LastAdmin as error:
            raise NotDone(str(error)) from None
        self._access.audit.record(who, "user.remove", _named(user), {"role": user.role.value})

    def drop_code(self, who: Who, user_id: str) -> None:
        """They have lost their app and their recovery codes."""
        user = self.user(user_id)
        self._access.second.end(user_id)
        self._access.audit.record(who, "user.second-step.drop", _named(user))

    # ---- sessions ------------------------------------------------------------------------------

    def end_session(self, who: Who, session_id: str, *, of: str | None = None) -> None:
        """`of`: only if it is a session of this user."""
        owned = self._access.sessions.of(of) if of is not None else self._access.sessions.all()
        found = next((each for each in owned if each.id == session_id), None)
        if found is None or not self._access.sessions.end(session_id):
            raise NotDone("There is no such session any more.", gone=True)
        owner = self._access.users.find(found.user_id)
        named = f"session {session_id} of {owner.name if owner else found.user_id}"
        self._access.audit.record(who, "session.end", named)

    def end_others(self, who: Who) -> int:
        """All sessions of this user but the one they are in; how many."""
        ended = self._access.sessions.end_all(who.id, but=who.session)
        self._access.audit.record(who, "session.end", f"other sessions of {who.name}")
        return ended

    # ---- keys ----------------------------------------------------------------------------------

    def make_key(self, who: Who, name: str, role: Role, days: int) -> tuple[Key, str]:
        """The key and its text, which nobody can be shown again."""
        plain = " ".join(name.split())
        if not 0 < len(plain) <= LONGEST_KEY_NAME or not plain.isprintable():
            raise NotDone(f"Give the key a name of 1 to {LONGEST_KEY_NAME} characters.")
        if not 0 < days <= LONGEST_KEY_DAYS:
            raise NotDone(f"A key is good for 1 to {LONGEST_KEY_DAYS} days.")
        life = dt.timedelta(days=days)
        key, text = self._access.keys.make(plain, role, who.name, life)
        facts = {"name": plain, "role": role.value, "days": days}
        self._access.audit.record(who, "key.make", f"key {key.id}", after=facts)
        return key, text

    def revoke_key(self, who: Who, key_id: str) -> None:
        if not self._access.keys.revoke(key_id):
            raise NotDone("There is no such key that could be used.", gone=True)
        self._access.audit.record(who, "key.revoke", f"key {key_id}")

    # ---- one's own -----------------------------------------------------------------------------

    def change_password(self, who: Who, old: str, new: str) -> None:
        """Ends all sessions of the user, this one too: the caller opens a new one."""
        user, access = self.user(who.id), self._access
        self._prove(user, who, old)
        if weak := weakness(new, user.name):
            raise NotDone(weak)
        try:
            access.users.set_password(user.id, access.passwords.hashed(new))
        except Busy:
            raise NotDone("Too many passwords at once; try again in a few seconds.") from None
        access.audit.record(who, "user.password", _named(user))

    def add_code(self, who: Who, secret: str, code: str) -> list[str]:
        """The recovery codes. From now on the app's codes are asked for."""
        user = self.user(who.id)
        if user.totp_secret is not None:
            raise NotDone("There is a second step already.")
        codes = self._access.second.begin(user, secret, code)
        if codes is None:
            raise NotDone("That is not what the app shows for this picture. Is its clock right?")
        self._access.audit.record(who, "user.second-step.add", _named(user))
        return codes

    def remove_code(self, who: Who, password: str, code: str) -> None:
        """Whoever finds a screen left open cannot do it."""
        user, access = self.user(who.id), self._access
        if access.wants_code(user.role):
            raise NotDone("Your role must have a second step.")
        self._prove(user, who, password)
        if isinstance(access.tries.begin({f"code {user.id}": CODE}), Slowed):
            raise NotDone("Too many tries. Wait a little.")
        if not access.second.take(user, code):
            raise NotDone("That is not the code of this moment. A code is good once.")
        access.tries.succeeded(f"code {user.id}")
        access.second.end(user.id)
        access.audit.record(who, "user.second-step.remove", _named(user))

    def _prove(self, user: User, who: Who, password: str) -> None:
        access, subject = self._access, f"pair {user.name} {who.ip}"
        if isinstance(access.tries.begin({subject: PAIR}), Slowed):
            raise NotDone("Too many tries. Wait a little.")
        try:
            fits = access.passwords.fits(password, user.password)
        except Busy:
            raise NotDone("Too many passwords at once; try again in a few seconds.") from None
        if not fits:
            raise NotDone("That is not your password.")
        access.tries.succeeded(subject)

    def user(self, user_id: str) -> User:
        user = self._access.users.find(user_id)
        if user is None:
            raise NotDone("There is no such user.", gone=True)
        return user


def _named(user: User) -> str:
    return f"user {user.name}"
