"""A real CalDAV server, Radicale, as a process of its own on loopback."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

USER, PASSWORD = "front", "s3cret"
START_S = 20.0
ATTEMPTS = 5
CONFIG = """\
[server]
hosts = 127.0.0.1:{port}
delay_on_error = 0
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/storage
[logging]
level = error
"""


class RadicaleServer:
    """Started by `up`, ended by `down` (by its process id), and may be started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "users").write_text(f"{USER}:{PASSWORD}\n")

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, calendar: str) -> str:
        return f"{self.origin}/{USER}/{calendar}/"

    def up(self) -> None:
        """Start and wait until it answers; on the same port as before when there was one."""
        for _ in range(ATTEMPTS):
            self.port = self.port or free_port()
            config = self.folder / "config"
            config.write_text(CONFIG.format(port=self.port, folder=self.folder))
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "radicale", "--config", str(config)],
                    stdout=log,
                    stderr=log,
                )
            if self._answers():
                return
            # Somebody else may have taken the port between our look and the start.
            self.down()
            self.port = 0
        raise AssertionError((self.folder / "log").read_text()[-2_000:])

    def _answers(self) -> bool:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self._process is not None
            if self._process.poll() is not None:
                return False
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            time.sleep(0.02)
        return False

    def down(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None

    def make(self, calendar: str) -> None:
        """An empty calendar of this name."""
        status, _ = self.ask("MKCALENDAR", f"/{USER}/{calendar}/")
        assert status == 201, status

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """What a member of the staff's own calendar program would do."""
        request = urllib.request.Request(
            self.origin + path, data=body or None, method=method, headers=headers or {}
        )
        pair = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {pair}")
        request.add_header("Content-Type", "text/calendar; charset=utf-8")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def forget_tokens(self) -> None:
        """As after a restart from a backup: every sync token given so far is unknown."""
        for folder in self.folder.glob("storage/**/.Radicale.cache/sync-token"):
            for token in folder.iterdir():
                token.unlink()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextlib.contextmanager
def radicale(folder: Path) -> Iterator[RadicaleServer]:
    server = RadicaleServer(folder)
    server.up()
    try:
        yield server
    finally:
        server.down()
