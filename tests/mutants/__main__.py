"""Plants every bug of the lists, one at a time; exits 1 when one is not noticed.

`python -m tests.mutants [WORD ...]`: only bugs in files whose name has one of the words.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from tests import exploring
from tests.mutants import Mutant
from tests.mutants.call_core import CALL_CORE
from tests.mutants.money import MONEY
from tests.mutants.planting import Outcome, Plot
from tests.mutants.survival import SURVIVAL
from tests.mutants.tool_ledger import TOOL_LEDGER


def main(words: list[str]) -> int:
    every = (*CALL_CORE, *MONEY, *SURVIVAL, *TOOL_LEDGER)
    chosen = [m for m in every if not words or any(word in m.file for word in words)]
    os.environ[exploring.IN_FULL] = "1"
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        plot = Plot(Path(folder))
        tests = sorted({test for mutant in chosen for test in mutant.tests})
        if not tests or plot.runs(tests):
            print("The tests must pass before bugs are planted.")
            return 1
        alive = [mutant for mutant in chosen if not _killed(plot, mutant)]
    took_s = time.monotonic() - begun_s
    print(f"{len(chosen) - len(alive)} of {len(chosen)} planted bugs noticed in {took_s:.0f} s")
    return 1 if alive else 0


def _killed(plot: Plot, mutant: Mutant) -> bool:
    outcome = plot.try_out(mutant)
    print(f"{outcome.value:9} {mutant.file}: {mutant.breaks}", flush=True)
    return outcome is Outcome.KILLED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
