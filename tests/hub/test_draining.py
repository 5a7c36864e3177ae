"""Letting clients go: all of them in time, none in a crowd."""

import pytest

from everywire.app import Everywire
from everywire.hub.draining import Draining
from everywire.testing import Net


@pytest.fixture
def net():
    app = Everywire()
    app.channel("c", history=10)
    with Net(app) as net:
        yield net


def gone(clients):
    return sum(client.closed is not None for client in clients)


def test_clients_are_closed_with_1012_at_the_pace_that_was_asked_for(net):
    clients = [net.connect() for _ in range(100)]
    draining = net.loop.create_task(Draining(net.app.hub, 10, 100).wait())
    net.run(0.5)
    assert 45 <= gone(clients) <= 55
    net.run(0.6)
    assert draining.result() == 100
    assert {client.closed[0] for client in clients} == {1012}


def test_many_clients_are_spread_evenly_over_the_window(net):
    clients = [net.connect() for _ in range(1000)]
    draining = net.loop.create_task(Draining(net.app.hub, 2, 10).wait())
    counts = []
    for _ in range(20):
        before = gone(clients)
        net.run(0.1)
        counts.append(gone(clients) - before)
    net.run(3)
    assert draining.result() == 1000
    assert max(counts) <= 1.5 * 1000 / 20


def test_without_a_window_all_go_at_once(net):
    clients = [net.connect() for _ in range(50)]
    draining = net.loop.create_task(Draining(net.app.hub, 0, 1).wait())
    net.run(0.05)
    assert (gone(clients), draining.result()) == (50, 50)


def test_nobody_is_soon_over(net):
    draining = net.loop.create_task(Draining(net.app.hub, 10, 1).wait())
    net.run(0.001)
    assert draining.result() == 0


def test_a_session_that_is_let_go_can_be_resumed_while_its_node_lives(net):
    client = net.connect()
    net.loop.create_task(Draining(net.app.hub, 0, 1).wait())
    net.run(0.05)
    assert net.connect(resume=client.resume).resumed
