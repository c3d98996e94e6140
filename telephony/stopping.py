"""Which signals end a server, after its calls."""

import asyncio
import signal
from collections.abc import Callable, Sequence


def signals() -> tuple[signal.Signals, ...]:
    """A terminal that is closed is one of them, unless `nohup` started the process."""
    told = (signal.SIGTERM, signal.SIGINT)
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return told if ignored else (*told, signal.SIGHUP)


def heed(
    told: Sequence[signal.Signals], stop: Callable[[], None], stopping: Callable[[], bool]
) -> None:
    """`stop` is called for each signal, which the second time means to hurry."""

    def hung_up() -> None:
        # The shell and the kernel both say so when one terminal is closed: nobody hurries us.
        if not stopping():
            stop()

    loop = asyncio.get_running_loop()
    for number in told:
        loop.add_signal_handler(number, hung_up if number is signal.SIGHUP else stop)
