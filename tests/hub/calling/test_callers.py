"""Who calls: what a handler learns of the session, and what it may do with it later."""

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.http.request import Headers, Request
from everywire.hub.calling.callers import Caller
from everywire.testing import MemoryClient, Net
from everywire.testing.transport import MemoryTransport


@pytest.fixture
def kept():
    return []


@pytest.fixture
def app(kept):
    app = Everywire()
    app.on_connect(lambda connecting: connecting.token)
    app.channel("room", history=5, data=str, may_publish=False)
    app.on("keep")(lambda caller: kept.append(caller))
    return app


def test_what_is_known_of_a_session(app, kept):
    with Net(app) as net:
        client = net.connect(token="ada", info={"lang": "de"})
        client.ask("call", name="keep")
        [caller] = kept
        assert (caller.user, caller.session, caller.info) == ("ada", client.session, {"lang": "de"})
        assert (caller.member.user, caller.dialect) == ("ada", "native")
        assert caller.connected
        assert caller.params == {}
        assert "ada" in repr(caller)
        net.connect().ask("call", name="keep")
        assert (kept[1].user, kept[1].info) == (None, None)
        client.drop()
        assert not caller.connected


def test_the_address_it_connected_to(app, kept):
    with Net(app) as net:
        head = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Protocol", "everywire.v1.json")]
        transport = MemoryTransport()
        line = net.gateway.open(transport, Request("GET", "/everywire?lang=de&lang=en", Headers(head)))
        client = MemoryClient(transport, line)
        client.connect()
        client.ask("call", name="keep")
        assert kept[0].params == {"lang": ["de", "en"]}
        assert kept[0].request.path == "/everywire"
    assert Caller(None, kept[0]._session).params == {}


def test_two_callers_of_one_session_are_equal(app, kept):
    with Net(app) as net:
        client = net.connect()
        for each in (client, client, net.connect()):
            each.ask("call", name="keep")
    assert kept[0] == kept[1] != kept[2]
    assert len({*kept}) == 2
    assert kept[0] != kept[0].session


def test_it_publishes_in_the_callers_name(app, kept):
    with Net(app) as net:
        client = net.connect(token="ada")
        client.ask("call", name="keep")
        [caller] = kept
        client.subscribe("room")
        receipt = net.loop.run_until_complete(caller.publish("room", "hello", key="k"))
        assert net.loop.run_until_complete(caller.publish("room", "hello", key="k")).repeated
        caller.publish("room", "soon gone", ephemeral=True)
        first, second = client.events("publication")
        assert (first["data"], first["from"]["user"], first["offset"]) == ("hello", "ada", receipt.position.offset)
        assert "offset" not in second
        with pytest.raises(Refused, match="unknown channel"):
            caller.publish("nowhere", "x")
        with pytest.raises(Refused, match="Expected `str`"):
            net.loop.run_until_complete(caller.publish("room", 5))


def test_what_a_thread_needs_of_the_loop(app, kept):
    """In a world without threads it happens at once, and may not wait."""
    app.on("say")(lambda caller: caller.from_thread(caller.publish, "room", "hi").position.offset)
    app.on("wait")(lambda caller: caller.from_thread(caller.call, "confirm", timeout=1))
    with Net(app) as net:
        client = net.connect()
        assert client.ask("call", name="say")["data"] == 1
        with pytest.raises(Exception, match="100 internal error"):
            client.ask("call", name="wait")
        net.run(2)


def test_the_name_star_answers_what_has_no_handler(app):
    app.on("*")(lambda caller, data: [caller.called, data])
    app.on("known")(lambda caller: caller.called)
    with pytest.raises(ValueError, match="handler of '\\*' already"):
        app.on("*")
    with Net(app) as net:
        client = net.connect()
        assert client.ask("call", name="anything", data=1)["data"] == ["anything", 1]
        assert client.ask("call", name="known")["data"] == "known"
