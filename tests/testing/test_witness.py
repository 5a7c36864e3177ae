"""What the real client's application sees keeps the promises, however often connections are cut."""

import asyncio
from random import Random

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.messages import Position
from everywire.testing import Dialling, Mark, Net, Published, Seen, Witness, check, passed


def test_it_writes_down_what_is_seen_and_where_a_view_begins_anew():
    app = Everywire(settings=Settings(linger=1))
    app.channel("room:{name}", history=2)
    with Net(app) as net:
        dialling = Dialling(net)

        async def test():
            async with dialling.client() as ada:
                witness = Witness(ada, "ada", "room:a", rewind=2)
                await witness.ready()
                await ada.publish("room:a", {"sender": "ada", "number": 1})
                await passed(1)
                dialling.broken = OSError("down")
                dialling.cut()
                for number in range(2, 7):
                    net.app.publish("room:a", {"sender": "ada", "number": number})
                dialling.broken = None
                await ada.connect()
                await passed(1)
                return witness

        entries = net.loop.run_until_complete(test()).log.entries
    epoch = entries[0].position.epoch
    assert [(type(entry), entry.position.offset) for entry in entries] == [
        (Mark, 0),
        (Seen, 1),
        (Mark, 4),
        (Seen, 5),
        (Seen, 6),
    ]
    assert {entry.position.epoch for entry in entries} == {epoch}


class Play:
    """Publishers and followers whose cables are cut at random, frozen at times, and slow."""

    def __init__(self, net: Net, seed: int, *, codec: str) -> None:
        self.dice = Random(seed)
        self.codec = codec
        self.dialling = Dialling(net, seed)
        self.dialling.delay = lambda: 0.001 + 0.05 * self.dice.random()
        self.published: list[Published] = []
        self.marks = 0

    async def disturb(self) -> None:
        for _ in range(30):
            await passed(self.dice.random() * 0.8)
            alive = [cable for cable in self.dialling.all if cable.up]
            if not alive:
                continue
            cable = self.dice.choice(alive)
            cable.freeze() if self.dice.random() < 0.15 else cable.cut()

    async def publish(self, name: str, count: int) -> None:
        async with self.dialling.client(codec=self.codec) as client:
            waiting = []
            for number in range(count):
                waiting.append((number, client.publish("room:a", {"sender": name, "number": number})))
                await passed(self.dice.random() * 0.5)
            for number, publishing in waiting:
                self.published.append(Published(await publishing, name, number))

    async def run(self, count: int) -> list:
        clients = [self.dialling.client(codec=self.codec) for _ in range(3)]
        await asyncio.gather(*(client.connect() for client in clients))
        witnesses = [Witness(client, f"witness {number}", "room:a") for number, client in enumerate(clients)]
        await asyncio.gather(*(witness.ready() for witness in witnesses))
        disturbing = asyncio.ensure_future(self.disturb())
        await asyncio.gather(*(self.publish(name, count) for name in ("ada", "bob")))
        await disturbing
        await passed(120)  # even a frozen cable is noticed by then
        for witness in witnesses:
            witness.settle()
        for client in clients:
            await client.close()
        self.marks = sum(isinstance(entry, Mark) for witness in witnesses for entry in witness.log.entries)
        end = max((each.position for each in self.published), key=lambda position: position.offset)
        return check([witness.log for witness in witnesses], self.published, {w.log.client: end for w in witnesses})


@pytest.mark.parametrize("codec", ["json", "msgpack"])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("history", [1000, 5])
def test_the_promises_hold_over_cables_that_are_cut_at_random(seed, codec, history):
    app = Everywire(settings=Settings(linger=5, max_page=7))
    app.channel("room:{name}", history=history, ttl=3600)
    with Net(app, seed) as net:
        play = Play(net, seed, codec=codec)
        assert net.loop.run_until_complete(play.run(40)) == []
        assert len(play.published) == 80
        if history == 1000:
            assert play.marks == 3  # everything that was missed was there to be told
        assert len(play.dialling.all) > 12
        assert isinstance(play.published[0].position, Position)


@pytest.mark.parametrize("seed", range(6))
def test_a_map_is_the_servers_in_the_end_however_often_cables_are_cut(seed):
    app = Everywire(settings=Settings(linger=5, max_page=4))
    app.channel("map", keyed=True, history=3)
    dice = Random(seed)

    async def test(dialling):
        async with dialling.client() as ada, dialling.client() as bob:
            followed = ada.subscribe("map", max_queue=5)
            told = {}
            for number in range(150):
                name = f"e{dice.randrange(20)}"
                await bob.publish("map", number, entry=name, remove=dice.random() < 0.3)
                if dice.random() < 0.2:
                    dialling.cut()
                if dice.random() < 0.3:
                    await passed(dice.random())
                while len(followed._queue) and dice.random() < 0.8:
                    change = await anext(followed)
                    told[change.entry] = None if change.removed else change.data
            await ada.connect()
            await passed(60)
            while len(followed._queue):
                change = await anext(followed)
                told[change.entry] = None if change.removed else change.data
            true = {entry.entry: entry.data for entry in await bob.entries("map")}
            assert {name: entry.data for name, entry in followed.entries.items()} == true
            assert {name: value for name, value in told.items() if value is not None} == true

    with Net(app, seed) as net:
        net.loop.run_until_complete(test(Dialling(net, seed)))
