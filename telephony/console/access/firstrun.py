"""The first admin: nobody has a password at the start, and a link that works once makes one."""

from telephony.console.access.access import Access
from telephony.console.access.links import Purpose
from telephony.console.access.roles import Role
from telephony.console.access.users import NameTaken, User, can_sign_in

FIRST = "admin"
WELCOME = "/console/welcome"


def first_link(access: Access) -> str | None:
    """The path of a new link for the admin, whom it makes; None once an admin can sign in."""
    if can_sign_in(access.users.all()):
        return None
    return link_for(access, _first(access))


def link_for(access: Access, user: User) -> str:
    """The path of a link by which this user chooses a password, once."""
    return f"{WELCOME}/{access.links.make(user.id, Purpose.PASSWORD)}"


def _first(access: Access) -> User:
    try:
        return access.users.add(FIRST, Role.ADMIN)
    except NameTaken:
        # Of a start before, or of another process that starts just now.
        found = access.users.named(FIRST)
        assert found is not None, "a name that is taken is somebody's"
        return found
