"""How often did the caller interrupt? Not every cut is theirs: a sentence that claims what is not
done is stopped, and so is what the agent says when somebody of the staff steps in."""

from telephony.call.events import Act
from telephony.transcripts.entry import AgentLine, ClaimLine, OperatorLine, TruncationLine

_SLACK_MS = 100
"""When a reply fell silent is known to about so much."""
_SILENCING = {Act.HANG_UP.value, Act.TRANSFER.value, Act.TAKE_OVER.value}


class Cuts:
    """The cuts of one call, entry by entry, in whatever order they become certain."""

    def __init__(self) -> None:
        self._cut: list[str] = []
        self._claims: set[str] = set()
        self._acts_ms: list[int] = []
        self._spoken_ms: dict[str, tuple[int, int]] = {}

    def add(self, entry: TruncationLine | ClaimLine | OperatorLine) -> None:
        match entry:
            case TruncationLine():
                self._cut.append(entry.item_id)
            case ClaimLine():
                self._claims.add(entry.item_id)
            case OperatorLine(act=act, done=True) if act in _SILENCING:
                self._acts_ms.append(entry.at_ms)
            case _:
                pass

    def spoken(self, line: AgentLine) -> None:
        """When the caller heard what of the agent."""
        self._spoken_ms[line.item_id] = (line.start_ms, line.end_ms)

    @property
    def by_the_caller(self) -> int:
        """Cuts that nobody but the caller can have made."""
        return sum(not (each in self._claims or self._by_staff(each)) for each in self._cut)

    def _by_staff(self, item_id: str) -> bool:
        """It was being heard when somebody stepped in."""
        if item_id not in self._spoken_ms:
            return False
        start_ms, end_ms = self._spoken_ms[item_id]
        return any(start_ms <= at_ms <= end_ms + _SLACK_MS for at_ms in self._acts_ms)
