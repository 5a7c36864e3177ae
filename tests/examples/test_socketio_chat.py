"""The chat over Socket.IO, with the official client."""

import runpy
from pathlib import Path

import aiohttp
import pytest
from tests.socketio.serving import house

APP = Path(__file__).parents[2] / "examples" / "socketio_chat" / "app.py"


@pytest.fixture
async def home():
    made = runpy.run_path(str(APP))
    async with house(made["sio"], made["app"]) as home:
        home.people = made["people"]
        yield home


async def test_who_is_there_and_what_they_say(home):
    ada = await home.come(auth={"name": "Ada"})
    assert await ada.ask("enter", "tea") == [{"people": ["Ada"]}]
    assert await ada.event("people") == ["tea", ["Ada"]]
    bob = await home.come(auth={"name": "Bob"})
    assert await bob.ask("enter", "tea") == [{"people": ["Ada", "Bob"]}]
    for client in (ada, bob):
        assert await client.event("people") == ["tea", ["Ada", "Bob"]]
    assert await bob.ask("say", "tea", "<b>hello</b>") == [{}]
    for client in (ada, bob):
        assert await client.event("said") == ["tea", "Bob", "<b>hello</b>"]
    await bob.disconnect()
    assert await ada.event("people") == ["tea", ["Ada"]]
    await ada.ask("leave", "tea")
    assert home.people == {}


async def test_what_is_not_taken(home):
    nobody = await home.knock()
    report = await nobody.next("connect_error")
    assert (report["message"], report["data"]) == ("a name is needed", {"longest": 30})
    ada = await home.come(auth={"name": "Ada"})
    assert await ada.ask("say", "tea", "hello") == [{"error": "nothing was said"}]
    for room in ("", 7, "x" * 31, None):
        assert await ada.ask("enter", room) == [{"error": "a room has a name"}]
        assert await ada.ask("leave", room) == []
    assert await ada.ask("say", ["tea"], "hello") == [{"error": "nothing was said"}]


async def test_the_page_is_served(home):
    async with aiohttp.ClientSession() as session:
        for path, text in (("/", "A chat over Socket.IO"), ("/chat.js", "emitWithAck")):
            async with session.get(f"{home.url}{path}") as response:
                assert text in await response.text()
