"""What a publication costs that crosses from one worker to another, beside one that stays in its worker.

`python bench/experiments/local_broker.py [--messages N] [--at-once N]`: the processor time of everybody involved, per message. Same worker: a hub's
broker in memory, nothing written to clients. Other worker: publisher, authority and listener are three processes, with Unix sockets between them.

On two cores shared with much else (AMD EPYC, Python 3.11, 200 at once): same worker 10.4 µs, other worker 33.4 µs (publisher 14.8, authority 13.7,
listener 4.9): 3.2 times, where the task and the future of each awaited publication are in both.
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from pathlib import Path

from everywire.brokers.base import Draft, Retention
from everywire.brokers.local import Host, LocalBroker, connector
from everywire.brokers.local import serve as serve_host
from everywire.brokers.memory import MemoryBroker
from everywire.hub.world import LoopWorld
from everywire.messages import Member, Raw
from everywire.servers import listening

KEEP = Retention(size=100)
ANN = Member("session", "ann")


def draft(number: int) -> Draft:
    return Draft(Raw(b'{"text":"hello to everybody","number":%d}' % number), 1, ANN)


async def publish(broker, messages: int, at_once: int) -> None:
    for first in range(0, messages, at_once):
        await asyncio.gather(*[broker.publish("c", draft(n), KEEP) for n in range(first, first + at_once)])


async def same(messages: int, at_once: int) -> float:
    world = LoopWorld(asyncio.get_running_loop())
    broker = MemoryBroker(world.now, world.new_id)
    heard: list[object] = []
    broker.listen(heard.append)
    await broker.watch("c")
    begun = time.process_time()
    await publish(broker, messages, at_once)
    assert len(heard) == messages
    return time.process_time() - begun


def authority(path: str, ready, over, spent) -> None:
    async def run() -> None:
        world = LoopWorld(asyncio.get_running_loop())
        host = Host(MemoryBroker(world.now, world.new_id), world)
        server = await serve_host(host.join, listening.unix(path))
        ready.set()
        await asyncio.to_thread(over.wait)
        server.close()
        host.close()

    begun = time.process_time()
    asyncio.run(run())
    spent.put(time.process_time() - begun)


def listener(path: str, messages: int, ready, spent) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        broker, heard, over = LocalBroker(connector(path, loop), loop, "b"), [], asyncio.Event()

        def hear(news: object) -> None:
            heard.append(news)
            if len(heard) == messages:
                over.set()

        broker.listen(hear)
        await broker.watch("c")
        ready.set()
        await over.wait()
        await broker.close()

    begun = time.process_time()
    asyncio.run(run())
    spent.put(time.process_time() - begun)


async def other(path: str, messages: int, at_once: int) -> float:
    loop = asyncio.get_running_loop()
    broker = LocalBroker(connector(path, loop), loop, "a")
    broker.listen(lambda _: None)
    begun = time.process_time()
    await publish(broker, messages, at_once)
    spent = time.process_time() - begun
    await broker.close()
    return spent


def crossing(messages: int, at_once: int) -> list[float]:
    made = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "broker")
        ready, also, over = made.Event(), made.Event(), made.Event()
        hosted, listened = made.Queue(), made.Queue()
        host = made.Process(target=authority, args=(path, ready, over, hosted))
        host.start()
        ready.wait()
        ear = made.Process(target=listener, args=(path, messages, also, listened))
        ear.start()
        also.wait()
        publisher = asyncio.run(other(path, messages, at_once))
        heard = listened.get()
        over.set()
        return [publisher, hosted.get(), heard]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--at-once", type=int, default=200)
    given = parser.parse_args()
    alone = asyncio.run(same(given.messages, given.at_once)) / given.messages * 1e6
    publisher, host, ear = (spent / given.messages * 1e6 for spent in crossing(given.messages, given.at_once))
    print(f"same worker   {alone:6.1f} µs a message")
    print(
        f"other worker  {publisher + host + ear:6.1f} µs: publisher {publisher:.1f}, authority {host:.1f}, listener {ear:.1f}"
    )


if __name__ == "__main__":
    main()
