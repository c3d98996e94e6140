"""Plant one bug in a copy of the project and see whether the tests notice."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from tests.mutants import Mutant
from tests.tree import PACKAGES, ROOT

_FAILED = 1
"""pytest: tests were run and some failed. Anything above means that none could be run."""


class Outcome(Enum):
    KILLED = "killed"
    SURVIVED = "survived"
    BROKEN = "broken"
    """The tests could not even be run, which proves nothing."""


class Plot:
    """A copy of the packages and their tests, one bug in it at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for package in (*PACKAGES, "tests"):
            shutil.copytree(
                ROOT / package,
                folder / package,
                ignore=shutil.ignore_patterns("__pycache__", "recordings"),
            )
        shutil.copy(ROOT / "pyproject.toml", folder)

    def runs(self, tests: Sequence[str]) -> int:
        """pytest's exit code for these modules."""
        # Bytecode is trusted by size and whole seconds: a bug planted at once could go unseen.
        command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-n0", "--timeout=30", *tests]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, check=False)
        return done.returncode

    def try_out(self, mutant: Mutant) -> Outcome:
        path = self._folder / mutant.file
        sound = path.read_text()
        path.write_text(planted(mutant, sound))
        try:
            code = self.runs(mutant.tests)
        finally:
            path.write_text(sound)
        if code == 0:
            return Outcome.SURVIVED
        return Outcome.KILLED if code == _FAILED else Outcome.BROKEN


def planted(mutant: Mutant, source: str) -> str:
    """Raises AssertionError where the original line is gone or stands more than once."""
    found = source.count(mutant.original)
    assert found == 1, f"{mutant.file}: {found} times {mutant.original!r}"
    return source.replace(mutant.original, mutant.mutated)
