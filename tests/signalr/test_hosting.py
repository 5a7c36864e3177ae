"""A hub at its place: who comes, who goes, who may, and what else the application says of them."""

import asyncio

import pytest
from tests.signalr.nets import hall

from everywire import Everywire, Refused
from everywire.errors import ConnectionClosedError
from everywire.signalr import Hub, HubContext, HubException, singleton
from everywire.testing import Net, Refusal, passed


class Watched(Hub):
    def __init__(self, told: list) -> None:
        self.told = told

    async def on_connected(self):
        self.told.append(("came", self.context.connection_id))

    async def on_disconnected(self, error):
        self.told.append(("went", self.context.connection_id, error))


def test_a_hub_learns_who_comes_and_goes_and_how():
    told = []
    with hall(Watched, services={list: told}) as running:
        ada, bob = running.come(), running.come()
        ada.send("leave")
        bob.drop()
        running.net.run(200)
    came, came_too, left, lost = told
    assert (came, came_too) == (("came", ada.session), ("came", bob.session))
    assert left == ("went", ada.session, None)
    assert lost[:2] == ("went", bob.session)
    assert isinstance(lost[2], ConnectionClosedError)


def test_the_application_learns_of_them_first():
    app, told = Everywire(), []
    app.on_connected(lambda caller, connecting: told.append("app came"))
    app.on_disconnected(lambda caller: told.append("app went"))

    class Learns(Hub):
        async def on_connected(self):
            told.append("hub came")

        async def on_disconnected(self, error):
            told.append("hub went")

    with hall(Learns, app) as running:
        running.come().send("leave")
        running.net.run()
        assert told == ["app came", "hub came", "app went", "hub went"]


@pytest.mark.parametrize(
    ("detailed", "reason"),
    [
        (False, "Connection closed with an error."),
        (True, "Connection closed with an error. ValueError: " + "long " * 40 + "reason"),
    ],
)
def test_who_cannot_be_welcomed_is_told_why_and_closed(detailed, reason):
    went = []

    class Fails(Hub):
        async def on_connected(self):
            raise ValueError("long " * 40 + "reason")

        async def on_disconnected(self, error):
            went.append(error)

    with hall(Fails, detailed_errors=detailed) as running:
        client = running.come()
        assert client.closed is None
        running.net.run(0.2)
        assert client.closed == (1011, reason)
        running.net.run(200)
        assert went == []


def test_a_hub_exception_is_told_to_who_cannot_be_welcomed():
    class Fails(Hub):
        def __init__(self) -> None:
            raise HubException("closed today")

    with hall(Fails) as running:
        client = running.come()
        running.net.run(0.2)
        assert client.closed == (1011, "Connection closed with an error. HubException: closed today")


def test_what_a_client_says_waits_for_its_welcome():
    class Slow(Hub):
        async def on_connected(self):
            await passed(1)
            self.context.items["ready"] = True

        async def ready(self):
            return self.context.items.get("ready")

    with hall(Slow) as running:
        client = running.come()
        asked = client.send("call", name="ready")
        running.net.run(2)
        assert client.answer(asked)["data"] is True


def test_who_goes_while_it_is_welcomed_is_told_of_afterwards():
    told = []

    class Slow(Hub):
        async def on_connected(self):
            await passed(1)
            told.append("came")

        async def on_disconnected(self, error):
            told.append("went")

    with hall(Slow) as running:
        running.come().send("leave")
        running.net.run(2)
        assert told == ["came", "went"]


def test_only_users_come_where_that_is_wanted():
    app = Everywire()
    app.on_connect(lambda connecting: connecting.token)
    with hall(Watched, app, services={list: []}, authorize=True) as running:
        running.come(token="ada")
        with pytest.raises(Refusal, match="101 this hub is for users who are known"):
            running.come()


def test_the_applications_hook_says_who_comes():
    app = Everywire()

    @app.on_connect
    async def connect(connecting):
        await asyncio.sleep(0)
        if connecting.token is None:
            raise Refused("a token is needed", 101)
        return connecting.token

    with hall(Watched, app, services={list: []}) as running:
        client = running.net.client()
        asked = client.send("connect", token="ada")
        running.net.run()
        assert client.answer(asked)["user"] == "ada"
        refused = running.net.client()
        asked = refused.send("connect")
        running.net.run()
        with pytest.raises(Refusal, match="a token is needed"):
            refused.answer(asked)


def test_what_is_kept_is_closed_when_the_application_ends():
    closed = []

    async def opened():
        yield "kept"
        closed.append("kept")

    class Keeps(Hub):
        async def what(self, kept: str, context: HubContext):
            return [kept, context is outside]

    app = Everywire()
    outside = app.host("", Keeps, {"services": {str: singleton(opened)}})
    with Net(app) as net:
        client = net.connect()
        asked = client.send("call", name="what")
        net.run()
        assert client.answer(asked)["data"] == ["kept", True]
        assert closed == []
    assert closed == ["kept"]


def test_there_is_one_hub_at_a_place_and_it_is_a_class():
    app = Everywire()
    app.host("/chat", Watched, {"services": {list: []}})
    with pytest.raises(ValueError, match="there is a hub at '/chat' already"):
        app.host("/chat", Watched, {"services": {list: []}})
    with pytest.raises(TypeError, match=r"a hub is a class derived from everywire\.signalr\.Hub"):
        app.host("/other", int, {})
    with pytest.raises(TypeError, match="the hub Watched: the parameter 'told' is a list"):
        app.host("/third", Watched, {})


@pytest.mark.parametrize(
    ("pattern", "warned"), [("room:{name}", False), ("room:{id:int}", False), ("hall:{name}", True)]
)
def test_groups_that_nothing_declares_are_warned_of(caplog, pattern, warned):
    app = Everywire()
    app.channel(pattern)
    app.signalr("/chat", Hub, groups="room:{group}")
    with Net(app):
        said = "the groups of the hub at /chat are channels that nothing declares, 'room:{group}'"
        assert (said in caplog.text) is warned


@pytest.mark.parametrize("hub", [Everywire, Watched([])])
def test_a_hub_is_a_class_of_its_kind(hub):
    with pytest.raises(TypeError, match=r"a hub is a class derived from everywire\.signalr\.Hub, not"):
        Everywire().signalr("/chat", hub)
