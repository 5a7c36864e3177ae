"""Keepalive and the patience with a peer that does not close, under a clock that the test sets."""

import pytest
from tests.ws.line import HELLO, Line, code_of
from tests.ws.raw import FIN, PING, PONG, TEXT

from everywire.ws.connection import OPEN

SERVER, CLIENT = False, True


# Timeouts


def test_silence_is_answered_by_a_ping_then_by_the_end(role):
    line = Line(role, ping_interval=20, ping_timeout=10)
    line.sweep(0)
    line.sweep(19.9)
    assert line.frames == []
    line.sweep(0.2)
    assert line.frames == [(FIN | PING, b"")]
    line.sweep(9.9)
    assert line.frames == []
    line.sweep(0.2)
    assert line.frames == [code_of(1011, b"keepalive ping timeout")]
    assert line.pipe.calls == ["finish"]


@pytest.mark.parametrize(
    "sign", [(FIN | PONG, b""), (FIN | PING, b""), HELLO, (TEXT, b"part"), (FIN | PONG, b"unasked")]
)
def test_any_sign_of_life_counts(role, sign):
    line = Line(role, ping_interval=20, ping_timeout=10)
    line.sweep(0)
    line.sweep(21)
    line.sweep(9)
    line.send(sign)
    line.sweep(9)
    line.sweep(19)
    assert [frame for frame in line.frames if frame[0] != FIN | PONG] == [(FIN | PING, b"")]
    line.sweep(2)
    assert line.frames == [(FIN | PING, b"")]


def test_a_peer_that_talks_is_never_pinged(role):
    line = Line(role, ping_interval=20, ping_timeout=10)
    for _ in range(100):
        line.send(HELLO)
        line.sweep(10)
    assert line.frames == []


def test_a_peer_that_answers_late_but_in_time_lives_on(role):
    line = Line(role, ping_interval=20, ping_timeout=10)
    line.sweep(0)
    for _ in range(10):
        line.sweep(21)
        assert line.frames == [(FIN | PING, b"")]
        line.sweep(9)
        line.send((FIN | PONG, b""))
        line.sweep(0.1)
    assert line.connection.state == OPEN


def test_a_peer_that_reads_nothing_is_not_waited_for(role):
    line = Line(role, ping_interval=20, ping_timeout=10)
    line.sweep(0)
    line.sweep(21)
    line.pipe.backlog = 1000
    line.sweep(11)
    assert line.pipe.calls[-1] == "abort"


def test_keepalive_can_be_switched_off(role):
    line = Line(role, ping_interval=None)
    for _ in range(5):
        line.sweep(1000)
    assert line.frames == []
    line = Line(role, ping_interval=20, ping_timeout=None)
    for _ in range(5):
        line.sweep(1000)
    assert line.connection.state == OPEN


def test_a_peer_that_never_answers_our_close_is_cut(role):
    line = Line(role, close_timeout=10)
    line.sweep(0)
    line.connection.start_close(1000, "")
    line.sweep(9.9)
    assert line.pipe.calls == []
    line.sweep(0.2)
    assert line.pipe.calls == ["abort"]


def test_a_peer_that_only_chatters_while_we_close_is_cut(role):
    line = Line(role, close_timeout=10)
    line.sweep(0)
    line.connection.start_close(1000, "")
    for _ in range(11):
        line.send(HELLO)
        line.sweep(1)
    assert "abort" in line.pipe.calls


def test_no_pings_while_closing(role):
    line = Line(role, ping_interval=1, close_timeout=None)
    line.connection.start_close(1000, "")
    for _ in range(5):
        line.sweep(100)
    assert line.frames == [code_of(1000)]
    assert line.pipe.calls == []
