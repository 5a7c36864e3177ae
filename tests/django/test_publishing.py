"""Publishing from plain code and from coroutines, in a process that serves and in one that does not."""

import asyncio
import logging
import threading

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.template import Context, Engine, Template
from tests.django.sites import serving

from everywire.django import Everywire, apublish, publish
from everywire.django.publishing import elsewhere
from everywire.errors import Refused


@pytest.fixture
def app():
    made = Everywire()
    made.channel("room:{name}", history=10, window=60)
    return made


async def test_a_plain_function_publishes_by_the_application_that_runs_here(app):
    async with serving(app):
        first = await asyncio.to_thread(publish, "room:1", {"text": "hello"}, key="once")
        assert (first.position.offset, first.repeated) == (1, False)
        again = await asyncio.to_thread(publish, "room:1", {"text": "hello"}, key="once")
        assert (again.position, again.repeated) == (first.position, True)
        assert (await apublish("room:1", b"\0")).position.offset == 2
        assert await asyncio.to_thread(async_to_sync(apublish), "room:1", 3) is not None


async def test_what_a_template_renders_to_is_published_as_text(app):
    async with serving(app) as home, home.client() as client:
        room = client.subscribe("room:1")
        await room.ready()
        html = Template("<b>{{ name }}</b>", engine=Engine()).render(Context({"name": "a&b"}))
        await asyncio.to_thread(publish, "room:1", {"html": html})
        assert (await anext(room)).data == {"html": "<b>a&amp;b</b>"}


async def test_what_is_wrong_is_raised_where_it_is_published(app):
    async with serving(app):
        for wrong, error in (
            ({"channel": "tea", "data": 1}, Refused),
            ({"channel": "room:1", "data": {1, print}}, TypeError),
        ):
            with pytest.raises(error):
                await asyncio.to_thread(publish, **wrong)
            with pytest.raises(error):
                await apublish(**wrong)
        with pytest.raises(SynchronousOnlyOperation, match="await apublish"):
            publish("room:1", 1)
        with pytest.raises(SynchronousOnlyOperation, match="own event loop"):
            elsewhere(app.publish("room:1", 1))


async def test_nobody_waits_for_ever(app, monkeypatch):
    async with serving(app):
        never = asyncio.Event()

        async def stuck(*arguments, **options):
            await never.wait()

        monkeypatch.setattr(app.hub.broker, "publish", stuck)
        with pytest.raises(TimeoutError, match=r"a publication in .room:1. for 0\.01 s: it may"):
            await asyncio.to_thread(publish, "room:1", 1, timeout=0.01)
        with pytest.raises(TimeoutError, match="nothing was heard"):
            await apublish("room:1", 1, timeout=0.01)
        assert await asyncio.to_thread(publish, "room:1", 1, wait=False) is None
        never.set()


async def test_what_nobody_waited_for_is_logged_where_it_fails(app, monkeypatch, caplog):
    failed = threading.Event()

    class Told(logging.Handler):
        def emit(self, record):
            failed.set()

    async def gone(*arguments, **options):
        raise ConnectionError("the broker is gone")

    async with serving(app):
        monkeypatch.setattr(app.hub.broker, "publish", gone)
        log = logging.getLogger("everywire.django")
        log.addHandler(told := Told())
        try:
            assert await asyncio.to_thread(publish, "room:1", 1, wait=False) is None
            assert await asyncio.to_thread(failed.wait, 10)
        finally:
            log.removeHandler(told)
    assert "a publication in 'room:1', which nobody waits for, failed: the broker is gone" in caplog.text
