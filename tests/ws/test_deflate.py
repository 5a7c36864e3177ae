"""Compression: what is negotiated, inflating within a bound, contexts kept and not kept."""

import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ws.raw import BINARY, CONTINUATION, FIN, PING, RSV1, TEXT, masked, plain

from everywire.errors import HandshakeError, MessageTooBig, ProtocolError
from everywire.ws.deflate import Compressor, Deflate, Inflater, Inflation, Parameters, deflate_shared
from everywire.ws.frames import Decoder, Limits
from everywire.ws.handshake import parse_extensions

SERVER, CLIENT = False, True


def parameters(text):
    """The parameters of one extension as it is written in a header."""
    ((_, found),) = parse_extensions([f"permessage-deflate; {text}" if text else "permessage-deflate"])
    return found


def inflated(data, room=1 << 20, window=15):
    return Inflater(window).inflate(data, room, end=True)


# Negotiation, the server's half

PLAIN = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("wish", "offer", "answer"),
    [
        ({}, "", PLAIN),
        ({}, "client_max_window_bits", PLAIN),
        ({}, "server_no_context_takeover", PLAIN),
        ({}, "client_no_context_takeover", PLAIN),
        ({}, "server_max_window_bits=12", PLAIN + "; server_max_window_bits=12"),
        ({}, "server_max_window_bits=15", PLAIN + "; server_max_window_bits=15"),
        ({}, "client_max_window_bits=10", PLAIN + "; client_max_window_bits=10"),
        ({}, "client_max_window_bits=8", PLAIN + "; client_max_window_bits=8"),
        ({"server_takeover": True, "client_takeover": True}, "", "permessage-deflate"),
        (
            {"server_takeover": True, "client_takeover": True},
            "server_no_context_takeover; client_no_context_takeover",
            PLAIN,
        ),
        ({"server_takeover": True}, "", "permessage-deflate; client_no_context_takeover"),
        ({"client_takeover": True}, "", "permessage-deflate; server_no_context_takeover"),
        ({"server_window": 10}, "", PLAIN + "; server_max_window_bits=10"),
        ({"server_window": 10}, "server_max_window_bits=12", PLAIN + "; server_max_window_bits=10"),
        ({"server_window": 12}, "server_max_window_bits=10", PLAIN + "; server_max_window_bits=10"),
        ({"client_window": 11}, "client_max_window_bits", PLAIN + "; client_max_window_bits=11"),
        ({"client_window": 11}, "client_max_window_bits=9", PLAIN + "; client_max_window_bits=9"),
        ({"client_window": 9}, "client_max_window_bits=14", PLAIN + "; client_max_window_bits=9"),
    ],
)
def test_an_offer_and_its_answer(wish, offer, answer):
    assert Deflate(**wish).accept(parameters(offer)).header() == answer


@pytest.mark.parametrize(
    "offer",
    [
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=010",
        "server_max_window_bits=ten",
        "server_max_window_bits=8",  # zlib cannot
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "server_no_context_takeover=1",
        "client_no_context_takeover=x",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "unknown",
        "unknown=1",
    ],
)
def test_an_offer_that_cannot_be_met(offer):
    assert Deflate().accept(parameters(offer)) is None


def test_a_small_client_window_needs_a_client_that_can():
    assert Deflate(client_window=10).accept(parameters("")) is None


# Negotiation, the client's half


@pytest.mark.parametrize(
    ("wish", "offer"),
    [
        ({}, PLAIN + "; client_max_window_bits"),
        ({"server_takeover": True, "client_takeover": True}, "permessage-deflate; client_max_window_bits"),
        ({"server_window": 10}, PLAIN + "; server_max_window_bits=10; client_max_window_bits"),
        ({"client_window": 10}, PLAIN + "; client_max_window_bits=10"),
    ],
)
def test_what_a_client_offers(wish, offer):
    assert Deflate(**wish).offer() == offer


@pytest.mark.parametrize(
    ("wish", "answer", "agreed"),
    [
        ({}, "server_no_context_takeover", Parameters(False, False)),
        ({}, "server_no_context_takeover; client_no_context_takeover", Parameters(False, False)),
        ({"client_takeover": True}, "server_no_context_takeover", Parameters(False, True)),
        ({"client_takeover": True}, "server_no_context_takeover; client_no_context_takeover", Parameters(False, False)),
        ({"server_takeover": True}, "", Parameters(True, False)),
        ({}, "server_no_context_takeover; server_max_window_bits=10", Parameters(False, False, 10)),
        ({}, "server_no_context_takeover; server_max_window_bits=8", Parameters(False, False, 8)),
        ({}, "server_no_context_takeover; client_max_window_bits=9", Parameters(False, False, 15, 9)),
        ({"client_window": 12}, "server_no_context_takeover", Parameters(False, False, 15, 12)),
        (
            {"client_window": 12},
            "server_no_context_takeover; client_max_window_bits=14",
            Parameters(False, False, 15, 12),
        ),
        ({"server_window": 12}, "server_no_context_takeover; server_max_window_bits=12", Parameters(False, False, 12)),
    ],
)
def test_what_client_and_server_agree_on(wish, answer, agreed):
    assert Deflate(**wish).agreed(parameters(answer)) == agreed


@pytest.mark.parametrize(
    ("wish", "answer"),
    [
        ({}, ""),  # the offer asked for no context
        ({"server_window": 10}, "server_no_context_takeover"),
        ({"server_window": 10}, "server_no_context_takeover; server_max_window_bits=11"),
        ({}, "server_no_context_takeover; client_max_window_bits"),
        ({}, "server_no_context_takeover; client_max_window_bits=8"),
        ({}, "server_no_context_takeover; server_max_window_bits=16"),
        ({}, "server_no_context_takeover; unknown"),
        ({}, "server_no_context_takeover; server_no_context_takeover"),
        ({}, "server_no_context_takeover=1"),
    ],
)
def test_an_answer_that_the_client_did_not_offer(wish, answer):
    with pytest.raises(HandshakeError):
        Deflate(**wish).agreed(parameters(answer))


@pytest.mark.parametrize("wish", [{"server_window": 8}, {"client_window": 16}, {"client_window": 0}])
def test_windows_that_zlib_does_not_have(wish):
    with pytest.raises(ValueError, match="9 to 15"):
        Deflate(**wish)


BITS = [9, 12, 15]


@pytest.mark.parametrize(
    ("server", "client"), list(itertools.product(itertools.product(BITS, BITS, [True, False]), repeat=2))
)
def test_whatever_both_ends_want_they_understand_each_other(server, client):
    def wish(window_s, window_c, takeover):
        return Deflate(
            server_window=window_s, client_window=window_c, server_takeover=takeover, client_takeover=takeover
        )

    server_wish, client_wish = wish(*server), wish(*client)
    ((_, offer),) = parse_extensions([client_wish.offer()])
    ours = server_wish.accept(offer)
    assert ours is not None
    ((_, answer),) = parse_extensions([ours.header()])
    theirs = client_wish.agreed(answer)
    assert theirs.server_takeover or not ours.server_takeover
    assert theirs.server_window >= ours.server_window
    assert ours.client_window >= theirs.client_window
    assert ours.client_takeover or not theirs.client_takeover


# Deflating and inflating


@given(st.binary(max_size=3000), st.integers(9, 15), st.integers(1, 9))
def test_what_was_deflated_is_inflated(data, window, level):
    assert inflated(deflate_shared(data, window, level), window=window) == data


def test_the_example_of_the_standard():
    assert inflated(bytes.fromhex("f248cdc9c90700")) == b"Hello"  # RFC 7692 7.2.3.1
    assert inflated(bytes.fromhex("000500faff48656c6c6f00")) == b"Hello"  # 7.2.3.3: no compression
    assert inflated(bytes.fromhex("f348cdc9c9070000")) == b"Hello"  # 7.2.3.4: a final block
    assert inflated(bytes.fromhex("f248050000 00ffffcac9c90700".replace(" ", ""))) == b"Hello"  # 7.2.3.5: two blocks
    assert inflated(b"\0") == b""  # 7.2.3.6
    assert deflate_shared(b"") == b"\0"


def test_context_takeover_shortens_what_repeats():
    compressor = Compressor(15, Deflate(), takeover=True)
    first, second = compressor.deflate(b"Hello"), compressor.deflate(b"Hello")
    assert len(second) < len(first)
    kept = Inflation(15, takeover=True)
    assert kept.begin().inflate(first, 99, end=True) == b"Hello"
    assert kept.begin().inflate(second, 99, end=True) == b"Hello"
    with pytest.raises(ProtocolError):
        Inflation(15, takeover=False).begin().inflate(second, 99, end=True)


def test_without_contexts_each_message_stands_alone():
    compressor = Compressor(15, Deflate(), takeover=False)
    assert compressor.deflate(b"Hello" * 9) == compressor.deflate(b"Hello" * 9) == deflate_shared(b"Hello" * 9)
    assert compressor.shared_key == Compressor(15, Deflate(), takeover=False).shared_key
    assert compressor.shared_key != Compressor(14, Deflate(), takeover=False).shared_key
    assert Compressor(15, Deflate(), takeover=True).shared_key is None


def test_contexts_survive_a_final_block():
    final = zlib.compressobj(wbits=-15)
    data = final.compress(b"Hello") + final.flush()
    kept = Inflation(15, takeover=True)
    assert kept.begin().inflate(data + b"\0", 99, end=True) == b"Hello"
    assert kept.begin().inflate(deflate_shared(b"again"), 99, end=True) == b"again"


@pytest.mark.parametrize("data", [b"\xff", b"\x06", b"\x00\x05\x00\x05\x00hello"])
def test_what_cannot_be_inflated(data):
    with pytest.raises(ProtocolError) as caught:
        inflated(data)
    assert caught.value.code == 1007


def test_a_flood_of_final_blocks():
    empty = zlib.compressobj(wbits=-15).flush()
    with pytest.raises(ProtocolError, match="too many streams"):
        inflated(empty * 1000)


# Within the bound


def test_a_message_may_inflate_to_exactly_the_bound():
    data = deflate_shared(b"x" * 1000)
    assert inflated(data, room=1000) == b"x" * 1000
    with pytest.raises(MessageTooBig):
        inflated(data, room=999)


def test_a_bomb_is_never_inflated():
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(stream.compress(b"\0" * (1 << 20)) for _ in range(32)) + stream.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 40_000
    made = 0
    inflater = Inflater(15)
    with pytest.raises(MessageTooBig):
        for byte in range(0, len(bomb), 10):
            made += len(inflater.inflate(bomb[byte : byte + 10], 50_000 - made, end=False))
    assert made <= 50_000


# With the decoder


def packed_frames(frame, data, sizes, opcode=TEXT):
    """Frames of one compressed message, cut into payloads of `sizes` bytes and the rest."""
    edges = [0, *itertools.accumulate(sizes), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    first = [RSV1 | opcode] + [CONTINUATION] * (len(pieces) - 1)
    first[-1] |= FIN
    return b"".join(itertools.starmap(frame, zip(first, pieces, strict=True)))


def decoder(client=SERVER, *, takeover=False, window=15, **limits):
    return Decoder(client, Limits(**limits), Inflation(window, takeover=takeover))


@pytest.mark.parametrize(("client", "frame"), [(SERVER, masked), (CLIENT, plain)], ids=["server", "client"])
@pytest.mark.parametrize("sizes", [[], [1], [0, 0], [3, 0, 2], [1, 1, 1, 1]])
@pytest.mark.parametrize("takeover", [True, False])
def test_compressed_messages_in_fragments(client, frame, sizes, takeover):
    compressor = Compressor(15, Deflate(), takeover=takeover)
    decoding = decoder(client, takeover=takeover)
    for text in ("Hällo" * 10, "", "Hällo" * 10, "x" * 5000):
        wire = packed_frames(frame, compressor.deflate(text.encode()), sizes)
        assert [event for i in range(len(wire)) for event in decoding.feed(wire[i : i + 1])] == [text]
    assert decoding.feed(packed_frames(frame, compressor.deflate(b"\xff\0"), [], BINARY)) == [b"\xff\0"]


def test_plain_and_compressed_messages_may_alternate():
    packed = packed_frames(masked, deflate_shared(b"packed"), [])
    wire = (
        masked(FIN | TEXT, b"plain") + packed + masked(TEXT, b"pl") + masked(FIN | PING) + masked(FIN, b"ain") + packed
    )
    events = [event for event in decoder().feed(wire) if isinstance(event, str)]
    assert events == ["plain", "packed", "plain", "packed"]


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (masked(FIN | RSV1 | PING), 1002),
        (masked(TEXT, b"a") + masked(FIN | RSV1 | CONTINUATION, b"b"), 1002),
        (masked(RSV1 | TEXT, b"\xf2\x48") + masked(FIN | RSV1 | CONTINUATION, b""), 1002),
        (masked(FIN | RSV1 | TEXT, b"\xff\xff"), 1007),
        (masked(FIN | RSV1 | TEXT, deflate_shared(b"\xff")), 1007),
        (masked(RSV1 | TEXT, deflate_shared(b"ok\xc3")), None),
        (masked(RSV1 | TEXT, deflate_shared(b"ok\xff") + b"\0\0\xff\xff"), 1007),
    ],
)
def test_wrong_compressed_frames(wire, code):
    assert [event.code for event in decoder().feed(wire)] == ([] if code is None else [code])


def test_the_bound_of_a_message_counts_what_it_inflates_to():
    data = deflate_shared(b"x" * 1000)
    assert decoder(max_size=1000).feed(packed_frames(masked, data, [])) == ["x" * 1000]
    (error,) = decoder(max_size=999).feed(packed_frames(masked, data, [2, 3]))
    assert error.code == 1009


def test_a_bomb_is_refused_while_it_inflates():
    data = deflate_shared(b"\0" * 1_000_000, level=9)
    decoding = decoder(max_size=100_000)
    wire = packed_frames(masked, data, [len(data) // 2])
    (error,) = decoding.feed(wire[: len(wire) // 2])
    assert error.code == 1009


def test_a_message_that_grows_by_deflating_is_not_too_big():
    data = bytes(range(256)) * 4
    stored = b"\x00\x00\x04\xff\xfb" + data + b"\0"
    assert decoder(max_size=1024).feed(masked(FIN | RSV1 | BINARY, stored)) == [data]


def test_connections_share_what_keeps_no_context():
    shared = Inflation(15, takeover=False)
    one, two = (Decoder(SERVER, Limits(), shared) for _ in range(2))
    data = deflate_shared(b"Hello" * 20)
    first, second = masked(RSV1 | TEXT, data[:3]), masked(FIN | CONTINUATION, data[3:])
    assert one.feed(first) == two.feed(first) == []
    assert one.feed(second) == two.feed(second) == ["Hello" * 20]


@pytest.mark.parametrize("wire", ["53280100 0000ffff", "53280100", "", "53280100 00", "53280100 0000ffff 0000ffff"])
def test_a_final_block_means_the_same_whole_and_in_pieces(wire):
    data = bytes.fromhex(wire.replace(" ", ""))
    found = []
    for size in (len(data) or 1, 1):
        inflater = Inflater(15)
        out = b"".join(inflater.inflate(data[i : i + size], 1000, end=False) for i in range(0, len(data), size))
        out += inflater.inflate(b"", 1000, end=True)
        found.append((out, inflater._stream is None))
    assert found[0] == found[1]
    assert found[0][0].startswith(b" t" if wire else b"")


def test_a_message_after_one_that_ended_with_a_final_block():
    inflater = Inflater(15)
    for _ in range(3):
        assert inflater.inflate(bytes.fromhex("53280100"), 1000, end=False) == b" t"
        assert inflater.inflate(b"", 1000, end=True) == b""
