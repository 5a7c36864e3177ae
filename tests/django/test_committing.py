"""What a transaction publishes, by the application that runs."""

import asyncio
import logging
import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.db.models.signals import post_save
from django.test import override_settings
from tests.django.conftest import MEMORY
from tests.django.rows import there
from tests.django.sites import serving

from everywire.django import Everywire, committing, publish_on_commit
from everywire.django.models import Outbox
from everywire.errors import Refused

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def relay(monkeypatch):
    """Count how often the relay is woken, and have no thread."""
    woken: list[bool] = []
    monkeypatch.setattr(committing.relay, "wake", lambda: woken.append(True))
    monkeypatch.setattr(committing, "_rests_until", 0.0)
    return woken


@pytest.fixture
def app(monkeypatch):
    made = Everywire()
    made.channel("room:{name}", history=10)
    made.channel("number:{name}", history=10, data=int)
    made.channel("board:{name}", keyed=True)
    monkeypatch.setattr(committing, "known", lambda: made)
    return made


def beside(work):
    """Do something in a thread, and close its connections."""

    def done():
        try:
            return work()
        finally:
            connections.close_all()

    return asyncio.to_thread(done)


async def history(app, channel: str) -> list:
    place = app.hub.place(channel)
    from everywire.brokers.base import Query

    stretch = await app.hub.broker.read(place.name, Query(), place.kind.retention)
    return [bytes(each.data).decode() for each in stretch.publications]


async def test_it_is_there_when_the_commit_comes_back(app, relay):
    def work():
        with transaction.atomic():
            publish_on_commit("room:1", {"text": "one"})
            publish_on_commit("room:1", "two", to_user="ada")
            publish_on_commit("room:2", "three", exclude=iter(["s1", "s2"]))
            publish_on_commit("board:1", 4, entry="a", ttl=60)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            publish_on_commit("room:1", "never")
            raise ZeroDivisionError

    async with serving(app):
        await beside(work)
        assert await history(app, "room:1") == ['{"text":"one"}', '"two"']
        assert await history(app, "room:2") == ['"three"']
    assert (await beside(there), relay) == ([], [])


async def test_a_signal_of_a_model_publishes_what_is_saved_and_nothing_that_is_rolled_back(app, relay):
    people = get_user_model()

    def tell(instance, **_):
        publish_on_commit("room:1", instance.username)

    def work():
        with transaction.atomic():
            people.objects.create(username="ada")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            people.objects.create(username="bob")
            raise ZeroDivisionError
        people.objects.create(username="cy")

    post_save.connect(tell, sender=people)
    try:
        async with serving(app):
            await beside(work)
            assert await history(app, "room:1") == ['"ada"', '"cy"']
    finally:
        post_save.disconnect(tell, sender=people)
    assert (await beside(there), relay) == ([], [])


async def test_options_that_say_nothing_leave_the_row_its_own_key(app):
    def work():
        with transaction.atomic():
            publish_on_commit("room:1", 1, key=None, to_user=None, exclude=["a"])
            row = Outbox.objects.get()
            transaction.set_rollback(True)
        return row.options

    assert await beside(work) == {"exclude": ["a"]}


async def test_what_cannot_be_published_is_said_in_the_transaction(app):
    def work():
        for channel, data, options, error in (
            ("tea", 1, {}, Refused),
            ("room:*", 1, {}, Refused),
            ("number:1", "one", {}, Refused),
            ("board:1", 1, {}, Refused),
            ("room:" + "x" * 300, 1, {}, Refused),
            ("room:1", print, {}, TypeError),
            ("room:1", 1, {"ephemeral": True}, ValueError),
            ("board:1", 1, {"entry": "a", "expect": 0}, ValueError),
            ("board:1", 1, {"entry": "a", "ttl": -1}, ValueError),
            ("room:1", 1, {"using": "other"}, ImproperlyConfigured),
        ):
            with pytest.raises(error):
                publish_on_commit(channel, data, **options)
        return there()

    assert await beside(work) == []


async def test_who_cannot_publish_leaves_it_to_the_relay_and_does_not_wait_again(app, relay, monkeypatch, caplog):
    tried = []

    def gone():
        tried.append(True)
        raise ConnectionError("nobody there")

    monkeypatch.setattr(committing, "publisher", gone)

    def work():
        publish_on_commit("room:1", 1)
        publish_on_commit("room:2", 2)

    with caplog.at_level(logging.WARNING, "everywire.django"):
        await beside(work)
    assert (len(tried), len(relay)) == (1, 2)
    assert await beside(there) == [("room:1", b"1"), ("room:2", b"2")]
    assert "a publication of the outbox waits" in caplog.text


async def test_a_hub_that_says_nothing_holds_a_commit_up_for_a_moment_only(app, relay, monkeypatch):
    never = asyncio.Event()

    async def stuck(*arguments):
        await never.wait()

    with override_settings(EVERYWIRE=MEMORY | {"OUTBOX_DEADLINE": 0.01}):
        async with serving(app):
            monkeypatch.setattr(app.hub.broker, "publish", stuck)
            await beside(lambda: publish_on_commit("room:1", 1))
            never.set()
    waiting = await beside(Outbox.objects.get)
    assert waiting.error == "nothing was heard of it for 0.01 s: it may have been published, or be yet"
    assert len(relay) == 1


async def test_a_database_that_fails_after_the_commit_does_not_fail_the_commit(app, relay, monkeypatch, caplog):
    def broken(*arguments):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("everywire.django.outbox.cleared", broken)
    await beside(lambda: publish_on_commit("room:1", 1))
    assert "what was committed is left to the relay" in caplog.text
    assert (len(relay), len(await beside(there))) == (1, 1)


UNREADY = """
import sys
from django.conf import settings
settings.configure(INSTALLED_APPS={apps}, MIDDLEWARE=[], DATABASES={{}})
from everywire.django import publish_on_commit
assert "everywire.django.models" not in sys.modules
import django
from django.core.management import call_command
django.setup()
{then}
"""


@pytest.mark.parametrize(
    ("installed", "then", "last"),
    [
        (["everywire.django"], "call_command('check')", ""),
        ([], "call_command('check')", "(everywire.E004)"),
        ([], "publish_on_commit('news')", "ImproperlyConfigured"),
    ],
)
def test_it_is_imported_before_models_can_be_and_says_what_is_missing(installed, then, last):
    program = UNREADY.format(apps=installed, then=then)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ran.returncode == 0) == (last == ""), ran.stderr
    assert last in ran.stderr
    assert (last == "") != ('add "everywire.django" to INSTALLED_APPS' in ran.stderr)
