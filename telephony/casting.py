"""Who answers a call, in which words and with which tools?"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping

import msgspec
from msgspec import UNSET

from agents.persona import Persona
from telephony.configuring.configuration import Configuration, Files, load_configuration
from telephony.configuring.personafile import BudgetPart, OutsidePart, TurnTakingPart
from telephony.configuring.recordingpart import RecordingPart
from telephony.configuring.role import Role
from telephony.configuring.sessionpart import SessionPart
from telephony.configuring.turnspart import TurnsPart
from telephony.configuring.values import values_of
from telephony.line import Line
from telephony.settings import Settings
from tools.booking.shop import Shop
from tools.calls.offer import Targets
from tools.catalogue import modules
from tools.config import ConfigError
from tools.configuring.examples import Tried, try_examples
from tools.configuring.handlers import Handlers, Section, handlers_of
from tools.configuring.hours import in_hours
from tools.configuring.overlay import configured
from tools.configuring.toolset import Toolset
from tools.crm.config import FILE as CRM_FILE
from tools.crm.config import CrmConfig
from tools.crm.desk import CrmDesk, own_desk
from tools.phone import e164
from tools.redacting.kinds import DEFAULT, Kinds, kinds_of
from tools.registry import Registry
from tools.spec import Audience, Tool
from tools.store import Store

Sections = Mapping[str, Section]
_TRANSFER = "calls.transfer_call"


class Part(msgspec.Struct, frozen=True):
    """What one call is begun with, and keeps."""

    name: str
    """The persona's; empty for the built-in one."""
    persona: Persona
    registry: Registry
    """The tools this call is offered."""
    line: Line
    """Targets it may use, and how the floor changes hands."""
    ladder: tuple[str, ...]
    """Engines: the first that works carries the call."""
    barge_in: str
    budget: BudgetPart
    turns: TurnsPart = TurnsPart()
    """What the persona says of the turn-based engine."""
    session: SessionPart = SessionPart()
    """How its Realtime session is set up."""
    unkept: Kinds = DEFAULT
    """What is kept in no record of the call."""
    recording: RecordingPart = RecordingPart()
    """Whether callers have to agree to be recorded."""
    caller_name: str = ""
    """As contacts have it: a hint, numbers can be forged."""


class Cast:
    """Everybody of one configuration; made once, asked at every call."""

    def __init__(
        self,
        settings: Settings,
        configuration: Configuration,
        store: Store,
        plain: Persona,
        sections: Sections | None = None,
        crm: CrmDesk | None = None,
    ) -> None:
        """`plain` answers where no persona is configured, and lends others what their files do not
        say. Raises ConfigError for what only making the tools could show. May block."""
        self.configuration = configuration
        self._settings = settings
        self._engines = engines_of(settings)
        self.plain = plain
        self.crm = crm or own_desk(store, configuration.crm)
        """The book of contacts."""
        self._stage = _Stage(configuration, store, sections or {}, self.crm)
        self._registries = {
            name: self._stage.registry(role) for name, role in configuration.roles.items()
        }
        self.everything = self._stage.everything
        """All tools, whoever may use them."""

    def part(self, called: str, now: dt.datetime, caller_name: str = "") -> Part:
        """For a call that begins now (with a zone) to this number, as the carrier gave it."""
        number = e164(called)
        role = self.configuration.role_of(number)
        local = now.astimezone(self.configuration.shop.zone)
        name = role.name if role else ""
        registry = self._registries[name] if role else self.everything
        offered = [
            each.name for each in registry.tools() if _offered(each.audience, name, number, local)
        ]
        return Part(
            name=name,
            persona=self._persona(role, local, caller_name),
            registry=registry.only(offered),
            line=self._stage.line(role),
            ladder=self._ladder(role),
            barge_in=_said(role, "barge_in", self._settings.barge_in),
            caller_name=caller_name,
            budget=role.file.budget if role else BudgetPart(),
            turns=role.file.turns if role else TurnsPart(),
            session=role.file.session if role else SessionPart(),
            unkept=_unkept(role),
            recording=role.file.recording if role else RecordingPart(),
        )

    def line(self, called: str) -> Line:
        """Whom callers of this number are passed on to."""
        return self._stage.line(self.configuration.role_of(e164(called)))

    def closed(self, called: str, now: dt.datetime) -> OutsidePart | None:
        """What a caller gets instead of an agent; None: there is one."""
        role = self.configuration.role_of(e164(called))
        local = now.astimezone(self.configuration.shop.zone)
        if role is None or role.answers_at(local):
            return None
        return role.file.outside_hours

    def sentences(self) -> Iterator[str]:
        """All that is recorded before any call."""
        now = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
        for role in (None, *self.configuration.roles.values()):
            who = self._persona(role, now, "")
            line = self._stage.line(role)
            yield from (who.apology, who.filler, who.sorry)
            recording = role.file.recording if role else RecordingPart()
            yield from (recording.question, recording.notice)
            if human := line.transfers.get(line.human):
                yield human.say
        yield from (tool.filler for tool in self.everything.tools() if tool.filler)

    def engines(self) -> frozenset[str]:
        """Those that calls can come to."""
        roles = self.configuration.roles.values()
        ladders = [self._ladder(role) for role in roles] or [self._ladder(None)]
        return frozenset(kind for ladder in ladders for kind in ladder)

    def _persona(self, role: Role | None, local: dt.datetime, caller_name: str) -> Persona:
        if role is None:
            return self.plain
        shop = self.configuration.shop
        business = shop.name if role.file.business is UNSET else role.file.business
        return role.persona(self.plain, values_of(business, shop, local, caller_name))

    def _ladder(self, role: Role | None) -> tuple[str, ...]:
        own = self._settings.engine
        fallbacks = self._settings.fallbacks
        wanted = role.engines(own, fallbacks) if role else (own, *fallbacks)
        found = [kind for kind in dict.fromkeys(wanted) if kind in self._engines]
        return tuple(found) or (own,)


class _Stage:
    """Builds the tools and the line of each persona."""

    def __init__(
        self, configuration: Configuration, store: Store, sections: Sections, crm: CrmDesk | None
    ) -> None:
        self._configuration = configuration
        self._store = store
        self._sections = sections
        self._crm = crm
        self.everything = self._registry(configuration.toolset, configuration.line)

    def registry(self, role: Role) -> Registry:
        """The tools of a persona, whoever calls and whenever."""
        tools: dict[str, Tool | None] = {tool.name: tool for tool in self.everything.tools()}
        if role.file.transfers is not UNSET:
            tools = {**tools, **self._transfers(role)}
        if role.file.tools is not UNSET:
            tools = {name: tool for name, tool in tools.items() if name in role.file.tools}
        return Registry(tool for tool in tools.values() if tool is not None)

    def line(self, role: Role | None) -> Line:
        line = self._configuration.line
        if role is None:
            return line
        turns = msgspec.structs.asdict(role.file.turn_taking)
        fields = {field: turns[field] for field in turns if field != "barge_in"}
        said = {field: value for field, value in fields.items() if value is not UNSET}
        manners = msgspec.structs.replace(line.manners, **said)
        allowed = line.transfers if role.file.transfers is UNSET else role.file.transfers
        return msgspec.structs.replace(
            line,
            manners=manners,
            transfers={name: to for name, to in line.transfers.items() if name in allowed},
            human=line.human if line.human in allowed else "",
        )

    def _transfers(self, role: Role) -> dict[str, Tool | None]:
        """The tools that put callers through, for the targets of this persona; None: there are
        none for it."""
        whole = self._configuration.toolset
        names = whole.of_handler(_TRANSFER) if whole.sheets else ("transfer_call",)
        line = self.line(role)
        if not line.transfers:
            return dict.fromkeys(names)
        narrowed = Toolset(tuple(each for each in whole.sheets if each.name in names))
        if whole.sheets and not narrowed.sheets:
            return {}
        made = self._registry(narrowed, line)
        return {tool.name: tool for tool in made.tools() if tool.name in names}

    def _registry(self, toolset: Toolset, line: Line) -> Registry:
        shop = self._configuration.shop
        if not toolset.sheets:
            found = modules(shop, self._store, targets_of(line), self._crm)
            return Registry(tool for tools in found.values() for tool in tools)
        made = handlers_for(self._store, self._sections, self._crm)
        return configured(toolset, made(shop, line))


PROVIDED = ("realtime", "turns", "live")
"""Engines of a provider, reached with a key."""


def engines_of(settings: Settings) -> frozenset[str]:
    """The engines this deployment can run: those of a provider need its key."""
    return frozenset({"local", *(PROVIDED if settings.openai_api_key else ())})


def targets_of(line: Line) -> Targets:
    return Targets({name: target.say for name, target in line.transfers.items()}, line.human)


def handlers_for(
    store: Store, sections: Sections, crm: CrmDesk | None = None
) -> Callable[[Shop, Line], Handlers]:
    """What can carry out tools, over a database that is only connected to when one runs."""
    return lambda shop, line: handlers_of(modules(shop, store, targets_of(line), crm), sections)


def problems_with(
    files: Files, settings: Settings, store: Store, sections: Sections
) -> tuple[ConfigError, ...]:
    """Everything that keeps these files from being used, failing examples too. Blocks."""
    try:
        configuration = load_configuration(
            files, handlers_for(store, sections), engines=engines_of(settings)
        )
        check_secrets(configuration.crm, settings)
    except ConfigError as error:
        return error.problems
    return tried(configuration).problems


def check_secrets(crm: CrmConfig, settings: Settings) -> None:
    """Raises ConfigError where the outside book has no credential. Blocks on its file."""
    if crm.outside is not None:
        settings.secrets.get(crm.outside.credential, CRM_FILE)


def tried(configuration: Configuration) -> Tried:
    """Run all examples. Blocks."""
    shop, targets = configuration.shop, targets_of(configuration.line)
    return try_examples(
        configuration.toolset, lambda store: modules(shop, store, targets), shop.zone
    )


def _offered(audience: Audience, persona: str, number: str | None, local: dt.datetime) -> bool:
    return (
        (not audience.personas or persona in audience.personas)
        and (not audience.numbers or number in audience.numbers)
        and (not audience.hours or in_hours(audience.hours, local))
    )


def _unkept(role: Role | None) -> Kinds:
    return DEFAULT if role is None or role.file.redact is UNSET else kinds_of(role.file.redact)


def _said(role: Role | None, field: str, otherwise: str) -> str:
    value = getattr(role.file.turn_taking if role else TurnTakingPart(), field)
    return otherwise if value is UNSET else str(value)
