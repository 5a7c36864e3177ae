"""Lines that their clients have named, under virtual time: by way of SockJS, whose clients do that."""

import asyncio
import hashlib

import pytest
from tests.gateway.place import Facts, seen

from everywire.app import Everywire
from everywire.brokers.memory import MemoryBroker
from everywire.errors import Refused
from everywire.gateway import HttpSettings
from everywire.http.request import Headers, Request, Response
from everywire.testing import Net, passed

OCCUPIED, INTERRUPTED = 'c[2010,"Another connection still open"]\n', 'c[1002,"Connection interrupted"]\n'


class Named:
    """Asks the gateway for SockJS's sessions."""

    def __init__(self, net):
        self.net = net
        self.app = net.app

    def begin(self, target, body=b"", method="POST", address="192.0.2.7", **headers):
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        request = Request(method, f"/sockjs/000/{target}", Headers([("Host", "here"), *fields]), body=body)
        request.facts = Facts(address)
        answer = self.net.gateway.accept(request)
        return self.net.loop.create_task(answer) if asyncio.iscoroutine(answer) else answer

    def ask(self, *request, **headers):
        answer = self.begin(*request, **headers)
        if isinstance(answer, asyncio.Task):
            self.net.run(0.1)
            assert answer.done(), "the answer takes time"
            answer = answer.result()
        return seen(answer)

    def poll(self, name="abc"):
        return self.ask(f"{name}/xhr").body.decode()

    def send(self, *texts, name="abc"):
        body = f"[{','.join(texts)}]".encode()
        status = self.ask(f"{name}/xhr_send", body).status
        self.net.run(0.001)
        return status


def application(**settings):
    app = Everywire(http=HttpSettings(**settings))
    app.sockjs(speaks="text")

    @app.on("message", inline=True)
    def echo(data):
        return data

    return app


@pytest.fixture
def place():
    with Net(application()) as net:
        yield Named(net)


def test_the_first_receive_begins_a_line(place):
    assert place.send('"x"') == 404
    assert place.poll() == "o\n"
    assert place.send('"x"', '"y"') == 204
    assert place.poll() == 'a["x","y"]\n'
    assert len(place.app.hub.sessions) == 1


def test_what_waits_while_nobody_asks_is_given_at_once(place):
    place.poll()
    place.send('"x"')
    place.send('"y"')
    assert place.poll() == 'a["x","y"]\n'


def test_a_poll_waits_for_what_comes(place):
    place.poll()
    polling = place.begin("abc/xhr")
    place.net.run(20)
    assert not polling.done()
    place.send('"x"')
    assert polling.result().body == b'a["x"]\n'


def test_a_poll_that_nothing_comes_for_is_given_a_beat(place):
    place.poll()
    polling = place.begin("abc/xhr")
    place.net.run(26)
    assert polling.result().body == b"h\n"


def test_a_line_is_over_some_time_after_its_last_receiver(place):
    place.poll()
    place.net.run(4.9)
    assert place.send('"x"') == 204  # that does not make it last longer
    place.net.run(0.2)
    assert place.send('"x"') == 404
    assert not place.app.hub.sessions
    assert place.poll() == "o\n"  # another one


def test_a_stream_goes_on_after_its_limit(place):
    stream = place.ask("abc/xhr_streaming")
    assert stream.sink.body == b"h" * 2048 + b"\no\n"
    place.send(f'"{"x" * 60_000}"')
    place.net.run(60)
    place.send(f'"{"x" * 60_000}"')
    place.send(f'"{"x" * 60_000}"')
    assert stream.sink.over == "ended"
    assert place.send('"y"') == 204
    assert place.poll() == 'a["y"]\n'


def test_a_stream_has_beats(place):
    stream = place.ask("abc/eventsource", method="GET")
    place.net.run(80)
    assert stream.sink.body == b"\r\ndata: o\r\n\r\n" + b"data: h\r\n\r\n" * 3
    assert stream.sink.over is None


@pytest.mark.parametrize("first", ["xhr", "xhr_streaming"])
def test_a_second_receiver_is_sent_away_and_the_first_goes_on(place, first):
    place.poll()
    begun = place.begin(f"abc/{first}")
    if first == "xhr_streaming":
        begun = seen(begun)
    place.net.run(1)
    assert place.poll() == OCCUPIED
    other = place.ask("abc/xhr_streaming").sink
    assert (other.body, other.over) == (b"h" * 2048 + b"\n" + OCCUPIED.encode(), "ended")
    place.send('"x"')
    body = begun.sink.body if first == "xhr_streaming" else begun.result().body
    assert body.endswith(b'a["x"]\n')


@pytest.mark.parametrize("first", ["xhr", "xhr_streaming"])
def test_a_receiver_that_is_gone_ends_the_session(place, first):
    place.poll()
    begun = place.begin(f"abc/{first}")
    if first == "xhr":
        place.net.run()
        begun.cancel()
    else:
        seen(begun).sink.producer.gone()
    assert [place.poll(), place.poll()] == [INTERRUPTED] * 2
    assert place.send('"x"') == 404
    assert not place.app.hub.sessions
    place.net.run(5.1)
    assert place.poll() == "o\n"


def test_a_receiver_whose_predecessor_is_noticed_to_be_gone_only_now(place):
    place.poll()
    stream = place.ask("abc/xhr_streaming").sink
    polling = place.begin("abc/xhr")
    place.net.run(0.01)
    stream.producer.gone()
    place.net.run(0.01)
    assert polling.result().body.decode() == INTERRUPTED


def test_the_end_is_told_to_whoever_asks(place):
    place.poll()
    place.send('"x"')
    place.net.gateway.close(3000, "Go away!")
    end = 'c[3000,"Go away!"]\n'
    assert [place.poll() for _ in range(3)] == ['a["x"]\n', end, end]
    stream = place.ask("abc/xhr_streaming").sink
    assert (stream.body, stream.over) == (b"h" * 2048 + b"\n" + end.encode(), "ended")
    assert place.ask("abc/jsonp?c=cb", method="GET").body == b'/**/cb("c[3000,\\"Go away!\\"]");\r\n'
    assert place.ask("abc/xhr").headers["cache-control"].startswith("no-store, no-cache")


def test_the_end_comes_to_who_waits(place):
    place.poll()
    polling = place.begin("abc/xhr")
    place.net.run()
    place.net.gateway.close(3000, "Go away!")
    place.net.run()
    assert polling.result().body == b'c[3000,"Go away!"]\n'


def test_the_end_comes_to_who_is_told_as_it_goes(place):
    stream = place.ask("abc/xhr_streaming").sink
    place.net.gateway.close(3000, "Go away!")
    assert (stream.body[2049:], stream.over) == (b'o\nc[3000,"Go away!"]\n', "ended")


def test_who_may_not_connect_is_told_so():
    app = application()

    @app.on_connect
    def nobody(connecting):
        raise Refused("nobody is let in", 101)

    with Net(app) as net:
        place = Named(net)
        assert place.poll() == "o\n"
        place.net.run()
        assert 'c[4401,"nobody is let in"]' in place.poll() + place.poll()


def test_another_page_s_session(place):
    assert place.ask("abc/xhr", origin="http://here").body == b"o\n"
    for origin in ("http://evil.example", "null"):
        assert place.ask("abc/xhr_send", b'["x"]', origin=origin).status == 403
        assert place.ask("abc/xhr", origin=origin).status == 403
    assert place.ask("abc/xhr_send", b'["x"]', origin="http://here").status == 204
    assert place.ask("abc/xhr", origin="http://here").body == b'a["x"]\n'


def test_one_listed_page_does_not_take_another_s_session():
    with Net(application(origins=["http://a.example", "http://b.example"])) as net:
        place = Named(net)
        assert place.ask("abc/xhr", origin="http://a.example").body == b"o\n"
        assert place.ask("abc/xhr", origin="http://b.example").status == 403
        assert place.ask("abc/xhr_send", b'["x"]', origin="http://b.example").status == 403


def test_no_end_of_names():
    with Net(application(max_lines=50)) as net:
        place = Named(net)
        answers = [place.ask(f"{number}/xhr") for number in range(60)]
        assert [answer.status for answer in answers] == [200] * 50 + [429] * 10
        assert place.ask("other/xhr", address="192.0.2.8").status == 200
        assert len(net.app.hub.attachments) == 51
        net.run(5.1)  # nobody asks on
        assert len(net.app.hub.attachments) == len(net.gateway.lines) == 0
        assert place.ask("again/xhr").status == 200


def test_names_that_are_guessed_at(place):
    statuses = {place.send('"x"', name=str(number)) for number in range(30)}
    assert statuses == {404, 429}


def test_a_client_that_says_more_than_it_may_is_told_so(place):
    place.poll()
    place.send(f'"{"x" * 70_000}"', '"y"')
    refused, _, rest = place.poll().partition('}}",')
    assert '\\"code\\":108' in refused
    assert rest == '"y"]\n'


def test_no_line_is_begun_while_the_server_goes_away(place):
    place.poll()
    place.net.gateway.refrain()
    assert place.ask("other/xhr").status == 503
    assert place.send('"x"') == 204
    assert place.poll() == 'a["x"]\n'


class Shared(MemoryBroker):
    """A broker that other nodes have, too; `down`, it answers nobody, and it takes `slow` seconds to learn something."""

    down, slow = False, 0.0

    async def get(self, name):
        if self.down:
            raise ConnectionError("no broker")
        return await super().get(name)

    async def put(self, name, record, ttl):
        if self.down:
            raise ConnectionError("no broker")
        await passed(self.slow)
        await super().put(name, record, ttl)


class Passed:
    """Passes requests on to the node called "other"."""

    def __init__(self):
        self.asked = []

    def takes(self, node):
        return node == "other"

    async def forward(self, node, request, *, once=False, wait=0.0):
        self.asked.append((node, request.target, once, wait))
        return Response(200, b"from there")


@pytest.fixture
def several():
    app = Everywire(
        broker=lambda world, metrics: Shared(world.now, world.new_id, later=world.later, metrics=metrics, alone=False)
    )
    app.sockjs(speaks="text")
    app.on("message", inline=True)(lambda data: data)
    with Net(app) as net:
        net.gateway.relay = Passed()
        yield Named(net)


def record(place, name="abc"):
    """What the broker knows of where a line is."""
    key = f"line:{hashlib.sha256(f'/sockjs/{name}'.encode()).hexdigest()[:32]}"
    return key, place.net.loop.run_until_complete(place.app.hub.broker.get(key))


def test_the_broker_knows_who_holds_a_line_as_long_as_there_is_one(several):
    assert several.poll() == "o\n"
    assert record(several)[1] == several.app.hub.node.encode()
    [session] = several.app.hub.sessions
    polling = several.begin("abc/xhr")
    for _ in range(90):  # longer than what is put there lasts
        several.net.run(1)
        if polling.done():
            assert polling.result().body == b"h\n"
            polling = several.begin("abc/xhr")
    assert [*several.app.hub.sessions] == [session]
    assert record(several)[1] == several.app.hub.node.encode()
    polling.cancel()
    several.net.run(5.1)
    assert record(several)[1] is None


def test_what_another_node_holds_is_answered_there(several):
    key, _ = record(several)
    several.net.loop.run_until_complete(several.app.hub.broker.put(key, b"other", 60))
    assert several.ask("abc/xhr").body == several.ask("abc/xhr_send", b'["x"]').body == b"from there"
    asked = [("other", "/sockjs/000/abc/xhr", True, 35.0), ("other", "/sockjs/000/abc/xhr_send", True, 0.0)]
    assert several.net.gateway.relay.asked == asked


def test_what_a_node_held_that_is_gone_begins_anew(several):
    key, _ = record(several)
    several.net.loop.run_until_complete(several.app.hub.broker.put(key, b"gone", 60))
    assert several.send('"x"') == 404
    assert several.poll() == "o\n"
    assert record(several)[1] == several.app.hub.node.encode()
    assert several.send('"x"') == 204


def test_what_another_node_says_to_hold_stays_said(several):
    several.poll()
    key, _ = record(several)
    several.net.loop.run_until_complete(several.app.hub.broker.put(key, b"other", 60))  # both began it at once
    several.net.run(11)  # ours is over
    assert not several.app.hub.attachments
    assert record(several)[1] == b"other"


@pytest.mark.parametrize("transport", ["xhr", "xhr_streaming"])
def test_a_client_that_goes_while_the_broker_is_told_leaves_a_line_that_has_begun(several, transport):
    broker = several.app.hub.broker
    broker.slow = 1.0
    first = several.begin(f"abc/{transport}")
    several.net.run(0.5)
    first.cancel()
    broker.slow = 0.0
    several.net.run(0.1)
    assert len(several.app.hub.sessions) == 1


def test_two_requests_for_a_new_line_make_one(several):
    first, second = several.begin("abc/xhr"), several.begin("abc/xhr")
    several.net.run(0.1)
    bodies = {task.result().body if task.done() else b"waits" for task in (first, second)}
    assert bodies == {b"o\n", b"waits"}
    assert len(several.app.hub.sessions) == 1


def test_a_broker_that_does_not_answer(several):
    several.poll()
    several.app.hub.broker.down = True
    assert several.send('"x"') == 204  # of what is held here nobody is asked
    assert several.ask("other/xhr").status == 503
    several.net.run(30)
    several.app.hub.broker.down = False
    assert several.ask("other/xhr").body == b"o\n"
