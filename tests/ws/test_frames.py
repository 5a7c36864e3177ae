"""Frames: bytes into events, messages into bytes. Both roles, every rule of a header, every cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ws.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    KEY,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    masked,
    plain,
    read,
    xor,
)

from everywire.errors import ProtocolError
from everywire.ws import frames
from everywire.ws.frames import Control, Decoder, Limits

SERVER, CLIENT = False, True  # which end decodes
ENDS = [(SERVER, masked), (CLIENT, plain)]
both_ends = pytest.mark.parametrize(("client", "frame"), ENDS, ids=["server", "client"])


def seen(events):
    """Events as comparable values."""
    return [_value(event) for event in events]


def _value(event):
    if isinstance(event, Control):
        return (event.opcode, event.data) if event.opcode != CLOSE else (CLOSE, event.code, event.reason)
    if isinstance(event, ProtocolError):
        return ("error", event.code)
    assert type(event) in (str, bytes)
    return event


def decode(data, client=SERVER, **limits):
    """Decode `data` whole, and octet by octet: the same."""
    at_once = seen(Decoder(client, Limits(**limits)).feed(data))
    decoder = Decoder(client, Limits(**limits))
    slowly = seen([event for i in range(len(data)) for event in decoder.feed(data[i : i + 1])])
    assert at_once == slowly
    return at_once


SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 124, 125, 126, 127, 128, 255, 256, 1000]


@both_ends
@pytest.mark.parametrize("size", SIZES)
def test_messages_of_any_size(client, frame, size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert decode(frame(FIN | BINARY, data[:size]), client) == [data[:size]]
    assert decode(frame(FIN | TEXT, b"a" * size), client) == ["a" * size]


@both_ends
@pytest.mark.parametrize("size", [65535, 65536, 65537, 300_000])
def test_large_messages(client, frame, size):
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    wire = frame(FIN | BINARY, data) + frame(FIN | TEXT, b"after")
    for cut in (0, 1, 9, 10, 14, 15, 70_000, size + 3, size + 13):
        decoder = Decoder(client, Limits())
        assert seen(decoder.feed(wire[:cut]) + decoder.feed(wire[cut:])) == [data, "after"]


TEXTS = [
    "a" * 5000,
    "a" * 4999 + "ä",
    "ä" + "a" * 4999,
    "a" * 2501 + "€" + "b" * 2500,
    "𝄞ä€a" * 1000,
    "\x7f\x00" * 2500,
]


@both_ends
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_large_texts(client, frame, text):
    wire = frame(FIN | TEXT, text.encode()) + frame(FIN | TEXT, b"after")
    for size in (1, 2, 3, 7, 8, 1000, 2505, 2506, 2507, 4096, 10_000):
        decoder = Decoder(client, Limits())
        (found, after) = [e for i in range(0, len(wire), size) for e in decoder.feed(wire[i : i + size])]
        assert (found, after) == (text, "after")
        assert found.isascii() == text.isascii()
        assert {found: 1}[text] == 1
        assert found + "ä" == text + "ä"


@both_ends
@pytest.mark.parametrize("at", [0, 1, 7, 8, 2500, 4992, 4995, 4999])
@pytest.mark.parametrize("wrong", [b"\xff", b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xc3a"])
def test_a_large_text_that_is_no_utf8_fails_where_it_is_wrong(client, frame, at, wrong):
    data = (b"a" * at + wrong + b"a" * 5000)[:5000]
    wire = frame(FIN | TEXT, data)
    start = len(wire) - len(data)
    if at == 4999 and wrong[0] in (0xC3, 0xED):
        fails = len(wire)  # an unfinished character, then the end
    else:
        fails = start + at + (1 if wrong[0] in (0xFF, 0x80, 0xC0) else 2)
    for whole in (True, False):
        decoder = Decoder(client, Limits())
        if whole:
            found = decoder.feed(wire)
        else:
            assert seen(decoder.feed(wire[: fails - 1])) == []
            found = decoder.feed(wire[fails - 1 : fails])
        assert seen(found) == [("error", 1007)]


@both_ends
def test_lengths_need_not_be_written_the_shortest_way(client, frame):
    start = bytes([FIN | BINARY])
    mask, key, body = (0x80, KEY, xor(b"hello")) if client is SERVER else (0, b"", b"hello")
    assert decode(start + bytes([mask | 126, 0, 5]) + key + body, client) == [b"hello"]
    assert decode(start + bytes([mask | 127, 0, 0, 0, 0, 0, 0, 0, 5]) + key + body, client) == [b"hello"]


@both_ends
def test_the_examples_of_the_standard(client, frame):
    assert decode(frame(0x81, b"Hello"), client) == ["Hello"]  # RFC 6455 5.7
    assert decode(frame(0x01, b"Hel") + frame(0x80, b"lo"), client) == ["Hello"]
    assert decode(frame(0x89, b"Hello") + frame(0x8A, b"Hello"), client) == [(PING, b"Hello"), (PONG, b"Hello")]


def test_the_masked_example_octet_for_octet():
    assert decode(bytes.fromhex("818537fa213d7f9f4d5158")) == ["Hello"]


# What is wrong with a header, for both roles: (first byte, payload, close code)
WRONG_FIRST = [
    *((FIN | opcode, 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    *((opcode, 1002) for opcode in (3, 7, 11, 15)),
    *((FIN | bit | TEXT, 1002) for bit in (RSV1, RSV2, RSV3, RSV1 | RSV2, RSV2 | RSV3)),
    *((FIN | bit | PING, 1002) for bit in (RSV1, RSV2, RSV3)),
    *((opcode, 1002) for opcode in (CLOSE, PING, PONG)),  # fragmented control frames
    (FIN | CONTINUATION, 1002),
    (CONTINUATION, 1002),
]


@both_ends
@pytest.mark.parametrize(("first", "code"), WRONG_FIRST)
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_a_wrong_first_byte(client, frame, first, code, payload):
    assert decode(frame(FIN | TEXT, b"before") + frame(first, payload) + frame(FIN | TEXT, b"after"), client) == [
        "before",
        ("error", code),
    ]


@both_ends
@pytest.mark.parametrize("first", [FIN | TEXT, FIN | BINARY, TEXT, BINARY])
def test_a_new_message_within_a_message(client, frame, first):
    assert decode(frame(TEXT, b"a") + frame(first, b"b"), client) == [("error", 1002)]


@both_ends
@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_control_frames_have_at_most_125_bytes(client, frame, opcode):
    assert decode(frame(FIN | PING, b"x" * 125), client) == [(PING, b"x" * 125)]
    assert decode(frame(FIN | opcode, b"x" * 126), client) == [("error", 1002)]
    assert decode(frame(FIN | opcode, b"x" * 70_000)[:20], client) == [("error", 1002)]


def test_a_client_must_mask():
    for first in (FIN | TEXT, FIN | BINARY, FIN | PING, FIN | CLOSE, TEXT):
        assert decode(plain(first, b""), SERVER) == [("error", 1002)]
        assert decode(plain(first, b"xx"), SERVER) == [("error", 1002)]


def test_a_server_must_not_mask():
    for first in (FIN | TEXT, FIN | BINARY, FIN | PING, FIN | CLOSE, TEXT):
        assert decode(masked(first, b""), CLIENT) == [("error", 1002)]
        assert decode(masked(first, b"xx"), CLIENT) == [("error", 1002)]


@both_ends
def test_the_first_wrong_octet_is_enough(client, frame):
    decoder = Decoder(client, Limits())
    assert seen(decoder.feed(bytes([FIN | RSV2 | TEXT]))) == [("error", 1002)]
    assert decoder.failed
    assert decoder.feed(frame(FIN | TEXT, b"x")) == []


@both_ends
@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1, (1 << 63) - 1, 1 << 62, 1 << 55, 1 << 54, 1 << 32])
@pytest.mark.parametrize("max_size", [None, 1000])
def test_absurd_lengths(client, frame, length, max_size):
    events = decode(frame(FIN | BINARY, length=length) + b"x" * 8, client, max_size=max_size)
    if length >= 1 << 63:
        assert events == [("error", 1002)]  # RFC 6455 5.2
    elif max_size is not None:
        assert events == [("error", 1009)]
    else:
        assert events in ([], [("error", 1009)])


# Control frames and fragments


@both_ends
def test_control_frames_between_fragments(client, frame):
    wire = (
        frame(TEXT, "ä".encode()[:1])
        + frame(FIN | PING, b"1")
        + frame(CONTINUATION, "ä".encode()[1:])
        + frame(FIN | PONG, b"")
        + frame(CONTINUATION)
        + frame(FIN | PING, b"2")
        + frame(FIN | CONTINUATION, b"!")
        + frame(FIN | BINARY, b"next")
    )
    assert decode(wire, client) == [(PING, b"1"), (PONG, b""), (PING, b"2"), "ä!", b"next"]


@both_ends
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_fragments_may_be_empty(client, frame, opcode):
    wire = frame(opcode) + frame(CONTINUATION) + frame(FIN | CONTINUATION)
    assert decode(wire, client) == ["" if opcode == TEXT else b""]


@both_ends
@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", (CLOSE, 1005, "")),
        (b"\x03\xe8", (CLOSE, 1000, "")),
        (b"\x03\xe8bye", (CLOSE, 1000, "bye")),
        (b"\x03\xf3" + "ä".encode() * 61, (CLOSE, 1011, "ä" * 61)),
        (b"\x0b\xb8", (CLOSE, 3000, "")),
        (b"\x13\x87", (CLOSE, 4999, "")),
        (b"\x03", ("error", 1002)),
        *(
            (code.to_bytes(2, "big"), ("error", 1002))
            for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
        ),
        (b"\x03\xe8\xff", ("error", 1007)),
        (b"\x03\xe8\xc3", ("error", 1007)),
    ],
)
def test_close_frames(client, frame, payload, expected):
    assert decode(frame(FIN | CLOSE, payload), client) == [expected]


# Text

GOOD_TEXT = ["", "κόσμε", "\0", "\x7f\x80߿ࠀ￿", "\ud7ff\ue000", "\U00010000\U0010ffff", "𝄞" * 40, "\ufeffa"]
BAD_TEXT = [
    b"\x80",
    b"\xbf",
    b"a\xff",
    b"\xfe",
    b"\xc0\xaf",  # overlong
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xc1\xbf",
    b"\xed\xa0\x80",  # surrogates
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",  # beyond U+10FFFF
    b"\xf8\x88\x80\x80\x80",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x98",
    b"\xc3a",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
]


@both_ends
@pytest.mark.parametrize("text", GOOD_TEXT)
def test_good_text(client, frame, text):
    data = text.encode()
    assert decode(frame(FIN | TEXT, data), client) == [text]
    fragments = [frame(CONTINUATION, data[i : i + 1]) for i in range(len(data))]
    assert decode(frame(TEXT) + b"".join(fragments) + frame(FIN | CONTINUATION), client) == [text]


@both_ends
@pytest.mark.parametrize("data", BAD_TEXT)
def test_bad_text(client, frame, data):
    assert decode(frame(FIN | TEXT, data) + frame(FIN | TEXT, b"after"), client) == [("error", 1007)]
    assert decode(frame(TEXT, data) + frame(FIN | CONTINUATION), client) == [("error", 1007)]
    fragments = [frame(CONTINUATION, data[i : i + 1]) for i in range(len(data))]
    assert decode(frame(TEXT) + b"".join(fragments) + frame(FIN | CONTINUATION), client) == [("error", 1007)]


@both_ends
@pytest.mark.parametrize("data", [b"\xff", b"abc\xc0", b"\xed\xa0", b"\xf4\x90", b"\xce\xba\xe1\xbd\xb9\xed\xa0"])
def test_bad_text_is_told_at_its_octet_not_at_its_end(client, frame, data):
    whole = frame(FIN | TEXT, data, length=1000) if client is CLIENT else masked(FIN | TEXT, data, length=1000)
    decoder = Decoder(client, Limits())
    for i in range(len(whole) - 1):
        assert decoder.feed(whole[i : i + 1]) == []
    assert seen(decoder.feed(whole[-1:])) == [("error", 1007)]


@both_ends
def test_binary_is_not_looked_at(client, frame):
    assert decode(frame(BINARY, b"\xff") + frame(FIN | CONTINUATION, b"\xc0"), client) == [b"\xff\xc0"]


# Limits


@both_ends
def test_a_message_may_have_exactly_the_limit(client, frame):
    assert decode(frame(FIN | TEXT, b"x" * 10), client, max_size=10) == ["x" * 10]
    assert decode(frame(FIN | TEXT, b"x" * 11), client, max_size=10) == [("error", 1009)]
    whole = frame(TEXT, b"x" * 5) + frame(CONTINUATION, b"x" * 5)
    assert decode(whole + frame(FIN | CONTINUATION), client, max_size=10) == ["x" * 10]
    assert decode(whole + frame(FIN | CONTINUATION, b"x"), client, max_size=10) == [("error", 1009)]


@both_ends
def test_too_long_a_message_is_refused_by_its_header(client, frame):
    header = frame(FIN | BINARY, length=11)
    assert seen(Decoder(client, Limits(max_size=10)).feed(header)) == [("error", 1009)]


@both_ends
def test_the_limit_is_of_one_message(client, frame):
    assert decode(frame(FIN | TEXT, b"x" * 10) * 3, client, max_size=10) == ["x" * 10] * 3


@both_ends
def test_a_message_has_a_limited_number_of_fragments(client, frame):
    def fragments(count):
        return frame(TEXT) + frame(CONTINUATION) * (count - 2) + frame(FIN | CONTINUATION)

    assert decode(fragments(5) * 2, client, max_fragments=5) == ["", ""]
    assert decode(fragments(6), client, max_fragments=5) == [("error", 1008)]


@both_ends
def test_control_frames_are_not_fragments(client, frame):
    wire = frame(TEXT) + frame(FIN | PING) * 20 + frame(FIN | CONTINUATION)
    assert decode(wire, client, max_fragments=2) == [(PING, b"")] * 20 + [""]


@both_ends
def test_no_limits(client, frame):
    wire = frame(TEXT) + frame(CONTINUATION, b"x" * 100) * 2000 + frame(FIN | CONTINUATION)
    assert seen(Decoder(client, Limits(None, None)).feed(wire)) == ["x" * 200_000]


# Cuts

payloads = st.one_of(st.binary(max_size=300), st.text(max_size=100))


@st.composite
def conversations(draw):
    """A list of (opcode, payload) frames in order, and the events that they make."""
    wire, events = [], []
    for message in draw(st.lists(payloads, max_size=5)):
        data = message.encode() if isinstance(message, str) else message
        opcode = TEXT if isinstance(message, str) else BINARY
        cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        for i, piece in enumerate(pieces):
            wire.append(((FIN if i == len(pieces) - 1 else 0) | (0 if i else opcode), piece))
            if draw(st.booleans()) and i < len(pieces) - 1:
                ping = draw(st.binary(max_size=125))
                wire.append((FIN | PING, ping))
                events.append((PING, ping))
        events.append(message)
    return wire, events


@both_ends
@settings(deadline=None, max_examples=60)
@given(conversations(), st.lists(st.integers(0, 2000), max_size=12), st.binary(min_size=4, max_size=4))
def test_the_same_events_however_the_bytes_are_cut(client, frame, conversation, cuts, key):
    wire, expected = conversation
    data = b"".join(masked(*one, key) if client is SERVER else plain(*one) for one in wire)
    edges = sorted(min(cut, len(data)) for cut in cuts)
    decoder = Decoder(client, Limits())
    events = [event for a, b in zip([0, *edges], [*edges, len(data)], strict=True) for event in decoder.feed(data[a:b])]
    assert seen(events) == expected


@both_ends
@settings(deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_nonsense_gives_the_same_events_however_it_is_cut(client, frame, data, cuts):
    edges = sorted(min(cut, len(data)) for cut in cuts)
    decoder = Decoder(client, Limits(1000, 5))
    events = [event for a, b in zip([0, *edges], [*edges, len(data)], strict=True) for event in decoder.feed(data[a:b])]
    assert seen(events) == seen(Decoder(client, Limits(1000, 5)).feed(data))


def test_the_buffer_is_only_lent():
    decoder = Decoder(SERVER, Limits())
    data = masked(FIN | BINARY, b"x" * 100)
    assert decoder.feed(data) == [b"x" * 100]
    assert data == masked(FIN | BINARY, b"x" * 100)


# Out


@pytest.mark.parametrize("size", [*SIZES, 65535, 65536, 70_000])
def test_frames_written(size):
    payload = (bytes(range(256)) * 300)[:size]
    assert frames.frame(FIN | BINARY, payload) == plain(FIN | BINARY, payload)
    key = int.from_bytes(KEY, "little")
    assert frames.masked_frame(FIN | BINARY, payload, key) == masked(FIN | BINARY, payload)
    assert frames.encode(payload) == plain(FIN | BINARY, payload)


@given(st.binary(max_size=400), st.integers(0, (1 << 32) - 1))
def test_what_is_masked_is_unmasked(payload, key):
    assert read(frames.masked_frame(FIN | BINARY, payload, key)) == ([(FIN | BINARY, payload)], b"")


class Word(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("message", "first", "payload"),
    [
        ("", FIN | TEXT, b""),
        ("abc", FIN | TEXT, b"abc"),
        ("ä€𝄞", FIN | TEXT, "ä€𝄞".encode()),
        ("ÿ" * 200, FIN | TEXT, "ÿ".encode() * 200),
        ("x" * 70_000, FIN | TEXT, b"x" * 70_000),
        (Word("abc"), FIN | TEXT, b"abc"),
        (b"\xff", FIN | BINARY, b"\xff"),
        (bytearray(b"abc"), FIN | BINARY, b"abc"),
        (memoryview(b"abcdef")[::2], FIN | BINARY, b"ace"),
    ],
)
def test_a_message_as_one_frame(message, first, payload):
    assert frames.encode(message) == plain(first, payload)


def test_a_lone_surrogate_is_no_text():
    with pytest.raises(UnicodeEncodeError):
        frames.encode("\ud800")


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [
        (1000, "", b"\x03\xe8"),
        (1001, "bye", b"\x03\xe9bye"),
        (1005, "ignored", b""),
        (4000, "ä", b"\x0f\xa0\xc3\xa4"),
        (1000, "x" * 200, b"\x03\xe8" + b"x" * 123),
        (1000, "ä" * 100, b"\x03\xe8" + "ä".encode() * 61),
    ],
)
def test_close_payloads(code, reason, payload):
    assert frames.close_payload(code, reason) == payload


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 1016, 2999, 5000])
def test_codes_that_are_never_written(code):
    with pytest.raises(ValueError, match=str(code)):
        frames.close_payload(code, "")


def test_mask_keys_come_from_the_entropy_in_order():
    pools = iter([bytes(range(256)) * 16, b"\xff" * 4096])
    asked = []

    def entropy(size):
        asked.append(size)
        return next(pools)

    draw = frames.mask_source(entropy)
    keys = [draw() for _ in range(1025)]
    assert keys[0] == int.from_bytes(b"\0\1\2\3", "little")
    assert keys[1] == int.from_bytes(b"\4\5\6\7", "little")
    assert keys[1024] == 0xFFFFFFFF
    assert asked == [4096, 4096]
