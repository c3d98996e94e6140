"""Bugs planted where callers are passed on."""

from tests.mutants import Mutant

_TESTS = ("tests/telephony/test_call_handover.py",)


def _handover(original: str, mutated: str, breaks: str, file: str = "ending") -> Mutant:
    return Mutant(f"telephony/call/{file}.py", original, mutated, breaks, _TESTS)


HANDOVER = (
    _handover(
        "            return self._playback.hung_up(now)\n        ours",
        "            pass\n        ours",
        "the stop of a transfer ends the call",
    ),
    _handover(
        "        if closing.onward is not None:\n            return self._hand_over",
        "        if False:\n            return self._hand_over",
        "a caller who was to be put through is hung up on",
    ),
    _handover(
        "        if result in _ANSWERED:\n",
        "        if True:\n",
        "a caller nobody took counts as transferred",
    ),
    _handover(
        "        if not self._floor.deserted:\n            closing.enter(Stage.RETURNING",
        "        if True:\n            closing.enter(Stage.RETURNING",
        "a caller is given back to a dead engine",
    ),
    _handover(
        "        if closing.stopped:\n",
        "        if False:\n",
        "a redirect that was obeyed is made once more",
    ),
    _handover(
        "        if over:\n            gone",
        "        if False:\n            gone",
        "a call that is gone is dialled on",
    ),
    _handover(
        "            self._dialled.append(onward.target)\n",
        "            pass\n",
        "a dead engine rings a busy person for ever",
    ),
    _handover(
        "        return [*(CancelResponse(response_id) for response_id in silenced), onward]\n",
        "        return [onward]\n",
        "a model talks on to a caller who was put through",
    ),
    _handover(
        "        return not away and not",
        "        return not",
        "what the engine says to nobody is played into the next stream",
    ),
    _handover(
        "            return [CallBack(why), *self._end(closing.reason, now)]\n",
        "            return self._end(closing.reason, now)\n",
        "nobody is told of a caller nobody took",
    ),
    _handover(
        "            self.began_ms = round(now * 1000)\n",
        "            pass\n",
        "the clock of the second stream is taken for the first's",
        file="streams",
    ),
    _handover(
        "unheard(at_samples, event.ulaw)\n            return [*echoed, stored]\n",
        "unheard(at_samples, event.ulaw)\n",
        "a caller who was put through is listened to",
        file="callerline",
    ),
    _handover(
        "Verdict.TAKEN if self._ending.interruptible and not",
        "Verdict.TAKEN if not",
        "a caller who says thank you breaks the call",
        file="bargein",
    ),
)
