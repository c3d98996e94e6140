"""How a service begins: its database brought up to date, a configuration, what calls go by."""

import asyncio

from telephony.backends import Backends
from telephony.builtin import persona
from telephony.casting import Cast, engines_of, handlers_for
from telephony.configuring.configuration import load_configuration
from telephony.follower import Begun, begin
from telephony.settings import Settings
from telephony.versioned import migrated, told, versions_of
from tools.store import Store
from tools.versions.files import Files
from tools.versions.versions import Versions


def begun(settings: Settings, store: Store) -> tuple[Versions, Begun]:
    """Blocks. Raises ConfigError for what a person has to mend, BackendError for a database that
    is away."""
    migrated(settings, store)
    versions = versions_of(settings, store)
    with told(settings):
        return versions, begin(settings.config_dir, versions)


async def cast_of(settings: Settings, store: Store, backends: Backends, files: Files) -> Cast:
    """What calls go by with these files. Raises ConfigError with all problems."""
    sections = backends.sections()
    configuration = await asyncio.to_thread(
        load_configuration,
        files,
        handlers_for(store, sections),
        engines=engines_of(settings),
        root=str(settings.config_dir),
    )
    await backends.reach(configuration)
    desk = await asyncio.to_thread(backends.desk, configuration.crm)
    plain = persona(settings, configuration.shop, configuration.line)
    return await asyncio.to_thread(Cast, settings, configuration, store, plain, sections, desk)
