"""How many calls does one core carry?

python -m tests.bench.load                          about 10 minutes
python -m tests.bench.load --calls 10 --seconds 5   half a minute
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

import msgspec
import uvloop
from msgspec import structs

from tests.bench.load.figures import Figures, median, table
from tests.bench.load.peers import PEERS
from tests.bench.load.run import Wish, measure
from tests.bench.load.server import ServerFailed

_DESCRIPTION = """\
Runs `frontdesk serve` as a process of its own on one core, and so many simulated phones with a
fake Realtime model on another, in real time: 50 frames a second and call, the model talking about
half the time, callers interrupting half of its replies. Prints one line for each number of calls
and each audio format; progress goes to stderr. A fresh server for each line; everything is on
loopback and stops by itself.
"""
_EPILOG = """\
CPU is the server process's, user and system. Latencies are one way, through the server, and hold
the rig's own delay: look at `rig CPU` and `rig late` before believing a p99.
Exit code: 0 measured and all calls carried, 1 calls failed or frames were lost, 2 wrong usage.
"""
_CALLS = (10, 50, 100)


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.load",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--calls",
        type=_between(1, 1_000),
        nargs="+",
        default=list(_CALLS),
        metavar="N",
        help="calls at the same time, one line for each (default: 10 50 100)",
    )
    parser.add_argument(
        "--seconds",
        type=_between(1, 3_600),
        default=30,
        metavar="S",
        help="length of the measurement, after all calls have begun (default: 30)",
    )
    parser.add_argument(
        "--audio",
        choices=("pcm", "ulaw", "both"),
        default="both",
        help="audio towards the model: 24 kHz PCM, mu-law passed through, or one after the other"
        " (default: both)",
    )
    parser.add_argument(
        "--runs",
        type=_between(1, 20),
        default=1,
        metavar="R",
        help="measure each line so often and print medians (default: 1)",
    )
    parser.add_argument(
        "--barge-in",
        choices=("immediate", "confirmed"),
        default="confirmed",
        help="our server's FRONTDESK_BARGE_IN (default: confirmed, as users run it; all peers"
        " do what `immediate` does)",
    )
    parser.add_argument(
        "--peers",
        nargs="*",
        choices=tuple(PEERS),
        default=[],
        metavar="PEER",
        help=f"measure these, too, where they are installed: {', '.join(PEERS)}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args(argv)


def _between(least: int, most: int) -> "type[int]":
    def parse(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most}")
        return number

    parse.__name__ = "whole number"
    return parse  # type: ignore[return-value]  # argparse takes any callable


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def pin() -> int | None:
    """Keep this process to one core and name another for the server; None when there is but one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        tell("Only one core: server and callers share it, and the latencies mean little.")
        return None
    os.sched_setaffinity(0, {cores[-1]})
    return cores[0]


async def all_lines(wished: argparse.Namespace, core: int | None) -> list[Figures]:
    audios = ("ulaw", "pcm") if wished.audio == "both" else (wished.audio,)
    lines: list[Figures] = []
    for peer, audio in [*(("", audio) for audio in audios), *_installed(wished.peers)]:
        for calls in wished.calls:
            wish = Wish(audio, calls, wished.seconds, core, 1, peer, wished.barge_in)
            runs = [
                await measure(structs.replace(wish, seed=seed), tell)
                for seed in range(1, wished.runs + 1)
            ]
            lines.append(median(runs))
    return lines


def _installed(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Of these peers, with the audio each sends."""
    for name in names:
        if PEERS[name].installed:
            yield name, PEERS[name].audio
        else:
            tell(f"{name} is not installed: left out")


def main(argv: Sequence[str]) -> int:
    wished = arguments(argv)
    try:
        lines = uvloop.run(all_lines(wished, pin()))
    except ServerFailed as error:
        tell(str(error))
        return 1
    print(msgspec.json.encode(lines).decode() if wished.json else table(lines))
    for complaint in {complaint for line in lines for complaint in line.complaints}:
        tell(f"trouble: {complaint}")
    ours = [line for line in lines if not line.server]
    return 1 if any(line.failed_calls or line.frames_lost for line in ours) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
