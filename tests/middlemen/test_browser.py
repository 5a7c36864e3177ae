"""The client in real Chromium, behind a real nginx that holds answers back and out through a proxy that knows CONNECT alone."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page
from tests.certificates import server_context, written
from tests.middlemen import proxies
from tests.middlemen.talkers import Person, Talkers, leave

from everywire.app import Everywire
from everywire.http.request import Request, Response

pytestmark = [pytest.mark.browser, pytest.mark.anyio]

SCRIPT = Path(__file__).resolve().parents[2] / "src" / "everywire" / "_static" / "everywire.js"
PAGE = """<!doctype html><title>behind</title><script type="module">
import { Client } from "/everywire.js";
const began = performance.now();
window.log = [];
const write = (was, { epoch, offset }, data) => log.push({ was, client: "page", epoch, offset, ...data });
window.client = new Client("/everywire");
window.room = client.subscribe("room:page", {
  rewind: 1,
  onPublication: ({ data, offset }) => {
    window.first ??= performance.now() - began;
    if (!log.some(({ was }) => was === "mark")) write("mark", { ...room.position, offset: offset - 1 });
    write("seen", { ...room.position, offset }, data);
  },
});
client.on("connected", () => { window.connected = (window.connected ?? 0) + 1; });
window.say = async (number) => {
  const data = { sender: "page", number };
  write("published", await room.publish(data), data);
};
await client.connect();
</script>"""


def application() -> Everywire:
    app = Everywire()
    app.channel("room:{name}", history=10_000)

    @app.route("/")
    def page(_request: Request) -> Response:
        return Response(200, PAGE.encode(), (("Content-Type", "text/html"),))

    @app.route("/everywire.js")
    def client(_request: Request) -> Response:
        return Response(200, SCRIPT.read_bytes(), (("Content-Type", "text/javascript"),))

    return app


@contextlib.asynccontextmanager
async def tab(browser: Browser, address: str, **options: object) -> AsyncIterator[Page]:
    """Open the page in a context of its own."""
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(address)
    yield page
    await context.close()


class Window(Person):
    """The client of a page, which says and hears as another process does."""

    def __init__(self, page: Page, file: Path) -> None:
        self.who, self.said, self.file, self._page = "page", 0, file, page

    async def ask(self, do: str, **said: object) -> dict[str, object]:
        """Have the page do something."""
        match do:
            case "say":
                await self._page.evaluate(
                    "count => Promise.all(Array.from({ length: count }, (_, n) => say(n)))", said["count"]
                )
            case "hear":
                await self._page.wait_for_function("offset => room.position.offset >= offset", arg=said["offset"])
            case "leave":
                lines = [json.dumps(line) for line in await self._page.evaluate("log")]
                self.file.write_text("".join(f"{line}\n" for line in lines))
        return dict(await self._page.evaluate("({ transport: client.transport, connected, first: first / 1000 })"))


async def converse(page: Page, other: Person, folder: Path) -> dict[str, object]:
    """Have the page and another client talk, 200 messages each; gives how the page stood."""
    window = Window(page, folder / "page.jsonl")
    await page.wait_for_function("window.first !== undefined")
    await asyncio.gather(window.say(200), other.say(199))
    stand, _ = await leave(window, other)
    print(stand)
    assert float(str(stand["first"])) < 5
    assert stand["connected"] == 1
    return stand


async def test_behind_nginx_that_holds_answers_back(
    browser: Browser, talkers: tuple[Talkers, Talkers], tmp_path: Path
) -> None:
    async with application().serving("127.0.0.1", 0) as server:
        place = "room:page", tmp_path / "other.jsonl"
        other = Person(talkers[0], "behind nginx", f"ws://127.0.0.1:{server.port}/everywire", place)
        await other.meet()
        with proxies.nginx(server.port, tmp_path, proxies.PRESSES) as front:
            async with tab(browser, f"http://127.0.0.1:{front}/") as page:
                assert (await converse(page, other, tmp_path))["transport"] == "poll"


async def test_out_through_a_proxy_that_knows_connect_alone(
    browser: Browser, talkers: tuple[Talkers, Talkers], tmp_path: Path
) -> None:
    async with application().serving("127.0.0.1", 0, ssl=server_context()) as server:
        place = "room:page", tmp_path / "other.jsonl"
        how = {"authority": str(written(tmp_path)[2])}
        other = Person(talkers[0], "out", f"wss://localhost:{server.port}/everywire", place, **how)
        await other.meet()
        with proxies.tinyproxy(server.port, tmp_path) as proxy:
            through = {"server": f"http://127.0.0.1:{proxy}", "bypass": "<-loopback>"}
            address = f"https://localhost:{server.port}/"
            async with tab(browser, address, proxy=through, ignore_https_errors=True) as page:
                assert (await converse(page, other, tmp_path))["transport"] == "websocket"
        assert "CONNECT localhost" in (tmp_path / "asked.log").read_text()
