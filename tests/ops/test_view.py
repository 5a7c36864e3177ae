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


def test_what_is_told_of_queues_and_policies(net):
    client = net.connect()
    client.subscribe("room:a")
    client.events()
    net.app.publish("room:a", "x" * 100)
    net.app.hub.metrics.dropped["latest"] = 3
    view = look(net.app.hub)
    assert 100 < view.queued < 300
    assert (view.dropped, view.changes, view.linked, view.silent) == ({"latest": 3}, 0, 1, 0)
    assert total([view, view]).dropped == {"latest": 6}
    assert total([view, view]).queued == 2 * view.queued


def test_a_release_with_other_buckets_is_added_without_them(net):
    view, other = look(net.app.hub), look(net.app.hub)
    other.publish_counts, other.publish_seconds = [1, 2], 5.0
    assert total([view, other]).publish_counts == view.publish_counts
    assert total([view, other]).publish_seconds == view.publish_seconds


def test_what_is_nothing_is_told_too(net):
    view = look(net.app.hub)
    view.counters["commands"] = 0
    assert total([view]).counters == view.counters
