"""Which languages does the embedded engine hear and speak? Its models know one."""

from typing import Final

WHAT: Final = "the embedded engine hears and speaks English only"


def known(tag: str) -> bool:
    """`tag` as in `en-GB`."""
    return tag.lower().partition("-")[0] == "en"
