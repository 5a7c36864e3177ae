"""The state machine of both roles: bytes in, bytes out, what is delivered, and when it ends."""

import pytest
from tests.ws.line import HELLO, Line, code_of
from tests.ws.raw import BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, TEXT, close, masked, plain

from everywire.errors import ConnectionClosedError, ConnectionClosedOK
from everywire.ws.connection import CLOSED, CLOSING, OPEN
from everywire.ws.deflate import Compressor, Deflate, Inflation, deflate_shared

SERVER, CLIENT = False, True


# Messages


def test_messages_are_delivered_in_order(line):
    line.send(HELLO, (FIN | BINARY, b"\xff"), (TEXT, b"a"), (FIN | CONTINUATION, b"b"))
    assert line.connection.happened == ["hello", b"\xff", "ab"]
    assert line.connection.state == OPEN


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("hällo", (FIN | TEXT, "hällo".encode())),
        (b"\xff", (FIN | BINARY, b"\xff")),
        (bytearray(b"abc"), (FIN | BINARY, b"abc")),
        (memoryview(b"abc"), (FIN | BINARY, b"abc")),
        ("", (FIN | TEXT, b"")),
        (b"x" * 200_000, (FIN | BINARY, b"x" * 200_000)),
        ("x" * 200_000, (FIN | TEXT, b"x" * 200_000)),
    ],
)
def test_messages_are_written(line, message, expected):
    line.connection.send_message(message)
    assert line.frames == [expected]


def test_only_a_client_masks(line, role):
    line.connection.send_message("hello")
    line.connection.send_frame(FIN | PING, b"x")
    line.connection.start_close(1000, "")
    data = line.pipe.written
    assert bool(data[1] & 0x80) is role
    assert (b"hello" in data) is not role
    assert line.pipe.frames() == [HELLO, (FIN | PING, b"x"), code_of(1000)]


def test_each_frame_of_a_client_has_a_key_of_its_own():
    line = Line(CLIENT)
    keys = iter([0x01020304, 0xAABBCCDD])
    line.manner.mask = lambda: next(keys)
    line.connection.send_message("a")
    line.connection.send_message("a")
    assert line.pipe.written[2:6] == b"\4\3\2\1"
    assert line.pipe.written[9:13] == b"\xdd\xcc\xbb\xaa"


def test_fragments_are_written(line):
    line.connection.send_fragment(TEXT, b"a", False)
    line.connection.send_fragment(0, b"b", False)
    line.connection.send_fragment(0, b"", True)
    assert line.frames == [(TEXT, b"a"), (CONTINUATION, b"b"), (FIN | CONTINUATION, b"")]


# Pings


def test_a_ping_is_answered_with_its_data(line):
    line.send((FIN | PING, b"abc"), HELLO, (FIN | PING, b""))
    assert line.frames == [(FIN | PONG, b"abc"), (FIN | PONG, b"")]
    assert line.connection.happened == ["hello"]


def test_a_ping_between_fragments_is_answered_at_once(line):
    line.send((TEXT, b"a"), (FIN | PING, b"abc"))
    assert line.frames == [(FIN | PONG, b"abc")]


def test_pongs_are_reported(line):
    line.send((FIN | PONG, b"abc"))
    assert line.connection.happened == [("pong", b"abc")]
    assert line.frames == []


def test_a_peer_that_does_not_read_gets_one_pong_for_many_pings(line):
    line.pipe.backlog = 1 << 20
    line.send(*((FIN | PING, b"%d" % i) for i in range(100)))
    assert line.frames == []
    line.pipe.backlog = 0
    line.connection.drained()
    line.connection.drained()
    assert line.frames == [(FIN | PONG, b"99")]


def test_no_pong_after_the_close_frame(line):
    line.pipe.backlog = 1 << 20
    line.send((FIN | PING, b"1"))
    line.connection.start_close(1000, "")
    line.pipe.backlog = 0
    line.connection.drained()
    line.send((FIN | PING, b"2"))
    assert line.frames == [code_of(1000)]


# The peer closes


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1000, b""), (1001, b"bye"), (1011, "ä".encode()), (1014, b""), (3000, b""), (4999, b"x" * 123)],
)
def test_the_peers_close_frame_is_echoed(line, code, reason):
    line.close(code, reason)
    assert line.frames == [code_of(code)]
    assert line.connection.state == CLOSED
    assert line.connection.peer_code == code
    assert line.connection.reason == reason.decode()
    assert line.pipe.calls == [line.end]


def test_a_close_frame_without_a_code_is_echoed_without_one(line):
    line.send((FIN | CLOSE, b""))
    assert line.frames == [(FIN | CLOSE, b"")]
    assert line.connection.peer_code == 1005
    assert isinstance(line.connection.outcome(), ConnectionClosedOK)


def test_a_close_frame_without_a_code_is_answered_by_the_code_for_that(line):
    line.connection.manner.bare_code = 1000
    line.send((FIN | CLOSE, b""))
    assert line.frames == [code_of(1000)]
    assert line.connection.peer_code == 1005


def test_what_precedes_a_close_frame_is_answered_before_it(line):
    line.connection.answer = line.connection.send_message
    line.pipe.feed(line.frame(*HELLO) + close(1000, role=line.frame))
    assert line.frames == [HELLO, code_of(1000)]


def test_nothing_is_looked_at_after_a_close_frame(line):
    line.pipe.feed(close(1000, role=line.frame) + line.frame(*HELLO) + b"\xff\xff\xff")
    line.send(HELLO, (FIN | PING, b"x"))
    line.close(1001)
    assert line.connection.happened == []
    assert line.frames == [code_of(1000)]
    assert line.connection.peer_code == 1000


# We close


def test_the_closing_handshake(line):
    line.connection.start_close(4000, "bye")
    assert line.frames == [code_of(4000, b"bye")]
    assert line.connection.state == CLOSING
    assert line.pipe.calls == []
    line.close(4000)
    assert line.connection.state == CLOSED
    assert line.pipe.calls == [line.end]
    assert line.frames == []
    assert line.connection.outcome().code == 4000


def test_closing_begins_once(line):
    line.connection.start_close(1000, "")
    line.connection.start_close(1001, "")
    line.connection.fail(1002, "")
    assert line.frames == [code_of(1000)]


def test_both_ends_close_at_once(line):
    line.connection.start_close(4001, "")
    line.close(4002)
    assert line.frames == [code_of(4001)]
    assert line.connection.outcome().code == 4002


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 2999, 5000, 65536])
def test_a_code_that_may_not_be_sent_changes_nothing(line, code):
    with pytest.raises(ValueError, match=str(code)):
        line.connection.start_close(code, "")
    assert line.connection.state == OPEN
    assert line.frames == []
    line.connection.start_close(1000, "")
    assert line.frames == [code_of(1000)]


def test_closing_without_a_code(line):
    line.connection.start_close(1005, "")
    assert line.frames == [(FIN | CLOSE, b"")]


def test_messages_that_cross_our_close_frame_are_dropped_and_harmless(line):
    line.connection.start_close(1000, "")
    line.send(HELLO, (TEXT, b"unfinished"))
    assert line.connection.happened == []
    assert line.connection.state == CLOSING


# The peer errs


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(FIN | 3, b"")], 1002),
        ([(FIN | RSV1 | TEXT, b"")], 1002),
        ([(FIN | CONTINUATION, b"")], 1002),
        ([(FIN | PING, b"x" * 126)], 1002),
        ([(FIN | CLOSE, b"\x03")], 1002),
        ([(FIN | CLOSE, (1006).to_bytes(2, "big"))], 1002),
        ([(FIN | TEXT, b"\xff")], 1007),
        ([(TEXT, b"\xff")], 1007),
        ([(FIN | CLOSE, b"\x03\xe8\xff")], 1007),
        ([(FIN | BINARY, b"x" * 11)], 1009),
        ([(TEXT, b""), (0, b""), (0, b""), (0, b"")], 1008),
    ],
)
def test_an_error_is_told_in_a_close_frame_and_ends_it(line, frames, code):
    line.manner.limits.max_size, line.manner.limits.max_fragments = 10, 3
    line.send(*frames)
    ((first, payload),) = line.frames
    assert first == FIN | CLOSE
    assert int.from_bytes(payload[:2], "big") == code
    assert line.pipe.calls == ["finish"]
    line.send(HELLO)
    line.close(1000)
    assert line.frames == []
    assert line.connection.happened == []


def test_frames_of_the_wrong_masking_end_it(line, role):
    wrong = masked if role is CLIENT else plain
    line.pipe.feed(wrong(*HELLO))
    assert line.frames[0][1][:2] == (1002).to_bytes(2, "big")


def test_what_precedes_an_error_is_delivered_and_answered(line):
    line.connection.answer = line.connection.send_message
    line.send(HELLO, HELLO, (FIN | 3, b""), HELLO)
    assert line.connection.happened == ["hello", "hello"]
    hello, again, (first, payload) = line.frames
    assert hello == again == HELLO
    assert (first, payload[:2]) == (FIN | CLOSE, (1002).to_bytes(2, "big"))


def test_an_error_while_closing_ends_it_without_another_close_frame(line):
    line.connection.start_close(1000, "")
    line.send((FIN | 3, b""))
    assert line.frames == [code_of(1000)]
    assert line.pipe.calls == ["finish"]


def test_failing_is_for_the_application_too(line):
    line.connection.fail(1011, "internal error")
    assert line.frames == [code_of(1011, b"internal error")]
    assert line.pipe.calls == ["finish"]


def test_a_message_of_a_turn_in_which_we_closed_is_not_delivered(line):
    line.connection.answer = lambda _: line.connection.start_close(1000, "")
    line.send(HELLO, HELLO)
    assert line.connection.happened == ["hello"]


# The end of the pipe


def test_a_half_closed_pipe_without_a_close_frame(line):
    line.send(HELLO)
    line.pipe.ended()
    assert line.connection.happened == ["hello"]
    assert line.pipe.calls == ["finish"]
    assert line.frames == []
    line.pipe.lost(None)
    assert isinstance(line.connection.outcome(), ConnectionClosedError)
    assert line.connection.outcome().code == 1006


def test_a_lost_pipe(line):
    error = ConnectionResetError()
    line.pipe.lost(error)
    assert line.connection.happened == [("finished", error)]
    assert line.connection.state == CLOSED
    assert line.connection.outcome().code == 1006
    line.connection.send_message("late")
    line.connection.send_frame(FIN | PING, b"")
    line.connection.start_close(1000, "")
    line.connection.fail(1002, "")
    assert line.pipe.written == b""


def test_a_pipe_lost_after_the_handshake_ended_well(line):
    line.close(1001, b"bye")
    line.pipe.lost(ConnectionResetError())
    assert (line.connection.outcome().code, line.connection.outcome().reason) == (1001, "bye")


def test_a_pipe_lost_before_the_echo_came(line):
    line.connection.start_close(1000, "")
    line.pipe.ended()
    line.pipe.lost(None)
    assert line.connection.outcome().code == 1006


# Compression


def compressed(role, *, takeover=False, **wish):
    return Line(
        role, compressor=Compressor(15, Deflate(**wish), takeover=takeover), inflation=Inflation(15, takeover=takeover)
    )


def test_messages_above_the_threshold_are_compressed(role):
    line = compressed(role, threshold=10)
    line.connection.send_message("x" * 9)
    line.connection.send_message("x" * 10)
    line.connection.send_message(b"x" * 10)
    packed = deflate_shared(b"x" * 10)
    assert line.frames == [(FIN | TEXT, b"x" * 9), (FIN | RSV1 | TEXT, packed), (FIN | RSV1 | BINARY, packed)]


def test_control_frames_and_fragments_are_not_compressed(role):
    line = compressed(role, threshold=0)
    line.connection.send_fragment(TEXT, b"x", True)
    line.send((FIN | PING, b"x" * 100))
    line.connection.start_close(1000, "x" * 50)
    assert [first for first, _ in line.frames] == [FIN | TEXT, FIN | PONG, FIN | CLOSE]


@pytest.mark.parametrize("takeover", [True, False])
def test_two_ends_understand_each_other(takeover):
    server, client = compressed(SERVER, takeover=takeover), compressed(CLIENT, takeover=takeover)
    for message in ("Hello" * 100, b"Hello" * 100, "", "Hello" * 100):
        for one, other in ((server, client), (client, server)):
            one.connection.send_message(message)
            other.pipe.feed(one.pipe.written)
            one.pipe.written = b""
            assert other.connection.happened.pop() == message
