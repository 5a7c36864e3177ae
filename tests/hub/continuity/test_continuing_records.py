"""Sessions of which there are records alone: who was kicked out is not among them; and many records are asked for at a time."""

import pytest
from tests.hub.continuity.test_continuing import Cluster

from everywire.hub.world import pause


@pytest.fixture
def cluster():
    with Cluster() as cluster:
        yield cluster


@pytest.mark.parametrize("by", ["user", "session"])
@pytest.mark.parametrize("node", [0, 1])
def test_who_was_kicked_is_not_brought_back_from_a_record(cluster, node, by):
    one, other = cluster.nets[0], cluster.nets[node]
    ann = one.connect(token="ann")
    cluster.run(1)
    ann.drop()
    cluster.run(20)  # its linger is over: it is a record and nothing else
    who = {"user": "ann"} if by == "user" else {"session": ann.session}
    cluster.loop.run_until_complete(other.app.kick(**who))
    cluster.run(1)
    new = other.connect(token="ann", resume=ann.resume)
    assert not new.resumed
    new.drop()
    cluster.run(20)
    assert other.connect(resume=new.resume).session == new.session


def test_who_is_kicked_while_a_node_looks_for_the_session_is_not_brought_back(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    cluster.run(1)
    ann.drop()
    cluster.run(20)
    continuing = two.app.hub.continuing
    earlier = cluster.loop.run_until_complete(continuing.find(ann.resume))
    assert earlier is not None
    cluster.loop.run_until_complete(one.app.kick("ann"))
    cluster.run(1)
    assert continuing.take(earlier, two.client().line.attachment) is None


def test_a_node_of_many_sessions_asks_for_many_records_at_a_time(cluster, monkeypatch):
    one = cluster.nets[0]
    clients = [one.connect(token=str(number)) for number in range(300)]
    cluster.run(1)
    asked, most = [], []
    taken = one.app.hub.records.taken

    async def slow(name):
        asked.append(name)
        most.append(len(asked))
        await pause(one.app.hub.world, 0.1)
        asked.remove(name)
        return await taken(name)

    monkeypatch.setattr(one.app.hub.records, "taken", slow)
    begun = cluster.loop.time()
    cluster.loop.run_until_complete(one.app.hub.continuing.verify())
    assert cluster.loop.time() - begun < 0.3
    assert max(most) == 250
    assert all(client.closed is None for client in clients)
