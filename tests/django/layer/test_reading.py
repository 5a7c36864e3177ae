"""Reading a channel of all processes: what is taken is read, or put back."""

import asyncio

from everywire.app import Everywire
from everywire.django import ChannelLayer

X, Y = {"type": "x"}, {"type": "y"}


async def run(work):
    app = Everywire()
    app.start()
    try:
        async with asyncio.timeout(10):
            await work(app, ChannelLayer())
    finally:
        await app.stop()


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_that_waits_is_given_what_comes():
    async def work(app, layer):
        reader = asyncio.create_task(layer.receive("jobs"))
        await turns(20)
        await layer.send("jobs", X)
        assert await reader == X

    await run(work)


async def test_whenever_a_reader_is_cancelled_nothing_is_lost():
    async def work(app, layer):
        for pause in range(12):
            await layer.send("jobs", X)
            reader = asyncio.create_task(layer.receive("jobs"))
            await turns(pause)
            reader.cancel()
            found = (await asyncio.gather(reader, return_exceptions=True))[0]
            if found != X:
                await turns(10)
                assert await layer.receive("jobs") == X

    await run(work)


async def test_one_that_is_cancelled_while_it_waits_leaves_what_comes_to_others():
    async def work(app, layer):
        first, second = (asyncio.create_task(layer.receive("jobs")) for _ in range(2))
        await turns(20)
        first.cancel()
        await turns()
        await layer.send("jobs", X)
        assert await second == X

    await run(work)


async def test_a_broker_that_is_away_is_asked_again(monkeypatch):
    monkeypatch.setattr("everywire.django.layer.reading._AGAIN", 0.001)

    async def work(app, layer):
        failures = [ConnectionError("away"), ConnectionError("away")]
        inner = app.hub.broker.pull

        async def pull(queue, ticket):
            if failures:
                raise failures.pop()
            return await inner(queue, ticket)

        monkeypatch.setattr(app.hub.broker, "pull", pull)
        await layer.send("jobs", X)
        assert await layer.receive("jobs") == X
        assert failures == []

    await run(work)


async def test_what_was_taken_is_put_back_where_the_answer_is_lost_and_the_reader_gone(monkeypatch):
    monkeypatch.setattr("everywire.django.layer.reading._AGAIN", 0.001)

    async def work(app, layer):
        inner, asked, lost = app.hub.broker.pull, asyncio.Event(), asyncio.Event()

        async def pull(queue, ticket):
            await inner(queue, ticket)
            asked.set()
            await lost.wait()
            raise ConnectionError("the link was lost")

        await layer.send("jobs", X)
        with monkeypatch.context() as patch:
            patch.setattr(app.hub.broker, "pull", pull)
            reader = asyncio.create_task(layer.receive("jobs"))
            await asked.wait()
            reader.cancel()
            await asyncio.wait([reader])
            await turns()
            lost.set()
            await turns()
        async with asyncio.timeout(5):
            assert await layer.receive("jobs") == X

    await run(work)


async def test_readers_on_loops_of_their_own_share_a_channel():
    async def work(app, layer):
        readers = [asyncio.to_thread(lambda: asyncio.run(layer.receive("jobs"))) for _ in range(2)]
        waiting = asyncio.gather(*readers)
        await turns()
        await layer.send("jobs", X)
        await layer.send("jobs", Y)
        assert sorted(each["type"] for each in await waiting) == ["x", "y"]

    await run(work)


async def test_a_reader_that_is_done_is_not_kept():
    async def work(app, layer):
        for _ in range(3):
            await layer.send("jobs", X)
        await layer.receive("jobs")
        await layer.receive("jobs")
        await turns()
        assert not any(layer._outside._empty.values())

    await run(work)
