"""Connections under streams: their end, and floods."""

import pytest
from h2 import events
from h2.errors import ErrorCodes
from tests.engine.h2_peer import of
from tests.engine.h2_trunks import opened


def test_the_connection_is_lost():
    peer, _ = opened(2)
    peer.link.lost(OSError("gone"))
    assert [top.told for top in peer.link.tops.values()] == [[("lost", OSError)]] * 2


def test_the_peer_ends_the_connection_under_its_streams():
    peer, stream = opened()
    peer.link.tops[1].ended = lambda: stream.write(b"last words")
    peer.link.ended()
    heard = peer.conn.receive_data(peer.pipe.written)
    assert [event.data for event in of(events.DataReceived, heard)] == [b"last words"]
    assert "finish" in peer.pipe.calls
    assert peer.link.tops[1].told == [("lost", ConnectionResetError)]


def test_streams_live_on_after_goaway_and_the_connection_ends_with_them():
    peer, stream = opened()
    peer.conn.close_connection()
    said = peer.conn.data_to_send()
    peer.link.feed(said)
    stream.write(b"abc")
    peer.link.settling()
    assert b"abc" in peer.pipe.written
    assert "finish" not in peer.pipe.calls
    stream.abort()
    peer.link.settling()
    assert "finish" in peer.pipe.calls


def test_a_goaway_with_an_error_ends_the_streams():
    peer, _ = opened()
    peer.conn.close_connection(ErrorCodes.INTERNAL_ERROR)
    peer.link.feed(peer.conn.data_to_send())
    assert peer.link.tops[1].told == [("lost", ConnectionResetError)]
    assert "finish" in peer.pipe.calls


@pytest.mark.parametrize("garbage", [b"\0\0\4\0\0\0\0\0\1abcd"[:3] + b"\5" + bytes(9), b"\0\0\1\6\0\0\0\0\0x"])
def test_garbage_ends_the_connection(garbage):
    peer, _ = opened()
    peer.link.feed(garbage)
    heard = peer.conn.receive_data(peer.pipe.written)
    assert of(events.ConnectionTerminated, heard)[0].error_code != ErrorCodes.NO_ERROR
    assert peer.link.tops[1].told == [("lost", ConnectionResetError)]
    assert "finish" in peer.pipe.calls


# Floods


def test_answers_that_nobody_reads_end_the_connection():
    peer, _ = opened()
    peer.pipe.backlog = (1 << 20) + 1
    peer.conn.ping(b"12345678")
    peer.link.feed(peer.conn.data_to_send())
    assert "abort" in peer.pipe.calls


def flood(peer, frames):
    peer.link.feed(b"".join(frames))
    peer.link.settling()
    (end,) = of(events.ConnectionTerminated, peer.conn.receive_data(peer.pipe.written))
    return end.error_code


def test_rapid_resets_are_answered_by_calm():
    peer, _ = opened()
    said = []
    for _ in range(101):
        peer.conn.reset_stream(peer.request(), ErrorCodes.CANCEL)
        said.append(peer.conn.data_to_send())
    assert flood(peer, said) == ErrorCodes.ENHANCE_YOUR_CALM
    assert list(peer.link.tops) == [1], "not one of these requests was looked at"


def test_resets_that_the_peer_makes_us_send_count_too():
    peer, _ = opened()
    overflow = (4).to_bytes(3, "big") + b"\x08\0%s" + (0x7FFFFFFF).to_bytes(4, "big")
    ends, times = [], 0
    while not ends:
        number = peer.request(end=False)
        peer.link.feed(peer.conn.data_to_send() + overflow % number.to_bytes(4, "big"))
        ends = of(events.ConnectionTerminated, peer.turn())
        times += 1
    assert ends[0].error_code == ErrorCodes.ENHANCE_YOUR_CALM
    assert 95 < times < 105


def test_pings_are_answered_by_calm_at_last():
    peer, _ = opened()
    assert flood(peer, [b"\0\0\x08\6\0\0\0\0\0" + bytes(8)] * 1001) == ErrorCodes.ENHANCE_YOUR_CALM


def test_a_bomb_of_references_is_answered_by_calm():
    peer, _ = opened()
    bomb = b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000 + b"\xbe" * 8000
    assert flood(peer, [len(bomb).to_bytes(3, "big") + b"\1\5\0\0\0\3", bomb]) == ErrorCodes.ENHANCE_YOUR_CALM
