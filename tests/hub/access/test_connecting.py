"""Becoming a session: who may, and how soon."""

import pytest
from tests.hub.small import make, refused

from everywire.errors import Refused
from everywire.hub.access.identity import Identity, Limits
from everywire.testing import Net, passed


@pytest.fixture
def net():
    with Net(make()) as net:
        yield net


def test_the_first_command_is_connect(net):
    client = net.client()
    client.send("subscribe", channel="plain")
    assert client.closed == (4401, "connect first")
    assert client.events() == []


def test_malformed_commands_are_refused_before_the_connect_too(net):
    client = net.client()
    with refused(107):
        client.ask("subscribe")
    assert client.connect()["session"]


def test_connecting_in_time(net):
    client = net.client()
    net.run(9.9)
    assert client.closed is None
    net.run(0.2)
    assert client.closed == (4401, "no connect in time")


def test_connecting_twice_is_refused(net):
    with refused(107):
        net.connect().connect()


def test_info_is_bounded(net):
    client = net.client()
    with refused(108):
        client.connect(info={"nick": "x" * 30})
    client.connect(info={"nick": "x"})


def test_a_hook_names_the_user():
    app = make()

    @app.on_connect
    def who(connecting):
        return f"{connecting.token} from {connecting.request.headers['origin']}"

    with Net(app) as net:
        client = net.client(headers=[("Origin", "here")])
        assert client.connect(token="ann")["user"] == "ann from here"


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("no", "code"),
    [
        (Refused("token expired", 101), 4401),
        (Refused("not you"), 4403),
        (Refused("too many", 108, temporary=True), 1013),
    ],
)
def test_a_hook_turns_away(later, no, code):
    app = make()

    def refuse(connecting):
        raise no

    async def refuse_later(connecting):
        await passed(1)
        raise no

    app.on_connect(refuse_later if later else refuse)
    with Net(app) as net:
        client = net.client()
        client.send("connect")
        net.run(2)
        assert client.closed == (code, no.reason)
        (error,) = client.events()
        assert (error["code"], error["reason"], error["temporary"]) == (no.code, no.reason, no.temporary)


def test_a_client_may_go_while_the_hook_thinks():
    app = make()

    @app.on_connect
    async def think(connecting):
        await passed(1)
        return "ann"

    with Net(app) as net:
        client = net.client()
        client.send("connect")
        client.drop()
        net.run(2)
        assert app.hub.sessions == {}


@pytest.mark.parametrize("hook", [lambda connecting: 1 / 0, lambda connecting: 7])
def test_a_failing_hook_is_our_fault_and_closes(hook, caplog):
    app = make()
    app.on_connect(hook)
    with Net(app) as net:
        client = net.client()
        with refused(100):
            client.connect()
        assert client.closed == (1011, "internal error")
    assert "Connect failed" in caplog.text


def test_a_hook_may_say_what_others_see():
    app = make()
    app.on_connect(lambda connecting: Identity("ann", info={"nick": "A"}))
    with Net(app) as net:
        client = net.client()
        client.connect(info={"nick": "admin"})
        (member,) = client.subscribe("room:1")["members"]
        assert (member["user"], member["info"]) == ("ann", {"nick": "A"})


def test_the_token_may_come_with_the_request():
    app = make()
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as net:
        client = net.client(headers=[("Authorization", "Bearer ann")])
        assert client.connect()["user"] == "ann"
        client = net.client(headers=[("Authorization", "Bearer ann")])
        assert client.connect(token="ben")["user"] == "ben"


def test_a_hook_is_told_the_time():
    app, told = make(), []
    app.on_connect(lambda connecting: told.append(connecting.time))
    with Net(app) as net:
        net.run(5)
        net.connect()
        assert told == [net.app.hub.world.wall() / 1000]


def boom(*args, **more):
    raise RuntimeError("boom")


STEPS = {
    "no beats": lambda hub: (hub.heartbeats, "add"),
    "no expiry": lambda hub: (hub.expiries, "add"),
    "no record": lambda hub: (hub.records, "changed"),
    "no channels": lambda hub: (hub.enrolling, "channels"),
    "no secret": lambda hub: (hub.continuing, "secret"),
}
IDENTITIES = {
    "limits": Identity("ann", limits=Limits(commands="ten")),
    "channels": Identity("ann", channels=(7,)),
    "user": Identity("\ud800"),
}


def left(hub):
    """What there is of sessions, by where it is kept."""
    places = {"sessions": hub.sessions, "users": hub._users, "attachments": hub.attachments, "channels": hub.channels}
    kept = {
        "places": hub.places._held,
        "beats": [each for wheel in hub.heartbeats._wheels.values() for each in wheel._homes],
        "expiries": hub.expiries,
        "gate": hub.limiting.gate,
    }
    deadlines = {
        "lingering": hub._lingering._due,
        "unconnected": hub.unconnected._due,
        "unclaimed": hub._unclaimed._due,
    }
    return {name: len(each) for name, each in (places | kept | deadlines).items() if len(each)}


def fails(net):
    """A client from another machine whose connect fails by our fault."""
    client = net.client(headers=[("X-Forwarded-For", "192.0.2.7")])
    with refused(100):
        client.connect()
    assert client.closed == (1011, "internal error")


@pytest.mark.parametrize("step", STEPS)
def test_nothing_stays_of_a_session_whose_beginning_fails(step, monkeypatch, caplog):
    app = make(trusted_proxies=("unix",))
    app.on_connect(lambda connecting: Identity("ann", expires=4e9, channels=("room:1",), limits=Limits(channels=3)))
    with Net(app) as net, monkeypatch.context() as broken:
        broken.setattr(*STEPS[step](app.hub), boom)
        fails(net)
        assert left(app.hub) == {}
        net.run(30)
        assert left(app.hub) == {}
    assert "Connect failed" in caplog.text


@pytest.mark.parametrize("said", IDENTITIES)
def test_nothing_stays_of_a_session_whose_identity_cannot_be_used(said):
    app = make(trusted_proxies=("unix",))
    app.on_connect(lambda connecting: IDENTITIES[said])
    with Net(app) as net:
        fails(net)
        assert left(app.hub) == {}


def test_a_session_that_fails_to_go_on_lingers_and_may_try_again(net, monkeypatch):
    alice, bob = net.connect(), net.connect()
    for each in (alice, bob):
        each.subscribe("room:1")
    bob.events()
    with monkeypatch.context() as broken:
        broken.setattr(net.app.hub.records, "changed", boom)
        client = net.client()
        with refused(100):
            client.connect(resume=alice.resume)
        assert client.closed == (1011, "internal error")
    assert net.connect(resume=alice.resume).resumed
    assert bob.events() == []
