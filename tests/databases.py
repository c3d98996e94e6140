"""SQLite databases with all tables and nothing in them: migrated once a process, then copied."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.migrate import migrate
from tools.store import Store, open_store


def new_database(path: Path) -> Path:
    """The file there is now."""
    path.write_bytes(_migrated())
    return path


def new_store(path: Path) -> Store:
    """Open; to be closed by who asked."""
    return open_store(f"sqlite:///{new_database(path)}")


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "migrated.db"
        store = open_store(f"sqlite:///{path}")
        migrate(store)
        store.close()
        return path.read_bytes()
