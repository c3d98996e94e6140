"""What does the configuration folder hold at this moment?"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tools.config import MAX_BYTES, ConfigError
from tools.versions.files import MAX_FILES, is_path, refuse_bad, refuse_too_many

ENDINGS = (".yaml", ".yml")
MAX_DEPTH = 4


class Look(msgspec.Struct, frozen=True):
    """One look at the folder. Files at fault are in `errors` and not in `files`."""

    there: bool
    """False: there is no such folder."""
    files: dict[str, str] = {}
    errors: tuple[ConfigError, ...] = ()

    def same(self, other: "Look") -> bool:
        """Whether nothing has changed between two looks."""
        words, others = [list(map(str, look.errors)) for look in (self, other)]
        return (self.there, self.files, words) == (other.there, other.files, others)


def look(folder: Path) -> Look:
    """Read every configuration file; blocks, and raises nothing."""
    files: dict[str, str] = {}
    errors: list[ConfigError] = []
    try:
        if not folder.is_dir():
            return Look(there=False)
        for path in _listed(folder):
            _read(folder / path, path, files, errors)
        refuse_too_many(files)
    except ConfigError as error:
        errors.append(error)
    except OSError as error:
        errors.append(_unreadable(str(error.filename or folder), error))
    return Look(there=True, files=files, errors=tuple(errors))


def _listed(folder: Path) -> list[str]:
    """Paths of the files that count; what editors and version control keep beside them does not."""
    found: list[str] = []
    for path in _walk(folder):
        found.append(path)
        if len(found) > MAX_FILES:
            what = f"holds more than {MAX_FILES} files"
            raise ConfigError(str(folder), what, "Keep only the configuration in it")
    return sorted(found)


def _walk(folder: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=refuse):
        inside = Path(place).relative_to(folder)
        deep = len(inside.parts) + 1 >= MAX_DEPTH
        # Hidden folders hold what is not meant for us: .git, or the copies behind a ConfigMap.
        folders[:] = [] if deep else sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if name.endswith(ENDINGS) and not name.startswith((".", "#")):
                yield (inside / name).as_posix()


def _read(place: Path, path: str, files: dict[str, str], errors: list[ConfigError]) -> None:
    try:
        text = _text(place, path)
    except FileNotFoundError:
        return  # renamed under our eyes: the next look sees what became of it
    except OSError as error:
        errors.append(_unreadable(path, error))
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 at byte {error.start}"
        errors.append(ConfigError(path, what, "Save it as UTF-8"))
    except ConfigError as error:
        errors.append(error)
    else:
        files[path] = text


def _text(place: Path, path: str) -> str:
    if not is_path(path):
        what = "has a name that is not understood"
        raise ConfigError(path, what, "Use letters, digits, -, _ and . only")
    # Opening a pipe would wait for its other end.
    if not stat.S_ISREG(place.stat().st_mode):
        raise ConfigError(path, "is no file", "Put a plain file there, or take it out")
    with place.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ConfigError(path, f"is over {MAX_BYTES >> 10} KiB", "Take out what is not needed")
    text = content.decode("utf-8-sig")
    refuse_bad({path: text})
    return text


def _unreadable(path: str, error: OSError) -> ConfigError:
    cure = "Let the user that runs Frontdesk read it and enter the folders above it"
    return ConfigError(path, f"cannot be read ({error.strerror})", cure)
