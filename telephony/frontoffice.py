"""The console and the API, put together from what the service is made of: what is served, and the
link that lets the first admin in."""

from starlette.routing import Mount

from telephony.console.access.access import Access
from telephony.console.access.firstrun import first_link
from telephony.console.access.origins import Origins
from telephony.console.api import api
from telephony.console.parts import Parts
from telephony.console.web import console
from telephony.settings import Settings
from telephony.versioned import utc_now
from tools.store import Store


def open_access(settings: Settings, store: Store) -> Access:
    """Who may come, by these settings."""
    key = settings.api_key
    urls = [settings.public_url, *([settings.console_url] if settings.console_url else [])]
    return Access(store, utc_now, Origins(*urls), key.reveal() if key else None)


def mounts(parts: Parts) -> list[Mount]:
    """What is to be served: the API always, the pages unless FRONTDESK_CONSOLE is off."""
    pages = [console(parts)] if parts.settings.console == "on" else []
    return [api(parts), *pages]


def welcome(settings: Settings, store: Store) -> str | None:
    """Where to choose the first admin's password, as long as nobody could sign in; blocks."""
    if settings.console == "off":
        return None
    path = first_link(open_access(settings, store))
    return path and console_address(settings) + path


def console_address(settings: Settings) -> str:
    """Where people reach this server, without a slash at the end."""
    return (settings.console_url or settings.public_url).rstrip("/")
