"""Bugs planted where keys are understood and where typed secrets are kept."""

from tests.mutants import Mutant

_KEYPAD = ("tests/telephony/test_call_keypad.py",)
_HEARD = ("tests/telephony/test_call_heard.py",)
_CONFIDENCE = ("tests/telephony/test_confidence.py",)
_VAULT = ("tests/tools/test_vault.py",)


def _keypad(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/keypad.py", original, mutated, breaks, _KEYPAD)


def _collection(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/collection.py", original, mutated, breaks, _KEYPAD)


def _heard(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/heard.py", original, mutated, breaks, _HEARD)


def _confidence(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/confidence.py", original, mutated, breaks, _CONFIDENCE)


def _vault(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/vault.py", original, mutated, breaks, _VAULT)


def _attempt(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/attempt.py", original, mutated, breaks, _VAULT)


KEYPAD = (
    _keypad(
        "return digit in DIGITS and self._secret(HIDE_KEYS_S, now)",
        "return self._secret(HIDE_KEYS_S, now)",
        "the hash key of a secret entry ends nothing",
    ),
    _keypad(
        "        return self._secret(HIDE_AUDIO_S, now)\n",
        "        return False\n",
        "the tones of a card number are recorded",
    ),
    _keypad(
        "        if collection.asked.sensitive:\n            self._hide(now)\n",
        "        if collection.asked.sensitive:\n",
        "a digit too many is written down",
    ),
    _keypad(
        "        if key == HIDDEN:\n            self._hide(now)\n",
        "",
        "a caller who goes on typing after the time is over is written down",
    ),
    _keypad(
        "            if collection.asked.sensitive:\n                self._hide(now)\n",
        "",
        "the engine dies and the rest of the card number is written down",
    ),
    _keypad(
        "        self._patience.nothing_owed()\n        if self._floor.deserted:\n",
        "        if self._floor.deserted:\n",
        "a caller who talks while typing is asked to repeat",
    ),
    _keypad(
        "        elif self._playback.outstanding:\n            collection.quiet_from_s = None\n",
        "",
        "the time to type runs out while the agent still says what to type",
    ),
    _keypad(
        "        return [*self._playback.interrupt(now), *map(CancelResponse, silenced)]\n",
        "        return self._playback.interrupt(now)\n",
        "an engine that cannot hear keys talks on to nobody",
    ),
    _keypad(
        "            return self._playback.clear_filler(now)\n",
        "            pass\n",
        "a star throws away an answer that was about to begin",
    ),
    _keypad(
        "self.hush(now) if self._ending.interruptible else []",
        "[]",
        "the agent talks on while the caller types",
    ),
    _keypad(
        "self.hush(now) if self._ending.interruptible else []",
        "self.hush(now)",
        "a digit cuts off a goodbye that nothing calls off",
    ),
    _keypad(
        "busy(called) if self._taken else",
        "busy(called) if False else",
        "a second entry swallows the digits of the first",
    ),
    _keypad(
        "or self._sealing[0].tool_call_id != event.tool_call_id",
        "",
        "a reference answers the wrong call of the tool",
    ),
    _keypad(
        "            return []\n        self._ending.interrupted()\n",
        "            return []\n",
        "a star does not call an idle goodbye off",
    ),
    _collection(
        "            self.quiet_from_s = now\n",
        "            pass\n",
        "slow typists run out of time",
    ),
    _collection(
        '            self.digits = ""\n',
        "            pass\n",
        "nobody can start over",
    ),
    _collection(
        "return len(self.digits) >= self.most",
        "return len(self.digits) > self.most",
        "one digit too many is waited for",
    ),
    _collection(
        "        return key == HIDDEN and self.asked.sensitive\n",
        "        return False\n",
        "a secret entry never fills",
    ),
    _collection(
        '    if asked.length is msgspec.UNSET and asked.terminator == "none":\n',
        "    if False:\n",
        "an entry without an end is begun",
    ),
    _keypad(
        "waiting and self._prompted:\n",
        "waiting:\n",
        "surplus digits of a card number are those of the next entry",
    ),
    _collection(
        "        return key == HIDDEN and self.asked.sensitive\n",
        "        return key == HIDDEN\n",
        "an open entry is done with digits nobody knows",
    ),
    _heard(
        "        if last.source != REPEAT:\n",
        "        if True:\n",
        "a sentence repeated twice is the wrong one",
    ),
    _heard(
        "        if number != self._number:\n",
        "        if not self._number:\n",
        "a call keeps all it ever said in memory",
    ),
    _heard(
        "0 < begin <= len(ulaw) - _SHORTEST_SAMPLES",
        "0 < begin <= len(ulaw)",
        "half a word is repeated",
    ),
    _heard(
        "        begin = _samples_before(item, len(words[:end].rstrip())) - lost\n",
        "        begin = _samples_before(item, len(words[:end].rstrip()))\n",
        "after a long speech the wrong place is repeated",
    ),
    _heard(
        "key=lambda each: (each[1], abs(each[0] - at))",
        "key=lambda each: abs(each[0] - at)",
        "a repeated sentence begins in the middle of a word",
    ),
    _confidence(
        "                return DtmfPressed(HIDDEN)\n",
        "                return event\n",
        "a typed card number is written down",
    ),
    _confidence(
        "digits[max(0, len(digits) - count) :]",
        "digits[:count]",
        "a caller who started over pays with the wrong card",
    ),
    _vault(
        "        if kept is None or kept.call_id != call_id:\n",
        "        if kept is None:\n",
        "one caller's card pays for another",
    ),
    _vault(
        "        del self._kept[reference]\n        return kept.digits",
        "        return kept.digits",
        "a reference is good for ever",
    ),
    _vault(
        "kept.digits if self._clock() < kept.until_s else None",
        "kept.digits",
        "a reference is good after its time",
    ),
    _vault(
        "        self._let_go(lambda kept: kept.call_id == call_id)\n",
        "        pass\n",
        "digits outlive their call",
    ),
    _attempt(
        "        ended = finished(attempt, await pending)\n",
        "        return finished(attempt, await pending)\n",
        "a tool on the loop tells the card number",
    ),
    _attempt(
        "    if not any(digits in ended.output for digits in telling):\n",
        "    if telling:\n",
        "a tool that repeats the card number is believed",
    ),
)
