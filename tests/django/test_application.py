"""The application of a site: its users, pages, secret and threads."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import override_settings
from tests.django.people import cookie, logged_in, person
from tests.django.sites import serving
from tests.django.test_committing import beside

from everywire import Caller, HandshakeError, Refused
from everywire.brokers.memory import MemoryBroker
from everywire.django import Everywire, application, user_of
from everywire.errors import ClientClosed
from everywire.gateway import HttpSettings

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def app():
    made = Everywire()
    made.channel("room:{name}")

    @made.on("whoami")
    def whoami(caller: Caller) -> str:
        return user_of(caller).get_username()

    return made


async def test_a_handler_is_called_by_the_user_of_the_session(app):
    browser = await beside(lambda: logged_in(person()))
    async with serving(app) as home, home.client(cookie(browser)) as ada, home.client() as nobody:
        assert await ada.call("whoami") == "ada"
        assert await nobody.call("whoami") == ""


@pytest.mark.parametrize("transport", ["websocket", "stream", "poll"])
async def test_pages_of_other_sites_do_not_connect(app, transport):
    browser = await beside(lambda: logged_in(person()))
    async with serving(app) as home:
        async with home.client(cookie(browser), transports=[transport]) as ada:
            assert await ada.call("whoami") == "ada"
        async with home.client(cookie(browser), f"http://127.0.0.1:{home.port + 1}", transports=[transport]) as page:
            assert await page.call("whoami") == "ada"
        stranger = home.client(cookie(browser), "https://evil.net", transports=[transport])
        with pytest.raises((ClientClosed, HandshakeError, TimeoutError)):
            await stranger.connect(timeout=2)
        await stranger.close()


async def test_the_log_says_in_which_setting_a_page_that_may_connect_is_listed(app, caplog):
    async with serving(app) as home:
        stranger = home.client(origin="https://shop.net")
        with pytest.raises(HandshakeError, match="list it in `CSRF_TRUSTED_ORIGINS`"):
            await stranger.connect(timeout=2)
        await stranger.close()
    assert "CSRF_TRUSTED_ORIGINS=['https://shop.net'] of Django's settings, says so" in caplog.text


async def test_who_lists_origins_says_which_pages_connect_besides_those_of_the_same_host():
    app = Everywire(http=HttpSettings(origins=["https://friends.net"]))
    async with serving(app, origins=["https://friends.net"]) as home:
        async with home.client(origin="https://friends.net"):
            pass
        with override_settings(ALLOWED_HOSTS=["shop.example"]):
            stranger = home.client(origin="https://friends.net")
            with pytest.raises(Refused, match="ALLOWED_HOSTS"):
                await stranger.connect(timeout=2)  # by a host that is none of the site's
            await stranger.close()


async def test_the_secret_is_made_of_the_sites(monkeypatch):
    monkeypatch.delenv("EVERYWIRE_SECRET", raising=False)
    app = Everywire()
    async with serving(app):
        [first] = app._hooks.secrets
    with override_settings(SECRET_KEY="another"):
        other = Everywire()
        async with serving(other):
            assert other._hooks.secrets != (first,)
    own = Everywire(secret="a secret of its own, long enough")
    async with serving(own):
        assert own._hooks.secrets == ("a secret of its own, long enough",)


async def test_who_says_otherwise_is_asked(app):
    @app.on_connect
    def guest(connecting):
        raise Refused("nobody today", 101)

    async with serving(app) as home:
        client = home.client()
        with pytest.raises(Refused, match="nobody today"):
            await client.connect(timeout=10)


async def test_it_starts_again_with_the_same_guard(app):
    for _ in range(2):
        async with serving(app) as home, home.client() as client:
            assert await client.call("whoami") == ""
    app.instrument("a key that is long enough", origins=["https://admin.socket.io"])
    async with serving(app) as home, home.client() as client:
        assert await client.call("whoami") == ""


async def test_connections_of_a_plain_handlers_thread_are_closed_when_they_are_too_old(app):
    @app.on("count")
    def count(caller: Caller) -> tuple[bool, int]:
        open_before = connection.connection is not None
        return open_before, get_user_model().objects.count()

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    async with serving(app) as home, home.client() as client:
        assert [await client.call("count") for _ in range(2)] == [[False, 0], [False, 0]]


async def test_the_broker_is_the_machines_unless_the_settings_say_otherwise(app, monkeypatch):
    asked = []

    def machine(name: str | None = None):
        asked.append(name)
        return lambda world, metrics: MemoryBroker(world.now, world.new_id)

    monkeypatch.setattr(application, "machine", machine)
    for base, name in ((None, None), (Path("/srv/site"), "site /srv/site")):
        with override_settings(EVERYWIRE={}, **({"BASE_DIR": base} if base else {})):
            async with serving(app):
                assert asked.pop() == name
    async with serving(app):
        assert asked == []
    with override_settings(EVERYWIRE={}):
        async with serving(Everywire(broker="memory://")):
            assert asked == []
