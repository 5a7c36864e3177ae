"""Engine.IO: from requests to intents, by tables."""

import json

import pytest

from everywire import messages as m
from everywire.dialects.base import Deliver, Hear, Move, Open, OpenLine, Preflight, Reply
from everywire.dialects.socketio import SocketIODialect
from everywire.dialects.socketio.engine import POLL, EngineCodec, denied, split
from everywire.errors import ProtocolError
from everywire.http.request import Headers, Request

WEBSOCKET = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
LINE = "node.random"
FAULTS = {
    0: "Transport unknown",
    1: "Session ID unknown",
    2: "Bad handshake method",
    3: "Bad request",
    4: "Forbidden",
    5: "Unsupported protocol version",
}


def accept(query, method="GET", headers=(), body=b"", dialect=None):
    request = Request(method, f"/socket.io/?{query}", Headers(headers), body=body)
    return (dialect or SocketIODialect()).accept(request, lambda: "minted")


def fault(reply):
    assert isinstance(reply, Reply)
    said = json.loads(reply.body)
    assert dict(reply.headers)["Content-Type"] == "application/json"
    assert FAULTS[said["code"]] == said["message"]
    return reply.status, said["code"]


def test_a_websocket_is_opened():
    intent = accept("EIO=4&transport=websocket&t=abc", headers=WEBSOCKET)
    assert isinstance(intent, Open)
    assert [payload.data for payload in intent.greeting] == [
        '0{"sid":"minted","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
    ]
    assert intent.subprotocol is None
    assert intent.part is not None


def test_the_first_offered_subprotocol_is_echoed():
    headers = [*WEBSOCKET, ("Sec-WebSocket-Protocol", " Mine, other")]
    assert accept("EIO=4&transport=websocket", headers=headers).subprotocol == "Mine"


def test_a_line_is_opened():
    intent = accept("EIO=4&transport=polling")
    assert isinstance(intent, OpenLine)
    assert intent.payload is None
    reply = intent.answer(LINE)
    assert (reply.status, dict(reply.headers)["Content-Type"]) == (200, "text/plain; charset=UTF-8")
    assert json.loads(reply.body[1:])["sid"] == LINE
    assert json.loads(reply.body[1:])["upgrades"] == ["websocket"]
    assert reply.body[:1] == b"0"


@pytest.mark.parametrize(("seconds", "said"), [(0.3, 300), (25, 25000), (0.0005, 0.5), (1.2345, 1234.5)])
def test_intervals_keep_what_is_below_a_second(seconds, said):
    dialect = SocketIODialect(heartbeat=m.Heartbeat(seconds, seconds), max_payload=5)
    (greeting,) = accept("EIO=4&transport=websocket", headers=WEBSOCKET, dialect=dialect).greeting
    told = json.loads(greeting.data[1:])
    assert (told["pingInterval"], told["pingTimeout"], told["maxPayload"]) == (said, said, 5)


@pytest.mark.parametrize(
    ("query", "method", "headers", "expected"),
    [
        ("EIO=4", "GET", (), (400, 0)),
        ("EIO=4&transport=abc", "GET", (), (400, 0)),
        ("transport=polling", "GET", (), (400, 5)),
        ("EIO=3&transport=polling", "GET", (), (400, 5)),
        ("EIO=abc&transport=websocket", "GET", WEBSOCKET, (400, 5)),
        ("EIO=4&transport=polling", "POST", (), (400, 2)),
        ("EIO=4&transport=polling", "PUT", (), (400, 2)),
        ("EIO=4&transport=websocket", "GET", (), (400, 3)),
        ("EIO=4&transport=polling", "GET", WEBSOCKET, (400, 3)),
        ("EIO=4&transport=polling&sid=nobody", "GET", (), (400, 1)),
        ("EIO=4&transport=websocket&sid=", "GET", WEBSOCKET, (400, 1)),
        (f"EIO=4&transport=polling&sid={LINE}", "PUT", (), (400, 3)),
        ("EIO=4&transport=websocket", "POST", (), (400, 2)),
    ],
)
def test_faults(query, method, headers, expected):
    assert fault(accept(query, method, headers)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, (400, 1)), (410, (400, 1)), (403, (403, 4)), (409, (400, 3)), (429, (429, 3)), (503, (503, 3))],
)
def test_denials(status, expected):
    assert fault(denied(status, 103, "why")) == expected


def test_a_preflight_is_for_the_gateway():
    intent = accept(f"EIO=4&transport=polling&sid={LINE}", "OPTIONS")
    assert isinstance(intent, Preflight)
    assert intent.any_header


def test_a_poll():
    intent = accept(f"EIO=4&transport=polling&sid={LINE}")
    assert isinstance(intent, Hear)
    assert (intent.line, intent.form, intent.after, intent.wait, intent.denial) == (LINE, POLL, None, 45, denied)


def test_packets_of_a_body():
    intent = accept(f"EIO=4&transport=polling&sid={LINE}", "POST", body='42["ä"]\x1ebAQID\x1e3'.encode())
    assert isinstance(intent, Deliver)
    assert (intent.line, intent.number, intent.payloads) == (LINE, None, ('42["ä"]', b"\x01\x02\x03", "3"))
    assert (intent.answer.status, intent.answer.body) == (200, b"ok")
    assert dict(intent.answer.headers)["Content-Type"] == "text/html"


def test_a_body_of_the_third_version_is_refused_and_ends_the_line():
    headers = [("Content-Type", "application/octet-stream")]
    intent = accept(f"EIO=4&transport=polling&sid={LINE}", "POST", headers, body=b"4")
    assert isinstance(intent, Deliver)
    assert intent.payloads == ("",)  # no packet
    assert fault(intent.answer) == (400, 3)


def test_a_body_that_is_too_large():
    dialect = SocketIODialect(max_payload=3)
    query = f"EIO=4&transport=polling&sid={LINE}"
    assert isinstance(accept(query, "POST", body=b"4ab", dialect=dialect), Deliver)
    assert accept(query, "POST", body=b"4abc", dialect=dialect) == Reply(413)


def test_a_line_moves_to_a_websocket():
    intent = accept(f"EIO=4&transport=websocket&sid={LINE}", headers=WEBSOCKET)
    assert isinstance(intent, Move)
    assert (intent.line, intent.probe, intent.commit) == (LINE, "2probe", "5")
    assert (intent.answer.data, intent.nudge.data, intent.denial) == ("3probe", "6", denied)


@pytest.mark.parametrize("more", ["", f"&sid={LINE}"], ids=["open", "move"])
@pytest.mark.parametrize(
    ("fields", "abrupt"),
    [
        ([("User-Agent", "okhttp/3.12.12")], True),
        ([("User-Agent", "okhttp/4.12.0"), ("Origin", "https://here")], False),
        ([("User-Agent", "Mozilla/5.0")], False),
        ([], False),
    ],
)
def test_who_hears_no_close_frame_is_closed_without_one(more, fields, abrupt):
    intent = accept(f"EIO=4&transport=websocket{more}", headers=[*WEBSOCKET, *fields])
    assert isinstance(intent, Open | Move)
    assert intent.abrupt is abrupt


@pytest.mark.parametrize(
    ("body", "packets"),
    [
        (b"", ("",)),
        (b"3", ("3",)),
        (b"b", (b"",)),
        (b"b!!", ("b!!",)),
        (b"bAQ", ("bAQ",)),
        (b"bAQID\nBAUG\n\x1eb\x1ebBw==\n", (b"\x01\x02\x03\x04\x05\x06", b"", b"\x07")),
        (b"4\xff", ("",)),
        (b"3\x1e", ("3", "")),
    ],
)
def test_bodies(body, packets):
    assert split(body) == packets


@pytest.mark.parametrize("packet", ["", "b!!", "bAQ"])
def test_what_is_broken_in_a_body_is_refused_by_the_decoder(packet):
    with pytest.raises(ProtocolError):
        list(SocketIODialect().decoder().decode(packet))


@pytest.mark.parametrize(
    ("payloads", "body"),
    [
        ((), b"6"),
        (("2",), b"2"),
        (("40", '42["ä"]', b"\x01\x02\x03"), '40\x1e42["ä"]\x1ebAQID'.encode()),
    ],
)
def test_what_a_poll_is_answered_by(payloads, body):
    assert POLL.pack(payloads) == body


def test_the_form_of_a_poll():
    assert POLL.one_shot
    assert POLL.content_type == "text/plain; charset=UTF-8"
    assert POLL.goodbye(1012, "restart") == b"1"
    assert POLL.goodbye(1000, "") == b"6"  # it has said so itself


def test_only_the_heartbeat_concerns_the_transport():
    assert [payload.data for payload in EngineCodec().encode(m.Beat())] == ["2"]
    assert EngineCodec().encode(m.Ponged(1)) == ()
