"""Is the new version worse? Decided from counts of calls, with the chance of a false alarm bounded.

For each measure the two versions' calls are compared by Fisher's exact test, one-sided: were both
equally good, how likely would the new one have at least so many of the bad calls there were? It is
exact for few calls, and asks nothing of how rare they are.

The guard looks again and again, and at several measures; each look is another chance to be wrong.
So the allowed doubt is shared out before anything is seen: look k (from 1) may spend
doubt * 6 / (pi * k)**2, which over all looks is no more than `doubt`, and of it each measure an
equal part. Looks are due at `least_calls` calls of the new version and whenever there are a quarter
more than at the look before. The bound is for calls that are independent of each other; calls of
one caller are not quite.
"""

import math

import msgspec

from tools.rollout.spec import MEASURES, Counts, Rule

GROWTH = 1.25
"""So many times the calls of the look before are waited for."""


class Finding(msgspec.Struct, frozen=True):
    """What one measure shows."""

    measure: str
    old_share: float
    new_share: float
    chance: float
    """That the new version has at least so many, were both equally good."""
    limit: float
    """Below it, and `Rule.margin` apart, it counts as worse."""
    worse: bool


class Verdict(msgspec.Struct, frozen=True):
    """What one look shows."""

    look: int
    findings: tuple[Finding, ...]

    @property
    def worse(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.worse)


def due_at(look: int, rule: Rule) -> int:
    """How many calls of the new version look `look` (from 1) waits for."""
    calls = rule.least_calls
    for _ in range(look - 1):
        calls = max(calls + 1, math.ceil(calls * GROWTH))
    return calls


def look_due(calls: int, looks: int, rule: Rule) -> int | None:
    """The number of the look that is due with so many calls of the new version, after `looks`
    looks; None: not yet. Looks that were missed are one look, and spend what that one may."""
    found = None
    look = looks + 1
    while due_at(look, rule) <= calls:
        found, look = look, look + 1
    return found


def judge(old: Counts, new: Counts, look: int, rule: Rule) -> Verdict:
    """Look number `look` (from 1)."""
    limit = spend(look, rule.doubt) / len(MEASURES)
    return Verdict(look, tuple(_finding(each, old, new, limit, rule) for each in MEASURES))


def spend(look: int, doubt: float) -> float:
    """The chance of a false alarm that this look may take."""
    return doubt * 6 / (math.pi * look) ** 2


def _finding(measure: str, old: Counts, new: Counts, limit: float, rule: Rule) -> Finding:
    bad_old, bad_new = old.of(measure), new.of(measure)
    chance = chance_of(bad_old, old.calls, bad_new, new.calls)
    shares = bad_old / old.calls if old.calls else 0.0, bad_new / new.calls if new.calls else 0.0
    worse = chance <= limit and shares[1] - shares[0] >= rule.margin
    return Finding(measure, *shares, chance, limit, worse)


def chance_of(bad_old: int, calls_old: int, bad_new: int, calls_new: int) -> float:
    """Fisher's exact test, one-sided: the chance that of all bad calls there are at least `bad_new`
    among the new version's, were they dealt out blindly."""
    bad, calls = bad_old + bad_new, calls_old + calls_new
    whole = _log_ways(calls, bad)
    most = min(bad, calls_new)
    terms = (
        _log_ways(calls_new, each) + _log_ways(calls_old, bad - each) - whole
        for each in range(bad_new, most + 1)
        if bad - each <= calls_old
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def _log_ways(things: int, chosen: int) -> float:
    """The logarithm of how many ways there are to choose."""
    return math.lgamma(things + 1) - math.lgamma(chosen + 1) - math.lgamma(things - chosen + 1)
