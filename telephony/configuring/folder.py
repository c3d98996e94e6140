"""Reads the configuration folder from disk."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from telephony.configuring.configuration import FOLDERS, MAX_FILES, SINGLE_FILES
from tools.config import MAX_BYTES, ConfigError, together

ENDINGS = (".yaml", ".yml")


def read_folder(folder: Path | None) -> dict[str, str]:
    """The text of every file that may be meant, by its path in the folder, with slashes.

    Nothing in a folder that is not there. Of files over the limit only so much is read that the
    limit can be seen to be passed. Raises ConfigError for all that cannot be read.
    """
    files: dict[str, str] = {}
    problems: list[ConfigError] = []
    for path in _listed(folder, problems) if folder else ():
        assert folder is not None, "nothing is listed without a folder"
        try:
            files[path.relative_to(folder).as_posix()] = _text(path)
        except FileNotFoundError:
            continue
        except ConfigError as error:
            problems.append(error)
        if len(files) > MAX_FILES:
            break
    if problems:
        raise together(problems)
    return files


def _listed(folder: Path, problems: list[ConfigError]) -> Iterator[Path]:
    # By name, for whoever may enter the folder but not list it.
    single = [folder / name for name in SINGLE_FILES]
    yield from single
    with suppress(PermissionError):
        yield from (path for path in _inside(folder) if path not in single)
    for name in FOLDERS:
        try:
            yield from _inside(folder / name)
        except PermissionError as error:
            problems.append(_unreadable(folder / name, error))


def _inside(place: Path) -> list[Path]:
    """The files in one folder that may be meant; none if there is no such folder."""
    try:
        found = sorted(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    # What editors and version control keep beside the files begins with a dot or a hash.
    return [
        path for path in found if path.suffix in ENDINGS and not path.name.startswith((".", "#"))
    ]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(path) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        return content.decode("utf-8-sig", "ignore" if len(content) > MAX_BYTES else "strict")
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 at byte {error.start}"
        raise ConfigError(str(path), what, "Save it as UTF-8") from None


def _unreadable(path: Path, error: OSError) -> ConfigError:
    what = f"cannot be read ({error.strerror})"
    hint = "Let the user that runs Frontdesk read it and enter the folders above it"
    return ConfigError(str(path), what, hint)
