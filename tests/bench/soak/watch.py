"""What the server holds, looked at from outside: /proc, and its own figures."""

import re
from pathlib import Path

import aiohttp

from tests.bench.load.server import Server
from tests.bench.soak.slope import Sample

_FIGURE = re.compile(r"^(frontdesk_live_calls|frontdesk_tasks) ([0-9.e+]+)$", re.MULTILINE)
_STATUS = re.compile(r"^(VmRSS|Threads):\s+(\d+)", re.MULTILINE)


class Watch:
    """Of one server, whose figures are on `metrics_port`."""

    def __init__(self, http: aiohttp.ClientSession, server: Server, metrics_port: int) -> None:
        self.late_s = 0.0
        self._http = http
        self._process = Path(f"/proc/{server.pid}")
        self._url = f"http://127.0.0.1:{metrics_port}/metrics"

    def late(self, late_s: float) -> None:
        """A caller's frame was sent so late: what the server then does is not its fault."""
        self.late_s = max(self.late_s, late_s)

    async def look(self, at_s: float, ended: int) -> Sample:
        async with self._http.get(self._url) as answer:
            figures = dict(_FIGURE.findall(await answer.text()))
        status = dict(_STATUS.findall((self._process / "status").read_text()))
        late_s, self.late_s = self.late_s, 0.0
        return Sample(
            at_s=at_s,
            late_s=late_s,
            rss_bytes=int(status["VmRSS"]) * 1024,
            descriptors=sum(1 for _ in (self._process / "fd").iterdir()),
            threads=int(status["Threads"]),
            tasks=int(float(figures["frontdesk_tasks"])),
            live=int(float(figures["frontdesk_live_calls"])),
            ended=ended,
        )
