"""What keeps the event loop from turning, just now? Told while it lasts, by another thread."""

import sys
import threading
import time
import traceback
from collections.abc import Callable

import msgspec

FRAMES = 8
"""So many of the innermost calls are told."""
IDLE_S = 5.0
"""With nothing to watch for so long the thread ends; the next step starts another."""

Tell = Callable[[str, float, list[str]], None]
"""`(tool, seconds so far, innermost calls as file:line name)`; called in the watching thread."""


class _Step(msgspec.Struct, eq=False):
    """One step of a handler on the event loop."""

    tool: str
    thread: int
    began_s: float
    told: bool = False


class Stalls:
    """Watches the steps of one event loop, one at a time. A step that never ends is told too."""

    def __init__(self, limit_s: float, tell: Tell) -> None:
        """A step that lasts longer than `limit_s` is told once, within a quarter as much more."""
        self._limit_s = limit_s
        self._tell = tell
        self._step: _Step | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._watching = False

    def begin(self, tool: str) -> None:
        """The calling thread is the event loop's, and enters the tool's code."""
        self._step = _Step(tool, threading.get_ident(), time.perf_counter())
        if not self._wake.is_set():
            self._wake.set()
        if not self._watching:
            self._start()

    def end(self) -> None:
        """It has come back to the event loop."""
        self._step = None

    def _start(self) -> None:
        with self._lock:
            if not self._watching:
                # Without a thread to spare nothing is told while it lasts; its end still is.
                try:
                    threading.Thread(target=self._watch, name="stalls", daemon=True).start()
                except RuntimeError:
                    return
                self._watching = True

    def _watch(self) -> None:
        while self._awaited():
            time.sleep(self._limit_s / 4)
            if (step := self._step) is not None:
                self._look(step)

    def _awaited(self) -> bool:
        """Until there is something to watch; False once there was nothing for long."""
        self._wake.clear()
        # Only after that: who begins a step from here on sets it again.
        if self._step is not None or self._wake.wait(IDLE_S):
            return True
        with self._lock:
            self._watching = self._step is not None
            return self._watching

    def _look(self, step: _Step) -> None:
        lasts_s = time.perf_counter() - step.began_s
        frame = sys._current_frames().get(step.thread)  # noqa: SLF001, there is no other way
        if step.told or lasts_s <= self._limit_s or frame is None or self._step is not step:
            return
        step.told = True
        calls = traceback.extract_stack(frame)[-FRAMES:]
        self._tell(step.tool, lasts_s, [f"{c.filename}:{c.lineno} {c.name}" for c in calls])
