"""The routes of users, keys, sessions, the audit log and the settings: what admins see to."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from telephony.configuring.configuration import NUMBERS_FILE
from telephony.configuring.numbers import assigned
from telephony.configuring.redaction import redaction_of
from telephony.console.access.access import Access
from telephony.console.access.policy import current, needs, signed_in
from telephony.console.access.reception import NotDone, Reception
from telephony.console.access.roles import Right, Who
from telephony.console.desk import ConfigDesk
from telephony.console.joining import joined
from telephony.console.parts import Parts
from telephony.console.peopleviews import (
    AddUserBody,
    AuditView,
    ChangeUserBody,
    KeysView,
    LinkView,
    MakeKeyBody,
    MeView,
    NewKeyView,
    NumbersView,
    NumberView,
    RedactionView,
    SessionsView,
    SettingsView,
    UsersView,
    UserView,
    VerdictView,
    entry_view,
    key_view,
    me_view,
    redaction_view,
    session_view,
    setting_view,
    user_view,
    verdict_view,
)
from telephony.console.problems import Refused
from telephony.settings import describe
from tools.config import ConfigError, Document

PAGE = 50
MOST = 200
MAX_NUMBER = 2**53

Me = Annotated[Who, Depends(current)]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$", description="As lists show it.")]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Before = Annotated[int | None, Query(ge=1, le=MAX_NUMBER, description="Page on from this one.")]
Words = Annotated[str, Query(max_length=100, description="In name, action, object or address.")]
_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"description": "Refused"},
    409: {"description": "Refused"},
}


def people_router(parts: Parts) -> APIRouter:
    """Plain functions on purpose: they block, so FastAPI runs them in threads."""
    router, reception = APIRouter(), Reception(parts.access)
    joined(
        router,
        (
            _own(parts.access, reception),
            _users(parts.access, reception),
            _keys(parts.access, reception),
            _sessions(parts.access, reception),
            _audit(parts.access),
            _settings(parts),
            _numbers(parts.config),
        ),
    )
    return router


def done(work: Callable[[], Any]) -> Any:
    """What comes of it. Raises Refused where it cannot be done."""
    try:
        return work()
    except NotDone as error:
        status, code = (404, "not-found") if error.gone else (409, "not-done")
        raise Refused(status, code, str(error)) from None


def _own(access: Access, reception: Reception) -> APIRouter:
    router = APIRouter(tags=["account"], dependencies=[signed_in()])

    @router.get("/me")
    def me(who: Me) -> MeView:
        """Who asks, and what they may do."""
        return me_view(who)

    @router.get("/me/sessions")
    def own_sessions(who: Me) -> SessionsView:
        """Where one is signed in oneself."""
        return SessionsView(
            sessions=[session_view(each, who.name, who) for each in access.sessions.of(who.id)]
        )

    @router.delete("/me/sessions", status_code=204)
    def end_others(who: Me) -> None:
        """Sign out everywhere else."""
        reception.end_others(who)

    @router.delete("/me/sessions/{session_id}", status_code=204, responses=_ERRORS)
    def end_own(session_id: Id, who: Me) -> None:
        """Sign out there."""
        done(lambda: reception.end_session(who, session_id, of=who.id))

    return router


def _users(access: Access, reception: Reception) -> APIRouter:
    router = APIRouter(tags=["users"], dependencies=[needs(Right.ADMIN)])

    @router.get("/users")
    def users() -> UsersView:
        """Who may sign in."""
        return UsersView(users=[user_view(each) for each in access.users.all()])

    @router.post("/users", status_code=201, responses=_ERRORS)
    def add(body: AddUserBody, who: Me) -> LinkView:
        """Let somebody in; they choose their password by the link."""
        user, path = done(lambda: reception.add(who, body.name, body.role))
        return LinkView(id=user.id, path=path)

    @router.patch("/users/{user_id}", responses=_ERRORS)
    def change(user_id: Id, body: ChangeUserBody, who: Me) -> UserView:
        """Another role, no or again access, no second step any more: at once, everywhere."""
        done(lambda: _change(reception, who, user_id, body))
        return user_view(done(lambda: reception.user(user_id)))

    @router.delete("/users/{user_id}", status_code=204, responses=_ERRORS)
    def remove(user_id: Id, who: Me) -> None:
        """Take somebody off the list; what they did stays in the audit log."""
        done(lambda: reception.remove(who, user_id))

    @router.post("/users/{user_id}/link", status_code=201, responses=_ERRORS)
    def link(user_id: Id, who: Me) -> LinkView:
        """A link by which they choose a new password."""
        return LinkView(id=user_id, path=done(lambda: reception.new_link(who, user_id)))

    return router


def _change(reception: Reception, who: Who, user_id: str, body: ChangeUserBody) -> None:
    """Raises NotDone."""
    if body.second_step:
        raise NotDone("Only users themselves can add a second step.")
    if body.role is not None:
        reception.set_role(who, user_id, body.role)
    if body.disabled is not None:
        reception.set_disabled(who, user_id, disabled=body.disabled)
    if body.second_step is False:
        reception.drop_code(who, user_id)


def _keys(access: Access, reception: Reception) -> APIRouter:
    router = APIRouter(tags=["keys"], dependencies=[needs(Right.ADMIN)])

    @router.get("/keys")
    def keys() -> KeysView:
        """The keys of programs, with those that are over."""
        return KeysView(keys=[key_view(each) for each in access.keys.all()])

    @router.post("/keys", status_code=201, responses=_ERRORS)
    def make(body: MakeKeyBody, who: Me) -> NewKeyView:
        """A key that may do what a role may, until it expires."""
        key, text = done(lambda: reception.make_key(who, body.name, body.role, body.days))
        return NewKeyView(**key_view(key).model_dump(), key=text)

    @router.delete("/keys/{key_id}", status_code=204, responses=_ERRORS)
    def revoke(key_id: Id, who: Me) -> None:
        """From now on it opens nothing."""
        done(lambda: reception.revoke_key(who, key_id))

    return router


def _sessions(access: Access, reception: Reception) -> APIRouter:
    router = APIRouter(tags=["sessions"], dependencies=[needs(Right.ADMIN)])

    @router.get("/sessions")
    def sessions(who: Me) -> SessionsView:
        """Who is signed in, and where."""
        names = {user.id: user.name for user in access.users.all()}
        found = [each for each in access.sessions.all() if each.user_id in names]
        return SessionsView(
            sessions=[session_view(each, names[each.user_id], who) for each in found]
        )

    @router.delete("/sessions/{session_id}", status_code=204, responses=_ERRORS)
    def end(session_id: Id, who: Me) -> None:
        """Sign somebody out there."""
        done(lambda: reception.end_session(who, session_id))

    return router


def _audit(access: Access) -> APIRouter:
    router = APIRouter(tags=["audit log"], dependencies=[needs(Right.ADMIN)])

    @router.get("/audit")
    def audit(limit: Limit = PAGE, before: Before = None, q: Words = "") -> AuditView:
        """What was done, by whom, newest first."""
        found = access.audit.entries(limit, before=before, containing=q)
        further = found[-1].number if len(found) == limit else None
        return AuditView(entries=[entry_view(each) for each in found], next=further)

    @router.get("/audit/verify")
    def verify() -> VerdictView:
        """Whether the log is as it was written."""
        return verdict_view(access.audit.verify())

    return router


def _settings(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["settings"], dependencies=[needs(Right.ADMIN)])

    @router.get("/settings")
    def settings() -> SettingsView:
        """What this deployment is set to; nothing secret."""
        return SettingsView(settings=[setting_view(row) for row in describe(parts.settings)])

    return router


def _numbers(desk: ConfigDesk) -> APIRouter:
    router = APIRouter(tags=["settings"], dependencies=[needs(Right.VIEW)])

    @router.get("/numbers")
    def numbers() -> NumbersView:
        """Which persona answers which of our numbers."""
        return numbers_of(desk)

    @router.get("/redaction")
    def redaction() -> RedactionView:
        """What personas and tools keep out of the records of calls."""
        return redaction_rules(desk)

    return router


def numbers_of(desk: ConfigDesk) -> NumbersView:
    """Blocks."""
    published = desk.versions.pointers().published
    files = desk.versions.files(published) if published is not None else {}
    found: list[ConfigError] = []
    paths = [path for path in files if path.startswith("personas/") and path.endswith(".yaml")]
    stems = {path.removeprefix("personas/").removesuffix(".yaml"): path for path in sorted(paths)}
    numbers, default = assigned(
        Document(files.get(NUMBERS_FILE, ""), NUMBERS_FILE, found), list(stems)
    )
    return NumbersView(
        numbers=[
            NumberView(number=number, persona=persona, file=stems.get(persona, ""))
            for number, persona in sorted(numbers.items())
        ],
        default=default,
        version=published,
    )


def redaction_rules(desk: ConfigDesk) -> RedactionView:
    """Blocks."""
    published = desk.versions.pointers().published
    return redaction_view(redaction_of(desk.versions.files(published)), published)
