"""Several nodes in memory, and what happens to them."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.errors import EverywireError
from everywire.testing import Cluster, Refusal, passed


def made():
    app = Everywire()
    app.channel("room:{name}", history=50, presence=True)

    @app.on("where")
    def where(data):
        return app.hub.node

    return app


@pytest.fixture
def cluster():
    with Cluster(made, 3, seed=1) as cluster:
        yield cluster


def texts(client):
    return [event["data"] for event in client.events("publication")]


def test_what_one_node_is_told_reaches_the_others(cluster):
    ann, ben = cluster.nodes[0].connect(), cluster.nodes[2].connect()
    asked = ben.send("subscribe", channel="room:a")
    cluster.run()
    assert ben.answer(asked)["publications"] == []
    ann.publish("room:a", "hello")
    cluster.run()
    assert texts(ben) == ["hello"]


def test_a_session_goes_on_at_another_node(cluster):
    ann = cluster.nodes[0].connect()
    cluster.run(5)
    cluster.kill(0)
    assert ann.closed == (1006, "the node was killed")
    with pytest.raises(LookupError):
        ann.ask("ping")
    again = cluster.nodes[1].client()
    asked = again.send("connect", resume=ann.resume)
    cluster.run(1)
    assert again.connected(again.answer(asked))["resumed"]


def test_a_killed_node_tells_nobody_and_its_members_leave_with_its_lease(cluster):
    ann, ben = cluster.nodes[0].connect(), cluster.nodes[1].connect()
    for client in (ann, ben):
        client.send("subscribe", channel="room:a")
    cluster.run()
    ben.events()
    cluster.kill(0)
    cluster.run(0.5)
    assert ben.events("leave") == []
    cluster.run(10)
    assert len(ben.events("leave")) == 1


def test_another_node_takes_the_place_of_a_killed_one(cluster):
    cluster.kill(1)
    with pytest.raises(ConnectionRefusedError):
        cluster.nodes[1].connect()
    with pytest.raises(ValueError, match="lives"):
        cluster.start(0)
    fresh = cluster.start(1)
    assert cluster.nodes[1] is fresh
    assert fresh.connect().session


def test_without_its_broker_a_node_refuses_and_then_goes_on(cluster):
    ann = cluster.nodes[0].connect()
    cluster.cut(0)
    asked = ann.send("publish", channel="room:a", data=1)
    cluster.run(5)
    with pytest.raises(Refusal):
        ann.answer(asked)
    assert cluster.nodes[1].connect().publish("room:a", 2)
    cluster.heal()
    assert ann.publish("room:a", 3)["offset"] == 2


def test_real_clients_find_another_node(cluster):
    async def test():
        async with cluster.client() as ann, cluster.client() as ben:
            room = ann.subscribe("room:a")
            await room.ready()
            before = await ann.call("where")
            [number] = [at for at, net in enumerate(cluster.nodes) if net.app.hub.node == before]
            cluster.kill(number)
            heard = []
            while len(heard) < 3:
                try:
                    await ben.publish("room:a", len(heard))
                except EverywireError:
                    await passed(1)
                    continue
                heard.append((await asyncio.wait_for(anext(room), 60)).data)
            assert heard == [0, 1, 2]
            assert await ann.call("where") != before

    cluster.dialling.run(test())


def test_nobody_gets_through_where_no_node_lives(cluster):
    for number in range(3):
        cluster.kill(number)
    with pytest.raises(ConnectionRefusedError):
        cluster.connect()


def test_one_seed_is_one_run():
    def run(seed):
        with Cluster(made, 2, seed) as cluster:
            return [cluster.connect().session for _ in range(5)]

    assert run(3) == run(3) != run(4)


def test_there_is_at_least_one_node():
    with pytest.raises(ValueError):
        Cluster(made, 0)


def test_an_application_that_cannot_start_leaves_nothing_behind():
    def wrong():
        raise ValueError("declared wrongly")

    with pytest.raises(ValueError, match="declared wrongly"):
        Cluster(wrong, 2)
