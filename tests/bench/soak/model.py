"""The benchmark's model, but it takes whatever session comes, and some of them go wrong."""

import asyncio
import random
from collections import Counter
from enum import Enum
from functools import partial
from typing import Any

from tests.bench.load.model import BenchModel, BenchSession, Connection, Line
from tests.bench.load.trace import Trace
from tests.bench.load.websocket import Socket
from tests.fakes.realtime_script import Script


class ModelFault(Enum):
    """What becomes of a session after a while."""

    KILLED = "session cut off"
    MUTE = "session falls mute"
    DEAF = "session stops reading"


FAULTY = 0.3
"""Of the sessions."""
_RACE = "conversation_already_has_active_response"
"""The server answers a turn in the moment in which we ask for a sentence, as after a line that
broke: nobody's fault, and the sentence is asked for again."""
_EARLIEST_S, _LATEST_S = 3.0, 30.0


class SoakSession(BenchSession):
    """Hears turns by their loudness, as nobody tells it whose session it is."""

    def __init__(self, connection: Connection, model: str, seed: int) -> None:
        super().__init__(connection, model, Line(Trace(), (), lambda: 0), seed)
        self.script = Script(otherwise=self.script.otherwise)
        self._mute = False

    def fall_mute(self) -> None:
        self._mute = True

    async def send(self, kind: str, **fields: Any) -> None:
        if not self._mute:
            await super().send(kind, **fields)


class SoakModel(BenchModel):
    """Its sessions are forgotten when they are over, and what went wrong in them is kept."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.faults: Counter[ModelFault] = Counter()
        self.opened = 0
        self.complaints: list[str] = []
        self.faultless = False
        """From here on nothing goes wrong."""
        self._draw = random.Random(seed)

    def _accepted(self, socket: Socket) -> None:
        session = self.serve(socket, partial(SoakSession, seed=self.opened))
        self.opened += 1
        socket.closed.add_done_callback(lambda _: self._over(session))
        if self._draw.random() < FAULTY and not self.faultless:
            fault = self._draw.choice(list(ModelFault))
            after_s = self._draw.uniform(_EARLIEST_S, _LATEST_S)
            asyncio.get_running_loop().call_later(after_s, self._goes_wrong, socket, session, fault)

    def _goes_wrong(self, socket: Socket, session: SoakSession, fault: ModelFault) -> None:
        if socket.closed.done() or self.faultless:
            return
        self.faults[fault] += 1
        match fault:
            case ModelFault.KILLED:
                socket.abort()
            case ModelFault.MUTE:
                session.fall_mute()
            case ModelFault.DEAF:
                socket.stop_reading()

    def _over(self, session: SoakSession) -> None:
        self.sessions.remove(session)
        self.complaints += [each for each in session.complaints if each != _RACE]
