"""npm's socket.io-client in Chromium: its own bundle, from our own server and from another page's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page
from tests.dialects.socketio.client import installed
from tests.dialects.socketio.serving import WAYS, Served, serving

import everywire
from everywire.http.request import Response

pytestmark = [pytest.mark.browser, pytest.mark.anyio]
EACH = pytest.mark.parametrize("way", WAYS)

PAGE = Response(
    200,
    b'<!doctype html><title>page</title><script src="/socket.io/socket.io.min.js"></script>',
    [("Content-Type", "text/html")],
)
CONNECT = """
    async ([url, options]) => {
        window.socket = io(url, {forceNew: true, reconnectionDelay: 1, reconnectionDelayMax: 5, ...options})
        window.heard = []
        socket.onAny((name, ...args) => heard.push([name, ...args]))
        await new Promise((done, fail) => { socket.on("connect", done); socket.on("connect_error", fail) })
        const engine = socket.io.engine
        if (options.transports[1] && engine.transport.name == "polling") await new Promise((done) => engine.once("upgrade", done))
        return engine.transport.name
    }
"""
BYTES = """
    async () => {
        const given = [new Uint8Array([0, 255]), new Blob(["blob"]), {deep: [new Uint8Array([7]).buffer, "zwei"]}]
        const [first, second, third] = await new Promise((done) => socket.emit("echo", ...given, (...args) => done(args)))
        const list = (data) => Array.from(new Uint8Array(data))
        return [list(first), new TextDecoder().decode(second), list(third.deep[0]), third.deep[1]]
    }
"""


def files() -> Any:
    """The folder with npm's bundles."""
    return installed() / "node_modules" / "socket.io-client" / "dist"


def application() -> Served:
    """An application whose page loads the client from where npm's server has it."""
    app = Served()
    app.route("/")(lambda request: PAGE)
    app.static("/socket.io", files())
    return app


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[tuple[Served, str]]:
    async with serving(application(), host="localhost") as (app, url):
        yield app, url.replace("127.0.0.1", "localhost")


@EACH
async def test_events_bytes_and_acknowledgements(page: Page, shared: tuple[Served, str], way: str) -> None:
    app, url = shared
    await page.goto(url)
    assert await page.evaluate(CONNECT, ["/", {"transports": WAYS[way]}]) == (
        "polling" if way == "polling" else "websocket"
    )
    assert await page.evaluate("socket.emitWithAck('echo', {a: [1, 'ä']})") == {"a": [1, "ä"]}
    assert await page.evaluate(BYTES) == [[0, 255], "blob", [7], "zwei"]
    assert (
        await page.evaluate(
            "socket.emitWithAck('everywire:subscribe', {channel: 'room:a'}).then((said) => said.channel)"
        )
        == "room:a"
    )
    await app.publish("room:a", {"event": "said", "args": [1, "zwei"]})
    await page.wait_for_function("heard.some(([name, one, two]) => name == 'said' && one == 1 && two == 'zwei')")


async def test_long_answers_to_polls_are_compressed(page: Page, shared: tuple[Served, str]) -> None:
    await page.goto(shared[1])
    await page.evaluate(CONNECT, ["/", {"transports": ["polling"]}])
    async with page.expect_response(lambda response: response.headers.get("content-encoding") == "gzip") as coded:
        assert await page.evaluate("socket.emitWithAck('echo', 'ä'.repeat(2000))") == "ä" * 2000
    assert "polling" in (await coded.value).url


@EACH
async def test_it_comes_back_by_itself(page: Page, shared: tuple[Served, str], way: str) -> None:
    app, url = shared
    await page.goto(url)
    await page.evaluate(CONNECT, ["/chat", {"transports": WAYS[way]}])
    await page.evaluate(
        "void (window.back = new Promise((done) => socket.once('disconnect', (why) => socket.once('connect', () => done(why)))))"
    )
    session = app.hub.sessions[await page.evaluate("socket.id")]
    session.attachment.bundle.base.close(1012, "restart")
    assert await page.evaluate("back") in ("transport close", "transport error")
    assert await page.evaluate("socket.emitWithAck('echo', 1)") == 1


@EACH
async def test_it_recovers_what_it_missed(page: Page, way: str) -> None:
    async with serving(application(), host="localhost", recovery=True) as (app, url):
        await page.goto(url.replace("127.0.0.1", "localhost"))
        await page.evaluate(CONNECT, ["/", {"transports": WAYS[way]}])
        await page.evaluate("socket.emitWithAck('everywire:subscribe', {channel: 'room:a'})")
        await app.publish("room:a", {"event": "said", "args": [1]})
        await page.wait_for_function("heard.some(([name]) => name == 'said')")
        sid = await page.evaluate("socket.id")
        await page.evaluate(
            "void (window.back = new Promise((done) => socket.once('disconnect', () => socket.once('connect', () => done([socket.recovered, socket.id])))))"
        )
        app.hub.sessions[sid].attachment.bundle.base.close(1012, "restart")
        for number in (2, 3):
            await app.publish("room:a", {"event": "said", "args": [number]})
        assert await page.evaluate("back") == [True, sid]
        await app.publish("room:a", {"event": "said", "args": [4]})
        await page.wait_for_function("heard.some(([name, number]) => number == 4)")
        assert await page.evaluate("heard.filter(([name]) => name == 'said').map(([, number]) => number)") == [
            1,
            2,
            3,
            4,
        ]


async def test_the_files_are_where_the_reference_has_them(page: Page, shared: tuple[Served, str]) -> None:
    _, url = shared
    for name in (
        "socket.io.js",
        "socket.io.min.js",
        "socket.io.esm.min.js",
        "socket.io.msgpack.min.js",
        "socket.io.min.js.map",
    ):
        first = await page.request.get(f"{url}/socket.io/{name}")
        assert first.status == 200
        again = await page.request.get(f"{url}/socket.io/{name}", headers={"If-None-Match": first.headers["etag"]})
        assert again.status == 304
    assert (await page.request.get(f"{url}/socket.io/?EIO=4")).status == 400  # the endpoint itself is not theirs


async def test_the_bundle_with_the_messagepack_parser(page: Page, shared: tuple[Served, str]) -> None:
    await page.goto(shared[1])
    await page.add_script_tag(url="/socket.io/socket.io.msgpack.min.js")
    assert await page.evaluate(CONNECT, ["/", {"transports": ["polling", "websocket"]}]) == "websocket"
    assert await page.evaluate(
        "socket.emitWithAck('echo', {a: new Uint8Array([1, 2]).buffer}).then(({a}) => Array.from(new Uint8Array(a)))"
    ) == [1, 2]


@EACH
@pytest.mark.parametrize("listed", [True, False])
async def test_a_page_of_another_origin(page: Page, way: str, listed: bool) -> None:
    app = application()
    other = everywire.serve(lambda ws: ws.wait_closed(), "localhost", process_request=lambda request: PAGE)
    async with (
        other as elsewhere,
        serving(app, host="localhost", origins=[f"http://localhost:{elsewhere.port}"] if listed else None) as (_, url),
    ):
        url = url.replace("127.0.0.1", "localhost")
        await page.goto(f"http://localhost:{elsewhere.port}/")
        await page.add_script_tag(path=files() / "socket.io.min.js")
        options = {"transports": WAYS[way], "withCredentials": True, "reconnection": False}
        options["extraHeaders"] = {"X-Mine": "abc"}  # of which a browser's WebSocket sends nothing
        if listed:
            assert await page.evaluate(CONNECT, [url, options]) in ("polling", "websocket")
            said = await page.evaluate("socket.emitWithAck('params')")
            assert said["x-mine"] == (None if way == "websocket" else "abc")
            assert await page.evaluate(BYTES) == [[0, 255], "blob", [7], "zwei"]
            assert len(app.callers) == 1
        else:
            told = await page.evaluate(
                f"({CONNECT.strip()})({[url, options]!r}".replace("True", "true").replace("False", "false")
                + ").catch((error) => error.message)"
            )
            assert told in ("xhr poll error", "websocket error")
            assert app.callers == []
