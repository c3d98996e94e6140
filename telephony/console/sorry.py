"""What a page says where something could not be done: in words for people, with what helps."""

import msgspec


class Sorry(msgspec.Struct, frozen=True):
    title: str
    cure: str


_KNOWN = {
    400: Sorry("This could not be read", "Go back, and try it again from the page itself."),
    403: Sorry("Your role may not do this", "An admin can give you another role."),
    404: Sorry("There is nothing here", "It may be gone, or the address may be mistyped."),
    409: Sorry("This cannot be done now", "Look at how things stand, and try it again."),
    412: Sorry("Somebody else was faster", "Look at what they have changed, and try it again."),
    413: Sorry("This is too large", "Send less at a time."),
    422: Sorry("This is not as it has to be", "Go back, and mend what is named here."),
    429: Sorry("That was too fast", "Wait a little, and try it again."),
    500: Sorry("Something broke on our side", "Try it again; the log of the service says more."),
    503: Sorry("This cannot be reached just now", "Calls go on. Try it again in a moment."),
}
NOTHING = Sorry("Nothing here yet", "No page that your role may see has been set up.")
_OTHER = Sorry("This could not be done", "Go back, and try it again from the page itself.")


def sorry(status: int) -> Sorry:
    """For an HTTP status from 400 on."""
    return _KNOWN.get(status, _OTHER)
