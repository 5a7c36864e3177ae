"""An application and its clients in one process."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.testing import Net, passed


def test_the_same_seed_is_the_same_run():
    def sessions(seed):
        with Net(Everywire(), seed) as net:
            return [net.connect().session for _ in range(3)]

    assert sessions(1) == sessions(1) != sessions(2)


def test_whatever_still_runs_ends_with_it():
    app, ended = Everywire(), []

    @app.on("forever")
    async def forever(member, data):
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    with Net(app) as net:
        net.connect().send("call", name="forever")
        net.run()
    assert ended == [True]


def test_an_application_that_does_not_start_leaves_nothing_open():
    def no_broker(world, metrics):
        raise OSError("no broker")

    with pytest.raises(OSError, match="no broker"):
        Net(Everywire(broker=no_broker))


def test_one_that_was_killed_says_and_does_nothing():
    app, done = Everywire(), []
    app.channel("room:{name}")

    @app.on("later")
    async def later(data):
        await passed(1)
        done.append(data)

    with Net(app) as net:
        ann = net.connect()
        ann.subscribe("room:a")
        ann.send("call", name="later", data=1)
        net.run()
        assert net.alive
        net.kill()
        assert not net.alive
        assert ann.closed == (1006, "the node was killed")
        assert ann.events() == []
        ann.send("publish", channel="room:a", data=1)
        net.run(100)
        assert ann.events() == []
        with pytest.raises(ConnectionRefusedError):
            net.connect()
    assert done == []
