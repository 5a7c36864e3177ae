"""A worker from the inside, its supervisor played by the test."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from everywire.app import Everywire
from everywire.brokers.local import LocalBroker
from everywire.brokers.memory import MemoryBroker
from everywire.client import hub as clients
from everywire.servers import here, listening
from everywire.servers.workers.control import Adopt, Control, Drain, Drained, Ready, Release
from everywire.servers.workers.handing import landing
from everywire.servers.workers.relay import private
from everywire.servers.workers.worker import ENVIRONMENT, Given, Worker


class Supervised:
    """A worker that serves in this process, and its control line's other end."""

    def __init__(self, folder):
        self.app = Everywire(broker=lambda world, metrics: MemoryBroker(world.now, world.new_id, later=world.later))
        self.app.channel("c", history=5)
        (self.own,), (self.spare,) = listening.tcp("127.0.0.1", 0), listening.tcp("127.0.0.1", 0)
        self.line, far = socket.socketpair()
        given = Given(1, str(folder), far.detach(), (os.dup(self.own.fileno()),), {2: (self.spare.fileno(),)})
        self.worker = Worker(given)
        self.heard = asyncio.Queue()

    async def begin(self):
        here.settle(self.worker)
        self.serving = self.app.serving(sock=self.worker.sockets(), close_timeout=0.5)
        server = await self.serving.__aenter__()
        self.control = await Control.over(self.line, self.heard.put_nowait, lambda: None)
        await self.worker.begin(server, Ready("/everywire"), self.app.gateway)
        assert await self.heard.get() == Ready("/everywire")

    async def end(self):
        self.control.close()
        await self.serving.__aexit__(None, None, None)
        for sock in (self.own, self.spare):
            sock.close()

    def url(self, sock):
        return f"ws://127.0.0.1:{sock.getsockname()[1]}/everywire"


@pytest.fixture
async def supervised(tmp_path):
    supervised = Supervised(tmp_path)
    await supervised.begin()
    yield supervised
    await supervised.end()
    here.settle(None)


async def test_it_lets_its_clients_go_when_told_and_stays_reachable_for_other_workers(supervised, tmp_path):
    client = clients.Client(supervised.url(supervised.own), backoff=(60, 60))
    async with client:
        supervised.control.say(Drain(0, 100))
        await supervised.worker.told.wait()
        node = supervised.app.hub.node
        assert private(tmp_path, node).exists()
        assert landing(tmp_path, node).exists()
        await supervised.worker.end()
        assert await supervised.heard.get() == Drained(1)
    assert not private(tmp_path, node).exists()
    assert not landing(tmp_path, node).exists()


async def test_it_accepts_for_another_worker_while_that_is_away(supervised):
    supervised.control.say(Adopt(2))
    supervised.control.say(Adopt(2))
    async with clients.Client(supervised.url(supervised.spare)) as client:
        supervised.control.say(Release(2))
        supervised.control.say(Release(9))
        assert (await client.publish("c", 1)).offset == 1


async def test_without_a_supervisor_it_ends(supervised):
    supervised.control.close()
    await supervised.worker.told.wait()


async def test_its_broker_is_that_of_all_workers(supervised):
    broker = supervised.worker.broker(supervised.app.hub.world, supervised.app.metrics)
    assert isinstance(broker, LocalBroker)
    assert supervised.worker.given.broker.name == "broker"


async def test_each_application_of_the_process_has_a_broker_that_the_others_do_not_drop(supervised):
    one, other = (supervised.worker.broker(supervised.app.hub.world, supervised.app.metrics) for _ in range(2))
    assert one._name != other._name


def test_the_environment_says_what_it_is_once():
    environ = {ENVIRONMENT: '{"slot":3,"folder":"/f","control":9,"listening":[4,5],"spare":{"1":[6]}}'}
    worker = Worker.found(environ)
    assert worker is not None
    assert worker.given == Given(3, "/f", 9, (4, 5), {1: (6,)})
    assert environ == {}
    assert Worker.found(environ) is None
    assert worker.given.broker == Path("/f/broker")
