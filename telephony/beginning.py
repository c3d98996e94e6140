"""How a service begins: its database brought up to date, and a configuration to start with."""

from telephony.follower import Begun, begin
from telephony.settings import Settings
from telephony.versioned import migrated, versions_of
from tools.store import Store
from tools.versions.versions import Versions


def begun(settings: Settings, store: Store) -> tuple[Versions, Begun]:
    """Blocks. Raises ConfigError for what a person has to mend."""
    migrated(settings, store)
    versions = versions_of(settings, store)
    return versions, begin(settings.config_dir, versions)
