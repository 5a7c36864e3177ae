"""A logout ends what came with Django's session."""

import asyncio
import logging
import os
import uuid

import pytest
from django.contrib.auth import alogout, logout
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from django.http import HttpRequest
from django.test import override_settings
from tests.django.conftest import MEMORY
from tests.django.people import cookie, logged_in, person
from tests.django.sites import serving
from tests.django.test_committing import beside

from everywire import ClientClosed
from everywire.client.options import State
from everywire.django import Everywire, logins

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def app():
    return Everywire()


@pytest.mark.parametrize("way", ["plain", "coroutine"])
async def test_clients_that_came_with_the_session_are_closed_and_no_others(app, way):
    ada = await beside(person)
    here, there = await beside(lambda: (logged_in(ada), logged_in(ada)))
    async with serving(app) as home, home.client(cookie(here)) as first, home.client(cookie(there)) as second:
        request = HttpRequest()
        request.session = await beside(lambda: here.session)
        if way == "plain":
            await beside(lambda: logout(request))
        else:
            await alogout(request)
        assert await home.end(first) == 4401
        with pytest.raises(ClientClosed, match="logged out"):
            await first.call("anything")
        assert second.state is State.CONNECTED
        async with home.client(cookie(here)) as nobody:
            assert app.hub.sessions[nobody.session].user is None


async def test_also_after_the_key_of_the_session_has_changed(app):
    ada = await beside(person)
    browser = await beside(lambda: logged_in(ada))
    async with serving(app) as home, home.client(cookie(browser)) as client:
        request = HttpRequest()
        session = await beside(lambda: browser.session)
        await beside(session.cycle_key)
        request.session = session
        await beside(lambda: logout(request))
        assert await home.end(client) == 4401


@pytest.mark.parametrize(("ends", "codes"), [("user", [4401, 4401]), (None, [])])
async def test_what_a_logout_ends_is_a_setting(app, ends, codes):
    ada = await beside(person)
    here, there = await beside(lambda: (logged_in(ada), logged_in(ada)))
    with override_settings(EVERYWIRE=MEMORY | {"LOGOUT": ends}):
        async with serving(app) as home, home.client(cookie(here)) as first, home.client(cookie(there)) as second:
            await beside(lambda: here.logout())
            request = HttpRequest()
            request.session, request.user = await beside(lambda: there.session), ada
            await beside(lambda: logout(request))
            if codes:
                assert [await home.end(first), await home.end(second)] == codes
            else:
                assert first.state is second.state is State.CONNECTED


async def test_a_logout_never_fails_for_us(app, monkeypatch, caplog):
    def gone():
        raise ConnectionError("no broker")

    monkeypatch.setattr(logins, "hub_of_process", gone)
    ada = await beside(person)
    browser = await beside(lambda: logged_in(ada))
    request = HttpRequest()
    request.session = await beside(lambda: browser.session)
    with caplog.at_level(logging.ERROR, "everywire.django"):
        await beside(lambda: logout(request))
    assert "clients of who has logged out may still be connected" in caplog.text


async def test_a_logout_without_a_session_ends_nothing():
    await beside(lambda: logins._logged_out(request=None, user=None))


def left_elsewhere(key: str) -> None:
    """Log out in a process that serves nobody."""
    connections.close_all()
    child = os.fork()
    if not child:
        code = 1
        try:
            request = HttpRequest()
            request.session = SessionStore(key)
            logout(request)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
async def test_a_logout_in_another_process_closes_them_too():
    ada = await beside(person)
    browser = await beside(lambda: logged_in(ada))
    with override_settings(EVERYWIRE={"BROKER": f"machine://logins-{uuid.uuid4().hex}"}):
        async with serving(Everywire()) as home, home.client(cookie(browser)) as client:
            await asyncio.to_thread(left_elsewhere, browser.cookies["sessionid"].value)
            assert await home.end(client) == 4401
