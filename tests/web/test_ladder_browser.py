"""The client in real Chromium tabs: down the ladder behind a hostile proxy, and on with its session after a reload."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page
from tests.examples.serving import served
from tests.web.hostile import HostileProxy
from tests.web.test_client_on_server import application

from everywire.app import Everywire
from everywire.http.request import Request, Response

pytestmark = [pytest.mark.browser, pytest.mark.anyio]

STATIC = Path(__file__).resolve().parents[2] / "src" / "everywire" / "_static"
PAGE = """<!doctype html><title>ladder</title><script type="module">
import { Client } from "/everywire.js";
const memory = localStorage, options = new URLSearchParams(location.search);
const began = performance.now();
window.heard = [];
window.left = [];
const transports = options.get("transports")?.split(",");
window.client = new Client("/everywire", { store: sessionStorage, ...(transports && { transports }) });
window.room = client.subscribe("room:a", {
  rewind: 1,
  onPublication: ({ data }) => { window.first ??= performance.now() - began; heard.push(data); },
  onLeave: ({ session }) => left.push(session),
});
client.on("connected", ({ resumed }) => { window.resumed = resumed; });
await client.connect();
</script>"""


def page_application() -> Everywire:
    app = application([])

    @app.route("/")
    def page(_request: Request) -> Response:
        return Response(200, PAGE.encode(), (("Content-Type", "text/html"),))

    @app.route("/everywire.js")
    def client(_request: Request) -> Response:
        return Response(200, (STATIC / "everywire.js").read_bytes(), (("Content-Type", "text/javascript"),))

    return app


@pytest.fixture
async def proxy() -> AsyncIterator[HostileProxy]:
    async with served(page_application()) as port, HostileProxy(port).open() as opened:
        yield opened


@contextlib.asynccontextmanager
async def tab(browser: Browser, address: str) -> AsyncIterator[Page]:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(address)
    await page.wait_for_function("window.client?.state === 'connected' && client.transport !== null")
    yield page
    await context.close()


async def test_behind_a_hostile_proxy_the_first_message_comes_within_five_seconds(
    browser: Browser, proxy: HostileProxy
) -> None:
    async with tab(browser, f"http://127.0.0.1:{proxy.port}/") as page:
        await page.evaluate("room.publish('hello')")
        await page.wait_for_function("heard.length === 1")
        assert await page.evaluate("[client.transport, heard[0]]") == ["poll", "hello"]
        assert await page.evaluate("first") < 5_000
        proxy.requests.clear()
        await page.reload()
        await page.wait_for_function("window.client?.transport === 'poll' && heard.length === 1")
        assert await page.evaluate("first") < 2_000  # what worked is remembered
        assert not [line for line in proxy.requests if line.endswith("/everywire")]


@pytest.mark.parametrize("transport", ["websocket", "stream", "sse", "poll", "interval"])
async def test_a_reload_goes_on_with_the_session(browser: Browser, transport: str) -> None:
    async with served(page_application()) as port:
        address = f"http://127.0.0.1:{port}/"
        async with tab(browser, address) as other, tab(browser, f"{address}?transports={transport}") as page:
            assert await page.evaluate("client.transport") == transport
            session = await page.evaluate("client.session")
            await other.wait_for_function(f"room.members.has('{session}')")
            await page.reload()
            await page.wait_for_function("window.client?.state === 'connected' && client.transport !== null")
            assert await page.evaluate("[client.session, resumed, client.transport]") == [session, True, transport]
            await page.evaluate("room.publish('back')")
            await other.wait_for_function("heard.length === 1")
            assert await other.evaluate("left") == []
