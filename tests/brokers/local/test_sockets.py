"""The contract over a real Unix socket, and the ends of real links."""

import asyncio
from itertools import count

import pytest
from tests.contracts.broker import KEEP, BrokerContract, draft
from tests.contracts.keyed import KeyedContract
from tests.contracts.presence import PresenceContract
from tests.contracts.queues import QueueContract

from everywire.brokers.base import Gap
from everywire.brokers.local import Host, LocalBroker, connector, serve
from everywire.brokers.memory import MemoryBroker
from everywire.hub.world import LoopWorld
from everywire.servers import listening


class Served:
    """A host at a Unix socket, whose clock a test may advance."""

    def __init__(self, loop, path):
        self.loop, self.path, self.ahead = loop, str(path), 0.0
        epochs = count()
        self.memory = MemoryBroker(
            lambda: loop.time() + self.ahead, lambda: f"e{next(epochs)}"
        )  # no timers: time is advanced by hand
        self.host = Host(self.memory, LoopWorld(loop))
        self.server = None

    async def begin(self):
        self.server = await serve(self.host.join, listening.unix(self.path))

    def client(self, name="w"):
        return LocalBroker(connector(self.path, self.loop), self.loop, name)

    async def end(self):
        self.server.close()
        self.host.close()
        await asyncio.sleep(0)


class TestLocalBrokerOverASocket(BrokerContract, KeyedContract, PresenceContract, QueueContract):
    @pytest.fixture(autouse=True)
    def _served(self, tmp_path):
        with asyncio.Runner() as runner:
            self.loop = runner.get_loop()
            self.served = Served(self.loop, tmp_path / "s")
            runner.run(self.served.begin())
            yield
            runner.run(self.served.end())

    def make(self):
        return self.served.client()

    def wait(self, seconds):
        self.served.ahead += seconds
        self.served.memory._places.settle()  # as a timer of that clock would
        self.run(self.broker.ends(()))  # what is told was told before this is answered


async def test_a_host_that_restarts_is_found_again(tmp_path):
    loop = asyncio.get_running_loop()
    served = Served(loop, tmp_path / "s")
    await served.begin()
    client, news = served.client(), asyncio.Queue()
    client.listen(news.put_nowait)
    await client.watch("c")
    await served.end()
    again = Served(loop, tmp_path / "s")
    await again.begin()
    async with asyncio.timeout(5):
        assert await news.get() == Gap()
        await client.publish("c", draft(1), KEEP)
        assert (await news.get()).position.offset == 1
    await client.close()
    await again.end()


async def test_a_client_may_come_before_the_host(tmp_path):
    served = Served(asyncio.get_running_loop(), tmp_path / "s")
    client = served.client()
    client.listen(lambda _: None)
    publishing = asyncio.ensure_future(client.publish("c", draft(1), KEEP))
    await asyncio.sleep(0)
    await served.begin()
    assert (await publishing).position.offset == 1
    await client.close()
    await served.end()
