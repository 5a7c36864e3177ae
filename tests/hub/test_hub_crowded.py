"""A transport whose client reads slowly: its commands wait, and nobody else's."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net


def make(**settings):
    app = Everywire(settings=Settings(**settings))
    app.channel("room:{name}", history=50, presence=True)
    return app


@pytest.fixture
def net():
    """Clients that keep the server waiting while they have more than two payloads to take."""
    with Net(make(), crowd=2) as net:
        yield net


def test_the_answers_of_sixty_channels_wait_for_room(net):
    client, other = net.connect(), net.connect()
    asked = [client.send("subscribe", channel=f"room:{number}") for number in range(60)]
    answered: list = []
    most = 0
    while len(answered) < 60:
        net.run()
        most = max(most, len(client.transport.outbox))
        other.subscribe(f"room:x{len(answered)}")
        answered += [event["id"] for event in client.events(most=1)]
    assert (answered, most) == (asked, 3)


def test_who_has_room_is_answered_before_the_next_turn_of_the_loop(net):
    client = net.connect()
    before = len(asyncio.all_tasks(net.loop))
    client.subscribe("room:a")
    assert len(asyncio.all_tasks(net.loop)) == before


@pytest.mark.parametrize("code", [1000, 1006])
def test_waiting_for_room_ends_with_the_transport(net, code):
    client = net.connect()
    before = len(asyncio.all_tasks(net.loop))
    for number in range(5):
        client.send("subscribe", channel=f"room:{number}")
    assert len(asyncio.all_tasks(net.loop)) == before + 1
    client.drop(code)
    net.run()
    assert len(asyncio.all_tasks(net.loop)) == before
    assert len(net.app.hub.channels) == (0 if code == 1000 else 3)


def test_too_many_commands_of_who_does_not_read_close():
    with Net(make(max_waiting=4), crowd=2) as net:
        client = net.connect()
        for _ in range(9):
            client.send("ping")
        net.run()
        assert client.closed == (1008, "too many unanswered commands")


def test_who_does_not_read_is_heard_all_the_same(net):
    client = net.connect()
    for number in range(5):
        client.send("subscribe", channel=f"room:{number}")
    for _ in range(10):
        net.run(9)
        client.line.receive('{"type":"pong"}')
    assert client.closed is None


def test_who_waits_for_room_among_the_commands_is_told_of_each_that_is_handled_and_of_the_end(net):
    hub, client, waiting = net.app.hub, net.connect(), []
    (attachment,) = hub.attachments
    hub.moved[attachment] = lambda: waiting.append((len(attachment.inbox), attachment.transport.crowded))
    for number in range(5):
        client.send("subscribe", channel=f"room:{number}")
    assert waiting[:2] == [(1, False), (0, False)]
    assert waiting[-1] == (1, True)  # before the fourth: nothing more is handled until the client reads
    assert len(attachment.inbox) == 2
    client.drop(1006)
    assert waiting[-1][0] == 0
    assert not attachment.open
