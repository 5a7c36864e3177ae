"""What whoever watches a hub sees of its sessions."""

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.settings import Settings
from everywire.testing import Net


class Watcher:
    """Writes down what it sees."""

    def __init__(self):
        self.seen = []

    def came(self, session):
        self.seen.append(("came", session.id))

    def over(self, session):
        self.seen.append(("over", session.id, sorted(session.subscriptions)))

    def moved(self, session):
        self.seen.append(("moved", session.id))

    def entered(self, session, channel):
        self.seen.append(("entered", session.id, channel))

    def left(self, session, channel):
        self.seen.append(("left", session.id, channel))

    def heard(self, session, call):
        self.seen.append(("heard", session.id, call.name))

    def told(self, session, calling):
        self.seen.append(("told", session.id, calling.name))

    def published(self, channel, publication):
        self.seen.append(("published", channel.name, bytes(publication.data)))


@pytest.fixture
def net():
    app = Everywire()
    app.channel("room:{name}", wildcards=True)
    app.on("hello", inline=True)(lambda caller: caller.tell("welcome"))
    with Net(app) as net:
        net.app.hub.watcher = Watcher()
        yield net


def seen(net):
    found, net.app.hub.watcher.seen = net.app.hub.watcher.seen, []
    return found


def test_a_session_from_its_beginning_to_its_end(net):
    client = net.connect()
    assert seen(net) == [("came", client.session)]
    client.subscribe("room:a")
    client.ask("call", name="hello")
    client.publish("room:a", 1)
    client.ask("unsubscribe", channel="room:a")
    assert seen(net) == [
        ("entered", client.session, "room:a"),
        ("heard", client.session, "hello"),
        ("told", client.session, "welcome"),
        ("published", "room:a", b"1"),
        ("left", client.session, "room:a"),
    ]


def test_it_is_over_with_all_that_it_has(net):
    client = net.connect()
    client.subscribe("room:a")
    seen(net)
    client.drop(1000)
    net.run()
    assert seen(net) == [("over", client.session, ["room:a"])]


def test_one_that_is_continued_comes_again(net):
    client = net.connect()
    client.drop()
    again = net.connect(resume=client.resume)
    assert seen(net) == [("came", client.session), ("came", again.session)]
    assert client.session == again.session


def test_who_listens_by_wildcards_is_seen(net):
    client = net.connect()
    client.subscribe("room:*")
    seen(net)
    net.loop.run_until_complete(net.app.publish("room:b", 2))
    assert seen(net) == [("published", "room:*", b"2")]


def test_a_call_that_the_server_may_not_make_is_not_seen():
    with Net(Everywire(settings=Settings(max_asked=1))) as net:
        client, app = net.connect(), net.app
        app.hub.watcher = Watcher()
        waiting = net.loop.create_task(app.call(client.session, "first", timeout=5))
        net.run()
        with pytest.raises(Refused, match="too many calls"):
            net.loop.run_until_complete(app.call(client.session, "second"))
        assert seen(net) == [("told", client.session, "first")]
        waiting.cancel()
        net.run()
