"""How what a hub says reaches its clients: in order, over several workers, and once they are back."""

import pytest
from tests.signalr.nets import hall, heard

from everywire import Everywire, Refused, SessionGone
from everywire.brokers.base import Query
from everywire.signalr import Hub
from everywire.testing import Cluster, Refusal


class Chat(Hub):
    async def ordered(self):
        await self.clients.all.send("One")
        await self.clients.caller.send("Two")
        await self.clients.all.send("Three")
        await self.clients.client(self.context.connection_id).send("Four", 1, [2], {"three": 3})

    async def confirm(self, timeout: float):
        return await self.clients.caller.invoke("confirm", "sure?", timeout=timeout, returns=bool)


def test_what_is_awaited_comes_in_its_order():
    with hall(Chat) as running:
        client = running.come()
        asked = client.send("call", name="ordered")
        running.net.run()
        assert heard(client) == [("One",), ("Two",), ("Three",), ("Four", 1, [2], {"three": 3})]
        assert asked


def test_one_client_is_asked():
    with hall(Chat) as running:
        client = running.come()
        asked = client.send("call", name="confirm", data={"timeout": 5})
        running.net.run()
        (calling,) = client.events("call")
        client.send("answer", call=calling["call"], data=True)
        running.net.run()
        assert client.answer(asked)["data"] is True


def test_what_one_client_declines_its_caller_is_told_as_any_error():
    with hall(Chat, detailed_errors=True) as running:
        client = running.come()
        asked = client.send("call", name="confirm", data={"timeout": 5})
        running.net.run()
        (calling,) = client.events("call")
        client.send("answer", call=calling["call"], error={"code": 1001, "reason": "no time"})
        running.net.run()
        with pytest.raises(Refusal, match="Declined: 1001 no time"):
            client.answer(asked)


def test_who_is_asked_may_be_late_say_no_or_be_gone():
    with hall(Chat) as running:
        client, one = running.come(), running.context.clients.client
        with pytest.raises(TimeoutError):
            running.do(one(client.session).invoke("confirm", timeout=0.5))
        with pytest.raises(SessionGone):
            running.do(one("nobody").invoke("confirm"))


def test_a_name_is_a_text():
    with hall(Chat) as running:
        running.come()
        for name in ("", "x" * 256, 5):
            with pytest.raises(Refused, match="what clients listen to has a name"):
                running.context.clients.all.send(name)


class Worker:
    """One worker of a cluster, and a client there."""

    def __init__(self, app, context, net):
        self.app, self.context, self.net = app, context, net
        self.client = net.client()
        asked = self.client.send("connect")
        net.run()
        self.client.connected(self.client.answer(asked))
        self.client.events()

    def do(self, work):
        async def waited():
            await work

        self.net.loop.run_until_complete(waited())
        self.net.run(0.1)


@pytest.fixture
def workers():
    made = []

    def make():
        app = Everywire()
        made.append((app, app.host("", Chat, {})))
        return app

    with Cluster(make, 2) as cluster:
        yield [Worker(*each, net) for each, net in zip(made, cluster.nodes, strict=True)]


def test_clients_of_other_workers_hear_and_are_put_into_groups(workers):
    one, other = workers
    clients, groups = one.context.clients, one.context.groups
    one.do(groups.add(other.client.session, "tea"))
    one.do(clients.group("tea").send("Tea"))
    one.do(clients.client(other.client.session).send("You", b"binary"))
    one.do(clients.all.send("All"))
    one.do(groups.remove(other.client.session, "tea"))
    one.do(clients.group("tea").send("Nobody"))
    assert heard(one.client) == [("All",)]
    (tea, you, everybody) = heard(other.client)
    assert (tea, you[0], everybody) == (("Tea",), "You", ("All",))


def test_a_client_of_another_worker_is_asked(workers):
    one, other = workers

    async def asked():
        return await one.context.clients.client(other.client.session).invoke("confirm", returns=int)

    work = one.net.loop.create_task(asked())
    one.net.run(0.1)
    (calling,) = other.client.events("call")
    other.client.send("answer", call=calling["call"], data=5)
    one.net.run(0.1)
    assert work.result() == 5


def test_what_one_misses_who_is_away_for_a_moment_is_kept_for_it_alone():
    with hall(Chat) as running:
        ada, bob = running.come(), running.come()
        ada.drop()
        running.do(running.context.clients.client(ada.session).send("Missed", 1))
        hub, kept = running.net.app.hub, []

        async def read():
            place = hub.place("hub")
            kept.append(await hub.broker.read("hub", Query(limit=9), place.kind.retention))

        running.do(read())
        (missed,) = kept[0].publications
        assert bytes(missed.data) == b'{"event":"Missed","args":[1]}'
        assert missed.audience.session == ada.session
        assert heard(bob) == []
