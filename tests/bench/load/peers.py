"""Other people's ways to bridge a telephone and a Realtime model, run in the same harness.

Their packages lie in environments of their own (`make bench` makes them); the scripts that call
them are tests/bench/peers/, and nothing of theirs is imported here.
"""

import sys
from pathlib import Path

import msgspec

from tests.bench.load.server import Server

_ROOT = Path(__file__).parents[3]


class Peer(msgspec.Struct, frozen=True):
    """How to run one."""

    script: str
    environment: str
    """Folder in `build`; empty: our own."""
    audio: str
    """What it sends the model."""

    @property
    def python(self) -> Path:
        if not self.environment:
            return Path(sys.executable)
        return _ROOT / "build" / self.environment / "bin" / "python"

    @property
    def installed(self) -> bool:
        return self.python.exists()


PEERS = {
    "minimal sample": Peer("minimal.py", "", "ulaw"),
    "openai-agents": Peer("openai_agents.py", "peer-agents", "ulaw"),
    "pipecat": Peer("pipecat_bridge.py", "peer-pipecat", "pcm"),
}


class PeerServer(Server):
    """As `Server`, for one of `PEERS`. Its log is not looked at: it is not ours to judge."""

    def __init__(self, name: str, model_url: str, calls: int, core: int | None) -> None:
        peer = PEERS[name]
        more = {"PEER_MODEL_URL": model_url.replace("http", "ws", 1) + "/realtime"}
        super().__init__(model_url, peer.audio, calls, core, more=more)
        script = str(_ROOT / "tests" / "bench" / "peers" / peer.script)
        self._command = (str(peer.python), script, self.address.rpartition(":")[2])
        # A package of theirs is called as one of ours.
        del self._environment["PYTHONPATH"]

    def complaints(self) -> list[str]:
        return []
