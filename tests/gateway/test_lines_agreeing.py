"""Lines whose clients agree on their codec, carried by requests."""

import asyncio

import pytest
from tests.gateway.agreed import Client, agreeing
from tests.gateway.agreeing import Agreeing
from tests.transports.outlets import Sink

from everywire.gateway import agreeing as lines

STREAM = [("Accept", "text/event-stream")]


@pytest.fixture
def net(monkeypatch):
    with agreeing(monkeypatch, Agreeing()) as net:
        yield net


def stream(client):
    answer = client.begin("GET", headers=STREAM)
    sink = Sink()
    sink.producer = answer.start(sink)
    return sink


def polled(client, *said):
    """Begin with polls, having said this."""
    assert (client.ask("GET").body, client.ask("POST", "".join(said).encode()).status) == (b"", 200)
    return client


def test_the_first_poll_is_answered_at_once_and_others_with_what_there_is(net):
    client = polled(Client(net), "how plain;in room;say room 1;")
    assert client.ask("GET").body == b"hello;in room;1;"
    poll = client.begin("GET")
    net.run(1)
    assert not poll.done()
    client.ask("POST", b"say ro")
    client.ask("POST", b"om 2;say room 3;")
    assert poll.result().body == b"2;3;"
    assert {attachment.carriage for attachment in net.app.hub.attachments} == {"polling"}


def test_what_was_said_is_answered_once_the_next_thing_may_be_said(net, monkeypatch):
    client = polled(Client(net), "how plain;in room;")
    room = net.loop.create_future()

    async def wait():
        await room

    monkeypatch.setattr(lines, "held", lambda hub, attachment: wait())
    said = client.begin("POST", b"say room 1;")
    net.run()
    assert not said.done()
    room.set_result(None)
    net.run()
    assert said.result().status == 200


def test_a_poll_for_nothing_is_answered_after_its_time(net):
    client = polled(Client(net), "how plain;")
    client.ask("GET")
    poll = client.begin("GET")
    net.run(24)  # a beat comes before its time is up
    client.ask("POST", b"alive;")
    net.run(2)
    assert poll.result().body == b"beat;"


def test_a_second_poll_takes_over_from_the_first(net):
    client = polled(Client(net), "how plain;in room;")
    client.ask("GET")
    first, second, third = (client.begin("GET") for _ in range(3))
    net.run()
    assert [poll.result().status for poll in (first, second)] == [204, 204]
    net.publish("room", 1)
    assert third.result().body == b"1;"
    assert client.ask("POST", b"say room 2;").status == 200


def test_a_second_poll_that_comes_while_the_first_is_answered_has_what_there_is(net):
    client = polled(Client(net), "how plain;in room;")
    client.ask("GET")
    first = client.begin("GET")
    net.run()
    net.app.publish("room", 1)
    second = client.begin("GET")
    net.run()
    assert (first.result().status, second.result().body) == (204, b"1;")


def test_a_poll_that_is_given_up_loses_nothing(net):
    client = polled(Client(net), "how plain;in room;")
    client.ask("GET")
    poll = client.begin("GET")
    net.run()
    poll.cancel()
    net.run()
    net.publish("room", 1)
    assert client.ask("GET").body == b"1;"


def test_nobody_polls_any_more(net):
    client = polled(Client(net), "how plain;")
    client.ask("GET")
    net.run(11)
    assert client.ask("GET").status in (204, 404)
    assert not net.app.hub.attachments


def test_a_poll_learns_of_the_end(net):
    client = polled(Client(net), "how plain;")
    client.ask("GET")
    poll = client.begin("GET")
    net.run()
    (session,) = net.app.hub.sessions.values()
    session.attachment.close(4404, "kicked")
    net.run()
    assert (poll.result().status, poll.result().body) == (200, b"closing 4404;")
    assert client.ask("GET").status == 204
    net.run(11)
    assert client.ask("GET").status == 404


def test_a_client_ends_it(net):
    client = polled(Client(net), "how plain;")
    client.ask("GET")
    poll = client.begin("GET")
    net.run()
    assert client.ask("DELETE").status == 202
    assert poll.result().status == 204
    assert not net.app.hub.sessions
    assert client.ask("POST", b"alive;").status in (204, 404)


def test_a_stream(net):
    client = Client(net)
    sink = stream(client)
    client.ask("POST", b"how plain;in room;say room 1;")
    assert sink.body == b"data: hello;\n\ndata: in room;\n\ndata: 1;\n\n"
    assert {attachment.carriage for attachment in net.app.hub.attachments} == {"sse"}
    assert [client.ask("GET").status, client.ask("DELETE").status] == [400, 400]


def test_a_stream_that_is_lost_is_the_end(net):
    client = Client(net)
    sink = stream(client)
    client.ask("POST", b"how plain;")
    sink.producer.gone()
    net.run()
    assert client.begin("GET", headers=STREAM).status in (204, 404)
    assert not net.app.hub.attachments


def test_a_stream_ends_with_why(net):
    client = Client(net)
    sink = stream(client)
    client.ask("POST", b"how plain;")
    net.gateway.close()
    assert sink.body.endswith(b"data: closing 1001;\n\n")
    assert sink.over


def test_what_is_said_before_anything_carries_it_is_kept(net):
    client = Client(net)
    assert client.ask("POST", b"how plain;").status == 200
    assert client.ask("GET").body == b""  # the first poll says that there is a line, and nothing else
    assert client.ask("GET").body == b"hello;"


def test_the_application_sees_the_request_that_carries_it(net):
    seen = []
    net.app.hub.hooks.connect = lambda connecting: seen.append(connecting.request.headers.get("x-mine"))
    client = Client(net)
    client.ask("GET", headers=[("X-Mine", "poll")])
    client.ask("POST", b"how plain;", headers=[("X-Mine", "post")])
    client = Client(net, ("X-Mine", "socket"))
    client.carry("how plain;")
    assert seen == ["poll", "socket"]


def test_two_polls_at_once_before_either_runs(net):
    client = polled(Client(net), "how plain;")
    first, second = client.begin("GET"), client.begin("GET")
    assert isinstance(second, asyncio.Task)
    net.run()
    assert (first.result().status, second.result().body) == (204, b"hello;")
