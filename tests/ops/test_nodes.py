"""Several nodes seen as one."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.testing import Net, SharedBroker, VirtualLoop


class Crowd:
    """Nodes on one broker, in one time."""

    def __init__(self, count):
        self.loop, self.shared = VirtualLoop(), SharedBroker()
        self.nets = [Net(self.made(), number, loop=self.loop) for number in range(count)]

    def made(self):
        app = Everywire(broker=self.shared.view)
        app.channel("room:{name}")
        return app

    def view(self, number=0):
        began = self.loop.time()
        view = self.loop.run_until_complete(self.nets[number].app.view())
        return view, round(self.loop.time() - began, 3)


@pytest.fixture
def crowd():
    made = Crowd(3)
    yield made
    for net in made.nets:
        net.__exit__()
    made.loop.close()


def test_all_nodes_are_one_view(crowd):
    for net in crowd.nets:
        net.connect().subscribe("room:a")
    view, _ = crowd.view()
    assert sorted(view.nodes) == sorted(net.app.hub.node for net in crowd.nets)
    assert (view.sessions, view.subscriptions, view.connections) == (3, 3, {"memory": 3})
    assert (view.linked, view.silent) == (3, 0)


def test_who_knows_the_others_does_not_wait_for_more(crowd):
    assert crowd.view()[1] == 0.5
    assert crowd.view()[1] == 0.0


def test_a_node_that_does_not_answer_is_left_out_and_counted_for_a_while(crowd):
    crowd.view()
    crowd.shared.views[2].cut()
    view, took = crowd.view()
    assert (len(view.nodes), view.silent, took) == (2, 1, 0.5)
    crowd.loop.run(10)
    view, took = crowd.view()
    assert (len(view.nodes), view.silent) == (2, 0)
    crowd.shared.views[2].heal()
    crowd.view()  # its answer is heard, though nobody waits for it
    crowd.loop.run(0.1)
    assert len(crowd.view()[0].nodes) == 3


def test_without_its_broker_a_node_sees_itself(crowd):
    crowd.view()
    crowd.shared.views[0].cut()
    view, took = crowd.view()
    assert (len(view.nodes), view.silent, took) == (1, 2, 0.0)


def test_who_asks_meanwhile_gets_the_same(crowd):
    app = crowd.nets[0].app

    async def twice():
        return await asyncio.gather(app.view(), app.view())

    one, other = crowd.loop.run_until_complete(twice())
    assert one is other


def test_answers_to_others_and_to_earlier_questions_are_passed_over(crowd):
    crowd.view()
    nodes = crowd.nets[0].app._nodes
    crowd.view(1)
    assert len(nodes._views) == 2
    assert crowd.nets[0].app.hub.notes.neighbours.known() == {net.app.hub.node for net in crowd.nets[1:]}


def test_a_node_alone_asks_nobody():
    with Net(Everywire()) as net:
        began = net.loop.time()
        view = net.loop.run_until_complete(net.app.view())
        assert (view.nodes, view.linked, net.loop.time()) == ([net.app.hub.node], 1, began)
