"""The opening handshake over HTTP/2."""

import pytest

from everywire.errors import AbortHandshake, HandshakeError
from everywire.http.request import Headers, Request, Response
from everywire.ws import bootstrap
from everywire.ws.deflate import Deflate
from everywire.ws.handshake import Upgrade

CONNECT = [("host", "here"), ("sec-websocket-version", "13"), ("upgrade", "websocket"), ("connection", "Upgrade")]


def asked(fields):
    return Request("GET", "/", Headers(fields), version="2")


def test_a_handshake():
    bootstrap.check_request(asked(CONNECT))


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        (CONNECT[:2], ()),
        ([("sec-websocket-version", "8"), *CONNECT[2:]], (("Sec-WebSocket-Version", "13"),)),
        (CONNECT[2:], (("Sec-WebSocket-Version", "13"),)),
        ([*CONNECT, ("sec-websocket-version", "13")], (("Sec-WebSocket-Version", "13"),)),
    ],
)
def test_refused_handshakes(fields, more):
    with pytest.raises(AbortHandshake) as caught:
        bootstrap.check_request(asked(fields))
    assert (caught.value.status, caught.value.headers) == (400, more)


def test_the_answer():
    deflate = Deflate().accept([])
    response = bootstrap.answer(Upgrade("chat", deflate), [("Server", "x")])
    assert response.status == 200
    assert [name for name, _ in response.headers] == ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Server"]


def test_the_client_takes_what_it_offered():
    response = Response(200, headers=[("sec-websocket-protocol", "b")])
    assert bootstrap.check_response(response, protocols=["a", "b"]) == Upgrade("b", None)


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (Response(403), 403),
        (Response(101), 101),
        (Response(200, headers=[("sec-websocket-protocol", "c")]), 101),
        (Response(200, headers=[("sec-websocket-extensions", "permessage-deflate")]), 101),
    ],
)
def test_the_client_refuses(response, status):
    with pytest.raises(HandshakeError) as caught:
        bootstrap.check_response(response, protocols=["a", "b"])
    assert caught.value.status == status
