"""Bugs planted where money is counted, capped, and kept."""

from tests.mutants import Mutant

_CALL = ("tests/telephony/test_call_money.py",)
_PURSE = ("tests/telephony/test_purse.py",)
_LIMITS = ("tests/telephony/test_allowances.py",)
_MODELS = ("tests/agents/test_models.py",)
_LIVES = ("tests/agents/test_lifetimes.py",)
_BOOK = ("tests/tools/test_costbook.py",)


def _call(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/money.py", original, mutated, breaks, _CALL)


def _purse(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/purse.py", original, mutated, breaks, _PURSE)


def _limits(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/allowances.py", original, mutated, breaks, _LIMITS)


def _models(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("agents/models.py", original, mutated, breaks, _MODELS)


MONEY = (
    _call(
        "spent_micros * 5 < cap_micros * 4",
        "spent_micros * 5 <= cap_micros * 4",
        "four fifths of a cap are not near it",
    ),
    _call(
        "spent_micros >= cap_micros else",
        "spent_micros > cap_micros else",
        "a cap that is just used up lets the call go on",
    ),
    _call(
        "        cost, model = self._tariff.response(event.usage), self._tariff.model\n"
        "        self.spent += cost\n",
        "        cost, model = self._tariff.response(event.usage), self._tariff.model\n",
        "responses do not count against the cap",
    ),
    _call(
        "        self.spent = total(map(cost_of, config.before))\n",
        "        self.spent = FREE\n",
        "a call that changes its process begins its cap anew",
    ),
    _call(
        "        self._minutes = _minutes(config.before)\n",
        "        self._minutes = 0\n",
        "a call that changes its process pays for its minutes twice",
    ),
    _call(
        "        while self._terms is not None and now >= self._minutes * MINUTE_S:\n",
        "        while self._terms is not None and now > self._minutes * MINUTE_S:\n",
        "a minute that begins is not charged when it does",
    ),
    _call(
        "        return None if self._terms is None else float(self._minutes * MINUTE_S)\n",
        "        return None\n",
        "a silent line never reaches its cap",
    ),
    _call(
        "            self._warned = True\n",
        "            pass\n",
        "the model is told to wrap up at every event",
    ),
    _call(
        "        if self._ending.phase is not Phase.LIVE:\n",
        "        if self._ending.phase is Phase.ENDED:\n",
        "a caller with a colleague is talked to for money",
    ),
    _call(
        "charged += self._charge(Charge.TRANSFER, UNKNOWN, at_ms)\n",
        "charged += self._charge(Charge.TRANSFER, FREE, at_ms)\n",
        "the second leg of a transfer is free",
    ),
    _call(
        "    nobody_knows = Tariff(engine=engine, transcription_usd_per_minute=None)\n",
        "    nobody_knows = Tariff(engine=engine, free=True)\n",
        "an engine without prices is free",
    ),
    _call(
        "    return UNKNOWN if price is None else Cost(micros(price))\n",
        "    return FREE if price is None else Cost(micros(price))\n",
        "a carrier without a price is free",
    ),
    _models(
        "            _counted(given - cached) * self.text_in\n",
        "            _counted(given) * self.text_in\n",
        "cached tokens are paid for twice",
    ),
    _models(
        "            + _counted(heard_cached) * audio_cached\n",
        "            + _counted(heard_cached) * self.audio_in\n",
        "cached audio costs the full price",
    ),
    _models(
        "        if self.tokens is None or usage is None:\n            return UNKNOWN\n",
        "        if self.tokens is None or usage is None:\n            return FREE\n",
        "a response nobody counted is free",
    ),
    _models(
        "            if gone is None or gone.days_left > 0:\n",
        "            if True:\n",
        "a retired model gives way to one that is retired, too",
    ),
    Mutant(
        "agents/lifetimes.py",
        "shutdown.days_left <= 0\n",
        "shutdown.days_left < 0\n",
        "on the day of its shutdown a model is still called",
        _LIVES,
    ),
    Mutant(
        "agents/lifetimes.py",
        "        if self._by_file or model_id in told:\n",
        "        if True:\n",
        "a model its gateway still serves is not used",
        _LIVES,
    ),
    _purse(
        "        every = (self._own.get(day), self._others.get(day))\n",
        "        every = (self._own.get(day),)\n",
        "after a restart the day begins anew",
    ),
    _purse(
        "        self._changed = {cost.call_id: cost for cost in costs} | self._changed\n",
        "        self._changed |= {cost.call_id: cost for cost in costs}\n",
        "an older sum is written over a newer one",
    ),
    _purse(
        "                    account.told[cap] = used\n",
        "",
        "calls are told of a cap every two seconds",
    ),
    _purse(
        "        self._others[day] = totals\n",
        "        self._others.setdefault(day, Counter()).update(totals)\n",
        "what others spent is added at every look",
    ),
    _limits(
        "        if now < found.refused_until_s:\n",
        "        if False:\n",
        "calls are sent to a provider that has just refused one",
    ),
    _limits(
        "    a_minute = (live + 1) * (guess if measured is None else measured)\n",
        "    a_minute = live * (guess if measured is None else measured)\n",
        "the new call itself is left out of the reckoning",
    ),
    _limits(
        "    if measured is not None and live and a_minute > told.limit:\n",
        "    if False:\n",
        "a limit that looks whole is taken for no limit",
    ),
    _limits(
        "    if measured is None and remaining > MOST * told.limit:\n",
        "    if False:\n",
        "a guess refuses calls while most of a limit is left",
    ),
    Mutant(
        "tools/costbook.py",
        "CALL_COSTS.c.writer != self._writer)\n",
        "True)\n",
        "what this process spent counts twice",
        _BOOK,
    ),
    Mutant(
        "tools/costbook.py",
        "        if not changed.rowcount:\n",
        "        if True:\n",
        "a call that goes on cannot be written again",
        _BOOK,
    ),
)
