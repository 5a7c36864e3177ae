"""An application that another server runs."""

import asyncio
import shutil
import tempfile
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.servers.asgi.hosting import Host, http_scope, websocket_scope

import everywire
from everywire import Everywire, EverywireError

V1 = "everywire.v1.json"
CONNECT = '{"type":"connect","id":1}'


def application():
    app = Everywire(secret="a secret of some length")
    app.on("double")(lambda data: data * 2)
    return app


async def opened(app, scope=None):
    """A WebSocket that is open."""
    host = Host(app, scope or websocket_scope("/everywire", V1))
    host.tell("websocket.connect")
    assert await host.hear() == {"type": "websocket.accept", "subprotocol": V1}
    return host


async def test_it_starts_at_the_first_request_and_serves_its_websockets():
    app = application()
    host = await opened(app)
    host.tell("websocket.receive", text=CONNECT)
    assert '"type":"connected"' in (await host.hear())["text"]
    host.tell("websocket.disconnect", code=1006)
    await host.over()
    assert app.hub.sessions
    await app.stop()


@pytest.mark.parametrize(("broker", "warnings"), [(None, 1), ("machine://several", 0)])
async def test_several_processes_without_a_broker_are_warned_of(monkeypatch, caplog, broker, warnings):
    folder = tempfile.mkdtemp()  # short: there are sockets in it
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    monkeypatch.setattr("everywire.app.everywire.among_several", lambda: True)
    async with Everywire(secret="a secret of some length", broker=broker).embedded():
        assert caplog.text.count('Everywire(broker="machine://")') == warnings
    shutil.rmtree(folder, ignore_errors=True)


async def test_requests_at_the_same_time_start_it_once():
    app, starts = application(), []
    start = app.start
    app.start = lambda: starts.append(1) or start()
    hosts = [Host(app, http_scope("/healthz")) for _ in range(3)]
    for host in hosts:
        host.tell("http.request")
        assert (await host.hear())["status"] == 200
    assert starts == [1]
    await app.stop()


async def test_the_lifespan_of_a_server_is_its_own():
    app = application()
    host = Host(app, {"type": "lifespan"})
    host.tell("lifespan.startup")
    assert await host.hear() == {"type": "lifespan.startup.complete"}
    client = await opened(app)
    host.tell("lifespan.shutdown")
    assert await client.hear() == {"type": "websocket.close", "code": 1001, "reason": "the server is going away"}
    assert await host.hear() == {"type": "lifespan.shutdown.complete"}
    await client.over()
    with pytest.raises(EverywireError, match="not running"):
        app.hub  # noqa: B018


async def test_it_lives_within_the_lifespan_of_the_application_it_is_mounted_in():
    app, done = application(), []

    @asynccontextmanager
    async def also(host):
        done.append((host, app.hub.node != ""))
        yield {"state": 1}
        done.append(app.hub.node != "")

    async with everywire.lifespan(app, also=also)("the host") as state:
        assert state == {"state": 1}
        assert done == [("the host", True)]
    assert done[1:] == [True]
    async with everywire.lifespan(app)("the host") as state:
        assert state is None
        assert app.hub


async def test_what_it_is_not_for():
    app = application()
    with pytest.raises(EverywireError, match="'webtransport' is not for us"):
        await app({"type": "webtransport"}, None, None)
    await app.stop()


def test_another_loop_has_it_once_the_first_is_closed():
    app = application()

    async def ask():
        host = Host(app, http_scope("/healthz"))
        host.tell("http.request")
        assert (await host.hear())["status"] == 200

    asyncio.run(ask())
    asyncio.run(ask())


async def test_one_loop_has_it_at_a_time():
    app = application()
    async with everywire.lifespan(app)(None):
        refused = await asyncio.to_thread(lambda: asyncio.run(_told(app)))
    assert "another event loop" in refused


async def _told(app):
    with pytest.raises(EverywireError) as caught:
        await app(http_scope(), None, None)
    return str(caught.value)


async def test_a_start_that_failed_is_tried_again():
    app = Everywire(secret="a secret of some length")
    start, app.start = app.start, lambda: 1 / 0
    host = Host(app, http_scope("/healthz"))
    with pytest.raises(ZeroDivisionError):
        await host.over()
    lifetime = Host(app, {"type": "lifespan"})
    lifetime.tell("lifespan.startup")
    assert await lifetime.hear() == {"type": "lifespan.startup.failed", "message": "division by zero"}
    app.start = start
    host = Host(app, http_scope("/healthz"))
    host.tell("http.request")
    assert (await host.hear())["status"] == 200
    await app.stop()


async def test_its_limits_are_those_that_were_said():
    app = application()
    app.embed(max_size=100, finish=0)
    async with everywire.lifespan(app)(None):
        host = await opened(app)
        host.tell("websocket.receive", text="x" * 101)
        assert await host.hear() == {"type": "websocket.close", "code": 1009, "reason": "message too big"}
        await host.over()
    with pytest.raises(TypeError, match=r"app\.embed: no option 'ping_interval'"):
        app.embed(ping_interval=1)


async def test_it_goes_on_where_it_runs_already():
    app = application()
    async with app.serving():
        host = await opened(app)
        host.tell("websocket.disconnect", code=1005)
        await host.over()


def test_the_client_of_a_framework_for_tests(capsys):
    app = application()
    for _ in range(2):  # each has a loop of its own, and tells nobody of its end
        client = TestClient(Starlette(routes=[Mount("/live", app=app)]))
        with client.websocket_connect("/live/everywire", subprotocols=[V1]) as websocket:
            websocket.send_text(CONNECT)
            assert '"type":"connected"' in websocket.receive_text()
        assert client.get("/live/healthz").status_code == 200
    with TestClient(Starlette(routes=[Mount("/live", app=app)], lifespan=everywire.lifespan(app))) as client:
        assert client.get("/live/healthz").status_code == 200
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("include", [lambda app: FastAPI().include_router(app), lambda app: app.include_router(app)])
def test_an_application_is_no_router(include):
    with pytest.raises(AttributeError, match=r"include_router\(everywire\.fastapi\.router\(rt\)\)"):
        include(Everywire())


def test_other_attributes_are_missing_as_ever():
    with pytest.raises(AttributeError, match="'Everywire' object has no attribute 'chanel'"):
        Everywire().chanel  # noqa: B018 - it is looked for
    assert getattr(Everywire(), "routes", None) is None
