"""HTTP/2 without I/O."""

import pytest
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from everywire.http import h2
from everywire.http.head import BadRequest, HeadLimits
from everywire.http.request import Headers, Request, Response

LIMITS = HeadLimits(head=1024, fields=4)
GET = {b":method": b"GET", b":scheme": b"https", b":path": b"/a?b", b":authority": b"here:1"}
SOCKET = GET | {b":method": b"CONNECT", b":protocol": b"websocket"}


def fields(named, *more):
    return [*named.items(), *more]


def test_a_request():
    request = h2.read_request(fields(GET, (b"accept", b"*/*"), (b"x", b"\xe9\t1"), (b"host", b"here:1")), LIMITS)
    assert (request.method, request.target, request.version) == ("GET", "/a?b", "2")
    assert list(request.headers) == [("host", "here:1"), ("accept", "*/*"), ("x", "é\t1")]


@pytest.mark.parametrize(
    ("said", "whole", "status"),
    [
        ([], True, None),
        (["0"], True, None),
        (["1024"], False, None),
        (["3"], True, 400),
        (["3", "3"], False, 400),
        (["+3"], False, 400),
        (["1025"], False, 413),
    ],
)
def test_the_length_of_a_body(said, whole, status):
    request = h2.read_request(fields(GET, *[(b"content-length", each.encode()) for each in said]), LIMITS)
    limits = HeadLimits(body=1024)
    if status is None:
        h2.check_length(request, limits, whole=whole)
        return
    with pytest.raises(BadRequest) as caught:
        h2.check_length(request, limits, whole=whole)
    assert caught.value.status == status


def test_options_may_ask_about_the_server_as_a_whole():
    assert h2.read_request(fields(GET | {b":method": b"OPTIONS", b":path": b"*"}), LIMITS).target == "*"


def test_a_request_without_authority_has_a_host():
    named = {name: value for name, value in GET.items() if name != b":authority"}
    assert h2.read_request(fields(named, (b"host", b"there")), LIMITS).headers["host"] == "there"


@pytest.mark.parametrize("protocol", [b"websocket", b"WebSocket"])
def test_an_extended_connect_reads_as_it_would_over_http1(protocol):
    request = h2.read_request(fields(SOCKET | {b":protocol": protocol}, (b"origin", b"o")), LIMITS)
    assert (request.method, request.target) == ("GET", "/a?b")
    assert list(request.headers) == [
        ("host", "here:1"),
        ("origin", "o"),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
    ]


@pytest.mark.parametrize(
    ("status", "found"),
    [
        (501, [(b":method", b"CONNECT"), (b":authority", b"elsewhere:443")]),
        (501, fields(SOCKET | {b":protocol": b"connect-udp"})),
        (400, fields(GET | {b":path": b"/a b"})),
        (400, fields(GET | {b":path": b"/\x7f"})),
        (400, fields(GET | {b":path": b"*"})),
        (400, fields(GET | {b":path": b"/a#b"})),
        (400, fields(GET | {b":path": b"http://here:1/a"})),
        (400, fields(SOCKET | {b":path": b"a"})),
        (400, fields(GET | {b":authority": b"u@here:1"})),
        (400, [*list(GET.items())[:3], (b"host", b"a b")]),
        (400, fields(GET, (b"x", b"a\x01b"))),
        (400, fields(GET, (b"x", b"a\x7fb"))),
        (431, fields(GET, *[(b"x", b"y")] * 5)),
        (431, fields(GET, (b"x", b"y" * 1000))),
    ],
)
def test_refused_requests(status, found):
    with pytest.raises(BadRequest) as caught:
        h2.read_request(found, LIMITS)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (Response(200, b"abc", [("X-Y", "z")]), [(b":status", b"200"), (b"x-y", b"z"), (b"content-length", b"3")]),
        (Response(200, b"abc", [("Content-Length", "3")]), [(b":status", b"200"), (b"content-length", b"3")]),
        (Response(204), [(b":status", b"204")]),
        (Response(304, b"", [("ETag", '"a"')]), [(b":status", b"304"), (b"etag", b'"a"')]),
        (
            Response(426, b"", [("Upgrade", "websocket"), ("Connection", "Upgrade")]),
            [(b":status", b"426"), (b"content-length", b"0")],
        ),
    ],
)
def test_responses(response, expected):
    assert h2.response_fields(response) == expected


def test_a_tunnel_has_no_length():
    assert h2.response_fields(Response(200), unsized=True) == [(b":status", b"200")]


@pytest.mark.parametrize("field", [("a", "b\r\nc: d"), ("a b", "c"), ("a", "b\0"), (":status", "200"), ("", "a")])
def test_fields_that_cannot_be_sent(field):
    with pytest.raises(ValueError, match="cannot be sent"):
        h2.response_fields(Response(200, headers=[field]))


def test_the_client_s_handshake():
    upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "k")]
    headers = Headers([("Host", "here"), *upgrade, ("Sec-WebSocket-Version", "13")])
    assert h2.connect_fields(Request("GET", "/x", headers)) == [
        (b":method", b"CONNECT"),
        (b":protocol", b"websocket"),
        (b":scheme", b"https"),
        (b":path", b"/x"),
        (b":authority", b"here"),
        (b"sec-websocket-version", b"13"),
    ]


def test_a_client_s_response():
    response = h2.read_response([(b":status", b"404"), (b"a", b"\xe9")])
    assert (response.status, list(response.headers)) == (404, [("a", "é")])


def both():
    """A server of ours and a client of the library's, introduced."""
    server, client = h2.connection(HeadLimits()), H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    return server, client, client.receive_data(server.data_to_send())


def test_extended_connect_is_announced_from_the_start():
    _, client, heard = both()
    settings = next(event for event in heard if isinstance(event, events.RemoteSettingsChanged))
    assert settings.changed_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL].new_value == 1
    assert client.outbound_flow_control_window == h2.CONNECTION_WINDOW


@pytest.mark.parametrize("goodbye", ["ours", "theirs"])
def test_streams_outlive_a_goaway(goodbye):
    server, client, _ = both()
    client.send_headers(1, fields(GET), end_stream=True)
    server.receive_data(client.data_to_send())
    if goodbye == "ours":
        server.close_connection()
    else:
        server.ping(b"12345678")
        client.close_connection()
        server.receive_data(client.data_to_send())
        assert b"12345678" in server.data_to_send()
    server.send_headers(1, [(":status", "200")])
    server.send_data(1, b"abc", end_stream=True)
    assert b"abc" in server.data_to_send()


# The meter

PING, SETTINGS, RESET, DATA, HEADERS, CONTINUATION, WINDOW_UPDATE = 6, 4, 3, 0, 1, 9, 8


def frame(kind, payload=b"", flags=0):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + b"\0\0\0\1" + payload


def metered(data, times=(0.0,), preface=0):
    meter = h2.Meter(preface=preface)
    for now in times:
        meter.feed(data, now)


@pytest.mark.parametrize(
    "data",
    [
        frame(RESET, b"1234") * 100,
        frame(PING, b"12345678") * 1000,
        frame(DATA, b"x") * 5000,
        frame(DATA, flags=1) * 5000,
        frame(WINDOW_UPDATE, b"1234") * 5000,
        frame(HEADERS, flags=4) * 5000,
        frame(DATA, bytes(1 << 14)),
        (frame(HEADERS, bytes(4096)) + frame(CONTINUATION, bytes(4096)) * 15) * 3,
    ],
)
def test_what_the_meter_lets_pass(data):
    metered(data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(RESET, b"1234") * 101, ErrorCodes.ENHANCE_YOUR_CALM),
        (frame(SETTINGS) * 101, ErrorCodes.ENHANCE_YOUR_CALM),
        (frame(PING, b"12345678") * 1001, ErrorCodes.ENHANCE_YOUR_CALM),
        (frame(2, b"12345") * 1001, ErrorCodes.ENHANCE_YOUR_CALM),
        (frame(77) * 1001, ErrorCodes.ENHANCE_YOUR_CALM),
        (frame(DATA) * 1001, ErrorCodes.ENHANCE_YOUR_CALM),
        (frame(HEADERS) + frame(CONTINUATION) * 16, ErrorCodes.ENHANCE_YOUR_CALM),
        (frame(HEADERS) + frame(CONTINUATION, bytes(1 << 14)) * 5, ErrorCodes.ENHANCE_YOUR_CALM),
        (b"\x00\x40\x01", ErrorCodes.FRAME_SIZE_ERROR),
    ],
)
def test_floods(data, code):
    with pytest.raises(h2.Flood) as caught:
        metered(data.ljust(9, b"\0"))
    assert caught.value.code == code


def test_each_second_has_a_budget_of_its_own():
    resets = frame(RESET, b"1234") * 100
    metered(resets, times=(5.0, 6.0, 7.0))
    with pytest.raises(h2.Flood):
        metered(resets, times=(5.0, 5.9))


def test_resets_brought_about_otherwise_count():
    meter = h2.Meter()
    for _ in range(100):
        meter.reset()
    with pytest.raises(h2.Flood):
        meter.feed(frame(RESET, b"1234"), 0.0)


@pytest.mark.parametrize("size", [1, 2, 8, 9, 10, 13, 14, 37, 1000])
def test_frames_are_found_however_they_are_cut(size):
    last = frame(RESET, b"1234")
    data = b"P" * 24 + (frame(DATA, b"\xff" * 20) + last) * 101
    meter = h2.Meter(preface=24)
    found = ""
    for start in range(0, len(data), size):
        try:
            meter.feed(data[start : start + size], 0.0)
        except h2.Flood as flood:
            found = flood.reason
    assert "resets" in found
    metered(data[: -len(last)], preface=24)
