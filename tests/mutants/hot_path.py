"""Bugs planted on the short ways of sound: frames, lanes, quiet looks, bursts."""

from tests.mutants import Mutant

_LANE = ("tests/telephony/test_call_lane.py",)
_FRAMES = ("tests/agents/test_frames.py",)
_WIRE = ("tests/telephony/test_twilio_wire.py",)
_INTAKE = ("tests/telephony/test_twilio_intake.py",)
_ORDER = ("tests/telephony/test_twilio_order.py",)
_DIRECT = ("tests/telephony/test_twilio_direct.py",)
_HEARING = ("tests/agents/test_hearing.py",)
_PARTS = ("tests/agents/test_realtime_parts.py",)
_PCM = ("tests/agents/test_pcm.py",)
_SEATS = ("tests/telephony/test_seats.py",)
_POURING = ("tests/telephony/test_pouring.py",)

HOT_PATH = (
    Mutant(
        "telephony/session.py",
        "        elif isinstance(command, AppendAudio) and self._passed:\n",
        "        elif isinstance(command, AppendAudio) and not command.audio:\n",
        "the model hears twice what has passed",
        _LANE,
    ),
    Mutant(
        "telephony/session.py",
        "        if self._lane.waiting:\n            self._catch_up()\n",
        "",
        "what passed is in no recording",
        _LANE,
    ),
    Mutant(
        "telephony/call/lane.py",
        "        if not self._granted or (self.passed and not goes_on):\n",
        "        if not self._granted:\n",
        "a hole in the caller's line closes up",
        _LANE,
    ),
    Mutant(
        "telephony/call/lane.py",
        "        self._echoes.clear()\n",
        "",
        "a mark tells twice how far playback has got",
        _LANE,
    ),
    Mutant(
        "telephony/call/ledger.py",
        " and behind is not None and behind.item is marked.item\n",
        " and behind is not None\n",
        "the end of an item is noticed when the caller's line has gone on for a while",
        _LANE,
    ),
    Mutant(
        "telephony/call/ledger.py",
        "        if name in self._probes:\n            return False\n",
        "",
        "a cut is told to the model when the caller's line has gone on for a while",
        _LANE,
    ),
    Mutant(
        "telephony/session.py",
        "            if self._lane.waiting:\n                commands +=",
        "            if False:\n                commands +=",
        "what passed before a call broke is in no recording",
        _LANE,
    ),
    Mutant(
        "telephony/twilio/wire.py",
        "UnicodeError, RecursionError):\n        return None\n    sequence",
        "UnicodeError):\n        return None\n    sequence",
        "one nested frame ends a call",
        _WIRE,
    ),
    Mutant(
        "telephony/call/callerline.py",
        "            commands += self._echoed(echo.name, echo.came_s)\n",
        "            commands += self._echoed(echo.name, now)\n",
        "a mark that came along counts as of when it was told of",
        _LANE,
    ),
    Mutant(
        "telephony/call/callerline.py",
        " or self._keypad.confidential(now)",
        "",
        "the model hears the tones of a card number",
        _LANE,
    ),
    Mutant(
        "telephony/call/bargein.py",
        "        return max(self._sound.undecided_samples, deaf_samples)\n",
        "        return None\n",
        "a loud caller silences us a tenth of a second late",
        _LANE,
    ),
    Mutant(
        "agents/frames.py",
        "frame[0] == _TEXT and not self._fragmented and ",
        "frame[0] == _TEXT and ",
        "a text inside a fragmented message counts",
        _FRAMES,
    ),
    Mutant(
        "agents/frames.py",
        "        if length > self._most_bytes:\n",
        "        if False:\n",
        "a frame of four gigabytes is waited for",
        _FRAMES,
    ),
    Mutant(
        "agents/frames.py",
        "            self._keys = _drawn()\n",
        "            self._keys = _drawn() * 2\n",
        "frames to the model have keys that were used before",
        _FRAMES,
    ),
    Mutant(
        "agents/websocket.py",
        "        if connection is not None and not connection.paused:\n            message",
        "        if connection is not None:\n            message",
        "what a deaf server does not read piles up where nothing can be dropped",
        _HEARING,
    ),
    Mutant(
        "agents/realtime/outbox.py",
        "        if self._waiting or not self._passing:\n",
        "        if not self._passing:\n",
        "the caller's audio overtakes itself",
        _PARTS,
    ),
    Mutant(
        "agents/realtime/outbox.py",
        "        if self._waiting or not self._passing:\n",
        "        if self._waiting:\n",
        "a session that hears a caller ends as one that nobody used",
        _HEARING,
    ),
    Mutant(
        "agents/realtime/outbox.py",
        "            return None\n        self._taken_audio += len(audio)\n",
        "            return None\n",
        "after a standstill the caller's words lie where they were not",
        _PARTS,
    ),
    Mutant(
        "telephony/seats.py",
        "        if seat.engine is None or seat.left:\n",
        "        if seat.engine is None:\n",
        "a session that was left goes on hearing the caller",
        _SEATS,
    ),
    Mutant(
        "agents/pcm.py",
        "        if loudest > fir.safe or before > fir.safe:\n",
        "        if loudest > fir.safe:\n",
        "the end of a loud word crackles",
        _PCM,
    ),
    Mutant(
        "agents/pcm.py",
        " if len(samples) >= len(self._held) else max(before, loudest)\n",
        "\n",
        "a loud word in small pieces crackles",
        _PCM,
    ),
    Mutant(
        "agents/pcm.py",
        "_ROUNDING = np.array(1.5 * 2**52)\n",
        "_ROUNDING = np.array(1.5 * 2**51)\n",
        "every sample is twice as loud",
        _PCM,
    ),
    Mutant(
        "agents/pcm.py",
        "self._benches.pop()",
        "self._benches[-1]",
        "calls in two threads hear each other",
        _PCM,
    ),
    Mutant(
        "telephony/pouring.py",
        "        if isinstance(event, _CALLERS) or not ",
        "        if not ",
        "who speaks up waits for the rest of a long answer",
        _POURING,
    ),
    Mutant(
        "telephony/pouring.py",
        "if self._told_bytes and ",
        "if False and ",
        "one long answer holds up all calls",
        _POURING,
    ),
    Mutant(
        "agents/frames.py",
        "if self._rest or self._fragmented or ",
        "if self._rest or ",
        "a text inside a fragmented message counts, when it is a packet of its own",
        _FRAMES,
    ),
    Mutant(
        "agents/frames.py",
        "            if first == _MIDDLE_TEXT and length == size:\n",
        "            if first == _MIDDLE_TEXT:\n",
        "what follows a frame in its packet counts as its end",
        _FRAMES,
    ),
    Mutant(
        "telephony/twilio/direct.py",
        "if self._taken is None or self.close_sent or self.conn.state is not _OPEN:\n",
        "if self._taken is None:\n",
        "audio is heard behind a close",
        _DIRECT,
    ),
    Mutant(
        "telephony/twilio/wire.py",
        'tag_field="event", forbid_unknown_fields=True, gc=False\n',
        'tag_field="event", gc=False\n',
        "audio with a nest of any depth beside it is read",
        _WIRE,
    ),
    Mutant(
        "telephony/twilio/wire.py",
        "class _UsualMediaBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):\n",
        "class _UsualMediaBody(msgspec.Struct, gc=False):\n",
        "audio with bytes beside it that are no text is read",
        _WIRE,
    ),
    Mutant(
        "telephony/twilio/wire.py",
        "        if digits.isascii() and digits.isdigit():\n",
        "        if digits:\n",
        "a number with a sign is read",
        _WIRE,
    ),
    Mutant(
        "telephony/twilio/wire.py",
        "    if len(message) > MAX_FRAME_BYTES:\n        return None\n",
        "",
        "audio of any length is read",
        _WIRE,
    ),
    Mutant(
        "telephony/twilio/intake.py",
        "if frame.stream_sid != self._stream_sid or not self._sequence.goes_on(",
        "if not self._sequence.goes_on(",
        "the audio of another stream is heard",
        _INTAKE,
    ),
    Mutant(
        "telephony/twilio/order.py",
        "        settled = self._begun and self._offset_before is None\n",
        "        settled = self._begun\n",
        "a clock that slipped once is believed for ever",
        _ORDER,
    ),
    Mutant(
        "telephony/twilio/order.py",
        "not -_TOLERANCE_SAMPLES < gap < _TOLERANCE_SAMPLES",
        "not -_TOLERANCE_SAMPLES < gap <= _TOLERANCE_SAMPLES",
        "one lost frame leaves no silence",
        _ORDER,
    ),
)
