"""A transcript as JSON Lines: a head, every entry as it was stored, and a seal.

The only form that holds everything; what is read back is equal to what was written.
"""

import msgspec

from telephony.exports.sealed import SCHEMA, VERSION, BadExport, Exported, Head, digest, lines
from telephony.transcripts.entry import AnyEntry

_entries = msgspec.json.Decoder(AnyEntry)


class _Seal(msgspec.Struct, frozen=True, tag="Seal", kw_only=True):
    entries: int
    sha256: str


def written(exported: Exported) -> bytes:
    """UTF-8, one JSON object a line."""
    whole = list(lines(exported))
    seal = _Seal(entries=len(exported.entries), sha256=digest(whole))
    return b"\n".join([*whole, msgspec.json.encode(seal)]) + b"\n"


def read(data: bytes) -> Exported:
    """Raises BadExport for what is not whole, not of this schema, or not as it was written."""
    whole = data.split(b"\n")[:-1]
    try:
        head = msgspec.json.decode(whole[0], type=Head)
        seal = msgspec.json.decode(whole[-1], type=_Seal)
        entries = tuple(map(_entries.decode, whole[1:-1]))
    except (IndexError, msgspec.MsgspecError, UnicodeError, RecursionError):
        raise BadExport("This is no whole transcript in JSON Lines.") from None
    if (head.schema, head.version) != (SCHEMA, VERSION):
        raise BadExport(f"This is {head.schema} {head.version}, not {SCHEMA} {VERSION}.")
    if (seal.entries, seal.sha256) != (len(entries), digest(whole[:-1])):
        raise BadExport("The transcript was changed after it was sealed.")
    return Exported(
        call=head.call,
        finished=head.finished,
        view=head.view,
        entries=entries,
        problems=head.problems,
    )
