"""A package that is installed adds a broker and a dialect, without a word in everywire."""

import tempfile

import pytest
from tests.app.packages import installed, site

import everywire
from everywire import Everywire
from everywire.app.installed import broker
from everywire.errors import SettingError

SHOUT = """
from everywire.brokers.memory import MemoryBroker
from everywire.dialects.base import Heartbeat, Open, Reply
from everywire.dialects.text import TextCodec, TextDecoder
from everywire.messages import Connect
from everywire.payloads import Payload

made = []

def broker(url):
    def make(world, metrics):
        made.append(url)
        return MemoryBroker(world.now, world.new_id, later=world.later, metrics=metrics)
    return make

class ShoutCodec(TextCodec):
    dialect = "shout"

    def encode(self, event):
        return tuple(Payload(payload.data.upper()) for payload in super().encode(event))

class ShoutDialect:
    name = "shout"

    def __init__(self, heartbeat, path="/shout", *, handler="message"):
        self.heartbeat = Heartbeat(every=heartbeat.every, who_asks="nobody")
        self.path = path
        self.handler = handler
        self.codec = ShoutCodec()

    def accept(self, request, new_id):
        if request.path != self.path:
            return None
        if "websocket" not in request.headers.tokens("upgrade"):
            return Reply(426)
        begins = Connect(0, lasting=False)
        return Open(self.codec, TextDecoder(self.handler), begins=begins, heartbeat=self.heartbeat)

not_a_function = 5

def half(heartbeat):
    return object()

def wrong(url):
    return url
"""
POINTS = {
    "everywire.brokers:shout": "everywire_shout:broker",
    "everywire.brokers:odd": "everywire_shout:wrong",
    "everywire.brokers:gone": "everywire_shout:gone",
    "everywire.brokers:five": "everywire_shout:not_a_function",
    "everywire.dialects:shout": "everywire_shout:ShoutDialect",
    "everywire.dialects:half": "everywire_shout:half",
}


@pytest.fixture
def shout(tmp_path, monkeypatch):
    folder = site(tmp_path, monkeypatch)
    installed(folder, "everywire-shout", SHOUT, POINTS)
    return folder


async def test_a_dialect_is_spoken_by_its_name(shout):
    app = Everywire(broker="shout://somewhere/1?x=2")
    app.speak("shout", handler="said")

    @app.on("said")
    def said(caller: everywire.Caller, data: str) -> str:
        return f"hello, {data}"

    assert app.beside == "shout at /shout"
    async with app.serving() as server:
        async with everywire.connect(f"ws://127.0.0.1:{server.port}/shout") as ws:
            await ws.send("ada")
            assert await ws.recv() == "HELLO, ADA"
    import everywire_shout

    assert everywire_shout.made == ["shout://somewhere/1?x=2"]


async def test_the_broker_may_be_said_from_outside(shout, monkeypatch):
    monkeypatch.setenv("EVERYWIRE_BROKER", "shout://there")
    import everywire_shout

    async with Everywire().serving():
        assert everywire_shout.made[-1] == "shout://there"
    monkeypatch.setenv("EVERYWIRE_BROKER", "shot://there")
    with pytest.raises(
        SettingError, match=r"^EVERYWIRE_BROKER: no installed package has 'shot'.*did you mean 'shout'\?"
    ):
        Everywire()


def test_memory_is_what_there_is_where_nothing_is_said():
    assert broker("memory://") is None
    assert Everywire(broker="memory://")._make_broker is None


@pytest.fixture
def runtime():
    with tempfile.TemporaryDirectory(prefix="ew-") as folder:  # a socket's path has to be short
        yield folder


async def test_the_machine_has_one(runtime, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    one, other = Everywire(broker="machine://test"), Everywire(broker="machine://test")
    for app in (one, other):
        app.channel("news", history=5)
    async with one.serving(), other.serving() as server:
        await one.publish("news", "hello")
        async with everywire.Client(f"ws://127.0.0.1:{server.port}/everywire") as client:
            page = await client.subscribe("news").history()
            assert [each.data for each in page.publications] == ["hello"]


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("redis", ValueError, "a broker is a URL, as in 'machine://', not 'redis'"),
        ("memory://x", ValueError, "memory:// has nothing behind it"),
        (
            "shot://x",
            ValueError,
            r"no installed package has 'shot' among its everywire.brokers; did you mean 'shout'\?",
        ),
        ("zebra://x", ValueError, "there are five, gone, machine, memory, odd, shout"),
        ("gone://x", ValueError, "'gone' of everywire-shout does not load: .*gone"),
        ("odd://x", TypeError, "odd:// of everywire.brokers gives 'odd://x', not a function"),
        ("five://x", TypeError, "everywire_shout:not_a_function of everywire-shout is a function of a URL, not 5"),
    ],
)
def test_a_broker_that_there_is_not(shout, url, error, words):
    with pytest.raises(error, match=words):
        Everywire(broker=url)


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("shot", {}, ValueError, "did you mean 'shout'?"),
        (
            "shout",
            {"colour": 1},
            TypeError,
            r"app\.speak\('shout'\): got an unexpected keyword argument 'colour'; it takes",
        ),
        ("shout", {"path": "shout"}, ValueError, "a path begins with a slash"),
        ("shout", {"path": "/everywire/x"}, ValueError, "everywire's own clients connect to"),
    ],
)
def test_a_dialect_that_cannot_be_spoken(shout, name, options, error, words):
    with pytest.raises(error, match=words):
        Everywire().speak(name, **options)


def test_what_makes_a_dialect_has_its_options_already():
    with pytest.raises(TypeError, match="options are for dialects that are named"):
        Everywire().speak(lambda beat: None, "/shout")


async def test_what_is_no_dialect_is_said_at_the_start(shout):
    app = Everywire()
    app.speak("half")
    with pytest.raises(TypeError, match=r"'half' of everywire-shout gives no Dialect: .* has no name"):
        async with app.serving():
            pass


def test_a_name_in_two_packages_is_nobodys(shout):
    installed(shout, "everywire-other", "broker = print\n", {"everywire.brokers:shout": "everywire_other:broker"})
    with pytest.raises(ValueError, match=r"'shout' of everywire.brokers is in several packages: everywire-"):
        Everywire(broker="shout://x")
