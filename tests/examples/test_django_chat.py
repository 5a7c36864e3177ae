"""The chat on Django Channels: on Daphne and on our own server, with the machine's broker behind its channel layer."""

import asyncio
import json
import uuid
from contextlib import AsyncExitStack

import aiohttp
import pytest
import socketio
from playwright.async_api import expect
from tests.examples.sites import migrate, serving

from everywire import Client

pytestmark = pytest.mark.slow
TOKEN = "x" * 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("site")
    migrate(made)
    return made


@pytest.fixture
def room() -> str:
    """A room that nobody else is in: the broker is shared with whoever runs the example here."""
    return f"tea-{uuid.uuid4().hex[:8]}"


class Pages:
    """What pages of the site do, without a browser."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def enter(self, place: str, room: str) -> aiohttp.ClientWebSocketResponse:
        """Open the WebSocket of a room."""
        return await self._http.ws_connect(f"ws://{place}/ws/rooms/{room}/", origin=f"http://{place}")

    async def announce(self, place: str, room: str, text: str) -> int:
        """Send the form of the view."""
        fields, headers = {"text": text}, {"X-CSRFToken": TOKEN, "Cookie": f"csrftoken={TOKEN}"}
        url = f"http://{place}/rooms/{room}/announce/"
        async with self._http.post(url, data=fields, headers=headers) as answer:
            return answer.status

    async def style(self, place: str) -> tuple[int, str]:
        """Ask for the style sheet."""
        async with self._http.get(f"http://{place}/static/rooms/chat.css") as answer:
            return answer.status, answer.content_type


async def said(ws: aiohttp.ClientWebSocketResponse, count: int = 1) -> list[str]:
    return [json.loads(await ws.receive_str(timeout=20))["text"] for _ in range(count)]


@pytest.fixture
async def pages():
    async with aiohttp.ClientSession() as http:
        yield Pages(http)


@pytest.mark.parametrize("server", ["daphne", "uvicorn", "everywire"])
async def test_who_is_in_a_room_hears_what_is_said_there(server, folder, pages, room):
    async with serving(server, "chatsite.asgi:application", folder) as place:
        one, other, away = [await pages.enter(place, each) for each in (room, room, f"{room}-away")]
        await one.send_json({"text": "<b>hello</b>"})
        assert await said(one) == await said(other) == ["<b>hello</b>"]
        assert await pages.announce(place, room, "closing time") == 204
        assert await said(one) == await said(other) == ["Announcement: closing time"]
        await away.send_json({"text": "alone"})
        assert await said(away) == ["alone"]
        assert await pages.style(place) == (200, "text/css")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await pages._http.ws_connect(f"ws://{place}/ws/rooms/{room}/", origin="https://evil.net")


async def test_two_servers_are_in_the_same_rooms(folder, pages, room):
    async with AsyncExitStack() as stack:
        places = [
            await stack.enter_async_context(serving(server, "chatsite.asgi:application", folder))
            for server in ("daphne", "uvicorn")
        ]
        sockets = [await pages.enter(place, room) for place in places]
        for number, ws in enumerate(sockets):
            await ws.send_json({"text": f"from {number}"})
            assert [await said(each) for each in sockets] == [[f"from {number}"]] * 2


@pytest.mark.parametrize("server", ["daphne", "everywire"])
async def test_clients_of_other_libraries_in_the_same_room(server, folder, pages, room):
    async with serving(server, "chatsite.together:application", folder) as place:
        page = await pages.enter(place, room)
        heard: asyncio.Queue[str] = asyncio.Queue()
        foreign = socketio.AsyncClient()
        foreign.on(f"room_{room}", lambda data: heard.put_nowait(data["text"]))
        await foreign.connect(f"http://{place}", headers={"Origin": f"http://{place}"})
        async with Client(f"ws://{place}/everywire") as own:
            told = own.subscribe(f"room_{room}")
            await told.ready()
            await foreign.call("everywire:subscribe", {"channel": f"room_{room}"})
            await page.send_json({"text": "from a page"})
            await foreign.call("everywire:publish", {"channel": f"room_{room}", "data": {"text": "from Socket.IO"}})
            assert await pages.announce(place, room, "from a view") == 204
            texts = {"from a page", "from Socket.IO", "Announcement: from a view"}
            assert set(await said(page, 3)) == texts
            assert {await asyncio.wait_for(heard.get(), 20) for _ in range(3)} == texts
            assert {(await asyncio.wait_for(anext(told), 20)).data["text"] for _ in range(3)} == texts
        await foreign.disconnect()


@pytest.mark.browser
async def test_in_a_browser(browser, folder, room):
    async with serving("daphne", "chatsite.asgi:application", folder) as place:
        one, other = [await (await browser.new_context()).new_page() for _ in range(2)]
        await one.goto(f"http://{place}/")
        await one.fill("input", room)
        await one.click("button")
        await other.goto(f"http://{place}/rooms/{room}/")
        for tab in (one, other):
            await expect(tab.locator("h1")).to_have_text(f"Room {room}")
            await tab.wait_for_function("socket.readyState === 1")
        for number, tab in enumerate((one, other)):
            await tab.fill("input", f"hello {number}")
            await tab.click("button")
            for each in (one, other):
                await expect(each.locator("li").nth(number)).to_have_text(f"hello {number}")
