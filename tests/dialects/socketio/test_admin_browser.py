"""npm's Admin UI itself, unmodified, in Chromium: it lists clients, shows what they do, and does what its buttons say."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.conftest import need
from tests.dialects.socketio.serving import WAYS, Served, serving

import testbed

pytestmark = [pytest.mark.browser, pytest.mark.anyio]
KEY = "the key of a test"
PATIENCE = 30_000  # milliseconds
CLIENT = "(path) => { window.client = io(path, {forceNew: true, transports: ['websocket']}); window.heard = []; client.onAny((...said) => heard.push(said)) }"


def packages() -> Path:
    """The folder with npm's packages."""
    return need(lambda: testbed.npm("@socket.io/admin-ui@0.5.1", "socket.io-client@4.8.4")) / "node_modules"


def application() -> Served:
    app, found = Served(), packages()
    app.static("/ui", found / "@socket.io" / "admin-ui" / "ui" / "dist")
    app.static("/socket.io", found / "socket.io-client" / "dist")
    return app


@contextlib.asynccontextmanager
async def served(app: Served | None = None, **options: object) -> AsyncIterator[tuple[Served, str]]:
    app = app or application()
    app.instrument(KEY, server_id="kettle", **options)  # type: ignore[arg-type]
    async with serving(app, host="localhost") as (_, url):
        yield app, url.replace("127.0.0.1", "localhost")


async def log_in(page: Page, url: str, key: str = KEY) -> None:
    """Fill in the form with which the UI begins."""
    await page.get_by_label("Server URL").fill(url)
    await page.get_by_label("Username").fill("admin")
    await page.get_by_label("Password").fill(key)
    await page.get_by_role("button", name="Connect").click()


async def come(page: Page, url: str, namespace: str = "/") -> str:
    """Connect a client, on a page of its own; gives its id."""
    await page.goto(f"{url}/socket.io/socket.io.min.js")
    await page.add_script_tag(url="/socket.io/socket.io.min.js")
    await page.evaluate(CLIENT, namespace)
    await page.wait_for_function("client.connected")
    found: str = await page.evaluate("client.id")
    return found


async def test_it_lists_clients_and_what_they_do(page: Page) -> None:
    async with served() as (app, url):
        other = await page.context.new_page()
        sid = await come(other, url)
        await page.goto(f"{url}/ui/")
        await log_in(page, url)
        await expect(page.get_by_text("connected", exact=True).first).to_be_visible(timeout=PATIENCE)
        await expect(page.get_by_text("Healthy", exact=True).first).to_be_visible(timeout=PATIENCE)
        await page.get_by_role("link", name="Sockets").first.click()
        row = page.get_by_role("row", name=sid)
        await expect(row).to_contain_text("127.0.0.1", timeout=PATIENCE)
        await expect(row).to_contain_text("WebSocket", timeout=PATIENCE)

        await row.click()  # the page of one client
        await expect(page.get_by_text("Initial HTTP request")).to_be_visible(timeout=PATIENCE)
        await expect(page.get_by_role("row", name="user-agent")).to_contain_text("HeadlessChrome", timeout=PATIENCE)
        await page.get_by_label("Join a room").fill("room:tea")
        await page.get_by_label("Join a room").press("Enter")
        await page.locator("form button[type=submit]:visible").click()
        await expect(page.get_by_role("row", name="room:tea")).to_be_visible(timeout=PATIENCE)
        await app.publish("room:tea", {"event": "said", "args": [1, "zwei"]})
        await other.wait_for_function("heard.some(([name, one, two]) => name == 'said' && one == 1 && two == 'zwei')")

        await other.evaluate("void client.emit('note', 'a cup of tea')")
        await page.get_by_role("link", name="Events").click()
        await expect(page.get_by_role("row", name="note")).to_contain_text(sid, timeout=PATIENCE)
        await expect(page.get_by_role("row", name="said")).to_contain_text(sid, timeout=PATIENCE)
        await page.get_by_role("link", name="Rooms").click()
        await expect(page.get_by_role("row", name="room:tea")).to_contain_text("1", timeout=PATIENCE)
        await page.get_by_role("link", name="Servers").click()
        await expect(page.get_by_role("row", name="kettle")).to_contain_text("Healthy", timeout=PATIENCE)


async def test_it_sends_a_client_away(page: Page) -> None:
    async with served() as (_, url):
        other = await page.context.new_page()
        sid = await come(other, url)
        await other.evaluate("void (window.gone = new Promise((done) => client.once('disconnect', done)))")
        await page.goto(f"{url}/ui/")
        await log_in(page, url)
        await page.get_by_role("link", name="Sockets").click()
        await page.get_by_role("row", name=sid).get_by_role("button").click()
        assert await other.evaluate("gone") == "io server disconnect"
        await page.get_by_role("link", name="Sockets").first.click()  # the button stands in a row that leads elsewhere
        await expect(page.get_by_role("row", name=sid)).to_have_count(0, timeout=PATIENCE)


@pytest.mark.slow
async def test_it_says_who_has_no_key_and_remembers_who_has(page: Page) -> None:
    async with served() as (_, url):
        await page.goto(f"{url}/ui/")
        await log_in(page, url, "a key that is another")
        await expect(page.get_by_text("Invalid credentials")).to_be_visible(timeout=PATIENCE)
        await log_in(page, url)
        await expect(page.get_by_text("connected", exact=True).first).to_be_visible(timeout=PATIENCE)
        await page.reload()
        await expect(page.get_by_text("connected", exact=True).first).to_be_visible(timeout=PATIENCE)
        await expect(page.get_by_label("Password")).to_have_count(0, timeout=PATIENCE)


@pytest.mark.slow
async def test_a_page_of_another_origin_may_be_the_ui_alone(page: Page) -> None:
    async with application().serving(host="localhost") as hosted:
        elsewhere = f"http://localhost:{hosted.port}"
        async with served(Served(), origins=[elsewhere]) as (app, url):
            await page.goto(f"{elsewhere}/ui/")
            await log_in(page, url)
            await expect(page.get_by_text("connected", exact=True).first).to_be_visible(timeout=PATIENCE)
            await page.add_script_tag(url="/socket.io/socket.io.min.js")
            for way in WAYS.values():
                refused = await page.evaluate(
                    """([url, transports]) => new Promise((done) => {
                        const other = io(url, {forceNew: true, withCredentials: true, reconnection: false, transports})
                        other.on("connect", () => done("connected")).on("connect_error", (error) => done(error.message))
                    })""",
                    [url, way],
                )
                assert refused == "pages of this Origin may open the Admin UI alone"
            assert app.callers == []
        async with served(Served()) as (_, url):
            await page.evaluate("localStorage.clear()")
            await page.reload()
            await log_in(page, url)
            await expect(page.get_by_text("xhr poll error")).to_be_visible(timeout=PATIENCE)
