"""A line moves from requests to a WebSocket: nothing of it is lost, and nothing of another's is got."""

import asyncio
from inspect import isawaitable

import pytest
from tests.gateway.place import Facts
from tests.gateway.several import Several

from everywire.app import Everywire
from everywire.dialects.base import Move
from everywire.engine.inbox import READY
from everywire.http.handed import Handed
from everywire.http.request import Headers, Request, Response
from everywire.hub.access.rates import Rate
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net
from everywire.transports import websocket

UPGRADE = [("Upgrade", "websocket"), ("Host", "here")]


class Client:
    """Asks by requests, and by a WebSocket."""

    def __init__(self, net):
        self.net = net
        self.id = self.ask("POST", "").body.decode()

    def begin(self, method, body, headers=()):
        query = f"?line={self.id}" if hasattr(self, "id") else ""
        request = Request(method, f"/several{query}", Headers([("Host", "here"), *headers]), body=body.encode())
        answer = self.net.gateway.accept(request)
        return asyncio.ensure_future(answer, loop=self.net.loop) if isawaitable(answer) else answer

    def ask(self, method, body="", headers=()):
        answer = self.begin(method, body, headers)
        if isinstance(answer, asyncio.Task):
            self.net.run()
            assert answer.done(), "the answer takes time"
            answer = answer.result()
        return answer

    def say(self, *said):
        answer = self.ask("POST", "|".join(said))
        return (answer.status, answer.body)

    def hear(self):
        return self.ask("GET").body.decode()

    def upgrade(self, *said):
        """Give the WebSocket that asks for the line; on it, `said`."""
        request = Request("GET", f"/several?line={self.id}", Headers(UPGRADE))
        intent = self.net.gateway.accept(request)
        assert isinstance(intent, Move), intent
        socket = Socket(request)
        self.net.gateway.opened(socket)
        for each in said:
            self.net.gateway.received(socket, each)
        return socket


class Socket:
    """As much of a WebSocket as the gateway looks at; what it was told is in `sent`."""

    below = None

    def __init__(self, request):
        self.request, self.sent, self.ended = request, [], None

    def drain(self):
        return READY

    def close(self, code=1000, reason=""):
        self.ended = self.ended or code


@pytest.fixture
def net(monkeypatch):
    monkeypatch.setattr(websocket, "post", lambda wire, data: wire.sent.append(data))
    monkeypatch.setattr(websocket, "broadcast", lambda wires, data: [wire.sent.append(data) for wire in wires])
    app = Everywire()
    app.channel("room", history=5)
    app.speak(lambda heartbeat: Several())
    with Net(app) as net:
        yield net


def test_polls_give_what_they_give_for_good(net):
    client = Client(net)
    assert client.say("a connect", "b connect") == (200, b"ok")
    assert client.hear() == "a:hello|b:hello"
    poll = client.begin("GET", "")
    net.run()
    assert not poll.done()
    client.say("a in room", "b say room 1")
    net.run()
    assert poll.result().body == b"a:in room|a:1"


def test_two_polls_at_once_end_the_line(net):
    client = Client(net)
    first = client.begin("GET", "")
    net.run()
    second = client.ask("GET")
    net.run()
    assert (second.status, first.result().body) == (400, b"bye")
    assert client.say("a connect")[0] in (404, 410)


def test_two_polls_that_come_before_either_has_begun_end_the_line(net):
    client = Client(net)
    client.say("a connect")
    first, second = client.begin("GET", ""), client.begin("GET", "")
    assert second.status == 400
    net.run()
    assert first.result().body == b"a:hello|bye"  # what was said is not lost with it
    assert client.ask("GET").status in (404, 410)


def test_a_poll_ends_the_line_that_comes_while_another_is_answered(net):
    client = Client(net)
    client.say("a connect")
    client.hear()
    first = client.begin("GET", "")
    net.run()
    client.say("a in room")
    assert client.begin("GET", "").status == 400
    net.run()
    assert first.result().body == b"a:in room|bye"


def test_a_poll_whose_client_is_gone_ends_the_line(net):
    client = Client(net)
    client.say("a connect")
    client.hear()
    poll = client.begin("GET", "")
    net.run()
    poll.cancel()
    net.run()
    assert client.ask("GET").status in (404, 410)
    assert len(net.app.hub.sessions) == 1  # it may be continued


def test_a_line_moves_with_what_nobody_fetched(net):
    client = Client(net)
    client.say("a connect", "a in room")
    client.hear()
    socket = client.upgrade("probe")
    client.say("b connect", "b say room 1")
    net.run()
    net.gateway.received(socket, "commit")
    net.run()
    assert socket.sent == ["probed", "b:hello", "a:1"]
    net.gateway.received(socket, "b say room 2")
    net.run()
    assert socket.sent[3:] == ["a:2"]
    assert client.ask("GET").status == 400
    assert client.say("a say room 3")[0] == 400


def test_a_line_that_ends_on_the_way_has_its_last_words_said(net):
    client = Client(net)
    client.say("a connect", "a in room")
    client.hear()
    line = net.gateway.lines.movable(client.id)
    socket = client.upgrade("probe")
    client.say("b connect", "b say room 1")
    net.run()
    line.line.attachment.close(1011, "internal error")
    net.run()
    net.gateway.received(socket, "commit")
    assert (socket.sent, socket.ended) == (["probed", "b:hello", "a:1"], 1011)


def test_a_poll_that_hangs_is_let_go_before(net):
    client = Client(net)
    client.say("a connect")
    client.hear()
    poll = client.begin("GET", "")
    net.run()
    socket = client.upgrade("probe")
    net.run()
    assert poll.result().body == b"nudge"
    again = client.begin("GET", "")
    net.run(0.05)
    assert not again.done()
    net.run(0.1)
    assert again.result().body == b"nudge"
    net.gateway.received(socket, "commit")
    net.gateway.received(socket, "a ?")
    net.run()
    assert socket.sent == ["probed", "a:what?"]


def test_a_probe_that_comes_to_nothing_leaves_the_line_as_it_was(net):
    client = Client(net)
    client.say("a connect")
    socket = client.upgrade("probe")
    net.gateway.closed(socket, 1006)
    assert client.hear() == "a:hello"
    other = client.upgrade("something else")
    assert other.ended == 1008
    late = client.upgrade("probe")
    poll = client.begin("GET", "")
    for _ in range(12):
        net.run(1.0)
        if poll.done():
            poll = client.begin("GET", "")
    assert late.ended == 1008
    assert len(net.app.hub.sessions) == 1


def test_the_line_is_lost_with_the_websocket_that_carries_it(net):
    client = Client(net)
    client.say("a connect")
    socket = client.upgrade("probe", "commit")
    net.gateway.closed(socket, 1006)
    net.run()
    assert [session.attachment for session in net.app.hub.sessions.values()] == [None]
    assert len(net.app.hub.attachments) == 0


@pytest.mark.parametrize("said", [("probe",), ("probe", "commit")])
def test_only_one_websocket_has_a_line(net, said):
    client = Client(net)
    first = client.upgrade(*said)
    assert client.upgrade().ended == 1008
    assert first.ended is None


def test_what_waits_for_who_did_not_answer_is_not_given():
    app = Everywire(settings=Settings(heartbeat=Heartbeat(every=4, patience=1)))
    app.speak(lambda heartbeat: Several())
    with Net(app) as net:
        client = Client(net)
        client.say("a connect")
        net.run(5)
        assert client.ask("GET").status == 410


def test_another_page_does_not_get_it(net):
    client = Client(net)
    headers = Headers([*UPGRADE, ("Origin", "http://here")])
    answer = net.gateway.accept(Request("GET", f"/several?line={client.id}", headers))
    assert isinstance(answer, Move)
    foreign = Headers([*UPGRADE, ("Origin", "http://evil.test")])
    assert net.gateway.accept(Request("GET", f"/several?line={client.id}", foreign)).status == 403
    unknown = net.gateway.accept(Request("GET", "/several?line=no.such", Headers(UPGRADE)))
    assert unknown.status == 404


@pytest.mark.parametrize("upgrade", [True, False])
def test_who_guesses_lines_is_turned_away(upgrade):
    app = Everywire(settings=Settings(guesses=Rate(0.1, 3)))
    app.speak(lambda heartbeat: Several())
    with Net(app) as net:

        def guess(node, address="192.0.2.7"):
            request = Request("GET", f"/several?line={node}.guess", Headers(UPGRADE if upgrade else UPGRADE[1:]))
            request.facts = Facts(address)
            return net.gateway.accept(request).status

        here = net.app.hub.node
        assert [guess(here) for _ in range(5)] == [404] * 3 + [429] * 2
        assert [guess("elsewhere"), guess(here, "192.0.2.8")] == [404, 404]  # nothing is known of what others have
        net.run(10)
        assert [guess(here) for _ in range(2)] == [404, 429]


class Elsewhere:
    """A relay to the node "other", which takes connections as long as it is `there`."""

    def __init__(self):
        self.there, self.given, self.asked = True, [], []

    def takes(self, node):
        return node == "other"

    async def forward(self, node, request, *, once=False, wait=0.0):
        self.asked.append((request.method, once))
        return Response(200)

    def hand(self, node, descriptor, read):
        self.given.append((node, descriptor, read))
        return self.there and node == "other"


@pytest.fixture
def elsewhere(net):
    net.gateway.relay = relay = Elsewhere()
    return relay


def test_a_websocket_for_another_nodes_line_is_answered_there(net, elsewhere):
    answer = net.gateway.accept(Request("GET", "/several?line=other.1", Headers(UPGRADE)))
    assert isinstance(answer, Handed)
    assert answer.give(7, b"head")
    elsewhere.there = False
    assert not answer.give(8, b"head")
    assert elsewhere.given == [("other", 7, b"head"), ("other", 8, b"head")]
    assert net.app.metrics.forwards == 1
    assert (answer.refusal.status, answer.refusal.body) == (404, b"no such line\n")


def test_what_is_refused_here_goes_nowhere(net, elsewhere):
    foreign = Headers([*UPGRADE, ("Origin", "http://evil.test")])
    assert net.gateway.accept(Request("GET", "/several?line=other.1", foreign)).status == 403
    own = net.gateway.accept(Request("GET", f"/several?line={net.app.hub.node}.1", Headers(UPGRADE)))
    assert own.status == 404
    assert elsewhere.given == []


def test_what_has_no_number_is_passed_on_once(net, elsewhere):
    for method in ("POST", "GET"):
        request = Request(method, "/several?line=other.1", Headers([("Host", "here")]), body=b"a ?")
        task = asyncio.ensure_future(net.gateway.accept(request), loop=net.loop)
        net.run()
        assert task.result().status == 200
    assert elsewhere.asked == [("POST", True), ("GET", False)]
