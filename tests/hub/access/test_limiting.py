"""Limits of what one session, one user and one address may use; each has a setting."""

import time
from dataclasses import replace

import pytest

from everywire.app import Everywire
from everywire.dialects.native import SUBPROTOCOL
from everywire.gateway.line import Line
from everywire.http.request import Headers, Request
from everywire.hub.access.identity import Identity, Limits
from everywire.hub.access.rates import Rate
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat, Ping
from everywire.testing import MemoryClient, Net, Refusal
from everywire.testing.transport import MemoryTransport

CALM = Settings(heartbeat=Heartbeat(1e6, 10))


def make(identity=None, **settings):
    app = Everywire(settings=replace(CALM, **settings))
    app.channel("room:{name}", history=5)
    app.on_connect(lambda connecting: identity or connecting.token)
    return app


class At:
    """The facts of a connection from `address`."""

    def __init__(self, address):
        self.address = address

    def extra(self, name):
        return (self.address, 4711) if name == "peername" else None


def request(net, address, *headers):
    asked = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Protocol", SUBPROTOCOL), *headers]
    made = Request("GET", net.app.path, Headers(asked))
    made.facts = At(address)
    return made


def client(net, address="203.0.113.1", *headers):
    transport = MemoryTransport()
    line = net.gateway.open(transport, request(net, address, *headers))
    assert isinstance(line, Line)
    return MemoryClient(transport, line)


def test_too_many_commands_are_refused_and_then_the_flood_is_closed():
    with Net(make(commands=Rate(10, 20))) as net:
        ann = net.connect()
        for _ in range(19):
            ann.ask("ping")
        for _ in range(20):
            with pytest.raises(Refusal, match="108 too many commands") as caught:
                ann.ask("ping")
            assert caught.value.temporary
        assert ann.closed is None
        ann.send("ping")
        assert ann.closed == (1008, "too many commands")
        assert net.app.metrics.limited == 21


def test_who_waits_may_go_on():
    with Net(make(commands=Rate(10, 20))) as net:
        ann = net.connect()
        for _ in range(19):
            ann.ask("ping")
        for _ in range(50):
            net.run(0.11)
            ann.ask("ping")
        net.run(60)
        for _ in range(20):
            ann.ask("ping")
        assert ann.closed is None


def test_commands_are_counted_before_the_connect_too():
    with Net(make(commands=Rate(10, 20))) as net:
        mallory = net.client()
        for _ in range(50):
            mallory.send("subscribe")  # malformed
        assert mallory.closed == (1008, "too many commands")


def test_answers_to_pings_are_not_refused():
    with Net(make(commands=Rate(10, 20))) as net:
        ann = net.connect()
        for _ in range(39):
            ann.line.receive('{"type":"pong"}')
        assert ann.closed is None
        assert ann.events() == []
        for _ in range(2):
            ann.line.receive('{"type":"pong"}')
        assert ann.closed == (1008, "too many commands")


def test_too_many_bytes_close():
    with Net(make(received=Rate(1000, 5000))) as net:
        ann = net.connect()
        for _ in range(20):
            ann.publish("room:1", "x" * 1000)
            net.run(1.2)
        for _ in range(4):
            ann.publish("room:1", "x" * 1000)
        ann.send("publish", channel="room:1", data="x" * 4000)
        ann.send("publish", channel="room:1", data="x" * 1000)
        assert ann.closed == (1008, "too many bytes")


def test_a_user_publishes_so_much_over_all_sessions():
    with Net(make(publishes=Rate(10, 20))) as net:
        one, other, ben = net.connect(token="ann"), net.connect(token="ann"), net.connect(token="ben")
        for _ in range(10):
            one.publish("room:1", 1)
            other.publish("room:1", 1)
        with pytest.raises(Refusal, match="108 too many publications") as caught:
            one.publish("room:1", 1)
        assert caught.value.temporary
        ben.publish("room:1", 1)
        net.run(0.11)
        other.publish("room:1", 1)


def test_nobodys_sessions_publish_for_themselves():
    with Net(make(publishes=Rate(10, 5))) as net:
        one, other = net.connect(), net.connect()
        for _ in range(5):
            one.publish("room:1", 1)
            other.publish("room:1", 1)
        with pytest.raises(Refusal, match="108"):
            one.publish("room:1", 1)


def test_a_flood_of_subscriptions_is_refused_and_leaves_nothing_behind():
    with Net(make(subscribes=Rate(20, 200))) as net:
        mallory = net.connect()
        refused = 0
        for number in range(2000):
            try:
                mallory.subscribe(f"room:{number}")
                mallory.ask("unsubscribe", channel=f"room:{number}")
            except Refusal:
                refused += 1
        assert refused == 1800
        assert net.app.hub.channels == {}
        (session,) = net.app.hub.sessions.values()
        assert session.subscriptions == {}
        assert net.app.hub.broker._watched == set()


def test_a_user_has_so_many_connections():
    with Net(make(max_user_sessions=2)) as net:
        one, _ = net.connect(token="ann"), net.connect(token="ann")
        third = net.client()
        with pytest.raises(Refusal, match="108 too many connections of this user"):
            third.connect(token="ann")
        assert third.closed == (1013, "too many connections of this user")
        assert net.connect(token="ben").session
        one.drop()
        assert net.connect(token="ann").session  # one that lingers is not connected


def test_a_session_is_resumed_however_many_there_are():
    with Net(make(max_user_sessions=1)) as net:
        ann = net.connect(token="ann")
        assert net.connect(token="ann", resume=ann.resume).resumed


def test_an_address_has_so_many_connections():
    with Net(make(max_address_connections=3)) as net:
        clients = [client(net) for _ in range(3)]
        for each in clients:
            each.connect()
        answer = net.gateway.accept(request(net, "203.0.113.1"))
        assert (answer.status, answer.headers["retry-after"]) == (429, "10")
        assert net.gateway.accept(request(net, "203.0.113.2")).subprotocol == SUBPROTOCOL
        clients[0].drop()
        assert net.gateway.accept(request(net, "203.0.113.1")).subprotocol == SUBPROTOCOL


def test_an_address_has_fewer_that_are_not_connected():
    with Net(make(max_address_unconnected=2)) as net:
        first, _ = client(net), client(net)
        assert net.gateway.accept(request(net, "203.0.113.1")).status == 429
        first.connect()
        assert net.gateway.accept(request(net, "203.0.113.1")).subprotocol == SUBPROTOCOL
        net.run(11)  # the other one had ten seconds
        assert len(net.app.hub.limiting.gate) == 1


def test_the_table_of_addresses_has_only_those_that_are_there():
    with Net(make()) as net:
        for number in range(300):
            each = client(net, f"203.0.{number % 256}.{number // 256}")
            each.connect()
            each.drop()
        back = client(net)
        resume = back.connect()["resume"]
        moved = client(net, "198.51.100.9")
        moved.connect(resume=resume)
        assert len(net.app.hub.limiting.gate) == 1
        moved.send("leave")
        assert len(net.app.hub.limiting.gate) == 0


def test_this_machine_is_not_limited_but_for_what_its_proxy_carries():
    with Net(make(max_address_connections=1)) as net:
        client(net, "127.0.0.1"), client(net, "127.0.0.1")
        assert net.gateway.accept(request(net, "127.0.0.1")).subprotocol == SUBPROTOCOL
    with Net(make(max_address_connections=1, trusted_proxies=("127.0.0.1",))) as net:
        client(net, "127.0.0.1", ("X-Forwarded-For", "1.2.3.4, 203.0.113.1"))
        assert net.gateway.accept(request(net, "127.0.0.1", ("X-Forwarded-For", "203.0.113.1"))).status == 429
        other = net.gateway.accept(request(net, "127.0.0.1", ("X-Forwarded-For", "203.0.113.2")))
        assert other.subprotocol == SUBPROTOCOL


def test_the_hook_is_told_the_address():
    app, told = make(), []
    app.hooks.connect = lambda connecting: told.append(connecting.address)
    with Net(app) as net:
        client(net).connect()
        assert told == ["203.0.113.1"]


def test_an_identity_has_limits_of_its_own():
    limits = Limits(commands=1.0, bytes=1e6, publishes=1.0, channels=1)
    settings = {"commands": Rate(100, 1000), "publishes": Rate(100, 300)}
    with Net(make(Identity("ann", limits=limits), **settings)) as net:
        ann = net.connect()
        ann.subscribe("room:1")
        with pytest.raises(Refusal, match="108 no more than 1 channels"):
            ann.subscribe("room:2")
        for _ in range(3):
            ann.publish("room:1", 1)
        with pytest.raises(Refusal, match="108 too many publications"):
            ann.publish("room:1", 1)
        for _ in range(4):
            ann.ask("ping")
        with pytest.raises(Refusal, match="108 too many commands"):
            ann.ask("ping")


def test_limits_that_are_none_limit_nothing():
    with Net(make(commands=None, received=None, publishes=None, subscribes=None)) as net:
        ann = net.connect()
        for _ in range(2000):
            ann.publish("room:1", 1)


def test_counting_a_command_costs_next_to_nothing():
    """Less than 0.2 microseconds: a subtraction and a comparison. The bound here is for a machine that is busy."""
    with Net(make()) as net:
        ann = net.connect()
        attachment = ann.line.attachment
        attachment.busy = True  # commands are put aside: only the way there is measured
        attachment.left, attachment._limit = 1e12, 1e12
        command, count = Ping(1), 20_000

        def taken(receive):
            began = time.perf_counter()
            for _ in range(count):
                receive(command)
            attachment.inbox.clear()
            return (time.perf_counter() - began) / count

        def without(command):
            if not attachment.open:
                return
            attachment.heard = attachment._hub.time
            if attachment.busy and len(attachment.inbox) >= attachment._limit:
                return
            attachment.inbox.append(command)
            if not attachment.busy:
                return

        cost = min(taken(attachment.receive) for _ in range(7)) - min(taken(without) for _ in range(7))
        assert cost < 1e-6
        print(f"{cost * 1e6:.3f} µs")
        attachment.busy = False


def test_an_address_that_tries_made_up_secrets_is_turned_away_after_some():
    with Net(make(guesses=Rate(20 / 60, 3))) as net:
        known = client(net)
        known.connect(token="ann")
        made_up = known.resume[:-4] + "AAAA"
        for _ in range(3):
            assert not client(net).connect(token="ann", resume=made_up)["resumed"]
        turned = client(net)
        turned.send("connect", token="ann", resume=made_up)
        assert turned.closed == (1008, "too many bad secrets from this address")
        known.drop()
        assert client(net).connect(resume=known.resume)["resumed"]
        assert not client(net, "203.0.113.2").connect(token="ann", resume=made_up)["resumed"]
        for _ in range(5):  # of before a restart, by a key that is not known here
            assert not client(net).connect(token="ann", resume="0" + known.resume)["resumed"]
        net.run(3)
        assert not client(net).connect(token="ann", resume=made_up)["resumed"]
