"""npm's sockjs-client in Chromium: its own bundle, over each transport that a Chromium has, from our own page and from another's."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page
from tests.dialects.sockjs.client import installed
from tests.dialects.sockjs.serving import TEXT, Served, serving
from tests.variants import everyday

import everywire
from everywire.http.request import Response

pytestmark = [pytest.mark.browser, pytest.mark.anyio]

# Chromium has no XDomainRequest, so that the two transports by that are not there.
OWN = ("websocket", "xhr-streaming", "eventsource", "htmlfile", "xhr-polling", "jsonp-polling")
FRAMED = ("iframe-eventsource", "iframe-htmlfile", "iframe-xhr-polling")
ELSEWHERE = (*(each for each in OWN if each != "htmlfile"), *FRAMED)
LOCAL = re.compile(r"http://localhost:[0-9]+")
PAGE = Response(200, b"<!doctype html><title>page</title>", [("Content-Type", "text/html")])
AWKWARD = ["", '"quoted" \\ and\nbroken\r\n', "\x00\x1f", "\u2028\u200d\ufeff", "žluť 🦄", "</script><!--", "x" * 5000]
CONNECT = """
    ([url, transport]) => new Promise((done) => {
        window.heard = []
        window.ended = new Promise((over) => {
            window.socket = new SockJS(url, null, {transports: [transport]})
            socket.onopen = () => done(socket.transport)
            socket.onmessage = ({data}) => heard.push(data)
            socket.onclose = ({code, reason, wasClean}) => { over([code, reason, wasClean]); done(code) }
        })
    })
"""
HALVES = """
    async () => {
        const before = heard.length
        socket.send("a\\ud83d")
        while (heard.length == before) await new Promise((done) => setTimeout(done, 5))
        return heard.at(-1) == "a\\ud83d"
    }
"""


def files() -> Any:
    """The folder with npm's bundles."""
    return installed() / "node_modules" / "sockjs-client" / "dist"


def application() -> Served:
    """An application with a page, which has the client, too."""
    app = Served()
    app.route("/")(lambda request: PAGE)
    app.static("/client", files())
    return app


OPTIONS = {"client_url": "/client/sockjs.min.js", "response_limit": 4096}


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[tuple[Served, str]]:
    async with serving(application(), sockjs=OPTIONS, host="localhost", origins=[LOCAL, None]) as (app, url):
        yield app, url.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
async def elsewhere() -> AsyncIterator[str]:
    """A page of another origin."""
    served = everywire.serve(lambda ws: ws.wait_closed(), "localhost", process_request=lambda request: PAGE)
    async with served as server:
        yield f"http://localhost:{server.port}"


async def converse(page: Page, app: Served, url: str, transport: str) -> None:
    """Connect, say what is hard to carry, and much; be told, and leave."""
    await page.add_script_tag(path=files() / "sockjs.min.js")
    assert await page.evaluate(CONNECT, [url + TEXT, transport]) == transport
    await page.evaluate("(texts) => texts.forEach((text) => socket.send(text))", AWKWARD)
    await page.wait_for_function(f"heard.length == {len(AWKWARD)}")
    assert await page.evaluate("heard") == AWKWARD
    assert await page.evaluate(HALVES)
    numbers = [str(number) for number in range(100)]
    await page.evaluate("(texts) => { heard.length = 0; texts.forEach((text) => socket.send(text)) }", numbers)
    await page.wait_for_function("heard.length == 100")
    assert await page.evaluate("heard") == numbers
    await app.until(lambda: len(app.callers) == 1)
    await page.evaluate("heard.length = 0, socket.send('join')")
    await page.wait_for_function("heard.length == 1")
    for number in range(50):
        await app.publish("room:1", f"{number} {'y' * 500}")
    await page.wait_for_function("heard.length == 51")
    assert [said.split()[0] for said in await page.evaluate("heard.slice(1)")] == numbers[:50]
    await page.evaluate("socket.send('leave')")
    assert await page.evaluate("ended") == [3000, "Go away!", True]
    await app.until(lambda: not app.callers)


@pytest.mark.parametrize("transport", everyday(OWN + FRAMED, "websocket", "xhr-streaming", "iframe-xhr-polling"))
async def test_from_our_own_page(page: Page, shared: tuple[Served, str], transport: str) -> None:
    await page.goto(shared[1])
    await converse(page, *shared, transport)


@pytest.mark.parametrize("transport", everyday(ELSEWHERE, "xhr-polling", "iframe-eventsource"))
async def test_from_a_page_of_another_origin(
    page: Page, shared: tuple[Served, str], elsewhere: str, transport: str
) -> None:
    await page.goto(elsewhere)
    await converse(page, *shared, transport)


@pytest.mark.parametrize("transport", everyday(ELSEWHERE, "websocket", "xhr-polling"))
async def test_from_a_page_that_is_not_listed(page: Page, elsewhere: str, transport: str) -> None:
    async with serving(application(), sockjs=OPTIONS, host="localhost") as (app, url):
        await page.goto(elsewhere)
        await page.add_script_tag(path=files() / "sockjs.min.js")
        found = await page.evaluate(CONNECT, [url.replace("127.0.0.1", "localhost") + TEXT, transport])
        assert found in (1002, 1006, 2000)
        assert app.callers == []


async def test_without_websockets_it_takes_the_next(page: Page) -> None:
    options = {**OPTIONS, "websocket": False}
    async with serving(application(), sockjs=options, host="localhost") as (_, url):
        await page.goto(url.replace("127.0.0.1", "localhost"))
        await page.add_script_tag(path=files() / "sockjs.min.js")
        opened = "new Promise((done) => { const socket = new SockJS('/text'); socket.onopen = () => done(socket.transport) })"
        assert await page.evaluate(opened) == "xhr-streaming"


@pytest.mark.parametrize("transport", everyday(OWN + FRAMED, "websocket", "htmlfile"))
async def test_a_page_that_is_left(page: Page, shared: tuple[Served, str], transport: str) -> None:
    app, url = shared
    await page.goto(url)
    await page.add_script_tag(path=files() / "sockjs.min.js")
    assert await page.evaluate(CONNECT, [url + TEXT, transport]) == transport
    await app.until(lambda: app.callers)
    await page.goto("about:blank")
    await app.until(lambda: not app.callers)
