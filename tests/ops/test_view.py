"""A view counts what there is."""

import pytest

from everywire.app import Everywire
from everywire.ops.view import look, total
from everywire.testing import Net


@pytest.fixture
def net():
    app = Everywire()
    app.channel("room:{name}", history=5)
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as net:
        yield net


def test_a_view_of_a_busy_hub(net):
    ann, ben = net.connect(token="ann"), net.connect(token="ben")
    again = net.connect(token="ann")
    for client in (ann, ben):
        client.subscribe("room:a")
    ann.subscribe("room:b")
    ann.publish("room:a", 1)
    again.drop(1006)
    net.client()
    view = look(net.app.hub)
    assert (view.sessions, view.users, view.channels, view.subscriptions) == (3, 2, 2, 3)
    assert view.connections == {"memory": 3}
    assert view.disconnects == {"1006": 1}
    assert (view.counters["publications"], view.counters["deliveries"]) == (1, 2)
    assert sum(view.publish_counts) == 1


def test_refusals_are_counted_by_code(net):
    client = net.connect()
    for _ in range(2):
        client.send("unsubscribe", channel="room:z")
    client.send("subscribe", channel="nowhere")
    assert look(net.app.hub).refused == {"106": 2, "104": 1}


def test_views_add_up(net):
    net.connect().subscribe("room:a")
    view = look(net.app.hub)
    both = total([view, view])
    assert both.nodes == [net.app.hub.node] * 2
    assert (both.sessions, both.subscriptions) == (2, 2)
    assert both.connections == {"memory": 2}
    assert both.counters["commands"] == 2 * view.counters["commands"]
    assert total([]).sessions == 0
