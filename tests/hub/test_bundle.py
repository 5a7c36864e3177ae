"""Several sessions on one transport."""

import pytest
from tests.gateway.several import Several

from everywire.app import Everywire
from everywire.http.request import Headers, Request
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.ops.view import look
from everywire.testing import Net
from everywire.testing.transport import MemoryTransport

BEAT = Heartbeat(8.0, 2.0)


@pytest.fixture
def net():
    app = Everywire(settings=Settings(heartbeat=BEAT, linger=5.0))
    app.channel("room", history=5, presence=True)
    app.speak(lambda heartbeat: Several())
    with Net(app) as net:
        yield net


class Client:
    """One transport, and what is said on it."""

    def __init__(self, net, *said):
        self.net, self.transport = net, MemoryTransport()
        request = Request("GET", "/several", Headers([("Upgrade", "websocket"), ("Host", "here")]))
        self.line = net.gateway.open(self.transport, request)
        self.told()
        if said:
            self.say(*said)

    def say(self, *said):
        for each in said:
            self.line.receive(each)
        self.net.run()
        return self.told()

    def told(self):
        told = [*self.transport.outbox]
        self.transport.outbox.clear()
        return told


def secret(net, number=0):
    session = [*net.app.hub.sessions.values()][number]
    return net.app.hub.continuing.secret(session)


def test_it_is_one_connection_however_many_sessions_it_has(net):
    client = Client(net)
    assert look(net.app.hub).connections == {"memory": 1}
    client.say("a connect", "b connect")
    view = look(net.app.hub)
    assert (view.sessions, view.connections) == (2, {"memory": 1})


def test_each_name_is_a_session_of_its_own(net):
    client = Client(net)
    assert client.say("a connect", "b connect", "a in room", "b say room 1") == [
        "a:hello",
        "b:hello",
        "a:in room",
        "a:1",
    ]
    assert len(net.app.hub.sessions) == 2


def test_one_beat_is_for_all_of_them(net):
    client = Client(net, "a connect", "b connect")
    client.told()
    net.run(8.5)
    assert client.told() == [":beat"]
    client.say("alive")
    net.run(8.0)
    assert (client.told(), client.transport.closed) == ([":beat"], None)
    net.run(4.0)
    assert client.transport.closed[0] == 4408
    assert all(session.attachment is None for session in net.app.hub.sessions.values())


def test_why_the_transport_was_lost_is_known_of_each(net):
    Client(net, "a connect", "b connect")
    net.run(12.0)
    assert [session.lost for session in net.app.hub.sessions.values()] == [4408, 4408]


def test_a_second_connect_of_one_closes_the_transport(net):
    client = Client(net, "a connect", "b connect")
    assert client.say("a connect") == []
    assert client.transport.closed == (1008, "connected already")
    assert [session.attachment for session in net.app.hub.sessions.values()] == [None, None]  # they may be continued


def test_a_connect_after_its_leave_is_none_too_many(net):
    client = Client(net, "a connect")
    assert client.say("a leave", "a connect") == ["a:hello"]
    assert client.transport.closed is None


def test_one_leaves_and_the_others_stay(net):
    client = Client(net, "a connect", "b connect", "b in room", "a leave")
    client.told()
    assert (client.say("b say room 1"), len(net.app.hub.sessions)) == (["b:1"], 1)
    assert client.say("a connect") == ["a:hello"]


def test_one_that_is_ended_for_good_is_told_so_on_a_transport_that_lives(net):
    client = Client(net, "a connect", "b connect")
    client.told()
    next(iter(net.app.hub.attachments)).close(4404, "kicked")
    assert (client.told(), client.transport.closed) == (["a:over"], None)


def test_one_that_is_to_come_back_closes_the_transport(net):
    client = Client(net, "a connect", "b connect")
    next(iter(net.app.hub.attachments)).close(1012, "restart")
    assert client.transport.closed == (1012, "restart")


def test_a_lost_transport_leaves_sessions_that_can_be_continued(net):
    client = Client(net, "a connect", "b connect")
    first = secret(net)
    client.line.lost(1000)
    assert len(net.app.hub.sessions) == 2
    again = Client(net)
    assert again.say(f"a connect {first}") == ["a:hello again"]
    net.run(6.0)
    assert len(net.app.hub.sessions) == 1


def test_a_transport_without_a_session_is_closed(net):
    client = Client(net, "a connect", "a leave")
    for _ in range(5):
        client.say("alive")
        net.run(4.0)
    assert client.transport.closed[0] == 4401


def test_a_bad_word_ends_all(net):
    client = Client(net, "a connect", "b connect", "nonsense")
    assert client.transport.closed[0] == 1002
    assert not net.app.hub.attachments


def test_what_is_refused_before_there_was_a_session_leaves_nothing(net):
    client = Client(net)
    assert client.say("a ?") == ["a:what?"]
    assert (client.transport.closed, len(net.app.hub.attachments)) == (None, 1)


def test_one_transport_has_so_many_sessions_and_no_more(net):
    client = Client(net, *(f"n{number} connect" for number in range(64)))
    assert client.transport.closed is None
    client.say("one connect")
    assert client.transport.closed[0] == 1008


def test_a_session_that_its_client_cannot_continue_is_over_with_the_transport(net):
    client = Client(net, "a connect")
    [session] = net.app.hub.sessions.values()
    session.lasting = False
    client.line.lost(1006)
    assert not net.app.hub.sessions
