"""The end of a server: handlers that are to finish do, for a while; all others are cancelled."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net, passed


@pytest.fixture
def told():
    return []


@pytest.fixture
def app(told):
    app = Everywire(settings=Settings(finish_grace=3))
    app.channel("news")

    @app.on("finish", finish=True)
    async def finish(seconds: float):
        try:
            await passed(seconds)
            app.publish("news", "done")
            told.append("done")
        except asyncio.CancelledError:
            told.append("cancelled")

    app.on("usual")(finish)
    return app


@pytest.mark.parametrize(
    ("name", "seconds", "expected", "took"),
    [("finish", 2, "done", 2), ("finish", 4, "cancelled", 3), ("usual", 2, "cancelled", 0)],
)
def test_what_is_to_finish_is_waited_for(app, told, name, seconds, expected, took):
    with Net(app) as net:
        client = net.connect()
        client.send("call", name=name, data={"seconds": seconds})
        net.run(0.001)
        begun = net.loop.time()
        net.loop.run_until_complete(app.stop())
        assert net.loop.time() - begun == pytest.approx(took, abs=0.01)
        net.run()
        assert client.closed[0] == 1001
    assert told == [expected]


def test_stopping_twice_is_stopping(app, told):
    with Net(app) as net:
        net.connect().send("call", name="finish", data={"seconds": 1})
        net.run(0.001)

        async def both():
            await asyncio.gather(app.stop(), app.stop())

        net.loop.run_until_complete(both())
    assert told == ["done"]
