"""What a person is told of a database that cannot be used, and what may mend it."""

_SERVER = "See that its server runs, and that it lets this user in"
_FULL = "Its disk is full: make room there"
_LET_IN = "Let the user that runs Frontdesk read and write it and its folder"
_CURES = {
    "FULL": _FULL,
    "53100": _FULL,
    "CANTOPEN": f"{_LET_IN}, and see that it is a file",
    "READONLY": _LET_IN,
    "NOTADB": "It is no database: name another file, or put a backup back",
    "CORRUPT": "It is damaged: stop the service and restore a backup (docs/operating.md)",
    "BUSY": "Another program holds it: try again",
    "LOCKED": "Another program holds it: try again",
    "IOERR": "See whether its disk is well",
}
_LASTING = frozenset({"CANTOPEN", "READONLY", "NOTADB", "CORRUPT"})
"""Starting again does not help: somebody has to mend something."""


def cure(code: str) -> str:
    """Without a full stop. `code`: of UnreachableError."""
    return _CURES.get(_kind(code), _SERVER)


def is_lasting(code: str) -> bool:
    return _kind(code) in _LASTING


def _kind(code: str) -> str:
    """SQLITE_READONLY_DIRECTORY is a SQLITE_READONLY."""
    return code.split("_")[1] if code.startswith("SQLITE_") else code
