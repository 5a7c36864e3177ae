"""Health and readiness."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.http.request import Headers, Request, Response
from everywire.testing import Net


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
