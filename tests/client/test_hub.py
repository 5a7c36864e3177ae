"""The client: what it promises over connections that come and go. Time is virtual, the hub is real."""

import asyncio
from dataclasses import dataclass
from random import Random

import pytest
from tests.client.wires import Wires, data, elapse, told

import everywire
from everywire.client.hub import Client, Misfit, Position
from everywire.errors import ConnectionClosed, ConnectionClosedError, HandshakeError, Refused


def test_what_is_published_is_followed(wires):
    async def test():
        async with wires.client() as ada, wires.client() as bob:
            room = ada.subscribe("room:a")
            await room.ready()
            place = await bob.publish("room:a", {"text": "Hello!"})
            assert place.offset == 1
            publication = await anext(room)
            assert publication.data == {"text": "Hello!"}
            assert publication.sender.session == bob.session
            assert room.position == place
            assert ada.positions == {"room:a": place}

    wires.run(test())


def test_rewind_history_presence_and_calls(wires):
    async def test():
        async with wires.client(info={"name": "Ada"}) as ada:
            for number in range(5):
                await ada.publish("room:a", number)
            room = ada.subscribe("room:a", rewind=2)
            assert await data(room, 2) == [3, 4]
            page = await room.history(limit=2, reverse=True)
            assert [each.data for each in page.publications] == [4, 3]
            assert page.position == room.position
            after = await ada.history("room:a", since=Position(page.epoch, 3))
            assert [each.data for each in after.publications] == [3, 4]
            assert [member.info for member in await room.presence()] == [{"name": "Ada"}]
            assert room.members.keys() == {ada.session}
            assert await ada.call("double", [1]) == [1, 1]
            assert await ada.publish("room:a", None) is not None
            assert await data(room, 1) == [None]

    wires.run(test())


def test_history_says_its_channel_and_is_of_the_type_that_was_asked_for(wires):
    @dataclass
    class Message:
        text: str

    async def test():
        async with wires.client() as ada:
            room = ada.subscribe("room:a", type=Message)
            await room.publish(Message("hi"))
            plain = (await ada.history("room:a")).publications
            assert [(each.channel, each.data) for each in plain] == [("room:a", {"text": "hi"})]
            for page in (await room.history(), await ada.history("room:a", type=Message, limit=1)):
                assert [(each.channel, each.data) for each in page.publications] == [("room:a", Message("hi"))]
            await room.publish({"txet": "hi"})
            with pytest.raises(Misfit, match="text"):
                await room.history()

    wires.run(test())


def test_a_publication_is_said_again_under_its_key_and_arrives_once(wires):
    async def test():
        async with wires.client() as ada:
            room = ada.subscribe("room:a")
            await room.ready()
            publishing = [ada.publish("room:a", number) for number in range(3)]
            await elapse(0.015)  # they have arrived, their answers have not
            wires.all[0].cut()
            assert [place.offset for place in await asyncio.gather(*publishing)] == [1, 2, 3]
            assert await data(room, 3) == [0, 1, 2]
            keys = [command["key"] for command in told(wires, "publish")]
            assert len(keys) == 6
            assert keys[:3] == keys[3:]
            assert len((await room.history()).publications) == 3

    wires.run(test())


def test_what_is_said_without_a_connection_waits_in_its_order(wires):
    async def test():
        async with wires.client() as ada:
            room = ada.subscribe("room:a")
            await room.ready()
            wires.all[0].cut()
            publishing = [room.publish(number) for number in range(100)]
            assert ada.queued == 100
            await asyncio.gather(*publishing)
            assert await data(room, 100) == list(range(100))

    wires.run(test())


def test_an_ephemeral_publication_has_no_position_and_is_never_said_again(wires):
    async def test():
        async with wires.client() as ada:
            room = ada.subscribe("room:a")
            await room.ready()
            assert await room.publish("typing", ephemeral=True) is None
            assert (await anext(room)).offset is None
            publishing = room.publish("typing", ephemeral=True)
            wires.all[0].cut()
            with pytest.raises(ConnectionClosedError):
                await publishing
            with pytest.raises(ConnectionClosedError, match="no connection"):
                await room.publish("typing", ephemeral=True)

    wires.run(test())


def test_an_ephemeral_publication_that_was_not_said_does_not_wait_for_another_connection(wires):
    async def test():
        async with wires.client() as ada, wires.client() as bob:
            room = bob.subscribe("room:a")
            await room.ready()
            kept = [ada.publish("room:a", number) for number in range(100)]  # more than may be unanswered
            typing = ada.publish("room:a", "typing", ephemeral=True)
            wires.all[0].cut()
            with pytest.raises(ConnectionClosed):
                await typing
            await asyncio.gather(*kept)
            assert await data(room, 100) == list(range(100))
            assert len(room._queue) == 0

    wires.run(test())


def test_a_call_is_never_said_twice(wires):
    async def test():
        async with wires.client() as ada:
            calling = ada.call("slow", 5)
            await elapse(1)
            wires.all[0].cut()
            with pytest.raises(ConnectionClosedError, match="before the answer"):
                await calling
            assert len(told(wires, "call")) == 1

    wires.run(test())


def test_an_answer_that_takes_too_long_is_a_timeout(wires):
    async def test():
        async with wires.client(answer_timeout=2) as ada:
            with pytest.raises(TimeoutError, match="no answer to call within 2 s"):
                await ada.call("slow", 3)
            assert ada.queued == 0
            assert await ada.call("double", 2) == 4

    wires.run(test())


def test_a_refusal_is_raised_where_it_belongs(wires):
    async def test():
        async with wires.client() as ada:
            with pytest.raises(Refused) as refused:
                await ada.publish("nowhere", 1)
            assert refused.value.code == 104
            with pytest.raises(Refused, match="unknown name"):
                await ada.call("nothing")
            following = ada.subscribe("nowhere")
            with pytest.raises(Refused, match="unknown channel"):
                await following.ready()
            with pytest.raises(Refused, match="unknown channel"):
                await anext(following)
            with pytest.raises(Refused, match="no history"):
                await ada.history("live:a")
            assert await ada.call("double", 2) == 4

    wires.run(test())


def test_a_full_queue_refuses(wires):
    async def test():
        async with wires.client(max_queue=2) as ada:
            first = [ada.publish("room:a", 1), ada.publish("room:a", 2)]
            with pytest.raises(Refused) as refused:
                await ada.publish("room:a", 3)
            assert refused.value.temporary
            await asyncio.gather(*first)

    wires.run(test())


def test_the_errors_of_callbacks_harm_nobody_else(wires, caplog):
    async def test():
        def fails(_: object) -> None:
            raise RuntimeError("mine")

        async with wires.client(on_state=fails) as ada:
            seen = []
            await ada.subscribe("room:a", on_publication=fails).ready()
            await ada.subscribe("room:b", on_publication=lambda p: seen.append(p.data)).ready()
            await ada.publish("room:a", 1)
            await ada.publish("room:b", 2)
            assert seen == [2]

    wires.run(test())
    assert "error in on_state" in caplog.text
    assert "error in a callback of channel room:a" in caplog.text


def test_a_cancelled_publication_is_forgotten(wires):
    async def test():
        async with wires.client() as ada:
            wires.all[0].cut()
            publishing = asyncio.ensure_future(ada.publish("room:a", 1))
            publishing.cancel()
            await asyncio.sleep(0)
            assert ada.queued == 0
            assert (await ada.publish("room:a", 2)).offset == 1

    wires.run(test())


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_or_doubled_over_a_line_that_is_cut_at_random(app, seed):
    """Two publishers and a follower, each cut again and again; everybody's messages arrive once, in everybody's order."""
    dice = Random(seed)
    with Wires(app, seed) as wires:

        async def disturb() -> None:
            for _ in range(25):
                await elapse(dice.random() * 0.4)
                alive = [wire for wire in wires.all if wire.up]
                if alive:
                    dice.choice(alive).cut()

        async def publish(client: Client, name: str) -> None:
            waiting = []
            for number in range(30):
                waiting.append(client.publish("room:a", [name, number]))
                await elapse(dice.random() * 0.2)
            await asyncio.gather(*waiting)

        async def test() -> None:
            async with wires.client() as ada, wires.client() as bob, wires.client() as eve:
                room = eve.subscribe("room:a")
                await room.ready()
                trouble = asyncio.ensure_future(disturb())
                publishing = [publish(ada, "ada"), publish(bob, "bob")]
                seen, *_ = await asyncio.gather(data(room, 60), *publishing)
                await trouble
                for name in ("ada", "bob"):
                    assert [number for who, number in seen if who == name] == list(range(30))
                assert room.position.offset == 60

        wires.run(test())


async def test_it_speaks_to_a_real_server(app):
    async with app.serving(port=0) as server, Client(f"ws://127.0.0.1:{server.port}/everywire") as ada:
        room = ada.subscribe("room:a")
        await room.publish("Hello!")
        assert await data(room, 1) == ["Hello!"]
        for websocket in list(server.connections):
            websocket.abort()
        assert (await room.publish("again")).offset == 2
        assert await data(room, 1) == ["again"]


async def test_a_server_that_speaks_something_else_is_told():
    async def handler(ws):
        await ws.wait_closed()

    async with everywire.serve(handler, "127.0.0.1", 0) as server:
        with pytest.raises(HandshakeError):
            await Client(f"ws://127.0.0.1:{server.port}").connect()
