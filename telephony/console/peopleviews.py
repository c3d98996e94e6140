"""What the HTTP API shows and takes of users, keys, sessions, the audit log and the settings."""

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from telephony.configuring.redaction import Rules
from telephony.console.access.audit import Broken, Entry
from telephony.console.access.keys import Key
from telephony.console.access.roles import Role, Who
from telephony.console.access.sessions import Session
from telephony.console.access.users import User
from telephony.settings import Row
from tools.redacting.kinds import DEFAULT, LABELS, Sensitive


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MeView(_View):
    """Who asks."""

    name: str
    role: Role
    rights: list[str]
    program: bool = Field(description="Known by a key, not by a session.")


class UserView(_View):
    id: str
    name: str
    role: Role
    password: bool = Field(description="Whether one was chosen.")
    second_step: bool
    elsewhere: bool = Field(description="Signs in through the single sign-on.")
    disabled: bool
    created_at: dt.datetime


class UsersView(_View):
    """By name."""

    users: list[UserView]


class AddUserBody(_View):
    name: Annotated[str, Field(max_length=64)]
    role: Role


class ChangeUserBody(_View):
    """What is left out stays."""

    role: Role | None = None
    disabled: bool | None = None
    second_step: Annotated[
        bool | None, Field(description="false takes it off who has lost it; true is not possible.")
    ] = None


class LinkView(_View):
    """Leads, once and within a day, to where a password is chosen."""

    id: str = Field(description="Of the user.")
    path: str = Field(description="Behind the address of the console. Shown only here.")


class KeyView(_View):
    id: str
    name: str
    role: Role
    made_by: str
    created_at: dt.datetime
    expires_at: dt.datetime
    used_at: dt.datetime | None
    revoked_at: dt.datetime | None


class KeysView(_View):
    """The newest first."""

    keys: list[KeyView]


class MakeKeyBody(_View):
    name: Annotated[str, Field(min_length=1, max_length=60)]
    role: Role
    days: Annotated[int, Field(ge=1, le=365)] = 90


class NewKeyView(KeyView):
    key: str = Field(description="Shown only here.")


class SessionView(_View):
    id: str
    user: str
    created_at: dt.datetime
    seen_at: dt.datetime
    ip: str
    agent: str
    own: bool = Field(description="The one that asks.")


class SessionsView(_View):
    """The last that was used first."""

    sessions: list[SessionView]


class EntryView(_View):
    """One line of the audit log."""

    number: int
    at: dt.datetime
    who: str
    role: str
    action: str
    object: str
    before: str = Field(description="JSON, or empty.")
    after: str
    ip: str
    hash: str


class AuditView(_View):
    """Newest first."""

    entries: list[EntryView]
    next: int | None = Field(description="Give it as `before` to page on; null at the end.")


class VerdictView(_View):
    whole: bool
    number: int | None = Field(description="The first entry that is wrong or missing.")
    what: str


class SettingView(_View):
    name: str
    value: str = Field(description="Secrets are not shown.")
    source: str
    meaning: str


class SettingsView(_View):
    settings: list[SettingView]


class NumberView(_View):
    number: str = Field(description="Ours, E.164.")
    persona: str
    file: str = Field(description="Where the persona is written.")


class NumbersView(_View):
    """Of the published version."""

    numbers: list[NumberView]
    default: str = Field(description="The persona of all other numbers; empty for the built-in.")
    version: int | None


class KindView(_View):
    """One kind of what may be kept out of records."""

    name: str
    label: str = Field(description="What stands in its place.")
    usual: bool = Field(description="Kept out where a persona does not say otherwise.")


class PersonaRuleView(_View):
    persona: str = Field(description="Empty for the built-in one.")
    file: str
    kinds: list[str]
    said: bool = Field(description="Its file says so; otherwise these are the usual ones.")


class ToolRuleView(_View):
    tool: str
    file: str
    fields: list[str] = Field(description="Arguments, and fields of the answer.")


class RedactionView(_View):
    """Of the published version."""

    kinds: list[KindView]
    personas: list[PersonaRuleView]
    tools: list[ToolRuleView]
    version: int | None


def redaction_view(rules: Rules, version: int | None) -> RedactionView:
    return RedactionView(
        kinds=[
            KindView(name=each.value, label=LABELS[each], usual=each in DEFAULT)
            for each in Sensitive
        ],
        personas=[
            PersonaRuleView(
                persona=each.persona,
                file=each.path,
                kinds=[kind.value for kind in each.kinds],
                said=each.said,
            )
            for each in rules.personas
        ],
        tools=[
            ToolRuleView(tool=each.tool, file=each.path, fields=list(each.fields))
            for each in rules.tools
        ],
        version=version,
    )


def me_view(who: Who) -> MeView:
    rights = sorted(right.value for right in who.rights)
    return MeView(name=who.name, role=who.role, rights=rights, program=bool(who.key))


def user_view(user: User) -> UserView:
    return UserView(
        id=user.id,
        name=user.name,
        role=user.role,
        password=user.password is not None,
        second_step=user.totp_secret is not None,
        elsewhere=user.subject is not None,
        disabled=user.disabled_at is not None,
        created_at=user.created_at,
    )


def key_view(key: Key) -> KeyView:
    return KeyView(**{name: getattr(key, name) for name in Key.__struct_fields__})


def session_view(session: Session, owner: str, who: Who) -> SessionView:
    return SessionView(
        id=session.id,
        user=owner,
        created_at=session.created_at,
        seen_at=session.seen_at,
        ip=session.ip,
        agent=session.agent,
        own=session.id == who.session,
    )


def entry_view(entry: Entry) -> EntryView:
    shown = [name for name in Entry.__struct_fields__ if name != "who_id"]
    return EntryView(**{name: getattr(entry, name) for name in shown})


def verdict_view(broken: Broken | None) -> VerdictView:
    if broken is None:
        return VerdictView(whole=True, number=None, what="every entry is as it was written")
    return VerdictView(whole=False, number=broken.number, what=broken.what)


def setting_view(row: Row) -> SettingView:
    return SettingView(name=row.name, value=row.value, source=row.source, meaning=row.meaning)
