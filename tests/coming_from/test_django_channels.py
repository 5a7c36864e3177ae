"""What docs/coming-from/django-channels.md has on its right runs, and does what the left does."""

import asyncio
import sys
from types import ModuleType

import pytest
from django.test import RequestFactory, override_settings
from django.utils.module_loading import import_string
from tests.coming_from.pages import right
from tests.django.conftest import MEMORY, database, migrated  # noqa: F401  the site is set up where this is imported
from tests.django.people import cookie, logged_in, person
from tests.django.sites import serving, under_uvicorn
from tests.django.test_committing import beside

from everywire.django import ChannelLayer, committing

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def room():
    return right("django-channels", "A room").run()["app"]


async def heard(subscription) -> object:
    return (await asyncio.wait_for(anext(subscription), 10)).data


async def test_the_channel_layer():
    block = right("django-channels", "The channel layer").run()
    backend = import_string(block["CHANNEL_LAYERS"]["default"]["BACKEND"])
    assert backend is ChannelLayer
    layer = backend(shared=False)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "said"})
    assert await layer.receive(channel) == {"type": "said"}


async def test_a_room(room):
    async with serving(room) as home, home.client() as ada, home.client() as bob:
        told = bob.subscribe("room_tea")
        await told.ready()
        await ada.publish("room_tea", {"text": "hello"})
        assert await heard(told) == {"text": "hello"}
        again = ada.subscribe("room_tea", rewind=1)
        assert await heard(again) == {"text": "hello"}


async def test_a_question_and_its_answer():
    app = right("django-channels", "A question and its answer").run()["app"]
    await beside(person)
    async with serving(app) as home, home.client() as client:
        assert [await client.call("exists", {"username": name}) for name in ("ada", "bob")] == [True, False]


async def test_who_it_is():
    app = right("django-channels", "Who it is").run()["app"]
    browser = await beside(lambda: logged_in(person()))
    with override_settings(EVERYWIRE=MEMORY | {"ANONYMOUS": False}):
        async with serving(app) as home:
            async with home.client(cookie(browser)) as ada:
                assert await ada.call("greet") == "Hello, ada!"
            nobody = home.client()
            with pytest.raises(Exception, match="log in first"):
                await nobody.connect(timeout=10)


async def test_asgi_py(room, monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    for name in ("mysite", "mysite.realtime"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["mysite.realtime"].app = room
    application = right("django-channels", "asgi.py").run()["application"]
    async with under_uvicorn(room, application) as home, home.client() as client:
        told = client.subscribe("room_tea")
        await told.ready()
    committing.relay.stop(10)


@pytest.mark.parametrize(
    ("view", "name", "room_name", "said"),
    [
        (right("django-channels", "From a view"), "close", "tea", "We are closing."),
        (right("django-channels", "When it is committed"), "register", "lobby", "tea is new here."),
    ],
    ids=["now", "on commit"],
)
async def test_views(room, view, name, room_name, said):
    function = view.run()[name]
    async with serving(room) as home, home.client() as client:
        told = client.subscribe(f"room_{room_name}")
        await told.ready()
        answer = await beside(lambda: function(RequestFactory().get("/"), "tea"))
        assert answer.status_code == 204
        assert await heard(told) == {"text": said}
