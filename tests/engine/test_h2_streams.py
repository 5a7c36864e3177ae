"""Streams as storeys: flow control, and ends of every kind."""

import pytest
from h2 import events
from h2.errors import ErrorCodes
from tests.engine.h2_peer import of
from tests.engine.h2_trunks import WINDOW, opened, windowed

from everywire.http.h2 import CONNECTION_WINDOW, STREAM_WINDOW
from everywire.ws.link import PIECE


def refused(peer):
    """Connection and stream windows go up, so that nothing is held back any more."""
    peer.conn.increment_flow_control_window(1 << 20)
    peer.conn.increment_flow_control_window(1 << 20, 1)


# Writing


def test_pieces_go_out_as_one_frame():
    peer, stream = opened()
    for piece in (b"a", b"bc", b"", b"d"):
        stream.write(piece)
    assert stream.queued() == 4 + 2 * PIECE
    peer.link.settling()
    heard = peer.conn.receive_data(peer.pipe.written)
    assert [event.data for event in of(events.DataReceived, heard)] == [b"abcd"]
    assert stream.queued() == 0


def test_the_stream_s_window_holds_back():
    peer, stream = windowed(10)
    stream.write(b"0123456")
    stream.write(b"789abc")
    peer.turn()
    assert (peer.bodies[1], stream.queued()) == (b"0123456789", 3)
    peer.conn.increment_flow_control_window(2, 1)
    peer.turn()
    assert (peer.bodies[1], stream.queued()) == (b"0123456789ab", 1)


def test_new_settings_widen_the_window():
    peer, stream = windowed(0)
    stream.write(b"abc")
    peer.turn()
    assert stream.queued() == 3
    peer.conn.update_settings({WINDOW: 2})
    peer.turn()
    assert (peer.bodies[1], stream.queued()) == (b"ab", 1)


def test_the_connection_s_window_holds_back():
    peer, stream = opened(2)
    peer.conn.increment_flow_control_window(1 << 20, 1)
    stream.write(bytes(70_000))
    peer.turn()
    assert stream.queued() == 70_000 - 65_535
    peer.conn.increment_flow_control_window(1 << 20)
    peer.turn()
    assert (len(peer.bodies[1]), stream.queued()) == (70_000, 0)


def test_who_writes_much_is_told_when_there_is_room():
    peer, stream = opened()
    stream.write(bytes(65_535 + 20_000))
    peer.turn()
    assert peer.link.tops[1].told == []
    peer.conn.increment_flow_control_window(3000)
    peer.conn.increment_flow_control_window(3000, 1)
    peer.turn()
    assert stream.queued() == 17_000
    refused(peer)
    peer.turn()
    assert (peer.link.tops[1].told, stream.queued()) == (["drained"], 0)


def test_nothing_is_heaped_up_below():
    peer, stream = opened(2)
    peer.conn.increment_flow_control_window(1 << 20)
    peer.pipe.backlog = 1 << 17
    stream.write(b"abc")
    peer.turn()
    assert (peer.bodies, stream.queued()) == ({}, 3)
    peer.pipe.backlog = 0
    peer.link.drained()
    peer.turn()
    assert peer.bodies == {1: b"abc"}


def test_streams_take_turns():
    peer, _ = opened(2)
    for number in (1, 3):
        peer.link.streams[number].write(bytes(30_000))
    peer.link.settling()
    heard = peer.conn.receive_data(peer.pipe.written)
    assert [event.stream_id for event in of(events.DataReceived, heard)] == [1, 3, 1, 3]


def test_discarding_keeps_what_has_begun_to_leave():
    peer, stream = windowed(4)
    stream.write(b"012345")
    stream.write(b"abc")
    stream.discard()
    assert stream.queued() == 0
    stream.write(b"012345")
    stream.write(b"abc")
    peer.turn()
    stream.discard()
    assert stream.queued() == 2
    refused(peer)
    peer.turn()
    assert peer.bodies[1] == b"012345"


# Reading


def test_windows_open_as_bytes_are_taken():
    peer, stream = opened()
    for _ in range(3):
        peer.conn.send_data(1, bytes(16_384))
        peer.turn()
    assert peer.conn.streams[1].outbound_flow_control_window > STREAM_WINDOW // 2
    assert stream.unread < STREAM_WINDOW // 2


def test_a_stream_that_is_not_read_gets_no_room_but_others_do():
    peer, stream = opened(2)
    stream.reading(False)
    for _ in range(4):
        peer.conn.send_data(1, bytes(16_384))
    peer.turn()
    assert peer.conn.local_flow_control_window(1) == 0
    for _ in range(CONNECTION_WINDOW // (1 << 14)):
        peer.conn.send_data(3, bytes(1 << 14))
        peer.turn()
    stream.reading(True)
    peer.turn()
    assert peer.conn.local_flow_control_window(1) == STREAM_WINDOW


def test_reading_on_when_the_peer_has_reset_the_stream_meanwhile():
    peer, stream = opened()
    stream.reading(False)
    for _ in range(3):
        peer.conn.send_data(1, bytes(16_384))
    peer.conn.reset_stream(1)
    peer.link.feed(peer.conn.data_to_send())
    stream.reading(True)
    stream.wake()
    peer.link.settling()
    assert not peer.link.over


# Ending


def test_the_peer_ends_then_we():
    peer, stream = opened()
    peer.conn.send_data(1, b"last", end_stream=True)
    peer.turn()
    assert peer.link.tops[1].told == [b"last", "ended"]
    stream.write(b"bye")
    stream.finish()
    stream.write(b"too late")
    assert of(events.StreamEnded, peer.turn())
    assert peer.bodies == {1: b"bye"}
    assert peer.link.tops[1].told[-1] == ("lost", type(None))
    assert peer.link.streams == {}


@pytest.mark.parametrize("how", ["finish", "leave"])
def test_we_end_then_the_peer(how):
    peer, stream = opened()
    getattr(stream, how)()
    assert of(events.StreamEnded, peer.turn())
    peer.conn.send_data(1, b"nobody listens")
    peer.turn()
    assert peer.link.tops[1].told == []
    peer.conn.end_stream(1)
    peer.turn()
    assert peer.link.tops[1].told == [("lost", type(None))]


def test_a_peer_that_does_not_end_is_reset():
    peer, stream = opened()
    stream.finish()
    peer.turn()
    for now in (100.0, 101.9):
        peer.link.sweep(now)
        assert of(events.StreamReset, peer.turn()) == []
    peer.link.sweep(102.1)
    (reset,) = of(events.StreamReset, peer.turn())
    assert reset.error_code == ErrorCodes.NO_ERROR
    assert peer.link.tops[1].told == [("lost", type(None))]


def test_an_end_that_makes_no_progress_is_cut():
    peer, stream = windowed(10)
    stream.write(bytes(100))
    stream.finish()
    peer.turn()
    peer.link.sweep(100.0)
    peer.link.sweep(105.0)
    peer.conn.increment_flow_control_window(10, 1)
    peer.turn()
    for now in (111.0, 120.9):
        peer.link.sweep(now)
        assert of(events.StreamReset, peer.turn()) == []
    peer.link.sweep(121.1)
    (reset,) = of(events.StreamReset, peer.turn())
    assert reset.error_code == ErrorCodes.CANCEL


def test_abort_resets():
    peer, stream = opened()
    stream.write(b"abc")
    stream.abort()
    assert peer.link.tops[1].told == []
    (reset,) = of(events.StreamReset, peer.turn())
    assert (reset.error_code, peer.bodies) == (ErrorCodes.CANCEL, {})
    assert peer.link.tops[1].told == [("lost", type(None))]
    stream.write(b"abc")
    stream.abort()
    stream.finish()
    assert (stream.queued(), peer.turn()) == (0, [])


def test_the_peer_resets():
    peer, _ = opened()
    peer.conn.reset_stream(1, ErrorCodes.CANCEL)
    peer.turn()
    assert peer.link.tops[1].told == [("lost", ConnectionResetError)]


def test_bytes_that_come_with_a_reset_are_told_first():
    peer, stream = opened()
    top = peer.link.tops[1]
    top.feed = lambda data: stream.write(b"answer")
    peer.conn.send_data(1, b"abc")
    peer.conn.reset_stream(1)
    peer.turn()
    assert top.told == [("lost", ConnectionResetError)]
    assert not peer.link.over
