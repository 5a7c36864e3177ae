"""An application beside Django in one ASGI application, under another server."""

import asyncio

import aiohttp
import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import re_path
from tests.django.conftest import MEMORY
from tests.django.people import cookie, logged_in, person
from tests.django.sites import under_uvicorn
from tests.django.test_committing import beside
from tests.servers.asgi.hosting import Host, http_scope

import everywire
from everywire import Caller, Response
from everywire.app import running
from everywire.django import Everywire, asgi, auser_of
from everywire.django.committing import relay
from everywire.servers.host.mounts import places

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def no_relay():
    """Have the thread of the relay ended where a site has begun it."""
    yield
    relay.stop(10)


@pytest.fixture
def app():
    made = Everywire()
    made.channel("room:{name}", history=10)
    made.socketio()

    @made.on("whoami")
    async def whoami(caller: Caller) -> str:
        return (await auser_of(caller)).get_username()

    @made.route("/rt/page")
    async def page(request):
        return Response(200, "a page of ours")

    return made


def test_a_server_of_ours_says_where_its_clients_connect(app):
    assert places(asgi(app), []) == ["/everywire"]


async def get(home, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{home.port}{path}") as answer:
        return answer.status, await answer.text()


async def texts(room, count: int) -> list[str]:
    return [(await asyncio.wait_for(anext(room), 10)).data["text"] for _ in range(count)]


async def test_views_publish_and_clients_hear_it(app):
    browser = await beside(lambda: logged_in(person()))
    async with under_uvicorn(app, asgi(app)) as home, home.client(cookie(browser)) as ada:
        assert await ada.call("whoami") == "ada"
        room = ada.subscribe("room:1")
        await room.ready()
        for path in (
            "say/?text=one",
            "say/?text=never&fail",
            "asay/?text=two",
            "say/?text=three&now",
            "say/?text=four",
        ):
            assert await get(home, f"/{path}") == (200, "said")
        assert await texts(room, 4) == ["one", "two", "three", "four"]
        assert await get(home, "/rt/page") == (200, "a page of ours")
        assert await get(home, "/healthz") == (200, "the site is well")
        assert (await get(home, "/socket.io/?EIO=4&transport=polling"))[1].startswith('0{"sid"')
        assert (await get(home, "/away"))[0] == 404
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"http://127.0.0.1:{home.port}/away")


async def test_in_the_routers_of_channels_its_middleware_says_who_it_is(app):
    application = ProtocolTypeRouter(
        {
            "lifespan": app,
            "http": URLRouter([re_path(r"^everywire", app), re_path(r"", get_asgi_application())]),
            "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([re_path(r"^everywire", app)]))),
        }
    )
    browser = await beside(lambda: logged_in(person()))
    async with under_uvicorn(app, application) as home:
        async with home.client(cookie(browser)) as ada, home.client(origin=f"http://localhost:{home.port}") as nobody:
            assert await ada.call("whoami") == "ada"
            assert await nobody.call("whoami") == ""
        async with home.client(cookie(browser), transports=["poll"]) as ada:
            assert await ada.call("whoami") == "ada"
        assert await get(home, "/say/?text=one") == (200, "said")


async def test_what_is_not_ours_is_the_other_applications_websockets_too(app):
    async def echo(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": f"{scope['type']} {scope['path']}"})
        await send({"type": "websocket.close"})

    async with under_uvicorn(app, asgi(app, echo)) as home, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://127.0.0.1:{home.port}/consumer") as ws:
            assert await ws.receive_str() == "websocket /consumer"
        async with home.client() as client:
            assert await client.call("whoami") == ""


async def test_it_may_be_mounted_itself(app):
    heard = []

    async def other(scope, receive, send):
        heard.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"other"})

    application = asgi(app, other)
    async with app.embedded():
        for root, path in (("/site", "/site/rt/page"), ("", "/rt/page"), ("/site", "/rt/page")):
            host = Host(application, http_scope(path, root_path=root))
            host.tell("http.request", body=b"", more_body=False)
            assert (await host.hear())["status"] == 200
            await host.hear()
            await host.task
    assert heard == []


async def test_it_begins_with_the_first_request_of_a_server_that_says_nothing_of_its_start(app, monkeypatch, caplog):
    async def other(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def pages(count: int) -> None:
        for _ in range(count):
            host = Host(asgi(app, other), http_scope("/page"))
            assert (await host.hear())["status"] == 204
            await host.task

    start = app.start

    def failing(world=None):
        raise ConnectionError("no broker")

    monkeypatch.setattr(app, "start", failing)
    await pages(2)
    assert caplog.text.count("the application beside Django does not start") == 2
    monkeypatch.setattr(app, "start", start)
    await pages(1)
    assert running.latest() is app
    await app.stop()


def test_one_that_other_processes_do_not_reach_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"everywire\.django\.Everywire"):
        asgi(everywire.Everywire())
    assert asgi(everywire.Everywire(broker="machine://mounting"))


async def test_the_relay_begins_with_the_server(app):
    with override_settings(EVERYWIRE=MEMORY | {"OUTBOX_INTERVAL": 600}):
        async with under_uvicorn(app, asgi(app)):
            assert relay._thread is not None


@pytest.mark.parametrize(
    ("debug", "chosen", "status"), [(True, {}, 200), (True, {"STATIC": False}, 404), (False, {}, 404)]
)
async def test_static_files_are_served_while_a_site_is_developed(app, tmp_path, debug, chosen, status):
    (tmp_path / "site.css").write_text("p { margin: 0 }")
    development = {
        "DEBUG": debug,
        "EVERYWIRE": MEMORY | chosen,
        "INSTALLED_APPS": [*settings.INSTALLED_APPS, "django.contrib.staticfiles"],
        "STATICFILES_DIRS": [tmp_path],
        "STATIC_URL": "/static/",
    }
    with override_settings(**development):
        async with under_uvicorn(app, asgi(app)) as home:
            assert (await get(home, "/static/site.css"))[0] == status
            assert await get(home, "/healthz") == (200, "the site is well")
            assert await get(home, "/rt/page") == (200, "a page of ours")
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.WSServerHandshakeError):
                    await session.ws_connect(f"http://127.0.0.1:{home.port}/away")
