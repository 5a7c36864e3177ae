"""Who connects, by the sessions of Django."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.test import Client as Browser
from django.test import override_settings
from django.utils.functional import SimpleLazyObject
from tests.django.people import connecting, cookie, logged_in, person

from everywire.django import users
from everywire.django.users import auser_of, identify, marks, user_of
from everywire.errors import Refused
from everywire.hub.hooks import Connecting

pytestmark = pytest.mark.usefixtures("database")
ENGINES = ("db", "cache", "cached_db", "file", "signed_cookies")


def who(browser: Browser | None = None):
    fields = {"Cookie": f"other=1; {cookie(browser)}"} if browser is not None else {}
    return asyncio.run(identify(connecting(**fields)))


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_the_user_of_the_session(engine, tmp_path):
    with override_settings(
        SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}", SESSION_FILE_PATH=str(tmp_path)
    ):
        ada = person()
        found = who(logged_in(ada))
        assert (found.user, len(found.token)) == (str(ada.pk), 22)
        assert abs(found.expires - time.time() - 14 * 86_400) < 60
        assert who().user is None


def test_what_a_user_is_called():
    ada = person()
    browser = logged_in(ada)
    with override_settings(EVERYWIRE={"USER": "username"}):
        assert who(browser).user == "ada"
    with override_settings(EVERYWIRE={"USER": lambda user: f"user-{user.pk}"}):
        assert who(browser).user == f"user-{ada.pk}"


def test_a_session_says_how_long_it_lasts():
    browser = logged_in(person())
    session = browser.session
    session.set_expiry(600)
    session.save()
    assert abs(who(browser).expires - time.time() - 600) < 60


def test_who_is_nobody():
    browser = logged_in(person())
    known = cookie(browser)
    for given in ("", "sessionid=", "sessionid=not-a-session", "other=1", f"{known}x", "sessionid=" + "a" * 5000):
        assert asyncio.run(identify(connecting(Cookie=given))).user is None
    assert asyncio.run(identify(Connecting(None, None, None))).user is None
    with override_settings(EVERYWIRE={"ANONYMOUS": False}):
        assert who(browser).user is not None
        with pytest.raises(Refused) as no:
            who()
        assert (no.value.code, no.value.reason) == (101, "log in first")


def test_who_may_no_longer_come():
    ada = person()
    browser = logged_in(ada)
    ada.set_password("another")
    ada.save()
    assert who(browser).user is None
    browser = logged_in(ada)
    ada.is_active = False
    ada.save()
    assert who(browser).user is None


def test_whom_middleware_found_it_is():
    ada = person()
    session = logged_in(ada).session
    loaded = []

    def load():
        loaded.append(True)
        return type(ada).objects.get(pk=ada.pk)  # not on the loop: Django would refuse

    def by(**scope):
        request = SimpleNamespace(scope=scope, cookies={})
        return asyncio.run(identify(Connecting(None, request, None)))

    found = by(user=SimpleLazyObject(load), session=session)
    assert (found.user, found.token, loaded) == (str(ada.pk), marks(session)[0], [True])
    assert by(user=ada).user == str(ada.pk)
    assert by(user=AnonymousUser(), session=session).user is None
    assert by(path="/").user is None


def test_a_session_is_known_by_its_mark_whatever_its_key():
    browser = logged_in(person())
    before = who(browser).token
    session = browser.session
    session.cycle_key()
    assert [before] == marks(session)[:1]
    del session["everywire"]
    [digest] = marks(session)
    assert (len(digest), session.session_key in digest) == (64, False)


def test_a_handler_finds_the_user_who_calls():
    ada = person()
    for how, name in (("pk", str(ada.pk)), ("username", "ada")):
        with override_settings(EVERYWIRE={"USER": how}):
            assert user_of(SimpleNamespace(user=name)) == ada
            assert asyncio.run(auser_of(SimpleNamespace(user=name))) == ada
    assert user_of(SimpleNamespace(user=None)) == user_of(SimpleNamespace(user="0")) == AnonymousUser()
    with override_settings(EVERYWIRE={"USER": str}), pytest.raises(ImproperlyConfigured):
        user_of(SimpleNamespace(user="ada"))


def test_several_sessions_are_read_at_the_same_time(monkeypatch):
    """Were they read in Django's one thread, who connects would wait for everybody before."""
    browser = logged_in(person())
    both, read = threading.Barrier(2, timeout=10), users._of_session
    monkeypatch.setattr(users, "_of_session", lambda key: (both.wait(), read(key))[1])

    async def twice():
        given = connecting(Cookie=cookie(browser))
        return await asyncio.gather(identify(given), identify(given))

    first, second = asyncio.run(twice())
    assert first.user == second.user is not None
