"""What a browser says of itself, in two words."""

_NAMES = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""In this order: each also names those it wants to be taken for."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser(agent: str) -> str:
    """A User-Agent header as "Firefox, Linux"; as it is, where nothing in it is known."""
    found = [
        next((name for mark, name in known if mark in agent), "") for known in (_NAMES, _SYSTEMS)
    ]
    return ", ".join(filter(None, found)) or agent or "unknown"
