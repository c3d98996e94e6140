"""Bugs planted where a call outlives its stream, or its process."""

from tests.mutants import Mutant

_CALL = ("tests/telephony/test_call_streams.py",)
_KEPT = ("tests/telephony/test_custody.py", "tests/telephony/test_livestate.py")
_TABLE = ("tests/tools/test_livecalls.py",)
_STREAMS = "telephony/call/streams.py"

SURVIVAL = (
    Mutant(
        _STREAMS,
        "            *self._playback.interrupt(now),\n",
        "",
        "a model believes that all of a broken line was heard",
        _CALL,
    ),
    Mutant(
        _STREAMS,
        "        if answer:\n            return [Say(persona.broke_off), Remember",
        "        if False:\n            return [Say(persona.broke_off), Remember",
        "a caller whose line broke waits for ever for the answer",
        _CALL,
    ),
    Mutant(
        _STREAMS,
        "        if not kept or self._breaks >= MOST_BREAKS or",
        "        if not kept or",
        "a line that never holds is asked for without end",
        _CALL,
    ),
    Mutant(
        _STREAMS,
        "            self._tools.begin(called, now_ms)\n",
        "            pass\n",
        "what came of a tool of another process is told to nobody",
        _CALL,
    ),
    Mutant(
        _STREAMS,
        "        if by_s is None or (now < by_s and (busy or ending.under_way)):\n",
        "        if by_s is None:\n",
        "a deploy cuts the agent off in mid-word",
        _CALL,
    ),
    Mutant(
        "telephony/call/ending.py",
        "        if reason == FENCED:\n",
        "        if False:\n",
        "two processes speak to one caller",
        _CALL,
    ),
    Mutant(
        "telephony/livestate.py",
        "        if called.tool_call_id not in told:\n",
        "        if True:\n",
        "a tool that has answered is asked for its answer again",
        _KEPT,
    ),
    Mutant(
        "telephony/custody.py",
        "        del self._lines[: len(piece.lines)]\n",
        "",
        "every line is written again and again",
        _KEPT,
    ),
    Mutant(
        "telephony/custody.py",
        "            if piece.ended is None and not kept.handed:\n",
        "            if False:\n",
        "who lost a call never learns of it",
        _KEPT,
    ),
    Mutant(
        "tools/livecalls.py",
        '        LIVE_CALLS.c.fence == sa.bindparam("of_fence"),\n',
        "",
        "who lost a call writes on",
        _TABLE,
    ),
    Mutant(
        "tools/livecalls.py",
        "    fence = row.fence + 1\n",
        "    fence = row.fence\n",
        "two processes have one call",
        _TABLE,
    ),
)
