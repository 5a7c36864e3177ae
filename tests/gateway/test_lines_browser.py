"""Lines and event streams in a real Chromium: its own page, a listed one, and another site's."""

import asyncio

import pytest
from tests.engine.peer import until
from tests.gateway.curl import application

import everywire
from everywire.brokers.base import Query
from everywire.http.request import Response

pytestmark = [pytest.mark.browser, pytest.mark.anyio]

PAGE = Response(200, b"<!doctype html><title>page</title>", [("Content-Type", "text/html")])

LINE = """
    async (base) => {
        const said = [{type: "connect", id: 1}, {type: "subscribe", id: 2, channel: "room:a"}]
        const same = {credentials: "include"}
        const opened = await fetch(base + "lines", {method: "POST", body: JSON.stringify(said), ...same})
        const line = base + "lines/" + (await opened.json()).line
        const stream = await fetch(line + "/stream", same)
        const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader()
        let heard = ""
        const until = async (text) => { while (!heard.includes(text)) heard += (await reader.read()).value }
        await until('"subscribed"')
        const publish = JSON.stringify({type: "publish", id: 3, channel: "room:a", data: "hello"})
        const headers = {"Content-Type": "application/json"}
        const taken = await fetch(line + "?seq=1", {method: "POST", body: publish, headers, ...same})
        await until('"publication"')
        const poll = await fetch(line + "/poll?after=2&wait=0", same)
        const polled = (await poll.json()).map((event) => event.type)
        const left = await fetch(line, {method: "DELETE", ...same})
        return [opened.status, taken.status, polled, left.status]
    }
"""

EVENTS = """
    (base) => new Promise((done) => {
        const source = new EventSource(base + "sse?channel=room:a&rewind=10", {withCredentials: true})
        const heard = []
        const hear = (event) => {
            const said = JSON.parse(event.data)
            heard.push([event.type, said.recovered ?? said.data, (said.publications ?? []).map((each) => each.data)])
            if (heard.length == 3) { source.close(); done(heard) }
        }
        source.addEventListener("subscribed", hear)
        source.addEventListener("publication", hear)
    })
"""

EVIL = """
    async (base) => {
        const body = JSON.stringify({channel: "room:a", data: "evil"})
        const tries = []
        for (const mode of ["cors", "no-cors"])
            for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json"])
                tries.push(fetch(base + "publish", {method: "POST", mode, body, credentials: "include", headers: {"Content-Type": type}})
                    .then((answer) => answer.type, () => "refused"))
        tries.push(fetch(base + "history?channel=room:a", {credentials: "include"}).then((answer) => answer.type, () => "refused"))
        tries.push(new Promise((done) => {
            const source = new EventSource(base + "sse?channel=room:a", {withCredentials: true})
            source.onopen = () => done("open")
            source.onerror = () => done("refused")
        }))
        const form = document.createElement("form")
        const frame = document.createElement("iframe")
        frame.name = "away"
        form.target = "away"; form.method = "POST"; form.enctype = "text/plain"; form.action = base + "publish"
        const field = document.createElement("input")
        field.name = '{"channel":"room:a","data":"'; field.value = '"}'
        form.append(field)
        document.body.append(frame, form)
        tries.push(new Promise((done) => { frame.onload = () => done("loaded"); form.submit() }))
        return Promise.all(tries)
    }
"""


@pytest.fixture
async def tab(browser):
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


def elsewhere():
    """Another origin: it serves one page."""
    return everywire.serve(lambda ws: ws.wait_closed(), "localhost", process_request=lambda request: PAGE)


async def visit(tab, port):
    await tab.context.add_cookies([{"name": "session", "value": "1", "url": "http://localhost"}])
    await tab.goto(f"http://localhost:{port}/")


def own():
    app = application()
    app.route("/")(lambda request: PAGE)
    return app


async def test_a_page_of_our_own(tab):
    async with own().serving("localhost") as server:
        await visit(tab, server.port)
        assert await tab.evaluate(LINE, "/everywire/") == [201, 204, ["publication", "published"], 204]


async def test_a_page_that_is_listed(tab):
    app = own()
    async with elsewhere() as other, app.serving("localhost", origins=[f"http://localhost:{other.port}"]) as server:
        await visit(tab, other.port)
        answers = await tab.evaluate(LINE, f"http://localhost:{server.port}/everywire/")
        assert answers == [201, 204, ["publication", "published"], 204]


async def test_a_page_of_another_site_has_no_effect(tab):
    app = own()
    async with elsewhere() as other, app.serving("localhost") as server:
        await visit(tab, other.port)
        answers = await tab.evaluate(EVIL, f"http://localhost:{server.port}/everywire/")
        assert set(answers[:3]) == {"refused"}
        assert set(answers[3:6]) <= {"opaque", "refused"}  # it cannot see that it was refused
        assert answers[6:] == ["refused", "refused", "loaded"]
        await app.publish("room:a", "ours")
        stretch = await app.hub.broker.read("room:a", Query(), app.hub.place("room:a").kind.retention)
        assert [bytes(memoryview(each.data)) for each in stretch.publications] == [b'"ours"']
        assert app.hub.sessions == {}


@pytest.mark.slow
async def test_an_event_source_goes_on_where_it_was(tab):
    app = own()
    async with app.serving("localhost") as server:
        await visit(tab, server.port)
        await app.publish("room:a", "before")
        task = asyncio.ensure_future(tab.evaluate(EVENTS, "/everywire/"))
        await until(lambda: app.hub.channels)
        await app.publish("room:a", "live")
        app.gateway._alone.close(1012, "restart")
        await app.publish("room:a", "missed")
        assert await task == [
            ["subscribed", False, ["before"]],
            ["publication", "live", []],
            ["subscribed", True, ["missed"]],
        ]
