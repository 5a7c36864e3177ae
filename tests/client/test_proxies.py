"""Through proxies: which one, and that messages pass."""

import sys

import pytest
from tests.certificates import client_context, server_context
from tests.client.relays import http_proxy, listening, socks5_proxy

from everywire import connect, serve
from everywire.client import proxies
from everywire.client.address import parse
from everywire.client.backoff import Backoff
from everywire.errors import InvalidURI, ProxyError

NAMES = ("http_proxy", "https_proxy", "socks_proxy", "all_proxy", "no_proxy", "ws_proxy", "wss_proxy")


@pytest.fixture
def environ(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("proxy", "uri", "variables", "expected"),
    [
        (None, "ws://a", {"http_proxy": "http://p"}, None),
        (False, "ws://a", {"http_proxy": "http://p"}, None),
        ("socks5://q", "ws://a", {"http_proxy": "http://p"}, "socks5://q"),
        (True, "ws://a", {}, None),
        (True, "ws://a", {"http_proxy": "http://p"}, "http://p"),
        (True, "ws://a", {"http_proxy": "http://p", "https_proxy": "http://q"}, "http://q"),
        (True, "wss://a", {"http_proxy": "http://p"}, None),
        (True, "wss://a", {"https_proxy": "http://q"}, "http://q"),
        (True, "wss://a", {"https_proxy": "http://q", "socks_proxy": "socks5://s"}, "socks5://s"),
        (True, "wss://a", {"HTTPS_PROXY": "http://q"}, "http://q"),
        (True, "ws://a", {"ws_proxy": "http://w", "http_proxy": "http://p"}, "http://w"),
        (True, "ws://a", {"http_proxy": "http://p", "no_proxy": "a,b"}, None),
        (True, "ws://x.b:99", {"http_proxy": "http://p", "no_proxy": ".b"}, None),
        (True, "ws://c", {"http_proxy": "http://p", "no_proxy": "a,b"}, "http://p"),
        (True, "ws://c", {"http_proxy": "http://p", "no_proxy": "*"}, None),
    ],
)
def test_which_proxy(environ, proxy, uri, variables, expected):
    for name, value in variables.items():
        environ.setenv(name, value)
    assert proxies.choose(proxy, parse(uri)) == expected


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def check(uri, **options):
    async with connect(uri, **options) as ws:
        await ws.send("x" * 100_000)
        assert await ws.recv() == "x" * 100_000


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_an_http_proxy(engine, scheme):
    tls = {"ssl": server_context()} if scheme == "wss" else {}
    async with serve(echo, "127.0.0.1", engine=engine, **tls) as server, http_proxy() as (port, asked):
        mine = {"ssl": client_context()} if scheme == "wss" else {}
        await check(f"{scheme}://localhost:{server.port}/", proxy=f"http://127.0.0.1:{port}", engine=engine, **mine)
        assert [request.split("\r\n")[0] for request in asked] == [f"CONNECT localhost:{server.port} HTTP/1.1"]
        assert "Sec-WebSocket" not in asked[0]


async def test_a_proxy_wants_a_password(engine):
    async with serve(echo, "127.0.0.1", engine=engine) as server, http_proxy() as (port, asked):
        await check(f"ws://localhost:{server.port}/", proxy=f"http://ada:secret@127.0.0.1:{port}", engine=engine)
        assert "Proxy-Authorization: Basic YWRhOnNlY3JldA==" in asked[0]


@pytest.mark.parametrize(("scheme", "kind"), [("socks5", 1), ("socks5h", 3), ("socks", 1)])
async def test_a_socks_proxy(engine, scheme, kind):
    async with serve(echo, "127.0.0.1", engine=engine) as server, socks5_proxy() as (port, asked):
        await check(f"ws://localhost:{server.port}/", proxy=f"{scheme}://127.0.0.1:{port}", engine=engine)
        ((found, host, wanted),) = asked
        assert wanted == server.port
        assert found == 3 if kind == 3 else found in (1, 4)
        assert host == "localhost" if kind == 3 else host in ("127.0.0.1", "::1")


async def test_the_environments_proxy(engine, environ):
    async with serve(echo, "127.0.0.1", engine=engine) as server, http_proxy() as (port, asked):
        environ.setenv("http_proxy", f"http://127.0.0.1:{port}")
        await check(f"ws://localhost:{server.port}/", engine=engine)
        assert len(asked) == 1
        await check(f"ws://localhost:{server.port}/", engine=engine, proxy=None)
        assert len(asked) == 1


async def test_a_proxy_that_refuses(engine):
    for proxy, scheme in ((http_proxy("403 Forbidden"), "http"), (socks5_proxy(reply=2), "socks5h")):
        async with proxy as (port, _):
            with pytest.raises(ProxyError, match=f"{scheme}://127.0.0.1:{port}") as caught:
                await connect("ws://localhost:1/", proxy=f"{scheme}://ada:secret@127.0.0.1:{port}", engine=engine)
            assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_proxy_that_speaks_nonsense_or_nothing(engine, scheme):
    async def speak(reader, writer):
        writer.write(b"\x99nonsense\r\n\r\n")

    async def vanish(reader, writer):
        pass

    for serve_ in (speak, vanish):
        async with listening(serve_) as port:
            with pytest.raises(ProxyError):
                await connect("ws://localhost:1/", proxy=f"{scheme}://127.0.0.1:{port}", engine=engine)


async def test_a_proxy_that_is_not_there(engine):
    async with listening(print) as port:
        pass
    with pytest.raises(ProxyError):
        await connect("ws://localhost:1/", proxy=f"http://127.0.0.1:{port}", engine=engine)


@pytest.mark.parametrize("proxy", ["gopher://ada:secret@a:1", "nonsense", "ada:secret@a:1", "http://a:b"])
async def test_a_proxy_of_another_kind(engine, proxy):
    with pytest.raises(InvalidURI) as caught:
        async for _ in connect("ws://localhost:1/", proxy=proxy, engine=engine, backoff=Backoff(lambda: 0.0)):
            pass
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("answers", "status"), [("407 Who are you?", 407), ("403 Forbidden", 403)])
async def test_a_proxys_refusal_is_not_asked_for_again(engine, answers, status):
    async with http_proxy(answers) as (port, asked):
        with pytest.raises(ProxyError) as caught:
            async for _ in connect("ws://localhost:1/", proxy=f"http://127.0.0.1:{port}", engine=engine):
                pass
    assert caught.value.status == status
    assert len(asked) == 1


async def test_a_proxy_needs_its_library(engine, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(ImportError, match=r"http://127\.0\.0\.1:1, the extra `proxy` is missing"):
        async for _ in connect("ws://localhost:1/", proxy="http://ada:secret@127.0.0.1:1", engine=engine):
            pass
