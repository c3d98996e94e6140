"""Who may do what: rights, the roles that are made of them, and whoever asks."""

from collections.abc import Mapping
from enum import Enum

import msgspec


class Right(Enum):
    VIEW = "view"
    """See calls, as far as every role may."""
    HEAR = "hear"
    """Recordings, and what is hidden from those who may only look."""
    EDIT = "edit"
    """Tools, personas, labels, notes."""
    APPROVE = "approve"
    """Decide what waits for a person's word."""
    CONTROL = "control"
    """Hang up, transfer, whisper, take over, listen in."""
    ADMIN = "admin"
    """Users, keys, retention, settings, the audit log."""


class Role(Enum):
    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    ADMIN = "admin"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.VIEW}),
    Role.EDITOR: frozenset({Right.VIEW, Right.HEAR, Right.EDIT}),
    Role.APPROVER: frozenset({Right.VIEW, Right.HEAR, Right.APPROVE, Right.CONTROL}),
    Role.ADMIN: frozenset(Right),
}


class Who(msgspec.Struct, frozen=True):
    """Somebody who is known: a user by their session, or a program by its key."""

    id: str
    """Of the user or the key; random."""
    name: str
    role: Role
    rights: frozenset[Right]
    session: str = ""
    """The public id of the session; empty for a key."""
    key: str = ""
    """The id of the API key; empty for a session."""
    ip: str = ""
    must_add_code: bool = False
    """They have no rights before they have added the second step that their role asks for."""

    def may(self, right: Right) -> bool:
        return right in self.rights


def user(
    id_: str, name: str, role: Role, *, session: str, ip: str, must_add_code: bool = False
) -> Who:
    rights = frozenset() if must_add_code else RIGHTS[role]
    return Who(id_, name, role, rights, session=session, ip=ip, must_add_code=must_add_code)


def program(id_: str, name: str, role: Role, *, ip: str) -> Who:
    return Who(id_, name, role, RIGHTS[role], key=id_, ip=ip)


def stranger(name: str, ip: str) -> Who:
    """Somebody who is not known, for the audit log; `name` as far as it is sure."""
    return Who("", name, Role.VIEWER, frozenset(), ip=ip)
