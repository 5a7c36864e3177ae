"""A real Chromium loads a page over HTTP/2 and opens its WebSockets as streams of the same connection."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme
from playwright.async_api import Browser, Page

import everywire
from everywire.http.request import Request, Response

pytestmark = [pytest.mark.browser, pytest.mark.anyio]

TALK = """
    (count) => Promise.all([...Array(count).keys()].map((i) => new Promise((done, failed) => {
        const socket = new WebSocket(`wss://${location.host}/socket?${i}`, "echo")
        const heard = []
        socket.onopen = () => { socket.send("text " + i); socket.send("x".repeat(300000)) }
        socket.onmessage = (event) => {
            heard.push(event.data.length)
            if (heard.length == 2) socket.close(4000 + i, "bye")
        }
        socket.onerror = () => failed(new Error("the WebSocket failed"))
        socket.onclose = (event) => done([...heard, event.code, event.wasClean, socket.protocol, socket.extensions.split(";")[0]])
    })))
"""


@pytest.fixture
async def secure_page(browser: Browser) -> AsyncIterator[Page]:
    """A tab that does not mind the certificate."""
    context = await browser.new_context(ignore_https_errors=True)
    yield await context.new_page()
    await context.close()


async def echo(ws: everywire.WebSocket) -> None:
    """Send everything back."""
    async for message in ws:
        await ws.send(message)


async def test_page_and_sockets_share_a_connection(secure_page: Page) -> None:
    requests: list[Request] = []
    places: set[object] = set()

    def page(request: Request) -> Response | None:
        requests.append(request)
        places.add(request.remote)
        if "upgrade" in request.headers:
            return None
        return Response(200, b"<!doctype html><title>h2</title>", [("Content-Type", "text/html")])

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with everywire.serve(
        echo, "127.0.0.1", 0, ssl=context, process_request=page, subprotocols=["echo"]
    ) as server:
        await secure_page.goto(f"https://127.0.0.1:{server.port}/")
        async with asyncio.timeout(20):
            told = await secure_page.evaluate(TALK, 3)
    assert told == [[6, 300_000, 4000 + i, True, "echo", "permessage-deflate"] for i in range(3)]
    assert {request.version for request in requests} == {"2"}
    assert len(places) == 1, "the page's connection carries the WebSockets too"
