"""How often did the caller interrupt? Not every cut is theirs: a sentence that claims what is not
done is stopped, and so is what the agent says when somebody of the staff steps in. What is cut off
as a stream breaks, or the call moves to another process, counts as theirs."""

from telephony.call.events import Act
from telephony.transcripts.entry import ClaimLine, OperatorLine, TruncationLine

_SLACK_MS = 100
"""Both are by the carrier's clock, of which more may be known when the cut is told."""
_SILENCING = {Act.HANG_UP.value, Act.TRANSFER.value, Act.TAKE_OVER.value}


class Cuts:
    """The cuts of one call, entry by entry, in whatever order they become certain."""

    def __init__(self) -> None:
        self._cut: list[TruncationLine] = []
        self._claims: set[str] = set()
        self._acts_ms: list[int] = []

    def add(self, entry: TruncationLine | ClaimLine | OperatorLine) -> None:
        match entry:
            case TruncationLine():
                self._cut.append(entry)
            case ClaimLine():
                self._claims.add(entry.item_id)
            case OperatorLine(act=act, done=True) if act in _SILENCING:
                self._acts_ms.append(entry.at_ms)
            case _:
                pass

    @property
    def by_the_caller(self) -> int:
        """Cuts made neither by the staff nor by what the agent may not say."""
        theirs = (cut for cut in self._cut if cut.item_id not in self._claims)
        return sum(not self._by_staff(cut) for cut in theirs)

    def _by_staff(self, cut: TruncationLine) -> bool:
        """It was given up in the moment somebody stepped in."""
        return any(abs(cut.at_ms - at_ms) <= _SLACK_MS for at_ms in self._acts_ms)
