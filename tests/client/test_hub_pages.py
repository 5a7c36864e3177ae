"""The client where answers hold two publications each, and the line is cut in between."""

import asyncio
from random import Random

import pytest
from tests.client.wires import Wires, elapse

from everywire.app import Everywire
from everywire.hub.settings import Settings


async def data(subscription, count: int) -> list:
    return [(await anext(subscription)).data for _ in range(count)]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("called", [True, False])
def test_nothing_is_lost_or_doubled_over_a_line_that_is_cut_at_random(seed, called):
    app = Everywire(settings=Settings(max_page=2))
    app.channel("room:{name}", history=200, presence=True)
    dice = Random(seed)
    with Wires(app, seed) as wires:

        async def disturb() -> None:
            for _ in range(25):
                await elapse(dice.random() * 0.3)
                if alive := [wire for wire in wires.all if wire.up]:
                    dice.choice(alive).cut()

        async def test() -> None:
            seen: list = []
            publishing: list = []
            async with wires.client(backoff=(0.01, 0.05)) as ada, wires.client(backoff=(0.5, 1)) as eve:
                callback = (lambda each: seen.append(each.data)) if called else None
                room = eve.subscribe("room:a", rewind=200, on_publication=callback, max_queue=7)
                reading = asyncio.ensure_future(data(room, 200)) if not called else None
                trouble = asyncio.ensure_future(disturb())
                for number in range(200):
                    publishing.append(ada.publish("room:a", number))
                    await elapse(dice.choice((0, 0, 0.05)))
                await asyncio.gather(*publishing)
                await trouble
                await elapse(30)
                assert (seen if reading is None else await reading) == list(range(200))
                assert (room.position.offset, room.state.value) == (200, "subscribed")
                assert room.members.keys() == {eve.session}
                latest = (await room.history(limit=5, reverse=True)).publications
                assert [each.data for each in latest] == [199, 198, 197, 196, 195]
                assert len((await room.history()).publications) == 200
            assert sum('"more":' in text for wire in wires.all for text in wire.told) > 130  # not only of the histories

        wires.run(test())


def test_history_is_asked_for_at_once():
    app = Everywire(settings=Settings(max_page=2))
    app.channel("room:{name}", history=200)
    with Wires(app) as wires:

        async def test() -> None:
            async with wires.client() as ada:
                for number in range(3):
                    ada.publish("room:a", number)
                history = ada.history("room:a")
                for number in range(3, 9):
                    ada.publish("room:a", number)
                assert [each.data for each in (await history).publications] == [0, 1, 2]

        wires.run(test())
