"""The real client over cables in memory: what is said arrives in order, later, or not at all."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.client.hub import State
from everywire.testing import Dialling, Net, passed


@pytest.fixture
def net():
    app = Everywire()
    app.channel("room:{name}", history=100)
    with Net(app) as net:
        yield net


def test_a_client_speaks_over_a_cable_that_takes_time(net):
    async def test():
        async with Dialling(net, delay=0.5).client() as ada:
            return await ada.publish("room:a", 1)

    assert net.loop.run_until_complete(test()).offset == 1
    assert net.loop.time() > 2


def test_what_is_on_its_way_when_it_is_cut_is_lost(net):
    async def test():
        dialling = Dialling(net)
        async with dialling.client() as ada:
            publishing = ada.publish("room:a", 1)
            dialling.cut()
            assert not dialling.all[0].up
            assert (await publishing).offset == 1
            assert len(dialling.all) == 2

    net.loop.run_until_complete(test())


def test_nobody_gets_through_where_nothing_is_reached(net):
    async def test():
        dialling = Dialling(net)
        dialling.reach = lambda: None
        client = dialling.client()
        connecting = asyncio.ensure_future(client.connect())
        await passed(0.05)
        assert client.state is not State.CONNECTED
        dialling.reach = lambda: net
        await connecting
        await client.close()

    net.loop.run_until_complete(test())


def test_it_carries_messagepack(net):
    async def test():
        dialling = Dialling(net)
        async with dialling.client(codec="msgpack") as ada:
            room = ada.subscribe("room:a")
            await ada.publish("room:a", {"picture": b"\x00\xff"})
            assert (await anext(room)).data == {"picture": b"\x00\xff"}
        assert all(isinstance(said, bytes) for said in dialling.all[0].said)

    net.loop.run_until_complete(test())


def test_a_client_notices_that_its_server_is_gone(net):
    async def test():
        dialling = Dialling(net)
        async with dialling.client() as client:
            dialling.all[0].abandon()
            await passed(0)
            assert client.state is not State.CONNECTED
            assert net.app.hub.metrics.disconnects == {}  # nobody told the server
            await client.publish("room:a", 1)

    net.loop.run_until_complete(test())
