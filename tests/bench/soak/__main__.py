"""Does anything grow, and does a call fail, in a long time full of faults?

python -m tests.bench.soak --minutes 30 --calls 60
"""

import argparse
import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from tests.bench.load.__main__ import pin, tell
from tests.bench.load.server import ServerFailed
from tests.bench.soak.churn import Wish, soak
from tests.bench.soak.report import report, troubles

_DESCRIPTION = """\
Runs `frontdesk serve` on one core and callers with a fake Realtime model on another, in real time.
Calls last 15 to 90 s and each is followed by another; callers interrupt, hang up in mid-turn, lose
their connection or send nonsense; sessions of the model are cut off, fall mute or stop reading.
Memory, descriptors, threads and tasks of the server are looked at every 5 s. Prints a report.
Exit code: 0 nothing grew and no call failed, 1 something did.
"""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.soak",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument(
        "--calls",
        type=int,
        default=60,
        help="at any time (default: 60, about 60%% of what a core carries resampling)",
    )
    parser.add_argument("--audio", choices=("pcm", "ulaw"), default="pcm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="also write the report there")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    asked = arguments(argv)
    wish = Wish(asked.audio, asked.calls, asked.minutes * 60, pin(), asked.seed)
    try:
        outcome = uvloop.run(soak(wish, tell))
    except ServerFailed as error:
        tell(str(error))
        return 1
    page = report(outcome, dt.datetime.now(dt.UTC).date().isoformat())
    print(page)
    if asked.report is not None:
        asked.report.write_text(page)
    return 1 if troubles(outcome) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
