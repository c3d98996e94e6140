"""Who comes to the console and the API: everything that knows users, in one place."""

import datetime as dt
from collections.abc import Callable

from telephony.console.access import roles
from telephony.console.access.audit import Audit
from telephony.console.access.elsewhere import Elsewhere
from telephony.console.access.keys import Keys
from telephony.console.access.links import Links
from telephony.console.access.origins import Origins
from telephony.console.access.passwords import Passwords
from telephony.console.access.roles import Role, Who
from telephony.console.access.secondstep import SecondStep
from telephony.console.access.sessions import Sessions
from telephony.console.access.throttle import Rate
from telephony.console.access.tokens import same
from telephony.console.access.tries import Tries
from telephony.console.access.users import Users
from telephony.console.desk import Desk
from tools.store import Store

BOOTSTRAP = "bootstrap"
"""The id of the key that is a setting."""
UNNAMED = "api"


class Access:
    """One for a process. What blocks says so; the gate asks in threads of its own."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], dt.datetime],
        origins: Origins,
        key: str | None = None,
        passwords: Passwords | None = None,
        wants_code: Callable[[Role], bool] = lambda _role: False,
        rate: Rate | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """`key` is FRONTDESK_API_KEY; `clock` gives the time with its zone; `wants_code` says
        which roles must have a second step; `rate` is how fast one client may ask."""
        self.clock = clock
        self.origins = origins
        self.users = Users(store, clock)
        self.sessions = Sessions(store, clock)
        self.links = Links(store, clock)
        self.keys = Keys(store, clock)
        self.audit = Audit(store, clock)
        self.tries = Tries(store, clock)
        self.second = SecondStep(store, clock)
        self.wants_code = wants_code
        self.rate = rate or Rate()
        self.elsewhere = elsewhere
        """The single sign-on, where there is one."""
        self.passwords = passwords or Passwords()
        self.desk = Desk("access")
        self._key = key

    def user_by(self, token: str, ip: str, *, seen: bool = True) -> Who | None:
        """Whose session this is. Blocks."""
        found = self.sessions.find(token, seen=seen)
        if found is None:
            return None
        session, user = found
        return roles.user(
            user.id,
            user.name,
            user.role,
            session=session.id,
            ip=ip,
            must_add_code=user.totp_secret is None and self.wants_code(user.role),
        )

    def program_by(self, text: str, ip: str) -> Who | None:
        """Which program this key is of. Blocks."""
        if self._key is not None and same(text, self._key):
            return roles.program(BOOTSTRAP, UNNAMED, Role.ADMIN, ip=ip)
        key = self.keys.find(text)
        return None if key is None else roles.program(key.id, key.name, key.role, ip=ip)
