"""The channels of a client: asked for over every connection. Time is virtual, the hub is real."""

import asyncio
import json

import pytest
from tests.client.scripts import Script, settle
from tests.client.wires import data, elapse

from everywire.client.following import HistoryLost
from everywire.client.options import State
from everywire.errors import Refused
from everywire.testing import VirtualLoop


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


def test_leaving_is_said_again_where_the_connection_was_lost_before_it_was_heard(wires):
    async def test():
        async with wires.client() as ada, wires.client() as bob:
            seen = bob.subscribe("room:a")
            room = ada.subscribe("room:a")
            await asyncio.gather(seen.ready(), room.ready())
            room.unsubscribe()
            wires.all[0].cut()  # it was on its way
            await ada.connect()
            await elapse(5)
            assert list(seen.members) == [bob.session]
            wires.all[-1].cut()
            await ada.connect()
            await elapse(5)
        assert [json.loads(said)["type"] for said in wires.all[-1].said] == ["connect"]  # no more than that

    wires.run(test())


def test_a_channel_that_is_followed_again_is_not_left_on_return():
    async def test(script, client):
        client.subscribe("c").unsubscribe()
        client.subscribe("c")
        script.cut()
        script.said.clear()
        await client.connect()
        assert [each["type"] for each in script.said] == ["connect", "subscribe"]

    scripted(test)


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


def scripted(test, **options):
    async def play():
        script = Script(channels=["user:ada"])
        async with script.client(**options) as client:
            await test(script, client)

    with VirtualLoop() as loop:
        loop.run_until_complete(play())


def began(script, offset=3, **more):
    said = {"channel": "user:ada", "epoch": "e", "offset": offset, "recovered": False, "publications": []} | more
    script.tell(type="subscribed", **said)


def test_what_the_server_begins_is_told_and_followed():
    seen = []

    async def test(script, client):
        began(script)
        script.tell(type="publication", channel="user:ada", data="hi", offset=4, time=1)
        await settle()
        [subscription] = seen
        assert client.subscriptions["user:ada"] is subscription
        assert (await anext(subscription)).data == "hi"
        assert script.all("subscribe") == []

    scripted(test, on_subscribed=seen.append)


def test_what_the_server_began_may_be_taken_over():
    async def test(script, client):
        began(script)
        script.tell(type="publication", channel="user:ada", data="early", offset=4, time=1)
        await settle()
        heard = []
        mine = client.subscribe("user:ada", on_publication=lambda publication: heard.append(publication.data))
        script.tell(type="publication", channel="user:ada", data="late", offset=5, time=1)
        await settle()
        assert heard == ["early", "late"]
        assert mine.position.offset == 5
        with pytest.raises(ValueError, match="already"):
            client.subscribe("user:ada")

    scripted(test)


@pytest.mark.parametrize("resumed", [True, False])
def test_after_a_reconnection_it_asks_for_what_it_missed_or_takes_what_it_is_given(resumed):
    async def test(script, client):
        lost = []
        script.welcome["resumed"] = resumed
        began(script)
        await settle()
        client.subscribe("user:ada", on_publication=lost.append, on_lost=lost.append)
        script.cut()
        await client.connect()
        assert script.last("subscribe")["since"] == {"epoch": "e", "offset": 3}
        began(script, 9)
        number = script.last("subscribe")["id"]
        script.tell(type="error", id=number, code=103, reason="permission denied", temporary=False)
        await settle()
        assert [type(each) for each in lost] == [HistoryLost]
        assert client.positions["user:ada"].offset == 9

    scripted(test)


def test_what_a_new_session_is_not_subscribed_to_ends():
    async def test(script, client):
        began(script)
        await settle()
        subscription = client.subscriptions["user:ada"]
        script.welcome |= {"channels": [], "resumed": False}
        script.cut()
        await client.connect()
        with pytest.raises(Refused, match="the server ended it"):
            await anext(subscription)
        assert dict(client.subscriptions) == {}

    scripted(test)


def test_what_it_begins_while_we_ask_ourselves_is_ours():
    async def test(script, client):
        mine = client.subscribe("user:ada")
        began(script)
        number = script.last("subscribe")["id"]
        script.tell(type="error", id=number, code=105, reason="already subscribed", temporary=False)
        await mine.ready()
        assert mine.position.offset == 3

    scripted(test)


def test_a_gap_in_what_the_server_begins_again_is_asked_for():
    async def test(script, client):
        began(script)
        await settle()
        began(script, 8)
        await settle()
        assert script.last("subscribe")["since"] == {"epoch": "e", "offset": 3}

    scripted(test)
