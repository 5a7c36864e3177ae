"""`connect` and redirects: where they lead, and what goes along."""

import socket

import pytest
from tests.certificates import client_context, server_context
from tests.client.relays import answering, fields, redirect, staying
from tests.client.servers import echo, hello, uri

from everywire import Response, connect, serve
from everywire.client.address import parse
from everywire.client.ladder import websocket
from everywire.errors import HandshakeError, RedirectError


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(engine, server, status):
    async with answering(redirect(status, uri(server, "/there"))) as (port, asked):
        async with connect(f"ws://localhost:{port}/here", engine=engine) as ws:
            assert ws.request.target == "/there"
            await hello(ws)
        assert len(asked) == 1


@pytest.mark.parametrize("head", ["Transfer-Encoding: chunked", "Content-Length: 9", "Connection: keep-alive"])
async def test_a_redirect_is_followed_from_its_head(engine, server, head):
    async with staying(f"HTTP/1.1 302 Found\r\nLocation: {uri(server)}\r\n{head}\r\n\r\n") as port:
        async with connect(f"ws://localhost:{port}/", engine=engine) as ws:
            await hello(ws)


async def test_a_redirect_within_the_server(engine):
    def elsewhere(request):
        if request.path == "/here":
            return Response(302, headers=[("Location", "there?x")])
        return None if request.query == "x" else Response(404)

    async with serve(echo, "127.0.0.1", engine=engine, process_request=elsewhere) as server:
        async with connect(uri(server, "/here"), engine=engine) as ws:
            await hello(ws)


async def test_too_many_redirects(engine):
    async with answering(redirect(302, "/again")) as (port, asked):
        with pytest.raises(RedirectError, match="3 redirects"):
            await connect(f"ws://localhost:{port}/", engine=engine, max_redirects=3)
        assert len(asked) == 4
        with pytest.raises(RedirectError):
            await connect(f"ws://localhost:{port}/", engine=engine, max_redirects=0)


SECRETS = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Mine": "y"}


async def test_credentials_stay_with_their_host(engine):
    end = "HTTP/1.1 404 Nothing\r\nContent-Length: 0\r\n\r\n"
    async with answering(end) as (there, asked_there):
        async with answering(redirect(302, "/again"), redirect(302, f"ws://localhost:{there}/")) as (here, asked_here):
            with pytest.raises(HandshakeError):
                await connect(f"ws://localhost:{here}/", engine=engine, headers=SECRETS)
    for request in asked_here:
        found = fields(request)
        assert (found["authorization"], found["cookie"], found["x-mine"]) == ("Bearer x", "a=b", "y")
    found = fields(asked_there[0])
    assert "authorization" not in found
    assert "cookie" not in found
    assert found["x-mine"] == "y"


@pytest.mark.parametrize(("here", "there"), [("wss", "ws"), ("ws", "wss")])
def test_credentials_do_not_change_between_tls_and_plain(here, there):
    call = connect(f"{here}://a:99/", headers=SECRETS)
    assert dict(call._fields(parse(f"{here}://a:99/x"))).items() >= SECRETS.items()
    assert dict(call._fields(parse(f"{there}://a:99/x"))).keys() == {"User-Agent", "X-Mine"}


async def test_a_uris_password_stays_with_its_host(engine):
    end = "HTTP/1.1 404 Nothing\r\nContent-Length: 0\r\n\r\n"
    async with answering(end) as (there, asked_there):
        async with answering(redirect(302, "/again"), redirect(302, f"ws://localhost:{there}/")) as (here, asked_here):
            with pytest.raises(HandshakeError):
                await connect(f"ws://ada:secret@localhost:{here}/", engine=engine)
    assert [fields(request)["authorization"] for request in asked_here] == ["Basic YWRhOnNlY3JldA=="] * 2
    assert "authorization" not in fields(asked_there[0])


async def test_from_wss_to_ws_is_refused(engine):
    async with answering("") as (port, asked):
        there = f"ws://localhost:{port}/"
        options = {"process_request": lambda request: Response(302, headers=[("Location", there)])}
        async with serve(echo, "127.0.0.1", engine=engine, ssl=server_context(), **options) as server:
            with pytest.raises(RedirectError, match="wss"):
                await connect(uri(server, scheme="wss"), engine=engine, ssl=client_context())
    assert asked == []


async def test_from_ws_to_wss(engine):
    async with serve(echo, "127.0.0.1", engine=engine, ssl=server_context()) as server:
        async with answering(redirect(301, uri(server, scheme="wss"))) as (port, _):
            async with connect(f"ws://localhost:{port}/", engine=engine, ssl=client_context()) as ws:
                await hello(ws)


async def test_a_redirect_on_a_socket_that_was_given(engine):
    async with answering(redirect(302, "/there")) as (port, _):
        sock = socket.create_connection(("127.0.0.1", port))
        with pytest.raises(RedirectError):
            await connect("ws://localhost/", engine=engine, sock=sock)


async def test_a_client_with_a_token_is_not_led_to_another_server(engine):
    async with answering("HTTP/1.1 404 Nothing\r\nContent-Length: 0\r\n\r\n") as (there, asked):
        async with answering(redirect(302, f"ws://localhost:{there}/")) as (here, _):
            dial = websocket(f"ws://localhost:{here}/", {"engine": engine})
            with pytest.raises(RedirectError):
                await dial(lambda message: None, lambda code, reason: None)
        assert asked == []
