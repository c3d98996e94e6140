"""Every frame is either understood or refused by a code; nothing else can come out."""

import copy
import json
from base64 import b64encode
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.simulator.dialect import Narration
from telephony.twilio import wire
from telephony.twilio.wire import BadFrame, BadKind, Envelopes
from tests.exploring import examples
from tests.telephony import twilio_peer as peer

FRAMES = st.sampled_from(
    [
        peer.connected(),
        peer.start(token="t"),
        peer.media(3, 20),
        peer.mark(4, "0:1:800"),
        peer.dtmf(5, "#"),
        peer.stop(6),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def kind_of(text: str) -> BadKind | None:
    try:
        wire.parse(text)
    except BadFrame as error:
        return error.kind
    return None


def test_connected_says_nothing_we_need() -> None:
    assert wire.parse(peer.text(peer.connected())) == wire.Connected()


def test_start_names_the_call_and_brings_our_parameters() -> None:
    frame = wire.parse(peer.text(peer.start(token="secret")))
    assert frame == wire.Start(
        stream_sid=peer.STREAM,
        sequence=1,
        account_sid=peer.ACCOUNT,
        call_sid=peer.CALL,
        parameters={"token": "secret"},
        format=wire.MediaFormat("audio/x-mulaw", 8_000, 1),
    )


def test_start_without_parameters_has_none() -> None:
    frame = peer.start()
    del frame["start"]["customParameters"]
    parsed = wire.parse(peer.text(frame))
    assert isinstance(parsed, wire.Start)
    assert parsed.parameters == {}


def test_media_carries_raw_ulaw_and_its_time() -> None:
    parsed = wire.parse(peer.text(peer.media(7, 160)))
    assert parsed == wire.Media(peer.STREAM, 7, 160, peer.FRAME)


@pytest.mark.parametrize("length", [1, 2, 3, 159, 160, 167, 8_000])
def test_media_may_be_of_any_length(length: int) -> None:
    parsed = wire.parse(peer.text(peer.media(7, 0, b"\x55" * length)))
    assert isinstance(parsed, wire.Media)
    assert parsed.ulaw == b"\x55" * length


def test_mark_dtmf_and_stop() -> None:
    assert wire.parse(peer.text(peer.mark(9, "1:2:800"))) == wire.Mark(peer.STREAM, 9, "1:2:800")
    assert wire.parse(peer.text(peer.dtmf(9, "D"))) == wire.Dtmf(peer.STREAM, 9, "D")
    assert wire.parse(peer.text(peer.stop(9))) == wire.Stop(peer.STREAM, 9)


def test_a_number_may_come_as_a_number() -> None:
    frame = peer.media(7, 160)
    frame["sequenceNumber"] = 7
    frame["media"]["timestamp"] = 160
    assert wire.parse(peer.text(frame)) == wire.Media(peer.STREAM, 7, 160, peer.FRAME)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"event": "future", "x": 1}, wire.Ignored("event:future")),
        ({"event": "future", "sequenceNumber": "8"}, wire.Ignored("event:future", 8)),
        ({"event": "future", "sequenceNumber": 8}, wire.Ignored("event:future", 8)),
        ({"event": "future", "sequenceNumber": None}, wire.Ignored("event:future")),
        ({"event": "say this\nin the log"}, wire.Ignored("event:?")),
        ({"event": "x" * 33}, wire.Ignored("event:?")),
        ({"event": ""}, wire.Ignored("event:?")),
        (peer.media(3, 20, track="outbound"), wire.Ignored("track:outbound", 3)),
        (peer.media(3, 20, track="<b>"), wire.Ignored("track:?", 3)),
    ],
)
def test_lawful_frames_of_no_use_are_ignored(frame: dict[str, Any], expected: wire.Ignored) -> None:
    assert wire.parse(peer.text(frame)) == expected


def test_fault_t23_extra_fields_change_nothing() -> None:
    frame = peer.media(7, 160)
    frame["new"] = {"deep": [1, 2, {"x": None}]}
    frame["media"]["volume"] = 11
    assert wire.parse(peer.text(frame)) == wire.Media(peer.STREAM, 7, 160, peer.FRAME)


def altered(frame: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(frame)
    *parents, last = path.split(".")
    target = changed
    for name in parents:
        target = target[name]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return changed


MEDIA, START = peer.media(3, 20), peer.start()
WRONG_SHAPES = [
    (MEDIA, "media", ..., BadKind.BAD_SHAPE),
    (MEDIA, "media", [], BadKind.BAD_SHAPE),
    (MEDIA, "media.payload", ..., BadKind.BAD_SHAPE),
    (MEDIA, "media.payload", 5, BadKind.BAD_SHAPE),
    (MEDIA, "media.payload", "", BadKind.EMPTY_AUDIO),
    (MEDIA, "media.payload", "AAA", BadKind.BAD_BASE64),
    (MEDIA, "media.payload", "AA=A", BadKind.BAD_BASE64),
    (MEDIA, "media.payload", "_-__", BadKind.BAD_BASE64),
    (MEDIA, "media.payload", "äöü=", BadKind.BAD_BASE64),
    (MEDIA, "media.payload", "AA\n==", BadKind.BAD_BASE64),
    (MEDIA, "media.timestamp", "abc", BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", "-1", BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", "+1", BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", "1_0", BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", " 1", BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", "1.5", BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", "", BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", "٣", BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", "9" * 16, BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", 10**15, BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", -1, BadKind.BAD_NUMBER),
    (MEDIA, "media.timestamp", 1.5, BadKind.BAD_SHAPE),
    (MEDIA, "media.timestamp", True, BadKind.BAD_SHAPE),
    (MEDIA, "media.timestamp", None, BadKind.BAD_SHAPE),
    (MEDIA, "sequenceNumber", ..., BadKind.BAD_SHAPE),
    (MEDIA, "sequenceNumber", "x", BadKind.BAD_NUMBER),
    (MEDIA, "streamSid", ..., BadKind.BAD_SHAPE),
    (MEDIA, "streamSid", "", BadKind.BAD_SHAPE),
    (MEDIA, "streamSid", "M" * 65, BadKind.BAD_SHAPE),
    (MEDIA, "event", ..., BadKind.NO_EVENT),
    (MEDIA, "event", 7, BadKind.NO_EVENT),
    (MEDIA, "event", None, BadKind.NO_EVENT),
    ({"event": "x"}, "sequenceNumber", "abc", BadKind.BAD_NUMBER),
    (START, "start.callSid", ..., BadKind.BAD_SHAPE),
    (START, "start.streamSid", peer.OTHER_STREAM, BadKind.WRONG_STREAM),
    (START, "start.customParameters", {"a": 1}, BadKind.BAD_SHAPE),
    (START, "start.customParameters", {str(n): "" for n in range(101)}, BadKind.BAD_SHAPE),
    (START, "start.mediaFormat", ..., BadKind.BAD_SHAPE),
    (START, "start.mediaFormat.sampleRate", "8k", BadKind.BAD_NUMBER),
    (peer.dtmf(3, "1"), "dtmf.digit", "", BadKind.BAD_DIGIT),
    (peer.dtmf(3, "1"), "dtmf.digit", "12", BadKind.BAD_DIGIT),
    (peer.dtmf(3, "1"), "dtmf.digit", "a", BadKind.BAD_DIGIT),
    (peer.dtmf(3, "1"), "dtmf.digit", "E", BadKind.BAD_DIGIT),
    (peer.dtmf(3, "1"), "dtmf.digit", "w", BadKind.BAD_DIGIT),
    (peer.dtmf(3, "1"), "dtmf.digit", 1, BadKind.BAD_SHAPE),
    (peer.mark(3, "m"), "mark", ..., BadKind.BAD_SHAPE),
    (peer.mark(3, "m"), "mark.name", None, BadKind.BAD_SHAPE),
    (peer.mark(3, "m"), "mark.name", "m" * 257, BadKind.BAD_SHAPE),
]


@pytest.mark.parametrize(("frame", "path", "value", "kind"), WRONG_SHAPES)
def test_fault_t3_wrong_shape_is_refused_by_code(
    frame: dict[str, Any], path: str, value: Any, kind: BadKind
) -> None:
    assert kind_of(peer.text(altered(frame, path, value))) is kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", BadKind.NOT_JSON),
        ("{bad", BadKind.NOT_JSON),
        ('{"event":"media"', BadKind.NOT_JSON),
        ('{"event":"media"}}', BadKind.NOT_JSON),
        ('{"event":"media","x":nan}', BadKind.NOT_JSON),
        ("\ud800", BadKind.NOT_JSON),
        ("[]", BadKind.NOT_OBJECT),
        ("null", BadKind.NOT_OBJECT),
        ('"media"', BadKind.NOT_OBJECT),
        ("7", BadKind.NOT_OBJECT),
        ('{"event":7,', BadKind.NOT_JSON),
        ("{}", BadKind.NO_EVENT),
        ('{"Event":"media"}', BadKind.NO_EVENT),
        ("[" * 60_000, BadKind.TOO_DEEP),
        ('{"event":"x","y":' + "[" * 8 + "]" * 8 + "}", BadKind.TOO_DEEP),
        (" " * 65_537, BadKind.TOO_LARGE),
        ("ä" * 40_000, BadKind.TOO_LARGE),
    ],
)
def test_fault_t1_text_that_is_no_message(text: str, kind: BadKind) -> None:
    assert kind_of(text) is kind


def test_brackets_within_strings_are_not_depth() -> None:
    frame = {"event": "x", "y": '[[[[[[[[[[{{{{{{{{{{\\"[[['}
    assert wire.parse(peer.text(frame)) == wire.Ignored("event:x")


def test_a_nest_of_eight_is_read() -> None:
    assert kind_of('{"event":"x","y":' + "[" * 7 + '"' + "[" * 20 + '"' + "]" * 7 + "}") is None


def test_a_string_that_never_ends_is_scanned_once() -> None:
    # Were each quote tried again as a beginning, this would take minutes.
    assert kind_of("[" * 9 + '"\\' * 32_000) is BadKind.TOO_DEEP


def test_what_a_bad_frame_says_of_itself_holds_nothing_of_the_frame() -> None:
    with pytest.raises(BadFrame) as caught:
        wire.parse('{"event":"dtmf","secret":"4111111111111111"}')
    assert str(caught.value) == "bad_shape"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    kind_of(text)


@given(st.binary())
def test_any_bytes_read_as_text_are_parsed_or_refused(raw: bytes) -> None:
    kind_of(raw.decode("utf-8", "surrogateescape"))


@given(JSON)
def test_any_json_is_parsed_or_refused(value: Any) -> None:
    kind_of(json.dumps(value))


@given(FRAMES, st.data())
def test_a_frame_with_any_field_changed_is_parsed_or_refused(
    frame: dict[str, Any], data: st.DataObject
) -> None:
    paths = [
        path
        for key, value in frame.items()
        for path in [
            key,
            *(f"{key}.{inner}" for inner in (value if isinstance(value, dict) else ())),
        ]
    ]
    path = data.draw(st.sampled_from(paths))
    kind_of(json.dumps(altered(frame, path, data.draw(JSON))))


@given(FRAMES, st.integers(min_value=0), st.text(max_size=3), st.integers(0, 5))
def test_a_frame_with_any_piece_of_its_text_changed_is_parsed_or_refused(
    frame: dict[str, Any], at: int, piece: str, drop: int
) -> None:
    whole = peer.text(frame)
    at %= len(whole)
    kind_of(whole[:at] + piece + whole[at + drop :])


@given(st.binary(min_size=1), st.integers(0, 10**15 - 1), st.integers(0, 10**15 - 1))
@settings(max_examples=examples(50))
def test_all_audio_comes_through_bit_for_bit(ulaw: bytes, sequence: int, at_ms: int) -> None:
    parsed = wire.parse(peer.text(peer.media(sequence, at_ms, ulaw)))
    assert parsed == wire.Media(peer.STREAM, sequence, at_ms, ulaw)


# ---- the short way of audio and marks ------------------------------------------------------

PAYLOAD = b64encode(peer.FRAME).decode()
AUDIO = wire.Media(peer.STREAM, 7, 160, peer.FRAME)
AS_IN_TWILIO_S_DOCUMENTATION = (
    '{"event":"media","sequenceNumber":"7","media":{"track":"inbound","chunk":"6",'
    f'"timestamp":"160","payload":"{PAYLOAD}"}},"streamSid":"{peer.STREAM}"}}'
)


def read_shortly(message: bytes) -> wire.Frame | None:
    """What the short way makes of it. Whatever it reads the general way reads alike."""
    found = wire.usual(message)
    if found is not None:
        assert wire.parse(message.decode()) == found
    return found


@pytest.mark.parametrize(
    "text",
    [
        AS_IN_TWILIO_S_DOCUMENTATION,
        peer.text(peer.media(7, 160)),
        json.dumps(peer.media(7, 160), indent=2),
        AS_IN_TWILIO_S_DOCUMENTATION.replace('"chunk":"6",', ""),
        AS_IN_TWILIO_S_DOCUMENTATION.replace('"track":"inbound",', ""),
        AS_IN_TWILIO_S_DOCUMENTATION.replace('"7"', '"007"'),
        AS_IN_TWILIO_S_DOCUMENTATION.replace("/", "\\/"),
    ],
)
def test_audio_as_twilio_sends_it_goes_the_short_way(text: str) -> None:
    assert read_shortly(text.encode()) == AUDIO


@pytest.mark.parametrize("name", ["2:item_1:800", "", '\u00fc "\n[{', "m" * 256])
def test_so_do_marks(name: str) -> None:
    assert read_shortly(peer.text(peer.mark(9, name)).encode()) == wire.Mark(peer.STREAM, 9, name)


def test_so_does_what_our_own_carrier_sends() -> None:
    carrier = Narration(peer.ACCOUNT, peer.CALL, peer.STREAM)
    carrier.start({})
    found = read_shortly(carrier.media(peer.FRAME, 160).encode())
    assert found == wire.Media(peer.STREAM, 2, 160, peer.FRAME)
    assert read_shortly(carrier.mark("m").encode()) == wire.Mark(peer.STREAM, 3, "m")


@pytest.mark.parametrize(
    "frame",
    [
        peer.connected(),
        peer.start(),
        altered(peer.mark(3, "m"), "sequenceNumber", 3),
        altered(peer.mark(3, "m"), "mark.more", "x"),
        altered(peer.mark(3, "m"), "more", {"deep": [[[[[[[[[]]]]]]]]]}),
        peer.dtmf(3, "1"),
        peer.stop(3),
        {"event": "new", "sequenceNumber": "3", "streamSid": peer.STREAM},
        peer.media(3, 20, b""),
        peer.media(3, 20, track="outbound"),
        altered(MEDIA, "sequenceNumber", 3),
        altered(MEDIA, "media.timestamp", 20),
        altered(MEDIA, "media.chunk", 2),
        altered(MEDIA, "media.volume", 11),
        altered(MEDIA, "more", {"deep": [[[[[[[[[]]]]]]]]]}),
    ],
)
def test_anything_else_goes_the_general_one(frame: dict[str, Any]) -> None:
    assert wire.usual(peer.text(frame).encode()) is None


@pytest.mark.parametrize("opens", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [2, 9, 5_000, 20_000])
def test_however_deep_a_value_before_the_event_is_nested(opens: str, depth: int) -> None:
    """To find the event the decoder skips it, level by level."""
    made = '{"x":' + opens * depth + "1" + ("]" if opens == "[" else "}") * depth
    assert wire.usual((made + "," + AS_IN_TWILIO_S_DOCUMENTATION[1:]).encode()) is None


@pytest.mark.parametrize("shape", WRONG_SHAPES)
def test_and_whatever_is_bad_is_left_to_it(
    shape: tuple[dict[str, Any], str, Any, BadKind],
) -> None:
    frame, path, value, _ = shape
    assert wire.usual(peer.text(altered(frame, path, value)).encode()) is None


@pytest.mark.parametrize("bytes_too_many", [0, 1])
def test_the_short_way_is_as_long_as_a_message_may_be(bytes_too_many: int) -> None:
    made = AS_IN_TWILIO_S_DOCUMENTATION.encode()
    made += b" " * (wire.MAX_FRAME_BYTES - len(made) + bytes_too_many)
    assert (read_shortly(made) is None) is bool(bytes_too_many)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xc0\x80"])
@pytest.mark.parametrize("before", [b'"6"', b'"inbound"', b'"7"', b'"media",', b'"chunk"', b"}"])
def test_no_bytes_that_are_no_utf8_go_the_short_way(bad: bytes, before: bytes) -> None:
    made = AS_IN_TWILIO_S_DOCUMENTATION.encode()
    for at in (made.index(before), made.index(before) + 1):
        assert wire.usual(made[:at] + bad + made[at:]) is None


def test_what_is_base64_is_the_same_both_ways() -> None:
    before, after = AS_IN_TWILIO_S_DOCUMENTATION.split(PAYLOAD)
    for size in range(6):
        for letters in product("AB/=_ ", repeat=size):
            payload = "".join(letters)
            general = kind_of(f"{before}{payload}{after}")
            shortly = read_shortly(f"{before}{payload}{after}".encode())
            assert (shortly is None) is (general is not None), payload


HOSTILE = st.sampled_from(
    [
        *(
            '"',
            "\\",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            " ",
            "\n",
            "\0",
            "-",
            "+",
            "_",
            "=",
            "1.0",
            "1e2",
        ),
        *("\\u0041", "\\ud800", "\ufeff", "\u0663", "\u00e9", "null", "true", "-0", "1", "[" * 9),
        *('"event":"stop",', '"event":"media",', '"sequenceNumber":"8",', '"streamSid":"MZ",'),
        *('"track":"outbound",', '"payload":"",', '"timestamp":"1_0",', '"x":{},', '"chunk":[],'),
    ]
)


@given(
    st.permutations(["event", "sequenceNumber", "streamSid", "media"]),
    st.permutations(["track", "chunk", "timestamp", "payload", "name"]),
    st.sampled_from(["media", "media", "mark"]),
    st.integers(0, 19),
    st.lists(st.tuples(st.integers(0, 40), HOSTILE | st.text(max_size=2), st.integers(0, 9))),
)
@settings(max_examples=examples(1_000))
def test_the_short_way_reads_nothing_the_general_one_reads_otherwise(
    order: list[str],
    inner: list[str],
    event: str,
    without: int,
    changes: list[tuple[int, str, int]],
) -> None:
    frame = peer.media(7, 160, b"\xff\x7f\x00") if event == "media" else peer.mark(7, "m")
    body = frame.pop(event)
    frame["media"] = {name: body[name] for name in inner[without == 0 :] if name in body}
    fields = {name: frame[name] for name in order[without == 1 :]}
    text = peer.text(fields).replace('"media":{', f'"{event}":{{')
    for nth, piece, drop in changes[:3]:
        # Where something begins or ends, mostly.
        seams = [at for at, letter in enumerate(text) if letter in '{}[]",:'] or [0]
        at = seams[nth % len(seams)] + nth % 2
        text = text[:at] + piece + text[at + (drop if drop < 4 else 0) :]
    read_shortly(text.encode("utf-8", "surrogatepass"))


@given(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 4))
@settings(max_examples=examples(500))
def test_nor_with_any_bytes_of_it_changed(at: int, piece: bytes, drop: int) -> None:
    made = AS_IN_TWILIO_S_DOCUMENTATION.encode()
    read_shortly(made[:at] + piece + made[at + drop :])


# ---- us -> Twilio -----------------------------------------------------------------------------


def test_what_is_sent_has_exactly_the_documented_fields() -> None:
    send = Envelopes(peer.STREAM)
    assert json.loads(send.media(peer.FRAME)) == {
        "event": "media",
        "streamSid": peer.STREAM,
        "media": {"payload": b64encode(peer.FRAME).decode()},
    }
    assert json.loads(send.mark("2:7:800")) == {
        "event": "mark",
        "streamSid": peer.STREAM,
        "mark": {"name": "2:7:800"},
    }
    assert json.loads(send.clear()) == {"event": "clear", "streamSid": peer.STREAM}


@given(st.text(), st.text(), st.binary())
def test_whatever_is_sent_is_json(stream_sid: str, name: str, ulaw: bytes) -> None:
    try:
        stream_sid.encode()
        name.encode()
    except UnicodeEncodeError:
        return
    send = Envelopes(stream_sid)
    assert json.loads(send.mark(name))["mark"]["name"] == name
    assert json.loads(send.media(ulaw))["media"]["payload"] == b64encode(ulaw).decode()
    assert json.loads(send.clear())["streamSid"] == stream_sid
