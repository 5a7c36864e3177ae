"""The hub of a process: of the application that serves there, or of a companion."""

import asyncio
import os
import sys
import threading
from types import ModuleType

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test import override_settings
from tests.django.conftest import MEMORY
from tests.django.sites import serving

import everywire
from everywire.django import Everywire, process, publish, publish_on_commit
from everywire.django.process import hub_of_process, known, publisher, site
from everywire.errors import Refused


@pytest.fixture(autouse=True)
def alone():
    """End the companion that a test has begun."""
    yield
    process._companion.end()
    assert "everywire-companion" not in [each.name for each in threading.enumerate()]


@pytest.fixture
def realtime(monkeypatch):
    """Have a site with a module `site_of_tests` that has an application."""
    module = ModuleType("site_of_tests")
    module.app = Everywire(secret="a secret that is long enough for it")
    module.app.channel("room:{name}", history=3)
    module.app.personal("mine:{user}")
    module.other = 7
    monkeypatch.setitem(sys.modules, "site_of_tests", module)
    with override_settings(EVERYWIRE=MEMORY | {"APP": "site_of_tests:app"}):
        yield module.app


def test_a_companion_that_could_not_begin_is_begun_by_who_asks_next(realtime, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="no thread"):
        patch.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError("no thread")))
        hub_of_process()
    assert publish("room:1", "hello", timeout=5).position.offset == 1


def test_one_that_failed_ends_without_a_word(realtime, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(PermissionError, match="no folder"):
        patch.setattr(Everywire, "start", lambda _: (_ for _ in ()).throw(PermissionError("no folder")))
        hub_of_process()
    process._companion.end()


def test_a_process_that_serves_nothing_has_a_companion_with_the_channels_of_the_site(realtime):
    assert publish("room:1", "hello").position.offset == 1
    found = hub_of_process()
    assert found is hub_of_process()
    assert found is not realtime
    assert found.hub.place("room:1").kind.retention.size == 3
    assert found.publish_to("ada", 1).result(10).position.offset == 1
    with pytest.raises(Refused):
        publish("tea", 1)
    with pytest.raises(everywire.EverywireError):
        realtime.hub  # noqa: B018


def test_one_that_serves_has_its_own(realtime):
    companion = hub_of_process()

    async def test():
        async with serving(realtime):
            assert await asyncio.to_thread(hub_of_process) is realtime
        assert hub_of_process() is companion

    asyncio.run(test())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_child_of_a_fork_begins_its_own(realtime):
    parent = hub_of_process()
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if hub_of_process() is not parent and publish("room:1", 1) is not None else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert hub_of_process() is parent


def test_what_hinders_it_is_raised_and_tried_again(realtime, monkeypatch):
    failures = [ConnectionError("no broker")]
    start = Everywire.start

    def begin(self, *arguments):
        if failures:
            raise failures.pop()
        return start(self, *arguments)

    monkeypatch.setattr(Everywire, "start", begin)
    with pytest.raises(ConnectionError, match="no broker"):
        hub_of_process()
    assert publish("room:1", 1) is not None


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("site_of_tests.away", "cannot be imported"),
        ("no_such_module.app", "cannot be imported: No module named 'no_such_module'"),
        ("site_of_tests:other", "is 'site_of_tests:other', which is no Everywire but 7"),
        ("app", "cannot be imported"),
    ],
)
def test_a_name_that_leads_nowhere(realtime, path, complaint):
    with override_settings(EVERYWIRE=MEMORY | {"APP": path}), pytest.raises(ImproperlyConfigured) as raised:
        site()
    assert complaint in str(raised.value)
    assert site() is realtime


def test_without_a_name_there_is_none():
    assert site() is None


def test_who_publishes_where_nobody_knows_the_sites_channels_is_told_what_to_write():
    hub_of_process()  # which has none, but a channel layer's groups need none
    for publishing in (publish, publish_on_commit):
        with pytest.raises(ImproperlyConfigured) as raised:
            publishing("room:1", 1)
        assert 'EVERYWIRE = {"APP": "tests.realtime.app"} into the settings' in str(raised.value)
        assert "tests/realtime.py has app = everywire.django.Everywire()" in str(raised.value)


async def test_one_that_serves_needs_no_name(database):
    made = Everywire()
    made.channel("room:{name}")
    async with serving(made):
        assert known() is made
        assert await asyncio.to_thread(publisher) is made
        assert await asyncio.to_thread(publish, "room:1", 1) is not None
        with pytest.raises(Refused, match="unknown channel 'tea'"):
            await asyncio.to_thread(in_a_thread, publish_on_commit, "tea", 1)


def in_a_thread(work, *arguments):
    """Do it, and close the thread's connections."""
    try:
        return work(*arguments)
    finally:
        connections.close_all()
