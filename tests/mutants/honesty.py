"""Bugs planted in the claim gate: its grammar, its memory of deeds, and what it does to a reply."""

from tests.mutants import Mutant

_GATE = ("tests/telephony/test_call_honesty.py",)
_RULES = ("tests/tools/test_claims.py",)
_KEYS = ("tests/telephony/test_call_dialling.py",)


def _gate(original: str, mutated: str, breaks: str, file: str = "honesty") -> Mutant:
    return Mutant(f"telephony/call/{file}.py", original, mutated, breaks, _GATE)


def _rule(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/claims.py", original, mutated, breaks, _RULES)


def _keys(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/dialling.py", original, mutated, breaks, _KEYS)


HONESTY = (
    _gate(
        "        return any(self._ended.get(tool) is Standing.DONE for tool in tools)\n",
        "        return bool(tools & self._ended.keys())\n",
        "a refused booking counts as made",
    ),
    _gate(
        '_STATES = {"done": Standing.DONE, "unknown": Standing.UNKNOWN}\n',
        '_STATES = {"done": Standing.DONE, "unknown": Standing.DONE}\n',
        "a booking nobody knows of counts as made",
    ),
    _gate(
        "        self._ended[finished.name] = max(standing, before, key=_BEST.index)\n",
        "        self._ended[finished.name] = standing\n",
        "a second attempt that fails undoes the first",
    ),
    _gate(
        "        self._running.pop(finished.tool_call_id, None)\n",
        "",
        "a tool that has answered still runs, and nothing is ever corrected",
    ),
    _gate(
        "                if each.writes or claim.stands:\n",
        "                if True:\n",
        "who looked something up may claim to have done it",
    ),
    _gate(
        "                if each.writes:\n                    writing",
        "                if True:\n                    writing",
        "looking up makes claims of its own",
    ),
    _gate(
        "self.deeds.done(tools | self._silent)",
        "self.deeds.done(tools)",
        "what a tool without rules has done is stopped",
    ),
    _gate(
        "        enough = len(said.split()) >= _LEAST_WORDS\n",
        "        enough = True\n",
        "one word that a tool said excuses it everywhere",
    ),
    _gate(
        "            self._reader.ours(message)\n",
        "            pass\n",
        "a tool's own words are stopped",
    ),
    _gate(
        "                self._reader.ours(command.text)\n",
        "                pass\n",
        "our own prompts are stopped",
    ),
    _gate(
        "    rest = text[begin:] if whole else without_last_word(text[begin:])\n",
        "    rest = text[begin:]\n",
        "half a word is taken for a whole one",
    ),
    _gate(
        "        found.append((begin, rest, whole or rest.endswith(_STOPS)))\n",
        "        pass\n",
        "a sentence is read only when the next one begins, and the last never",
    ),
    _gate(
        "        self._floor.silence(response_id)\n",
        "",
        "what comes of a stopped reply is heard all the same",
    ),
    _gate(
        "            *self._playback.withhold(item_id, stopped.begin, now),\n",
        "",
        "the claim is noted and heard",
    ),
    _gate(
        "            CancelResponse(response_id),\n",
        "",
        "the model goes on with what nobody hears",
    ),
    _gate(
        "        self._corrections += 1\n",
        "",
        "a model may lie for as long as it likes",
    ),
    _gate(
        "            self._ending.interrupted()\n",
        "            pass\n",
        "the caller is hung up on after a false goodbye",
    ),
    _gate(
        "        silent = self._floor.caller_item is not None or self._ending.under_way\n",
        "        silent = self._ending.under_way\n",
        "the correction talks over the caller",
    ),
    _gate(
        "        silent = self._floor.caller_item is not None or self._ending.under_way\n",
        "        silent = self._floor.caller_item is not None\n",
        "a call that must end goes on with a correction",
    ),
    _gate(
        " or self._floor.deserted or self._reader.deeds.running:\n",
        " or self._floor.deserted:\n",
        "the caller is asked again about what is being done",
    ),
    _gate(
        "        if not self._floor.wants(response_id):\n",
        "        if False:\n",
        "a reply the caller cut short is corrected",
    ),
    _gate(
        "            self._read[item_id] = (response_id, max(ends, default=begin))\n",
        "            self._read[item_id] = (response_id, len(text))\n",
        "a sentence that comes in two pieces is not read",
    ),
    _gate(
        "        came = [samples for samples, first in self._trusted_anchors if first <= chars]\n",
        "        came = [samples for samples, first in self._trusted_anchors]\n",
        "the beginning of the claim is heard",
        "speech",
    ),
    _gate(
        "        item.limit = at + item.delay if at else 0\n",
        "        item.limit = 0\n",
        "what stood before the claim is cut off with it",
        "playback",
    ),
    _gate(
        "            ulaw = ulaw[: max(0, item.limit - sent)]\n",
        "            pass\n",
        "what was cleared of the claim is sent again",
        "playback",
    ),
    _gate(
        "            cleared = [*self.hold(now), *self.resume(now)]\n",
        "            pass\n",
        "a claim on its way to the carrier is heard",
        "playback",
    ),
    _gate(
        "            item.give_up(now)\n            return self._tell(item)\n",
        "            return []\n",
        "the model believes that its claim was heard",
        "playback",
    ),
    _rule(
        "_SUBORDINATE.search(part) or ",
        "",
        "a condition is taken for a claim",
    ),
    _rule(
        " or _DENIED.search(last))",
        ")",
        "a denial is taken for a claim",
    ),
    _rule(
        "_DENIED.search(last)",
        "_DENIED.search(part)",
        "a denial of something else hides a claim",
    ),
    _rule(
        '    part = _JOINED.split(f" {said[:start]} ")[-1]\n',
        '    part = f" {said[:start]} "\n',
        "a condition of something else hides a claim",
    ),
    _rule(
        "    return any(word in _TIMES or word[0].isdigit() for word in noun)\n",
        "    return False\n",
        "a time that is taken counts as a booking",
    ),
    _rule(
        "    return bool(_TAKEN.search(said[: match.end()]))\n",
        "    return False\n",
        "to regret that something is taken counts as a booking",
    ),
    _rule(
        '    if f" {phrase} " in f" {said} ":\n        return True\n',
        "",
        "exceptions are stopped all the same",
    ),
    _rule(
        "    return not whole and growing and claim.end > len(said) - len(phrase)\n",
        "    return False\n",
        "an exception is stopped before its last word comes",
    ),
    _keys(
        "        if line.fate is Fate.HEARD:\n",
        "        if True:\n",
        "keys the caller spoke over count as sent",
    ),
    _keys(
        "        if self._sending is not None:\n",
        "        if False:\n",
        "of two sequences at once one is never answered",
    ),
    _keys(
        "        self._sending = None\n        if line",
        "        if line",
        "only one sequence can be sent in a call",
    ),
)
