"""What the secret of a given name is, as configuration files name it and never hold it."""

import re
from collections.abc import Mapping
from pathlib import Path

from tools.config import SECRET_NAME, SECRET_PREFIX, ConfigError

PREFIX = SECRET_PREFIX
MAX_BYTES = 64 * 1024


def variable_of(name: str) -> str:
    """Where the secret stands: `hubspot-token` in `FRONTDESK_SECRET_HUBSPOT_TOKEN`."""
    return PREFIX + name.upper().replace("-", "_")


class Secrets:
    """The secrets of this deployment. No repr and no error shows a value."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """`environ`: the environment's variables; all that do not begin as secrets are dropped."""
        given = environ or {}
        self._given = {name: value for name, value in given.items() if name.startswith(PREFIX)}

    def __repr__(self) -> str:
        return f"Secrets({len(self._given)} hidden)"

    def known(self) -> dict[str, str]:
        """All there are, by what follows the prefix: `TICKETS_TOKEN`. Blocks on files, and raises
        ConfigError as `get` does."""
        names = {each.removeprefix(PREFIX).removesuffix("_FILE") for each in self._given}
        return {name: self.get(name.lower().replace("_", "-")) for name in sorted(names)}

    def get(self, name: str, by: str = "a file") -> str:
        """The secret itself; one in a file is read anew each time, so that it may be exchanged.

        `by`: what names it, for the error. Blocks on a file. Raises ConfigError when there is
        none, or it cannot be read.
        """
        variable = variable_of(name)
        if not re.fullmatch(SECRET_NAME, name, re.ASCII):
            hint = "Use small letters and digits, like hubspot-token"
            raise ConfigError(f"secret {name[:40]!r}", "cannot be the name of a secret", hint)
        value, path = self._given.get(variable, ""), self._given.get(f"{variable}_FILE", "")
        if value and path:
            raise ConfigError(variable, f"{variable}_FILE is set as well", "Remove one of the two")
        found = _read(f"{variable}_FILE", Path(path)) if path else value.strip()
        if not found:
            what = f"is not set, but {by} names this secret"
            raise ConfigError(variable, what, f"Set it, or {variable}_FILE")
        if not found.isprintable():
            raise ConfigError(variable, "holds a line break or control character", "Write one line")
        return found


def _read(variable: str, path: Path) -> str:
    hint = "Give the path of a readable text file that holds only the secret"
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_BYTES).strip()
    except OSError as error:
        raise ConfigError(variable, f"cannot be read ({error.strerror})", hint) from None
    except ValueError:
        raise ConfigError(variable, "is not UTF-8", hint) from None
    if not text:
        raise ConfigError(variable, "is an empty file", hint)
    return text
