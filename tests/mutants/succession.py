"""Bugs planted where one engine session follows another, and where silence is bridged."""

from tests.mutants import Mutant

_RELAY = ("tests/telephony/test_call_relay.py", "tests/telephony/test_call_neverdead.py")
_FILLERS = (
    "tests/telephony/test_call_fillers.py",
    "tests/telephony/test_call_faults.py",
    "tests/telephony/test_call_machine.py",
    "tests/telephony/test_call_neverdead.py",
)


def _succession(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/succession.py", original, mutated, breaks, _RELAY)


def _relay(original: str, mutated: str, breaks: str, file: str = "relay") -> Mutant:
    return Mutant(f"telephony/call/{file}.py", original, mutated, breaks, _RELAY)


def _fillers(original: str, mutated: str, breaks: str, file: str = "fillers") -> Mutant:
    return Mutant(f"telephony/call/{file}.py", original, mutated, breaks, _FILLERS)


SUCCESSION = (
    _succession(
        "        return self._answer and not self._orphans and not self._asked_by\n",
        "        return self._answer and not self._asked_by\n",
        "the next session speaks before it knows what was heard",
    ),
    _succession(
        "            self._held[:0] = self._saying\n",
        "            pass\n",
        "a greeting that broke off is never said",
    ),
    _succession(
        "            self._answer = self._answer or command.respond\n",
        "",
        "a tool that ended between two sessions is never told of aloud",
    ),
    _succession(
        "        tired = self._tries[self._rung] >= self.rung.tries\n",
        "        tired = False\n",
        "an engine that is down is asked again and again",
    ),
    _succession(
        "        if fatal or slow or tired or late:\n",
        "        if slow or tired or late:\n",
        "a refused key is tried twice",
    ),
    _succession(
        "        return silent or (pause and forced_s is not None and now >= forced_s)\n",
        "        return silent\n",
        "a call in which somebody always speaks loses its session at the hour",
    ),
    _succession(
        "discard(line.item_id)\n        if self._vacant:\n            return []\n",
        "discard(line.item_id)\n        return []\n",
        "what was heard of a lost session is told to nobody",
    ),
    _relay(
        'item.source == "engine" and not item.orphan',
        'item.source == "engine"',
        "a session is told of items it never spoke",
        file="playback",
    ),
    _relay(
        "        left_out = self._caller_samples - self._appended_samples\n",
        "        left_out = 0\n",
        "the caller's words lie in the wrong place under the next session",
    ),
    _relay(
        "        self._floor.heard_again(self._unanswered)\n",
        "",
        "what is heard twice is written twice",
    ),
    _relay(
        "        again = self._tail.since(min(self._unanswered.values()))\n",
        '        again = b""\n',
        "what the caller said meanwhile is lost",
    ),
    _fillers(
        "        return self._floor.replying and not waiting\n",
        "        return False\n",
        "a reply that halts is a dead line",
        file="waiting",
    ),
    _fillers(
        "        return speaking or owed or bool(self._tools)\n",
        "        return speaking or owed\n",
        "the caller is asked whether they are there while a tool runs",
        file="waiting",
    ),
    _fillers(
        "    return now if began_s is None else began_s\n",
        "    return now\n",
        "every event begins the silence anew",
        file="silence",
    ),
    _fillers(
        "        return silent_s + after_s\n",
        "        return silent_s + 60.0\n",
        "nobody bridges a silence",
    ),
    _fillers(
        "        return limits.filler_again_s * (_SELDOMER if often else 1)\n",
        "        return None\n",
        "a long silence is bridged once",
    ),
    _fillers(
        "            return None if self._discloses else limits.first_filler_s\n",
        "            return limits.first_filler_s\n",
        "a filler is heard before what has to be told first",
    ),
)
