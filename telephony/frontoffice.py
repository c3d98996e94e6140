"""The console and the API, put together from what the service is made of: what is served, and the
link that lets the first admin in."""

import datetime as dt
from collections.abc import Callable
from functools import partial

from starlette.routing import Mount

from telephony.calllog import CallLog
from telephony.configuring.published import SCHEMAS
from telephony.console.access.access import Access
from telephony.console.access.elsewhere import Elsewhere, Provider
from telephony.console.access.entering import needs_code
from telephony.console.access.firstrun import first_link
from telephony.console.access.origins import Origins
from telephony.console.access.roles import Role
from telephony.console.api import api
from telephony.console.desk import ConfigDesk
from telephony.console.pages.signin import BACK
from telephony.console.parts import Parts
from telephony.console.web import console
from telephony.console.workshop import Workshop
from telephony.follower import Standing
from telephony.live.desk import LiveDesk
from telephony.rehearsal import Rehearsal
from telephony.settings import Settings
from telephony.trials import Trials
from telephony.versioned import utc_now
from tools.approvals import Approvals
from tools.booking.shop import Shop
from tools.booking.waiting import Waiting
from tools.costbook import CostBook
from tools.rollout.rollouts import Rollouts
from tools.store import Store
from tools.versions.versions import Versions

READER = "console"
"""Under this name nobody writes costs: the console only reads them."""


def parts_of(
    settings: Settings,
    store: Store,
    versions: Versions,
    *,
    standing: Callable[[], Standing],
    moved: Callable[[], None],
    shop: Callable[[], Shop],
    rolled: Callable[[], None] = lambda: None,
    live: LiveDesk | None = None,
    trials: Trials | None = None,
) -> Parts:
    """What the console and the API are made from, beside the calls or in a process of its own.
    `live` is closed by whoever gives it; `trials` only where calls are answered.

    `standing` says what is running, `moved` is told that something else is published, `shop` gives
    the one of today, `rolled` is told of roll-outs; none of them may block.
    """

    def clock() -> dt.datetime:
        return dt.datetime.now(shop().zone)

    access, config = open_access(settings, store), ConfigDesk(versions, SCHEMAS, standing, moved)
    rehearsal, rollouts = Rehearsal(settings, store), Rollouts(store, versions, utc_now)
    return Parts(
        settings=settings,
        store=store,
        access=access,
        config=config,
        workshop=Workshop(config, rehearsal, rollouts, access.audit, rolled),
        approvals=Approvals(store),
        waiting=lambda: Waiting(store, shop()),
        book=CostBook(store, READER),
        calls=CallLog(store, settings.data_dir, clock),
        clock=clock,
        live=live or LiveDesk(settings.data_dir),
        trials=trials,
    )


def open_access(settings: Settings, store: Store) -> Access:
    """Who may come, by these settings."""
    key = settings.api_key
    urls = [settings.public_url, *([settings.console_url] if settings.console_url else [])]
    return Access(
        store,
        utc_now,
        Origins(*urls),
        key.reveal() if key else None,
        wants_code=partial(_wants_code, settings.console_second_step),
        elsewhere=_elsewhere(settings),
    )


def _elsewhere(settings: Settings) -> Elsewhere | None:
    issuer, client, secret = (
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
    )
    if issuer is None or client is None or secret is None:
        return None
    back = f"{console_address(settings)}{BACK}"
    return Elsewhere(Provider(issuer, client, secret.reveal()), back, utc_now)


def _wants_code(setting: str, role: Role) -> bool:
    return needs_code(role, setting)


def mounts(parts: Parts) -> list[Mount]:
    """What is to be served: the API, and the pages."""
    return [api(parts), console(parts)]


def mounts_beside_calls(parts: Parts) -> list[Mount]:
    """In a process that carries calls: with FRONTDESK_CONSOLE=off pages are left to another."""
    return mounts(parts) if parts.settings.console == "on" else [api(parts)]


def welcome(settings: Settings, store: Store) -> str | None:
    """Where to choose the first admin's password, as long as nobody could sign in; blocks."""
    path = first_link(open_access(settings, store))
    return path and console_address(settings) + path


def console_address(settings: Settings) -> str:
    """Where people reach the console, without a slash at the end."""
    return (settings.console_url or settings.public_url).rstrip("/")
