"""The chat on FastAPI, under uvicorn."""

import runpy
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect
from tests.fastapi.serving import served

from everywire import Client, Refused

pytestmark = pytest.mark.anyio
APP = Path(__file__).parents[2] / "examples" / "fastapi_chat" / "app.py"


class Chat:
    """The served chat, and who is logged in."""

    def __init__(self, place: str, http: aiohttp.ClientSession) -> None:
        self.place, self.http = place, http

    async def login(self, name: str) -> str:
        async with self.http.post(f"http://{self.place}/login", json={"username": name}) as response:
            return await response.json()

    def client(self, token: str) -> Client:
        return Client(f"ws://{self.place}/everywire", token=token)


@pytest.fixture
async def chat(tmp_path):
    made = runpy.run_path(str(APP))
    made["database"].__globals__["DATABASE"] = tmp_path / "chat.sqlite3"
    async with served(made["api"]) as place, aiohttp.ClientSession() as http:
        yield Chat(place, http)


async def test_what_one_says_others_hear_and_find_again(chat):
    ada, bob = await chat.login("ada"), await chat.login("bob")
    async with chat.client(ada) as one, chat.client(bob) as other:
        room = other.subscribe("room:tea")
        own = other.subscribe("user:bob")
        await room.ready()
        assert await one.call("say", {"room": "tea", "text": "hello, @bob!"}) == 1
        said = {"room": "tea", "text": "hello, @bob!", "number": 1, "by": "ada"}
        assert (await anext(room)).data == said
        assert (await anext(own)).data == {"named_by": "ada", "room": "tea"}
        headers = {"Authorization": f"Bearer {bob}"}
        answer = {"room": "tea", "text": "hello, ada"}
        async with chat.http.post(f"http://{chat.place}/rooms", json=answer, headers=headers) as response:
            assert await response.json() == 2
        assert (await anext(room)).data["by"] == "bob"
        for before, texts in ((None, ["hello, @bob!", "hello, ada"]), (2, ["hello, @bob!"])):
            query = {} if before is None else {"before": before}
            async with chat.http.get(f"http://{chat.place}/rooms/tea", params=query, headers=headers) as response:
                assert [each["text"] for each in await response.json()] == texts


async def test_what_is_not_taken(chat):
    with pytest.raises(Refused, match="Log in first"):
        async with chat.client("stolen"):
            pass
    async with chat.client(await chat.login("ada")) as ada:
        for room, text, where in (("Tea", "hello", "$.room"), ("tea", "", "$.text"), ("tea", "x" * 2001, "$.text")):
            with pytest.raises(Refused) as no:
                await ada.call("say", {"room": room, "text": text})
            assert [each["path"] for each in no.value.data["errors"]] == [where]
        with pytest.raises(Refused, match="permission denied"):
            await ada.publish("room:tea", {"room": "tea", "text": "hello", "number": 1, "by": "bob"})
    async with chat.http.get(f"http://{chat.place}/rooms/tea") as response:
        assert response.status == 401


@pytest.mark.browser
@pytest.mark.slow
async def test_two_people_chat_in_a_browser(chat, browser):
    pages = []
    for name in ("Ada", "Bob"):
        page = await (await browser.new_context()).new_page()
        page.on("dialog", lambda dialog, name=name: dialog.accept(name))
        await page.goto(f"http://{chat.place}/#tea")
        pages.append(page)
    ada, bob = pages
    for page in pages:
        await expect(page.locator("#people")).to_have_text("Ada, Bob")
    await bob.locator("#text").fill("<b>hello</b> @Ada")
    await bob.locator("#text").press("Enter")
    await expect(ada.locator("#said")).to_have_text("Bob: <b>hello</b> @Ada")
    await expect(ada.locator("#news")).to_have_text("Bob named you in #tea")
    await bob.goto("about:blank")
    await expect(ada.locator("#people")).to_have_text("Ada")
