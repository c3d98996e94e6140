"""The lists of planted bugs fit the code, and a few of the bugs are planted here."""

import ast
from pathlib import Path

import pytest

from tests.mutants import Mutant
from tests.mutants.call_core import CALL_CORE, LEDGER, PLAYBACK, TURNS
from tests.mutants.money import MONEY
from tests.mutants.planting import Outcome, Plot, planted
from tests.mutants.survival import SURVIVAL
from tests.mutants.tool_ledger import TOOL_LEDGER
from tests.tree import ROOT

SAMPLE = tuple(bugs[0] for bugs in (LEDGER, PLAYBACK, TURNS))
"""`make mutants` plants all of them."""


EVERY = (*CALL_CORE, *MONEY, *SURVIVAL, *TOOL_LEDGER)


@pytest.mark.parametrize("mutant", EVERY, ids=lambda mutant: mutant.breaks)
def test_every_bug_can_be_planted(mutant: Mutant) -> None:
    source = planted(mutant, (ROOT / mutant.file).read_text())
    ast.parse(source)
    assert mutant.mutated != mutant.original
    assert all((ROOT / test).is_file() for test in mutant.tests)


def test_no_bug_is_listed_twice() -> None:
    assert len({(m.file, m.original, m.mutated) for m in EVERY}) == len(EVERY)


def test_a_line_that_is_gone_is_noticed() -> None:
    mutant = Mutant("x.py", "a = 1\n", "a = 2\n", "", ())
    for source in ("b = 1\n", "a = 1\na = 1\n"):
        with pytest.raises(AssertionError):
            planted(mutant, source)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_few_planted_bugs_are_noticed_and_a_harmless_change_is_not(tmp_path: Path) -> None:
    plot = Plot(tmp_path)
    assert [plot.try_out(mutant) for mutant in SAMPLE] == [Outcome.KILLED] * len(SAMPLE)
    first = SAMPLE[0]
    harmless = Mutant(first.file, first.original, f"{first.original}\n", "nothing", first.tests)
    assert plot.try_out(harmless) is Outcome.SURVIVED
    nonsense = Mutant(first.file, first.original, "(\n", "everything", first.tests)
    assert plot.try_out(nonsense) is Outcome.BROKEN
