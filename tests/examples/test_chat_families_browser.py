"""The chat's pages for clients of other libraries, in a real browser: alone, and side by side. The CDN is played by the packages from npm."""

import functools
import re
import runpy
from pathlib import Path
from urllib.parse import unquote

import pytest
from conformance.one_channel.families import PACKAGES
from playwright.async_api import expect
from tests.conftest import need
from tests.examples.serving import served

import testbed

pytestmark = [pytest.mark.browser]

EXAMPLE = Path(__file__).parents[2] / "examples" / "chat"
CDN = "https://cdn.jsdelivr.net/npm/"
# What each is called in the page that shows all, what others see that it speaks, and what carries it.
FAMILIES = {
    "typescript": ("Ada", "native", "websocket"),
    "socketio": ("Grace", "socketio", "websocket"),
    "signalr": ("Linus", "signalr", "connected"),
    "sockjs": ("Barbara", "sockjs", "websocket"),
    "websocket": ("Edsger", "native", "websocket"),
    "sse": ("Margaret", "native", "sse"),
}


def packaged(url):
    """Give the file that the CDN would have of a package."""
    name = re.sub(r"(?<=.)@[0-9.]+/", "/", unquote(url.removeprefix(CDN)), count=1)
    return need(lambda: testbed.npm(*PACKAGES)) / "node_modules" / name


@pytest.fixture
async def opened(browser):
    headers = {"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*"}
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    faults = []

    async def open_page(port, path):
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.route(f"{CDN}**", lambda route: route.fulfill(path=packaged(route.request.url), headers=headers))
        await page.goto(f"http://127.0.0.1:{port}{path}")
        return page

    app = runpy.run_path(str(EXAMPLE / "app.py"))["app"]
    async with served(app) as port:
        open_here = functools.partial(open_page, port)
        open_here.app = app
        yield open_here
        await context.close()
    assert faults == []


async def say(frame, text):
    await frame.locator("#text").fill(text)
    await frame.locator("#text").press("Enter")


async def test_side_by_side_they_hear_each_other_in_one_order(opened):
    page = await opened("/families/")
    frames = {by: page.frame_locator(f'iframe[src^="{by}.html"]') for by in FAMILIES}
    for by, (_, _, transport) in FAMILIES.items():
        await expect(frames[by].locator("#state")).to_have_text(transport)
        await expect(frames[by].locator("#state")).to_have_attribute("data-up", "true")
    for number, (by, (name, _, _)) in enumerate(FAMILIES.items(), 1):
        await say(frames[by], f"<i>{name}</i>")
        for each in frames.values():
            await expect(each.locator("#said li")).to_have_count(number)
    told = [[name, by, f"<i>{name}</i>"] for by, (name, _, _) in FAMILIES.items()]
    members = sorted(f"{name}{dialect}" for name, dialect, _ in FAMILIES.values())
    for by, frame in frames.items():
        read = "found => found.map(each => ['author', 'by', 'text'].map(name => each.querySelector('.' + name).textContent))"
        assert await frame.locator("#said li").evaluate_all(read) == told
        assert await frame.locator("#said .mine .by").all_text_contents() == [by]
        await expect(frame.locator("#members li")).to_have_count(len(FAMILIES))
        assert sorted(await frame.locator("#members li").all_text_contents()) == members


@pytest.mark.slow
async def test_each_comes_back_and_reads_what_it_missed(opened):
    page = await opened("/families/")
    frames = [page.frame_locator(f'iframe[src^="{by}.html"]') for by in FAMILIES]
    for frame in frames:
        await expect(frame.locator("#state")).to_have_attribute("data-up", "true")
    await say(frames[0], "before")
    for frame in frames:
        await expect(frame.locator("#said .text")).to_have_text(["before"])
    for session in [*opened.app.hub.sessions.values()]:
        session.attachment.whole.close(1012, "restart")
    said = {"kind": "message", "id": "7", "text": "meanwhile", "name": "the server", "by": "chat"}
    await opened.app.publish("room:lobby", said)
    for frame in frames:
        await expect(frame.locator("#said .text")).to_have_text(["before", "meanwhile"], timeout=20_000)
        await expect(frame.locator("#state")).to_have_attribute("data-up", "true", timeout=20_000)


async def test_the_chat_itself_is_in_the_same_room(opened):
    chat, page = await opened("/?guest"), await opened("/families/socketio.html?name=Grace")
    await chat.fill("#welcome-name", "Ada")
    await chat.click("text=Join the chat")
    await expect(page.locator("#state")).to_have_attribute("data-up", "true")
    await say(page, "from elsewhere")
    await expect(chat.locator(".theirs .author")).to_have_text("Grace")
    await expect(chat.locator("#people .name")).to_have_text(["Ada", "Grace"])
    await chat.fill("#composer", "from the chat")
    await chat.press("#composer", "Enter")
    await expect(page.locator("#said .author")).to_have_text(["Grace", "Ada"])
    await expect(page.locator("#said .by")).to_have_text(["socketio", "chat"])


@pytest.mark.parametrize("by", FAMILIES)
async def test_each_reads_what_was_said_before(opened, by):
    first = await opened("/families/websocket.html?name=Ada")
    await expect(first.locator("#state")).to_have_attribute("data-up", "true")
    await say(first, "earlier")
    await expect(first.locator("#said .text")).to_have_text("earlier")
    later = await opened(f"/families/{by}.html?name=Grace")
    await expect(later.locator("#said .text")).to_have_text("earlier")
    await expect(later.locator("#members li")).to_have_count(2)
