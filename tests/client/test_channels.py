"""The channels of a client: asked for over every connection. Time is virtual, the hub is real."""

import pytest
from tests.client.wires import data, elapse

from everywire.client.options import State


def test_members_are_told(wires):
    async def test():
        seen = []
        async with wires.client() as ada:
            room = ada.subscribe(
                "room:a", on_join=lambda m: seen.append("join"), on_leave=lambda m: seen.append("leave")
            )
            await room.ready()
            async with wires.client() as bob:
                await bob.subscribe("room:a").ready()
                assert room.members.keys() == {ada.session, bob.session}
            await elapse(1)
            assert room.members.keys() == {ada.session}
        assert seen == ["join", "leave"]

    wires.run(test())


def test_what_was_missed_is_told_in_order_and_once(wires):
    async def test():
        changes = []
        async with wires.client(on_state=changes.append) as ada, wires.client() as bob:
            room = ada.subscribe("room:a")
            await room.ready()
            session = ada.session
            await bob.publish("room:a", 0)
            await elapse(1)
            wires.all[0].cut()
            for number in range(1, 6):
                await bob.publish("room:a", number)
            assert await data(room, 6) == list(range(6))
            assert ada.session == session
            assert [change.resumed for change in changes if change.state is State.CONNECTED] == [False, True]

    wires.run(test())


def test_what_is_left_while_away_is_said_on_return(wires):
    async def test():
        async with wires.client() as ada, wires.client() as bob:
            seen = bob.subscribe("room:a")
            await seen.ready()
            room = ada.subscribe("room:a")
            await room.ready()
            wires.all[0].cut()
            room.unsubscribe()
            with pytest.raises(StopAsyncIteration):
                await anext(room)
            await elapse(5)
            assert ada.session not in seen.members
            assert bob.session in seen.members

    wires.run(test())


def test_an_unsubscribed_channel_may_be_followed_again(wires):
    async def test():
        async with wires.client() as ada:
            first = ada.subscribe("room:a")
            with pytest.raises(ValueError, match="followed already"):
                ada.subscribe("room:a")
            first.unsubscribe()  # before the answer, which is the first one's
            second = ada.subscribe("room:a")
            await second.ready()
            await ada.publish("room:a", 1)
            assert await data(second, 1) == [1]

    wires.run(test())
