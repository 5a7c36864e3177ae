"""Clients that ask at a wrong path."""

import pytest

from everywire.app import Everywire
from everywire.client.hub import Client
from everywire.errors import HandshakeError
from everywire.http.request import Headers, Request
from everywire.testing import Net

UPGRADE = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
WHERE = b"no everywire here: its clients connect at /everywire, SignalR at /chat\n"


@pytest.mark.parametrize(
    ("method", "path", "fields", "body"),
    [
        ("GET", "/ws", UPGRADE, WHERE),
        ("POST", "/ws/lines", [], WHERE),
        ("GET", "/ws", [], b"not found\n"),
        ("GET", "/files/ws", UPGRADE, WHERE),
    ],
)
def test_who_looks_like_a_client_hears_where_it_is(method, path, fields, body, tmp_path):
    app = Everywire()
    app.signalr("/chat")
    app.static("/files", tmp_path)
    with Net(app) as net:
        answer = net.app.answer(Request(method, path, Headers([("Host", "h"), *fields])))
        assert (answer.status, answer.body) == (404, body)


async def test_the_client_s_error_names_both_addresses():
    async with Everywire().serving() as server:
        uri = f"ws://127.0.0.1:{server.port}/ws"
        with pytest.raises(
            HandshakeError, match=f"404 Not Found at {uri}: no everywire here: .* connect at /everywire"
        ):
            await Client(uri, transports=["websocket"]).connect()
