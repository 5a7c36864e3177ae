"""Whose pages may open what: a page of another site has a visitor's browser ask in vain, by any transport."""

import asyncio
import inspect

import pytest

from everywire.app import Everywire
from everywire.dialects.base import Open
from everywire.dialects.native import SUBPROTOCOL
from everywire.gateway.settings import HttpSettings
from everywire.http.request import Headers, Request
from everywire.testing import Net

HOST = "example.com"
# what a browser says of the page, and whether that page may ask with cookies, and without any
PAGES = {
    "same": ([("Origin", "https://example.com")], True, True),
    "same, by http": ([("Origin", "http://example.com")], True, True),
    "evil": ([("Origin", "https://evil.com")], False, False),
    "sub.evil": ([("Origin", "https://example.com.evil.com")], False, False),
    "a subdomain": ([("Origin", "https://shop.example.com")], False, False),
    "null": ([("Origin", "null")], False, False),
    "port-diff": ([("Origin", "https://example.com:8443")], False, False),
    "two": ([("Origin", "https://example.com"), ("Origin", "https://evil.com")], False, False),
    "empty": ([("Origin", "")], False, False),
    "none": ([], False, True),
    "none, same-origin": ([("Sec-Fetch-Site", "same-origin")], True, True),
    "none, same-site": ([("Sec-Fetch-Site", "same-site")], False, False),
    "none, cross-site": ([("Sec-Fetch-Site", "cross-site")], False, False),
}
UPGRADE = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Protocol", SUBPROTOCOL)]
ASKED = {
    "websocket": ("GET", "", UPGRADE, b""),
    "line": ("POST", "/lines", [("Content-Type", "application/json")], b""),
    "events": ("GET", "/sse?channel=room:1", [], b""),
    "publish": ("POST", "/publish", [("Content-Type", "application/json")], b'{"channel": "room:1", "data": 1}'),
    "a form": ("POST", "/publish", [("Content-Type", "text/plain")], b'{"channel": "room:1", "data": 1}'),
    "history": ("GET", "/history?channel=room:1", [], b""),
}


def make():
    app = Everywire()
    app.channel("room:{name}", history=5)
    return app


@pytest.mark.parametrize("cookies", [True, False], ids=["cookies", "no cookies"])
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("asked", ASKED)
def test_who_may_ask(asked, page, cookies):
    method, path, more, body = ASKED[asked]
    headers, with_cookies, without = PAGES[page]
    fields = [("Host", HOST), *headers, *more, *([("Cookie", "session=1")] if cookies else [])]
    with Net(make()) as net:
        request = Request(method, net.app.path + path, Headers(fields), body=body)
        answer = net.gateway.accept(request)
        if inspect.isawaitable(answer):
            answer = net.loop.run_until_complete(answer)
        allowed = isinstance(answer, Open) or answer.status in (200, 201)
        if not allowed:
            assert answer.status == 403
            assert "access-control-allow-origin" not in answer.headers
            assert net.app.hub.attachments == {}
        assert allowed is (with_cookies if cookies else without)
        assert net.app.metrics.publications == int(allowed and asked in ("publish", "a form"))


@pytest.mark.parametrize("cookies", [True, False], ids=["cookies", "no cookies"])
@pytest.mark.parametrize("page", PAGES)
async def test_the_server_obeys(page, cookies):
    headers, with_cookies, without = PAGES[page]
    async with make().serving(port=0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        key = [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
        fields = [("Host", HOST), *UPGRADE, *key, *headers, *([("Cookie", "session=1")] if cookies else [])]
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        writer.write(f"GET /everywire HTTP/1.1\r\n{lines}\r\n".encode())
        status = (await reader.readline()).split()[1]
        writer.close()
        await writer.wait_closed()
    assert status == (b"101" if (with_cookies if cookies else without) else b"403")


@pytest.mark.parametrize(("origin", "allowed"), [("https://shop.example", True), ("https://evil.com", False)])
def test_pages_that_are_listed_may_ask(origin, allowed):
    app = Everywire(http=HttpSettings(origins=["https://shop.example", None]))
    with Net(app) as net:
        fields = [("Host", HOST), *UPGRADE, ("Origin", origin), ("Cookie", "session=1")]
        answer = net.gateway.accept(Request("GET", net.app.path, Headers(fields)))
        assert isinstance(answer, Open) is allowed
