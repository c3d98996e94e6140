"""Bugs planted in the core of a call: ledger, playback, words, floor, limits, phases."""

from tests.mutants import Mutant
from tests.mutants.handover import HANDOVER
from tests.mutants.honesty import HONESTY
from tests.mutants.hot_path import HOT_PATH
from tests.mutants.keypad import KEYPAD
from tests.mutants.succession import SUCCESSION

_LEDGER = ("tests/telephony/test_call_ledger.py",)
_PLAYBACK = ("tests/telephony/test_call_playback.py",)
_SPEECH = ("tests/telephony/test_call_speech.py",)
_TURNS = ("tests/telephony/test_call_turns.py",)
_LIMITS = ("tests/telephony/test_call_limits.py",)
_CALL = (
    "tests/telephony/test_call_machine.py",
    "tests/telephony/test_call_faults.py",
    "tests/telephony/test_call_keypad.py",
)


def _ledger(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/ledger.py", original, mutated, breaks, _LEDGER)


def _run(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/run.py", original, mutated, breaks, _LEDGER)


def _playback(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/playback.py", original, mutated, breaks, _PLAYBACK)


def _speech(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/speech.py", original, mutated, breaks, _SPEECH)


def _turns(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/turns.py", original, mutated, breaks, _TURNS)


def _limits(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/limits.py", original, mutated, breaks, _LIMITS)


def _ending(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/ending.py", original, mutated, breaks, _CALL)


def _toolcalls(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/toolcalls.py", original, mutated, breaks, _CALL)


_BARGE_INS = (
    "tests/telephony/test_call_machine.py",
    "tests/telephony/test_call_bargein.py",
    "tests/telephony/test_call_claim.py",
    "tests/telephony/test_call_sound.py",
)


def _barge_in(file: str, original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant(f"telephony/call/{file}.py", original, mutated, breaks, _BARGE_INS)


def _machine(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/machine.py", original, mutated, breaks, _CALL)


def _caller_line(original: str, mutated: str, breaks: str) -> Mutant:
    return Mutant("telephony/call/callerline.py", original, mutated, breaks, _CALL)


LEDGER = (
    _ledger(
        "        self._generation += 1\n",
        "        pass\n",
        "marks of cleared audio are taken for those of the next reply",
    ),
    _ledger(
        "        queue, self._queue = self._queue, _Queue(self.trip)\n",
        "        queue = self._queue\n",
        "cleared audio still counts as outstanding",
    ),
    _ledger(
        "return self._given_up(now + self.trip.one_way_s, None)",
        "return self._given_up(now, None)",
        "what is heard until the line is given up is left out",
    ),
    _ledger(
        "return self._given_up(arrival.at_s - way_s, now)",
        "return self._given_up(arrival.at_s + way_s, None)",
        "audio after the hang-up counts as heard",
    ),
    _ledger(
        "        earliest_s = piece.sent_s + self._trip.one_way_s\n",
        "        earliest_s = piece.sent_s\n",
        "audio is heard before it can have arrived",
    ),
    _ledger(
        "        if at_least_s >= self._heard_until_s:\n            return earliest_s, True\n",
        "",
        "a gap in the delivery counts as speech",
    ),
    _ledger(
        "samples = min(possible, most, int((until_s - begin_s) * RATE + _ROUNDING))",
        "samples = int((until_s - begin_s) * RATE + _ROUNDING)",
        "more is heard than was sent",
    ),
    _ledger(
        "                unheard.append((piece.item, piece.ulaw[samples:]))\n",
        "                unheard.append((piece.item, piece.ulaw))\n",
        "what is said again begins before the place where the caller stopped hearing",
    ),
    _ledger(
        "        marked = not any(piece.mark == name for piece in self.pieces)\n",
        "        marked = not self.pieces\n",
        "a mark nobody placed proves everything heard",
    ),
    _ledger(
        "            marked = piece.mark == name\n",
        "            marked = piece.mark is not None\n",
        "a lost echo is never made up for",
    ),
    _ledger(
        "            item.marked = item.sent\n            return self._mark(piece)\n",
        "            item.marked += 1\n            return self._mark(piece)\n",
        "marks fall off the grid",
    ),
    _ledger(
        "        if item.sent - item.marked >= GRID_SAMPLES:\n",
        "        if item.sent - item.marked > GRID_SAMPLES:\n",
        "clips of the grid's own size are marked every other time",
    ),
    _ledger(
        "pieces[-1].mark is not None or pieces[-1].item is not item",
        "pieces[-1].mark is not None or pieces[-1].item is item",
        "the end of an item is never marked",
    ),
    _ledger(
        "            self.trip.sample(arrival.at_s - placed_s)\n",
        "",
        "the line is never measured before the first audio",
    ),
    _run(
        "        trip.sample(self._took.at_s)\n",
        "",
        "the line is never measured on audio",
    ),
    _run(
        "        trip.late(max(0.0, now - since_s - self._took.at_s))\n",
        "",
        "a clear is expected to arrive as if nothing delayed it",
    ),
    _run(
        "        latest_s = min(took.latest_s for took in self._trips)\n",
        "        latest_s = self._trips[-1].latest_s\n",
        "every late echo moves the truth back",
    ),
    _run(
        "deque(maxlen=_RECENT_ECHOES)",
        "deque()",
        "a pause of the line is never caught up with",
    ),
    _run(
        "            self._trips.clear()\n",
        "            pass\n",
        "a stalled line is not believed",
    ),
    Mutant(
        "telephony/call/roundtrip.py",
        "        return (_FIRST_GUESS_S if self._least is None else self._least) / 2\n",
        "        return _FIRST_GUESS_S if self._least is None else self._least\n",
        "the round trip is taken for one way",
        _LEDGER,
    ),
    _ledger(
        "        item.began_s = at_s if item.began_s is None else item.began_s\n",
        "        item.began_s = at_s\n",
        "an item begins again with every piece",
    ),
    _ledger(
        '        """Playback got to this mark; what it proves was heard. Nothing for unknown'
        ' names."""\n        self._end_s = None\n',
        '        """Playback got to this mark."""\n',
        "the expected end ignores what echoes tell",
    ),
    _ledger(
        "            piece.item.proven += len(piece.ulaw) if proof else 0\n",
        "            piece.item.proven += len(piece.ulaw)\n",
        "a mark that a clear may have returned is taken for proof",
    ),
    _ledger(
        "            piece.item.possible += possible\n",
        "            piece.item.possible += max(0, samples)\n",
        "what is likely counts as certain",
    ),
    _ledger(
        "                clearing.echoes.append((name, arrival, now))\n",
        "                pass\n",
        "marks under way when the caller cut in are forgotten",
    ),
    _ledger(
        "            self._settle_all(now, now - self.trip.least_one_way_s, felt=True)\n"
        "        return played\n",
        "        return played\n",
        "a cut stays open although the next reply is being heard",
    ),
    _ledger(
        "        self._unproven = True\n",
        "",
        "a carrier that stalled talks on over the caller",
    ),
    _ledger(
        "        while self._clearings and self._clearings[0].until_s <= now:\n",
        "        while self._clearings and self._clearings[0].until_s < now:\n",
        "a cut whose echo is lost is settled by the next event only",
    ),
    _ledger(
        "        until_s = min(until_s, self._took_effect_s(clearing, seen))\n",
        "        until_s = self._took_effect_s(clearing, seen)\n",
        "what a caller who hung up in mid-cut cannot have heard counts as heard",
    ),
)

PLAYBACK = (
    _playback(
        "        self._downlink.reset()\n        self._speaking = None\n        for item in items",
        "        self._speaking = None\n        for item in items",
        "the rest of a cut reply is heard at the start of the next",
    ),
    _playback(
        "        return [ClearPlayback(), PlaceMark(clearing.mark)]\n",
        "        return []\n",
        "the agent talks on when interrupted",
    ),
    _playback(
        "        items += [item for item in self._unfinished() if item not in items]\n",
        "",
        "a reply that ran dry goes on over the caller",
    ),
    _playback(
        "        if item.refused:\n            return []\n        commands",
        "        commands",
        "late deltas of a cut item are played",
    ),
    _playback(
        "min(item.heard, item.received - margin)",
        "item.heard",
        "the model is asked to keep more than its margin allows and refuses",
    ),
    _playback(
        "        if not told or item.fate is Fate.HEARD:\n",
        "        if not told:\n",
        "a sentence heard but for its last breath is erased at the model",
    ),
    _playback(
        "            if audio_end_ms > 0\n",
        "            if audio_end_ms >= 0\n",
        "an item nobody heard is truncated at 0, which the server refuses",
    ),
    _playback(
        'self._capabilities.truncates and item.source == "engine" and not item.orphan\n',
        "self._capabilities.truncates and not item.orphan\n",
        "the model is told of clips it never spoke",
    ),
    _playback(
        "        return [*self._send(item, self._downlink.flush(), now), *self._end_mark(item)]\n",
        "        return self._end_mark(item)\n",
        "the end of every reply stays in the filter",
    ),
    _playback(
        "            if not piece.follows:\n",
        "            if piece.follows:\n",
        "what was heard lies in the wrong place of the recording",
    ),
    _playback(
        "max(self._sent_samples, self.ledger.stream_samples(now))",
        "round(now * RATE)",
        "pieces of a burst overlap in the recording",
    ),
    _playback(
        "            for command in self.close(item_id, now, Arrival.BROKEN_OFF)\n",
        "            for command in self.close(item_id, now)\n",
        "words a dead engine never spoke count as heard",
    ),
    _playback(
        "            del self._items[item.item_id]\n",
        "            pass\n",
        "a line is written again and again",
    ),
    _playback(
        "                delay=self._downlink.delay_samples,\n",
        "",
        "the filter's delay counts as the model's audio",
    ),
    _playback(
        "        cut = self.ledger.ended(now)\n",
        "        cut = self.ledger.cut(now)\n",
        "what was still to come at the hang-up counts as heard",
    ),
    _playback(
        "and (item is self._speaking or item.played is None)",
        "and item.played is None",
        "the model goes on believing in what it had not yet sent",
    ),
)

SPEECH = (
    _speech(
        "        return self.received_bytes // self.sample_bytes\n",
        "        return self.received_bytes\n",
        "PCM bytes are taken for samples",
    ),
    _speech(
        "max(0, self.played.heard - self.delay) if self.played else 0",
        "self.played.heard if self.played else 0",
        "the model is told of 3 ms that are the filter's",
    ),
    _speech(
        "self.received - self.heard <= TAIL_SAMPLES",
        "self.received - self.heard < TAIL_SAMPLES",
        "the last breath is one sample short",
    ),
    _speech(
        "        all_words = to_the_end and self.arrival is Arrival.COMPLETE\n",
        "        all_words = to_the_end\n",
        "words that ran ahead of a broken-off reply count as heard",
    ),
    _speech(
        "        to_the_end = self.done and self.received",
        "        to_the_end = self.received",
        "a reply that ran dry counts as finished",
    ),
    _speech(
        "        return self.text[: max(0, whole)].rstrip()\n",
        "        return self.text[:chars]\n",
        "half words are heard",
    ),
    _speech(
        "        anchors = self._trusted_anchors\n",
        "        anchors = self._anchors[:0]\n",
        "words behind a long silence are heard before they are spoken",
    ),
    _speech(
        "        return [] if behind else self._anchors\n",
        "        return self._anchors\n",
        "of an engine whose text comes late nothing is ever heard",
    ),
    _speech(
        "        if not self.done:\n            self.arrival = arrival\n",
        "        self.arrival = arrival\n",
        "a complete item is broken off when the engine dies later",
    ),
    _speech(
        "        return self.done and (self.fate",
        "        return (self.fate",
        "a line is written before all of it has come",
    ),
)

TURNS = (
    _turns(
        "        self._dead.update(silenced)\n",
        "",
        "a reply the caller spoke over goes on",
    ),
    _turns(
        " and not self.deserted\n\n    def silence",
        "\n\n    def silence",
        "an engine that was given up speaks into the apology",
    ),
    _turns(
        "        self._written.add(item_id)\n",
        "",
        "an utterance is written twice",
    ),
    _turns(
        "        self._utterances.setdefault(item_id, (at_ms, None))\n",
        "        self._utterances[item_id] = (at_ms, None)\n",
        "a storm of speech moves the beginning of the utterance",
    ),
    _turns(
        "            self.caller_item = None\n        began_ms, ended_ms",
        "            pass\n        began_ms, ended_ms",
        "a lost end of speech leaves the line dead",
    ),
    _turns(
        "(at_ms, None))\n        self._turn = None\n",
        "(at_ms, None))\n",
        "an answer nobody heard has a latency",
    ),
    _turns(
        "self._turn.audio_ms < 0:",
        "True:",
        "the latency of a turn is that of its last piece of audio",
    ),
    _turns(
        "min(began_ms, end_ms)",
        "began_ms",
        "an utterance ends before it begins",
    ),
    _turns(
        "        self._live.pop(response_id, None)\n",
        "        pass\n",
        "a reply that ended keeps the call waiting",
    ),
)

LIMITS = (
    _limits(
        "            self._nudged = True\n",
        "",
        "a mute engine is asked again for ever",
    ),
    _limits(
        "        self._waited_for = False\n        self._nudged = False\n",
        "        self._owed_from_s = None\n",
        "an engine that answered is given up at its next slow answer",
    ),
    _limits(
        "        self._prompts = 0\n        self._quiet_from_s = None\n",
        "        self._quiet_from_s = None\n",
        "a caller who is there is hung up on without a question",
    ),
    _limits(
        "            self._prompts += 1\n",
        "",
        "a silent caller is asked for ever and never hung up on",
    ),
    _limits(
        "            self._quiet_from_s = now\n",
        "",
        "the goodbye follows the question too soon",
    ),
    _limits(
        "        for since_s in (self._owed_from_s, self._stalled_from_s):\n",
        "        for since_s in (self._owed_from_s,):\n",
        "a reply that halts in the middle is a dead line",
    ),
    _limits(
        "        yield limits.max_call_s, Due.MAX_LENGTH\n        if not self._ready:\n",
        "        if not self._ready:\n",
        "a call never ends",
    ),
    _limits(
        "            yield self._began_s + limits.engine_ready_s, Due.ENGINE_NOT_READY\n",
        "",
        "an engine that never gets ready is a dead line",
    ),
    _limits(
        "            if at_s <= now:\n",
        "            if at_s < now:\n",
        "a deadline is not met when it is reached",
    ),
    _limits(
        "return min((at_s for at_s, _ in self._deadlines()), default=None)",
        "return max((at_s for at_s, _ in self._deadlines()), default=None)",
        "the call sleeps over its deadlines",
    ),
)

MACHINE = (
    _ending(
        "        return closing is None or (closing.may_resume and not closing.hanging_up)\n",
        "        return closing is None or not closing.hanging_up\n",
        "the longest call can be talked out of its end",
    ),
    _ending(
        "            self._closing.may_resume = False\n",
        "            pass\n",
        "a drained call is kept alive by its caller",
    ),
    _barge_in(
        "bargein",
        "        if not self._capabilities.cancels_on_speech:\n",
        "        if self._capabilities.cancels_on_speech:\n",
        "replies are cancelled twice, or never",
    ),
    _machine(
        "            return self._playback.unwanted(event, now)\n        self._floor",
        "            return []\n        self._floor",
        "the model believes in an item nobody heard",
    ),
    _toolcalls(
        "        if called.tool_call_id in self._running:\n",
        "        if not called.tool_call_id:\n",
        "a tool call repeated by the engine runs twice",
    ),
    _machine(
        "        self._floor.silence(event.response_id)\n        noted",
        "        noted",
        "a reply without end goes on after the caller was asked about it",
    ),
    _machine(
        "        asks = not self._ending.under_way and self._floor.caller_item is None\n",
        "        asks = self._floor.caller_item is None\n",
        "a caller who said goodbye is asked whether to go on",
    ),
    Mutant(
        "telephony/call/turns.py",
        "        self._live[response_id] += samples\n",
        "        self._live[response_id] = samples\n",
        "a reply without end is never broken off",
        _CALL,
    ),
    Mutant(
        "telephony/call/playback.py",
        "            if item.curtailed_s is not None and item.fate is None:\n",
        "            if item.given_up_s is not None and item.fate is None:\n",
        "the model believes in the rest of a reply that was broken off",
        _CALL,
    ),
    Mutant(
        "telephony/call/playback.py",
        "        return self.close(item_id, now, Arrival.BROKEN_OFF)\n",
        "        return []\n",
        "a reply that was broken off is never written down",
        _CALL,
    ),
    Mutant(
        "telephony/call/playback.py",
        "            self._settled.add(item.item_id)\n",
        "            pass\n",
        "what comes late of a reply makes the model forget what was heard of it",
        _CALL,
    ),
    Mutant(
        "telephony/call/playback.py",
        "        return complete or item_id in self._settled\n",
        "        return item_id in self._settled\n",
        "what comes of an item behind its end is played for ever after",
        _CALL,
    ),
    _machine(
        "        if respond and not self._tools and",
        "        if respond and",
        "the caller is asked to repeat while a tool still works",
    ),
    _machine(
        "and self._floor.caller_item is None:\n            commands",
        ":\n            commands",
        "a caller who talks on is hung up on",
    ),
    _machine(
        "        respond = self._ending.listening and not (leaves and self._playback.speaks)\n",
        "        respond = self._ending.listening and not leaves\n",
        "a call ends without a goodbye",
    ),
    _machine(
        "        if not self._ending.under_way:\n            self._patience.answer_owed(now)\n",
        "        self._patience.answer_owed(now)\n",
        "a caller's own goodbye keeps the line open",
    ),
    _machine(
        "            commands += self._ending.proceed(now)\n",
        "",
        "nobody is ever hung up on",
    ),
    _ending(
        "        if self._playback.outstanding and not over:\n            return []\n",
        "",
        "the hang-up cuts the goodbye off",
    ),
    _ending(
        "            if not over and self._words_to_come:\n                return []\n",
        "",
        "the hang-up comes before the goodbye",
    ),
    _ending(
        "        self._closing.not_yet = self._floor.replies\n",
        "",
        "the reply under way is taken for the goodbye",
    ),
    _ending(
        "            over = False\n",
        "            pass\n",
        "a goodbye begun late is cut off after eight seconds",
    ),
    _ending(
        "        return to_come and not self._floor.deserted\n",
        "        return to_come\n",
        "the apology is followed by silence",
    ),
    _ending(
        "        if closing.beyond or closing.onward or closing.hanging_up or not owed:\n",
        "        if closing.beyond or closing.onward or closing.hanging_up:\n",
        "an engine that dies after its goodbye is apologised for",
    ),
    _machine(
        '            commands += [Note("marks_lost"), *self._playback.expire(now)]\n',
        '            commands += [Note("marks_lost")]\n',
        "a lost echo keeps the call open for ever",
    ),
    _ending(
        "self._closing.reason if self._closing and ours else",
        "self._closing.reason if self._closing else",
        "a caller who hung up on the goodbye did not",
    ),
    _caller_line(
        "min(stamped, newest)",
        "stamped",
        "one absurd time stamp makes the recording hours long",
    ),
    _ending(
        "        return [*self._playback.hung_up(now), *self._end(reason, now)]\n",
        "        return self._end(reason, now)\n",
        "what was still to come at the hang-up counts as heard",
    ),
    _machine(
        "        return [*commands, Record(turn)] if turn else commands\n",
        "        return commands\n",
        "turn latency is never told",
    ),
    _ending(
        "            *(Record(line) for line in ran),\n",
        "",
        "a tool under way at the end is missing from the record",
    ),
    _ending(
        "        self._move(Phase.ENDED)\n",
        "        self._phase = Phase.LIVE\n",
        "a call ends more than once",
    ),
)

BARGE_INS = (
    _barge_in(
        "bargein",
        "        if self._is_echo(now):\n            return []\n        self._claim",
        "        self._claim",
        "our own detector falls for our own echo",
    ),
    _barge_in(
        "claim",
        "            if now - self._began_s >= _ENGINE_S:\n",
        "            if now < 0:\n",
        "after a bang the line is dead",
    ),
    _barge_in(
        "bargein",
        "        if not self._is_echo(now):\n",
        "        if True:\n",
        "our own echo interrupts us",
    ),
    _barge_in(
        "bargein",
        '                commands = [Note("interruption_dropped"), *self._playback.resume(now)]\n',
        '                commands = [Note("interruption_dropped")]\n',
        "after a cough we stay silent",
    ),
    _barge_in(
        "bargein",
        "        self._ending.interrupted()\n        self._patience",
        "        self._patience",
        "a caller who speaks into the goodbye is hung up on",
    ),
    _barge_in(
        "bargein",
        "self._playback.give_up(now) if held",
        "self._playback.resume(now) if held",
        "we talk on over an interruption",
    ),
    _barge_in(
        "claim",
        "        if speech_s >= self._rules.confirm_s and ",
        "        if speech_s >= 0 and ",
        "a cough takes the floor",
    ),
    _barge_in(
        "claim",
        "            claims = bool(text.strip()) and not self._is_backchannel(text)\n",
        "            claims = bool(text.strip())\n",
        "a murmur of assent interrupts",
    ),
    _barge_in(
        "sound",
        "            if above_db >= self._above_noise_db:\n",
        "            if level_db >= -50:\n",
        "a noisy line interrupts",
    ),
    _barge_in(
        "playback",
        "                self.ledger.take_back(item.played, len(ulaw))\n",
        "                pass\n",
        "what is said again counts twice",
    ),
    _barge_in(
        "playback",
        "            self._held.later.append((item, ulaw))\n",
        "            pass\n",
        "what the engine says while we hold is lost",
    ),
    _barge_in(
        "playback",
        "if item.settled and item.item_id not in kept]",
        "if item.settled]",
        "what waits for the verdict on a sound is written down as never played",
    ),
    _barge_in(
        "playback",
        "for item in _items_of(held) if item.item_id not in self._settled)",
        "for item in _items_of(held))",
        "the model is told twice of a reply that was broken off",
    ),
    _barge_in(
        "playback",
        "        for item, ulaw in [*unheard, *held.later]:\n",
        "        for item, ulaw in [*held.later, *unheard]:\n",
        "after a cough the words come in the wrong order",
    ),
    _barge_in(
        "playback",
        "        for item, ulaw in [*unheard, *held.later]:\n",
        "        for item, ulaw in held.later:\n",
        "what a cough threw away is never said",
    ),
    _barge_in(
        "playback",
        "            if held is not self._held:\n",
        "            if held is self._held:\n",
        "the model is told of a cut we may yet go on from",
    ),
    _barge_in(
        "bargein",
        "        return [] if claim.verdict is Verdict.OPEN else self._closed(claim, now)\n",
        "        return self._closed(claim, now)\n",
        "a short word is dismissed before it is transcribed",
    ),
    _barge_in(
        "bargein",
        "            return self._goes_on(self._claim, item_id, now)\n",
        "            pass\n",
        "a sound before the last one is decided leaves us silent",
    ),
    _barge_in(
        "claim",
        "            elif self._murmurs.issuperset(self.items):\n",
        "            else:\n",
        "an interruption is lost to the murmur behind it",
    ),
    _barge_in(
        "claim",
        "self._is_word(self._speech_s if",
        "self._is_word(0.0 if",
        "a word that is not understood is lost to the breath behind it",
    ),
    _barge_in(
        "bargein",
        "        if claim.item_id is None:\n            claim.item_id = item_id\n",
        "        if False:\n            claim.item_id = item_id\n",
        "a voice we heard before the engine did has to begin anew",
    ),
    _ledger(
        "        self._settle_all(None, math.inf, felt=False)\n",
        "        self._settle_all(None, math.inf, felt=True)\n",
        "after a short murmur a fifth of a second is said twice",
    ),
    _ledger(
        "        self._settle_all(now, arrival.at_s - way_s, felt=False)\n",
        "        self._settle_all(now, arrival.at_s - way_s, felt=True)\n",
        "a caller who hangs up while we hold has heard less than they did",
    ),
)

CALL_CORE = (
    *LEDGER, *PLAYBACK, *SPEECH, *TURNS, *LIMITS, *MACHINE, *BARGE_INS, *KEYPAD, *HOT_PATH,
    *HANDOVER, *HONESTY, *SUCCESSION
)  # fmt: skip
