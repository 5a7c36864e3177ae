"""Messages in HTTP bodies, and refusals."""

import pytest

from everywire.dialects.base import Reply
from everywire.dialects.signalr.bodies import POLL, STREAM, denied, left, plain, polled, sent


def test_a_poll_holds_messages_as_they_are():
    assert POLL.pack(["a\x1e", "ü\x1e"]) == "a\x1eü\x1e".encode()
    assert POLL.pack([b"\x02\x91\x06", b"\x02\x91\x06"]) == b"\x02\x91\x06\x02\x91\x06"
    assert POLL.pack([]) == b"" == POLL.goodbye(1001, "bye")
    assert POLL.one_shot


def test_an_event_holds_a_message_with_each_of_its_lines():
    assert STREAM.pack(["a\x1e", "b\x1e"]) == b"data: a\x1e\r\n\r\ndata: b\x1e\r\n\r\n"
    assert (
        STREAM.pack(['{"a":\r\n1,\n"b"\r:2}\x1e']) == b'data: {"a":\r\ndata: 1,\r\ndata: "b"\r\ndata: :2}\x1e\r\n\r\n'
    )
    assert STREAM.prelude == b":\r\n\r\n"
    assert STREAM.goodbye(1001, "bye") == b""


@pytest.mark.parametrize(
    ("denial", "status", "reply"),
    [
        (denied, 404, plain(404, "No Connection with that ID")),
        (denied, 410, plain(404, "No Connection with that ID")),
        (denied, 400, plain(400, "Cannot change transports mid-connection")),
        (denied, 409, plain(409, "why")),
        (denied, 401, plain(401, "why")),
        (denied, 403, plain(403, "why")),
        (denied, 429, plain(429, "why")),
        (denied, 503, plain(503, "why")),
        (polled, 410, Reply(204)),
        (polled, 404, plain(404, "No Connection with that ID")),
        (sent, 410, plain(404, "No Connection with that ID")),
        (sent, 405, plain(405, "POST requests are not allowed for WebSocket connections.")),
        (left, 404, plain(404, "No Connection with that ID")),
        (left, 400, plain(400, "Cannot terminate this connection using the DELETE endpoint.")),
        (left, 405, plain(400, "Cannot terminate this connection using the DELETE endpoint.")),
    ],
)
def test_refusals(denial, status, reply):
    assert denial(status, 107, "why") == reply
