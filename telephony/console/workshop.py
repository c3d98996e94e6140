"""What the routes and pages of tools and personas work with, beside the versions themselves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from telephony.console.access.audit import Audit
from telephony.console.desk import ConfigDesk
from telephony.rehearsal import Rehearsal
from tools.config import ConfigError
from tools.rollout.rollouts import Rollouts
from tools.versions.files import Files, digest

_REMEMBERED = 8


@dataclass(frozen=True)
class Workshop:
    """Its methods block."""

    config: ConfigDesk
    rehearsal: Rehearsal
    rollouts: Rollouts
    audit: Audit
    rolled: Callable[[], None]
    """Told when a roll-out was begun, changed or ended."""
    _found: dict[str, Sequence[ConfigError]] = field(default_factory=dict)

    def errors(self, files: Files) -> Sequence[ConfigError]:
        """Everything that keeps these files from being published. Examples take their time, so
        what was found for the same files a moment ago is told again; publishing looks anew."""
        key = digest(files)
        found = self._found.pop(key, None)
        if found is None:
            found = self.config.versions.errors(files)
        self._found[key] = found
        while len(self._found) > _REMEMBERED:
            self._found.pop(next(iter(self._found)), None)
        return found
