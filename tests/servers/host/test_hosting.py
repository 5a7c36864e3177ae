"""An ASGI application on our own server, from its start to its end."""

import asyncio
from typing import Any

import httpx
import pytest
import websockets
from tests.certificates import client_context, server_context

import everywire
from everywire.servers.host.hosting import Hosted, Hosting

PATIENCE = 20


class App:
    """An application that writes down what it lives through; `hold` is how a request is kept from its end."""

    def __init__(self) -> None:
        self.lived: list[str] = []
        self.asked = asyncio.Event()
        self.hold = asyncio.Event()
        self.states: list[dict[str, Any]] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        match scope["type"]:
            case "lifespan":
                await self.live(scope, receive, send)
            case "http":
                self.states.append(scope["state"])
                scope["state"]["seen"] = True
                await self.answer(scope, receive, send)
            case "websocket":
                await self.talk(receive, send)

    async def live(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        for word in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{word}"
            self.lived.append(word)
            scope["state"]["db"] = "here"
            await send({"type": f"lifespan.{word}.complete"})

    async def answer(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        match scope["path"].removeprefix(scope["root_path"]):
            case "/raises":
                raise KeyError("on purpose")
            case "/returns":
                return
            case "/body-first":
                await send({"type": "http.response.body"})
            case "/twice":
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
                await send({"type": "http.response.start", "status": 200})
            case "/held":
                self.asked.set()
                await self.hold.wait()
                self.lived.append("held")
            case "/splits":
                await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"1\r\nset-cookie: a=b")]})
        body = f"{scope['method']} {scope['scheme']} {scope['http_version']} {scope['path']} {scope['client'][0]} ".encode()
        while (event := await receive())["type"] == "http.request":
            body += event["body"]
            if not event["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    async def talk(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            if event.get("text") == "raise":
                raise KeyError("on purpose")
            await send({"type": "websocket.send", "text": event["text"]})
        self.lived.append(f"closed {event['code']}")


async def asked(server: everywire.Server, path: str = "/", **how: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{server.port}{path}", **how)


async def test_it_lives_before_the_first_request_and_after_the_last():
    app = App()
    async with everywire.hosting(app) as server:
        assert app.lived == ["startup"]
        assert (await asked(server)).text == "GET http 1.1 / 127.0.0.1 "
    assert app.lived == ["startup", "shutdown"]


async def test_each_request_has_a_copy_of_what_the_start_left():
    app = App()
    async with everywire.hosting(app) as server:
        await asked(server)
        await asked(server)
    assert app.states == [{"db": "here", "seen": True}] * 2
    assert app.states[0] is not app.states[1]


async def test_a_request_under_way_at_the_end_is_answered_and_websockets_are_told_first():
    app = App()
    serving = everywire.hosting(app, finish=PATIENCE)
    server = await serving.__aenter__()
    websocket = await websockets.connect(f"ws://127.0.0.1:{server.port}/")
    request = asyncio.ensure_future(asked(server, "/held"))
    await app.asked.wait()
    ending = asyncio.ensure_future(serving.__aexit__(None, None, None))
    await websocket.wait_closed()
    assert (websocket.close_code, ending.done()) == (1001, False)
    app.hold.set()
    assert (await request).status_code == 200
    await ending
    assert app.lived == ["startup", "closed 1001", "held", "shutdown"]


async def test_a_request_that_does_not_end_holds_nobody_up(monkeypatch):
    monkeypatch.setattr("everywire.servers.host.hosting._FAREWELL", 0.05)
    app = App()
    async with everywire.hosting(app, finish=0.05) as server:
        request = asyncio.ensure_future(asked(server, "/held"))
        await app.asked.wait()
    assert app.lived == ["startup", "shutdown"]
    with pytest.raises(httpx.TransportError):
        (await request).raise_for_status()
        raise httpx.TransportError("a 503 would do, too")


@pytest.mark.parametrize("path", ["/raises", "/returns", "/body-first", "/splits"])
async def test_an_application_that_does_it_wrong_is_a_500_and_the_next_request_is_answered(path, caplog):
    async with everywire.hosting(App()) as server:
        assert (await asked(server, path)).status_code == 500
        assert (await asked(server)).status_code == 200
    assert caplog.records


async def test_a_websocket_whose_application_raises_is_closed_and_the_next_is_served(caplog):
    async with everywire.hosting(App()) as server:
        address = f"ws://127.0.0.1:{server.port}/"
        async with websockets.connect(address) as websocket:
            await websocket.send("raise")
            await websocket.wait_closed()
            assert websocket.close_code == 1011
        async with websockets.connect(address) as websocket:
            await websocket.send("on")
            assert await websocket.recv() == "on"
    assert "on purpose" in caplog.text


async def test_an_application_that_cannot_start_is_not_served():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(everywire.StartupFailed, match="no database"):
        async with everywire.hosting(app):
            raise AssertionError("it is served")


async def test_a_websocket_may_be_denied_by_a_response_and_a_request_by_what_else_there_is():
    extensions: dict[str, set[str]] = {}

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        extensions[scope["type"]] = {*scope["extensions"]}
        kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
        await send({"type": f"{kind}.start", "status": 418})
        await send({"type": f"{kind}.body", "body": b"tea"})

    async with everywire.hosting(app, lifespan="off") as server:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"ws://127.0.0.1:{server.port}/")
        assert (refused.value.response.status_code, refused.value.response.body) == (418, b"tea")
        assert (await asked(server)).status_code == 418
    assert extensions["websocket"] == {"websocket.http.response", "everywire"}
    assert extensions["http"] > {"http.response.trailers", "http.response.pathsend"}


async def test_proxies_are_believed_where_they_are_trusted():
    said = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    async with everywire.hosting(App(), trusted_proxies=["127.0.0.1"], root_path="/shop") as server:
        assert (await asked(server, "/a", headers=said)).text == "GET https 1.1 /shop/a 203.0.113.9 "
    async with everywire.hosting(App()) as server:
        assert (await asked(server, "/a", headers=said)).text == "GET http 1.1 /a 127.0.0.1 "


async def test_requests_are_logged_where_that_is_asked_for(caplog):
    caplog.set_level("INFO", "everywire.access")
    async with everywire.hosting(App(), access_log=True, lifespan="on") as server:
        await asked(server, "/a?token=secret")
    assert "127.0.0.1 GET /a?token=... 200 26 0." in caplog.text


async def test_over_tls_the_scheme_is_https():
    async with everywire.hosting(App(), ssl=server_context()) as server:
        async with httpx.AsyncClient(verify=client_context(), trust_env=False) as client:
            assert (await client.get(f"https://localhost:{server.port}/")).text == "GET https 1.1 / 127.0.0.1 "


async def test_a_unix_socket_will_do(tmp_path):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": repr((scope["client"], scope["server"])).encode()})

    path = str(tmp_path / "app.sock")
    async with everywire.hosting(app, path=path, lifespan="off"):
        transport = httpx.AsyncHTTPTransport(uds=path)
        async with httpx.AsyncClient(transport=transport) as client:
            assert (await client.get("http://here/")).text == repr((None, (path, None)))


async def test_an_everywire_is_hosted_too():
    async with everywire.hosting(everywire.Everywire()) as server:
        assert (await asked(server, "/healthz")).text == "ok\n"


@pytest.mark.parametrize(
    "options",
    [
        {"lifespan": "no"},
        {"root_path": "shop"},
        {"root_path": "/"},
        {"trusted_proxies": ["x"]},
        {"proxy_headers": "via"},
    ],
)
def test_options_that_make_no_sense_are_errors(options):
    with pytest.raises(ValueError):
        Hosting(**options)


def test_trusted_proxies_are_several():
    with pytest.raises(TypeError):
        Hosted(App(), trusted_proxies="127.0.0.1")
