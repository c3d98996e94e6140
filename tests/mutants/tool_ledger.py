"""Bugs planted where effects happen once, where policy decides, and where tokens open streams."""

from tests.mutants import Mutant

_RECEIPTS = ("tests/tools/test_receipts.py",)
_POLICY = ("tests/tools/test_policy.py",)
_ASSENT = ("tests/tools/test_assent.py",)
_DISPATCH = ("tests/tools/test_dispatch.py",)
_LIMITED = ("tests/tools/test_dispatch_policy.py",)
_APPROVALS = ("tests/tools/test_approvals.py",)
_TOKENS = ("tests/telephony/test_twilio_tokens.py",)
_TESTIMONY = ("tests/telephony/test_call_testimony.py",)


def _receipts(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/receipts.py", original, mutated, breaks, _RECEIPTS)


def _counts(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/receipts.py", original, mutated, breaks, _LIMITED)


def _policy(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/policy.py", original, mutated, breaks, _POLICY)


def _assent(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/assent.py", original, mutated, breaks, _ASSENT)


def _dispatch(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/dispatch.py", original, mutated, breaks, _DISPATCH)


def _limited(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/dispatch.py", original, mutated, breaks, _LIMITED)


def _gate(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/gate.py", original, mutated, breaks, (*_LIMITED, *_APPROVALS))


def _approvals(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("tools/approvals.py", original, mutated, breaks, _APPROVALS)


def _token(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/twilio/tokens.py", original, mutated, breaks, _TOKENS)


def _testimony(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/testimony.py", original, mutated, breaks, _TESTIMONY)


TOOL_LEDGER = (
    Mutant(
        "tools/store.py",
        "            _commit_quickly(connection)\n",
        "            pass\n",
        "what is told to be on record is gone",
        ("tests/tools/test_quick.py",),
    ),
    Mutant(
        "tools/quick.py",
        "    if lost:\n        connection.invalidate(error)\n",
        "",
        "a connection that broke is used again",
        ("tests/tools/test_quick.py",),
    ),
    Mutant(
        "tools/fitting.py",
        "data.keys() >= names",
        "True",
        "a booking without a date counts as one",
        ("tests/tools/test_fitting.py",),
    ),
    _receipts(
        "standing=claim.effect if claim.risk.writes and claim.lasting else None,",
        "standing=None,",
        "a booking asked for under a new id is made twice",
    ),
    _receipts(
        "standing=claim.effect if claim.risk.writes and claim.lasting else None,",
        "standing=claim.effect,",
        "free times looked up once stay as they were",
    ),
    _receipts(
        "    ToolState.UNKNOWN.value: (STARTED,),\n",
        "    ToolState.UNKNOWN.value: (STARTED, ToolState.DONE.value),\n",
        "a booking that is known to be made is doubted",
    ),
    _receipts(
        "end = _END_UNCHANGED if state in UNCHANGED else _END",
        "end = _END",
        "what failed can never be tried again",
    ),
    _receipts(
        "return Earlier(_typed(row)) if row.asked == claim.effect else Clash()",
        "return Earlier(_typed(row))",
        "one id is answered with what became of another wish",
    ),
    _receipts(
        "if before and before[-1].idempotency_key not in used:",
        "if before:",
        "a booking made again after its cancellation is taken for the old one outside",
    ),
    _receipts(
        "            RECEIPTS.c.id != receipt.id,\n",
        "",
        "a change that was made is made again",
    ),
    _counts(
        "    if _exhausted(connection, claim):\n        return Exhausted()\n",
        "",
        "of two at once both pass a limit of one",
    ),
    _counts(
        "RECEIPTS.c.state.not_in(UNCHANGED)",
        "RECEIPTS.c.state != STARTED",
        "a refusal uses up what a caller may do in a day",
    ),
    _counts(
        "RUNS.c.caller == claim.caller, RUNS.c.began_at >= midnight",
        "RUNS.c.began_at >= midnight",
        "one caller uses up the day of all",
    ),
    _policy(
        "    return [each.text if each.whole else _whole_sentences(each.text) for each in agent]",
        "    return [each.text for each in agent]",
        "a read-back cut in the middle of a time counts as heard",
    ),
    _policy(
        "    if found is Reply.YES or doubted:\n",
        "    if found is not None:\n",
        "a no lets the booking through",
    ),
    _policy(
        "found is Reply.UNKNOWN and tool.risk in _DOUBT_ALLOWED",
        "found is Reply.UNKNOWN",
        "money is moved on a word nobody understood",
    ),
    _policy(
        "return Reply.OTHER if answer is Reply.YES and takes_back(later) else answer",
        "return answer",
        "a caller who changes their mind is booked all the same",
    ),
    _policy(
        "        if all(says(heard, value, now) for value in values):\n",
        "        if any(says(heard, value, now) for value in values):\n",
        "half of it read back is enough",
    ),
    _policy(
        'for each in evidence.said if each.speaker == "caller" and each.text]',
        "for each in evidence.said if each.text]",
        "a number the agent made up counts as said by the caller",
    ),
    _policy(
        "    if not given or (in_doubt(evidence) and tool.risk in _DOUBT_ALLOWED):\n",
        "    if not given or tool.risk in _DOUBT_ALLOWED:\n",
        "own bookings need nothing that was said",
    ),
    _policy(
        "    return any(most is not None and count >= most for most, count in ran)",
        "    return any(most is not None and count > most for most, count in ran)",
        "every limit is one too high",
    ),
    _policy(
        "    if turn == 0 or (steps.in_turn < in_turn and steps.in_call < in_call):\n",
        "    if turn == 0 or steps.in_turn < in_turn:\n",
        "a model may loop through a whole call",
    ),
    _policy(
        "clock < end.strip() for",
        "clock <= end.strip() for",
        "a tool is offered after hours",
    ),
    _assent(
        "    if (_TURNS | _AGAIN) & told or _adds(plain, offered):\n",
        "    if (_TURNS | _AGAIN) & told:\n",
        "yes, make it four is a yes to three",
    ),
    _assent(
        "    if _DENIALS & told:\n",
        "    if False:\n",
        "yes... no is a yes",
    ),
    _assent(
        " or _asks(plain) or _puts_off(plain, offered):\n",
        " or _asks(plain):\n",
        "okay, let me think about it pays",
    ),
    _assent(
        " or _asks(plain) or _puts_off(plain, offered):\n",
        " or _puts_off(plain, offered):\n",
        "yes, what does it cost is a yes",
    ),
    Mutant(
        "agents/local/dialogue.py",
        "    return plain and reply([said.text], _as_told(state, readings)) is Reply.YES\n",
        "    return plain\n",
        "yes at ten, assuming it is cheap books",
        ("tests/agents/test_local_dialogue_tools.py",),
    ),
    _dispatch(
        "        if attempt.tool.risk.writes and not call.withdraw():\n            return False\n",
        "        if attempt.tool.risk.writes:\n            call.withdraw()\n",
        "a booking under way is cancelled at its deadline",
    ),
    _dispatch(
        "        if attempt.tool.risk.writes and ended.state is ToolState.DONE:\n",
        "        if False:\n",
        "a success nobody wrote down is promised",
    ),
    _limited(
        "            or receipt.id in self._running\n",
        "",
        "what still runs is taken for not done",
    ),
    _dispatch(
        "            if not attempt.tool.risk.writes:\n                flight.cancel()\n",
        "            flight.cancel()\n",
        "a hang-up breaks off a booking",
    ),
    _limited(
        "again = ended.passing and attempt.retries\n",
        "again = ended.passing\n",
        "a write that may have happened is tried again",
    ),
    _limited(
        "        if not beginning.cancel():\n",
        "        if False:\n",
        "an intent that came too late stands in the way of the next attempt",
    ),
    _limited(
        "        if not self._breakers[attempt.tool.name].allows(self._now_s()):\n",
        "        if False:\n",
        "a backend that is down is asked by every caller",
    ),
    _limited(
        "            if self._watchdog.isolated(attempt.tool.name):\n",
        "            if False:\n",
        "a tool that stops every call's audio goes on doing so",
    ),
    _gate(
        "                return None if again else self._refused(attempt, refused)\n",
        "                return self._refused(attempt, refused)\n",
        "a repeat of what was done is told that it may not be done",
    ),
    _gate(
        "            asking.add_done_callback(partial(self._withdrawn, approvals))\n",
        "",
        "somebody approves what a caller who has gone had asked for",
    ),
    _approvals(
        "            given = (APPROVALS.c.id == approval_id) & _is(ApprovalState.APPROVED)\n",
        "            given = APPROVALS.c.id == approval_id\n",
        "what nobody approved is done, and done again",
    ),
    _approvals(
        '    allowed = late & (APPROVALS.c.otherwise == "allow")\n',
        "    allowed = late\n",
        "at the deadline everything is allowed",
    ),
    _token(
        "        del self._issued[call_sid]\n        if now",
        "        if now",
        "a token opens a second stream",
    ),
    _token(
        "        if now >= issued.expires_at:\n            return TokenRefusal.EXPIRED\n",
        "",
        "a token is good for ever",
    ),
    _token(
        "        if account_sid != issued.offer.account_sid:\n"
        "            return TokenRefusal.WRONG_ACCOUNT\n",
        "",
        "a token opens a stream of another account",
    ),
    _token(
        "        if not compare_digest(_digest(token), issued.digest):\n"
        "            return TokenRefusal.UNKNOWN\n",
        "",
        "any token opens any call",
    ),
    _token(
        "        self._issued.pop(offer.call_sid, None)\n",
        "",
        "a token that was replaced keeps its place before newer ones",
    ),
    _testimony(
        "        lines = sorted([*self._lines, *unsettled, *missing], key=lambda line: line[0])\n",
        "        lines = [*self._lines, *unsettled, *missing]\n",
        "a yes that was said before counts for a question asked after it",
    ),
    _testimony(
        "whole=fate is Fate.HEARD",
        "whole=True",
        "what was cut counts as heard",
    ),
)
