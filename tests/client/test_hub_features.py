"""Everything the wire has, between the client and the real hub: in memory, under virtual time, over JSON and over MessagePack."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.client.wires import Wires, data, elapse, told

from everywire.app import Everywire
from everywire.client.hub import Conflict, HistoryLost, Policy, Position, State
from everywire.errors import Refused
from everywire.hub.calling.callers import Caller
from everywire.hub.hooks import Identity
from everywire.hub.settings import Settings


@pytest.fixture
def app():
    app = Everywire(settings=Settings(linger=10, max_page=5))
    app.channel("room:{name}", history=100, presence=True, wildcards=True)
    app.channel("users:{name}", presence="users")
    app.channel("map:{name}", keyed=True, history=3)

    @app.on("count")
    async def count(to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @app.on("sum")
    async def total(numbers: AsyncIterator[int]) -> int:
        return sum([number async for number in numbers])

    @app.on("double each")
    async def double(numbers: AsyncIterator[int]) -> AsyncIterator[int]:
        async for number in numbers:
            yield 2 * number

    @app.on("no")
    async def no() -> None:
        raise Refused("not you", 1001, data={"try": "later"})

    @app.on("ask me")
    async def ask_me(caller: Caller, name: str) -> str:
        return await caller.call("who", {"asks": name}, returns=str)

    return app


@pytest.fixture
def wires(app):
    with Wires(app) as wires:
        yield wires


@pytest.fixture(params=["json", "msgpack"])
def codec(request):
    return request.param


def test_streams_go_both_ways(wires, codec):
    async def test():
        async with wires.client(codec=codec) as ada:
            assert [item async for item in ada.stream("count", {"to": 100})] == list(range(100))
            assert await ada.call("sum", items=range(100)) == 4950
            stream = ada.stream("double each", items=range(50), credit=3)
            assert [item async for item in stream] == list(range(0, 100, 2))
            async with ada.stream("count", {"to": 10**6}) as endless:
                assert await anext(endless) == 0
            await elapse(1)
            assert ada.queued == 0
            with pytest.raises(Refused) as refused:
                await ada.call("no")
            assert (refused.value.code, refused.value.data) == (1001, {"try": "later"})

    wires.run(test())


def test_the_server_calls_back(wires, codec):
    async def test():
        client = wires.client(codec=codec)

        @client.on("who")
        async def who(data):
            return f"ada, {data['asks']}"

        async with client:
            assert await client.call("ask me", {"name": "bob"}) == "ada, bob"

    wires.run(test())


def test_a_keyed_channel_is_followed_over_breaks(wires, codec):
    async def test():
        async with wires.client(codec=codec) as ada, wires.client() as bob:
            scores = ada.subscribe("map:a")
            for number in range(12):
                await bob.publish("map:a", number, entry=f"e{number}")
            await elapse(1)
            assert {name: each.data for name, each in scores.entries.items()} == {f"e{n}": n for n in range(12)}
            wires.all[0].cut()
            await bob.publish("map:a", remove=True, entry="e0")
            for number in range(1, 9):
                await bob.publish("map:a", -number, entry=f"e{number}")
            await ada.connect()
            await elapse(1)
            found = {name: each.data for name, each in scores.entries.items()}
            assert found == {f"e{n}": -n if n < 9 else n for n in range(1, 12)}
            with pytest.raises(Conflict) as conflict:
                await bob.publish("map:a", 1, entry="e9", expect=0)
            assert conflict.value.offset == scores.entries["e9"].offset
            place = await bob.publish("map:a", 99, entry="e9", expect=conflict.value.offset)
            assert sorted(each.data for each in await ada.entries("map:a")) == sorted({**found, "e9": 99}.values())
            assert (await ada.entries("map:a")).position == place
            fresh = bob.subscribe("map:a")
            await fresh.ready()
            assert fresh.entries["e9"].data == 99
            assert len(fresh.entries) == 11
            assert scores.position is not None

    wires.run(test())


def test_an_entry_that_expires_is_removed(wires):
    async def test():
        async with wires.client() as ada:
            scores = ada.subscribe("map:a")
            await ada.publish("map:a", 1, entry="x", ttl=5)
            assert (await anext(scores)).data == 1
            removed = await anext(scores)
            assert (removed.entry, removed.removed, removed.sender) == ("x", True, None)
            assert dict(scores.entries) == {}

    wires.run(test())


def test_policies_leave_out_and_nothing_is_asked_again(wires, codec):
    async def test():
        async with wires.client(codec=codec) as ada, wires.client() as bob:
            room = ada.subscribe("room:a", policy=Policy("sample", 1.0))
            await room.ready()
            for number in range(100):
                await bob.publish("room:a", number)
                await elapse(0.03)
            await elapse(5)
            seen = [(await anext(room)).data for _ in range(len(room._queue))]
            assert 3 <= len(seen) < 20
            assert seen == sorted(seen)
            assert seen[-1] == 99
            assert room.position.offset == 100
            held = await room.set_policy(Policy("reliable"))
            assert held.kind == "reliable"
            await bob.publish("room:a", 100)
            assert await data(room, 1) == [100]
            assert sum("subscribe" in str(said) for said in wires.all[0].said) == 1

    wires.run(test())


def test_an_audience_is_told_and_the_others_go_on(wires):
    async def test():
        async with wires.client() as ada, wires.client() as bob:
            rooms = [client.subscribe("room:a") for client in (ada, bob)]
            await asyncio.gather(*(room.ready() for room in rooms))
            await ada.publish("room:a", "not me", exclude=[ada.session])
            await ada.publish("room:a", "only bob", to_session=bob.session)
            await ada.publish("room:a", "all")
            assert await data(rooms[0], 1) == ["all"]
            assert await data(rooms[1], 3) == ["not me", "only bob", "all"]
            assert rooms[0].position == rooms[1].position == Position(rooms[0].position.epoch, 3)

    wires.run(test())


def test_what_is_for_others_leaves_no_hole_in_a_history_of_several_pages(wires):
    async def test():
        async with wires.client() as ada, wires.client() as bob:
            for number in range(1, 17):
                private = {"to_session": bob.session} if number in (6, 11, 12) else {}
                await bob.publish("room:a", number, **private)
            meant = [number for number in range(1, 17) if number not in (6, 11, 12)]
            assert [each.data for each in (await ada.history("room:a")).publications] == meant
            assert len((await bob.history("room:a")).publications) == 16

    wires.run(test())


def test_wildcards_and_the_channel_itself(wires):
    async def test():
        async with wires.client() as ada, wires.client() as bob:
            every, one = ada.subscribe("room:*"), ada.subscribe("room:a")
            await asyncio.gather(every.ready(), one.ready())
            for name in ("a", "b"):
                await bob.publish(f"room:{name}", name)
            assert [(await anext(every)).channel for _ in range(2)] == ["room:a", "room:b"]
            assert await data(one, 1) == ["a"]
            wires.all[0].cut()
            await ada.connect()
            await elapse(1)
            with pytest.raises(HistoryLost):
                await anext(every)
            await bob.publish("room:a", "again")
            assert await data(every, 1) == await data(one, 1) == ["again"]
            assert len(every._queue) == 0

    wires.run(test())


@pytest.mark.parametrize(
    "names", [("room:a", "room:*", "room:>"), ("room:*", "room:a"), ("room:>", "room:*", "room:a")]
)
@pytest.mark.parametrize("everywhere", [False, True], ids=["", "delta everywhere"])
def test_a_delta_is_for_the_channels_own_subscription_and_wildcards_hear_it_whole(wires, codec, names, everywhere):
    async def test():
        async with wires.client(codec=codec) as ada, wires.client() as bob:
            followed = [ada.subscribe(name, delta=everywhere or name == "room:a") for name in names]
            for each in followed:
                await each.ready()
            said = [{"pad": "x" * 500, "n": number} for number in range(6)]
            for each in said:
                await bob.publish("room:a", each)
            await elapse(1)
            assert '"delta"' in str(wires.all[0].told) or codec == "msgpack"
            for each in followed:
                assert await data(each, 6) == said
                assert len(each._queue) == 0

    wires.run(test())


def test_deltas_are_put_together_over_breaks(wires, codec):
    async def test():
        pad = {"pad": "x" * 500}
        async with wires.client(codec=codec) as ada, wires.client() as bob:
            room = ada.subscribe("room:a", delta=True)
            await room.ready()
            for number in range(20):
                await bob.publish("room:a", {**pad, "n": number})
                if number == 10:
                    wires.all[0].cut()
            assert await data(room, 20) == [{**pad, "n": number} for number in range(20)]
        deltas = [told for wire in wires.all for told in wire.told if "delta" in str(told)]
        assert len(deltas) >= 9

    wires.run(test())


def test_history_from_a_time_and_presence_in_brief(wires):
    async def test():
        async with wires.client(token="ada") as ada:
            for number in range(12):
                await ada.publish("room:a", number)
                await elapse(1)
            page = await ada.history("room:a")
            assert len(page.publications) == 12
            late = await ada.history("room:a", from_time=page.publications[8].time)
            assert [each.data for each in late.publications] == [8, 9, 10, 11]
            room = ada.subscribe("room:a", rewind_from=page.publications[10].time)
            assert await data(room, 2) == [10, 11]
            counted = await ada.presence("room:a", brief=True)
            assert (list(counted), counted.sessions) == ([], 1)

    wires.run(test())


def test_presence_by_users(app, wires):
    app.on_connect(lambda connecting: connecting.token)

    async def test():
        async with (
            wires.client(token="ada") as one,
            wires.client(token="ada") as other,
            wires.client(token="bob") as bob,
        ):
            rooms = [client.subscribe("users:a") for client in (one, other, bob)]
            await asyncio.gather(*(room.ready() for room in rooms))
            roster = await bob.presence("users:a")
            assert sorted((member.user, member.tabs) for member in roster) == [("ada", 2), ("bob", 1)]
            assert (roster.sessions, roster.users) == (3, 2)

    wires.run(test())


def test_a_token_is_refreshed_over_one_connection(app, wires):
    shown = []

    @app.on_connect
    def who(connecting):
        shown.append(connecting.token)
        return Identity("ada", expires=connecting.time + 60)

    async def test():
        numbers = iter(range(100))
        client = wires.client(token=lambda: f"t{next(numbers)}")
        async with client as ada:
            await elapse(200)
            assert ada.state is State.CONNECTED
            assert len(wires.all) == 1
            assert shown == [f"t{number}" for number in range(len(shown))]
            assert 4 <= len(shown) <= 6

    wires.run(test())


def test_what_makes_no_sense_is_refused_at_once_and_not_said(wires):
    async def test():
        async with wires.client() as ada:
            for refused in ({"data": float("nan")}, {"expect": 3}, {"entry": "x", "ttl": 0}):
                with pytest.raises(ValueError):
                    ada.publish("room:a", **refused)
                with pytest.raises(ValueError):
                    ada.publish("room:a", **refused, ephemeral=True)
            assert ada.queued == 0
            assert told(wires, "publish") == []
        with pytest.raises(ValueError):
            ada.publish("room:a", expect=3)

    wires.run(test())


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda client: client.subscribe("room:a", policy="latest"), "policy is a Policy"),
        (lambda client: client.subscribe("room:a", rewindd=3), "subscribe has no option rewindd; it has .*rewind"),
        (lambda client: client.subscribe(5), "channel is text, not 5"),
        (lambda client: client.adjust("room:a", "latest"), "policy is a Policy"),
        (lambda client: client.publish(5, 1), "channel is text"),
        (lambda client: client.history("room:a", limit="3"), "limit is a whole number"),
        (lambda client: client.history("room:a", type=5), "type is what the data is read as"),
        (lambda client: client.entries(None), "channel is text"),
        (lambda client: client.presence(None), "channel is text"),
        (lambda client: client.call(5), "name is text"),
        (lambda client: client.call("f", type=5), "type is what the data is read as"),
        (lambda client: client.call("f", timeout="5"), "timeout is a number"),
        (lambda client: client.call("f", items=5), "items is an iterator"),
        (lambda client: client.stream("f", credit=1.5), "credit is a whole number"),
        (lambda client: client.stream("f", timeout="5"), "timeout is a number"),
        (lambda client: client.on(print), "name is text"),
        (lambda client: client.on("f")(5), "the handler of f is a function, not 5"),
    ],
)
def test_a_wrong_type_is_said_by_the_call_itself(wires, ask, said):
    async def test():
        async with wires.client() as ada:
            with pytest.raises(TypeError, match=said):
                ask(ada)
            assert (ada.queued, len(ada.subscriptions), len(ada._flows._in)) == (0, 0, 0)

    wires.run(test())
