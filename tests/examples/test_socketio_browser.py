"""The pages of the examples over Socket.IO, in a real browser: the CDN is played by the package from npm."""

import runpy
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.dialects.socketio.client import installed
from tests.examples.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
async def opened(browser):
    script = next(installed().rglob("socket.io-client/dist/socket.io.min.js"))
    headers = {"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*"}

    async def open_page(port, name=""):
        page = await (await browser.new_context()).new_page()
        await page.route("https://cdn.jsdelivr.net/**", lambda route: route.fulfill(path=script, headers=headers))
        page.on("dialog", lambda dialog: dialog.accept(name))
        await page.goto(f"http://127.0.0.1:{port}/")
        return page

    return open_page


async def test_two_people_chat(opened):
    async with served(runpy.run_path(str(EXAMPLES / "socketio_chat" / "app.py"))["app"]) as port:
        ada, bob = await opened(port, "Ada"), await opened(port, "Bob")
        for page in (ada, bob):
            await expect(page.locator("#people")).to_have_text("Ada, Bob")
        await bob.locator("#text").fill("<b>hello</b>")
        await bob.locator("#text").press("Enter")
        await expect(ada.locator("#said")).to_have_text("Bob: <b>hello</b>")
        await bob.context.close()
        await expect(ada.locator("#people")).to_have_text("Ada")


async def test_latency_is_shown(opened):
    async with served(runpy.run_path(str(EXAMPLES / "socketio_latency" / "app.py"))["app"]) as port:
        page = await opened(port)
        await expect(page.locator("#mine")).to_contain_text("ms")
        await expect(page.locator("#transport")).to_have_text("websocket")
        await expect(page.locator("#theirs")).to_contain_text("ms", timeout=10_000)
