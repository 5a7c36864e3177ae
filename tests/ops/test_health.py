"""Health and readiness."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.http.request import Headers, Request, Response
from everywire.testing import Net, SharedBroker


def ask(net, path):
    answer = net.app.answer(Request("GET", path, Headers()))
    if not isinstance(answer, Response):
        answer = net.loop.run_until_complete(answer)
    return answer.status, answer.body


def test_a_running_node_is_alive_and_ready():
    with Net(Everywire()) as net:
        assert ask(net, "/healthz") == (200, b"ok\n")
        assert ask(net, "/readyz") == (200, b"ready\n")


@pytest.mark.parametrize("failure", ["raises", "hangs"])
def test_a_node_without_its_broker_is_alive_and_not_ready(failure):
    with Net(Everywire()) as net:

        async def ends(channels):
            if failure == "raises":
                raise ConnectionError
            await asyncio.Event().wait()

        net.app.hub.broker.ends = ends
        assert ask(net, "/healthz")[0] == 200
        assert ask(net, "/readyz") == (503, b"the broker does not answer\n")


def test_a_draining_node_is_not_ready():
    with Net(Everywire()) as net:
        net.app._health.draining = True
        assert ask(net, "/readyz") == (503, b"draining\n")
        assert ask(net, "/healthz")[0] == 200


def test_an_application_may_answer_itself():
    app = Everywire()
    app.route("/healthz")(lambda request: Response(204))
    with Net(app) as net:
        assert ask(net, "/healthz")[0] == 204
        assert ask(net, "/readyz")[0] == 200


def test_it_answers_for_the_hub_that_runs():
    app = Everywire()
    for _ in range(2):
        with Net(app) as net:
            assert ask(net, "/readyz") == (200, b"ready\n")


class Unlinked(SharedBroker):
    def view(self, world, metrics):
        made = super().view(world, metrics)
        made.linked = False
        return made


def test_a_node_whose_link_to_the_broker_is_down_is_not_ready_and_says_so_at_once():
    with Net(Everywire(broker=Unlinked().view)) as net:
        began = net.loop.time()
        assert ask(net, "/readyz") == (503, b"the broker is out of reach\n")
        assert net.loop.time() == began
        net.app.hub.broker.linked = True
        assert ask(net, "/readyz") == (200, b"ready\n")


def test_a_broker_that_does_not_answer_is_not_waited_for_longer_than_a_second():
    with Net(Everywire()) as net:

        async def ends(channels):
            await asyncio.Event().wait()

        net.app.hub.broker.ends = ends
        began = net.loop.time()
        assert ask(net, "/readyz")[0] == 503
        assert net.loop.time() - began < 1


def test_one_that_refrains_is_not_ready():
    with Net(Everywire()) as net:
        net.app.refrain()
        assert ask(net, "/readyz") == (503, b"draining\n")
